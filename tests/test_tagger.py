"""RNNTagger as a user sees it: what it learns, takes, gives back and refuses."""

import tracemalloc
from itertools import product

import numpy as np
import pytest
from common import V, assert_same_model, flat, one_hot, take
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn import config_context
from sklearn.base import clone
from sklearn.callback import ProgressBar
from sklearn.model_selection import GridSearchCV, KFold, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from skrnn import RNNTagger, Sequences
from skrnn._core.cells import CELLS

X2, Y2 = [[0, 1], [2]], [["a", "b"], ["a"]]


def make_data(n=60, seed=0):
    """Return tokens below V; a label is the parity of the sum so far."""
    rng = np.random.default_rng(seed)
    X = [rng.integers(0, V, size=rng.integers(1, 9)) for _ in range(n)]
    y = [[("even", "odd")[s % 2] for s in np.cumsum(x)] for x in X]
    return X, y


def small(**params):
    params = {"hidden_layer_sizes": 6, "max_iter": 3, "random_state": 0, **params}
    return RNNTagger(**params)


@pytest.mark.parametrize("cell", CELLS)
def test_memory_reaches_into_the_past_and_the_future(cell):
    """The label of every step is what the first and the last token are."""
    rng = np.random.default_rng(0)
    X = [rng.integers(0, V, size=rng.integers(2, 7)) for _ in range(300)]
    y = [[f"{x[0] > 2} {x[-1] > 2}"] * len(x) for x in X]
    model = small(cell=cell, hidden_layer_sizes=16, max_iter=25)
    model.set_params(learning_rate_init=0.01).fit(X[:200], y[:200])
    assert model.score(X[200:], y[200:]) > 0.97
    forward = clone(model).set_params(bidirectional=False).fit(X[:200], y[:200])
    assert forward.score(X[200:], y[200:]) < 0.8


def test_one_direction_does_not_see_the_future():
    X, y = make_data()
    model = small(bidirectional=False).fit(X, y)
    whole, cut = model.predict_proba([[0, 1, 2, 3]])[0], model.predict_proba([[0, 1]])
    assert_array_equal(whole[:2], cut[0])


@pytest.mark.parametrize("solver", ["adam", "sgd", "rmsprop", "adagrad"])
def test_solvers_reduce_the_loss(solver):
    X, _ = make_data()
    y = [x % 2 for x in X]
    rate = {"sgd": 0.1, "adagrad": 0.05}.get(solver, 0.01)
    model = small(solver=solver, learning_rate_init=rate, max_iter=20).fit(X, y)
    assert model.loss_curve_[-1] < 0.7 * model.loss_curve_[0]


def test_multilabel_steps():
    rng = np.random.default_rng(0)
    X = [rng.integers(0, V, size=rng.integers(1, 9)) for _ in range(200)]
    y = [np.stack([x % 2, x > 2, np.cumsum(x) % 2], axis=1).astype(int) for x in X]
    model = small(max_iter=25, learning_rate_init=0.02).fit(X, y)
    assert model.multilabel_
    assert_array_equal(model.classes_, [0, 1, 2])
    predicted, proba = model.predict(X), model.predict_proba(X)
    assert [p.shape for p in predicted] == [i.shape for i in y]
    assert_array_equal(flat(predicted), flat(proba) > 0.5)
    assert np.mean(flat(predicted)[:, :2] == flat(y)[:, :2]) > 0.99
    right = (flat(predicted) == flat(y)).all(axis=1)
    assert_allclose(model.score(X, y), right.mean(), rtol=1e-12)
    array = np.stack([np.eye(2, dtype=int)] * 3)  # shape (n, T, K)
    assert small().fit([[0, 1]] * 3, array).predict([[0, 1]])[0].shape == (2, 2)
    with pytest.raises(ValueError, match=r"class_weight.* multi-label"):
        small(class_weight="balanced").fit(X, y)


@pytest.mark.parametrize(
    ("labels", "classes"),
    [
        (["b", "a", "c"], ["a", "b", "c"]),
        ([3, 1, 2], [1, 2, 3]),
        ([True, False], [False, True]),
        ([("x", 1), ("x", 0)], [("x", 0), ("x", 1)]),
        ([None, "a", 2], [None, "a", 2]),
        (["only"], ["only"]),
    ],
)
def test_labels_of_any_hashable_type(labels, classes):
    X = [[0, 1, 2], [1], [2, 2]]
    y = [[labels[i % len(labels)] for i in x] for x in X]
    model = small(max_iter=60, learning_rate_init=0.03).fit(X, y)
    assert model.classes_.tolist() == classes
    predicted = model.predict(X)
    assert predicted.shape == (3,)
    assert predicted.dtype == object
    assert [p.tolist() for p in predicted] == y
    assert model.score(X, y) == 1
    assert model.score(X, [["new"] * len(x) for x in X]) == 0


def test_probabilities_agree():
    X, _ = make_data()
    for K in (2, 4):
        y = [[t % K for t in x] for x in X]
        model = small().fit(X, y)
        proba, log_proba = model.predict_proba(X), model.predict_log_proba(X)
        scores, labels = model.decision_function(X), model.predict(X)
        assert [p.shape for p in proba] == [(len(x), K) for x in X]
        assert_allclose(flat(proba).sum(axis=1), 1, rtol=1e-6)
        assert_allclose(np.log(flat(proba)), flat(log_proba), rtol=1e-5, atol=1e-6)
        assert_array_equal(flat(proba).argmax(axis=1), flat(labels))
        if K == 2:
            assert flat(scores).ndim == 1
            odds = flat(log_proba)[:, 1] - flat(log_proba)[:, 0]
            assert_allclose(flat(scores), odds, rtol=1e-4, atol=1e-6)
        else:
            assert_array_equal(flat(scores).argmax(axis=1), flat(labels))


@pytest.mark.parametrize("embedding_dim", [None, 2])
def test_a_million_tokens(embedding_dim):
    """Only the rows of the tokens that occur are ever changed."""
    rows = np.array([5, 999_999, 5, 70_000, 5, 0])
    X = Sequences(rows, np.array([0, 2, 6]), n_tokens=1_000_000)
    y = [["a", "b"], ["a", "b", "a", "b"]]
    model = small(embedding_dim=embedding_dim, hidden_layer_sizes=2, max_iter=60)
    first = clone(model).set_params(learning_rate_init=1e-300, max_iter=1).fit(X, y)
    model.set_params(learning_rate_init=0.05).fit(X, y)
    assert [labels.tolist() for labels in model.predict(X)] == y
    name = "W0" if embedding_dim is None else "embedding"
    changed = (model.weights_[name] != first.weights_[name]).any(axis=-1)
    touched = np.flatnonzero(changed.reshape(-1, 1_000_000).any(axis=0))
    assert_array_equal(touched, np.unique(rows))
    assert len(model.predict([[123_456]])[0]) == 1


def test_table_with_one_label_a_row():
    X = np.random.default_rng(0).standard_normal((40, 3))
    y = np.where(X[:, 0] > 0, "p", "n")
    model = small(max_iter=30, learning_rate_init=0.03).fit(X, y)
    assert model.input_size_ == 3
    assert model.predict(X).shape == (40,)
    assert model.predict_proba(X).shape == (40, 2)
    assert model.score(X, y) > 0.9
    apart = [X[:4], X[4:6]]  # sequences of several such steps
    assert [labels.shape for labels in model.predict(apart)] == [(4,), (2,)]
    assert model.score(apart, [y[:4], y[4:6]]) == model.score(X[:6], y[:6])
    model.partial_fit(apart, [y[:4], y[4:6]]).partial_fit(X, y)
    assert model.predict(X).shape == (40,)


@settings(max_examples=25, deadline=None)
@given(
    lengths=st.lists(st.integers(1, 6), min_size=1, max_size=6),
    kind=st.sampled_from(["ids", "csr", "dense", "list"]),
    cell=st.sampled_from(sorted(CELLS)),
    seed=st.integers(0, 100),
)
def test_any_shape_is_fitted_and_predicted(lengths, kind, cell, seed):
    rng = np.random.default_rng(seed)
    X = [rng.integers(0, V, size=T) for T in lengths]
    X[0][0] = V - 1
    y = [rng.integers(0, 3, size=T).tolist() for T in lengths]
    X = {"ids": X, "list": [x.tolist() for x in X]}.get(kind) or one_hot(X, kind)
    model = small(cell=cell, max_iter=1, hidden_layer_sizes=(3, 2)).fit(X, y)
    predicted, proba = model.predict(X), model.predict_proba(X)
    assert [len(p) for p in predicted] == lengths
    assert all(set(p) <= set(flat(y)) for p in predicted)
    for i in range(len(X)):
        assert_array_equal(model.predict_proba(X[i : i + 1])[0], proba[i])


@pytest.mark.parametrize("kind", ["csr", "dense"])
def test_weight_is_repetition_of_rows_of_any_density(kind):
    """What stands for a sequence does not depend on the others there are."""
    rng = np.random.default_rng(0)
    X = [rng.standard_normal((3, 8)) * (rng.random((3, 8)) < q) for q in [0.1, 1] * 8]
    X += [np.eye(8)[rng.integers(0, 8, 3)] for _ in range(4)]
    X = [sparse.csr_array(x) for x in X] if kind == "csr" else X
    y = [rng.integers(0, 2, 3) for _ in X]
    weights = np.array([1, 5] * 8 + [0, 2, 0, 1])
    again = rng.permutation(np.repeat(np.arange(len(X)), weights))
    repeated = small(batch_size=4).fit(take(X, again), take(y, again))
    assert_same_model(small(batch_size=4).fit(X, y, weights), repeated)


def test_each_step_may_have_its_weight():
    X, y = make_data()
    rng = np.random.default_rng(1)
    by_sequence = rng.integers(0, 3, len(X))
    by_step = [np.full(len(x), w) for x, w in zip(X, by_sequence, strict=True)]
    assert_same_model(small().fit(X, y, by_sequence), small().fit(X, y, by_step))
    zeros = [rng.integers(0, 2, len(x)) for x in X]
    zeros[0][:] = 1  # not all of them
    junk = [np.where(w, labels, "junk") for labels, w in zip(y, zeros, strict=True)]
    model = small().fit(X, junk, zeros)
    assert_array_equal(model.classes_, ["even", "odd"])
    expected = np.average(flat(model.predict(X)) == flat(y), weights=flat(zeros))
    assert_allclose(model.score(X, y, zeros), expected, rtol=1e-12)


def test_steps_without_weight_are_not_learned():
    X, y = [[0, 1]] * 2, [["a", "b"], ["a", "c"]]
    for weights, expected in ([[1, 1], [1, 0]], "ab"), ([[1, 0.1], [1, 2]], "ac"):
        model = small(max_iter=60).fit(X, y, sample_weight=weights)
        assert_array_equal(model.predict(X)[0], list(expected))


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ([[1, 1]], "sample_weight has 1 items and X has 2"),
        ([[1, 1], [1]], r"sample_weight\[1\] has shape \(1,\) and X\[1\] has 3 steps"),
        ([[1, 1], [1, -1, 1]], r"sample_weight\[1\] contains -1.0 at step 1"),
        ([[1, 1], [1, np.nan, 1]], r"sample_weight\[1\] contains nan at step 1"),
        ([[0, 0], [0, 0, 0]], "at least one non-zero"),
    ],
)
def test_bad_weights_of_steps_are_named(weights, message):
    with pytest.raises(ValueError, match=message):
        small().fit([[0, 1], [1, 1, 0]], [["a", "b"], ["b", "b", "a"]], weights)


@pytest.mark.parametrize(
    ("class_weight", "message"),
    [
        *(({"a": w}, r"'a'\] is .*not negative") for w in (np.nan, np.inf, -1.0)),
        ({"c": 2.0}, "class_weight names 'c'"),
        ({"a": 0, "b": 0}, r"class_weight\) become zero"),
    ],
)
def test_bad_class_weights_are_named(class_weight, message):
    with pytest.raises(ValueError, match=message):
        small(class_weight=class_weight).fit(X2, Y2)


def test_class_weight():
    X, _ = make_data(40)
    y = [np.where(x == 0, "rare", "often") for x in X]
    plain = small(max_iter=10).fit(X, y)
    heavy = small(class_weight={"rare": 100}, max_iter=10).fit(X, y)
    found = flat(heavy.predict_proba(X))[:, 1].mean()
    assert found > flat(plain.predict_proba(X))[:, 1].mean() + 0.1
    labels, counts = np.unique(flat(y), return_counts=True)
    by_hand = dict(zip(labels, counts.sum() / (2 * counts), strict=True))
    balanced = small(class_weight="balanced", dtype="float64").fit(X, y)
    expected = clone(balanced).set_params(class_weight=by_hand).fit(X, y)
    assert_same_model(balanced, expected)
    only = small(class_weight={"often": 0.0}, max_iter=30).fit(X, y)
    assert set(flat(only.predict(X))) == {"rare"}


@pytest.mark.parametrize(
    ("before", "after"),
    [("adam", "sgd"), ("sgd", "adam"), ("adagrad", "rmsprop"), ("sgd", "sgd")],
)
def test_another_solver_starts_with_moments_of_its_own(before, after):
    X, y = make_data()
    model = small(solver=before, warm_start=True, shuffle=False).fit(X, y)
    model.set_params(solver=after, momentum=0.0, max_iter=1, dropout=0.3).fit(X, y)
    assert model.n_iter_ == 4
    assert np.isfinite(model.predict_proba(X)[0]).all()


def test_another_kind_of_target_cannot_go_on():
    X, labels = [[0, 1], [1]], [["a", "b"], ["a"]]
    rows = [np.array([[0, 1], [1, 1]]), np.array([[0, 0]])]
    wider = [np.eye(3)[:2], np.eye(3)[:1]]
    of_labels, of_rows = small().fit(X, labels), small().fit(X, rows)
    for check in (of_labels.partial_fit, of_labels.score):
        with pytest.raises(ValueError, match="fitted on labels"):
            check(X, rows)
    for check in (of_rows.partial_fit, of_rows.score):
        with pytest.raises(ValueError, match="fitted on rows of 0 and 1"):
            check(X, labels)
        with pytest.raises(ValueError, match=r"rows of 3 indicators, .* rows of 2"):
            check(X, wider)


def test_partial_fit_knows_its_classes():
    X, y = [[0, 1]], [["a", "b"]]
    model = small().partial_fit(X, y, classes=["c", "b", "a"])
    assert model.classes_.tolist() == ["a", "b", "c"]
    model.partial_fit([[1], [0]], [["c"], ["a"]])
    with pytest.raises(ValueError, match=r"y\[1\] contains the label 'd'"):
        model.partial_fit([[1], [0]], [["c"], ["d"]])
    with pytest.raises(ValueError, match="first call"):
        model.partial_fit(X, y, classes=["a", "b"])
    with pytest.raises(ValueError, match="token id 7"):
        model.partial_fit([[7]], [["a"]])
    with pytest.raises(ValueError, match="class_weight"):
        small(class_weight="balanced").partial_fit(X, y)


def test_the_last_step_may_diverge_too():
    X = [np.full((3, 2), 100.0)] * 2
    model = small(cell="rnn", activation="relu", solver="sgd", max_iter=1, momentum=0.0)
    model.set_params(learning_rate_init=1e38, max_grad_norm=None)
    with pytest.raises(FloatingPointError, match="sum of the weights is not finite"):
        model.fit(X, [["a", "b", "c"]] * 2)


def test_progress_bar_in_a_search(capsys):
    search = GridSearchCV(small(), {"cell": ["rnn", "gru"]}, cv=2, n_jobs=2)
    search.set_params(error_score="raise").set_callbacks(ProgressBar())
    search.fit(*make_data())
    assert "RNNTagger" in capsys.readouterr().out


def test_weights_of_steps_are_routed_through_a_pipeline():
    X, y = make_data(30)
    weights = [np.arange(len(x)) + 1.0 for x in X]
    with config_context(enable_metadata_routing=True):
        tagger = small().set_fit_request(sample_weight=True)
        tagger.set_score_request(sample_weight=True)
        pipe = make_pipeline(FunctionTransformer(), tagger)
        found = cross_validate(pipe, X, y, params={"sample_weight": weights}, cv=3)
    expected = []
    for train, test in KFold(3).split(X):
        model = small().fit(*(take(part, train) for part in (X, y, weights)))
        expected.append(model.score(*(take(part, test) for part in (X, y, weights))))
    assert_array_equal(found["test_score"], expected)


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (None, "requires y to be passed, but the target y is None"),
        ([["a", "b"]], "y has 1 label sequences and X has 2"),
        ([["a", "b"], ["a", "b"]], r"y\[1\] has 2 labels and X\[1\] has 1 steps"),
        ([["a", "b"], "a"], r"y\[1\] is 'a', not a sequence of labels"),
        ([["a", "b"], [{}]], r"y\[1\] contains a dict: labels must be hashable"),
        ("ab", "y is a single string"),
        ([np.eye(2), [[1, 2]]], r"y\[1\] contains values that are neither 0 nor 1"),
        ([np.eye(2), np.eye(1)], r"y\[1\] has shape \(1, 1\) and y\[0\] .*\(2, 2\)"),
    ],
)
def test_bad_labels_are_named(y, message):
    with pytest.raises(ValueError, match=message):
        small().fit(X2, y)


def test_prediction_must_be_like_fit():
    model = small().fit(X2, Y2)
    message = "4 features per step, but RNNTagger is expecting"
    with pytest.raises(ValueError, match=message):
        model.predict([np.ones((2, 4))])
    with pytest.raises(ValueError, match=r"y\[0\] has 1 labels and X\[0\] has 2 steps"):
        model.score([[0, 1]], [["a"]])


def test_a_long_sequence_takes_linear_memory():
    model, peaks = small(hidden_layer_sizes=4, max_iter=1), {}
    for work, T in product(("fit", "predict"), (4000, 8000)):
        ids = np.arange(T) % V
        given = ([ids], [ids % 2]) if work == "fit" else ([ids],)
        tracemalloc.start()
        getattr(model, work)(*given)
        peaks[work, T] = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peaks["fit", 8000] < 2.2 * peaks["fit", 4000]
    assert peaks["predict", 8000] < 2.2 * peaks["predict", 4000]


def test_a_sequence_of_100_000_steps():
    X = [np.arange(100_000) % V, np.arange(3)]
    model = small(hidden_layer_sizes=4, max_iter=1, bidirectional=False)
    model.fit(X, [x % 2 for x in X])
    assert [len(p) for p in model.predict(X)] == [100_000, 3]
