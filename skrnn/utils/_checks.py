"""The checks that apply to an estimator of sequences, run at once or one by one."""

from functools import partial

import numpy as np
from sklearn.utils import get_tags
from sklearn.utils.validation import has_fit_parameter

from skrnn.utils._check_data import default_sequences, default_targets, is_per_step
from skrnn.utils._check_errors import (
    check_empty_sequence,
    check_failed_fit,
    check_no_sequences,
    check_number_of_steps,
    check_number_of_targets,
    check_string_refused,
    check_unfitted,
)
from skrnn.utils._check_results import (
    check_arguments_unchanged,
    check_clone,
    check_containers,
    check_fit_idempotent,
    check_fit_one_sequence,
    check_fit_returns_self,
    check_fit_transform,
    check_joblib,
    check_memory_map,
    check_one_result_per_sequence,
    check_one_sequence,
    check_order_invariance,
    check_other_containers,
    check_params_unchanged,
    check_pickle,
    check_read_only,
    check_sample_weight,
    check_state_unchanged,
    check_subset_invariance,
)


def check_sequence_estimator(estimator, *, X=None, y=None, on_fail="raise"):
    """Check that an estimator or transformer handles sequences correctly.

    The checks are for any class with the interface of scikit-learn. They complement
    :func:`sklearn.utils.estimator_checks.check_estimator`, which tests 2-D arrays only.

    Parameters
    ----------
    estimator : estimator object
        An instance that fits quickly on a dozen short sequences. It is not changed: all
        checks work on copies, in which each parameter `random_state` is 0.
    X : list of n sequences, default=None
        Data that the estimator can be fitted on, at least four sequences of different
        lengths without NaN: texts, lists of tokens, lists or 1-D arrays of ids, 1-D
        arrays of floats, or arrays or sparse matrices of shape (T_i, d). The default
        depends on the input tags: texts if `string` is set and `two_d_array` is not,
        lists of token ids if `categorical` and `positive_only` are set, lists of
        tokens if `string` or `categorical` is set, otherwise arrays of shape (T_i, 3).
    y : list of n targets, default=None
        Targets for X. By default labels for a classifier and floats for a regressor;
        one or two labels if `multi_output` is set and `single_output` is not; a label
        for each step for another estimator that requires targets; else none.
    on_fail : {"raise", None}, default="raise"
        Whether to raise the error of the first check that fails, or none.

    Returns
    -------
    list of dict
        One dict per check, with its `check_name`; its `status`, "passed" or "failed";
        and the `exception`, None if it passed.

    Raises
    ------
    AssertionError
        If a check fails; the message names it.
    ValueError
        If X has fewer than four sequences.

    See Also
    --------
    sequence_checks : The checks one by one, for pytest's parametrization.

    Notes
    -----
    Fitting on a list, a tuple and an object array of shape (n,) must work and give the
    same results. For other containers, such as an object array of shape (n, 1), a 3-D
    array, a `Sequences`, a Series or frame of pandas or polars if these are installed,
    or sequences as lists or sparse matrices, `fit` may raise an error; if one is
    accepted, the results must be the same.

    For an empty sequence an error may be raised that names its index. If it is
    accepted, its result must be an empty sequence too, unless the estimator is a
    density estimator, which may give it a probability. Fitting on a single sequence may
    raise a ValueError.

    A pipeline, which by scikit-learn's convention fits its own steps, may change its
    parameters, and a fit that fails may change it.

    Examples
    --------
    >>> from skrnn import RNNClassifier
    >>> from skrnn.utils import check_sequence_estimator
    >>> model = RNNClassifier(hidden_layer_sizes=2, max_iter=1)
    >>> results = check_sequence_estimator(model)
    >>> {result["status"] for result in results}
    {'passed'}
    """
    if on_fail not in ("raise", None):
        raise ValueError(f'on_fail is {on_fail!r}: use "raise" or None.')
    results = []
    for tested, check in sequence_checks(estimator, X=X, y=y):
        exception = None
        try:
            check(tested)
        except AssertionError as error:
            if on_fail == "raise":
                raise
            exception = error
        results.append(
            {
                "check_name": check.func.__name__,
                "status": "failed" if exception else "passed",
                "exception": exception,
            }
        )
    return results


def sequence_checks(estimator, *, X=None, y=None):
    """Yield the checks of an estimator of sequences.

    Parameters
    ----------
    estimator : estimator object
        As in `check_sequence_estimator`.
    X : list of n sequences, default=None
        As in `check_sequence_estimator`.
    y : list of n targets, default=None
        As in `check_sequence_estimator`.

    Yields
    ------
    estimator : estimator object
        The estimator itself.
    check : functools.partial
        The check, to be called with the estimator; it raises an AssertionError if the
        estimator fails. Its name is ``check.func.__name__``.

    See Also
    --------
    check_sequence_estimator : Runs all checks.

    Examples
    --------
    >>> from skrnn import VocabularyEncoder
    >>> from skrnn.utils import sequence_checks
    >>> for estimator, check in sequence_checks(VocabularyEncoder()):
    ...     check(estimator)
    """
    tags = get_tags(estimator)
    X = default_sequences(tags.input_tags) if X is None else list(X)
    if len(X) < 4:
        raise ValueError(f"X has {len(X)} sequences: the checks need at least 4.")
    if y is None:
        y = default_targets(tags, X)
    elif not isinstance(y, np.ndarray):
        y = list(y)
    for check in _applicable_checks(estimator, X, y):
        yield estimator, partial(check, X=X, y=y)


def _applicable_checks(estimator, X, y):
    yield check_fit_returns_self
    yield check_one_result_per_sequence
    yield check_containers
    yield check_other_containers
    yield check_subset_invariance
    yield check_order_invariance
    yield check_one_sequence
    yield check_fit_one_sequence
    yield check_pickle
    yield check_joblib
    yield check_clone
    yield check_memory_map
    yield check_read_only
    yield check_fit_idempotent
    yield check_arguments_unchanged
    yield check_state_unchanged
    yield check_unfitted
    yield check_no_sequences
    yield check_empty_sequence
    yield check_string_refused
    if not hasattr(estimator, "steps"):  # a pipeline fits its parameters in place
        yield check_params_unchanged
        yield check_failed_fit
    if hasattr(estimator, "fit_transform"):
        yield check_fit_transform
    if y is not None:
        yield check_number_of_targets
        if is_per_step(X, y):
            yield check_number_of_steps
    if has_fit_parameter(estimator, "sample_weight"):
        yield check_sample_weight
