"""Connectionist temporal classification: labels of which nobody knows the steps.

At each step every label, and a blank beside them, has a score; their softmax is a
probability. A path takes one of them at each step. What it spells are its labels, runs
of one label being one, and blanks being none. The probability of a target is the sum of
those of all paths that spell it (Graves et al. 2006).

The blank has the last score. The targets of a batch stand one after the other in packed
order, each with a blank behind, which tells where it ends. Its paths go through states,
a blank before each label and one behind the last: from a state to itself, to the next
one, or past a blank to the next label unless that is the same.

Losses are computed by the compiled kernels where there are any, else by numpy, which is
the reference. Sums are float64, in logarithms.
"""

from typing import NamedTuple

import numpy as np

from skrnn._core import kernels
from skrnn._core.batching import batches_by_length
from skrnn._core.heads import Softmax
from skrnn._core.network import Network


class CTCNetwork(Network):
    """A `Network` whose steps are labelled by nobody; its last output is the blank.

    The targets are labels, those of each sequence with a blank behind.
    """

    def pack(self, data, index):
        """Return a batch of some sequences of `training.Data`, and their terms."""
        batch, _ = super().pack(data, index)
        own = index[batch.order]
        starts, lengths = data.term_starts[own], data.term_lengths[own]
        ends = np.cumsum(lengths)
        shifts = np.repeat(starts - (ends - lengths), lengths)
        return batch, np.arange(ends[-1]) + shifts

    def loss_grad(self, params, x, y, weights, batch, rng=None, state=None):
        """Return the summed loss of a batch and its gradients.

        Parameters
        ----------
        params, x, batch, rng, state
            As in `Network.loss_grad`.
        y : ndarray of ints
            The targets, one after the other in packed order.
        weights : ndarray of the shape of y
            How much each target counts, the same for all of its terms.

        Returns
        -------
        loss, grads, last
            As in `Network.loss_grad`.
        """
        scores, last, tape = self.forward(params, x, batch, rng=rng, state=state)
        of_targets = weights[target_ends(y, self.n_outputs - 1)]
        loss, dscores = loss_grad(
            scores, y, of_targets, batch, n_threads=self.n_threads
        )
        grads = params.zero_grads()
        self.backward(params, dscores, tape, batch, grads)
        return loss, grads, last

    def losses(self, params, data, *, run_all=map):
        """Compute minus the log-probability of many targets.

        The bits of a loss do not depend on the other sequences.

        Parameters
        ----------
        params : Params
            The weights.
        data : training.Data
            The sequences and their targets.
        run_all : callable, default=map
            As `map`; may run batches at the same time.

        Returns
        -------
        ndarray of shape (n,)
            float64; infinite where a sequence is too short for its target.
        """
        result = np.empty(len(data.lengths))

        def run(index):
            batch, terms = self.pack(data, index)
            x, y = data.rows[batch.rows], data.targets[terms]
            scores, *_ = self.forward(params, x, batch, keep=False)
            result[index[batch.order]] = losses(scores, y, batch)

        for _ in run_all(run, batches_by_length(data.lengths)):
            pass
        return result


class States(NamedTuple):
    """The states of the targets of a batch, M in all, one target after the other."""

    labels: np.ndarray  # shape (M,)
    offsets: np.ndarray  # shape (B + 1,), where those of each target begin
    sequence: np.ndarray  # shape (M,), the number of the target
    can_skip: np.ndarray  # shape (M,), whether the state can be entered from two before


def target_ends(y, blank):
    """Return where each target ends, shape (B,)."""
    return np.flatnonzero(y == blank)


def n_steps_needed(y, blank):
    """Return how many steps a sequence must have at least to spell each target.

    One for each label, and one for a blank between two that are the same.
    """
    ends = target_ends(y, blank)
    is_repeated = np.zeros(len(y), dtype=np.int64)
    is_repeated[1:] = y[1:] == y[:-1]
    is_repeated[ends] = 0  # a blank after a blank: an empty target
    starts = np.append(0, ends[:-1] + 1)
    repeated = np.add.reduceat(is_repeated, starts) if len(ends) else is_repeated
    return ends - starts + repeated


def make_states(y, blank):
    """Return the states of targets; see above."""
    ends = target_ends(y, blank)
    lengths = 2 * np.diff(ends, prepend=-1) - 1
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    pairs = np.stack([np.full_like(y, blank), y], axis=1)  # a blank before each
    labels = np.delete(pairs.ravel(), 2 * ends + 1)
    can_skip = labels != blank
    can_skip[2:] &= labels[2:] != labels[:-2]
    can_skip[offsets[:-1][lengths > 1] + 1] = False  # there is nothing two before
    return States(labels, offsets, np.repeat(np.arange(len(ends)), lengths), can_skip)


def loss_grad(scores, y, weights, batch, *, n_threads=1):
    """Return the summed loss and its derivative by the scores.

    Parameters
    ----------
    scores : ndarray of shape (N, K)
        Of a packed batch, not yet normalised; overwritten.
    y : ndarray of ints
        The targets, each with a blank, K - 1, behind.
    weights : ndarray of shape (B,)
        How much each target counts.
    batch : PackedBatch
        The geometry.
    n_threads : int, default=1
        Of the kernels. It does not change a bit.

    Returns
    -------
    loss : float
        Minus the log-probability of the targets; infinite where a sequence is too
        short for its target, which then has no part in the derivative.
    dscores : ndarray of shape (N, K)
    """
    losses = np.empty(len(weights))
    if kernels.compiled is not None:
        _by_kernel(scores, y, weights, batch, losses, n_threads)
    else:
        losses[:], occupied = _forward_backward(scores, y, batch)
        by_row = np.where(np.isfinite(losses), weights, 0)[batch.sequence]
        scores[...] = (np.exp(_log_softmax(scores)) - occupied) * by_row[:, None]
    return float((losses * weights).sum()), scores


def losses(scores, y, batch):
    """Return minus the log-probability of each target, infinite where it is 0.

    Parameters
    ----------
    scores, y, batch
        As in `loss_grad`; the scores are left as they are.

    Returns
    -------
    ndarray of shape (B,)
        float64, in packed order.
    """
    if kernels.compiled is None:
        states = make_states(y, scores.shape[1] - 1)
        emitted = _emissions(_log_softmax(scores), states, batch)
        return -_log_likelihood(_forward(emitted, states, batch), states, batch)
    result = np.empty(len(batch.lengths))
    _by_kernel(scores, y, None, batch, result, 1)
    return result


def _by_kernel(scores, y, weights, batch, losses, n_threads):
    """Set the losses, and given weights replace the scores by the derivative."""
    ends = target_ends(y, scores.shape[1] - 1)
    offsets = np.concatenate([[0], ends + 1])
    if weights is not None:
        weights = weights.astype(np.float64)
    sizes = np.array(batch.sizes)
    kernels.compiled.ctc_loss(
        scores, y, offsets, weights, batch.lengths, sizes, losses, n_threads
    )


# --- the reference --------------------------------------------------------------------


def _log_softmax(scores):
    return Softmax().log_proba(scores.astype(np.float64))


def _live(states, batch):
    """Yield of each step its first row and how many states are live."""
    row = 0
    for size in batch.sizes:
        yield row, states.offsets[size]
        row += size


def _emissions(log_proba, states, batch):
    """Return of each step the log-probability of what each live state emits."""
    return [
        log_proba[row + states.sequence[:m], states.labels[:m]]
        for row, m in _live(states, batch)
    ]


def _add(a, b, c):
    return np.logaddexp(np.logaddexp(a, b), c)


def _forward(emitted, states, batch):
    """Return of each step the log-probability of the beginnings of paths.

    Those that are in each live state after this step.
    """
    is_first = np.zeros(len(states.labels), dtype=bool)
    is_first[states.offsets[:-1]] = True
    begins = is_first.copy()
    begins[1:] |= is_first[:-1] & ~is_first[1:]  # the first label, where there is one
    now = np.where(begins, 0, -np.inf)
    alpha = []
    for t, (_, m) in enumerate(_live(states, batch)):
        if t > 0:
            one, two = np.full((2, m), -np.inf)
            one[1:], two[2:] = now[: m - 1], now[: max(0, m - 2)]
            one[is_first[:m]] = two[~states.can_skip[:m]] = -np.inf
            now = _add(now[:m], one, two)
        now = now[:m] + emitted[t]
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
    """Return of each step the log-probability of the ends of paths.

    Those that follow after this step on each live state.
    """
    is_last = np.zeros(len(states.labels), dtype=bool)
    is_last[states.offsets[1:] - 1] = True
    ends = is_last.copy()
    ends[:-1] |= is_last[1:] & ~is_last[:-1]  # the last label, where there is one
    ends = np.where(ends, 0, -np.inf)
    beta, after = [], np.empty(0)
    for t in reversed(range(len(batch.sizes))):
        now = ends[: states.offsets[batch.sizes[t]]].copy()
        if (m := len(after)) > 0:
            after = after + emitted[t + 1]
            one, two = np.full((2, m), -np.inf)
            one[:-1], two[:-2] = after[1:], after[2:]
            two[:-2][~states.can_skip[2:m]] = one[is_last[:m]] = -np.inf
            now[:m] = _add(after, one, two)
        beta.append(now)
        after = now
    return beta[::-1]


def _forward_backward(scores, y, batch):
    """Return the losses, and the probability of each label, given its target."""
    N, K = scores.shape
    states = make_states(y, K - 1)
    emitted = _emissions(_log_softmax(scores), states, batch)
    alpha = _forward(emitted, states, batch)
    log_p = _log_likelihood(alpha, states, batch)
    given = np.where(np.isfinite(log_p), log_p, 0)[states.sequence]
    beta = _backward(emitted, states, batch)
    places, values = [], []
    for a, b, (row, m) in zip(alpha, beta, _live(states, batch), strict=True):
        places.append((row + states.sequence[:m]) * K + states.labels[:m])
        values.append(np.exp(a + b - given[:m]))
    places, values = np.concatenate(places), np.concatenate(values)
    return -log_p, np.bincount(places, values, minlength=N * K).reshape(N, K)
