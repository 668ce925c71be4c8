"""Named views of one vector, and what they are filled with at first."""

import math

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from skrnn._core.params import Params, fill_glorot_uniform, orthogonal

SHAPES = {
    "embedding": (7, 3),
    "W0": (2, 3, 4),
    "U0": (2, 4, 4),
    "b0": (2, 4),
    "e0": (2, 1, 4),
    "W1": (2, 8, 4),
    "U1": (2, 4, 4),
    "b1": (2, 4),
    "e1": (2, 1, 4),
    "W_out": (8, 5),
    "b_out": (5,),
}


def make_params(**values):
    table = np.ones(SHAPES["embedding"])
    return Params(SHAPES, "embedding", table=table, **values)


def test_all_but_the_table_are_views_weights_first():
    params = make_params()
    assert len(params.flat) == sum(
        math.prod(shape) for name, shape in SHAPES.items() if name != "embedding"
    )
    assert params["embedding"] is params.table
    n = params.n_penalized
    params.flat[:n] = 1
    params.flat[n:] = 2
    params.table[...] = 2
    for name, values in params.to_dict().items():
        assert values.shape == SHAPES[name]
        assert_array_equal(values, 1 if name[0] in "WU" else 2)
    assert list(params.to_dict()) == list(SHAPES)
    params["b0"][1] = 3
    assert (params.flat == 3).sum() == 4


def test_given_values_are_not_copied():
    flat = np.arange(len(make_params().flat), dtype=np.float32)
    params = make_params(flat=flat)
    assert params.flat is flat
    flat[...] = 4
    assert_array_equal(params["W_out"], 4)


def test_copy_shares_nothing_and_gradients_are_zeros_of_the_same_dtype():
    params = make_params(dtype=np.float32)
    copied, grads = params.copy(), params.zero_grads()
    params.flat[...] = 5
    params.table[...] = 5
    assert_array_equal(copied.flat, 0)
    assert_array_equal(copied.table, 1)
    assert copied.flat.dtype == grads.flat.dtype == np.float32
    assert_array_equal(grads.flat, 0)
    assert grads.n_penalized == params.n_penalized


# --- initial values -------------------------------------------------------------------


@pytest.mark.parametrize("fans", [(3, 50), (1, 7), (200, 200)])
def test_glorot_is_uniform_up_to_its_bound(fans):
    out = np.full((60, 50), np.nan)
    fill_glorot_uniform(np.random.RandomState(0), out, *fans)
    limit = np.sqrt(6 / sum(fans))
    assert np.abs(out).max() < limit
    assert_allclose([out.min(), out.max()], [-limit, limit], rtol=0.01)
    assert_allclose(out.mean() / limit, 0, atol=0.04, rtol=0)
    assert_allclose(out.std(), limit / np.sqrt(3), rtol=0.04)


def test_glorot_fills_large_tables_in_parts():
    out = np.full((2, 2**20 + 3), np.nan, dtype=np.float32)
    fill_glorot_uniform(np.random.RandomState(0), out, 3, 3)
    drawn = np.random.RandomState(0).uniform(-1, 1, out.size)
    assert_array_equal(out.ravel(), drawn.astype(np.float32))


def test_orthogonal_is_the_q_of_a_gaussian_whose_r_has_a_positive_diagonal():
    q = orthogonal(np.random.RandomState(0), (2, 5, 3, 3))
    eye = np.broadcast_to(np.eye(3), q.shape)
    assert_allclose(q @ q.swapaxes(-1, -2), eye, rtol=0, atol=1e-14)
    r = q.swapaxes(-1, -2) @ np.random.RandomState(0).standard_normal(q.shape)
    assert_allclose(np.tril(r, -1), np.zeros(q.shape), rtol=0, atol=1e-14)
    assert (np.diagonal(r, axis1=-2, axis2=-1) > 0).all()
