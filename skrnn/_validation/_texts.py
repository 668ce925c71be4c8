"""Validation of texts and tokens for transformers."""

import numpy as np
from sklearn.utils.validation import validate_data

from skrnn._sequences import Sequences
from skrnn._validation._containers import as_sequences, only_column, refuse_unordered
from skrnn._validation._labels import first_unhashable
from skrnn._validation._rows import sequence_of_row
from skrnn._validation._sequences import (
    check_names,
    refuse_no_sequences,
    refuse_one_sequence,
    refuse_strings,
)


def check_texts(estimator, X, *, reset):
    """Validate the texts that a transformer was given.

    Parameters
    ----------
    estimator : estimator
        Its `feature_names_in_` is set, or compared, where X is a frame.
    X : list, tuple, 1-D array, Series, (n, 1) array or one-column frame of n str
        The texts.
    reset : bool
        True in `fit`; False where X must agree with the data seen in `fit`.

    Returns
    -------
    list of n str

    Raises
    ------
    ValueError
        If X is a single string, has no texts, several columns or anything but str.
    """
    refuse_unordered(X, "X")
    texts = only_column(X)
    if texts is None:
        raise ValueError(
            f"X is a {type(X).__name__} of shape {getattr(X, 'shape', 'unknown')}: "
            "pass a list, a 1-D array, a Series or a one-column frame of texts."
        )
    if not texts:
        raise ValueError("Found 0 texts in X while a minimum of 1 is required.")
    for i, text in enumerate(texts):
        if not isinstance(text, str):
            raise ValueError(
                f"X[{i}] is {text!r:.60}, of type {type(text).__name__}, not a text: "
                "every sample must be a str; decode bytes, and fill in missing values."
            )
    check_names(estimator, X, reset=reset)
    return texts


def check_tokens(estimator, X, *, reset):
    """Validate the tokens that a transformer was given.

    Parameters
    ----------
    estimator : estimator
        As in `check_sequences`.
    X : what `as_sequences` takes, or a 2-D array of shape (n, T)
        The sequences of tokens; each row of a 2-D array is one. They may be empty.
    reset : bool
        True in `fit`; False where X must agree with the data seen in `fit`.

    Returns
    -------
    Sequences of kind "tokens", or "ids" where all tokens are integers

    Raises
    ------
    ValueError
        If X is no container of sequences of tokens.
    TypeError
        If a token is not hashable.
    """
    refuse_no_sequences(X)
    sequences = as_sequences(X, allow_empty=True, tokens=True)
    if isinstance(sequences, Sequences):
        check_names(estimator, X, reset=reset)
    else:
        refuse_strings(estimator, X, "tokens", "a Tokenizer")
        refuse_one_sequence(X)
        array = validate_data(estimator, X, reset=reset, dtype=None)
        if array.dtype.kind == "f" and (array == np.rint(array)).all():
            array = array.astype(np.int64)  # as frames make floats of integers
        sequences = as_sequences(array.tolist(), tokens=True)
    if sequences.rows.shape[0] == 0:  # the dtype of an empty array is arbitrary
        sequences = Sequences(np.empty(0, dtype=np.int64), sequences.offsets)
    if sequences.kind in ("dense", "sparse"):
        i = int(np.argmax(sequences.lengths > 0))
        raise ValueError(
            f"X[{i}] has {sequences.kind} rows of numbers where "
            f"{type(estimator).__name__} needs tokens: pass strings, integers or "
            "tuples, or pass the numbers directly to an estimator."
        )
    if sequences.kind == "tokens":
        _check_hashable(sequences.rows.tolist(), sequences.offsets)
    return sequences


def _check_hashable(tokens, offsets):
    if (row := first_unhashable(tokens)) is not None:
        i = sequence_of_row(offsets, row)
        raise TypeError(
            f"X[{i}] contains {tokens[row]!r:.60} at step {row - offsets[i]}, which is "
            "not hashable: the argument must be sequences of tokens, each a string, a "
            "number or a tuple of these."
        )
