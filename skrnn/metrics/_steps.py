"""Scores of steps and of whole sequences, and the encoding that all metrics share."""

from itertools import chain

import numpy as np
from sklearn.metrics import classification_report, f1_score

from skrnn._validation import check_weights, sequence_of_row, targets_as_list

# --- from sequences to steps ----------------------------------------------------------


def flatten(y, name):
    """Return all steps, a list or rows (N, K), and the offsets of the sequences."""
    items = targets_as_list(y) if is_container(y) else []
    if items and isinstance(y, np.ndarray) and not any(map(is_container, items)):
        items = list(y)  # of shape (n, 1), with labels, not sequences, in its cells
    if not items:
        raise ValueError(
            f"{name} is {y!r:.60}, which holds no sequences: pass one list of labels "
            "for each sequence."
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
            try:
                hash(tuple(item))
            except TypeError as error:
                raise ValueError(
                    f"{name}[{i}] is {item!r:.60}, with an {error}: a label must be "
                    "hashable, such as a string, a number or a tuple."
                ) from error
        steps = list(chain.from_iterable(items))
    return steps, np.cumsum([0, *map(len, items)])


def is_container(y):
    is_scalar = isinstance(y, (str, bytes)) or getattr(y, "ndim", 1) == 0
    return hasattr(y, "__len__") and not is_scalar


def _holds_rows(item):
    """Whether the steps of a sequence are rows of numbers."""
    if getattr(item, "ndim", 1) > 1:
        return True
    return len(item) > 0 and isinstance(next(iter(item)), (list, np.ndarray))


def _stack_rows(items, name):
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
        raise ValueError(f"{name} has no steps: every sequence in it is empty.")


def encode(ys):
    """Encode the steps of one or two sets of label sequences alike.

    Of `ys`, a dict of the sets by their names in messages, it returns a list of codes,
    one array a set, shape (N,), positions in the classes; the classes, sorted where
    they can be; and the offsets. For multi-label steps, codes are the rows of 0 and 1,
    shape (N, K), and classes are the column numbers.
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
            "label a step, or rows with one column a label."
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
    wrong = ((rows != 0) & (rows != 1)).any(axis=1)
    if wrong.any():
        i = sequence_of_row(offsets, np.argmax(wrong))
        raise ValueError(
            f"{name}[{i}] contains values that are neither 0 nor 1: rows mark the "
            "labels of a step; for one label a step pass 1-D sequences of labels."
        )
    rows = rows.astype(np.int8)
    if rows.shape[1] == 1:  # scikit-learn reads a single column as two classes
        rows = np.hstack([rows, np.zeros_like(rows)])
    return rows


def step_weights(sample_weight, offsets):
    """Return the weight of each step, shape (N,): that of its sequence."""
    lengths = np.diff(offsets)
    return np.repeat(check_weights(sample_weight, len(lengths)), lengths)


def check_average(average):
    if average not in ("micro", "macro", "weighted", None):
        raise ValueError(
            f"average is {average!r}: it must be 'micro', 'macro', 'weighted' or None. "
            "For one class of two, name it in labels."
        )


def check_labels(labels):
    if not is_container(labels) or len(labels) == 0:
        raise ValueError(f"labels is {labels!r:.60}: pass a list of labels.")
    return list(labels)


def positions(labels, classes):
    """Return where `labels` are in `classes`; those not there come after its end."""
    if labels is None:
        return list(range(len(classes)))
    index = {label: k for k, label in enumerate(classes)}
    return [index.setdefault(label, len(index)) for label in check_labels(labels)]


# --- scores ---------------------------------------------------------------------------


def _right_steps(y_true, y_pred):
    """Return which steps are right, shape (N,), and the offsets."""
    (true, pred), _, offsets = encode({"y_true": y_true, "y_pred": y_pred})
    right = true == pred
    return right.all(axis=1) if right.ndim == 2 else right, offsets


def token_accuracy_score(y_true, y_pred, *, sample_weight=None):
    """Share of steps that have the right label.

    A multi-label step is right if its whole row is, as in scikit-learn's
    `accuracy_score`.

    Parameters
    ----------
    y_true, y_pred : n label sequences, or arrays of shape (T_i, K)
        The true and the predicted labels, as many in each sequence.
    sample_weight : array-like of shape (n,), default=None
        One weight a sequence, for each of its steps. None: all weigh the same.

    Returns
    -------
    float

    See Also
    --------
    sequence_accuracy_score : Share of sequences without a single wrong label.
    token_f1_score : Where a frequent label, such as "O", hides the others.

    Examples
    --------
    >>> from skrnn.metrics import token_accuracy_score
    >>> token_accuracy_score([[1, 2], [3, 1, 1]], [[1, 2], [3, 1, 2]])
    0.8
    """
    right, offsets = _right_steps(y_true, y_pred)
    return float(np.average(right, weights=step_weights(sample_weight, offsets)))


def sequence_accuracy_score(y_true, y_pred, *, sample_weight=None):
    """Share of sequences in which every step has the right label.

    Parameters
    ----------
    y_true, y_pred : n label sequences, or arrays of shape (T_i, K)
        The true and the predicted labels, as many in each sequence.
    sample_weight : array-like of shape (n,), default=None
        One weight a sequence. None: all weigh the same.

    Returns
    -------
    float

    Examples
    --------
    >>> from skrnn.metrics import sequence_accuracy_score
    >>> sequence_accuracy_score([[1, 2], [3, 1, 1]], [[1, 2], [3, 1, 2]])
    0.5
    """
    right, offsets = _right_steps(y_true, y_pred)
    exact = np.diff(np.cumsum(np.append(0, ~right))[offsets]) == 0
    return float(np.average(exact, weights=check_weights(sample_weight, len(exact))))


def token_f1_score(
    y_true, y_pred, *, labels=None, average="macro", sample_weight=None, zero_division=0
):
    """F1 score over all steps: scikit-learn's `f1_score` of the flattened labels.

    Parameters
    ----------
    y_true, y_pred : n label sequences, or arrays of shape (T_i, K)
        The true and the predicted labels, as many in each sequence.
    labels : list, default=None
        The labels that count, for example all but "O"; for multi-label steps, column
        numbers. None: all that occur in `y_true` or `y_pred`, sorted where they can be.
    average : {"micro", "macro", "weighted"} or None, default="macro"
        How the scores of the labels become one; None gives one score a label.
    sample_weight : array-like of shape (n,), default=None
        One weight a sequence, for each of its steps. None: all weigh the same.
    zero_division : {"warn", 0, 1, np.nan}, default=0
        The score of a label that is neither in `y_true` nor in `y_pred`.

    Returns
    -------
    float or ndarray of shape (n_labels,)

    See Also
    --------
    span_f1_score : Counts whole spans, not steps.
    token_classification_report : Scores of every label.

    Examples
    --------
    >>> from skrnn.metrics import token_f1_score
    >>> y_true = [["O", "PER", "PER"], ["LOC", "O"]]
    >>> y_pred = [["O", "PER", "O"], ["LOC", "O"]]
    >>> token_f1_score(y_true, y_pred, labels=["LOC", "PER"], average="micro")
    0.8
    """
    check_average(average)
    (true, pred), classes, offsets = encode({"y_true": y_true, "y_pred": y_pred})
    return f1_score(
        true,
        pred,
        labels=positions(labels, classes),
        average=average,
        sample_weight=step_weights(sample_weight, offsets),
        zero_division=zero_division,
    )


def token_classification_report(y_true, y_pred, *, digits=2, output_dict=False):
    """Precision, recall and F1 of every label, over all steps.

    scikit-learn's `classification_report` of the flattened labels. What would be a
    division by zero is 0.

    Parameters
    ----------
    y_true, y_pred : n label sequences, or arrays of shape (T_i, K)
        The true and the predicted labels, as many in each sequence.
    digits, output_dict : int, default=2, and bool, default=False
        Digits after the point in the text, and whether to return a dict instead.

    Returns
    -------
    str or dict

    Examples
    --------
    >>> from skrnn.metrics import token_classification_report
    >>> y_true = [["DET", "NOUN"], ["VERB", "DET"]]
    >>> y_pred = [["DET", "VERB"], ["VERB", "DET"]]
    >>> print(token_classification_report(y_true, y_pred))
                  precision    recall  f1-score   support
    <BLANKLINE>
             DET       1.00      1.00      1.00         2
            NOUN       0.00      0.00      0.00         1
            VERB       0.50      1.00      0.67         1
    <BLANKLINE>
        accuracy                           0.75         4
       macro avg       0.50      0.67      0.56         4
    weighted avg       0.62      0.75      0.67         4
    <BLANKLINE>
    """
    (true, pred), classes, _ = encode({"y_true": y_true, "y_pred": y_pred})
    return report(true, pred, list(map(str, classes)), digits, output_dict)


def report(true, pred, names, digits, output_dict):
    return classification_report(
        true,
        pred,
        labels=range(len(names)),
        target_names=names,
        digits=digits,
        output_dict=output_dict,
        zero_division=0.0,
    )
