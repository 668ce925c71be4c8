"""Pooling: the outputs of all steps become one vector per sequence.

``forward(h, batch)`` takes the packed outputs, shape (D, N, H), each direction in its
own reading order, and returns the pooled outputs, shape (D, B, H), and a tape.
``backward(d, tape, batch)`` returns the derivative by h. Steps are added in their
order, so that the result is batch-invariant.
"""

import numpy as np


def _steps(batch):
    """Yield the first packed row of each step, and the number of its rows."""
    start = 0
    for n in batch.sizes:
        yield start, n
        start += n


class Last:
    """The output after the last step that each direction reads."""

    def forward(self, h, batch):
        return h[:, batch.last], h.shape

    def backward(self, d, shape, batch):
        dh = np.zeros(shape, dtype=d.dtype)
        dh[:, batch.last] = d
        return dh


class Mean:
    """The mean of the outputs of all steps."""

    def forward(self, h, batch):
        total = h[:, : batch.sizes[0]].copy()
        for start, n in _steps(batch):
            if start:
                total[:, :n] += h[:, start : start + n]
        n_steps = batch.lengths.astype(h.dtype)[:, None]
        return total / n_steps, n_steps

    def backward(self, d, n_steps, batch):
        return (d / n_steps).take(batch.sequence, axis=1)


class Max:
    """The largest value of each unit over all steps; of equal values the first."""

    def forward(self, h, batch):
        top = h[:, : batch.sizes[0]].copy()
        rows = np.broadcast_to(np.arange(batch.sizes[0])[:, None], top.shape).copy()
        for start, n in _steps(batch):
            part = h[:, start : start + n]
            larger = part > top[:, :n]
            np.copyto(top[:, :n], part, where=larger)
            here = np.arange(start, start + n)[:, None]
            np.copyto(rows[:, :n], here, where=larger)
        return top, (h.shape, rows)

    def backward(self, d, tape, batch):
        shape, rows = tape
        dh = np.zeros(shape, dtype=d.dtype)
        np.put_along_axis(dh, rows, d, axis=1)
        return dh


POOLINGS = {"last": Last, "mean": Mean, "max": Max}
