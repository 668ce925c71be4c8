"""Every parameter of an estimator reaches what it governs."""

import numpy as np
import pytest
from common import assert_other_model, assert_same_model, take
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone

from skrnn import RNNTagger

RNG = np.random.default_rng(0)
X = [RNG.integers(0, 5, size=T) for T in RNG.integers(6, 12, 30)]  # all different
Y = [x % 2 for x in X]
PLAIN = {"solver": "sgd", "momentum": 0.0, "batch_size": 30, "dtype": "float64"}


def small(**params):
    params = {"hidden_layer_sizes": 3, "max_iter": 1, "random_state": 0, **params}
    return RNNTagger(**params)


def vector(model):
    """Return all weights of a model as one vector."""
    return np.concatenate([w.ravel() for w in model.weights_.values()])


def steps(n, **params):
    """Return how far each of n epochs moves the weights, in one batch each."""
    start = small(**{**PLAIN, **params, "learning_rate_init": 1e-300}).fit(X, Y)
    models = [small(**{**PLAIN, **params}, max_iter=t + 1).fit(X, Y) for t in range(n)]
    return np.diff([vector(start), *map(vector, models)], axis=0)


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        ("constant", [0.08, 0.08, 0.08]),
        ("adaptive", [0.08, 0.08, 0.08]),
        ("invscaling", [0.08, 0.02, 0.08 / 9]),
        ("exponential", [0.08, 0.04, 0.02]),
        ("step", [0.08, 0.08, 0.02]),
    ],
)
def test_schedules(schedule, expected):
    """Gradients are clipped to one length: a step is as long as the rate says."""
    rates = {"learning_rate": schedule, "learning_rate_init": 0.08, "power_t": 2.0}
    rates |= {"decay_rate": 0.25, "decay_steps": 2, "max_grad_norm": 1e-3}
    found = np.linalg.norm(steps(3, **rates), axis=1)
    assert_allclose(found, 1e-3 * np.array(expected), rtol=1e-6)
    if schedule in ("exponential", "step"):
        found = np.linalg.norm(steps(2, decay_start=1, **rates), axis=1)
        assert_allclose(found, [8e-5, 8e-5], rtol=1e-6)


def test_clipping():
    whole, none = (steps(1, max_grad_norm=norm)[0] for norm in (5.0, None))
    length = np.linalg.norm(none) / 0.005
    assert 0.01 < length < 5
    assert_array_equal(whole, none)
    half = steps(1, max_grad_norm=length / 2)[0]
    assert_allclose(half, none / 2, rtol=1e-6, atol=1e-12)


def test_momentum():
    params = {"learning_rate_init": 1e-7, "max_grad_norm": None}
    plain = steps(2, **params)
    for nesterov, factors in ((False, [1, 1.4]), (True, [1.4, 1.56])):
        found = steps(2, momentum=0.4, nesterovs_momentum=nesterov, **params)
        for step, factor, expected in zip(found, factors, plain, strict=True):
            assert_allclose(step, factor * expected, rtol=1e-4, atol=1e-13)


@pytest.mark.parametrize(
    ("solver", "expected"),
    [
        ("adam", [1, 1]),
        ("adagrad", [1, 1 / np.sqrt(2)]),
        ("rmsprop", [1 / np.sqrt(0.1), 1 / np.sqrt(0.19)]),
    ],
)
def test_solver(solver, expected):
    """As long as the gradient stays what it was, steps have these lengths."""
    found = np.abs(steps(2, solver=solver, learning_rate_init=1e-8))
    assert_allclose(found.max(axis=1), 1e-8 * np.array(expected), rtol=1e-3)


def test_batch_size_and_order():
    """Batches of 15 in the order given are two steps, each of its half."""
    plain = PLAIN | {"shuffle": False, "learning_rate_init": 0.1}
    both = small(**{**plain, "batch_size": 15}).fit(X, Y)
    halves = small(**plain, warm_start=True).fit(X[:15], Y[:15]).fit(X[15:], Y[15:])
    assert_same_model(both, halves)
    assert_other_model(both, small(**{**plain, "batch_size": 30}).fit(X, Y))


def test_stopping():
    model = small(tol=10.0, n_iter_no_change=2, max_iter=50).fit(X, Y)
    assert model.n_iter_ == 4  # the first is progress over infinity
    adaptive = clone(model).set_params(
        learning_rate="adaptive", learning_rate_init=1e-5
    )
    assert adaptive.fit(X, Y).n_iter_ == 7  # 1e-5, then 2e-6, then below 1e-6
    assert model.set_params(n_iter_no_change=5).fit(X, Y).n_iter_ == 7
    assert model.set_params(tol=0.0, max_iter=9).fit(X, Y).n_iter_ == 9


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("class_weight", [None, "balanced", {0: 2.0}])
def test_dtype(dtype, class_weight):
    model = small(dtype=dtype, class_weight=class_weight, embedding_dim=2).fit(X, Y)
    assert {w.dtype for w in model.weights_.values()} == {np.dtype(dtype)}
    assert model.decision_function(X)[0].dtype == dtype


@pytest.mark.parametrize(
    ("params", "shapes"),
    [
        ({"hidden_layer_sizes": 4}, {"U0": (2, 4, 16), "W_out": (8, 1)}),
        ({"hidden_layer_sizes": np.int64(4)}, {"U0": (2, 4, 16)}),
        ({"hidden_layer_sizes": [4, 2]}, {"U0": (2, 4, 16), "W1": (2, 8, 8)}),
        ({"hidden_layer_sizes": np.array([4, 2])}, {"U1": (2, 2, 8)}),
        ({"bidirectional": False}, {"U0": (1, 3, 12), "W_out": (3, 1)}),
        ({"embedding_dim": 7}, {"embedding": (5, 7), "W0": (2, 7, 12)}),
        ({"cell": "gru"}, {"U0": (2, 3, 9)}),
    ],
    ids=str,
)
def test_architecture(params, shapes):
    weights = small(**params).fit(X, Y).weights_
    assert {name: weights[name].shape for name in shapes} == shapes


def test_dropout_of_inputs_and_of_all_above():
    one, pair, inputs, above, none = (
        small(dropout=rates).fit(X, Y)
        for rates in (0.5, (0.5, 0.5), np.array([0.5, 0]), (0, 0.5), 0.0)
    )
    assert_same_model(one, pair)
    for a, b in ((one, inputs), (inputs, above), (above, none), (none, inputs)):
        assert_other_model(a, b)


@pytest.mark.parametrize(
    ("activation", "f"), [("tanh", np.tanh), ("relu", lambda a: np.maximum(a, 0))]
)
def test_activation(activation, f):
    model = small(cell="rnn", activation=activation, bidirectional=False).fit(X, Y)
    w, h = model.weights_, np.zeros(3)
    for token in X[0]:
        h = f(w["W0"][0, token] + h @ w["U0"][0] + w["b0"][0])
    expected = h @ w["W_out"] + w["b_out"]
    assert_allclose(model.decision_function(X)[0][-1:], expected, rtol=1e-4, atol=1e-6)


def test_balanced_weights_count_sequences_by_their_weight():
    weights = np.random.default_rng(1).integers(0, 4, len(X))
    again = np.repeat(np.arange(len(X)), weights)
    model = small(class_weight="balanced", dtype="float64")
    repeated = clone(model).fit(take(X, again), take(Y, again))
    assert_same_model(model.fit(X, Y, weights), repeated)


@pytest.mark.parametrize("class_weight", ["balanced", {"a": 2.0}])
@pytest.mark.parametrize("labels", [["a", "b"], ["a", "b", "c"]])
def test_steps_without_weight_may_have_any_label(class_weight, labels):
    y = [np.array(labels)[x % len(labels)].tolist() for x in X]
    y[3] = ["never"] * len(X[3])
    for shuffle in (True, False):
        model = small(class_weight=class_weight, shuffle=shuffle)
        model.fit(X, y, sample_weight=np.arange(len(X)) != 3)
        assert model.classes_.tolist() == labels


@pytest.mark.parametrize("labels", ["ab", "abc"])
def test_balanced_may_go_on_without_a_class(labels):
    ids = list(range(len(labels)))
    for missing in ids:
        model = small(class_weight="balanced", warm_start=True)
        model.fit([ids, ids], [list(labels)] * 2)
        kept = [k for k in ids if k != missing]
        assert model.fit([kept], [[labels[k] for k in kept]]).n_iter_ == 2
