"""Sample weights as repetition: merging of equal sequences, weighted moments."""

from hashlib import blake2b

import numpy as np

from skrnn._core.first_layer import first_layer_of


def merge_repeated(rows, offsets, targets, weights, target_offsets):
    """Merge equal pairs of sequence and target and put them in a canonical order.

    The result is the same, to the last bit and in the same order, whether a sequence
    was given twice or with twice the weight, and whether its tokens came as ids or as
    one-hot rows.

    Parameters
    ----------
    rows : rows of any kind in `first_layer.FIRST_LAYERS`
        The inputs, one sequence after the other.
    offsets : ndarray of shape (n + 1,)
        The first row of each sequence.
    targets : ndarray of shape (n_terms, ...)
        The targets, one sequence after the other.
    weights : ndarray of shape (n_terms,)
        The weight of each term.
    target_offsets : ndarray of shape (n + 1,)
        The first term of each sequence.

    Returns
    -------
    index : ndarray
        The first of each set of equal pairs with any weight, in canonical order.
    weights : ndarray of shape (n_terms,)
        Their summed weights; zero for all other sequences.
    """
    contents = first_layer_of(rows).contents(rows)
    first, summed = {}, np.zeros(len(weights))
    for i in with_weight(weights, target_offsets).tolist():
        terms = slice(target_offsets[i], target_offsets[i + 1])
        start, stop = offsets[i], offsets[i + 1]
        encoding, *arrays = contents(start, stop)
        digest = blake2b(b"%d %s" % (stop - start, encoding), digest_size=16)
        for array in (*arrays, targets[terms]):
            digest.update(np.ascontiguousarray(array).data)
        start = target_offsets[first.setdefault(digest.digest(), i)]
        summed[start : start + terms.stop - terms.start] += weights[terms]
    return np.array([first[key] for key in sorted(first)], dtype=np.intp), summed


def with_weight(weights, offsets):
    """Return the sequences with a nonzero weight of any term, in their order."""
    return np.flatnonzero(np.logical_or.reduceat(weights != 0, offsets[:-1]))


def weighted_moments(y, weights):
    """Return the mean and the standard deviation of a target, 1 if that is 0.

    Equal values are counted first, so that the result has the same bits whether a
    sequence was given twice or with twice the weight.
    """
    values, index = np.unique(y, return_inverse=True)
    counts = np.bincount(index, weights)
    values, counts = values[counts > 0], counts[counts > 0]
    largest = np.abs(values).max() or 1.0  # squares neither overflow nor vanish
    values = values / largest
    mean = np.average(values, weights=counts)
    scale = np.sqrt(np.average((values - mean) ** 2, weights=counts))
    is_constant = scale <= 10 * np.finfo(np.float64).eps * abs(mean)
    return mean * largest, 1.0 if is_constant else scale * largest
