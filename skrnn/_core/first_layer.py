"""The input projection of the first layer, with one class for each kind of inputs.

No other module depends on the kind: `first_layer_of` finds the class. In every kind a
step is a row x of V numbers, and the table, which is the embedding or else the input
weights, has a row for each of the V. Token ids represent one-hot rows; the id -1
represents a row of zeros.

A new kind is a subclass of `FirstLayer` and an entry of `FIRST_LAYERS`. Its rows may be
any object with a `shape` that can be indexed by steps: ``rows[index]`` must return rows
of the same kind.
"""

import numpy as np
from scipy import sparse

from skrnn._core.params import RowGrad
from skrnn._core.products import product
from skrnn._core.projection import (
    FirstLayer,
    drop_padding_id,
    mirrored_index,
    scatter_add,
    unique_ids,
)

# Bytes of the projections that `Ids.cache` keeps at most, and the number of steps below
# which it does not search for repeated tokens.
MAX_PROJECTED, FEW_STEPS = 2**26, 32


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


FIRST_LAYERS = {
    "ids": Ids,
    "sparse": SparseRows,
    "dense": DenseRows,
}


def first_layer_of(rows):
    """Return the first layer for rows of this kind."""
    if isinstance(rows, CachedProjection):
        return rows
    for layer in FIRST_LAYERS.values():
        if layer.holds(rows):
            return layer()
    raise TypeError(f"The inputs are a {type(rows).__name__}, which no layer reads.")


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
