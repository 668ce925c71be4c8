"""Matrix products."""

import numpy as np

from skrnn._core import kernels

BLOCK = 32


def product(a, b, *, out=None, bias=None, steady=False, n_threads=1):
    """Return a @ b, or a @ b + bias, or add it to `out`.

    Parameters
    ----------
    a : ndarray of shape (M, K) or (D, M, K)
        The rows.
    b : ndarray of shape (K, N) or (D, K, N)
        The matrix, one for each D.
    out : ndarray of shape (M, N) or (D, M, N), default=None
        Added to, if given.
    bias : ndarray of shape (N,) or (D, N), default=None
        Added to each row, if given; not together with `out`.
    steady : bool, default=False
        Whether the bits of each row must not depend on the other rows. Those of the
        kernels never do.
    n_threads : int, default=1
        Of the kernels. It does not change a bit.

    Returns
    -------
    ndarray of shape (M, N) or (D, M, N)
    """
    if kernels.compiled is None:
        c = _in_blocks(a, b) if steady else np.matmul(a, b)
        if bias is not None:
            c += bias[..., None, :]
        if out is None:
            return c
        out += c
        return out
    add = out is not None
    if not add:
        out = np.empty((*a.shape[:-1], b.shape[-1]), dtype=b.dtype)
    if a.ndim == 2:
        kernels.compiled.product(a, b, out, add, bias, n_threads)
    else:
        for d in range(len(a)):
            own = None if bias is None else bias[d]
            kernels.compiled.product(a[d], b[d], out[d], add, own, n_threads)
    return out


def _in_blocks(a, b):
    """Return a @ b, computed some rows at a time.

    A BLAS picks its kernel, and with it the order in which a row's terms are added, by
    the number of rows. So the rows are multiplied in blocks of one fixed size.
    """
    *lead, n, d = a.shape
    n_blocks = -(-n // BLOCK)
    if n_blocks * BLOCK != n:
        padded = np.zeros((*lead, n_blocks * BLOCK, d), dtype=a.dtype)
        padded[..., :n, :] = a
        a = padded
    blocks = np.matmul(a.reshape(*lead, n_blocks, BLOCK, d), b[..., None, :, :])
    return blocks.reshape(*lead, n_blocks * BLOCK, b.shape[-1])[..., :n, :]
