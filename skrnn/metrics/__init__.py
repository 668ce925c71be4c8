"""Metrics of label sequences and of sequence probabilities, and their scorers.

Label sequences (`y_true`, `y_pred`, `y`) are a list, tuple, object array, Series or
one-column frame of lists, tuples or 1-D arrays of labels; or an array of shape (n, T).
Labels are hashable and may be of mixed types. Multi-label steps are rows of 0 and 1:
item i is then an array of shape (T_i, K), and the labels are column indices. A
predicted label that does not occur in `y_true` counts as wrong; it is no error.
Sequences that differ in number or length raise a ValueError.

`token_*` metrics count steps, `sequence_accuracy_score` counts sequences, and `span_*`
metrics count spans, such as the names in a text or the phrases of a sentence, whose
labels are ``"O"`` (outside), or a prefix and a type, as in ``"B-PER"``.

`label_error_rate`, `exact_match_score` and `bleu_score` compare sequences that may
differ in length: pronunciations, transcripts, translations. Their `y_true` may have
several references per item, a list of lists of labels; with a `tokenizer`, items are
texts. `edit_distance` compares two sequences.

`perplexity_score` and `bits_per_character` take the log-probabilities of steps that
`RNNLanguageModel.log_proba_per_step` returns.

Names ending in `_scorer` are for `scoring` in `cross_validate` or `GridSearchCV`:
`token_accuracy_scorer`, `token_f1_macro_scorer`, `token_f1_weighted_scorer`,
`sequence_accuracy_scorer`, `span_precision_scorer`, `span_recall_scorer`,
`span_f1_scorer`, `neg_step_log_loss_scorer`, `exact_match_scorer`,
`neg_label_error_rate_scorer`, `bleu_scorer` and, for language models,
`neg_perplexity_scorer`. scikit-learn's own, such as ``scoring="accuracy"``, cannot read
label sequences of different lengths.
"""

from types import FunctionType

from skrnn.metrics._bleu import bleu_score
from skrnn.metrics._edits import edit_distance, exact_match_score, label_error_rate
from skrnn.metrics._probabilities import (
    bits_per_character,
    perplexity_score,
    step_log_loss,
)
from skrnn.metrics._scorers import (
    bleu_scorer,
    exact_match_scorer,
    neg_label_error_rate_scorer,
    neg_perplexity_scorer,
    neg_step_log_loss_scorer,
    sequence_accuracy_scorer,
    span_f1_scorer,
    span_precision_scorer,
    span_recall_scorer,
    token_accuracy_scorer,
    token_f1_macro_scorer,
    token_f1_weighted_scorer,
)
from skrnn.metrics._spans import (
    convert_labels,
    extract_spans,
    span_classification_report,
    span_f1_score,
    span_precision_recall_fscore_support,
    span_precision_score,
    span_recall_score,
)
from skrnn.metrics._steps import (
    sequence_accuracy_score,
    token_accuracy_score,
    token_classification_report,
    token_f1_score,
)

__all__ = [
    "bits_per_character",
    "bleu_score",
    "bleu_scorer",
    "convert_labels",
    "edit_distance",
    "exact_match_score",
    "exact_match_scorer",
    "extract_spans",
    "label_error_rate",
    "neg_label_error_rate_scorer",
    "neg_perplexity_scorer",
    "neg_step_log_loss_scorer",
    "perplexity_score",
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

# Pickles of scorers look for their functions here, in whatever file these are defined.
for _name in __all__:
    if isinstance(globals()[_name], FunctionType):
        globals()[_name].__module__ = __name__
