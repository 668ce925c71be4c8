"""The projection of the inputs: the same for ids, sparse and dense rows."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse

from skrnn._core.first_layer import first_layer_of
from skrnn._core.params import ArraySpec, Params
from skrnn._core.products import product
from skrnn._core.projection import Dropout

V, M = 6, 4
IDS = np.array([3, 0, 3, 5, 0])  # 1, 2 and 4 are not touched
KINDS = ["ids", "csr", "dense"]


def one_hot(kind, dtype=np.float64):
    rows = np.eye(V, dtype=dtype)[IDS]
    return {"ids": IDS, "csr": sparse.csr_array(rows), "dense": rows}[kind]


def stored(rows, kind):
    return sparse.csr_array(rows) if kind == "csr" else rows


def as_dense(x):
    return x.toarray() if sparse.issparse(x) else np.eye(V)[x] if x.ndim == 1 else x


def filled(rng):
    """Return rows without a zero."""
    return rng.uniform(1, 2, (5, V))


def random_arrays(dtype=np.float64, n=5):
    """Return weights, and derivatives by n projections."""
    rng = np.random.default_rng(1)
    return [rng.standard_normal((rows, M)).astype(dtype) for rows in (V, n)]


def project(x, W):
    return first_layer_of(x).row_product(product)(x, W)


def table_grad(x, dz):
    return first_layer_of(x).table_grad(x, dz)


def drop(x, rate, seed=0, dtype=np.float64):
    dropout = Dropout(rate, np.random.RandomState(seed), dtype)
    return first_layer_of(x).drop(x, dropout, V)


@pytest.mark.parametrize("kind", ["csr", "dense"])
@pytest.mark.parametrize("zeros", [slice(0), [1, 4], slice(None)])
def test_only_columns_with_a_number_have_a_gradient(kind, zeros):
    rng, (W, dz) = np.random.default_rng(1), random_arrays()
    rows = filled(rng) * (rng.random((5, V)) > 0.4)
    rows[0] = 1
    rows[:, zeros] = 0
    x, touched = stored(rows, kind), np.delete(np.arange(V), zeros)
    assert_allclose(project(x, W), rows @ W, rtol=1e-13, atol=1e-15)
    columns, values = table_grad(x, dz)
    assert_array_equal(np.arange(V)[columns], touched)
    assert isinstance(columns, slice) == (kind == "dense" and zeros == slice(0))
    assert_allclose(values, (rows.T @ dz)[touched], rtol=1e-13, atol=1e-15)
    assert values.shape == (len(touched), M)


def test_repeated_columns_of_a_csr_row_add_up():
    W, dz = random_arrays(n=2)
    x = sparse.csr_array(([1.0, 2.0, 4.0], [5, 0, 5], [0, 3, 3]), shape=(2, V))
    assert x.nnz == 3
    assert_allclose(project(x, W), x.toarray() @ W, rtol=1e-14, atol=1e-15)
    rows, values = table_grad(x, dz)
    assert_array_equal(rows, [0, 5])
    assert_allclose(values, [2 * dz[0], 5 * dz[0]], rtol=1e-14)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_ids_are_one_hot_rows_and_minus_one_is_a_row_of_zeros(dtype):
    (W, dz), ids = random_arrays(dtype), np.array([-1, 3, 0, -1, 3])
    rows, before = np.eye(V + 1, V, dtype=dtype)[ids], W.copy()
    assert_array_equal(rows.any(axis=1), ids >= 0)
    rtol = 1e-6 if dtype == np.float32 else 1e-14
    for x in (ids, sparse.csr_array(rows), rows):
        z = project(x, W)
        assert z.dtype == dtype
        assert_array_equal(z, np.where(ids[:, None] < 0, 0, W[ids]))
        touched, values = table_grad(x, dz)
        assert values.dtype == dtype
        assert_array_equal(touched, [0, 3])
        assert_allclose(values, [dz[2], dz[1] + dz[4]], rtol=rtol)
    assert_array_equal(W, before)
    touched, values = table_grad(np.array([-1, -1]), dz[:2])
    assert len(touched) == 0
    assert values.shape == (0, M)


class Mirrored:
    """A batch of two sequences, of which only the mirrored steps are asked for."""

    reverse = np.array([3, 4, 2, 0, 1])


@pytest.mark.parametrize("embedding_dim", [None, 3])
@pytest.mark.parametrize("n_directions", [1, 2])
@pytest.mark.parametrize("kind", [*KINDS, "filled"])
def test_projections_of_both_directions(kind, n_directions, embedding_dim):
    """Those of the rows written out, mirrored for the second; each with its bias."""
    rng = np.random.default_rng(4)
    E = embedding_dim or V
    shapes = {"W0": (n_directions, E, M), "b0": (n_directions, M)}
    shapes |= {"embedding": (V, E)} if embedding_dim else {}
    specs = {name: ArraySpec(shape) for name, shape in shapes.items()}
    params = Params.from_specs(specs, dtype=np.float64)
    for values in (params.flat, params.table):
        values[...] = rng.standard_normal(values.shape)
    table = params["embedding"] if embedding_dim else np.eye(V)
    x = filled(rng) if kind == "filled" else one_hot(kind)
    layer, grads = first_layer_of(x), params.zero_grads()
    z, index, tape = layer.project(params, x, Mirrored, product)
    assert (index is None) == (kind != "ids")
    if index is not None:
        z = np.take_along_axis(z, index[:, :, None], axis=1)
    mirrored = [as_dense(x), as_dense(x)[Mirrored.reverse]][:n_directions]
    expected = mirrored @ table @ params["W0"] + params["b0"][:, None]
    assert_allclose(z, expected, rtol=1e-12, atol=1e-14)
    dz = rng.standard_normal(expected.shape)
    layer.backward(dz, tape, Mirrored, params, grads)
    dW = np.transpose(mirrored @ table, (0, 2, 1)) @ dz
    if embedding_dim:
        assert_allclose(grads["W0"], dW, rtol=1e-12, atol=1e-14)
        dW = np.transpose(mirrored, (0, 2, 1)) @ dz @ params["W0"].transpose(0, 2, 1)
        dW = dW.sum(axis=0)
    rows, values = grads.table
    assert_allclose(values, dW[..., rows, :], rtol=1e-12, atol=1e-14)
    assert_array_equal(np.delete(dW, np.arange(V)[rows], axis=-2), 0)


def test_the_product_that_is_given_is_used():
    def times(x, W, bias):
        return np.full((*x.shape[:-1], W.shape[-1]), 7.0)

    specs = {"W0": ArraySpec((2, V, M)), "b0": ArraySpec((2, M))}
    params, x = Params.from_specs(specs), np.ones((5, V))
    z, _, _ = first_layer_of(x).project(params, x, Mirrored, times)
    assert_array_equal(z, np.full((2, 5, M), 7))


def test_rows_that_no_class_holds():
    with pytest.raises(TypeError, match="The inputs are a list"):
        first_layer_of([1, 2])


# --- dropout --------------------------------------------------------------------------


@pytest.mark.parametrize("rate", [0.1, 0.75])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_mask_keeps_the_mean(rate, dtype):
    mask = Dropout(rate, np.random.RandomState(0), dtype).mask((200, 500))
    assert mask.dtype == dtype
    assert_array_equal(np.unique(mask), np.array([0, 1 / (1 - rate)], dtype))
    assert_allclose(np.mean(mask == 0), rate, atol=0.006, rtol=0)  # 4 standard errors
    again = Dropout(rate, np.random.RandomState(0), dtype).mask((200, 500))
    assert_array_equal(mask, again)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("kind", KINDS)
def test_drop_scales_what_it_keeps(kind, dtype):
    rng, n = np.random.default_rng(5), 2000
    x = stored(rng.integers(0, 3, (n, V)).astype(dtype), kind)
    x = rng.integers(0, V, n) if kind == "ids" else x
    before = as_dense(x).copy()
    dropped = drop(x, 0.25, dtype=dtype)
    assert_array_equal(as_dense(x), before)
    assert sparse.issparse(dropped) == (kind != "dense")
    assert dropped.shape == (n, V)
    assert dropped.dtype == dtype
    after = as_dense(dropped)
    assert_allclose(after[after != 0], before[after != 0] / 0.75, rtol=1e-6)
    lost = np.mean(after[before != 0] == 0)
    assert_allclose(lost, 0.25, atol=0.04, rtol=0)  # 4 standard errors


def test_the_same_tokens_are_dropped_from_every_kind():
    ids, csr, dense = (as_dense(drop(one_hot(kind), 0.5, seed=3)) for kind in KINDS)
    assert 0 < np.count_nonzero(ids) < len(IDS)
    assert_array_equal(csr, ids)
    assert_array_equal(dense, ids)


def test_nothing_is_dropped_from_steps_without_a_token():
    ids = np.array([-1, 2, 0, -1])
    rows = np.eye(V + 1, V)[ids]
    for x in (ids, sparse.csr_array(rows)):
        assert_array_equal(drop(x, 0.4).toarray(), drop(rows, 0.4))
