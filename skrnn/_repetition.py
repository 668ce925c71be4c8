"""Weights are repetition: equal sequences become one that counts more."""

from hashlib import blake2b

import numpy as np
from scipy import sparse


def merge_repeated(rows, offsets, targets, weights):
    """Merge equal pairs of sequence and target and put them in a canonical order.

    What is trained on is then the same, to the last bit and in the same order, whether
    a sequence was given twice or with twice the weight, and whether its tokens came as
    ids or as one-hot rows.

    Parameters
    ----------
    rows : ids, CSR or dense rows
        The sequences, one after the other.
    offsets : ndarray of shape (n + 1,)
        Where each begins.
    targets : ndarray of shape (N, ...)
        The target of each step.
    weights : ndarray of shape (n,)
        The weight of each sequence.

    Returns
    -------
    index : ndarray
        One sequence of each kind that has a weight, in canonical order.
    weights : ndarray of shape (n,)
        Their summed weights; zero for all other sequences.
    """
    arrays = [*_canonical(rows, offsets), (np.ascontiguousarray(targets), offsets)]
    first, summed = {}, np.zeros(len(weights))
    for i in np.flatnonzero(weights).tolist():
        digest = blake2b(b"%d" % (offsets[i + 1] - offsets[i]), digest_size=16)
        for array, starts in arrays:
            digest.update(array[starts[i] : starts[i + 1]].data)
        summed[first.setdefault(digest.digest(), i)] += weights[i]
    return np.array([first[key] for key in sorted(first)], dtype=np.intp), summed


def _canonical(rows, offsets):
    """Return arrays, with where each sequence begins in them, that tell rows apart.

    They depend on the numbers that the rows stand for, not on how these are stored.
    """
    if rows.ndim == 1:
        return [(rows.astype(np.int64), offsets)]
    if not sparse.issparse(rows):
        filled = np.count_nonzero(rows, axis=1)
        if 2 * filled.sum() > rows.size:
            return [(np.ascontiguousarray(rows), offsets)]
        rows = sparse.csr_array(rows)
    elif 2 * rows.nnz > rows.shape[0] * rows.shape[1]:
        return [(rows.toarray(), offsets)]
    else:
        rows = rows.copy()
        rows.sum_duplicates()
        rows.eliminate_zeros()
    counts = np.diff(rows.indptr)
    columns = rows.indices.astype(np.int64)
    if (counts == 1).all() and (rows.data == 1).all():
        return [(columns, offsets)]
    starts = rows.indptr[offsets]
    return [(counts, offsets), (columns, starts), (rows.data, starts)]
