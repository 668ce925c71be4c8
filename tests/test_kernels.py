"""The compiled kernels against the numpy reference."""

import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from skrnn._core import kernels, recurrence
from skrnn._core.attention import QueryGroups, attend, attend_backward
from skrnn._core.batching import PackedBatch
from skrnn._core.cells import CELLS, RNN
from skrnn._core.first_layer import Ids
from skrnn._core.heads import Softmax
from skrnn._core.optimizers import SGD, Adam, Optimizer
from skrnn._core.params import Params, RowGrad
from skrnn._core.products import product

pytestmark = [
    pytest.mark.skipif(
        kernels.compiled is None, reason="no kernels: not built, or SKRNN_KERNELS=numpy"
    ),
    pytest.mark.usefixtures("isa"),
]
TOLERANCE = {np.float32: 1e-5, np.float64: 1e-12}
DTYPES = pytest.mark.parametrize("dtype", TOLERANCE)


@pytest.fixture(params=kernels.supported()[1:] or ["none"])
def isa(request):
    """Use each instruction set that this processor has."""
    before = kernels.in_use()
    kernels.use(request.param)
    yield
    kernels.use(before)


def by_numpy(function, *args, **options):
    """Call a function without kernels."""
    before = kernels.in_use()
    kernels.use("numpy")
    try:
        return function(*args, **options)
    finally:
        kernels.use(before)


def assert_close(found, expected, dtype):
    """Compare relative to the largest number: sums cancel."""
    scale = max(1.0, np.abs(expected).max(initial=0))
    tolerance = TOLERANCE[dtype]
    assert found.dtype == dtype
    assert_allclose(found, expected, rtol=tolerance, atol=tolerance * scale)


# --- recurrences ----------------------------------------------------------------------


@st.composite
def batches(draw):
    """Draw the sizes of a layer, sequences, and a seed."""
    H = draw(st.one_of(st.integers(1, 40), st.integers(1, 300)))
    lengths = draw(st.lists(st.integers(1, 9), min_size=1, max_size=14))
    return H, np.array(lengths), draw(st.integers(1, 2)), draw(st.integers(0, 2**31))


def run(cell, arrays, sizes, n_threads=1):
    """Return everything that a layer computes, forward and backward."""
    z, U, w, state, dh, dlast = arrays
    h, last, tape = recurrence.forward(cell, z, U, w, sizes, state, n_threads=n_threads)
    dU, dw, db = np.ones_like(U), np.ones_like(w), np.ones_like(U[:, 0])
    dz, dstate = recurrence.backward(
        cell, dh, tape, U, w, dU, dw, dlast, db=db, n_threads=n_threads
    )
    return [h, *last, dz, dU, dw, db, *dstate]


@DTYPES
@pytest.mark.parametrize("name", ["relu", *CELLS])
def test_recurrences(name, dtype):
    cell = RNN("relu") if name == "relu" else CELLS[name]()

    @settings(max_examples=10)
    @given(batches())
    def check(case):
        H, lengths, D, seed = case
        rng = np.random.default_rng(seed)
        N, B, G = lengths.sum(), len(lengths), cell.n_gates
        batch = PackedBatch(np.cumsum(lengths) - lengths, lengths)

        def normal(*shape):
            return rng.standard_normal(shape).astype(dtype)

        arrays = (
            normal(D, N, G * H),
            normal(D, H, G * H) / dtype(2 * np.sqrt(H)),
            normal(D, cell.n_extra, H),
            tuple(normal(D, B, H) for _ in range(cell.n_states)),
            normal(D, N, H),
            tuple(normal(D, B, H) for _ in range(cell.n_states)),
        )
        before = [np.array(a) for a in (*arrays[:3], *arrays[3], arrays[4], *arrays[5])]
        found = run(cell, arrays, batch.sizes)
        after = (*arrays[:3], *arrays[3], arrays[4], *arrays[5])
        for a, b in zip(after, before, strict=True):
            assert_array_equal(a, b)
        for a, b in zip(found, run(cell, arrays, batch.sizes, 3), strict=True):
            assert_array_equal(a, b)
        expected = by_numpy(run, cell, arrays, batch.sizes)
        for a, b in zip(found, expected, strict=True):
            assert_close(a, b, dtype)

    check()


@pytest.mark.parametrize("lengths", [[1], [3, 3], [1, 4, 2, 4]])
@pytest.mark.parametrize("name", CELLS)
def test_products_with_a_first_state_of_zeros_are_left_out(name, lengths):
    cell, H, D, rng = CELLS[name](), 5, 2, np.random.default_rng(0)
    lengths = np.array(lengths)
    sizes = PackedBatch(np.cumsum(lengths) - lengths, lengths).sizes
    z = rng.standard_normal((D, lengths.sum(), cell.n_gates * H))
    U = rng.standard_normal((D, H, cell.n_gates * H))
    w = rng.standard_normal((D, cell.n_extra, H))
    dh = rng.standard_normal((D, lengths.sum(), H))
    zeros = (np.zeros((D, len(lengths), H)),) * cell.n_states
    expected = run(cell, (z, U, w, zeros, dh, None), sizes)
    for a, b in zip(run(cell, (z, U, w, None, dh, None), sizes), expected, strict=True):
        assert_close(a, b, np.float64)
    tape = recurrence.forward(cell, z, U, w, sizes)[2]
    dU, dw = np.ones_like(U), np.ones_like(w)
    dz, dfirst = recurrence.backward(cell, dh, tape, U, w, dU, dw, to_first=False)
    assert dfirst is None
    *_, dz_expected, dU_expected, dw_expected, _ = expected[: -cell.n_states]
    assert_close(dz, dz_expected, np.float64)
    assert_close(dU, dU_expected, np.float64)
    assert_close(dw, dw_expected, np.float64)


@pytest.mark.parametrize("name", CELLS)
def test_steps_take_rows_of_a_table(name):
    cell, H, rng = CELLS[name](), 5, np.random.default_rng(0)
    z = rng.standard_normal((2, 3, cell.n_gates * H))
    U = rng.standard_normal((2, H, cell.n_gates * H))
    w, sizes = rng.standard_normal((2, cell.n_extra, H)), [3, 2, 1, 1]
    rows = rng.integers(0, 3, (2, 7))
    each = np.stack([own[r] for own, r in zip(z, rows, strict=True)])
    expected = recurrence.forward(cell, each, U, w, sizes)[0]
    found = recurrence.forward(cell, z, U, w, sizes, rows=rows)[0]
    assert_array_equal(found, expected)
    found = by_numpy(recurrence.forward, cell, z, U, w, sizes, rows=rows)[0]
    assert_close(found, expected, np.float64)


@DTYPES
@pytest.mark.parametrize("name", CELLS)
def test_far_inputs_saturate(name, dtype):
    cell = CELLS[name]()
    values = [-1e30, -1000, -100, -88.5, -20, -1e-30, 0, 1e-30, 20, 88.5, 100, 1e30]
    z = np.array(values, dtype).repeat(cell.n_gates)[None, None]
    H = len(values)
    U = np.zeros((1, H, cell.n_gates * H), dtype)
    w = np.zeros((1, cell.n_extra, H), dtype)
    found = recurrence.forward(cell, z, U, w, [1])[0]
    expected, *_ = by_numpy(recurrence.forward, cell, z, U, w, [1])
    assert_allclose(found, expected, rtol=TOLERANCE[dtype], atol=1e-30)


@DTYPES
def test_elementwise_functions_are_accurate_to_a_few_ulp(dtype):
    """The simple cell is a tanh; a gate of the update-only GRU times 1 is a sigmoid."""
    x = np.concatenate([np.linspace(-12, 12, 4001), np.geomspace(1e-30, 1, 500)])
    x = np.concatenate([x, -x]).astype(dtype)
    H, exact = len(x), x.astype(np.longdouble)
    U, w = np.zeros((1, H, H), dtype), np.empty((1, 0, H), dtype)
    h, *_ = recurrence.forward(RNN(), x[None, None], U, w, [1])
    expected = np.tanh(exact)
    ulp = np.spacing(np.abs(expected).astype(dtype)).astype(np.longdouble)
    assert (np.abs(h[0, 0] - expected) <= 3 * ulp).all()
    cell = CELLS["gru_update_only"]()
    z = np.concatenate([x, np.full(H, 50, dtype)])[None, None]  # u = sigmoid(x), n = 1
    U, w = np.zeros((1, H, 2 * H), dtype), np.empty((1, 0, H), dtype)
    minus_one = (-np.ones((1, 1, H), dtype),)  # h = 1 - 2 u
    h, *_ = recurrence.forward(cell, z, U, w, [1], minus_one)
    expected = 1 - 2 / (1 + np.exp(-exact))
    assert (np.abs(h[0, 0] - expected) <= 4 * np.finfo(dtype).eps).all()


@pytest.mark.parametrize("name", CELLS)
def test_nan_stays_nan(name):
    cell = CELLS[name]()
    z = np.full((1, 1, cell.n_gates * 3), np.nan)
    U, w = np.zeros((1, 3, cell.n_gates * 3)), np.zeros((1, cell.n_extra, 3))
    assert np.isnan(recurrence.forward(cell, z, U, w, [1])[0]).all()


# --- products -------------------------------------------------------------------------


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.tuples(st.integers(0, 70), st.integers(0, 600), st.integers(1, 150)),
    st.booleans(),
    st.booleans(),
    st.sampled_from([np.float32, np.float64]),
    st.integers(0, 2**31),
)
def test_products(shape, a_transposed, b_transposed, dtype, seed):
    (M, K, N), rng = shape, np.random.default_rng(seed)
    a = rng.standard_normal((K, M) if a_transposed else (M, K)).astype(dtype)
    b = rng.standard_normal((N, K) if b_transposed else (K, N)).astype(dtype)
    a, b = a.T if a_transposed else a, b.T if b_transposed else b
    expected = a @ b
    found = product(a, b)
    assert_close(found, expected, dtype)
    assert_array_equal(product(a, b, n_threads=3), found)
    bias = rng.standard_normal(N).astype(dtype)
    assert_close(product(a, b, bias=bias), expected + bias, dtype)
    out = np.ones_like(expected)
    assert product(a, b, out=out) is out
    assert_close(out, expected + 1, dtype)


@DTYPES
def test_bits_of_a_row_do_not_depend_on_the_others(dtype):
    rng = np.random.default_rng(0)
    a = rng.standard_normal((61, 700)).astype(dtype)
    b = rng.standard_normal((700, 130)).astype(dtype)
    whole = product(a, b)
    for rows in (slice(60, 61), slice(3, 20), rng.permutation(61)):
        assert_array_equal(product(a[rows], b), whole[rows])


# --- attention ------------------------------------------------------------------------


@st.composite
def pairings(draw):
    """Draw groups of queries, the widths of queries and memory, and a seed."""
    sizes = st.tuples(st.integers(1, 9), st.integers(1, 20))
    groups = draw(st.lists(sizes, min_size=1, max_size=9))
    widths = st.one_of(st.integers(1, 40), st.integers(1, 200))
    return np.array(groups), draw(widths), draw(widths), draw(st.integers(0, 2**31))


@DTYPES
@pytest.mark.parametrize("additive", [False, True])
def test_attention(additive, dtype):
    @settings(max_examples=15)
    @given(pairings())
    def check(case):
        groups, A, M, seed = case
        rng = np.random.default_rng(seed)
        counts, lengths = groups.T
        order = rng.permutation(len(groups))
        starts = np.empty_like(lengths)
        starts[order] = np.cumsum(lengths[order]) - lengths[order]
        pairing = QueryGroups(np.concatenate([[0], np.cumsum(counts)]), starts, lengths)

        def normal(*shape):
            return rng.standard_normal(shape).astype(dtype)

        q, keys = normal(counts.sum(), A), normal(lengths.sum(), A)
        q /= dtype(np.sqrt(A))
        memory, v = normal(lengths.sum(), M), normal(A) if additive else None
        dcontext = normal(counts.sum(), M)
        given_arrays = [q, keys, memory, dcontext]
        before = [a.copy() for a in given_arrays]

        def run(n_threads=1):
            context, weights = attend(q, keys, memory, v, pairing, n_threads=n_threads)
            grads = attend_backward(
                dcontext, weights, q, keys, memory, v, pairing, n_threads=n_threads
            )
            return [context, weights, *grads[: 4 if additive else 3]]

        found = run()
        for a, b in zip(given_arrays, before, strict=True):
            assert_array_equal(a, b)
        for a, b in zip(found, run(3), strict=True):
            assert_array_equal(a, b)
        expected = by_numpy(run)
        for a, b in zip(found, expected, strict=True):
            assert_close(a, b, dtype)

    check()


@DTYPES
@pytest.mark.parametrize("additive", [False, True])
def test_bits_of_a_group_do_not_depend_on_the_others(additive, dtype):
    """Large enough for several threads."""
    rng = np.random.default_rng(0)
    counts, lengths = rng.integers(1, 20, 40), rng.integers(1, 60, 40)
    starts = np.cumsum(lengths) - lengths
    pairing = QueryGroups(np.concatenate([[0], np.cumsum(counts)]), starts, lengths)
    q = rng.standard_normal((counts.sum(), 65)).astype(dtype)
    keys = rng.standard_normal((lengths.sum(), 65)).astype(dtype)
    memory = rng.standard_normal((lengths.sum(), 33)).astype(dtype)
    v = rng.standard_normal(65).astype(dtype) if additive else None
    dcontext = rng.standard_normal((counts.sum(), 33)).astype(dtype)
    runs = []
    for n in (1, 3):
        context, weights = attend(q, keys, memory, v, pairing, n_threads=n)
        grads = attend_backward(
            dcontext, weights, q, keys, memory, v, pairing, n_threads=n
        )
        runs.append([context, weights, *grads[: 4 if additive else 3]])
    for a, b in zip(*runs, strict=True):
        assert_array_equal(a, b)
    for i, (own, seen, at) in enumerate(pairing.slices()):
        alone = QueryGroups(np.array([0, counts[i]]), np.array([0]), lengths[i : i + 1])
        arrays = q[own], keys[seen], memory[seen], v
        found = attend(*arrays, alone)
        assert_array_equal(found[0], context[own])
        assert_array_equal(found[1], weights[at])
        found = attend_backward(dcontext[own], weights[at], *arrays, alone)
        for a, b in zip(
            found, (grads[0][own], grads[1][seen], grads[2][seen]), strict=False
        ):
            assert_array_equal(a, b)


# --- the rest of a step ---------------------------------------------------------------


@DTYPES
@pytest.mark.parametrize("K", [1, 2, 15, 16, 17, 1000])
def test_softmax(K, dtype):
    rng = np.random.default_rng(K)
    scores = (5 * rng.standard_normal((37, K))).astype(dtype)
    scores[0] = np.where(np.arange(K) == 0, 1000, -1000)
    y, weights = rng.integers(0, K, 37), rng.uniform(0, 2, 37).astype(dtype)
    softmax = Softmax()
    expected_loss, expected = by_numpy(softmax.loss_grad, scores.copy(), y, weights)
    for softmax.n_threads in (1, 3):
        loss, dscores = softmax.loss_grad(scores.copy(), y, weights)
        assert_allclose(loss, expected_loss, rtol=TOLERANCE[dtype])
        assert_close(dscores, expected, dtype)


@pytest.mark.parametrize("rows", [slice(None), np.array([0, 3, 4])])
@pytest.mark.parametrize("rule", [SGD(0.0), SGD(0.9), SGD(0.9, False), Adam()])
@DTYPES
def test_optimisers(rule, rows, dtype):
    results = []
    for call in (lambda f, *args: f(*args), by_numpy):
        rng = np.random.default_rng(0)
        table = rng.standard_normal((2, 5, 19)).astype(dtype)
        shapes = {"W0": table.shape, "U0": (37,)}
        params = Params(shapes, "W0", table=table, dtype=dtype)
        optimizer = Optimizer(rule, params)
        for _ in range(4):
            grads = params.zero_grads()
            grads.flat[...] = rng.standard_normal(37)
            values = rng.standard_normal(table[:, rows].shape).astype(dtype)
            grads.table = RowGrad(rows, values)
            call(optimizer.step, params, grads, 0.1, 0.7)
        results.append((params.flat, params.table))
    for found, expected in zip(*results, strict=True):
        assert_close(found, expected, dtype)


@DTYPES
def test_gradients_of_ids(dtype):
    rng = np.random.default_rng(0)
    ids = rng.integers(-1, 9, 50)
    dz = rng.standard_normal((50, 21)).astype(dtype)
    found = Ids().table_grad(ids, dz)
    expected = by_numpy(Ids().table_grad, ids, dz)
    assert_array_equal(found.rows, expected.rows)
    assert_close(found.values, expected.values, dtype)


# --- threads --------------------------------------------------------------------------


def test_calls_of_many_threads_at_once():
    """One of them has the pool, the others do without: the bits are the same."""
    rng = np.random.default_rng(0)
    a, b = (rng.standard_normal((200, 300)).astype(np.float32) for _ in range(2))
    cell, sizes = CELLS["lstm"](), [64] * 5
    z = rng.standard_normal((1, 320, 256)).astype(np.float32)
    U, w = (
        rng.standard_normal((1, 64, 256)).astype(np.float32),
        np.empty((1, 0, 64), "f"),
    )

    def work(n_threads):
        h, _, tape = recurrence.forward(cell, z, U, w, sizes, n_threads=n_threads)
        dU = np.zeros_like(U)
        recurrence.backward(cell, h, tape, U, w, dU, w, n_threads=n_threads)
        return h, dU, product(a, b.T, n_threads=n_threads)

    expected = work(1)
    with ThreadPoolExecutor(6) as pool:
        for found in pool.map(work, [3] * 24):
            for x, y in zip(found, expected, strict=True):
                assert_array_equal(x, y)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_forked_process_has_threads_of_its_own():
    a = np.ones((400, 400))
    product(a, a, n_threads=3)  # so that there are threads
    child = os.fork()
    if child == 0:
        found = product(a, a, n_threads=3)
        os._exit(int((found != 400).any()))
    assert os.waitpid(child, 0)[1] == 0
