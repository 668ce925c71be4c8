"""The base class of the first layers: the input projection of a packed batch.

The table, which is the embedding or else the input weights, has a row for each token or
feature, V in all.
"""

from functools import partial
from typing import NamedTuple

import numpy as np
from scipy import sparse

from skrnn._core import kernels
from skrnn._core.params import RowGrad
from skrnn._core.products import product


class Dropout(NamedTuple):
    """The rate of dropout, and the source of its random numbers."""

    rate: float
    rng: np.random.RandomState
    dtype: np.dtype

    def mask(self, shape):
        """Draw 0 with probability `rate`, else 1 / (1 - rate)."""
        mask = (self.rng.random_sample(shape) >= self.rate).astype(self.dtype)
        mask /= 1 - self.rate
        return mask


class Projection(NamedTuple):
    """Values saved by `FirstLayer.project` for the backward pass."""

    rows: object  # the inputs, or their distinct rows
    index: np.ndarray | None  # shape (D, N), the distinct row of each step
    vectors: np.ndarray | None  # shape (D, n, E), the embedded rows
    mask: np.ndarray | None  # shape (n, E), the dropout of the embedded rows


class FirstLayer:
    """Base of the first layers: the projection of the inputs of a packed batch.

    A subclass implements `holds`, `row_product`, `table_grad`, `drop` and `contents`.
    """

    @staticmethod
    def holds(rows):
        """Return whether the rows are of the kind of this class."""
        raise NotImplementedError

    def row_product(self, matmul):
        """Return a function from x, a table W and a bias to x @ W + bias.

        The bias, of shape (m,), may be None. `matmul` is the product of dense matrices.
        """
        raise NotImplementedError

    def table_grad(self, x, dz, n_threads=1):
        """Return the gradient of the table W, where z = x @ W.

        Rows of features that are zero in the whole batch are left out, whatever the
        kind of x, so that ids, sparse and dense rows of the same tokens train alike.

        Parameters
        ----------
        x : rows
            The inputs of N steps.
        dz : ndarray of shape (N, m)
            The derivative of the loss by z.
        n_threads : int, default=1
            The number of threads of the kernels. It does not change a bit.

        Returns
        -------
        RowGrad
            Its values have shape (n_touched, m).
        """
        raise NotImplementedError

    def drop(self, x, dropout, V):
        """Apply dropout to the nonzero elements; return rows, maybe of another kind.

        The random numbers drawn are the same for ids, sparse and dense rows of the same
        tokens.
        """
        raise NotImplementedError

    def contents(self, rows):
        """Return a function from a range of rows to arrays that identify its content.

        The function takes the first row and the one behind the last, and returns bytes
        that name an encoding, and arrays. These depend on the numbers that the rows
        represent, not on their storage, nor on any other rows.
        """
        raise NotImplementedError

    def distinct(self, x):
        """Return the distinct rows, and the index of the distinct row of each step.

        The index is None if repeated rows are not searched for.
        """
        return x, None

    def cache(self, params, rows, matmul):
        """Return the inputs of many batches, projected in advance where it pays.

        The result can be indexed like the rows, and has a first layer, too.
        """
        return rows

    def project(self, params, x, batch, matmul, dropout=None):
        """Compute the input projection of a packed batch.

        Parameters
        ----------
        params : Params
            The weights ``W0``, ``b0`` and, if there is one, ``embedding``.
        x : rows
            The inputs, packed.
        batch : PackedBatch
            Their geometry.
        matmul : callable
            The product of dense matrices.
        dropout : Dropout, default=None
            Applied to the embedded rows, if given; without an embedding to be applied
            before, by `drop`.

        Returns
        -------
        z : ndarray of shape (D, n, G * H)
            The projections, of all steps or of the distinct rows.
        index : ndarray of shape (D, N) or None
            The row of z of each step; None where step i has row i. Steps of the second
            direction are mirrored.
        tape : Projection
        """
        times, W, b = self.row_product(matmul), params["W0"], params["b0"]
        rows, index = (x, None) if dropout is not None else self.distinct(x)
        vectors = mask = None
        if "embedding" in params:
            vectors = times(rows, params["embedding"], bias=None)
            if dropout is not None:
                mask = dropout.mask(vectors.shape)
                vectors = vectors * mask
            if index is None:
                vectors = both_directions(vectors, batch, len(W))
            else:
                vectors = np.broadcast_to(vectors, (len(W), *vectors.shape))
            z = matmul(vectors, W, bias=b)
        elif len(W) == 1:
            z = times(rows, W[0], bias=b[0])[None]
        else:
            z = np.empty((2, rows.shape[0], W.shape[2]), dtype=W.dtype)
            z[0] = times(rows, W[0], bias=b[0])
            mirrored = rows if index is not None else rows[batch.reverse]
            z[1] = times(mirrored, W[1], bias=b[1])
        if index is not None:
            index = mirrored_index(index, batch, len(W))
        return z, index, Projection(rows, index, vectors, mask)

    def backward(self, dz, tape, batch, params, grads, n_threads=1):
        """Add to the gradients, from the derivative by each step's projection.

        Parameters
        ----------
        dz : ndarray of shape (D, N, G * H)
            The derivative by the projections.
        tape : Projection
            As returned by `project`.
        batch, params
            As in `project`.
        grads : Params
            Added to; its table becomes a `RowGrad`. The gradient of ``b0`` is not the
            concern of this class.
        n_threads : int, default=1
            The number of threads of the kernels. It does not change a bit.
        """
        rows, _, vectors, mask = tape
        if vectors is None:
            grad = self.table_grad(rows, dz[0], n_threads)
            values = [grad.values]
            if len(dz) == 2:
                mirrored = rows[batch.reverse]
                values.append(self.table_grad(mirrored, dz[1], n_threads).values)
            grads.table = RowGrad(grad.rows, np.stack(values))
            return
        matmul = partial(product, n_threads=n_threads)
        matmul(vectors.transpose(0, 2, 1), dz, out=grads["W0"])
        dvectors = merge_directions(matmul(dz, params["W0"].transpose(0, 2, 1)), batch)
        if mask is not None:
            dvectors *= mask
        grads.table = self.table_grad(rows, dvectors, n_threads)


# --- directions -----------------------------------------------------------------------


def both_directions(x, batch, n_directions):
    """Return x of each direction, shape (D, N, m), mirrored in time for the second."""
    if n_directions == 1:
        return x[None]
    return np.concatenate([x[None], x.take(batch.reverse, axis=0)[None]])


def merge_directions(dx, batch):
    """Return the sum over the directions of the derivatives by their inputs."""
    merged = dx[0]
    if len(dx) == 2:
        merged += dx[1].take(batch.reverse, axis=0)
    return merged


def mirrored_index(index, batch, n_directions):
    """Return the index of each direction, shape (D, N), mirrored for the second."""
    if n_directions == 1:
        return index[None]
    return np.stack([index, index[batch.reverse]])


# --- token ids ------------------------------------------------------------------------


def unique_ids(ids):
    """Return the distinct ids, sorted, and the position of each step's id in them."""
    n = int(ids.max()) + 2
    if n > 64 * len(ids):
        return np.unique(ids, return_inverse=True)
    is_used = np.zeros(n, dtype=bool)  # shifted by one, for the id -1; needs no sorting
    is_used[ids + 1] = True
    tokens = np.flatnonzero(is_used)
    position = np.empty(n, dtype=np.int64)
    position[tokens] = np.arange(len(tokens))
    return tokens - 1, position[ids + 1]


def scatter_add(index, values, n, n_threads=1):
    """Return n rows; row i is the sum of the values whose index is i."""
    if kernels.compiled is None:
        ones, indptr = np.ones(len(index), values.dtype), np.arange(len(index) + 1)
        selection = sparse.csr_array((ones, index, indptr), shape=(len(index), n))
        return selection.T @ values
    sums = np.zeros((n, values.shape[1]), dtype=values.dtype)
    kernels.compiled.add_rows(index, values, sums, n_threads)
    return sums


def drop_padding_id(ids, values):
    """Return the gradient of the rows with these ids, sorted, without the id -1."""
    n = int(np.searchsorted(ids, 0))
    return RowGrad(ids[n:], values[..., n:, :])
