"""Checks of the rows of sequences: finite numbers, token ids."""

import numbers

import numpy as np
from scipy import sparse

MAX_ID = 2**31 - 1  # an id is a row of an embedding, which must fit into memory


def sequence_of_row(offsets, row):
    """Return the index of the sequence that flat row `row` belongs to."""
    return int(np.searchsorted(offsets, row, side="right")) - 1


def raise_empty(lengths, name):
    """Raise the error that names the first sequence without steps."""
    i = int(np.argmin(lengths))
    raise ValueError(f"{name}[{i}] has no steps: remove empty sequences.")


def are_integers(items):
    """Whether all items are integers, and none is a bool."""
    types = set(map(type, items))
    return all(issubclass(t, numbers.Integral) and t is not bool for t in types)


def check_floats(rows, offsets, name, allow_nan=False, cast_to=None):
    """Return rows, dense or CSR, as floats, none of them NaN or infinite.

    Stored zeros and duplicates are removed from CSR rows, so that they give the same
    results as dense rows.
    """
    if sparse.issparse(rows):
        rows = _canonical(rows)
    if cast_to is not None:
        with np.errstate(over="ignore"):
            rows = rows.astype(cast_to)
        if sparse.issparse(rows):
            rows = _canonical(rows)
    elif rows.dtype.kind != "f":
        rows = rows.astype(np.float64)
    values = rows.data if sparse.issparse(rows) else rows
    with np.errstate(over="ignore", invalid="ignore"):
        total = values.sum(dtype=np.float64)  # a sum is cheap and needs no array
    if np.isfinite(total):
        return rows
    wrong = np.isinf(values) if allow_nan else ~np.isfinite(values)
    if wrong.any():
        row = first_row(wrong, rows)
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


def first_row(wrong, rows):
    """Return the first row with a wrong value, a mask of the (stored) values."""
    first = np.argwhere(wrong)[0, 0]
    return sequence_of_row(rows.indptr, first) if sparse.issparse(rows) else first


def _canonical(rows):
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
    remedy="use a VocabularyEncoder, which has an id for any token",
):
    """Check that all rows are token ids: integers from 0 to n_tokens - 1.

    Parameters
    ----------
    rows : ndarray of shape (N,)
        The ids, of an integer type or objects.
    offsets : ndarray of shape (n + 1,)
        Where each sequence begins.
    name : str, default="X"
        The name of the sequences in error messages.
    n_tokens : int, default=None
        The number of ids; None if it is not known.
    remedy : str
        The end of the error message: how to get valid ids.

    Returns
    -------
    ndarray of shape (N,)
        The ids, int32 or int64.

    Raises
    ------
    ValueError
        If a row is not such an integer.
    """
    top = MAX_ID if n_tokens is None else min(n_tokens - 1, MAX_ID)
    if rows.dtype == object:
        ids = rows.tolist()
        wrong = np.array([not (are_integers([i]) and 0 <= i <= top) for i in ids])
    elif len(rows) and (rows.min() < 0 or rows.max() > top):
        wrong = (rows < 0) | (rows > top)
    else:
        wrong = np.False_
    if not wrong.any():
        return rows if rows.dtype in (np.int32, np.int64) else rows.astype(np.int64)
    row = int(np.argmax(wrong))
    i, found = sequence_of_row(offsets, row), rows[row : row + 1].tolist()[0]
    what, prefix = f"{found!r:.60}", ""
    if are_integers([found]):
        what = f"the token id {what}"
        if found < 0:
            prefix = "Negative values in data: "  # scikit-learn's checks look for this
    raise ValueError(
        f"{prefix}{name}[{i}] contains {what} at step {row - offsets[i]} where ids "
        f"from 0 to {top} are needed: {remedy}."
    )
