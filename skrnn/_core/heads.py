"""The heads: scores of the output layer to losses, probabilities and predictions.

A term is a step, or, where steps are pooled, a sequence. A new head is a subclass of
`Head` and an entry of `HEADS`.
"""

import numpy as np

from skrnn._core import kernels
from skrnn._core.ctc import CTC
from skrnn._core.head import Head, log_softmax, softmax

BLOCK = 2**16  # scores processed at a time, so that they stay in the cache


def _weighted_sum(losses, weights):
    """Return a sum that no BLAS splits by its number of threads."""
    return float((losses.astype(np.float64) * weights).sum())


def _blocks(scores):
    """Yield slices of a few rows each."""
    step = max(1, BLOCK // scores.shape[1])
    for start in range(0, len(scores), step):
        yield slice(start, start + step)


class Softmax(Head):
    """K classes, one of them true: the negative log of its softmax probability.

    Targets are the indices of the true classes, shape (N,).
    """

    def loss_grad(self, scores, targets, weights, batch=None, params=None, grads=None):
        losses = np.empty(len(targets), dtype=scores.dtype)
        if kernels.compiled is not None:
            kernels.compiled.softmax_loss(
                scores, targets, weights, losses, self.n_threads
            )
            return _weighted_sum(losses, weights), scores
        for block in _blocks(scores):
            p, weight = scores[block], weights[block]
            true = np.arange(len(p)), targets[block]
            p -= p.max(axis=1, keepdims=True)
            true_scores = p[true]
            np.exp(p, out=p)
            total = p.sum(axis=1)
            losses[block] = np.log(total) - true_scores
            p *= (weight / total)[:, None]
            p[true] -= weight
        return _weighted_sum(losses, weights), scores

    def losses(self, scores, targets, batch=None, params=None):
        losses = np.empty(len(targets))
        for block in _blocks(scores):
            log_proba = log_softmax(scores[block].astype(np.float64))
            losses[block] = -log_proba[np.arange(len(log_proba)), targets[block]]
        return losses

    def decode(self, scores, offsets=None, params=None):
        return scores.argmax(axis=1)

    def log_proba(self, scores):
        """Return the logarithm of the probability of each class."""
        return log_softmax(scores)

    def proba(self, scores):
        """Return the probability of each class."""
        return softmax(scores)


class Sigmoid(Head):
    """K independent binary labels: the binary cross entropy, summed over them.

    Scores are log-odds; targets are 0 or 1, shape (N, K). Weights may have the shape of
    the targets.
    """

    def loss_grad(self, scores, targets, weights, batch=None, params=None, grads=None):
        weights = weights.reshape(len(targets), -1)
        # log(1 + exp(s)) - y * s, without overflow
        losses = np.logaddexp(0, scores) - targets * scores
        loss = float((losses * weights).sum(dtype=np.float64))
        dscores = self.proba(scores)
        dscores -= targets
        dscores *= weights
        return loss, dscores

    def losses(self, scores, targets, batch=None, params=None):
        scores = scores.astype(np.float64)
        return (np.logaddexp(0, scores) - targets * scores).sum(axis=1)

    def decode(self, scores, offsets=None, params=None):
        return (scores > 0).astype(np.int64)

    def log_proba(self, scores):
        """Return log(sigmoid(scores))."""
        return -np.logaddexp(0, -scores)

    def proba(self, scores):
        """Return sigmoid(scores), accurate at both ends."""
        e = np.exp(-np.abs(scores))
        return np.where(scores >= 0, 1, e) / (1 + e)


class SquaredError(Head):
    """K numbers: half the squared error, summed over them.

    Scores are predictions; targets have their shape, (N, K).
    """

    def loss_grad(self, scores, targets, weights, batch=None, params=None, grads=None):
        scores -= targets
        losses = np.einsum("nk,nk->n", scores, scores)
        loss = 0.5 * _weighted_sum(losses, weights)
        scores *= weights[:, None]
        return loss, scores

    def losses(self, scores, targets, batch=None, params=None):
        return 0.5 * np.square(scores - targets, dtype=np.float64).sum(axis=1)

    def decode(self, scores, offsets=None, params=None):
        return scores


class AbsoluteError(Head):
    """K numbers: the absolute error, summed over them.

    Scores are predictions; targets have their shape, (N, K).
    """

    def loss_grad(self, scores, targets, weights, batch=None, params=None, grads=None):
        scores -= targets
        losses = np.abs(scores).sum(axis=1, dtype=np.float64)
        np.sign(scores, out=scores)
        scores *= weights[:, None]
        return _weighted_sum(losses, weights), scores

    def losses(self, scores, targets, batch=None, params=None):
        return np.abs(scores - targets, dtype=np.float64).sum(axis=1)

    def decode(self, scores, offsets=None, params=None):
        return scores


HEADS = {
    "softmax": Softmax,
    "sigmoid": Sigmoid,
    "squared_error": SquaredError,
    "absolute_error": AbsoluteError,
    "ctc": CTC,
}
