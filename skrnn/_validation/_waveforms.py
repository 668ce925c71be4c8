"""Validation of waveforms for transformers of audio."""

from numbers import Real

import numpy as np
from sklearn.utils.validation import validate_data

from skrnn._sequences import Sequences
from skrnn._validation._containers import (
    is_sequence,
    refuse_masked,
    refuse_unordered,
    sequence_columns,
)
from skrnn._validation._sequences import (
    check_names,
    refuse_no_sequences,
    refuse_one_sequence,
    refuse_strings,
)

REMEDY = "pass a 1-D array of samples, or a pair (sample_rate, samples)"


def check_waveforms(estimator, X, *, reset):
    """Validate the waveforms that a transformer was given.

    Parameters
    ----------
    estimator : estimator with a parameter `sample_rate`
        Its `n_features_in_` or `feature_names_in_` is set, or compared.
    X : container of n waveforms, or 2-D array of shape (n, T)
        The waveforms, or pairs of a sample rate and a waveform.
    reset : bool
        True in `fit`; False where X must agree with the data seen in `fit`.

    Returns
    -------
    list of n arrays of shape (T_i,)
        The samples, of the type in which they were given, integers not scaled.

    Raises
    ------
    ValueError
        If X is no container of waveforms of one channel.
    """
    refuse_unordered(X, "X")
    refuse_no_sequences(X)
    if isinstance(X, Sequences) or (isinstance(X, np.ndarray) and X.ndim == 3):
        columns = [list(X)]
    else:
        columns = sequence_columns(X)
    if columns is None:
        refuse_strings(estimator, X, "samples", "scipy.io.wavfile.read")
        refuse_one_sequence(X)
        return list(validate_data(estimator, X, reset=reset))
    if len(columns) > 1:
        raise ValueError(
            f"X has {len(columns)} columns of waveforms: pass one column, or a list "
            "with one waveform per sample."
        )
    waves = [
        _check_samples(_without_rate(x, f"X[{i}]", estimator), f"X[{i}]")
        for i, x in enumerate(columns[0])
    ]
    check_names(estimator, X, reset=reset)
    return waves


def _without_rate(cell, name, estimator):
    """Return the samples of a pair, its sample rate checked, or the cell itself."""
    pair = isinstance(cell, tuple) and len(cell) == 2 and is_sequence(cell[1])
    if not (pair and isinstance(cell[0], Real)):
        return cell
    rate, samples = cell
    if rate != estimator.sample_rate:
        raise ValueError(
            f"{name} has the sample rate {rate}, but {type(estimator).__name__} has "
            f"sample_rate={estimator.sample_rate!r}: resample it, with "
            "scipy.signal.resample_poly, or set sample_rate if all waveforms have this "
            "one."
        )
    return samples


def _check_samples(cell, name):
    """Return the samples of one waveform as a 1-D array."""
    if not is_sequence(cell):
        raise ValueError(
            f"{name} is {cell!r:.60}, not a waveform: {REMEDY}, for each sample of X."
        )
    refuse_masked(cell, name)
    try:
        wave = np.asarray(cell)
    except ValueError:  # lists of lists of different lengths
        wave = np.empty(0, dtype=object)
    if wave.dtype.kind not in "fiub":
        raise ValueError(f"{name} is {cell!r:.60}, not a waveform: {REMEDY}.")
    if wave.ndim == 2 and wave.shape[1] == 1:
        wave = wave[:, 0]
    if wave.ndim != 1:
        raise ValueError(
            f"{name} has shape {wave.shape}, which is more than one channel: pass one "
            "of them, or their mean over that axis, of shape (n_samples,)."
        )
    if len(wave) == 0:
        raise ValueError(f"{name} has no samples: remove empty waveforms.")
    if wave.dtype.kind == "f" and not np.isfinite(wave).all():
        step = int(np.argmin(np.isfinite(wave)))
        raise ValueError(
            f"{name} contains NaN or infinity at sample {step}: repair or remove it."
        )
    return wave
