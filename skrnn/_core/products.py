"""The matrix product of inference, whose rows do not depend on each other."""

import numpy as np

BLOCK = 32


def product(x, W):
    """Return x @ W with bits of each row that do not depend on the other rows.

    A BLAS picks its kernel, and with it the order in which a row's terms are added, by
    the number of rows. So the rows are multiplied in blocks of one fixed size.

    Parameters
    ----------
    x : ndarray of shape (n, d) or (D, n, d)
        The rows.
    W : ndarray of shape (d, m) or (D, d, m)
        The matrix, one for each D.

    Returns
    -------
    ndarray of shape (n, m) or (D, n, m)
    """
    *lead, n, d = x.shape
    n_blocks = -(-n // BLOCK)
    if n_blocks * BLOCK != n:
        padded = np.zeros((*lead, n_blocks * BLOCK, d), dtype=x.dtype)
        padded[..., :n, :] = x
        x = padded
    blocks = np.matmul(x.reshape(*lead, n_blocks, BLOCK, d), W[..., None, :, :])
    return blocks.reshape(*lead, n_blocks * BLOCK, W.shape[-1])[..., :n, :]
