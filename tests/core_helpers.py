"""Networks, data and gradient checks that the tests of the numeric core share."""

import sys
import traceback
from pathlib import Path

import numpy as np
import pytest

import skrnn
from skrnn._core import kernels, make_network
from skrnn._core.batching import Data, PackedBatch, offsets_of

V, K = 5, 3
SPEC = {"cell": "lstm", "activation": "tanh", "hidden_sizes": (4, 3)}
SPEC |= {"input_size": V, "n_outputs": K, "bidirectional": True, "embedding_dim": None}
SPEC |= {"dropout": (0.0, 0.0), "dtype": np.float64}
SCORED = {"pooling": None, "head": "softmax", "tied": False}


def network_of(n_threads=1, **changed):
    """Return a network of a small spec with changes."""
    scored = {} if "attention" in changed else SCORED
    return make_network(SPEC | scored | changed, n_threads)


def initial_params(network, seed=0):
    return network.init_params(np.random.RandomState(seed))


def random_params(network, rng):
    """Return weights none of which is zero, as biases at first are."""
    params = initial_params(network, rng.integers(1000))
    params.flat += rng.uniform(-0.5, 0.5, params.flat.shape)
    return params


def batch_of(lengths):
    """Return the batch of sequences that are contiguous in the rows."""
    lengths = np.asarray(lengths)
    return PackedBatch(offsets_of(lengths)[:-1], lengths)


def data_of(rows, lengths, targets, n_terms=None, weights=None):
    """Return the data of sequences with so many terms, by default one a step."""
    n_terms = lengths if n_terms is None else n_terms
    weights = np.ones(len(targets)) if weights is None else weights
    return Data(rows, offsets_of(lengths), targets, weights, offsets_of(n_terms))


# --- forward and backward -------------------------------------------------------------


def forward(network, params, x, batch, *, rng=None, state=None, training=True):
    """Return the scores of a batch, the last state and a tape for `backward`."""
    options = {"rng": rng, "training": training}
    h, last, tape = network.hidden(params, x, batch, state=state, **options)
    scores, top = network.output(params, h, **options)
    return scores, last, (tape, top)


def backward(network, params, dscores, tape, batch, grads):
    """Add to the gradients, from the derivatives by the scores."""
    dh = network.output_backward(params, dscores, tape[1], grads)
    network.hidden_backward(params, dh, tape[0], batch, grads, to_first=False)


def as_table(grad, table):
    """Return the gradient of a table with all rows."""
    written_out = np.zeros_like(table)
    written_out[..., grad.rows, :] = grad.values
    return written_out


def numerical_gradient(loss, values, eps=1e-5):
    """Return the central differences of loss() by each of the values."""
    numeric = np.empty_like(values)
    for index in np.ndindex(values.shape):
        saved = values[index]
        values[index] = saved + eps
        up = loss()
        values[index] = saved - eps
        numeric[index] = (up - loss()) / (2 * eps)
        values[index] = saved
    return numeric


class ForwardPass(Exception):
    """Ends a computation behind the forward pass, with the loss."""


def loss_of(params, loss_grad, head):
    """Return the loss of loss_grad(params), without a backward pass."""
    compute = head.loss_grad

    def stop(*args):
        raise ForwardPass(compute(*args)[0])

    head.loss_grad = stop
    try:
        loss_grad(params)
    except ForwardPass as result:
        return result.args[0]
    finally:
        del head.loss_grad


def check_gradients(params, loss_grad, head):
    """Compare every derivative of loss_grad(params) with a central difference."""
    _, grads, _ = loss_grad(params)
    for name in grads.shapes:
        values = params[name]
        is_table = name == grads.table_name
        grad = as_table(grads.table, values) if is_table else grads[name]
        numeric = numerical_gradient(lambda: loss_of(params, loss_grad, head), values)
        error = np.linalg.norm(numeric - grad)
        scale = np.linalg.norm(numeric) + np.linalg.norm(grad)
        assert error <= 1e-6 * max(scale, 1e-3), (name, error / scale)


def check_network(network, rows, targets, lengths, n_terms=None, order=None):
    """Check the gradients on one batch, and that losses are the loss."""
    rng = np.random.default_rng(7)
    params = random_params(network, rng)
    n_terms = lengths if n_terms is None else np.asarray(n_terms)
    weights = rng.uniform(0.5, 2, len(targets))
    if not getattr(network.head, "per_term", True):  # all terms of a sequence have one
        of_sequence = rng.uniform(0.5, 2, len(lengths))
        weights = np.repeat(of_sequence, n_terms)
    data = data_of(rows, lengths, targets, n_terms, weights)
    order = np.arange(len(lengths)) if order is None else np.array(order)
    batch, terms = network.pack(data, order)
    x, y = data.rows[batch.rows], targets[terms]
    has_dropout = any(network.dropout)

    def loss_grad(params):
        rng = np.random.RandomState(0) if has_dropout else None
        return network.loss_grad(params, x, y, weights[terms], batch, rng)

    check_gradients(params, loss_grad, network.head)
    losses = network.losses(params, data)
    counts = weights if len(losses) == len(weights) else of_sequence
    assert (abs(loss_grad(params)[0] - losses @ counts) < 1e-9) != has_dropout
    return y


# --- the number of calls --------------------------------------------------------------


def depths(monkeypatch, action):
    """Return the largest numbers of frames inside skrnn of a first product and loop.

    For an action, a function without arguments: the frames from the first one inside
    skrnn to the one that calls the compiled kernel, both included.
    """
    if kernels.compiled is None:
        pytest.skip("no kernels")
    package, first = str(Path(skrnn.__file__).parent), {}

    class Counting:
        def __getattr__(self, name):
            kernel = getattr(compiled, name)

            def counted(*args, **options):
                frames = [frame for frame, _ in traceback.walk_stack(sys._getframe(1))]
                files = [frame.f_code.co_filename for frame in frames]
                first.setdefault(name, sum(f.startswith(package) for f in files))
                return kernel(*args, **options)

            return counted if name in ("matmul", "forward") else kernel

    compiled = kernels.compiled
    with monkeypatch.context() as context:
        context.setattr(kernels, "compiled", Counting())
        action()
    return first
