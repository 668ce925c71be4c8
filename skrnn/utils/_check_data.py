"""Sequences and targets for the checks, in any container."""

from importlib import import_module
from importlib.util import find_spec

import numpy as np
from scipy import sparse

from skrnn._sequences import Sequences, object_array, offsets_of


def default_sequences(input_tags):
    """Return sequences of the kind that the input tags name."""
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


def default_targets(tags, X):
    """Return targets of the kind that the tags name; None if there are none."""
    rng = np.random.RandomState(1)
    labels = np.array(["no", "yes"])
    if tags.estimator_type == "classifier":
        return labels[np.arange(len(X)) % 2]
    if tags.estimator_type == "regressor":
        return rng.uniform(-1, 1, size=len(X))
    if tags.target_tags.multi_output and not tags.target_tags.single_output:
        return [labels[rng.randint(2, size=1 + (n_steps(x) > 2))] for x in X]
    if tags.target_tags.required:
        return [labels[rng.randint(2, size=n_steps(x))] for x in X]
    return None


def kind_of(X):
    """Return the kind of sequences: "texts", "tokens", "ids", "series" and so on."""
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


def other_containers(X):
    """Return the same sequences in other containers, or as other types, by name."""
    kind = kind_of(X)
    others = {"an object array of shape (n, 1)": to_object_array(X)[:, None]}
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
        others["object arrays"] = list(map(to_object_array, plain))
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
    offsets = offsets_of(list(map(n_steps, X)))
    if kind == "sparse":
        return Sequences(sparse.vstack(X, format="csr"), offsets)
    if kind == "tokens":
        return Sequences(to_object_array([t for x in X for t in x]), offsets)
    rows = np.concatenate(list(map(np.asarray, X)))
    if kind == "ids":
        return Sequences(rows, offsets, n_tokens=int(rows.max()) + 1)
    return Sequences(rows.reshape(len(rows), -1), offsets)


def with_equal_lengths(X, y):
    """Return sequences of equal length, with repeated or fewer steps, and targets."""
    T = int(np.median(list(map(n_steps, X))))
    steps = [np.arange(T) % n_steps(x) for x in X]
    if is_per_step(X, y):
        y = [np.asarray(labels)[t] for labels, t in zip(y, steps, strict=True)]
    return [np.asarray(x)[t] for x, t in zip(X, steps, strict=True)], y


def to_object_array(items):
    return object_array(items, len(items))


def as_arrays(X):
    """Return sequences of numbers as arrays, others as they are."""
    if kind_of(X) in ("ids", "series", "rows"):
        return list(map(np.asarray, X))
    return X


def n_steps(x):
    return x.shape[0] if hasattr(x, "shape") else len(x)


def take(y, index):
    """Return the targets at the indices, in a container of the same type."""
    if y is None:
        return None
    index = np.asarray(index, dtype=np.intp)
    return y[index] if isinstance(y, np.ndarray) else [y[i] for i in index]


def is_per_step(X, y):
    """Whether each target is a sequence of the length of its sequence in X."""
    return y is not None and all(
        not isinstance(labels, str)
        and hasattr(labels, "__len__")
        and n_steps(labels) == n_steps(x)
        for x, labels in zip(X, y, strict=False)
    )
