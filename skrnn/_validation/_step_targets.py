"""Validation of targets that are sequences: of one label per step, or of tokens."""

from itertools import chain

import numpy as np
from scipy import sparse
from sklearn.utils.validation import check_array

from skrnn._sequences import offsets_of
from skrnn._validation._containers import is_sequence, to_list
from skrnn._validation._labels import (
    describe_missing,
    first_missing,
    first_unhashable,
)
from skrnn._validation._rows import sequence_of_row
from skrnn._validation._targets import (
    check_indicators,
    check_number_of,
    targets_as_list,
)


def check_step_targets(y, lengths, *, single=False):
    """Check y of a tagger: one label, or one row of 0 and 1, per step.

    Parameters
    ----------
    y : container of n label sequences
        List, tuple, array, Series, one-column frame. Item i is a list or 1-D array of
        T_i hashable labels, or an array of shape (T_i, K) of 0 and 1.
    lengths : ndarray of shape (n,)
        The number of steps of each sequence of X.
    single : bool, default=False
        Whether the items are labels themselves, all sequences having one step.

    Returns
    -------
    list of N labels, or ndarray of shape (N, K)
        The labels of all steps, one sequence after the other.

    Raises
    ------
    ValueError
        If y is missing, or if its lengths are not those of X.
    """
    y = targets_as_list(y)
    check_number_of(y, "label sequences", len(lengths))
    if single:
        return check_array(y, ensure_2d=False, dtype=None, input_name="y").tolist()
    y = [_values(item) for item in y]
    for i, item in enumerate(y):
        if not is_sequence(item):
            raise ValueError(
                f"y[{i}] is {item!r:.60}, not a sequence of labels: give one label for "
                "each step of X."
            )
        n_labels = item.shape[0] if hasattr(item, "shape") else len(item)
        if n_labels != lengths[i]:
            raise ValueError(
                f"y[{i}] has {n_labels} labels and X[{i}] has {lengths[i]} steps: give "
                "one label for each step."
            )
    if _holds_rows(y[0]):
        return _stack_indicators(y)
    labels = list(chain.from_iterable(map(to_list, y)))
    _check_step_labels(labels, offsets_of(lengths))
    return labels


def _check_step_labels(labels, offsets):
    """Check that the label of each step is hashable and not missing."""
    if (step := first_unhashable(labels)) is not None:
        i, kind = sequence_of_row(offsets, step), type(labels[step]).__name__
        raise ValueError(
            f"y[{i}] contains a {kind}: labels must be hashable, or all of them rows "
            f"of 0 and 1; got {labels[step]!r:.60} at step {step - offsets[i]}."
        )
    if (step := first_missing(labels)) is not None:
        i, found = sequence_of_row(offsets, step), describe_missing(labels[step])
        raise ValueError(
            f"y[{i}] contains {found} at step {step - offsets[i]}: every step needs a "
            "label."
        )


def check_token_targets(y, n_sequences, *, allow_empty=False, name="y"):
    """Check y whose items are sequences of tokens, of any length.

    Parameters
    ----------
    y : container of n sequences of hashable tokens
        List, tuple, array, Series, one-column frame or `Sequences`.
    n_sequences : int
        The number of sequences of X.
    allow_empty : bool, default=False
        Whether a sequence may have no tokens.
    name : str, default="y"
        The name of y in error messages.

    Returns
    -------
    tokens : list of N tokens
        The tokens of all sequences, one sequence after the other.
    offsets : ndarray of shape (n + 1,)
        Where each sequence begins.

    Raises
    ------
    ValueError
        If y is missing, has another number of sequences than X, or an item that is no
        sequence of tokens.
    """
    items = targets_as_list(y, name)
    check_number_of(items, "sequences of tokens", n_sequences, name)
    items = [_values(item) for item in items]
    if len(getattr(y, "shape", ())) == 2 and not any(
        isinstance(item, str) or is_sequence(item) for item in items
    ):
        items = [[item] for item in items]  # of shape (n, 1): one token per row
    for i, item in enumerate(items):
        _check_token_sequence(item, f"{name}[{i}]")
    items = list(map(to_list, items))
    lengths = np.array(list(map(len, items)), dtype=np.int64)
    if not allow_empty and not lengths.all():
        i = int(np.argmin(lengths))
        raise ValueError(
            f"{name}[{i}] is empty: every target needs a token; remove the sequence "
            "from X and y."
        )
    tokens, offsets = list(chain.from_iterable(items)), offsets_of(lengths)
    _check_tokens(tokens, offsets, name)
    return tokens, offsets


def _check_token_sequence(item, name):
    if isinstance(item, str):
        raise ValueError(
            f"{name} is the text {item!r:.60} where a sequence of tokens is needed: "
            "split it, or give a target_tokenizer, such as "
            'Tokenizer(analyzer="char").'
        )
    if not is_sequence(item):
        raise ValueError(
            f"{name} is {item!r:.60}, not a sequence of tokens: give a list of tokens "
            "for each sequence of X."
        )


def _check_tokens(tokens, offsets, name):
    """Check that each token is hashable and not missing."""
    if (step := first_unhashable(tokens)) is not None:
        found = f"a {type(tokens[step]).__name__}"
    elif (step := first_missing(tokens)) is not None:
        found = describe_missing(tokens[step])
    else:
        return
    i = sequence_of_row(offsets, step)
    raise ValueError(
        f"{name}[{i}] contains {found} at step {step - offsets[i]}, "
        f"{tokens[step]!r:.60}: tokens must be hashable, such as strings or integers, "
        "and none may be missing."
    )


def _values(item):
    """Return a target that is a frame as an array, 1-D if it has one column."""
    if not hasattr(item, "columns"):
        return item
    values = item.to_numpy()
    return values[:, 0] if values.shape[1] == 1 else values


# --- multi-label targets: rows of 0 and 1 ---------------------------------------------


def _holds_rows(item):
    """Whether the labels of a sequence are rows of 0 and 1."""
    if sparse.issparse(item) or getattr(item, "ndim", 1) == 2:
        return True
    return isinstance(to_list(item)[0], (list, np.ndarray))


def _stack_indicators(y):
    rows = list(map(_to_rows, y))
    for i, item in enumerate(rows):
        if item.ndim != 2:
            raise ValueError(
                f"y[{i}] has shape {item.shape} where every step must have a row of 0 "
                "and 1: MultiLabelBinarizer makes such rows of lists of labels."
            )
        if item.shape[1] != rows[0].shape[1]:
            raise ValueError(
                f"y[{i}] has shape {item.shape} and y[0] has shape {rows[0].shape}: "
                "all steps must have a row of 0 and 1 of the same length."
            )
        check_indicators(item, f"y[{i}]")
    return np.concatenate(rows)


def _to_rows(item):
    if sparse.issparse(item):
        return item.toarray()
    try:
        return np.asarray(item)
    except ValueError:  # rows of different lengths, which the caller refuses
        return np.asarray(item, dtype=object)
