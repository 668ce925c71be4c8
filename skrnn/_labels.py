"""What estimators of labels share, be it a label for each step or each sequence."""

from itertools import compress
from numbers import Real

import numpy as np
from sklearn.callback import with_callbacks

from skrnn._base import BaseRNN
from skrnn._core.heads import HEADS
from skrnn._validation import (
    StrOptions,
    check_classes,
    encode_labels,
    fit_context,
    sequence_of_row,
    unique_labels,
)


class LabelRNN(BaseRNN):
    """Base of the recurrent estimators whose targets are labels, or rows of 0 and 1."""

    _parameter_constraints: dict = {
        **BaseRNN._parameter_constraints,
        "class_weight": [dict, StrOptions({"balanced"}), None],
    }

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
            All labels there will ever be, in the first call; those of y where None.
            Of no use for a multi-label target.

        Returns
        -------
        self : object
            The fitted estimator.

        Raises
        ------
        ValueError
            If y has a label that is not among the classes, or a parameter asks for
            something that needs all data at once.
        """
        if self.class_weight == "balanced":
            raise ValueError(
                'partial_fit does not support class_weight="balanced": the balance of '
                "all classes is not known yet. Pass a dict of weights."
            )
        if classes is not None:
            classes = check_classes(classes)
            before = None if getattr(self, "multilabel_", True) else self.classes_
            if before is not None and not np.array_equal(before, classes):
                raise ValueError(
                    f"classes={classes!r} is not what it was in the first call of "
                    f"partial_fit, {self.classes_!r}."
                )
        return self._partial_fit(X, y, sample_weight, classes)

    def _learn_targets(self, y, weights, classes):
        self.multilabel_ = isinstance(y, np.ndarray)
        if self.multilabel_:
            self.classes_ = np.arange(y.shape[1])
        elif classes is None:
            self.classes_ = unique_labels(compress(y, weights != 0))
        else:
            self.classes_ = classes

    @property
    def _two_classes(self):
        """Whether one score decides between two labels."""
        return len(self.classes_) == 2 and not self.multilabel_

    @property
    def _outputs(self):
        if self._two_classes:
            return "sigmoid", 1
        return "sigmoid" if self.multilabel_ else "softmax", len(self.classes_)

    def _encode_targets(self, y, offsets, used):
        if self.multilabel_:
            return y.astype(self.dtype)
        codes = encode_labels(y, self.classes_)
        if (unknown := (codes < 0) & used).any():
            term = int(np.argmax(unknown))
            raise ValueError(
                f"y[{sequence_of_row(offsets, term)}] contains the label {y[term]!r}, "
                f"which is not among the classes {self.classes_.tolist()!r:.200}: a "
                "fitted model learns no new ones. Name all in the first call of "
                "partial_fit."
            )
        return codes[:, None].astype(self.dtype) if self._two_classes else codes

    def _check_like_before(self, y):
        rows = isinstance(y, np.ndarray)
        if rows != self.multilabel_:
            fitted, found = ("labels", "rows of 0 and 1")
            if self.multilabel_:
                fitted, found = found, fitted
            raise ValueError(f"y holds {found}, but the model was fitted on {fitted}.")
        if rows and y.shape[1] != len(self.classes_):
            raise ValueError(
                f"y has rows of {y.shape[1]} indicators, but the model was fitted on "
                f"rows of {len(self.classes_)}."
            )

    def _term_weights(self, targets, weights):
        if self.class_weight is None:
            return weights
        if self.multilabel_:
            raise ValueError(
                "class_weight is for one label each; with rows of 0 and 1 use None."
            )
        codes = targets.reshape(len(targets)).astype(np.intp)
        codes[weights == 0] = 0  # may be of no class
        if self.class_weight == "balanced":
            totals = np.bincount(codes, weights, minlength=len(self.classes_))
            by_class = weights.sum() / (len(totals) * np.maximum(totals, 1e-300))
        else:
            by_class = self._weights_by_class()
        return weights * np.asarray(by_class, dtype=np.float64)[codes]

    def _weights_by_class(self):
        """Return the weight of each class from the dict class_weight."""
        classes = self.classes_.tolist()
        unknown = [label for label in self.class_weight if label not in classes]
        if unknown and not all(label in self.class_weight for label in classes):
            raise ValueError(
                f"class_weight names {unknown[0]!r}, which is not among the classes "
                f"{classes!r:.200}."
            )
        for label, weight in self.class_weight.items():
            if not (isinstance(weight, Real) and 0 <= weight < np.inf):
                raise ValueError(
                    f"class_weight[{label!r}] is {weight!r}: weights must be finite "
                    "and not negative."
                )
        return [self.class_weight.get(label, 1) for label in classes]

    def _validation_score(self, scores, targets, weights):
        codes = targets if self.multilabel_ else targets.reshape(len(targets))
        return self._accuracy(scores, codes, weights)

    def _accuracy(self, scores, codes, weights):
        """Return the share of terms whose label, or whole row of them, is right."""
        right = self._decide(scores) == codes
        if self.multilabel_:
            right = right.all(axis=1)
        return float(np.average(right, weights=weights))

    def _decide(self, scores):
        """Return the index of the most probable class, or the rows of 0 and 1."""
        if self.multilabel_:
            return (scores > 0).astype(np.int64)
        if self._two_classes:
            return (scores[:, 0] > 0).astype(np.intp)
        return scores.argmax(axis=1)

    def _head(self, scores, method):
        """Return probabilities, or their logarithms, a column for each class."""
        scores = scores.astype(np.float64)
        if self._two_classes:
            scores = np.concatenate([-scores, scores], axis=1)
        return getattr(HEADS[self._outputs[0]](), method)(scores)

    def _score(self, X, y, sample_weight, table):
        """Return the share of terms that are right; an unknown label is a wrong one."""
        scores, offsets = self._scores(X)
        y = self._check_targets(y, np.diff(offsets), table)
        self._check_like_before(y)
        codes = y if self.multilabel_ else encode_labels(y, self.classes_)
        weights = self._check_weights(sample_weight, np.diff(offsets))
        return self._accuracy(scores, codes, weights)
