"""The time loop: states, directions, independence of the batch."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from skrnn._core import recurrence
from skrnn._core.batching import PackedBatch
from skrnn._core.cells import CELLS
from skrnn._core.products import BLOCK, product

H, D = 3, 2


def make_layer(cell_name, rng, dtype=np.float64):
    cell = CELLS[cell_name]()
    U = rng.standard_normal((D, H, cell.n_gates * H)).astype(dtype)
    w = rng.standard_normal((D, cell.n_extra, H)).astype(dtype)
    return cell, U, w


def make_batch(lengths, cell, rng, dtype=np.float64):
    lengths = np.asarray(lengths)
    batch = PackedBatch(np.cumsum(lengths) - lengths, lengths)
    N, B = lengths.sum(), len(lengths)
    z = rng.standard_normal((D, N, cell.n_gates * H)).astype(dtype)
    state = rng.standard_normal((cell.n_states, D, B, H)).astype(dtype)
    return batch, z, tuple(state)


@pytest.mark.parametrize("cell_name", CELLS)
def test_gradients_of_inputs_and_states(cell_name):
    rng = np.random.default_rng(1)
    cell, U, w = make_layer(cell_name, rng)
    batch, z, state = make_batch([4, 2, 2, 1], cell, rng)
    dh = rng.standard_normal((D, len(batch.rows), H))
    dlast = tuple(rng.standard_normal(s.shape) for s in state)

    def loss():
        h, last, tape = recurrence.forward(cell, z, U, w, batch.sizes, state)
        parts = [
            (h * dh).sum(),
            *((a * b).sum() for a, b in zip(last, dlast, strict=1)),
        ]
        return sum(parts), tape

    dU, dw = np.zeros_like(U), np.zeros_like(w)
    dz, dstate = recurrence.backward(cell, dh, loss()[1], U, w, dU, dw, dlast)
    for values, grad in [(z, dz), (U, dU), (w, dw), *zip(state, dstate, strict=True)]:
        numeric = np.empty_like(values)
        for index in np.ndindex(values.shape):
            saved = values[index]
            values[index] = saved + 1e-5
            up = loss()[0]
            values[index] = saved - 1e-5
            numeric[index] = (up - loss()[0]) / 2e-5
            values[index] = saved
        assert_allclose(grad, numeric, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("cell_name", CELLS)
def test_whole_is_step_by_step(cell_name):
    rng = np.random.default_rng(2)
    cell, U, w = make_layer(cell_name, rng)
    batch, z, state = make_batch([5, 5, 5], cell, rng)
    whole, last, _ = recurrence.forward(cell, z, U, w, batch.sizes, state)
    for t in range(5):
        step = slice(3 * t, 3 * t + 3)
        h, state, _ = recurrence.forward(cell, z[:, step], U, w, [3], state)
        assert_allclose(h, whole[:, step], rtol=1e-13, atol=0)
    for a, b in zip(state, last, strict=True):
        assert_allclose(a, b, rtol=1e-13, atol=0)


@pytest.mark.parametrize("cell_name", CELLS)
def test_last_state_is_that_of_each_sequences_last_step(cell_name):
    rng = np.random.default_rng(3)
    cell, U, w = make_layer(cell_name, rng)
    batch, z, _ = make_batch([2, 4, 1], cell, rng)
    h, last, _ = recurrence.forward(cell, z, U, w, batch.sizes)
    assert_array_equal(last[0], h[:, batch.last])


@pytest.mark.parametrize("cell_name", CELLS)
def test_directions_do_not_mix(cell_name):
    rng = np.random.default_rng(4)
    cell, U, w = make_layer(cell_name, rng)
    batch, z, state = make_batch([3, 2], cell, rng)
    both, _, _ = recurrence.forward(cell, z, U, w, batch.sizes, state)
    for d in range(D):
        own = slice(d, d + 1)
        states = tuple(s[own] for s in state)
        h, _, _ = recurrence.forward(cell, z[own], U[own], w[own], batch.sizes, states)
        assert_array_equal(h[0], both[d])


@pytest.mark.parametrize("cell_name", CELLS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_inference_does_not_depend_on_the_batch(cell_name, dtype):
    rng = np.random.default_rng(5)
    cell, U, w = make_layer(cell_name, rng, dtype)
    lengths = rng.integers(1, 20, size=70)
    batch, z, _ = make_batch(lengths, cell, rng, dtype)
    h, _, tape = recurrence.forward(
        cell, z, U, w, batch.sizes, keep=False, batch_invariant=True
    )
    assert tape is None
    step = np.repeat(np.arange(len(batch.sizes)), batch.sizes)
    sequence = np.arange(len(step)) - (np.cumsum(batch.sizes) - batch.sizes)[step]
    for j in (0, 33, 69):
        mine = np.flatnonzero(sequence == j)
        alone, _, _ = recurrence.forward(
            cell, z[:, mine], U, w, [1] * len(mine), keep=False, batch_invariant=True
        )
        assert_array_equal(alone, h[:, mine])
    trained, _, _ = recurrence.forward(cell, z, U, w, batch.sizes)
    assert_allclose(h, trained, rtol=0, atol=1e-5 if dtype == np.float32 else 1e-13)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("d", "m"), [(1, 1), (7, 9), (100, 400), (200, 9), (33, 1024)])
def test_product_rows_do_not_depend_on_each_other(dtype, d, m):
    rng = np.random.default_rng(6)
    n = 3 * BLOCK + 5
    x, W = rng.standard_normal((n, d)), rng.standard_normal((d, m))
    x, W = x.astype(dtype), W.astype(dtype)
    whole = product(x, W, batch_invariant=True)
    assert_allclose(whole, x @ W, rtol=0, atol=1e-3 if dtype == np.float32 else 1e-12)
    order = rng.permutation(n)
    assert_array_equal(product(x[order], W, batch_invariant=True), whole[order])
    for rows in (slice(0, 1), slice(40, 41), slice(1, 50), slice(90, n)):
        assert_array_equal(product(x[rows], W, batch_invariant=True), whole[rows])
    pair = np.stack([x, x[::-1]])
    both = product(pair, np.stack([W, W]), batch_invariant=True)
    assert_array_equal(both, [whole, whole[::-1]])


def test_relu_lets_only_positive_sums_through():
    cell = CELLS["rnn"]("relu")
    z = np.array([[[1.0, -1.0, 2.0]]])
    h, _, _ = recurrence.forward(cell, z, np.zeros((1, 3, 3)), np.empty((1, 0, 3)), [1])
    assert_array_equal(h, [[[1.0, 0.0, 2.0]]])


def test_lstm_of_known_weights_copies_its_input():
    # open gates, empty memory: h = tanh(tanh(g)) at the first step
    cell = CELLS["lstm"]()
    g = np.array([0.3, -1.0])
    z = np.concatenate([np.full(2, 50), np.full(2, -50), g, np.full(2, 50)])
    U, w = np.zeros((1, 2, 8)), np.empty((1, 0, 2))
    h, _, _ = recurrence.forward(cell, np.tile(z, (1, 3, 1)), U, w, [1, 1, 1])
    assert_allclose(h, np.tile(np.tanh(np.tanh(g)), (1, 3, 1)), rtol=1e-12, atol=0)
