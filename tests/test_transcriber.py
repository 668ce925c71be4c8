"""RNNTranscriber: labels in their order, without the steps that they belong to."""

from functools import cache

import numpy as np
import pytest
from common import copy_of, every_sequence, in_lists, take
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import softmax
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import GridSearchCV, cross_val_predict, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skrnn import (
    RNNLanguageModel,
    RNNTranscriber,
    Stepwise,
    Tokenizer,
    VocabularyEncoder,
)
from skrnn._core.cells import CELLS
from skrnn.metrics import label_error_rate

WORDS = np.array(["a", "b", "c"])
SMALL = {"hidden_layer_sizes": 8, "max_iter": 5, "random_state": 0}


def make_data(n=120, seed=0, smallest=0):
    """Return runs of ids, 0 between them, and the words that the runs stand for."""
    rng = np.random.default_rng(seed)
    X, y = [], []
    for _ in range(n):
        codes = rng.integers(3, size=rng.integers(smallest, 5))
        ids = np.zeros(2 * len(codes) + 1, dtype=int)
        ids[1::2] = 1 + codes
        X.append(np.repeat(ids, rng.integers(1, 4, size=len(ids))))
        y.append(WORDS[codes].tolist())
    return X, y


X, Y = make_data()
LEARNS = RNNTranscriber(cell="gru", hidden_layer_sizes=16, random_state=0)
LEARNS.set_params(learning_rate_init=0.02, max_iter=40)


@cache
def learned():
    """Return a model that has learned; not to be changed."""
    return clone(LEARNS).fit(X, Y)


@cache
def vague():
    """Return a model that was trained for a short time; not to be changed."""
    return RNNTranscriber(**SMALL).fit(X, Y)


X_NEW, Y_NEW = make_data(50, seed=1)
BRIEF = [[0, 1, 0, 1], [3, 3, 0, 2], [0], [2, 1, 2]]


def test_it_learns():
    model = learned()
    assert model.score(X_NEW, Y_NEW) > 0.97
    assert model.loss_curve_[0] > 1 > 0.05 > model.loss_curve_[-1]
    assert model.classes_.tolist() == ["a", "b", "c"]
    predicted = model.predict(X_NEW)
    assert predicted.shape == (50,)
    assert predicted.dtype == object
    assert all(item.ndim == 1 and item.dtype == WORDS.dtype for item in predicted)
    assert [] in in_lists(predicted)
    assert model.longest_target_ == 4
    assert not model.has_unknown_
    assert model.target_tokenizer_ is None
    assert model.weights_["W_out"].shape == (32, 4)


@pytest.mark.parametrize("cell", CELLS)
def test_every_cell_learns(cell):
    model = clone(LEARNS).set_params(cell=cell, max_iter=30)
    assert model.fit(X, Y).score(X_NEW, Y_NEW) > 0.9


def test_all_targets_of_a_sequence_together_have_probability_1():
    targets = every_sequence(WORDS, 4)
    for x in BRIEF:
        log_p = vague().score_samples([x] * len(targets), targets)
        assert_allclose(np.exp(log_p).sum(), 1, rtol=1e-6)
        too_long = [len(target) > len(x) for target in targets]
        assert np.isneginf(log_p[too_long]).all()


def test_log_proba_of_the_paths_of_a_target():
    (log_proba,) = vague().predict_log_proba([[1, 0, 2]])
    assert log_proba.shape == (3, 4)
    assert log_proba.dtype == np.float64
    assert_allclose(np.exp(log_proba).sum(axis=1), 1, rtol=1e-12)
    paths = [[0, 0, 3], [0, 3, 3], [3, 0, 0], [3, 0, 3], [3, 3, 0], [0, 0, 0]]
    log_p = [log_proba[range(3), path].sum() for path in paths]
    found = vague().score_samples([[1, 0, 2]], [["a"]])
    assert_allclose(found, [np.logaddexp.reduce(log_p)], rtol=1e-6)


def test_score_samples_of_predictions():
    expected = learned().score_samples(X_NEW, learned().predict(X_NEW))
    assert_array_equal(learned().score_samples(X_NEW), expected)
    assert learned().score_samples(X_NEW).mean() > -1


def test_score_is_1_minus_the_label_error_rate():
    weights = np.random.default_rng(0).uniform(size=len(X_NEW))
    for given in (None, weights):
        rate = label_error_rate(Y_NEW, vague().predict(X_NEW), sample_weight=given)
        assert_allclose(vague().score(X_NEW, Y_NEW, given), 1 - rate, rtol=1e-12)
    assert vague().score(BRIEF[:1], [["?"]]) <= 0
    with pytest.raises(ValueError, match="y_true has no labels"):
        vague().score(BRIEF[:1], [[]])


def test_search_of_all_targets():
    targets, wide = every_sequence(WORDS, 4), copy_of(vague(), beam_width=1000)
    for x in BRIEF:
        log_p = wide.score_samples([x] * len(targets), targets)
        (found,) = wide.predict_n_best([x], n=1000)
        assert len(found) == np.isfinite(log_p).sum()
        best = np.argsort(-log_p)[: len(found)]
        assert_allclose([p for p, _ in found], log_p[best], rtol=1e-5)
        for p, target in found[:5]:
            assert_allclose(wide.score_samples([x], [target]), p, rtol=1e-5)
        assert wide.predict([x])[0].tolist() == targets[best[0]]


def test_n_best():
    found = learned().predict_n_best(X_NEW, n=3)
    assert found.shape == (50,)
    assert max(map(len, found)) == 3
    best = [hypotheses[0][1].tolist() for hypotheses in found]
    assert label_error_rate(Y_NEW, best) < 0.03
    assert all((np.diff([p for p, _ in each]) <= 0).all() for each in found)


def test_a_wider_beam_finds_what_is_more_probable():
    wider = copy_of(vague(), beam_width=20).score_samples(X_NEW)
    assert vague().score_samples(X_NEW).mean() < wider.mean()


def test_length_bonus():
    models = (copy_of(vague(), beam_width=10, length_bonus=b) for b in (-5.0, 0.0, 2.0))
    n_tokens = [sum(map(len, model.predict(X_NEW))) for model in models]
    assert n_tokens == sorted(set(n_tokens))


def test_sequence_too_short_for_its_target():
    X_bad, y_bad = [*X[:4], [1, 1, 2, 2]], [*Y[:4], ["a", "a", "b", "b"]]
    message = (
        r"y\[4\] has 4 tokens, 2 of them equal to the token before, and X\[4\] has 4 "
        "steps where at least 6 are needed, .* remove the sequence, or pass more steps"
    )
    model = RNNTranscriber(**SMALL)
    with pytest.raises(ValueError, match=message):
        model.fit(X_bad, y_bad)
    assert not hasattr(model, "classes_")
    model.fit([*X[:4], [1, 1, 2, 2, 2, 2]], y_bad)
    model.fit(X_bad, y_bad, sample_weight=[1, 1, 1, 1, 0])
    log_p = model.score_samples(X_bad, y_bad)
    assert_array_equal(np.isneginf(log_p), [0, 0, 0, 0, 1])
    assert not np.isnan(log_p).any()


def test_nothing_to_learn():
    with pytest.raises(ValueError, match="y has no tokens, only empty targets"):
        RNNTranscriber(**SMALL).fit(X[:3], [[], [], []])


@pytest.mark.parametrize("dtype", [int, object])
def test_one_token_each_as_a_column(dtype):
    column = np.array([[7], [8]] * 5, dtype=dtype)
    expected = RNNTranscriber(**SMALL).fit(X[:10], column.tolist()).loss_curve_
    model = RNNTranscriber(**SMALL).fit(X[:10], column)
    assert model.classes_.tolist() == [7, 8]
    assert model.loss_curve_ == expected
    pandas = pytest.importorskip("pandas")
    model.fit(X[:10], pandas.DataFrame(column))
    assert model.loss_curve_ == expected


def test_unknown_tokens():
    y = [[word.replace("c", f"c{i}") for word in target] for i, target in enumerate(Y)]
    model = clone(LEARNS).set_params(max_target_tokens=2).fit(X, y)
    assert model.classes_.tolist() == ["a", "b"]
    assert model.has_unknown_
    assert model.predict_log_proba(BRIEF)[0].shape == (4, 4)
    only_known = [[word for word in target if word != "c"] for target in Y_NEW]
    for width in (1, 5):
        found = model.set_params(beam_width=width).predict(X_NEW)
        assert set().union(*found) == {"a", "b"}
        assert label_error_rate(only_known, found) < 0.5
    seen = [i for i, target in enumerate(Y_NEW) if "c" in target][:3]
    log_p = model.score_samples(take(X_NEW, seen), take(Y_NEW, seen))
    assert (log_p > -5).all()


def test_tokens_never_seen():
    message = r"y\[2\] contains the token '\?' at step 1.*max_target_tokens"
    with pytest.raises(ValueError, match=message):
        learned().score_samples(X[:3], [["a"], Y[1], ["a", "?"]])
    with pytest.raises(ValueError, match=r"y\[1\] contains the token '\?' at step 0"):
        copy_of(vague()).partial_fit(X[:2], [Y[0], ["?"]])


def test_texts():
    texts, new = (["".join(target) for target in y] for y in (Y, Y_NEW))
    plain = RNNTranscriber(**{**SMALL, "max_iter": 20}, learning_rate_init=0.02)
    by_character = Tokenizer(analyzer="char")
    model = clone(plain).set_params(target_tokenizer=by_character).fit(X, texts)
    assert model.loss_curve_ == plain.fit(X, Y).loss_curve_
    found = model.predict(X_NEW)
    assert list(found) == ["".join(target) for target in plain.predict(X_NEW)]
    assert "" in list(found)
    assert model.score(X_NEW, new) == plain.score(X_NEW, Y_NEW)
    expected = plain.score_samples(X_NEW, Y_NEW)
    assert_array_equal(model.score_samples(X_NEW, new), expected)
    assert isinstance(model.predict_n_best(X_NEW[:1])[0][0][1], str)


def test_a_new_fit_has_a_new_tokenizer():
    X, texts = [[0, 1], [1, 0, 1], [2, 2, 1]], ["a", "b", "ab"]
    model = RNNTranscriber(**SMALL).fit(X, [[1], [2], [1, 2]])
    for analyzer, classes in ("word", ["a", "ab", "b"]), ("char", ["a", "b"]):
        model.set_params(target_tokenizer=Tokenizer(analyzer=analyzer)).fit(X, texts)
        assert model.classes_.tolist() == classes
    kept = model.target_tokenizer_
    model.partial_fit(X, texts)
    assert model.target_tokenizer_ is kept
    model.set_params(target_tokenizer=None).fit(X, [[1], [2], [1, 2]])
    assert model.classes_.tolist() == [1, 2]


RARE_C = [[0, 1], [1, 0, 1], [0], [1], [0, 1, 0, 1], [2]] * 4
PRIOR = RNNLanguageModel(hidden_layer_sizes=8, max_iter=60, random_state=0)


@cache
def prior():
    return clone(PRIOR).fit(RARE_C)


@cache
def prior_of_tokens():
    encoder = VocabularyEncoder(vocabulary=["c", "x", "b", "a"])
    return make_pipeline(encoder, clone(PRIOR)).fit([WORDS[ids] for ids in RARE_C])


@pytest.mark.parametrize("of", ["ids", "tokens"])
def test_search_with_a_language_model(of):
    targets = every_sequence(WORDS, 4)
    language_model = prior_of_tokens() if of == "tokens" else prior()
    ids = [["abc".index(word) for word in target] for target in targets]
    log_prior = language_model.score_samples(targets if of == "tokens" else ids)
    model = copy_of(vague(), beam_width=1000, language_model=language_model)
    model.set_params(language_model_weight=0.7, length_bonus=0.3)
    for x in BRIEF:
        log_p = vague().score_samples([x] * len(targets), targets)
        total = log_p + 0.7 * log_prior + 0.3 * np.array(list(map(len, ids)))
        best = np.argsort(-total)[: np.isfinite(total).sum()]
        (found,) = model.predict_n_best([x], n=1000)
        assert_allclose([p for p, _ in found], total[best], rtol=1e-5)
        assert [t.tolist() for _, t in found[:3]] == [targets[i] for i in best[:3]]
        assert best[:5].tolist() != np.argsort(-log_p)[:5].tolist()


def test_language_model_of_tokens():
    models = {"ids": prior(), "tokens": prior_of_tokens(), "none": None}
    models["frozen"] = FrozenEstimator(prior_of_tokens())
    found, n_c = {}, {}
    for name, language_model in models.items():
        model = copy_of(vague(), beam_width=8, language_model=language_model)
        predicted = model.set_params(language_model_weight=3).predict(X_NEW)
        found[name] = in_lists(predicted)
        n_c[name] = sum(target.count("c") for target in found[name])
    assert found["tokens"] == found["frozen"]
    assert max(n_c["ids"], n_c["tokens"]) < n_c["none"]


@pytest.mark.parametrize(
    ("language_model", "message"),
    [
        (StandardScaler, "language_model is StandardScaler.*: pass an RNNLanguageMo"),
        (RNNLanguageModel, "language_model is not fitted. .* FrozenEstimator"),
        (lambda: clone(PRIOR).fit([[0, 1]]), "has 2 token ids but the model has 3 cla"),
        (lambda: clone(PRIOR).fit(RARE_C, list("xy") * 12), "conditional .*without y"),
        (lambda: clone(PRIOR).fit([np.eye(3)]), "fitted on rows of 0 and 1"),
        (prior, r"beam_width=1 .*Set beam_width"),  # the best path has none
    ],
)
def test_language_models_that_are_refused(language_model, message):
    params = {"language_model": language_model()}
    params["beam_width"] = 1 if language_model is prior else 5
    with pytest.raises(ValueError, match=message):
        RNNTranscriber(**params, **SMALL).fit(X, Y)
    with pytest.raises(ValueError, match=message):
        copy_of(vague(), **params).predict(X)


def test_search_for_the_weight_of_a_language_model():
    model = RNNTranscriber(language_model=FrozenEstimator(prior()), **SMALL)
    grid = {"language_model_weight": [0.0, 1.0], "beam_width": [4]}
    search = GridSearchCV(model, grid, cv=2, error_score="raise").fit(X[:40], Y[:40])
    scores = search.cv_results_["mean_test_score"]
    assert scores[0] != scores[1]


def test_classes_named_in_the_first_call():
    model = RNNTranscriber(**SMALL).partial_fit(X, [[]] * len(X), classes=WORDS)
    model.partial_fit(X, Y)
    assert model.classes_.tolist() == ["a", "b", "c"]


def test_blanks_are_expected_from_the_start():
    start = RNNTranscriber(**{**SMALL, "max_iter": 1}, solver="sgd")
    weights = np.arange(len(X)) % 3
    n_tokens, n_steps = (weights @ list(map(len, items)) for items in (Y, X))
    start.set_params(learning_rate_init=1e-12).fit(X, Y, sample_weight=weights)
    scores = start.weights_["b_out"]
    assert_allclose(scores[:3], 0, rtol=0, atol=1e-9)
    assert_allclose(softmax(scores)[3], 1 - n_tokens / n_steps, rtol=1e-5)
    for target, n_steps, share in (["a"], 1, 0.5), (["a", "b", "a"], 600, 0.01):
        start.fit([[0] * n_steps], [target])  # as far as that is of use
        assert_allclose(softmax(start.weights_["b_out"])[-1], 1 - share, rtol=1e-5)


def test_bits_of_a_search_do_not_depend_on_other_sequences():
    wide = copy_of(vague(), beam_width=5, language_model=prior())
    together = wide.predict_n_best(X_NEW[:9])
    for x, expected in zip(X_NEW[:9], together, strict=True):
        (found,) = wide.predict_n_best([x])
        assert [p for p, _ in found] == [p for p, _ in expected]


def test_cross_validation():
    predicted = cross_val_predict(clone(LEARNS), X, Y, cv=2)
    assert predicted.shape == (120,)
    assert label_error_rate(Y, predicted) < 0.2
    scores = cross_val_score(clone(LEARNS), X, Y, cv=2, error_score="raise")
    assert scores.min() > 0.8


def test_it_learns_from_sensor_data_in_a_pipeline():
    waves = [np.eye(4)[x] * 7 + 3 for x in X]
    model = make_pipeline(Stepwise(StandardScaler()), clone(LEARNS)).fit(waves, Y)
    assert model.score(waves, Y) > 0.97
