"""Packed batches against their definition."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from skrnn._core.batching import PackedBatch, batches_by_length, shuffled_batches

lengths_of_batches = st.lists(st.integers(1, 9), min_size=1, max_size=12).map(np.array)


@given(lengths_of_batches)
def test_packed_rows(lengths):
    starts = np.cumsum(lengths) - lengths + 5
    batch = PackedBatch(starts, lengths)
    longest_first = sorted(range(len(lengths)), key=lambda i: -lengths[i])
    assert_array_equal(batch.order, longest_first)
    steps = [
        (i, t) for t in range(max(lengths)) for i in longest_first if lengths[i] > t
    ]
    assert_array_equal(batch.rows, [starts[i] + t for i, t in steps])
    assert batch.sizes == [sum(lengths > t) for t in range(max(lengths))]
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


def test_shuffled_batches():
    assert [b.tolist() for b in shuffled_batches(5, 2)] == [[0, 1], [2, 3], [4]]
    batches = list(shuffled_batches(50, 7, np.random.RandomState(0)))
    assert [len(b) for b in batches] == [7] * 7 + [1]
    assert np.concatenate(batches).tolist() != list(range(50))
    assert sorted(np.concatenate(batches)) == list(range(50))


@given(lengths_of_batches, st.integers(1, 12))
def test_windows_hold_each_step_once_in_its_place(lengths, n_steps):
    starts = np.cumsum(lengths) - lengths + 5
    batch = PackedBatch(starts, lengths)
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
