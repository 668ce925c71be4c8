"""The base class of the heads, which give the scores of the output layer a meaning."""

from typing import ClassVar

import numpy as np

from skrnn._core.batching import pack_steps


class Head:
    """Base of the heads: losses and their derivatives by the scores, predictions.

    A head takes the scores of a batch, its geometry, and the parameters of the network,
    including those of the head. It returns sums, never means: only `training.train`
    divides. A subclass implements `loss_grad`, `losses` and `decode`, and `proba` and
    `log_proba` of scores where there are probabilities.

    Parameters
    ----------
    n_threads : int, default=1
        The number of threads of the kernels. It does not change a bit.
    """

    # How sequences and terms become a batch where steps are not pooled.
    pack = staticmethod(pack_steps)
    # Whether there is a loss for each row of scores; else there is one per sequence.
    per_term: ClassVar[bool] = True

    def __init__(self, n_threads=1):
        self.n_threads = n_threads

    def shapes(self, n_outputs):
        """Return the parameters of the head itself, a dict of `params.ArraySpec`.

        Their names begin with "head_".
        """
        return {}

    def fill(self, params, data):
        """Set initial values that depend on the training data, a `batching.Data`."""

    def loss_grad(self, scores, targets, weights, batch, params, grads):
        """Return the summed loss of a batch and its derivative by the scores.

        Parameters
        ----------
        scores : ndarray of shape (N, K), or (B, K) where steps are pooled
            The output of the network, packed; overwritten.
        targets : ndarray
            The targets of the terms of the batch.
        weights : ndarray
            The weight of each term.
        batch : PackedBatch
            The geometry.
        params : Params
            The parameters of the network.
        grads : Params
            The derivatives by the parameters of the head are added to it.

        Returns
        -------
        loss : float
        dscores : ndarray of the shape of the scores
        """
        raise NotImplementedError

    def losses(self, scores, targets, batch, params=None):
        """Return the loss of each term, or of each sequence in packed order, float64.

        The scores are not changed. The other arguments are those of `loss_grad`; where
        `per_term` is true, scores and targets may be those of some terms of the batch.
        """
        raise NotImplementedError

    def decode(self, scores, offsets, params=None):
        """Return the most probable targets.

        Parameters
        ----------
        scores : ndarray of shape (N, K)
            The scores of the terms, one sequence after the other.
        offsets : ndarray of shape (n + 1,)
            The first term of each sequence.
        params : Params, default=None
            The parameters of the network; only for a head with parameters.

        Returns
        -------
        ndarray of length N
            Classes, rows of 0 and 1, or numbers. A head of unaligned labels returns
            the labels of all sequences, and their offsets.
        """
        raise NotImplementedError


def softmax(scores):
    """Return the softmax of each row."""
    p = np.exp(scores - scores.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    return p


def log_softmax(scores):
    """Return the logarithm of the softmax of each row."""
    scores = scores - scores.max(axis=1, keepdims=True)
    scores -= np.log(np.exp(scores).sum(axis=1, keepdims=True))
    return scores
