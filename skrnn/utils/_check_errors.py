"""Checks of the errors of estimators: unfitted, bad data, fits that fail."""

import copy
import re
from itertools import product

import numpy as np
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.utils import get_tags
from sklearn.utils.validation import has_fit_parameter

from skrnn.utils._check_data import is_per_step, kind_of, n_steps, take
from skrnn.utils._compare import (
    all_results,
    assert_refused,
    assert_same,
    call,
    changed_attributes,
    fit_clone,
    hash_attributes,
    methods_of,
    sequence_check,
    to_dense,
)


@sequence_check
def check_unfitted(estimator, X, y):
    """Check that an unfitted model raises NotFittedError, if its tags require fit."""
    fitted = fit_clone(estimator, X, y)
    if not get_tags(estimator).requires_fit:
        assert_same(all_results(clone(fitted), X), all_results(fitted, X), "no fit")
        return
    for method in methods_of(fitted):
        unfitted = clone(fitted)
        assert_refused(
            f"{method} before fit", call, unfitted, method, X, by=NotFittedError
        )


@sequence_check
def check_no_sequences(estimator, X, y):
    """Check that fit raises an error without sequences; others may return nothing."""
    fitted = fit_clone(estimator, X, y)
    for nothing in ([], np.empty(0, dtype=object), np.empty((0, 1), dtype=object)):
        what = f"{nothing!r}, which has no sequences,"
        assert_refused(f"fit on {what}", fit_clone, estimator, nothing, take(y, []))
        for method in methods_of(fitted):
            try:
                items = call(fitted, method, nothing)
            except ValueError:
                continue
            assert len(items) == 0, f"{method} of {what} gives {len(items)} results"


@sequence_check
def check_empty_sequence(estimator, X, y):
    """Check that an empty sequence has an empty result, or an error with its index."""
    i = len(X) - 2
    X_empty, y_empty = [*X[:i], X[i][:0], *X[i + 1 :]], y
    if is_per_step(X, y):
        y_empty = [*y[:i], y[i][:0], *y[i + 1 :]]
    models = [fit_clone(estimator, X, y)]
    try:
        models.append(fit_clone(estimator, X_empty, y_empty))
    except ValueError as error:
        _assert_names_index(error, [i])
    for fitted, method in product(models, methods_of(models[0])):
        try:
            item = call(fitted, method, X_empty)[i]
        except ValueError as error:
            _assert_names_index(error, [i])
            continue
        is_empty = np.ndim(to_dense(item)) > 0 and n_steps(item) == 0
        is_empty |= get_tags(estimator).estimator_type == "density_estimator"
        assert is_empty, f"{method} of an empty sequence, X[{i}], gives {item!r:.60}"


def _assert_names_index(error, indices):
    named = re.search("|".join(rf"\b{i}\b" for i in indices), str(error))
    assert named, f"the error does not name the index, one of {indices}: {error}"


@sequence_check
def check_string_refused(estimator, X, y):
    """Check that a single string is an error, not a list of characters."""
    fitted = fit_clone(estimator, X, y)
    string = ("ab" * len(X))[: len(X)]
    what, by = f"the string {string!r}", (TypeError, ValueError)
    assert_refused(f"fit on {what}", fit_clone, estimator, string, y, by=by)
    for method in methods_of(fitted):
        assert_refused(f"{method} of {what}", call, fitted, method, string, by=by)


@sequence_check
def check_number_of_targets(estimator, X, y):
    """Check that another number of targets than of sequences is an error."""
    n = len(X)
    for index in (range(n - 1), [*range(n), 0]):
        what = f"fit with {len(index)} targets for {n} sequences"
        assert_refused(what, fit_clone, estimator, X, take(y, index))


@sequence_check
def check_number_of_steps(estimator, X, y):
    """Check that another number of labels than of steps is an error with the index."""
    i = int(np.argmax(list(map(n_steps, X))))
    short = [*y[:i], y[i][:-1], *y[i + 1 :]]
    long = [*y[:i], [*y[i], y[i][0]], *y[i + 1 :]]
    # as many labels in all as there are steps
    moved = [*long[:-1], y[-1][:-1]] if i < len(X) - 1 else [y[0][:-1], *long[1:]]
    for targets in (short, long, moved):
        pairs = enumerate(zip(X, targets, strict=True))
        wrong = [k for k, (x, labels) in pairs if n_steps(x) != n_steps(labels)]
        what = f"fit with {n_steps(targets[i])} labels for {n_steps(X[i])} steps"
        error = assert_refused(what, fit_clone, estimator, X, targets)
        _assert_names_index(error, wrong)


def _bad_data(estimator, X, y):
    """Return arguments of `fit` that are errors: X, y and possibly sample_weight."""
    half = len(X) // 2
    bad_data = [
        ([], take(y, [])),
        ("ab", take(y, range(2))),
        ([*X[:half], None], take(y, range(half + 1))),
        ([*X[:half], object()], take(y, range(half + 1))),
        ([*X[:half], X[half][:0]], take(y, range(half + 1))),
    ]
    if kind_of(X) in ("series", "rows"):
        nans = np.asarray(X[half]) * np.nan
        bad_data.append(([*X[:half], nans], take(y, range(half + 1))))
    if y is not None:
        bad_data.append((X[:half], take(y, range(half - 1))))
        bad_data.append((X[:half], [*take(y, range(half - 1)), None]))
    if has_fit_parameter(estimator, "sample_weight"):
        for weight in (0, np.nan, 1e-300):  # an error for the last may come late
            weights = np.full(half, weight)
            bad_data.append((X[:half], take(y, range(half)), weights))
    return bad_data


@sequence_check
def check_failed_fit(estimator, X, y):
    """Check that a fit that fails does not change a fitted model."""
    fitted = fit_clone(estimator, X, y)
    expected, before = all_results(fitted, X), hash_attributes(fitted)
    for X_bad, y_bad, *weights in _bad_data(estimator, X, y):
        other = copy.deepcopy(fitted)
        try:
            other.fit(
                X_bad, y_bad, **({"sample_weight": weights[0]} if weights else {})
            )
        except Exception as error:
            what = f"a fit that failed ({error!r:.80})"
            changed = changed_attributes(before, hash_attributes(other))
            assert not changed, f"{what} changes the attributes {changed}"
            assert_same(all_results(other, X), expected, what)
