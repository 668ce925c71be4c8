"""Whole pipelines, from tokens to labels, under scikit-learn's own tools."""

import numpy as np
import pytest
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
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from skrnn import (
    RNNLanguageModel,
    RNNSeq2Seq,
    RNNTagger,
    SequenceOneHotEncoder,
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


def make_model(**params):
    params = {"hidden_layer_sizes": 8, "max_iter": 15, "random_state": 0, **params}
    tagger = RNNTagger(learning_rate_init=0.03, **params)
    return Pipeline([("vocabulary", VocabularyEncoder()), ("tagger", tagger)])


def test_grid_search_over_the_whole_pipeline(data):
    X, y = data
    grid = {
        "vocabulary__max_tokens": [3, 100],
        "tagger__hidden_layer_sizes": [(2,), (8,)],
    }
    search = GridSearchCV(
        make_model(), grid, scoring=span_f1_scorer, cv=3, n_jobs=2, error_score="raise"
    )
    search.fit(X, y)
    assert search.best_params_["vocabulary__max_tokens"] == 100
    assert search.best_score_ > 0.8
    assert search.score(X, y) == span_f1_score(y, search.predict(X))
    again = GridSearchCV(make_model(), grid, scoring=span_f1_scorer, cv=3).fit(X, y)
    assert_array_equal(
        again.cv_results_["mean_test_score"], search.cv_results_["mean_test_score"]
    )


def test_search_over_epochs(data):
    search = HalvingGridSearchCV(
        make_model(),
        {"tagger__cell": ["rnn", "lstm", "gru"]},
        resource="tagger__max_iter",
        max_resources=18,
        min_resources=6,
        scoring=span_f1_scorer,
        cv=3,
        random_state=0,
        error_score="raise",
    ).fit(*data)
    assert search.best_estimator_[-1].n_iter_ == 18
    assert search.best_score_ > 0.8


def test_random_search_with_several_scores(data):
    scoring = {"spans": span_f1_scorer, "loss": neg_step_log_loss_scorer}
    search = RandomizedSearchCV(
        make_model(),
        {"tagger__dropout": [0.0, 0.2], "tagger__bidirectional": [True, False]},
        n_iter=3,
        cv=2,
        scoring=scoring,
        refit="loss",
        random_state=0,
        error_score="raise",
    ).fit(*data)
    assert np.isfinite(search.cv_results_["mean_test_spans"]).all()
    assert -1 < search.best_score_ < 0


def test_cross_validation(data):
    X, y = data
    scores = cross_validate(
        make_model(),
        X,
        y,
        cv=KFold(3),
        scoring={"accuracy": token_accuracy_scorer, "f1": token_f1_macro_scorer},
        error_score="raise",
    )
    assert scores["test_accuracy"].min() > 0.8
    assert scores["test_f1"].min() > 0.8
    predicted = cross_val_predict(make_model(), X, y, cv=3)
    assert [len(labels) for labels in predicted] == [len(labels) for labels in y]
    assert span_f1_score(y, predicted) > 0.8


def test_curves(data):
    sizes, _, test = learning_curve(
        make_model(), *data, train_sizes=[4, 40], cv=3, scoring=span_f1_scorer
    )
    assert_array_equal(sizes, [4, 40])
    assert test[1].mean() > test[0].mean()
    _, test = validation_curve(
        make_model(),
        *data,
        param_name="tagger__max_iter",
        param_range=[1, 15],
        cv=3,
        scoring=span_f1_scorer,
    )
    assert test[1].mean() > test[0].mean()


def test_split_and_score(data):
    X, y = data
    X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)
    model = make_model().fit(X_train, y_train)
    assert model.score(X_test, y_test) > 0.9
    encoded = VocabularyEncoder().fit_transform(X)
    train, test, y_train, y_test = train_test_split(encoded, y, random_state=0)
    tagger = make_model()[-1].fit(train, y_train)
    assert tagger.score(test, y_test) > 0.9


def test_weights_are_routed(data):
    X, y = data
    weights = np.r_[np.zeros(30), np.ones(30)]
    model = make_model().fit(X, y, tagger__sample_weight=weights)
    vocabulary = VocabularyEncoder().fit(X)
    half = make_model()[-1].fit(vocabulary.transform(X[30:]), y[30:])
    for name, values in half.weights_.items():
        assert_array_equal(values, model[-1].weights_[name])


def lower(X):
    return [[word.lower() for word in words] for words in X]


def casing(X):
    return [["capital" if word[0].isupper() else "lower" for word in x] for x in X]


def test_feature_columns_are_joined(data):
    X, y = data
    features = FeatureUnion(
        [
            (
                "word",
                make_pipeline(FunctionTransformer(lower), SequenceOneHotEncoder()),
            ),
            (
                "case",
                make_pipeline(FunctionTransformer(casing), SequenceOneHotEncoder()),
            ),
        ]
    )
    tagger = RNNTagger(
        embedding_dim=6, hidden_layer_sizes=8, max_iter=20, random_state=0
    )
    model = Pipeline([("features", features), ("tagger", tagger)]).fit(X[:40], y[:40])
    assert model.score(X[40:], y[40:]) > 0.9
    n_words = len({word for words in lower(X[:40]) for word in words}) + 1
    assert model[-1].input_size_ == n_words + 3
    unseen = [["Zaphod", "zzz"]]
    assert len(model.predict(unseen)[0]) == 2


def test_from_text_and_from_sensors(data):
    X, y = data
    model = make_pipeline(Tokenizer(), VocabularyEncoder(), make_model()[-1])
    texts = [" ".join(words) for words in X]
    assert_array_equal(
        np.concatenate(model.fit(texts, y).predict(texts)),
        np.concatenate(make_model().fit(X, y).predict(X)),
    )
    rng = np.random.default_rng(0)
    waves = [100 + 10 * rng.standard_normal((T, 2)) for T in rng.integers(1, 9, 60)]
    signs = [(wave[:, 0] > 100).astype(int) for wave in waves]
    model = make_pipeline(Stepwise(StandardScaler()), make_model(max_iter=20)[-1])
    assert model.fit(waves[:40], signs[:40]).score(waves[40:], signs[40:]) > 0.85


def test_search_for_a_language_model():
    """By its own score, from texts; every fold has a vocabulary of its own."""
    rng = np.random.default_rng(0)
    texts = [
        "".join(rng.choice(["ba", "na", "ke"], rng.integers(1, 5))) for _ in "x" * 30
    ]
    model = Pipeline(
        [
            ("tokenizer", Tokenizer(analyzer="char")),
            ("vocabulary", VocabularyEncoder()),
            (
                "model",
                RNNLanguageModel(max_iter=6, learning_rate_init=0.04, random_state=0),
            ),
        ]
    )
    grid = {
        "model__cell": ["gru", "lstm"],
        "model__hidden_layer_sizes": [1, 12],
    }
    search = GridSearchCV(model, grid, cv=3, n_jobs=2, error_score="raise").fit(texts)
    assert search.best_params_["model__hidden_layer_sizes"] == 12
    assert -1.5 < search.best_score_ < 0
    assert search.score(texts) == search.best_estimator_.score(texts)
    again = GridSearchCV(model, grid, cv=3, error_score="raise").fit(texts)
    assert_array_equal(
        again.cv_results_["mean_test_score"], search.cv_results_["mean_test_score"]
    )
    drawn = search.best_estimator_[-1].sample(20, random_state=0, max_length=12)
    found = search.best_estimator_[:-1].inverse_transform(drawn)
    assert set("".join(found)) <= set("banke")
    by_label = GridSearchCV(model, {"model__tol": [1e-3]}, cv=3, error_score="raise")
    by_label.fit(texts, [text[0] for text in texts])
    assert by_label.best_score_ > search.best_score_ - 0.2
    assert by_label.best_estimator_[-1].conditions_.tolist() == ["b", "k", "n"]


@pytest.mark.filterwarnings("ignore:.*predicted targets")
def test_search_for_a_translator():
    """From texts to texts; every fold has vocabularies of its own."""
    rng = np.random.default_rng(0)
    texts = ["".join(rng.choice(list("abc"), n)) for n in rng.integers(1, 4, 120)]
    backwards = [text[::-1].upper() for text in texts]
    model = Pipeline(
        [
            ("tokenizer", Tokenizer(analyzer="char")),
            ("vocabulary", VocabularyEncoder()),
            (
                "model",
                RNNSeq2Seq(
                    hidden_layer_sizes=12,
                    max_iter=20,
                    batch_size=8,
                    learning_rate_init=0.01,
                    target_tokenizer=Tokenizer(analyzer="char", lowercase=False),
                    max_target_length=3,
                    random_state=0,
                ),
            ),
        ]
    )
    grid = {
        "model__attention": [None, "general"],
        "model__hidden_layer_sizes": [1, 12],
    }
    search = GridSearchCV(model, grid, cv=2, n_jobs=2, error_score="raise")
    search.fit(texts, backwards)
    assert search.best_params_["model__hidden_layer_sizes"] == 12
    assert search.best_score_ > 0.8
    assert search.score(texts, backwards) > 0.9
    predicted = cross_val_predict(model, texts, backwards, cv=2)
    assert {type(text) for text in predicted} == {str}
    assert np.mean(predicted == np.array(backwards)) > 0.8
    sizes, _, test = learning_curve(
        model, texts, backwards, train_sizes=[5, 60], cv=2, error_score="raise"
    )
    assert_array_equal(sizes, [5, 60])
    assert test[1].mean() > test[0].mean()
