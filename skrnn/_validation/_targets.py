"""Validation of targets with one value, or one row of values, per sequence."""

import numbers

import numpy as np
from scipy import sparse
from sklearn.utils.multiclass import check_classification_targets, type_of_target

from skrnn._sequences import Sequences
from skrnn._validation._containers import (
    is_frame,
    is_sequence,
    refuse_unordered,
    to_list,
)
from skrnn._validation._labels import (
    describe_missing,
    first_missing,
    first_unhashable,
    unique_labels,
)
from skrnn._validation._sklearn import check_y

MULTI_LABEL = (
    "the rows of a multi-label target are indicators, which MultiLabelBinarizer makes "
    "of lists of labels"
)


def targets_as_list(y, name="y"):
    """Return the n items of any container of targets, labels or weights as a list.

    Raises
    ------
    ValueError
        If y is None, a single string or number, or has no order, as a set.
    """
    if y is None:
        raise ValueError(
            f"{name} is None, and this method requires {name} to be passed: give a "
            "list or an array with one item per sequence."
        )
    refuse_unordered(y, name)
    if hasattr(y, "__array__") and not hasattr(y, "__len__"):
        y = np.asarray(y)
    if not hasattr(y, "__len__") or getattr(y, "ndim", 1) == 0:
        raise ValueError(f"{name} is {y!r:.60}: pass a list or an array.")
    if is_frame(y):
        y = y[y.columns[0]] if len(y.columns) == 1 else y.to_numpy()
    if isinstance(y, np.ndarray) and y.dtype == object and y.shape[1:] == (1,):
        y = y.ravel()
    if isinstance(y, Sequences) or (isinstance(y, np.ndarray) and y.ndim > 1):
        return list(y)
    return to_list(y)


def check_number_of(items, what, n_sequences, name="y"):
    """Check that there are as many items as sequences."""
    if len(items) != n_sequences:
        raise ValueError(
            f"{name} has {len(items)} {what} and X has {n_sequences} sequences: "
            "inconsistent numbers of samples; pass one item per sequence."
        )


def check_indicators(rows, name, remedy=MULTI_LABEL):
    """Check that all values are 0 or 1."""
    if not np.isin(rows, (0, 1)).all():
        raise ValueError(f"{name} contains values that are neither 0 nor 1: {remedy}.")


# --- labels ---------------------------------------------------------------------------


def check_class_targets(y, n_sequences):
    """Check y of a classifier: one label, or one row of 0 and 1, per sequence.

    Parameters
    ----------
    y : array-like of n labels, or of shape (n, K), also sparse
        List, array, Series, frame.
    n_sequences : int
        The number of sequences in X.

    Returns
    -------
    list of n labels, or ndarray of shape (n, K)

    Raises
    ------
    ValueError
        If y is missing, is of another kind, or has another length than X.
    """
    y = _check_per_sequence(y, n_sequences)
    if isinstance(y, list):
        if not any(map(is_sequence, y)):
            return _check_labels(y)
        y = np.asarray(y)
    with np.errstate(invalid="ignore"):  # infinity, which is refused
        kind = type_of_target(y, input_name="y")
    if kind == "multilabel-indicator":
        wrong = ~np.isin(y, (0, 1)).all(axis=1)
        i = int(np.argmax(wrong))  # the first of them, if any
        check_indicators(y[i], f"y[{i}]")
        return y
    y = check_y(y)
    check_classification_targets(y)
    return y.tolist()


def _check_labels(y):
    """Check labels of any type, one per sequence."""
    if (i := first_unhashable(y)) is not None:
        raise ValueError(
            f"y[{i}] is {y[i]!r:.60}, of type {type(y[i]).__name__}: labels must be "
            "hashable, such as strings or numbers."
        )
    i = y.index(None) if None in set(y) else first_missing(y)
    if i is not None:
        raise ValueError(
            f"y contains NaN or None: y[{i}] is {describe_missing(y[i])}; every "
            "sequence needs a label."
        )
    if all(isinstance(label, (numbers.Real, np.bool_)) for label in y):
        check_classification_targets(np.asarray(y, dtype=np.float64))
    return y


def check_classes(classes, before=None):
    """Check the `classes` of partial_fit; return the labels as a 1-D array.

    Parameters
    ----------
    classes : container of labels
        The argument of partial_fit.
    before : ndarray, default=None
        The classes of the first call, if there was one.

    Raises
    ------
    ValueError
        If there are none, if one is missing or not hashable, or if they are not those
        of the first call.
    """
    items = targets_as_list(classes, "classes")
    if not items:
        raise ValueError("classes is empty: list all labels that y can ever contain.")
    if first_unhashable(items) is not None or first_missing(items) is not None:
        raise ValueError(
            f"classes is {classes!r:.200}: it must be one list of labels, none of them "
            "missing and all hashable."
        )
    labels = unique_labels(items)
    if before is not None and not np.array_equal(before, labels):
        raise ValueError(
            "classes must not change between calls of partial_fit: got "
            f"{labels!r:.200}, and the first call had {before!r:.200}. Leave it out "
            "after the first call."
        )
    return labels


# --- numbers and conditions -----------------------------------------------------------


def check_number_targets(y, n_sequences):
    """Check y of a regressor: one number, or a row of K numbers, per sequence.

    Parameters
    ----------
    y : array-like of shape (n,) or (n, K)
        List, array, Series, frame.
    n_sequences : int
        The number of sequences in X.

    Returns
    -------
    ndarray of shape (n,) or (n, K)
        The numbers, float64.

    Raises
    ------
    ValueError
        If y is missing, not finite or no number, or has another length than X.
    """
    y = _check_per_sequence(y, n_sequences)
    if isinstance(y, list):
        if not _is_numeric(y):
            _refuse_non_numeric(y)
        y = np.asarray(y)
    multi_output = y.shape[1:] not in ((), (1,))
    y = check_y(y, multi_output=multi_output, y_numeric=True).astype(np.float64)
    finite = np.isfinite(y.reshape(len(y), -1)).all(axis=1)
    if not finite.all():
        i = int(np.argmin(finite))
        raise ValueError(
            f"y contains NaN or infinity: y[{i}] is {y[i]}; every sequence needs a "
            "number."
        )
    return y


def _refuse_non_numeric(items):
    for i, item in enumerate(items):
        if not _is_numeric(item):
            raise ValueError(
                f"y[{i}] is {item!r:.60}, which could not be converted to float: "
                "targets must be numbers."
            )


def _is_numeric(item):
    try:
        np.asarray(item, dtype=np.float64)
    except (TypeError, ValueError):
        return False
    return True


def check_conditions(y, n_sequences, *, numeric=False):
    """Check y of a language model: one label, number or row of numbers per sequence.

    Parameters
    ----------
    y : array-like of n labels, or of shape (n,) or (n, d)
        Floats, and rows of numbers, are numbers; anything else is a label.
    n_sequences : int
        The number of sequences in X.
    numeric : bool, default=False
        Whether integers are numbers, not labels.

    Returns
    -------
    list of n labels, or ndarray of shape (n, d), float64

    Raises
    ------
    ValueError
        If y is of another kind, or has another length than X.
    """
    items = _check_per_sequence(y, n_sequences)
    if all(isinstance(item, numbers.Real) for item in items):
        numeric |= any(isinstance(item, (float, np.floating)) for item in items)
    else:
        numeric = any(map(is_sequence, items))
    if not numeric:
        return _check_labels(to_list(items))
    y = np.asarray(items)
    if y.shape[1:] == (1,):
        y = y[:, 0]
    return check_number_targets(y, n_sequences).reshape(n_sequences, -1)


# --- any container of n targets -------------------------------------------------------


def _check_per_sequence(y, n_sequences):
    """Return n targets as a list, or as an array of numbers or strings."""
    y = _as_list_or_array(y)
    check_number_of(y, "targets", n_sequences)
    if isinstance(y, list):
        _check_rectangular(y)
    return y


def _as_list_or_array(y):
    """Return targets as an array of numbers or strings, or as a list."""
    if sparse.issparse(y):
        y = y.toarray()
    elif hasattr(y, "to_numpy"):
        y = y.to_numpy()
    elif not isinstance(y, (list, np.ndarray)):
        y = np.asarray(y) if hasattr(y, "__array__") else targets_as_list(y)
    if isinstance(y, list):
        return y
    if y.ndim == 0:
        targets_as_list(y)  # raises the error
    if y.dtype.kind in "mM":
        raise ValueError(
            f"y has dates or times, {y.dtype}: pass numbers, or strings as labels."
        )
    if y.dtype == object:
        return (y[:, 0] if y.shape[1:] == (1,) else y).tolist()
    return y


def _check_rectangular(y):
    """Check that the items are scalars, or rows of the same length."""
    lengths = np.array([len(item) if is_sequence(item) else 0 for item in y])
    wrong = np.flatnonzero(lengths != lengths[:1])
    if len(wrong):
        i = wrong[0]
        raise ValueError(
            f"y[{i}] has {lengths[i]} labels and y[0] has {lengths[0]}: give one "
            "target for each sequence, or rows of one length, such as "
            "MultiLabelBinarizer makes of lists of labels. RNNTagger learns one label "
            "for each step."
        )
