"""Stepwise: applies a transformer of 2-D arrays to the steps of sequences."""

import copy

import numpy as np
from scipy import sparse
from sklearn import config_context
from sklearn.base import clone
from sklearn.utils import get_tags
from sklearn.utils.metaestimators import available_if

from skrnn._estimator import all_or_nothing
from skrnn._sequences import Sequences
from skrnn._validation import (
    HasMethods,
    check_is_fitted,
    check_sequences,
    fit_context,
)
from skrnn.preprocessing._base import SequenceTransformer


def _inner_has(name):
    """Return a check that the transformer of a `Stepwise` has a method."""

    def has(stepwise):
        inner = getattr(stepwise, "transformer_", stepwise.transformer)
        getattr(inner, name)  # the error of the inner transformer names the method
        return True

    return has


class Stepwise(SequenceTransformer):
    """Apply a transformer of 2-D arrays to the steps of all sequences.

    The transformer is applied to one 2-D array whose rows are the steps of all
    sequences. It must return one row for each step.

    Parameters
    ----------
    transformer : transformer
        Any transformer of 2-D arrays, such as ``StandardScaler()`` or ``PCA(8)``. A
        clone is fitted, without a y. NaN raises an error unless its tags allow NaN, as
        those of ``SimpleImputer()`` do.

    Attributes
    ----------
    transformer_ : transformer
        The fitted transformer.
    input_kind_ : {"dense", "sparse"}
        The kind of the rows in `fit`.
    input_size_ : int
        The number of features per step.
    n_features_in_ : int
        The number of steps of each series, if `fit` was given a 2-D array.
    feature_names_in_ : ndarray
        The names of the columns, if `fit` was given a frame.

    See Also
    --------
    SequenceOneHotEncoder : One-hot rows for each step.

    Notes
    -----
    Each row of a 2-D array is a univariate series, as everywhere in this package: its
    values are steps with one feature.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.preprocessing import StandardScaler
    >>> from skrnn.preprocessing import Stepwise
    >>> X = [np.array([[1.0, 20.0], [3.0, 20.0]]), np.array([[5.0, 80.0]])]
    >>> Stepwise(StandardScaler()).fit_transform(X)[0]
    array([[-1.22474487, -0.70710678],
           [ 0.        , -0.70710678]])
    """

    __module__ = "skrnn.preprocessing"

    _default_name = "sequences"
    _parameter_constraints: dict = {"transformer": [HasMethods(["fit", "transform"])]}

    def __init__(self, transformer):
        self.transformer = transformer

    @fit_context(prefer_skip_nested_validation=False)
    def fit(self, X, y=None):
        """Fit a clone of the transformer to the steps.

        Parameters
        ----------
        X : container of n sequences
            A list, object array, Series, one-column frame, 3-D array or `Sequences`;
            each sequence is an array of shape (T_i, d), a sparse matrix of this shape,
            or a 1-D array of floats.
        y : object, default=None
            Ignored.

        Returns
        -------
        self : object
            The fitted transformer.

        Raises
        ------
        ValueError
            If X contains anything but sequences of numbers.
        TypeError
            If `transformer` is a class.
        """
        self._fit(X, lambda transformer, rows: transformer.fit(rows))
        return self

    @fit_context(prefer_skip_nested_validation=False)
    def fit_transform(self, X, y=None):
        """Fit a clone of the transformer to the steps and transform them.

        Parameters
        ----------
        X : as in `fit`
            The sequences.
        y : object, default=None
            Ignored.

        Returns
        -------
        Sequences, shape (n, 1)
            As many steps as before, with the features that the transformer returns.

        Raises
        ------
        ValueError
            If X contains anything but sequences of numbers, or if the transformer does
            not return one row for each step.
        """
        if not hasattr(self.transformer, "fit_transform"):
            return self.fit(X).transform(X)

        def fit(transformer, rows):
            return transformer.fit_transform(rows)

        X, rows = self._fit(X, fit)
        return self._emit(self._with_rows(X, rows))

    def _fit(self, X, fit):
        """Return the sequences and the result of `fit(clone, rows)`."""
        if isinstance(self.transformer, type):
            raise TypeError(
                f"transformer is the class {self.transformer.__name__}: pass an "
                f"instance, {self.transformer.__name__}()."
            )
        with all_or_nothing(self) as fitted:
            X = self._check_numbers(fitted, X, reset=True)
            fitted.input_kind_, fitted.input_size_ = X.kind, X.rows.shape[1]
            fitted.transformer_ = clone(self.transformer)
            with config_context(transform_output="default"):
                result = fit(fitted.transformer_, X.rows)
        return X, result

    def transform(self, X):
        """Transform the steps.

        Parameters
        ----------
        X : as in `fit`
            The sequences.

        Returns
        -------
        Sequences, shape (n, 1)
            As many steps as before, with the features that the transformer returns.

        Raises
        ------
        ValueError
            If X contains anything but sequences with as many features per step as in
            `fit`, or if the transformer does not return one row for each step.
        """
        check_is_fitted(self)
        X = self._check_numbers(self, X, reset=False)
        with config_context(transform_output="default"):
            rows = self.transformer_.transform(X.rows)
        return self._emit(self._with_rows(X, rows))

    @available_if(_inner_has("inverse_transform"))
    def inverse_transform(self, X):
        """Apply the inverse transformation to the steps.

        Parameters
        ----------
        X : container of n sequences
            Sequences as `transform` returns them.

        Returns
        -------
        Sequences, shape (n, 1)
            As many steps as before, with the features that they had before `transform`.

        Raises
        ------
        ValueError
            If X contains anything but sequences of numbers.
        """
        check_is_fitted(self)
        X = self._check_numbers(copy.copy(self), X, reset=True)
        return self._with_rows(X, self.transformer_.inverse_transform(X.rows))

    def _check_numbers(self, estimator, X, *, reset):
        X = check_sequences(
            estimator, X, reset=reset, dtype=None, allow_nan=self._allows_nan()
        )
        if X.kind == "ids":
            raise ValueError(
                f"X[0] contains the token id {X.rows[0]}, and "
                f"{type(self.transformer).__name__} needs numbers: put a "
                "SequenceOneHotEncoder before Stepwise, or pass floats."
            )
        return X

    def _with_rows(self, X, rows):
        """Return sequences like X with other rows, one for each step."""
        rows = sparse.csr_array(rows) if sparse.issparse(rows) else np.asarray(rows)
        if rows.ndim != 2 or rows.shape[0] != X.rows.shape[0]:
            raise ValueError(
                f"{type(self.transformer).__name__} returned an array of shape "
                f"{rows.shape} for {X.rows.shape[0]} steps: Stepwise needs a "
                "transformer that returns one row for each."
            )
        return Sequences(rows, X.offsets)

    def _allows_nan(self):
        inner = self.transformer
        if isinstance(inner, type) or not hasattr(inner, "__sklearn_tags__"):
            return False
        return get_tags(inner).input_tags.allow_nan

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        tags.input_tags.allow_nan = self._allows_nan()
        return tags
