"""Optimisers against steps worked out by hand, clipping, schedules."""

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


def make_params(table_rows=3):
    shapes = {"W0": (1, table_rows, 2), "U0": (1, 2), "b0": (3,)}
    table = np.ones((1, table_rows, 2))
    params = Params(shapes, "W0", penalized={"U0"}, table=table, dtype=np.float64)
    params.flat[...] = 1
    return params


def make_grads(params, flat, rows, values):
    grads = params.zero_grads()
    grads.flat[...] = flat
    grads.table = RowGrad(rows, np.array(values, dtype=float))
    return grads


@pytest.mark.parametrize("case", BY_HAND)
def test_two_steps_by_hand(case):
    rule, (first, second) = BY_HAND[case]
    params = make_params()
    optimizer = Optimizer(rule, params)
    touched = np.array([0, 2])
    optimizer.step(params, make_grads(params, 2, touched, np.full((1, 2, 2), 2)), 0.1)
    assert_allclose(params.flat, first, rtol=1e-7, atol=1e-12)
    assert_allclose(params.table[:, touched], first, rtol=1e-7, atol=1e-12)
    optimizer.step(params, make_grads(params, -1, touched, np.full((1, 2, 2), -1)), 0.1)
    assert_allclose(params.flat, second, rtol=1e-7, atol=1e-12)
    assert_allclose(params.table[:, touched], second, rtol=1e-7, atol=1e-12)
    assert_array_equal(params.table[:, 1], 1)


@pytest.mark.parametrize("name", RULES)
def test_all_rows_touched_is_a_slice(name):
    by_rows, by_slice = make_params(), make_params()
    values = np.arange(6.0).reshape(1, 3, 2) - 2
    optimizers = [Optimizer(RULES[name](), p) for p in (by_rows, by_slice)]
    for _ in range(3):
        optimizers[0].step(by_rows, make_grads(by_rows, 1, np.arange(3), values), 0.1)
        optimizers[1].step(by_slice, make_grads(by_slice, 1, slice(None), values), 0.1)
    assert_array_equal(by_rows.table, by_slice.table)
    assert (by_rows.table != 1).sum() >= 5


@pytest.mark.parametrize("name", RULES)
def test_state_goes_on(name):
    """A new optimiser with the state of another continues as that one does."""
    whole, parts = make_params(), make_params()
    rng = np.random.default_rng(0)
    grads = [(rng.standard_normal(), rng.standard_normal((1, 3, 2))) for _ in range(4)]
    optimizer = Optimizer(RULES[name](), whole)
    for flat, values in grads:
        optimizer.step(whole, make_grads(whole, flat, slice(None), values), 0.1)
    state = None
    for flat, values in grads:
        optimizer = Optimizer(RULES[name](), parts)
        if state is not None:
            optimizer.load(state)
        optimizer.step(parts, make_grads(parts, flat, slice(None), values), 0.1)
        state = optimizer.state()
    assert_array_equal(whole.flat, parts.flat)
    assert_array_equal(whole.table, parts.table)


def test_finish_grads_is_a_penalised_mean():
    params = make_params()  # U0 is penalised, b0 is not
    grads = make_grads(params, 6, np.array([1]), np.full((1, 1, 2), 2))
    norm, scale = finish_grads(grads, params, n_terms=2.0, alpha=4.0, max_norm=None)
    assert_array_equal(grads["U0"] * scale, [[5, 5]])  # (6 + 4 * 1) / 2
    assert_array_equal(grads["b0"] * scale, [3, 3, 3])
    assert_array_equal(grads.table.values * scale, [[[3, 3]]])  # (2 + 4 * 1) / 2
    assert_allclose(norm, np.sqrt(2 * 25 + 3 * 9 + 2 * 9), rtol=1e-14)


def test_clipping_scales_everything_to_the_norm():
    params = make_params()
    grads = make_grads(params, 2, np.array([1]), np.full((1, 1, 2), 2))
    norm, scale = finish_grads(grads, params, n_terms=1.0, alpha=0.0, max_norm=1.5)
    assert_allclose(norm, np.sqrt(7 * 4), rtol=1e-14)
    assert_allclose(scale, 1.5 / norm, rtol=1e-14)
    assert finish_grads(grads, params, n_terms=1.0, alpha=0.0, max_norm=6.0)[1] == 1


@pytest.mark.parametrize("name", RULES)
def test_gradients_are_scaled(name):
    scaled, plain = make_params(), make_params()
    rows = np.array([0, 2])
    values = np.array([[[1.0, -2.0], [3.0, 4.0]]])
    optimizers = [Optimizer(RULES[name](), p) for p in (scaled, plain)]
    for _ in range(2):
        optimizers[0].step(scaled, make_grads(scaled, 8, rows, values * 4), 0.1, 0.25)
        optimizers[1].step(plain, make_grads(plain, 2, rows, values), 0.1)
    assert_array_equal(scaled.flat, plain.flat)
    assert_array_equal(scaled.table, plain.table)


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        ("constant", [0.8, 0.8, 0.8, 0.8, 0.8]),
        ("adaptive", [0.8, 0.8, 0.8, 0.8, 0.8]),
        ("invscaling", [0.8, 0.8 / 2**2, 0.8 / 3**2, 0.8 / 4**2, 0.8 / 5**2]),
        ("exponential", [0.8, 0.4, 0.2, 0.1, 0.05]),
        ("step", [0.8, 0.8, 0.2, 0.2, 0.05]),
    ],
)
def test_learning_rates(schedule, expected):
    rates = [
        learning_rate_at(
            epoch,
            schedule=schedule,
            init=0.8,
            power_t=2,
            decay_rate=0.25,
            decay_steps=2,
            decay_start=0,
        )
        for epoch in range(5)
    ]
    assert_allclose(rates, expected, rtol=1e-14)


@pytest.mark.parametrize("schedule", ["exponential", "step"])
def test_decay_that_waits(schedule):
    options = {"schedule": schedule, "init": 1.0, "power_t": 2, "decay_rate": 0.5}
    rates = [
        learning_rate_at(epoch, decay_steps=1, decay_start=3, **options)
        for epoch in range(6)
    ]
    assert rates == [1.0, 1.0, 1.0, 1.0, 0.5, 0.25]
