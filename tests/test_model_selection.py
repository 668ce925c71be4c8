"""Whole pipelines, from tokens to labels, under scikit-learn's own tools."""

import numpy as np
import pytest
from common import assert_same_model, of_characters
from numpy.testing import assert_array_equal
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.model_selection import (
    GridSearchCV,
    HalvingGridSearchCV,
    KFold,
    RandomizedSearchCV,
    cross_val_predict,
    cross_validate,
    learning_curve,
    train_test_split,
    validation_curve,
)
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from token_columns import lower, one_hot

from skrnn import (
    RNNLanguageModel,
    RNNSeq2Seq,
    RNNTagger,
    Stepwise,
    Tokenizer,
    VocabularyEncoder,
)
from skrnn.metrics import (
    neg_step_log_loss_scorer,
    span_f1_score,
    span_f1_scorer,
    token_accuracy_scorer,
    token_f1_macro_scorer,
)

FIRST, LAST = ["Ada", "Alan", "Grace", "Mary"], ["Hopper", "Lovelace", "Shelley"]
REST = ["saw", "and", "met", "a", "machine", "the", "book"]


def make_sentences(n=60, seed=0):
    """Return sentences of words with names in them, and their IOB2 labels."""
    rng = np.random.default_rng(seed)
    X, y = [], []
    for _ in range(n):
        words, labels = [], []
        for _ in range(rng.integers(1, 6)):
            if rng.random() < 0.4:
                words += [rng.choice(FIRST), rng.choice(LAST)]
                labels += ["B-PER", "I-PER"]
            else:
                words.append(str(rng.choice(REST)))
                labels.append("O")
        X.append([str(word) for word in words])
        y.append(labels)
    return X, y


@pytest.fixture(scope="module")
def data():
    return make_sentences()


CV = {"cv": 3, "error_score": "raise"}
SPANS = {**CV, "scoring": span_f1_scorer}


def make_model(**params):
    params = {"hidden_layer_sizes": 8, "max_iter": 15, "random_state": 0, **params}
    tagger = RNNTagger(learning_rate_init=0.03, **params)
    return Pipeline([("vocabulary", VocabularyEncoder()), ("tagger", tagger)])


def assert_same_scores(a, b):
    scores = [search.cv_results_["mean_test_score"] for search in (a, b)]
    assert_array_equal(*scores)


def test_grid_search_over_the_whole_pipeline(data):
    X, y = data
    sizes = [(2,), (8,)]
    grid = {"vocabulary__max_tokens": [3, 100], "tagger__hidden_layer_sizes": sizes}
    search = GridSearchCV(make_model(), grid, **SPANS, n_jobs=2).fit(X, y)
    assert search.best_params_["vocabulary__max_tokens"] == 100
    assert search.best_score_ > 0.8
    assert search.score(X, y) == span_f1_score(y, search.predict(X))
    assert_same_scores(GridSearchCV(make_model(), grid, **SPANS).fit(X, y), search)


def test_search_over_epochs(data):
    epochs = {"resource": "tagger__max_iter", "max_resources": 18, "min_resources": 6}
    grid = {"tagger__cell": ["rnn", "lstm", "gru"]}
    search = HalvingGridSearchCV(make_model(), grid, **SPANS, **epochs, random_state=0)
    search.fit(*data)
    assert search.best_estimator_[-1].n_iter_ == 18
    assert search.best_score_ > 0.8


def test_random_search_with_several_scores(data):
    grid = {"tagger__dropout": [0.0, 0.2], "tagger__bidirectional": [True, False]}
    scoring = {"spans": span_f1_scorer, "loss": neg_step_log_loss_scorer}
    params = {"scoring": scoring, "refit": "loss", "error_score": "raise"}
    search = RandomizedSearchCV(make_model(), grid, n_iter=3, cv=2, **params)
    search.set_params(random_state=0).fit(*data)
    assert np.isfinite(search.cv_results_["mean_test_spans"]).all()
    assert -1 < search.best_score_ < 0


def test_cross_validation(data):
    X, y = data
    scoring = {"accuracy": token_accuracy_scorer, "f1": token_f1_macro_scorer}
    params = {"cv": KFold(3), "scoring": scoring, "error_score": "raise"}
    scores = cross_validate(make_model(), X, y, **params)
    assert scores["test_accuracy"].min() > 0.8
    assert scores["test_f1"].min() > 0.8
    predicted = cross_val_predict(make_model(), X, y, cv=3)
    assert [len(labels) for labels in predicted] == [len(labels) for labels in y]
    assert span_f1_score(y, predicted) > 0.8


def test_curves(data):
    sizes, _, test = learning_curve(make_model(), *data, train_sizes=[4, 40], **SPANS)
    assert_array_equal(sizes, [4, 40])
    assert test[1].mean() > test[0].mean()
    epochs = {"param_name": "tagger__max_iter", "param_range": [1, 15]}
    _, test = validation_curve(make_model(), *data, **epochs, **SPANS)
    assert test[1].mean() > test[0].mean()


def test_split_and_score(data):
    X, y = data
    encoded = VocabularyEncoder().fit_transform(X)
    for model, inputs in ((make_model(), X), (make_model()[-1], encoded)):
        train, test, y_train, y_test = train_test_split(inputs, y, random_state=0)
        assert model.fit(train, y_train).score(test, y_test) > 0.9


def test_weights_are_routed(data):
    X, y = data
    weights = np.r_[np.zeros(30), np.ones(30)]
    model = make_model().fit(X, y, tagger__sample_weight=weights)
    half = make_model()[-1].fit(model[0].transform(X[30:]), y[30:])
    assert_same_model(half, model[-1])


def casing(X):
    return [["capital" if word[0].isupper() else "lower" for word in x] for x in X]


def test_feature_columns_are_joined(data):
    X, y = data
    features = FeatureUnion([("word", one_hot(lower)), ("case", one_hot(casing))])
    tagger = RNNTagger(embedding_dim=6, hidden_layer_sizes=8, max_iter=20)
    model = make_pipeline(features, tagger.set_params(random_state=0))
    assert model.fit(X[:40], y[:40]).score(X[40:], y[40:]) > 0.9
    n_words = len({word for words in lower(X[:40]) for word in words}) + 1
    assert model[-1].input_size_ == n_words + 3
    assert len(model.predict([["Zaphod", "zzz"]])[0]) == 2  # words never seen


def test_from_text(data):
    X, y = data
    model = make_pipeline(Tokenizer(), VocabularyEncoder(), make_model()[-1])
    texts = [" ".join(words) for words in X]
    found = np.concatenate(model.fit(texts, y).predict(texts))
    assert_array_equal(found, np.concatenate(make_model().fit(X, y).predict(X)))


def test_from_sensors():
    rng = np.random.default_rng(0)
    waves = [100 + 10 * rng.standard_normal((T, 2)) for T in rng.integers(1, 9, 60)]
    signs = [(wave[:, 0] > 100).astype(int) for wave in waves]
    model = make_pipeline(Stepwise(StandardScaler()), make_model(max_iter=20)[-1])
    assert model.fit(waves[:40], signs[:40]).score(waves[40:], signs[40:]) > 0.85


def test_search_for_a_language_model():
    """By its own score, from texts; every fold has a vocabulary of its own."""
    rng = np.random.default_rng(0)
    syllables = [rng.choice(["ba", "na", "ke"], rng.integers(1, 5)) for _ in range(30)]
    texts = list(map("".join, syllables))
    model = of_characters(RNNLanguageModel(max_iter=6, learning_rate_init=0.04))
    model[-1].set_params(random_state=0)
    name = "rnnlanguagemodel__hidden_layer_sizes"
    grid = {"rnnlanguagemodel__cell": ["gru", "lstm"], name: [1, 12]}
    search = GridSearchCV(model, grid, **CV, n_jobs=2).fit(texts)
    assert search.best_params_[name] == 12
    assert -1.5 < search.best_score_ < 0
    assert search.score(texts) == search.best_estimator_.score(texts)
    assert_same_scores(GridSearchCV(model, grid, **CV).fit(texts), search)
    drawn = search.best_estimator_[-1].sample(20, random_state=0, max_length=12)
    found = search.best_estimator_[:-1].inverse_transform(drawn)
    assert set("".join(found)) <= set("banke")
    by_label = GridSearchCV(model, {"rnnlanguagemodel__tol": [1e-3]}, **CV)
    by_label.fit(texts, [text[0] for text in texts])
    assert by_label.best_score_ > search.best_score_ - 0.2
    assert by_label.best_estimator_[-1].conditions_.tolist() == ["b", "k", "n"]


@pytest.mark.filterwarnings("ignore:.*predicted targets")
def test_search_for_a_translator():
    """From texts to texts; every fold has vocabularies of its own."""
    rng = np.random.default_rng(0)
    texts = ["".join(rng.choice(list("abc"), n)) for n in rng.integers(1, 4, 120)]
    backwards = [text[::-1].upper() for text in texts]
    params = {"max_iter": 20, "batch_size": 8, "learning_rate_init": 0.01}
    params |= {"hidden_layer_sizes": 12, "max_target_length": 3, "random_state": 0}
    tokenizer = Tokenizer(analyzer="char", lowercase=False)
    model = of_characters(RNNSeq2Seq(**params, target_tokenizer=tokenizer))
    name, halves = "rnnseq2seq__hidden_layer_sizes", {**CV, "cv": 2}
    grid = {"rnnseq2seq__attention": [None, "general"], name: [1, 12]}
    search = GridSearchCV(model, grid, **halves, n_jobs=2).fit(texts, backwards)
    assert search.best_params_[name] == 12
    assert search.best_score_ > 0.8
    assert search.score(texts, backwards) > 0.9
    predicted = cross_val_predict(model, texts, backwards, cv=2)
    assert {type(text) for text in predicted} == {str}
    assert np.mean(predicted == np.array(backwards)) > 0.8
    halves["train_sizes"] = [5, 60]
    sizes, _, test = learning_curve(model, texts, backwards, **halves)
    assert_array_equal(sizes, [5, 60])
    assert test[1].mean() > test[0].mean()
