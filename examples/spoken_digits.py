"""Strings of spoken digits, written down without knowing where each of them is.

    python examples/spoken_digits.py [--epochs N] [--lines N] [--waveforms]

reads fsdd/fsdd_logmel26.npz in the folder that SKRNN_DATA names, by default
../shared/data beside the repository: 3,000 recordings of single digits by six speakers,
as log-mel frames. Strings of 3 to 7 digits of one speaker are joined from the takes 5
to 49, `--lines` of them, to learn from, and from the takes 0 to 4 to test on. It prints
the digit error rate of the most probable path and of a search, and some strings with
what is written for them. About a minute on one core.

With `--waveforms` it reads fsdd/fsdd_wav_takes_0-14.zip instead, so that there are only
ten takes to learn from, and the pipeline begins with the waveforms.
"""

import io
import re
import zipfile
from typing import NamedTuple

import numpy as np
from common import find, parser
from scipy.io import wavfile
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skrnn import LogMelSpectrogram, RNNTranscriber, Stepwise
from skrnn.metrics import label_error_rate

STACKED = 3  # frames that are one step
FRAMES, WAVEFORMS = "fsdd/fsdd_logmel26.npz", "fsdd/fsdd_wav_takes_0-14.zip"


class Recordings(NamedTuple):
    """Single digits, and who spoke them for the how many-th time."""

    sounds: list
    digit: np.ndarray
    speaker: np.ndarray
    take: np.ndarray


def read_frames(path):
    """Return the recordings as steps of some log-mel frames."""
    data = np.load(path)
    sounds = np.split(data["X"].astype(np.float32), np.cumsum(data["lengths"])[:-1])
    return Recordings(sounds, data["digit"], data["speaker"], data["take"])


def read_waveforms(path):
    """Return the recordings as waveforms of 8,000 samples a second."""
    with zipfile.ZipFile(path) as archive:
        names = sorted(name for name in archive.namelist() if name.endswith(".wav"))
        sounds = [wavfile.read(io.BytesIO(archive.read(name)))[1] for name in names]
    facts = np.array([re.findall("[a-z]+|[0-9]+", n)[-4:-1] for n in names])
    digit, speaker, take = facts.T
    return Recordings(sounds, digit.astype(int), speaker, take.astype(int))


def make_strings(recordings, takes, n, seed, stacked=1):
    """Return n strings of digits, joined from random recordings of one speaker each."""
    rng = np.random.default_rng(seed)
    used = np.isin(recordings.take, takes)
    by_speaker = [
        np.flatnonzero(used & (recordings.speaker == speaker))
        for speaker in np.unique(recordings.speaker)
    ]
    X, y = [], []
    for _ in range(n):
        own = by_speaker[rng.integers(len(by_speaker))]
        chosen = rng.choice(own, size=rng.integers(3, 8))
        sound = np.concatenate([recordings.sounds[i] for i in chosen])
        if stacked > 1:
            T = len(sound) // stacked
            sound = sound[: T * stacked].reshape(T, -1)
        X.append(sound)
        y.append(recordings.digit[chosen].tolist())
    return X, y


def make_model(epochs, waveforms=False):
    """Return a pipeline from steps, or from waveforms, to digits."""
    to_steps = [LogMelSpectrogram(8000, frame_length=0.04, frame_step=0.03)]
    return make_pipeline(
        *(to_steps if waveforms else []),
        Stepwise(StandardScaler()),
        RNNTranscriber(
            cell="gru",
            hidden_layer_sizes=(64, 64),
            dropout=(0.2, 0.5),
            learning_rate="exponential",
            decay_start=epochs // 2,
            decay_steps=max(1, epochs // 8),
            max_iter=epochs,
            random_state=0,
        ),
    )


def main():
    """Train and test."""
    options = parser(__doc__, epochs=20)
    options.add_argument("--waveforms", action="store_true", help="read waveforms")
    options = options.parse_args()
    n = options.lines or 2000
    if options.waveforms:
        recordings, stacked = read_waveforms(find(WAVEFORMS)), 1
    else:
        recordings, stacked = read_frames(find(FRAMES)), STACKED
    X_train, y_train = make_strings(recordings, range(5, 50), n, 0, stacked)
    X_test, y_test = make_strings(recordings, range(5), max(10, n // 4), 1, stacked)
    print(f"{n} strings to learn from, {len(X_test)} to test on.")
    model = make_model(options.epochs, options.waveforms).fit(X_train, y_train)

    print("\nDigit error rate")
    transcriber = model[-1]
    for title, width in {"most probable path": 1, "search, ten wide": 10}.items():
        transcriber.set_params(beam_width=width)
        predicted = model.predict(X_test)
        print(f"  {title:22}{label_error_rate(y_test, predicted):.4f}")
    print("\nSpoken, and written")
    for true, found in zip(y_test[:5], predicted, strict=False):
        print(f"  {''.join(map(str, true)):10}{''.join(map(str, found))}")


if __name__ == "__main__":
    main()
