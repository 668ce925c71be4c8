"""Sequences: indexing, arrays, pickles, memory maps, and life inside scikit-learn."""

import pickle

import joblib
import numpy as np
import pandas as pd
import pytest
from common import cases, object_array
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from scipy import sparse
from sklearn.base import BaseEstimator
from sklearn.model_selection import GridSearchCV, KFold, train_test_split
from sklearn.utils import resample, shuffle

from skrnn import Sequences

OFFSETS = np.array([0, 3, 3, 4, 8, 10])  # the second sequence is empty
KINDS = ["ids", "dense", "sparse", "tokens"]


def make_sequences(kind, offsets=OFFSETS):
    """Return sequences with a different row at each step."""
    N = offsets[-1]
    if kind == "ids":
        return Sequences(np.arange(N)[::-1].copy(), offsets, n_tokens=N)
    if kind == "dense":
        return Sequences(np.arange(3.0 * N).reshape(N, 3), offsets)
    if kind == "sparse":
        return Sequences(sparse.csr_array(np.diag(np.arange(1.0, N + 1))), offsets)
    rows = object_array([f"w{i}" if i % 2 else ("tuple", i) for i in range(N)])
    return Sequences(rows, offsets)


def as_lists(sequences):
    """Return all items as nested lists, whatever their kind."""
    arrays = (x.toarray() if sparse.issparse(x) else x for x in sequences)
    return [array.tolist() for array in arrays]


every_kind = pytest.mark.parametrize("kind", KINDS)


@every_kind
def test_is_a_column_of_objects(kind):
    X = make_sequences(kind)
    assert X.kind == kind
    assert (len(X), X.shape, X.ndim) == (5, (5, 1), 2)
    assert_array_equal(X.lengths, [3, 0, 1, 4, 2])
    array = np.asarray(X)
    assert array.shape == X.shape
    assert array.dtype == object
    assert as_lists(array[:, 0]) == as_lists(X)
    assert [item.shape[0] for item in X] == [3, 0, 1, 4, 2]


@every_kind
def test_becomes_a_column_where_all_lengths_are_equal(kind):
    X = make_sequences(kind, np.array([0, 2, 4, 6]))
    assert np.asarray(X).shape == (3, 1)
    assert np.hstack([X, X]).shape == (3, 2)
    assert np.asarray(X, dtype=object).shape == (3, 1)


def test_array_is_always_a_copy():
    X = make_sequences("ids")
    assert np.array(X, copy=True).shape == (5, 1)
    with pytest.raises(ValueError, match="always a copy"):
        np.array(X, copy=False)


KEYS = [slice(None), slice(1, 4), slice(3, 1), slice(7, 9), slice(-2, None)]
KEYS += [slice(None, None, 2), slice(None, None, -1), slice(4, 0, -2), ...]
KEYS += [[], [4, 0, 0], [-1, 1], [2, 3, 2, 3], pd.Series([4, 2])]
KEYS += [np.array([3, 1, 2]), np.array([2], dtype=np.uint8), np.zeros(5, dtype=bool)]
KEYS += [[False, False, True, False, False], np.array([True, False, True, True, False])]


@every_kind
@pytest.mark.parametrize("key", KEYS, ids=repr)
def test_index_selects_sequences_as_it_does_in_an_array(kind, key):
    X = make_sequences(kind)
    expected = np.arange(len(X))[key]
    for selected in (X[key], X[key, ...], X[key, :], X[(key,)]):
        assert selected.kind == kind
        assert selected.n_tokens == X.n_tokens
        assert selected.offsets[-1] == selected.rows.shape[0]
        assert as_lists(selected) == [as_lists(X)[i] for i in expected]


@every_kind
def test_integer_selects_one_sequence(kind):
    X = make_sequences(kind)
    for i in (0, 3, -1, np.int64(2), np.uint8(4)):
        assert as_lists([X[i]]) == [as_lists(X)[i]]
        assert as_lists([X[i, ...]]) == [as_lists(X)[i]]


@pytest.mark.parametrize("key", [5, -6, [5], np.array([0, -6])])
def test_index_out_of_range(key):
    with pytest.raises(IndexError):
        make_sequences("ids")[key]


@cases(
    "key, message",
    ((slice(None), 0), "one column"),
    ((slice(None), [0, 0]), "one column"),
    ((slice(None), 1), "out of bounds"),
    (None, "one axis"),
    (np.array([[0, 1]]), "one axis"),
    (np.ones(4, dtype=bool), "boolean"),
    ([0.5], "integer"),
    ("tokens", "integer"),
)
def test_what_is_no_index(key, message):
    with pytest.raises(IndexError, match=message):
        make_sequences("ids")[key]


@pytest.mark.parametrize("column", [[0], slice(0, 1), [True], slice(None), ...])
def test_the_only_column_may_be_selected(column):
    X = make_sequences("ids")
    part = X[[2, 0], column]
    assert part.lengths.tolist() == X.lengths[[2, 0]].tolist()
    assert part.n_tokens == X.n_tokens


def test_slice_is_a_view_and_index_array_a_copy():
    X = make_sequences("dense")
    assert np.shares_memory(X[1:4].rows, X.rows)
    assert np.shares_memory(X[3], X.rows)
    assert not np.shares_memory(X[[1, 2, 3]].rows, X.rows)


WRONG_OFFSETS = [[], [1, 10], [0, 9], [0, 6, 5, 10], [0, 11], [[0, 10]], 10]
WRONG_OFFSETS += [[0, -1, 10], [0, 2.5, 10], [0, np.nan, 10]]


@pytest.mark.parametrize("offsets", WRONG_OFFSETS)
def test_offsets_must_rise_from_0_to_the_number_of_rows(offsets):
    with pytest.raises(ValueError, match="rise from 0 to the number of rows, 10"):
        Sequences(np.arange(10), offsets)


def test_offsets_may_be_whole_floats_and_nothing_else():
    assert Sequences(np.arange(10), [0.0, 4.0, 10.0]).lengths.tolist() == [4, 6]
    with pytest.raises(TypeError, match=r"offsets is .*: pass integers"):
        Sequences(np.arange(10), ["0", "10"])


@cases(
    "rows, error, message",
    ([1, 2], TypeError, "rows is a list: pass an array"),
    (np.asmatrix([[1], [2]]), TypeError, "rows is a matrix: pass an array"),
    (np.ma.masked_equal([1, 2], 1), TypeError, "rows is a MaskedArray"),
    (sparse.eye_array(2, format="coo"), TypeError, r"pass rows\.tocsr\(\)"),
    (np.array(2), ValueError, r"has shape \(\): pass shape \(N,\) or \(N, d\)"),
    (np.ones((2, 3, 1)), ValueError, r"has shape \(2, 3, 1\): pass shape"),
    (np.ones(2), TypeError, r"float64.*pass rows\[:, None\]"),
    (np.ones(2, dtype=bool), TypeError, r"bool.*pass rows\[:, None\]"),
    (np.ones(2, dtype=complex), TypeError, "complex128: tokens must be objects"),
    (np.ones((2, 3), dtype=complex), TypeError, "features real numbers"),
    (np.ones((2, 3), dtype=object), TypeError, "features real numbers"),
    (sparse.csr_array(np.eye(2) * 1j), TypeError, "features real numbers"),
    (np.ones((2, 0)), ValueError, r"shape \(2, 0\): .* at least one feature"),
    (sparse.csr_array((2, 0)), ValueError, "at least one feature"),
)
def test_what_are_no_rows(rows, error, message):
    with pytest.raises(error, match=message):
        Sequences(rows, [0, 2])


def test_no_sequences_at_all():
    X = Sequences(np.empty(0, dtype=int), [0])
    assert (len(X), X.shape, list(X)) == (0, (0, 1), [])
    assert np.asarray(X).shape == (0, 1)
    assert len(X[:]) == len(X[[]]) == 0


@every_kind
def test_pickle(kind):
    X = make_sequences(kind)
    copy = pickle.loads(pickle.dumps(X))
    assert as_lists(copy) == as_lists(X)
    assert (copy.kind, copy.n_tokens) == (kind, X.n_tokens)


@pytest.mark.parametrize("kind", ["ids", "dense", "sparse"])
def test_memory_mapped_and_read_only_rows(kind, tmp_path):
    X = make_sequences(kind)
    joblib.dump(X, tmp_path / "X.joblib")
    mapped = joblib.load(tmp_path / "X.joblib", mmap_mode="r")
    rows = mapped.rows.data if kind == "sparse" else mapped.rows
    assert isinstance(rows, np.memmap)
    assert not rows.flags.writeable
    for key in (slice(None), slice(1, 4), [4, 0]):
        assert as_lists(mapped[key]) == as_lists(X[key])
    assert as_lists([mapped[3]]) == as_lists([X[3]])


@cases(
    "kind, what",
    ("ids", "10 token ids"),
    ("tokens", "tokens"),
    ("dense", "dense rows of 3 features"),
    ("sparse", "sparse rows of 10 features"),
)
def test_repr_says_how_much_of_what(kind, what):
    assert repr(make_sequences(kind)) == f"<5 Sequences, 10 steps, {what}>"


# --- inside scikit-learn --------------------------------------------------------------


@every_kind
def test_splitters_and_samplers(kind):
    X, y = make_sequences(kind), np.arange(5)
    lists = as_lists(X)
    for train, test in KFold(3).split(X, y):
        assert as_lists(X[train]) == [lists[i] for i in train]
        assert as_lists(X[test]) == [lists[i] for i in test]
    X_train, X_test, *of_y = train_test_split(X, y, test_size=2, random_state=0)
    samples = [sample(X, y, random_state=0) for sample in (shuffle, resample)]
    for part, index in [(X_train, of_y[0]), (X_test, of_y[1]), *samples]:
        assert isinstance(part, Sequences)
        assert as_lists(part) == [lists[i] for i in index]


class _Steps(BaseEstimator):
    """Scores sequences by their steps, and remembers what fit was given."""

    def __init__(self, factor=1):
        self.factor = factor

    def fit(self, X, y=None):
        self.given_ = type(X)
        return self

    def score(self, X, y=None):
        return self.factor * X.rows.shape[0]


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_grid_search_slices_sequences(n_jobs):
    X = make_sequences("ids")
    search = GridSearchCV(_Steps(), {"factor": [1, 2]}, cv=KFold(5), n_jobs=n_jobs)
    search.fit(X)
    assert search.best_params_ == {"factor": 2}
    assert search.best_estimator_.given_ is Sequences
    steps = [search.cv_results_[f"split{i}_test_score"][0] for i in range(5)]
    assert_array_equal(steps, X.lengths)


# --- properties -----------------------------------------------------------------------


@given(
    st.lists(st.lists(st.integers(0, 9), max_size=5), min_size=1, max_size=8), st.data()
)
def test_any_index_as_in_a_list(lists, data):
    rows = np.array([i for ids in lists for i in ids], dtype=np.int32)
    X = Sequences(rows, np.cumsum([0, *map(len, lists)]), n_tokens=10)
    n = len(lists)
    index = data.draw(st.lists(st.integers(-n, n - 1), max_size=12))
    assert as_lists(X[index]) == [lists[i] for i in index]
    key = data.draw(st.slices(n))
    assert as_lists(X[key]) == lists[key]
    assert as_lists(X[key][::-1]) == lists[key][::-1]
    mask = data.draw(st.lists(st.booleans(), min_size=n, max_size=n))
    kept = [ids for ids, keep in zip(lists, mask, strict=True) if keep]
    assert as_lists(X[np.array(mask)]) == kept


def test_a_pickle_names_the_public_module():
    assert Sequences.__module__ == "skrnn"
    assert pickle.loads(pickle.dumps(Sequences)) is Sequences
