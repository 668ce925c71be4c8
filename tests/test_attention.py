"""Attention against loops that write its equations out, and central differences."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from skrnn._core import kernels
from skrnn._core.attention import QueryGroups, attend, attend_backward

A, M = 5, 3
KINDS = pytest.mark.parametrize("additive", [False, True])
DTYPES = pytest.mark.parametrize("dtype", [np.float32, np.float64])
TOLERANCE = {np.float32: 1e-5, np.float64: 1e-12}
COUNTS, LENGTHS = np.array([2, 1, 3, 1]), np.array([4, 1, 2, 3])


def make_case(additive, dtype=np.float64, order=(2, 0, 3, 1), seed=0):
    """Return arguments of `attend`; the rows of the groups lie in another order."""
    rng = np.random.default_rng(seed)
    starts = np.empty(len(order), dtype=np.int64)
    starts[list(order)] = np.cumsum(LENGTHS[list(order)]) - LENGTHS[list(order)]
    groups = QueryGroups(np.concatenate([[0], np.cumsum(COUNTS)]), starts, LENGTHS)
    arrays = [
        rng.standard_normal(shape).astype(dtype)
        for shape in ((COUNTS.sum(), A), (LENGTHS.sum(), A), (LENGTHS.sum(), M), (A,))
    ]
    return [*arrays[:3], arrays[3] if additive else None, groups]


def by_loops(q, keys, memory, v, groups):
    """Return the sums and the weights, each number by itself."""
    context, weights = np.zeros((len(q), memory.shape[1])), []
    for i, (start, length) in enumerate(
        zip(groups.starts, groups.lengths, strict=True)
    ):
        for t in range(groups.queries[i], groups.queries[i + 1]):
            scores = []
            for k in range(start, start + length):
                if v is None:
                    pairs = zip(q[t], keys[k], strict=True)
                    scores.append(sum(a * b for a, b in pairs))
                else:
                    triples = zip(q[t], keys[k], v, strict=True)
                    scores.append(sum(c * np.tanh(a + b) for a, b, c in triples))
            total = sum(np.exp(score) for score in scores)
            p = [np.exp(score) / total for score in scores]
            for k in range(length):
                context[t] += p[k] * memory[start + k]
            weights += p
    return context, np.array(weights)


@DTYPES
@KINDS
def test_sums_and_weights_by_loops(additive, dtype):
    case = make_case(additive, dtype)
    before = [np.array(a) for a in case[:4]]
    exact = [None if a is None else a.astype(float) for a in case[:4]]
    for invariant in (False, True):
        found = attend(*case, batch_invariant=invariant)
        for a, b in zip(found, by_loops(*exact, case[4]), strict=True):
            assert a.dtype == dtype
            assert_allclose(a, b, rtol=TOLERANCE[dtype], atol=TOLERANCE[dtype])
    for a, b in zip(case[:4], before, strict=True):
        assert_array_equal(a, b)


def test_where_weights_are_by_hand():
    """Scores of 0 and log 3: a quarter and three quarters."""
    memory = np.array([[1.0, 10], [5, 30], [7, 7]])
    keys = np.array([[0.0], [np.log(3)], [9]])
    groups = QueryGroups(np.array([0, 1, 2]), np.array([0, 2]), np.array([2, 1]))
    context, weights = attend(np.ones((2, 1)), keys, memory, None, groups)
    assert_allclose(weights, [0.25, 0.75, 1], rtol=1e-12)
    assert_allclose(context, [[4, 25], [7, 7]], rtol=1e-12)


def test_where_the_weights_of_each_group_are():
    *_, groups = make_case(False)
    assert_array_equal(groups.offsets, [0, 8, 9, 15, 18])
    found = list(groups.slices())
    assert found[2] == (slice(3, 6), slice(0, 2), slice(9, 15))
    assert [own.stop - own.start for own, *_ in found] == COUNTS.tolist()


@KINDS
def test_gradients_by_all_that_goes_in(additive):
    *arrays, groups = make_case(additive)
    rng = np.random.default_rng(1)
    dcontext = rng.standard_normal((COUNTS.sum(), M))
    _, weights = attend(*arrays, groups)
    found = attend_backward(dcontext, weights, *arrays, groups)

    def total():
        return (attend(*arrays, groups)[0] * dcontext).sum()

    assert (found[3] is None) == (not additive)
    for values, grad in zip(arrays, found, strict=True):
        if values is None:
            continue
        numeric = np.empty_like(values)
        for index in np.ndindex(values.shape):
            saved = values[index]
            values[index] = saved + 1e-5
            up = total()
            values[index] = saved - 1e-5
            numeric[index] = (up - total()) / 2e-5
            values[index] = saved
        scale = np.linalg.norm(numeric)
        assert scale > 0.1
        assert np.linalg.norm(numeric - grad) <= 1e-8 * scale


@DTYPES
@KINDS
def test_where_rows_lie_does_not_matter(additive, dtype):
    """The same rows, in another order of groups: the same sums and derivatives."""
    *arrays, groups = make_case(additive, dtype)
    rng = np.random.default_rng(1)
    dcontext = rng.standard_normal((COUNTS.sum(), M)).astype(dtype)
    context, weights = attend(*arrays, groups, batch_invariant=True)
    _, dkeys, dmemory, _ = attend_backward(dcontext, weights, *arrays, groups)
    starts = np.cumsum(LENGTHS) - LENGTHS
    rows = np.concatenate(
        [np.arange(n) + s for s, n in zip(groups.starts, LENGTHS, strict=True)]
    )
    q, keys, memory, v = arrays
    other = q, keys[rows], memory[rows], v, groups._replace(starts=starts)
    found, same_weights = attend(*other, batch_invariant=True)
    assert_array_equal(found, context)
    assert_array_equal(same_weights, weights)
    found = attend_backward(dcontext, weights, *other)
    assert_array_equal(found[1], dkeys[rows])
    assert_array_equal(found[2], dmemory[rows])


@DTYPES
@KINDS
def test_bits_do_not_depend_on_the_neighbours(additive, dtype):
    rng = np.random.default_rng(0)
    counts, lengths = rng.integers(1, 9, 30), rng.integers(1, 40, 30)
    starts = np.cumsum(lengths) - lengths
    groups = QueryGroups(np.concatenate([[0], np.cumsum(counts)]), starts, lengths)
    q = rng.standard_normal((counts.sum(), 37)).astype(dtype)
    keys = rng.standard_normal((lengths.sum(), 37)).astype(dtype)
    memory = rng.standard_normal((lengths.sum(), 21)).astype(dtype)
    v = rng.standard_normal(37).astype(dtype) if additive else None
    context, weights = attend(q, keys, memory, v, groups, batch_invariant=True)
    for i, (own, seen, at) in enumerate(groups.slices()):
        alone = QueryGroups(np.array([0, counts[i]]), np.array([0]), lengths[i : i + 1])
        found = attend(q[own], keys[seen], memory[seen], v, alone, batch_invariant=True)
        assert_array_equal(found[0], context[own])
        assert_array_equal(found[1], weights[at])
        for t in range(own.start, own.stop):  # queries one by one, as in decoding
            one = QueryGroups(np.array([0, 1]), starts[i : i + 1], lengths[i : i + 1])
            found = attend(q[t : t + 1], keys, memory, v, one, batch_invariant=True)
            assert_array_equal(found[0][0], context[t])


@KINDS
def test_many_queries_may_look_at_the_same_rows(additive):
    """As the ways of a beam do."""
    q, keys, memory, v, _ = make_case(additive)
    shared = QueryGroups(np.arange(4), np.array([1, 1, 6]), np.array([3, 3, 2]))
    context, weights = attend(q[[0, 1, 0]], keys, memory, v, shared)
    expected = by_loops(q[[0, 1, 0]], keys, memory, v, shared)
    assert_allclose(context, expected[0], rtol=1e-12, atol=1e-12)
    assert_allclose(weights, expected[1], rtol=1e-12, atol=1e-12)


@DTYPES
def test_far_scores_do_not_overflow(dtype):
    memory = np.array([[1.0], [2], [3]], dtype)
    keys = np.array([[1e30], [-1e30], [1e30]], dtype)
    groups = QueryGroups(np.array([0, 1]), np.array([0]), np.array([3]))
    q = np.array([[1e3]], dtype)
    context, weights = attend(q, keys, memory, None, groups)
    assert_allclose(weights, [0.5, 0, 0.5], rtol=1e-6, atol=1e-30)
    assert_allclose(context, [[2]], rtol=1e-6)
    dcontext = np.ones((1, 1), dtype)
    for grad in attend_backward(dcontext, weights, q, keys, memory, None, groups)[:3]:
        assert np.isfinite(grad).all()


@pytest.mark.skipif(kernels.compiled is None, reason="no kernels")
def test_threads_do_not_change_a_bit():
    rng = np.random.default_rng(0)
    counts = lengths = np.full(20, 40)
    starts = np.cumsum(lengths) - lengths
    groups = QueryGroups(np.concatenate([[0], np.cumsum(counts)]), starts, lengths)
    q, keys, memory, dcontext = rng.standard_normal((4, 800, 64))
    for v in (None, rng.standard_normal(64)):
        results = []
        for n_threads in (1, 3):
            out = attend(q, keys, memory, v, groups, n_threads=n_threads)
            back = attend_backward(
                dcontext, out[1], q, keys, memory, v, groups, n_threads=n_threads
            )
            results.append([*out, *back])
        for a, b in zip(*results, strict=True):
            assert a is b is None or np.array_equal(a, b)
