"""The only use of private parts of scikit-learn: imported names and attributes."""

from sklearn.base import _fit_context as fit_context
from sklearn.utils._param_validation import HasMethods, Interval, StrOptions
from sklearn.utils._set_output import _get_output_config, check_library_installed
from sklearn.utils.validation import _check_feature_names as check_feature_names
from sklearn.utils.validation import _check_feature_names_in as check_feature_names_in
from sklearn.utils.validation import _check_sample_weight as check_sample_weight
from sklearn.utils.validation import _check_y as check_y

__all__ = [
    "DocLinkMixin",
    "HasMethods",
    "Interval",
    "StrOptions",
    "callback_context",
    "check_feature_names",
    "check_feature_names_in",
    "check_library_installed",
    "check_sample_weight",
    "check_y",
    "fit_context",
    "output_library",
    "validate_params",
]


class DocLinkMixin:
    """Mixin: the HTML representation links to the documentation of this package."""

    _doc_link_module = "skrnn"
    _doc_link_template = (
        "https://skrnn.readthedocs.io/en/latest/api/"
        "{estimator_module}.{estimator_name}.html"
    )


def validate_params(estimator):
    """Check the parameters of an estimator by its `_parameter_constraints`."""
    estimator._validate_params()


def callback_context(estimator, max_subtasks):
    """Return the context of a fit, by which scikit-learn's callbacks are called."""
    return estimator._init_callback_context(max_subtasks=max_subtasks)


def output_library(estimator):
    """Return what `transform` is set to emit: "default", "pandas" or "polars"."""
    return _get_output_config("transform", estimator)["dense"]
