"""LogMelSpectrogram on the recordings of the Free Spoken Digit Dataset."""

import io
import zipfile

import numpy as np
import pytest
from common import take
from numpy.testing import assert_allclose, assert_array_equal
from scipy.io import wavfile
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skrnn import LogMelSpectrogram, RNNClassifier, Stepwise

FRAMES = LogMelSpectrogram(8000, f_min=50)


@pytest.fixture(scope="module")
def digits(data_dir):
    """Return recordings, what is said, the takes, and the stored features."""
    data = np.load(data_dir / "fsdd" / "fsdd_logmel26.npz")
    chosen = np.flatnonzero(data["take"] < 15)
    speakers = data["speaker_names"][data["speaker"]]
    with zipfile.ZipFile(data_dir / "fsdd" / "fsdd_wav_takes_0-14.zip") as archive:
        recordings = []
        for i in chosen:
            name = f"{data['digit'][i]}_{speakers[i]}_{data['take'][i]}"
            file = archive.read(f"recordings/{name}.wav")
            recordings.append(wavfile.read(io.BytesIO(file)))
    stored = np.split(data["X"], np.cumsum(data["lengths"])[:-1])
    labels, takes = data["digit"][chosen], data["take"][chosen]
    return recordings, labels, takes, take(stored, chosen)


def test_features_are_those_of_the_recipe(digits):
    recordings, _, _, stored = digits
    X = FRAMES.fit_transform(recordings)
    assert len(X) == 900
    assert_array_equal(X.lengths, [len(frames) for frames in stored])
    expected = np.concatenate(stored)
    # half of what the last bit of a float16 is worth, and a little
    half = np.spacing(np.abs(expected)).astype(np.float64) / 2
    assert np.all(np.abs(X.rows - expected.astype(np.float64)) <= 1.001 * half)
    other = np.mean(X.rows.astype(np.float16) != expected)
    print(f"{other:.6f} of the numbers are rounded otherwise")
    assert other < 1e-3
    samples = [samples for _, samples in recordings]
    assert_allclose(FRAMES.transform(samples).rows, X.rows, rtol=0, atol=0)


@pytest.mark.long
def test_spoken_digits_from_waveforms(digits):
    """Takes 5 to 14 train, 0 to 4 are the test set.

    Settings are those of test_series_real, where the features come from a file and the
    takes up to 49 train; as there are fewer here, the epochs are twice as many.
    """
    recordings, y, takes, _ = digits
    train, test = (
        (take(recordings, np.flatnonzero(chosen)), y[chosen])
        for chosen in (takes >= 5, takes < 5)
    )
    assert (len(train[0]), len(test[0])) == (600, 300)
    rate = {"learning_rate": "exponential", "decay_steps": 5, "max_iter": 30}
    params = {"pooling": "mean", "cell": "gru", "dropout": (0.2, 0.5), **rate}
    classifier = RNNClassifier(**params, random_state=0)
    model = make_pipeline(FRAMES, Stepwise(StandardScaler()), classifier)
    accuracy = model.fit(*train).score(*test)
    print(f"{accuracy:.4f}")
    assert accuracy >= 0.96
