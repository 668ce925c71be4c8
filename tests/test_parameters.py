"""Every parameter of an estimator reaches what it governs."""

import ast
import inspect
import re
from types import SimpleNamespace

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import skrnn
from skrnn import RNNTagger, _base

RNG = np.random.default_rng(0)
X = [RNG.integers(0, 5, size=T) for T in RNG.integers(6, 12, 30)]  # all different
Y = [x % 2 for x in X]


def small(**params):
    params = {"hidden_layer_sizes": 3, "max_iter": 1, "random_state": 0, **params}
    return RNNTagger(**params)


@pytest.fixture
def trained(monkeypatch):
    """Remember what the training function was called with last."""
    seen, train = SimpleNamespace(), _base.train

    def spy(network, params, optimizer, data, **options):
        vars(seen).update(
            network=network, params=params, optimizer=optimizer, data=data, **options
        )
        return train(network, params, optimizer, data, **options)

    monkeypatch.setattr(_base, "train", spy)
    return seen


@pytest.mark.parametrize(
    ("name", "value", "option"),
    [
        ("max_iter", 2, "max_iter"),
        ("tol", 0.3, "tol"),
        ("n_iter_no_change", 7, "n_iter_no_change"),
        ("batch_size", 5, "batch_size"),
        ("shuffle", False, "shuffle"),
        ("alpha", 0.5, "alpha"),
        ("max_grad_norm", 2.0, "max_norm"),
        ("max_grad_norm", None, "max_norm"),
    ],
)
def test_options_of_training(trained, name, value, option):
    small(**{name: value}).fit(X, Y)
    assert getattr(trained, option) == value


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
def test_schedules(trained, schedule, expected):
    rates = {"learning_rate": schedule, "learning_rate_init": 0.08}
    small(power_t=2.0, decay_rate=0.25, decay_steps=2, **rates).fit(X, Y)
    assert_allclose([trained.learning_rate(t) for t in range(3)], expected, rtol=1e-12)
    assert trained.adaptive == (schedule == "adaptive")


@pytest.mark.parametrize("nesterovs_momentum", [True, False])
def test_momentum(trained, nesterovs_momentum):
    model = small(solver="sgd", momentum=0.4, nesterovs_momentum=nesterovs_momentum)
    model.fit(X, Y)
    rule = trained.optimizer.rule
    assert (rule.momentum, rule.nesterovs_momentum) == (0.4, nesterovs_momentum)


@pytest.mark.parametrize("solver", ["adam", "sgd", "rmsprop", "adagrad"])
def test_solver(trained, solver):
    small(solver=solver).fit(X, Y)
    assert type(trained.optimizer.rule).__name__.lower() == solver


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_dtype(trained, dtype):
    for class_weight in (None, "balanced", {0: 2.0}):
        small(dtype=dtype, class_weight=class_weight).fit(X, Y)
        assert trained.data.weights.dtype == trained.data.targets.dtype == dtype
        assert trained.params.flat.dtype == trained.params.table.dtype == dtype


@pytest.mark.parametrize(
    ("name", "value", "attribute", "expected"),
    [
        ("hidden_layer_sizes", 4, "hidden_sizes", (4,)),
        ("hidden_layer_sizes", np.int64(4), "hidden_sizes", (4,)),
        ("hidden_layer_sizes", [4, 2], "hidden_sizes", (4, 2)),
        ("hidden_layer_sizes", np.array([4, 2]), "hidden_sizes", (4, 2)),
        ("bidirectional", False, "n_directions", 1),
        ("embedding_dim", 3, "embedding_dim", 3),
        ("dropout", 0.25, "dropout", (0.25, 0.25)),
        ("dropout", (0, 0.5), "dropout", (0.0, 0.5)),
        ("dropout", np.array([0.5, 0]), "dropout", (0.5, 0.0)),
    ],
)
def test_architecture(trained, name, value, attribute, expected):
    small(**{name: value}).fit(X, Y)
    assert getattr(trained.network, attribute) == expected


@pytest.mark.parametrize("activation", ["tanh", "relu"])
def test_activation(trained, activation):
    small(cell="rnn", activation=activation).fit(X, Y)
    assert trained.network.cell.activation == activation


ESTIMATORS = [
    value
    for value in vars(skrnn).values()
    if inspect.isclass(value) and issubclass(value, _base.BaseRNN)
]


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_documented_defaults(estimator):
    text = re.sub(r"\\\n\s*", "", inspect.getdoc(estimator))
    documented = dict(re.findall(r"^(\w+) : .*default=(.+)$", text, re.MULTILINE))
    for name, parameter in inspect.signature(estimator).parameters.items():
        if parameter.default is not inspect.Parameter.empty:
            assert ast.literal_eval(documented[name]) == parameter.default


# --- what is held out -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("fraction", "n", "n_held_out"), [(0.25, 10, 2), (0.29, 10, 3), (0.01, 10, 1)]
)
def test_share_of_what_is_held_out(trained, fraction, n, n_held_out):
    model = small(early_stopping=True, validation_fraction=fraction, shuffle=False)
    model.fit(X[:n], Y[:n])
    starts = trained.data.starts.tolist()
    assert len(starts) == n - n_held_out
    assert starts == sorted(starts)  # in the order given


@pytest.mark.parametrize("shuffle", [True, False])
def test_score_of_what_is_held_out(trained, shuffle):
    """The weighted accuracy on just the sequences that are not trained on."""
    weights = np.random.default_rng(1).uniform(0, 3, len(X))
    model = small(early_stopping=True, validation_fraction=0.4, shuffle=shuffle)
    model.fit(X, Y, weights)
    starts = np.cumsum([0, *map(len, X)])[:-1]
    out = np.flatnonzero(~np.isin(starts, trained.data.starts))
    expected = model.score([X[i] for i in out], [Y[i] for i in out], weights[out])
    assert len(out) == 12
    assert model.validation_scores_ == [model.best_validation_score_]
    assert_allclose(model.best_validation_score_, expected, rtol=1e-12)
    of_steps = np.split(trained.data.weights, starts[1:])
    assert [i for i in range(len(X)) if not of_steps[i].any()] == out.tolist()


def test_other_numbers_hold_out_others(trained):
    starts = []
    for random_state in range(2):
        small(early_stopping=True, random_state=random_state).fit(X, Y)
        starts.append(set(trained.data.starts.tolist()))
    assert starts[0] != starts[1]


# --- class weights --------------------------------------------------------------------


def test_balanced_weights_count_sequences_by_their_weight():
    weights = np.random.default_rng(1).integers(0, 4, len(X))
    again = np.repeat(np.arange(len(X)), weights)
    model = small(class_weight="balanced", dtype="float64")
    a = model.fit(X, Y, weights).weights_
    b = small(class_weight="balanced", dtype="float64").fit(
        [X[i] for i in again], [Y[i] for i in again]
    )
    for name, values in b.weights_.items():
        assert_array_equal(a[name], values)


@pytest.mark.parametrize("class_weight", ["balanced", {"a": 2.0}])
@pytest.mark.parametrize("labels", [["a", "b"], ["a", "b", "c"]])
def test_steps_without_weight_may_have_any_label(class_weight, labels):
    y = [np.array(labels)[x % len(labels)].tolist() for x in X]
    y[3] = ["never"] * len(X[3])
    weights = np.ones(len(X))
    weights[3] = 0
    for shuffle in (True, False):
        model = small(class_weight=class_weight, shuffle=shuffle).fit(X, y, weights)
        assert model.classes_.tolist() == labels


@pytest.mark.parametrize("labels", ["ab", "abc"])
def test_balanced_may_go_on_without_a_class(labels):
    ids = list(range(len(labels)))
    for missing in ids:
        model = small(class_weight="balanced", warm_start=True)
        model.fit([ids, ids], [list(labels)] * 2)
        kept = [k for k in ids if k != missing]
        model.fit([kept], [[labels[k] for k in kept]])
        assert model.n_iter_ == 2
