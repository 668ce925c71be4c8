"""BLEU score of translations."""

from collections import Counter
from functools import reduce
from numbers import Integral
from operator import or_

import numpy as np

from skrnn._validation import check_weights
from skrnn.metrics._edits import check_pairs


def bleu_score(
    y_true, y_pred, *, max_order=4, smooth="exp", tokenizer=None, sample_weight=None
):
    """Corpus BLEU, from 0 to 100.

    It is 100 times the geometric mean of the n-gram precisions, n = 1 to `max_order`,
    times a brevity penalty [1]_. The precision is the share of the n-grams of all
    predictions that occur in one of their references, each counted at most as often as
    it occurs there. The penalty is ``exp(1 - r / c)`` if the c labels of all
    predictions are fewer than the r labels of the references (of several references,
    the one nearest in length, the shorter of two).

    It agrees with sacreBLEU [2]_ on the same tokens. Use sacreBLEU to compare with
    published scores, which depend on the tokenization.

    Parameters
    ----------
    y_true : n label sequences, or texts
        The true labels. An item that is a list (or array) of lists (or arrays) has
        several references. Tuples in a list are labels, as labels are hashable.
    y_pred : n label sequences, or texts
        The predicted labels.
    max_order : int, default=4
        The length of the longest n-grams. BLEU is 0 if all predictions are shorter.
    smooth : {"exp"} or None, default="exp"
        Smoothing of precisions that are 0: the first n without a match counts as 1 / 2
        of an n-gram, the second as 1 / 4, and so on [3]_. None: BLEU is 0. It is always
        0 if no label is right.
    tokenizer : callable, default=None
        If given, items are texts, which it splits into labels: ``str.split`` into
        words. Several references are a list of texts.
    sample_weight : array-like of shape (n,), default=None
        One weight per sequence, for its n-grams and lengths. None: all weigh the same.

    Returns
    -------
    float
        Between 0 and 100; higher is better.

    Raises
    ------
    ValueError
        If `y_true` and `y_pred` differ in the number of sequences, if one holds
        anything but sequences of hashable labels (with a tokenizer, anything but
        texts), if there are no true labels, or only some of weight 0, or if `max_order`
        or `smooth` is none of the above.

    See Also
    --------
    label_error_rate : Edit distance, for tasks where the order of labels is certain.
    bleu_scorer : Scorer for model selection.

    References
    ----------
    .. [1] K. Papineni, S. Roukos, T. Ward and W.-J. Zhu (2002), BLEU: a method for
       automatic evaluation of machine translation. ACL.
    .. [2] M. Post (2018), A call for clarity in reporting BLEU scores. WMT.
    .. [3] B. Chen and C. Cherry (2014), A systematic comparison of smoothing techniques
       for sentence-level BLEU. WMT.

    Examples
    --------
    >>> from skrnn.metrics import bleu_score
    >>> y_true = ["the cat sat on the mat", "it is raining again"]
    >>> y_pred = ["the cat sat on a mat", "it rains again"]
    >>> round(bleu_score(y_true, y_pred, tokenizer=str.split), 1)
    41.1

    The first sentence with two references, split already:

    >>> y_true = [["the cat sat on the mat".split(), "a cat sat on a mat".split()]]
    >>> round(bleu_score(y_true, ["the cat sat on a mat".split()]), 1)
    100.0
    """
    if not isinstance(max_order, Integral) or max_order < 1:
        raise ValueError(f"max_order is {max_order!r}: it must be an int, at least 1.")
    if smooth not in ("exp", None):
        raise ValueError(f"smooth is {smooth!r}: it must be 'exp' or None.")
    references, pred = check_pairs(y_true, y_pred, tokenizer)
    weights = check_weights(sample_weight, len(pred))
    counts = [
        _count(several, p, max_order)
        for several, p in zip(references, pred, strict=True)
    ]
    counts = np.tensordot(weights, np.array(counts), axes=1)
    (n_pred, *found), (n_true, *right) = counts.tolist()
    if n_true == 0:
        raise ValueError(
            "y_true has no labels: every sequence in it, or every reference nearest in "
            "length, is empty or has weight 0. BLEU needs at least one label."
        )
    if not any(right) or not all(found):
        return 0.0
    if smooth is None and not all(right):
        return 0.0
    log_precisions, share = 0.0, 1.0
    for n_right, n_found in zip(right, found, strict=True):
        if n_right == 0:
            share /= 2
        log_precisions += np.log((n_right or share) / n_found)
    log_penalty = min(0.0, 1 - n_true / n_pred)
    return 100 * float(np.exp(log_penalty + log_precisions / max_order))


def _count(references, pred, max_order):
    """Count the labels and n-grams of a prediction, and those of them that match."""
    found, right = [len(pred)], [_nearest_length(references, len(pred))]
    for n in range(1, max_order + 1):
        in_pred = _ngrams(pred, n)
        in_true = reduce(or_, (_ngrams(labels, n) for labels in references))
        found.append(in_pred.total())
        right.append((in_pred & in_true).total())
    return found, right


def _nearest_length(references, length):
    return min(map(len, references), key=lambda n: (abs(n - length), n))


def _ngrams(labels, n):
    return Counter(zip(*(labels[k:] for k in range(n)), strict=False))
