"""Batches that hold real steps only: packed time-major, longest sequence first."""

import numpy as np


def offsets_of(lengths):
    """Return where each sequence begins, and where the last ends, shape (n + 1,)."""
    return np.concatenate([[0], np.cumsum(lengths)])


class PackedBatch:
    """The geometry of a batch of B sequences with N steps in all.

    Row ``offsets[t] + j`` of anything packed belongs to step t of the j-th longest
    sequence; the first ``sizes[t]`` sequences have a step t. Sequence j is number
    ``order[j]`` of those given.

    Parameters
    ----------
    starts : ndarray of shape (B,)
        The flat row at which each sequence begins.
    lengths : ndarray of shape (B,)
        The number of steps of each, at least 1.

    Attributes
    ----------
    order : ndarray of shape (B,)
        The sequences, longest first; those of equal length keep their order.
    lengths : ndarray of shape (B,)
        The number of steps of each, in this order.
    sizes : list of T ints
        How many sequences are live at each step; never rises.
    sequence : ndarray of shape (N,)
        The number j of the sequence of each packed row.
    rows : ndarray of shape (N,)
        The flat row of each packed row.
    reverse : ndarray of shape (N,)
        The packed row of the mirrored step of the same sequence; its own inverse.
    last : ndarray of shape (B,)
        The packed row of the last step of each sequence, in packed order.
    """

    def __init__(self, starts, lengths):
        self.starts = starts
        if len(lengths) == 1:  # a sentence to predict should not wait for all that
            self.order = np.zeros(1, dtype=np.intp)
            self.lengths, T = lengths, int(lengths[0])
            step = np.arange(T)
            self.sequence = np.zeros(T, dtype=np.int64)
            self.sizes = [1] * T
            self.rows, self.reverse = starts[0] + step, step[::-1]
            self.last = step[-1:]
            return
        self.order = np.argsort(-lengths, kind="stable")
        lengths = lengths[self.order]
        longest = lengths[0]
        sizes = np.searchsorted(-lengths, -np.arange(longest), side="left")
        offsets = np.concatenate([[0], np.cumsum(sizes)])
        step = np.repeat(np.arange(longest), sizes)
        sequence = np.arange(offsets[-1]) - offsets[step]
        self.lengths, self.sequence = lengths, sequence
        self.sizes = sizes.tolist()
        self.rows = starts[self.order][sequence] + step
        self.reverse = offsets[lengths[sequence] - 1 - step] + sequence
        self.last = offsets[lengths - 1] + np.arange(len(lengths))

    def windows(self, n_steps):
        """Yield batches of the next `n_steps` steps of all sequences still live.

        Sequence j of each is sequence j of this batch.
        """
        starts = self.starts[self.order]
        for t in range(0, len(self.sizes), n_steps):
            n = self.sizes[t]
            lengths = np.minimum(self.lengths[:n] - t, n_steps)
            yield PackedBatch(starts[:n] + t, lengths)


def shuffled_batches(n, batch_size, rng=None):
    """Yield index arrays that cover range(n), shuffled where rng is given."""
    order = np.arange(n) if rng is None else rng.permutation(n)
    for start in range(0, n, batch_size):
        yield order[start : start + batch_size]


def batches_by_length(lengths, max_sequences=128, max_rows=4096):
    """Yield index arrays of sequences of like length, longest first.

    A batch has at most `max_rows` steps, unless it is a single sequence.
    """
    order = np.argsort(-lengths, kind="stable")
    start = 0
    while start < len(order):
        fit = max(1, min(max_sequences, max_rows // lengths[order[start]]))
        yield order[start : start + fit]
        start += fit
