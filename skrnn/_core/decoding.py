"""New sequences from scores of what may come next: random ones, or the best ones.

The scores, shape (n, K), are those of n sequences that are under way. The function
``advance(steps, parents)`` appends steps to the sequences `parents` among them, which
are then those under way, and returns their scores.
"""

import numpy as np

from skrnn._core.heads import Sigmoid, Softmax


def draw_index(rng, p):
    """Draw an index from each row of probabilities, which need not sum to 1."""
    cumulated = np.cumsum(p, axis=1)
    total = cumulated[:, -1]
    at = np.minimum(rng.random_sample(len(p)) * total, np.nextafter(total, 0))
    return (cumulated <= at[:, None]).sum(axis=1)


def token_sampler(rng, *, temperature=1.0, top_k=None, top_p=None, excluded=()):
    """Return a function that draws from each row of scores the index of a token.

    Parameters
    ----------
    rng : RandomState
        Where random numbers come from.
    temperature : float, default=1.0
        The scores are divided by it; at 0 the largest is taken.
    top_k : int, default=None
        If given, only so many of the most probable tokens may be drawn.
    top_p : float, default=None
        If given, only as few of the most probable tokens as together have this
        probability.
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
    """Return the probabilities that tokens are drawn with; see `token_sampler`."""
    scores = scores.astype(np.float64)
    scores[:, list(excluded)] = -np.inf
    scores -= scores.max(axis=1, keepdims=True)
    if temperature == 0:
        p = np.zeros_like(scores)
        np.put_along_axis(p, scores.argmax(axis=1)[:, None], 1, axis=1)
        return p
    with np.errstate(over="ignore"):  # to minus infinity, which is a probability of 0
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

    The log-odds are divided by `temperature`; at 0 the more probable number is taken.
    """

    def draw(scores):
        if temperature == 0:
            return (scores > 0).astype(scores.dtype)
        with np.errstate(over="ignore"):
            p = Sigmoid().proba(scores.astype(np.float64) / temperature)
        return (rng.random_sample(p.shape) < p).astype(scores.dtype)

    return draw


def generate(scores, advance, draw, *, end, max_steps):
    """Append drawn steps to all sequences, each until its end.

    Parameters
    ----------
    scores : ndarray of shape (n, K)
        Of the first step to come.
    advance : callable
        See above.
    draw : callable
        What `token_sampler` or `row_sampler` return.
    end : int or None
        The token that ends a sequence and is not appended; None where there is none.
    max_steps : int
        How many steps to append at most.

    Returns
    -------
    steps : ndarray of shape (N,) or (N, K)
        Those of all sequences, one after the other.
    lengths : ndarray of shape (n,)
        How many each has got.
    """
    n = len(scores)
    live, owners = np.arange(n), [np.arange(0)]
    drawn = [np.arange(0) if end is not None else scores[:0]]
    for step in range(max_steps):
        new = draw(scores)
        going = np.arange(len(live)) if end is None else np.flatnonzero(new != end)
        new, live = new[going], live[going]
        drawn.append(new)
        owners.append(live)
        if len(live) == 0 or step == max_steps - 1:
            break
        scores = advance(new, going)
    owners = np.concatenate(owners)
    order = np.argsort(owners, kind="stable")
    return np.concatenate(drawn)[order], np.bincount(owners, minlength=n)


def beam_search(
    scores, advance, *, width, end, max_steps, excluded=(), length_penalty=0.0
):
    """Search for the most probable ways to go on with each of n sequences.

    At every step the `width` most probable ways to go on without an end are kept of
    each sequence. Its search is over when none of them can become better than the best
    `width` that have ended.

    Parameters
    ----------
    scores : ndarray of shape (n, K)
        Of the first step to come.
    advance, end, max_steps
        As in `generate`.
    width : int
        How many to follow of each sequence, and to return at most.
    excluded : sequence of int, default=()
        Tokens that are not used.
    length_penalty : float, default=0.0
        Ways are compared by their log-probability divided by their number of steps, the
        end among them, to this power.

    Returns
    -------
    list of n lists of (float, list of int, bool)
        Log-probability, tokens and whether it has ended, of each way found: those with
        an end first, then those with `max_steps` tokens, each the best one first.
    """
    n = len(scores)
    owners, log_p = np.arange(n), np.zeros(n)
    prefixes = np.zeros((n, 0), dtype=np.int64)
    ended, cut = [[] for _ in range(n)], [[] for _ in range(n)]

    def quality(log_p, n_steps):
        return log_p / n_steps**length_penalty

    for step in range(max_steps + 1):
        total = Softmax().log_proba(scores.astype(np.float64))
        total += log_p[:, None]
        total[:, list(excluded)] = -np.inf
        for row in np.flatnonzero(total[:, end] > -np.inf):
            way = float(total[row, end]), prefixes[row].tolist(), True
            ended[owners[row]].append((quality(way[0], step + 1), way))
        for i in np.unique(owners):
            ended[i] = sorted(ended[i], key=lambda way: -way[0])[:width]
        if step == max_steps:
            for row, i in enumerate(owners):
                cut[i].append((float(log_p[row]), prefixes[row].tolist(), False))
            break
        total[:, end] = -np.inf
        parents, tokens = _best_of_each(total, owners, width)
        log_p = total[parents, tokens]
        bound = quality(log_p, max_steps + 1)  # of what they can become
        worst = np.full(n, -np.inf)
        for i in np.unique(owners):
            if len(ended[i]) == width:
                worst[i] = ended[i][-1][0]
        best = np.full(n, -np.inf)
        np.maximum.at(best, owners[parents], bound)
        going = (best > worst)[owners[parents]]
        parents, tokens, log_p = parents[going], tokens[going], log_p[going]
        if len(parents) == 0:
            break
        owners = owners[parents]
        prefixes = np.concatenate([prefixes[parents], tokens[:, None]], axis=1)
        scores = advance(tokens, parents)
    return [
        [way for _, way in done] + left[: width - len(done)]
        for done, left in zip(ended, cut, strict=True)
    ]


def _best_of_each(total, owners, width):
    """Return rows and columns of the largest numbers of each owner, in their order."""
    k = min(width, total.shape[1])
    columns = np.argpartition(-total, k - 1, axis=1)[:, :k]
    rows, columns = np.repeat(np.arange(len(total)), k), columns.ravel()
    values, own = total[rows, columns], owners[rows]
    order = np.lexsort((columns, rows, -values, own))
    own = own[order]
    rank = np.arange(len(own)) - np.searchsorted(own, own)
    chosen = order[(rank < width) & (values[order] > -np.inf)]
    return rows[chosen], columns[chosen]
