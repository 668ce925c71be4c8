"""Attention: each query takes a weighted sum of the rows of a memory.

The queries are the steps of one sequence, the memory those of another. Each query has a
score for each row of its memory; the softmax of the scores are the weights. The
compiled kernels compute this where there are any; otherwise numpy does, which is the
reference.
"""

from typing import NamedTuple

import numpy as np

from skrnn._core import kernels
from skrnn._core.heads import Softmax
from skrnn._core.products import product


class QueryGroups(NamedTuple):
    """Row ranges of B groups of queries and of the memory rows each one attends to.

    The queries of group i are rows ``queries[i]`` to ``queries[i + 1]``. They attend to
    ``lengths[i]`` rows of the memory, from ``starts[i]`` on.
    """

    queries: np.ndarray  # shape (B + 1,)
    starts: np.ndarray  # shape (B,)
    lengths: np.ndarray  # shape (B,)

    @property
    def offsets(self):
        """The positions at which the weights of each group start, shape (B + 1,)."""
        sizes = np.diff(self.queries) * self.lengths
        return np.concatenate([[0], np.cumsum(sizes)])

    def slices(self):
        """Yield the slices of queries, memory and weights of each group."""
        queries, offsets = self.queries.tolist(), self.offsets.tolist()
        spans = zip(self.starts.tolist(), self.lengths.tolist(), strict=True)
        for i, (start, length) in enumerate(spans):
            yield (
                slice(queries[i], queries[i + 1]),
                slice(start, start + length),
                slice(offsets[i], offsets[i + 1]),
            )


def attend(q, keys, memory, v, groups, *, batch_invariant=False, n_threads=1):
    """Return the weighted sums of the memory for each query.

    Parameters
    ----------
    q : ndarray of shape (N_q, A)
        The queries.
    keys : ndarray of shape (N_m, A)
        The keys that queries are compared with.
    memory : ndarray of shape (N_m, M)
        The rows that are summed.
    v : ndarray of shape (A,), default=None
        The score vector of additive attention, where the score of a query and a key is
        ``v @ tanh(query + key)``. If None the score is ``query @ key``.
    groups : QueryGroups
        The memory rows of each query.
    batch_invariant : bool, default=False
        Whether the bits of a group must not depend on the others.
    n_threads : int, default=1
        Threads of the kernels; the result is the same to the last bit.

    Returns
    -------
    context : ndarray of shape (N_q, M)
        The sums.
    weights : ndarray
        A matrix of queries by memory rows for each group, flattened, one after the
        other.
    """
    offsets = groups.offsets
    context = np.empty((len(q), memory.shape[1]), dtype=q.dtype)
    weights = np.empty(offsets[-1], dtype=q.dtype)
    if kernels.compiled is not None:
        kernels.compiled.attend(
            q, keys, memory, v, *groups, offsets, context, weights, n_threads
        )
        return context, weights
    for rows, seen, at in groups.slices():
        if v is None:
            scores = product(q[rows], keys[seen].T, batch_invariant=batch_invariant)
        else:
            scores = np.tanh(q[rows][:, None] + keys[seen]) @ v
        p = Softmax().proba(scores)
        weights[at] = p.ravel()
        context[rows] = product(p, memory[seen], batch_invariant=batch_invariant)
    return context, weights


def attend_backward(dcontext, weights, q, keys, memory, v, groups, *, n_threads=1):
    """Return the derivatives of the loss by the arguments of `attend`.

    Parameters
    ----------
    dcontext : ndarray of shape (N_q, M)
        The derivative by the sums.
    weights : ndarray
        As returned by `attend`.
    q, keys, memory, v, groups, n_threads
        As in `attend`; no memory row belongs to two groups.

    Returns
    -------
    dq, dkeys, dmemory : ndarrays of the shapes of q, keys and memory
    dv : ndarray of shape (A,), or None
    """
    dq, dkeys, dmemory = np.empty_like(q), np.zeros_like(keys), np.zeros_like(memory)
    dvs = None if v is None else np.zeros((len(groups.starts), len(v)), dtype=q.dtype)
    if kernels.compiled is None:
        _backward_by_numpy(
            dcontext, weights, q, keys, memory, v, groups, dq, dkeys, dmemory, dvs
        )
    else:
        kernels.compiled.attend_backward(
            dcontext=dcontext,
            weights=weights,
            q=q,
            keys=keys,
            memory=memory,
            v=v,
            queries=groups.queries,
            starts=groups.starts,
            lengths=groups.lengths,
            offsets=groups.offsets,
            dq=dq,
            dkeys=dkeys,
            dmemory=dmemory,
            dv=dvs,
            n_threads=n_threads,
        )
    return dq, dkeys, dmemory, None if v is None else dvs.sum(axis=0)


def _backward_by_numpy(
    dcontext, weights, q, keys, memory, v, groups, dq, dkeys, dmemory, dvs
):
    """Set dq, dkeys and dmemory, and the derivative by v of each group."""
    for i, (rows, seen, at) in enumerate(groups.slices()):
        p = weights[at].reshape(rows.stop - rows.start, -1)
        dmemory[seen] = p.T @ dcontext[rows]
        dp = dcontext[rows] @ memory[seen].T
        dscores = p * (dp - (p * dp).sum(axis=1, keepdims=True))
        if v is None:
            dq[rows] = dscores @ keys[seen]
            dkeys[seen] = dscores.T @ q[rows]
            continue
        t = np.tanh(q[rows][:, None] + keys[seen])
        dvs[i] = np.einsum("ts,tsa->a", dscores, t)
        dsum = dscores[..., None] * v * (1 - t**2)
        dq[rows], dkeys[seen] = dsum.sum(axis=1), dsum.sum(axis=0)
