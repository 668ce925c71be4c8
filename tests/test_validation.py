"""Containers of sequences, tokens, texts, labels and weights; and what is refused."""

import enum
import pickle
import warnings
from itertools import pairwise

import numpy as np
import pandas as pd
import polars as pl
import pytest
from common import object_array
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
    "csc matrices": (
        [sparse.csc_matrix(x) for x in split(DENSE)],
        "sparse",
        DENSE,
    ),
    "lists of str": (to_lists(split(WORDS)), "tokens", WORDS),
    "arrays of objects": (split(WORDS), "tokens", WORDS),
    "arrays of str": (split(WORDS.astype(str)), "tokens", WORDS),
    "lists of tuples": (
        [[("a", "b"), ("c", "d")], [("a", "b")], [("e", "f"), ("", ""), ("g", "h")]],
        "tokens",
        np.fromiter(
            [("a", "b"), ("c", "d"), ("a", "b"), ("e", "f"), ("", ""), ("g", "h")],
            dtype=object,
        ),
    ),
}


def polars_series(items):
    if isinstance(items[0], (list, np.ndarray)) and not isinstance(items[0][0], tuple):
        return pl.Series(
            "x", [x.tolist() if hasattr(x, "tolist") else x for x in items]
        )
    return pl.Series("x", items, dtype=pl.Object)


CONTAINERS = {
    "list": list,
    "tuple": tuple,
    "object array": object_array,
    "column": lambda items: object_array(items)[:, None],
    "pandas Series": lambda items: pd.Series(items, index=[7, 0, 3]),
    "pandas DataFrame": lambda items: pd.DataFrame({"x": items}, index=[2, 1, 0]),
    "polars Series": polars_series,
    "polars DataFrame": lambda items: pl.DataFrame({"x": polars_series(items)}),
}

containers = pytest.mark.parametrize("container", CONTAINERS.values(), ids=CONTAINERS)


class Estimator(BaseEstimator):
    """Stands for an estimator that was fitted on X."""

    def fit(self, X, **options):
        X = check_sequences(self, X, reset=True, **options)
        self.input_kind_ = X.kind
        self.input_size_ = X.n_tokens if X.kind == "ids" else X.rows.shape[1]
        return self

    def check(self, X, **options):
        return check_sequences(self, X, reset=False, **options)


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
    assert X.kind == kind
    assert X.offsets.tolist() == OFFSETS.tolist()
    equal_rows(X.rows, rows)
    if kind in ("dense", "sparse"):
        assert X.rows.dtype == np.float64
    if kind == "sparse":
        assert isinstance(X.rows, sparse.csr_array)
    again = as_sequences(X)
    assert again.kind == kind
    equal_rows(again.rows, rows)


def test_tokens_of_arrays_of_str_are_python_str():
    X = as_sequences([np.array(["a", "b"])])
    assert set(map(type, X.rows)) == {str}


def test_arrays_of_one_length_in_a_column():
    column = object_array([np.array([1, 2]), np.array([3, 4])])[:, None]
    assert to_lists(as_sequences(column)) == [[1, 2], [3, 4]]


def test_3d_array_is_dense_and_shares_memory():
    array = np.arange(12.0).reshape(2, 3, 2)
    X = as_sequences(array)
    assert X.kind == "dense"
    assert X.lengths.tolist() == [3, 3]
    equal_rows(X.rows, array.reshape(6, 2))
    assert np.shares_memory(X.rows, array)
    X = as_sequences(np.ones((2, 3, 2), dtype=int))
    assert X.rows.dtype == np.float64


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
    for X in (
        Sequences(rows, [0, 1, 3], n_tokens=3),
        [rows[:1], rows[1:]],
        [rows[:1], rows[1:].astype(np.int64)],
        [rows[:1].astype(np.int64), rows[1:].astype(np.uint64)],
    ):
        X = check_sequences(Estimator(), X, reset=True)
        assert (X.kind, X.n_tokens, X.rows.dtype) == ("ids", 3, np.int64)
        assert X.rows.tolist() == [2, 0, 1]


def test_integers_of_any_size_are_tokens():
    tokens = [np.array([2**63, 1], dtype=np.uint64), np.array([-1])]
    for X in (tokens, [[2**63, 1], [-1]]):
        X = check_tokens(Estimator(), X, reset=True)
        assert (X.kind, X.rows.tolist()) == ("tokens", [2**63, 1, -1])


def test_float32_stays_float32():
    assert as_sequences(split(DENSE.astype(np.float32))).rows.dtype == np.float32
    array = DENSE.astype(np.float32).reshape(2, 3, 2)
    assert as_sequences(array).rows.dtype == np.float32


@pytest.mark.parametrize(
    "table",
    [
        np.ones((3, 2)),
        np.array([["a", "b"], ["c", "d"]]),
        np.ones((3, 2), dtype=object),
        pd.DataFrame({"a": [1, 2], "b": [3, 4]}),
        pl.DataFrame({"a": [1, 2], "b": [3, 4]}),
        np.ones(3),
        ["one text", "another text"],
        [1, 2, 3],
        [],
        sparse.csr_array(np.eye(2)),
        3.0,
        np.array("a"),
        None,
    ],
    ids=lambda table: type(table).__name__,
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
        assert X.lengths.tolist() == [0, 2, 0]
        assert X.kind == kind
        with pytest.raises(ValueError, match=r"X\[0\] has no steps: remove empty"):
            as_sequences(X)
        with pytest.raises(ValueError, match=r"X\[0\] has no steps: remove empty"):
            as_sequences(items)
    for items in ([[], []], [np.array([])] * 2):
        X = as_sequences(items, allow_empty=True)
        assert X.lengths.tolist() == [0, 0]


def test_tokens_keep_tuples_of_numbers_and_negative_integers():
    chords = [[(60, 64, 67)], [(60, 65, 69), (59, 62, 67)]]
    assert as_sequences(chords).kind == "dense"
    X = as_sequences(chords, tokens=True)
    assert X.kind == "tokens"
    assert X.rows.tolist() == [chord for chords_ in chords for chord in chords_]
    assert as_sequences([[-3, 1]], tokens=True).rows.tolist() == [-3, 1]
    negative = Sequences(np.array([-3, 1]), [0, 2])
    assert as_sequences(negative, tokens=True) is negative


def test_large_values_are_finite_although_their_sum_is_not():
    rows = np.full((4, 1), 1e308)
    equal_rows(as_sequences([rows]).rows, rows)
    rows = sparse.csr_array(rows)
    equal_rows(as_sequences([rows]).rows, rows.toarray())


# --- several columns ------------------------------------------------------------------


@pytest.mark.parametrize(
    "container",
    [
        lambda a, b: np.column_stack([object_array(a), object_array(b)]),
        lambda a, b: pd.DataFrame({"a": a, "b": b}, index=[5, 3, 1]),
        lambda a, b: pl.DataFrame(
            {"a": pl.Series(a, dtype=pl.Object), "b": pl.Series(b, dtype=pl.Object)}
        ),
    ],
    ids=["array", "pandas", "polars"],
)
@pytest.mark.parametrize(
    ("left", "right", "kind"),
    [
        ("2-D arrays", "float lists", "dense"),
        ("csr arrays", "csc matrices", "sparse"),
        ("csr arrays", "2-D arrays", "sparse"),
        ("float arrays", "csr arrays", "sparse"),
    ],
)
def test_columns_are_joined_step_by_step(container, left, right, kind):
    (a, _, rows_a), (b, _, rows_b) = ITEMS[left], ITEMS[right]
    X = as_sequences(container(a, b))
    assert X.kind == kind
    assert X.offsets.tolist() == OFFSETS.tolist()
    equal_rows(X.rows, np.hstack([rows_a, rows_b]))


def test_columns_that_cannot_be_joined():
    dense, ids = ITEMS["2-D arrays"][0], ITEMS["int arrays"][0]
    with pytest.raises(ValueError, match=r"column 1 of X holds ids.*OneHotEncoder"):
        as_sequences(pd.DataFrame({"a": dense, "b": ids}))
    with pytest.raises(ValueError, match=r"column 0 of X holds tokens.*OneHotEncoder"):
        as_sequences(pd.DataFrame({"a": ITEMS["lists of str"][0], "b": dense}))
    shorter = [dense[0], dense[1], dense[2][:2]]
    with pytest.raises(
        ValueError, match=r"X\[2\] has 3 steps in column 0 and 2 in column 1"
    ):
        as_sequences(pd.DataFrame({"a": dense, "b": shorter}))


# --- what is refused ------------------------------------------------------------------

nan, inf = np.nan, np.inf
ones = np.ones((2, 3))

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
    ([sparse.csr_array((2, 0))], r"X\[0\] has shape \(2, 0\): .* one feature"),
    ([ones, np.asmatrix(ones)], r"X\[1\] is a matrix: pass an array, np.asarray"),
    ([ones, np.ma.masked_equal(ones, 1)], r"X\[1\] is a MaskedArray: pass an array"),
    (np.ma.masked_equal(np.ones((2, 3, 1)), 1), "X is a MaskedArray: pass an array"),
    (
        [sparse.eye_array(3), sparse.coo_array([1.0, 2.0])],
        r"X\[1\] is (sparse and has shape \(2,\)|\(1, 2\))",
    ),
    ({(1, 2), (3, 4)}, "X is a set, .*; pass a list"),
    (frozenset([(1, 2)]), "X is a frozenset, .*; pass a list"),
    ({"a": [1, 2]}, "X is a dict, .*; pass a list"),
    ({"a": [1, 2]}.values(), "X is a dict_values, .*; pass a list"),
    (map(list, [(1, 2)]), "X is a map, .*; pass a list"),
    ((x for x in [[1, 2]]), "X is a generator, .*; pass a list"),
    (
        pd.DataFrame({"n": [1, 2], "x": [[1.0], [2.0]]}, index=[1.5, 2.5]),
        r"column 0 of X\[0\] is 1, not a sequence of steps",
    ),
    (
        pl.DataFrame({"n": [1, 2], "x": [[1.0], [2.0]]}),
        r"column 0 of X\[0\] is 1, not a sequence of steps",
    ),
    ([[[1, 2]], [[3, 4], [5]]], r"X\[1\] has 1 features at step 1 and X\[0\] has 2"),
    (
        [sparse.eye_array(3), ones],
        r"X\[1\] is of type ndarray and X\[0\] is sparse of shape \(3, 3\)",
    ),
    (
        [sparse.eye_array(3), sparse.eye_array(2)],
        r"X\[1\] is sparse of shape \(2, 2\) and X\[0\] is sparse of shape \(3, 3\)",
    ),
    (
        [[3, 1], [0, -1]],
        r"X\[1\] contains the token id -1 at step 1 .* ids from 0 to 2147483647",
    ),
    *(
        (
            [[3], [1, i]],
            rf"X\[1\] contains the token id {i} at step 1 .*VocabularyEncoder",
        )
        for i in (2**31, 10**12, 2**63, 2**70)
    ),
    (
        [np.array([3]), np.array([1, 2**63], dtype=np.uint64)],
        r"X\[1\] contains the token id 9223372036854775808 at step 1 .*Vocabulary",
    ),
    (
        Sequences(np.array([3, 2**63], dtype=np.uint64), [0, 1, 2]),
        r"X\[1\] contains the token id 9223372036854775808 at step 0 .*Vocabulary",
    ),
    (
        Sequences(np.array([3, 10**12]), [0, 1, 2], n_tokens=10**13),
        r"X\[1\] contains the token id 1000000000000 at step 0 .*VocabularyEncoder",
    ),
    (
        Sequences(np.array([3, 1, -2]), [0, 1, 3]),
        r"X\[1\] contains the token id -2 at step 1 .* ids from 0",
    ),
    (
        Sequences(np.array([3, 1, 4]), [0, 1, 3], n_tokens=4),
        r"X\[1\] contains the token id 4 at step 1 .* ids from 0 to 3 .*Vocabulary",
    ),
    ([[0.5], [1.0, nan]], r"X\[1\] contains NaN or infinity at step 1: impute"),
    ([ones, [[1, 2, 3], [1, 2, inf]]], r"X\[1\] contains NaN or infinity at step 1"),
    ([np.array([inf, -inf])], r"X\[0\] contains NaN or infinity at step 0"),
    (
        np.array([[[0.0], [1.0]], [[1.0], [-inf]]]),
        r"X\[1\] contains NaN or infinity at step 1",
    ),
    (
        [sparse.csr_array(ones), sparse.csr_array([[1, 1, 1], [1, 1, nan]])],
        r"X\[1\] contains NaN or infinity at step 1",
    ),
    (
        [sparse.csr_array([[0, 0], [0, 0], [0, inf]]), sparse.csr_array([[1, 1]])],
        r"X\[0\] contains NaN or infinity at step 2",
    ),
    (
        Sequences(np.array([[1.0], [nan], [1.0]]), [0, 1, 3]),
        r"X\[1\] contains NaN or infinity at step 0",
    ),
    (
        Sequences(sparse.csr_array([[1.0, 2], [0, 0], [0, nan]]), [0, 1, 3]),
        r"X\[1\] contains NaN or infinity at step 1",
    ),
]


@pytest.mark.parametrize(("X", "message"), REFUSED, ids=[m for _, m in REFUSED])
def test_refused_by_its_index(X, message):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(ValueError, match=message):
            as_sequences(X)
        if not isinstance(X, (str, bytes)):
            with pytest.raises(ValueError, match=message):
                check_sequences(Estimator(), X, reset=True)


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


@given(
    st.lists(
        st.lists(st.one_of(st.text(), st.none(), st.tuples(st.text())), max_size=4),
        min_size=1,
        max_size=5,
    )
)
def test_tokens_make_a_round_trip(items):
    X = as_sequences(items, allow_empty=True, tokens=True)
    assert to_lists(X) == items
    assert to_lists(as_sequences(np.asarray(X), allow_empty=True, tokens=True)) == items


@given(
    st.lists(st.integers(1, 4), min_size=1, max_size=5),
    st.integers(1, 3),
    st.randoms(use_true_random=False),
)
def test_dense_and_sparse_make_a_round_trip(lengths, d, random):
    items = [
        np.array([[random.choice([0.0, 1.5, -2.0]) for _ in range(d)]] * T)
        for T in lengths
    ]
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
    assert series.kind == "dense"
    assert series.lengths.tolist() == [3, 3]
    equal_rows(series.rows, np.arange(6.0)[:, None])
    steps = check_sequences(estimator, table, reset=True, layout="steps")
    assert steps.lengths.tolist() == [1, 1]
    equal_rows(steps.rows, table.astype(float))


@pytest.mark.parametrize("layout", ["series", "steps", "tokens"])
def test_the_layout_of_a_2d_array_is_returned(layout):
    array = np.arange(6.0).reshape(2, 3)
    for X in (array, pd.DataFrame(array)):
        X = check_sequences(Estimator(), X, reset=True, layout=layout)
        assert X.layout == layout
        assert X[:1].layout is None
        assert pickle.loads(pickle.dumps(X)).layout == layout
    sequences = [list(array), array[:, :, None], Sequences(array, [0, 2]), [[0, 1]]]
    for X in sequences:
        assert check_sequences(Estimator(), X, reset=True, layout=layout).layout is None


def test_a_list_of_lists_of_floats_is_a_2d_array_of_token_ids():
    X = [[0.0, 2.0], [1.0, 1.0]]
    ids = check_sequences(Estimator(), X, reset=True, layout="tokens")
    assert (ids.kind, ids.layout) == ("ids", "tokens")
    assert check_sequences(Estimator(), X, reset=True, layout="steps").layout is None


@pytest.mark.parametrize("convert", [np.asarray, sparse.csr_array, np.ndarray.tolist])
def test_rows_of_0_and_1_become_dense(convert):
    rows = np.eye(3)[[0, 2, 1]]
    X = [convert(rows[:2]), convert(rows[2:])]
    X = check_sequences(Estimator(), X, reset=True, binary_rows=True)
    equal_rows(X.rows, rows)
    assert X.kind == "dense"


@pytest.mark.parametrize("convert", [np.asarray, sparse.csr_array])
def test_rows_of_other_numbers_are_named(convert):
    rows = np.eye(3)[[0, 2, 1, 1]]
    rows[3, 1] = 0.5
    X = [convert(rows[:1]), convert(rows[1:])]
    message = r"roll\[1\] contains .* neither 0 nor 1 at step 2, 0\.5 among"
    with pytest.raises(ValueError, match=message):
        check_sequences(Estimator(), X, reset=True, binary_rows=True, name="roll")
    X[0] = X[0][:0]
    with pytest.raises(ValueError, match=r"X\[0\] has no steps"):
        check_sequences(
            Estimator(), X, reset=True, binary_rows=True, allow_empty=True, dtype=None
        )


def test_ids_or_rows_of_0_and_1_as_in_fit():
    ids, rows = [[0, 1], [2]], [np.eye(3)]
    for X, other, kinds in [
        (ids, rows, "rows of 0 and 1, but Estimator was fitted on token ids"),
        (rows, ids, "token ids, but Estimator was fitted on rows of 0 and 1"),
    ]:
        estimator = Estimator().fit(X, binary_rows=True)
        assert estimator.check(X, binary_rows=True).kind == estimator.input_kind_
        with pytest.raises(ValueError, match=f"prefix holds {kinds}: pass"):
            estimator.check(other, binary_rows=True, name="prefix")


@pytest.mark.parametrize(
    ("X", "message"),
    [
        ([], "0 sequences in prefix"),
        ("ab", r"prefix is a single string; .* such as \[prefix\]"),
        (["ab", "c"], r"prefix\[0\] is the string 'ab'"),
        ([1.0, 2.0], r"prefix has one dimension, .* pass \[prefix\]"),
        ([1.0, None], r"prefix\[1\] is None"),
        (sparse.csr_array(np.eye(2)), "prefix is a single sparse matrix"),
        (np.array([[np.nan, 1.0]]), "Input prefix contains NaN"),
        ([[1e300]], r"prefix\[0\] contains a number too large for float32"),
        ([["a"]], r"prefix\[0\] contains the token 'a'"),
        ([np.ones((1, 2))], r"prefix\[0\] has 2 features per step"),
    ],
)
def test_messages_name_the_argument(X, message):
    estimator = Estimator().fit([[0.5, 1.5]])
    with pytest.raises(ValueError, match=message):
        estimator.check(X, name="prefix", dtype="float32")


def test_an_argument_beside_x_may_have_other_columns():
    frame = pd.DataFrame({"a": [1.0, 2.0], "b": [3.0, 4.0]})
    estimator = Estimator().fit(frame)
    prefix = frame[["a"]].rename(columns={"a": "start"})
    assert estimator.check(prefix, name="prefix").lengths.tolist() == [1, 1]


def remedies():
    """Yield the name of an error, X, its message, and X after its remedy."""
    x = np.array([0.5, 1.5])
    masked, matrix = np.ma.masked_values(x, 1.5), np.matrix(np.eye(2))
    yield "numbers", x, r"pass \[X\]\.", [x]
    yield "sequences of one step", x, r"np\.reshape\(X, \(-1, 1\)\)", x.reshape(-1, 1)
    yield "sparse", sparse.eye_array(2), r"pass \[X\]", [sparse.eye_array(2)]
    yield "set", {(1, 2)}, "pass a list", list({(1, 2)})
    yield "masked", [masked], r"X\[0\]\.filled\(value\)", [masked.filled(0.0)]
    yield "matrix", [matrix], r"np\.asarray\(X\[0\]\)", [np.asarray(matrix)]
    yield "empty", [[1], []], "remove empty sequences", [[1]]
    yield "infinity", [[1e300]], 'dtype="float32"|scale the numbers', [[1.0]]
    yield "text", [["ab"]], "VocabularyEncoder", VocabularyEncoder().fit_transform
    yield "ids", [[0, -1]], "VocabularyEncoder", VocabularyEncoder().fit_transform


@pytest.mark.parametrize(
    ("X", "message", "mended"),
    [pytest.param(*case, id=name) for name, *case in remedies()],
)
def test_what_a_message_says_works(X, message, mended):
    with pytest.raises(ValueError, match=message):
        check_sequences(Estimator(), X, reset=True, dtype="float32")
    mended = mended(X) if callable(mended) else mended
    assert len(check_sequences(Estimator(), mended, reset=True, dtype="float32"))


def test_a_step_is_a_number_or_a_row():
    with pytest.raises(ValueError, match=r"X\[0\] has a step of shape \(2, 1\)"):
        as_sequences([[[[1.0], [2.0]]]])
    with pytest.raises(ValueError, match=r"X\[0\] has no features at step 0"):
        as_sequences([[[]]])
    for bad, message in [
        ([[[1.0]]], r"X\[1\] has a step of shape \(1, 1\)"),
        ([[1.0], [1.0, 2.0]], r"X\[1\] has 2 features .* X\[1\] has 1 at step 0"),
    ]:
        with pytest.raises(ValueError, match=message):
            as_sequences([[], bad], allow_empty=True)


def test_a_list_beside_a_sparse_matrix():
    message = r"X\[0\] is of type list and X\[1\] is sparse of shape \(2, 2\)"
    with pytest.raises(ValueError, match=message):
        as_sequences([[1, 2], sparse.eye_array(2)])


def test_none_is_named():
    with pytest.raises(ValueError, match=r"classes is None, .* requires classes"):
        targets_as_list(None, "classes")


def test_a_table_must_be_as_wide_as_in_fit():
    estimator = Estimator().fit(np.ones((2, 3)))
    with pytest.raises(
        ValueError, match="X has 2 features, but Estimator is expecting"
    ):
        estimator.check(np.ones((2, 2)))
    assert estimator.check([[1.0, 2.0]]).lengths.tolist() == [2]  # these may be


def test_a_frame_of_numbers_is_a_table_with_names():
    frame = pd.DataFrame({"a": [1.0, 2.0], "b": [3.0, 4.0]})
    estimator = Estimator().fit(frame)
    assert estimator.feature_names_in_.tolist() == ["a", "b"]
    with pytest.raises(ValueError, match="feature names"):
        estimator.check(frame[["b", "a"]])


def test_names_of_columns_of_sequences():
    dense = ITEMS["2-D arrays"][0]
    frame = pd.DataFrame({"a": dense, "b": dense})
    estimator = Estimator().fit(frame)
    assert estimator.feature_names_in_.tolist() == ["a", "b"]
    assert not hasattr(estimator, "n_features_in_")
    assert estimator.check(np.asarray(frame)).rows.shape == (6, 4)  # without a warning
    with pytest.raises(ValueError, match="feature names"):
        estimator.check(frame[["b", "a"]])


def test_a_second_fit_forgets_the_first_table():
    estimator = Estimator().fit(pd.DataFrame({"a": [1.0], "b": [2.0]}))
    estimator.fit([[1, 2, 3]])
    assert not hasattr(estimator, "n_features_in_")
    assert not hasattr(estimator, "feature_names_in_")


@pytest.mark.parametrize(
    "container",
    [
        list,
        np.array,
        object_array,
        lambda texts: np.array(texts)[:, None],
        lambda texts: pd.Series(texts, index=[7, 4]),
        lambda texts: pd.DataFrame({"text": texts}),
        pl.Series,
        lambda texts: pl.DataFrame({"text": texts}),
    ],
)
def test_texts_need_a_tokenizer(container):
    texts = container(["a text", "another"])
    message = r"X\[0\] is the string 'a text' where Estimator needs a sequence of token"
    with pytest.raises(ValueError, match=message + ".*Tokenizer and a Vocabulary"):
        check_sequences(Estimator(), texts, reset=True)
    message = r"X\[0\] is the string 'a text'.*needs a sequence of tokens.*a Tokenizer"
    with pytest.raises(ValueError, match=message):
        check_tokens(Estimator(), texts, reset=True)


@pytest.mark.parametrize(
    ("X", "message"),
    [
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
    ],
)
def test_refused_by_an_estimator(X, message):
    with pytest.raises(ValueError, match=message):
        check_sequences(Estimator(), X, reset=True)


def test_ids_get_their_number_in_fit():
    X = check_sequences(Estimator(), [[3, 1], [4]], reset=True)
    assert X.n_tokens == 5
    given = Sequences(np.array([3, 1]), [0, 2], n_tokens=9)
    assert check_sequences(Estimator(), given, reset=True).n_tokens == 9


def test_ids_must_be_below_their_number_in_fit():
    estimator = Estimator().fit([[3, 1], [4]])
    assert estimator.check([[1, 4]]).n_tokens == 5
    message = r"X\[1\] contains the token id 5 \(the largest is 7\).*ids 0 to 4"
    with pytest.raises(ValueError, match=message):
        estimator.check([[1], [4, 5], [7]])


def test_width_must_be_that_of_fit():
    for items in ("2-D arrays", "csr arrays"):
        estimator = Estimator().fit(ITEMS[items][0])
        with pytest.raises(
            ValueError, match=r"X\[0\] has 3 features per step.*expecting 2"
        ):
            estimator.check([ones])

    with pytest.raises(ValueError, match=r"pass arrays of shape \(T_i, 2\)"):
        estimator.check([ones])
    with pytest.raises(ValueError, match=r"contains .* 3 .*fitted on rows of 2 feat"):
        estimator.check([[1], [0, 3]])


@pytest.mark.parametrize(
    "X", [[[0.0, 1.0]], [np.array([True, False])], np.array([[0, 1]])]
)
def test_ids_must_be_integers_as_in_fit(X):
    estimator = Estimator().fit([[3, 1], [4]])
    message = "fitted on token ids and got floats; pass lists .* integers from 0 to 4"
    with pytest.raises(ValueError, match=message):
        estimator.check(X)


def test_whole_numbers_after_a_univariate_series_are_floats():
    X = Estimator().fit([[0.5, 1.5]]).check([[1, 2], [3]])
    assert X.kind == "dense"
    equal_rows(X.rows, np.array([[1.0], [2.0], [3.0]]))


@pytest.mark.parametrize("name", ["2-D arrays", "csr arrays", "float lists"])
def test_floats_get_the_dtype_that_is_asked_for(name):
    items = ITEMS[name][0]
    for dtype in (np.float32, "float64"):
        X = check_sequences(Estimator(), items, reset=True, dtype=dtype)
        assert X.rows.dtype == dtype
    single = as_sequences(split(DENSE.astype(np.float32)))
    kept = check_sequences(Estimator(), single, reset=True, dtype=None)
    assert kept.rows.dtype == np.float32


@pytest.mark.parametrize("convert", [np.asarray, sparse.csr_array])
def test_too_large_for_float32(convert):
    rows = [convert(ones), convert([[1.0, 1, 1], [1, 1e300, 1]])]
    message = r"X\[1\] contains a number too large for float32 at step 1: .*\"float64\""
    for allow_nan in (False, True):
        with pytest.raises(ValueError, match=message):
            check_sequences(
                Estimator(), rows, reset=True, dtype="float32", allow_nan=allow_nan
            )


@pytest.mark.parametrize("convert", [np.asarray, sparse.csr_array, list])
def test_nan_where_it_is_allowed(convert):
    rows = [[1.0, nan], [inf, 1.0]]
    X = check_sequences(Estimator(), [convert(rows[:1])], reset=True, allow_nan=True)
    assert np.isnan(X.rows.toarray() if sparse.issparse(X.rows) else X.rows).sum() == 1
    with pytest.raises(ValueError, match=r"X\[0\] contains infinity at step 1"):
        check_sequences(Estimator(), [convert(rows)], reset=True, allow_nan=True)
    table = np.array([[1.0, nan]])
    X = check_sequences(Estimator(), table, reset=True, allow_nan=True)
    assert_array_equal(X.rows, table.T)


def stored_zeros():
    """Return rows with a stored zero, and with an entry in two parts."""
    data, columns, indptr = [0.0, 1.0, 2.0, 3.0], [0, 1, 0, 0], [0, 2, 4]
    return sparse.csr_array((data, columns, indptr), shape=(2, 2))


@pytest.mark.parametrize("container", [lambda x: [x], lambda x: Sequences(x, [0, 2])])
def test_stored_zeros_are_no_entries(container):
    given = stored_zeros()
    X = check_sequences(Estimator(), container(given), reset=True)
    equal_rows(X.rows, np.array([[0.0, 1.0], [5.0, 0.0]]))
    assert X.rows.data.tolist() == [1.0, 5.0]
    assert given.data.tolist() == stored_zeros().data.tolist()
    tiny = sparse.csr_array([[1e-300, 1.0]])
    X = check_sequences(Estimator(), [tiny], reset=True, dtype=np.float32)
    assert X.rows.data.tolist() == [1.0]


def test_canonical_rows_are_not_copied():
    rows = sparse.csr_array(DENSE)
    X = check_sequences(Estimator(), Sequences(rows, OFFSETS), reset=True)
    assert np.shares_memory(X.rows.data, rows.data)


def test_read_only_rows_are_taken_without_a_copy(tmp_path):
    np.save(tmp_path / "rows.npy", DENSE)
    rows = np.load(tmp_path / "rows.npy", mmap_mode="r")
    X = check_sequences(Estimator(), Sequences(rows, OFFSETS), reset=True)
    assert np.shares_memory(X.rows, rows)
    items = split(rows)
    equal_rows(check_sequences(Estimator(), items, reset=True).rows, DENSE)


@pytest.mark.parametrize("name", ITEMS)
def test_arguments_stay_as_they_are(name):
    items, _, rows = ITEMS[name]
    container = object_array(items)
    as_sequences(container)
    assert all(a is b for a, b in zip(container, items, strict=True))
    given = as_sequences(items)
    check_tokens_or_not = as_sequences(given, tokens=True)
    equal_rows(check_tokens_or_not.rows, rows)
    equal_rows(given.rows, rows)


# --- tokens and texts -----------------------------------------------------------------


@containers
@pytest.mark.parametrize("name", [n for n in ITEMS if ITEMS[n][1] in ("ids", "tokens")])
def test_tokens_in_every_container(container, name):
    items, kind, rows = ITEMS[name]
    estimator = Estimator()
    X = check_tokens(estimator, container(items), reset=True)
    assert X.kind == kind
    assert X.offsets.tolist() == OFFSETS.tolist()
    equal_rows(X.rows, rows)
    if hasattr(container(items), "columns"):
        assert estimator.feature_names_in_.tolist() == ["x"]


@pytest.mark.parametrize(
    ("table", "rows"),
    [
        (np.array([[1, 2], [3, 0]]), [1, 2, 3, 0]),
        (np.array([[1, 2], [3, 0]], dtype=object), [1, 2, 3, 0]),
        (np.array([[1.0, 2.0], [3.0, -1.0]]), [1, 2, 3, -1]),
        (np.array([["a", "b"], ["c", "d"]]), ["a", "b", "c", "d"]),
        (np.array([[1, "a"], [2, "b"]], dtype=object), [1, "a", 2, "b"]),
    ],
)
def test_each_row_of_a_table_has_tokens(table, rows):
    estimator = Estimator()
    X = check_tokens(estimator, table, reset=True)
    assert estimator.n_features_in_ == 2
    assert X.lengths.tolist() == [2, 2]
    assert X.rows.tolist() == rows
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
        assert check_tokens(Estimator(), items, reset=True).lengths.tolist() == [0, 1]
    for items in ([[], []], [np.array([])] * 2, [np.empty((0, 3))] * 2):
        X = check_tokens(Estimator(), items, reset=True)
        assert (X.kind, X.rows.shape, X.lengths.tolist()) == ("ids", (0,), [0, 0])


@pytest.mark.parametrize(
    ("X", "message"),
    [
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
    ],
)
def test_what_are_no_tokens(X, message):
    with pytest.raises(ValueError, match=message):
        check_tokens(Estimator(), X, reset=True)


@pytest.mark.parametrize("bad", [["b"], {"b": 1}, {"b"}, ("b", ["c"]), np.ones(1)])
def test_tokens_must_be_hashable(bad):
    with pytest.raises(TypeError, match=r"X\[2\] contains .* at step 1, which is not"):
        check_tokens(Estimator(), [["a", "b"], [], ["c", bad, "d"]], reset=True)


TEXTS = ["a text", "", "näther Ünö"]


@pytest.mark.parametrize(
    "container",
    [
        list,
        tuple,
        np.array,
        object_array,
        lambda texts: np.array(texts)[:, None],
        lambda texts: object_array(texts)[:, None],
        lambda texts: pd.Series(texts, index=[7, 4, 5]),
        lambda texts: pd.DataFrame({"text": texts}, index=[2, 1, 0]),
        pl.Series,
        lambda texts: pl.DataFrame({"text": texts}),
    ],
)
def test_texts_in_every_container(container):
    estimator = Estimator()
    X = container(TEXTS)
    assert check_texts(estimator, X, reset=True) == TEXTS
    assert check_texts(estimator, X, reset=False) == TEXTS
    if hasattr(X, "columns"):
        assert estimator.feature_names_in_.tolist() == ["text"]
        with pytest.raises(ValueError, match="feature names"):
            check_texts(estimator, type(X)({"title": TEXTS}), reset=False)


@pytest.mark.parametrize(
    ("X", "message"),
    [
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
    ],
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


@pytest.mark.parametrize("convert", [tuple, np.array, object_array, pd.Series])
def test_labels_of_one_sequence_in_every_container(convert):
    labels = check_step_targets(list(map(convert, LABELS)), LENGTHS)
    assert labels == FLAT
    assert set(map(type, labels)) == {str}


@pytest.mark.parametrize("frame", [pd.DataFrame, pl.DataFrame])
def test_labels_of_one_sequence_in_a_frame(frame):
    y = [frame({"label": labels}) for labels in LABELS]
    assert check_step_targets(y, LENGTHS) == FLAT
    y = [frame({"a": [0] * n, "b": [1] * n}) for n in LENGTHS]
    assert_array_equal(check_step_targets(y, LENGTHS), [[0, 1]] * 6)


def test_labels_may_be_anything_hashable():
    labels = [[1, "a"], [None], [("a", 1), 2.5, True]]
    assert check_step_targets(labels, LENGTHS) == [1, "a", None, ("a", 1), 2.5, True]
    as_sequences_ = Sequences(np.array(FLAT, dtype=object), OFFSETS)
    assert check_step_targets(as_sequences_, LENGTHS) == FLAT


def test_labels_of_equally_long_sequences_in_a_table():
    table = np.array([["a", "b"], ["c", "d"]])
    for y in (table, pd.DataFrame(table, columns=["x", "y"])):
        assert check_step_targets(y, np.array([2, 2])) == ["a", "b", "c", "d"]


def test_single_labels():
    y = check_step_targets(np.array(["a", "b"]), np.array([1, 1]), single=True)
    assert y == ["a", "b"]


@pytest.mark.parametrize(
    "convert", [np.array, sparse.csr_array, list, lambda rows: np.array(rows, bool)]
)
def test_rows_of_0_and_1(convert):
    rows = np.array([[0, 1], [1, 1], [0, 0], [1, 0], [0, 1], [0, 0]])
    y = [convert(x.tolist()) for x in split(rows)]
    stacked = check_step_targets(y, LENGTHS)
    assert_array_equal(stacked, rows)
    cube = rows.reshape(2, 3, 2)
    assert_array_equal(check_step_targets(cube, np.array([3, 3])), rows)


@pytest.mark.parametrize(
    ("y", "message"),
    [
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
        (
            pd.Series([LABELS[0], 3, LABELS[2]], index=[4, 2, 0]),
            r"y\[1\] is 3, not a sequence",
        ),
        ([LABELS[0], [["N"]], LABELS[2]], r"y\[1\] contains a list: labels must be h"),
        ([LABELS[0], [{"N"}], LABELS[2]], r"y\[1\] contains a set: labels must be h"),
        ([LABELS[0], ["N"], ["N", {}, "O"]], r"y\[2\] contains a dict"),
        (
            [[[0, 1], [1, 1]], [[1]], [[0, 1]] * 3],
            r"y\[1\] has shape \(1, 1\) and y\[0\] has shape \(2, 2\)",
        ),
        (
            [[[0, 1], [1, 1]], [[1, 0]], [[0, 1], [1], [0, 0]]],
            r"y\[2\] has shape \(3,\) where every step must have a row of 0 and 1",
        ),
        (
            [[[0, 1], [1, 1]], ["N"], [[0, 1]] * 3],
            r"y\[1\] has shape \(1,\) where every step must have a row of 0 and 1",
        ),
        (
            [[[0, 1], [1, 1]], [[0, 2]], [[0, 1]] * 3],
            r"y\[1\] contains values that are neither 0 nor 1",
        ),
        (
            [[["N"], ["V"]], [["N"]], [["N"]] * 3],
            r"y\[0\] contains values that are neither 0 nor 1.*MultiLabelBinarizer",
        ),
        (
            [[["N"], ["V", "N"]], [["N"]], [["N"]] * 3],
            r"y\[0\] has shape \(2,\) where every step.*MultiLabelBinarizer",
        ),
    ],
)
def test_refused_labels(y, message):
    with pytest.raises(ValueError, match=message):
        check_step_targets(y, LENGTHS)


@pytest.mark.parametrize(
    "y",
    [
        ["a", "b"],
        ("a", "b"),
        np.array(["a", "b"]),
        object_array(["a", "b"]),
        object_array(["a", "b"])[:, None],
        pd.Series(["a", "b"], index=[3, 1]),
        pd.DataFrame({"y": ["a", "b"]}),
        pl.Series(["a", "b"]),
        pl.DataFrame({"y": ["a", "b"]}),
    ],
)
def test_targets_as_list(y):
    assert targets_as_list(y) == ["a", "b"]


def test_unique_labels_are_sorted_where_they_can_be():
    for labels, expected, dtype in [
        (["b", "a", "b"], ["a", "b"], "U"),
        ([3, 1, 3, 2], [1, 2, 3], "i"),
        ([0.5, -1.0], [-1.0, 0.5], "f"),
        ([True, False], [False, True], "b"),
        ([("b", 1), ("a", 2)], [("a", 2), ("b", 1)], "O"),
        ([1, 2, 0, "a", 1], [1, 2, 0, "a"], "O"),
        ([None], [None], "O"),
    ]:
        classes = unique_labels(labels)
        assert classes.ndim == 1
        assert classes.tolist() == expected
        assert classes.dtype.kind == dtype


@given(st.lists(st.one_of(st.integers(-5, 5), st.text(max_size=2)), min_size=1))
def test_labels_make_a_round_trip(labels):
    classes = unique_labels(labels)
    assert len(classes) == len(set(labels))
    codes = encode_labels(labels, classes)
    assert classes[codes].tolist() == labels


class Part(enum.StrEnum):
    NOUN = "noun phrase"
    VERB = "v"


@pytest.mark.parametrize(
    "labels",
    [
        [Part.NOUN, Part.VERB],
        ["a\0", "a"],
        ["\0"],
        [-1, 2**63],
        [2**70],
        [np.uint64(2**63), np.uint64(1)],
        [np.str_("b"), np.str_("a")],
        [np.float32(0.1)],
        [np.bool_(True)],
    ],
    ids=repr,
)
def test_labels_that_numpy_would_change(labels):
    classes = unique_labels(labels)
    decoded = classes[encode_labels(labels, classes)].tolist()
    assert decoded == labels
    assert [type(x) for x in decoded] == [
        type(x.item() if isinstance(x, np.generic) else x) for x in labels
    ]


def test_labels_that_are_no_class():
    codes = encode_labels(["b", "x", "a"], unique_labels(["a", "b"]))
    assert codes.tolist() == [1, -1, 0]
    assert codes.dtype == np.intp


# --- weights --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("weights", "expected"),
    [
        (None, [1, 1, 1]),
        (2, [2, 2, 2]),
        ([0, 1, 2.5], [0, 1, 2.5]),
        (np.array([1, 2, 3], dtype=np.float32), [1, 2, 3]),
        (pd.Series([1, 2, 3], index=[2, 0, 1]), [1, 2, 3]),
    ],
)
def test_weights(weights, expected):
    checked = check_weights(weights, 3)
    assert checked.dtype == np.float64
    assert_array_equal(checked, expected)


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ([1, -1, 1], "Negative values"),
        ([1, nan, 1], "NaN"),
        ([1, inf, 1], "infinity"),
        ([1, 1], "inconsistent|expected"),
        ([[1], [1], [1]], r"sample_weight\[0\] is \[1\]: give one weight"),
        ([0, 0, 0], "zero"),
    ],
)
def test_refused_weights(weights, message):
    with pytest.raises(ValueError, match=message):
        check_weights(weights, 3)
