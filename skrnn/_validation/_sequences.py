"""Validation of X for estimators and transformers of sequences of numbers or ids."""

import numbers

import numpy as np
from scipy import sparse
from sklearn.utils.validation import check_array, validate_data

from skrnn._sequences import Sequences
from skrnn._validation._containers import as_sequences, only_column
from skrnn._validation._rows import (
    check_floats,
    check_ids,
    first_row,
    raise_empty,
    sequence_of_row,
)
from skrnn._validation._sklearn import check_feature_names


def check_sequences(
    estimator,
    X,
    *,
    reset,
    layout="series",
    dtype=np.float64,
    allow_nan=False,
    allow_empty=False,
    binary_rows=False,
    name="X",
):
    """Validate the sequences that an estimator or transformer was given.

    Parameters
    ----------
    estimator : estimator
        Gives its name to error messages. With `reset`, `feature_names_in_` is set if X
        is a frame, and `n_features_in_` if X is a 2-D array, and deleted otherwise.
        Without, X is compared with them and with `input_kind_` and `input_size_`.
    X : what `as_sequences` takes, or a 2-D array of shape (n, T)
        The sequences.
    reset : bool
        True in `fit`; False where X must agree with the data seen in `fit`.
    layout : {"series", "steps", "tokens"}, default="series"
        The meaning of a row of a 2-D array: a univariate series of T steps, one step
        with T features, or T token ids.
    dtype : dtype, default=float64
        The type that floats are converted to; None to leave them. Ids stay as they are.
    allow_nan : bool, default=False
        Whether numbers may be NaN.
    allow_empty : bool, default=False
        Whether a sequence may have no steps.
    binary_rows : bool, default=False
        Whether rows must be of 0 and 1; they are made dense. Without `reset` the kind,
        ids or rows, must then be that of `fit`.
    name : str, default="X"
        The name of the sequences in error messages.

    Returns
    -------
    Sequences of kind "ids", "dense" or "sparse"
        Their `layout` is that in which X was read, None if X was no 2-D array.

    Raises
    ------
    ValueError
        If X is no container of numeric sequences, or is incompatible with the data seen
        in `fit`.
    """
    sequences, layout = _read(
        estimator, X, layout, allow_nan, allow_empty, name, reset=reset
    )
    _refuse_tokens(estimator, sequences, name)
    if reset:
        sequences = _with_n_tokens(sequences)
    else:
        sequences = _check_width(estimator, sequences, name)
    if not (sequences.kind == "ids" or dtype is None or sequences.rows.dtype == dtype):
        rows, offsets = sequences.rows, sequences.offsets
        rows = check_floats(rows, offsets, name, allow_nan, cast_to=dtype)
        sequences = Sequences._trusted(rows, offsets)
    if binary_rows:
        sequences = _check_binary_rows(estimator, sequences, name, reset=reset)
    if layout is not None:
        sequences.layout = layout
    return sequences


# --- step 1: from X to sequences, and the layout of a 2-D array -----------------------


def _read(estimator, X, layout, allow_nan, allow_empty, name, *, reset):
    """Convert X to `Sequences`; return also the layout, None if X was no 2-D array."""
    refuse_no_sequences(X, name)
    sequences = as_sequences(X, name=name, allow_nan=allow_nan, allow_empty=allow_empty)
    if not isinstance(sequences, Sequences):
        array = _check_2d(estimator, X, allow_nan, name, reset=reset)
        return _read_2d(array, layout, name), layout
    check_names(estimator, X, reset=reset, name=name)
    if sequences.rows.shape[0] == 0:  # the dtype of an empty array is arbitrary
        sequences = sequences._with(np.empty(0, dtype=np.int64), sequences.offsets)
    if layout == "tokens" and _is_nested_list(X, sequences):
        ids = _integers(sequences.rows[:, 0])
        ids = check_ids(ids, sequences.offsets, name=name)
        return Sequences(ids, sequences.offsets), layout
    if layout == "series" and reset and _is_nested_list(X, sequences):
        estimator.n_features_in_ = int(sequences.lengths[0])
    return sequences, None


def refuse_no_sequences(X, name="X"):
    """Refuse a container without sequences."""
    cube = isinstance(X, np.ndarray) and X.ndim == 3
    if (cube or isinstance(X, (list, tuple, Sequences))) and len(X) == 0:
        raise ValueError(
            f"Found 0 sequences in {name} while a minimum of 1 is required."
        )


def check_names(estimator, X, *, reset, name="X"):
    """Store, or compare, the names of the columns of sequences if X is a frame."""
    if reset:
        vars(estimator).pop("n_features_in_", None)  # of an earlier fit on a 2-D array
    known = hasattr(X, "columns") and hasattr(estimator, "feature_names_in_")
    if reset or (known and name == "X"):
        check_feature_names(estimator, X, reset=reset)


def _check_2d(estimator, X, allow_nan, name, *, reset):
    """Return X as an array of floats of shape (n, T)."""
    refuse_strings(
        estimator,
        X,
        "token ids or numbers",
        "a Tokenizer and a VocabularyEncoder",
        name,
    )
    refuse_one_sequence(X, name)
    options = {
        "dtype": np.float64,
        "ensure_all_finite": "allow-nan" if allow_nan else True,
    }
    if name != "X":  # T need not be that of X
        return check_array(X, input_name=name, estimator=estimator, **options)
    return validate_data(estimator, X, reset=reset, **options)


def _read_2d(array, layout, name):
    """Return the sequences in a 2-D array of floats."""
    n, T = array.shape
    if layout == "steps":
        return Sequences(array, np.arange(n + 1))
    offsets = np.arange(n + 1) * T
    if layout == "series":
        return Sequences(array.reshape(-1, 1), offsets)
    return Sequences(check_ids(_integers(array.ravel()), offsets, name=name), offsets)


def _integers(floats):
    """Return floats as int64; as objects if some of them are no integers."""
    whole = floats == np.rint(floats)
    if whole.all():
        return floats.astype(np.int64)
    items = floats.astype(object)
    items[whole] = floats[whole].astype(np.int64)
    return items


def _is_nested_list(X, sequences):
    """Whether X is a list of equally long lists of floats: 2-D to scikit-learn."""
    return (
        isinstance(X, (list, tuple))
        and sequences.kind == "dense"
        and sequences.rows.shape[1] == 1
        and np.ptp(sequences.lengths) == 0
        and all(isinstance(x, (list, tuple)) for x in X)
        and not any(isinstance(x[0], (list, tuple, np.ndarray)) for x in X)
    )


def refuse_strings(estimator, X, needed, remedy, name="X"):
    """Refuse raw texts, which numpy would only fail to convert."""
    cells = only_column(X)
    if cells and isinstance(cells[0], str):
        raise ValueError(
            f"{name}[0] is the string {cells[0]!r:.60} where "
            f"{type(estimator).__name__} needs a sequence of {needed}: put {remedy} "
            "before it."
        )


def refuse_one_sequence(X, name="X"):
    """Refuse a single sequence that is passed in place of a list of sequences."""
    if sparse.issparse(X):
        raise ValueError(
            f"{name} is a single sparse matrix of shape {X.shape}, which would be one "
            f"sequence: pass [{name}], a list of sequences."
        )
    cells = only_column(X) if getattr(X, "ndim", 1) == 1 else None
    if isinstance(X, np.ndarray) and X.ndim == 1 and X.dtype.kind in "fiubc":
        cells = X.tolist()
    if not cells or hasattr(X, "columns"):
        return
    for i, cell in enumerate(cells):
        if not isinstance(cell, numbers.Number):
            raise ValueError(
                f"{name}[{i}] is {cell!r:.60}, of type {type(cell).__name__}, not a "
                "sequence of steps: pass a list or an array for each sequence."
            )
    raise ValueError(
        f"{name} has one dimension, of {len(cells)} numbers: if it is one sequence, "
        f"pass [{name}]. Reshape your data with np.reshape({name}, (-1, 1)) if each "
        "number is a sequence of one step."
    )


# --- step 2: no tokens ----------------------------------------------------------------


def _refuse_tokens(estimator, sequences, name):
    if sequences.kind != "tokens":
        return
    tokens = sequences.rows.tolist()
    row = next((r for r, t in enumerate(tokens) if not isinstance(t, numbers.Real)), 0)
    i, token = sequence_of_row(sequences.offsets, row), tokens[row]
    raise ValueError(
        f"{name}[{i}] contains the token {token!r:.60} where "
        f"{type(estimator).__name__} needs token ids or numbers: put a "
        "VocabularyEncoder before it."
    )


# --- step 3: the number of ids, or of features per step -------------------------------


def _with_n_tokens(sequences):
    """Return ids with their number, which is the largest plus 1 if it is not known."""
    if sequences.kind != "ids" or sequences.n_tokens is not None:
        return sequences
    n_tokens = int(sequences.rows.max(initial=0)) + 1
    return Sequences(sequences.rows, sequences.offsets, n_tokens=n_tokens)


def _check_width(estimator, sequences, name):
    """Check that steps are as wide as in `fit`, or that ids are below their number."""
    if sequences.kind == "ids":
        return _check_known_ids(estimator, sequences, name)
    width, found = estimator.input_size_, sequences.rows.shape[1]
    if found == width:
        return sequences
    remedy = (
        "it was fitted on token ids and got floats; pass lists or 1-D arrays of "
        f"integers from 0 to {width - 1}"
        if estimator.input_kind_ == "ids"
        else f"pass arrays of shape (T_i, {width})"
    )
    raise ValueError(
        f"{name}[0] has {found} features per step, but {type(estimator).__name__} is "
        f"expecting {width} features per step as in fit: {remedy}."
    )


def _check_known_ids(estimator, sequences, name):
    """Check that the ids are those of `fit`; return integers of a series as floats."""
    width, rows = estimator.input_size_, sequences.rows
    if estimator.input_kind_ == "dense" and width == 1:  # [[1, 2]] after [[.5, 2]]
        return Sequences(rows.astype(np.float64)[:, None], sequences.offsets)
    if (top := rows.max(initial=0)) < width:
        return Sequences._trusted(rows, sequences.offsets, width)
    row = int(np.argmax(rows >= width))
    i = sequence_of_row(sequences.offsets, row)
    fitted = (
        f"{width} tokens, ids 0 to {width - 1}: use a VocabularyEncoder, which has an "
        "id for unknown tokens"
        if estimator.input_kind_ == "ids"
        else f"rows of {width} features per step: pass such rows, as floats"
    )
    raise ValueError(
        f"{name}[{i}] contains the token id {rows[row]} (the largest is {top}), but "
        f"{type(estimator).__name__} was fitted on {fitted}."
    )


# --- step 4: token ids, or rows of 0 and 1 --------------------------------------------


def _check_binary_rows(estimator, sequences, name, *, reset):
    """Return ids as they are, and rows of 0 and 1 dense."""
    are_ids = sequences.kind == "ids"
    if not reset and are_ids != (estimator.input_kind_ == "ids"):
        kinds = "token ids", "rows of 0 and 1"
        raise ValueError(
            f"{name} holds {kinds[not are_ids]}, but {type(estimator).__name__} was "
            f"fitted on {kinds[are_ids]}: pass sequences like those in fit."
        )
    if are_ids:
        return sequences
    if sequences.lengths.min(initial=1) == 0:
        raise_empty(sequences.lengths, name)
    rows, offsets = sequences.rows, sequences.offsets
    values = rows.data if sparse.issparse(rows) else rows
    wrong = (values != 0) & (values != 1)
    if wrong.any():
        row = first_row(wrong, rows)
        i = sequence_of_row(offsets, row)
        raise ValueError(
            f"{name}[{i}] contains values that are neither 0 nor 1 at step "
            f"{row - offsets[i]}, {values[wrong][0]} among them: "
            f"{type(estimator).__name__} takes token ids, integers of one dimension, "
            "or rows of 0 and 1, with a column for each note or event."
        )
    return Sequences(rows.toarray() if sparse.issparse(rows) else rows, offsets)
