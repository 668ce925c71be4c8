"""What stands on the last layer: scores for each step, losses, probabilities.

``loss_grad(scores, y, weights)`` returns the summed loss and its derivative by the
scores; ``proba(scores)`` the probabilities. Sums, never means: only training divides.
"""

import numpy as np


class Softmax:
    """K classes, one of them true: minus the log of its softmax probability."""

    def loss_grad(self, scores, y, weights):
        """Return the summed loss and its derivative by the scores.

        Parameters
        ----------
        scores : ndarray of shape (N, K)
            Not yet normalised; overwritten.
        y : ndarray of N ints
            The index of the true class of each step.
        weights : ndarray of shape (N,)
            How much each step counts.

        Returns
        -------
        loss : float
        dscores : ndarray of shape (N, K)
        """
        true = np.arange(len(y)), y
        scores -= scores.max(axis=1, keepdims=True)
        true_scores = scores[true]
        p = np.exp(scores, out=scores)
        total = p.sum(axis=1)
        losses = np.log(total) - true_scores
        p /= total[:, None]
        p[true] -= 1
        p *= weights[:, None]
        return float(losses.astype(np.float64) @ weights), p

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
            How much each step, or each answer, counts.

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

    def log_proba(self, scores):
        """Return log(sigmoid(scores))."""
        return -np.logaddexp(0, -scores)

    def proba(self, scores):
        """Return sigmoid(scores), correct at both ends."""
        e = np.exp(-np.abs(scores))
        return np.where(scores >= 0, 1, e) / (1 + e)


HEADS = {"softmax": Softmax, "sigmoid": Sigmoid}
