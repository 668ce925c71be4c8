"""Checks that any scikit-learn compatible estimator of sequences should pass.

scikit-learn's own checks know tables. These are for what they leave out: sequences of
different lengths, the containers they come in, and results that must not depend on
what other sequences are in the set.
"""

import copy
import pickle
import re
import tempfile
from contextlib import contextmanager
from functools import partial, wraps
from importlib import import_module
from importlib.util import find_spec
from itertools import product
from pathlib import Path

import joblib
import numpy as np
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.utils import get_tags
from sklearn.utils.validation import has_fit_parameter

from skrnn._sequences import Sequences, object_array

__all__ = ["check_sequence_estimator", "sequence_checks"]

METHODS = (
    "predict",
    "predict_proba",
    "predict_log_proba",
    "decision_function",
    "score_samples",
    "transform",
)
REFUSED = (TypeError, ValueError, AttributeError)  # how a container is turned down


# --- the battery ----------------------------------------------------------------------


def check_sequence_estimator(estimator, *, X=None, y=None, on_fail="raise"):
    """Check that an estimator or transformer does with sequences what it should.

    The checks are for any class with the interface of scikit-learn, and complement
    :func:`sklearn.utils.estimator_checks.check_estimator`, which knows tables only.

    Parameters
    ----------
    estimator : estimator object
        An instance that fits quickly on a dozen short sequences. It is not changed: all
        checks work on copies, in which each parameter `random_state` is 0.
    X : list of n sequences, default=None
        What the estimator can be fitted on, at least four sequences of different
        lengths without NaN: texts, lists of tokens, lists or 1-D arrays of ids, 1-D
        arrays of floats, or arrays or sparse matrices of shape (T_i, d). By default
        what its input tags ask for: texts if `string` is set and `two_d_array` is not,
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
        For each check its `check_name`; its `status`, "passed" or "failed"; and the
        `exception`, None if it passed.

    Raises
    ------
    AssertionError
        If a check fails; it is named in the message.
    ValueError
        If X has fewer than four sequences.

    See Also
    --------
    sequence_checks : The checks one by one, for pytest's parametrization.

    Notes
    -----
    Fitting on a list, a tuple and an object array of shape (n,) must work and give the
    same. Other containers, such as an object array of shape (n, 1), a 3-D array, a
    `Sequences`, a Series or frame of pandas or polars if these are installed, or
    sequences as lists or sparse matrices, may be refused by `fit`; but if one is
    accepted, the results must be the same.

    An empty sequence may be refused by an error that says at which index it is. If it
    is accepted, the result for it must be an empty sequence too, unless the estimator
    is one of densities, which may give it a probability. To fit a single
    sequence may be refused by a ValueError.

    A pipeline, which by scikit-learn's convention fits its own steps, is neither
    expected to leave its parameters unchanged nor to survive a fit that fails.

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
        raise ValueError(f'on_fail must be "raise" or None; got {on_fail!r}.')
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
    """Yield the checks of an estimator of sequences one by one.

    Parameters
    ----------
    estimator : estimator object
        As in `check_sequence_estimator`.
    X : list of n sequences, default=None
        Likewise.
    y : list of n targets, default=None
        Likewise.

    Yields
    ------
    estimator : estimator object
        The one that was given.
    check : functools.partial
        To be called with it; raises an AssertionError if the check fails. The name of
        the check is ``check.func.__name__``.

    See Also
    --------
    check_sequence_estimator : Runs all of them.

    Examples
    --------
    >>> from skrnn import VocabularyEncoder
    >>> from skrnn.utils import sequence_checks
    >>> for estimator, check in sequence_checks(VocabularyEncoder()):
    ...     check(estimator)
    """
    tags = get_tags(estimator)
    X = _default_sequences(tags.input_tags) if X is None else list(X)
    if len(X) < 4:
        raise ValueError(f"X has {len(X)} sequences: the checks need at least 4.")
    if y is None:
        y = _default_targets(tags, X)
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
        if _is_per_step(X, y):
            yield check_number_of_steps
    if has_fit_parameter(estimator, "sample_weight"):
        yield check_sample_weight


def _default_sequences(input_tags):
    """Return sequences of the kind that the tags ask for."""
    rng = np.random.RandomState(0)
    lengths = [3, 1, 5, 2, 4, 3, 1, 9, 2, 6, 4, 2]
    if not (input_tags.string or input_tags.categorical):
        return [rng.uniform(-1, 1, size=(length, 3)) for length in lengths]
    if input_tags.categorical and input_tags.positive_only:
        return [rng.choice(5, size=length).tolist() for length in lengths]
    tokens = [rng.choice(list("abcde"), size=length).tolist() for length in lengths]
    if input_tags.string and not input_tags.two_d_array:
        return list(map(" ".join, tokens))
    return tokens


def _default_targets(tags, X):
    """Return targets of the kind that the tags ask for."""
    rng = np.random.RandomState(1)
    labels = np.array(["no", "yes"])
    if tags.estimator_type == "classifier":
        return labels[np.arange(len(X)) % 2]
    if tags.estimator_type == "regressor":
        return rng.uniform(-1, 1, size=len(X))
    if tags.target_tags.multi_output and not tags.target_tags.single_output:
        return [labels[rng.randint(2, size=1 + (_length(x) > 2))] for x in X]
    if tags.target_tags.required:
        return [labels[rng.randint(2, size=_length(x))] for x in X]
    return None


def _sequence_check(check):
    """Let a check have copies of its arguments, and its errors the check's name."""

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


# --- the same result ------------------------------------------------------------------


@_sequence_check
def check_fit_returns_self(estimator, X, y):
    """Check that fit returns the estimator itself."""
    assert estimator.fit(X, y) is estimator, "fit does not return self"


@_sequence_check
def check_one_result_per_sequence(estimator, X, y):
    """Check that there is one result for each sequence, and if need be each step."""
    for method, items in _results(_fit(estimator, X, y), X).items():
        assert len(items) == len(X), f"{method} gives {len(items)} results for {len(X)}"
        if _is_per_step(X, y):
            lengths = list(map(_length, items))
            steps = f"{method} gives results of other lengths than the sequences have"
            assert_array_equal(lengths, list(map(_length, X)), err_msg=steps)


@_sequence_check
def check_containers(estimator, X, y):
    """Check that a list, a tuple and an object array give the same."""
    fitted = _fit(estimator, X, y)
    expected = _results(fitted, X)
    for container in (tuple(X), _object_array(X)):
        what = f"{type(container).__name__} in place of a list"
        _assert_same(_results(fitted, container), expected, what)
        again = _results(_fit(estimator, container, y), container)
        _assert_same(again, expected, f"fit on a {what}")


@_sequence_check
def check_other_containers(estimator, X, y):
    """Check that all other containers of the same sequences, if accepted, do too."""
    _check_accepted(estimator, X, y, _other_containers(X))
    if _kind(X) in ("series", "rows"):
        X, y = _of_one_length(X, y)
        _check_accepted(estimator, X, y, {"one array": np.stack(X)})


def _check_accepted(estimator, X, y, containers):
    fitted = _fit(estimator, X, y)
    expected = _results(fitted, X)
    for what, container in containers.items():
        try:
            other = _fit(estimator, container, y)
        except REFUSED:
            continue
        # products with sparse matrices add up in another order
        tolerance = {"rtol": 1e-3, "atol": 1e-5} if "sparse" in what else {}
        _assert_same(_results(fitted, container), expected, what, **tolerance)
        again = _results(other, container)
        _assert_same(again, expected, f"fit on {what}", **tolerance)


@_sequence_check
def check_subset_invariance(estimator, X, y):
    """Check that results do not depend on what else is in the set."""
    fitted = _fit(estimator, X, y)
    expected = _results(fitted, X)
    for part in (slice(None, len(X) // 2), slice(len(X) // 2, None), slice(1, None, 3)):
        some = {method: items[part] for method, items in expected.items()}
        _assert_same(_results(fitted, X[part]), some, f"X[{part}] alone")


@_sequence_check
def check_order_invariance(estimator, X, y):
    """Check that results do not depend on the order of the sequences."""
    fitted = _fit(estimator, X, y)
    expected = _results(fitted, X)
    for order in (range(len(X))[::-1], np.random.RandomState(0).permutation(len(X))):
        permuted = {m: [items[i] for i in order] for m, items in expected.items()}
        _assert_same(_results(fitted, [X[i] for i in order]), permuted, "another order")


@_sequence_check
def check_one_sequence(estimator, X, y):
    """Check that a sequence alone gives what it gives in the set."""
    fitted = _fit(estimator, X, y)
    expected = _results(fitted, X)
    for i, x in enumerate(X):
        one = {method: items[i : i + 1] for method, items in expected.items()}
        _assert_same(_results(fitted, [x]), one, f"X[{i}] alone")


@_sequence_check
def check_fit_one_sequence(estimator, X, y):
    """Check that fitting one sequence works, or is refused by a ValueError."""
    i = int(np.argmax(list(map(_length, X))))
    try:
        fitted = _fit(estimator, X[i : i + 1], _take(y, [i]))
    except ValueError:
        return
    for method, items in _results(fitted, X[i : i + 1]).items():
        assert len(items) == 1, f"{method} gives {len(items)} results for 1"


@_sequence_check
def check_fit_transform(estimator, X, y):
    """Check that fit_transform does what fit and transform do."""
    expected = {"transform": _call(_fit(estimator, X, y), "transform", X)}
    result = {"transform": _to_items(clone(estimator).fit_transform(X, y))}
    _assert_same(result, expected, "fit_transform in place of fit and transform")


@_sequence_check
def check_fit_idempotent(estimator, X, y):
    """Check that a second fit gives what the first did."""
    expected = _results(estimator.fit(X, y), X)
    _assert_same(_results(estimator.fit(X, y), X), expected, "a second fit")


@_sequence_check
def check_sample_weight(estimator, X, y):
    """Check that a weight is a number of repetitions, and no weights are ones."""
    weights = np.random.RandomState(0).randint(3, size=len(X))
    repeated = np.repeat(np.arange(len(X)), weights)
    pairs = {
        "weights of 1": (
            _fit(estimator, X, y),
            clone(estimator).fit(X, y, sample_weight=np.ones(len(X))),
        ),
        "weights in place of repetition": (
            _fit(estimator, [X[i] for i in repeated], _take(y, repeated)),
            clone(estimator).fit(X, y, sample_weight=weights),
        ),
    }
    for what, (expected, weighted) in pairs.items():
        _assert_same(_results(weighted, X), _results(expected, X), what)


# --- copies and memory ----------------------------------------------------------------


@_sequence_check
def check_pickle(estimator, X, y):
    """Check that a pickled model gives the same."""
    fitted = _fit(estimator, X, y)
    loaded = pickle.loads(pickle.dumps(fitted))
    _assert_same(_results(loaded, X), _results(fitted, X), "pickling")


@_sequence_check
def check_joblib(estimator, X, y):
    """Check that a model stored by joblib gives the same, also as a memory map."""
    fitted = _fit(estimator, X, y)
    expected = _results(fitted, X)
    for mmap_mode in (None, "r"):
        with _stored(fitted, mmap_mode) as loaded:
            what = f"joblib.load with mmap_mode={mmap_mode}"
            _assert_same(_results(loaded, X), expected, what)


@_sequence_check
def check_clone(estimator, X, y):
    """Check that a clone has the parameters of the original and learns the same."""
    expected = _results(copy.deepcopy(estimator).fit(X, y), X)
    cloned = clone(estimator)
    params, others = estimator.get_params(), cloned.get_params()
    assert params.keys() == others.keys(), "a clone has other parameters"
    _assert_same(_results(cloned.fit(X, y), X), expected, "a clone")
    same = clone(estimator)
    assert same.set_params(**same.get_params(deep=False)) is same, (
        "set_params does not return self"
    )
    _assert_same(_results(same.fit(X, y), X), expected, "set_params(**get_params())")


@_sequence_check
def check_memory_map(estimator, X, y):
    """Check that X and y may be memory maps."""
    expected = _results(_fit(estimator, X, y), X)
    with _stored((_as_arrays(X), y), "r") as (mapped, y_mapped):
        result = _results(_fit(estimator, mapped, y_mapped), mapped)
        _assert_same(result, expected, "memory maps")
    if (container := _other_containers(X).get("Sequences")) is None:
        return
    with _stored(container, "r") as mapped:
        try:
            fitted = _fit(estimator, mapped, y)
        except REFUSED:
            return
        _assert_same(_results(fitted, mapped), expected, "Sequences in a memory map")


@_sequence_check
def check_read_only(estimator, X, y):
    """Check that arrays that cannot be written to are accepted."""
    expected = _results(_fit(estimator, X, y), X)
    locked, y_locked = copy.deepcopy((_as_arrays(X), y))
    _lock(locked)
    _lock(y_locked)
    result = _results(_fit(estimator, locked, y_locked), locked)
    _assert_same(result, expected, "read-only arrays")


@_sequence_check
def check_arguments_unchanged(estimator, X, y):
    """Check that no method changes X or y."""
    for given in (X, _as_arrays(X), _object_array(X)):
        given, targets = copy.deepcopy((given, y))
        fitted = clone(estimator)
        _results(fitted.fit(given, targets), given)
        _assert_same({"X": list(given)}, {"X": X}, "after fit", rtol=0, atol=0)
        if y is not None:
            if hasattr(fitted, "score"):
                fitted.score(given, targets)
            same = {"y": list(targets)}, {"y": list(y)}
            _assert_same(*same, "after fit", rtol=0, atol=0)


@_sequence_check
def check_params_unchanged(estimator, X, y):
    """Check that no method changes the parameters."""
    fitted = clone(estimator)
    before = joblib.hash(fitted.get_params())
    _results(fitted.fit(X, y), X)
    assert joblib.hash(fitted.get_params()) == before, "the parameters are changed"


@_sequence_check
def check_state_unchanged(estimator, X, y):
    """Check that a model does not keep anything of what it is used on."""
    fitted = _fit(estimator, X, y)
    expected = _results(fitted, X[:1])
    before = _state(fitted)
    _results(fitted, X[1:])
    changed = _differences(before, _state(fitted))
    assert not changed, f"using the model changes its attributes {changed}"
    _assert_same(_results(fitted, X[:1]), expected, "using the model on other data")


# --- errors ---------------------------------------------------------------------------


@_sequence_check
def check_unfitted(estimator, X, y):
    """Check that a clone of a model needs to be fitted, if the tags say so."""
    fitted = _fit(estimator, X, y)
    if not get_tags(estimator).requires_fit:
        _assert_same(_results(clone(fitted), X), _results(fitted, X), "no fit")
        return
    for method in _methods(fitted):
        unfitted = clone(fitted)
        _refused(f"{method} before fit", _call, unfitted, method, X, by=NotFittedError)


@_sequence_check
def check_no_sequences(estimator, X, y):
    """Check that fit refuses no data; the other methods may give no results."""
    fitted = _fit(estimator, X, y)
    for nothing in ([], np.empty(0, dtype=object), np.empty((0, 1), dtype=object)):
        what = f"{nothing!r}, which has no sequences,"
        _refused(f"fit on {what}", _fit, estimator, nothing, _take(y, []))
        for method in _methods(fitted):
            try:
                items = _call(fitted, method, nothing)
            except ValueError:
                continue
            assert len(items) == 0, f"{method} of {what} gives {len(items)} results"


@_sequence_check
def check_empty_sequence(estimator, X, y):
    """Check that an empty sequence is refused by its index, or stays empty."""
    i = len(X) - 2
    X_empty, y_empty = [*X[:i], X[i][:0], *X[i + 1 :]], y
    if _is_per_step(X, y):
        y_empty = [*y[:i], y[i][:0], *y[i + 1 :]]
    models = [_fit(estimator, X, y)]
    try:
        models.append(_fit(estimator, X_empty, y_empty))
    except ValueError as error:
        _assert_names_index(error, [i])
    for fitted, method in product(models, _methods(models[0])):
        try:
            item = _call(fitted, method, X_empty)[i]
        except ValueError as error:
            _assert_names_index(error, [i])
            continue
        is_empty = np.ndim(_dense(item)) > 0 and _length(item) == 0
        is_empty |= get_tags(estimator).estimator_type == "density_estimator"
        assert is_empty, f"{method} of an empty sequence, X[{i}], gives {item!r:.60}"


def _assert_names_index(error, indices):
    named = re.search("|".join(rf"\b{i}\b" for i in indices), str(error))
    assert named, f"the error does not name the index, one of {indices}: {error}"


@_sequence_check
def check_string_refused(estimator, X, y):
    """Check that a single string is not taken for a list of characters."""
    fitted = _fit(estimator, X, y)
    string = ("ab" * len(X))[: len(X)]
    what, by = f"the string {string!r}", (TypeError, ValueError)
    _refused(f"fit on {what}", _fit, estimator, string, y, by=by)
    for method in _methods(fitted):
        _refused(f"{method} of {what}", _call, fitted, method, string, by=by)


@_sequence_check
def check_number_of_targets(estimator, X, y):
    """Check that there must be as many targets as sequences."""
    n = len(X)
    for index in (range(n - 1), [*range(n), 0]):
        what = f"fit with {len(index)} targets for {n} sequences"
        _refused(what, _fit, estimator, X, _take(y, index))


@_sequence_check
def check_number_of_steps(estimator, X, y):
    """Check that there must be as many labels as steps, or an error names the index."""
    i = int(np.argmax(list(map(_length, X))))
    short = [*y[:i], y[i][:-1], *y[i + 1 :]]
    long = [*y[:i], [*y[i], y[i][0]], *y[i + 1 :]]
    # as many labels in all as there are steps
    moved = [*long[:-1], y[-1][:-1]] if i < len(X) - 1 else [y[0][:-1], *long[1:]]
    for targets in (short, long, moved):
        pairs = enumerate(zip(X, targets, strict=True))
        wrong = [k for k, (x, labels) in pairs if _length(x) != _length(labels)]
        what = f"fit with {_length(targets[i])} labels for {_length(X[i])} steps"
        error = _refused(what, _fit, estimator, X, targets)
        _assert_names_index(error, wrong)


@_sequence_check
def check_failed_fit(estimator, X, y):
    """Check that a fit that fails leaves a fitted model as it was."""
    half = len(X) // 2
    bad_data = [
        ([], _take(y, [])),
        ("ab", _take(y, range(2))),
        ([*X[:half], None], _take(y, range(half + 1))),
        ([*X[:half], object()], _take(y, range(half + 1))),
        ([*X[:half], X[half][:0]], _take(y, range(half + 1))),
    ]
    if _kind(X) in ("series", "rows"):
        nans = np.asarray(X[half]) * np.nan
        bad_data.append(([*X[:half], nans], _take(y, range(half + 1))))
    if y is not None:
        bad_data.append((X[:half], _take(y, range(half - 1))))
        bad_data.append((X[:half], [*_take(y, range(half - 1)), None]))
    if has_fit_parameter(estimator, "sample_weight"):
        for weight in (0, np.nan, 1e-300):  # the last may be found late
            weights = np.full(half, weight)
            bad_data.append((X[:half], _take(y, range(half)), weights))
    fitted = _fit(estimator, X, y)
    expected, before = _results(fitted, X), _state(fitted)
    for X_bad, y_bad, *weights in bad_data:
        other = copy.deepcopy(fitted)
        try:
            other.fit(
                X_bad, y_bad, **({"sample_weight": weights[0]} if weights else {})
            )
        except Exception as error:
            what = f"a fit that failed ({error!r:.80})"
            changed = _differences(before, _state(other))
            assert not changed, f"{what} changes the attributes {changed}"
            _assert_same(_results(other, X), expected, what)


# --- fits, results and how they compare -----------------------------------------------


def _fit(estimator, X, y):
    return clone(estimator).fit(X, y)


def _methods(fitted):
    methods = [method for method in METHODS if hasattr(fitted, method)]
    assert methods, f"has none of the methods {', '.join(METHODS)}"
    return methods


def _call(fitted, method, X):
    return _to_items(getattr(fitted, method)(X))


def _to_items(result):
    """Return what a method gives as a list of one item a sequence."""
    if hasattr(result, "to_numpy"):
        result = result.to_numpy()
    if isinstance(result, np.ndarray) and result.dtype == object:
        result = result.reshape(-1) if result.shape[1:] == (1,) else result
    return list(result.tocsr()) if sparse.issparse(result) else list(result)


def _results(fitted, X):
    """Return what all methods give for X, by the name of the method."""
    return {method: _call(fitted, method, X) for method in _methods(fitted)}


def _assert_same(results, expected, what, rtol=1e-7, atol=1e-9):
    """Check that the items are the same; `what` should have made no difference."""
    assert results.keys() == expected.keys(), f"{what}: other methods: {results.keys()}"
    for name, items in expected.items():
        found = results[name]
        assert len(found) == len(items), f"{what}: {name} has {len(found)} items"
        for i, (a, b) in enumerate(zip(found, items, strict=True)):
            a, b, differ = _dense(a), _dense(b), f"{what}: item {i} of {name} differs"
            assert a.shape == b.shape, f"{differ}: shapes {a.shape} and {b.shape}"
            if a.dtype.kind in "fiub" and b.dtype.kind in "fiub":
                assert_allclose(a, b, rtol=rtol, atol=atol, err_msg=differ)
            else:
                assert_array_equal(a, b, err_msg=differ)


def _dense(item):
    return item.toarray() if sparse.issparse(item) else np.asarray(item)


def _refused(what, function, *args, by=ValueError):
    """Return the error by which a function refuses its arguments."""
    try:
        function(*args)
    except by as error:
        return error
    raise AssertionError(f"{what} is accepted")


def _state(fitted):
    """Return hashes of all attributes but the parameters."""
    params = fitted.get_params(deep=False)
    return {k: joblib.hash(v) for k, v in vars(fitted).items() if k not in params}


def _differences(before, after):
    names = before.keys() | after.keys()
    return sorted(name for name in names if before.get(name) != after.get(name))


@contextmanager
def _stored(value, mmap_mode):
    """Store a value and load it again, its arrays as memory maps."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        path = Path(folder) / "value.joblib"
        joblib.dump(value, path)
        yield joblib.load(path, mmap_mode=mmap_mode)


def _lock(value):
    """Make all arrays of a list read-only."""
    if isinstance(value, np.ndarray):
        value.flags.writeable = False
    elif sparse.issparse(value):
        _lock([value.data, value.indices, value.indptr])
    elif isinstance(value, list):
        for item in value:
            _lock(item)


# --- sequences in other containers ----------------------------------------------------


def _kind(X):
    """Return what the sequences in a list consist of."""
    x = X[0]
    if isinstance(x, str):
        return "texts"
    if sparse.issparse(x):
        return "sparse"
    if not isinstance(x, np.ndarray) and not all(map(np.isscalar, x)):
        is_rows = all(isinstance(step, (list, np.ndarray)) for step in x)
        return "rows" if is_rows and np.asarray(x).dtype.kind in "fiub" else "tokens"
    x = np.asarray(x)
    if x.dtype.kind not in "fiub":
        return "tokens"
    return "rows" if x.ndim == 2 else "series" if x.dtype.kind in "fb" else "ids"


def _other_containers(X):
    """Return the same sequences in other containers, or as other types, by name."""
    kind = _kind(X)
    others = {"an object array of shape (n, 1)": _object_array(X)[:, None]}
    if kind != "texts":
        others["Sequences"] = _to_sequences(X, kind)
    if kind in ("texts", "sparse"):
        plain = X
    else:
        plain = [x.tolist() if isinstance(x, np.ndarray) else list(x) for x in X]
        others["lists"], others["tuples"] = plain, list(map(tuple, plain))
    if kind == "texts":
        others["an array of strings"] = np.array(X)
    elif kind == "sparse":
        others["arrays, not sparse"] = [x.toarray() for x in X]
        others["sparse COO matrices"] = [x.tocoo() for x in X]
    elif kind == "tokens":
        others["object arrays"] = list(map(_object_array, plain))
    else:
        others["arrays"] = list(map(np.asarray, X))
    if kind == "ids":
        others["int32 arrays"] = [np.asarray(x, dtype=np.int32) for x in X]
    if kind == "rows":
        others["sparse matrices"] = list(map(sparse.csr_matrix, X))
        others["sparse arrays"] = list(map(sparse.csr_array, X))
        others["arrays in Fortran order"] = list(map(np.asfortranarray, X))
    if find_spec("pandas"):
        pandas = import_module("pandas")
        index = np.arange(len(X))[::-1] + 5  # not 0, 1, 2
        series = pandas.Series(list(X), index=index, dtype=object)
        others["a pandas Series"] = series
        others["a pandas DataFrame"] = pandas.DataFrame({"x": series})
    if find_spec("polars") and kind in ("texts", "ids", "series", "rows"):
        polars = import_module("polars")
        others["a polars Series"] = polars.Series("x", plain)
        others["a polars DataFrame"] = polars.DataFrame({"x": plain})
    return others


def _to_sequences(X, kind):
    offsets = np.cumsum([0, *map(_length, X)])
    if kind == "sparse":
        return Sequences(sparse.vstack(X, format="csr"), offsets)
    if kind == "tokens":
        return Sequences(_object_array([t for x in X for t in x]), offsets)
    rows = np.concatenate(list(map(np.asarray, X)))
    if kind == "ids":
        return Sequences(rows, offsets, n_tokens=int(rows.max()) + 1)
    return Sequences(rows.reshape(len(rows), -1), offsets)


def _of_one_length(X, y):
    """Return sequences of one length, made by repeating or leaving out steps."""
    T = int(np.median(list(map(_length, X))))
    steps = [np.arange(T) % _length(x) for x in X]
    if _is_per_step(X, y):
        y = [np.asarray(labels)[t] for labels, t in zip(y, steps, strict=True)]
    return [np.asarray(x)[t] for x, t in zip(X, steps, strict=True)], y


def _object_array(items):
    return object_array(items, len(items))


def _as_arrays(X):
    """Return the sequences as arrays where their steps are numbers."""
    if _kind(X) in ("ids", "series", "rows"):
        return list(map(np.asarray, X))
    return X


def _length(x):
    return x.shape[0] if hasattr(x, "shape") else len(x)


def _take(y, index):
    """Return some of the targets in a container of the same type."""
    if y is None:
        return None
    index = np.asarray(index, dtype=np.intp)
    return y[index] if isinstance(y, np.ndarray) else [y[i] for i in index]


def _is_per_step(X, y):
    """Whether each target is a sequence, as long as the sequence in X."""
    return y is not None and all(
        not isinstance(labels, str)
        and hasattr(labels, "__len__")
        and _length(labels) == _length(x)
        for x, labels in zip(X, y, strict=False)
    )
