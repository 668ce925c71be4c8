"""Checks of the results of estimators: containers, subsets, copies, memory."""

import copy
import pickle

import joblib
import numpy as np
from numpy.testing import assert_array_equal
from sklearn.base import clone

from skrnn.utils._check_data import (
    as_arrays,
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
    assert_same,
    call,
    changed_attributes,
    fit_clone,
    hash_attributes,
    make_read_only,
    sequence_check,
    stored,
    to_items,
)

REFUSED = (TypeError, ValueError, AttributeError)  # errors that refuse a container

# --- the same results -----------------------------------------------------------------


@sequence_check
def check_fit_returns_self(estimator, X, y):
    """Check that fit returns the estimator itself."""
    assert estimator.fit(X, y) is estimator, "fit does not return self"


@sequence_check
def check_one_result_per_sequence(estimator, X, y):
    """Check that there is one result per sequence, or per step if targets are."""
    for method, items in all_results(fit_clone(estimator, X, y), X).items():
        assert len(items) == len(X), f"{method} gives {len(items)} results for {len(X)}"
        if is_per_step(X, y):
            lengths = list(map(n_steps, items))
            steps = f"{method} gives results whose lengths are not those of X"
            assert_array_equal(lengths, list(map(n_steps, X)), err_msg=steps)


@sequence_check
def check_containers(estimator, X, y):
    """Check that a list, a tuple and an object array give the same results."""
    fitted = fit_clone(estimator, X, y)
    expected = all_results(fitted, X)
    for container in (tuple(X), to_object_array(X)):
        what = f"{type(container).__name__} in place of a list"
        assert_same(all_results(fitted, container), expected, what)
        again = all_results(fit_clone(estimator, container, y), container)
        assert_same(again, expected, f"fit on a {what}")


@sequence_check
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


@sequence_check
def check_subset_invariance(estimator, X, y):
    """Check that the results of a sequence do not depend on the others in X."""
    fitted = fit_clone(estimator, X, y)
    expected = all_results(fitted, X)
    for part in (slice(None, len(X) // 2), slice(len(X) // 2, None), slice(1, None, 3)):
        subset = {method: items[part] for method, items in expected.items()}
        assert_same(all_results(fitted, X[part]), subset, f"X[{part}] alone")


@sequence_check
def check_order_invariance(estimator, X, y):
    """Check that results do not depend on the order of the sequences."""
    fitted = fit_clone(estimator, X, y)
    expected = all_results(fitted, X)
    for order in (range(len(X))[::-1], np.random.RandomState(0).permutation(len(X))):
        permuted = {m: [items[i] for i in order] for m, items in expected.items()}
        assert_same(
            all_results(fitted, [X[i] for i in order]), permuted, "another order"
        )


@sequence_check
def check_one_sequence(estimator, X, y):
    """Check that the results of a sequence are the same without the others in X."""
    fitted = fit_clone(estimator, X, y)
    expected = all_results(fitted, X)
    for i, x in enumerate(X):
        one = {method: items[i : i + 1] for method, items in expected.items()}
        assert_same(all_results(fitted, [x]), one, f"X[{i}] alone")


@sequence_check
def check_fit_one_sequence(estimator, X, y):
    """Check that fitting on one sequence works or raises a ValueError."""
    i = int(np.argmax(list(map(n_steps, X))))
    try:
        fitted = fit_clone(estimator, X[i : i + 1], take(y, [i]))
    except ValueError:
        return
    for method, items in all_results(fitted, X[i : i + 1]).items():
        assert len(items) == 1, f"{method} gives {len(items)} results for 1"


@sequence_check
def check_fit_transform(estimator, X, y):
    """Check that fit_transform gives the result of fit and transform."""
    expected = {"transform": call(fit_clone(estimator, X, y), "transform", X)}
    result = {"transform": to_items(clone(estimator).fit_transform(X, y))}
    assert_same(result, expected, "fit_transform in place of fit and transform")


@sequence_check
def check_fit_idempotent(estimator, X, y):
    """Check that a second fit gives the results of the first."""
    expected = all_results(estimator.fit(X, y), X)
    assert_same(all_results(estimator.fit(X, y), X), expected, "a second fit")


@sequence_check
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


@sequence_check
def check_pickle(estimator, X, y):
    """Check that a pickled model gives the same results."""
    fitted = fit_clone(estimator, X, y)
    loaded = pickle.loads(pickle.dumps(fitted))
    assert_same(all_results(loaded, X), all_results(fitted, X), "pickling")


@sequence_check
def check_joblib(estimator, X, y):
    """Check that a model saved by joblib gives the same results, also memory-mapped."""
    fitted = fit_clone(estimator, X, y)
    expected = all_results(fitted, X)
    for mmap_mode in (None, "r"):
        with stored(fitted, mmap_mode) as loaded:
            what = f"joblib.load with mmap_mode={mmap_mode}"
            assert_same(all_results(loaded, X), expected, what)


@sequence_check
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


@sequence_check
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


@sequence_check
def check_read_only(estimator, X, y):
    """Check that read-only arrays are accepted."""
    expected = all_results(fit_clone(estimator, X, y), X)
    locked, y_locked = copy.deepcopy((as_arrays(X), y))
    make_read_only(locked)
    make_read_only(y_locked)
    result = all_results(fit_clone(estimator, locked, y_locked), locked)
    assert_same(result, expected, "read-only arrays")


@sequence_check
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


@sequence_check
def check_params_unchanged(estimator, X, y):
    """Check that no method changes the parameters."""
    fitted = clone(estimator)
    before = joblib.hash(fitted.get_params())
    all_results(fitted.fit(X, y), X)
    assert joblib.hash(fitted.get_params()) == before, "the parameters are changed"


@sequence_check
def check_state_unchanged(estimator, X, y):
    """Check that the methods of a fitted model do not change its attributes."""
    fitted = fit_clone(estimator, X, y)
    expected = all_results(fitted, X[:1])
    before = hash_attributes(fitted)
    all_results(fitted, X[1:])
    changed = changed_attributes(before, hash_attributes(fitted))
    assert not changed, f"using the model changes its attributes {changed}"
    assert_same(all_results(fitted, X[:1]), expected, "using the model on other data")
