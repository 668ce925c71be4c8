"""Checks of estimators of sequences."""

import copy
import pickle
import re
from functools import partial, wraps
from itertools import product

import joblib
import numpy as np
from numpy.testing import assert_array_equal
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.utils import get_tags
from sklearn.utils.validation import has_fit_parameter

from skrnn.utils._check_data import (
    as_arrays,
    default_sequences,
    default_targets,
    is_per_step,
    kind_of,
    n_steps,
    other_containers,
    take,
    to_object_array,
    with_equal_lengths,
)
from skrnn.utils._compare import (
    all_results,
    assert_refused,
    assert_same,
    call,
    changed_attributes,
    fit_clone,
    hash_attributes,
    make_read_only,
    methods_of,
    stored,
    to_dense,
    to_items,
)

REFUSED = (TypeError, ValueError, AttributeError)  # errors that refuse a container


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


def _sequence_check(check):
    """Decorate a check: it gets copies of its arguments, and its errors its name."""

    @wraps(check)
    def named_check(estimator, X, y):
        try:
            estimator, X, y = copy.deepcopy((estimator, X, y))
            names = [k for k in estimator.get_params() if k.endswith("random_state")]
            estimator.set_params(**dict.fromkeys(names, 0))
            check(estimator, X, y)
        except Exception as error:
            kind = "" if isinstance(error, AssertionError) else type(error).__name__
            message = f"{check.__name__} of {type(estimator).__name__}: {kind} {error}"
            raise AssertionError(message) from error

    return named_check


# --- the same results -----------------------------------------------------------------


@_sequence_check
def check_fit_returns_self(estimator, X, y):
    """Check that fit returns the estimator itself."""
    assert estimator.fit(X, y) is estimator, "fit does not return self"


@_sequence_check
def check_one_result_per_sequence(estimator, X, y):
    """Check that there is one result per sequence, or per step if targets are."""
    for method, items in all_results(fit_clone(estimator, X, y), X).items():
        assert len(items) == len(X), f"{method} gives {len(items)} results for {len(X)}"
        if is_per_step(X, y):
            lengths = list(map(n_steps, items))
            steps = f"{method} gives results whose lengths are not those of X"
            assert_array_equal(lengths, list(map(n_steps, X)), err_msg=steps)


@_sequence_check
def check_containers(estimator, X, y):
    """Check that a list, a tuple and an object array give the same results."""
    fitted = fit_clone(estimator, X, y)
    expected = all_results(fitted, X)
    for container in (tuple(X), to_object_array(X)):
        what = f"{type(container).__name__} in place of a list"
        assert_same(all_results(fitted, container), expected, what)
        again = all_results(fit_clone(estimator, container, y), container)
        assert_same(again, expected, f"fit on a {what}")


@_sequence_check
def check_other_containers(estimator, X, y):
    """Check that any other container, if accepted, gives the same results."""
    _check_accepted(estimator, X, y, other_containers(X))
    if kind_of(X) in ("series", "rows"):
        X, y = with_equal_lengths(X, y)
        _check_accepted(estimator, X, y, {"one array": np.stack(X)})


def _check_accepted(estimator, X, y, containers):
    fitted = fit_clone(estimator, X, y)
    expected = all_results(fitted, X)
    for what, container in containers.items():
        try:
            other = fit_clone(estimator, container, y)
        except REFUSED:
            continue
        # products with sparse matrices add up in another order
        tolerance = {"rtol": 1e-3, "atol": 1e-5} if "sparse" in what else {}
        assert_same(all_results(fitted, container), expected, what, **tolerance)
        again = all_results(other, container)
        assert_same(again, expected, f"fit on {what}", **tolerance)


@_sequence_check
def check_subset_invariance(estimator, X, y):
    """Check that the results of a sequence do not depend on the others in X."""
    fitted = fit_clone(estimator, X, y)
    expected = all_results(fitted, X)
    for part in (slice(None, len(X) // 2), slice(len(X) // 2, None), slice(1, None, 3)):
        subset = {method: items[part] for method, items in expected.items()}
        assert_same(all_results(fitted, X[part]), subset, f"X[{part}] alone")


@_sequence_check
def check_order_invariance(estimator, X, y):
    """Check that results do not depend on the order of the sequences."""
    fitted = fit_clone(estimator, X, y)
    expected = all_results(fitted, X)
    for order in (range(len(X))[::-1], np.random.RandomState(0).permutation(len(X))):
        permuted = {m: [items[i] for i in order] for m, items in expected.items()}
        assert_same(
            all_results(fitted, [X[i] for i in order]), permuted, "another order"
        )


@_sequence_check
def check_one_sequence(estimator, X, y):
    """Check that the results of a sequence are the same without the others in X."""
    fitted = fit_clone(estimator, X, y)
    expected = all_results(fitted, X)
    for i, x in enumerate(X):
        one = {method: items[i : i + 1] for method, items in expected.items()}
        assert_same(all_results(fitted, [x]), one, f"X[{i}] alone")


@_sequence_check
def check_fit_one_sequence(estimator, X, y):
    """Check that fitting on one sequence works or raises a ValueError."""
    i = int(np.argmax(list(map(n_steps, X))))
    try:
        fitted = fit_clone(estimator, X[i : i + 1], take(y, [i]))
    except ValueError:
        return
    for method, items in all_results(fitted, X[i : i + 1]).items():
        assert len(items) == 1, f"{method} gives {len(items)} results for 1"


@_sequence_check
def check_fit_transform(estimator, X, y):
    """Check that fit_transform gives the result of fit and transform."""
    expected = {"transform": call(fit_clone(estimator, X, y), "transform", X)}
    result = {"transform": to_items(clone(estimator).fit_transform(X, y))}
    assert_same(result, expected, "fit_transform in place of fit and transform")


@_sequence_check
def check_fit_idempotent(estimator, X, y):
    """Check that a second fit gives the results of the first."""
    expected = all_results(estimator.fit(X, y), X)
    assert_same(all_results(estimator.fit(X, y), X), expected, "a second fit")


@_sequence_check
def check_sample_weight(estimator, X, y):
    """Check that a weight is a number of repetitions, and that None means 1."""
    weights = np.random.RandomState(0).randint(3, size=len(X))
    repeated = np.repeat(np.arange(len(X)), weights)
    pairs = {
        "weights of 1": (
            fit_clone(estimator, X, y),
            clone(estimator).fit(X, y, sample_weight=np.ones(len(X))),
        ),
        "weights in place of repetition": (
            fit_clone(estimator, [X[i] for i in repeated], take(y, repeated)),
            clone(estimator).fit(X, y, sample_weight=weights),
        ),
    }
    for what, (expected, weighted) in pairs.items():
        assert_same(all_results(weighted, X), all_results(expected, X), what)


# --- copies and memory ----------------------------------------------------------------


@_sequence_check
def check_pickle(estimator, X, y):
    """Check that a pickled model gives the same results."""
    fitted = fit_clone(estimator, X, y)
    loaded = pickle.loads(pickle.dumps(fitted))
    assert_same(all_results(loaded, X), all_results(fitted, X), "pickling")


@_sequence_check
def check_joblib(estimator, X, y):
    """Check that a model saved by joblib gives the same results, also memory-mapped."""
    fitted = fit_clone(estimator, X, y)
    expected = all_results(fitted, X)
    for mmap_mode in (None, "r"):
        with stored(fitted, mmap_mode) as loaded:
            what = f"joblib.load with mmap_mode={mmap_mode}"
            assert_same(all_results(loaded, X), expected, what)


@_sequence_check
def check_clone(estimator, X, y):
    """Check that a clone has the parameters of the original and its results."""
    expected = all_results(copy.deepcopy(estimator).fit(X, y), X)
    cloned = clone(estimator)
    params, others = estimator.get_params(), cloned.get_params()
    assert params.keys() == others.keys(), "a clone has other parameters"
    assert_same(all_results(cloned.fit(X, y), X), expected, "a clone")
    same = clone(estimator)
    assert same.set_params(**same.get_params(deep=False)) is same, (
        "set_params does not return self"
    )
    assert_same(all_results(same.fit(X, y), X), expected, "set_params(**get_params())")


@_sequence_check
def check_memory_map(estimator, X, y):
    """Check that X and y may be memory maps."""
    expected = all_results(fit_clone(estimator, X, y), X)
    with stored((as_arrays(X), y), "r") as (mapped, y_mapped):
        result = all_results(fit_clone(estimator, mapped, y_mapped), mapped)
        assert_same(result, expected, "memory maps")
    if (container := other_containers(X).get("Sequences")) is None:
        return
    with stored(container, "r") as mapped:
        try:
            fitted = fit_clone(estimator, mapped, y)
        except REFUSED:
            return
        assert_same(all_results(fitted, mapped), expected, "Sequences in a memory map")


@_sequence_check
def check_read_only(estimator, X, y):
    """Check that read-only arrays are accepted."""
    expected = all_results(fit_clone(estimator, X, y), X)
    locked, y_locked = copy.deepcopy((as_arrays(X), y))
    make_read_only(locked)
    make_read_only(y_locked)
    result = all_results(fit_clone(estimator, locked, y_locked), locked)
    assert_same(result, expected, "read-only arrays")


@_sequence_check
def check_arguments_unchanged(estimator, X, y):
    """Check that no method changes X or y."""
    for given in (X, as_arrays(X), to_object_array(X)):
        given, targets = copy.deepcopy((given, y))
        fitted = clone(estimator)
        all_results(fitted.fit(given, targets), given)
        assert_same({"X": list(given)}, {"X": X}, "after fit", rtol=0, atol=0)
        if y is not None:
            if hasattr(fitted, "score"):
                fitted.score(given, targets)
            same = {"y": list(targets)}, {"y": list(y)}
            assert_same(*same, "after fit", rtol=0, atol=0)


@_sequence_check
def check_params_unchanged(estimator, X, y):
    """Check that no method changes the parameters."""
    fitted = clone(estimator)
    before = joblib.hash(fitted.get_params())
    all_results(fitted.fit(X, y), X)
    assert joblib.hash(fitted.get_params()) == before, "the parameters are changed"


@_sequence_check
def check_state_unchanged(estimator, X, y):
    """Check that the methods of a fitted model do not change its attributes."""
    fitted = fit_clone(estimator, X, y)
    expected = all_results(fitted, X[:1])
    before = hash_attributes(fitted)
    all_results(fitted, X[1:])
    changed = changed_attributes(before, hash_attributes(fitted))
    assert not changed, f"using the model changes its attributes {changed}"
    assert_same(all_results(fitted, X[:1]), expected, "using the model on other data")


# --- errors ---------------------------------------------------------------------------


@_sequence_check
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


@_sequence_check
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


@_sequence_check
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


@_sequence_check
def check_string_refused(estimator, X, y):
    """Check that a single string is an error, not a list of characters."""
    fitted = fit_clone(estimator, X, y)
    string = ("ab" * len(X))[: len(X)]
    what, by = f"the string {string!r}", (TypeError, ValueError)
    assert_refused(f"fit on {what}", fit_clone, estimator, string, y, by=by)
    for method in methods_of(fitted):
        assert_refused(f"{method} of {what}", call, fitted, method, string, by=by)


@_sequence_check
def check_number_of_targets(estimator, X, y):
    """Check that another number of targets than of sequences is an error."""
    n = len(X)
    for index in (range(n - 1), [*range(n), 0]):
        what = f"fit with {len(index)} targets for {n} sequences"
        assert_refused(what, fit_clone, estimator, X, take(y, index))


@_sequence_check
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


@_sequence_check
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
