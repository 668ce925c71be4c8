"""Transformers of sound: waveforms to frames of features, and how frames change.

A waveform of any length becomes a sequence of frames, each a row of log-mel energies::

    waveforms -> LogMelSpectrogram -> Stepwise(StandardScaler()) -> Delta -> rows
"""

import copy
from numbers import Integral, Real

import numpy as np
import scipy  # scipy.signal is only loaded where it is used: that takes a while
from scipy import sparse
from sklearn.utils.validation import validate_data

from skrnn._sequences import Sequences
from skrnn._transformer import SequenceTransformer
from skrnn._validation import (
    Interval,
    StrOptions,
    _check_names,
    _columns,
    _is_sequence,
    _refuse_masked,
    _refuse_no_list,
    _refuse_no_sequences,
    _refuse_one_sequence,
    _refuse_strings,
    check_sequences,
    fit_context,
    output_container,
    sequence_of_row,
)

__all__ = ["Delta", "LogMelSpectrogram"]

# What wav files hold: the value of silence, and how far from it the loudest is.
PCM = {"uint8": (128, 2**7), "int16": (0, 2**15), "int32": (0, 2**31)}
BLOCK = 2**18  # numbers in the frames that are computed at once: they fit into a cache


class LogMelSpectrogram(SequenceTransformer):
    r"""Turn waveforms into sequences of frames of log-mel energies.

    A waveform is cut into frames that overlap, and of each frame comes one step: the
    logarithms of the energies in `n_mels` bands, which are narrow at low frequencies
    and wide at high ones, as hearing is.

    Parameters
    ----------
    sample_rate : float, default=16_000
        The samples a second of all waveforms, in Hz. Nothing is resampled.
    frame_length : float, default=0.025
        The length of a frame in seconds, rounded to whole samples.
    frame_step : float, default=0.01
        How long after the last one a frame begins, in seconds, rounded to whole
        samples; at most `frame_length`.
    n_mels : int, default=26
        The number of bands.
    f_min : float, default=20.0
        Where the lowest band begins, in Hz.
    f_max : float, default=None
        Where the highest band ends, in Hz; None for half the sample rate.
    preemphasis : float, default=0.97
        How much of the last sample is subtracted from each, from 0 for nothing to 1.
        This raises high frequencies, which are weak in speech.
    window : str or tuple, default="hamming"
        What each frame is multiplied by: any window that
        :func:`scipy.signal.get_window` knows, in its symmetric form; "boxcar" for
        nothing.
    n_fft : int, default=None
        To how many samples a frame is extended by zeros before its spectrum is
        computed; None for the next power of two.
    floor : float, default=1e-10
        The least energy: what is below counts as this much.
    dtype : {"float32", "float64"}, default="float32"
        The type of the rows. They are computed in float64.

    Attributes
    ----------
    n_features_in_ : int
        The number of samples of each waveform, if `fit` was given a table.
    feature_names_in_ : ndarray
        The names of the columns, if `fit` was given a frame.

    See Also
    --------
    Delta : How the energies change from frame to frame.
    Stepwise : Applies a StandardScaler to the frames.
    scipy.signal.ShortTimeFFT : Spectrograms with phases, and the way back.

    Notes
    -----
    Nothing is learned: `fit` checks the parameters and the waveforms.

    For a waveform x of n samples between -1 and 1, frames of L samples, S samples
    apart, and a window w:

    1. pre-emphasis: :math:`y_0 = x_0` and :math:`y_t = x_t - c\,x_{t-1}`;
    2. frames: :math:`1 + \lceil \max(n - L, 0) / S \rceil` of them, so that each sample
       is in one; y is extended by zeros to fill the last one;
    3. power: :math:`p = |\mathrm{rfft}(w \odot y_{kS:kS+L})|^2 / n_\mathrm{fft}`;
    4. bands: triangles of height 1, whose corners are evenly spaced on the mel scale
       :math:`2595 \log_{10}(1 + f / 700)`, each beginning and ending at the peaks of
       its neighbours; the energy of a band is the sum of p, times its triangle;
    5. the natural logarithm of the energy, or of `floor` if that is larger.

    References
    ----------
    S. B. Davis and P. Mermelstein (1980). Comparison of parametric representations for
    monosyllabic word recognition in continuously spoken sentences. IEEE Transactions
    on Acoustics, Speech, and Signal Processing 28, 357-366.

    Examples
    --------
    >>> import numpy as np
    >>> from skrnn import LogMelSpectrogram
    >>> time = np.arange(8000) / 8000
    >>> low, high = np.sin(2 * np.pi * 300 * time), np.sin(2 * np.pi * 3000 * time)
    >>> X = LogMelSpectrogram(8000, n_mels=10).fit_transform([low, high[:2000]])
    >>> X
    <2 Sequences, 123 steps, dense rows of 10 features>
    >>> [int(frames.mean(axis=0).argmax()) for frames in X]  # the loudest band
    [1, 9]
    """

    __module__ = "skrnn.preprocessing"  # where files and documentation look for it

    _default_name = "frames"
    _parameter_constraints: dict = {
        "sample_rate": [Interval(Real, 0, None, closed="neither")],
        "frame_length": [Interval(Real, 0, None, closed="neither")],
        "frame_step": [Interval(Real, 0, None, closed="neither")],
        "n_mels": [Interval(Integral, 1, None, closed="left")],
        "f_min": [Interval(Real, 0, None, closed="left")],
        "f_max": [Interval(Real, 0, None, closed="neither"), None],
        "preemphasis": [Interval(Real, 0, 1, closed="both")],
        "window": [str, tuple],
        "n_fft": [Interval(Integral, 1, None, closed="left"), None],
        "floor": [Interval(Real, 0, None, closed="neither")],
        "dtype": [StrOptions({"float32", "float64"})],
    }

    def __init__(
        self,
        sample_rate=16_000,
        *,
        frame_length=0.025,
        frame_step=0.01,
        n_mels=26,
        f_min=20.0,
        f_max=None,
        preemphasis=0.97,
        window="hamming",
        n_fft=None,
        floor=1e-10,
        dtype="float32",
    ):
        self.sample_rate = sample_rate
        self.frame_length = frame_length
        self.frame_step = frame_step
        self.n_mels = n_mels
        self.f_min = f_min
        self.f_max = f_max
        self.preemphasis = preemphasis
        self.window = window
        self.n_fft = n_fft
        self.floor = floor
        self.dtype = dtype

    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None):
        """Check the parameters and the waveforms.

        Parameters
        ----------
        X : container of n waveforms
            A list, object array, Series, one-column frame or `Sequences`; each waveform
            is a 1-D array, or a pair ``(sample_rate, samples)``, as
            :func:`scipy.io.wavfile.read` returns it. Each row of a table, an array of
            shape (n, T), is a waveform of T samples. Integers of the types int16, int32
            and uint8 are scaled as those of wav files, to numbers between -1 and 1; all
            other numbers are taken as they are.
        y : object, default=None
            Ignored.

        Returns
        -------
        self : object
            The transformer itself.

        Raises
        ------
        ValueError
            If X contains anything but waveforms of one channel, or one of another
            sample rate, or if a parameter is not as it should be.
        """
        self._make_window()
        self._make_filters()
        fitted = copy.copy(self)  # this transformer is changed only when all is done
        _check_waveforms(fitted, X, reset=True)
        self.__dict__ = fitted.__dict__
        return self

    def transform(self, X):
        """Compute the log-mel energies.

        Parameters
        ----------
        X : as in `fit`
            The waveforms.

        Returns
        -------
        Sequences of kind "dense", shape (n, 1)
            One row of `n_mels` features for each frame.

        Raises
        ------
        ValueError
            As for `fit`.
        """
        self._validate_params()
        window, filters = self._make_window(), self._make_filters()
        waves = _check_waveforms(self, X, reset=False)
        L, S, n_fft = self._sizes()
        beyond = np.array([max(len(wave) - L, 0) for wave in waves])
        offsets = np.concatenate([[0], np.cumsum(1 + -(-beyond // S))])
        rows = np.empty((offsets[-1], self.n_mels), dtype=self.dtype)
        for start in range(0, len(rows), size := max(1, BLOCK // n_fft)):
            stop = min(start + size, len(rows))
            frames = self._cut(waves, offsets, start, stop) * window
            spectrum = scipy.fft.rfft(frames, n_fft)  # shape: (frames, n_fft // 2 + 1)
            power = (spectrum.real**2 + spectrum.imag**2) / n_fft
            # a sparse product, as that of BLAS depends on what else is in the block
            energy = (filters @ power.T).T
            rows[start:stop] = np.log(np.maximum(energy, self.floor))
        return output_container(self, Sequences(rows, offsets))

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.requires_fit = False
        return tags

    def _sizes(self):
        """Return the numbers of samples of a frame, a step and a spectrum."""
        sizes = []
        for name in ("frame_length", "frame_step"):
            seconds = getattr(self, name)
            sizes.append(round(seconds * self.sample_rate))
            if sizes[-1] < 1:
                raise ValueError(
                    f"{name}={seconds!r} seconds are less than one sample at "
                    f"sample_rate={self.sample_rate!r}: give more, in seconds."
                )
        L, S = sizes
        if S > L:
            raise ValueError(
                f"frame_step={self.frame_step!r} is more than "
                f"frame_length={self.frame_length!r}: there would be samples in no "
                "frame; pass at most as much."
            )
        n_fft = 1 << (L - 1).bit_length() if self.n_fft is None else int(self.n_fft)
        if n_fft < L:
            raise ValueError(
                f"n_fft={n_fft} is less than the {L} samples of a frame: pass at least "
                "as many, or None for the next power of two."
            )
        return L, S, n_fft

    def _make_window(self):
        """Return the window, shape (L,)."""
        L, _, _ = self._sizes()
        try:
            return scipy.signal.get_window(self.window, L, fftbins=False)
        except (TypeError, ValueError) as error:
            raise ValueError(
                f"window={self.window!r} is none that scipy.signal.get_window knows: "
                f"{error}"
            ) from None

    def _make_filters(self):
        """Return the triangles, CSR of shape (n_mels, n_fft // 2 + 1)."""
        _, _, n_fft = self._sizes()
        nyquist = self.sample_rate / 2
        f_max = nyquist if self.f_max is None else self.f_max
        if f_max > nyquist:
            raise ValueError(
                f"f_max={f_max!r} is above {nyquist!r} Hz, half of "
                f"sample_rate={self.sample_rate!r}: there is nothing to hear; pass "
                "less, or None for this frequency."
            )
        if self.f_min >= f_max:
            raise ValueError(
                f"f_min={self.f_min!r} is not below f_max, {f_max!r} Hz: there would "
                "be nothing between them."
            )
        lowest, highest = 2595 * np.log10(1 + np.array([self.f_min, f_max]) / 700)
        mels = np.linspace(lowest, highest, self.n_mels + 2)
        corners = 700 * (10 ** (mels / 2595) - 1)
        begin, peak, end = (corners[i : i + self.n_mels, None] for i in range(3))
        bins = np.arange(n_fft // 2 + 1) * self.sample_rate / n_fft
        rising, falling = (bins - begin) / (peak - begin), (end - bins) / (end - peak)
        filters = sparse.csr_array(np.maximum(np.minimum(rising, falling), 0))
        empty = np.flatnonzero(np.diff(filters.indptr) == 0)
        if len(empty):
            raise ValueError(
                f"n_mels={self.n_mels} bands are too many for n_fft={n_fft}: the one "
                f"with the peak at {peak[empty[0], 0]:.1f} Hz has no frequency of the "
                f"spectrum in it, which are {self.sample_rate / n_fft:.1f} Hz apart. "
                "Set a lower n_mels, a higher n_fft, or a higher f_min."
            )
        return filters

    def _cut(self, waves, offsets, start, stop):
        """Return the frames from `start` to `stop` of all waveforms, shape (., L)."""
        L, S, _ = self._sizes()
        frames = np.empty((stop - start, L))
        i, done = sequence_of_row(offsets, start), start
        while done < stop:
            n = min(stop, offsets[i + 1]) - done
            first = (done - offsets[i]) * S
            samples = np.zeros((n - 1) * S + L)
            self._emphasize(waves[i], first, samples)
            shape, strides = (n, L), (S * samples.itemsize, samples.itemsize)
            cut = np.lib.stride_tricks.as_strided(samples, shape, strides)
            frames[done - start : done - start + n] = cut
            i, done = i + 1, done + n
        return frames

    def _emphasize(self, wave, first, out):
        """Put the samples of a waveform from `first` on into `out`, which is zero."""
        part = wave[max(first - 1, 0) : first + len(out)]
        zero, scale = PCM.get(part.dtype.name, (0, 1))
        part = (part.astype(np.float64) - zero) / scale
        if first == 0:  # there is silence before
            part = np.concatenate([[0], part])
        out[: len(part) - 1] = part[1:] - self.preemphasis * part[:-1]


def _check_waveforms(estimator, X, *, reset):
    """Validate waveforms.

    Parameters
    ----------
    estimator : LogMelSpectrogram
        For its sample rate, and to keep `n_features_in_` and `feature_names_in_`.
    X : container of n waveforms, or table of shape (n, T)
        The waveforms, or pairs of a sample rate and a waveform.
    reset : bool
        True in `fit`; False where X must agree with what `fit` saw.

    Returns
    -------
    list of n arrays of shape (T_i,)
        The samples as they came, integers not scaled.

    Raises
    ------
    ValueError
        If X is not a set of waveforms.
    """
    _refuse_no_list(X, "X")
    _refuse_no_sequences(X)
    if isinstance(X, Sequences) or (isinstance(X, np.ndarray) and X.ndim == 3):
        columns = [list(X)]
    else:
        columns = _columns(X)
    if columns is None:
        _refuse_strings(estimator, X, "samples", "scipy.io.wavfile.read")
        _refuse_one_sequence(X)
        waves = list(validate_data(estimator, X, reset=reset))
    elif len(columns) > 1:
        raise ValueError(
            f"X has {len(columns)} columns of waveforms: pass one of them, or one row "
            "a waveform."
        )
    else:
        waves = [_samples(x, f"X[{i}]", estimator) for i, x in enumerate(columns[0])]
        _check_names(estimator, X, reset=reset)
    return waves


def _samples(cell, name, estimator):
    """Return the samples of one waveform."""
    remedy = "pass a 1-D array of samples, or a pair (sample_rate, samples)"
    pair = isinstance(cell, tuple) and len(cell) == 2 and _is_sequence(cell[1])
    if pair and isinstance(cell[0], Real):
        rate, cell = cell
        if rate != estimator.sample_rate:
            raise ValueError(
                f"{name} has the sample rate {rate} where {type(estimator).__name__} "
                f"was told sample_rate={estimator.sample_rate!r}: resample it, with "
                "scipy.signal.resample_poly, or set sample_rate if all are of this one."
            )
    if not _is_sequence(cell):
        raise ValueError(
            f"{name} is {cell!r:.60}, not a waveform: {remedy}, for each sample of X."
        )
    _refuse_masked(cell, name)
    try:
        wave = np.asarray(cell)
    except ValueError:  # lists of lists of different lengths
        wave = np.empty(0, dtype=object)
    if wave.dtype.kind not in "fiub":
        raise ValueError(f"{name} is {cell!r:.60}, not a waveform: {remedy}.")
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


class Delta(SequenceTransformer):
    r"""Add to each step how its features change over time.

    Parameters
    ----------
    width : int, default=2
        How many steps on each side count.
    order : int, default=1
        How often the difference is taken: 1 for the slopes, 2 for these and how they
        change in turn, and so on.
    append : bool, default=True
        Whether the features themselves come first; otherwise there are only their
        differences.

    Attributes
    ----------
    input_kind_ : {"dense", "sparse"}
        What the rows were in `fit`.
    input_size_ : int
        The number of features a step in `fit`.
    n_features_in_ : int
        The number of steps of each series, if `fit` was given a table.
    feature_names_in_ : ndarray
        The names of the columns, if `fit` was given a frame.

    See Also
    --------
    LogMelSpectrogram : Frames of a waveform.

    Notes
    -----
    Nothing is learned, and `transform` can do without `fit`. The difference at step t
    is the slope of the line through the steps from t - W to t + W, for a `width` of W:

    .. math:: d_t = \frac{\sum_{k=1}^W k\,(x_{t+k} - x_{t-k})}{2 \sum_{k=1}^W k^2}

    Beyond the ends of a sequence its first or its last step is repeated. Differences
    of order two are those of the differences.

    References
    ----------
    S. Furui (1986). Speaker-independent isolated word recognition using dynamic
    features of speech spectrum. IEEE Transactions on Acoustics, Speech, and Signal
    Processing 34, 52-59.

    Examples
    --------
    >>> import numpy as np
    >>> from skrnn import Delta
    >>> X = [np.array([[0.0], [1.0], [4.0], [9.0]]), np.array([[5.0]])]
    >>> Delta(width=1).fit_transform(X)[0]
    array([[0. , 0.5],
           [1. , 2. ],
           [4. , 4. ],
           [9. , 2.5]])
    """

    __module__ = "skrnn.preprocessing"

    _default_name = "sequences"
    _parameter_constraints: dict = {
        "width": [Interval(Integral, 1, None, closed="left")],
        "order": [Interval(Integral, 1, None, closed="left")],
        "append": ["boolean"],
    }

    def __init__(self, width=2, *, order=1, append=True):
        self.width = width
        self.order = order
        self.append = append

    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None):
        """Check the parameters and the sequences.

        Parameters
        ----------
        X : container of n sequences
            A list, object array, Series, one-column frame, 3-D array or `Sequences`;
            each sequence is an array of shape (T_i, d), a sparse matrix of this shape,
            or a 1-D array of floats.
        y : object, default=None
            Ignored.

        Returns
        -------
        self : object
            The transformer itself.

        Raises
        ------
        ValueError
            If X contains anything but sequences of numbers.
        """
        fitted = copy.copy(self)  # this transformer is changed only when all is done
        X = fitted._check_rows(X, reset=True)
        fitted.input_kind_, fitted.input_size_ = X.kind, X.rows.shape[1]
        self.__dict__ = fitted.__dict__
        return self

    def transform(self, X):
        """Compute the differences.

        Parameters
        ----------
        X : as in `fit`
            The sequences.

        Returns
        -------
        Sequences of kind "dense" or "sparse", shape (n, 1)
            As many steps as before; with `append` the features, then the differences
            of the first order, then those of the next.

        Raises
        ------
        ValueError
            If X contains anything but sequences of numbers, or, after `fit`, of
            another number of features a step.
        """
        self._validate_params()
        is_fitted = hasattr(self, "input_size_")
        checked = self if is_fitted else copy.copy(self)
        X = checked._check_rows(X, reset=not is_fitted)
        rows = X.rows.astype(np.result_type(X.rows.dtype, np.float32), copy=False)
        parts = [rows]
        for _ in range(self.order):
            parts.append(self._differences(parts[-1], X.offsets))
        parts = parts if self.append else parts[1:]
        if X.kind == "sparse":
            rows = sparse.hstack(parts, format="csr")
        else:
            rows = np.hstack(parts)
        return output_container(self, Sequences(rows, X.offsets))

    def _differences(self, rows, offsets):
        lengths = np.diff(offsets)
        first = np.repeat(offsets[:-1], lengths)
        last = np.repeat(offsets[1:] - 1, lengths)
        steps = np.arange(len(last))
        squares = sum(k * k for k in range(1, self.width + 1))
        slopes = 0
        for k in range(1, self.width + 1):
            after = rows[np.minimum(steps + k, last)]
            before = rows[np.maximum(steps - k, first)]
            slopes = slopes + (after - before) * (k / (2 * squares))
        return slopes

    def _check_rows(self, X, *, reset):
        X = check_sequences(self, X, reset=reset, dtype=None)
        if X.kind == "ids":
            raise ValueError(
                f"X[0] contains the token id {X.rows[0]}, and ids have no differences: "
                "pass arrays of floats, or put a SequenceOneHotEncoder before Delta."
            )
        return X

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.requires_fit = False
        tags.input_tags.three_d_array = True
        return tags
