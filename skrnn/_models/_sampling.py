"""Sampling and beam search of a language model, from prefixes and conditions."""

from numbers import Integral, Real

import numpy as np
from sklearn.utils import check_scalar

from skrnn._core.batching import offsets_of
from skrnn._core.decoding import generate
from skrnn._models._blas import deterministic_arithmetic
from skrnn._sequences import Sequences
from skrnn._validation import as_sequences, check_sequences

MAX_DRAWN = 2**22  # probabilities at a time


class Reader:
    """Reads sequences step by step and scores the step that follows.

    Parameters
    ----------
    network, params : Network, Params
        A fitted language model.
    steps : TokenSteps or BinarySteps
        Builds the inputs.
    """

    def __init__(self, network, params, steps):
        self.network, self.params, self.steps = network, params, steps

    def read(self, X, encoded):
        """Return the scores of the step after each sequence, float64, and the state."""
        inputs = self.steps.inputs(X, encoded)
        with deterministic_arithmetic():
            scores, state = self.network.read(self.params, inputs.rows, inputs.offsets)
        return scores.astype(np.float64), state

    def advance(self, symbols, encoded, state):
        """Read one more symbol of each sequence; return scores and state."""
        rows = self.steps.input_rows(symbols, encoded)
        with deterministic_arithmetic():
            return self.network.read(
                self.params, rows, np.arange(len(symbols) + 1), state
            )

    def hypotheses(self, prefix, encoded):
        """Return the scores after the prefixes and a function `advance`.

        Both are arguments of the searches in `_core.decoding`.
        """
        scores, state = self.read(prefix, encoded)

        def advance(symbols, parents):
            nonlocal state, encoded
            state = [tuple(s[:, parents] for s in layer) for layer in state]
            if encoded is not None:
                encoded = encoded[parents]
            scores, state = self.advance(symbols, encoded, state)
            return scores

        return scores, advance


def draw_sequences(reader, prefix, encoded, draw, max_length):
    """Return the prefixes, each with the symbols drawn after it, as `Sequences`."""
    steps, n = reader.steps, len(prefix)
    parts, at_once = [], max(1, MAX_DRAWN // steps.n_outputs)
    for start in range(0, n, at_once):
        some = slice(start, start + at_once)
        begin = prefix[some]
        scores, advance = reader.hypotheses(
            begin, None if encoded is None else encoded[some]
        )
        symbols, lengths = generate(
            scores,
            advance,
            draw,
            end=steps.end,
            max_steps=max_length - begin.lengths.min(),
        )
        drawn = np.split(symbols, np.cumsum(lengths)[:-1])
        parts += [
            np.concatenate([rows, new])[:max_length]
            for rows, new in zip(begin, drawn, strict=True)
        ]
    offsets = offsets_of([len(part) for part in parts])
    return steps.sequences(np.concatenate(parts), offsets)


def check_prefix(model, steps, prefix, n, max_length):
    """Return the prefixes of n sequences, given none, one or n of them."""
    check_scalar(max_length, "max_length", Integral, min_val=1)
    if prefix is None:
        return steps.empty(n)
    is_of_ids = steps.end is not None
    converted = as_sequences(prefix, name="prefix", allow_empty=True)
    is_one = not isinstance(converted, Sequences)
    if is_one and not (is_of_ids and np.ndim(prefix) == 2):
        prefix = [prefix]
    prefix = check_sequences(
        model,
        prefix,
        reset=False,
        layout="tokens",
        dtype=steps.dtype,
        allow_empty=True,
        binary_rows=True,
        name="prefix",
    )
    if len(prefix) not in (1, n):
        raise ValueError(
            f"prefix holds {len(prefix)} sequences and n_samples is {n}: pass one for "
            "all samples, or one for each."
        )
    if prefix.lengths.max() > max_length:
        i = int(np.argmax(prefix.lengths > max_length))
        raise ValueError(
            f"prefix[{i}] has {prefix.lengths[i]} steps, more than max_length="
            f"{max_length}, which includes it: raise max_length or shorten the prefix."
        )
    return prefix[np.zeros(n, dtype=int)] if len(prefix) == 1 else prefix


def check_sampling(temperature, top_k, top_p):
    """Check the arguments of `sample` that shape the distribution."""
    check_scalar(temperature, "temperature", Real, min_val=0)
    if not np.isfinite(temperature):
        raise ValueError(f"temperature must be finite, got {temperature}.")
    if top_k is not None:
        check_scalar(top_k, "top_k", Integral, min_val=1)
    if top_p is not None:
        check_scalar(top_p, "top_p", Real, min_val=0, max_val=1)
        if not top_p > 0:
            raise ValueError(f"top_p must be in the range (0, 1], got {top_p}.")
