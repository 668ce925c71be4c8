"""Encoding of label sequences as arrays, one row per step, for all metrics."""

from itertools import chain

import numpy as np

from skrnn._sequences import offsets_of
from skrnn._validation import (
    check_weights,
    first_unhashable,
    sequence_of_row,
    targets_as_list,
)


def flatten(y, name):
    """Return all steps, a list or rows (N, K), and the offsets of the sequences."""
    items = targets_as_list(y, name) if is_container(y) else []
    if items and isinstance(y, np.ndarray) and not any(map(is_container, items)):
        items = list(y)  # of shape (n, 1), with labels, not sequences, in its cells
    if not items:
        raise ValueError(
            f"{name} is {y!r:.60} and has no sequences: pass one list of labels for "
            "each sequence."
        )
    for i, item in enumerate(items):
        if not is_container(item):
            raise ValueError(
                f"{name}[{i}] is {item!r:.60}, not a sequence of labels: pass one list "
                "or array for each sequence, with one label for each step."
            )
    if any(map(_holds_rows, items)):
        items = _stack_rows(items, name)
        steps = np.concatenate(items)
    else:
        items = [i.tolist() if isinstance(i, np.ndarray) else list(i) for i in items]
        for i, item in enumerate(items):
            if (step := first_unhashable(item)) is not None:
                raise ValueError(
                    f"{name}[{i}] contains {item[step]!r:.60} at step {step}: labels "
                    "must be hashable, such as strings, numbers or tuples."
                )
        steps = list(chain.from_iterable(items))
    return steps, offsets_of(list(map(len, items)))


def is_container(y):
    """Whether y has a length and is no text."""
    is_scalar = isinstance(y, (str, bytes)) or getattr(y, "ndim", 1) == 0
    return hasattr(y, "__len__") and not is_scalar


def _holds_rows(item):
    """Whether the steps of a sequence are rows of numbers."""
    if getattr(item, "ndim", 1) > 1:
        return True
    return len(item) > 0 and isinstance(next(iter(item)), (list, np.ndarray))


def _stack_rows(items, name):
    """Return the rows of each sequence as an array of shape (T_i, K)."""
    rows = []
    for i, item in enumerate(items):
        try:
            row = item.toarray() if hasattr(item, "toarray") else np.asarray(item)
        except ValueError:  # ragged
            row = np.empty(0)
        if row.ndim != 2 or row.shape[1] != np.shape(rows[0] if i else row)[1]:
            raise ValueError(
                f"{name}[{i}] is not of shape (T_i, K), with the same K as {name}[0]: "
                "where one step is a list or array, all must be rows of K numbers; a "
                "label may be a tuple but not a list."
            )
        rows.append(row)
    return rows


def check_lengths(offsets, other_offsets, name, other):
    """Check that two sets of sequences have the same lengths, not all of them 0."""
    lengths, other_lengths = np.diff(offsets), np.diff(other_offsets)
    if len(lengths) != len(other_lengths):
        raise ValueError(
            f"{name} has {len(lengths)} sequences and {other} has "
            f"{len(other_lengths)}: both must hold the same sequences."
        )
    if (lengths != other_lengths).any():
        i = int(np.argmax(lengths != other_lengths))
        raise ValueError(
            f"{name}[{i}] has {lengths[i]} steps and {other}[{i}] has "
            f"{other_lengths[i]}: both must have one item for each step."
        )
    if not lengths.any():
        raise ValueError(
            f"{name} has no steps, as all sequences are empty: pass at least one step."
        )


def encode(ys):
    """Encode the steps of one or two sets of label sequences by the same classes.

    Parameters
    ----------
    ys : dict of one or two sets of label sequences
        Their names, for error messages, and the sets.

    Returns
    -------
    codes : list of ndarray of shape (N,), or of shape (N, K)
        For each set, the positions of the labels in `classes`; the rows of 0 and 1 of
        multi-label steps.
    classes : list
        The labels, sorted where they can be; column indices for multi-label steps.
    offsets : ndarray of shape (n + 1,)
        Where each sequence begins.
    """
    steps, offsets = zip(*(flatten(y, name) for name, y in ys.items()), strict=True)
    if len(ys) == 2:
        check_lengths(*offsets, *ys)
    widths = [s.shape[1] if isinstance(s, np.ndarray) else None for s in steps]
    if len(set(widths)) > 1:
        name, other = ys
        kinds = ["single labels" if w is None else f"rows of {w}" for w in widths]
        raise ValueError(
            f"{name} has {kinds[0]} and {other} has {kinds[1]}: both must have one "
            "label per step, or rows with one column per label."
        )
    if widths[0] is not None:
        pairs = zip(steps, ys, strict=True)
        codes = [indicators(rows, name, offsets[0]) for rows, name in pairs]
        return codes, list(range(widths[0])), offsets[0]
    distinct = dict.fromkeys(chain(*steps))
    try:
        classes = sorted(distinct)
    except TypeError:
        classes = list(distinct)
    index = {label: k for k, label in enumerate(classes)}
    codes = [np.fromiter(map(index.get, s), np.intp, count=len(s)) for s in steps]
    return codes, classes, offsets[0]


def indicators(rows, name, offsets):
    """Return rows of 0 and 1 as int8, with at least two columns."""
    wrong = ((rows != 0) & (rows != 1)).any(axis=1)
    if wrong.any():
        i = sequence_of_row(offsets, np.argmax(wrong))
        raise ValueError(
            f"{name}[{i}] contains values that are neither 0 nor 1: a row must have a "
            "1 for each label of the step; for one label per step pass 1-D sequences "
            "of labels."
        )
    rows = rows.astype(np.int8)
    if rows.shape[1] == 1:  # scikit-learn reads a single column as two classes
        rows = np.hstack([rows, np.zeros_like(rows)])
    return rows


def step_weights(sample_weight, offsets):
    """Return for each step the weight of its sequence, shape (N,)."""
    lengths = np.diff(offsets)
    return np.repeat(check_weights(sample_weight, len(lengths)), lengths)


def check_average(average):
    """Check the parameter `average` of a score of several labels."""
    if average not in ("micro", "macro", "weighted", None):
        raise ValueError(
            f"average is {average!r}: use 'micro', 'macro', 'weighted' or None. To "
            "score one of two classes, pass labels=[that class]."
        )


def check_labels(labels):
    """Return the parameter `labels` as a list."""
    if not is_container(labels) or len(labels) == 0:
        raise ValueError(f"labels is {labels!r:.60}: pass a list of labels.")
    return list(labels)


def positions(labels, classes):
    """Return the positions of `labels` in `classes`; new labels get further ones."""
    if labels is None:
        return list(range(len(classes)))
    index = {label: k for k, label in enumerate(classes)}
    return [index.setdefault(label, len(index)) for label in check_labels(labels)]
