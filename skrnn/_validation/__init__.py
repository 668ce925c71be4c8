"""Validation of arguments, and the private parts of scikit-learn that are used.

Any container of sequences, labels or weights becomes one of a few types here, and
nowhere else.
"""

from sklearn.utils.validation import check_is_fitted

from skrnn._validation._containers import as_sequences
from skrnn._validation._labels import (
    encode_labels,
    first_unhashable,
    unique_labels,
)
from skrnn._validation._rows import check_ids, raise_empty, sequence_of_row
from skrnn._validation._sequences import check_sequences
from skrnn._validation._sklearn import (
    DocLinkMixin,
    HasMethods,
    Interval,
    StrOptions,
    callback_context,
    check_feature_names_in,
    check_library_installed,
    fit_context,
    output_library,
    validate_params,
)
from skrnn._validation._step_targets import check_step_targets, check_token_targets
from skrnn._validation._targets import (
    check_class_targets,
    check_classes,
    check_conditions,
    check_indicators,
    check_number_targets,
    targets_as_list,
)
from skrnn._validation._texts import check_texts, check_tokens
from skrnn._validation._waveforms import check_waveforms
from skrnn._validation._weights import check_step_weights, check_weights

__all__ = [
    "DocLinkMixin",
    "HasMethods",
    "Interval",
    "StrOptions",
    "as_sequences",
    "callback_context",
    "check_class_targets",
    "check_classes",
    "check_conditions",
    "check_feature_names_in",
    "check_ids",
    "check_indicators",
    "check_is_fitted",
    "check_library_installed",
    "check_number_targets",
    "check_sequences",
    "check_step_targets",
    "check_step_weights",
    "check_texts",
    "check_token_targets",
    "check_tokens",
    "check_waveforms",
    "check_weights",
    "encode_labels",
    "first_unhashable",
    "fit_context",
    "output_library",
    "raise_empty",
    "sequence_of_row",
    "targets_as_list",
    "unique_labels",
    "validate_params",
]
