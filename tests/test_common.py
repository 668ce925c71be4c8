"""What all estimators promise, tested for all of them."""

import ast
import inspect
import os
import pickle
import re
import signal
from typing import NamedTuple

import joblib
import numpy as np
import pandas as pd
import polars as pl
import pytest
from common import (
    V,
    assert_near_model,
    assert_other_model,
    assert_same_model,
    assert_same_results,
    make_ids,
    object_array,
    one_hot,
    results,
    take,
    to_sequences,
)
from numpy.testing import assert_allclose
from sklearn.base import BaseEstimator, clone
from sklearn.callback import ScoringMonitor
from sklearn.exceptions import NotFittedError
from threadpoolctl import threadpool_limits

import skrnn
from skrnn._core import kernels

pytestmark = pytest.mark.filterwarnings("ignore:.*predicted targets")

SMALL = {"hidden_layer_sizes": 5, "learning_rate_init": 0.02, "batch_size": 8}
SMALL |= {"max_iter": 3, "random_state": 0}
CELLS = ("rnn", "gru", "gru_reset_before", "gru_update_only", "lstm", "lstm_peephole")


class Case(NamedTuple):
    """An estimator, and the target that it learns for a sequence of ids."""

    estimator: type
    target: object  # a function of the ids
    unseen: object  # a target that no sequence has
    params: dict = {}

    def model(self, **params):
        return self.estimator(**{**SMALL, **self.params, **params})

    def data(self, n=30, seed=0, **lengths):
        X = make_ids(n, seed, **lengths)
        return X, None if self.target is None else [self.target(x) for x in X]

    def conditions(self, y):
        """Return what the methods of a fitted model take besides X."""
        return y if self.estimator is skrnn.RNNLanguageModel else None

    def terms(self, X, y):
        """Return the number of terms of the loss of each sequence."""
        if self.estimator in (skrnn.RNNClassifier, skrnn.RNNRegressor):
            return np.ones(len(X))
        ends = self.estimator is not skrnn.RNNTagger
        items = X if self.estimator in (skrnn.RNNTagger, skrnn.RNNLanguageModel) else y
        return np.array([len(item) + ends for item in items])


CASES = {
    "tagger": Case(
        skrnn.RNNTagger, lambda x: list(np.cumsum(x) % 2), lambda x: ["never"] * len(x)
    ),
    "classifier": Case(
        skrnn.RNNClassifier, lambda x: "abc"[sum(x) % 3], lambda x: "never"
    ),
    "regressor": Case(skrnn.RNNRegressor, lambda x: float(sum(x)), lambda x: 1e300),
    "language model": Case(skrnn.RNNLanguageModel, None, None),
    "language model of labels": Case(
        skrnn.RNNLanguageModel, lambda x: "abc"[sum(x) % 3], lambda x: "never"
    ),
    "language model of numbers": Case(
        skrnn.RNNLanguageModel, lambda x: sum(x) / 4, lambda x: 1e300
    ),
    "translator": Case(
        skrnn.RNNSeq2Seq, lambda x: ["abcde"[i] for i in x[3::-1]], lambda x: ["z"] * 30
    ),
    "transcriber": Case(
        skrnn.RNNTranscriber,
        lambda x: ["abcde"[i] for i in np.unique(x)[: len(x) // 2]],
        lambda x: ["z"],
    ),
}
STREAM = {"stream": True, "bptt": 5, "batch_size": 2}
LABELS = CASES["language model of labels"]
WITH_STREAM = {**CASES, "stream": LABELS._replace(params=STREAM)}
WITH_TARGETS = {k: case for k, case in WITH_STREAM.items() if case.target is not None}


def over(cases):
    return pytest.mark.parametrize("case", cases.values(), ids=list(cases))


def without(*names):
    return {name: case for name, case in CASES.items() if name not in names}


every_case = over(CASES)
every_case_and_stream = over(WITH_STREAM)
OF_TARGETS = without(*(name for name in CASES if name.startswith("language")))
OF_ROWS = OF_TARGETS  # to a language model, one-hot rows are rows of 0 and 1


def test_all_estimators_are_here():
    public = {getattr(skrnn, name) for name in skrnn.__all__ if name[:3] == "RNN"}
    assert {case.estimator for case in CASES.values()} == public


# --- weights and order ----------------------------------------------------------------
@pytest.mark.parametrize("options", [{"dropout": 0.4}, {"early_stopping": True}])
@every_case
def test_weight_is_repetition(case, options):
    X, y = case.data()
    rng = np.random.default_rng(1)
    weights = rng.integers(0, 4, len(X))
    again = rng.permutation(np.repeat(np.arange(len(X)), weights))
    repeated = take(X, again), take(y, again)
    model = case.model(batch_size=4, **options)
    a, b = clone(model).fit(X, y, sample_weight=weights), model.fit(*repeated)
    assert_same_model(a, b)
    assert_allclose(a.score(X, y, weights), b.score(*repeated), rtol=1e-9)


@every_case
def test_weight_is_repetition_in_the_order_given(case):
    """Without shuffling nothing is merged: the same up to rounding, in one batch."""
    X, y = case.data()
    weights = np.random.default_rng(1).integers(0, 4, len(X))
    again = np.repeat(np.arange(len(X)), weights)
    model = case.model(shuffle=False, batch_size=1000, dtype="float64")
    a = clone(model).fit(X, y, sample_weight=weights)
    assert_near_model(a, model.fit(take(X, again), take(y, again)), 0, 1e-7)


@pytest.mark.parametrize("shuffle", [True, False])
@every_case
def test_weight_zero_is_absence(case, shuffle):
    X, y = case.data()
    others = [i for i in range(len(X)) if i != 3]
    if y is not None:
        y[3] = case.unseen(X[3])
    weighted = case.model(shuffle=shuffle).fit(X, y, np.arange(len(X)) != 3)
    absent = case.model(shuffle=shuffle).fit(take(X, others), take(y, others))
    assert_same_model(weighted, absent)


@every_case
def test_order_matters_only_without_shuffling(case):
    X, y = case.data()
    order = np.random.default_rng(0).permutation(len(X))
    permuted = take(X, order), take(y, order)
    assert_same_model(case.model().fit(X, y), case.model().fit(*permuted))
    ordered = case.model(shuffle=False)
    assert_other_model(clone(ordered).fit(X, y), ordered.fit(*permuted))


# --- containers and kinds of input ----------------------------------------------------
CONTAINERS = {
    "lists": lambda X: [x.tolist() for x in X],
    "tuples": lambda X: tuple(tuple(x.tolist()) for x in X),
    "object array": object_array,
    "column of objects": lambda X: object_array(X)[:, None],
    "small integers": lambda X: [x.astype(np.int8) for x in X],
    "pandas Series": lambda X: pd.Series(X, index=range(len(X), 0, -1)),
    "pandas frame": lambda X: pd.DataFrame({"x": X}, index=range(5, 5 + len(X))),
    "polars Series": lambda X: pl.Series([x.tolist() for x in X]),
    "polars frame": lambda X: pl.DataFrame({"x": [x.tolist() for x in X]}),
    "Sequences": to_sequences,
}


@every_case
def test_containers_give_the_same_model(case):
    X, y = case.data()
    expected = case.model().fit(X, y)
    of_X = results(expected, X, case.conditions(y))
    for container in CONTAINERS.values():
        model = case.model().fit(container(X), y)
        assert_same_model(model, expected)
        assert_same_results(results(model, container(X), case.conditions(y)), of_X)


@over(without("language model"))
def test_containers_of_targets_give_the_same_model(case):
    X, y = case.data()
    expected = case.model().fit(X, y)
    index = np.random.default_rng(0).permutation(len(X))
    wraps = [tuple, object_array, lambda y: pd.Series(y, index=index), pl.Series]
    if case.estimator is not skrnn.RNNRegressor:  # to which columns are several numbers
        wraps.append(lambda y: object_array(y)[:, None])
        wraps.append(lambda y: pd.DataFrame({"y": y}, index=index))
    for wrap in wraps:
        model = case.model().fit(X, wrap(y))
        assert_same_model(model, expected)
        assert model.score(X, wrap(y)) == expected.score(X, y)


@pytest.mark.parametrize(
    "options",
    [
        {"solver": "sgd"},
        {"embedding_dim": 3},
        {"dropout": (0.5, 0.0), "batch_size": 32},
    ],
    ids=str,
)
@over(OF_ROWS)
def test_ids_are_one_hot_rows(case, options):
    X, y = case.data()
    ids = case.model(dtype="float64", **options).fit(X, y)
    for kind in ("sparse", "dense"):
        other = case.model(dtype="float64", **options).fit(one_hot(X, kind), y)
        assert_near_model(other, ids, rtol=1e-7, atol=1e-9)
        for seen in (X, one_hot(X, "sparse"), one_hot(X, "dense")):
            assert_allclose(other.score(seen, y), ids.score(X, y), rtol=1e-9)
            if hasattr(other, "score_samples"):
                found, expected = other.score_samples(seen, y), ids.score_samples(X, y)
                assert_allclose(found, expected, rtol=1e-7)
            if hasattr(other, "predict_proba"):
                found, expected = other.predict_proba(seen), ids.predict_proba(X)
                for a, b in zip(found, expected, strict=True):
                    assert_allclose(a, b, rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("kind", ["ids", "sparse", "dense"])
@over(OF_ROWS)
def test_dropout_does_not_change_the_data(case, kind, tmp_path):
    X, y = case.data()
    given = X if kind == "ids" else one_hot(X, kind)
    joblib.dump(given, tmp_path / "X")
    mapped = joblib.load(tmp_path / "X", mmap_mode="r")  # may not be written to
    model = case.model(dropout=0.3, embedding_dim=2, early_stopping=True)
    assert_same_model(clone(model).fit(mapped, y), model.fit(given, y))


# --- the same bits --------------------------------------------------------------------
@every_case_and_stream
def test_random_state_decides(case):
    X, y = case.data()
    model = case.model(dropout=0.2)
    np.random.seed(0)
    a, b = clone(model).fit(X, y), clone(model).fit(X, y)
    assert_same_model(a, b)
    assert_other_model(a, clone(model).set_params(random_state=1).fit(X, y))
    of_global = np.random.random_sample()
    np.random.seed(0)
    assert np.random.random_sample() == of_global  # which an int left alone
    np.random.seed(0)
    model.set_params(random_state=None).fit(X, y)
    assert np.random.random_sample() != of_global  # None is numpy's own generator


@every_case_and_stream
def test_threads_do_not_change_a_bit(case):
    X, y = case.data(300)  # more than are predicted in one batch, held out ones too
    params = {"hidden_layer_sizes": 24, "max_iter": 1, "batch_size": 32}
    params |= {"early_stopping": True, "validation_fraction": 0.5}
    one = case.model(**params).fit(X, y)
    two = case.model(**params, n_jobs=2).fit(X, y)
    with threadpool_limits(2):
        many = case.model(**params).fit(X, y)
        of_many = results(many, X, case.conditions(y))
    of_one = results(one, X, case.conditions(y))
    for model, found in [(two, results(two, X, case.conditions(y))), (many, of_many)]:
        assert_same_model(model, one)
        assert model.validation_scores_ == one.validation_scores_
        assert_same_results(found, of_one)


@pytest.mark.parametrize("cell", CELLS)
@every_case
def test_results_do_not_depend_on_the_other_sequences(case, cell):
    X, y = case.data(60)
    params = {"hidden_layer_sizes": (20, 7), "embedding_dim": 6, "max_iter": 1}
    if case.estimator in (skrnn.RNNClassifier, skrnn.RNNRegressor):
        params["pooling"] = ("last", "mean", "max")[CELLS.index(cell) % 3]
    model = case.model(cell=cell, **params).fit(X, y)
    mixture = [None] * (case is LABELS)
    for given in [case.conditions(y), *mixture]:
        together = results(model, X, given)
        for index in ([0], [17], [59, 3, 40, 8], range(60)[::-1]):
            found = results(model, take(X, index), take(given, index))
            some = {name: take(items, index) for name, items in together.items()}
            assert_same_results(found, some)


@pytest.mark.skipif(kernels.in_use() == "numpy", reason="no kernels")
@every_case_and_stream
def test_without_kernels_it_is_the_same_but_for_rounding(case, monkeypatch):
    X, y = case.data()
    params = {"dtype": "float64", "hidden_layer_sizes": (5, 4), "dropout": 0.2}
    by_kernels = case.model(**params).fit(X, y)
    score = by_kernels.score(X, y)
    monkeypatch.setattr(kernels, "compiled", None)
    by_numpy = case.model(**params).fit(X, y)
    assert_near_model(by_kernels, by_numpy, rtol=1e-7, atol=1e-10)
    assert_allclose(by_numpy.score(X, y), score, rtol=1e-7)


# --- going on -------------------------------------------------------------------------
@every_case_and_stream
def test_epochs_one_by_one_are_a_fit(case, tmp_path):
    X, y = case.data()
    model = case.model(dropout=0.2, embedding_dim=3, max_iter=4)
    whole, parts = clone(model).fit(X, y), clone(model)
    for epoch in range(4):
        assert parts.partial_fit(X, y) is parts
        if epoch == 1:
            joblib.dump(parts, tmp_path / "model")
            parts = joblib.load(tmp_path / "model")
        parts = pickle.loads(pickle.dumps(parts)) if epoch == 2 else parts
    warm = clone(model).set_params(max_iter=1, warm_start=True).fit(X, y)
    warm = pickle.loads(pickle.dumps(warm)).set_params(max_iter=3).fit(X, y)
    for other in (parts, warm):
        assert_same_model(other, whole)
        assert other.loss_curve_ == whole.loss_curve_
        assert other.n_iter_ == 4
    cold = warm.set_params(warm_start=False, max_iter=4).fit(X, y)
    assert_same_model(cold, whole)
    assert cold.n_iter_ == 4


CHANGES = {"cell": "gru", "hidden_layer_sizes": 7, "bidirectional": False}
CHANGES |= {"embedding_dim": 3, "dtype": "float64", "attention": "dot"}
CHANGES |= {"pooling": "max", "loss": "absolute_error"}
CHANGES |= {"stream": True, "tie_weights": True}


@pytest.mark.parametrize(("name", "value"), CHANGES.items())
@over(without("language model of labels", "language model of numbers"))
def test_another_network_cannot_go_on(case, name, value):
    if name not in case.model().get_params():
        return
    X, y = case.data()
    needed = {"stream": {"bptt": 2}, "tie_weights": {"embedding_dim": 5}}
    model = case.model(warm_start=True, **needed.get(name, {})).fit(X, y)
    expected = results(model, X)
    state = pickle.dumps(model.set_params(**{name: value}))
    for fit in (model.fit, model.partial_fit):
        with pytest.raises(ValueError, match=rf"^{name}\b.*{value!r}"):
            fit(X, y)
        assert pickle.dumps(model) == state
    assert_same_results(results(model, X), expected)  # go by what was fitted
    assert model.set_params(warm_start=False).fit(X, y).n_iter_ == 3


@every_case
def test_early_stopping_keeps_the_best(case):
    X, y = case.data(40, longest=4)
    model = case.model(early_stopping=True, n_iter_no_change=3, max_iter=40, tol=0.0)
    model.set_params(validation_fraction=0.3, learning_rate_init=0.1).fit(X, y)
    scores = model.validation_scores_
    assert len(scores) == model.n_iter_ < 40
    assert model.best_validation_score_ == max(scores)
    best = int(np.argmax(scores)) + 1
    assert model.n_iter_ == best + 4
    assert_same_model(model, clone(model).set_params(max_iter=best).fit(X, y))
    model.set_params(warm_start=True, max_iter=3).fit(X, y)
    assert model.best_validation_score_ == max(model.validation_scores_[-3:])
    with pytest.raises(ValueError, match=r"early_stopping.* 1 "):
        case.model(early_stopping=True).fit(X[:1] * 3, take(y, [0, 0, 0]))


def own_tokens(case, n):
    """Return sequences that each have a token that no other has, and targets."""
    X = [np.full(2 + i % 3, i) for i in range(n)]
    return X, None if case.target is None else [case.target(x % V) for x in X]


def held_out(model, X, y, weights=None):
    """Return which of `own_tokens` one epoch leaves out: nothing moves their rows."""
    model.set_params(max_iter=1)
    start = clone(model).set_params(learning_rate_init=1e-300).fit(X, y, weights)
    moved = model.fit(X, y, weights).weights_["W0"] != start.weights_["W0"]
    return np.flatnonzero(~moved[0, : len(X)].any(axis=-1))


@pytest.mark.parametrize(
    ("fraction", "n", "n_held_out"), [(0.25, 10, 2), (0.29, 10, 3), (0.01, 10, 1)]
)
def test_share_of_what_is_held_out(fraction, n, n_held_out):
    case, chosen = CASES["tagger"], set()
    X, y = own_tokens(case, n)
    for random_state in range(3):
        model = case.model(early_stopping=True, validation_fraction=fraction)
        index = held_out(model.set_params(random_state=random_state), X, y)
        assert len(index) == n_held_out
        chosen.add(tuple(index))
    assert len(chosen) > 1


@pytest.mark.parametrize("shuffle", [True, False])
@every_case
def test_score_of_what_is_held_out(case, shuffle):
    X, y = own_tokens(case, 20)
    weights = np.random.default_rng(1).uniform(0.5, 3, len(X))
    model = case.model(early_stopping=True, validation_fraction=0.3, shuffle=shuffle)
    out = held_out(model.set_params(dtype="float64"), X, y, weights)
    assert len(out) == 6
    X, y, weights = take(X, out), take(y, out), weights[out]
    if case.estimator is skrnn.RNNRegressor:
        errors = (model.predict(X) - y) / model.target_scale_
        expected = 1 - np.average(errors**2, weights=weights)
    elif hasattr(model, "score_samples"):
        expected = weights @ model.score_samples(X, y) / (weights @ case.terms(X, y))
    else:
        expected = model.score(X, y, weights)
    assert_allclose(model.validation_scores_, [expected], rtol=1e-9)
    assert model.best_validation_score_ == model.validation_scores_[0]


@every_case
def test_loss_is_the_mean_of_all_terms(case):
    X, y = case.data()
    weights = np.random.default_rng(1).uniform(0.5, 2, len(X))
    model = case.model(dtype="float64", batch_size=1000, max_iter=1)
    start = clone(model).set_params(learning_rate_init=1e-13).fit(X, y, weights)
    loss = model.fit(X, y, weights).loss_curve_
    if hasattr(model, "score_samples"):
        losses = -start.score_samples(X, y)
    elif case.estimator is skrnn.RNNRegressor:
        losses = ((start.predict(X) - y) / start.target_scale_) ** 2 / 2
    else:
        log_proba, index = start.predict_log_proba(X), start.classes_.tolist().index
        if case.estimator is skrnn.RNNTagger:
            pairs = zip(log_proba, y, strict=True)
            losses = [-p[range(len(t)), list(map(index, t))].sum() for p, t in pairs]
        else:
            losses = -log_proba[range(len(X)), list(map(index, y))]
    assert_allclose(loss, weights @ losses / (weights @ case.terms(X, y)), rtol=1e-9)


@every_case
def test_weights_are_penalized_and_biases_are_not(case):
    """A step of the gradient alone, and one that shrinks the weights, too."""
    X, y = case.data()
    params = {"solver": "sgd", "momentum": 0.0, "max_iter": 1, "batch_size": 1000}
    params |= {"dtype": "float64", "max_grad_norm": None, "embedding_dim": 2}
    start = case.model(**{**params, "learning_rate_init": 1e-15}).fit(X, y)
    models = [case.model(**params, alpha=alpha).fit(X, y) for alpha in (0.0, 0.1)]
    n_terms = case.terms(X, y).sum()
    for name, values in start.weights_.items():
        change = models[1].weights_[name] - models[0].weights_[name]
        is_bias = name.removeprefix("decoder_")[0] == "b"
        expected = 0 * values if is_bias else -0.02 * 0.1 / n_terms * values
        assert_allclose(change, expected, rtol=1e-6, atol=1e-12, err_msg=name)


# --- interruptions, failures, callbacks -----------------------------------------------
class Interrupt:
    """A callback that presses Ctrl-C when an epoch ends."""

    def __init__(self, epoch):
        self.epoch = epoch

    def ignore(self, estimator, context):
        pass

    setup = teardown = on_fit_task_begin = ignore

    def on_fit_task_end(self, estimator, context):
        if context.task_name == "epoch" and context.task_id == self.epoch:
            os.kill(os.getpid(), signal.SIGINT)


@every_case_and_stream
def test_interruption_leaves_a_usable_model(case):
    X, y = case.data()
    model = case.model(max_iter=50).set_callbacks(Interrupt(epoch=2))
    with pytest.warns(UserWarning, match=r"interrupted after .*\b3 epochs"):
        model.fit(X, y)
    assert model.n_iter_ == 3
    assert_same_model(model, case.model(max_iter=3).fit(X, y))
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


@every_case_and_stream
def test_divergence_is_an_error_and_changes_nothing(case):
    X, y = case.data()
    model = case.model(cell="rnn", activation="relu", solver="sgd").fit(X, y)
    model.set_params(learning_rate_init=1e38, max_grad_norm=None, max_iter=20)
    before, message = pickle.dumps(model), r"epoch .*learning_rate_init"
    for fit in (model.fit, model.partial_fit):
        with (
            np.errstate(all="ignore"),
            pytest.raises(FloatingPointError, match=message),
        ):
            fit(X, y)
        assert pickle.dumps(model) == before


@every_case_and_stream
def test_failed_fit_leaves_the_model_as_it_was(case):
    X, y = case.data()
    bad = [
        ([], take(y, [])),
        (X, y, np.zeros(len(X))),
        (X, y, np.ones(len(X) - 1)),
        ([*X[:-1], np.array([-1])], y),
        ([*X[:-1], np.array(["a"])], y),
        ([*X[:-1], None], y),
        ([*X[:-1], np.full((2, 2), np.nan)], y),
        ("ab", take(y, [0, 1])),
    ]
    if y is not None:
        bad += [(X, y[:-1]), (X, [*y[:-1], None]), (X, [*y[:-1], float("nan")])]
    model = case.model(warm_start=True).fit(X, y)
    cold = clone(model).set_params(warm_start=False).fit(X, y)
    fits = [model.fit, model.partial_fit, cold.fit]
    before = [pickle.dumps(fit.__self__) for fit in fits]
    new = ([*X[:-1], np.array([V])], y)  # which is wrong for a fitted model only
    for wrong in [*bad, new]:
        for fit, state in zip(fits[: 2 if wrong is new else 3], before, strict=False):
            with pytest.raises((ValueError, TypeError), match=r".{20}"):
                fit(*wrong)
            assert pickle.dumps(fit.__self__) == state


@over(WITH_TARGETS)
def test_callbacks_see_a_fitted_model_after_each_epoch(case):
    X, y = case.data()
    monitor = ScoringMonitor(scoring=lambda model, X, y: {"score": model.score(X, y)})
    model = case.model().set_callbacks(monitor).fit(X, y)
    whole, *epochs = monitor.get_logs().data_as_pandas["score"]
    assert epochs == [case.model(max_iter=n).fit(X, y).score(X, y) for n in (1, 2, 3)]
    assert whole == epochs[-1] == model.score(X, y)


@over(without("language model"))
def test_the_last_callback_sees_the_final_model(case):
    def scoring(model, X, y):
        return {"sum": float(model.weights_["U0"].sum())}

    monitor = ScoringMonitor(scoring=scoring)
    model = case.model(early_stopping=True, max_iter=30, learning_rate_init=0.1)
    model.set_params(n_iter_no_change=2).set_callbacks(monitor).fit(*case.data())
    whole, *epochs = monitor.get_logs().data_as_pandas["sum"]
    assert whole == model.weights_["U0"].sum() != epochs[-1]


@every_case_and_stream
def test_verbose(case, capsys):
    X, y = case.data()
    case.model(verbose=True, max_iter=2, early_stopping=True).fit(X, y)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(",")[0] for line in lines] == ["Epoch 1", "Epoch 2"]
    assert all("validation score" in line for line in lines)
    model = case.model(verbose=True, max_iter=1).fit(X, y)
    line = capsys.readouterr().out
    assert line.startswith(f"Epoch 1, loss {model.loss_curve_[0]:.5f}, ")
    assert "validation score" not in line
    case.model(max_iter=1).fit(X, y)
    assert capsys.readouterr().out == ""


@every_case
def test_unfitted_models_say_so(case):
    X, y = case.data(4)
    given = {"sample": (), "beam_search": ()}
    given |= {"score": (X, y), "attention_weights": (X, y)}
    names = "predict|score|decision|log|perp|bits|" + "|".join(given)
    methods = [n for n in dir(case.estimator) if re.match(names, n)]
    assert len(methods) >= 2
    for name in methods:
        with pytest.raises(NotFittedError, match="not fitted yet"):
            getattr(case.model(), name)(*given.get(name, (X,)))
    with pytest.raises(NotFittedError, match="not fitted yet"):
        case.model().weights_  # noqa: B018


# --- parameters -----------------------------------------------------------------------
PUBLIC = [
    value
    for name in sorted(skrnn.__all__)
    if inspect.isclass(value := getattr(skrnn, name))
    and issubclass(value, BaseEstimator)
]


def section(estimator, name):
    """Return a section of a docstring, such as Parameters."""
    text = re.sub(r"\\\n\s*", "", inspect.getdoc(estimator))
    return re.search(rf"^{name}\n-+\n(.*?)(\n\n\w[\w ]*\n---|\Z)", text, re.M | re.S)[1]


@pytest.mark.parametrize("estimator", PUBLIC)
def test_parameters_are_documented(estimator):
    parameters = inspect.signature(estimator).parameters
    found = re.findall(
        r"^(\w+(?:, \w+)*) : (.+)$", section(estimator, "Parameters"), re.M
    )
    documented = {n: text for names, text in found for n in names.split(", ")}
    assert documented.keys() == parameters.keys()
    for name, parameter in parameters.items():
        default = documented[name].partition("default=")[2]
        if parameter.default is inspect.Parameter.empty:
            assert not default
        elif name not in ("dtype", "token_pattern"):
            assert ast.literal_eval(default) == parameter.default, name


def test_equal_names_have_equal_defaults():
    defaults = {}
    for estimator in {case.estimator for case in CASES.values()}:
        for name, parameter in inspect.signature(estimator).parameters.items():
            assert defaults.setdefault(name, parameter.default) == parameter.default
            assert parameter.kind is inspect.Parameter.KEYWORD_ONLY


@every_case_and_stream
def test_fitted_attributes_are_documented(case):
    model, attributes = (
        case.model().fit(*case.data()),
        section(case.estimator, "Attributes"),
    )
    found = re.findall(r"^((?:\w+_(?:, )?)+) : ", attributes, re.M)
    documented = {name for names in found for name in names.split(", ")}
    fitted = {n for n in vars(model) if n.endswith("_") and not n.startswith("_")}
    of_columns = {"n_features_in_", "feature_names_in_"}  # which ids do not have
    assert documented - of_columns - {"weights_"} == fitted  # that one is a property


BAD_PARAMETERS = {"hidden_layer_sizes": [(), (4, 0), -1, (2.5,)], "n_jobs": [0]}
BAD_PARAMETERS |= {"cell": ["transformer"], "solver": ["lbfgs"], "activation": ["sine"]}
BAD_PARAMETERS |= {"dropout": [1.0, (0.1, 0.2, 0.3), (0.1, 1.2), ("a", "b")]}
BAD_PARAMETERS |= {"batch_size": [0], "max_iter": [0], "learning_rate_init": [0]}
BAD_PARAMETERS |= {"embedding_dim": [0], "validation_fraction": [1.0]}
BAD_PARAMETERS |= {"dtype": ["float16"]}


@pytest.mark.parametrize(
    ("name", "value"),
    [(name, value) for name, values in BAD_PARAMETERS.items() for value in values],
)
@every_case
def test_bad_parameters_are_named(case, name, value):
    with pytest.raises(ValueError, match=name):
        case.model(**{name: value}).fit(*case.data(4))


@over(OF_TARGETS)
def test_arrays_are_series(case):
    X, y = case.data(shortest=4, longest=4)
    cube = np.random.default_rng(0).standard_normal((len(X), 4, 2))
    table = cube[..., 0]
    models = [case.model().fit(array, y) for array in (cube, table)]
    for model, array in zip(models, (cube, table), strict=True):
        assert_same_model(model, case.model().fit(list(array), y))
    assert not hasattr(models[0], "n_features_in_")
    assert (models[1].n_features_in_, models[1].input_size_) == (4, 1)
    with pytest.raises(ValueError, match="expecting 4 features"):
        models[1].predict(table[:, :3])
    found = models[1].predict([row[:3] for row in table])
    assert found.shape == (len(X),)
    if case.estimator is skrnn.RNNTagger:  # results stay apart if of equal lengths
        assert found.dtype == object
        assert {labels.shape for labels in found} == {(3,)}


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ("abc", "sample_weight is a single string"),
        ({0: 1}, "sample_weight is a dict"),
        (np.array(2.0), "sample_weight is array"),
        ([1, 2, -1], "egative"),
        ([1, 2, 3, 4], "sample_weight"),
        ([0, 0, 0], "at least one non-zero"),
        ([1e-50] * 3, "or infinite in float32"),
        ([1e39] * 3, "or infinite in float32"),
    ],
)
@every_case
def test_bad_weights_are_named(case, weights, message):
    X, y = case.data(3)
    with pytest.raises(ValueError, match=message):
        case.model().fit(X, y, sample_weight=weights)


@every_case
def test_bad_data_is_named(case):
    X, y = case.data(3)
    for wrong, message in [
        ("abc", r"X is a single string"),
        (["ab", "c", "d"], r"X\[0\] is the string 'ab' .*VocabularyEncoder"),
        ([["u"], ["v"], ["w"]], r"X\[0\] contains the token 'u' .*VocabularyEncoder"),
        ([[0], [0, -1], [1]], r"X\[1\] contains the token id -1 at step 1"),
        ([np.ones((2, 3)), np.ones((1, 2)), np.ones((1, 3))], r"X\[1\] has shape"),
        ([], "Found 0 sequences"),
    ]:
        with pytest.raises(ValueError, match=message):
            case.model().fit(wrong, take(y, range(len(wrong))))
    if case.estimator is not skrnn.RNNLanguageModel:  # whose sequences may be empty
        with pytest.raises(ValueError, match=r"X\[1\] has no steps"):
            case.model().fit([X[0], [], X[2]], y)
        with pytest.raises(ValueError, match=r"X\[1\] contains NaN or infinity at st"):
            case.model().fit([[0.5], [np.nan], [1.0]], y)
    model = case.model().fit(X, y)
    with pytest.raises(ValueError, match=r"X\[1\] contains the token id 9 .*fitted on"):
        model.predict([[0], [9]], *([] if case.conditions(y) is None else [y[:2]]))
    with pytest.raises(ValueError, match="early_stopping"):
        case.model(early_stopping=True).partial_fit(X, y)
