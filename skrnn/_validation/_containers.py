"""Conversion of any container of sequences to `Sequences`."""

import numbers
from collections.abc import Mapping
from itertools import chain

import numpy as np
from scipy import sparse

from skrnn._sequences import Sequences, object_array, offsets_of
from skrnn._validation._rows import (
    are_integers,
    check_floats,
    check_ids,
    raise_empty,
    sequence_of_row,
)


def as_sequences(X, *, name="X", allow_empty=False, tokens=False, allow_nan=False):
    """Convert any container of sequences to `Sequences`.

    Parameters
    ----------
    X : list, tuple, object array, Series, DataFrame, 3-D array or Sequences
        One sequence per sample. Several columns of sequences are joined step by step.
    name : str, default="X"
        The name of X in error messages.
    allow_empty : bool, default=False
        Whether a sequence may have no steps.
    tokens : bool, default=False
        Whether steps are tokens: a tuple of numbers is then a token, not a row of
        features, and integers may be negative, since they are not ids.
    allow_nan : bool, default=False
        Whether numbers may be NaN.

    Returns
    -------
    Sequences, or X itself
        X itself where it is a 2-D array or frame of scalars, which the caller reads by
        its layout, or no container at all.

    Raises
    ------
    ValueError
        If X is a single string or has no order, if it has no sequences or (unless
        `allow_empty`) a sequence without steps, or if its sequences are of different
        kinds.
    """
    refuse_unordered(X, name)
    if isinstance(X, Sequences):
        return _check_sequences(X, name, allow_empty, tokens, allow_nan)
    if _is_3d(X):
        return _from_3d(X, name, allow_empty, allow_nan)
    columns = sequence_columns(X)
    if columns is None:
        return X
    if len(columns) == 1:
        return _stack(columns[0], name, allow_empty, tokens, allow_nan)
    stacked = [
        _stack(column, f"column {j} of {name}", allow_empty, tokens, allow_nan)
        for j, column in enumerate(columns)
    ]
    return _join(stacked, name)


def _check_sequences(X, name, allow_empty, tokens, allow_nan):
    """Return checked `Sequences` with the rows of X, which are copied only if cast."""
    if not allow_empty and X.lengths.min(initial=1) == 0:
        raise_empty(X.lengths, name)
    if X.kind in ("dense", "sparse"):
        return Sequences(check_floats(X.rows, X.offsets, name, allow_nan), X.offsets)
    if X.kind == "ids" and not tokens:
        rows = check_ids(X.rows, X.offsets, name=name, n_tokens=X.n_tokens)
        return X._with(rows, X.offsets)
    return X


def _is_3d(X):
    is_3d = isinstance(X, np.ndarray) and X.ndim == 3 and len(X) > 0
    return is_3d and X.dtype.kind in "fiub"


def _from_3d(X, name, allow_empty, allow_nan):
    n, T, d = X.shape
    _check_shape(X[0], name, 0)
    if T == 0 and not allow_empty:
        raise_empty([T], name)
    rows, offsets = X.reshape(n * T, d), np.arange(n + 1) * T
    return Sequences(check_floats(rows, offsets, name, allow_nan), offsets)


# --- the columns of a container -------------------------------------------------------


def refuse_unordered(X, name):
    """Refuse strings, and containers that cannot be indexed by position."""
    if type(X) in (list, tuple):
        return
    if isinstance(X, (str, bytes)):
        raise ValueError(
            f"{name} is a single string; pass a list with one item per sequence, such "
            f"as [{name}]."
        )
    unordered = hasattr(X, "__iter__") and not hasattr(X, "__getitem__")
    if (unordered or isinstance(X, Mapping)) and not sparse.issparse(X):
        raise ValueError(
            f"{name} is a {type(X).__name__}, which cannot be indexed by position; "
            "pass a list with one item per sequence."
        )
    refuse_masked(X, name)


def refuse_masked(X, name):
    """Refuse masked arrays and numpy's matrix class."""
    if isinstance(X, (np.matrix, np.ma.MaskedArray)):
        remedy = (
            f"{name}.filled(value), or without the masked items"
            if isinstance(X, np.ma.MaskedArray)
            else f"np.asarray({name})"
        )
        raise ValueError(f"{name} is a {type(X).__name__}: pass an array, {remedy}.")


def is_sequence(cell):
    """Whether a cell of a container is a sequence: a list, an array and so on."""
    return sparse.issparse(cell) or (
        hasattr(cell, "__len__")
        and hasattr(cell, "__getitem__")
        and not isinstance(cell, (str, bytes, dict))
        and getattr(cell, "ndim", 1) > 0
    )


def sequence_columns(X):
    """Return the columns of sequences in X, each a list; None where it has none."""
    columns = _split(X)
    first = next(columns, [])  # the columns of an array of numbers are not split
    if any(map(is_sequence, first)):
        return [first, *columns]
    if hasattr(X, "columns") or (isinstance(X, np.ndarray) and X.ndim == 2):
        top = X.head(1) if hasattr(X, "head") else X[:1]
        if any(map(is_sequence, chain.from_iterable(_split(top)))):
            return [first, *columns]
    return None


def only_column(X):
    """Return the cells of a 1-D or one-column container; None for any other."""
    columns = _split(X)
    first = next(columns, None)
    return first if next(columns, None) is None else None


def _split(X):
    """Yield the columns of X, each a list of cells; none for an array of numbers."""
    if is_frame(X):
        yield from (to_list(X[column]) for column in X.columns)
    elif isinstance(X, np.ndarray):
        if X.dtype.kind not in "fiubc" and X.ndim in (1, 2):
            yield from (column.tolist() for column in np.atleast_2d(X.T))
    elif not (sparse.issparse(X) or isinstance(X, dict)) and hasattr(X, "__len__"):
        yield to_list(X)


def is_frame(X):
    """Whether X is a DataFrame of pandas or polars."""
    return hasattr(X, "columns") and hasattr(X, "dtypes")


def to_list(column):
    """Return the items of a list, tuple or Series, by position, as a list."""
    if type(column) in (list, tuple):
        return list(column)
    for method in ("to_list", "tolist"):
        if hasattr(column, method):
            return getattr(column, method)()
    return list(column) if hasattr(column, "__iter__") else np.asarray(column).tolist()


# --- from a column of sequences to rows -----------------------------------------------


def _stack(cells, name, allow_empty, tokens, allow_nan):
    """Concatenate the sequences of a column, one in each cell, to `Sequences`."""
    cells = [c.to_numpy() if hasattr(c, "columns") else c for c in cells]
    lengths = _check_cells(cells, name)
    if not allow_empty and lengths.min() == 0:
        raise_empty(lengths, name)
    offsets = offsets_of(lengths)
    if any(map(sparse.issparse, cells)):
        rows = _stack_sparse(cells, name)
    elif all(isinstance(c, np.ndarray) and c.dtype.kind in "fiub" for c in cells):
        rows = _stack_arrays(cells, name)
    else:
        rows = _stack_items(cells, offsets, name, tokens)
    if rows.ndim == 1 and rows.dtype.kind in "fb":
        rows = rows[:, None]
    if rows.ndim == 2:
        rows = check_floats(rows, offsets, name, allow_nan)
        return Sequences._trusted(rows, offsets)
    if not tokens and (rows.dtype != object or are_integers(rows.tolist())):
        return Sequences._trusted(check_ids(rows, offsets, name=name), offsets)
    return Sequences(rows, offsets)


def _check_cells(cells, name):
    """Check that each cell is a sequence; return the lengths."""
    for i, cell in enumerate(cells):
        if not is_sequence(cell):
            remedy = (
                "a Tokenizer turns strings into sequences of tokens"
                if isinstance(cell, (str, bytes))
                else "every sample must be one sequence"
            )
            raise ValueError(
                f"{name}[{i}] is {cell!r:.60}, not a sequence of steps: {remedy}."
            )
        if isinstance(cell, np.ndarray) and type(cell) is not np.ndarray:
            refuse_masked(cell, f"{name}[{i}]")
    return np.array([c.shape[0] if hasattr(c, "shape") else len(c) for c in cells])


def _check_shape(cell, name, i):
    """Check that an array or sparse matrix has an item or a row for each step."""
    if cell.ndim > 2:
        raise ValueError(
            f"{name}[{i}] has shape {cell.shape}: a sequence must be of shape (T_i, "
            "d), or of shape (T_i,)."
        )
    if cell.shape[1:] == (0,):
        raise ValueError(
            f"{name}[{i}] has shape {cell.shape}: a step must have at least one "
            "feature."
        )


def _stack_arrays(cells, name):
    """Concatenate arrays of numbers, of shape (T_i,) or of shape (T_i, d)."""
    shape = cells[0].shape[1:]
    for i, cell in enumerate(cells):
        _check_shape(cell, name, i)
        if cell.shape[1:] != shape:
            raise ValueError(
                f"{name}[{i}] has shape {cell.shape} and {name}[0] has shape "
                f"{cells[0].shape}: all sequences must be of shape (T_i, d) with the "
                "same number d of features per step, or all of shape (T_i,)."
            )
    # empty arrays are float64 by default: they must not make floats of the other ids
    cells = [cell for cell in cells if len(cell)] or cells
    if shape == () and all(cell.dtype.kind in "iu" for cell in cells):
        # the common dtype of int64 and uint64 is float64
        large = any(c.dtype == np.uint64 and c.max() >= 2**63 for c in cells)
        dtype = object if large else np.int64
        return np.concatenate(cells, dtype=dtype, casting="unsafe")
    return np.ascontiguousarray(np.concatenate(cells))  # sums depend on the order


def _stack_items(cells, offsets, name, tokens):
    """Concatenate lists of tokens, ids or numbers, or lists of rows of numbers."""
    items = list(chain.from_iterable(map(to_list, cells)))
    types = set(map(type, items))
    if are_integers(items):
        try:
            return np.array(items, dtype=np.int64)
        except OverflowError:
            return np.array(items, dtype=object)
    if all(issubclass(t, numbers.Real) for t in types):
        return np.array(items, dtype=np.float64)
    if not tokens and all(issubclass(t, (list, tuple, np.ndarray)) for t in types):
        _check_widths(items, offsets, name)
        try:
            rows = np.array(items, dtype=np.float64)
        except (TypeError, ValueError):
            return object_array(items, len(items))  # lists or tuples of tokens
        if rows.ndim > 2:
            raise ValueError(
                f"{name}[{sequence_of_row(offsets, 0)}] has a step of shape "
                f"{rows.shape[1:]}: a step must be a number or a row of numbers; "
                "flatten it."
            )
        return rows
    return object_array(items, len(items))


def _check_widths(items, offsets, name):
    """Check that all rows have the same number of features."""
    widths = np.array([len(item) for item in items])
    wrong = np.flatnonzero(widths != widths[0])
    first = sequence_of_row(offsets, 0)  # sequences before it are empty
    if len(wrong):
        i = sequence_of_row(offsets, wrong[0])
        raise ValueError(
            f"{name}[{i}] has {widths[wrong[0]]} features at step "
            f"{wrong[0] - offsets[i]} and {name}[{first}] has {widths[0]} at step 0: "
            "every step must have the same number of features."
        )
    if widths[0] == 0:
        raise ValueError(
            f"{name}[{first}] has no features at step 0: a step must have at least one "
            "feature."
        )


def _stack_sparse(cells, name):
    """Concatenate sparse matrices of shape (T_i, d)."""
    widths = [c.shape[1] if sparse.issparse(c) and c.ndim == 2 else None for c in cells]
    for i, (cell, width) in enumerate(zip(cells, widths, strict=True)):
        if width is None and sparse.issparse(cell):
            raise ValueError(
                f"{name}[{i}] is sparse and has shape {cell.shape}: a sparse sequence "
                "must be of shape (T_i, d)."
            )
        if width is None or width != widths[0]:
            raise ValueError(
                f"{name}[{i}] is {_describe(cell)} and {name}[{int(i == 0)}] is "
                f"{_describe(cells[int(i == 0)])}: all sequences must be sparse with "
                "the same number of columns, or all dense."
            )
    _check_shape(cells[0], name, 0)
    return sparse.csr_array(sparse.vstack(cells, format="csr"))


def _describe(cell):
    if sparse.issparse(cell):
        return f"sparse of shape {cell.shape}"
    return f"of type {type(cell).__name__}"


def _join(columns, name):
    """Join several columns of sequences step by step into wider rows."""
    first = columns[0]
    for j, column in enumerate(columns):
        if column.kind in ("tokens", "ids"):
            raise ValueError(
                f"column {j} of {name} holds {column.kind}, which cannot be joined "
                "with other columns: apply a SequenceOneHotEncoder to each of them."
            )
        wrong = np.flatnonzero(column.lengths != first.lengths)
        if len(wrong):
            i = wrong[0]
            raise ValueError(
                f"{name}[{i}] has {first.lengths[i]} steps in column 0 and "
                f"{column.lengths[i]} in column {j}: the columns of one sample must "
                "have the same number of steps."
            )
    if all(column.kind == "dense" for column in columns):
        return Sequences(np.hstack([c.rows for c in columns]), first.offsets)
    rows = sparse.hstack([sparse.csr_array(c.rows) for c in columns], format="csr")
    return Sequences(rows, first.offsets)
