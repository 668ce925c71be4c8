"""Spans in label sequences (IOB1, IOB2, IOBES), and their metrics."""

import re
from itertools import pairwise

import numpy as np
from sklearn.metrics import precision_recall_fscore_support

from skrnn._validation import sequence_of_row
from skrnn.metrics._encoding import (
    check_average,
    encode,
    is_container,
    positions,
    step_weights,
)
from skrnn.metrics._steps import report


def _find_spans(ys):
    """Find the spans in one or two sets of label sequences, the argument of `encode`.

    Returns
    -------
    spans : list of 4-tuples of ndarray
        For each set, the type (position in `types`), start and stop (in flat steps) of
        each span in order, and the type of each step, -1 for "O".
    types : list of str
        The types, sorted.
    offsets : ndarray of shape (n + 1,)
        Where each sequence begins.
    """
    codes, classes, offsets = encode(ys)
    if codes[0].ndim == 2:
        name = next(iter(ys))
        raise ValueError(
            f"{name} has rows of numbers: pass sequences with one label per step."
        )
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
    B (begin), I (inside), E (end) and S (single), of the schemes IOB1, IOB2 and IOBES;
    the L and U of BILOU are read as E and S.

    A label other than "O" begins a span if its prefix is B or S, or if the label before
    it is "O", of another type, or has the prefix E or S; otherwise it continues the
    span. So any sequence can be read, also one that violates its scheme, as models may
    predict. These are the rules of the CoNLL shared tasks.

    Parameters
    ----------
    labels : list, tuple or 1-D array of str
        One label for each step of one sequence.

    Returns
    -------
    list of (str, int, int)
        Type, start and stop of each span, in order. A span has the steps
        ``labels[start:stop]``.

    Raises
    ------
    ValueError
        If a label is neither "O" nor a prefix, a dash and a type.

    See Also
    --------
    convert_labels : Converts labels to another scheme.

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
    if not is_container(labels) or any(map(is_container, labels)):
        raise ValueError(
            f"labels is {labels!r:.60}: pass one sequence of labels, and call "
            "extract_spans for each of several."
        )
    [(kinds, starts, stops, _)], types, _ = _find_spans({"[labels]": [labels]})
    names = [types[k] for k in kinds]
    return list(zip(names, starts.tolist(), stops.tolist(), strict=True))


def convert_labels(y, scheme):
    """Convert label sequences to another tagging scheme.

    The spans, as found by `extract_spans`, stay the same. The scheme of `y` need not be
    known.

    Parameters
    ----------
    y : n label sequences
        Labels in IOB1, IOB2 or IOBES.
    scheme : {"IOB1", "IOB2", "IOBES"}
        The scheme of the result. IOB1: B begins only a span that directly follows
        another of its type. IOB2: B begins every span. IOBES: like IOB2, and E ends a
        span, and S is a span of one step.

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
    """Match the true and predicted spans that have the same start and stop.

    Returns `true` and `pred`, the types of the spans at each place (start and stop), -1
    where there is none; the list of types; the flat step at which each place begins;
    and the offsets. Place 0 has no span in both, so that scikit-learn always sees a
    class that is no type: otherwise its micro average would be the accuracy.
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

    A predicted span is right if a true span has the same start, stop and type. Spans
    are found by the rules of `extract_spans`.

    Parameters
    ----------
    y_true, y_pred : n label sequences
        The true and the predicted labels, each in IOB1, IOB2 or IOBES.
    labels : list of str, default=None
        The types to score. None: all that occur in `y_true` or `y_pred`, sorted.
    average : {"micro", "macro", "weighted"} or None, default=None
        How the scores of the types are averaged. "micro" counts the spans of all types
        together, as the CoNLL shared tasks do; None for one score per type.
    sample_weight : array-like of shape (n,), default=None
        One weight per sequence, for each of its spans. None: all weigh the same.

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
    check_average(average)
    true, pred, types, steps, offsets = _match_spans(y_true, y_pred)
    weights = step_weights(sample_weight, offsets)[steps]
    weights[0] = 1  # of no type; scikit-learn raises an error if all weights are 0
    columns = positions(labels, types)
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
    span_classification_report : Scores of each type.

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
    """Precision, recall and F1 of each type of span, and their averages.

    Divisions by zero give 0; without any span a ValueError is raised.

    Parameters
    ----------
    y_true, y_pred : n label sequences
        The true and the predicted labels, each in IOB1, IOB2 or IOBES.
    digits, output_dict : int, default=2, and bool, default=False
        The number of decimals in the text, and whether to return a dict instead.

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
            'y_true and y_pred have no spans, as every label is "O": pass at least one.'
        )
    return report(true, pred, types, digits, output_dict)
