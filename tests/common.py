"""Data, models and comparisons that several test modules share."""

import copy
from itertools import product

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal, assert_equal
from scipy import sparse
from sklearn.pipeline import make_pipeline

from skrnn import Sequences, Tokenizer, VocabularyEncoder

V = 5  # token ids are below it
METHODS = (
    "predict",
    "predict_proba",
    "predict_log_proba",
    "decision_function",
    "score_samples",
    "log_proba_per_step",
    "predict_n_best",
)


def cases(names, *rows, ids=None):
    """Parametrize a test by rows of its arguments, whose names are in one string."""
    return pytest.mark.parametrize(names, rows, ids=ids)


def make_ids(n, seed=0, shortest=1, longest=8):
    """Return sequences of token ids."""
    rng = np.random.default_rng(seed)
    lengths = rng.integers(shortest, longest + 1, n)
    return [rng.integers(0, V, size=length) for length in lengths]


def every_sequence(tokens, longest):
    """Return all of up to so many tokens as lists, the empty one first."""
    lengths = range(longest + 1)
    return [list(s) for T in lengths for s in product(tokens, repeat=T)]


def one_hot(X, kind):
    """Return the one-hot rows of ids, "dense" or "sparse"."""
    rows = [np.eye(V)[x] for x in X]
    return rows if kind == "dense" else [sparse.csr_array(r) for r in rows]


def to_sequences(X):
    return Sequences(np.concatenate(X), np.cumsum([0, *map(len, X)]))


def object_array(items):
    return np.fromiter(items, dtype=object, count=len(items))


def object_column(items):
    return object_array(items)[:, None]


def pandas_series(items):
    index = np.arange(len(items))[::-1]
    return pytest.importorskip("pandas").Series(items, index=index)


def pandas_frame(items):
    return pandas_series(items).to_frame("labels")


def polars_series(items):
    return pytest.importorskip("polars").Series(items)


def polars_frame(items):
    return polars_series(items).to_frame("labels")


# what label sequences may be in
CONTAINERS_OF_ITEMS = [list, tuple, object_array, object_column, pandas_series]
CONTAINERS_OF_ITEMS += [pandas_frame, polars_series, polars_frame]
CONTAINERS_OF_LABELS = [
    *CONTAINERS_OF_ITEMS,
    lambda items: [tuple(item) for item in items],
    lambda items: [np.array(item) for item in items],
    lambda items: [np.array(item, dtype=object) for item in items],
    lambda items: object_array([np.array(item) for item in items]),
    lambda items: object_array([np.array(item, dtype=object) for item in items]),
    lambda items: pandas_series([np.array(item) for item in items]),
    lambda items: [pandas_series(item) for item in items],
]


def of_characters(model):
    """Return a pipeline that reads the characters of texts."""
    return make_pipeline(Tokenizer(analyzer="char"), VocabularyEncoder(), model)


def near(expected, rtol=1e-12):
    """Return what is equal to a number, or to each of several, but for rounding."""
    return pytest.approx(expected, rel=rtol, abs=0)


def column(items):
    return object_array(items)[:, None]


def take(items, index):
    """Return some of the items of a list or an array, in this order; None of None."""
    if items is None:
        return None
    return items[index] if isinstance(items, np.ndarray) else [items[i] for i in index]


def flat(items):
    return np.concatenate(list(items))


def in_lists(targets):
    return [list(target) for target in targets]


def nested(items):
    """Return arrays of objects, and tuples, as lists, and what is in them."""
    if isinstance(items, np.ndarray) and items.dtype == object:
        items = items.tolist()
    return [*map(nested, items)] if isinstance(items, (list, tuple)) else items


def copy_of(model, **params):
    """Return a copy of a fitted model with other parameters."""
    return copy.deepcopy(model).set_params(**params)


def results(model, X, y=None):
    """Return what each method of a fitted model gives; y are conditions."""
    given = (X,) if y is None else (X, y)
    names = [name for name in METHODS if hasattr(model, name)]
    return {name: nested(getattr(model, name)(*given)) for name in names}


def assert_same_results(a, b):
    assert a.keys() == b.keys()
    for name in a:
        assert_equal(a[name], b[name], err_msg=name)


def assert_same_model(a, b):
    assert a.weights_.keys() == b.weights_.keys()
    for name, values in a.weights_.items():
        assert_array_equal(values, b.weights_[name], err_msg=name)


def assert_near_model(a, b, rtol, atol):
    assert a.weights_.keys() == b.weights_.keys()
    for name, values in a.weights_.items():
        assert_allclose(values, b.weights_[name], rtol=rtol, atol=atol, err_msg=name)


def assert_other_model(a, b):
    assert not np.array_equal(a.weights_["U0"], b.weights_["U0"])
