"""LogMelSpectrogram: log-mel energies of waveforms."""

from numbers import Integral, Real

import numpy as np
import scipy  # scipy.signal, slow to import, is loaded on first use
from scipy import sparse

from skrnn._estimator import all_or_nothing
from skrnn._sequences import Sequences, offsets_of
from skrnn._validation import (
    Interval,
    StrOptions,
    check_waveforms,
    fit_context,
    sequence_of_row,
    validate_params,
)
from skrnn.preprocessing._base import SequenceTransformer

# Value of silence and amplitude of full scale in the integer types of wav files.
PCM = {"uint8": (128, 2**7), "int16": (0, 2**15), "int32": (0, 2**31)}
BLOCK = 2**18  # samples in the frames that are computed at once, to fit into a cache


class LogMelSpectrogram(SequenceTransformer):
    r"""Compute the log-mel energies of the frames of waveforms.

    A waveform is cut into overlapping frames, and each frame gives one step: the
    logarithms of the energies in `n_mels` bands that are evenly spaced on the mel
    scale, narrow at low frequencies and wide at high frequencies.

    Parameters
    ----------
    sample_rate : float, default=16_000
        The sample rate of all waveforms, in Hz. Nothing is resampled.
    frame_length : float, default=0.025
        The length of a frame in seconds, rounded to whole samples.
    frame_step : float, default=0.01
        The distance between the starts of two frames in seconds, rounded to whole
        samples; at most `frame_length`.
    n_mels : int, default=26
        The number of bands.
    f_min : float, default=20.0
        The lower edge of the lowest band, in Hz.
    f_max : float, default=None
        The upper edge of the highest band, in Hz; None for half the sample rate.
    preemphasis : float, default=0.97
        The share of the previous sample that is subtracted from each sample, between
        0 and 1. This amplifies high frequencies, which are weak in speech.
    window : str or tuple, default="hamming"
        The window that each frame is multiplied by: an argument of
        :func:`scipy.signal.get_window`, in its symmetric form; "boxcar" for none.
    n_fft : int, default=None
        The number of samples to which a frame is padded with zeros for its spectrum;
        None for the next power of two.
    floor : float, default=1e-10
        The minimum energy: smaller energies are replaced by it.
    dtype : {"float32", "float64"}, default="float32"
        The dtype of the rows. They are computed in float64.

    Attributes
    ----------
    n_features_in_ : int
        The number of samples of each waveform, if `fit` was given a 2-D array.
    feature_names_in_ : ndarray
        The names of the columns, if `fit` was given a frame.

    See Also
    --------
    Delta : Differences of the energies over time.
    Stepwise : Applies a StandardScaler to the frames.
    scipy.signal.ShortTimeFFT : Spectrograms with phases, and their inverse.

    Notes
    -----
    Nothing is learned: `fit` checks the parameters and the waveforms.

    For a waveform x of n samples between -1 and 1, frames of L samples with a stride of
    S samples, and a window w:

    1. pre-emphasis: :math:`y_0 = x_0` and :math:`y_t = x_t - c\,x_{t-1}`;
    2. frames: :math:`1 + \lceil \max(n - L, 0) / S \rceil` of them, so that each sample
       is in one; y is padded with zeros to fill the last one;
    3. power: :math:`p = |\mathrm{rfft}(w \odot y_{kS:kS+L})|^2 / n_\mathrm{fft}`;
    4. bands: triangular filters of height 1, whose corners are evenly spaced on the mel
       scale :math:`2595 \log_{10}(1 + f / 700)`, each from the peak of the band below
       to the peak of the band above; the energy of a band is the sum of p times its
       filter;
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

    __module__ = "skrnn.preprocessing"

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
            :func:`scipy.io.wavfile.read` returns it. Each row of a 2-D array, of shape
            (n, T), is a waveform of T samples. Integers of the types int16, int32 and
            uint8 are scaled to numbers between -1 and 1, like those of wav files; other
            numbers are not scaled.
        y : object, default=None
            Ignored.

        Returns
        -------
        self : object
            The transformer itself.

        Raises
        ------
        ValueError
            If X contains anything but waveforms of one channel, or one with another
            sample rate, or if a parameter is invalid.
        """
        self._make_window()
        self._make_filters()
        with all_or_nothing(self) as fitted:
            check_waveforms(fitted, X, reset=True)
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
        validate_params(self)
        window, filters = self._make_window(), self._make_filters()
        waves = check_waveforms(self, X, reset=False)
        L, S, n_fft = self._sizes()
        beyond = np.array([max(len(wave) - L, 0) for wave in waves])
        offsets = offsets_of(1 + -(-beyond // S))
        rows = np.empty((offsets[-1], self.n_mels), dtype=self.dtype)
        for start in range(0, len(rows), size := max(1, BLOCK // n_fft)):
            stop = min(start + size, len(rows))
            frames = self._cut(waves, offsets, start, stop) * window
            spectrum = scipy.fft.rfft(frames, n_fft)  # shape: (frames, n_fft // 2 + 1)
            power = (spectrum.real**2 + spectrum.imag**2) / n_fft
            # a sparse product: with BLAS, a row would depend on the others in the block
            energy = (filters @ power.T).T
            rows[start:stop] = np.log(np.maximum(energy, self.floor))
        return self._emit(Sequences(rows, offsets))

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.requires_fit = False
        return tags

    def _sizes(self):
        """Return the frame length, the stride and the FFT length, in samples."""
        sizes = []
        for name in ("frame_length", "frame_step"):
            seconds = getattr(self, name)
            sizes.append(round(seconds * self.sample_rate))
            if sizes[-1] < 1:
                raise ValueError(
                    f"{name}={seconds!r} seconds are less than one sample at "
                    f"sample_rate={self.sample_rate!r}: raise {name}, in seconds."
                )
        L, S = sizes
        if S > L:
            raise ValueError(
                f"frame_step={self.frame_step!r} is more than "
                f"frame_length={self.frame_length!r}, and samples between two frames "
                "would be ignored: set frame_step to at most frame_length."
            )
        n_fft = 1 << (L - 1).bit_length() if self.n_fft is None else int(self.n_fft)
        if n_fft < L:
            raise ValueError(
                f"n_fft={n_fft} is less than the {L} samples of a frame: set it to at "
                f"least {L}, or to None for the next power of two."
            )
        return L, S, n_fft

    def _make_window(self):
        """Return the window, shape (L,)."""
        L, _, _ = self._sizes()
        try:
            return scipy.signal.get_window(self.window, L, fftbins=False)
        except (TypeError, ValueError) as error:
            raise ValueError(
                f"window={self.window!r} is not a window of scipy.signal.get_window "
                f'({error}): use one of its windows, such as "hamming".'
            ) from None

    def _make_filters(self):
        """Return the triangular filters, CSR of shape (n_mels, n_fft // 2 + 1)."""
        _, _, n_fft = self._sizes()
        nyquist = self.sample_rate / 2
        f_max = nyquist if self.f_max is None else self.f_max
        if f_max > nyquist:
            raise ValueError(
                f"f_max={f_max!r} is above {nyquist!r} Hz, half of "
                f"sample_rate={self.sample_rate!r}, the highest frequency in the "
                f"waveforms: set it to at most {nyquist!r}, or to None."
            )
        if self.f_min >= f_max:
            raise ValueError(
                f"f_min={self.f_min!r} is not below f_max, {f_max!r} Hz: set a lower "
                "f_min, or a higher f_max or sample_rate."
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
                f"n_mels={self.n_mels} bands are too many for n_fft={n_fft}: the band "
                f"with its peak at {peak[empty[0], 0]:.1f} Hz contains no frequency of "
                f"the spectrum, whose resolution is {self.sample_rate / n_fft:.1f} Hz. "
                "Set a lower n_mels, a higher n_fft, or a higher f_min."
            )
        return filters

    def _cut(self, waves, offsets, start, stop):
        """Return frames `start` to `stop` - 1 of all waveforms, shape (., L)."""
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
        """Write the samples from `first` on, with pre-emphasis, into `out` (zeros)."""
        part = wave[max(first - 1, 0) : first + len(out)]
        zero, scale = PCM.get(part.dtype.name, (0, 1))
        part = (part.astype(np.float64) - zero) / scale
        if first == 0:  # the sample before the first is 0
            part = np.concatenate([[0], part])
        out[: len(part) - 1] = part[1:] - self.preemphasis * part[:-1]
