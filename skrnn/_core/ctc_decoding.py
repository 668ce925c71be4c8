"""The labels of sequences by CTC: the most probable path, and prefix search.

See `ctc`; the blank is the last of the K scores of a step.
"""

import numpy as np

from skrnn._core.batching import offsets_of


def best_path(scores, offsets):
    """Return the labels of the most probable path of each sequence.

    Parameters
    ----------
    scores : ndarray of shape (N, K)
        The scores of all steps, one sequence after the other.
    offsets : ndarray of shape (n + 1,)
        The first step of each sequence.

    Returns
    -------
    labels : ndarray
        The labels of all sequences, one after the other.
    offsets : ndarray of shape (n + 1,)
        The first label of each sequence.
    """
    path = scores.argmax(axis=1)
    is_new = np.ones(len(path), dtype=bool)
    is_new[1:] = path[1:] != path[:-1]
    is_new[offsets[:-1]] = True
    is_new &= path != scores.shape[1] - 1
    return path[is_new], offsets_of(is_new)[offsets]


class Trie:
    """The prefixes met in a search, by id: each is its parent and one label more.

    Id 0 is the empty prefix. Ids are assigned in the order of creation.
    """

    def __init__(self):
        self.parents, self.labels = [-1], [-1]
        self._ids = {}

    def __len__(self):
        return len(self.parents)

    def child(self, parent, label):
        """Return the id of a prefix with one label more, created if it is new."""
        prefix = self._ids.setdefault((parent, label), len(self))
        if prefix == len(self):
            self.parents.append(parent)
            self.labels.append(label)
        return prefix

    def spell(self, prefix):
        """Return the labels of a prefix."""
        labels = []
        while prefix > 0:
            labels.append(self.labels[prefix])
            prefix = self.parents[prefix]
        return labels[::-1]


def prefix_search(log_proba, width, prior=None):
    """Search for the most probable labels of one sequence.

    After each step the `width` most probable prefixes are kept, each with the sum over
    all of its paths (Graves 2008; Hannun et al. 2014).

    Parameters
    ----------
    log_proba : ndarray of shape (T, K)
        The log-probability of each label, the last being the blank; float64.
    width : int
        The number of prefixes to keep, and to return at most.
    prior : callable, default=None
        The score of the next label, added to its log-probability. ``prior(parents,
        labels)`` scores newly created prefixes, one for each pair of the id of its
        parent and its last label. Ids are assigned in creation order; id 0, for which
        it is called first, with empty lists, is the empty prefix. It returns a row of K
        scores per new prefix; the last column is the score of ending there.

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

    trie, prior_scores = Trie(), list(prior([], []))
    prefixes = [0]
    # paths of each prefix that end with a blank, and that end with its last label
    by_blank, by_label = np.zeros(1), np.full(1, -np.inf)
    for row in log_proba:
        scores = np.array([prior_scores[prefix][:blank] for prefix in prefixes])
        by_blank, by_label, extended = _step(
            trie, prefixes, row, scores, by_blank, by_label
        )
        candidates = np.append(np.logaddexp(by_blank, by_label), extended)
        n, best = len(prefixes), _largest(candidates, width)
        kept = best[best < n]
        parents, labels = np.divmod(best[best >= n] - n, max(1, blank))
        n_known = len(trie)
        new = [
            trie.child(prefixes[parent], label)
            for parent, label in zip(parents.tolist(), labels.tolist(), strict=True)
        ]
        if len(trie) > n_known:
            added = prior(trie.parents[n_known:], trie.labels[n_known:])
            prior_scores.extend(added)
        by_blank = np.append(by_blank[kept], np.full(len(new), -np.inf))
        by_label = np.append(by_label[kept], extended[parents, labels])
        prefixes = [*(prefixes[i] for i in kept.tolist()), *new]
    end_scores = [prior_scores[prefix][blank] for prefix in prefixes]
    total = np.logaddexp(by_blank, by_label) + end_scores
    return [
        (float(total[i]), trie.spell(prefixes[i]))
        for i in _largest(total, width).tolist()
    ]


def _step(trie, prefixes, log_proba, prior_scores, by_blank, by_label):
    """Return log-probabilities after one more step.

    Parameters
    ----------
    trie, prefixes : Trie, list of int
        The n prefixes that are kept.
    log_proba : ndarray of shape (K,)
        The log-probabilities of the step.
    prior_scores : ndarray of shape (n, K - 1)
        The prior scores of the next label.
    by_blank, by_label : ndarrays of shape (n,)
        The paths of each prefix that end with a blank, and with its last label.

    Returns
    -------
    by_blank, by_label : ndarrays of shape (n,)
    extended : ndarray of shape (n, K - 1)
        The paths of each prefix with one label more; minus infinity where that is
        another one of the prefixes, whose `by_label` then includes them.
    """
    blank = len(log_proba) - 1
    last = np.array([trie.labels[prefix] for prefix in prefixes])
    total = np.logaddexp(by_blank, by_label)
    extended = total[:, None] + log_proba[:blank]
    nonempty = np.flatnonzero(last >= 0)  # a label is repeated only after a blank
    repeated = last[nonempty]
    extended[nonempty, repeated] = by_blank[nonempty] + log_proba[repeated]
    extended += prior_scores
    by_blank, by_label = total + log_proba[blank], by_label + log_proba[last]
    position = {prefix: i for i, prefix in enumerate(prefixes)}
    for i, prefix in enumerate(prefixes):
        if (parent := position.get(trie.parents[prefix])) is not None:
            by_label[i] = np.logaddexp(by_label[i], extended[parent, last[i]])
            extended[parent, last[i]] = -np.inf
    return by_blank, by_label, extended


def _largest(values, n):
    """Return the indices of the n largest values, without those of minus infinity."""
    best = np.arange(len(values))
    if n < len(values):
        best = np.sort(np.argpartition(-values, n - 1)[:n])
    best = best[np.argsort(-values[best], kind="stable")]
    return best[values[best] > -np.inf]
