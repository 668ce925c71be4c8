"""The input projection of the first layer, with one class for each kind of inputs.

No other module depends on the kind: `first_layer_of` finds the class. In every kind a
step is a row x of V numbers, and the table, which is the embedding or else the input
weights, has a row for each of the V. Token ids represent one-hot rows; the id -1
represents a row of zeros.

A new kind is a subclass of `FirstLayer` and an entry of `FIRST_LAYERS`. Its rows may be
any object with a `shape` that can be indexed by steps: ``rows[index]`` must return rows
of the same kind.
"""

from functools import partial
from typing import NamedTuple

import numpy as np
from scipy import sparse

from skrnn._core import kernels
from skrnn._core.params import RowGrad
from skrnn._core.products import product

# Bytes of the projections that `Ids.cache` keeps at most, and the number of steps below
# which it does not search for repeated tokens.
MAX_PROJECTED, FEW_STEPS = 2**26, 32


class Dropout(NamedTuple):
    """The rate of dropout, and where its random numbers come from."""

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


# --- the kinds ------------------------------------------------------------------------


class Ids(FirstLayer):
    """Token ids, an integer for each step: every distinct token is projected once."""

    @staticmethod
    def holds(rows):
        return isinstance(rows, np.ndarray) and rows.ndim == 1

    def row_product(self, matmul):
        return take_rows

    def table_grad(self, x, dz, n_threads=1):
        ids, index = unique_ids(x)
        return drop_padding_id(ids, scatter_add(index, dz, len(ids), n_threads))

    def drop(self, x, dropout, V):
        is_token = x >= 0
        indptr = np.concatenate([[0], np.cumsum(is_token)])
        data = 1 * dropout.mask(np.count_nonzero(is_token))
        return sparse.csr_array((data, x[is_token], indptr), shape=(len(x), V))

    def contents(self, rows):
        return lambda start, stop: (b"ids", rows[start:stop].astype(np.int64))

    def distinct(self, x):
        return unique_ids(x)

    def cache(self, params, rows, matmul):
        if len(rows) == 0:
            return rows
        if len(rows) <= FEW_STEPS:
            ids, index = rows, np.arange(len(rows))
        else:
            ids, index = unique_ids(rows)
        W, b = params["W0"], params["b0"]
        if len(ids) * b.nbytes > MAX_PROJECTED:
            return rows
        if "embedding" in params:
            vectors = take_rows(ids, params["embedding"])
            vectors = np.broadcast_to(vectors, (len(W), *vectors.shape))
            return CachedProjection(matmul(vectors, W, bias=b), index)
        z = [take_rows(ids, *weights) for weights in zip(W, b, strict=True)]
        return CachedProjection(np.stack(z), index)

    def backward(self, dz, tape, batch, params, grads, n_threads=1):
        ids, index, vectors, _ = tape
        if index is None:
            super().backward(dz, tape, batch, params, grads, n_threads)
            return
        by_token = [
            scatter_add(index_d, dz_d, len(ids), n_threads)
            for index_d, dz_d in zip(index, dz, strict=True)
        ]
        if vectors is None:
            grads.table = drop_padding_id(ids, np.stack(by_token))
            return
        dvectors = 0
        for d, dz_d in enumerate(by_token):
            product(vectors[d].T, dz_d, out=grads["W0"][d], n_threads=n_threads)
            dvectors = dvectors + product(dz_d, params["W0"][d].T, n_threads=n_threads)
        grads.table = drop_padding_id(ids, dvectors)


class SparseRows(FirstLayer):
    """The rows of a CSR matrix."""

    @staticmethod
    def holds(rows):
        return sparse.issparse(rows)

    def row_product(self, matmul):
        return sparse_product

    def table_grad(self, x, dz, n_threads=1):
        rows, columns = np.unique(x.indices, return_inverse=True)
        shape = len(dz), len(rows)
        touched = sparse.csr_array((x.data, columns, x.indptr), shape=shape)
        return RowGrad(rows, touched.T @ dz)

    def drop(self, x, dropout, V):
        data = x.data * dropout.mask(len(x.indices))
        return sparse.csr_array((data, x.indices, x.indptr), shape=x.shape)

    def contents(self, rows):
        if not rows.has_canonical_format:
            rows = rows.copy()
            rows.sum_duplicates()
        counts, first = np.diff(rows.indptr), rows.indptr[:-1]
        is_one_hot = counts == 1
        ids = np.zeros(len(counts), dtype=np.int64)
        ids[is_one_hot] = rows.indices[first[is_one_hot]]
        is_one_hot[is_one_hot] = rows.data[first[is_one_hot]] == 1
        return feature_contents(rows, counts, is_one_hot, ids)


class DenseRows(FirstLayer):
    """The rows of an array of shape (N, V)."""

    @staticmethod
    def holds(rows):
        return isinstance(rows, np.ndarray) and rows.ndim == 2

    def row_product(self, matmul):
        return matmul

    def table_grad(self, x, dz, n_threads=1):
        is_used = x.any(axis=0)
        if is_used.all():
            return RowGrad(slice(None), product(x.T, dz, n_threads=n_threads))
        rows = np.flatnonzero(is_used)
        return RowGrad(rows, product(x[:, rows].T, dz, n_threads=n_threads))

    def drop(self, x, dropout, V):
        x, is_used = x.copy(), x != 0
        x[is_used] *= dropout.mask(np.count_nonzero(is_used))
        return x

    def contents(self, rows):
        counts = np.count_nonzero(rows, axis=1)
        is_one_hot = (counts == 1) & (rows.max(axis=1) == 1)
        ids = rows.argmax(axis=1).astype(np.int64)
        return feature_contents(rows, counts, is_one_hot, ids)


class CachedProjection(FirstLayer):
    """The inputs of many batches, whose distinct rows are already projected.

    It takes the place of the inputs, and is their first layer, too. For prediction
    only: there is no backward pass.
    """

    def __init__(self, z, index):
        self.z = z  # shape (D, n_distinct, G * H)
        self.index = index  # shape (N,), the distinct row of each step

    def __getitem__(self, rows):
        return CachedProjection(self.z, self.index[rows])

    def project(self, params, x, batch, matmul, dropout=None):
        return self.z, mirrored_index(self.index, batch, len(self.z)), None


FIRST_LAYERS = {"ids": Ids, "sparse": SparseRows, "dense": DenseRows}


def first_layer_of(rows):
    """Return the first layer for rows of this kind."""
    if isinstance(rows, CachedProjection):
        return rows
    for layer in FIRST_LAYERS.values():
        if layer.holds(rows):
            return layer()
    raise TypeError(f"The inputs are a {type(rows).__name__}, which no layer reads.")


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


# --- rows -----------------------------------------------------------------------------


def take_rows(ids, W, bias=None):
    """Return the rows of W with these ids, zeros for -1, plus a bias."""
    z = W.take(ids, axis=0)
    z[ids < 0] = 0
    if bias is not None:
        z += bias
    return z


def sparse_product(x, W, bias=None):
    """Return x @ W, plus a bias, of a CSR matrix x."""
    z = x @ W
    if bias is not None:
        z += bias
    return z


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


def feature_contents(rows, counts, is_one_hot, ids):
    """Return the `FirstLayer.contents` of rows of features.

    Ranges of one-hot rows have the contents of their ids. Others have those of a sparse
    or of a dense matrix, by the number of their nonzero elements, not by their storage.
    """

    def contents(start, stop):
        if is_one_hot[start:stop].all():
            return b"ids", ids[start:stop]
        part = rows[start:stop]
        if 2 * counts[start:stop].sum() > (stop - start) * rows.shape[1]:
            return b"dense", part.toarray() if sparse.issparse(part) else part
        part = sparse.csr_array(part)
        columns = part.indices.astype(np.int64)
        return b"sparse", counts[start:stop].astype(np.int64), columns, part.data

    return contents
