"""Named views of one vector, and what they are filled with at first."""

import math

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from skrnn._core.params import (
    ArraySpec,
    Params,
    PrefixedParams,
    RowGrad,
    fill_glorot_uniform,
    fill_specs,
    orthogonal,
)

SHAPES = {"embedding": (7, 3), "W0": (2, 3, 4), "U0": (2, 4, 4), "b0": (2, 4)}
SHAPES |= {"e0": (2, 1, 4), "W1": (2, 8, 4), "U1": (2, 4, 4), "b1": (2, 4)}
SHAPES |= {"e1": (2, 1, 4), "W_out": (8, 5), "b_out": (5,)}
WEIGHTS = {"embedding", "W0", "U0", "W1", "U1", "W_out"}


def make_params(**values):
    table = np.ones(SHAPES["embedding"])
    return Params(SHAPES, "embedding", penalized=WEIGHTS, table=table, **values)


def test_all_but_the_table_are_views_weights_first():
    params = make_params()
    assert len(params.flat) == sum(map(math.prod, SHAPES.values())) - 7 * 3
    assert params["embedding"] is params.table
    n = params.n_penalized
    params.flat[:n] = 1
    params.flat[n:] = 2
    params.table[...] = 2
    for name, values in params.to_dict().items():
        assert values.shape == SHAPES[name]
        assert_array_equal(values, 1 if name in WEIGHTS - {"embedding"} else 2)
    assert list(params.to_dict()) == list(SHAPES)
    params["b0"][1] = 3
    assert (params.flat == 3).sum() == 4


def test_given_values_are_not_copied():
    flat = np.zeros_like(make_params().flat, dtype=np.float32)
    params = make_params(flat=flat)
    assert params.flat is flat
    flat[...] = 4
    assert_array_equal(params["W_out"], 4)


def test_copy_shares_nothing_and_gradients_are_zeros_of_the_same_dtype():
    params = make_params(dtype=np.float32)
    copied, grads = params.copy(), params.zero_grads()
    params.flat[...] = params.table[...] = 5
    assert_array_equal(copied.flat, 0)
    assert_array_equal(copied.table, 1)
    assert copied.flat.dtype == grads.flat.dtype == np.float32
    assert_array_equal(grads.flat, 0)
    assert grads.n_penalized == params.n_penalized


def test_arrays_of_specs_are_filled_in_their_order():
    """The table is the embedding, or W0; arrays without a fill stay zero."""
    rng, drawn = np.random.RandomState(0), np.random.RandomState(0).uniform(size=8)

    def fill(rng, out):
        out[...] = rng.uniform(size=out.shape)

    specs = {"b0": ArraySpec((2,), fill), "b1": ArraySpec((3,))}
    specs |= {"W0": ArraySpec((2, 2), fill, penalized=True)}
    specs |= {"U0": ArraySpec((2,), fill, penalized=True)}
    params = Params.from_specs(specs, dtype=np.float32)
    assert params.table_name == "W0"
    assert params.table.dtype == params.flat.dtype == np.float32
    assert params.n_penalized == 2
    fill_specs(specs, params, rng)
    filled = np.concatenate([params[name].ravel() for name in specs])
    assert_allclose(filled, [*drawn[:2], 0, 0, 0, *drawn[2:]], rtol=1e-6)
    assert ("W0" in params, "embedding" in params) == (True, False)
    embedded = Params.from_specs({**specs, "embedding": ArraySpec((4, 2))})
    assert embedded.table_name == "embedding"


@pytest.mark.parametrize("name", ["embedding", "W0"])
def test_prefixed_params_are_a_view_and_add_the_gradient_of_their_table(name):
    shapes = {"embedding": (1, 1), f"p_{name}": (2, 3, 4), "p_b0": (4,)}
    params = Params(shapes, "embedding", dtype=np.float64)
    part = PrefixedParams(params, "p_")
    assert (name in part, "U0" in part) == (True, False)
    assert part["b0"] is params["p_b0"]
    assert part.table is params[f"p_{name}"]
    for _ in range(2):
        part.table = RowGrad(np.array([0, 2]), np.ones((2, 2, 4)))
    expected = np.zeros((2, 3, 4))
    expected[:, [0, 2]] = 2
    assert_array_equal(params[f"p_{name}"], expected)


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
