"""VocabularyEncoder: encodes tokens as ids by their frequency."""

import copy
from collections import Counter
from itertools import repeat
from numbers import Integral

import numpy as np

from skrnn._estimator import all_or_nothing
from skrnn._sequences import Sequences, object_array
from skrnn._validation import (
    Interval,
    check_ids,
    check_is_fitted,
    check_tokens,
    fit_context,
)
from skrnn.preprocessing._base import SequenceTransformer


class VocabularyEncoder(SequenceTransformer):
    """Encode tokens as ids: the most frequent ones, and one id for all others.

    Id 0 is the unknown token. The most frequent token has id 1, the next id 2, and so
    on; equally frequent tokens are sorted, or, where tokens cannot be compared, in the
    order of their first occurrence. A token that `fit` has not seen gets id 0 and never
    raises an error.

    Parameters
    ----------
    max_tokens : int, default=10_000
        The maximum number of tokens in the vocabulary, without the unknown token. None
        for no limit. Not used if `vocabulary` is given.
    min_count : int, default=1
        The minimum number of occurrences in X of the tokens in the vocabulary. Not used
        if `vocabulary` is given.
    vocabulary : list, tuple, array or dict, default=None
        The tokens, which get the ids 1, 2, ... in their order, or a dict from tokens to
        ids from 1 on. It may contain the unknown token, in a dict with id 0.
    unknown_token : hashable, default="<unk>"
        The unknown token in `vocabulary_`, `tokens_` and `inverse_transform`. If X
        contains it, it gets id 0, like any unknown token.

    Attributes
    ----------
    vocabulary_ : dict
        The id of each token, the unknown token included.
    tokens_ : ndarray of shape (``n_tokens_``,)
        The token of each id, of dtype object.
    n_tokens_ : int
        The number of ids, including that of the unknown token.
    n_features_in_ : int
        The number of tokens in each sequence, if `fit` was given a 2-D array.
    feature_names_in_ : ndarray
        The names of the columns, if `fit` was given a frame.

    See Also
    --------
    Tokenizer : Splits texts into tokens.
    SequenceOneHotEncoder : One-hot rows instead of ids.

    Examples
    --------
    >>> from skrnn.preprocessing import VocabularyEncoder
    >>> encoder = VocabularyEncoder(max_tokens=3)
    >>> X = encoder.fit_transform([["to", "be", "or", "not", "to", "be"], ["or", "so"]])
    >>> encoder.vocabulary_
    {'<unk>': 0, 'be': 1, 'or': 2, 'to': 3}
    >>> [ids.tolist() for ids in X]
    [[3, 1, 2, 0, 3, 1], [2, 0]]
    >>> [tokens.tolist() for tokens in encoder.inverse_transform(X)]
    [['to', 'be', 'or', '<unk>', 'to', 'be'], ['or', '<unk>']]
    """

    __module__ = "skrnn.preprocessing"

    _parameter_constraints: dict = {
        "max_tokens": [Interval(Integral, 1, None, closed="left"), None],
        "min_count": [Interval(Integral, 1, None, closed="left")],
        "vocabulary": [list, tuple, np.ndarray, dict, None],
        "unknown_token": "no_validation",
    }

    def __init__(
        self,
        *,
        max_tokens=10_000,
        min_count=1,
        vocabulary=None,
        unknown_token="<unk>",
    ):
        self.max_tokens = max_tokens
        self.min_count = min_count
        self.vocabulary = vocabulary
        self.unknown_token = unknown_token

    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None):
        """Learn the vocabulary.

        Parameters
        ----------
        X : container of n sequences of tokens
            A list, object array, Series, one-column frame or `Sequences`; each sequence
            is a list or 1-D array of strings, integers, tuples or other hashables. Each
            row of a 2-D array, of shape (n, T), is a sequence of T tokens.
        y : object, default=None
            Ignored.

        Returns
        -------
        self : object
            The fitted transformer.

        Raises
        ------
        ValueError
            If X contains anything but sequences of tokens, if no token of X is frequent
            enough, or if `vocabulary` is invalid.
        TypeError
            If a token, or the unknown token, is not hashable.
        """
        with all_or_nothing(self) as fitted:
            fitted._fit(check_tokens(fitted, X, reset=True))
        return self

    def _fit(self, X):
        try:
            hash(self.unknown_token)
        except TypeError:
            raise TypeError(
                f"unknown_token={self.unknown_token!r} is not hashable: pass a string "
                "or another token."
            ) from None
        known = (
            self._most_frequent(X)
            if self.vocabulary is None
            else self._check_vocabulary()
        )
        tokens = [self.unknown_token, *known]
        self.vocabulary_ = {token: i for i, token in enumerate(tokens)}
        self.tokens_ = object_array(tokens, len(tokens))
        self.n_tokens_ = len(tokens)
        return self

    def _most_frequent(self, X):
        """Return the tokens of X by frequency, at most max_tokens."""
        counts = Counter(X.rows.tolist())
        counts.pop(self.unknown_token, None)
        tokens = [token for token, n in counts.items() if n >= self.min_count]
        if not tokens:
            raise ValueError(
                f"X contains {len(counts)} different tokens, none of them at least "
                f"min_count={self.min_count} times, and the vocabulary would be empty: "
                "use a lower min_count or more data."
            )
        try:
            tokens = sorted(tokens)
        except TypeError:
            pass  # tokens without an order stay in that of their first occurrence
        tokens.sort(key=counts.__getitem__, reverse=True)
        return tokens[: self.max_tokens]

    def _check_vocabulary(self):
        """Return the tokens of `vocabulary`, without the unknown token."""
        unknown, vocabulary = self.unknown_token, self.vocabulary
        if isinstance(vocabulary, dict):
            ids = {unknown: 0} | vocabulary
            if ids[unknown] != 0 or set(ids.values()) != set(range(len(ids))):
                raise ValueError(
                    f"vocabulary is a dict, but its ids are not 1 to {len(ids) - 1}, "
                    f"with 0 for the unknown token {unknown!r}: pass a list of the "
                    "tokens, which get ids in their order."
                )
            vocabulary = sorted(ids, key=ids.get)
        elif isinstance(vocabulary, np.ndarray):
            vocabulary = vocabulary.tolist()
        known = [token for token in vocabulary if token != unknown]
        if not known:
            raise ValueError(
                f"vocabulary is {vocabulary!r:.60} and contains no known token: pass a "
                "list of tokens, or None to learn them."
            )
        if len(set(known)) < len(known):
            token, _ = Counter(known).most_common(1)[0]
            raise ValueError(
                f"vocabulary contains the token {token!r} more than once: remove the "
                "others."
            )
        return known

    def transform(self, X):
        """Encode the tokens.

        Parameters
        ----------
        X : as in `fit`
            The sequences of tokens.

        Returns
        -------
        Sequences of kind "ids", shape (n, 1)
            The id of each token, int32.

        Raises
        ------
        ValueError
            If X contains anything but sequences of tokens.
        TypeError
            If a token is not hashable.
        """
        check_is_fitted(self)
        X = check_tokens(self, X, reset=False)
        return self._emit(self._encode(X))

    def _encode(self, X):
        ids = map(self.vocabulary_.get, X.rows.tolist(), repeat(0))
        rows = np.fromiter(ids, dtype=np.int32, count=len(X.rows))
        return Sequences(rows, X.offsets, n_tokens=self.n_tokens_, unknown=0)

    def inverse_transform(self, X):
        """Decode ids.

        Parameters
        ----------
        X : container of n sequences of ids
            The ids.

        Returns
        -------
        Sequences of kind "tokens", shape (n, 1)
            The token of each id; id 0 becomes `unknown_token`.

        Raises
        ------
        ValueError
            If X contains anything but sequences of ids from 0 to ``n_tokens_ - 1``.
        """
        check_is_fitted(self)
        X = check_tokens(copy.copy(self), X, reset=True)
        remedy = "pass ids as transform returns them, or predictions of such ids"
        ids = check_ids(X.rows, X.offsets, n_tokens=self.n_tokens_, remedy=remedy)
        return self._decode(Sequences(ids, X.offsets))

    def _decode(self, X):
        return Sequences(self.tokens_[X.rows], X.offsets)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.categorical = True
        return tags
