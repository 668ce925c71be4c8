"""The gradients of whole networks against central differences of their loss."""

import numpy as np
import pytest
from scipy import sparse

from skrnn._core.batching import PackedBatch
from skrnn._core.cells import CELLS
from skrnn._core.ctc import CTCNetwork
from skrnn._core.heads import HEADS
from skrnn._core.network import Network
from skrnn._core.pooling import POOLINGS
from skrnn._core.seq2seq import ATTENTIONS, EncoderDecoder
from skrnn._core.training import Data

LENGTHS = np.array([2, 1, 4])
N, V = LENGTHS.sum(), 5
ACTIVATED_CELLS = [("rnn", "relu"), *((cell, "tanh") for cell in CELLS)]


def make_inputs(kind, rng):
    """Return N rows that stand for V tokens or features."""
    if kind in ("ids", "embedding"):
        return rng.integers(0, V, N)
    if kind == "after nothing":  # the first step of each has no token
        ids = rng.integers(0, V, N)
        ids[np.cumsum(LENGTHS) - LENGTHS] = -1
        return ids
    if kind == "conditioned":  # three tokens, or none, beside two numbers
        tokens = np.eye(4, 3)[rng.integers(0, 4, N)]
        return sparse.csr_array(np.hstack([tokens, rng.standard_normal((N, 2))]))
    rows = rng.standard_normal((N, V))
    if kind == "dense":
        return rows
    rows[rng.random((N, V)) < 0.5] = 0
    rows[:, 2] = 0  # a feature that the batch does not touch
    return sparse.csr_array(rows)


def make_targets(head, n, K, rng):
    if head == "softmax":
        return rng.integers(0, K, n)
    if head == "sigmoid":
        return rng.integers(0, 2, (n, K)).astype(np.float64)
    return rng.standard_normal((n, K))


def make_network(
    cell, activation, n_layers, n_directions, kind, head, *, of=Network, **changed
):
    options = {
        "cell": cell,
        "activation": activation,
        "input_size": V,
        "hidden_sizes": (3, 2)[:n_layers],
        "n_outputs": 3,
        "bidirectional": n_directions == 2,
        "embedding_dim": 3 if kind.startswith("embedding") else None,
        "pooling": None,
        "head": head,
        "dropout": (0.0, 0.0),
        "tied": False,
        "dtype": np.float64,
    }
    return of(**{**options, **changed})


def random_params(network, rng):
    """Return weights none of which is zero, as biases at first are."""
    params = network.init_params(np.random.RandomState(rng.integers(1000)))
    params.flat += rng.uniform(-0.5, 0.5, params.flat.shape)
    return params


def all_grads(grads, params):
    """Return the gradients by name, the table's written out."""
    arrays = {name: grads[name] for name in grads.shapes if name != grads.table_name}
    table = np.zeros_like(params.table)
    table[..., grads.table.rows, :] = grads.table.values
    return {**arrays, grads.table_name: table}


def check_gradients(network, params, loss_grad, eps=1e-5):
    """Compare every derivative with a central difference."""
    _, grads, _ = loss_grad(params)
    for name, grad in all_grads(grads, params).items():
        values = params[name]
        numeric = np.empty_like(grad)
        for index in np.ndindex(values.shape):
            saved = values[index]
            values[index] = saved + eps
            up = loss_grad(params)[0]
            values[index] = saved - eps
            down = loss_grad(params)[0]
            values[index] = saved
            numeric[index] = (up - down) / (2 * eps)
        error = np.linalg.norm(numeric - grad)
        scale = np.linalg.norm(numeric) + np.linalg.norm(grad)
        assert error <= 1e-6 * max(scale, 1e-3), (name, error / scale)


def check_network(network, kind, head):
    """Check the gradients of a network on a batch of sequences of uneven lengths."""
    rng = np.random.default_rng(7)
    params = random_params(network, rng)
    batch = PackedBatch(np.cumsum(LENGTHS) - LENGTHS, LENGTHS)
    x = make_inputs(kind, rng)[batch.rows]
    n_terms = N if network.pooling is None else len(LENGTHS)
    y = make_targets(head, n_terms, 3, rng)
    weights = rng.uniform(0.5, 2, n_terms)

    def loss_grad(params):
        return network.loss_grad(params, x, y, weights, batch)

    check_gradients(network, params, loss_grad)


@pytest.mark.parametrize("head", ["softmax", "sigmoid"])
@pytest.mark.parametrize("kind", ["ids", "csr", "dense", "embedding"])
@pytest.mark.parametrize("n_directions", [1, 2])
@pytest.mark.parametrize("n_layers", [1, 2])
@pytest.mark.parametrize(("cell", "activation"), ACTIVATED_CELLS)
def test_gradients(cell, activation, n_layers, n_directions, kind, head):
    network = make_network(cell, activation, n_layers, n_directions, kind, head)
    check_network(network, kind, head)


@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("n_directions", [1, 2])
@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("pooling", POOLINGS)
def test_gradients_of_pooled_steps(pooling, cell, n_directions, head):
    network = make_network(cell, "tanh", 1, n_directions, "ids", head, pooling=pooling)
    check_network(network, "ids", head)


@pytest.mark.parametrize("kind", ["csr", "dense", "embedding"])
@pytest.mark.parametrize("n_layers", [1, 2])
@pytest.mark.parametrize("pooling", POOLINGS)
def test_gradients_of_pooled_steps_of_any_kind(pooling, n_layers, kind):
    network = make_network(
        "lstm", "tanh", n_layers, 2, kind, "softmax", pooling=pooling
    )
    check_network(network, kind, "softmax")


@pytest.mark.parametrize("kind", ["after nothing", "conditioned"])
@pytest.mark.parametrize("cell", CELLS)
def test_gradients_of_shifted_inputs(cell, kind):
    network = make_network(cell, "tanh", 1, 1, kind, "softmax")
    check_network(network, kind, "softmax")
    network = make_network(cell, "tanh", 1, 1, kind, "sigmoid", embedding_dim=2)
    check_network(network, kind, "sigmoid")


TIED_KINDS = ["ids", "csr", "dense", "after nothing", "conditioned"]


@pytest.mark.parametrize(
    ("cell", "n_layers", "n_directions", "kind"),
    [
        *(
            (cell, n_layers, 1, "after nothing")
            for cell in CELLS
            for n_layers in (1, 2)
        ),
        *(("gru", 1, n, kind) for n in (1, 2) for kind in TIED_KINDS),
    ],
)
def test_gradients_of_tied_weights(cell, n_layers, n_directions, kind):
    """All that reaches the table: through the inputs, and through the outputs."""
    width = (3, 2)[n_layers - 1] * n_directions
    options = {"embedding_dim": width, "tied": True}
    network = make_network(
        cell, "tanh", n_layers, n_directions, kind, "softmax", **options
    )
    assert "W_out" not in network.shapes()
    check_network(network, kind, "softmax")


@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize("cell", CELLS)
def test_gradients_of_a_window_given_a_state(cell, tied):
    """As in truncated backpropagation: the state before it is a constant."""
    sizes = 3, 2
    options = {"embedding_dim": 2 if tied else None, "tied": tied}
    network = make_network(cell, "tanh", 2, 1, "ids", "softmax", **options)
    rng = np.random.default_rng(7)
    params = random_params(network, rng)
    batch = PackedBatch(np.cumsum(LENGTHS) - LENGTHS, LENGTHS)
    x, y = rng.integers(0, V, N), rng.integers(0, 3, N)
    n_states = network.cell.n_states
    state = [
        tuple(rng.standard_normal((1, len(LENGTHS), H)) for _ in range(n_states))
        for H in sizes
    ]
    before = [tuple(s.copy() for s in layer) for layer in state]

    def loss_grad(params):
        return network.loss_grad(params, x, y, np.ones(N), batch, None, state)

    check_gradients(network, params, loss_grad)
    assert loss_grad(params)[0] != network.loss_grad(params, x, y, np.ones(N), batch)[0]
    for layer, saved in zip(state, before, strict=True):
        assert all(map(np.array_equal, layer, saved))


@pytest.mark.parametrize("kind", ["ids", "csr", "dense", "embedding"])
@pytest.mark.parametrize("n_directions", [1, 2])
@pytest.mark.parametrize("n_layers", [1, 2])
@pytest.mark.parametrize(("cell", "activation"), ACTIVATED_CELLS)
def test_gradients_of_ctc(cell, activation, n_layers, n_directions, kind):
    """Of targets shorter than their sequences, one of them empty, one with repeats."""
    network = make_network(
        cell, activation, n_layers, n_directions, kind, "softmax", of=CTCNetwork
    )
    rng = np.random.default_rng(7)
    params = random_params(network, rng)
    targets = np.array([0, 1, 2, 2, 1, 1, 2])  # "0 1", nothing and "1 1", with blanks
    n_terms, of_sequence = np.array([3, 1, 3]), np.array([0.5, 2.0, 1.5])
    starts, term_starts = (np.cumsum(n) - n for n in (LENGTHS, n_terms))
    weights = np.repeat(of_sequence, n_terms)
    data = Data(
        make_inputs(kind, rng), targets, weights, starts, LENGTHS, term_starts, n_terms
    )
    batch, terms = network.pack(data, np.array([1, 2, 0]))
    x, y = data.rows[batch.rows], targets[terms]
    assert y.tolist() == [1, 1, 2, 0, 1, 2, 2]  # the longest sequence first

    def loss_grad(params):
        return network.loss_grad(params, x, y, weights[terms], batch)

    check_gradients(network, params, loss_grad)
    losses = network.losses(params, data)
    assert abs(loss_grad(params)[0] - losses @ of_sequence) < 1e-9


def check_encoder_decoder(cell, sizes, n_directions, kind, attention, dropout=(0, 0)):
    """Check pairs whose order by the target's length is not that by the source's."""
    network = EncoderDecoder(
        cell=cell,
        activation="tanh",
        input_size=V,
        hidden_sizes=sizes,
        n_outputs=3,
        bidirectional=n_directions == 2,
        embedding_dim=3 if kind == "embedding" else None,
        attention=attention,
        dropout=dropout,
        dtype=np.float64,
    )
    rng = np.random.default_rng(7)
    params = random_params(network, rng)
    targets = np.array([1, 0, 2, 0, 1, 1, 2, 2])  # the last one of each is the end
    n_terms = np.array([3, 4, 1])
    weights = rng.uniform(0.5, 2, len(targets))
    starts, term_starts = (np.cumsum(n) - n for n in (LENGTHS, n_terms))
    data = Data(
        make_inputs(kind, rng), targets, weights, starts, LENGTHS, term_starts, n_terms
    )
    batch, terms = network.pack(data, np.array([1, 2, 0]))
    assert batch.source.lengths.tolist() == [4, 2, 1]
    x, y = data.rows[batch.rows], targets[terms]
    assert y.tolist() == [0, 1, 2, 1, 0, 1, 2, 2]  # the longest target first
    has_dropout = any(network.dropout)

    def loss_grad(params):
        rng = np.random.RandomState(0) if has_dropout else None
        return network.loss_grad(params, x, y, weights[terms], batch, rng)

    check_gradients(network, params, loss_grad)
    losses = network.losses(params, data)
    assert (abs(loss_grad(params)[0] - losses @ weights) < 1e-9) != has_dropout


@pytest.mark.parametrize("attention", [None, *ATTENTIONS])
@pytest.mark.parametrize("n_directions", [1, 2])
@pytest.mark.parametrize("cell", CELLS)
def test_gradients_of_encoder_and_decoder(cell, n_directions, attention):
    sizes = (2 // n_directions,)
    check_encoder_decoder(cell, sizes, n_directions, "ids", attention)


@pytest.mark.parametrize(
    ("kind", "sizes", "attention"),
    [
        ("ids", (2, 1), "general"),
        ("embedding", (2, 1), None),
        ("embedding", (1, 2), "additive"),
        ("csr", (2,), "general"),
        ("dense", (1, 1), "dot"),
    ],
)
def test_gradients_of_encoder_and_decoder_of_any_kind(kind, sizes, attention):
    check_encoder_decoder("gru", sizes, 2, kind, attention)


@pytest.mark.parametrize(
    ("kind", "attention"),
    [("ids", None), *(("embedding", attention) for attention in ATTENTIONS)],
)
def test_gradients_of_encoder_and_decoder_with_dropout(kind, attention):
    check_encoder_decoder("lstm", (1,), 2, kind, attention, dropout=(0.3, 0.4))
