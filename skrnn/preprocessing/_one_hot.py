"""SequenceOneHotEncoder: encodes tokens or ids as one-hot rows."""

from numbers import Integral

import numpy as np
from scipy import sparse

from skrnn._estimator import all_or_nothing
from skrnn._sequences import Sequences
from skrnn._validation import (
    Interval,
    as_sequences,
    check_ids,
    check_is_fitted,
    check_tokens,
    fit_context,
)
from skrnn.preprocessing._base import SequenceTransformer
from skrnn.preprocessing._vocabulary import VocabularyEncoder


class SequenceOneHotEncoder(SequenceTransformer):
    """Encode tokens or token ids as one-hot rows.

    The column of a token is its id in a vocabulary learned as by `VocabularyEncoder`;
    column 0 is that of unknown tokens. Integers are ids: id i has column i, and there
    is no column for unknown ids.

    The estimators learn the same model from ids as from one-hot rows, and are faster
    with ids. Unlike ids, one-hot rows can be joined with other features of the same
    steps, by :class:`~sklearn.pipeline.FeatureUnion` or
    :class:`~sklearn.compose.ColumnTransformer`.

    Parameters
    ----------
    max_tokens : int, default=None
        The maximum number of tokens in the vocabulary, without the unknown token. None
        for no limit. Not used for ids.
    min_count : int, default=1
        The minimum number of occurrences in X of the tokens in the vocabulary. Not used
        for ids.
    sparse_output : bool, default=True
        Whether to emit CSR rows; otherwise they are dense.
    dtype : dtype, default=numpy.float32
        The floating type of the rows, float32 or float64.

    Attributes
    ----------
    n_tokens_ : int
        The number of columns of the one-hot rows.
    vocabulary_encoder_ : VocabularyEncoder or None
        The vocabulary of the tokens; None if `fit` was given ids.
    n_features_in_ : int
        The number of tokens in each sequence, if `fit` was given a 2-D array.
    feature_names_in_ : ndarray
        The names of the columns, if `fit` was given a frame.

    See Also
    --------
    VocabularyEncoder : Ids instead of one-hot rows.
    sklearn.preprocessing.OneHotEncoder : One-hot rows of a 2-D array.

    Examples
    --------
    >>> from skrnn.preprocessing import SequenceOneHotEncoder
    >>> encoder = SequenceOneHotEncoder(sparse_output=False)
    >>> X = encoder.fit_transform([["C", "A"], ["A", "T", "A"]])
    >>> X[0]  # the columns are unknown, A, C, T
    array([[0., 0., 1., 0.],
           [0., 1., 0., 0.]], dtype=float32)
    >>> [tokens.tolist() for tokens in encoder.inverse_transform(X)]
    [['C', 'A'], ['A', 'T', 'A']]
    """

    __module__ = "skrnn.preprocessing"

    _parameter_constraints: dict = {
        "max_tokens": [Interval(Integral, 1, None, closed="left"), None],
        "min_count": [Interval(Integral, 1, None, closed="left")],
        "sparse_output": ["boolean"],
        "dtype": "no_validation",
    }

    def __init__(
        self, *, max_tokens=None, min_count=1, sparse_output=True, dtype=np.float32
    ):
        self.max_tokens = max_tokens
        self.min_count = min_count
        self.sparse_output = sparse_output
        self.dtype = dtype

    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None):
        """Learn the vocabulary, or the number of ids.

        Parameters
        ----------
        X : container of n sequences of tokens, or of ids
            As in `VocabularyEncoder`. If all tokens are integers, they are ids.
        y : object, default=None
            Ignored.

        Returns
        -------
        self : object
            The fitted transformer.

        Raises
        ------
        ValueError
            If X contains anything but sequences of tokens or ids, if it has no steps,
            or if `dtype` is neither float32 nor float64.
        TypeError
            If a token is not hashable.
        """
        with all_or_nothing(self) as fitted:
            fitted._fit(check_tokens(fitted, X, reset=True))
        return self

    def _fit(self, X):
        try:
            floats = np.dtype(self.dtype) in (np.float32, np.float64)
        except TypeError:
            floats = False
        if not floats:
            raise ValueError(f"dtype is {self.dtype!r}: use float32 or float64.")
        if X.rows.shape[0] == 0:
            raise ValueError(
                "X has no steps, as all sequences are empty: pass at least one step."
            )
        if X.kind == "tokens":
            encoder = VocabularyEncoder(
                max_tokens=self.max_tokens, min_count=self.min_count
            )
            self.vocabulary_encoder_ = encoder._fit(X)
            self.n_tokens_ = encoder.n_tokens_
        else:
            ids = check_ids(X.rows, X.offsets, n_tokens=X.n_tokens)
            self.vocabulary_encoder_ = None
            self.n_tokens_ = int(ids.max()) + 1 if X.n_tokens is None else X.n_tokens

    def transform(self, X):
        """Encode the tokens or ids.

        Parameters
        ----------
        X : as in `fit`
            The sequences.

        Returns
        -------
        Sequences of kind "sparse" or "dense", shape (n, 1)
            One row of `n_tokens_` columns for each step.

        Raises
        ------
        ValueError
            If X contains anything but sequences of tokens, or, where `fit` was given
            ids, ids from 0 to ``n_tokens_ - 1``.
        TypeError
            If a token is not hashable.
        """
        check_is_fitted(self)
        X = check_tokens(self, X, reset=False)
        if self.vocabulary_encoder_ is not None:
            ids = self.vocabulary_encoder_._encode(X).rows
        else:
            ids = check_ids(X.rows, X.offsets, n_tokens=self.n_tokens_)
        return self._emit(Sequences(self._one_hot(ids), X.offsets))

    def _one_hot(self, ids):
        N = len(ids)
        if self.sparse_output:
            ones = np.ones(N, dtype=self.dtype)
            shape = (N, self.n_tokens_)
            # scikit-learn's linear models take 32-bit indices only
            index = np.int32 if max(shape) <= np.iinfo(np.int32).max else np.int64
            indptr = np.arange(N + 1, dtype=index)
            return sparse.csr_array((ones, ids.astype(index), indptr), shape=shape)
        rows = np.zeros((N, self.n_tokens_), dtype=self.dtype)
        rows[np.arange(N), ids] = 1
        return rows

    def inverse_transform(self, X):
        """Decode rows: the token of a row is that of its largest column.

        Parameters
        ----------
        X : container of n sequences of rows
            Sparse or dense, of `n_tokens_` columns.

        Returns
        -------
        Sequences of kind "tokens" or "ids", shape (n, 1)
            Tokens or ids, as `fit` was given.

        Raises
        ------
        ValueError
            If X contains anything but sequences of rows of `n_tokens_` columns.
        """
        check_is_fitted(self)
        X = as_sequences(X, allow_empty=True)
        is_wide = isinstance(X, Sequences) and X.kind in ("dense", "sparse")
        if not is_wide or X.rows.shape[1] != self.n_tokens_:
            found = repr(X) if isinstance(X, Sequences) else f"a {type(X).__name__}"
            raise ValueError(
                f"X is {found}: the inverse of {type(self).__name__} needs sequences "
                f"of dense or sparse rows of {self.n_tokens_} features, as transform "
                "returns them."
            )
        ids = np.asarray(X.rows.argmax(axis=1)).ravel()  # a matrix in older scipy
        ids = Sequences(ids, X.offsets, n_tokens=self.n_tokens_)
        if self.vocabulary_encoder_ is None:
            return ids
        return self.vocabulary_encoder_._decode(ids)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.categorical = True
        tags.input_tags.positive_only = True  # integers are ids
        return tags
