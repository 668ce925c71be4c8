"""LogMelSpectrogram and Delta."""

import copy
import pickle
from types import SimpleNamespace

import numpy as np
import pandas as pd
import polars as pl
import pytest
from common import cases
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from scipy.io import wavfile
from scipy.signal import get_window
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skrnn import Delta, LogMelSpectrogram, RNNClassifier, Stepwise
from skrnn.preprocessing import _log_mel

rng = np.random.RandomState(0)
WAVES = [rng.uniform(-1, 1, n) for n in (700, 30, 200, 1234)]
SPOKEN = {"sample_rate": 8000, "f_min": 50}  # as the features of the spoken digits
EXACT = LogMelSpectrogram(**SPOKEN, dtype="float64")


def mel(frequency):
    return 2595 * np.log10(1 + frequency / 700)


RECIPE = {"rate": 8000, "L": 200, "S": 80, "n_fft": 256, "n_mels": 26}
RECIPE |= {"f_min": 50, "f_max": 4000, "window": None, "preemphasis": 0.97}
RECIPE |= {"floor": 1e-10}


def log_mel(x, **changed):
    """Return the frames of one waveform, number by number."""
    p = SimpleNamespace(**(RECIPE | changed))
    L, S, n_fft, n_mels = p.L, p.S, p.n_fft, p.n_mels
    window = np.hamming(L) if p.window is None else p.window
    y = [x[t] - (p.preemphasis * x[t - 1] if t else 0) for t in range(len(x))]
    T = 1
    while (T - 1) * S + L < len(x):
        T += 1
    y += [0.0] * ((T - 1) * S + L - len(y))
    step = (mel(p.f_max) - mel(p.f_min)) / (n_mels + 1)
    mels = [mel(p.f_min) + i * step for i in range(n_mels + 2)]
    corners = [700 * (10 ** (m / 2595) - 1) for m in mels]
    rows = np.empty((T, n_mels))
    for t in range(T):
        frame = [y[t * S + l] * window[l] for l in range(L)] + [0.0] * (n_fft - L)
        power = np.abs(np.fft.fft(frame)) ** 2 / n_fft
        for m in range(n_mels):
            left, peak, right = corners[m : m + 3]
            energy = 0
            for k in range(n_fft // 2 + 1):
                f = k * p.rate / n_fft
                if left < f <= peak:
                    energy += power[k] * (f - left) / (peak - left)
                elif peak < f < right:
                    energy += power[k] * (right - f) / (right - peak)
            rows[t, m] = np.log(max(energy, p.floor))
    return rows


def assert_same(a, b):
    for x, y in zip(a, b, strict=True):
        x, y = (item.toarray() if sparse.issparse(item) else item for item in (x, y))
        assert_array_equal(x, y)


# --- the energies ---------------------------------------------------------------------


@given(st.lists(st.integers(1, 800), min_size=1, max_size=4), st.integers(0, 2**31 - 1))
def test_energies_are_those_of_the_recipe(lengths, seed):
    waves = [np.random.RandomState(seed).uniform(-1, 1, n) for n in lengths]
    for x, frames in zip(waves, EXACT.transform(waves), strict=True):
        assert_allclose(frames, log_mel(x), rtol=1e-9, atol=1e-9)


N_FRAMES = {1: 1, 199: 1, 200: 1, 201: 2, 280: 2, 281: 3, 360: 3, 361: 4}


@pytest.mark.parametrize(("n", "T"), N_FRAMES.items())
def test_every_sample_is_in_a_frame(n, T):
    x = np.zeros(n)
    x[-1] = 1
    (frames,) = EXACT.transform([x])
    assert frames.shape == (T, 26)
    assert_allclose(frames, log_mel(x), rtol=1e-9)
    assert frames[-1].max() > np.log(1e-10)


OF_THE_RECIPE = [{"n_mels": 5}, {"n_mels": 1}, {"f_min": 0}, {"f_max": 3000}]
OF_THE_RECIPE += [{"preemphasis": 0}, {"preemphasis": 1}, {"floor": 0.03}]
OF_THE_RECIPE += [{"n_fft": 200}, {"n_fft": 301}, {"f_max": 4000}]


@cases(
    "params, expected",
    *((params, params) for params in OF_THE_RECIPE),
    ({"frame_length": 0.032}, {"L": 256, "n_fft": 256}),
    ({"frame_length": 0.03201}, {"L": 256, "n_fft": 256}),
    ({"frame_length": 0.0322}, {"L": 258, "n_fft": 512}),
    ({"frame_step": 0.025}, {"S": 200}),
    ({"frame_step": 0.000125}, {"S": 1}),
    ({"window": "boxcar"}, {"window": np.ones(200)}),
    ({"window": "hann"}, {"window": np.hanning(200)}),
    ({"window": ("kaiser", 5)}, {"window": np.kaiser(200, 5)}),
    ({"sample_rate": 11025}, dict(rate=11025, L=276, S=110, n_fft=512, f_max=5512.5)),
)
def test_parameters(params, expected):
    (frames,) = clone(EXACT).set_params(**params).transform([WAVES[0][:450]])
    assert_allclose(frames, log_mel(WAVES[0][:450], **expected), rtol=1e-9, atol=1e-9)


def test_the_window_of_the_recipe():
    assert_allclose(EXACT._make_window(), np.hamming(200), rtol=1e-14)
    assert_allclose(get_window("hamming", 200, fftbins=False), np.hamming(200))


def test_the_floor_and_silence():
    (frames,) = EXACT.transform([np.zeros(300)])
    assert_array_equal(frames, np.full((3, 26), np.log(1e-10)))


def test_a_tone_is_loudest_in_its_band():
    time = np.arange(4000) / 8000
    for frequency in (200, 1000, 3100):
        (frames,) = EXACT.transform([np.sin(2 * np.pi * frequency * time)])
        peaks = np.linspace(mel(50), mel(4000), 28)[1:-1]
        nearest = np.abs(peaks - mel(frequency)).argmin()
        # without the end, where the tone breaks off
        assert np.ptp(frames[1:-2].argmax(axis=1)) == 0
        assert abs(frames[5].argmax() - nearest) <= 1


def test_types():
    double = EXACT.transform(WAVES)
    single = clone(EXACT).set_params(dtype="float32").transform(WAVES)
    assert double.rows.dtype == np.float64
    assert single.rows.dtype == np.float32
    assert_array_equal(single.rows, double.rows.astype(np.float32))
    half = [wave.astype(np.float16) for wave in WAVES]
    exact = EXACT.transform([wave.astype(np.float64) for wave in half])
    assert_same(EXACT.transform(half), exact)
    assert LogMelSpectrogram().transform(WAVES).rows.dtype == np.float32


WAV = [("int16", 0, 2**15), (">i2", 0, 2**15), ("int32", 0, 2**31), ("uint8", 128, 128)]


@pytest.mark.parametrize(("dtype", "zero", "scale"), WAV)
def test_integers_of_wav_files_are_scaled(dtype, zero, scale):
    limits = np.iinfo(dtype)
    low, high = limits.min, int(limits.max)
    waves = [rng.randint(low, high + 1, size=n).astype(dtype) for n in (700, 30)]
    waves[1][:2] = low, high
    expected = EXACT.transform([(x.astype(float) - zero) / scale for x in waves])
    assert_same(EXACT.transform(waves), expected)
    table = np.array([waves[0][:300], waves[0][300:600]], dtype=dtype)
    assert_same(EXACT.transform(table), EXACT.transform(list(table)))
    louder = EXACT.transform([x.astype(float) for x in waves])
    assert (louder.rows > expected.rows).all()


def test_other_integers_are_numbers():
    wave = np.array([3, -1, 4, 1, -5])
    expected = EXACT.transform([wave.astype(float)])
    for integers in (wave.tolist(), wave.astype(np.int64)):
        assert_same(EXACT.transform([integers]), expected)


@pytest.mark.parametrize("block", [1, 256, 257, 1000, 3000])
def test_blocks_do_not_matter(monkeypatch, block):
    expected = EXACT.transform(WAVES)
    monkeypatch.setattr(_log_mel, "BLOCK", block)
    assert_same(EXACT.transform(WAVES), expected)


# --- what is a waveform ---------------------------------------------------------------


@cases(
    "container",
    lambda waves: pl.Series(waves, dtype=pl.Object),
    lambda waves: pl.DataFrame({"x": pl.Series(waves, dtype=pl.Object)}),
    lambda waves: [wave[:, None] for wave in waves],
    lambda waves: [(8000, wave) for wave in waves],
    lambda waves: pd.Series([(8000, wave) for wave in waves]),
    lambda waves: [(8000.0, waves[0]), *waves[1:]],
)
def test_containers_do_not_matter(container):
    X, expected = container(WAVES), EXACT.transform(WAVES)
    assert_same(EXACT.transform(X), expected)
    assert_same(clone(EXACT).fit_transform(X), expected)


def test_tables():
    table = rng.uniform(-1, 1, size=(3, 300))
    expected = EXACT.transform(list(table))
    for X in (table, table.tolist(), pd.DataFrame(table), table[:, :, None]):
        assert_same(EXACT.transform(X), expected)
    fitted = clone(EXACT).fit(table)
    assert fitted.n_features_in_ == 300
    with pytest.raises(ValueError, match="300 features"):
        fitted.transform(table[:, :200])
    assert not hasattr(fitted.fit(WAVES), "n_features_in_")


def test_what_scipy_reads(tmp_path):
    whole = (WAVES[3] * 32767).astype(np.int16)
    waves = [whole, whole[:100]]
    for i, wave in enumerate(waves):
        wavfile.write(tmp_path / f"{i}.wav", 8000, wave)
    X = EXACT.fit_transform([wavfile.read(tmp_path / f"{i}.wav") for i in range(2)])
    assert_same(X, EXACT.transform([wave / 32768 for wave in waves]))


def test_does_not_change_its_input():
    X = [WAVES[0].copy(), (WAVES[1] * 100).astype(np.int16), (8000, WAVES[2].copy())]
    before = copy.deepcopy(X)
    for x in (X[0], X[1], X[2][1]):
        x.setflags(write=False)
    EXACT.fit(X).transform(X)
    assert pickle.dumps(X) == pickle.dumps(before)


@cases(
    "X, message",
    ([WAVES[0], np.zeros(0)], r"X\[1\] has no samples: remove"),
    ([WAVES[0], (8000, [])], r"X\[1\] has no samples: remove"),
    ([WAVES[0], np.zeros((50, 2))], r"X\[1\] has shape \(50, 2\).* one channel"),
    ([WAVES[0], (8000, np.zeros((2, 50)))], r"X\[1\] has shape \(2, 50\)"),
    ([np.zeros((5, 1, 1))], r"X\[0\] has shape \(5, 1, 1\)"),
    (np.zeros((3, 50, 2)), r"X\[0\] has shape \(50, 2\)"),
    ([WAVES[0], np.array([0, 1, np.nan])], r"X\[1\] contains NaN.* at sample 2"),
    ([WAVES[0], np.array([0, -np.inf])], r"X\[1\] contains NaN or inf.* sample 1"),
    (np.array([[0.0, np.nan]]), "NaN"),
    ([(8000, WAVES[0]), (16000, WAVES[1])], r"X\[1\] .*rate 16000, .*=8000: resam"),
    ([WAVES[0], (16000, WAVES[1])], r"X\[1\] has the sample rate 16000"),
    ((8000, WAVES[0]), r"X\[0\] is 8000, not a waveform: .*pair"),
    ([WAVES[0], None], r"X\[1\] is None, not a waveform: pass a 1-D array"),
    ([WAVES[0], "a.wav"], r"X\[1\] is 'a.wav', not a waveform"),
    ([WAVES[0], ["a", "b"]], r"X\[1\] is \['a', 'b'\], not a waveform"),
    ([WAVES[0], [1.0, [2.0]]], r"X\[1\] is \[1.0, \[2.0\]\], not a waveform"),
    ([WAVES[0], WAVES[1] * 1j], r"X\[1\] is array.*not a waveform"),
    ([WAVES[0], sparse.csr_array(np.eye(2))], r"(?s)X\[1\] is .*not a waveform"),
    ([WAVES[0], np.ma.masked_array([1.0, 2.0])], r"X\[1\] is a MaskedArray"),
    (["a.wav", "b.wav"], "X.0. is the string 'a.wav'"),
    ("a.wav", "X is a single string"),
    (WAVES[0], r"pass \[X\]"),
    (WAVES[0].tolist(), r"pass \[X\]"),
    ([], "0 sequences"),
    ({"x": WAVES}, "X is a dict"),
    (pd.DataFrame({"a": WAVES, "b": WAVES}), "X has 2 columns of waveforms"),
    (sparse.csr_array(np.eye(3)), "sparse"),
)
def test_refused(X, message):
    model = clone(EXACT)
    for method in (model.fit, model.transform):
        with pytest.raises(ValueError, match=message):
            method(X)


@cases(
    "params, message",
    ({"f_max": 4001}, r"f_max=4001 is above 4000.0 Hz, half of sample_rate=8000"),
    ({"f_min": 4000}, r"f_min=4000 is not below f_max, 4000.0 Hz"),
    ({"f_min": 300, "f_max": 200}, r"f_min=300 is not below f_max, 200 Hz"),
    ({"frame_length": 5e-5}, "frame_length=5e-05 seconds are less than one sample"),
    ({"frame_step": 5e-5}, "frame_step=5e-05 seconds are less than one sample"),
    ({"frame_step": 0.03}, "frame_step=0.03 is more than frame_length=0.025"),
    ({"n_fft": 199}, "n_fft=199 is less than the 200 samples of a frame"),
    ({"window": "no such"}, "window='no such' is not a window of scipy.signal"),
    ({"window": ("kaiser", "x")}, "window=.'kaiser', 'x'. is not a window"),
    ({"n_mels": 100}, r"n_mels=100 bands are too many for n_fft=256: .* 31.2 Hz"),
)
def test_parameters_that_do_not_fit_together(params, message):
    model = clone(EXACT).set_params(**params)
    for method in (model.fit, model.transform):
        with pytest.raises(ValueError, match=message):
            method(WAVES)


# --- Delta ----------------------------------------------------------------------------


def slopes(x, width):
    """Return the differences of one sequence, number by number."""
    out = np.zeros_like(x)
    for t in range(len(x)):
        for k in range(1, width + 1):
            out[t] += k * (x[min(t + k, len(x) - 1)] - x[max(t - k, 0)])
    return out / (2 * sum(k**2 for k in range(1, width + 1)))


ROWS = [rng.uniform(-1, 1, size=(n, 3)) for n in (7, 1, 2, 30)]


LENGTHS = st.lists(st.integers(1, 12), min_size=1, max_size=5)
SEEDS = st.integers(0, 2**31 - 1)


@given(LENGTHS, st.integers(1, 6), st.integers(1, 3), st.booleans(), SEEDS)
def test_differences(lengths, width, order, append, seed):
    X = [np.random.RandomState(seed).uniform(-1, 1, size=(n, 2)) for n in lengths]
    out = Delta(width, order=order, append=append).fit_transform(X)
    for x, found in zip(X, out, strict=True):
        parts = [x]
        for _ in range(order):
            parts.append(slopes(parts[-1], width))
        expected = np.hstack(parts if append else parts[1:])
        assert_allclose(found, expected, rtol=1e-12, atol=1e-12)


def test_difference_is_the_slope_of_a_line_through_the_steps():
    (x,) = Delta(3, append=False).transform([ROWS[3]])
    for t in range(3, 27):
        line, _ = np.polyfit(np.arange(-3, 4), ROWS[3][t - 3 : t + 4], 1)
        assert_allclose(x[t], line, rtol=1e-10, atol=1e-12)


def test_sparse_rows_have_the_same_differences():
    X = [np.round(x) for x in ROWS]
    out = Delta(order=2).fit_transform(list(map(sparse.csr_array, X)))
    assert out.kind == "sparse"
    assert_same(out, Delta(order=2).fit_transform(X))
    floats = [sparse.csr_array(x.astype(np.float32)) for x in X]
    assert Delta().transform(floats).rows.dtype == np.float32


KEPT = {t: t for t in ("float64", "float32")} | {
    "float16": "float32",
    "int8": "float64",
}


@pytest.mark.parametrize(("dtype", "kept"), KEPT.items())
def test_types_of_differences(dtype, kept):
    X = [(10 * x).astype(dtype) for x in ROWS]
    out = Delta().transform(X)
    assert out.rows.dtype == kept
    assert_same([x[:, :3] for x in out], X)


def test_delta_without_fit_takes_any_width_and_then_one():
    delta = Delta()
    assert delta.transform(ROWS).rows.shape == (40, 6)
    assert delta.transform([[0.5, 1.5]]).rows.shape == (2, 2)
    assert not hasattr(delta, "input_size_")
    delta.fit(ROWS)
    with pytest.raises(ValueError, match="expecting 3 features per step"):
        delta.transform([ROWS[0][:, :2]])


@cases(
    "X, message",
    ([[3, 1, 2]], r"X\[0\] contains the token id 3, and ids have no diff"),
    ([["a", "b"]], r"X\[0\] contains the token 'a'"),
    ([ROWS[0], ROWS[0][:0]], r"X\[1\] has no steps"),
)
def test_delta_refuses(X, message):
    delta = Delta()
    for method in (delta.fit, delta.transform):
        with pytest.raises(ValueError, match=message):
            method(X)


# --- before a network -----------------------------------------------------------------


def tones(n, seed):
    """Return n noisy tones of different lengths, of two pitches, and which it is."""
    random = np.random.RandomState(seed)
    y = np.arange(n) % 2
    waves = []
    for high in y:
        time = np.arange(random.randint(600, 1200)) / 8000
        tone = np.sin(2 * np.pi * (900 if high else 700) * time + random.uniform(0, 6))
        tone += 0.3 * random.standard_normal(len(time))
        waves.append((8000 * random.uniform(0.1, 1) * tone).astype(np.int16))
    return waves, np.array(["low", "high"])[y]


def test_a_network_tells_pitches_apart():
    model = RNNClassifier(hidden_layer_sizes=8, pooling="mean", max_iter=10)
    scaler = Stepwise(StandardScaler())
    model = make_pipeline(LogMelSpectrogram(8000), scaler, Delta(), model)
    model.set_params(rnnclassifier__random_state=0)
    grid = {"logmelspectrogram__n_mels": [1, 20], "delta__append": [False, True]}
    search = GridSearchCV(model, grid, cv=2)
    search.fit(*tones(60, seed=0))
    assert search.best_params_["logmelspectrogram__n_mels"] == 20
    assert search.score(*tones(40, seed=1)) > 0.9
    with_rates = [(8000, wave) for wave in tones(40, seed=1)[0]]
    assert_array_equal(search.predict(with_rates), search.predict(tones(40, 1)[0]))
