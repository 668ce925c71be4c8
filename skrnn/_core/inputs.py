"""The first product with the inputs: token ids, sparse rows or dense rows.

The only code that knows the difference. To all three kinds a step is a row x of V
numbers; ids are one-hot rows that need not be written down, and the id -1 is a row of
zeros. One row of a table of weights belongs to each of the V.
"""

import numpy as np
from scipy import sparse

from skrnn._core import kernels
from skrnn._core.params import RowGrad
from skrnn._core.products import product


def project(x, W, b=None, *, times=product):
    """Return x @ W, or x @ W + b.

    Parameters
    ----------
    x : ndarray of N ids, CSR array of shape (N, V) or ndarray of shape (N, V)
        The inputs of N steps.
    W : ndarray of shape (V, m)
        The table.
    b : ndarray of shape (m,), default=None
        Added to each row, if given.
    times : callable, default=product
        The dense matrix product.

    Returns
    -------
    ndarray of shape (N, m)
    """
    if not sparse.issparse(x) and x.ndim == 2:
        return times(x, W, bias=b)
    if sparse.issparse(x):
        z = x @ W
    else:
        z = W.take(x, axis=0)
        z[x < 0] = 0
    if b is not None:
        z += b
    return z


def project_grad(x, dz):
    """Return the derivative of the loss by the table W, where z = x @ W.

    Rows of features that are zero in the whole batch are left out, whatever the kind
    of x, so that ids, sparse and dense rows of the same tokens train alike.

    Parameters
    ----------
    x : as in `project`
        The inputs of N steps.
    dz : ndarray of shape (N, m)
        The derivative by z.

    Returns
    -------
    RowGrad
        Its values have shape (n_touched, m).
    """
    if sparse.issparse(x):
        rows, columns = np.unique(x.indices, return_inverse=True)
        shape = len(dz), len(rows)
        touched = sparse.csr_array((x.data, columns, x.indptr), shape=shape)
        return RowGrad(rows, touched.T @ dz)
    if x.ndim == 1:
        rows, index = distinct(x)
        return without_none(rows, sum_by(index, dz, len(rows)))
    used = x.any(axis=0)
    if used.all():
        return RowGrad(slice(None), product(x.T, dz))
    rows = np.flatnonzero(used)
    return RowGrad(rows, product(x[:, rows].T, dz))


def distinct(ids):
    """Return the ids that there are, sorted, and for each step the place of its."""
    n = int(ids.max()) + 2
    if n > 64 * len(ids):
        return np.unique(ids, return_inverse=True)
    there = np.zeros(n, dtype=bool)  # from id -1 on: what is there need not be sorted
    there[ids + 1] = True
    tokens = np.flatnonzero(there)
    place = np.empty(n, dtype=np.int64)
    place[tokens] = np.arange(len(tokens))
    return tokens - 1, place[ids + 1]


def sum_by(index, values, n, n_threads=1):
    """Return n rows: row i is the sum of the values whose index is i."""
    if kernels.compiled is None:
        ones, indptr = np.ones(len(index), values.dtype), np.arange(len(index) + 1)
        which = sparse.csr_array((ones, index, indptr), shape=(len(index), n))
        return which.T @ values
    sums = np.zeros((n, values.shape[1]), dtype=values.dtype)
    kernels.compiled.add_rows(index, values, sums, n_threads)
    return sums


def without_none(ids, values):
    """Return the gradient of the rows of some ids, sorted, -1 left out."""
    n = int(np.searchsorted(ids, 0))
    return RowGrad(ids[n:], values[..., n:, :])


def project_both(x, reverse, W, b=None, *, times=product):
    """Project x for each direction, the rows of the second mirrored in time.

    Parameters
    ----------
    x : as in `project`
        Packed inputs.
    reverse : ndarray of shape (N,)
        The packed row of each mirrored step.
    W : ndarray of shape (D, V, m)
        A table for each direction.
    b : ndarray of shape (D, m), default=None
        Added to each row, if given.

    Returns
    -------
    ndarray of shape (D, N, m)
    """
    first, second = (None, None) if b is None else (b[0], b[-1])
    if len(W) == 1:
        return project(x, W[0], first, times=times)[None]
    z = np.empty((2, x.shape[0], W.shape[2]), dtype=W.dtype)
    z[0] = project(x, W[0], first, times=times)
    z[1] = project(x[reverse], W[1], second, times=times)
    return z


def project_both_grad(x, reverse, dz):
    """Return the derivative by W of `project_both`, values (D, n_touched, m)."""
    if len(dz) == 1:
        rows, values = project_grad(x, dz[0])
        return RowGrad(rows, values[None])
    rows, values = project_grad(x, dz[0])
    both = np.stack([values, project_grad(x[reverse], dz[1]).values])
    return RowGrad(rows, both)


def drop(x, rate, rng, V, dtype):
    """Set a random share `rate` of what is not zero to zero and scale up the rest.

    The random numbers drawn are the same for ids, sparse and dense rows of the same
    tokens. Returns rows of the same kind, but of ids CSR rows.
    """
    if not sparse.issparse(x) and x.ndim == 2:
        x, used = x.copy(), x != 0
        x[used] *= dropout_mask(np.count_nonzero(used), rate, rng, dtype)
        return x
    if sparse.issparse(x):
        data, indices, indptr = x.data, x.indices, x.indptr
    else:
        indptr = np.concatenate([[0], np.cumsum(x >= 0)])
        data, indices = 1, x[x >= 0]
    data = data * dropout_mask(len(indices), rate, rng, dtype)
    return sparse.csr_array((data, indices, indptr), shape=(x.shape[0], V))


def dropout_mask(shape, rate, rng, dtype):
    """Draw 0 with probability `rate`, else 1 / (1 - rate)."""
    mask = (rng.random_sample(shape) >= rate).astype(dtype)
    mask /= 1 - rate
    return mask
