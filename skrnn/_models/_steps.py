"""Steps of a language model: token ids with an end token, or rows of 0 and 1.

Both classes build the inputs of the network, which at each step are the symbol before
and the condition of the sequence, and the targets, which are the symbols themselves.
"""

import numpy as np
from scipy import sparse

from skrnn._core.batching import offsets_of
from skrnn._core.decoding import row_sampler, token_sampler
from skrnn._sequences import Sequences


class TokenSteps:
    """Steps that are token ids; the end token is predicted after the last one.

    Parameters
    ----------
    n_tokens : int
        The number of token ids. The end token has the next id.
    first : int
        The input of the first step: the end token, or -1, a row of zeros.
    unknown : int or None
        The id of the unknown token.
    conditions : object
        One of the classes of `_conditions`.
    n_inputs : int
        The number of inputs that encode tokens.
    dtype : dtype
        The dtype of the network.
    """

    head = "softmax"

    def __init__(self, n_tokens, *, first, unknown, conditions, n_inputs, dtype):
        self.n_tokens, self.end, self.n_outputs = n_tokens, n_tokens, n_tokens + 1
        self.first, self.unknown = first, unknown
        self.conditions, self.n_inputs, self.dtype = conditions, n_inputs, dtype

    def inputs(self, X, encoded):
        """Return the inputs of X: the first input of each sequence, then its symbols.

        `encoded` has the condition of each sequence, or is None.
        """
        steps, offsets = self._after_first(X)
        if encoded is not None:
            encoded = encoded[np.repeat(np.arange(len(X)), X.lengths + 1)]
        return Sequences(self.input_rows(steps, encoded), offsets)

    def _after_first(self, X):
        """Return the symbols with a first input before each sequence, and offsets."""
        offsets = X.offsets + np.arange(len(X) + 1)
        is_first = np.zeros(offsets[-1], dtype=bool)
        is_first[offsets[:-1]] = True
        steps = self._first_inputs(offsets[-1])
        steps[~is_first] = X.rows
        return steps, offsets

    def _first_inputs(self, n):
        return np.full(n, self.first, dtype=np.int64)

    def input_rows(self, steps, encoded):
        """Return the rows that the network reads: symbols and encoded conditions."""
        if encoded is None:
            return steps
        columns, values = self.conditions.columns(encoded, self.dtype)
        columns = np.concatenate([steps[:, None], self.n_inputs + columns], axis=1)
        ones = np.ones((len(steps), 1), dtype=self.dtype)
        values = np.concatenate([ones, values], axis=1)
        is_input = columns >= 0
        indptr = offsets_of(is_input.sum(axis=1))
        shape = len(steps), self.n_inputs + self.conditions.n_inputs
        return sparse.csr_array((values[is_input], columns[is_input], indptr), shape)

    def shift(self, X, encoded):
        """Return the inputs before each predicted symbol, and these symbols."""
        inputs = self.inputs(X, encoded)
        last = inputs.offsets[1:] - 1
        targets = np.empty(inputs.offsets[-1], dtype=np.int64)
        targets[last] = self.end
        is_last = np.zeros(len(targets), dtype=bool)
        is_last[last] = True
        targets[~is_last] = X.rows
        return inputs, targets

    def most_probable(self, proba):
        """Return the most probable symbols, given the probabilities of each row."""
        return proba.argmax(axis=1)

    def sampler(self, rng, *, temperature, top_k, top_p, exclude):
        """Return a function that draws a symbol from each row of scores."""
        return token_sampler(
            rng,
            temperature=temperature,
            top_k=top_k,
            top_p=top_p,
            excluded=self.check_excluded(exclude),
        )

    def check_excluded(self, exclude):
        """Return the ids of the argument `exclude` as a list."""
        if isinstance(exclude, str) and exclude == "unknown":
            return [] if self.unknown is None else [self.unknown]
        ids = np.asarray(exclude)
        if ids.size == 0:
            return []
        top = self.n_tokens - 1
        is_ids = ids.ndim == 1 and ids.dtype.kind in "iu"
        if not is_ids or ids.min() < 0 or ids.max() > top:
            raise ValueError(
                'exclude must be "unknown" or a sequence of token ids from 0 to '
                f"{top}; got {exclude!r:.200}."
            )
        return ids.tolist()

    def empty(self, n):
        """Return n sequences without steps."""
        return Sequences(np.empty(0, dtype=np.int64), np.zeros(n + 1, dtype=np.int64))

    def sequences(self, rows, offsets):
        """Return new sequences of these symbols."""
        rows = rows.astype(np.int64)
        return Sequences(rows, offsets, n_tokens=self.n_tokens, unknown=self.unknown)


class BinarySteps(TokenSteps):
    """Steps that are rows of 0 and 1; there is no end.

    Parameters
    ----------
    width : int
        The length of a row.
    conditions, dtype
        As in `TokenSteps`.
    """

    head = "sigmoid"
    end = None

    def __init__(self, width, *, conditions, dtype):
        self.width, self.n_outputs = width, width
        self.conditions, self.dtype = conditions, dtype

    def _first_inputs(self, n):
        return np.zeros((n, self.width), dtype=self.dtype)

    def input_rows(self, steps, encoded):
        """Return the rows that the network reads: symbols and encoded conditions."""
        steps = steps.astype(self.dtype, copy=False)
        if encoded is None:
            return steps
        columns, values = self.conditions.columns(encoded, self.dtype)
        beside = np.zeros((len(steps), self.conditions.n_inputs), dtype=self.dtype)
        np.put_along_axis(beside, columns, values, axis=1)
        return np.concatenate([steps, beside], axis=1)

    def shift(self, X, encoded):
        """Return the inputs before each predicted symbol, and these symbols."""
        inputs = self.inputs(X, encoded)
        last = inputs.offsets[1:] - 1
        return Sequences(np.delete(inputs.rows, last, axis=0), X.offsets), X.rows

    def most_probable(self, proba):
        """Return the most probable rows, given the probabilities of each number."""
        return (proba > 0.5).astype(int)

    def sampler(self, rng, *, temperature, top_k, top_p, exclude):
        """Return a function that draws a row of 0 and 1 from each row of scores."""
        if top_k is not None or top_p is not None or not isinstance(exclude, str):
            raise ValueError(
                "top_k, top_p and exclude apply to tokens, and the model was fitted on "
                "rows of 0 and 1: omit them."
            )
        return row_sampler(rng, temperature=temperature)

    def empty(self, n):
        """Return n sequences without steps."""
        rows = np.empty((0, self.width), dtype=self.dtype)
        return Sequences(rows, np.zeros(n + 1, dtype=np.int64))

    def sequences(self, rows, offsets):
        """Return new sequences of these symbols."""
        return Sequences(rows.astype(self.dtype), offsets)
