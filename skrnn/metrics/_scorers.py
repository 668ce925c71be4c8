"""Scorers for model selection and cross-validation."""

import numpy as np
from sklearn.metrics import make_scorer

from skrnn.metrics._bleu import bleu_score
from skrnn.metrics._edits import exact_match_score, label_error_rate
from skrnn.metrics._probabilities import ROUNDING, step_log_loss
from skrnn.metrics._spans import span_f1_score, span_precision_score, span_recall_score
from skrnn.metrics._steps import (
    sequence_accuracy_score,
    token_accuracy_score,
    token_f1_score,
)

token_accuracy_scorer = make_scorer(token_accuracy_score)
token_f1_macro_scorer = make_scorer(token_f1_score, average="macro")
token_f1_weighted_scorer = make_scorer(token_f1_score, average="weighted")
sequence_accuracy_scorer = make_scorer(sequence_accuracy_score)
span_precision_scorer = make_scorer(span_precision_score)
span_recall_scorer = make_scorer(span_recall_score)
span_f1_scorer = make_scorer(span_f1_score)
exact_match_scorer = make_scorer(exact_match_score)
neg_label_error_rate_scorer = make_scorer(label_error_rate, greater_is_better=False)
bleu_scorer = make_scorer(bleu_score)


def neg_step_log_loss_scorer(estimator, X, y):
    """Score an estimator by its mean log-likelihood per step; higher is better.

    Parameters
    ----------
    estimator : fitted estimator with `predict_proba` and `classes_`
        The estimator to score.
    X : n sequences
        The sequences, in any container that the estimator takes.
    y : n label sequences, or arrays of shape (T_i, K)
        The true labels. A label not in ``estimator.classes_`` has probability 0.

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


def neg_perplexity_scorer(estimator, X, y=None):
    """Score a language model by its negative perplexity; higher is better.

    It ranks models as `estimator.score` does; perplexities are more usual in reports.

    Parameters
    ----------
    estimator : fitted RNNLanguageModel, or a Pipeline that ends in one
        The estimator to score; its `score` must be the mean log-likelihood per step.
    X : n sequences
        The sequences, in any container that the estimator takes.
    y : array-like of n conditions, default=None
        The conditions, if the estimator was fitted with them.

    Returns
    -------
    float
        ``-exp(-estimator.score(X, y))``.

    Raises
    ------
    ValueError
        If the score is positive or NaN: then it is no mean log-likelihood of tokens.

    See Also
    --------
    perplexity_score : The perplexity of given log-probabilities.

    Examples
    --------
    >>> import numpy as np
    >>> from skrnn.metrics import neg_perplexity_scorer
    >>> class Die:
    ...     def score(self, X, y=None):
    ...         return -np.log(6)
    >>> round(neg_perplexity_scorer(Die(), [[3, 1], [6]]), 9)
    -6.0
    """
    score = estimator.score(X, y)
    if not score <= ROUNDING:  # NaN compares false
        raise ValueError(
            f"estimator.score returned {score}: neg_perplexity_scorer needs an "
            "estimator whose score is a mean log-likelihood, at most 0, such as "
            "RNNLanguageModel."
        )
    with np.errstate(over="ignore"):
        return -float(np.exp(-score))
