"""RNNTranscriber: labels in their order, without the steps that they belong to."""

import pickle
from functools import cache
from itertools import product

import joblib
import numpy as np
import pytest
from common import in_lists
from numpy.testing import assert_allclose, assert_array_equal
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
from skrnn.utils import check_sequence_estimator

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
LEARNS = RNNTranscriber(
    cell="gru",
    hidden_layer_sizes=16,
    learning_rate_init=0.02,
    max_iter=40,
    random_state=0,
)


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


def every_target(longest):
    return [list(t) for L in range(longest + 1) for t in product(WORDS, repeat=L)]


# --- what it does ---------------------------------------------------------------------


def test_it_learns():
    assert learned().score(X_NEW, Y_NEW) > 0.97
    assert learned().loss_curve_[0] > 1 > 0.05 > learned().loss_curve_[-1]
    assert learned().classes_.tolist() == ["a", "b", "c"]
    predicted = learned().predict(X_NEW)
    assert predicted.shape == (50,)
    assert predicted.dtype == object
    assert all(item.ndim == 1 and item.dtype == WORDS.dtype for item in predicted)
    assert [] in in_lists(predicted)
    assert learned().longest_target_ == 4
    assert not learned().has_unknown_
    assert learned().target_tokenizer_ is None
    assert learned().weights_["W_out"].shape == (32, 4)


@pytest.mark.parametrize("cell", CELLS)
def test_every_cell_learns(cell):
    model = RNNTranscriber(
        cell=cell,
        hidden_layer_sizes=16,
        learning_rate_init=0.02,
        max_iter=30,
        random_state=0,
    )
    assert model.fit(X, Y).score(X_NEW, Y_NEW) > 0.9


def test_all_targets_of_a_sequence_together_have_probability_1():
    targets = every_target(4)
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
    with pytest.raises(ValueError, match="no labels to divide by"):
        vague().score(BRIEF[:1], [[]])


def test_search_of_all_targets():
    targets = every_target(4)
    wide = RNNTranscriber(**SMALL).set_params(beam_width=1000).fit(X, Y)
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
    best = [ways[0][1].tolist() for ways in found]
    assert label_error_rate(Y_NEW, best) < 0.03
    assert all(sorted(ways, key=lambda way: -way[0]) == ways for ways in found[:1])
    with pytest.raises(ValueError, match="n == 0, must be >= 1"):
        learned().predict_n_best(X_NEW, n=0)


def test_a_wider_beam_finds_what_is_more_probable():
    models = [RNNTranscriber(beam_width=w, **SMALL).fit(X, Y) for w in (1, 20)]
    found = [model.score_samples(X_NEW).mean() for model in models]
    assert found[0] < found[1]


def test_length_bonus():
    model = RNNTranscriber(**SMALL).set_params(beam_width=10).fit(X, Y)
    n_tokens = []
    for bonus in (-5.0, 0.0, 2.0):
        model.set_params(length_bonus=bonus)
        n_tokens.append(sum(map(len, model.predict(X_NEW))))
    assert n_tokens == sorted(set(n_tokens))


# --- targets --------------------------------------------------------------------------


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
        model.set_params(beam_width=width)
        assert {w for target in model.predict(X_NEW) for w in target} == {"a", "b"}
        assert label_error_rate(only_known, model.predict(X_NEW)) < 0.5
    seen = [i for i, target in enumerate(Y_NEW) if "c" in target][:3]
    log_p = model.score_samples([X_NEW[i] for i in seen], [Y_NEW[i] for i in seen])
    assert (log_p > -5).all()


def test_tokens_never_seen():
    message = r"y\[2\] contains the token '\?' at step 1.*max_target_tokens"
    with pytest.raises(ValueError, match=message):
        learned().score_samples(X[:3], [["a"], Y[1], ["a", "?"]])
    with pytest.raises(ValueError, match=r"y\[1\] contains the token '\?' at step 0"):
        clone(LEARNS).fit(X, Y).partial_fit(X[:2], [Y[0], ["?"]])


def test_texts():
    texts = ["".join(target) for target in Y]
    params = {**SMALL, "max_iter": 20, "learning_rate_init": 0.02}
    model = RNNTranscriber(target_tokenizer=Tokenizer(analyzer="char"), **params)
    plain = RNNTranscriber(**params).fit(X, Y)
    model.fit(X, texts)
    assert model.loss_curve_ == plain.loss_curve_
    found = model.predict(X_NEW)
    assert list(found) == ["".join(target) for target in plain.predict(X_NEW)]
    assert "" in list(found)
    new = ["".join(target) for target in Y_NEW]
    assert model.score(X_NEW, new) == plain.score(X_NEW, Y_NEW)
    assert_array_equal(
        model.score_samples(X_NEW, new), plain.score_samples(X_NEW, Y_NEW)
    )
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


# --- a language model -----------------------------------------------------------------

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
    targets = every_target(4)
    language_model = prior_of_tokens() if of == "tokens" else prior()
    ids = [[WORDS.tolist().index(word) for word in target] for target in targets]
    log_prior = language_model.score_samples(targets if of == "tokens" else ids)
    model = pickle.loads(pickle.dumps(vague())).set_params(
        beam_width=1000,
        language_model=language_model,
        language_model_weight=0.7,
        length_bonus=0.3,
    )
    changed = 0
    for x in BRIEF:
        log_p = vague().score_samples([x] * len(targets), targets)
        total = log_p + 0.7 * log_prior + 0.3 * np.array(list(map(len, ids)))
        best = np.argsort(-total)[: np.isfinite(total).sum()]
        (found,) = model.predict_n_best([x], n=1000)
        assert_allclose([p for p, _ in found], total[best], rtol=1e-5)
        assert [t.tolist() for _, t in found[:3]] == [targets[i] for i in best[:3]]
        changed += best[:5].tolist() != np.argsort(-log_p)[:5].tolist()
    assert changed == len(BRIEF)


def test_language_model_of_tokens():
    of_tokens = prior_of_tokens()
    found = {}
    for name, language_model in {
        "ids": prior(),
        "tokens": of_tokens,
        "frozen": FrozenEstimator(of_tokens),
        "none": None,
    }.items():
        model = pickle.loads(pickle.dumps(vague()))
        model.set_params(
            beam_width=8, language_model=language_model, language_model_weight=3
        )
        found[name] = in_lists(model.predict(X_NEW))
    assert found["tokens"] == found["frozen"]
    assert "c" in {word for target in found["none"] for word in target}
    for name in ("ids", "tokens"):
        n_c = sum(target.count("c") for target in found[name])
        assert n_c < sum(target.count("c") for target in found["none"])


@pytest.mark.parametrize(
    ("language_model", "message"),
    [
        (StandardScaler(), "language_model is StandardScaler.*: pass an RNNLanguageMo"),
        (RNNLanguageModel(), "language_model is not fitted. .* FrozenEstimator"),
        (lambda: clone(PRIOR).fit([[0, 1]]), "has 2 token ids but the model has 3 cla"),
        (lambda: clone(PRIOR).fit(RARE_C, list("xy") * 12), "conditional .*without y"),
        (lambda: clone(PRIOR).fit([np.eye(3)]), "fitted on rows of 0 and 1"),
    ],
)
def test_language_model_that_is_none(language_model, message):
    if not hasattr(language_model, "fit"):
        language_model = language_model()
    params = {**SMALL, "language_model": language_model, "beam_width": 5}
    with pytest.raises(ValueError, match=message):
        RNNTranscriber(**params).fit(X, Y)
    model = pickle.loads(pickle.dumps(vague())).set_params(**params)
    with pytest.raises(ValueError, match=message):
        model.predict(X)


def test_best_path_has_no_language_model():
    model = RNNTranscriber(language_model=prior(), **SMALL)
    with pytest.raises(ValueError, match=r"beam_width=1 .*Set beam_width"):
        model.fit(X, Y)


def test_search_for_the_weight_of_a_language_model():
    model = RNNTranscriber(
        language_model=FrozenEstimator(prior()), beam_width=4, **SMALL
    )
    search = GridSearchCV(
        model, {"language_model_weight": [0.0, 1.0]}, cv=2, error_score="raise"
    )
    search.fit(X[:40], Y[:40])
    scores = search.cv_results_["mean_test_score"]
    assert scores[0] != scores[1]


# --- fit ------------------------------------------------------------------------------


def test_classes_named_in_the_first_call():
    model = RNNTranscriber(**SMALL).partial_fit(X, [[]] * len(X), classes=WORDS)
    model.partial_fit(X, Y)
    assert model.classes_.tolist() == ["a", "b", "c"]


def test_blanks_are_expected_from_the_start():
    start = RNNTranscriber(
        **{**SMALL, "max_iter": 1}, solver="sgd", learning_rate_init=1e-12
    )
    weights = np.arange(len(X)) % 3
    n_tokens, n_steps = (weights * [len(s) for s in S] for S in (Y, X))
    blanks = 1 - n_tokens.sum() / n_steps.sum()
    start.fit(X, Y, sample_weight=weights)
    scores = start.weights_["b_out"]
    assert_allclose(scores[:3], 0, rtol=0, atol=1e-9)
    proba = np.exp(scores) / np.exp(scores).sum()
    assert_allclose(proba[3], blanks, rtol=1e-5)
    for target, n_steps, share in (["a"], 1, 0.5), (["a", "b", "a"], 600, 0.01):
        start.fit([[0] * n_steps], [target])  # as far as that is of use
        proba = np.exp(start.weights_["b_out"])
        assert_allclose(proba[-1] / proba.sum(), 1 - share, rtol=1e-5)


def test_bits_of_a_search_do_not_depend_on_other_sequences():
    wide = pickle.loads(pickle.dumps(vague())).set_params(
        beam_width=5, language_model=prior()
    )
    together = wide.predict_n_best(X_NEW[:9])
    for x, expected in zip(X_NEW[:9], together, strict=True):
        (found,) = wide.predict_n_best([x])
        assert [p for p, _ in found] == [p for p, _ in expected]


# --- scikit-learn ---------------------------------------------------------------------


@pytest.mark.parametrize(
    "params",
    [
        {"cell": "gru", "dtype": "float64", "early_stopping": True},
        {"beam_width": 3, "length_bonus": 0.5, "dropout": 0.2},
        {"max_target_tokens": 1},
    ],
    ids=repr,
)
def test_sequence_checks(params):
    model = RNNTranscriber(hidden_layer_sizes=3, max_iter=3, **params)
    assert len(check_sequence_estimator(model)) > 20


def test_sequence_checks_of_texts():
    X = [[0, 1], [2], [2, 2, 0], [1, 0], [0]]
    model = RNNTranscriber(target_tokenizer=Tokenizer(analyzer="char"), **SMALL)
    check_sequence_estimator(model, X=X, y=["ab", "b", "cc", "a", "b"])


def test_cross_validation():
    predicted = cross_val_predict(clone(LEARNS), X, Y, cv=2)
    assert predicted.shape == (120,)
    assert label_error_rate(Y, predicted) < 0.2
    scores = cross_val_score(clone(LEARNS), X, Y, cv=2, error_score="raise")
    assert scores.min() > 0.8


def test_pipeline_and_joblib(tmp_path):
    waves = [np.eye(4)[x] * 7 + 3 for x in X]
    model = make_pipeline(Stepwise(StandardScaler()), clone(LEARNS)).fit(waves, Y)
    assert model.score(waves, Y) > 0.97
    joblib.dump(model, tmp_path / "model")
    loaded = joblib.load(tmp_path / "model")
    assert in_lists(loaded.predict(waves)) == in_lists(model.predict(waves))
