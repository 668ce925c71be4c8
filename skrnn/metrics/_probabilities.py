"""Metrics of predicted probabilities: log loss, perplexity, bits per character."""

import warnings
from numbers import Integral

import numpy as np

from skrnn._validation import sequence_of_row, targets_as_list
from skrnn.metrics._encoding import (
    check_labels,
    check_lengths,
    flatten,
    indicators,
    is_container,
    positions,
)

ROUNDING = 1e-6  # tolerance of log-probabilities above 0


def step_log_loss(y_true, y_proba, *, labels):
    """Mean negative log-likelihood per step, in nats.

    For multi-label steps, the binary cross entropies of the K columns are summed: the
    negative log-likelihood (NLL) of polyphonic music [1]_.

    Parameters
    ----------
    y_true : n label sequences, or arrays of shape (T_i, K)
        The true labels. A label that is not in `labels` has probability 0, so that
        labels unknown to the model have a large, finite loss.
    y_proba : n arrays of shape (T_i, K)
        The predicted probabilities: a list, a 1-D object array, or an array of shape
        (n, T, K). They are clipped to [eps, 1 - eps], where eps is that of their dtype,
        as in scikit-learn's `log_loss`.
    labels : array-like of shape (K,)
        The labels in the order of the columns: `classes_` of the estimator.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If the sequences differ in number or length, if there is not one column per
        label, or if a value is outside of [0, 1].

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
    true, offsets = flatten(y_true, "y_true")
    proba, proba_offsets = flatten(y_proba, "y_proba")
    check_lengths(offsets, proba_offsets, "y_true", "y_proba")
    labels = check_labels(labels)
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
                "labels: pass rows with one column for each label."
            )
        rows = indicators(true, "y_true", offsets)[:, : len(labels)]
        likelihoods = np.where(rows, proba, 1 - proba)
    else:
        if not np.allclose(proba.sum(axis=1), 1, rtol=np.sqrt(eps)):
            message = "y_proba: the probabilities of a step do not sum to one."
            warnings.warn(message, UserWarning, stacklevel=2)
        codes = np.array(positions(true, labels))
        seen = codes < len(labels)
        likelihoods = np.zeros(len(proba), dtype=proba.dtype)
        likelihoods[seen] = proba[seen, codes[seen]]
    losses = -np.log(np.clip(likelihoods, eps, 1 - eps))
    return float(losses.sum(dtype=np.float64) / len(true))


def _total_nats(log_proba):
    """Return minus the sum of the log-probabilities, and the lengths of the arrays."""
    remedy = "pass the result of log_proba_per_step, one array for each sequence"
    items = targets_as_list(log_proba, "log_proba") if is_container(log_proba) else []
    if not items:
        raise ValueError(f"log_proba is {log_proba!r:.60} and has no arrays: {remedy}.")
    total, lengths = 0.0, []
    for i, item in enumerate(items):
        if not is_container(item):
            raise ValueError(
                f"log_proba[{i}] is {item!r:.60}, one value for a whole sequence, as "
                f"score_samples returns: {remedy}."
            )
        try:
            steps = np.asarray(item, dtype=np.float64)
        except (TypeError, ValueError):  # strings, ragged
            steps = np.empty((0, 0))
        if steps.ndim != 1:
            raise ValueError(
                f"log_proba[{i}] is {item!r:.60}, not numbers in one dimension: "
                f"{remedy}."
            )
        wrong = ~(steps <= ROUNDING)  # NaN compares false
        if wrong.any():
            raise ValueError(
                f"log_proba[{i}] contains {steps[np.argmax(wrong)]}: logarithms of "
                f"probabilities are at most 0; {remedy}."
            )
        total += steps.sum()
        lengths.append(len(steps))
    if not any(lengths):
        raise ValueError(
            "log_proba has no steps, as all arrays are empty: pass at least one step."
        )
    return max(0.0, -float(total)), lengths


def perplexity_score(log_proba):
    """Perplexity: the number of equally likely tokens with the same uncertainty.

    It is ``exp(-m)``, where m is the mean log-probability per step; lower is better. It
    is comparable only between models of the same tokens: words or characters, with or
    without the ends of sequences.

    Parameters
    ----------
    log_proba : n arrays of shape (T_i,)
        The log-probability of each step, in nats, as
        `RNNLanguageModel.log_proba_per_step` returns them: a list, a 1-D object array,
        or an array of shape (n, T).

    Returns
    -------
    float
        At least 1; infinity if a step has the probability 0.

    Raises
    ------
    ValueError
        If there are no steps, if a value is positive or NaN, or if there is one value
        for each sequence.

    See Also
    --------
    bits_per_character : Comparable between models of words and of characters.
    neg_perplexity_scorer : Scorer for model selection.

    Examples
    --------
    >>> import numpy as np
    >>> from skrnn.metrics import perplexity_score
    >>> log_proba = [np.log([0.5, 0.125]), np.log([0.25])]
    >>> round(perplexity_score(log_proba), 9)  # the geometric mean of 2, 8 and 4
    4.0
    """
    nats, lengths = _total_nats(log_proba)
    with np.errstate(over="ignore"):
        return float(np.exp(nats / sum(lengths)))


def bits_per_character(log_proba, n_characters=None):
    """Bits per character: mean of minus log2 of the probability.

    The bits of all steps are summed and divided by the number of characters. Models of
    words and of characters become comparable, if both are evaluated on the same text.
    Unknown words make the result too low, since their token covers many words.

    Parameters
    ----------
    log_proba : n arrays of shape (T_i,)
        The log-probability of each step, in nats, as
        `RNNLanguageModel.log_proba_per_step` returns them: a list, a 1-D object array,
        or an array of shape (n, T).
    n_characters : int, or array-like of n int, default=None
        The number of characters of all sequences together or of each, if steps are
        words or subwords. None: each step is a character, ends of sequences included.

    Returns
    -------
    float
        At least 0; infinity if a step has the probability 0.

    Raises
    ------
    ValueError
        If there are no steps or no characters, if a value is positive or NaN, if there
        is one value per sequence, or if `n_characters` contains anything but counts.

    See Also
    --------
    perplexity_score : Uncertainty per step, as a number of equally likely tokens.

    Examples
    --------
    >>> import numpy as np
    >>> from skrnn.metrics import bits_per_character
    >>> log_proba = [np.log([0.5, 0.125]), np.log([0.25])]
    >>> round(bits_per_character(log_proba), 9)  # (1 + 3 + 2) / 3
    2.0
    >>> round(bits_per_character(log_proba, n_characters=[9, 3]), 9)  # words of them
    0.5
    """
    nats, lengths = _total_nats(log_proba)
    if n_characters is None:
        n_characters = sum(lengths)
    elif isinstance(n_characters, Integral):
        if n_characters < 1:
            raise ValueError(f"n_characters is {n_characters}: pass at least 1.")
    else:
        n_characters = _sum_counts(n_characters, len(lengths))
    return nats / float(np.log(2)) / n_characters


def _sum_counts(counts, n):
    """Return the sum of the number of characters of each of n sequences."""
    items = targets_as_list(counts, "n_characters") if is_container(counts) else None
    if items is None:
        raise ValueError(
            f"n_characters is {counts!r:.60}: pass the number of characters of all "
            "sequences together, or of each."
        )
    if len(items) != n:
        raise ValueError(
            f"n_characters has {len(items)} counts and log_proba has {n} sequences: "
            "pass one for each, or one number for all."
        )
    for i, count in enumerate(items):
        if not isinstance(count, Integral) or count < 0:
            raise ValueError(
                f"n_characters[{i}] is {count!r:.60}: pass numbers of characters, "
                "integers of at least 0."
            )
    if not any(items):
        raise ValueError(
            "n_characters has no characters, as all counts are 0: pass at least one."
        )
    return int(sum(items))
