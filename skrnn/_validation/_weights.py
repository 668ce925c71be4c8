"""Validation of sample weights."""

import numbers

import numpy as np

from skrnn._sequences import offsets_of
from skrnn._validation._containers import is_sequence
from skrnn._validation._rows import sequence_of_row
from skrnn._validation._sklearn import check_sample_weight
from skrnn._validation._targets import targets_as_list


def check_weights(sample_weight, n_sequences):
    """Check sample_weight: None, a number, or one non-negative weight per sequence.

    Returns
    -------
    ndarray of shape (n_sequences,)

    Raises
    ------
    ValueError
        If a weight is negative or not finite, or if all of them are zero.
    """
    if not _is_flat(sample_weight):
        items = targets_as_list(sample_weight, "sample_weight")
        for i, item in enumerate(items):
            if is_sequence(item):
                raise ValueError(
                    f"sample_weight[{i}] is {item!r:.60}: give one weight for each "
                    "sequence."
                )
        sample_weight = items
    column = np.empty((n_sequences, 1), dtype=np.int8)
    return check_sample_weight(
        sample_weight, column, dtype=np.float64, ensure_non_negative=True
    )


def _is_flat(weights):
    """Whether this is None, a number or a 1-D array of numbers."""
    if weights is None or isinstance(weights, numbers.Number):
        return True
    is_array = isinstance(weights, np.ndarray) and weights.ndim == 1
    return is_array and weights.dtype.kind in "fiub"


def check_step_weights(sample_weight, lengths):
    """Check sample_weight, which may also be n arrays with one weight per step.

    Returns
    -------
    ndarray of shape (N,)
        The weight of each step, which may be that of its sequence.

    Raises
    ------
    ValueError
        If a weight is negative or not finite, if all of them are zero, or if there is
        not one for each sequence or step.
    """
    is_flat = _is_flat(sample_weight)
    items = [] if is_flat else targets_as_list(sample_weight, "sample_weight")
    if not any(map(is_sequence, items)):
        return np.repeat(check_weights(sample_weight, len(lengths)), lengths)
    if len(items) != len(lengths):
        raise ValueError(
            f"sample_weight has {len(items)} items and X has {len(lengths)} sequences: "
            "give one weight, or one array of weights, for each."
        )
    for i, item in enumerate(items):
        found = np.shape(item)
        if found != (lengths[i],):
            raise ValueError(
                f"sample_weight[{i}] has shape {found} and X[{i}] has {lengths[i]} "
                "steps: give one weight for each step."
            )
    weights = np.concatenate(items).astype(np.float64)
    wrong = np.flatnonzero(~((weights >= 0) & (weights < np.inf)))
    if len(wrong):
        offsets = offsets_of(lengths)
        i = sequence_of_row(offsets, wrong[0])
        raise ValueError(
            f"sample_weight[{i}] contains {weights[wrong[0]]} at step "
            f"{wrong[0] - offsets[i]}: weights must be finite and not negative."
        )
    return check_weights(weights, len(weights))
