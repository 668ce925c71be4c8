"""Containers of sequences, tokens, texts, labels and weights; and what is refused."""

import enum
import pickle
from itertools import pairwise

import numpy as np
import pandas as pd
import polars as pl
import pytest
from common import cases, column, object_array
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from scipy import sparse
from sklearn.base import BaseEstimator

from skrnn import Sequences, VocabularyEncoder
from skrnn._validation import (
    as_sequences,
    check_sequences,
    check_step_targets,
    check_texts,
    check_tokens,
    check_weights,
    encode_labels,
    sequence_of_row,
    targets_as_list,
    unique_labels,
)

OFFSETS = np.array([0, 2, 3, 6])  # three sequences
DENSE = np.arange(12.0).reshape(6, 2)
WORDS = np.array(["to", "be", "or", "not", "to", "be"], dtype=object)
PAIRS = [("a", "b"), ("c", "d"), ("a", "b"), ("e", "f"), ("", ""), ("g", "h")]


def split(rows):
    return [rows[start:stop] for start, stop in pairwise(OFFSETS)]


def to_lists(items):
    return [item.tolist() for item in items]


# name: (three items, their kind, their rows)
ITEMS = {
    "int arrays": (split(np.arange(6)), "ids", np.arange(6)),
    "uint8 arrays": (split(np.arange(6, dtype=np.uint8)), "ids", np.arange(6)),
    "int lists": (to_lists(split(np.arange(6))), "ids", np.arange(6)),
    "tuples of int": ([(0, 1), (2,), (3, 4, 5)], "ids", np.arange(6)),
    "2-D arrays": (split(DENSE), "dense", DENSE),
    "2-D int arrays": (split(DENSE.astype(int)), "dense", DENSE),
    "lists of rows": (to_lists(split(DENSE)), "dense", DENSE),
    "float arrays": (split(DENSE[:, 1]), "dense", DENSE[:, 1:]),
    "float lists": (to_lists(split(DENSE[:, 1])), "dense", DENSE[:, 1:]),
    "bool arrays": (split(np.arange(6) > 2), "dense", (np.arange(6) > 2)[:, None]),
    "csr arrays": (split(sparse.csr_array(DENSE)), "sparse", DENSE),
    "csc matrices": ([sparse.csc_matrix(x) for x in split(DENSE)], "sparse", DENSE),
    "lists of str": (to_lists(split(WORDS)), "tokens", WORDS),
    "arrays of objects": (split(WORDS), "tokens", WORDS),
    "arrays of str": (split(WORDS.astype(str)), "tokens", WORDS),
    "lists of tuples": (split(PAIRS), "tokens", object_array(PAIRS)),
}


def polars_series(items):
    if isinstance(items[0], str):
        return pl.Series("x", items)
    if isinstance(items[0], (list, np.ndarray)) and not isinstance(items[0][0], tuple):
        return pl.Series(
            "x", [x.tolist() if hasattr(x, "tolist") else x for x in items]
        )
    return pl.Series("x", items, dtype=pl.Object)


CONTAINERS = {
    "list": list,
    "tuple": tuple,
    "object array": object_array,
    "column": column,
    "pandas Series": lambda items: pd.Series(items, index=[7, 0, 3]),
    "pandas DataFrame": lambda items: pd.DataFrame({"x": items}, index=[2, 1, 0]),
    "polars Series": polars_series,
    "polars DataFrame": lambda items: pl.DataFrame({"x": polars_series(items)}),
}

containers = pytest.mark.parametrize("container", CONTAINERS.values(), ids=CONTAINERS)
containers_of_str = pytest.mark.parametrize(
    "container", [*CONTAINERS.values(), np.array, lambda x: np.array(x)[:, None]]
)


class Estimator(BaseEstimator):
    """Stands for an estimator that was fitted on X."""

    def fit(self, X, **options):
        X = check_sequences(self, X, reset=True, **options)
        self.input_kind_ = X.kind
        self.input_size_ = X.n_tokens if X.kind == "ids" else X.rows.shape[1]
        return self

    def check(self, X, **options):
        return check_sequences(self, X, reset=False, **options)


def read(X, **options):
    return check_sequences(Estimator(), X, reset=True, **options)


def read_tokens(X):
    return check_tokens(Estimator(), X, reset=True)


def equal_rows(rows, expected):
    rows = rows.toarray() if sparse.issparse(rows) else rows
    assert rows.shape == expected.shape
    assert rows.tolist() == expected.tolist()


# --- as_sequences ---------------------------------------------------------------------


@containers
@pytest.mark.parametrize("name", ITEMS)
def test_every_container_of_every_kind(container, name):
    items, kind, rows = ITEMS[name]
    X = as_sequences(container(items))
    assert isinstance(X, Sequences)
    assert X.rows.dtype == np.float64 or kind not in ("dense", "sparse")
    assert isinstance(X.rows, sparse.csr_array) == (kind == "sparse")
    found = [X, as_sequences(X)]
    if kind in ("ids", "tokens"):
        estimator = Estimator()
        found.append(check_tokens(estimator, container(items), reset=True))
        if hasattr(container(items), "columns"):
            assert estimator.feature_names_in_.tolist() == ["x"]
    for X in found:
        assert (X.kind, X.offsets.tolist()) == (kind, OFFSETS.tolist())
        equal_rows(X.rows, rows)


def test_tokens_of_arrays_of_str_are_python_str():
    assert set(map(type, as_sequences([np.array(["a", "b"])]).rows)) == {str}


def test_arrays_of_one_length_in_a_column():
    arrays = column([np.array([1, 2]), np.array([3, 4])])
    assert to_lists(as_sequences(arrays)) == [[1, 2], [3, 4]]


def test_3d_array_is_dense_and_shares_memory():
    array = np.arange(12.0).reshape(2, 3, 2)
    X = as_sequences(array)
    assert (X.kind, X.lengths.tolist()) == ("dense", [3, 3])
    equal_rows(X.rows, array.reshape(6, 2))
    assert np.shares_memory(X.rows, array)
    assert as_sequences(np.ones((2, 3, 2), dtype=int)).rows.dtype == np.float64


@pytest.mark.parametrize("frame", [pd.DataFrame, pl.DataFrame])
@pytest.mark.parametrize("container", [list, object_array])
def test_a_frame_for_each_sequence(frame, container):
    frames = [frame({"a": x[:, 0], "b": x[:, 1]}) for x in split(DENSE)]
    X = as_sequences(container(frames))
    assert X.offsets.tolist() == OFFSETS.tolist()
    equal_rows(X.rows, DENSE)


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.uint32, np.uint64])
def test_ids_of_any_integer_type(dtype):
    rows = np.array([2, 0, 1], dtype=dtype)
    sequences, mixed = [rows[:1], rows[1:]], [rows[:1], rows[1:].astype(np.int64)]
    signs = [rows[:1].astype(np.int64), rows[1:].astype(np.uint64)]
    for X in (Sequences(rows, [0, 1, 3], n_tokens=3), sequences, mixed, signs):
        X = check_sequences(Estimator(), X, reset=True)
        assert (X.kind, X.n_tokens, X.rows.dtype) == ("ids", 3, np.int64)
        assert X.rows.tolist() == [2, 0, 1]


def test_integers_of_any_size_are_tokens():
    tokens = [np.array([2**63, 1], dtype=np.uint64), np.array([-1])]
    for X in (tokens, [[2**63, 1], [-1]]):
        X = check_tokens(Estimator(), X, reset=True)
        assert (X.kind, X.rows.tolist()) == ("tokens", [2**63, 1, -1])


def test_float32_stays_float32():
    rows = DENSE.astype(np.float32)
    for X in (split(rows), rows.reshape(2, 3, 2)):
        assert as_sequences(X).rows.dtype == np.float32
        assert read(X, dtype=None).rows.dtype == np.float32


LISTS = [["one text", "another text"], [1, 2, 3], []]
SCALARS = [3.0, np.array("a"), None]
TABLES = [np.ones(3), np.ones((3, 2)), np.ones((3, 2), dtype=object)]
TABLES += [np.array([["a", "b"], ["c", "d"]]), sparse.csr_array(np.eye(2))]
TABLES += [frame({"a": [1, 2], "b": [3, 4]}) for frame in (pd.DataFrame, pl.DataFrame)]


@pytest.mark.parametrize(
    "table", [*LISTS, *SCALARS, *TABLES], ids=lambda table: type(table).__name__
)
def test_what_holds_no_sequences_comes_back_as_it_is(table):
    assert as_sequences(table) is table


def test_empty_sequences_where_they_are_allowed():
    for items, kind in [
        ([[], ["a", "b"], []], "tokens"),
        ([[], [1, 2], []], "ids"),
        ([np.array([]), np.array([1, 2]), np.array([])], "ids"),
        ([np.array([]), np.array([0.5, 1.5]), np.array([])], "dense"),
        ([np.empty((0, 2)), np.ones((2, 2)), np.empty((0, 2))], "dense"),
        ([sparse.csr_array((n, 3)) for n in (0, 2, 0)], "sparse"),
    ]:
        X = as_sequences(items, allow_empty=True)
        assert (X.kind, X.lengths.tolist()) == (kind, [0, 2, 0])
        for refused in (X, items):
            with pytest.raises(ValueError, match=r"X\[0\] has no steps: remove empty"):
                as_sequences(refused)
    for items in ([[], []], [np.array([])] * 2):
        assert as_sequences(items, allow_empty=True).lengths.tolist() == [0, 0]


def test_tokens_keep_tuples_of_numbers_and_negative_integers():
    chords = [[(60, 64, 67)], [(60, 65, 69), (59, 62, 67)]]
    assert as_sequences(chords).kind == "dense"
    X = as_sequences(chords, tokens=True)
    assert X.kind == "tokens"
    assert X.rows.tolist() == [chord for chords_ in chords for chord in chords_]
    assert as_sequences([[-3, 1]], tokens=True).rows.tolist() == [-3, 1]
    negative = Sequences(np.array([-3, 1]), [0, 2])
    assert as_sequences(negative, tokens=True) is negative


@pytest.mark.parametrize("convert", [np.asarray, sparse.csr_array])
def test_large_values_are_finite_although_their_sum_is_not(convert):
    rows = np.full((4, 1), 1e308)
    equal_rows(as_sequences([convert(rows)]).rows, rows)


# --- several columns ------------------------------------------------------------------


def columns(a, b):
    return pd.DataFrame({"a": a, "b": b}, index=range(len(a), 0, -1))


def polars_columns(a, b):
    return pl.DataFrame(
        [pl.Series(x, y, dtype=pl.Object) for x, y in zip("ab", (a, b), strict=True)]
    )


@pytest.mark.parametrize(
    "container",
    [lambda a, b: np.hstack([column(a), column(b)]), columns, polars_columns],
    ids=["array", "pandas", "polars"],
)
@cases(
    "left, right, kind",
    ("2-D arrays", "float lists", "dense"),
    ("csr arrays", "csc matrices", "sparse"),
    ("csr arrays", "2-D arrays", "sparse"),
    ("float arrays", "csr arrays", "sparse"),
)
def test_columns_are_joined_step_by_step(container, left, right, kind):
    (a, _, rows_a), (b, _, rows_b) = ITEMS[left], ITEMS[right]
    X = as_sequences(container(a, b))
    assert (X.kind, X.offsets.tolist()) == (kind, OFFSETS.tolist())
    equal_rows(X.rows, np.hstack([rows_a, rows_b]))


# --- what is refused ------------------------------------------------------------------

nan, inf = np.nan, np.inf
csr, eye = sparse.csr_array, sparse.eye_array
ones, coo = np.ones((2, 3)), sparse.coo_array([1.0, 2.0])
dense = ITEMS["2-D arrays"][0]
short = [*dense[:2], dense[2][:2]]
cells = {"n": [1, 2], "x": [[1.0], [2.0]]}
large = np.array([1, 2**63], dtype=np.uint64)

CELL = r"column 0 of X\[0\] is 1, not a sequence of steps"
OF_TYPE = "is of type"
SPARSE = "is sparse of shape"
ID = r"X\[1\] contains the token id"
NAN = "contains NaN or infinity at step"


def of_ids(*rows, n_tokens=None):
    return Sequences(np.array(rows), [0, 1, len(rows)], n_tokens=n_tokens)


far = of_ids(3, 10**12, n_tokens=10**13)

REFUSED = [
    ("a text", "X is a single string; pass a list"),
    (b"a text", "X is a single string; pass a list"),
    ([[1], [], [2]], r"X\[1\] has no steps: remove empty"),
    (np.empty((2, 0, 3)), r"X\[0\] has no steps: remove empty"),
    ([ones, 3.5], r"X\[1\] is 3.5, not a sequence of steps: every sample must be"),
    ([[1], None], r"X\[1\] is None, not a sequence of steps"),
    ([["a"], "a text"], r"X\[1\] is 'a text', not a sequence of steps: a Tokenizer"),
    (["a text", ["a"]], r"X\[0\] is 'a text', not a sequence of steps: a Tokenizer"),
    (pd.Series([[1], nan], index=[4, 2]), r"X\[1\] is nan, not a sequence"),
    ([ones, ones[:, :2]], r"X\[1\] has shape \(2, 2\) and X\[0\] has shape \(2, 3\)"),
    ([ones, ones[0]], r"X\[1\] has shape \(3,\) and X\[0\] has shape \(2, 3\)"),
    (
        [ones, ones[None]],
        r"X\[1\] has shape \(1, 2, 3\): a sequence must be of shape \(T_i, d\)",
    ),
    ([ones[:, :0]], r"X\[0\] has shape \(2, 0\): .* at least one feature"),
    (np.ones((2, 3, 0)), r"X\[0\] has shape \(3, 0\): .* at least one feature"),
    ([csr((2, 0))], r"X\[0\] has shape \(2, 0\): .* one feature"),
    ([[[[1.0], [2.0]]]], r"X\[0\] has a step of shape \(2, 1\)"),
    ([[[]]], r"X\[0\] has no features at step 0"),
    ([ones, np.asmatrix(ones)], r"X\[1\] is a matrix: pass an array, np.asarray"),
    ([ones, np.ma.masked_equal(ones, 1)], r"X\[1\] is a MaskedArray: pass an array"),
    (np.ma.masked_equal(np.ones((2, 3, 1)), 1), "X is a MaskedArray: pass an array"),
    ([eye(3), coo], r"X\[1\] is (sparse and has shape \(2,\)|\(1, 2\))"),
    ({(1, 2), (3, 4)}, "X is a set, .*; pass a list"),
    (frozenset([(1, 2)]), "X is a frozenset, .*; pass a list"),
    ({"a": [1, 2]}, "X is a dict, .*; pass a list"),
    ({"a": [1, 2]}.values(), "X is a dict_values, .*; pass a list"),
    (map(list, [(1, 2)]), "X is a map, .*; pass a list"),
    ((x for x in [[1, 2]]), "X is a generator, .*; pass a list"),
    (pd.DataFrame(cells, index=[1.5, 2.5]), CELL),
    (pl.DataFrame(cells), CELL),
    (columns(dense, split(range(6))), r"column 1 of X holds ids.*OneHotEncoder"),
    (columns(split(WORDS), dense), r"column 0 of X holds tokens.*OneHotEncoder"),
    (columns(dense, short), r"X\[2\] has 3 steps in column 0 and 2 in column 1"),
    ([[[1, 2]], [[3, 4], [5]]], r"X\[1\] has 1 features at step 1 and X\[0\] has 2"),
    ([eye(3), ones], rf"X\[1\] {OF_TYPE} ndarray and X\[0\] {SPARSE} \(3, 3\)"),
    ([[1, 2], eye(2)], rf"X\[0\] {OF_TYPE} list and X\[1\] {SPARSE} \(2, 2\)"),
    ([eye(3), eye(2)], rf"X\[1\] {SPARSE} \(2, 2\) and X\[0\] {SPARSE} \(3, 3\)"),
    ([[3, 1], [0, -1]], rf"{ID} -1 at step 1 .* ids from 0 to 2147483647"),
    ([[3], [1, 2**31]], rf"{ID} {2**31} at step 1 .*VocabularyEncoder"),
    ([[3], [1, 10**12]], rf"{ID} {10**12} at step 1 .*VocabularyEncoder"),
    ([[3], [1, 2**63]], rf"{ID} {2**63} at step 1 .*VocabularyEncoder"),
    ([[3], [1, 2**70]], rf"{ID} {2**70} at step 1 .*VocabularyEncoder"),
    ([np.array([3]), large], rf"{ID} {2**63} at step 1 .*Vocabulary"),
    (Sequences(large, [0, 1, 2]), rf"{ID} {2**63} at step 0 .*Vocabulary"),
    (far, rf"{ID} {10**12} at step 0 .*VocabularyEncoder"),
    (of_ids(3, 1, -2), rf"{ID} -2 at step 1 .* ids from 0"),
    (of_ids(3, 1, 4, n_tokens=4), rf"{ID} 4 at step 1 .* ids from 0 to 3 .*Vocabulary"),
    ([[0.5], [1.0, nan]], rf"X\[1\] {NAN} 1: impute"),
    ([ones, [[1, 2, 3], [1, 2, inf]]], rf"X\[1\] {NAN} 1"),
    ([np.array([inf, -inf])], rf"X\[0\] {NAN} 0"),
    (np.array([[[0.0], [1.0]], [[1.0], [-inf]]]), rf"X\[1\] {NAN} 1"),
    ([csr(ones), csr([[1, 1, 1], [1, 1, nan]])], rf"X\[1\] {NAN} 1"),
    ([csr([[0, 0], [0, 0], [0, inf]]), csr([[1, 1]])], rf"X\[0\] {NAN} 2"),
    (Sequences(np.array([[1.0], [nan], [1.0]]), [0, 1, 3]), rf"X\[1\] {NAN} 0"),
    (Sequences(csr([[1.0, 2], [0, 0], [0, nan]]), [0, 1, 3]), rf"X\[1\] {NAN} 1"),
]


@pytest.mark.parametrize(("X", "message"), REFUSED, ids=[m for _, m in REFUSED])
def test_refused_by_its_index(X, message):
    for check in (as_sequences, read):
        with pytest.raises(ValueError, match=message):
            check(X)


@cases(
    "x, message",
    ([[[1.0]]], r"X\[1\] has a step of shape \(1, 1\)"),
    ([[1.0], [1.0, 2.0]], r"X\[1\] has 2 features .* X\[1\] has 1 at step 0"),
)
def test_steps_are_compared_with_the_first_although_a_sequence_is_empty(x, message):
    with pytest.raises(ValueError, match=message):
        as_sequences([[], x], allow_empty=True)


@pytest.mark.parametrize(("row", "i"), [(0, 0), (1, 0), (2, 2), (3, 3), (5, 3)])
def test_sequence_of_row_passes_over_empty_sequences(row, i):
    assert sequence_of_row(np.array([0, 2, 2, 3, 6]), row) == i


# --- properties -----------------------------------------------------------------------


@containers
@given(st.lists(st.lists(st.integers(0, 99), min_size=1), min_size=3, max_size=3))
def test_ids_make_a_round_trip(container, items):
    X = as_sequences(container(items))
    assert X.kind == "ids"
    assert to_lists(X) == items
    assert to_lists(as_sequences(np.asarray(X))) == items
    assert to_lists(as_sequences(list(X))) == items


TOKENS = st.one_of(st.text(), st.none(), st.tuples(st.text()))


@given(st.lists(st.lists(TOKENS, max_size=4), min_size=1, max_size=5))
def test_tokens_make_a_round_trip(items):
    X = as_sequences(items, allow_empty=True, tokens=True)
    assert to_lists(X) == items
    assert to_lists(as_sequences(np.asarray(X), allow_empty=True, tokens=True)) == items


LENGTH_LISTS = st.lists(st.integers(1, 4), min_size=1, max_size=5)


@given(LENGTH_LISTS, st.integers(1, 3), st.randoms(use_true_random=False))
def test_dense_and_sparse_make_a_round_trip(lengths, d, random):
    rows = [[random.choice([0.0, 1.5, -2.0]) for _ in range(d)] for _ in lengths]
    items = [np.array([row] * T) for row, T in zip(rows, lengths, strict=True)]
    for convert in (np.asarray, sparse.csr_array):
        X = as_sequences(list(map(convert, items)))
        again = as_sequences(np.asarray(X))
        assert again.lengths.tolist() == lengths
        equal_rows(X.rows, np.concatenate(items))
        equal_rows(again.rows, np.concatenate(items))


# --- check_sequences ------------------------------------------------------------------


def test_a_table_has_series_or_steps_in_its_rows():
    table = np.arange(6).reshape(2, 3)
    estimator = Estimator()
    series = check_sequences(estimator, table, reset=True)
    assert estimator.n_features_in_ == 3
    assert (series.kind, series.lengths.tolist()) == ("dense", [3, 3])
    equal_rows(series.rows, np.arange(6.0)[:, None])
    steps = read(table, layout="steps")
    assert steps.lengths.tolist() == [1, 1]
    equal_rows(steps.rows, table.astype(float))


@pytest.mark.parametrize("layout", ["series", "steps", "tokens"])
def test_the_layout_of_a_2d_array_is_returned(layout):
    array = np.arange(6.0).reshape(2, 3)
    for X in (array, pd.DataFrame(array)):
        X = read(X, layout=layout)
        assert X.layout == layout
        assert X[:1].layout is None
        assert pickle.loads(pickle.dumps(X)).layout == layout
    for X in (list(array), array[:, :, None], Sequences(array, [0, 2]), [[0, 1]]):
        assert read(X, layout=layout).layout is None


def test_a_list_of_lists_of_floats_is_a_2d_array_of_token_ids():
    X = [[0.0, 2.0], [1.0, 1.0]]
    ids = read(X, layout="tokens")
    assert (ids.kind, ids.layout) == ("ids", "tokens")
    assert read(X, layout="steps").layout is None


@pytest.mark.parametrize("convert", [np.asarray, sparse.csr_array, np.ndarray.tolist])
def test_rows_of_0_and_1_become_dense(convert):
    rows = np.eye(3)[[0, 2, 1]]
    X = read([convert(rows[:2]), convert(rows[2:])], binary_rows=True)
    equal_rows(X.rows, rows)
    assert X.kind == "dense"


@pytest.mark.parametrize("convert", [np.asarray, sparse.csr_array])
def test_rows_of_other_numbers_are_named(convert):
    rows = np.eye(3)[[0, 2, 1, 1]]
    rows[3, 1] = 0.5
    X = [convert(rows[:1]), convert(rows[1:])]
    message = r"roll\[1\] contains .* neither 0 nor 1 at step 2, 0\.5 among"
    with pytest.raises(ValueError, match=message):
        read(X, binary_rows=True, name="roll")
    X[0] = X[0][:0]
    with pytest.raises(ValueError, match=r"X\[0\] has no steps"):
        read(X, binary_rows=True, allow_empty=True, dtype=None)


@cases(
    "X, kind, other, other_kind",
    ([[0, 1], [2]], "token ids", [np.eye(3)], "rows of 0 and 1"),
    ([np.eye(3)], "rows of 0 and 1", [[0, 1], [2]], "token ids"),
)
def test_ids_or_rows_of_0_and_1_as_in_fit(X, kind, other, other_kind):
    estimator = Estimator().fit(X, binary_rows=True)
    assert estimator.check(X, binary_rows=True).kind == estimator.input_kind_
    message = f"prefix holds {other_kind}, but Estimator was fitted on {kind}: pass"
    with pytest.raises(ValueError, match=message):
        estimator.check(other, binary_rows=True, name="prefix")


@cases(
    "X, message",
    ([], "0 sequences in prefix"),
    ("ab", r"prefix is a single string; .* such as \[prefix\]"),
    (["ab", "c"], r"prefix\[0\] is the string 'ab'"),
    ([1.0, 2.0], r"prefix has one dimension, .* pass \[prefix\]"),
    ([1.0, None], r"prefix\[1\] is None"),
    (csr(np.eye(2)), "prefix is a single sparse matrix"),
    (np.array([[np.nan, 1.0]]), "Input prefix contains NaN"),
    ([[1e300]], r"prefix\[0\] contains a number too large for float32"),
    ([["a"]], r"prefix\[0\] contains the token 'a'"),
    ([np.ones((1, 2))], r"prefix\[0\] has 2 features per step"),
)
def test_messages_name_the_argument(X, message):
    estimator = Estimator().fit([[0.5, 1.5]])
    with pytest.raises(ValueError, match=message):
        estimator.check(X, name="prefix", dtype="float32")


def test_an_argument_beside_x_may_have_other_columns():
    frame = columns([1.0, 2.0], [3.0, 4.0])
    prefix = frame[["a"]].rename(columns={"a": "start"})
    checked = Estimator().fit(frame).check(prefix, name="prefix")
    assert checked.lengths.tolist() == [1, 1]


masked, matrix = np.ma.masked_values([0.5, 1.5], 1.5), np.matrix(np.eye(2))


@cases(
    "X, message, mended",
    (np.array([0.5, 1.5]), r"pass \[X\]\.", [np.array([0.5, 1.5])]),
    (np.array([0.5, 1.5]), r"np\.reshape\(X, \(-1, 1\)\)", np.array([[0.5], [1.5]])),
    (eye(2), r"pass \[X\]", [eye(2)]),
    ({(1, 2)}, "pass a list", [(1, 2)]),
    ([masked], r"X\[0\]\.filled\(value\)", [masked.filled(0.0)]),
    ([matrix], r"np\.asarray\(X\[0\]\)", [np.asarray(matrix)]),
    ([[1], []], "remove empty sequences", [[1]]),
    ([[1e300]], 'dtype="float32"|scale the numbers', [[1.0]]),
    ([["ab"]], "VocabularyEncoder", VocabularyEncoder().fit_transform([["ab"]])),
    ([[0, -1]], "VocabularyEncoder", VocabularyEncoder().fit_transform([[0, -1]])),
)
def test_what_a_message_says_works(X, message, mended):
    with pytest.raises(ValueError, match=message):
        read(X, dtype="float32")
    assert len(read(mended, dtype="float32"))


@cases("a, is_table", ([1.0, 2.0, 3.0], True), (dense, False))
def test_columns_have_names(a, is_table):
    frame = columns(a, a)
    estimator = Estimator().fit(frame)
    assert estimator.feature_names_in_.tolist() == ["a", "b"]
    assert hasattr(estimator, "n_features_in_") == is_table
    if not is_table:  # without a warning
        assert estimator.check(np.asarray(frame)).rows.shape == (6, 4)
    with pytest.raises(ValueError, match="feature names"):
        estimator.check(frame[["b", "a"]])


def test_a_second_fit_forgets_the_first_table():
    estimator = Estimator().fit(columns([1.0], [2.0])).fit([[1, 2, 3]])
    assert not hasattr(estimator, "n_features_in_")
    assert not hasattr(estimator, "feature_names_in_")


@cases(
    "X, message",
    ([["a"], ["b"]], r"X\[0\] contains the token 'a' where Estimator.*Vocabulary"),
    ([[1], [2, "b"]], r"X\[1\] contains the token 'b'"),
    (Sequences(WORDS[:0], [0]), "Found 0 sequences in X while a minimum of 1"),
    ([], "Found 0 sequences in X while a minimum of 1"),
    (np.ones(3), r"pass \[X\]\. Reshape your data"),
    ([1, 2, 3], r"of 3 numbers: if it is one sequence, pass \[X\]\. Reshape"),
    (pd.Series([1.0, 2.0]), r"of 2 numbers: if it is one sequence, pass \[X\]"),
    (sparse.csr_array(ones), r"single sparse matrix .* pass \[X\]"),
    (sparse.dok_array(ones), r"single sparse matrix .* pass \[X\]"),
    (sparse.dia_array(ones), r"single sparse matrix .* pass \[X\]"),
    ([{1, 2}, {3}], r"X\[0\] is \{1, 2\}, of type set, not a sequence"),
    ([1, iter([2])], r"X\[1\] is .*, of type list_iterator, not a sequence"),
    (np.ones((1, 1, 1, 1)), "dim 4"),
    (np.empty((0, 3)), "0 sample"),
    (np.empty((0, 3, 2)), "Found 0 sequences in X while a minimum of 1"),
    (np.array([[1.0, nan]]), "NaN"),
)
def test_refused_by_an_estimator(X, message):
    with pytest.raises(ValueError, match=message):
        read(X)


known, csr_rows = [[3, 1], [4]], ITEMS["csr arrays"][0]
FLOATS = "fitted on token ids and got floats; pass lists .* integers from 0 to 4"


@cases(
    "seen, X, message",
    (np.ones((2, 3)), np.ones((2, 2)), "X has 2 features, but Estimator is expecting"),
    (known, [[1], [4, 5], [7]], rf"{ID} 5 \(the largest is 7\).*ids 0 to 4"),
    (known, [[0.0, 1.0]], FLOATS),
    (known, [np.array([True, False])], FLOATS),
    (known, np.array([[0, 1]]), FLOATS),
    (dense, [ones], r"X\[0\] has 3 features per step.*expecting 2"),
    (csr_rows, [ones], r"X\[0\] has 3 features per step.*expecting 2"),
    (csr_rows, [ones], r"pass arrays of shape \(T_i, 2\)"),
    (csr_rows, [[1], [0, 3]], r"contains .* 3 .*fitted on rows of 2 feat"),
)
def test_what_disagrees_with_fit(seen, X, message):
    estimator = Estimator().fit(seen)
    with pytest.raises(ValueError, match=message):
        estimator.check(X)


def test_ids_get_their_number_in_fit_and_whole_numbers_may_be_floats():
    assert read(known).n_tokens == 5
    assert read(of_ids(3, 1, n_tokens=9)).n_tokens == 9
    assert Estimator().fit(known).check([[1, 4]]).n_tokens == 5
    series = Estimator().fit(np.ones((2, 3))).check([[1.0, 2.0]])
    assert series.lengths.tolist() == [2]
    whole = Estimator().fit([[0.5, 1.5]]).check([[1, 2], [3]])
    assert whole.kind == "dense"
    equal_rows(whole.rows, np.array([[1.0], [2.0], [3.0]]))


@pytest.mark.parametrize("dtype", [np.float32, "float64"])
@pytest.mark.parametrize("name", ["2-D arrays", "csr arrays", "float lists"])
def test_floats_get_the_dtype_that_is_asked_for(name, dtype):
    assert read(ITEMS[name][0], dtype=dtype).rows.dtype == dtype


@pytest.mark.parametrize("allow_nan", [False, True])
@pytest.mark.parametrize("convert", [np.asarray, sparse.csr_array])
def test_too_large_for_float32(convert, allow_nan):
    rows = [convert(ones), convert([[1.0, 1, 1], [1, 1e300, 1]])]
    message = r"X\[1\] contains a number too large for float32 at step 1: .*\"float64\""
    with pytest.raises(ValueError, match=message):
        read(rows, dtype="float32", allow_nan=allow_nan)


@pytest.mark.parametrize("convert", [np.asarray, sparse.csr_array, list])
def test_nan_where_it_is_allowed(convert):
    rows = [[1.0, nan], [inf, 1.0]]
    X = read([convert(rows[:1])], allow_nan=True)
    assert np.isnan(X.rows.toarray() if sparse.issparse(X.rows) else X.rows).sum() == 1
    with pytest.raises(ValueError, match=r"X\[0\] contains infinity at step 1"):
        read([convert(rows)], allow_nan=True)
    table = np.array([[1.0, nan]])
    assert_array_equal(read(table, allow_nan=True).rows, table.T)


def stored_zeros():
    """Return rows with a stored zero, and with an entry in two parts."""
    data, columns, indptr = [0.0, 1.0, 2.0, 3.0], [0, 1, 0, 0], [0, 2, 4]
    return sparse.csr_array((data, columns, indptr), shape=(2, 2))


@pytest.mark.parametrize("container", [lambda x: [x], lambda x: Sequences(x, [0, 2])])
def test_stored_zeros_are_no_entries(container):
    given = stored_zeros()
    X = read(container(given))
    equal_rows(X.rows, np.array([[0.0, 1.0], [5.0, 0.0]]))
    assert X.rows.data.tolist() == [1.0, 5.0]
    assert given.data.tolist() == stored_zeros().data.tolist()
    X = read([sparse.csr_array([[1e-300, 1.0]])], dtype=np.float32)
    assert X.rows.data.tolist() == [1.0]


def test_canonical_and_read_only_rows_are_taken_without_a_copy(tmp_path):
    rows = sparse.csr_array(DENSE)
    assert np.shares_memory(read(Sequences(rows, OFFSETS)).rows.data, rows.data)
    np.save(tmp_path / "rows.npy", DENSE)
    rows = np.load(tmp_path / "rows.npy", mmap_mode="r")
    assert np.shares_memory(read(Sequences(rows, OFFSETS)).rows, rows)
    equal_rows(read(split(rows)).rows, DENSE)


@pytest.mark.parametrize("name", ITEMS)
def test_arguments_stay_as_they_are(name):
    items, _, rows = ITEMS[name]
    container = object_array(items)
    as_sequences(container)
    assert all(a is b for a, b in zip(container, items, strict=True))
    given = as_sequences(items)
    equal_rows(as_sequences(given, tokens=True).rows, rows)
    equal_rows(given.rows, rows)


# --- tokens and texts -----------------------------------------------------------------


@cases(
    "table, rows",
    (np.array([[1, 2], [3, 0]]), [1, 2, 3, 0]),
    (np.array([[1, 2], [3, 0]], dtype=object), [1, 2, 3, 0]),
    (np.array([[1.0, 2.0], [3.0, -1.0]]), [1, 2, 3, -1]),
    (np.array([["a", "b"], ["c", "d"]]), ["a", "b", "c", "d"]),
    (np.array([[1, "a"], [2, "b"]], dtype=object), [1, "a", 2, "b"]),
)
def test_each_row_of_a_table_has_tokens(table, rows):
    estimator = Estimator()
    X = check_tokens(estimator, table, reset=True)
    assert estimator.n_features_in_ == 2
    assert (X.lengths.tolist(), X.rows.tolist()) == ([2, 2], rows)
    assert X.kind == ("ids" if set(map(type, rows)) == {int} else "tokens")
    with pytest.raises(ValueError, match="X has 4 features"):
        check_tokens(estimator, np.hstack([table, table]), reset=False)


@pytest.mark.parametrize("frame", [pd.DataFrame, pl.DataFrame])
def test_each_row_of_a_frame_has_tokens(frame):
    table = frame({"first": ["c", "d"], "second": ["a", "b"]})
    estimator = Estimator()
    X = check_tokens(estimator, table, reset=True)
    assert to_lists(X) == [["c", "a"], ["d", "b"]]
    assert estimator.feature_names_in_.tolist() == ["first", "second"]
    with pytest.raises(ValueError, match="feature names"):
        check_tokens(estimator, table[["second", "first"]], reset=False)


def test_sequences_of_tokens_may_be_empty():
    for items in ([[], ["a"]], [np.array([]), np.array([2])]):
        assert read_tokens(items).lengths.tolist() == [0, 1]
    for items in ([[], []], [np.array([])] * 2, [np.empty((0, 3))] * 2):
        X = read_tokens(items)
        assert (X.kind, X.rows.shape, X.lengths.tolist()) == ("ids", (0,), [0, 0])


@cases(
    "X, message",
    ("a text", "X is a single string"),
    ([[], [0.5]], r"X\[1\] has dense rows of numbers where Estimator needs tokens"),
    (np.array([[0.5, 1.0]]), r"X\[0\] has dense rows of numbers"),
    ([sparse.eye_array(2)], r"X\[0\] has sparse rows of numbers"),
    (np.ones((2, 3, 2)), r"X\[0\] has dense rows of numbers"),
    ([["a"], "b"], r"X\[1\] is 'b', not a sequence of steps: a Tokenizer"),
    (Sequences(WORDS[:0], [0]), "Found 0 sequences in X while a minimum of 1"),
    ([], "Found 0 sequences in X while a minimum of 1"),
    (np.array([[1.0, nan]]), "NaN"),
    (np.array([[1j]]), "Complex data not supported"),
)
def test_what_are_no_tokens(X, message):
    with pytest.raises(ValueError, match=message):
        read_tokens(X)


@pytest.mark.parametrize("bad", [["b"], {"b": 1}, {"b"}, ("b", ["c"]), np.ones(1)])
def test_tokens_must_be_hashable(bad):
    with pytest.raises(TypeError, match=r"X\[2\] contains .* at step 1, which is not"):
        read_tokens([["a", "b"], [], ["c", bad, "d"]])


TEXTS = ["a text", "", "näther Ünö"]


@containers_of_str
def test_texts_in_every_container_are_for_a_tokenizer(container):
    estimator = Estimator()
    X = container(TEXTS)
    assert check_texts(estimator, X, reset=True) == TEXTS
    assert check_texts(estimator, X, reset=False) == TEXTS
    if hasattr(X, "columns"):
        assert estimator.feature_names_in_.tolist() == ["x"]
        with pytest.raises(ValueError, match="feature names"):
            check_texts(estimator, type(X)({"title": TEXTS}), reset=False)
    needs = r"X\[0\] is the string 'a text' where Estimator needs a sequence of token"
    tokens = r"X\[0\] is the string 'a text'.*needs a sequence of tokens.*a Tokenizer"
    with pytest.raises(ValueError, match=needs + ".*Tokenizer and a Vocabulary"):
        read(X)
    with pytest.raises(ValueError, match=tokens):
        read_tokens(X)


@cases(
    "X, message",
    ("a text", "X is a single string; pass a list"),
    (b"a text", "X is a single string; pass a list"),
    ([], "Found 0 texts in X while a minimum of 1"),
    (np.array([], dtype=str), "Found 0 texts in X while a minimum of 1"),
    (["a", None], r"X\[1\] is None, of type NoneType, not a text"),
    (["a", b"b"], r"X\[1\] is b'b', of type bytes, not a text.*decode bytes"),
    (pd.Series(["a", nan], index=[4, 2]), r"X\[1\] is nan, of type float"),
    ([["a", "b"]], r"X\[0\] is \['a', 'b'\], of type list, not a text"),
    (np.array([["a", "b"]]), r"ndarray of shape \(1, 2\)"),
    (pd.DataFrame({"a": ["b"], "c": ["d"]}), r"DataFrame of shape \(1, 2\)"),
    (np.ones(3), "ndarray of shape"),
    ({"a": "b"}, "X is a dict, .*; pass a list"),
    ({"a", "b"}, "X is a set, .*; pass a list"),
    (iter(["a"]), "X is a list_iterator, .*; pass a list"),
    (3, "a int of shape unknown"),
)
def test_what_are_no_texts(X, message):
    with pytest.raises(ValueError, match=message):
        check_texts(Estimator(), X, reset=True)


# --- labels ---------------------------------------------------------------------------

LENGTHS = np.diff(OFFSETS)
LABELS = [["N", "V"], ["N"], ["O", "N", "V"]]
FLAT = [label for labels in LABELS for label in labels]


@containers
def test_labels_in_every_container(container):
    assert check_step_targets(container(LABELS), LENGTHS) == FLAT


@cases(
    "convert",
    *(tuple, np.array, object_array, pd.Series),
    lambda labels: pd.DataFrame({"label": labels}),
    lambda labels: pl.DataFrame({"label": labels}),
)
def test_labels_of_one_sequence_in_every_container(convert):
    labels = check_step_targets(list(map(convert, LABELS)), LENGTHS)
    assert labels == FLAT
    assert set(map(type, labels)) == {str}


def test_labels_may_be_anything_hashable():
    labels = [[1, "a"], [None], [("a", 1), 2.5, True]]
    assert check_step_targets(labels, LENGTHS) == [1, "a", None, ("a", 1), 2.5, True]
    labels = Sequences(np.array(FLAT, dtype=object), OFFSETS)
    assert check_step_targets(labels, LENGTHS) == FLAT


def test_labels_in_a_table_and_single_labels():
    table = np.array([["a", "b"], ["c", "d"]])
    for y in (table, pd.DataFrame(table, columns=["x", "y"])):
        assert check_step_targets(y, np.array([2, 2])) == ["a", "b", "c", "d"]
    y = check_step_targets(np.array(["a", "b"]), np.array([1, 1]), single=True)
    assert y == ["a", "b"]


@cases(
    "convert",
    *(np.array, sparse.csr_array, list, pd.DataFrame),
    lambda rows: pl.DataFrame(rows, orient="row"),
    lambda rows: np.array(rows, bool),
)
def test_rows_of_0_and_1(convert):
    rows = np.array([[0, 1], [1, 1], [0, 0], [1, 0], [0, 1], [0, 0]])
    y = [convert(x.tolist()) for x in split(rows)]
    assert_array_equal(check_step_targets(y, LENGTHS), rows)
    cube = rows.reshape(2, 3, 2)
    assert_array_equal(check_step_targets(cube, np.array([3, 3])), rows)


rows, more, n = [[0, 1], [1, 1]], [[0, 1]] * 3, [["N"]]
no_sequence = pd.Series([LABELS[0], 3, LABELS[2]], index=[4, 2, 0])
NOT_A_ROW = "where every step must have a row of 0 and 1"
NOT_BINARY = "contains values that are neither 0 nor 1"


@cases(
    "y, message",
    (None, "y is None, and this method requires y to be passed"),
    ("NNVONV", "y is a single string; pass a list with one item per sequence"),
    (map(list, LABELS), "y is a map, .*; pass a list"),
    (set(map(tuple, LABELS)), "y is a set, .*; pass a list"),
    (dict(enumerate(LABELS)), "y is a dict, .*; pass a list"),
    ([LABELS[0], [("a", [1])], LABELS[2]], r"y\[1\] contains a tuple.*at step 0"),
    ([LABELS[0], ["N"], ["N", nan, "V"]], r"y\[2\] contains NaN at step 1"),
    ([[1, 2], [np.float32(nan)], [1, 2, 3]], r"y\[1\] contains NaN at step 0"),
    (LABELS[:2], "y has 2 label sequences and X has 3 sequences"),
    ([*LABELS[:2], ["O", "N"]], r"y\[2\] has 2 labels and X\[2\] has 3 steps"),
    ([LABELS[0], "N", LABELS[2]], r"y\[1\] is 'N', not a sequence of labels"),
    ([LABELS[0], None, LABELS[2]], r"y\[1\] is None, not a sequence of labels"),
    (no_sequence, r"y\[1\] is 3, not a sequence"),
    ([LABELS[0], [["N"]], LABELS[2]], r"y\[1\] contains a list: labels must be h"),
    ([LABELS[0], [{"N"}], LABELS[2]], r"y\[1\] contains a set: labels must be h"),
    ([LABELS[0], ["N"], ["N", {}, "O"]], r"y\[2\] contains a dict"),
    ([rows, [[1]], more], r"y\[1\] has shape \(1, 1\) and y\[0\] has shape \(2, 2\)"),
    ([rows, [[1, 0]], [[0, 1], [1], [0, 0]]], rf"y\[2\] has shape \(3,\) {NOT_A_ROW}"),
    ([rows, ["N"], more], rf"y\[1\] has shape \(1,\) {NOT_A_ROW}"),
    ([rows, [[0, 2]], more], rf"y\[1\] {NOT_BINARY}"),
    ([[["N"], ["V"]], n, n * 3], rf"y\[0\] {NOT_BINARY}.*MultiLabelBinarizer"),
    (
        [[["N"], ["V", "N"]], n, n * 3],
        r"y\[0\] has shape \(2,\) where every step.*MultiLabelBinarizer",
    ),
)
def test_refused_labels(y, message):
    with pytest.raises(ValueError, match=message):
        check_step_targets(y, LENGTHS)


def test_missing_targets_are_named():
    with pytest.raises(ValueError, match=r"classes is None, .* requires classes"):
        targets_as_list(None, "classes")


@containers_of_str
def test_targets_as_list(container):
    assert targets_as_list(container(["a", "b", "a"])) == ["a", "b", "a"]


@cases(
    "labels, expected, dtype",
    (["b", "a", "b"], ["a", "b"], "U"),
    ([3, 1, 3, 2], [1, 2, 3], "i"),
    ([0.5, -1.0], [-1.0, 0.5], "f"),
    ([True, False], [False, True], "b"),
    ([("b", 1), ("a", 2)], [("a", 2), ("b", 1)], "O"),
    ([1, 2, 0, "a", 1], [1, 2, 0, "a"], "O"),
    ([None], [None], "O"),
)
def test_unique_labels_are_sorted_where_they_can_be(labels, expected, dtype):
    classes = unique_labels(labels)
    assert (classes.ndim, classes.dtype.kind) == (1, dtype)
    assert classes.tolist() == expected


@given(st.lists(st.one_of(st.integers(-5, 5), st.text(max_size=2)), min_size=1))
def test_labels_make_a_round_trip(labels):
    classes = unique_labels(labels)
    assert len(classes) == len(set(labels))
    codes = encode_labels(labels, classes)
    assert classes[codes].tolist() == labels


class Part(enum.StrEnum):
    NOUN = "noun phrase"
    VERB = "v"


INTEGERS = [[-1, 2**63], [2**70], [np.uint64(2**63), np.uint64(1)]]
SCALARS_OF_NUMPY = [[np.str_("b"), np.str_("a")], [np.float32(0.1)], [np.bool_(True)]]


@pytest.mark.parametrize(
    "labels", [[*Part], ["a\0", "a"], ["\0"], *INTEGERS, *SCALARS_OF_NUMPY], ids=repr
)
def test_labels_that_numpy_would_change(labels):
    classes = unique_labels(labels)
    decoded = classes[encode_labels(labels, classes)].tolist()
    assert decoded == labels
    plain = [x.item() if isinstance(x, np.generic) else x for x in labels]
    assert [*map(type, decoded)] == [*map(type, plain)]


def test_labels_that_are_no_class():
    codes = encode_labels(["b", "x", "a"], unique_labels(["a", "b"]))
    assert codes.tolist() == [1, -1, 0]
    assert codes.dtype == np.intp


# --- weights --------------------------------------------------------------------------


@cases(
    "weights, expected",
    (None, [1, 1, 1]),
    (2, [2, 2, 2]),
    ([0, 1, 2.5], [0, 1, 2.5]),
    (np.array([1, 2, 3], dtype=np.float32), [1, 2, 3]),
    (pd.Series([1, 2, 3], index=[2, 0, 1]), [1, 2, 3]),
)
def test_weights(weights, expected):
    checked = check_weights(weights, 3)
    assert checked.dtype == np.float64
    assert_array_equal(checked, expected)


@cases(
    "weights, message",
    ([1, -1, 1], "Negative values"),
    ([1, nan, 1], "NaN"),
    ([1, inf, 1], "infinity"),
    ([1, 1], "inconsistent|expected"),
    ([[1], [1], [1]], r"sample_weight\[0\] is \[1\]: give one weight"),
    ([0, 0, 0], "zero"),
)
def test_refused_weights(weights, message):
    with pytest.raises(ValueError, match=message):
        check_weights(weights, 3)
