"""Container of sequences of different lengths: flat rows and offsets."""

import numbers
from itertools import pairwise

import numpy as np
from scipy import sparse

from skrnn._core.batching import offsets_of

__all__ = ["Sequences", "as_items", "object_array", "offsets_of"]


class Sequences:
    """Sequences of any length, concatenated in one array.

    Sequence ``i`` is ``rows[offsets[i]:offsets[i + 1]]``. For scikit-learn it is a
    column of `n` objects: it has shape ``(n, 1)``, is indexed by integers, slices,
    masks and index arrays, and ``numpy.asarray`` makes an object array of it. The rows
    are one flat array, which joblib can pass to worker processes as a memory map.

    Parameters
    ----------
    rows : ndarray or CSR matrix or array of N rows
        The steps of all sequences. Their type is the kind of the sequences:

        - ``"ids"``: shape (N,), integers, token ids;
        - ``"dense"``: shape (N, d), numbers, d >= 1 features per step;
        - ``"sparse"``: CSR of shape (N, V), one-hot, multi-hot or any sparse features;
        - ``"tokens"``: shape (N,), objects, tokens not yet encoded.

    offsets : ndarray of shape (n + 1,)
        Where each sequence begins; the last entry is N.
    n_tokens : int, default=None
        For ids, the size of the vocabulary: all ids are below it.
    unknown : int, default=None
        For ids, the id of unknown tokens, if there is one.

    Attributes
    ----------
    kind : {"ids", "dense", "sparse", "tokens"}
        The kind of the rows.
    lengths : ndarray of shape (n,)
        The number of steps of each sequence.

    Raises
    ------
    TypeError
        If the rows are no array and no CSR matrix, or are of another dtype.
    ValueError
        If the rows have another shape, or if the offsets are no integers, do not start
        at 0, decrease, or do not end at N.

    Examples
    --------
    >>> import numpy as np
    >>> from skrnn import Sequences
    >>> X = Sequences(np.array([3, 1, 2, 2, 0]), np.array([0, 2, 5]), n_tokens=4)
    >>> len(X), X.shape, X.kind
    (2, (2, 1), 'ids')
    >>> X[1]
    array([2, 2, 0])
    >>> X[[1, 0]].lengths
    array([3, 2])
    """

    __module__ = "skrnn"

    ndim = 2  # no dtype: scikit-learn would convert it to numbers

    unknown = None  # where it was pickled before there was this attribute
    # How `check_sequences` read the 2-D array that these sequences come from: "series",
    # "steps" or "tokens"; None for all others, and for a selection of these sequences.
    layout = None

    def __init__(self, rows, offsets, *, n_tokens=None, unknown=None):
        _check_rows(rows)
        given, n_rows = np.asarray(offsets), rows.shape[0]
        if given.dtype.kind not in "iuf":
            raise TypeError(f"offsets is {offsets!r:.200}: pass integers.")
        with np.errstate(invalid="ignore"):
            offsets = given.astype(np.int64, copy=False)
        if (
            offsets.ndim != 1
            or len(offsets) == 0
            or offsets[0] != 0
            or offsets[-1] != n_rows
            or (np.diff(offsets) < 0).any()
            or (offsets != given).any()
        ):
            raise ValueError(
                f"offsets is {given!r:.200}: pass integers that rise from 0 to the "
                f"number of rows, {n_rows}."
            )
        self.rows = rows
        self.offsets = offsets
        self.n_tokens = n_tokens
        self.unknown = unknown

    @property
    def kind(self):
        """The kind of the rows: "ids", "dense", "sparse" or "tokens"."""
        if sparse.issparse(self.rows):
            return "sparse"
        if self.rows.ndim == 2:
            return "dense"
        return "ids" if self.rows.dtype.kind in "iu" else "tokens"

    @property
    def lengths(self):
        """The number of steps of each sequence, shape (n,)."""
        return np.diff(self.offsets)

    @property
    def shape(self):
        """The shape for scikit-learn: n samples, one column."""
        return (len(self), 1)

    def __len__(self):
        return len(self.offsets) - 1

    def __iter__(self):
        for start, stop in zip(self.offsets[:-1], self.offsets[1:], strict=True):
            yield self.rows[start:stop]

    def __getitem__(self, key):
        if isinstance(key, tuple):  # scikit-learn writes X[key, ...] and X[key, :]
            key, *columns = key
            for column in columns:
                if column is not Ellipsis and np.arange(1)[column].shape != (1,):
                    raise IndexError(
                        f"column index {column!r}: Sequences have one column, 0."
                    )
        if isinstance(key, numbers.Integral):
            i = range(len(self))[key]
            return self.rows[self.offsets[i] : self.offsets[i + 1]]
        if isinstance(key, slice):
            start, stop, step = key.indices(len(self))
            if step == 1:  # a view
                stop = max(start, stop)
                offsets = self.offsets[start : stop + 1]
                rows = self.rows[offsets[0] : offsets[-1]]
                return self._with(rows, offsets - offsets[0])
        index = np.arange(len(self))[key]
        if index.ndim != 1:
            raise IndexError(f"index {key!r}: Sequences are indexed along one axis.")
        lengths = self.lengths[index]
        offsets = offsets_of(lengths)
        rows = np.arange(offsets[-1])
        rows += np.repeat(self.offsets[:-1][index] - offsets[:-1], lengths)
        return self._with(self.rows[rows], offsets)

    def _with(self, rows, offsets):
        """Return sequences of other rows, with the same vocabulary."""
        return Sequences._trusted(rows, offsets, self.n_tokens, self.unknown)

    @classmethod
    def _trusted(cls, rows, offsets, n_tokens=None, unknown=None):
        """Return sequences of rows and offsets that need no check."""
        self = cls.__new__(cls)
        self.rows, self.offsets = rows, offsets
        self.n_tokens, self.unknown = n_tokens, unknown
        return self

    def __array__(self, dtype=None, copy=None):
        if copy is False:
            raise ValueError(
                "copy is False, but an array of Sequences is always a copy: use None."
            )
        column = as_items(self.rows, self.offsets)[:, None].view(_Column)
        return column if dtype is None else column.astype(dtype, copy=False)

    def __repr__(self):
        rows = {
            "ids": f"{self.n_tokens} token ids",
            "tokens": "tokens",
        }.get(self.kind) or f"{self.kind} rows of {self.rows.shape[1]} features"
        return f"<{len(self)} Sequences, {self.rows.shape[0]} steps, {rows}>"


class _Column(np.ndarray):
    """Object array of sequences that `numpy.isclose` compares sequence by sequence.

    Comparing two cells gives an array, where numpy needs one truth value. With this
    class ``numpy.testing.assert_allclose``, and so scikit-learn's checks of
    transformers, can compare two `Sequences`.
    """

    def __array_function__(self, func, types, args, kwargs):
        if func is not np.isclose:
            return super().__array_function__(func, types, args, kwargs)
        a, b, *rest = args
        pairs = np.broadcast(*(np.asarray(x, dtype=object) for x in (a, b)))
        close = [_all_close(x, y, *rest, **kwargs) for x, y in pairs]
        return np.array(close, dtype=bool).reshape(pairs.shape)


def _all_close(*cells, **tolerances):
    """Whether two sequences have the same shape and are close in all steps."""
    x, y = (c.toarray() if sparse.issparse(c) else np.asarray(c) for c in cells[:2])
    return x.shape == y.shape and np.isclose(x, y, *cells[2:], **tolerances).all()


def _check_rows(rows):
    """Check that rows are of one of the four kinds."""
    is_sparse = sparse.issparse(rows)
    if is_sparse and rows.format != "csr":
        raise TypeError(f"rows is a {type(rows).__name__}: pass rows.tocsr().")
    masked = isinstance(rows, (np.matrix, np.ma.MaskedArray))
    if masked or not (is_sparse or isinstance(rows, np.ndarray)):
        raise TypeError(
            f"rows is a {type(rows).__name__}: pass an array, or a CSR matrix."
        )
    shape, kind = rows.shape, rows.dtype.kind
    if rows.ndim not in (1, 2) or (is_sparse and rows.ndim == 1):
        raise ValueError(f"rows has shape {shape}: pass shape (N,) or (N, d).")
    if rows.ndim == 1 and kind in "fb":
        raise TypeError(
            f"rows is of shape (N,) and of type {rows.dtype}, but only ids and tokens "
            "are 1-D: for one feature per step pass rows[:, None]."
        )
    if kind not in ("iuOUS" if rows.ndim == 1 else "fiub"):
        raise TypeError(
            f"rows is of shape {shape} and of type {rows.dtype}: tokens must be "
            "objects, ids integers, and features real numbers."
        )
    if shape[1:] == (0,):
        raise ValueError(
            f"rows has shape {shape}: a step must have at least one feature."
        )


def as_items(rows, offsets):
    """Return an object array of shape (n,): the rows of each sequence."""
    parts = (rows[start:stop] for start, stop in pairwise(offsets))
    return object_array(parts, len(offsets) - 1)


def object_array(items, n):
    """Return an object array of shape (n,), also if the n items are arrays."""
    return np.fromiter(items, dtype=object, count=n)
