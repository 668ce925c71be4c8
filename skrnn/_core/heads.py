"""What stands on the last layer: scores of a term, losses, probabilities.

A term is a step, or where the steps are pooled a sequence. ``loss_grad(scores, y,
weights)`` returns the summed loss and its derivative by the scores; where there are
probabilities, ``proba(scores)`` and ``log_proba(scores)`` return them, and
``losses(scores, y)`` the loss of each term. Sums, never means: only training divides.
"""

import numpy as np

from skrnn._core import kernels

BLOCK = 2**16  # scores that are worked on at a time, so that they stay in the cache


def _weighted_sum(losses, weights):
    """Return a sum that no BLAS splits by its number of threads."""
    return float((losses.astype(np.float64) * weights).sum())


def _blocks(scores):
    """Yield slices of a few rows each."""
    step = max(1, BLOCK // scores.shape[1])
    for start in range(0, len(scores), step):
        yield slice(start, start + step)


class Softmax:
    """K classes, one of them true: minus the log of its softmax probability."""

    n_threads = 1  # of the kernels

    def loss_grad(self, scores, y, weights):
        """Return the summed loss and its derivative by the scores.

        Parameters
        ----------
        scores : ndarray of shape (N, K)
            Not yet normalised; overwritten.
        y : ndarray of N ints
            The index of the true class of each term.
        weights : ndarray of shape (N,)
            How much each term counts.

        Returns
        -------
        loss : float
        dscores : ndarray of shape (N, K)
        """
        losses = np.empty(len(y), dtype=scores.dtype)
        if kernels.compiled is not None:
            kernels.compiled.softmax_loss(scores, y, weights, losses, self.n_threads)
            return _weighted_sum(losses, weights), scores
        for block in _blocks(scores):
            p, weight = scores[block], weights[block]
            true = np.arange(len(p)), y[block]
            p -= p.max(axis=1, keepdims=True)
            true_scores = p[true]
            np.exp(p, out=p)
            total = p.sum(axis=1)
            losses[block] = np.log(total) - true_scores
            p *= (weight / total)[:, None]
            p[true] -= weight
        return _weighted_sum(losses, weights), scores

    def losses(self, scores, y):
        """Return minus the log-probability of the true class of each row, float64."""
        losses = np.empty(len(y))
        for block in _blocks(scores):
            log_proba = self.log_proba(scores[block].astype(np.float64))
            losses[block] = -log_proba[np.arange(len(log_proba)), y[block]]
        return losses

    def log_proba(self, scores):
        """Return the logarithm of the softmax of each row."""
        scores = scores - scores.max(axis=1, keepdims=True)
        scores -= np.log(np.exp(scores).sum(axis=1, keepdims=True))
        return scores

    def proba(self, scores):
        """Return the softmax of each row."""
        p = np.exp(scores - scores.max(axis=1, keepdims=True))
        p /= p.sum(axis=1, keepdims=True)
        return p


class Sigmoid:
    """K independent yes-or-no questions: binary cross entropy, summed over them."""

    def loss_grad(self, scores, y, weights):
        """Return the summed loss and its derivative by the scores.

        Parameters
        ----------
        scores : ndarray of shape (N, K)
            The log-odds; overwritten.
        y : ndarray of shape (N, K)
            0 or 1.
        weights : ndarray of shape (N,) or (N, K)
            How much each term, or each answer, counts.

        Returns
        -------
        loss : float
        dscores : ndarray of shape (N, K)
        """
        weights = weights.reshape(len(y), -1)
        # log(1 + exp(s)) - y * s, without overflow
        losses = np.logaddexp(0, scores) - y * scores
        loss = float((losses * weights).sum(dtype=np.float64))
        dscores = self.proba(scores)
        dscores -= y
        dscores *= weights
        return loss, dscores

    def losses(self, scores, y):
        """Return minus the log-probability of each row of answers, float64."""
        scores = scores.astype(np.float64)
        return (np.logaddexp(0, scores) - y * scores).sum(axis=1)

    def log_proba(self, scores):
        """Return log(sigmoid(scores))."""
        return -np.logaddexp(0, -scores)

    def proba(self, scores):
        """Return sigmoid(scores), correct at both ends."""
        e = np.exp(-np.abs(scores))
        return np.where(scores >= 0, 1, e) / (1 + e)


class SquaredError:
    """K numbers: half the squared error, summed over them."""

    def loss_grad(self, scores, y, weights):
        """Return the summed loss and its derivative by the scores.

        Parameters
        ----------
        scores : ndarray of shape (N, K)
            The predictions; overwritten.
        y : ndarray of shape (N, K)
            The true numbers.
        weights : ndarray of shape (N,)
            How much each term counts.

        Returns
        -------
        loss : float
        dscores : ndarray of shape (N, K)
        """
        scores -= y
        losses = np.einsum("nk,nk->n", scores, scores)
        loss = 0.5 * _weighted_sum(losses, weights)
        scores *= weights[:, None]
        return loss, scores


class AbsoluteError:
    """K numbers: the absolute error, summed over them."""

    def loss_grad(self, scores, y, weights):
        """Return the summed loss and its derivative, as `SquaredError` does."""
        scores -= y
        losses = np.abs(scores).sum(axis=1, dtype=np.float64)
        np.sign(scores, out=scores)
        scores *= weights[:, None]
        return _weighted_sum(losses, weights), scores


HEADS = {
    "softmax": Softmax,
    "sigmoid": Sigmoid,
    "squared_error": SquaredError,
    "absolute_error": AbsoluteError,
}
