"""Scores of sequences whose true and predicted labels may differ in number."""

import numpy as np

from skrnn._validation import check_weights, targets_as_list
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
            f"{name} is {y!r:.60}, which holds no sequences: pass one list of labels, "
            "or one text and a tokenizer, for each sequence."
        )
    return items


def _check_references(item, name, tokenizer):
    if not _holds_references(item, tokenizer):
        return [_check_one(item, name, tokenizer)]
    if len(item) == 0:
        raise ValueError(f"{name} is {item!r:.60}, without a reference: give one text.")
    for reference in item:
        if tokenizer is None and not is_container(reference):
            raise ValueError(
                f"{name} has {reference!r:.60} beside a list: the items of a sequence "
                "are hashable labels, or all of them lists, one for each reference."
            )
    return [
        _check_one(reference, f"{name}[{k}]", tokenizer)
        for k, reference in enumerate(item)
    ]


def _holds_references(item, tokenizer):
    """Whether there are lists, which no labels can be, or several texts."""
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
                f"{name} is {item!r:.60}, not a text: a tokenizer splits texts; leave "
                "it out where there are sequences of labels."
            )
        item, name = tokenizer(item), f"What tokenizer makes of {name}"
    elif isinstance(item, str):
        raise ValueError(
            f"{name} is the text {item!r:.60}: pass sequences of labels, or texts and "
            "how to split them, such as tokenizer=str.split for words or "
            "tokenizer=list for characters."
        )
    if not _is_sequence(item):
        raise ValueError(
            f"{name} is {item!r:.60}, not a sequence of labels: pass one list or array "
            "for each sequence."
        )
    labels = item.tolist() if isinstance(item, np.ndarray) else list(item)
    try:
        hash(tuple(labels))
    except TypeError as error:
        raise ValueError(
            f"{name} is {item!r:.60}, with an {error}: a label must be hashable, such "
            "as a string, a number or a tuple. Only items of y_true may be several "
            "references, as a list of lists of labels."
        ) from error
    return labels


# --- edits ----------------------------------------------------------------------------


def count_edits(a, b):
    """Return the Levenshtein distance of two sequences of hashable labels.

    Column by column of the table of distances of beginnings of `a` (rows) and `b`
    (columns), all rows at once: as neighbours differ by at most 1, bits of two integers
    say in which rows the distance is one more, or one less, than in the row above.
    """
    if len(a) < len(b):
        a, b = b, a  # the loop goes over the shorter one
    where = {}  # the rows of each label, as bits
    for row, label in enumerate(a):
        where[label] = where.get(label, 0) | 1 << row
    every = (1 << len(a)) - 1
    more, less = every, 0  # in the column of the empty beginning of b
    for label in b:
        equal = where.get(label, 0)
        # where a distance is that of the row above and the column before
        diagonal = (((equal & more) + more) ^ more) | equal | less
        # where it is one more, or one less, than in the column before
        right_more = less | (every & ~(diagonal | more))
        right_less = more & diagonal
        # the same for the row above; beyond the first row, it is one more
        right_more = right_more << 1 | 1
        right_less <<= 1
        more = (right_less | ~(diagonal | right_more)) & every
        less = right_more & diagonal
    return len(b) + more.bit_count() - less.bit_count()


def edit_distance(a, b):
    """Smallest number of edits that turn one sequence into another.

    An edit inserts a label, deletes one, or puts one in the place of another: the
    Levenshtein distance [1]_. It is computed with bits for the rows of the usual table
    of distances [2]_, fast for long sequences too.

    Parameters
    ----------
    a, b : str, or list, tuple or 1-D array of hashable labels
        The two sequences: two texts, whose labels are their characters, or two that
        are none.

    Returns
    -------
    int

    Raises
    ------
    ValueError
        If one is a text and the other is not, or if one is no sequence of labels.

    See Also
    --------
    label_error_rate : The edits of many sequences, as a share of their labels.

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
    """Share of labels that are wrong: all edits, by the number of all true labels.

    An edit inserts a label, deletes one, or puts one in the place of another. The edits
    of all sequences are added before the division [1]_, so that long sequences count
    for more. Insertions may take the rate above 1.

    Of phonemes it is known as phoneme error rate (PER), of words as word error rate
    (WER), and of characters as character error rate (CER). What is called the word
    error rate of pronunciations is something else: ``1 - exact_match_score(...)``.

    Parameters
    ----------
    y_true : n label sequences, or texts
        The true labels. Where an item is a list (or array) of lists (or arrays), these
        are several references, all of them right: that with the fewest edits counts, of
        equally near ones the longest. As labels are hashable, which lists are not, they
        cannot be taken for each other; but tuples in a list are labels.
    y_pred : n label sequences, or texts
        The predicted labels.
    tokenizer : callable, default=None
        If given, sequences are texts, and this splits one into labels: ``str.split``
        into words, ``list`` into characters. Several references are a list of texts.
    sample_weight : array-like of shape (n,), default=None
        One weight a sequence, for its edits and its labels. None: all weigh the same.

    Returns
    -------
    float
        At least 0, the smaller the better.

    Raises
    ------
    ValueError
        If `y_true` and `y_pred` differ in the number of sequences, if one holds
        anything but sequences of hashable labels (with a tokenizer, anything but
        texts), or if there are no true labels, or only some of weight 0.

    See Also
    --------
    exact_match_score : Share of sequences without an error.
    edit_distance : The edits of one sequence.
    neg_label_error_rate_scorer : For searches.

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
            "y_true has no labels to divide by: every sequence in it, or every nearest "
            "reference, is empty or has weight 0."
        )
    return float(edits / n_labels)


def exact_match_score(y_true, y_pred, *, tokenizer=None, sample_weight=None):
    """Share of sequences that are predicted exactly, with no label too much or missing.

    It is 1 minus what is called the word error rate (WER) of pronunciations, and 1
    minus the sentence error rate (SER) of speech.

    Parameters
    ----------
    y_true : n label sequences, or texts
        The true labels. Where an item is a list (or array) of lists (or arrays), these
        are several references, and any of them is right, such as each pronunciation of
        a word. As labels are hashable, which lists are not, they cannot be taken for
        each other; but tuples in a list are labels.
    y_pred : n label sequences, or texts
        The predicted labels.
    tokenizer : callable, default=None
        If given, sequences are texts, and this splits one into labels: ``str.split``
        into words, however many spaces are between them, ``list`` into characters.
        Several references are a list of texts.
    sample_weight : array-like of shape (n,), default=None
        One weight a sequence. None: all weigh the same.

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
    sequence_accuracy_score : Where each step has its label: another length is an error
        there, and labels may be rows of 0 and 1.
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
