"""Packed batches against their definition."""

import numpy as np
import pytest
from core_helpers import batch_of
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from skrnn._core.batching import (
    Data,
    Independent,
    PackedBatch,
    Stream,
    batches_by_length,
    live_part,
    offsets_of,
    pack_pairs,
    pack_sequences,
    pack_steps,
    pack_unaligned,
)

lengths_of_batches = st.lists(st.integers(1, 9), min_size=1, max_size=12).map(np.array)


def shifted_batch(lengths):
    """Return the batch of sequences of which the first is row 5."""
    starts = np.cumsum(lengths) - lengths + 5
    return starts, PackedBatch(starts, lengths)


@given(lengths_of_batches)
def test_packed_rows(lengths):
    starts, batch = shifted_batch(lengths)
    longest_first = sorted(range(len(lengths)), key=lambda i: -lengths[i])
    assert_array_equal(batch.order, longest_first)
    n_steps = max(lengths)
    steps = [(i, t) for t in range(n_steps) for i in longest_first if lengths[i] > t]
    assert_array_equal(batch.rows, [starts[i] + t for i, t in steps])
    assert batch.sizes == [sum(lengths > t) for t in range(n_steps)]
    mirrored = [steps.index((i, lengths[i] - 1 - t)) for i, t in steps]
    assert_array_equal(batch.reverse, mirrored)
    last = [steps.index((i, lengths[i] - 1)) for i in longest_first]
    assert_array_equal(batch.last, last)


@given(lengths_of_batches, st.integers(1, 5), st.integers(1, 30))
def test_batches_by_length(lengths, max_sequences, max_rows):
    batches = list(batches_by_length(lengths, max_sequences, max_rows))
    assert sorted(np.concatenate(batches)) == list(range(len(lengths)))
    for index in batches:
        assert len(index) <= max_sequences
        assert len(index) == 1 or lengths[index].sum() <= max_rows


@given(lengths_of_batches, st.integers(1, 12))
def test_windows_hold_each_step_once_in_its_place(lengths, n_steps):
    starts, batch = shifted_batch(lengths)
    windows = list(batch.windows(n_steps))
    assert len(windows) == -(-max(lengths) // n_steps)
    assert_array_equal(np.concatenate([w.rows for w in windows]), batch.rows)
    assert [size for window in windows for size in window.sizes] == batch.sizes
    for k, window in enumerate(windows):
        n = window.sizes[0]
        assert len(window.sizes) <= n_steps
        assert_array_equal(window.order, np.arange(n))  # sequence j is sequence j
        first = starts[batch.order[:n]] + k * n_steps
        assert_array_equal(window.rows[:n], first)
        stop = np.minimum(batch.lengths[:n], (k + 1) * n_steps)
        assert_array_equal(window.rows[window.last], starts[batch.order[:n]] + stop - 1)


def test_by_sequence_and_live_part():
    batch = batch_of([2, 1, 3])
    assert_array_equal(batch.rows[batch.by_sequence()], [3, 4, 5, 0, 1, 2])
    state = [(np.arange(6).reshape(1, 3, 2),)]
    *_, last = batch.windows(2)
    assert_array_equal(live_part(state, last)[0][0], [[[0, 1]]])
    assert live_part(None, last) is None


# --- data -----------------------------------------------------------------------------


LENGTHS, N_TERMS = np.array([3, 1, 4, 2]), np.array([1, 2, 0, 3])


def make_data(n_terms=LENGTHS):
    n, offsets, rows = n_terms.sum(), offsets_of(LENGTHS), np.arange(LENGTHS.sum())
    return Data(rows, offsets, 10 * np.arange(n), np.ones(n), offsets_of(n_terms), abs)


def test_offsets():
    assert_array_equal(offsets_of([2, 0, 3]), [0, 2, 2, 5])
    assert_array_equal(offsets_of([]), [0])


@pytest.mark.parametrize("index", [[2, 0], [1], [3, 1, 3], []])
def test_data_of_some_sequences(index):
    data, index = make_data(N_TERMS), np.array(index, dtype=int)
    some = data.take(index)
    assert_array_equal(some.offsets, offsets_of(LENGTHS[index]))
    assert_array_equal(some.term_offsets, offsets_of(N_TERMS[index]))
    for new, old in enumerate(index):
        for values, offsets in [("rows", "offsets"), ("targets", "term_offsets")]:
            a, b = getattr(some, offsets)[new : new + 2]
            c, d = getattr(data, offsets)[old : old + 2]
            assert_array_equal(getattr(some, values)[a:b], getattr(data, values)[c:d])
    assert_array_equal(data.targets[data.terms_of(index)], some.targets)
    assert len(some.weights) == len(some.targets)
    assert some.reweight is abs


def test_pack_functions():
    index = np.array([1, 2, 0])  # of 1, 4 and 3 steps: the longest is the second
    batch, terms = pack_steps(make_data(), index)
    assert_array_equal(batch.rows, [4, 0, 3, 5, 1, 6, 2, 7])
    assert_array_equal(terms, batch.rows)
    batch, terms = pack_sequences(make_data(np.ones(4, dtype=int)), index)
    assert_array_equal(terms, [2, 0, 1])
    batch, terms = pack_unaligned(make_data(N_TERMS), index)
    assert_array_equal(batch.lengths, [4, 3, 1])
    assert_array_equal(terms, [0, 1, 2])  # none, one and two
    batch, terms = pack_pairs(make_data(np.array([1, 2, 3, 3])), index)
    assert_array_equal(batch.rows, [4, 0, 3, 5, 1, 6, 2, 7])
    assert_array_equal(batch.target.lengths, [3, 2, 1])
    assert_array_equal(batch.target.order, [0, 2, 1])
    assert_array_equal(terms, [3, 1, 0, 4, 2, 5])


# --- strategies -----------------------------------------------------------------------


def indices(data, index):
    return index, index


def test_batches_of_independent_sequences():
    strategy, index = Independent(2, shuffle=True), np.arange(5) * 3
    batches = [b.tolist() for b, _ in strategy.batches(indices, None, index, None)]
    assert batches == [[0, 3], [6, 9], [12]]
    strategy, index = Independent(7, shuffle=True), np.arange(50)
    rng = np.random.RandomState(0)
    batches = [b for b, _ in strategy.batches(indices, None, index, rng)]
    assert [len(b) for b in batches] == [7] * 7 + [1]
    assert np.concatenate(batches).tolist() != list(range(50))
    assert sorted(np.concatenate(batches)) == list(range(50))
    assert not strategy.carries_state


def test_selection_of_independent_sequences():
    rows, offsets = np.array([1, 2, 1, 2, 3]), np.array([0, 2, 4, 5])
    data = Data(rows, offsets, np.zeros(5), np.array([1.0, 1, 2, 2, 0]), offsets)
    index, merged = Independent(2, shuffle=True).select(data)
    assert_array_equal(index, [0])
    assert_array_equal(merged.weights, [3, 3, 0, 0, 0])
    index, same = Independent(2, shuffle=False).select(data)
    assert_array_equal(index, [0, 1])
    assert_array_equal(same.weights, data.weights)
    assert not np.may_share_memory(same.weights, data.weights)
    arranged = Independent(2, shuffle=False).arrange(data, index)
    assert arranged[0] is data
    assert arranged[1] is index


def test_held_out_are_random_sequences_or_the_end_of_a_stream():
    index = np.array([4, 7, 1, 9])
    for strategy in (Independent(2, True), Stream(2, 3)):
        train, held_out = strategy.hold_out(index, 0.5, np.random.RandomState(0))
        assert len(train) == len(held_out) == 2
        assert sorted([*train, *held_out]) == sorted(index)
        with pytest.raises(ValueError, match="leaves nothing to train on of 1"):
            strategy.hold_out(index[:1], 0.5, np.random.RandomState(0))
    assert_array_equal(held_out, [1, 9])
    given = np.arange(9), 0.01, np.random.RandomState(0)
    train, held_out = Independent(2, True).hold_out(*given)
    assert_array_equal(train, sorted(train))
    assert len(held_out) == 1


def test_a_stream_is_cut_into_parts_and_windows():
    data, strategy = make_data(), Stream(2, 2)
    index, selected = strategy.select(data)
    assert_array_equal(index, np.arange(4))
    assert selected is data
    data, index = strategy.arrange(data, np.arange(3))  # eight steps
    assert_array_equal([data.offsets, data.term_offsets], [[0, 4, 8]] * 2)
    assert_array_equal(index, [0, 1])
    windows = list(strategy.batches(None, data, index, None))
    assert [batch.rows.tolist() for batch, _ in windows] == [[0, 4, 1, 5], [2, 6, 3, 7]]
    assert all(terms is batch.rows for batch, terms in windows)
    assert strategy.carries_state
    with pytest.raises(ValueError, match="needs at least 10 steps, and X has 8"):
        Stream(2, 5).arrange(make_data(), np.arange(3))
