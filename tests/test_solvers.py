"""What solvers are by default, what they keep, how they are told apart."""

import math

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from skrnn._core.optimizers import (
    RULES,
    SGD,
    Adagrad,
    Adam,
    Optimizer,
    RMSProp,
    finish_grads,
)
from skrnn._core.params import Params, RowGrad


def make_params(n_rows=3, dtype=np.float64):
    shapes = {"W0": (1, n_rows, 2), "U0": (1, 2), "b0": (3,)}
    table = np.ones((1, n_rows, 2), dtype)
    params = Params(shapes, "W0", penalized={"U0"}, table=table, dtype=dtype)
    params.flat[...] = 1
    return params


def make_grads(params, flat, table):
    grads = params.zero_grads()
    grads.flat[...] = flat
    values = np.full_like(params.table, table)
    grads.table = RowGrad(slice(None), values)
    return grads


def test_defaults_are_those_of_the_papers():
    assert {name: vars(rule()) for name, rule in RULES.items()} == {
        "sgd": {"momentum": 0.9, "nesterovs_momentum": True, "n_slots": 1},
        "adagrad": {"epsilon": 1e-8},
        "rmsprop": {"rho": 0.9, "epsilon": 1e-8},
        "adam": {"beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-8},
    }


@pytest.mark.parametrize(
    ("rule", "step"),
    [
        (Adagrad(epsilon=0.5), 2 / (2 + 0.5)),
        (RMSProp(rho=0.75, epsilon=0.5), 2 / (1 + 0.5)),  # of the mean, 0.25 * 2 ** 2
        (Adam(epsilon=0.5), 2 / (2 + 0.5)),  # beside the corrected root
    ],
)
def test_epsilon_is_added_to_the_root(rule, step):
    params = make_params()
    Optimizer(rule, params).step(params, make_grads(params, 2, 2), 0.1)
    assert_allclose(params.flat, 1 - 0.1 * step, rtol=1e-14)
    assert_allclose(params.table, 1 - 0.1 * step, rtol=1e-14)


@pytest.mark.parametrize(
    ("rule", "n"),
    [(SGD(0), 0), (SGD(), 1), (Adagrad(), 1), (RMSProp(), 1), (Adam(), 2)],
)
def test_number_of_moments(rule, n):
    optimizer = Optimizer(rule, make_params(dtype=np.float32))
    assert len(optimizer.flat_slots) == len(optimizer.table_slots) == n
    assert all(slot.dtype == np.float32 for slot in optimizer.flat_slots)
    assert all(slot.dtype == np.float32 for slot in optimizer.table_slots)


@pytest.mark.parametrize("name", RULES)
def test_a_state_that_was_loaded_is_not_changed(name):
    params = make_params()
    first, second = (Optimizer(RULES[name](), params) for _ in range(2))
    first.step(params, make_grads(params, 2, 2), 0.1)
    t, flat, table = first.state()
    before = [slot.copy() for slot in (*flat, *table)]
    second.load((t, flat, table))
    second.step(params, make_grads(params, 3, 3), 0.1)
    assert (first.t, second.t) == (1, 2)
    for slot, saved in zip((*flat, *table), before, strict=True):
        assert_array_equal(slot, saved)


def test_gradients_a_little_too_long_are_clipped():
    params = make_params()
    grads = make_grads(params, 1, 1)
    length = math.sqrt(5 + 6)
    norm, scale = finish_grads(grads, params, 1.0, 0.0, max_norm=length * 0.9999)
    assert_allclose(norm, length, rtol=1e-14)
    assert_allclose(scale, 0.9999, rtol=1e-14)


def test_squares_of_single_precision_are_added_in_double():
    params = make_params(4, np.float32)
    grads = make_grads(params, 0, 0)
    grads.table.values[0, :, 0] = [4096, 1, 1, 1]
    norm, _ = finish_grads(grads, params, 1.0, 0.0, max_norm=None)
    assert_allclose(norm, math.sqrt(2**24 + 3), rtol=1e-14)
