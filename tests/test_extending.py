"""A new head is one class; test_contributing follows the recipes of other parts."""

import numpy as np
import pytest
from core_helpers import (
    K,
    V,
    check_network,
    data_of,
    depths,
    initial_params,
    network_of,
)
from numpy.testing import assert_array_equal

from skrnn._core.batching import Independent
from skrnn._core.head import Head
from skrnn._core.heads import HEADS, Softmax
from skrnn._core.optimizers import Adam, Optimizer
from skrnn._core.params import ArraySpec
from skrnn._core.training import History, train

LENGTHS = np.array([2, 1, 4])
N = LENGTHS.sum()


# --- a head ---------------------------------------------------------------------------


class Tempered(Head):
    """Classes whose scores are multiplied by a parameter for each class."""

    def shapes(self, n_outputs):
        return {"head_scale": ArraySpec((n_outputs,), penalized=True)}

    def fill(self, params, data):
        counts = np.bincount(data.targets, data.weights, len(params["head_scale"]))
        params["head_scale"][...] = 0.5 + counts / counts.sum()

    def loss_grad(self, scores, targets, weights, batch, params, grads):
        scale = params["head_scale"]
        loss, dscaled = Softmax().loss_grad(scores * scale, targets, weights)
        grads["head_scale"][...] += (dscaled * scores).sum(axis=0)
        return loss, dscaled * scale

    def losses(self, scores, targets, batch, params=None):
        return Softmax().losses(scores * params["head_scale"], targets)

    def decode(self, scores, offsets, params=None):
        return (scores * params["head_scale"]).argmax(axis=1)


class LastMatters(Head):
    """A loss of whole sequences: the squared sum of the scores, the last step twice."""

    per_term = False

    def loss_grad(self, scores, targets, weights, batch, params, grads):
        factor, errors = self._errors(scores, targets, batch)
        weights = weights[batch.last, None]
        dscores = (weights * errors)[batch.sequence] * factor[:, None]
        return float((weights * errors**2).sum() / 2), dscores

    def losses(self, scores, targets, batch, params=None):
        return (self._errors(scores, targets, batch)[1] ** 2).sum(axis=1) / 2

    def _errors(self, scores, targets, batch):
        factor, sums = np.ones(len(scores)), np.zeros((len(batch.lengths), K))
        factor[batch.last] = 2
        np.add.at(sums, batch.sequence, scores * factor[:, None])
        return factor, sums - targets[batch.last]


@pytest.fixture
def heads(monkeypatch):
    monkeypatch.setitem(HEADS, "tempered", Tempered)
    monkeypatch.setitem(HEADS, "last_matters", LastMatters)


pytestmark = pytest.mark.usefixtures("heads")


@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("pooling", [None, "mean"])
def test_gradients_of_a_head_with_parameters(pooling, bidirectional):
    options = {"pooling": pooling, "bidirectional": bidirectional}
    network = network_of(head="tempered", hidden_sizes=(3,), **options)
    assert network.shapes()["head_scale"] == (K,)
    n_terms = LENGTHS if pooling is None else np.ones(3, dtype=int)
    targets = np.arange(n_terms.sum()) % K
    check_network(network, np.arange(N) % V, targets, LENGTHS, n_terms)


@pytest.mark.parametrize("bidirectional", [False, True])
def test_gradients_of_a_head_of_whole_sequences(bidirectional):
    options = {"head": "last_matters", "bidirectional": bidirectional}
    network = network_of(hidden_sizes=(3,), **options)
    targets = np.random.default_rng(0).standard_normal((N, K))
    check_network(network, np.arange(N) % V, targets, LENGTHS)


def fit(network, data, max_iter=60):
    """Train for some epochs; return the parameters and the losses."""
    params, strategy = initial_params(network), Independent(2, shuffle=True)
    network.head.fill(params, data)
    index, data = strategy.select(data)
    history = History()
    args = network, params, Optimizer(Adam(), params), *strategy.arrange(data, index)
    stop = {"max_iter": max_iter, "tol": 0, "n_iter_no_change": 60}
    rate = {"learning_rate": lambda epoch: 0.02, "adaptive": False}
    epoch = {"alpha": 0.01, "max_norm": None, "shuffle": True}
    epoch |= {"rng": np.random.RandomState(0), "history": history}
    train(*args, strategy, **stop, **rate, **epoch)
    return params, history.losses


def test_a_head_with_parameters_is_trained_and_decoded():
    network, rows = network_of(head="tempered"), np.arange(18) % V
    data = data_of(rows, np.full(6, 3), np.minimum(rows, K - 1))
    params, losses = fit(network, data)
    assert losses[-1] < 0.2 * losses[0]
    assert params["head_scale"].min() != params["head_scale"].max()
    assert params.n_penalized > len(params.flat) - 60  # the scales as well
    scores = network.scores(params, data.rows, data.offsets)
    decoded = network.head.decode(scores, data.offsets, params)
    assert_array_equal(decoded, data.targets)


# --- the number of calls --------------------------------------------------------------


INPUTS = {"ids": np.arange(40) % V, "few ids": np.arange(7) % V}
INPUTS["dense"] = np.random.default_rng(0).standard_normal((40, V))


@pytest.mark.parametrize("kind", INPUTS)
@pytest.mark.parametrize("embedding_dim", [None, 3])
@pytest.mark.parametrize("attention", ["no", None, "general", "additive"])
def test_few_calls_lie_between_an_estimator_and_the_kernels(
    attention, embedding_dim, kind, monkeypatch
):
    """With the two of an estimator eight to fit, and seven to predict."""
    is_pair, rows = attention != "no", INPUTS[kind]
    dropout = (0.2, 0.2) if kind == "few ids" else (0.0, 0.0)
    changed = {"embedding_dim": embedding_dim, "dropout": dropout}
    network = network_of(**changed, **({"attention": attention} if is_pair else {}))
    params = initial_params(network)
    data = data_of(rows, np.array([len(rows) - 2, 2]), np.arange(len(rows)) % K)
    numbers = depths(monkeypatch, lambda: fit(network, data, max_iter=1))
    assert max(numbers.values()) <= 6, numbers  # of eight, with fit and _fit
    given = params, rows, data.offsets
    uses = [lambda: network.losses(params, data)]
    if is_pair:
        uses.append(lambda: network.greedy(*given, max_steps=3))
        uses.append(lambda: network.search(*given, width=2, max_steps=3))
    else:
        one = network_of(**changed, bidirectional=False)
        uses.append(lambda: network.scores(*given))
        uses.append(lambda: one.losses(initial_params(one), data))
        uses.append(lambda: one.read(initial_params(one), *given[1:]))
    for use in uses:
        numbers = depths(monkeypatch, use)
        assert max(numbers.values()) <= 5, numbers  # of seven, with predict and _scores
