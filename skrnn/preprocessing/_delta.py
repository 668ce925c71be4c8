"""Delta: differences of features over time."""

import copy
from numbers import Integral

import numpy as np
from scipy import sparse

from skrnn._estimator import all_or_nothing
from skrnn._sequences import Sequences
from skrnn._validation import Interval, check_sequences, fit_context, validate_params
from skrnn.preprocessing._base import SequenceTransformer


class Delta(SequenceTransformer):
    r"""Append the differences of the features over time to each step.

    Parameters
    ----------
    width : int, default=2
        The number of steps on each side in the window of a difference.
    order : int, default=1
        The highest order of the differences: 1 for the slopes, 2 for the slopes and
        their slopes, and so on.
    append : bool, default=True
        Whether the output begins with the features themselves; otherwise it has the
        differences only.

    Attributes
    ----------
    input_kind_ : {"dense", "sparse"}
        The kind of the rows in `fit`.
    input_size_ : int
        The number of features per step in `fit`.
    n_features_in_ : int
        The number of steps of each series, if `fit` was given a 2-D array.
    feature_names_in_ : ndarray
        The names of the columns, if `fit` was given a frame.

    See Also
    --------
    LogMelSpectrogram : Log-mel energies of the frames of a waveform.

    Notes
    -----
    Nothing is learned, and `transform` works without `fit`. The difference at step t is
    the slope of the regression line through steps t - W to t + W, for a `width` of W:

    .. math:: d_t = \frac{\sum_{k=1}^W k\,(x_{t+k} - x_{t-k})}{2 \sum_{k=1}^W k^2}

    At the ends of a sequence its first or last step is repeated. Differences of order
    two are differences of the differences.

    References
    ----------
    S. Furui (1986). Speaker-independent isolated word recognition using dynamic
    features of speech spectrum. IEEE Transactions on Acoustics, Speech, and Signal
    Processing 34, 52-59.

    Examples
    --------
    >>> import numpy as np
    >>> from skrnn import Delta
    >>> X = [np.array([[0.0], [1.0], [4.0], [9.0]]), np.array([[5.0]])]
    >>> Delta(width=1).fit_transform(X)[0]
    array([[0. , 0.5],
           [1. , 2. ],
           [4. , 4. ],
           [9. , 2.5]])
    """

    __module__ = "skrnn.preprocessing"

    _default_name = "sequences"
    _parameter_constraints: dict = {
        "width": [Interval(Integral, 1, None, closed="left")],
        "order": [Interval(Integral, 1, None, closed="left")],
        "append": ["boolean"],
    }

    def __init__(self, width=2, *, order=1, append=True):
        self.width = width
        self.order = order
        self.append = append

    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None):
        """Check the parameters and the sequences.

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
            The transformer itself.

        Raises
        ------
        ValueError
            If X contains anything but sequences of numbers.
        """
        with all_or_nothing(self) as fitted:
            X = fitted._check_rows(X, reset=True)
            fitted.input_kind_, fitted.input_size_ = X.kind, X.rows.shape[1]
        return self

    def transform(self, X):
        """Compute the differences.

        Parameters
        ----------
        X : as in `fit`
            The sequences.

        Returns
        -------
        Sequences of kind "dense" or "sparse", shape (n, 1)
            Sequences of the same lengths. The columns are the features (with `append`),
            then the differences of order 1, then those of order 2, and so on.

        Raises
        ------
        ValueError
            If X contains anything but sequences of numbers, or, after `fit`, another
            number of features per step.
        """
        validate_params(self)
        is_fitted = hasattr(self, "input_size_")
        checked = self if is_fitted else copy.copy(self)
        X = checked._check_rows(X, reset=not is_fitted)
        rows = X.rows.astype(np.result_type(X.rows.dtype, np.float32), copy=False)
        parts = [rows]
        for _ in range(self.order):
            parts.append(self._differences(parts[-1], X.offsets))
        parts = parts if self.append else parts[1:]
        if X.kind == "sparse":
            rows = sparse.hstack(parts, format="csr")
        else:
            rows = np.hstack(parts)
        return self._emit(Sequences(rows, X.offsets))

    def _differences(self, rows, offsets):
        """Return the slope of each feature at each step."""
        lengths = np.diff(offsets)
        first = np.repeat(offsets[:-1], lengths)
        last = np.repeat(offsets[1:] - 1, lengths)
        steps = np.arange(len(last))
        squares = sum(k * k for k in range(1, self.width + 1))
        slopes = 0
        for k in range(1, self.width + 1):
            after = rows[np.minimum(steps + k, last)]
            before = rows[np.maximum(steps - k, first)]
            slopes = slopes + (after - before) * (k / (2 * squares))
        return slopes

    def _check_rows(self, X, *, reset):
        X = check_sequences(self, X, reset=reset, dtype=None)
        if X.kind == "ids":
            raise ValueError(
                f"X[0] contains the token id {X.rows[0]}, and ids have no differences: "
                "pass arrays of floats, or put a SequenceOneHotEncoder before Delta."
            )
        return X

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.requires_fit = False
        tags.input_tags.three_d_array = True
        return tags
