"""Conditions of a language model: none, a label per sequence, or numbers.

Each class has `n_inputs`, the number of inputs of every step that encode a condition,
and the conversions between conditions as the user passes them and as the network reads
them: the index of a label, or a row of standardised numbers.
"""

from itertools import compress

import numpy as np

from skrnn._core.repetition import weighted_moments
from skrnn._validation import check_conditions, encode_labels, unique_labels


def fit_conditions(y, weights):
    """Return the fitted attributes that describe checked conditions y, or None."""
    attributes = dict.fromkeys(
        (
            "conditions_",
            "condition_log_prior_",
            "condition_mean_",
            "condition_scale_",
        )
    )
    if isinstance(y, list):
        labels = unique_labels(compress(y, weights != 0))
        codes = encode_labels(y, labels)
        totals = np.bincount(codes[codes >= 0], weights[codes >= 0])
        attributes["conditions_"] = labels
        attributes["condition_log_prior_"] = np.log(totals / totals.sum())
    elif y is not None:
        moments = [weighted_moments(column, weights) for column in y.T]
        mean, scale = np.array(moments).T.copy()
        attributes.update(condition_mean_=mean, condition_scale_=scale)
    return attributes


def conditions_of(model):
    """Return the conditions that a language model was fitted on."""
    if model.conditions_ is not None:
        return LabelConditions(model.conditions_, model.condition_log_prior_)
    if model.condition_mean_ is not None:
        return NumberConditions(model.condition_mean_, model.condition_scale_)
    return NoConditions()


class NoConditions:
    """The model was fitted without conditions."""

    n_inputs = 0
    kind = "no conditions"
    is_of_labels = False

    def check(self, y, n, *, stream):
        """Return the conditions of n sequences, encoded; None where there are none.

        Parameters
        ----------
        y : array-like of n conditions, or None
            The argument of a method.
        n : int
            The number of sequences.
        stream : bool
            Whether the model was fitted on a stream.
        """
        if y is None:
            self.check_can_be_missing(stream)
            return None
        y = check_conditions(y, n, numeric=isinstance(self, NumberConditions))
        self.check_same_kind(y)
        return self.encode(y)

    def check_can_be_missing(self, stream):
        """Raise an error if a method needs conditions."""

    def check_same_kind(self, y):
        """Check that conditions, already validated, are like those of `fit`."""
        found = "no conditions"
        if y is not None:
            found = "labels" if isinstance(y, list) else f"rows of {y.shape[1]} numbers"
        if found != self.kind:
            raise ValueError(
                f"y holds {found}, but the model was fitted on {self.kind}: pass "
                "conditions of the same kind."
            )

    def for_samples(self, condition, n):
        """Return a condition for each of n samples, given one or n of them."""
        if isinstance(condition, np.generic) or not (
            isinstance(condition, list) or hasattr(condition, "__array__")
        ):
            return [condition] * n
        return condition


class LabelConditions(NoConditions):
    """The condition of each sequence is a label; a label is an input of its own.

    Parameters
    ----------
    labels : ndarray of shape (K,)
        The labels of `fit`.
    log_prior : ndarray of shape (K,)
        The logarithms of their shares.
    """

    kind = "labels"
    is_of_labels = True

    def __init__(self, labels, log_prior):
        self.labels, self.log_prior = labels, log_prior
        self.n_inputs = len(labels)

    def check_can_be_missing(self, stream):
        """Raise an error if labels are missing that cannot be marginalised."""
        if stream:
            raise ValueError(
                "y is None, but the model was fitted on a stream with conditions: pass "
                "the condition of each sequence."
            )

    def check_known(self, y, used):
        """Check that the labels at which `used` is true are labels of `fit`."""
        unknown = (encode_labels(y, self.labels) < 0) & used
        if unknown.any():
            i = int(np.argmax(unknown))
            raise ValueError(
                f"y[{i}] is the condition {y[i]!r}, which is not among those that the "
                f"model was fitted on, {self.labels.tolist()!r:.200}: pass one of "
                "these, or refit."
            )

    def encode(self, y):
        """Return the index of each label."""
        self.check_known(y, np.ones(len(y), dtype=bool))
        return encode_labels(y, self.labels)

    def columns(self, codes, dtype):
        """Return the input columns of each condition, and their values."""
        return codes[:, None], np.ones((len(codes), 1), dtype=dtype)

    def each(self, n):
        """Yield the codes of n sequences that all have the same label, per label."""
        for code in range(len(self.labels)):
            yield np.full(n, code)


class NumberConditions(NoConditions):
    """The condition of each sequence is a row of numbers, standardised.

    Parameters
    ----------
    mean, scale : ndarrays of shape (K,)
        The mean and standard deviation of each number in `fit`.
    """

    def __init__(self, mean, scale):
        self.mean, self.scale = mean, scale
        self.n_inputs = len(mean)
        self.kind = f"rows of {len(mean)} numbers"

    def check_can_be_missing(self, stream):
        """Raise an error: numbers cannot be marginalised."""
        raise ValueError(
            "y is None, but the model was fitted on conditions that are numbers: pass "
            "those of each sequence."
        )

    def encode(self, y):
        """Return the standardised numbers, float64."""
        return (y - self.mean) / self.scale

    def columns(self, rows, dtype):
        """Return the input columns of each condition, and their values."""
        with np.errstate(over="ignore"):  # of conditions without weight
            rows = rows.astype(dtype)
        return np.tile(np.arange(self.n_inputs), (len(rows), 1)), rows

    def for_samples(self, condition, n):
        """Return a row of numbers for each of n samples, given one or n of them."""
        K = self.n_inputs
        condition = np.asarray(condition, dtype=np.float64)
        if condition.shape in ((), (1,), (K,), (1, K)) and condition.size == K:
            return np.tile(condition.reshape(1, K), (n, 1))
        if condition.shape != (n, K) and (*condition.shape, K) != (n, 1):
            raise ValueError(
                f"condition has shape {condition.shape}: pass one row of {K} numbers, "
                f"or a row for each of the {n} samples."
            )
        return condition
