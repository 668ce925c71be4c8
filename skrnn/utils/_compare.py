"""Fits of clones, results of all methods, and their comparison."""

import tempfile
from contextlib import contextmanager
from copy import deepcopy
from functools import wraps
from pathlib import Path

import joblib
import numpy as np
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.base import clone

METHODS = (
    "predict",
    "predict_proba",
    "predict_log_proba",
    "decision_function",
    "score_samples",
    "transform",
)


def sequence_check(check):
    """Decorate a check: it gets copies of its arguments, and its errors its name."""

    @wraps(check)
    def named_check(estimator, X, y):
        try:
            estimator, X, y = deepcopy((estimator, X, y))
            names = [k for k in estimator.get_params() if k.endswith("random_state")]
            estimator.set_params(**dict.fromkeys(names, 0))
            check(estimator, X, y)
        except Exception as error:
            kind = "" if isinstance(error, AssertionError) else type(error).__name__
            message = f"{check.__name__} of {type(estimator).__name__}: {kind} {error}"
            raise AssertionError(message) from error

    return named_check


def fit_clone(estimator, X, y):
    return clone(estimator).fit(X, y)


def methods_of(fitted):
    methods = [method for method in METHODS if hasattr(fitted, method)]
    assert methods, f"has none of the methods {', '.join(METHODS)}"
    return methods


def call(fitted, method, X):
    return to_items(getattr(fitted, method)(X))


def to_items(result):
    """Return the result of a method as a list with one item per sequence."""
    if hasattr(result, "to_numpy"):
        result = result.to_numpy()
    if isinstance(result, np.ndarray) and result.dtype == object:
        result = result.reshape(-1) if result.shape[1:] == (1,) else result
    return list(result.tocsr()) if sparse.issparse(result) else list(result)


def all_results(fitted, X):
    """Return the results of all methods for X, by the names of the methods."""
    return {method: call(fitted, method, X) for method in methods_of(fitted)}


def assert_same(results, expected, what, rtol=1e-7, atol=1e-9):
    """Check that two results are the same; `what` names what distinguishes them."""
    assert results.keys() == expected.keys(), f"{what}: other methods: {results.keys()}"
    for name, items in expected.items():
        found = results[name]
        assert len(found) == len(items), f"{what}: {name} has {len(found)} items"
        for i, (a, b) in enumerate(zip(found, items, strict=True)):
            a, b, differ = (
                to_dense(a),
                to_dense(b),
                f"{what}: item {i} of {name} differs",
            )
            assert a.shape == b.shape, f"{differ}: shapes {a.shape} and {b.shape}"
            if a.dtype.kind in "fiub" and b.dtype.kind in "fiub":
                assert_allclose(a, b, rtol=rtol, atol=atol, err_msg=differ)
            else:
                assert_array_equal(a, b, err_msg=differ)


def to_dense(item):
    return item.toarray() if sparse.issparse(item) else np.asarray(item)


def assert_refused(what, function, *args, by=ValueError):
    """Check that a call raises an error of type `by`; return the error."""
    try:
        function(*args)
    except by as error:
        return error
    raise AssertionError(f"{what} is accepted")


def hash_attributes(fitted):
    """Return the hashes of all attributes that are not parameters."""
    params = fitted.get_params(deep=False)
    return {k: joblib.hash(v) for k, v in vars(fitted).items() if k not in params}


def changed_attributes(before, after):
    names = before.keys() | after.keys()
    return sorted(name for name in names if before.get(name) != after.get(name))


@contextmanager
def stored(value, mmap_mode):
    """Save a value and load it again, its arrays as memory maps."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        path = Path(folder) / "value.joblib"
        joblib.dump(value, path)
        yield joblib.load(path, mmap_mode=mmap_mode)


def make_read_only(value):
    """Make an array, or all arrays in a list, read-only."""
    if isinstance(value, np.ndarray):
        value.flags.writeable = False
    elif sparse.issparse(value):
        make_read_only([value.data, value.indices, value.indptr])
    elif isinstance(value, list):
        for item in value:
            make_read_only(item)
