"""Fitted models are saved and loaded, also by skops, and by other versions."""

import copy
import pickle
from functools import cache

import joblib
import numpy as np
import pytest
import skops.io
from common import assert_same_model, assert_same_results, results
from numpy.testing import assert_array_equal
from sklearn.base import clone
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import estimator_html_repr

import skrnn
from skrnn import SequenceOneHotEncoder, Stepwise, Tokenizer, VocabularyEncoder

TEXTS = ["a b", "b c a", "c", "a a c b"]
WORDS = [text.split() for text in TEXTS]
WAVES = [np.arange(6.0 + i).reshape(-1, 1) % 4 for i in range(4)]
LABELS = [[token < "b" for token in words] for words in WORDS]
FROM_TEXTS = [Tokenizer(), VocabularyEncoder()], TEXTS
FROM_WAVES, FROM_WORDS = (
    ([Stepwise(StandardScaler())], WAVES),
    ([SequenceOneHotEncoder()], WORDS),
)
OF_TEXTS = {"target_tokenizer": Tokenizer(), "dropout": 0.1}
TIED = {"embedding_dim": 3, "tie_weights": True}
CASES = {  # transformers, X, model, y
    "classifier": (*FROM_TEXTS, skrnn.RNNClassifier(dropout=0.1), list("xyxy")),
    "regressor": (*FROM_WAVES, skrnn.RNNRegressor(cell="gru"), [1.0, 2.0, 3.0, 4.0]),
    "tagger": (*FROM_WORDS, skrnn.RNNTagger(embedding_dim=2), LABELS),
    "language": (*FROM_TEXTS, skrnn.RNNLanguageModel(**TIED, dropout=0.1), [*"xyxy"]),
    "transcriber": (*FROM_WAVES, skrnn.RNNTranscriber(**OF_TEXTS), TEXTS),
    "translator": (*FROM_WORDS, skrnn.RNNSeq2Seq(beam_width=2, **OF_TEXTS), TEXTS),
}


@cache
def fitted(name):
    """Return a fitted pipeline, not to be changed."""
    transformers, X, model, y = CASES[name]
    model = clone(model).set_params(hidden_layer_sizes=3, max_iter=2, random_state=0)
    return make_pipeline(*map(clone, transformers), model).fit(X, y)


def with_joblib(model, path):
    joblib.dump(model, path)
    return joblib.load(path)


def with_skops(model, path):
    skops.io.dump(model, path)
    unknown = skops.io.get_untrusted_types(file=path)
    assert unknown
    assert all(name.startswith("skrnn.") for name in unknown), unknown
    assert all(hasattr(skrnn, name.rpartition(".")[2]) for name in unknown), unknown
    return skops.io.load(path, trusted=unknown)


@pytest.mark.parametrize(
    "save",
    [with_joblib, with_skops, lambda model, _: pickle.loads(pickle.dumps(model))],
)
@pytest.mark.parametrize("name", CASES)
@pytest.mark.filterwarnings("ignore:.*predicted targets")
def test_what_is_loaded_predicts_and_goes_on(name, save, tmp_path):
    model, (_, X, _, y) = copy.deepcopy(fitted(name)), CASES[name]
    loaded = save(model, tmp_path / "model")
    assert vars(loaded[-1]).keys() == vars(model[-1]).keys()
    for expected, found in zip(model.predict(X), loaded.predict(X), strict=True):
        assert_array_equal(found, expected)
    for pipeline in (model, loaded):
        pipeline[-1].partial_fit(pipeline[:-1].transform(X), y)
    assert_same_model(loaded[-1], model[-1])
    if name == "language":
        drawn = [p[-1].sample(5, max_length=9, random_state=0) for p in (model, loaded)]
        assert_array_equal(drawn[0].rows, drawn[1].rows)
        assert drawn[1].unknown == 0


def restore(model, *left_out, **changed):
    """Load a copy of the model whose saved state is another."""
    state = {**model.__getstate__(), **changed}
    new = type(model).__new__(type(model))
    new.__setstate__({k: v for k, v in state.items() if k not in left_out})
    return new


@pytest.mark.parametrize("name", CASES)
def test_saved_by_a_newer_version(name):
    for step in fitted(name):
        kind = type(step).__name__
        with pytest.raises(ValueError, match=f"This {kind} was saved by skrnn 9.1 in"):
            restore(step, _skrnn_format=1000, _skrnn_version="9.1")


def test_saved_before_there_were_formats():
    tagger = fitted("tagger")[-1]
    before = dict(tagger._architecture)
    del before["pooling"], before["tied"]
    left_out = "_skrnn_format", "_skrnn_version", "decay_start"
    old = restore(tagger, *left_out, _architecture=before)
    X = fitted("tagger")[:-1].transform(WORDS)
    assert_same_results(results(old, X), results(tagger, X))
    old.partial_fit(X, LABELS)


def test_the_stamp_is_in_files_only():
    for step in (*fitted("classifier"), skrnn.RNNTagger()):
        state = step.__getstate__()
        assert state["_skrnn_version"] == skrnn.__version__
        assert state["_skrnn_format"] >= 1
        loaded = pickle.loads(pickle.dumps(step))
        for other in (step, clone(step), copy.copy(step), loaded):
            assert not any(key.startswith("_skrnn") for key in vars(other))


@pytest.mark.parametrize("name", CASES)
def test_html_shows_where_the_documentation_is(name):
    html = estimator_html_repr(fitted(name))
    for step in fitted(name):
        module = "skrnn.preprocessing" if hasattr(step, "transform") else "skrnn"
        assert f"/api/{module}.{type(step).__name__}.html" in html
