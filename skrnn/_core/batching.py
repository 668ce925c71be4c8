"""Batches: packed time-major, only real steps, the longest sequence first.

`Data` holds the sequences and the terms of their loss. A strategy, `Independent` or
`Stream`, decides which sequences are trained on and how they become batches. A pack
function, which depends on the network and its head, takes ``(data, index)`` and returns
the geometry of a batch of these sequences, and the indices of its terms.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from skrnn._core.repetition import merge_repeated, with_weight


def offsets_of(lengths):
    """Return the offset of each of consecutive parts, and the total length."""
    return np.concatenate([[0], np.cumsum(lengths)])


# --- geometry -------------------------------------------------------------------------


class PackedBatch:
    """The geometry of a batch of B sequences with N steps in all.

    Row ``offsets[t] + j`` of a packed array belongs to step t of the j-th longest
    sequence; the first ``sizes[t]`` sequences have a step t. Sequence j is number
    ``order[j]`` of those given.

    Parameters
    ----------
    starts : ndarray of shape (B,)
        The first flat row of each sequence.
    lengths : ndarray of shape (B,)
        The number of steps of each, at least 1.

    Attributes
    ----------
    order : ndarray of shape (B,)
        The sequences, longest first; those of equal length keep their order.
    lengths : ndarray of shape (B,)
        The number of steps of each, in this order.
    sizes : list of T ints
        The number of sequences that are live at each step; it never rises.
    sequence : ndarray of shape (N,)
        The sequence j of each packed row.
    rows : ndarray of shape (N,)
        The flat row of each packed row.
    reverse : ndarray of shape (N,)
        The packed row of the mirrored step of the same sequence; its own inverse.
    last : ndarray of shape (B,)
        The packed row of the last step of each sequence, in packed order.
    """

    def __init__(self, starts, lengths):
        self.starts = starts
        if len(lengths) == 1:  # fast path: the latency of predicting one sequence
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
        offsets = offsets_of(sizes)
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

    def by_sequence(self):
        """Return the packed rows of one sequence after the other, shape (N,)."""
        return np.argsort(self.sequence, kind="stable")


class SourceTargetBatch(NamedTuple):
    """The geometry of a batch of sources and their targets.

    The targets were given in the packed order of the sources: target j of the packed
    targets is that of packed source ``target.order[j]``.
    """

    source: PackedBatch
    target: PackedBatch

    @property
    def rows(self):
        """The flat row of each packed row of the sources."""
        return self.source.rows


def live_part(state, batch):
    """Return the state of the sequences that still have a step in this window."""
    if state is None:
        return None
    n = batch.sizes[0]
    return [tuple(s[:, :n] for s in layer) for layer in state]


def batches_by_length(lengths, max_sequences=128, max_rows=4096):
    """Yield index arrays of sequences of similar length, longest first.

    A batch has at most `max_rows` steps, unless it is a single sequence.
    """
    order = np.argsort(-lengths, kind="stable")
    start = 0
    while start < len(order):
        fit = max(1, min(max_sequences, max_rows // lengths[order[start]]))
        yield order[start : start + fit]
        start += fit


# --- data -----------------------------------------------------------------------------


class Data(NamedTuple):
    """Sequences, and the terms of the loss of each: any number of them."""

    rows: object  # the inputs of all steps, one sequence after the other
    offsets: np.ndarray  # shape (n + 1,), the first row of each sequence
    targets: np.ndarray  # shape (n_terms, ...), one sequence after the other
    weights: np.ndarray  # shape (n_terms,)
    term_offsets: np.ndarray  # shape (n + 1,), the first term of each sequence
    reweight: Callable | None = None  # (targets, weights) -> the weights in the loss

    def terms_of(self, index):
        """Return the indices of the terms of these sequences, one after the other."""
        return _ranges(self.term_offsets, index)[0]

    def take(self, index):
        """Return these sequences alone."""
        rows, offsets = _ranges(self.offsets, index)
        terms, term_offsets = _ranges(self.term_offsets, index)
        return self._replace(
            rows=self.rows[rows],
            offsets=offsets,
            targets=self.targets[terms],
            weights=self.weights[terms],
            term_offsets=term_offsets,
        )


def _ranges(offsets, index):
    """Return the elements of these parts, one after the other, and their offsets."""
    starts, stops = offsets[:-1][index], offsets[1:][index]
    new = offsets_of(stops - starts)
    elements = np.arange(new[-1])
    elements += np.repeat(starts - new[:-1], stops - starts)
    return elements, new


# --- pack functions -------------------------------------------------------------------


def pack_steps(data, index):
    """Pack sequences with a term for each step, or with a stream of them."""
    batch = _packed(data.offsets, index)
    return batch, batch.rows


def pack_sequences(data, index):
    """Pack sequences with one term each."""
    batch = _packed(data.offsets, index)
    return batch, data.term_offsets[:-1][index[batch.order]]


def pack_unaligned(data, index):
    """Pack sequences with terms that belong to no step; terms by packed sequence."""
    batch = _packed(data.offsets, index)
    terms, _ = _ranges(data.term_offsets, index[batch.order])
    return batch, terms


def pack_pairs(data, index):
    """Pack sequences, the sources, and their terms, the targets."""
    source = _packed(data.offsets, index)
    target = _packed(data.term_offsets, index[source.order])
    return SourceTargetBatch(source, target), target.rows


def _packed(offsets, index):
    starts = offsets[:-1][index]
    return PackedBatch(starts, offsets[1:][index] - starts)


# --- strategies -----------------------------------------------------------------------


class Independent:
    """Strategy of training on sequences that are independent of each other.

    Parameters
    ----------
    batch_size : int
        The number of sequences of a batch.
    shuffle : bool
        Whether the sequences may change their order. Then repeated sequences are
        merged.
    """

    carries_state = False

    def __init__(self, batch_size, shuffle):
        self.batch_size, self.shuffle = batch_size, shuffle

    def select(self, data):
        """Return the indices of the sequences to use, and the data with new weights."""
        if not self.shuffle:
            index = with_weight(data.weights, data.term_offsets)
            return index, data._replace(weights=data.weights.copy())
        index, weights = merge_repeated(
            data.rows, data.offsets, data.targets, data.weights, data.term_offsets
        )
        return index, data._replace(weights=weights)

    def hold_out(self, index, fraction, rng):
        """Split sequences at random into those to train on and those to score on."""
        return _split_at_random(index, fraction, rng)

    def arrange(self, data, index):
        """Return data and indices as `batches` takes them."""
        return data, index

    def batches(self, pack, data, index, rng):
        """Yield the batches of an epoch and their terms, shuffled if rng is given."""
        order = index if rng is None else index[rng.permutation(len(index))]
        for start in range(0, len(order), self.batch_size):
            yield pack(data, order[start : start + self.batch_size])


class Stream:
    """Strategy of training on one text, cut into parts that are read side by side.

    There is an update every `bptt` steps. The state is carried from one window to the
    next, derivatives are not.

    Parameters
    ----------
    batch_size : int
        The number of parts.
    bptt : int
        The number of steps of a window.
    """

    carries_state = True

    def __init__(self, batch_size, bptt):
        self.batch_size, self.bptt = batch_size, bptt

    def select(self, data):
        """Return the indices of all sequences, and the data unchanged."""
        return np.arange(len(data.offsets) - 1), data

    def hold_out(self, index, fraction, rng):
        """Split off the end of the text to score on."""
        n_train = len(_split_at_random(index, fraction, rng)[0])
        return index[:n_train], index[n_train:]

    def arrange(self, data, index):
        """Return the first ``len(index)`` sequences cut into parts, and their indices.

        Raises
        ------
        ValueError
            If a part is shorter than a window.
        """
        n_steps = data.offsets[len(index)]
        if n_steps < self.batch_size * self.bptt:
            raise ValueError(
                f"stream=True with batch_size={self.batch_size} and bptt={self.bptt} "
                f"needs at least {self.batch_size * self.bptt} steps, and X has "
                f"{n_steps} to train on: use a smaller batch_size or bptt."
            )
        edges = np.arange(self.batch_size + 1) * n_steps // self.batch_size
        parts = np.arange(self.batch_size)
        return data._replace(offsets=edges, term_offsets=edges), parts

    def batches(self, pack, data, index, rng):
        """Yield windows of all parts, and their terms."""
        batch, _ = pack_steps(data, index)
        for window in batch.windows(self.bptt):
            yield window, window.rows


def _split_at_random(index, fraction, rng):
    n, n_held_out = len(index), max(1, round(fraction * len(index)))
    if n_held_out >= n:
        raise ValueError(
            f"early_stopping with validation_fraction={fraction} leaves nothing to "
            f"train on of {n} different sequences: use a smaller fraction or more data."
        )
    order = rng.permutation(n)
    return index[np.sort(order[n_held_out:])], index[np.sort(order[:n_held_out])]
