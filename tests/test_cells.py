"""One step of each cell against its equations, and what a step leaves alone."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from skrnn._core import recurrence
from skrnn._core.cells import CELLS

D, N, H = 2, 4, 3


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def rnn(z, h, c, U, w):
    return (np.tanh(z[0] + h @ U[0]),)


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


def make_step(name, dtype=np.float64):
    """Return a cell, z, U, w and a state; of each the last axis holds the gates."""
    rng = np.random.default_rng(0)
    cell = CELLS[name]()
    shapes = [(N, cell.n_gates * H), (H, cell.n_gates * H), (cell.n_extra, H)]
    z, U, w = (rng.standard_normal((D, *shape)).astype(dtype) for shape in shapes)
    state = rng.standard_normal((cell.n_states, D, N, H)).astype(dtype)
    return cell, z, U, w, tuple(state)


@pytest.mark.parametrize("name", CELLS)
def test_step_is_that_of_the_equations(name):
    cell, z, U, w, state = make_step(name)
    _, new, _ = recurrence.forward(cell, z, U, w, [N], state)
    for d in range(D):
        gates = (np.split(x[d], cell.n_gates, axis=1) for x in (z, U))
        z_d, U_d = gates
        expected = EQUATIONS[name](z_d, state[0][d], state[-1][d], U_d, w[d])
        for found, values in zip(new, expected, strict=True):
            assert_allclose(found[d], values, rtol=1e-13, atol=1e-15)


@pytest.mark.parametrize("name", CELLS)
def test_a_step_changes_neither_inputs_nor_states(name):
    cell, z, U, w, state = make_step(name)
    h, last, tape = recurrence.forward(cell, z, U, w, [N], state)
    dh, dlast = np.ones_like(h), tuple(np.full_like(s, 2) for s in last)
    recurrence.backward(cell, dh, tape, U, w, np.zeros_like(U), np.zeros_like(w), dlast)
    _, *before = make_step(name)
    for found, values in zip((z, U, w, *state), (*before[:3], *before[3]), strict=True):
        assert_array_equal(found, values)
    assert_array_equal(dh, 1)
    for d in dlast:
        assert_array_equal(d, 2)


class Single(np.ndarray):
    """Numbers of single precision that are never computed with in double."""

    def __array_ufunc__(self, ufunc, method, *inputs, out=(), **options):
        arrays = [x for x in (*inputs, *out) if isinstance(x, np.ndarray)]
        assert {x.dtype for x in arrays if x.ndim} <= {
            np.dtype(np.float32),
            np.dtype(bool),
        }
        inputs = [np.asarray(x) if isinstance(x, Single) else x for x in inputs]
        if out:
            options["out"] = tuple(np.asarray(x) for x in out)
        result = getattr(ufunc, method)(*inputs, **options)
        return out[0] if out else result.view(Single)


@pytest.mark.parametrize("name", CELLS)
def test_single_precision_is_never_left(name):
    cell, *arrays, state = make_step(name, np.float32)
    z, U, w = (x.view(Single) for x in arrays)
    state = tuple(s.view(Single) for s in state)
    h, last, tape = recurrence.forward(cell, z, U, w, [N], state)
    dU, dw = np.zeros_like(U), np.zeros_like(w)
    dz, dstate = recurrence.backward(cell, np.ones_like(h), tape, U, w, dU, dw, last)
    for x in (h, *last, dz, *dstate):
        assert x.dtype == np.float32
