"""Transformers around the recurrent estimators: texts, tokens, ids, rows of features.

All of them emit `Sequences`, one column of sequences, which is what the estimators
read::

    texts -> Tokenizer -> VocabularyEncoder -> ids
    tokens or ids -> SequenceOneHotEncoder -> one-hot rows
    rows of features -> Stepwise(StandardScaler()) -> rows of features

Tokenizer, VocabularyEncoder and SequenceOneHotEncoder take empty sequences as they
come; Stepwise and the estimators refuse these by their index.
"""

import copy
import re
from collections import Counter
from itertools import chain, repeat
from numbers import Integral

import numpy as np
from scipy import sparse
from sklearn import config_context
from sklearn.base import clone
from sklearn.feature_extraction.text import (
    strip_accents_ascii,
    strip_accents_unicode,
)
from sklearn.utils import get_tags
from sklearn.utils.metaestimators import available_if

from skrnn._audio import Delta, LogMelSpectrogram
from skrnn._sequences import Sequences, object_array
from skrnn._transformer import SequenceTransformer
from skrnn._validation import (
    HasMethods,
    Interval,
    StrOptions,
    as_sequences,
    check_ids,
    check_is_fitted,
    check_sequences,
    check_texts,
    check_tokens,
    fit_context,
    output_container,
    sequence_of_row,
)

__all__ = [
    "Delta",
    "LogMelSpectrogram",
    "SequenceOneHotEncoder",
    "Stepwise",
    "Tokenizer",
    "VocabularyEncoder",
]

WORDS_AND_MARKS = r"\w+(?:['\u2019-]\w+)*|[^\w\s]"


# --- texts ----------------------------------------------------------------------------


class Tokenizer(SequenceTransformer):
    r"""Split texts into sequences of tokens.

    The parameters have the names and the meaning that they have in
    :class:`~sklearn.feature_extraction.text.CountVectorizer`, but nothing is counted
    or left out: order, case and punctuation stay, since taggers and language models
    live on them.

    Parameters
    ----------
    analyzer : {"word", "char"} or callable, default="word"
        What the tokens are: words and punctuation marks, or single characters, white
        space among them. A callable gets the raw text and returns its tokens.
    lowercase : bool, default=False
        Whether to put everything in lower case. Not so by default, unlike in
        CountVectorizer: case tells names from words and begins sentences.
    strip_accents : {"ascii", "unicode"} or callable, default=None
        How to remove accents before tokenizing: "ascii" is fast and drops what has no
        ASCII equivalent, "unicode" works for any character.
    preprocessor : callable, default=None
        Takes the raw text and returns the text to tokenize, in place of
        `strip_accents` and `lowercase`. Not used if `analyzer` is callable.
    tokenizer : callable, default=None
        Takes a text and returns its tokens, in place of `token_pattern`. Only used if
        `analyzer` is "word".
    token_pattern : str, default=r"\\w+(?:['\\u2019-]\\w+)*|[^\\w\\s]"
        The regular expression of a token. If it has one group in parentheses, what
        this captures is the token. The default keeps words, with apostrophes and
        hyphens inside them, and each punctuation mark. For texts that have been
        tokenized before, and have blanks between the tokens, use ``r"\S+"``. Only used
        if `analyzer` is "word" and there is no `tokenizer`.

    Attributes
    ----------
    feature_names_in_ : ndarray of shape (1,)
        The name of the column of texts, if `fit` was given a frame.

    See Also
    --------
    VocabularyEncoder : Turns the tokens into ids.

    Notes
    -----
    Nothing is learned: `fit` checks the parameters and the texts. A text without any
    token becomes an empty sequence, which the estimators refuse by its index.

    Examples
    --------
    >>> from skrnn.preprocessing import Tokenizer
    >>> tokenizer = Tokenizer()
    >>> X = tokenizer.fit_transform(["Don't panic!", "Mr. Prosser"])
    >>> [tokens.tolist() for tokens in X]
    [["Don't", 'panic', '!'], ['Mr', '.', 'Prosser']]
    >>> tokenizer.inverse_transform(X)
    array(["Don't panic !", 'Mr . Prosser'], dtype=object)
    """

    _parameter_constraints: dict = {
        "analyzer": [StrOptions({"word", "char"}), callable],
        "lowercase": ["boolean"],
        "strip_accents": [StrOptions({"ascii", "unicode"}), callable, None],
        "preprocessor": [callable, None],
        "tokenizer": [callable, None],
        "token_pattern": [str],
    }

    def __init__(
        self,
        *,
        analyzer="word",
        lowercase=False,
        strip_accents=None,
        preprocessor=None,
        tokenizer=None,
        token_pattern=WORDS_AND_MARKS,
    ):
        self.analyzer = analyzer
        self.lowercase = lowercase
        self.strip_accents = strip_accents
        self.preprocessor = preprocessor
        self.tokenizer = tokenizer
        self.token_pattern = token_pattern

    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None):
        """Check the parameters and the texts.

        Parameters
        ----------
        X : list, tuple, 1-D array, Series, (n, 1) array or one-column frame of n str
            The texts.
        y : object, default=None
            Ignored.

        Returns
        -------
        self : object
            The transformer itself.

        Raises
        ------
        ValueError
            If X is a single string or contains anything but strings, or if a parameter
            is not as it should be.
        """
        self._make_analyzer()
        check_texts(self, X, reset=True)
        return self

    def transform(self, X):
        """Split the texts into tokens.

        Parameters
        ----------
        X : as in `fit`
            The texts.

        Returns
        -------
        Sequences of kind "tokens", shape (n, 1)
            The tokens of each text.

        Raises
        ------
        ValueError
            If X is a single string or contains anything but strings.
        """
        self._validate_params()
        texts = check_texts(self, X, reset=False)
        tokens = list(map(list, map(self._make_analyzer(), texts)))
        offsets = np.cumsum([0, *map(len, tokens)])
        rows = object_array(chain.from_iterable(tokens), offsets[-1])
        return output_container(self, Sequences(rows, offsets))

    def inverse_transform(self, X):
        """Join tokens to texts: characters without, words with a blank between them.

        Parameters
        ----------
        X : container of n sequences of tokens
            The tokens.

        Returns
        -------
        ndarray of shape (n,)
            The texts, of dtype object. Those from characters are what they were; where
            white space was between words is not known any more.

        Raises
        ------
        ValueError
            If X contains anything but sequences of tokens.
        """
        X = check_tokens(copy.copy(self), X, reset=True)
        if X.kind == "ids" and len(X.rows):
            i = sequence_of_row(X.offsets, 0)
            raise ValueError(
                f"X[{i}] contains the token id {X.rows[0]} where tokens are needed: "
                "use the inverse_transform of the VocabularyEncoder first."
            )
        blank = "" if self.analyzer == "char" else " "
        texts = (blank.join(map(str, tokens)) for tokens in X)
        return object_array(texts, len(X))

    def _make_analyzer(self):
        """Return the function that turns a text into tokens."""
        if callable(self.analyzer):
            return self.analyzer
        preprocess, tokenize = self._make_preprocessor(), self._make_tokenizer()
        return lambda text: tokenize(preprocess(text))

    def _make_preprocessor(self):
        if self.preprocessor is not None:
            return self.preprocessor
        strip_accents = {
            None: str,
            "ascii": strip_accents_ascii,
            "unicode": strip_accents_unicode,
        }.get(self.strip_accents, self.strip_accents)
        if not self.lowercase:
            return strip_accents
        return lambda text: strip_accents(text.lower())

    def _make_tokenizer(self):
        if self.analyzer == "char":
            return list
        if self.tokenizer is not None:
            return self.tokenizer
        try:
            pattern = re.compile(self.token_pattern)
        except re.error as error:
            raise ValueError(
                f"token_pattern={self.token_pattern!r} is no regular expression: "
                f"{error}."
            ) from None
        if pattern.groups > 1:
            raise ValueError(
                f"token_pattern={self.token_pattern!r} has {pattern.groups} capturing "
                "groups, of which there may be one: write (?:...) for the others."
            )
        return pattern.findall

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.requires_fit = False
        tags.input_tags.one_d_array = True
        tags.input_tags.two_d_array = False
        tags.input_tags.string = True
        return tags


# --- tokens ---------------------------------------------------------------------------


class VocabularyEncoder(SequenceTransformer):
    """Encode tokens as ids: the most frequent ones, and one id for all others.

    Id 0 is the unknown token. The most frequent token has id 1, the next id 2, and so
    on; of equally frequent ones the smaller comes first, or, where tokens cannot be
    compared, the one that was seen first. A token that `fit` has not seen becomes the
    unknown token and never raises an error.

    Parameters
    ----------
    max_tokens : int, default=10_000
        The greatest number of tokens in the vocabulary, to which the unknown token
        comes in addition. None for no limit. Not used if `vocabulary` is given.
    min_count : int, default=1
        How often a token must be in X to be in the vocabulary. Not used if
        `vocabulary` is given.
    vocabulary : list, tuple, array or dict, default=None
        The tokens, to which ids are given in their order, or a dict from tokens to ids
        from 1 on. The unknown token may be among them, in a dict with id 0.
    unknown_token : hashable, default="<unk>"
        What stands for the unknown token in `vocabulary_`, `tokens_` and
        `inverse_transform`. Where X contains it, it has id 0 like any unknown token.

    Attributes
    ----------
    vocabulary_ : dict
        The id of each token, the unknown token included.
    tokens_ : ndarray of shape (``n_tokens_``,)
        The token of each id, of dtype object.
    n_tokens_ : int
        The number of ids, the unknown token's included.
    n_features_in_ : int
        The number of tokens in each sequence, if `fit` was given a table.
    feature_names_in_ : ndarray
        The names of the columns, if `fit` was given a frame.

    See Also
    --------
    Tokenizer : Splits texts into tokens.
    SequenceOneHotEncoder : One-hot rows in place of ids.

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
            row of a table, an array of shape (n, T), is a sequence of T tokens.
        y : object, default=None
            Ignored.

        Returns
        -------
        self : object
            The fitted transformer.

        Raises
        ------
        ValueError
            If X contains anything but sequences of tokens, or if no token of X is
            frequent enough, or if `vocabulary` is not one.
        TypeError
            If a token, or the unknown token, is not hashable.
        """
        fitted = copy.copy(self)  # this transformer is changed only when all is done
        fitted._fit(check_tokens(fitted, X, reset=True))
        self.__dict__ = fitted.__dict__
        return self

    def _fit(self, X):
        try:
            hash(self.unknown_token)
        except TypeError:
            raise TypeError(
                f"unknown_token={self.unknown_token!r} is not hashable: pass a string "
                "or another token."
            ) from None
        known = self._most_frequent(X) if self.vocabulary is None else self._given()
        tokens = [self.unknown_token, *known]
        self.vocabulary_ = {token: i for i, token in enumerate(tokens)}
        self.tokens_ = object_array(tokens, len(tokens))
        self.n_tokens_ = len(tokens)
        return self

    def _most_frequent(self, X):
        counts = Counter(X.rows.tolist())
        counts.pop(self.unknown_token, None)
        tokens = [token for token, n in counts.items() if n >= self.min_count]
        if not tokens:
            raise ValueError(
                f"X contains {len(counts)} different tokens, none of them at least "
                f"min_count={self.min_count} times: the vocabulary would be empty."
            )
        try:
            tokens = sorted(tokens)
        except TypeError:
            pass  # they have no order but that of their appearance
        tokens.sort(key=counts.__getitem__, reverse=True)
        return tokens[: self.max_tokens]

    def _given(self):
        """Return the tokens of the vocabulary that was given, without the unknown."""
        unknown, vocabulary = self.unknown_token, self.vocabulary
        if isinstance(vocabulary, dict):
            ids = {unknown: 0} | vocabulary
            if ids[unknown] != 0 or set(ids.values()) != set(range(len(ids))):
                raise ValueError(
                    f"vocabulary must give the ids 1 to {len(ids) - 1} to its tokens, "
                    f"0 being that of the unknown token {unknown!r}; to have ids given "
                    "to them, pass a list of the tokens."
                )
            vocabulary = sorted(ids, key=ids.get)
        elif isinstance(vocabulary, np.ndarray):
            vocabulary = vocabulary.tolist()
        known = [token for token in vocabulary if token != unknown]
        if not known:
            raise ValueError("vocabulary contains no token.")
        if len(set(known)) < len(known):
            token, _ = Counter(known).most_common(1)[0]
            raise ValueError(f"vocabulary contains the token {token!r} more than once.")
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
        return output_container(self, self._encode(X))

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
            The token of each id, that of id 0 being `unknown_token`.

        Raises
        ------
        ValueError
            If X contains anything but sequences of ids from 0 to ``n_tokens_ - 1``.
        """
        check_is_fitted(self)
        X = check_tokens(copy.copy(self), X, reset=True)
        remedy = "pass what transform returned, or predictions of such ids"
        ids = check_ids(X.rows, X.offsets, n_tokens=self.n_tokens_, remedy=remedy)
        return self._decode(Sequences(ids, X.offsets))

    def _decode(self, X):
        return Sequences(self.tokens_[X.rows], X.offsets)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.categorical = True
        return tags


class SequenceOneHotEncoder(SequenceTransformer):
    """Encode tokens or token ids as one-hot rows.

    Tokens have their column by a vocabulary that is learned as in `VocabularyEncoder`,
    column 0 being that of unknown tokens. Integers are ids, and each has its own
    column; there is none for unknown ones.

    The estimators give the same model for ids as for one-hot rows, and are faster with
    ids. One-hot rows are what can be joined with other features of the same steps, by
    :class:`~sklearn.pipeline.FeatureUnion` or
    :class:`~sklearn.compose.ColumnTransformer`.

    Parameters
    ----------
    max_tokens : int, default=None
        The greatest number of tokens in the vocabulary, to which the unknown token
        comes in addition. None for no limit. Not used for ids.
    min_count : int, default=1
        How often a token must be in X to be in the vocabulary. Not used for ids.
    sparse_output : bool, default=True
        Whether to emit CSR rows, or dense ones.
    dtype : dtype, default=numpy.float32
        The floating type of the rows, float32 or float64.

    Attributes
    ----------
    n_tokens_ : int
        The number of columns of the one-hot rows.
    vocabulary_encoder_ : VocabularyEncoder or None
        The vocabulary of the tokens; None if `fit` was given ids.
    n_features_in_ : int
        The number of tokens in each sequence, if `fit` was given a table.
    feature_names_in_ : ndarray
        The names of the columns, if `fit` was given a frame.

    See Also
    --------
    VocabularyEncoder : Ids in place of one-hot rows.
    sklearn.preprocessing.OneHotEncoder : One-hot rows of a table.

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
            What `VocabularyEncoder` takes. If all tokens are integers, they are ids.
        y : object, default=None
            Ignored.

        Returns
        -------
        self : object
            The fitted transformer.

        Raises
        ------
        ValueError
            If X contains anything but sequences of tokens or ids, or no step at all, or
            if `dtype` is neither float32 nor float64.
        TypeError
            If a token is not hashable.
        """
        fitted = copy.copy(self)  # this transformer is changed only when all is done
        fitted._fit(check_tokens(fitted, X, reset=True))
        self.__dict__ = fitted.__dict__
        return self

    def _fit(self, X):
        try:
            floats = np.dtype(self.dtype) in (np.float32, np.float64)
        except TypeError:
            floats = False
        if not floats:
            raise ValueError(f"dtype must be float32 or float64; got {self.dtype!r}.")
        if X.rows.shape[0] == 0:
            raise ValueError("X has no steps: all of its sequences are empty.")
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
        return output_container(self, Sequences(self._one_hot(ids), X.offsets))

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
        """Decode rows: each is taken for its largest column.

        Parameters
        ----------
        X : container of n sequences of rows
            Sparse or dense, of `n_tokens_` columns.

        Returns
        -------
        Sequences of kind "tokens" or "ids", shape (n, 1)
            What `fit` was given.

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
                f"of dense or sparse rows of {self.n_tokens_} features."
            )
        ids = np.asarray(X.rows.argmax(axis=1)).ravel()  # a matrix in older scipy
        ids = Sequences(ids, X.offsets, n_tokens=self.n_tokens_)
        if self.vocabulary_encoder_ is None:
            return ids
        return self.vocabulary_encoder_._decode(ids)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.categorical = True
        tags.input_tags.positive_only = True  # they are ids
        return tags


# --- steps ----------------------------------------------------------------------------


def _inner_has(name):
    """Return a check that the transformer of a `Stepwise` has a method."""

    def has(stepwise):
        inner = getattr(stepwise, "transformer_", stepwise.transformer)
        getattr(inner, name)  # its error says what is missing
        return True

    return has


class Stepwise(SequenceTransformer):
    """Apply a transformer of tables to the steps of all sequences.

    The steps of all sequences, one row each, are one table to the transformer, which
    knows nothing of the sequences. It must return one row for each that it was given.

    Parameters
    ----------
    transformer : transformer
        Any transformer of tables, as ``StandardScaler()`` or ``PCA(8)``. It is cloned
        before it is fitted, without a y. NaN is refused unless its tags allow NaN, as
        those of ``SimpleImputer()`` do.

    Attributes
    ----------
    transformer_ : transformer
        The fitted transformer.
    input_kind_ : {"dense", "sparse"}
        What the rows were in `fit`.
    input_size_ : int
        The number of features a step.
    n_features_in_ : int
        The number of steps of each series, if `fit` was given a table.
    feature_names_in_ : ndarray
        The names of the columns, if `fit` was given a frame.

    See Also
    --------
    SequenceOneHotEncoder : One-hot rows for each step.

    Notes
    -----
    A 2-D array has one univariate series in each row, as everywhere in this package:
    its values are steps of one feature.

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
        return output_container(self, self._with_rows(X, rows))

    def _fit(self, X, fit):
        """Return the sequences, and what `fit` returns for a clone and the rows."""
        if isinstance(self.transformer, type):
            raise TypeError(
                f"transformer is the class {self.transformer.__name__}: pass an "
                f"instance, {self.transformer.__name__}()."
            )
        fitted = copy.copy(self)  # this transformer is changed only when all is done
        X = self._check_numbers(fitted, X, reset=True)
        fitted.input_kind_, fitted.input_size_ = X.kind, X.rows.shape[1]
        fitted.transformer_ = clone(self.transformer)
        with config_context(transform_output="default"):
            result = fit(fitted.transformer_, X.rows)
        self.__dict__ = fitted.__dict__
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
            If X contains anything but sequences of as many features a step as in `fit`,
            or if the transformer does not return one row for each step.
        """
        check_is_fitted(self)
        X = self._check_numbers(self, X, reset=False)
        with config_context(transform_output="default"):
            rows = self.transformer_.transform(X.rows)
        return output_container(self, self._with_rows(X, rows))

    @available_if(_inner_has("inverse_transform"))
    def inverse_transform(self, X):
        """Transform the steps back.

        Parameters
        ----------
        X : container of n sequences
            As `transform` returns them.

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
                f"X[0] contains the token id {X.rows[0]}, and an id is no number to "
                f"{type(self.transformer).__name__}: put a SequenceOneHotEncoder "
                "before Stepwise, or pass floats."
            )
        return X

    def _with_rows(self, X, rows):
        """Return X with other rows, of which there must be as many."""
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
