"""Generating sequences from the scores of the next step: sampling and beam search.

The scores, shape (n, K), are those of n hypotheses. ``advance(steps, parents)`` extends
the hypotheses `parents` by `steps`; the extended hypotheses replace the current ones;
it returns their scores.
"""

from typing import NamedTuple

import numpy as np

from skrnn._core.head import log_softmax
from skrnn._core.heads import Sigmoid


def draw_index(rng, p):
    """Draw an index from each row of probabilities, which need not sum to 1."""
    cumulated = np.cumsum(p, axis=1)
    total = cumulated[:, -1]
    drawn = np.minimum(rng.random_sample(len(p)) * total, np.nextafter(total, 0))
    return (cumulated <= drawn[:, None]).sum(axis=1)


def token_sampler(rng, *, temperature=1.0, top_k=None, top_p=None, excluded=()):
    """Return a function that draws the index of a token from each row of scores.

    Parameters
    ----------
    rng : RandomState
        The source of random numbers.
    temperature : float, default=1.0
        The scores are divided by it; at 0 the largest is taken.
    top_k : int, default=None
        If given, only the `top_k` most probable tokens may be drawn.
    top_p : float, default=None
        If given, only the smallest set of most probable tokens with at least this
        probability may be drawn.
    excluded : sequence of int, default=()
        Tokens that are not drawn.
    """

    def draw(scores):
        p = sampling_proba(scores, temperature, top_k, top_p, excluded)
        if temperature == 0:
            return p.argmax(axis=1)
        return draw_index(rng, p)

    return draw


def sampling_proba(scores, temperature, top_k, top_p, excluded):
    """Return the probability of each token to be drawn; see `token_sampler`."""
    scores = scores.astype(np.float64)
    scores[:, list(excluded)] = -np.inf
    scores -= scores.max(axis=1, keepdims=True)
    if temperature == 0:
        p = np.zeros_like(scores)
        np.put_along_axis(p, scores.argmax(axis=1)[:, None], 1, axis=1)
        return p
    with np.errstate(over="ignore"):  # to minus infinity: a probability of 0
        scores /= temperature
    if top_k is not None and top_k < scores.shape[1]:
        others = np.argpartition(-scores, top_k - 1, axis=1)[:, top_k:]
        np.put_along_axis(scores, others, -np.inf, axis=1)
    p = np.exp(scores)
    p /= p.sum(axis=1, keepdims=True)
    if top_p is not None:
        order = np.argsort(-p, axis=1, kind="stable")
        ordered = np.take_along_axis(p, order, axis=1)
        before = np.cumsum(ordered, axis=1) - ordered
        np.put_along_axis(p, order, np.where(before < top_p, ordered, 0), axis=1)
        p /= p.sum(axis=1, keepdims=True)
    return p


def row_sampler(rng, *, temperature=1.0):
    """Return a function that draws 0 or 1 for each score, the log-odds of a 1.

    The log-odds are divided by `temperature`; at 0 the more probable value is taken.
    """

    def draw(scores):
        if temperature == 0:
            return (scores > 0).astype(scores.dtype)
        with np.errstate(over="ignore"):
            p = Sigmoid().proba(scores.astype(np.float64) / temperature)
        return (rng.random_sample(p.shape) < p).astype(scores.dtype)

    return draw


def generate(scores, advance, draw, *, end, max_steps):
    """Extend all sequences by drawn steps, each until its end.

    Parameters
    ----------
    scores : ndarray of shape (n, K)
        The scores of the first step.
    advance : callable
        As described above.
    draw : callable
        As returned by `token_sampler` or `row_sampler`.
    end : int or None
        The token that ends a sequence and is not appended; None where there is none.
    max_steps : int
        The number of steps to append at most.

    Returns
    -------
    steps : ndarray of shape (N,) or (N, K)
        The new steps of all sequences, one sequence after the other.
    lengths : ndarray of shape (n,)
        The number of new steps of each.
    """
    n = len(scores)
    live, owners = np.arange(n), [np.arange(0)]
    drawn = [np.arange(0) if end is not None else scores[:0]]
    for step in range(max_steps):
        new = draw(scores)
        goes_on = np.arange(len(live)) if end is None else np.flatnonzero(new != end)
        new, live = new[goes_on], live[goes_on]
        drawn.append(new)
        owners.append(live)
        if len(live) == 0 or step == max_steps - 1:
            break
        scores = advance(new, goes_on)
    owners = np.concatenate(owners)
    order = np.argsort(owners, kind="stable")
    return np.concatenate(drawn)[order], np.bincount(owners, minlength=n)


# --- beam search ----------------------------------------------------------------------


class Hypotheses(NamedTuple):
    """The hypotheses that a beam search follows, those of all sequences together."""

    owners: np.ndarray  # shape (n,), the sequence that each belongs to; never falls
    log_p: np.ndarray  # shape (n,), the log-probability of its tokens
    tokens: np.ndarray  # shape (n, n_steps)

    def extend(self, parents, tokens, log_p):
        """Return the hypotheses `parents` with one token more."""
        extended = np.concatenate([self.tokens[parents], tokens[:, None]], axis=1)
        return Hypotheses(self.owners[parents], log_p, extended)


class Finished:
    """The best hypotheses of each sequence that have ended.

    Parameters
    ----------
    n : int
        The number of sequences.
    width : int
        The number of hypotheses to keep of each.
    length_penalty : float
        As in `beam_search`.
    """

    def __init__(self, n, width, length_penalty):
        self.width, self.length_penalty = width, length_penalty
        self.ranked = [[] for _ in range(n)]  # of (quality, result), the best first

    def quality(self, log_p, n_steps):
        """Return the number that hypotheses are compared by."""
        return log_p / n_steps**self.length_penalty

    def add(self, hypotheses, log_p):
        """Add the hypotheses that end here, with these log-probabilities."""
        n_steps = hypotheses.tokens.shape[1] + 1
        for i in np.flatnonzero(log_p > -np.inf):
            result = float(log_p[i]), hypotheses.tokens[i].tolist(), True
            ranked = self.ranked[hypotheses.owners[i]]
            ranked.append((self.quality(result[0], n_steps), result))
        for owner in np.unique(hypotheses.owners):
            self.ranked[owner].sort(key=lambda ranked: -ranked[0])
            del self.ranked[owner][self.width :]

    def can_improve(self, owners, log_p, n_steps):
        """Return which hypotheses belong to a sequence whose search is not over.

        It is over when none of its hypotheses can have a better quality, which after
        `n_steps` steps is greatest, than the worst of `width` that have ended.
        """
        worst = np.full(len(self.ranked), -np.inf)
        for owner in np.unique(owners):
            if len(self.ranked[owner]) == self.width:
                worst[owner] = self.ranked[owner][-1][0]
        best = np.full(len(self.ranked), -np.inf)
        np.maximum.at(best, owners, self.quality(log_p, n_steps))
        return (best > worst)[owners]


def beam_search(
    scores, advance, *, width, end, max_steps, excluded=(), length_penalty=0.0
):
    """Search for the most probable continuations of each of n sequences.

    At every step the `width` most probable hypotheses without an end are kept for each
    sequence. Its search is over when none of them can become better than the best
    `width` that have ended.

    Parameters
    ----------
    scores : ndarray of shape (n, K)
        The scores of the first step.
    advance, end, max_steps
        As in `generate`.
    width : int
        The number of hypotheses to keep for each sequence, and to return at most.
    excluded : sequence of int, default=()
        Tokens that are not used.
    length_penalty : float, default=0.0
        Hypotheses are compared by their log-probability divided by their number of
        steps, the end included, to this power.

    Returns
    -------
    list of n lists of (float, list of int, bool)
        Log-probability, tokens and whether it has ended, of each hypothesis: those with
        an end first, then those with `max_steps` tokens, each the best one first.
    """
    n = len(scores)
    live = Hypotheses(np.arange(n), np.zeros(n), np.zeros((n, 0), dtype=np.int64))
    finished, cut = Finished(n, width, length_penalty), [[] for _ in range(n)]
    for step in range(max_steps + 1):
        total = log_softmax(scores.astype(np.float64))
        total += live.log_p[:, None]
        total[:, list(excluded)] = -np.inf
        finished.add(live, total[:, end])
        if step == max_steps:
            for owner, log_p, tokens in zip(*live, strict=True):
                cut[owner].append((float(log_p), tokens.tolist(), False))
            break
        total[:, end] = -np.inf
        parents, tokens = _best_of_each(total, live.owners, width)
        log_p = total[parents, tokens]
        goes_on = finished.can_improve(live.owners[parents], log_p, max_steps + 1)
        parents, tokens, log_p = parents[goes_on], tokens[goes_on], log_p[goes_on]
        if len(parents) == 0:
            break
        live = live.extend(parents, tokens, log_p)
        scores = advance(tokens, parents)
    return [
        [result for _, result in ranked] + rest[: width - len(ranked)]
        for ranked, rest in zip(finished.ranked, cut, strict=True)
    ]


def _best_of_each(total, owners, width):
    """Return rows and columns of the largest values of each owner, in falling order."""
    k = min(width, total.shape[1])
    columns = np.argpartition(-total, k - 1, axis=1)[:, :k]
    rows, columns = np.repeat(np.arange(len(total)), k), columns.ravel()
    values, owners = total[rows, columns], owners[rows]
    order = np.lexsort((columns, rows, -values, owners))
    owners = owners[order]
    rank = np.arange(len(owners)) - np.searchsorted(owners, owners)
    chosen = order[(rank < width) & (values[order] > -np.inf)]
    return rows[chosen], columns[chosen]
