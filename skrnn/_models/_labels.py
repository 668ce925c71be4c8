"""Base class of estimators of labels: classes, their weights and probabilities."""

from itertools import compress
from numbers import Real

import numpy as np
from sklearn.callback import with_callbacks

from skrnn._core.batching import Data
from skrnn._models._base import BaseRNN
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
        """Train for one epoch, starting from the present weights.

        Repeated calls on the same data are equivalent to the epochs of `fit`, also if
        the estimator is pickled between them.

        Parameters
        ----------
        X, y, sample_weight
            As in `fit`.
        classes : array-like of shape (K,), default=None
            All labels of this and later calls. Needed in the first call only; by
            default the labels of its y. Ignored for a multi-label target.

        Returns
        -------
        self : object
            The fitted estimator.

        Raises
        ------
        ValueError
            If y has a label that is not among the classes, or a parameter needs all
            data at once.
        """
        if self.class_weight == "balanced":
            raise ValueError(
                'partial_fit does not support class_weight="balanced": the shares of '
                "the classes are not known yet. Pass a dict of weights."
            )
        if classes is not None:
            before = None if getattr(self, "multilabel_", True) else self.classes_
            classes = check_classes(classes, before)
        return self._partial_fit(X, y, sample_weight, classes)

    def _fit_y(self, X, y, weights, classes, reset):
        if not reset:
            return
        self.multilabel_ = isinstance(y, np.ndarray)
        if self.multilabel_:
            self.classes_ = np.arange(y.shape[1])
        elif classes is None:
            self.classes_ = unique_labels(compress(y, weights != 0))
        else:
            self.classes_ = classes

    @property
    def _is_binary(self):
        """Whether there are two labels, which one score decides between."""
        return len(self.classes_) == 2 and not self.multilabel_

    def _network_spec(self):
        head = "sigmoid" if self._is_binary or self.multilabel_ else "softmax"
        return self._shared_spec() | {
            "n_outputs": 1 if self._is_binary else len(self.classes_),
            "pooling": self.pooling,
            "head": head,
            "tied": False,
        }

    def _encode(self, X, y, weights):
        self._check_same_kind(y)
        offsets = X.offsets if self.pooling is None else np.arange(len(X) + 1)
        targets = self._encode_targets(y, offsets, weights != 0)
        reweight = None if self.class_weight is None else self._class_weighted
        return Data(X.rows, X.offsets, targets, weights, offsets, reweight)

    def _encode_targets(self, y, offsets, used):
        """Return targets as the head takes them; terms not `used` have no weight."""
        if self.multilabel_:
            return y.astype(self.dtype)
        codes = encode_labels(y, self.classes_)
        if (unknown := (codes < 0) & used).any():
            term = int(np.argmax(unknown))
            raise ValueError(
                f"y[{sequence_of_row(offsets, term)}] contains the label {y[term]!r}, "
                f"which is not among the classes {self.classes_.tolist()!r:.200}. A "
                "fitted model cannot learn new classes: list all of them in classes= "
                "of the first partial_fit call, or refit."
            )
        return codes[:, None].astype(self.dtype) if self._is_binary else codes

    def _check_same_kind(self, y):
        """Check that y has labels, or rows of 0 and 1, as the model was fitted on."""
        rows = isinstance(y, np.ndarray)
        if rows != self.multilabel_:
            fitted, found = ("labels", "rows of 0 and 1")
            if self.multilabel_:
                fitted, found = found, fitted
            raise ValueError(
                f"y holds {found}, but the model was fitted on {fitted}: pass targets "
                "of the same kind, or refit."
            )
        if rows and y.shape[1] != len(self.classes_):
            raise ValueError(
                f"y has rows of {y.shape[1]} indicators, but the model was fitted on "
                f"rows of {len(self.classes_)}: pass rows of the same length, or refit."
            )

    def _class_weighted(self, targets, weights):
        """Return the weights of terms, multiplied by those of their classes."""
        if self.multilabel_:
            raise ValueError(
                "class_weight is not supported for multi-label targets; set "
                "class_weight=None."
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
                f"{classes!r:.200}: name classes only."
            )
        for label, weight in self.class_weight.items():
            if not (isinstance(weight, Real) and 0 <= weight < np.inf):
                raise ValueError(
                    f"class_weight[{label!r}] is {weight!r}: weights must be finite "
                    "and not negative."
                )
        return [self.class_weight.get(label, 1) for label in classes]

    def _scorer(self, network, data):
        codes = data.targets
        if not self.multilabel_:
            codes = codes.reshape(len(codes))

        def validate(params):
            scores = network.scores(
                params, data.rows, data.offsets, run_all=self._map_threads
            )
            decided = self._decide(scores, data.offsets)
            return self._accuracy(decided, codes, data.weights)

        return validate

    def _accuracy(self, decided, codes, weights):
        """Return the share of terms whose label, or whole row of them, is right."""
        right = decided == codes
        if self.multilabel_:
            right = right.all(axis=1)
        return float(np.average(right, weights=weights))

    # --- fitted models ----------------------------------------------------------------

    def _decide(self, scores, offsets):
        """Return the index of the most probable class, or the rows of 0 and 1."""
        decided = self._head().decode(scores, offsets)
        return decided[:, 0] if self._is_binary else decided

    def _predict(self, scores, offsets):
        """Return the label of each term, or its row of 0 and 1."""
        decided = self._decide(scores, offsets)
        return decided if self.multilabel_ else self.classes_[decided]

    def _proba(self, scores, method):
        """Return probabilities, or their logarithms, a column for each class."""
        scores = scores.astype(np.float64)
        if self._is_binary:
            scores = np.concatenate([-scores, scores], axis=1)
        return getattr(self._head(), method)(scores)

    def _score(self, X, y, sample_weight):
        """Return the share of terms that are right; an unknown label is a wrong one."""
        scores, X = self._scores(X)
        y, weights = self._check_y(X, y, sample_weight, reset=False)
        self._check_same_kind(y)
        codes = y if self.multilabel_ else encode_labels(y, self.classes_)
        return self._accuracy(self._decide(scores, X.offsets), codes, weights)
