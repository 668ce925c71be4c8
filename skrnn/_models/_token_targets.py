"""Base class of estimators with token-sequence targets."""

from itertools import compress
from numbers import Integral
from typing import NamedTuple

import numpy as np
from sklearn.base import clone
from sklearn.callback import with_callbacks

from skrnn._core.batching import Data, offsets_of
from skrnn._models._base import BaseRNN
from skrnn._sequences import Sequences, as_items, object_array
from skrnn._validation import (
    HasMethods,
    Interval,
    check_classes,
    check_token_targets,
    check_weights,
    encode_labels,
    fit_context,
    sequence_of_row,
    unique_labels,
)


class TokenTargets(NamedTuple):
    """The tokens of all targets, one after the other."""

    tokens: list
    offsets: np.ndarray  # shape (n + 1,), the start of each target
    tokenizer: object  # the transformer that split the targets; None without one


class TokenTargetRNN(BaseRNN):
    """Base class of recurrent estimators whose targets are sequences of tokens.

    The id of a token is its position in `classes_`. The next id is the unknown token,
    if `max_target_tokens` left some out, and the last id is the end of a target (for
    CTC the blank), so that every target has one term more than tokens.
    """

    _parameter_constraints: dict = {
        **BaseRNN._parameter_constraints,
        "target_tokenizer": [
            None,
            HasMethods(["fit", "transform", "inverse_transform"]),
        ],
        "max_target_tokens": [None, Interval(Integral, 1, None, closed="left")],
    }

    # Whether a target may be empty in `fit`; predicted targets may always be.
    _allow_empty = False

    @with_callbacks
    @fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X, y, classes=None, sample_weight=None):
        """Train for one epoch, starting from the present weights.

        Repeated calls on the same data are equivalent to the epochs of `fit`, also if
        the estimator is pickled between them.

        Parameters
        ----------
        X, y, sample_weight
            As in `fit`.
        classes : array-like of shape (K,), default=None
            All tokens of the targets of this and later calls. Needed in the first call
            only; by default the tokens of its y.

        Returns
        -------
        self : object
            The fitted estimator.

        Raises
        ------
        ValueError
            If y has a token that is not among the classes, unless there is an unknown
            token, or a parameter needs all data at once.
        """
        if classes is not None:
            classes = check_classes(classes, getattr(self, "classes_", None))
        return self._partial_fit(X, y, sample_weight, classes)

    # --- targets ----------------------------------------------------------------------

    def _check_y(self, X, y, sample_weight, reset):
        if not reset:
            self._check_same_tokenizer()
        tokenizer = self.target_tokenizer
        if tokenizer is not None:
            tokenizer = clone(tokenizer).fit(y) if reset else self.target_tokenizer_
        y = self._tokenize(y, len(X), tokenizer, self._allow_empty)
        return y, check_weights(sample_weight, len(X))

    def _tokenize(self, y, n, tokenizer, allow_empty=True):
        """Return y as `TokenTargets`."""
        if tokenizer is not None:
            y = tokenizer.transform(y)
        tokens, offsets = check_token_targets(y, n, allow_empty=allow_empty)
        return TokenTargets(tokens, offsets, tokenizer)

    def _fit_y(self, X, y, weights, classes, reset):
        if reset:
            self.target_tokenizer_ = y.tokenizer
            self.longest_target_ = 0
            self._fit_classes(y, np.repeat(weights, np.diff(y.offsets)), classes)
        longest = int(np.diff(y.offsets)[weights != 0].max(initial=0))
        self.longest_target_ = max(self.longest_target_, longest)

    def _fit_classes(self, y, token_weights, classes):
        """Set the classes: the given ones, or the most frequent tokens."""
        self.has_unknown_ = False
        if classes is not None:
            self.classes_ = classes
            return
        self.classes_ = unique_labels(compress(y.tokens, token_weights != 0))
        n = self.max_target_tokens
        if n is not None and n < len(self.classes_):
            codes = encode_labels(y.tokens, self.classes_)
            known = codes >= 0  # others have weight 0
            counts = np.bincount(codes[known], token_weights[known])
            frequent = np.argsort(-counts, kind="stable")[:n]
            self.classes_ = self.classes_[np.sort(frequent)]
            self.has_unknown_ = True

    @property
    def _end(self):
        """The id of the last output: the end of a target, or the blank."""
        return len(self.classes_) + self.has_unknown_

    def _check_same_tokenizer(self):
        """Check that there is a tokenizer if and only if there was one in `fit`."""
        if (self.target_tokenizer is None) != (self.target_tokenizer_ is None):
            raise ValueError(
                f"target_tokenizer={self.target_tokenizer!r} differs from "
                f"{self.target_tokenizer_!r}, which this model was fitted with: "
                "restore it, or fit with warm_start=False."
            )

    def _encode(self, X, y, weights):
        return self._encode_pairs(X, y, weights)

    def _encode_pairs(self, X, y, weights):
        """Return sources and targets as `Data`."""
        codes = self._encode_tokens(y, weights != 0)
        lengths = np.diff(y.offsets) + 1  # with an end
        weights = np.repeat(weights, lengths)
        return Data(X.rows, X.offsets, codes, weights, offsets_of(lengths))

    def _encode_tokens(self, y, used):
        """Return the id of each token, with an end after each target."""
        ends = y.offsets[1:] + np.arange(len(used))
        codes = np.full(len(y.tokens) + len(used), self._end, dtype=np.int64)
        is_token = np.ones(len(codes), dtype=bool)
        is_token[ends] = False
        found = encode_labels(y.tokens, self.classes_)
        unknown = found < 0
        if self.has_unknown_:
            found[unknown] = len(self.classes_)
        elif (unknown & np.repeat(used, np.diff(y.offsets))).any():
            term = int(np.argmax(unknown & np.repeat(used, np.diff(y.offsets))))
            i = sequence_of_row(y.offsets, term)
            raise ValueError(
                f"y[{i}] contains the token {y.tokens[term]!r:.60} at step "
                f"{term - y.offsets[i]}, which is not among the target tokens of fit. "
                "A fitted model cannot learn new tokens: list all of them in classes= "
                "of the first partial_fit call, or fit with max_target_tokens, which "
                "encodes all others as an unknown token."
            )
        codes[is_token] = found
        return codes

    # --- fitted models ----------------------------------------------------------------

    def _check_pairs(self, X, y):
        """Return checked sources and given targets as `Data`."""
        y = self._tokenize(y, len(X), self.target_tokenizer_)
        return self._encode_pairs(X, y, np.ones(len(X)))

    def _to_targets(self, ids, offsets):
        """Return predicted tokens in the form of y: arrays of tokens, or texts."""
        tokens = self.classes_[ids]
        if self.target_tokenizer_ is None:
            return as_items(tokens, offsets)
        rows = object_array(tokens.tolist(), len(tokens))
        return self.target_tokenizer_.inverse_transform(Sequences(rows, offsets))

    def _to_pairs(self, hypotheses):
        """Return a list of log-probabilities and targets for each sequence.

        `hypotheses` has for each sequence a list of tuples that begin with a
        log-probability and ids.
        """
        ids = [ids for several in hypotheses for _, ids, *_ in several]
        targets = iter(self._to_targets(*stack(ids)))
        pairs = (
            [(log_p, next(targets)) for log_p, *_ in several] for several in hypotheses
        )
        return object_array(pairs, len(hypotheses))

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.single_output = False
        tags.target_tags.multi_output = True  # several tokens
        return tags


def stack(ids):
    """Return lists of ids as one array, and the offsets of the lists."""
    offsets = offsets_of([len(each) for each in ids])
    return np.concatenate([*ids, []]).astype(np.intp), offsets
