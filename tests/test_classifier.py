"""RNNClassifier and RNNRegressor as a user sees them."""

import numpy as np
import pandas as pd
import pytest
from common import V, assert_near_model, assert_same_model
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.base import clone, is_classifier, is_regressor
from sklearn.callback import ScoringMonitor
from sklearn.metrics import accuracy_score, r2_score
from sklearn.utils.class_weight import compute_sample_weight

from skrnn import RNNClassifier, RNNRegressor
from skrnn._core.cells import CELLS
from skrnn._core.pooling import POOLINGS


def make_data(n=80, seed=0):
    """Return tokens below V; whether the first is the last; how often 0 is there."""
    rng = np.random.default_rng(seed)
    X = [rng.integers(0, V, size=rng.integers(1, 8)) for _ in range(n)]
    y = np.array([("other", "same")[int(x[0] == x[-1])] for x in X])
    return X, y, np.array([float((x == 0).sum()) for x in X])


X, Y, COUNTS = make_data()
THREE = np.array([min(int(c), 2) for c in COUNTS])


def small(estimator=RNNClassifier, **params):
    params = {"hidden_layer_sizes": 6, "max_iter": 3, "random_state": 0, **params}
    return estimator(**params)


@pytest.mark.parametrize("pooling", POOLINGS)
@pytest.mark.parametrize("cell", CELLS)
def test_it_learns_counts(cell, pooling):
    model = small(cell=cell, pooling=pooling, hidden_layer_sizes=12, max_iter=60)
    X_test, _, counts = make_data(seed=1)
    y_test = np.minimum(counts, 2)
    score = (
        model.set_params(learning_rate_init=0.02).fit(X, THREE).score(X_test, y_test)
    )
    assert score == accuracy_score(y_test, model.predict(X_test)) > 0.9


@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize(
    ("pooling", "pool"),
    [("mean", np.mean), ("max", np.max), ("last", lambda outputs, axis: outputs[-1])],
)
def test_pooling_by_hand(pooling, pool, bidirectional):
    """The last step of the direction that reads backwards is the first."""
    model = small(pooling=pooling, cell="rnn", bidirectional=bidirectional)
    w, expected = model.fit(X, THREE).weights_, []
    for x in X:
        pooled = []
        for d in range(1 + bidirectional):
            h, outputs = np.zeros(6, dtype=np.float32), []
            for i in x[:: 1 - 2 * d]:
                h = np.tanh(w["W0"][d, i] + h @ w["U0"][d] + w["b0"][d])
                outputs.append(h)
            pooled.append(pool(outputs, axis=0))
        expected.append(np.concatenate(pooled) @ w["W_out"] + w["b_out"])
    assert_allclose(model.decision_function(X), expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("loss", ["squared_error", "absolute_error"])
def test_regression(loss):
    X_test, _, y_test = make_data(seed=1)
    model = small(RNNRegressor, loss=loss, hidden_layer_sizes=16, max_iter=60)
    model.set_params(learning_rate_init=0.01).fit(X, 1e6 * COUNTS - 7)
    assert model.score(X_test, 1e6 * y_test - 7) > 0.8
    predicted = model.predict(X_test)
    assert predicted.shape == (80,)
    assert predicted.dtype == np.float64
    assert model.score(X_test, y_test) == r2_score(y_test, predicted)


def test_absolute_error_leads_to_the_median():
    """All sequences are the same: what is left to learn is one number."""
    y = np.array([0.0] * 6 + [1.0] * 2 + [90.0] * 2)
    options = {"max_iter": 300, "learning_rate": "exponential", "decay_steps": 40}
    options |= {"batch_size": 10, "learning_rate_init": 0.02, "n_iter_no_change": 300}
    mean, median = (
        small(RNNRegressor, loss=loss, **options).fit([[1]] * 10, y).predict([[1]])
        for loss in ("squared_error", "absolute_error")
    )
    assert_allclose(mean, 18.2, rtol=0.01)
    assert_allclose(median, 0, atol=0.1)


def test_several_numbers():
    targets = np.column_stack([COUNTS, 100 * COUNTS, [len(x) for x in X]])
    model = small(RNNRegressor, hidden_layer_sizes=16, max_iter=60).fit(X, targets)
    assert model.predict(X).shape == (80, 3)
    assert model.score(X, targets) > 0.7
    assert_allclose(model.target_mean_, targets.mean(axis=0), rtol=1e-12)
    assert_allclose(model.target_scale_, targets.std(axis=0), rtol=1e-12)
    with pytest.raises(ValueError, match=r"y has shape \(80, 2\).*3 target"):
        model.partial_fit(X, targets[:, :2])


@pytest.mark.parametrize("value", [3.0, 0.1])
def test_a_constant_target(value):
    model = small(RNNRegressor, max_iter=50).fit(X, np.full(80, value))
    assert model.target_scale_ == 1
    assert_allclose(model.predict(X), value, atol=0.5)


def test_multilabel():
    rows = np.array([[0 in x, 1 in x, x[0] == 2] for x in X]).astype(int)
    model = small(hidden_layer_sizes=16, max_iter=60, learning_rate_init=0.02)
    model.fit(X, rows)
    assert model.multilabel_
    assert model.score(X, rows) > 0.8
    assert model.predict(X).shape == model.predict_proba(X).shape == (80, 3)
    assert_array_equal(model.predict(X), model.predict_proba(X) > 0.5)
    for container in (sparse.csr_array, pd.DataFrame):
        assert_same_model(model, clone(model).fit(X, container(rows)))
    with pytest.raises(ValueError, match="y holds labels, but the model was fitted on"):
        model.partial_fit(X, Y)
    with pytest.raises(ValueError, match=r"class_weight.* multi-label"):
        model.set_params(class_weight={0: 2}).partial_fit(X, rows)


@pytest.mark.parametrize("y", [Y, THREE])
def test_probabilities_agree(y):
    model = small().fit(X, y)
    proba, scores = model.predict_proba(X), model.decision_function(X)
    K = len(model.classes_)
    assert proba.shape == (80, K)
    assert scores.shape == ((80,) if K == 2 else (80, K))
    assert_allclose(proba.sum(axis=1), 1, rtol=1e-12)
    assert_allclose(np.exp(model.predict_log_proba(X)), proba, rtol=1e-12)
    assert_array_equal(model.classes_[proba.argmax(axis=1)], model.predict(X))
    odds = np.log(proba[:, 1] / proba[:, 0])
    of_scores = scores if K == 2 else scores[:, 1] - scores[:, 0]
    assert_allclose(odds, of_scores, rtol=1e-5, atol=1e-6)


def test_one_class():
    model = small().fit(X, ["only"] * 80)
    assert_array_equal(model.predict(X), ["only"] * 80)
    assert_array_equal(model.predict_proba(X), np.ones((80, 1)))


def test_types():
    assert is_classifier(RNNClassifier())
    assert is_regressor(RNNRegressor())


@pytest.mark.parametrize("y", [Y, THREE])
def test_class_weights_are_weights_of_sequences(y):
    options, label = {"dtype": "float64", "batch_size": 100}, y[0]
    by_class = small(class_weight="balanced", **options).fit(X, y)
    by_sample = small(**options).fit(X, y, compute_sample_weight("balanced", y))
    assert_near_model(by_class, by_sample, rtol=0, atol=1e-7)
    by_sample = small().fit(X, y, sample_weight=np.where(y == label, 3.0, 1.0))
    assert_same_model(small(class_weight={label: 3}).fit(X, y), by_sample)


def test_partial_fit_knows_its_classes():
    model = small().partial_fit(X[:40], THREE[:40] % 2, classes=[0, 1, 2])
    model.partial_fit(X, THREE)
    assert_array_equal(model.classes_, [0, 1, 2])
    with pytest.raises(ValueError, match=r"y\[3\] contains the label 7"):
        model.partial_fit(X[:4], [0, 1, 2, 7])
    model = small(RNNRegressor).partial_fit(X[:40], COUNTS[:40])
    mean = model.target_mean_
    assert_array_equal(model.partial_fit(X[40:], COUNTS[40:]).target_mean_, mean)


def test_callbacks_score_by_name():
    monitor = ScoringMonitor(scoring="accuracy")
    model = small().set_callbacks(monitor).fit(X, Y)
    whole, *epochs = monitor.get_logs().data_as_pandas["accuracy"]
    assert whole == epochs[2] == model.score(X, Y)


@pytest.mark.parametrize(
    ("y", "message"),
    [
        ("ab", "y is a single string"),
        (None, "requires y to be passed"),
        ([0, 1, 1], "y has 3 targets and X has 2 sequences"),
        ([[1, 0], [1]], r"y\[1\] has 1 labels and y\[0\] has 2.*Tagger"),
        ([[1, 0], [1, 2]], "y should be a 1d array"),
        ([0.3, 1.2], "Unknown label type: continuous"),
        ([0, np.nan], r"contains NaN.*y\[1\] is NaN"),
        (["a", None], r"contains NaN.*y\[1\] is None"),
        (pd.Series(["a", pd.NA], dtype=object), r"y\[1\] is <NA>"),
        ([{}, {}], r"y\[0\] is \{\}.*hashable"),
        ([[1, 0], [-1, 0]], "multi|1d array"),
        ([[1, 2], [2, 2]], r"y\[0\] contains values that are neither"),
        (1, "y is 1: pass a list or an array"),
    ],
)
def test_bad_labels_are_named(y, message):
    model = small().fit([[0], [1]], [0, 1])
    before = model.predict_proba([[0], [1]])
    with pytest.raises((ValueError, TypeError), match=message):
        model.fit([[0, 1], [1]], y)
    assert_array_equal(model.predict_proba([[0], [1]]), before)


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (["a", "b"], r"y\[0\] is 'a', which could not be converted"),
        ([1.0, None], r"y\[1\] is nan"),
        ([[1.0, 2.0], [3.0]], r"y\[1\] has 1 labels and y\[0\] has 2.*RNNTagger"),
        (np.array(["2020-01-01"] * 2, "datetime64[D]"), "dates or times"),
        ([1.0, np.inf], "contains infinity"),
        ([1.0], "y has 1 targets and X has 2"),
        (None, "requires y to be passed"),
    ],
)
def test_bad_numbers_are_named(y, message):
    with pytest.raises(ValueError, match=message):
        small(RNNRegressor).fit([[0, 1], [1]], y)


@pytest.mark.parametrize("estimator", [RNNClassifier, RNNRegressor])
def test_weights_of_steps_are_refused(estimator):
    message = r"sample_weight\[0\] is \[1, 1\]: give one weight for each seq"
    with pytest.raises(ValueError, match=message):
        small(estimator).fit([[0, 1], [1]], [0, 1], [[1, 1], [1]])


@pytest.mark.parametrize(
    ("classes", "message"),
    [
        ("ab", "classes is a single string"),
        (3, "classes is 3"),
        ([], "classes is empty"),
        ([["a", "b"]], "must be one list of labels"),
        (["a", np.nan], "none of them missing"),
    ],
)
def test_bad_classes_are_named(classes, message):
    with pytest.raises(ValueError, match=message):
        small().partial_fit([[0, 1], [1]], ["a", "b"], classes=classes)


def test_labels_of_several_types_stay_apart():
    y = [(1, "1", True + 1, "a\0", "a")[i % 5] for i in range(80)]
    model = small().fit(X, y)
    assert set(model.classes_.tolist()) == {1, "1", 2, "a\0", "a"}
    assert model.score(X, model.predict(X)) == 1
    as_objects = small().fit(X, THREE.astype(object))
    assert as_objects.score(X, THREE.astype(object)) == as_objects.score(X, THREE)


@pytest.mark.parametrize("factor", [1e300, 1e-300, 1e-9])
def test_targets_of_any_scale(factor):
    expected = small(RNNRegressor).fit(X, COUNTS).predict(X)
    found = small(RNNRegressor).fit(X, COUNTS * factor).predict(X) / factor
    assert_allclose(found, expected, rtol=1e-3, atol=1e-4)


def test_equal_targets_may_be_held_out():
    y = np.where(np.arange(80) < 5, 1.0, 0.0)
    model = small(RNNRegressor, early_stopping=True, max_iter=10).fit(X, y)
    assert len(set(model.validation_scores_)) == 10


@pytest.mark.parametrize(
    ("estimator", "params", "message"),
    [
        (RNNClassifier, {"pooling": "sum"}, "The 'pooling' parameter"),
        (RNNRegressor, {"loss": "huber"}, "The 'loss' parameter"),
        (RNNClassifier, {"class_weight": {"x": 2}}, "class_weight names 'x'"),
        (RNNClassifier, {"class_weight": {1: "3"}}, r"class_weight\[1\] is '3'"),
    ],
)
def test_bad_parameters_are_named(estimator, params, message):
    with pytest.raises(ValueError, match=message):
        small(estimator, **params).fit([[0], [1]], [0, 1])
