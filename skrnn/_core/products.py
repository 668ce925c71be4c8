"""Products of dense matrices."""

import numpy as np

from skrnn._core import kernels

BLOCK = 32  # rows that numpy multiplies at a time


def product(a, b, *, out=None, bias=None, batch_invariant=False, n_threads=1):
    """Return a @ b, or a @ b + bias, or add a @ b to `out`.

    Parameters
    ----------
    a : ndarray of shape (M, K) or (D, M, K)
        The left matrix, one for each of D directions.
    b : ndarray of shape (K, N) or (D, K, N)
        The right matrix.
    out : ndarray of shape (M, N) or (D, M, N), default=None
        Added to, if given.
    bias : ndarray of shape (N,) or (D, N), default=None
        Added to each row, if given; not together with `out`.
    batch_invariant : bool, default=False
        Whether the bits of each row must not depend on the other rows. Those of the
        kernels never do.
    n_threads : int, default=1
        Threads of the kernels; the result is the same to the last bit.

    Returns
    -------
    ndarray of shape (M, N) or (D, M, N)
    """
    if kernels.compiled is None:
        c = _in_blocks(a, b) if batch_invariant else np.matmul(a, b)
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
        kernels.compiled.matmul(a, b, out, add, bias, n_threads)
    else:
        for d in range(len(a)):
            bias_d = None if bias is None else bias[d]
            kernels.compiled.matmul(a[d], b[d], out[d], add, bias_d, n_threads)
    return out


def _in_blocks(a, b):
    """Return a @ b, computed in blocks of a fixed number of rows.

    A BLAS chooses its kernel, and with it the order in which the terms of a row are
    added, by the number of rows.
    """
    *lead, n, d = a.shape
    n_blocks = -(-n // BLOCK)
    if n_blocks * BLOCK != n:
        padded = np.zeros((*lead, n_blocks * BLOCK, d), dtype=a.dtype)
        padded[..., :n, :] = a
        a = padded
    blocks = np.matmul(a.reshape(*lead, n_blocks, BLOCK, d), b[..., None, :, :])
    return blocks.reshape(*lead, n_blocks * BLOCK, b.shape[-1])[..., :n, :]
