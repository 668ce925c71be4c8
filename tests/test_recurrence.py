"""Each cell against its equations; precision and gradients of the time loop.

That a sequence is its steps one by one, depends on no other of its batch and that
directions do not mix is tested for whole networks, to the bit, in test_network.
"""

import numpy as np
import pytest
from core_helpers import batch_of, numerical_gradient
from numpy.testing import assert_allclose, assert_array_equal

from skrnn._core import recurrence
from skrnn._core.cells import CELLS
from skrnn._core.products import BLOCK, product

D, N, H = 2, 4, 3
ALL_CELLS = pytest.mark.parametrize("name", CELLS)


def make_case(name, lengths=(1,) * N, dtype=np.float64, activation="tanh"):
    """Return a cell, the sizes of the steps, z, U, w and a state."""
    rng, cell = np.random.default_rng(0), CELLS[name](activation)
    G, B = cell.n_gates, len(lengths)
    shapes = [(D, sum(lengths), G * H), (D, H, G * H), (D, cell.n_extra, H)]
    shapes += [(cell.n_states, D, B, H)]
    z, U, w, state = (rng.standard_normal(shape).astype(dtype) for shape in shapes)
    return cell, batch_of(lengths).sizes, z, U, w, tuple(state)


# --- one step -------------------------------------------------------------------------


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def rnn(z, h, c, U, w):
    return (np.tanh(z[0] + h @ U[0]),)


def relu(z, h, c, U, w):
    return (np.maximum(z[0] + h @ U[0], 0),)


def lstm(z, h, c, U, w):
    p_i, p_f, p_o = w if len(w) else np.zeros(3)
    i = sigmoid(z[0] + h @ U[0] + p_i * c)
    f = sigmoid(z[1] + h @ U[1] + p_f * c)
    c = f * c + i * np.tanh(z[2] + h @ U[2])
    o = sigmoid(z[3] + h @ U[3] + p_o * c)
    return o * np.tanh(c), c


def gru(z, h, c, U, w):
    r, u = (sigmoid(z[k] + h @ U[k]) for k in range(2))
    return ((1 - u) * np.tanh(z[2] + r * (h @ U[2] + w[0])) + u * h,)


def gru_reset_before(z, h, c, U, w):
    r, u = (sigmoid(z[k] + h @ U[k]) for k in range(2))
    return ((1 - u) * np.tanh(z[2] + (r * h) @ U[2]) + u * h,)


def gru_update_only(z, h, c, U, w):
    u = sigmoid(z[0] + h @ U[0])
    return ((1 - u) * np.tanh(z[1] + h @ U[1]) + u * h,)


EQUATIONS = {
    "rnn": rnn,
    "gru": gru,
    "gru_reset_before": gru_reset_before,
    "gru_update_only": gru_update_only,
    "lstm": lstm,
    "lstm_peephole": lstm,
}


@pytest.mark.parametrize("name", ["relu", *CELLS])
def test_step_is_that_of_the_equations(name):
    if name == "relu":
        (cell, *case), step = make_case("rnn", activation="relu"), relu
    else:
        (cell, *case), step = make_case(name), EQUATIONS[name]
    sizes, z, U, w, state = case
    _, new, _ = recurrence.forward(cell, z, U, w, sizes, state)
    for d in range(D):
        z_d, U_d = (np.split(x[d], cell.n_gates, axis=1) for x in (z, U))
        expected = step(z_d, state[0][d], state[-1][d], U_d, w[d])
        for values, exact in zip(new, expected, strict=True):
            assert_allclose(values[d], exact, rtol=1e-13, atol=1e-15)


@ALL_CELLS
def test_a_step_changes_neither_inputs_nor_states(name):
    cell, sizes, *arrays, state = make_case(name)
    z, U, w = arrays
    h, last, tape = recurrence.forward(cell, z, U, w, sizes, state)
    dh, dlast = np.ones_like(h), tuple(np.full_like(s, 2) for s in last)
    recurrence.backward(cell, dh, tape, U, w, np.zeros_like(U), np.zeros_like(w), dlast)
    *_, z, U, w, same = make_case(name)
    for values, before in zip((*arrays, *state), (z, U, w, *same), strict=True):
        assert_array_equal(values, before)
    assert_array_equal(dh, 1)
    assert_array_equal(dlast, 2)


class Single(np.ndarray):
    """Numbers of single precision that are never computed with in double."""

    def __array_ufunc__(self, ufunc, method, *inputs, out=(), **options):
        arrays = [x for x in (*inputs, *out) if isinstance(x, np.ndarray)]
        assert {x.dtype.name for x in arrays if x.ndim} <= {"float32", "bool"}
        inputs = [np.asarray(x) if isinstance(x, Single) else x for x in inputs]
        if out:
            options["out"] = tuple(np.asarray(x) for x in out)
        result = getattr(ufunc, method)(*inputs, **options)
        return out[0] if out else result.view(Single)


@ALL_CELLS
def test_single_precision_is_never_left(name):
    cell, sizes, *arrays, state = make_case(name, dtype=np.float32)
    z, U, w = (x.view(Single) for x in arrays)
    state = tuple(s.view(Single) for s in state)
    h, last, tape = recurrence.forward(cell, z, U, w, sizes, state)
    dU, dw = np.zeros_like(U), np.zeros_like(w)
    dz, dstate = recurrence.backward(cell, np.ones_like(h), tape, U, w, dU, dw, last)
    for x in (h, *last, dz, *dstate):
        assert x.dtype == np.float32


# --- the loop -------------------------------------------------------------------------


@ALL_CELLS
def test_gradients_of_inputs_and_states(name):
    cell, sizes, z, U, w, state = make_case(name, [4, 2, 2, 1])
    rng = np.random.default_rng(1)
    dh = rng.standard_normal((D, z.shape[1], H))
    dlast = tuple(rng.standard_normal(s.shape) for s in state)

    def loss():
        h, last, tape = recurrence.forward(cell, z, U, w, sizes, state)
        of_last = sum((a * b).sum() for a, b in zip(last, dlast, strict=True))
        return (h * dh).sum() + of_last, tape

    dU, dw = np.zeros_like(U), np.zeros_like(w)
    dz, dstate = recurrence.backward(cell, dh, loss()[1], U, w, dU, dw, dlast)
    for values, grad in [(z, dz), (U, dU), (w, dw), *zip(state, dstate, strict=True)]:
        numeric = numerical_gradient(lambda: loss()[0], values)
        assert_allclose(grad, numeric, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("d", "m"), [(1, 1), (7, 9), (100, 400), (200, 9), (33, 1024)])
def test_product_rows_do_not_depend_on_each_other(dtype, d, m):
    rng, n = np.random.default_rng(6), 3 * BLOCK + 5
    x, W = (rng.standard_normal(shape).astype(dtype) for shape in ((n, d), (d, m)))
    whole = product(x, W, batch_invariant=True)
    assert_allclose(whole, x @ W, rtol=0, atol=1e-3 if dtype == np.float32 else 1e-12)
    order = rng.permutation(n)
    for rows in (order, slice(0, 1), slice(40, 41), slice(1, 50), slice(90, n)):
        assert_array_equal(product(x[rows], W, batch_invariant=True), whole[rows])
    pair, weights = np.stack([x, x[::-1]]), np.stack([W, W])
    both = product(pair, weights, batch_invariant=True)
    assert_array_equal(both, [whole, whole[::-1]])


def test_lstm_of_known_weights_copies_its_input():
    # open gates, empty memory: h = tanh(tanh(g)) at the first step
    g = np.array([0.3, -1.0])
    z = np.concatenate([np.full(2, 50), np.full(2, -50), g, np.full(2, 50)])
    U, w = np.zeros((1, 2, 8)), np.empty((1, 0, 2))
    z = np.tile(z, (1, 3, 1))
    h, _, _ = recurrence.forward(CELLS["lstm"](), z, U, w, [1, 1, 1])
    assert_allclose(h, np.tile(np.tanh(np.tanh(g)), (1, 3, 1)), rtol=1e-12, atol=0)
