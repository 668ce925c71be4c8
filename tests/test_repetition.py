"""Equal sequences are merged into one of their weight, in a canonical order."""

from itertools import pairwise

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from scipy import sparse

from skrnn._core.batching import offsets_of
from skrnn._core.repetition import merge_repeated

V = 5
LENGTHS = np.array([2, 1, 3, 2, 1, 2, 2, 1])
OFFSETS = offsets_of(LENGTHS)
# sequences 0, 3 and 6 are equal; so are 1 and 4, but their targets differ
IDS = np.array([0, 4, 2, 1, 1, 3, 0, 4, 1, 4, 0, 0, 4, 3])
IDS[OFFSETS[4]] = IDS[OFFSETS[1]]
TARGETS = np.array([1, 0, 1, 0, 0, 1, 1, 0, 0, 1, 1, 1, 0, 0])
WEIGHTS = np.array([1.0, 2.0, 3.0, 0.5, 4.0, 0.0, 2.5, 1.0])
ROWS = {  # of each token
    "one-hot": np.eye(V),
    "multi-hot": np.eye(V, 9) + np.eye(V, 9, 2),
    "single counts": np.eye(V, 9) * np.arange(1, V + 1)[:, None],
    "some empty": np.eye(V) * [0, 1, 1, 1, 1],
    "some filled": np.add(np.eye(V, 4), [[0], [0], [1], [0], [2.5]]),
    "filled": np.random.default_rng(0).standard_normal((V, 3)),
}


def split_up(x):
    """Store each number as two that add up, columns unsorted."""
    columns, data = [], []
    for start, stop in pairwise(x.indptr):
        own, values = x.indices[start:stop], x.data[start:stop]
        columns += [*own[::-1], *own]
        data += [*values[::-1] / 4, *values * 0.75]
    return sparse.csr_array((data, columns, 2 * x.indptr), shape=x.shape)


def with_int64(x):
    indices, indptr = x.indices.astype(np.int64), x.indptr.astype(np.int64)
    x = sparse.csr_array((x.data, indices, indptr), shape=x.shape)
    assert x.indptr.dtype == np.int64
    return x


STORAGES = {
    "fortran": np.asfortranarray,
    "csr": sparse.csr_array,
    "csr with int64": lambda rows: with_int64(sparse.csr_array(rows)),
    "csr split up": lambda rows: split_up(sparse.csr_array(rows)),
}


def merge_weighted(rows, offsets, targets, weights):
    """Merge; take and return the weights of sequences."""
    weights = np.repeat(weights, np.diff(offsets))
    index, summed = merge_repeated(rows, offsets, targets, weights, offsets)
    assert_array_equal(summed, np.repeat(summed[offsets[:-1]], np.diff(offsets)))
    return index, summed[offsets[:-1]]


def merge(rows, targets=TARGETS, weights=WEIGHTS):
    index, summed = merge_weighted(rows, OFFSETS, targets, weights)
    return index.tolist(), summed.tolist()


@pytest.mark.parametrize("name", ["ids", *ROWS])
def test_weights_of_equal_sequences_are_summed(name):
    index, summed = merge(IDS if name == "ids" else ROWS[name][IDS])
    assert sorted(index) == [0, 1, 2, 4, 7]
    assert summed == [4.0, 2.0, 3.0, 0.0, 4.0, 0.0, 0.0, 1.0]


@pytest.mark.parametrize("name", ROWS)
@pytest.mark.parametrize("storage", STORAGES)
def test_storage_does_not_matter(name, storage):
    rows = ROWS[name][IDS]
    assert merge(STORAGES[storage](rows)) == merge(rows)


@pytest.mark.parametrize("dtype", [np.int8, np.uint16, np.int32, np.int64])
def test_ids_are_one_hot_rows(dtype):
    assert merge(IDS.astype(dtype)) == merge(ROWS["one-hot"][IDS])


@pytest.mark.parametrize("name", ["ids", *ROWS])
def test_order_is_canonical(name):
    """Whatever the order the sequences are given in, they are gone through alike."""
    rows = IDS if name == "ids" else ROWS[name][IDS]
    order = np.random.default_rng(1).permutation(len(LENGTHS))
    at = np.concatenate([np.arange(OFFSETS[i], OFFSETS[i + 1]) for i in order])
    offsets = offsets_of(LENGTHS[order])
    index, summed = merge_weighted(rows[at], offsets, TARGETS[at], WEIGHTS[order])
    expected, of_each = merge(rows)

    def contents(rows, targets, offsets, index):
        steps = [slice(offsets[i], offsets[i + 1]) for i in index]
        return [(rows[s].tolist(), targets[s].tolist()) for s in steps]

    permuted = contents(rows[at], TARGETS[at], offsets, index)
    assert permuted == contents(rows, TARGETS, OFFSETS, expected)
    assert_array_equal(summed[index], np.array(of_each)[expected])


@pytest.mark.parametrize("n", [50, 3000])
def test_many_sequences_are_told_apart_in_another_order(n):
    ids, offsets = np.arange(n), np.arange(n + 1)
    index, summed = merge_weighted(ids, offsets, np.zeros(n), np.ones(n))
    assert index.tolist() != sorted(index) == list(range(n))
    assert_array_equal(summed, np.ones(n))


def test_multilabel_targets():
    rows = np.zeros(4, dtype=np.int64)
    targets = np.asfortranarray([[1.0, 0], [0, 1], [1, 0], [1, 1]])
    index, summed = merge_weighted(rows, np.arange(5), targets, np.ones(4))
    assert sorted(index) == [0, 1, 3]
    assert_array_equal(summed, [2, 1, 0, 1])


def test_arguments_are_not_changed():
    x = split_up(sparse.csr_array(ROWS["multi-hot"][IDS]))
    before, weights = x.copy(), np.repeat(WEIGHTS, LENGTHS)
    merge_repeated(x, OFFSETS, TARGETS, weights, OFFSETS)
    assert_array_equal(x.data, before.data)
    assert_array_equal(x.indices, before.indices)
    assert_array_equal(weights, np.repeat(WEIGHTS, LENGTHS))


def test_no_weight_is_no_sequence():
    index, summed = merge(IDS, weights=np.zeros(len(LENGTHS)))
    assert index == []
    assert summed == [0] * len(LENGTHS)


SHORT, SHORT_OFFSETS = np.array([7, 8, 9, 7, 8, 7, 8]), np.array([0, 2, 3, 5, 7])


def test_weights_of_steps_are_summed_step_by_step():
    targets, weights = [0, 1, 1, 0, 1, 0, 1], np.array([1.0, 0, 4, 2, 3, 0, 0])
    given = SHORT, SHORT_OFFSETS, np.array(targets), weights, SHORT_OFFSETS
    index, summed = merge_repeated(*given)
    assert sorted(index) == [0, 1]
    assert_array_equal(summed, [3, 3, 4, 0, 0, 0, 0])


def test_one_target_for_a_sequence():
    targets, weights = np.array([0, 1, 0, 1]), np.arange(1.0, 5)
    given = SHORT, SHORT_OFFSETS, targets, weights, np.arange(5)
    index, summed = merge_repeated(*given)
    assert sorted(index) == [0, 1, 3]
    assert_array_equal(summed, [4, 2, 0, 4])
