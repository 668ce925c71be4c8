"""Metrics for sequences that have one label for each step, and ready scorers.

A set of label sequences (`y_true`, `y_pred`, `y`) is a list, tuple, object array,
Series or one-column frame of them, each a list, tuple or 1-D array of labels; or an
array of shape (n, T). Labels may be anything hashable, of mixed types too. Multi-label
steps are rows of 0 and 1: item i is then an array of shape (T_i, K), and a label is the
number of a column. A predicted label that is nowhere in `y_true` is a wrong label and
no error; sequences that differ in number or length raise a ValueError.

`token_*` metrics count steps, `sequence_accuracy_score` counts sequences, and `span_*`
metrics count spans, such as the names in a text or the phrases of a sentence, whose
labels are ``"O"`` (outside), or a prefix and a type, as in ``"B-PER"``.

Names ending in `_scorer` are for the `scoring` of `cross_validate` or `GridSearchCV`:
`token_accuracy_scorer`, `token_f1_macro_scorer`, `token_f1_weighted_scorer`,
`sequence_accuracy_scorer`, `span_precision_scorer`, `span_recall_scorer`,
`span_f1_scorer` and `neg_step_log_loss_scorer`. scikit-learn's own, such as
``scoring="accuracy"``, cannot read label sequences of different lengths.
"""

import re
import warnings
from itertools import chain, pairwise

import numpy as np
from sklearn.metrics import (
    classification_report,
    f1_score,
    make_scorer,
    precision_recall_fscore_support,
)

from skrnn._validation import check_weights, sequence_of_row, targets_as_list

__all__ = [
    "convert_labels",
    "extract_spans",
    "neg_step_log_loss_scorer",
    "sequence_accuracy_score",
    "sequence_accuracy_scorer",
    "span_classification_report",
    "span_f1_score",
    "span_f1_scorer",
    "span_precision_recall_fscore_support",
    "span_precision_score",
    "span_precision_scorer",
    "span_recall_score",
    "span_recall_scorer",
    "step_log_loss",
    "token_accuracy_score",
    "token_accuracy_scorer",
    "token_classification_report",
    "token_f1_macro_scorer",
    "token_f1_score",
    "token_f1_weighted_scorer",
]


# --- from sequences to steps ----------------------------------------------------------


def _flatten(y, name):
    """Return all steps, a list or rows (N, K), and the offsets of the sequences."""
    items = targets_as_list(y) if _is_container(y) else []
    if items and isinstance(y, np.ndarray) and not any(map(_is_container, items)):
        items = list(y)  # of shape (n, 1), with labels, not sequences, in its cells
    if not items:
        raise ValueError(
            f"{name} is {y!r:.60}, which holds no sequences: pass one list of labels "
            "for each sequence."
        )
    for i, item in enumerate(items):
        if not _is_container(item):
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


def _is_container(y):
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


def _check_lengths(offsets, other_offsets, name, other):
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


def _encode(ys):
    """Encode the steps of one or two sets of label sequences alike.

    Of `ys`, a dict of the sets by their names in messages, it returns a list of codes,
    one array a set, shape (N,), positions in the classes; the classes, sorted where
    they can be; and the offsets. For multi-label steps, codes are the rows of 0 and 1,
    shape (N, K), and classes are the column numbers.
    """
    steps, offsets = zip(*(_flatten(y, name) for name, y in ys.items()), strict=True)
    if len(ys) == 2:
        _check_lengths(*offsets, *ys)
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
        codes = [_indicators(rows, name, offsets[0]) for rows, name in pairs]
        return codes, list(range(widths[0])), offsets[0]
    distinct = dict.fromkeys(chain(*steps))
    try:
        classes = sorted(distinct)
    except TypeError:
        classes = list(distinct)
    index = {label: k for k, label in enumerate(classes)}
    codes = [np.fromiter(map(index.get, s), np.intp, count=len(s)) for s in steps]
    return codes, classes, offsets[0]


def _indicators(rows, name, offsets):
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


def _step_weights(sample_weight, offsets):
    """Return the weight of each step, shape (N,): that of its sequence."""
    lengths = np.diff(offsets)
    return np.repeat(check_weights(sample_weight, len(lengths)), lengths)


def _check_average(average):
    if average not in ("micro", "macro", "weighted", None):
        raise ValueError(
            f"average is {average!r}: it must be 'micro', 'macro', 'weighted' or None. "
            "For one class of two, name it in labels."
        )


def _check_labels(labels):
    if not _is_container(labels) or len(labels) == 0:
        raise ValueError(f"labels is {labels!r:.60}: pass a list of labels.")
    return list(labels)


def _positions(labels, classes):
    """Return where `labels` are in `classes`; those not there come after its end."""
    if labels is None:
        return list(range(len(classes)))
    index = {label: k for k, label in enumerate(classes)}
    return [index.setdefault(label, len(index)) for label in _check_labels(labels)]


# --- tokens and whole sequences -------------------------------------------------------


def _right_steps(y_true, y_pred):
    """Return which steps are right, shape (N,), and the offsets."""
    (true, pred), _, offsets = _encode({"y_true": y_true, "y_pred": y_pred})
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
    return float(np.average(right, weights=_step_weights(sample_weight, offsets)))


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
    _check_average(average)
    (true, pred), classes, offsets = _encode({"y_true": y_true, "y_pred": y_pred})
    return f1_score(
        true,
        pred,
        labels=_positions(labels, classes),
        average=average,
        sample_weight=_step_weights(sample_weight, offsets),
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
    (true, pred), classes, _ = _encode({"y_true": y_true, "y_pred": y_pred})
    return _report(true, pred, list(map(str, classes)), digits, output_dict)


def _report(true, pred, names, digits, output_dict):
    return classification_report(
        true,
        pred,
        labels=range(len(names)),
        target_names=names,
        digits=digits,
        output_dict=output_dict,
        zero_division=0.0,
    )


# --- spans ----------------------------------------------------------------------------


def _find_spans(ys):
    """Find the spans in one or two sets of label sequences, given as to `_encode`.

    Returns a list with four arrays a set: type (position in the types), start and stop
    (in flat steps) of each span in their order, and the type of each step, -1 for "O".
    Besides, the list of types, sorted, and the offsets of the sequences.
    """
    codes, classes, offsets = _encode(ys)
    if codes[0].ndim == 2:
        name = next(iter(ys))
        raise ValueError(f"{name} has rows of numbers: spans need one label a step.")
    for k, label in enumerate(classes):
        if not (isinstance(label, str) and re.fullmatch("(?s)O|[BIESLU]-.+", label)):
            name, steps = next(p for p in zip(ys, codes, strict=True) if k in p[1])
            i = sequence_of_row(offsets, np.argmax(steps == k))
            raise ValueError(
                f"{name}[{i}] contains the label {label!r}: spans need labels that are "
                '"O", or one of the prefixes B, I, E and S (or L and U for these two), '
                'a dash and a type, such as "B-PER".'
            )
    types = sorted({label[2:] for label in classes} - {""})
    type_of = np.array([types.index(c[2:]) if c != "O" else -1 for c in classes], int)
    opens = np.array([label[0] in "BSU" for label in classes], bool)
    closes = np.array([label[0] in "ESLU" for label in classes], bool)
    spans = []
    for steps in codes:
        step_types = type_of[steps]
        begins = opens[steps]
        begins[1:] |= closes[steps[:-1]] | (step_types[1:] != step_types[:-1])
        begins[offsets[:-1][np.diff(offsets) > 0]] = True
        begins &= step_types >= 0
        starts = np.flatnonzero(begins)
        ends = np.append(np.flatnonzero(begins | (step_types < 0)), len(steps))
        stops = ends[np.searchsorted(ends, starts, side="right")]
        spans.append((step_types[starts], starts, stops, step_types))
    return spans, types, offsets


def extract_spans(labels):
    """Find the spans in one sequence of labels.

    A label is "O", outside of spans, or a prefix, a dash and a type. The prefixes are
    B (begin), I (inside), E (end) and S (single), so that IOB1, IOB2 and IOBES labels
    are read alike; L and U, as in BILOU, are other letters for E and S.

    A label other than "O" begins a span if its prefix is B or S, or if the label before
    it is "O", of another type, or has the prefix E or S; otherwise it continues the
    span. So every sequence has a meaning, also one that keeps to no scheme, which a
    model may well predict. These are the rules of the CoNLL shared tasks.

    Parameters
    ----------
    labels : list, tuple or 1-D array of str
        One label for each step of one sequence.

    Returns
    -------
    list of (str, int, int)
        Type, start and stop of each span, in their order. It covers the steps
        ``labels[start:stop]``.

    Raises
    ------
    ValueError
        If a label is neither "O" nor a prefix, a dash and a type.

    See Also
    --------
    convert_labels : From spans to the labels of another scheme.

    References
    ----------
    .. [1] E. F. Tjong Kim Sang and S. Buchholz (2000), Introduction to the CoNLL-2000
       shared task: chunking. CoNLL.

    Examples
    --------
    >>> from skrnn.metrics import extract_spans
    >>> extract_spans(["B-PER", "I-PER", "O", "B-LOC", "B-LOC"])
    [('PER', 0, 2), ('LOC', 3, 4), ('LOC', 4, 5)]
    """
    if not _is_container(labels) or any(map(_is_container, labels)):
        raise ValueError(
            f"labels is {labels!r:.60}: extract_spans takes one sequence of labels; "
            "call it for each of several."
        )
    [(kinds, starts, stops, _)], types, _ = _find_spans({"[labels]": [labels]})
    names = [types[k] for k in kinds]
    return list(zip(names, starts.tolist(), stops.tolist(), strict=True))


def convert_labels(y, scheme):
    """Write label sequences in another tagging scheme.

    The spans that `extract_spans` finds stay the same; the labels read may be of any
    scheme.

    Parameters
    ----------
    y : n label sequences
        Labels in IOB1, IOB2 or IOBES.
    scheme : {"IOB1", "IOB2", "IOBES"}
        What to write. IOB1: B begins only a span that follows another of its type at
        once. IOB2: B begins every span. IOBES: besides, E ends a span, and S is a span
        of one step.

    Returns
    -------
    list of list of str
        The labels.

    Raises
    ------
    ValueError
        If a label is neither "O" nor a prefix, a dash and a type, or if `scheme` is
        none of the above.

    References
    ----------
    .. [1] E. F. Tjong Kim Sang and J. Veenstra (1999), Representing text chunks. EACL.

    Examples
    --------
    >>> from skrnn.metrics import convert_labels
    >>> convert_labels([["I-PER", "I-PER", "O", "I-LOC", "B-LOC"]], "IOB2")
    [['B-PER', 'I-PER', 'O', 'B-LOC', 'B-LOC']]
    """
    if scheme not in ("IOB1", "IOB2", "IOBES"):
        raise ValueError(f"scheme is {scheme!r}: use 'IOB1', 'IOB2' or 'IOBES'.")
    [(kinds, starts, stops, step_types)], types, offsets = _find_spans({"y": y})
    prefixes = np.full(len(step_types), "I", dtype=object)
    if scheme == "IOB1":
        touches = (stops[:-1] == starts[1:]) & (kinds[:-1] == kinds[1:])
        prefixes[starts[1:][touches & ~np.isin(starts[1:], offsets)]] = "B"
    else:
        prefixes[starts] = "B"
    if scheme == "IOBES":
        prefixes[stops - 1] = "E"
        prefixes[starts[stops - starts == 1]] = "S"
    endings = np.array([f"-{kind}" for kind in types] + ["O"], dtype=object)
    prefixes[step_types < 0] = ""
    labels = (prefixes + endings[step_types]).tolist()  # endings[-1] is "O"
    return [labels[a:b] for a, b in pairwise(offsets)]


def _match_spans(y_true, y_pred):
    """Put the spans found at the same place side by side.

    Returns `true` and `pred`, the types of the spans at each place, -1 where there is
    none; the list of types; the flat step at which each place begins; and the offsets.
    Place 0 has no span in both, so that scikit-learn always sees a class that is no
    type: without it, it would report the accuracy for the micro average.
    """
    found, types, offsets = _find_spans({"y_true": y_true, "y_pred": y_pred})
    kinds, starts, stops, _ = zip(*found, strict=True)
    n_stops = offsets[-1] + 1
    places = np.concatenate(starts) * n_stops + np.concatenate(stops)
    places, place_of = np.unique(places, return_inverse=True)
    spans = np.full((2, len(places) + 1), -1)
    spans[0, 1 + place_of[: len(kinds[0])]] = kinds[0]
    spans[1, 1 + place_of[len(kinds[0]) :]] = kinds[1]
    return *spans, types, np.append(0, places // n_stops), offsets


def span_precision_recall_fscore_support(
    y_true, y_pred, *, labels=None, average=None, sample_weight=None
):
    """Precision, recall, F1 score and number of spans.

    A predicted span is right if there is a true span with the same start, stop and
    type. Spans are found by the rules of `extract_spans`.

    Parameters
    ----------
    y_true, y_pred : n label sequences
        The true and the predicted labels, each in IOB1, IOB2 or IOBES.
    labels : list of str, default=None
        The types that count. None: all that occur in `y_true` or `y_pred`, sorted.
    average : {"micro", "macro", "weighted"} or None, default=None
        How the scores of the types become one. "micro" counts the spans of all types
        together, as the CoNLL shared tasks do; None gives one score a type.
    sample_weight : array-like of shape (n,), default=None
        One weight a sequence, for each of its spans. None: all weigh the same.

    Returns
    -------
    precision, recall, fscore : float or ndarray of shape (n_types,)
        Shares of the predicted spans that are right and of the true spans that are
        found, and their harmonic mean.
    support : None or ndarray of shape (n_types,)
        The number, or weight, of true spans of each type; None for an average.

    Raises
    ------
    ValueError
        If a label is neither "O" nor a prefix, a dash and a type, if `average` is none
        of the above, or if `labels` is empty.

    Examples
    --------
    >>> from skrnn.metrics import span_precision_recall_fscore_support
    >>> y_true, y_pred = [["S-PER", "O", "S-LOC"]], [["S-PER", "O", "O"]]
    >>> span_precision_recall_fscore_support(y_true, y_pred)[1]  # of LOC and PER
    array([0., 1.])
    """
    _check_average(average)
    true, pred, types, steps, offsets = _match_spans(y_true, y_pred)
    weights = _step_weights(sample_weight, offsets)[steps]
    weights[0] = 1  # no type has it, and scikit-learn refuses weights of only zeros
    columns = _positions(labels, types)
    if average is not None and not columns:
        columns = [len(types)]  # a type without spans: the score is 0
    return precision_recall_fscore_support(
        true,
        pred,
        labels=columns,
        average=average,
        sample_weight=None if sample_weight is None else weights,
        zero_division=0.0,
    )


def span_precision_score(
    y_true, y_pred, *, labels=None, average="micro", sample_weight=None
):
    """Share of the predicted spans that are right: same start, stop and type.

    Parameters
    ----------
    y_true, y_pred, labels, average, sample_weight : default average="micro"
        As in `span_precision_recall_fscore_support`.

    Returns
    -------
    float or ndarray of shape (n_types,)

    Examples
    --------
    >>> from skrnn.metrics import span_precision_score
    >>> span_precision_score([["B-PER", "I-PER", "O"]], [["B-PER", "I-PER", "B-LOC"]])
    0.5
    """
    return span_precision_recall_fscore_support(
        y_true, y_pred, labels=labels, average=average, sample_weight=sample_weight
    )[0]


def span_recall_score(
    y_true, y_pred, *, labels=None, average="micro", sample_weight=None
):
    """Share of the true spans that were found: same start, stop and type.

    Parameters
    ----------
    y_true, y_pred, labels, average, sample_weight : default average="micro"
        As in `span_precision_recall_fscore_support`.

    Returns
    -------
    float or ndarray of shape (n_types,)

    Examples
    --------
    >>> from skrnn.metrics import span_recall_score
    >>> span_recall_score([["B-PER", "I-PER", "O"]], [["B-PER", "I-PER", "B-LOC"]])
    1.0
    """
    return span_precision_recall_fscore_support(
        y_true, y_pred, labels=labels, average=average, sample_weight=sample_weight
    )[1]


def span_f1_score(y_true, y_pred, *, labels=None, average="micro", sample_weight=None):
    """Harmonic mean of the precision and recall of spans.

    The F1 score of the CoNLL shared tasks: spans of all types are counted together.

    Parameters
    ----------
    y_true, y_pred, labels, average, sample_weight : default average="micro"
        As in `span_precision_recall_fscore_support`.

    Returns
    -------
    float or ndarray of shape (n_types,)

    See Also
    --------
    extract_spans : The rules by which spans are found.
    span_classification_report : Scores of every type.

    Examples
    --------
    >>> from skrnn.metrics import span_f1_score
    >>> y_true = [["B-PER", "I-PER", "O", "B-LOC"], ["B-LOC", "O"]]
    >>> y_pred = [["B-PER", "I-PER", "O", "B-PER"], ["B-LOC", "O"]]
    >>> round(span_f1_score(y_true, y_pred), 3)
    0.667
    """
    return span_precision_recall_fscore_support(
        y_true, y_pred, labels=labels, average=average, sample_weight=sample_weight
    )[2]


def span_classification_report(y_true, y_pred, *, digits=2, output_dict=False):
    """Precision, recall and F1 of every type of span, and their averages.

    What would be a division by zero is 0; no spans at all are a ValueError.

    Parameters
    ----------
    y_true, y_pred : n label sequences
        The true and the predicted labels, each in IOB1, IOB2 or IOBES.
    digits, output_dict : int, default=2, and bool, default=False
        Digits after the point in the text, and whether to return a dict instead.

    Returns
    -------
    str or dict

    Examples
    --------
    >>> from skrnn.metrics import span_classification_report
    >>> y_true = [["B-PER", "I-PER", "O", "B-LOC"], ["B-LOC", "O"]]
    >>> y_pred = [["B-PER", "I-PER", "O", "B-PER"], ["B-LOC", "O"]]
    >>> report = span_classification_report(y_true, y_pred, output_dict=True)
    >>> report["LOC"]["recall"], report["LOC"]["precision"]
    (0.5, 1.0)
    """
    true, pred, types, _, _ = _match_spans(y_true, y_pred)
    if not types:
        raise ValueError(
            'There are no spans to report on: every label of y_true and y_pred is "O".'
        )
    return _report(true, pred, types, digits, output_dict)


# --- probabilities --------------------------------------------------------------------


def step_log_loss(y_true, y_proba, *, labels):
    """Mean negative log-likelihood of a step, in nats.

    Where steps are multi-label, the binary cross entropies of the K columns are summed:
    the negative log-likelihood per step (NLL) of polyphonic music [1]_.

    Parameters
    ----------
    y_true : n label sequences, or arrays of shape (T_i, K)
        The true labels. One that is not in `labels` has the probability 0, so that a
        label which the model never saw counts as wrong, by a large and finite loss.
    y_proba : n arrays of shape (T_i, K)
        The predicted probabilities: a list, a 1-D object array, or an array of shape
        (n, T, K). They are clipped to [eps, 1 - eps], eps that of their dtype, as in
        scikit-learn's `log_loss`.
    labels : array-like of shape (K,)
        The labels in the order of the columns: `classes_` of the estimator.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If the sequences differ in number or length, if the number of columns is not
        that of `labels`, or if there are values outside of [0, 1].

    Warns
    -----
    UserWarning
        If the probabilities of a step do not sum to one. Not for multi-label steps.

    References
    ----------
    .. [1] N. Boulanger-Lewandowski, Y. Bengio and P. Vincent (2012), Modeling temporal
       dependencies in high-dimensional sequences. ICML.

    Examples
    --------
    >>> import numpy as np
    >>> from skrnn.metrics import step_log_loss
    >>> y_proba = [np.array([[0.5, 0.5], [0.25, 0.75]]), np.array([[0.5, 0.5]])]
    >>> loss = step_log_loss([["a", "a"], ["b"]], y_proba, labels=["a", "b"])
    >>> round(float(loss / np.log(2)), 3)  # in bits: (1 + 2 + 1) / 3
    1.333
    """
    true, offsets = _flatten(y_true, "y_true")
    proba, proba_offsets = _flatten(y_proba, "y_proba")
    _check_lengths(offsets, proba_offsets, "y_true", "y_proba")
    labels = _check_labels(labels)
    if not isinstance(proba, np.ndarray) or proba.shape[1] != len(labels):
        raise ValueError(
            f"y_proba[0] has shape {np.shape(targets_as_list(y_proba)[0])}, not (T_i, "
            f"{len(labels)}): pass one column for each of the labels."
        )
    if proba.dtype.kind != "f":
        proba = proba.astype(np.float64)
    if not (proba.min() >= 0 and proba.max() <= 1):  # NaN compares false
        step = np.argmin(((proba >= 0) & (proba <= 1)).all(axis=1))
        raise ValueError(
            f"y_proba[{sequence_of_row(offsets, step)}] contains {proba[step]!r:.60}: "
            "pass probabilities, between 0 and 1, as predict_proba returns them."
        )
    eps = np.finfo(proba.dtype).eps
    if isinstance(true, np.ndarray):
        if true.shape[1] != len(labels):
            raise ValueError(
                f"y_true[0] has rows of {true.shape[1]} and there are {len(labels)} "
                "labels: both must have one column for each label."
            )
        rows = _indicators(true, "y_true", offsets)[:, : len(labels)]
        likelihoods = np.where(rows, proba, 1 - proba)
    else:
        if not np.allclose(proba.sum(axis=1), 1, rtol=np.sqrt(eps)):
            message = "y_proba: the probabilities of a step do not sum to one."
            warnings.warn(message, UserWarning, stacklevel=2)
        codes = np.array(_positions(true, labels))
        seen = codes < len(labels)
        likelihoods = np.zeros(len(proba), dtype=proba.dtype)
        likelihoods[seen] = proba[seen, codes[seen]]
    losses = -np.log(np.clip(likelihoods, eps, 1 - eps))
    return float(losses.sum(dtype=np.float64) / len(true))


# --- scorers --------------------------------------------------------------------------

token_accuracy_scorer = make_scorer(token_accuracy_score)
token_f1_macro_scorer = make_scorer(token_f1_score, average="macro")
token_f1_weighted_scorer = make_scorer(token_f1_score, average="weighted")
sequence_accuracy_scorer = make_scorer(sequence_accuracy_score)
span_precision_scorer = make_scorer(span_precision_score)
span_recall_scorer = make_scorer(span_recall_score)
span_f1_scorer = make_scorer(span_f1_score)


def neg_step_log_loss_scorer(estimator, X, y):
    """Score an estimator by its mean log-likelihood of a step: greater is better.

    Parameters
    ----------
    estimator : fitted estimator with `predict_proba` and `classes_`
        What to score.
    X : n sequences
        What the estimator takes.
    y : n label sequences, or arrays of shape (T_i, K)
        The true labels. One that is not in ``estimator.classes_`` has probability 0.

    Returns
    -------
    float
        Minus `step_log_loss`.

    Examples
    --------
    >>> import numpy as np
    >>> from skrnn.metrics import neg_step_log_loss_scorer
    >>> class Coin:
    ...     classes_ = np.array(["heads", "tails"])
    ...
    ...     def predict_proba(self, X):
    ...         return [np.full((len(x), 2), 0.5) for x in X]
    >>> round(neg_step_log_loss_scorer(Coin(), [[0, 1]], [["heads", "heads"]]), 4)
    -0.6931
    """
    return -step_log_loss(y, estimator.predict_proba(X), labels=estimator.classes_)
