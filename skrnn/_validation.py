"""Anything a user may pass as sequences, labels or weights, made uniform.

This is the one place that knows containers, and the one that imports private parts of
scikit-learn: the rest of the package takes them from here.
"""

import numbers
from collections.abc import Mapping
from itertools import chain

import numpy as np
from scipy import sparse
from sklearn.base import _fit_context as fit_context
from sklearn.utils._param_validation import HasMethods, Interval, StrOptions
from sklearn.utils._set_output import _get_output_config, check_library_installed
from sklearn.utils.multiclass import check_classification_targets, type_of_target
from sklearn.utils.validation import (
    _check_feature_names,
    _check_feature_names_in,
    _check_sample_weight,
    _check_y,
    check_array,
    check_is_fitted,
    validate_data,
)

from skrnn._sequences import Sequences, object_array

__all__ = [
    "HasMethods",
    "Interval",
    "StrOptions",
    "as_sequences",
    "check_class_targets",
    "check_classes",
    "check_conditions",
    "check_ids",
    "check_indicators",
    "check_is_fitted",
    "check_number_targets",
    "check_sequences",
    "check_step_targets",
    "check_step_weights",
    "check_texts",
    "check_token_targets",
    "check_tokens",
    "check_weights",
    "column_name",
    "encode_labels",
    "fit_context",
    "output_container",
    "raise_empty",
    "sequence_of_row",
    "targets_as_list",
    "unique_labels",
]


MAX_ID = 2**31 - 1  # an id is a row of a table, which must fit into memory


def sequence_of_row(offsets, row):
    """Return the index of the sequence that flat row `row` belongs to."""
    return int(np.searchsorted(offsets, row, side="right")) - 1


# --- containers of sequences ----------------------------------------------------------


def as_sequences(X, *, name="X", allow_empty=False, tokens=False, allow_nan=False):
    """Turn any container of sequences into `Sequences`, or a table into an array.

    Parameters
    ----------
    X : list, tuple, object array, Series, DataFrame, 3-D array or Sequences
        One sequence a sample. Several columns of sequences are joined step by step.
    name : str, default="X"
        What error messages call it.
    allow_empty : bool, default=False
        Whether a sequence may have no steps.
    tokens : bool, default=False
        Whether steps are tokens: a tuple of numbers is one, not a row of features, and
        an integer may be negative, since it is not an id.
    allow_nan : bool, default=False
        Whether numbers may be NaN.

    Returns
    -------
    Sequences, or the argument itself where it is a table of scalars (a 2-D array, a
    frame of numbers) or no container at all: what that means is for the caller to say.

    Raises
    ------
    ValueError
        If X is a single string or has no order, if it has no sequences or (unless
        `allow_empty`) a sequence without steps, or if its sequences are of different
        kinds.
    """
    _refuse_no_list(X, name)
    if isinstance(X, Sequences):
        sequences = X
        if X.kind in ("dense", "sparse"):
            rows = _check_floats(X.rows, X.offsets, name, allow_nan)
            sequences = Sequences(rows, X.offsets)
        elif X.kind == "ids" and not tokens:
            rows = check_ids(X.rows, X.offsets, name=name, n_tokens=X.n_tokens)
            sequences = X._with(rows, X.offsets)
    elif (
        isinstance(X, np.ndarray)
        and X.ndim == 3
        and X.dtype.kind in "fiub"
        and X.shape[0] > 0
    ):
        n, T, d = X.shape
        _check_shape(X[0], f"{name}[0]")
        rows, offsets = X.reshape(n * T, d), np.arange(n + 1) * T
        sequences = Sequences(_check_floats(rows, offsets, name, allow_nan), offsets)
    else:
        columns = _columns(X)
        if columns is None:
            return X
        stacked = []
        for j, column in enumerate(columns):
            cell = name if len(columns) == 1 else f"column {j} of {name}"
            stacked.append(_stack(column, cell, allow_empty, tokens, allow_nan))
        sequences = stacked[0] if len(stacked) == 1 else _join(stacked, name)
    if not allow_empty and len(sequences) and sequences.lengths.min() == 0:
        raise_empty(sequences.lengths, name)
    return sequences


def _refuse_no_list(X, name):
    """Refuse what has no items, or none in an order that can be relied on."""
    if isinstance(X, (str, bytes)):
        raise ValueError(
            f"{name} is a single string; pass a list with one item a sequence: "
            f"[{name}]."
        )
    unordered = hasattr(X, "__iter__") and not hasattr(X, "__getitem__")
    if (unordered or isinstance(X, Mapping)) and not sparse.issparse(X):
        raise ValueError(
            f"{name} is a {type(X).__name__}; pass a list with one item a sequence."
        )
    _refuse_masked(X, name)


def _refuse_masked(X, name):
    if isinstance(X, (np.matrix, np.ma.MaskedArray)):
        remedy = (
            "fill or leave out what is masked"
            if isinstance(X, np.ma.MaskedArray)
            else "np.asarray makes it one"
        )
        raise ValueError(f"{name} is a {type(X).__name__}; pass an array: {remedy}.")


def _is_sequence(cell):
    return sparse.issparse(cell) or (
        hasattr(cell, "__len__")
        and hasattr(cell, "__getitem__")
        and not isinstance(cell, (str, bytes, dict))
        and getattr(cell, "ndim", 1) > 0
    )


def _columns(X):
    """Return the columns of sequences in X, each a list; None where it has none."""
    columns = _split(X)
    first = next(columns, [])  # a table of numbers is not taken apart any further
    if any(map(_is_sequence, first)):
        return [first, *columns]
    if hasattr(X, "columns") or (isinstance(X, np.ndarray) and X.ndim == 2):
        top = X.head(1) if hasattr(X, "head") else X[:1]
        if any(map(_is_sequence, chain.from_iterable(_split(top)))):
            return [first, *columns]
    return None


def _split(X):
    """Yield the columns of X, each a list of cells; none for an array of numbers."""
    if hasattr(X, "columns") and hasattr(X, "dtypes"):  # pandas, polars
        yield from (_to_list(X[column]) for column in X.columns)
    elif isinstance(X, np.ndarray):
        if X.dtype.kind not in "fiubc" and X.ndim in (1, 2):
            yield from (column.tolist() for column in np.atleast_2d(X.T))
    elif not (sparse.issparse(X) or isinstance(X, dict)) and hasattr(X, "__len__"):
        yield _to_list(X)


def _only_column(X):
    """Return the cells of a 1-D or one-column container; None for any other."""
    columns = _split(X)
    first = next(columns, None)
    return first if next(columns, None) is None else None


def _to_list(column):
    """Return the items of a list, tuple or Series, by position, as a list."""
    for method in ("to_list", "tolist"):
        if hasattr(column, method):
            return getattr(column, method)()
    return list(column) if hasattr(column, "__iter__") else np.asarray(column).tolist()


def _stack(cells, name, allow_empty, tokens, allow_nan):
    """Put a column of sequences, one a cell, into one array of rows."""
    cells = [c.to_numpy() if hasattr(c, "columns") else c for c in cells]
    for i, cell in enumerate(cells):
        if not _is_sequence(cell):
            remedy = (
                "a Tokenizer turns strings into sequences of tokens"
                if isinstance(cell, (str, bytes))
                else "every sample must be one sequence"
            )
            raise ValueError(
                f"{name}[{i}] is {cell!r:.60}, not a sequence of steps: {remedy}."
            )
        _refuse_masked(cell, f"{name}[{i}]")
    lengths = np.array([c.shape[0] if hasattr(c, "shape") else len(c) for c in cells])
    if not allow_empty and lengths.min() == 0:
        raise_empty(lengths, name)
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    if any(map(sparse.issparse, cells)):
        rows = _stack_sparse(cells, name)
        return Sequences(_check_floats(rows, offsets, name, allow_nan), offsets)
    if all(isinstance(c, np.ndarray) and c.dtype.kind in "fiub" for c in cells):
        rows = _stack_arrays(cells, name)
    else:
        rows = _stack_items(cells, offsets, name, tokens)
    if rows.ndim == 1 and rows.dtype.kind in "fb":
        rows = rows[:, None]
    if rows.ndim == 2:
        rows = _check_floats(rows, offsets, name, allow_nan)
    elif not tokens and (rows.dtype != object or _are_integers(rows.tolist())):
        return Sequences._trusted(check_ids(rows, offsets, name=name), offsets)
    return Sequences(rows, offsets)


def _check_shape(cell, name):
    """Check that a sequence that is an array has a row or an item for each step."""
    if cell.ndim > 2:
        raise ValueError(
            f"{name} has shape {cell.shape}: a sequence must be of shape (T_i, d), or "
            "of shape (T_i,)."
        )
    if cell.shape[1:] == (0,):
        raise ValueError(
            f"{name} has shape {cell.shape}: a step must have at least one feature."
        )


def _stack_arrays(cells, name):
    """Stack arrays of numbers: of shape (T_i,) or of shape (T_i, d)."""
    shape = cells[0].shape[1:]
    for i, cell in enumerate(cells):
        _check_shape(cell, f"{name}[{i}]")
        if cell.shape[1:] != shape:
            raise ValueError(
                f"{name}[{i}] has shape {cell.shape} and {name}[0] has shape "
                f"{cells[0].shape}: all sequences must be of shape (T_i, d) with the "
                "same number d of features a step, or all of shape (T_i,)."
            )
    # numpy gives empty arrays floats, which must not make floats of ids
    cells = [cell for cell in cells if len(cell)] or cells
    if shape == () and all(cell.dtype.kind in "iu" for cell in cells):
        # numpy makes floats of int64 and uint64 together
        large = any(c.dtype == np.uint64 and c.max() >= 2**63 for c in cells)
        dtype = object if large else np.int64
        return np.concatenate(cells, dtype=dtype, casting="unsafe")
    return np.ascontiguousarray(np.concatenate(cells))  # sums depend on the order


def _stack_items(cells, offsets, name, tokens):
    """Stack lists of tokens, ids or numbers, or lists of rows of numbers."""
    items = list(chain.from_iterable(map(_to_list, cells)))
    types = set(map(type, items))
    if _are_integers(items):
        try:
            return np.array(items, dtype=np.int64)
        except OverflowError:
            return np.array(items, dtype=object)
    if all(issubclass(t, numbers.Real) for t in types):
        return np.array(items, dtype=np.float64)
    if not tokens and all(issubclass(t, (list, tuple, np.ndarray)) for t in types):
        widths = np.array([len(item) for item in items])
        wrong = np.flatnonzero(widths != widths[0])
        if len(wrong):
            i = sequence_of_row(offsets, wrong[0])
            raise ValueError(
                f"{name}[{i}] has {widths[wrong[0]]} features at step "
                f"{wrong[0] - offsets[i]} and {name}[0] has {widths[0]} at step 0: "
                "every step must have the same number of features."
            )
        try:
            return np.array(items, dtype=np.float64)
        except (TypeError, ValueError):
            pass  # tuples of words are tokens as good as any
    return object_array(items, len(items))


def _are_integers(items):
    types = set(map(type, items))
    return all(issubclass(t, numbers.Integral) and t is not bool for t in types)


def _stack_sparse(cells, name):
    for i, cell in enumerate(cells):
        if sparse.issparse(cell) and cell.ndim != 2:
            raise ValueError(
                f"{name}[{i}] is sparse and has shape {cell.shape}: a sparse sequence "
                "must be of shape (T_i, d)."
            )
        if not sparse.issparse(cell) or cell.shape[1] != cells[0].shape[1]:
            found = cell.shape if sparse.issparse(cell) else type(cell).__name__
            raise ValueError(
                f"{name}[{i}] is {found} and {name}[0] is {cells[0].shape}, sparse: "
                "all sequences must be sparse with the same number of columns."
            )
    _check_shape(cells[0], f"{name}[0]")
    return sparse.csr_array(sparse.vstack(cells, format="csr"))


def _join(columns, name):
    """Join several columns of sequences step by step into wider rows."""
    first = columns[0]
    for j, column in enumerate(columns):
        if column.kind in ("tokens", "ids"):
            raise ValueError(
                f"column {j} of {name} holds {column.kind}, which cannot be joined "
                "with other columns: put a SequenceOneHotEncoder behind each of them."
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


def _check_floats(rows, offsets, name, allow_nan=False, cast_to=None):
    """Return rows, dense or CSR, as floats, none of them NaN or infinite.

    CSR rows have no stored zeros then, so that they are what dense ones would be.
    """
    if sparse.issparse(rows):
        rows = _without_zeros(rows)
    if cast_to is not None:
        with np.errstate(over="ignore"):
            rows = rows.astype(cast_to)
        if sparse.issparse(rows):
            rows = _without_zeros(rows)
    elif rows.dtype.kind != "f":
        rows = rows.astype(np.float64)
    values = rows.data if sparse.issparse(rows) else rows
    with np.errstate(over="ignore", invalid="ignore"):
        total = values.sum(dtype=np.float64)  # a sum is cheap and needs no array
    if np.isfinite(total):
        return rows
    wrong = np.argwhere(np.isinf(values) if allow_nan else ~np.isfinite(values))
    if len(wrong):
        row = wrong[0, 0]
        if sparse.issparse(rows):
            row = sequence_of_row(rows.indptr, row)
        i = sequence_of_row(offsets, row)
        fault, remedy = (
            "infinity" if allow_nan else "NaN or infinity",
            "impute or remove it",
        )
        if cast_to is not None:
            fault = f"a number too large for {np.dtype(cast_to).name}"
            remedy = 'scale the numbers, or set dtype="float64"'
        raise ValueError(
            f"{name}[{i}] contains {fault} at step {row - offsets[i]}: {remedy}."
        )
    return rows


def _without_zeros(rows):
    """Return CSR rows without stored zeros and duplicates, a copy if there are any."""
    if rows.has_canonical_format and rows.data.all():
        return rows
    rows = rows.copy()
    rows.sum_duplicates()
    rows.eliminate_zeros()
    return rows


def check_ids(
    rows,
    offsets,
    *,
    name="X",
    n_tokens=None,
    remedy="a VocabularyEncoder has an id for any token",
):
    """Check that all rows are token ids: integers from 0 to n_tokens - 1.

    Parameters
    ----------
    rows : ndarray of shape (N,)
        The ids, of an integer type or objects.
    offsets : ndarray of shape (n + 1,)
        Where each sequence begins.
    name : str, default="X"
        What error messages call the sequences.
    n_tokens : int, default=None
        How many ids there are; None if that is not known.
    remedy : str
        What to do if one is none of them.

    Returns
    -------
    ndarray of shape (N,)
        The ids, int32 or int64.

    Raises
    ------
    ValueError
        If a row is no such integer.
    """
    top = MAX_ID if n_tokens is None else min(n_tokens - 1, MAX_ID)
    if rows.dtype == object:
        ids = rows.tolist()
        wrong = np.array([not (_are_integers([i]) and 0 <= i <= top) for i in ids])
    elif len(rows) and (rows.min() < 0 or rows.max() > top):
        wrong = (rows < 0) | (rows > top)
    else:
        wrong = np.False_
    if wrong.any():
        row = int(np.argmax(wrong))
        i, found = sequence_of_row(offsets, row), rows[row : row + 1].tolist()[0]
        integer = _are_integers([found])
        negative = "Negative values in data: "  # scikit-learn's words for it
        raise ValueError(
            f"{negative * (integer and found < 0)}{name}[{i}] contains "
            f"{'the token id ' * integer}{found!r:.60} at step {row - offsets[i]} "
            f"where ids from 0 to {top} are needed: {remedy}."
        )
    return rows if rows.dtype in (np.int32, np.int64) else rows.astype(np.int64)


def raise_empty(lengths, name):
    """Say which sequence has no steps."""
    i = int(np.argmin(lengths))
    raise ValueError(f"{name}[{i}] has no steps: remove empty sequences.")


# --- sequences for an estimator -------------------------------------------------------


def check_sequences(
    estimator,
    X,
    *,
    reset,
    table="series",
    dtype=np.float64,
    allow_nan=False,
    allow_empty=False,
    name="X",
):
    """Validate what a numeric estimator or transformer was given.

    Parameters
    ----------
    estimator : estimator
        For names in messages, and to keep `n_features_in_`, which it has only after it
        was fitted on a table, and `feature_names_in_`, of the columns of a frame.
    X : what `as_sequences` takes, or a table of shape (n, T)
        The sequences.
    reset : bool
        True in `fit`; False where X must agree with what `fit` saw.
    table : {"series", "steps", "tokens"}, default="series"
        How a 2-D array is read: each row as a univariate series of T steps, as a
        sequence of one step with T features, or as a sequence of T token ids.
    dtype : dtype, default=float64
        To what floats are converted, None to leave them; ids stay as they are.
    allow_nan : bool, default=False
        Whether numbers may be NaN.
    allow_empty : bool, default=False
        Whether a sequence may have no steps.
    name : str, default="X"
        What most error messages call the sequences.

    Returns
    -------
    Sequences of kind "ids", "dense" or "sparse".

    Raises
    ------
    ValueError
        If X is not a set of numeric sequences, or not one `fit` has seen the like of.
    """
    _refuse_no_sequences(X)
    sequences = as_sequences(X, name=name, allow_nan=allow_nan, allow_empty=allow_empty)
    if not isinstance(sequences, Sequences):
        _refuse_strings(
            estimator, X, "token ids or numbers", "a Tokenizer and a VocabularyEncoder"
        )
        _refuse_one_sequence(X)
        finite = "allow-nan" if allow_nan else True
        array = validate_data(
            estimator, X, reset=reset, dtype=np.float64, ensure_all_finite=finite
        )
        n, T = array.shape
        if table == "steps":
            sequences = Sequences(array, np.arange(n + 1))
        elif table == "tokens":
            sequences = _rows_of_ids(array.ravel(), np.arange(n + 1) * T, name)
        else:
            sequences = Sequences(array.reshape(-1, 1), np.arange(n + 1) * T)
    else:
        _check_names(estimator, X, reset=reset)
        if reset and table == "series" and _is_table_of_lists(X, sequences):
            estimator.n_features_in_ = int(sequences.lengths[0])
        if table == "tokens" and _is_table_of_lists(X, sequences):
            sequences = _rows_of_ids(sequences.rows[:, 0], sequences.offsets, name)
    if allow_empty and sequences.rows.shape[0] == 0:  # nothing, of no kind
        sequences = sequences._with(np.empty(0, dtype=np.int64), sequences.offsets)
    if sequences.kind == "tokens":
        tokens = sequences.rows.tolist()
        row = next(
            (r for r, t in enumerate(tokens) if not isinstance(t, numbers.Real)), 0
        )
        i, token = sequence_of_row(sequences.offsets, row), tokens[row]
        raise ValueError(
            f"{name}[{i}] contains the token {token!r:.60} where "
            f"{type(estimator).__name__} "
            "needs token ids or numbers: put a VocabularyEncoder before it."
        )
    if not reset:
        sequences = _check_width(estimator, sequences, name)
    elif sequences.kind == "ids" and sequences.n_tokens is None:
        n_tokens = int(sequences.rows.max(initial=0)) + 1
        sequences = Sequences(sequences.rows, sequences.offsets, n_tokens=n_tokens)
    if sequences.kind == "ids" or dtype is None or sequences.rows.dtype == dtype:
        return sequences
    rows, offsets = sequences.rows, sequences.offsets
    rows = _check_floats(rows, offsets, "X", allow_nan, cast_to=dtype)
    return Sequences(rows, offsets)


def _rows_of_ids(numbers, offsets, name):
    """Return sequences of ids that came as floats."""
    whole = numbers == np.rint(numbers)
    if not whole.all():
        ids = numbers.astype(object)
        ids[whole] = numbers[whole].astype(np.int64)
    else:
        ids = numbers.astype(np.int64)
    return Sequences(check_ids(ids, offsets, name=name), offsets)


def _is_table_of_lists(X, sequences):
    """Whether X is a list of equally long lists of floats: a table to scikit-learn."""
    return (
        isinstance(X, (list, tuple))
        and sequences.kind == "dense"
        and sequences.rows.shape[1] == 1
        and np.ptp(sequences.lengths) == 0
        and all(isinstance(x, (list, tuple)) for x in X)
        and not any(isinstance(x[0], (list, tuple, np.ndarray)) for x in X)
    )


def _refuse_no_sequences(X):
    cube = isinstance(X, np.ndarray) and X.ndim == 3
    if (cube or isinstance(X, (list, tuple, Sequences))) and len(X) == 0:
        raise ValueError("Found 0 sequences in X while a minimum of 1 is required.")


def _check_names(estimator, X, *, reset):
    """Keep or compare the names of the columns of sequences, if X is a frame."""
    if reset:
        vars(estimator).pop("n_features_in_", None)  # of an earlier fit on a table
    if reset or (hasattr(X, "columns") and hasattr(estimator, "feature_names_in_")):
        _check_feature_names(estimator, X, reset=reset)


def _refuse_strings(estimator, X, needed, remedy):
    """Say what to do about raw texts, which numpy would just fail to convert."""
    cells = _only_column(X)
    if cells and isinstance(cells[0], str):
        raise ValueError(
            f"X[0] is the string {cells[0]!r:.60} where {type(estimator).__name__} "
            f"needs a sequence of {needed}: put {remedy} before it."
        )


def _refuse_one_sequence(X):
    """Say what to do about a sequence that is passed where a list of them should be."""
    if sparse.issparse(X):
        raise ValueError(
            f"X is one sparse matrix, of shape {X.shape}, which is one sequence: pass "
            "[X]. A list has one item a sequence."
        )
    cells = _only_column(X) if getattr(X, "ndim", 1) == 1 else None
    if isinstance(X, np.ndarray) and X.ndim == 1 and X.dtype.kind in "fiubc":
        cells = X.tolist()
    if not cells or hasattr(X, "columns"):
        return
    for i, cell in enumerate(cells):
        if not isinstance(cell, numbers.Number):
            raise ValueError(
                f"X[{i}] is {cell!r:.60}, of type {type(cell).__name__}, not a "
                "sequence of steps: pass a list or an array for each sequence."
            )
    raise ValueError(
        f"X has one dimension, of {len(cells)} numbers: if it is one sequence, pass "
        "[X]. Reshape your data with X.reshape(-1, 1) if each number is a sequence of "
        "one step."
    )


def _check_width(estimator, sequences, name):
    """Check that the steps of X are as wide as those `fit` saw."""
    kind, width = type(estimator).__name__, estimator.input_size_
    if sequences.kind == "ids":
        if estimator.input_kind_ == "dense" and width == 1:  # [[1, 2]] after [[.5, 2]]
            rows = sequences.rows.astype(np.float64)[:, None]
            return Sequences(rows, sequences.offsets)
        if (top := sequences.rows.max(initial=0)) >= width:
            row = int(np.argmax(sequences.rows >= width))
            i = sequence_of_row(sequences.offsets, row)
            fitted = (
                f"{width} tokens, ids 0 to {width - 1}: use a VocabularyEncoder, which "
                "has an id for unknown tokens"
                if estimator.input_kind_ == "ids"
                else f"rows of {width} features a step: pass such rows, as floats"
            )
            raise ValueError(
                f"{name}[{i}] contains the token id {sequences.rows[row]} (the "
                f"largest is {top}), but {kind} was fitted on {fitted}."
            )
        return Sequences._trusted(sequences.rows, sequences.offsets, width)
    if (found := sequences.rows.shape[1]) != width:
        remedy = (
            "it was fitted on token ids and got floats; pass lists or 1-D arrays of "
            f"integers from 0 to {width - 1}"
            if estimator.input_kind_ == "ids"
            else f"pass arrays of shape (T_i, {width})"
        )
        raise ValueError(
            f"{name}[0] has {found} features a step, but {kind} is expecting {width} "
            f"features a step as in fit: {remedy}."
        )
    return sequences


# --- texts and tokens for a transformer -----------------------------------------------


def check_texts(estimator, X, *, reset):
    """Validate what a transformer of texts was given.

    Parameters
    ----------
    estimator : estimator
        To keep `feature_names_in_`, the name of the column of a frame.
    X : list, tuple, 1-D array, Series, (n, 1) array or one-column frame of n str
        The texts.
    reset : bool
        True in `fit`; False where X must agree with what `fit` saw.

    Returns
    -------
    list of n str

    Raises
    ------
    ValueError
        If X is a single string, has no texts, several columns or anything but str.
    """
    _refuse_no_list(X, "X")
    texts = _only_column(X)
    if texts is None:
        raise ValueError(
            "X must be a list, a 1-D array, a Series or a one-column frame of texts; "
            f"got {type(X).__name__} of shape {getattr(X, 'shape', 'unknown')}."
        )
    if not texts:
        raise ValueError("Found 0 texts in X while a minimum of 1 is required.")
    for i, text in enumerate(texts):
        if not isinstance(text, str):
            raise ValueError(
                f"X[{i}] is {text!r:.60}, of type {type(text).__name__}, not a text: "
                "every sample must be a str; decode bytes, and fill in missing values."
            )
    _check_names(estimator, X, reset=reset)
    return texts


def check_tokens(estimator, X, *, reset):
    """Validate what a transformer of tokens was given.

    Parameters
    ----------
    estimator : estimator
        As in `check_sequences`.
    X : what `as_sequences` takes, or a table of shape (n, T)
        The sequences of tokens; each row of a table is one. They may be empty.
    reset : bool
        True in `fit`; False where X must agree with what `fit` saw.

    Returns
    -------
    Sequences of kind "tokens", or "ids" where all tokens are integers.

    Raises
    ------
    ValueError
        If X is not a set of sequences of tokens.
    TypeError
        If a token is not hashable.
    """
    _refuse_no_sequences(X)
    sequences = as_sequences(X, allow_empty=True, tokens=True)
    if isinstance(sequences, Sequences):
        _check_names(estimator, X, reset=reset)
    else:
        _refuse_strings(estimator, X, "tokens", "a Tokenizer")
        _refuse_one_sequence(X)
        table = validate_data(estimator, X, reset=reset, dtype=None)
        if table.dtype.kind == "f" and (table == np.rint(table)).all():
            table = table.astype(np.int64)  # as frames make floats of integers
        sequences = as_sequences(table.tolist(), tokens=True)
    if sequences.rows.shape[0] == 0:  # whatever numpy says that nothing is made of
        sequences = Sequences(np.empty(0, dtype=np.int64), sequences.offsets)
    if sequences.kind in ("dense", "sparse"):
        i = int(np.argmax(sequences.lengths > 0))
        raise ValueError(
            f"X[{i}] has {sequences.kind} rows of numbers where "
            f"{type(estimator).__name__} needs tokens: pass strings, integers or "
            "tuples, or give the numbers to an estimator as they are."
        )
    if sequences.kind == "tokens":
        _check_hashable(sequences.rows.tolist(), sequences.offsets)
    return sequences


def _check_hashable(tokens, offsets):
    if (row := _first_unhashable(tokens)) is not None:
        i = sequence_of_row(offsets, row)
        raise TypeError(
            f"X[{i}] contains {tokens[row]!r:.60} at step {row - offsets[i]}, which is "
            "not hashable: the argument must be sequences of tokens, each a string, a "
            "number or a tuple of these."
        )


def _first_unhashable(items):
    """Return the position of the first item that is not hashable; None without one."""
    try:
        hash(tuple(items))
    except TypeError:
        return next(k for k, item in enumerate(items) if not _is_hashable(item))
    return None


def _is_hashable(item):
    try:
        hash(item)
    except TypeError:
        return False
    return True


# --- what a transformer gives back ----------------------------------------------------


def column_name(estimator, input_features, default):
    """Return the name of the only column that a transformer emits, shape (1,).

    It is the name of the column that came in, if there was one and only one.
    """
    names = _check_feature_names_in(estimator, input_features, generate_names=False)
    if names is None or len(names) != 1:
        names = [default]
    return np.array(names, dtype=object)


def output_container(estimator, sequences):
    """Return the sequences as they are, or as a frame where polars is to be set up.

    scikit-learn makes a pandas frame of anything that has `__array__`; polars takes
    neither that nor an array of sparse cells.
    """
    if _get_output_config("transform", estimator)["dense"] != "polars":
        return sequences
    polars = check_library_installed("polars")
    return polars.DataFrame({"": polars.Series(list(sequences), dtype=polars.Object)})


# --- labels and weights ---------------------------------------------------------------


def unique_labels(labels):
    """Return the distinct labels, sorted where they can be, as a 1-D array."""
    distinct = list(dict.fromkeys(labels))
    try:
        distinct = sorted(distinct)
    except TypeError:
        pass  # labels that have no order keep the order in which they came
    types = set(map(type, distinct))
    kind = types.pop() if len(types) == 1 else object
    if kind in (str, int, float, bool) or issubclass(kind, np.generic):
        classes = np.array(distinct)
        items = classes.tolist()
        plain = type(distinct[0].item()) if issubclass(kind, np.generic) else kind
        # numpy cuts off null characters and makes floats of large integers
        if items == distinct and set(map(type, items)) == {plain}:
            return classes
    return object_array(distinct, len(distinct))


def encode_labels(labels, classes):
    """Return the position in `classes` of each label; -1 where it is not there."""
    index = {label: k for k, label in enumerate(classes.tolist())}
    return np.fromiter(
        (index.get(label, -1) for label in labels), dtype=np.intp, count=len(labels)
    )


def targets_as_list(y, name="y"):
    """Return the n items of any container of targets, labels or weights as a list.

    Raises
    ------
    ValueError
        If y is None, a single string or number, or has no order, as a set.
    """
    if y is None:
        raise ValueError("requires y to be passed, but the target y is None.")
    _refuse_no_list(y, name)
    if hasattr(y, "__array__") and not hasattr(y, "__len__"):
        y = np.asarray(y)
    if not hasattr(y, "__len__") or getattr(y, "ndim", 1) == 0:
        raise ValueError(f"{name} is {y!r:.60}: pass a list or an array.")
    if hasattr(y, "columns") and hasattr(y, "dtypes"):
        y = y[y.columns[0]] if len(y.columns) == 1 else y.to_numpy()
    if isinstance(y, np.ndarray) and y.dtype == object and y.shape[1:] == (1,):
        y = y.ravel()
    if isinstance(y, Sequences) or (isinstance(y, np.ndarray) and y.ndim > 1):
        return list(y)
    return _to_list(y)


def check_step_targets(y, lengths, *, single=False):
    """Check y of a tagger: one label, or one row of 0 and 1, for each step.

    Parameters
    ----------
    y : container of n label sequences
        List, tuple, array, Series, one-column frame. Item i is a list or 1-D array of
        T_i hashable labels, or an array of shape (T_i, K) of 0 and 1.
    lengths : ndarray of shape (n,)
        The number of steps of each sequence of X.
    single : bool, default=False
        Whether the items are labels themselves, all sequences having one step.

    Returns
    -------
    list of N labels, or ndarray of shape (N, K)
        The labels of all steps, one sequence after the other.

    Raises
    ------
    ValueError
        If y is missing, or if its lengths are not those of X.
    """
    y = targets_as_list(y)
    if len(y) != len(lengths):
        raise ValueError(
            f"y has {len(y)} label sequences and X has {len(lengths)} sequences: "
            "inconsistent numbers of samples."
        )
    if single:
        return check_array(y, ensure_2d=False, dtype=None, input_name="y").tolist()
    y = [_values(item) for item in y]
    for i, item in enumerate(y):
        if not _is_sequence(item):
            raise ValueError(
                f"y[{i}] is {item!r:.60}, not a sequence of labels: give one label for "
                "each step of X."
            )
        n_labels = item.shape[0] if hasattr(item, "shape") else len(item)
        if n_labels != lengths[i]:
            raise ValueError(
                f"y[{i}] has {n_labels} labels and X[{i}] has {lengths[i]} steps: give "
                "one label for each step."
            )
    if _is_row(y[0]):
        return _stack_indicators(y)
    labels = list(chain.from_iterable(map(_to_list, y)))
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    if (step := _first_unhashable(labels)) is not None:
        i, kind = sequence_of_row(offsets, step), type(labels[step]).__name__
        raise ValueError(
            f"y[{i}] contains a {kind}: labels must be hashable, or all of them rows "
            f"of 0 and 1; got {labels[step]!r:.60} at step {step - offsets[i]}."
        )
    if (step := _first_missing(labels)) is not None:
        i, found = sequence_of_row(offsets, step), _name_missing(labels[step])
        raise ValueError(
            f"y[{i}] contains {found} at step {step - offsets[i]}: every step needs a "
            "label."
        )
    return labels


def check_token_targets(y, n_sequences, *, allow_empty=False, name="y"):
    """Check y whose items are sequences of tokens, of any length.

    Parameters
    ----------
    y : container of n sequences of hashable tokens
        List, tuple, array, Series, one-column frame or `Sequences`.
    n_sequences : int
        The number of sequences of X.
    allow_empty : bool, default=False
        Whether a sequence may have no tokens.
    name : str, default="y"
        What it is called in errors.

    Returns
    -------
    tokens : list of N tokens
        Those of all sequences, one after the other.
    offsets : ndarray of shape (n + 1,)
        Where each begins.

    Raises
    ------
    ValueError
        If y is missing, has another number of sequences than X, or an item that is no
        sequence of tokens.
    """
    items = targets_as_list(y, name)
    if len(items) != n_sequences:
        raise ValueError(
            f"{name} has {len(items)} sequences of tokens and X has {n_sequences} "
            "sequences: inconsistent numbers of samples."
        )
    items = [_values(item) for item in items]
    if len(getattr(y, "shape", ())) == 2 and not any(
        isinstance(item, str) or _is_sequence(item) for item in items
    ):
        items = [[item] for item in items]  # a table with one token in each row
    for i, item in enumerate(items):
        if isinstance(item, str):
            raise ValueError(
                f"{name}[{i}] is the text {item!r:.60} where a sequence of tokens is "
                "needed: split it, or give a target_tokenizer, such as "
                'Tokenizer(analyzer="char").'
            )
        if not _is_sequence(item):
            raise ValueError(
                f"{name}[{i}] is {item!r:.60}, not a sequence of tokens: give a list "
                "of them for each sequence of X."
            )
    items = list(map(_to_list, items))
    offsets = np.cumsum([0, *map(len, items)])
    if not allow_empty and not np.diff(offsets).all():
        i = int(np.argmin(np.diff(offsets)))
        raise ValueError(
            f"{name}[{i}] is empty: every target needs a token; leave the sequence out."
        )
    tokens = list(chain.from_iterable(items))
    step = _first_unhashable(tokens)
    found = "" if step is None else f"a {type(tokens[step]).__name__}"
    if step is None and (step := _first_missing(tokens)) is not None:
        found = _name_missing(tokens[step])
    if step is not None:
        i = sequence_of_row(offsets, step)
        raise ValueError(
            f"{name}[{i}] contains {found} at step {step - offsets[i]}, "
            f"{tokens[step]!r:.60}: tokens must be hashable, such as strings or "
            "integers, and none may be missing."
        )
    return tokens, offsets


def _values(labels):
    """Return the labels of a sequence, those in a frame of one column as an array."""
    if not hasattr(labels, "columns"):
        return labels
    values = labels.to_numpy()
    return values[:, 0] if values.shape[1] == 1 else values


def _first_missing(labels):
    """Return the position of the first missing label; None without one."""
    if not any(map(_is_missing, set(labels))):  # each label once: there are few
        return None
    return next(k for k, label in enumerate(labels) if _is_missing(label))


def _is_missing(label):
    """Whether a label is NaN, NaT or pandas.NA; None may be a label of a step."""
    try:
        return bool(label != label)
    except (TypeError, ValueError):  # pandas.NA is neither equal nor unequal
        return True


def _name_missing(label):
    return "NaN" if isinstance(label, (float, np.floating)) else repr(label)


def _is_row(item):
    """Whether the labels of a sequence are rows of 0 and 1."""
    if sparse.issparse(item) or getattr(item, "ndim", 1) == 2:
        return True
    return isinstance(_to_list(item)[0], (list, np.ndarray))


def _stack_indicators(y):
    rows = list(map(_to_rows, y))
    for i, item in enumerate(rows):
        if item.ndim != 2:
            raise ValueError(
                f"y[{i}] has shape {item.shape} where every step must have a row of 0 "
                "and 1: MultiLabelBinarizer makes such rows of lists of labels."
            )
        if item.shape[1] != rows[0].shape[1]:
            raise ValueError(
                f"y[{i}] has shape {item.shape} and y[0] has shape {rows[0].shape}: "
                "every step must have a row of the same number of 0 and 1."
            )
        check_indicators(item, f"y[{i}]", MULTI_LABEL)
    return np.concatenate(rows)


MULTI_LABEL = (
    "the rows of a multi-label target are indicators, which MultiLabelBinarizer makes "
    "of lists of labels"
)


def check_indicators(rows, name, remedy):
    """Check that all values are 0 or 1."""
    if not np.isin(rows, (0, 1)).all():
        raise ValueError(f"{name} contains values that are neither 0 nor 1: {remedy}.")


def _to_rows(item):
    if sparse.issparse(item):
        return item.toarray()
    try:
        return np.asarray(item)
    except ValueError:  # rows of different lengths, for the caller to refuse
        return np.asarray(item, dtype=object)


def check_class_targets(y, n_sequences):
    """Check y of a classifier: one label, or one row of 0 and 1, for each sequence.

    Parameters
    ----------
    y : array-like of n labels, or of shape (n, K), also sparse
        List, array, Series, frame.
    n_sequences : int
        The number of sequences in X.

    Returns
    -------
    list of n labels, or ndarray of shape (n, K)

    Raises
    ------
    ValueError
        If y is missing, is of another kind, or has another length than X.
    """
    y = _targets_of_sequences(y, n_sequences)
    if isinstance(y, list):
        if not any(map(_is_sequence, y)):
            return _check_labels(y)
        y = np.asarray(y)
    with np.errstate(invalid="ignore"):  # infinity, which is refused
        kind = type_of_target(y, input_name="y")
    if kind == "multilabel-indicator":
        wrong = ~np.isin(y, (0, 1)).all(axis=1)
        i = int(np.argmax(wrong))  # the first of them, if any
        check_indicators(y[i], f"y[{i}]", MULTI_LABEL)
        return y
    y = _check_y(y)
    check_classification_targets(y)
    return y.tolist()


def _check_labels(y):
    """Check labels of any type, one for each sequence."""
    if (i := _first_unhashable(y)) is not None:
        raise ValueError(
            f"y[{i}] is {y[i]!r:.60}, of type {type(y[i]).__name__}: labels must be "
            "hashable, such as strings or numbers."
        )
    i = y.index(None) if None in set(y) else _first_missing(y)
    if i is not None:
        found = _name_missing(y[i])
        raise ValueError(
            f"y contains NaN or None: y[{i}] is {found}; every sequence needs a label."
        )
    if all(isinstance(label, (numbers.Real, np.bool_)) for label in y):
        check_classification_targets(np.asarray(y, dtype=np.float64))
    return y


def check_classes(classes):
    """Check the labels that partial_fit is told of; return them as a 1-D array.

    Raises
    ------
    ValueError
        If there are none, or one is missing or not hashable.
    """
    items = targets_as_list(classes, "classes")
    if not items:
        raise ValueError("classes is empty: name all labels there will ever be.")
    if _first_unhashable(items) is not None or _first_missing(items) is not None:
        raise ValueError(
            f"classes is {classes!r:.200}: it must be one list of labels, none of them "
            "missing and all hashable."
        )
    return unique_labels(items)


def check_number_targets(y, n_sequences):
    """Check y of a regressor: one number, or a row of K numbers, for each sequence.

    Parameters
    ----------
    y : array-like of shape (n,) or (n, K)
        List, array, Series, frame.
    n_sequences : int
        The number of sequences in X.

    Returns
    -------
    ndarray of shape (n,) or (n, K)
        The numbers, float64.

    Raises
    ------
    ValueError
        If y is missing, not finite or no number, or has another length than X.
    """
    y = _targets_of_sequences(y, n_sequences)
    if isinstance(y, list):
        if not _is_numeric(y):
            for i, item in enumerate(y):
                if not _is_numeric(item):
                    raise ValueError(
                        f"y[{i}] is {item!r:.60}, which could not be converted to "
                        "float: targets must be numbers."
                    )
        y = np.asarray(y)
    multi_output = y.shape[1:] not in ((), (1,))
    y = _check_y(y, multi_output=multi_output, y_numeric=True).astype(np.float64)
    finite = np.isfinite(y.reshape(len(y), -1)).all(axis=1)
    if not finite.all():
        i = int(np.argmin(finite))
        raise ValueError(
            f"y contains NaN or infinity: y[{i}] is {y[i]}; every sequence needs a "
            "number."
        )
    return y


def check_conditions(y, n_sequences, *, numeric=False):
    """Check what a language model predicts sequences from: a label or numbers each.

    Parameters
    ----------
    y : array-like of n labels, or of shape (n,) or (n, d)
        Floats, and rows of numbers, are numbers; anything else is a label.
    numeric : bool, default=False
        Whether integers are known to be numbers, too.
    n_sequences : int
        The number of sequences in X.

    Returns
    -------
    list of n labels, or ndarray of shape (n, d), float64

    Raises
    ------
    ValueError
        If y is of another kind, or has another length than X.
    """
    items = _targets_of_sequences(y, n_sequences)
    if all(isinstance(item, numbers.Real) for item in items):
        numeric |= any(isinstance(item, (float, np.floating)) for item in items)
    else:
        numeric = any(map(_is_sequence, items))
    if not numeric:
        return _check_labels(_to_list(items))
    y = np.asarray(items)
    if y.shape[1:] == (1,):
        y = y[:, 0]
    return check_number_targets(y, n_sequences).reshape(n_sequences, -1)


def _is_numeric(item):
    try:
        np.asarray(item, dtype=np.float64)
    except (TypeError, ValueError):
        return False
    return True


def _targets_of_sequences(y, n_sequences):
    """Return y as a list, or an array of numbers or strings; it must have n items."""
    if sparse.issparse(y):
        y = y.toarray()
    elif hasattr(y, "to_numpy"):
        y = y.to_numpy()
    elif not isinstance(y, (list, np.ndarray)):
        y = np.asarray(y) if hasattr(y, "__array__") else targets_as_list(y)
    if isinstance(y, np.ndarray):
        if y.ndim == 0:
            targets_as_list(y)  # refuses it
        if y.dtype.kind in "mM":
            raise ValueError(
                f"y has dates or times, {y.dtype}: pass numbers, or strings as labels."
            )
    if len(y) != n_sequences:
        raise ValueError(
            f"y has {len(y)} targets and X has {n_sequences} sequences: inconsistent "
            "numbers of samples."
        )
    if isinstance(y, np.ndarray) and y.dtype == object:
        y = y[:, 0] if y.shape[1:] == (1,) else y
        y = y.tolist()
    nested = isinstance(y, list) and any(map(_is_sequence, y))
    lengths = [len(item) if _is_sequence(item) else 0 for item in y] if nested else [0]
    if min(lengths) < max(lengths):
        i = int(np.argmax(np.array(lengths) != lengths[0]))
        raise ValueError(
            f"y[{i}] has {lengths[i]} labels and y[0] has {lengths[0]}: give one "
            "target for each sequence, or a row of as many for each, such as "
            "MultiLabelBinarizer makes of lists of labels. RNNTagger learns one label "
            "for each step."
        )
    return y


def check_weights(sample_weight, n_sequences):
    """Check sample_weight: None, a number, or one non-negative weight a sequence.

    Returns
    -------
    ndarray of shape (n_sequences,)

    Raises
    ------
    ValueError
        If a weight is negative or not finite, or if all of them are zero.
    """
    scalar = sample_weight is None or isinstance(sample_weight, numbers.Number)
    if not (scalar or _is_flat_array(sample_weight)):
        items = targets_as_list(sample_weight, "sample_weight")
        for i, item in enumerate(items):
            if _is_sequence(item):
                raise ValueError(
                    f"sample_weight[{i}] is {item!r:.60}: give one weight for each "
                    "sequence."
                )
        sample_weight = items
    column = np.empty((n_sequences, 1), dtype=np.int8)
    return _check_sample_weight(
        sample_weight, column, dtype=np.float64, ensure_non_negative=True
    )


def _is_flat_array(weights):
    """Whether these are numbers in one dimension, without a look at each of them."""
    return (
        isinstance(weights, np.ndarray)
        and weights.ndim == 1
        and weights.dtype.kind in "fiub"
    )


def check_step_weights(sample_weight, lengths):
    """Check sample_weight where each step counts: also n arrays, a weight for each.

    Returns
    -------
    ndarray of shape (N,)
        The weight of each step: its own, or that of its sequence.

    Raises
    ------
    ValueError
        If a weight is negative or not finite, if all of them are zero, or if there is
        not one for each sequence or step.
    """
    scalar = sample_weight is None or isinstance(sample_weight, numbers.Number)
    flat = scalar or _is_flat_array(sample_weight)
    items = [] if flat else targets_as_list(sample_weight, "sample_weight")
    if not any(map(_is_sequence, items)):
        return np.repeat(check_weights(sample_weight, len(lengths)), lengths)
    if len(items) != len(lengths):
        raise ValueError(
            f"sample_weight has {len(items)} items and X has {len(lengths)} sequences: "
            "give one weight, or one array of weights, for each."
        )
    for i, item in enumerate(items):
        found = np.shape(item)
        if found != (lengths[i],):
            raise ValueError(
                f"sample_weight[{i}] has shape {found} and X[{i}] has {lengths[i]} "
                "steps: give one weight for each step."
            )
    weights = np.concatenate(items).astype(np.float64)
    wrong = np.flatnonzero(~((weights >= 0) & (weights < np.inf)))
    if len(wrong):
        offsets = np.concatenate([[0], np.cumsum(lengths)])
        i = sequence_of_row(offsets, wrong[0])
        raise ValueError(
            f"sample_weight[{i}] contains {weights[wrong[0]]} at step "
            f"{wrong[0] - offsets[i]}: weights must be finite and not negative."
        )
    return check_weights(weights, len(weights))
