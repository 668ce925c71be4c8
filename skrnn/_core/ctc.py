"""Connectionist temporal classification (CTC): the loss of unaligned labels.

At each step every label, and a blank beside them, has a score; their softmax is a
probability. A path takes one of them at each step. Merging runs of equal labels and
removing blanks gives the labels of a path. The probability of a target is the sum over
all paths with these labels (Graves et al. 2006).

The blank has the last score. The targets of a batch are concatenated in packed order,
each followed by a blank, which marks its end. The states of a target are its labels
with a blank before each and one behind the last: a path goes from a state to itself, to
the next one, or past a blank to the next label unless that is the same.

Losses are computed by the compiled kernels where they are available, else by numpy,
which is the reference. Sums are float64, in logarithms.
"""

from typing import NamedTuple

import numpy as np

from skrnn._core import kernels
from skrnn._core.batching import offsets_of, pack_unaligned
from skrnn._core.ctc_decoding import best_path
from skrnn._core.head import Head, log_softmax, softmax


class CTC(Head):
    """Labels without an alignment to the steps; the last score is that of the blank.

    Targets are the labels of all sequences in packed order, each sequence followed by a
    blank; all labels of a sequence have its weight.
    """

    pack = staticmethod(pack_unaligned)
    per_term = False

    def fill(self, params, data):
        """Set the bias of the blank to its expected frequency.

        Without this, many epochs are spent on learning that most steps are blank.
        """
        bias = params["b_out"]
        blank = len(bias) - 1
        weights = data.weights[data.term_offsets[1:] - 1]
        n_labels = (weights * (np.diff(data.term_offsets) - 1)).sum()
        n_steps = (weights * np.diff(data.offsets)).sum()
        share = np.clip(n_labels / n_steps, 0.01, 0.5)
        bias[blank] = np.log(blank * (1 - share) / share)

    def loss_grad(self, scores, targets, weights, batch, params=None, grads=None):
        weights = weights[target_ends(targets, scores.shape[1] - 1)]
        return loss_grad(scores, targets, weights, batch, n_threads=self.n_threads)

    def losses(self, scores, targets, batch, params=None):
        """Return the loss of each sequence; infinite where it is too short."""
        return losses(scores, targets, batch)

    def decode(self, scores, offsets, params=None):
        return best_path(scores, offsets)

    def log_proba(self, scores):
        """Return the logarithm of the probability of each label, and of the blank."""
        return log_softmax(scores)

    def proba(self, scores):
        """Return the probability of each label, and of the blank."""
        return softmax(scores)


class States(NamedTuple):
    """The states of the targets of a batch, M in all, one target after the other."""

    labels: np.ndarray  # shape (M,)
    offsets: np.ndarray  # shape (B + 1,), the first state of each target
    sequence: np.ndarray  # shape (M,), the target of each state
    can_skip: np.ndarray  # shape (M,), whether it is entered from two states before


def target_ends(y, blank):
    """Return the position of the end of each target, shape (B,)."""
    return np.flatnonzero(y == blank)


def n_steps_needed(y, blank):
    """Return the least number of steps of a sequence with each target.

    One for each label, and one for a blank between two labels that are the same.
    """
    ends = target_ends(y, blank)
    is_repeated = np.zeros(len(y), dtype=np.int64)
    is_repeated[1:] = y[1:] == y[:-1]
    is_repeated[ends] = 0  # a blank after a blank: an empty target
    starts = np.append(0, ends[:-1] + 1)
    repeated = np.add.reduceat(is_repeated, starts) if len(ends) else is_repeated
    return ends - starts + repeated


def make_states(y, blank):
    """Return the states of targets, as described above."""
    ends = target_ends(y, blank)
    lengths = 2 * np.diff(ends, prepend=-1) - 1
    offsets = offsets_of(lengths)
    pairs = np.stack([np.full_like(y, blank), y], axis=1)  # a blank before each
    labels = np.delete(pairs.ravel(), 2 * ends + 1)
    can_skip = labels != blank
    can_skip[2:] &= labels[2:] != labels[:-2]
    can_skip[offsets[:-1][lengths > 1] + 1] = False  # no state is two before the second
    return States(labels, offsets, np.repeat(np.arange(len(ends)), lengths), can_skip)


def loss_grad(scores, y, weights, batch, *, n_threads=1):
    """Return the summed loss and its derivative by the scores.

    Parameters
    ----------
    scores : ndarray of shape (N, K)
        The scores of a packed batch, not normalised; overwritten.
    y : ndarray of ints
        The targets, each followed by a blank, K - 1.
    weights : ndarray of shape (B,)
        The weight of each target.
    batch : PackedBatch
        The geometry.
    n_threads : int, default=1
        The number of threads of the kernels. It does not change a bit.

    Returns
    -------
    loss : float
        The negative log-probability of the targets; infinite where a sequence is too
        short for its target, which then does not contribute to the derivative.
    dscores : ndarray of shape (N, K)
    """
    losses = np.empty(len(weights))
    if kernels.compiled is not None:
        _compiled_losses(scores, y, weights, batch, losses, n_threads)
    else:
        losses[:], occupied = _forward_backward(scores, y, batch)
        by_row = np.where(np.isfinite(losses), weights, 0)[batch.sequence]
        proba = np.exp(log_softmax(scores.astype(np.float64)))
        scores[...] = (proba - occupied) * by_row[:, None]
    return float((losses * weights).sum()), scores


def losses(scores, y, batch):
    """Return the negative log-probability of each target, infinite where it is 0.

    Parameters
    ----------
    scores, y, batch
        As in `loss_grad`; the scores are not changed.

    Returns
    -------
    ndarray of shape (B,)
        float64, in packed order.
    """
    if kernels.compiled is None:
        states = make_states(y, scores.shape[1] - 1)
        emitted = _emissions(log_softmax(scores.astype(np.float64)), states, batch)
        return -_log_likelihood(_forward(emitted, states, batch), states, batch)
    result = np.empty(len(batch.lengths))
    _compiled_losses(scores, y, None, batch, result, 1)
    return result


def _compiled_losses(scores, y, weights, batch, losses, n_threads):
    """Set the losses; where weights are given replace the scores by the derivative."""
    ends = target_ends(y, scores.shape[1] - 1)
    offsets = np.concatenate([[0], ends + 1])
    if weights is not None:
        weights = weights.astype(np.float64)
    sizes = np.array(batch.sizes)
    kernels.compiled.ctc_loss(
        scores, y, offsets, weights, batch.lengths, sizes, losses, n_threads
    )


# --- the reference --------------------------------------------------------------------


def _live(states, batch):
    """Yield the first row of each step, and the number of its live states."""
    row = 0
    for size in batch.sizes:
        yield row, states.offsets[size]
        row += size


def _emissions(log_proba, states, batch):
    """Return the log-probability of the label of each live state, for each step."""
    return [
        log_proba[row + states.sequence[:m], states.labels[:m]]
        for row, m in _live(states, batch)
    ]


def _shifted(log_p, n, allowed):
    """Return log_p moved n states on, minus infinity where that is not allowed."""
    moved = np.full(len(log_p), -np.inf)
    moved[n:] = log_p[: max(0, len(log_p) - n)]
    return np.where(allowed, moved, -np.inf)


def _shifted_back(log_p, n, allowed):
    """Return log_p moved n states back, where the transition they leave is allowed."""
    moved = np.full(len(log_p), -np.inf)
    moved[:-n] = np.where(allowed, log_p, -np.inf)[n:]
    return moved


def _forward(emitted, states, batch):
    """Return the log-probability of all path prefixes that end in each live state.

    An array for each step; the emission of this step is included.
    """
    is_first = np.zeros(len(states.labels), dtype=bool)
    is_first[states.offsets[:-1]] = True
    is_start = is_first.copy()
    is_start[1:] |= is_first[:-1] & ~is_first[1:]  # the first label, if there is one
    now = np.where(is_start, 0, -np.inf)
    alpha = []
    for t, (_, m) in enumerate(_live(states, batch)):
        now = now[:m]
        if t > 0:
            one = _shifted(now, 1, ~is_first[:m])
            two = _shifted(now, 2, states.can_skip[:m])
            now = np.logaddexp(np.logaddexp(now, one), two)
        now = now + emitted[t]
        alpha.append(now)
    return alpha


def _log_likelihood(alpha, states, batch):
    """Return the log-probability of each target."""
    log_p = np.empty(len(batch.lengths))
    for i, T in enumerate(batch.lengths):
        start, stop = states.offsets[i : i + 2]
        log_p[i] = np.logaddexp.reduce(alpha[T - 1][start:stop][-2:])
    return log_p


def _backward(emitted, states, batch):
    """Return the log-probability of all path suffixes that follow each live state.

    An array for each step; the emission of this step is not included.
    """
    is_first = np.zeros(len(states.labels), dtype=bool)
    is_first[states.offsets[:-1]] = True
    is_last = np.zeros(len(states.labels), dtype=bool)
    is_last[states.offsets[1:] - 1] = True
    is_end = is_last.copy()
    is_end[:-1] |= is_last[1:] & ~is_last[:-1]  # the last label, if there is one
    ends = np.where(is_end, 0, -np.inf)
    beta, after = [], np.empty(0)
    for t in reversed(range(len(batch.sizes))):
        now = ends[: states.offsets[batch.sizes[t]]].copy()
        if (m := len(after)) > 0:
            after = after + emitted[t + 1]
            one = _shifted_back(after, 1, ~is_first[:m])
            two = _shifted_back(after, 2, states.can_skip[:m])
            now[:m] = np.logaddexp(np.logaddexp(after, one), two)
        beta.append(now)
        after = now
    return beta[::-1]


def _forward_backward(scores, y, batch):
    """Return the losses, and the posterior probability of each label at each step."""
    N, K = scores.shape
    states = make_states(y, K - 1)
    emitted = _emissions(log_softmax(scores.astype(np.float64)), states, batch)
    alpha = _forward(emitted, states, batch)
    log_p = _log_likelihood(alpha, states, batch)
    log_evidence = np.where(np.isfinite(log_p), log_p, 0)[states.sequence]
    beta = _backward(emitted, states, batch)
    places, values = [], []
    for a, b, (row, m) in zip(alpha, beta, _live(states, batch), strict=True):
        places.append((row + states.sequence[:m]) * K + states.labels[:m])
        values.append(np.exp(a + b - log_evidence[:m]))
    places, values = np.concatenate(places), np.concatenate(values)
    return -log_p, np.bincount(places, values, minlength=N * K).reshape(N, K)
