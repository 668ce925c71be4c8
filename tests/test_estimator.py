"""The base class of estimators, fits that change all or nothing, and the package."""

import pickle
import subprocess
import sys

import pytest

import skrnn
from skrnn._estimator import Estimator, all_or_nothing


class Model(Estimator):
    """An estimator with attributes, fitted in a context."""

    def __init__(self, alpha=1):
        self.alpha = alpha

    def __getstate__(self):
        # a pickle may leave attributes out, a copy in a fit may not
        return {k: v for k, v in super().__getstate__().items() if k != "cache_"}


def fitted():
    model = Model()
    model.weights_, model.names_, model.cache_ = [1.0], ["a"], object()
    return model


def test_attributes_are_taken_over_at_the_end_and_all_at_once():
    model = fitted()
    state, cache = vars(model), model.cache_  # as a reader in another thread holds it
    before = dict(state)
    with all_or_nothing(model) as copy:
        assert type(copy) is Model
        assert copy is not model
        assert vars(copy) == before
        copy.weights_, copy.n_iter_ = [2.0], 3
        del copy.names_
        assert vars(model) == before
    assert state == before
    assert vars(model) == {"alpha": 1, "weights_": [2.0], "cache_": cache, "n_iter_": 3}


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_an_exception_changes_nothing(error):
    model = fitted()
    before = dict(vars(model))
    with pytest.raises(error), all_or_nothing(model) as copy:  # noqa: PT012
        copy.weights_ = [2.0]
        del copy.names_
        raise error
    assert vars(model) == before


def test_attributes_that_are_set_on_the_estimator_stay():
    model = fitted()
    with all_or_nothing(model) as copy:
        model.context, model.names_ = "callbacks", ["b"]
        del model.cache_
        copy.weights_ = [2.0]
    assert (model.context, model.names_, model.weights_) == ("callbacks", ["b"], [2.0])
    assert not hasattr(model, "cache_")


def test_contexts_may_be_nested():
    model = Model()
    with all_or_nothing(model) as outer, all_or_nothing(outer) as inner:
        inner.weights_ = [1.0]
    assert model.weights_ == [1.0]


def test_a_format_of_the_future_is_refused():
    state = {**Model().__getstate__(), "_skrnn_format": 10**6, "_skrnn_version": "9.9"}
    with pytest.raises(ValueError, match=r"Model was saved by skrnn 9\.9 .* fit it"):
        Model().__setstate__(state)


def run(code):
    """Return the words that a fresh interpreter prints."""
    return subprocess.check_output([sys.executable, "-c", code], text=True).split()


def test_checks_and_data_sets_are_imported_on_first_access():
    code = "import sys, skrnn; print(*(m for m in sys.modules if m[:5] == 'skrnn'))"
    loaded = run(code)
    assert "skrnn.preprocessing" in loaded
    assert not [m for m in loaded if m.startswith(("skrnn.utils", "skrnn.datasets"))]
    accessed = "import skrnn; utils, datasets = skrnn.utils, skrnn.datasets"
    for code in (accessed, "from skrnn import *"):
        names = run(f"{code}; print(utils.__name__, datasets.__name__)")
        assert names == ["skrnn.utils", "skrnn.datasets"]


def test_names_of_the_package():
    assert {"datasets", "utils"} <= set(skrnn.__all__)
    assert set(skrnn.__all__) <= set(dir(skrnn))
    with pytest.raises(AttributeError, match="'skrnn' has no attribute 'nothing'"):
        _ = skrnn.nothing


@pytest.mark.parametrize("name", skrnn.preprocessing.__all__)
def test_transformers_are_of_the_public_module(name):
    kind = getattr(skrnn.preprocessing, name)
    assert getattr(skrnn, name) is kind
    assert name in skrnn.__all__
    assert f"/api/skrnn.preprocessing.{name}.html" in kind.__new__(kind)._get_doc_link()
    assert kind.__module__ == "skrnn.preprocessing"
    assert b"skrnn.preprocessing" in pickle.dumps(kind, protocol=0)
    assert pickle.loads(pickle.dumps(kind)) is kind


@pytest.mark.parametrize("name", skrnn.metrics.__all__)
def test_metrics_are_of_the_public_module(name):
    metric = getattr(skrnn.metrics, name)
    assert b"skrnn.metrics._" not in pickle.dumps(metric, protocol=0)
    assert repr(pickle.loads(pickle.dumps(metric))) == repr(metric)
