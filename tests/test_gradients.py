"""The gradients of whole networks against central differences of their loss."""

from copy import deepcopy
from itertools import product

import numpy as np
import pytest
from core_helpers import (
    K,
    V,
    batch_of,
    check_gradients,
    check_network,
    network_of,
    random_params,
)
from numpy.testing import assert_equal
from scipy import sparse

from skrnn._core.cells import CELLS
from skrnn._core.heads import HEADS
from skrnn._core.pooling import POOLINGS
from skrnn._core.seq2seq import ATTENTIONS

LENGTHS = np.array([2, 1, 4])
N = LENGTHS.sum()
ACTIVATED_CELLS = [("rnn", "relu"), *((cell, "tanh") for cell in CELLS)]
TERM_HEADS = [name for name in HEADS if HEADS[name].per_term]


def make_inputs(kind, rng):
    """Return N rows of V tokens or features."""
    if kind in ("ids", "embedding", "after nothing"):
        ids = rng.integers(0, V, N)
        if kind == "after nothing":  # the first step of each has no token
            ids[np.cumsum(LENGTHS) - LENGTHS] = -1
        return ids
    if kind == "conditioned":  # three tokens, or none, beside two numbers
        tokens = np.eye(4, 3)[rng.integers(0, 4, N)]
        return sparse.csr_array(np.hstack([tokens, rng.standard_normal((N, 2))]))
    rows = rng.standard_normal((N, V))
    zero = rng.random((N, V)) < 0.5
    zero[:, 2] = True  # a feature that the batch does not touch
    return rows if kind == "dense" else sparse.csr_array(np.where(zero, 0, rows))


def make_targets(head, n, rng):
    if head == "softmax":
        return rng.integers(0, K, n)
    if head == "sigmoid":
        return rng.integers(0, 2, (n, K)).astype(np.float64)
    return rng.standard_normal((n, K))


def check(kind, head, sizes, **changed):
    """Check a network with a term for each step, or where pooled for each sequence."""
    if kind == "embedding":
        changed = {"embedding_dim": 3, **changed}
    network = network_of(hidden_sizes=sizes, head=head, **changed)
    rng = np.random.default_rng(7)
    n_terms = LENGTHS if network.pooling is None else np.ones(3, dtype=int)
    targets = make_targets(head, n_terms.sum(), rng)
    check_network(network, make_inputs(kind, rng), targets, LENGTHS, n_terms)


@pytest.mark.parametrize("head", ["softmax", "sigmoid"])
@pytest.mark.parametrize("kind", ["ids", "csr", "dense", "embedding"])
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("sizes", [(3,), (3, 2)])
@pytest.mark.parametrize(("cell", "activation"), ACTIVATED_CELLS)
def test_gradients(cell, activation, sizes, bidirectional, kind, head):
    options = {"activation": activation, "bidirectional": bidirectional}
    check(kind, head, sizes, cell=cell, **options)


@pytest.mark.parametrize("head", TERM_HEADS)
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("pooling", POOLINGS)
def test_gradients_of_pooled_steps(pooling, cell, bidirectional, head):
    options = {"pooling": pooling, "bidirectional": bidirectional}
    check("ids", head, (3,), cell=cell, **options)


@pytest.mark.parametrize("kind", ["csr", "dense", "embedding"])
@pytest.mark.parametrize("sizes", [(3,), (3, 2)])
@pytest.mark.parametrize("pooling", POOLINGS)
def test_gradients_of_pooled_steps_of_any_kind(pooling, sizes, kind):
    check(kind, "softmax", sizes, pooling=pooling)


@pytest.mark.parametrize("kind", ["after nothing", "conditioned"])
@pytest.mark.parametrize("cell", CELLS)
def test_gradients_of_shifted_inputs(cell, kind):
    options = {"cell": cell, "bidirectional": False}
    check(kind, "softmax", (3,), **options)
    check(kind, "sigmoid", (3,), embedding_dim=2, **options)


TIED_KINDS = ["ids", "csr", "dense", "after nothing", "conditioned"]


@pytest.mark.parametrize(
    ("cell", "sizes", "bidirectional", "kind"),
    [
        *product(CELLS, [(3,), (3, 2)], [False], ["after nothing"]),
        *product(["gru"], [(3,)], [False, True], TIED_KINDS),
    ],
)
def test_gradients_of_tied_weights(cell, sizes, bidirectional, kind):
    """All that reaches the table: through the inputs, and through the outputs."""
    width = sizes[-1] * (2 if bidirectional else 1)
    options = {"cell": cell, "bidirectional": bidirectional}
    check(kind, "softmax", sizes, embedding_dim=width, tied=True, **options)


@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize("cell", CELLS)
def test_gradients_of_a_window_given_a_state(cell, tied):
    """As in truncated backpropagation: the state before it is a constant."""
    sizes = 3, 2
    options = {"embedding_dim": 2 if tied else None, "tied": tied, "cell": cell}
    network = network_of(hidden_sizes=sizes, bidirectional=False, **options)
    rng, n_states = np.random.default_rng(7), network.cell.n_states
    params = random_params(network, rng)
    x, y = rng.integers(0, V, N), rng.integers(0, K, N)
    given = x, y, np.ones(N), batch_of(LENGTHS), None
    state = [tuple(rng.standard_normal((n_states, 1, 3, H))) for H in sizes]
    before = deepcopy(state)

    def loss_grad(params):
        return network.loss_grad(params, *given, state)

    check_gradients(params, loss_grad, network.head)
    assert loss_grad(params)[0] != network.loss_grad(params, *given)[0]
    assert_equal(state, before)


@pytest.mark.parametrize("kind", ["ids", "csr", "dense", "embedding"])
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("sizes", [(3,), (3, 2)])
@pytest.mark.parametrize(("cell", "activation"), ACTIVATED_CELLS)
def test_gradients_of_ctc(cell, activation, sizes, bidirectional, kind):
    """Of targets shorter than their sequences, one of them empty, one with repeats."""
    options = {"cell": cell, "activation": activation, "bidirectional": bidirectional}
    options["embedding_dim"] = 3 if kind == "embedding" else None
    network = network_of(hidden_sizes=sizes, head="ctc", **options)
    targets = np.array([0, 1, 2, 2, 1, 1, 2])  # "0 1", nothing and "1 1", with blanks
    rows = make_inputs(kind, np.random.default_rng(7))
    y = check_network(network, rows, targets, LENGTHS, [3, 1, 3], [1, 2, 0])
    assert y.tolist() == [1, 1, 2, 0, 1, 2, 2]  # the longest sequence first


def check_encoder_decoder(kind, sizes, **changed):
    """Check pairs whose order by the target's length is not that by the source's."""
    embedding_dim = 3 if kind == "embedding" else None
    network = network_of(hidden_sizes=sizes, embedding_dim=embedding_dim, **changed)
    targets = np.array([1, 0, 2, 0, 1, 1, 2, 2])  # the last one of each is the end
    rows = make_inputs(kind, np.random.default_rng(7))
    y = check_network(network, rows, targets, LENGTHS, [3, 4, 1], [1, 2, 0])
    assert y.tolist() == [0, 1, 2, 1, 0, 1, 2, 2]  # the longest target first


@pytest.mark.parametrize("attention", [None, *ATTENTIONS])
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("cell", CELLS)
def test_gradients_of_encoder_and_decoder(cell, bidirectional, attention):
    options = {"bidirectional": bidirectional, "attention": attention}
    check_encoder_decoder("ids", (1 if bidirectional else 2,), cell=cell, **options)


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
    check_encoder_decoder(kind, sizes, cell="gru", attention=attention)


@pytest.mark.parametrize(
    ("kind", "attention"),
    [("ids", None), *(("embedding", attention) for attention in ATTENTIONS)],
)
def test_gradients_of_encoder_and_decoder_with_dropout(kind, attention):
    check_encoder_decoder(kind, (1,), attention=attention, dropout=(0.3, 0.4))
