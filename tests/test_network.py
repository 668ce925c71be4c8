"""The network: its weights, directions, dropout, scores of many sequences."""

from itertools import pairwise, product

import numpy as np
import pytest
from core_helpers import (
    K,
    V,
    as_table,
    backward,
    batch_of,
    check_network,
    data_of,
    forward,
    initial_params,
    network_of,
)
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse

from skrnn._core.batching import PackedBatch, offsets_of
from skrnn._core.cells import CELLS
from skrnn._core.projection import Dropout

LENGTHS = np.array([2, 4, 1, 4])
OFFSETS, BATCH, N = offsets_of(LENGTHS), batch_of(LENGTHS), LENGTHS.sum()
WEIGHTS, TARGETS = np.ones(N), np.arange(N) % K


def make_rows(kind, dtype=np.float64, *, n=N, width=V, lowest=0):
    """Return ids from `lowest` on, dense rows, or sparse rows with some zeros."""
    rng = np.random.default_rng(0)
    if kind in ("ids", "tied"):
        return rng.integers(lowest, width, n)
    rows = rng.standard_normal((n, width)).astype(dtype)
    return rows if kind == "dense" else sparse.csr_array(rows * (rows > 0.3))


def assert_same_state(state, expected, at=slice(None), of=slice(None), atol=0):
    """Compare the states of sequences `at` with those of the sequences `of`."""
    for layer, whole in zip(state, expected, strict=True):
        for part, values in zip(layer, whole, strict=True):
            assert_allclose(part[:, at], values[:, of], rtol=0, atol=atol)


# --- weights --------------------------------------------------------------------------


@pytest.mark.parametrize("cell", CELLS)
def test_shapes(cell):
    G, n_extra = CELLS[cell].n_gates, CELLS[cell].n_extra
    network = network_of(cell=cell, embedding_dim=6)
    expected = {"embedding": (V, 6), "W_out": (6, K), "b_out": (K,)}
    for l, (width, H) in enumerate([(6, 4), (8, 3)]):
        expected |= {f"W{l}": (2, width, G * H), f"U{l}": (2, H, G * H)}
        expected |= {f"b{l}": (2, G * H)}
        expected |= {f"e{l}": (2, n_extra, H)} if n_extra else {}
    assert network.shapes() == expected
    one = network_of(cell=cell, bidirectional=False).shapes()
    expected = (1, V, G * 4), (1, 4, G * 3), (3, K)
    assert tuple(one[name] for name in ("W0", "W1", "W_out")) == expected
    assert "embedding" not in one


def initial(seed=0, **changed):
    return initial_params(network_of(**changed), seed)


@pytest.mark.parametrize("cell", CELLS)
def test_recurrent_weights_of_each_gate_are_orthogonal(cell):
    params = initial(cell=cell, hidden_sizes=(6,))
    gates = np.concatenate(np.split(params["U0"], CELLS[cell].n_gates, axis=2))
    for U in gates:
        assert_allclose(U @ U.T, np.eye(6), rtol=0, atol=1e-14)
    assert len(np.unique(gates[:, 0, 0])) == len(gates)  # each is drawn


@pytest.mark.parametrize("cell", CELLS)
def test_biases_are_zero_but_one_to_remember(cell):
    params = initial(cell=cell)
    for l, H in enumerate((4, 3)):
        expected = np.zeros((2, CELLS[cell].n_gates * H))
        if cell.startswith("lstm"):
            expected[:, H : 2 * H] = 1
        assert_array_equal(params[f"b{l}"], expected)
        if CELLS[cell].n_extra:
            assert_array_equal(params[f"e{l}"], 0)
    assert_array_equal(params["b_out"], np.zeros(K))
    assert_array_equal(initial(n_outputs=4)["b_out"], np.zeros(4))


@pytest.mark.parametrize(
    ("name", "changed", "fans"),
    [
        ("W0", {"input_size": 2000}, (40, 40)),  # few of many inputs are active
        ("W0", {"input_size": 7}, (7, 40)),
        ("W0", {"embedding_dim": 9}, (9, 40)),
        ("W1", {}, (30, 30)),
        ("W1", {"hidden_sizes": (12, 50)}, (24, 50)),
        ("W_out", {"n_outputs": 70}, (60, 70)),
    ],
)
def test_glorot_bounds(name, changed, fans):
    values = initial(**{"cell": "gru", "hidden_sizes": (40, 30), **changed})[name]
    limit = np.sqrt(6 / sum(fans))
    assert_allclose([values.min(), values.max()], [-limit, limit], rtol=0.02)
    assert np.abs(values).max() < limit


def test_embedded_steps_are_of_length_one():
    table = initial(embedding_dim=64, input_size=2000)["embedding"]
    assert_allclose((table**2).sum(axis=1).mean(), 1, rtol=0.02)
    assert_allclose(table.mean(), 0, atol=0.002, rtol=0)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("embedding_dim", [None, 3])
@pytest.mark.parametrize("cell", CELLS)
def test_one_precision_throughout(cell, embedding_dim, dtype):
    options = {"embedding_dim": embedding_dim, "dropout": (0.2, 0.2), "dtype": dtype}
    network = network_of(cell=cell, **options)
    params = initial_params(network)
    assert params.flat.dtype == params.table.dtype == dtype
    weights = WEIGHTS.astype(dtype)
    for kind in ("ids", "csr", "dense"):
        rows, rng = make_rows(kind, dtype), np.random.RandomState(0)
        x = rows[BATCH.rows]
        scores, _, tape = forward(network, params, x, BATCH, rng=rng)
        assert scores.dtype == dtype
        assert {a.dtype for a in arrays_of(tape)} == {np.dtype(dtype)}
        _, grads, _ = network.loss_grad(params, x, TARGETS, weights, BATCH, rng)
        assert grads.flat.dtype == grads.table.values.dtype == dtype
        assert network.scores(params, rows, OFFSETS).dtype == dtype


def arrays_of(tape):
    """Yield the arrays of floats in a tape."""
    for item in tape:
        if isinstance(item, (tuple, list)):
            yield from arrays_of(item)
        elif hasattr(item, "dtype") and item.dtype.kind == "f":
            yield item


# --- directions -----------------------------------------------------------------------


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("kind", ["ids", "csr", "dense"])
def test_the_backward_direction_reads_from_the_end(cell, kind):
    network = network_of(cell=cell, hidden_sizes=(4,))
    one = network_of(cell=cell, hidden_sizes=(4,), bidirectional=False)
    params, rows, scores = initial_params(network), make_rows(kind), np.zeros((N, K))
    for d in range(2):
        alone = one.params()
        for name in ("W0", "U0", "b0", *(["e0"] if network.cell.n_extra else [])):
            alone[name][...] = params[name][d : d + 1]
        alone["W_out"][...] = params["W_out"][4 * d : 4 * d + 4]
        steps = [np.arange(a, b)[:: 1 - 2 * d] for a, b in pairwise(OFFSETS)]
        mirrored = np.concatenate(steps)
        scores[mirrored] += one.scores(alone, rows[mirrored], OFFSETS)
    assert_allclose(network.scores(params, rows, OFFSETS), scores, rtol=1e-12)


# --- dropout --------------------------------------------------------------------------


def loss_grad(network, params, rows, seed=0):
    rng = np.random.RandomState(seed)
    return network.loss_grad(params, rows[BATCH.rows], TARGETS, WEIGHTS, BATCH, rng)


@pytest.mark.parametrize("embedding_dim", [None, 6])
@pytest.mark.parametrize("kind", ["ids", "csr", "dense"])
@pytest.mark.parametrize("bidirectional", [False, True])
def test_gradient_is_that_of_what_was_not_dropped(kind, embedding_dim, bidirectional):
    options = {"embedding_dim": embedding_dim, "bidirectional": bidirectional}
    network = network_of(hidden_sizes=(3, 2), dropout=(0.3, 0.4), **options)
    params, rows = initial_params(network), make_rows(kind)
    losses = [loss_grad(network, params, rows, seed)[0] for seed in (0, 0, 1)]
    assert losses[0] == losses[1] != losses[2]
    check_network(network, rows, TARGETS, LENGTHS)


@pytest.mark.parametrize("embedding_dim", [None, 6])
@pytest.mark.parametrize("rates", [(0.3, 0.4), (0.3, 0.0), (0.0, 0.4)])
def test_rate_of_inputs_and_rate_of_what_is_above(rates, embedding_dim, monkeypatch):
    calls = []

    def mask(dropout, shape):
        calls.append((np.prod(shape) // N, dropout.rate))
        return np.ones(shape)

    monkeypatch.setattr(Dropout, "mask", mask)
    options = {"hidden_sizes": (4, 3, 2), "embedding_dim": embedding_dim}
    network = network_of(dropout=rates, **options)
    params, rows = initial_params(network), make_rows("dense")
    loss_grad(network, params, rows)
    first, above = rates
    expected = [(embedding_dim or V, first), (8, above), (6, above), (4, above)]
    assert calls == [call for call in expected if call[1]]
    calls.clear()
    network.scores(params, rows, OFFSETS)
    assert calls == []


@pytest.mark.parametrize("embedding_dim", [None, 6])
@pytest.mark.parametrize("cell", CELLS)
def test_gradients_are_added(cell, embedding_dim):
    network = network_of(cell=cell, embedding_dim=embedding_dim)
    params, rows = initial_params(network), make_rows("ids")
    scores, _, tape = forward(network, params, rows[BATCH.rows], BATCH)
    grads, more = params.zero_grads(), params.zero_grads()
    more.flat[...] = 3
    for into in (grads, more):
        backward(network, params, np.ones_like(scores), tape, BATCH, into)
    assert (grads.flat != 0).all()
    assert_allclose(more.flat, grads.flat + 3, rtol=1e-12)


# --- scores ---------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("embedding_dim", [None, 24])
@pytest.mark.parametrize("kind", ["ids", "csr", "dense"])
def test_scores_do_not_depend_on_the_batch(kind, embedding_dim, dtype):
    options = {"hidden_sizes": (20, 7), "embedding_dim": embedding_dim}
    network = network_of(input_size=70, dtype=dtype, **options)
    params = initial_params(network)
    offsets = offsets_of(np.random.default_rng(0).integers(1, 20, 80))
    rows = make_rows(kind, dtype, n=offsets[-1], width=70)
    scores = network.scores(params, rows, offsets)
    for a, b in [*pairwise(offsets)][::20]:
        batch, x = batch_of([b - a]), rows[a:b]
        alone, _, (tape, _) = forward(network, params, x, batch, training=False)
        assert tape.layers == []
        assert_array_equal(scores[a:b], alone)
        trained, _, _ = forward(network, params, x, batch)
        atol = 1e-5 if dtype == np.float32 else 1e-13
        assert_allclose(trained, alone, rtol=0, atol=atol)


def test_batches_of_scores_may_be_computed_in_any_order():
    network, n_batches = network_of(hidden_sizes=(2,)), []
    offsets = offsets_of(np.random.default_rng(0).integers(1, 4, 300))
    given = initial_params(network), np.arange(offsets[-1]) % V, offsets

    def backwards(function, items):
        items = list(items)[::-1]
        n_batches.append(len(items))
        return [function(item) for item in items]

    scores = network.scores(*given, run_all=backwards)
    assert_array_equal(scores, network.scores(*given))
    assert n_batches == [3]  # of 128 sequences at most


# --- losses and states, read in windows -----------------------------------------------


def language_network(kind, dtype, cell="lstm", **changed):
    """Return a network of one direction, weights, rows and offsets."""
    rng = np.random.default_rng(0)
    tied = {"embedding_dim": 4, "tied": True} if kind == "tied" else {}
    options = {"hidden_sizes": (5, 4), "bidirectional": False, "dtype": dtype}
    network = network_of(cell=cell, **options, **tied, **changed)
    params = initial_params(network)
    params.flat += rng.uniform(-0.3, 0.3, params.flat.shape).astype(dtype)
    offsets = offsets_of(rng.integers(1, 30, 40))
    rows = make_rows(kind, dtype, n=offsets[-1], lowest=-1)
    return network, params, rows, offsets


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("kind", ["ids", "tied", "csr", "dense"])
@pytest.mark.parametrize("cell", CELLS)
def test_step_by_step_is_the_whole_to_the_bit(cell, kind, dtype):
    network, params, rows, offsets = language_network(kind, dtype, cell)
    scores, state = network.read(params, rows, offsets)
    assert scores.dtype == dtype
    assert_array_equal(scores, network.scores(params, rows, offsets)[offsets[1:] - 1])
    lengths, so_far = np.diff(offsets), None
    by_step, live = np.empty_like(scores), np.arange(len(lengths))
    for t in range(lengths.max()):
        going = lengths[live] > t
        if so_far is not None:
            so_far = [tuple(s[:, going] for s in layer) for layer in so_far]
        live = live[going]
        step, ones = rows[offsets[live] + t], np.arange(len(live) + 1)
        by_step[live], so_far = network.read(params, step, ones, so_far)
        ended = lengths[live] == t + 1
        assert_same_state(so_far, state, ended, live[ended])
    assert_array_equal(by_step, scores)
    batch = batch_of(lengths)
    trained, last, _ = forward(network, params, rows[batch.rows], batch)
    atol = 1e-5 if dtype == np.float32 else 1e-13
    assert_allclose(trained[batch.last], scores[batch.order], rtol=0, atol=atol)
    assert_same_state(last, state, of=batch.order, atol=atol)


def test_parts_of_any_length_are_the_whole_to_the_bit():
    network, params, rows, offsets = language_network("tied", np.float32)
    whole, state = network.read(params, rows, offsets)
    lengths = np.diff(offsets)
    long = np.flatnonzero(lengths > 1)
    starts, n_first = offsets[long], np.arange(len(long)) % (lengths[long] - 1) + 1
    so_far = None
    for first, n_steps in [
        (starts, n_first),
        (starts + n_first, lengths[long] - n_first),
    ]:
        parts = zip(first, n_steps, strict=True)
        steps = np.concatenate([np.arange(i, i + n) for i, n in parts])
        scores, so_far = network.read(params, rows[steps], offsets_of(n_steps), so_far)
    assert_array_equal(scores, whole[long])
    assert_same_state(so_far, state, of=long)


def recorded(monkeypatch, owner, name):
    """Return the list to which each call of a method adds its arguments."""
    calls, method = [], getattr(owner, name)

    def recording(*args, **options):
        calls.append(args)
        return method(*args, **options)

    monkeypatch.setattr(owner, name, recording)
    return calls


@pytest.mark.parametrize("max_rows", [1, 3, 40])
@pytest.mark.parametrize("head", ["softmax", "sigmoid"])
@pytest.mark.parametrize("kind", ["ids", "csr", "dense"])
def test_windows_change_no_bit(kind, head, max_rows, monkeypatch):
    network, params, rows, offsets = language_network(kind, np.float32, head=head)
    targets = np.random.default_rng(1).integers(0, K, offsets[-1])
    targets = targets if head == "softmax" else np.eye(K)[targets]
    data = data_of(rows, np.diff(offsets), targets)
    losses = network.losses(params, data)
    assert losses.dtype == np.float64
    scores = network.scores(params, rows, offsets)
    assert_array_equal(losses, network.head.losses(scores, targets))
    last, state = network.read(params, rows, offsets)
    monkeypatch.setattr("skrnn._core.network.MAX_ROWS", max_rows)
    monkeypatch.setattr("skrnn._core.network.MAX_SCORES", max_rows * K)
    hidden = recorded(monkeypatch, network, "hidden")
    scored = recorded(monkeypatch, network.head, "losses")
    assert_array_equal(network.losses(params, data), losses)
    last_in_windows, state_in_windows = network.read(params, rows, offsets)
    assert_array_equal(last_in_windows, last)
    assert_same_state(state_in_windows, state)
    sizes = [len(batch.rows) for _, _, batch in hidden]
    assert max(sizes) <= max(max_rows, 40)  # a step of each, at least
    assert sum(sizes) == 2 * offsets[-1]
    assert max(len(scores) for scores, *_ in scored) <= max_rows
    one = network.losses(params, data.take(np.arange(1)))
    assert_array_equal(one, losses[: offsets[1]])


@pytest.mark.parametrize(
    ("head", "pooling"),
    [*product(["softmax", "sigmoid"], [None, "mean"]), ("ctc", None)],
)
@pytest.mark.parametrize("max_scores", [1, 2**22])
def test_losses_of_both_directions(max_scores, pooling, head, monkeypatch):
    """Those of the scores; of steps, of pooled sequences, or by CTC of sequences."""
    monkeypatch.setattr("skrnn._core.network.MAX_SCORES", max_scores)
    network = network_of(head=head, pooling=pooling)
    params, rng = initial_params(network), np.random.default_rng(1)
    n_terms = LENGTHS if pooling is None else np.ones(4, dtype=int)
    targets = rng.integers(0, K, n_terms.sum())
    if head == "ctc":
        n_terms, targets = np.array([2, 1, 1, 3]), np.array([0, 2, 2, 2, 1, 1, 2])
    targets = np.eye(K)[targets] if head == "sigmoid" else targets
    data = data_of(make_rows("dense"), LENGTHS, targets, n_terms)
    losses = network.losses(params, data)
    scores = network.scores(params, data.rows, data.offsets)
    if head == "ctc":
        labels = np.split(targets, np.cumsum(n_terms)[:-1])
        parts = zip(np.split(scores, OFFSETS[1:-1]), labels, strict=True)
        of_one = network.head.losses
        expected = [of_one(x, y, batch_of([len(x)]))[0] for x, y in parts]
    else:
        expected = network.head.losses(scores, targets)
    assert_array_equal(losses, expected)


@pytest.mark.parametrize("embedding_dim", [None, 4])
def test_projecting_tokens_once_changes_no_bit(embedding_dim, monkeypatch):
    network, rng = network_of(embedding_dim=embedding_dim), np.random.default_rng(0)
    offsets, params = offsets_of(rng.integers(1, 9, 40)), initial_params(network)
    ids = rng.integers(-1, V, offsets[-1])
    params["b0"][...] = rng.standard_normal(params["b0"].shape)
    once = network.scores(params, ids, offsets)
    monkeypatch.setattr("skrnn._core.first_layer.MAX_PROJECTED", 0)
    assert_array_equal(network.scores(params, ids, offsets), once)
    for start, stop in pairwise(offsets[:5]):  # too short to look for repetitions
        monkeypatch.setattr("skrnn._core.first_layer.MAX_PROJECTED", 2**20)
        alone = network.scores(params, ids[start:stop], np.array([0, stop - start]))
        assert_array_equal(alone, once[start:stop])


def test_a_long_sequence_is_read_in_windows(monkeypatch):
    network, params, _, _ = language_network("ids", np.float64)
    n = 10_000
    rows, targets = np.arange(n) % V, np.arange(n) % K
    windows = recorded(monkeypatch, PackedBatch, "windows")
    losses = network.losses(params, data_of(rows, [n], targets))
    assert [n_steps for _, n_steps in windows] == [4096]
    scores = forward(network, params, rows, batch_of([n]), training=False)[0]
    assert_array_equal(losses, network.head.losses(scores, targets))


@pytest.mark.parametrize("embedding_dim", [3, 4])
def test_tied_weights_are_the_first_rows_of_the_embedding(embedding_dim):
    options = {"hidden_sizes": (4, embedding_dim), "embedding_dim": embedding_dim}
    options["bidirectional"] = False
    tied, untied = network_of(tied=True, **options), network_of(**options)
    params = initial_params(tied)
    assert "W_out" not in tied.shapes()
    same = untied.params()
    for name in untied.shapes():
        same[name][...] = params["embedding"][:K].T if name == "W_out" else params[name]
    rows = make_rows("ids")
    scores = tied.scores(params, rows, OFFSETS)
    assert_array_equal(scores, untied.scores(same, rows, OFFSETS))
    given = rows[BATCH.rows], TARGETS, WEIGHTS, BATCH
    loss, grads, _ = tied.loss_grad(params, *given)
    expected_loss, expected, _ = untied.loss_grad(same, *given)
    assert loss == expected_loss
    table = as_table(expected.table, same.table)
    table[:K] += expected["W_out"].T
    assert_allclose(as_table(grads.table, params.table), table, rtol=1e-12, atol=1e-14)
    for name in ("U0", "W1", "b_out"):
        assert_array_equal(grads[name], expected[name])
