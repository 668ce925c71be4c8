"""Attention: what the steps of one sequence, the queries, take from those of another.

Each step of a target gives every step of its source a score; the softmax of these are
the weights by which it sums up the source. By the compiled kernels where there are any,
else by numpy, which is the reference.
"""

from typing import NamedTuple

import numpy as np

from skrnn._core import kernels
from skrnn._core.heads import Softmax
from skrnn._core.products import product


class Pairing(NamedTuple):
    """Of B groups of queries the rows, and the rows that they look at.

    The queries of group i are those from ``queries[i]`` to ``queries[i + 1]``. They
    look at ``lengths[i]`` rows of the memory, from ``starts[i]`` on.
    """

    queries: np.ndarray  # shape (B + 1,)
    starts: np.ndarray  # shape (B,)
    lengths: np.ndarray  # shape (B,)

    @property
    def offsets(self):
        """Where the weights of each group begin, shape (B + 1,)."""
        sizes = np.diff(self.queries) * self.lengths
        return np.concatenate([[0], np.cumsum(sizes)])

    def slices(self):
        """Yield of each group the slices of queries, of memory and of weights."""
        queries, at = self.queries.tolist(), self.offsets.tolist()
        spans = zip(self.starts.tolist(), self.lengths.tolist(), strict=True)
        for i, (start, length) in enumerate(spans):
            yield (
                slice(queries[i], queries[i + 1]),
                slice(start, start + length),
                slice(at[i], at[i + 1]),
            )


def attend(q, keys, memory, v, pairing, *, steady=False, n_threads=1):
    """Sum up the memory by weights.

    Parameters
    ----------
    q : ndarray of shape (N_q, A)
        The queries.
    keys : ndarray of shape (N_m, A)
        What they are compared with.
    memory : ndarray of shape (N_m, M)
        What is summed up.
    v : ndarray of shape (A,), default=None
        If given, the score of a query and a key is ``v @ tanh(query + key)``, else it
        is ``query @ key``.
    pairing : Pairing
        Which queries look at which rows.
    steady : bool, default=False
        Whether the bits of a group must not depend on the others.
    n_threads : int, default=1
        Of the kernels. It does not change a bit.

    Returns
    -------
    context : ndarray of shape (N_q, M)
        The sums.
    weights : ndarray
        Of each group a matrix, queries by rows, one group after the other.
    """
    context = np.empty((len(q), memory.shape[1]), dtype=q.dtype)
    weights = np.empty(pairing.offsets[-1], dtype=q.dtype)
    if kernels.compiled is not None:
        kernels.compiled.attend(
            q, keys, memory, v, *pairing, pairing.offsets, context, weights, n_threads
        )
        return context, weights
    for own, seen, at in pairing.slices():
        if v is None:
            scores = product(q[own], keys[seen].T, steady=steady)
        else:
            scores = np.tanh(q[own][:, None] + keys[seen]) @ v
        p = Softmax().proba(scores)
        weights[at] = p.ravel()
        context[own] = product(p, memory[seen], steady=steady)
    return context, weights


def attend_backward(dcontext, weights, q, keys, memory, v, pairing, *, n_threads=1):
    """Return the derivatives by what `attend` was given.

    Parameters
    ----------
    dcontext : ndarray of shape (N_q, M)
        The derivative by the sums.
    weights : ndarray
        What `attend` returned.
    q, keys, memory, v, pairing, n_threads
        As in `attend`; no row is looked at by two groups.

    Returns
    -------
    dq, dkeys, dmemory : ndarrays of the shapes of q, keys and memory
    dv : ndarray of shape (A,), or None
    """
    dq, dkeys, dmemory = np.empty_like(q), np.zeros_like(keys), np.zeros_like(memory)
    dvs = None if v is None else np.zeros((len(pairing.starts), len(v)), dtype=q.dtype)
    if kernels.compiled is not None:
        kernels.compiled.attend_backward(
            dcontext,
            weights,
            q,
            keys,
            memory,
            v,
            *pairing,
            pairing.offsets,
            dq,
            dkeys,
            dmemory,
            dvs,
            n_threads,
        )
        return dq, dkeys, dmemory, None if v is None else dvs.sum(axis=0)
    for i, (own, seen, at) in enumerate(pairing.slices()):
        p = weights[at].reshape(own.stop - own.start, -1)
        dmemory[seen] = p.T @ dcontext[own]
        dp = dcontext[own] @ memory[seen].T
        dscores = p * (dp - (p * dp).sum(axis=1, keepdims=True))
        if v is None:
            dq[own] = dscores @ keys[seen]
            dkeys[seen] = dscores.T @ q[own]
            continue
        t = np.tanh(q[own][:, None] + keys[seen])
        dvs[i] = np.einsum("ts,tsa->a", dscores, t)
        dsum = dscores[..., None] * v * (1 - t**2)
        dq[own], dkeys[seen] = dsum.sum(axis=1), dsum.sum(axis=0)
    return dq, dkeys, dmemory, None if v is None else dvs.sum(axis=0)
