"""Metrics of the labels of steps: accuracy, F1 and classification report."""

import numpy as np
from sklearn.metrics import classification_report, f1_score

from skrnn._validation import check_weights
from skrnn.metrics._encoding import check_average, encode, positions, step_weights


def _right_steps(y_true, y_pred):
    """Return a mask of the steps that are right, shape (N,), and the offsets."""
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
        One weight per sequence, for each of its steps. None: all weigh the same.

    Returns
    -------
    float

    See Also
    --------
    sequence_accuracy_score : Share of sequences without a single wrong label.
    token_f1_score : Not dominated by a frequent label, such as "O".

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
        One weight per sequence. None: all weigh the same.

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
        The labels to score, for example all but "O"; column indices for multi-label
        steps. None: all that occur in `y_true` or `y_pred`, sorted where they can be.
    average : {"micro", "macro", "weighted"} or None, default="macro"
        How the scores of the labels are averaged; None for one score per label.
    sample_weight : array-like of shape (n,), default=None
        One weight per sequence, for each of its steps. None: all weigh the same.
    zero_division : {"warn", 0, 1, np.nan}, default=0
        The score of a label that is neither in `y_true` nor in `y_pred`.

    Returns
    -------
    float or ndarray of shape (n_labels,)

    See Also
    --------
    span_f1_score : Counts whole spans, not steps.
    token_classification_report : Scores of each label.

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
    """Precision, recall and F1 of each label, over all steps.

    scikit-learn's `classification_report` of the flattened labels. Divisions by zero
    give 0.

    Parameters
    ----------
    y_true, y_pred : n label sequences, or arrays of shape (T_i, K)
        The true and the predicted labels, as many in each sequence.
    digits, output_dict : int, default=2, and bool, default=False
        The number of decimals in the text, and whether to return a dict instead.

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
    """Return scikit-learn's classification report of the codes of named labels."""
    return classification_report(
        true,
        pred,
        labels=range(len(names)),
        target_names=names,
        digits=digits,
        output_dict=output_dict,
        zero_division=0.0,
    )
