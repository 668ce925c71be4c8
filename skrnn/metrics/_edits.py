"""Edit distance of label sequences, and the metrics based on it."""

import numpy as np

from skrnn._validation import check_weights, first_unhashable, targets_as_list
from skrnn.metrics._encoding import is_container

# --- references and predictions -------------------------------------------------------


def check_pairs(y_true, y_pred, tokenizer):
    """Return the references of each sequence, lists of lists of labels, and y_pred."""
    if not (tokenizer is None or callable(tokenizer)):
        raise ValueError(
            f"tokenizer is {tokenizer!r:.60}: pass a function that splits a text, such "
            "as str.split for words or list for characters."
        )
    true = _check_items(y_true, "y_true", tokenizer)
    pred = _check_items(y_pred, "y_pred", tokenizer)
    if len(true) != len(pred):
        raise ValueError(
            f"y_true has {len(true)} sequences and y_pred has {len(pred)}: both must "
            "hold the same sequences."
        )
    references = [
        _check_references(item, f"y_true[{i}]", tokenizer)
        for i, item in enumerate(true)
    ]
    pred = [_check_one(p, f"y_pred[{i}]", tokenizer) for i, p in enumerate(pred)]
    return references, pred


def _check_items(y, name, tokenizer):
    items = targets_as_list(y, name) if is_container(y) else []
    if tokenizer is None and isinstance(y, np.ndarray) and y.ndim > 1:
        if not any(map(is_container, items)):
            items = list(y)  # of shape (n, 1), with labels, not sequences, in its cells
    if not items:
        raise ValueError(
            f"{name} is {y!r:.60} and has no sequences: pass one list of labels, "
            "or one text and a tokenizer, for each sequence."
        )
    return items


def _check_references(item, name, tokenizer):
    if not _holds_references(item, tokenizer):
        return [_check_one(item, name, tokenizer)]
    if len(item) == 0:
        raise ValueError(
            f"{name} is {item!r:.60}, without a reference: give at least one."
        )
    for reference in item:
        if tokenizer is None and not is_container(reference):
            raise ValueError(
                f"{name} contains {reference!r:.60} and a list: pass a sequence of "
                "hashable labels, or a list of references, each a list of labels."
            )
    return [
        _check_one(reference, f"{name}[{k}]", tokenizer)
        for k, reference in enumerate(item)
    ]


def _holds_references(item, tokenizer):
    """Whether an item has several references: lists, or with a tokenizer texts."""
    if not _is_sequence(item) or tokenizer is not None:
        return _is_sequence(item)
    try:
        hash(tuple(item))
    except TypeError:
        return any(map(is_container, item))
    return False


def _is_sequence(item):
    is_set = isinstance(item, (dict, set, frozenset))
    is_table = hasattr(item, "columns") or hasattr(item, "toarray")
    return is_container(item) and not is_set and not is_table


def _check_one(item, name, tokenizer=None):
    """Return the labels of one sequence or text as a list."""
    if tokenizer is not None:
        if not isinstance(item, str):
            raise ValueError(
                f"{name} is {item!r:.60}, not a text: pass texts, or leave out the "
                "tokenizer."
            )
        item, name = tokenizer(item), f"tokenizer({name})"
    elif isinstance(item, str):
        raise ValueError(
            f"{name} is the text {item!r:.60}: pass sequences of labels, or a "
            "tokenizer, such as tokenizer=str.split for words or tokenizer=list for "
            "characters."
        )
    if not _is_sequence(item):
        raise ValueError(
            f"{name} is {item!r:.60}, not a sequence of labels: pass one list or array "
            "for each sequence."
        )
    labels = item.tolist() if isinstance(item, np.ndarray) else list(item)
    if (step := first_unhashable(labels)) is not None:
        raise ValueError(
            f"{name} contains {labels[step]!r:.60}, which is not hashable: labels "
            "must be hashable, such as strings, numbers or tuples. Only items of "
            "y_true may have several references, as a list of lists of labels."
        )
    return labels


# --- edits ----------------------------------------------------------------------------


def count_edits(a, b):
    """Return the Levenshtein distance of two sequences of hashable labels.

    The matrix of distances between prefixes of `a` (rows) and of `b` (columns) is
    computed column by column, all rows at once: neighbours differ by at most 1, so the
    bits of two integers hold the rows whose distance is one more, or one less, than in
    the row above.
    """
    if len(a) < len(b):
        a, b = b, a  # the loop goes over the shorter one
    rows_of = {}  # the rows of each label, as bits
    for row, label in enumerate(a):
        rows_of[label] = rows_of.get(label, 0) | 1 << row
    every = (1 << len(a)) - 1
    more, less = every, 0  # in the column of the empty prefix of b
    for label in b:
        equal = rows_of.get(label, 0)
        # rows whose distance is that of the row above and the column before
        diagonal = (((equal & more) + more) ^ more) | equal | less
        # rows whose distance is one more, or one less, than in the column before
        right_more = less | (every & ~(diagonal | more))
        right_less = more & diagonal
        # the same compared with the row above; above the first row, it is one more
        right_more = right_more << 1 | 1
        right_less <<= 1
        more = (right_less | ~(diagonal | right_more)) & every
        less = right_more & diagonal
    return len(b) + more.bit_count() - less.bit_count()


def edit_distance(a, b):
    """Levenshtein distance: the smallest number of edits between two sequences.

    An edit inserts, deletes or substitutes a label [1]_. The distance is computed by a
    bit-parallel algorithm [2]_, which is fast for long sequences too.

    Parameters
    ----------
    a, b : str, or list, tuple or 1-D array of hashable labels
        The two sequences: two texts, whose labels are their characters, or two
        sequences of labels.

    Returns
    -------
    int

    Raises
    ------
    ValueError
        If only one is a text, or if one is no sequence of labels.

    See Also
    --------
    label_error_rate : Edits of many sequences, divided by the number of labels.

    References
    ----------
    .. [1] V. I. Levenshtein (1966), Binary codes capable of correcting deletions,
       insertions, and reversals. Soviet Physics Doklady 10(8).
    .. [2] G. Myers (1999), A fast bit-vector algorithm for approximate string matching
       based on dynamic programming. Journal of the ACM 46(3).

    Examples
    --------
    >>> from skrnn.metrics import edit_distance
    >>> edit_distance("kitten", "sitting")
    3
    >>> edit_distance(["K", "AE", "T"], ["K", "AH", "T", "S"])
    2
    """
    if isinstance(a, str) and isinstance(b, str):
        return count_edits(a, b)
    for name, item, other in (("a", a, "b"), ("b", b, "a")):
        if isinstance(item, str):
            raise ValueError(
                f"{name} is the text {item!r:.60} and {other} is not a text: pass two "
                f"texts, or two sequences of labels, such as list({name}) or "
                f"{name}.split()."
            )
    return count_edits(_check_one(a, "a"), _check_one(b, "b"))


# --- scores ---------------------------------------------------------------------------


def label_error_rate(y_true, y_pred, *, tokenizer=None, sample_weight=None):
    """Label error rate: the number of edits divided by the number of true labels.

    An edit inserts, deletes or substitutes a label. The edits of all sequences are
    summed before the division [1]_, so that long sequences count more. Insertions can
    raise the rate above 1.

    It is the phoneme error rate (PER) of phonemes, the word error rate (WER) of words,
    and the character error rate (CER) of characters. The "word error rate" of
    pronunciation dictionaries is another metric: ``1 - exact_match_score(...)``.

    Parameters
    ----------
    y_true : n label sequences, or texts
        The true labels. An item that is a list (or array) of lists (or arrays) has
        several references: the one with the fewest edits counts, of several the
        longest. Tuples in a list are labels, as labels are hashable.
    y_pred : n label sequences, or texts
        The predicted labels.
    tokenizer : callable, default=None
        If given, items are texts, which it splits into labels: ``str.split`` into
        words, ``list`` into characters. Several references are a list of texts.
    sample_weight : array-like of shape (n,), default=None
        One weight per sequence, for its edits and its labels. None: all weigh the same.

    Returns
    -------
    float
        At least 0; lower is better.

    Raises
    ------
    ValueError
        If `y_true` and `y_pred` differ in the number of sequences, if one holds
        anything but sequences of hashable labels (with a tokenizer, anything but
        texts), or if there are no true labels, or only some of weight 0.

    See Also
    --------
    exact_match_score : Share of sequences without an error.
    edit_distance : Edits of one sequence.
    neg_label_error_rate_scorer : Scorer for model selection.

    References
    ----------
    .. [1] A. Graves, S. Fernández, F. Gomez and J. Schmidhuber (2006), Connectionist
       temporal classification. ICML.

    Examples
    --------
    >>> from skrnn.metrics import label_error_rate
    >>> y_true = [["K", "AE", "T"], ["R", "EH", "D"]]
    >>> y_pred = [["K", "AE", "T", "S"], ["R", "IY", "D"]]
    >>> round(label_error_rate(y_true, y_pred), 3)  # 2 edits, 6 phonemes
    0.333

    A word with two pronunciations:

    >>> y_true[1] = [["R", "EH", "D"], ["R", "IY", "D"]]
    >>> round(label_error_rate(y_true, y_pred), 3)
    0.167

    Words and characters of texts:

    >>> label_error_rate(["the cat"], ["the cats"], tokenizer=str.split)
    0.5
    >>> round(label_error_rate(["the cat"], ["the cats"], tokenizer=list), 3)
    0.143
    """
    references, pred = check_pairs(y_true, y_pred, tokenizer)
    weights = check_weights(sample_weight, len(pred))
    nearest = [
        min((count_edits(labels, p), -len(labels)) for labels in several)
        for several, p in zip(references, pred, strict=True)
    ]
    edits, n_labels = weights @ np.array(nearest) * [1, -1]
    if n_labels == 0:
        raise ValueError(
            "y_true has no labels: every sequence in it, or every nearest reference, "
            "is empty or has weight 0. The rate needs at least one true label."
        )
    return float(edits / n_labels)


def exact_match_score(y_true, y_pred, *, tokenizer=None, sample_weight=None):
    """Share of sequences whose predicted labels equal the true labels.

    It is 1 minus the "word error rate" (WER) of pronunciation dictionaries, and 1 minus
    the sentence error rate (SER) of speech recognition.

    Parameters
    ----------
    y_true : n label sequences, or texts
        The true labels. An item that is a list (or array) of lists (or arrays) has
        several references, such as the pronunciations of a word: a prediction must
        equal one of them. Tuples in a list are labels, as labels are hashable.
    y_pred : n label sequences, or texts
        The predicted labels.
    tokenizer : callable, default=None
        If given, items are texts, which it splits into labels: ``str.split`` into
        words, whatever the white space between them, ``list`` into characters.
        Several references are a list of texts.
    sample_weight : array-like of shape (n,), default=None
        One weight per sequence. None: all weigh the same.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If `y_true` and `y_pred` differ in the number of sequences, or if one holds
        anything but sequences of hashable labels (with a tokenizer, anything but
        texts).

    See Also
    --------
    sequence_accuracy_score : The same for one label per step, which may be rows of 0
        and 1; another length is an error.
    label_error_rate : Counts the wrong labels.

    Examples
    --------
    >>> from skrnn.metrics import exact_match_score
    >>> y_true = [["K", "AE", "T"], [["R", "EH", "D"], ["R", "IY", "D"]]]
    >>> y_pred = [["K", "AE", "T", "S"], ["R", "IY", "D"]]
    >>> exact_match_score(y_true, y_pred)
    0.5
    """
    references, pred = check_pairs(y_true, y_pred, tokenizer)
    exact = [p in several for several, p in zip(references, pred, strict=True)]
    return float(np.average(exact, weights=check_weights(sample_weight, len(exact))))
