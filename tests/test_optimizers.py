"""Optimisers against steps worked out by hand, their state, clipping, schedules."""

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
    learning_rate_at,
)
from skrnn._core.params import Params, RowGrad

ALL = slice(None)
# One weight, gradients 2 and then -1, learning rate 0.1, starting from 1.
BY_HAND = {
    "plain": (SGD(momentum=0), [1 - 0.2, 0.8 + 0.1]),
    # v1 = -0.2, p1 = 1 + v1; v2 = 0.5 * -0.2 + 0.1 = 0, p2 = p1
    "momentum": (SGD(0.5, nesterovs_momentum=False), [0.8, 0.8]),
    # p1 = 1 + 0.5 * v1 - 0.2 = 0.7; p2 = 0.7 + 0.5 * 0 + 0.1
    "nesterov": (SGD(0.5, nesterovs_momentum=True), [0.7, 0.8]),
    # sums of squares 4, 5
    "adagrad": (Adagrad(), [1 - 0.1 * 2 / 2, 0.9 + 0.1 / np.sqrt(5)]),
    # means of squares 0.5 * 4, 0.5 * 2 + 0.5
    "rmsprop": (
        RMSProp(rho=0.5),
        [1 - 0.2 / np.sqrt(2), 1 - 0.2 / np.sqrt(2) + 0.1 / np.sqrt(1.5)],
    ),
    # m: 1, 0.5 * 1 - 0.5 = 0; v: 0.4, 0.46; corrected m: 2, 0; v: 4, 0.46 / 0.19
    "adam": (Adam(beta_1=0.5, beta_2=0.9), [1 - 0.1 * 2 / 2, 0.9]),
}


def make_params(n_rows=3, dtype=np.float64):
    shapes = {"W0": (1, n_rows, 2), "U0": (1, 2), "b0": (3,)}
    table = np.ones(shapes["W0"], dtype)
    params = Params(shapes, "W0", penalized={"U0"}, table=table, dtype=dtype)
    params.flat[...] = 1
    return params


def make_grads(params, flat, values, rows=ALL):
    grads = params.zero_grads()
    grads.flat[...] = flat
    table = np.empty_like(params.table[:, rows])
    table[...] = values
    grads.table = RowGrad(rows, table)
    return grads


def after(name, grads, *scale, reload=False):
    """Return the weights after steps, each with a new optimiser if `reload`."""
    params = make_params()
    optimizer = Optimizer(RULES[name](), params)
    for each in grads:
        optimizer.step(params, make_grads(params, *each), 0.1, *scale)
        if reload:
            state, optimizer = optimizer.state(), Optimizer(RULES[name](), params)
            optimizer.load(state)
    return params


def assert_same(a, b):
    assert_array_equal(a.flat, b.flat)
    assert_array_equal(a.table, b.table)


@pytest.mark.parametrize("case", BY_HAND)
def test_two_steps_by_hand(case):
    rule, expected = BY_HAND[case]
    params, touched = make_params(), np.array([0, 2])
    optimizer = Optimizer(rule, params)
    for gradient, value in zip((2, -1), expected, strict=True):
        optimizer.step(params, make_grads(params, gradient, gradient, touched), 0.1)
        assert_allclose(params.flat, value, rtol=1e-7, atol=1e-12)
        assert_allclose(params.table[:, touched], value, rtol=1e-7, atol=1e-12)
    assert_array_equal(params.table[:, 1], 1)


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


@pytest.mark.parametrize("name", RULES)
def test_all_rows_touched_is_a_slice(name):
    values = np.arange(6.0).reshape(1, 3, 2) - 2
    by_rows, by_slice = (after(name, [(1, values, r)] * 3) for r in (np.arange(3), ALL))
    assert_same(by_rows, by_slice)
    assert (by_rows.table != 1).sum() >= 5


@pytest.mark.parametrize("name", RULES)
def test_gradients_are_scaled(name):
    rows, values = np.array([0, 2]), np.array([[[1.0, -2.0], [3.0, 4.0]]])
    scaled = after(name, [(8, values * 4, rows)] * 2, 0.25)
    assert_same(scaled, after(name, [(2, values, rows)] * 2))


@pytest.mark.parametrize("name", RULES)
def test_a_new_optimiser_with_the_state_of_another_continues_as_that_one(name):
    rng = np.random.default_rng(0)
    grads = [(rng.standard_normal(), rng.standard_normal((1, 3, 2))) for _ in range(4)]
    assert_same(after(name, grads), after(name, grads, reload=True))


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


@pytest.mark.parametrize(
    ("rule", "n"),
    [(SGD(0), 0), (SGD(), 1), (Adagrad(), 1), (RMSProp(), 1), (Adam(), 2)],
)
def test_number_of_moments(rule, n):
    optimizer = Optimizer(rule, make_params(dtype=np.float32))
    for slots in (optimizer.flat_slots, optimizer.table_slots):
        assert [slot.dtype for slot in slots] == [np.float32] * n


# --- gradients of batches -------------------------------------------------------------


def test_finish_grads_is_a_penalised_mean():
    params = make_params()  # U0 is penalised, b0 is not
    grads = make_grads(params, 6, 2, np.array([1]))
    norm, scale = finish_grads(grads, params, n_terms=2.0, alpha=4.0, max_norm=None)
    assert_array_equal(grads["U0"] * scale, [[5, 5]])  # (6 + 4 * 1) / 2
    assert_array_equal(grads["b0"] * scale, [3, 3, 3])
    assert_array_equal(grads.table.values * scale, [[[3, 3]]])  # (2 + 4 * 1) / 2
    assert_allclose(norm, np.sqrt(2 * 25 + 3 * 9 + 2 * 9), rtol=1e-14)


@pytest.mark.parametrize(
    ("max_norm", "expected"),
    [(6.0, 1), (1.5, 1.5 / math.sqrt(28)), (0.9999 * math.sqrt(28), 0.9999)],
)
def test_clipping_scales_everything_to_the_norm(max_norm, expected):
    params = make_params()
    grads = make_grads(params, 2, 2, np.array([1]))  # seven numbers
    norm, scale = finish_grads(grads, params, 1.0, 0.0, max_norm=max_norm)
    assert_allclose(norm, math.sqrt(28), rtol=1e-14)
    assert_allclose(scale, expected, rtol=1e-14)
    assert (scale == 1) == (max_norm == 6)  # exactly


def test_squares_of_single_precision_are_added_in_double():
    params = make_params(4, np.float32)
    grads = make_grads(params, 0, 0)
    grads.table.values[0, :, 0] = [4096, 1, 1, 1]
    norm, _ = finish_grads(grads, params, 1.0, 0.0, max_norm=None)
    assert_allclose(norm, math.sqrt(2**24 + 3), rtol=1e-14)


# --- schedules ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("schedule", "start", "expected"),
    [
        ("constant", 0, [0.8, 0.8, 0.8, 0.8, 0.8]),
        ("adaptive", 0, [0.8, 0.8, 0.8, 0.8, 0.8]),
        ("invscaling", 0, [0.8, 0.8 / 2**2, 0.8 / 3**2, 0.8 / 4**2, 0.8 / 5**2]),
        ("exponential", 0, [0.8, 0.4, 0.2, 0.1, 0.05]),
        ("step", 0, [0.8, 0.8, 0.2, 0.2, 0.05]),
        ("exponential", 3, [0.8, 0.8, 0.8, 0.8, 0.4, 0.2]),
        ("step", 3, [0.8, 0.8, 0.8, 0.8, 0.8, 0.2]),
    ],
)
def test_learning_rates(schedule, start, expected):
    options = {"power_t": 2, "decay_rate": 0.25, "decay_steps": 2, "decay_start": start}
    rates = [
        learning_rate_at(epoch, schedule=schedule, init=0.8, **options)
        for epoch in range(len(expected))
    ]
    assert_allclose(rates, expected, rtol=1e-14)
