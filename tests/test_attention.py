"""Attention against its equations for each query, and central differences."""

import numpy as np
import pytest
from core_helpers import numerical_gradient
from numpy.testing import assert_allclose, assert_array_equal

from skrnn._core.attention import QueryGroups, attend, attend_backward
from skrnn._core.batching import offsets_of

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
    groups = QueryGroups(offsets_of(COUNTS), starts, LENGTHS)
    arrays = [
        rng.standard_normal(shape).astype(dtype)
        for shape in ((COUNTS.sum(), A), (LENGTHS.sum(), A), (LENGTHS.sum(), M), (A,))
    ]
    return [*arrays[:3], arrays[3] if additive else None, groups]


def by_equations(q, keys, memory, v, groups):
    """Return the sums and the weights, query by query."""
    context, weights = np.zeros((len(q), memory.shape[1])), []
    for i, (start, length) in enumerate(
        zip(groups.starts, groups.lengths, strict=True)
    ):
        rows = slice(start, start + length)
        for t in range(groups.queries[i], groups.queries[i + 1]):
            if v is None:
                scores = [sum(q[t] * key) for key in keys[rows]]
            else:
                scores = [sum(v * np.tanh(q[t] + key)) for key in keys[rows]]
            p = np.exp(scores) / sum(np.exp(scores))
            context[t] = sum(p[:, None] * memory[rows])
            weights += [*p]
    return context, np.array(weights)


# Queries may share rows, as the hypotheses of a beam do.
SHARED = QueryGroups(np.arange(8), np.array([1, 1, 6, 1, 0, 0, 3]), np.full(7, 3))


@pytest.mark.parametrize("shared", [False, True])
@DTYPES
@KINDS
def test_sums_and_weights_by_equations(additive, dtype, shared):
    *arrays, groups = make_case(additive, dtype)
    groups = SHARED if shared else groups
    before = [np.array(a) for a in arrays]
    exact = [None if a is None else a.astype(float) for a in arrays]
    for invariant in (False, True):
        result = attend(*arrays, groups, batch_invariant=invariant)
        for a, b in zip(result, by_equations(*exact, groups), strict=True):
            assert a.dtype == dtype
            assert_allclose(a, b, rtol=TOLERANCE[dtype], atol=TOLERANCE[dtype])
    for a, b in zip(arrays, before, strict=True):
        assert_array_equal(a, b)


def test_weights_by_hand():
    """Scores of 0 and log 3: a quarter and three quarters."""
    memory = np.array([[1.0, 10], [5, 30], [7, 7]])
    keys = np.array([[0.0], [np.log(3)], [9]])
    groups = QueryGroups(np.array([0, 1, 2]), np.array([0, 2]), np.array([2, 1]))
    context, weights = attend(np.ones((2, 1)), keys, memory, None, groups)
    assert_allclose(weights, [0.25, 0.75, 1], rtol=1e-12)
    assert_allclose(context, [[4, 25], [7, 7]], rtol=1e-12)


def test_weights_of_each_group_are_a_slice():
    *_, groups = make_case(False)
    assert_array_equal(groups.offsets, [0, 8, 9, 15, 18])
    slices = list(groups.slices())
    assert slices[2] == (slice(3, 6), slice(0, 2), slice(9, 15))
    assert [own.stop - own.start for own, *_ in slices] == COUNTS.tolist()


@KINDS
def test_gradients_by_all_arguments(additive):
    *arrays, groups = make_case(additive)
    rng = np.random.default_rng(1)
    dcontext = rng.standard_normal((COUNTS.sum(), M))
    _, weights = attend(*arrays, groups)
    grads = attend_backward(dcontext, weights, *arrays, groups)

    def total():
        return (attend(*arrays, groups)[0] * dcontext).sum()

    assert (grads[3] is None) == (not additive)
    n = 4 if additive else 3
    for values, grad in zip(arrays[:n], grads[:n], strict=True):
        numeric = numerical_gradient(total, values)
        scale = np.linalg.norm(numeric)
        assert scale > 0.1
        assert np.linalg.norm(numeric - grad) <= 1e-8 * scale


@DTYPES
@KINDS
def test_the_order_of_the_rows_of_groups_does_not_matter(additive, dtype):
    """The same rows, in another order of groups: the same sums and derivatives."""
    *arrays, groups = make_case(additive, dtype)
    rng = np.random.default_rng(1)
    dcontext = rng.standard_normal((COUNTS.sum(), M)).astype(dtype)
    context, weights = attend(*arrays, groups, batch_invariant=True)
    _, dkeys, dmemory, _ = attend_backward(dcontext, weights, *arrays, groups)
    starts = np.cumsum(LENGTHS) - LENGTHS
    pairs = zip(groups.starts, LENGTHS, strict=True)
    rows = np.concatenate([np.arange(start, start + n) for start, n in pairs])
    q, keys, memory, v = arrays
    other = q, keys[rows], memory[rows], v, groups._replace(starts=starts)
    for a, b in zip(
        attend(*other, batch_invariant=True), (context, weights), strict=True
    ):
        assert_array_equal(a, b)
    _, dother_keys, dother_memory, _ = attend_backward(dcontext, weights, *other)
    assert_array_equal(dother_keys, dkeys[rows])
    assert_array_equal(dother_memory, dmemory[rows])


@DTYPES
@KINDS
def test_bits_do_not_depend_on_the_neighbours(additive, dtype):
    rng = np.random.default_rng(0)
    counts, lengths = rng.integers(1, 9, 30), rng.integers(1, 40, 30)
    starts = np.cumsum(lengths) - lengths
    groups = QueryGroups(offsets_of(counts), starts, lengths)
    shapes = (counts.sum(), 37), (lengths.sum(), 37), (lengths.sum(), 21), 37
    q, keys, memory, v = (rng.standard_normal(s).astype(dtype) for s in shapes)
    v = v if additive else None
    context, weights = attend(q, keys, memory, v, groups, batch_invariant=True)
    for i, (own, rows, at) in enumerate(groups.slices()):
        alone = QueryGroups(np.array([0, counts[i]]), np.array([0]), lengths[i : i + 1])
        given = q[own], keys[rows], memory[rows], v, alone
        context_alone, weights_alone = attend(*given, batch_invariant=True)
        assert_array_equal(context_alone, context[own])
        assert_array_equal(weights_alone, weights[at])
        for t in range(own.start, own.stop):  # queries one by one, as in decoding
            one = QueryGroups(np.array([0, 1]), starts[i : i + 1], lengths[i : i + 1])
            of_one, _ = attend(q[[t]], keys, memory, v, one, batch_invariant=True)
            assert_array_equal(of_one[0], context[t])


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
