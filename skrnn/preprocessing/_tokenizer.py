"""Tokenizer: splits texts into sequences of tokens."""

import copy
import re
from itertools import chain

from sklearn.feature_extraction.text import (
    strip_accents_ascii,
    strip_accents_unicode,
)

from skrnn._estimator import all_or_nothing
from skrnn._sequences import Sequences, object_array, offsets_of
from skrnn._validation import (
    StrOptions,
    check_texts,
    check_tokens,
    fit_context,
    sequence_of_row,
    validate_params,
)
from skrnn.preprocessing._base import SequenceTransformer

WORDS_AND_MARKS = r"\w+(?:['\u2019-]\w+)*|[^\w\s]"


class Tokenizer(SequenceTransformer):
    r"""Split texts into sequences of tokens.

    The parameters have the names and the meaning that they have in
    :class:`~sklearn.feature_extraction.text.CountVectorizer`, but nothing is counted
    or removed: order, case and punctuation are kept, since taggers and language models
    rely on them.

    Parameters
    ----------
    analyzer : {"word", "char"} or callable, default="word"
        The tokens: words and punctuation marks, or single characters, white space
        included. A callable takes the raw text and returns its tokens.
    lowercase : bool, default=False
        Whether to convert texts to lower case. False by default, unlike in
        CountVectorizer: case marks names and the first words of sentences.
    strip_accents : {"ascii", "unicode"} or callable, default=None
        How to remove accents before tokenizing: "ascii" is fast and drops characters
        without an ASCII equivalent, "unicode" works for any character.
    preprocessor : callable, default=None
        Takes the raw text and returns the text to tokenize; replaces `strip_accents`
        and `lowercase`. Not used if `analyzer` is callable.
    tokenizer : callable, default=None
        Takes a text and returns its tokens; replaces `token_pattern`. Only used if
        `analyzer` is "word".
    token_pattern : str, default=r"\\w+(?:['\\u2019-]\\w+)*|[^\\w\\s]"
        The regular expression of a token. If it has one capturing group, the token is
        the text of this group. The default matches words, with apostrophes and hyphens
        inside them, and single punctuation marks. For texts that are already tokenized,
        with spaces between the tokens, use ``r"\S+"``. Only used if `analyzer` is
        "word" and there is no `tokenizer`.

    Attributes
    ----------
    feature_names_in_ : ndarray of shape (1,)
        The name of the column of texts, if `fit` was given a frame.

    See Also
    --------
    VocabularyEncoder : Encodes the tokens as ids.

    Notes
    -----
    Nothing is learned: `fit` checks the parameters and the texts. A text without any
    token becomes an empty sequence, for which the estimators raise an error with its
    index.

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

    __module__ = "skrnn.preprocessing"

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
            is invalid.
        """
        self._make_analyzer()
        with all_or_nothing(self) as fitted:
            check_texts(fitted, X, reset=True)
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
        validate_params(self)
        texts = check_texts(self, X, reset=False)
        tokens = list(map(list, map(self._make_analyzer(), texts)))
        offsets = offsets_of(list(map(len, tokens)))
        rows = object_array(chain.from_iterable(tokens), offsets[-1])
        return self._emit(Sequences(rows, offsets))

    def inverse_transform(self, X):
        """Join tokens to texts: characters directly, words with a space between them.

        Parameters
        ----------
        X : container of n sequences of tokens
            The tokens.

        Returns
        -------
        ndarray of shape (n,)
            The texts, of dtype object. From characters they are the original texts;
            the original white space between words is lost.

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
        space = "" if self.analyzer == "char" else " "
        texts = (space.join(map(str, tokens)) for tokens in X)
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
                f"token_pattern={self.token_pattern!r} is not a regular expression: "
                f"{error}. Correct it, or pass a tokenizer."
            ) from None
        if pattern.groups > 1:
            raise ValueError(
                f"token_pattern={self.token_pattern!r} has {pattern.groups} capturing "
                "groups, and at most one is allowed: write (?:...) for the others."
            )
        return pattern.findall

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.requires_fit = False
        tags.input_tags.one_d_array = True
        tags.input_tags.two_d_array = False
        tags.input_tags.string = True
        return tags
