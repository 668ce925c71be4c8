"""Metrics for sequences that have one label for each step, and ready scorers.

A set of label sequences (`y_true`, `y_pred`, `y`) is a list, tuple, 1-D object array or
Series of them, each a list, tuple or 1-D array of labels; or an array of shape (n, T).
Labels may be anything hashable, of mixed types too. Multi-label steps are rows of 0 and
1: item i is then an array of shape (T_i, K), and a label is the number of a column. A
predicted label that is nowhere in `y_true` is a wrong label and no error.

`token_*` metrics count steps, `sequence_accuracy_score` counts sequences, and `span_*`
metrics count spans, such as the names in a text or the phrases of a sentence, whose
labels are ``"O"`` (outside), or a prefix and a type, as in ``"B-PER"``.

Names ending in `_scorer` are for the `scoring` of `cross_validate` or `GridSearchCV`:
`token_accuracy_scorer`, `token_f1_macro_scorer`, `token_f1_weighted_scorer`,
`sequence_accuracy_scorer`, `span_precision_scorer`, `span_recall_scorer`,
`span_f1_scorer` and `neg_step_log_loss_scorer`. scikit-learn's own, such as
``scoring="accuracy"``, cannot read label sequences of different lengths.
"""

import warnings
from itertools import chain

import numpy as np
from sklearn.metrics import (
    classification_report,
    f1_score,
    make_scorer,
    precision_recall_fscore_support,
)

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
    """Put the steps of all sequences one after the other.

    Returns
    -------
    steps : list of N labels, or ndarray of shape (N, K)
    lengths : ndarray of shape (n,)
    """
    if isinstance(y, (str, bytes)):
        raise ValueError(
            f"{name} is a single string; pass one list of labels a sequence."
        )
    items = y.to_list() if hasattr(y, "to_list") else list(y)
    if not items:
        raise ValueError(f"{name} has no sequences: pass at least one.")
    for i, item in enumerate(items):
        if (
            isinstance(item, (str, bytes))
            or not hasattr(item, "__len__")
            or getattr(item, "ndim", 1) == 0
        ):
            raise ValueError(
                f"{name}[{i}] is {item!r:.60}, not a sequence of labels: pass one list "
                "or array for each sequence, with one label for each step."
            )
    if any(map(_holds_rows, items)):
        rows = _stack_rows(items, name)
        return np.concatenate(rows), np.array([len(row) for row in rows])
    lengths = np.array([len(item) for item in items])
    lists = (i.tolist() if isinstance(i, np.ndarray) else i for i in items)
    return list(chain.from_iterable(lists)), lengths


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


def _sequence_of(step, lengths):
    """Return the index of the sequence that a flat step, or each of them, is in."""
    return np.searchsorted(np.cumsum(lengths), step, side="right")


def _check_lengths(lengths, other_lengths, name, other):
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

    Parameters
    ----------
    ys : dict of str to label sequences
        By the names they have in messages.

    Returns
    -------
    codes : list of ndarray, one a set
        Shape (N,), positions in `classes`; for multi-label steps (N, K), 0 and 1.
    classes : list
        The labels, sorted where they can be. For multi-label steps the column numbers.
    lengths : ndarray of shape (n,)
    """
    steps, lengths = zip(*(_flatten(y, name) for name, y in ys.items()), strict=True)
    if len(ys) == 2:
        _check_lengths(*lengths, *ys)
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
        codes = [_indicators(rows, name, lengths[0]) for rows, name in pairs]
        return codes, list(range(widths[0])), lengths[0]
    try:
        distinct = dict.fromkeys(chain(*steps))
    except TypeError:
        _raise_unhashable(steps, ys, lengths[0])
    try:
        classes = sorted(distinct)
    except TypeError:
        classes = list(distinct)
    index = {label: k for k, label in enumerate(classes)}
    codes = [np.fromiter(map(index.get, s), np.intp, count=len(s)) for s in steps]
    return codes, classes, lengths[0]


def _raise_unhashable(steps, names, lengths):
    for labels, name in zip(steps, names, strict=True):
        for step, label in enumerate(labels):
            try:
                hash(label)
            except TypeError as error:
                raise ValueError(
                    f"{name}[{_sequence_of(step, lengths)}] contains {label!r:.60}: "
                    "a label must be hashable, such as a string, a number or a tuple."
                ) from error


def _indicators(rows, name, lengths):
    wrong = ((rows != 0) & (rows != 1)).any(axis=1)
    if wrong.any():
        i = _sequence_of(np.argmax(wrong), lengths)
        raise ValueError(
            f"{name}[{i}] contains values that are neither 0 nor 1: rows mark the "
            "labels of a step; for one label a step pass 1-D sequences of labels."
        )
    rows = rows.astype(np.int8)
    if rows.shape[1] == 1:  # scikit-learn reads a single column as two classes
        rows = np.hstack([rows, np.zeros_like(rows)])
    return rows


def _check_weights(sample_weight, n_sequences):
    """Return one weight a sequence, shape (n,)."""
    if sample_weight is None:
        return np.ones(n_sequences)
    weights = np.asarray(sample_weight, dtype=np.float64)
    if weights.shape != (n_sequences,):
        raise ValueError(
            f"sample_weight has shape {weights.shape}: give one weight for each of the "
            f"{n_sequences} sequences."
        )
    if not (np.isfinite(weights).all() and weights.min() >= 0 and weights.any()):
        raise ValueError(
            "sample_weight must hold finite weights that are not negative, and not all "
            "of them zero."
        )
    return weights


def _check_average(average):
    if average not in ("micro", "macro", "weighted", None):
        raise ValueError(
            f"average is {average!r}: it must be 'micro', 'macro', 'weighted' or None. "
            "For one class of two, name it in labels."
        )


def _positions(labels, classes):
    """Return where `labels` are in `classes`; those not there come after its end."""
    if labels is None:
        return list(range(len(classes)))
    if isinstance(labels, (str, bytes)):
        raise ValueError(f"labels is a single string; pass a list: [{labels!r}].")
    index = {label: k for k, label in enumerate(classes)}
    return [index.setdefault(label, len(index)) for label in labels]


# --- tokens and whole sequences -------------------------------------------------------


def _right_steps(y_true, y_pred):
    """Return which steps are right, shape (N,), and the lengths."""
    (true, pred), _, lengths = _encode({"y_true": y_true, "y_pred": y_pred})
    right = true == pred
    return right.all(axis=1) if right.ndim == 2 else right, lengths


def token_accuracy_score(y_true, y_pred, *, sample_weight=None):
    """Share of steps that have the right label.

    A multi-label step is right if its whole row is, as in scikit-learn's
    `accuracy_score`.

    Parameters
    ----------
    y_true : n label sequences, or arrays of shape (T_i, K)
        The true labels.
    y_pred : n label sequences, or arrays of shape (T_i, K)
        The predicted labels, as many in each sequence.
    sample_weight : array-like of shape (n,), default=None
        One weight a sequence, for each of its steps. None: all weigh the same.

    Returns
    -------
    float
        Between 0 and 1.

    Raises
    ------
    ValueError
        If the sequences of `y_true` and `y_pred` differ in number or length.

    See Also
    --------
    sequence_accuracy_score : Share of sequences without a single wrong label.
    token_f1_score : Where a frequent label, such as "O", hides the others.

    Examples
    --------
    >>> from skrnn.metrics import token_accuracy_score
    >>> y_true = [["DET", "NOUN"], ["PRON", "VERB", "DET"]]
    >>> y_pred = [["DET", "VERB"], ["PRON", "VERB", "DET"]]
    >>> token_accuracy_score(y_true, y_pred)
    0.8
    """
    right, lengths = _right_steps(y_true, y_pred)
    weights = np.repeat(_check_weights(sample_weight, len(lengths)), lengths)
    return float(np.average(right, weights=weights))


def sequence_accuracy_score(y_true, y_pred, *, sample_weight=None):
    """Share of sequences in which every step has the right label.

    Parameters
    ----------
    y_true : n label sequences, or arrays of shape (T_i, K)
        The true labels.
    y_pred : n label sequences, or arrays of shape (T_i, K)
        The predicted labels, as many in each sequence.
    sample_weight : array-like of shape (n,), default=None
        One weight a sequence. None: all weigh the same.

    Returns
    -------
    float
        Between 0 and 1.

    Raises
    ------
    ValueError
        If the sequences of `y_true` and `y_pred` differ in number or length.

    See Also
    --------
    token_accuracy_score : Share of steps that have the right label.

    Examples
    --------
    >>> from skrnn.metrics import sequence_accuracy_score
    >>> sequence_accuracy_score([[1, 2], [3, 1, 1]], [[1, 2], [3, 1, 2]])
    0.5
    """
    right, lengths = _right_steps(y_true, y_pred)
    exact = np.ones(len(lengths), dtype=bool)
    exact[_sequence_of(np.flatnonzero(~right), lengths)] = False
    weights = _check_weights(sample_weight, len(lengths))
    return float(np.average(exact, weights=weights))


def token_f1_score(
    y_true,
    y_pred,
    *,
    labels=None,
    average="macro",
    sample_weight=None,
    zero_division=0.0,
):
    """F1 score over all steps: scikit-learn's `f1_score` of the flattened labels.

    Parameters
    ----------
    y_true : n label sequences, or arrays of shape (T_i, K)
        The true labels.
    y_pred : n label sequences, or arrays of shape (T_i, K)
        The predicted labels, as many in each sequence.
    labels : list, default=None
        The labels that count, for example all but "O"; for multi-label steps, column
        numbers. None: all that occur in `y_true` or `y_pred`, sorted where they can be.
    average : {"micro", "macro", "weighted"} or None, default="macro"
        How the scores of the labels become one; None gives one score a label.
    sample_weight : array-like of shape (n,), default=None
        One weight a sequence, for each of its steps. None: all weigh the same.
    zero_division : {"warn", 0.0, 1.0, np.nan}, default=0.0
        The score of a label that is neither in `y_true` nor in `y_pred`.

    Returns
    -------
    float or ndarray of shape (n_labels,)

    Raises
    ------
    ValueError
        If the sequences of `y_true` and `y_pred` differ in number or length, or if
        `average` is none of the above.

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
    (true, pred), classes, lengths = _encode({"y_true": y_true, "y_pred": y_pred})
    return f1_score(
        true,
        pred,
        labels=_positions(labels, classes),
        average=average,
        sample_weight=np.repeat(_check_weights(sample_weight, len(lengths)), lengths),
        zero_division=zero_division,
    )


def token_classification_report(y_true, y_pred, *, digits=2, output_dict=False):
    """Precision, recall and F1 of every label, over all steps.

    scikit-learn's `classification_report` of the flattened labels. What would be a
    division by zero is 0.

    Parameters
    ----------
    y_true : n label sequences, or arrays of shape (T_i, K)
        The true labels.
    y_pred : n label sequences, or arrays of shape (T_i, K)
        The predicted labels, as many in each sequence.
    digits : int, default=2
        Digits after the point in the text.
    output_dict : bool, default=False
        Whether to return a dict instead of a text.

    Returns
    -------
    str or dict

    Raises
    ------
    ValueError
        If the sequences of `y_true` and `y_pred` differ in number or length.

    See Also
    --------
    span_classification_report : The same for spans.

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
    return classification_report(
        true,
        pred,
        labels=range(len(classes)),
        target_names=list(map(str, classes)),
        digits=digits,
        output_dict=output_dict,
        zero_division=0.0,
    )


# --- spans ----------------------------------------------------------------------------


def _span_tables(classes, codes, lengths):
    """Read the labels of a tagging scheme.

    Returns
    -------
    types : list of str, sorted
    type_of : ndarray of shape (n_classes,)
        Position in `types` of the type of each label; -1 for "O".
    opens, closes : ndarray of shape (n_classes,)
        Whether a span always begins, or always ends, at a step with that label.
    """
    for name, steps in codes.items():
        if steps.ndim == 2:
            raise ValueError(
                f"{name} has rows of numbers as labels: spans need one label a step."
            )
    prefixes, kinds = [], []
    for k, label in enumerate(classes):
        prefix, _, kind = str(label).partition("-")
        known = isinstance(label, str) and prefix in tuple("BIESLU") and kind
        if label != "O" and not known:
            name, steps = next((n, c) for n, c in codes.items() if (c == k).any())
            i = _sequence_of(np.argmax(steps == k), lengths)
            raise ValueError(
                f"{name}[{i}] contains the label {label!r}: "
                'spans need labels that are "O", or one of the prefixes B, I, E and S, '
                'a dash and a type, such as "B-PER".'
            )
        prefixes.append(prefix)
        kinds.append(kind)
    types = sorted(set(kinds) - {""})
    type_of = np.array([types.index(kind) if kind else -1 for kind in kinds], np.intp)
    opens = np.array([prefix in tuple("BSU") for prefix in prefixes], bool)
    closes = np.array([prefix in tuple("ESLU") for prefix in prefixes], bool)
    return types, type_of, opens, closes


def _find_spans(codes, tables, lengths):
    """Return types, starts and stops of the spans, in flat steps, in their order."""
    _, type_of, opens, closes = tables
    step_types = type_of[codes]
    inside = step_types >= 0
    begins = opens[codes]
    begins[1:] |= closes[codes[:-1]] | (step_types[1:] != step_types[:-1])
    begins[(np.cumsum(lengths) - lengths)[lengths > 0]] = True
    begins &= inside
    starts = np.flatnonzero(begins)
    ends = np.append(np.flatnonzero(begins | ~inside), len(codes))
    stops = ends[np.searchsorted(ends, starts, side="right")]
    return step_types[starts], starts, stops


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
        One label for each step.

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
    name = "[labels]"
    (codes,), classes, lengths = _encode({name: [labels]})
    tables = _span_tables(classes, {name: codes}, lengths)
    kinds, starts, stops = _find_spans(codes, tables, lengths)
    names = [tables[0][k] for k in kinds]
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

    See Also
    --------
    extract_spans : The rules by which labels are read.

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
    (codes,), classes, lengths = _encode({"y": y})
    tables = _span_tables(classes, {"y": codes}, lengths)
    kinds, starts, stops = _find_spans(codes, tables, lengths)
    step_types = tables[1][codes]
    prefixes = np.full(len(codes), "I", dtype=object)
    if scheme == "IOB1":
        sequences = _sequence_of(starts, lengths)
        touches = (
            (stops[:-1] == starts[1:])
            & (kinds[:-1] == kinds[1:])
            & (sequences[:-1] == sequences[1:])
        )
        prefixes[starts[1:][touches]] = "B"
    else:
        prefixes[starts] = "B"
    if scheme == "IOBES":
        prefixes[stops - 1] = "E"
        prefixes[starts[stops - starts == 1]] = "S"
    endings = np.array([f"-{kind}" for kind in tables[0]] + ["O"], dtype=object)
    prefixes[step_types < 0] = ""
    labels = (prefixes + endings[step_types]).tolist()  # endings[-1] is "O"
    stops = np.cumsum(lengths)
    return [labels[a:b] for a, b in zip(stops - lengths, stops, strict=True)]


def _match_spans(y_true, y_pred):
    """Put the spans found at the same place side by side.

    Returns
    -------
    true, pred : ndarray of shape (n_places,)
        The type of the span at each place, a position in `types`; -1 where there is
        none. Place 0 has none in both, so that scikit-learn always sees a class that
        is no type: without it, it would report the accuracy for the micro average.
    types : list of str
    sequences : ndarray of shape (n_places,)
        In which sequence the place is.
    lengths : ndarray of shape (n,)
    """
    (true, pred), classes, lengths = _encode({"y_true": y_true, "y_pred": y_pred})
    tables = _span_tables(classes, {"y_true": true, "y_pred": pred}, lengths)
    n_steps = len(true)
    kinds, starts, stops = zip(
        *(_find_spans(codes, tables, lengths) for codes in (true, pred)), strict=True
    )
    places = np.concatenate(starts) * (n_steps + 1) + np.concatenate(stops)
    places, place_of = np.unique(places, return_inverse=True)
    spans = np.full((2, len(places) + 1), -1)
    spans[0, 1 + place_of[: len(kinds[0])]] = kinds[0]
    spans[1, 1 + place_of[len(kinds[0]) :]] = kinds[1]
    sequences = _sequence_of(np.append(0, places // (n_steps + 1)), lengths)
    return *spans, tables[0], sequences, lengths


def span_precision_recall_fscore_support(
    y_true, y_pred, *, labels=None, average=None, sample_weight=None
):
    """Precision, recall, F1 score and number of spans.

    A predicted span is right if there is a true span with the same start, stop and
    type. Spans are found by the rules of `extract_spans`.

    Parameters
    ----------
    y_true : n label sequences
        The true labels, in IOB1, IOB2 or IOBES.
    y_pred : n label sequences
        The predicted labels, as many in each sequence, in any of the schemes.
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
        If the sequences of `y_true` and `y_pred` differ in number or length, if a label
        is neither "O" nor a prefix, a dash and a type, or if `average` is none of the
        above.

    See Also
    --------
    span_classification_report : The same as a text or a dict.

    Examples
    --------
    >>> from skrnn.metrics import span_precision_recall_fscore_support
    >>> y_true = [["B-PER", "I-PER", "O", "B-LOC"]]
    >>> y_pred = [["B-PER", "I-PER", "O", "O"]]
    >>> precision, recall, _, _ = span_precision_recall_fscore_support(
    ...     y_true, y_pred, labels=["PER", "LOC"]
    ... )
    >>> precision, recall
    (array([1., 0.]), array([1., 0.]))
    """
    _check_average(average)
    true, pred, types, sequences, lengths = _match_spans(y_true, y_pred)
    weights = _check_weights(sample_weight, len(lengths))[sequences]
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
    y_true : n label sequences
        The true labels, in IOB1, IOB2 or IOBES.
    y_pred : n label sequences
        The predicted labels, as many in each sequence, in any of the schemes.
    labels : list of str, default=None
        The types that count. None: all that occur in `y_true` or `y_pred`, sorted.
    average : {"micro", "macro", "weighted"} or None, default="micro"
        How the scores of the types become one; None gives one score a type.
    sample_weight : array-like of shape (n,), default=None
        One weight a sequence, for each of its spans. None: all weigh the same.

    Returns
    -------
    float or ndarray of shape (n_types,)

    Raises
    ------
    ValueError
        As `span_precision_recall_fscore_support` does.

    See Also
    --------
    span_recall_score : Share of the true spans that were found.
    span_f1_score : Harmonic mean of the two.

    Examples
    --------
    >>> from skrnn.metrics import span_precision_score
    >>> span_precision_score([["B-PER", "I-PER", "O"]], [["B-PER", "I-PER", "B-LOC"]])
    0.5
    """
    scores = span_precision_recall_fscore_support(
        y_true, y_pred, labels=labels, average=average, sample_weight=sample_weight
    )
    return scores[0]


def span_recall_score(
    y_true, y_pred, *, labels=None, average="micro", sample_weight=None
):
    """Share of the true spans that were found: same start, stop and type.

    Parameters
    ----------
    y_true : n label sequences
        The true labels, in IOB1, IOB2 or IOBES.
    y_pred : n label sequences
        The predicted labels, as many in each sequence, in any of the schemes.
    labels : list of str, default=None
        The types that count. None: all that occur in `y_true` or `y_pred`, sorted.
    average : {"micro", "macro", "weighted"} or None, default="micro"
        How the scores of the types become one; None gives one score a type.
    sample_weight : array-like of shape (n,), default=None
        One weight a sequence, for each of its spans. None: all weigh the same.

    Returns
    -------
    float or ndarray of shape (n_types,)

    Raises
    ------
    ValueError
        As `span_precision_recall_fscore_support` does.

    See Also
    --------
    span_precision_score : Share of the predicted spans that are right.
    span_f1_score : Harmonic mean of the two.

    Examples
    --------
    >>> from skrnn.metrics import span_recall_score
    >>> span_recall_score([["B-PER", "I-PER", "O"]], [["B-PER", "I-PER", "B-LOC"]])
    1.0
    """
    scores = span_precision_recall_fscore_support(
        y_true, y_pred, labels=labels, average=average, sample_weight=sample_weight
    )
    return scores[1]


def span_f1_score(y_true, y_pred, *, labels=None, average="micro", sample_weight=None):
    """Harmonic mean of the precision and recall of spans.

    The F1 score of the CoNLL shared tasks: spans of all types are counted together.

    Parameters
    ----------
    y_true : n label sequences
        The true labels, in IOB1, IOB2 or IOBES.
    y_pred : n label sequences
        The predicted labels, as many in each sequence, in any of the schemes.
    labels : list of str, default=None
        The types that count. None: all that occur in `y_true` or `y_pred`, sorted.
    average : {"micro", "macro", "weighted"} or None, default="micro"
        How the scores of the types become one; None gives one score a type.
    sample_weight : array-like of shape (n,), default=None
        One weight a sequence, for each of its spans. None: all weigh the same.

    Returns
    -------
    float or ndarray of shape (n_types,)

    Raises
    ------
    ValueError
        As `span_precision_recall_fscore_support` does.

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
    scores = span_precision_recall_fscore_support(
        y_true, y_pred, labels=labels, average=average, sample_weight=sample_weight
    )
    return scores[2]


def span_classification_report(y_true, y_pred, *, digits=2, output_dict=False):
    """Precision, recall and F1 of every type of span, and their averages.

    What would be a division by zero is 0.

    Parameters
    ----------
    y_true : n label sequences
        The true labels, in IOB1, IOB2 or IOBES.
    y_pred : n label sequences
        The predicted labels, as many in each sequence, in any of the schemes.
    digits : int, default=2
        Digits after the point in the text.
    output_dict : bool, default=False
        Whether to return a dict instead of a text.

    Returns
    -------
    str or dict

    Raises
    ------
    ValueError
        As `span_precision_recall_fscore_support` does, or if there are no spans.

    See Also
    --------
    token_classification_report : The same for steps.

    Examples
    --------
    >>> from skrnn.metrics import span_classification_report
    >>> y_true = [["B-PER", "I-PER", "O", "B-LOC"], ["B-LOC", "O"]]
    >>> y_pred = [["B-PER", "I-PER", "O", "B-PER"], ["B-LOC", "O"]]
    >>> print(span_classification_report(y_true, y_pred))
                  precision    recall  f1-score   support
    <BLANKLINE>
             LOC       1.00      0.50      0.67         2
             PER       0.50      1.00      0.67         1
    <BLANKLINE>
       micro avg       0.67      0.67      0.67         3
       macro avg       0.75      0.75      0.67         3
    weighted avg       0.83      0.67      0.67         3
    <BLANKLINE>
    """
    true, pred, types, _, _ = _match_spans(y_true, y_pred)
    if not types:
        raise ValueError(
            'There are no spans to report on: every label of y_true and y_pred is "O".'
        )
    return classification_report(
        true,
        pred,
        labels=range(len(types)),
        target_names=types,
        digits=digits,
        output_dict=output_dict,
        zero_division=0.0,
    )


# --- probabilities --------------------------------------------------------------------


def step_log_loss(y_true, y_proba, *, labels):
    """Mean negative log-likelihood of a step, in nats.

    Where steps are multi-label, the binary cross entropies of the K columns are summed:
    the negative log-likelihood per step (NLL) of polyphonic music [1]_.

    Parameters
    ----------
    y_true : n label sequences, or arrays of shape (T_i, K)
        The true labels.
    y_proba : n arrays of shape (T_i, K)
        The predicted probabilities: a list, a 1-D object array, or an array of shape
        (n, T, K). They are clipped to [eps, 1 - eps], eps that of their dtype, as in
        scikit-learn's `log_loss`.
    labels : array-like of shape (K,)
        The labels in the order of the columns: `classes_` of the estimator.

    Returns
    -------
    float
        At least 0.

    Raises
    ------
    ValueError
        If the sequences differ in number or length, if the number of columns is not
        that of `labels`, if a true label is not in `labels`, or if there are values
        outside of [0, 1].

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
    true, lengths = _flatten(y_true, "y_true")
    proba, proba_lengths = _flatten(y_proba, "y_proba")
    _check_lengths(lengths, proba_lengths, "y_true", "y_proba")
    labels = list(labels)
    if not isinstance(proba, np.ndarray) or proba.shape[1] != len(labels):
        raise ValueError(
            f"y_proba[0] has shape {np.shape(next(iter(y_proba)))}, not (T_i, "
            f"{len(labels)}): pass one column for each of the labels."
        )
    if proba.dtype.kind != "f":
        proba = proba.astype(np.float64)
    if not (proba.min() >= 0 and proba.max() <= 1):  # NaN compares false
        step = np.argmin(((proba >= 0) & (proba <= 1)).all(axis=1))
        raise ValueError(
            f"y_proba[{_sequence_of(step, lengths)}] contains {proba[step]!r:.60}: "
            "pass probabilities, between 0 and 1, as predict_proba returns them."
        )
    eps = np.finfo(proba.dtype).eps
    if isinstance(true, np.ndarray):
        if true.shape[1] != len(labels):
            raise ValueError(
                f"y_true[0] has rows of {true.shape[1]} and there are {len(labels)} "
                "labels: both must have one column for each label."
            )
        rows = _indicators(true, "y_true", lengths)[:, : len(labels)]
        likelihoods = np.where(rows, proba, 1 - proba)
    else:
        if not np.allclose(proba.sum(axis=1), 1, rtol=np.sqrt(eps)):
            warnings.warn(
                "y_proba: the probabilities of a step do not sum to one.",
                UserWarning,
                stacklevel=2,
            )
        index = {label: k for k, label in enumerate(labels)}
        codes = np.array([index.get(label, -1) for label in true])
        if codes.min() < 0:
            step = int(np.argmax(codes < 0))
            raise ValueError(
                f"y_true[{_sequence_of(step, lengths)}] contains the label "
                f"{true[step]!r}, which is not in labels: there is no probability for "
                "it. Train on sequences that contain every label."
            )
        likelihoods = proba[np.arange(len(codes)), codes]
    losses = -np.log(np.clip(likelihoods, eps, 1 - eps))
    return float(losses.sum(dtype=np.float64) / lengths.sum())


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
        The true labels, all of them in ``estimator.classes_``.

    Returns
    -------
    float
        Minus `step_log_loss`.

    See Also
    --------
    step_log_loss : The loss.

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
