"""What estimators share whose targets are sequences of tokens, of any length."""

from abc import abstractmethod
from itertools import compress
from numbers import Integral
from typing import NamedTuple

import numpy as np
from sklearn.base import clone
from sklearn.callback import with_callbacks

from skrnn._base import BaseRNN, Terms
from skrnn._sequences import Sequences, as_items, object_array
from skrnn._validation import (
    HasMethods,
    Interval,
    check_classes,
    check_is_fitted,
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
    offsets: np.ndarray  # shape (n + 1,), where each target begins
    tokenizer: object  # which the targets were split by; None if they were not


class TokenTargetRNN(BaseRNN):
    """Base of the recurrent estimators whose targets are sequences of tokens.

    Tokens are known by their position in `classes_`. Then come, if some tokens were
    left out, the unknown token, and last the end of a target, so that every target has
    one term more than tokens.
    """

    _parameter_constraints: dict = {
        **BaseRNN._parameter_constraints,
        "target_tokenizer": [
            None,
            HasMethods(["fit", "transform", "inverse_transform"]),
        ],
        "max_target_tokens": [None, Interval(Integral, 1, None, closed="left")],
    }

    # Whether a target may be without tokens in `fit`; predicted ones may.
    _allow_empty = False

    @with_callbacks
    @fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X, y, classes=None, sample_weight=None):
        """Go once through X and y, starting from the present weights.

        Calls on the same data continue exactly where the last one ended, also after
        the estimator was pickled.

        Parameters
        ----------
        X, y, sample_weight
            As in `fit`.
        classes : array-like of shape (K,), default=None
            All tokens of targets there will ever be, in the first call; those of y
            where None.

        Returns
        -------
        self : object
            The fitted estimator.

        Raises
        ------
        ValueError
            If y has a token that is not among the classes, unless there is an unknown
            token, or a parameter asks for something that needs all data at once.
        """
        if classes is not None:
            classes = check_classes(classes)
            before = getattr(self, "classes_", None)
            if before is not None and not np.array_equal(before, classes):
                raise ValueError(
                    f"classes={classes!r:.200} is not what it was in the first call of "
                    f"partial_fit, {before!r:.200}."
                )
        return self._partial_fit(X, y, sample_weight, classes)

    # --- targets ----------------------------------------------------------------------

    def _forget(self):
        vars(self).pop("target_tokenizer_", None)

    def _check_targets(self, y, lengths, table):
        tokenizer = self.target_tokenizer
        if tokenizer is not None:
            fitted = hasattr(self, "target_tokenizer_")
            tokenizer = self.target_tokenizer_ if fitted else clone(tokenizer).fit(y)
        return self._tokenize(y, len(lengths), tokenizer, self._allow_empty)

    def _tokenize(self, y, n, tokenizer, allow_empty=True):
        """Return y as `TokenTargets`."""
        if tokenizer is not None:
            y = tokenizer.transform(y)
        tokens, offsets = check_token_targets(y, n, allow_empty=allow_empty)
        return TokenTargets(tokens, offsets, tokenizer)

    def _learn_targets(self, y, weights, classes):
        self.target_tokenizer_ = y.tokenizer
        self.has_unknown_ = False
        self.longest_target_ = 0
        by_token = np.repeat(weights, np.diff(y.offsets))
        if classes is not None:
            self.classes_ = classes
            return
        self.classes_ = unique_labels(compress(y.tokens, by_token != 0))
        n = self.max_target_tokens
        if n is not None and n < len(self.classes_):
            codes = encode_labels(y.tokens, self.classes_)
            known = codes >= 0  # others have no weight
            counts = np.bincount(codes[known], by_token[known])
            frequent = np.argsort(-counts, kind="stable")[:n]
            self.classes_ = self.classes_[np.sort(frequent)]
            self.has_unknown_ = True

    @property
    def _end(self):
        """The number of the last output: the end of a target, or a blank."""
        return len(self.classes_) + self.has_unknown_

    def _check_like_before(self, y):
        if (self.target_tokenizer is None) != (self.target_tokenizer_ is None):
            raise ValueError(
                f"target_tokenizer is {self.target_tokenizer!r} now, but "
                f"{self.target_tokenizer_!r} in the model that is to go on: set it "
                "back, or fit with warm_start=False."
            )

    def _make_terms(self, X, y, weights):
        longest = int(np.diff(y.offsets)[weights != 0].max(initial=0))
        self.longest_target_ = max(self.longest_target_, longest)
        return self._encode_terms(X, y, weights)

    def _encode_terms(self, X, y, weights):
        codes = self._encode_tokens(y, weights != 0)
        ended = y.offsets + np.arange(len(X) + 1)
        return Terms(X, codes, np.repeat(weights, np.diff(ended)), ended)

    def _encode_tokens(self, y, used):
        """Return the number of each token, an end after each target."""
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
                f"{term - y.offsets[i]}, which is not among those of the targets in "
                "fit: a fitted model learns no new ones. Name all in the first call "
                "of partial_fit, or fit with max_target_tokens, which makes the rest "
                "an unknown token."
            )
        codes[is_token] = found
        return codes

    def _encode_targets(self, y, offsets, used):
        raise NotImplementedError("see _make_terms")

    def _validation_score(self, scores, targets, weights):
        raise NotImplementedError("see _validator")

    def _to_targets(self, ids, offsets):
        """Return predicted tokens like y: arrays of tokens, or texts."""
        tokens = self.classes_[ids]
        if self.target_tokenizer_ is None:
            return as_items(tokens, offsets)
        rows = object_array(tokens.tolist(), len(tokens))
        return self.target_tokenizer_.inverse_transform(Sequences(rows, offsets))

    def _to_pairs(self, found):
        """Return of each sequence a list of log-probabilities and targets.

        `found` has for each the ways that a search gave: log-probability, ids.
        """
        ids = [ids for ways in found for _, ids, *_ in ways]
        targets = iter(self._to_targets(*stack(ids)))
        pairs = ([(log_p, next(targets)) for log_p, *_ in ways] for ways in found)
        return object_array(pairs, len(found))

    def score(self, X, y, sample_weight=None):
        """Compute the share of targets that are predicted exactly.

        Parameters
        ----------
        X : container of n sequences
            As in `fit`.
        y : container of n targets
            As in `fit`. One with a token that was never seen in `fit` counts as not
            predicted.
        sample_weight : array-like of shape (n,), default=None
            How much each sequence counts.

        Returns
        -------
        float
        """
        check_is_fitted(self)
        ids, offsets = self._decode(X)
        y = self._tokenize(y, len(offsets) - 1, self.target_tokenizer_)
        weights = check_weights(sample_weight, len(offsets) - 1)
        codes = encode_labels(y.tokens, self.classes_)
        pairs = zip(as_items(ids, offsets), as_items(codes, y.offsets), strict=True)
        right = [np.array_equal(a, b) for a, b in pairs]
        return float(np.average(right, weights=weights))

    @abstractmethod
    def _decode(self, X):
        """Return the numbers of the predicted tokens, and where targets begin."""

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.single_output = False
        tags.target_tags.multi_output = True  # several tokens
        return tags


def stack(ids):
    """Return lists of numbers as one array, and where each begins."""
    offsets = np.cumsum([0, *map(len, ids)])
    return np.concatenate([*ids, []]).astype(np.intp), offsets
