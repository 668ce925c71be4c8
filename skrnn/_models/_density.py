"""Base class of the language model: training data, log-probabilities, mixtures."""

from itertools import compress, pairwise

import numpy as np
from scipy.special import logsumexp
from sklearn.base import DensityMixin

from skrnn._core.batching import Data
from skrnn._models._base import BaseRNN
from skrnn._models._blas import deterministic_arithmetic
from skrnn._models._conditions import conditions_of, fit_conditions
from skrnn._models._sampling import Reader
from skrnn._models._steps import BinarySteps, TokenSteps
from skrnn._validation import check_conditions, check_weights


class DensityRNN(DensityMixin, BaseRNN):
    """Base class of recurrent estimators of the probability of sequences."""

    def _input_rules(self, y=None):
        return {"layout": "tokens", "allow_empty": True, "binary_rows": True}

    def _check_y(self, X, y, sample_weight, reset):
        y = None if y is None else check_conditions(y, len(X))
        return y, check_weights(sample_weight, len(X))

    def _fit_y(self, X, y, weights, classes, reset):
        self._stream = bool(self.stream)
        if reset:
            vars(self).update(fit_conditions(y, weights))
            self.unknown_token_ = X.unknown
            self.end_token_ = X.n_tokens if X.kind == "ids" else None

    def _network_spec(self):
        spec = self._shared_spec()
        width = spec["hidden_sizes"][-1]
        if self.tie_weights and self.embedding_dim != width:
            raise ValueError(
                f"tie_weights=True needs embedding_dim={width}, the size of the last "
                f"hidden layer; got {self.embedding_dim}."
            )
        is_of_ids = self.input_kind_ == "ids"
        end_is_input = is_of_ids and (self.stream or self.tie_weights)
        n_inputs = self.input_size_ + bool(end_is_input)
        return spec | {
            "input_size": n_inputs + conditions_of(self).n_inputs,
            "n_outputs": self.input_size_ + is_of_ids,
            "pooling": None,
            "head": "softmax" if is_of_ids else "sigmoid",
            "tied": bool(self.tie_weights),
        }

    def _encode(self, X, y, weights):
        conditions, used = conditions_of(self), weights != 0
        conditions.check_same_kind(y)
        if conditions.is_of_labels:
            conditions.check_known(y, used | self._stream)
            if not self._stream:  # labels of weight 0 may be unknown
                X, weights, y = X[used], weights[used], list(compress(y, used))
        encoded = None if y is None else conditions.encode(y)
        inputs, targets = self._steps().shift(X, encoded)
        weights = np.repeat(weights, inputs.lengths)
        return Data(inputs.rows, inputs.offsets, targets, weights, inputs.offsets)

    def _scorer(self, network, data):
        if not data.weights.any():
            raise ValueError(
                "The held-out end of the stream has only zero sample_weight: increase "
                "validation_fraction."
            )

        def validate(params):
            losses = self._losses(network, params, data)
            return -float(np.average(losses, weights=data.weights))

        return validate

    # --- probabilities ----------------------------------------------------------------

    def _steps(self):
        """Return the kind of the steps: token ids, or rows of 0 and 1."""
        conditions, dtype = conditions_of(self), self._architecture["dtype"]
        if self.end_token_ is None:
            return BinarySteps(self.input_size_, conditions=conditions, dtype=dtype)
        return TokenSteps(
            self.input_size_,
            first=self.end_token_ if self._stream else -1,
            unknown=self.unknown_token_,
            conditions=conditions,
            n_inputs=self._architecture["input_size"] - conditions.n_inputs,
            dtype=dtype,
        )

    def _check(self, X, y):
        """Return X as `Sequences`, and the conditions, encoded or None."""
        X = self._check_fitted_X(X)
        return X, conditions_of(self).check(y, len(X), stream=self._stream)

    def _losses(self, network, params, data):
        """Return the negative log-probability of each step."""
        if self._stream:
            offsets = data.offsets[[0, -1]]
            data = data._replace(offsets=offsets, term_offsets=offsets)
        with deterministic_arithmetic():
            return network.losses(params, data, run_all=self._map_threads)

    def _log_proba(self, X, encoded):
        """Return the log-probability of each step, and the offsets of sequences."""
        steps = self._steps()
        if encoded is None and steps.conditions.is_of_labels:
            return self._mixture_log_proba(X)
        inputs, targets = steps.shift(X, encoded)
        data = Data(inputs.rows, inputs.offsets, targets, None, inputs.offsets)
        losses = self._losses(self._network(), self._params(), data)
        return -losses, inputs.offsets

    def _mixture_log_proba(self, X):
        """Return the same as `_log_proba`, for the mixture over all labels."""
        each = conditions_of(self).each(len(X))
        by_label = [self._log_proba(X, codes) for codes in each]
        offsets = by_label[0][1]
        log_proba = np.stack([each for each, _ in by_label])  # shape: (n_labels, N)
        log_prior = self.condition_log_prior_[:, None]
        mixed = np.empty(offsets[-1])
        for start, stop in pairwise(offsets):
            joint = log_prior + np.cumsum(log_proba[:, start:stop], axis=1)
            so_far = logsumexp(joint, axis=0)
            mixed[start:stop] = np.diff(so_far, prepend=0)
        return mixed, offsets

    def _next_proba(self, X, y):
        """Return the probabilities of the step that follows each sequence."""
        X, encoded = self._check(X, y)
        network, params, steps = self._network(), self._params(), self._steps()
        shares, conditions = np.ones((len(X), 1)), [encoded]
        if encoded is None and steps.conditions.is_of_labels:
            shares, conditions = self._posterior(X), steps.conditions.each(len(X))
        total = 0
        for share, codes in zip(shares.T, conditions, strict=True):
            inputs = steps.inputs(X, codes)
            with deterministic_arithmetic():
                scores, _ = network.read(
                    params, inputs.rows, inputs.offsets, run_all=self._map_threads
                )
            proba = network.head.proba(scores.astype(np.float64))
            total = total + share[:, None] * proba
        return total

    def _posterior(self, X):
        """Return the probability of each label, given the steps of each sequence."""
        joint = np.zeros((len(X), len(self.conditions_)))
        for code, codes in enumerate(conditions_of(self).each(len(X))):
            if X.rows.shape[0] == 0:
                break  # the posterior is the prior
            log_proba, offsets = self._log_proba(X, codes)
            if self.end_token_ is not None:
                log_proba[offsets[1:] - 1] = 0  # the sequence continues
            joint[:, code] = sums_by_sequence(log_proba, offsets)
        joint += self.condition_log_prior_
        joint -= logsumexp(joint, axis=1, keepdims=True)
        return np.exp(joint)

    def _check_condition(self, condition, n):
        """Return the conditions of n samples, encoded; None where there are none."""
        conditions = conditions_of(self)
        if condition is not None:
            condition = conditions.for_samples(condition, n)
        return conditions.check(condition, n, stream=self._stream)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.required = False
        tags.input_tags.categorical = True
        tags.input_tags.positive_only = True
        return tags


def sums_by_sequence(values, offsets):
    """Return the sum of the values of each sequence, 0 for empty sequences."""
    sums, lengths = np.zeros(len(offsets) - 1), np.diff(offsets)
    if lengths.any():  # no 0 is appended for the last: sums of 8 and 9 round otherwise
        sums[lengths > 0] = np.add.reduceat(values, offsets[:-1][lengths > 0])
    return sums


def reader_of(model):
    """Return a `Reader` of a fitted model."""
    return Reader(model._network(), model._params(), model._steps())
