"""What a sequence spells, by the probabilities of labels and of a blank at each step.

The blank is the last one. See `ctc`.
"""

import numpy as np


def best_path(scores, offsets):
    """Return what the most probable path of each sequence spells.

    Parameters
    ----------
    scores : ndarray of shape (N, K)
        Of the steps of all sequences, one after the other.
    offsets : ndarray of shape (n + 1,)
        Where each begins.

    Returns
    -------
    labels : ndarray
        Those of all sequences, one after the other.
    offsets : ndarray of shape (n + 1,)
        Where those of each begin.
    """
    path = scores.argmax(axis=1)
    is_new = np.ones(len(path), dtype=bool)
    is_new[1:] = path[1:] != path[:-1]
    is_new[offsets[:-1]] = True
    is_new &= path != scores.shape[1] - 1
    before = np.concatenate([[0], np.cumsum(is_new)])
    return path[is_new], before[offsets]


def prefix_search(log_proba, width, prior=None):
    """Search for the most probable labels of one sequence.

    After each step the `width` most probable beginnings are kept, each with all of its
    paths (Graves 2008; Hannun et al. 2014).

    Parameters
    ----------
    log_proba : ndarray of shape (T, K)
        Of each label, the last being the blank; float64.
    width : int
        How many to follow, and to return at most.
    prior : callable, default=None
        What is added to the log-probability. ``prior(parents, labels)`` is called for
        new beginnings, which get numbers in the order in which they are made: those
        that have one of the `labels` more than `parents`. It returns for each a row of
        K numbers: what is added for each label that may come next, and last what is if
        none does. It is called for the number 0, nothing, first, with no parents.

    Returns
    -------
    list of (float, list of int)
        Log-probabilities, with the prior, and labels, the best first.
    """
    K = log_proba.shape[1]
    blank = K - 1
    if prior is None:

        def prior(parents, labels):
            return np.zeros((max(1, len(labels)), K))

    parent, last, number = [-1], [-1], {}
    added = list(prior([], []))
    nodes = np.zeros(1, dtype=np.intp)
    # paths to each beginning that end with a blank, and that end with its last label
    by_blank, by_label = np.zeros(1), np.full(1, -np.inf)
    for row in log_proba:
        n = len(nodes)
        ending = np.array([last[node] for node in nodes])
        total = np.logaddexp(by_blank, by_label)
        grown = total[:, None] + row[:blank]
        own = np.flatnonzero(ending >= 0)
        grown[own, ending[own]] = by_blank[own] + row[ending[own]]
        grown += np.array([added[node][:blank] for node in nodes])
        by_blank, by_label = total + row[blank], by_label + row[ending]
        place = {node: i for i, node in enumerate(nodes.tolist())}
        for i, node in enumerate(nodes.tolist()):
            if (above := place.get(parent[node])) is not None:
                by_label[i] = np.logaddexp(by_label[i], grown[above, ending[i]])
                grown[above, ending[i]] = -np.inf  # which has a number already
        candidates = np.append(np.logaddexp(by_blank, by_label), grown)
        best = _largest(candidates, width)
        stay, grow = best[best < n], best[best >= n] - n
        above, labels = np.divmod(grow, blank) if blank else (grow, grow)
        new, first_new = [], len(parent)
        for at, label in zip(nodes[above].tolist(), labels.tolist(), strict=True):
            if (node := number.setdefault((at, label), len(parent))) == len(parent):
                parent.append(at)
                last.append(label)
            new.append(node)
        if len(parent) > first_new:
            added += list(prior(parent[first_new:], last[first_new:]))
        by_blank = np.append(by_blank[stay], np.full(len(grow), -np.inf))
        by_label = np.append(by_label[stay], grown[above, labels])
        nodes = np.append(nodes[stay], np.array(new, dtype=np.intp))
    total = np.logaddexp(by_blank, by_label) + [added[node][blank] for node in nodes]
    found = []
    for i in _largest(total, width):
        node, labels = nodes[i], []
        while node > 0:
            labels.append(last[node])
            node = parent[node]
        found.append((float(total[i]), labels[::-1]))
    return found


def _largest(values, n):
    """Return where the n largest values are, those of minus infinity left out."""
    best = np.arange(len(values))
    if n < len(values):
        best = np.sort(np.argpartition(-values, n - 1)[:n])
    best = best[np.argsort(-values[best], kind="stable")]
    return best[values[best] > -np.inf]
