"""Transcription of strings of spoken digits, by CTC.

    python examples/spoken_digits.py [--epochs N] [--lines N] [--waveforms]

reads fsdd/fsdd_logmel26.npz in the folder in SKRNN_DATA, by default ../shared/data
beside the repository: 3,000 recordings of single digits by six speakers, as log-mel
frames. Strings of 3 to 7 digits of one speaker are concatenated from takes 5 to 49 for
training (`--lines` of them), and from takes 0 to 4 for the test. The script prints the
digit error rates of best-path decoding and of prefix search, and some transcripts.
About a minute on one core.

With `--waveforms` it reads fsdd/fsdd_wav_takes_0-14.zip instead, with ten training
takes only, and the pipeline starts from waveforms.
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

STACKED = 3  # frames per step
FRAMES, WAVEFORMS = "fsdd/fsdd_logmel26.npz", "fsdd/fsdd_wav_takes_0-14.zip"


class Recordings(NamedTuple):
    """Recordings of single digits, with digit, speaker and take."""

    sounds: list
    digit: np.ndarray
    speaker: np.ndarray
    take: np.ndarray


def read_frames(path):
    """Return the recordings as log-mel frames."""
    data = np.load(path)
    sounds = np.split(data["X"].astype(np.float32), np.cumsum(data["lengths"])[:-1])
    return Recordings(sounds, data["digit"], data["speaker"], data["take"])


def read_waveforms(path):
    """Return the recordings as waveforms of 8,000 samples per second."""
    with zipfile.ZipFile(path) as archive:
        names = sorted(name for name in archive.namelist() if name.endswith(".wav"))
        sounds = [wavfile.read(io.BytesIO(archive.read(name)))[1] for name in names]
    facts = np.array([re.findall("[a-z]+|[0-9]+", n)[-4:-1] for n in names])
    digit, speaker, take = facts.T
    return Recordings(sounds, digit.astype(int), speaker, take.astype(int))


def make_strings(recordings, takes, n, seed, stacked=1):
    """Return n strings of digits, each of random recordings of one speaker."""
    rng = np.random.default_rng(seed)
    used = np.isin(recordings.take, takes)
    by_speaker = [
        np.flatnonzero(used & (recordings.speaker == speaker))
        for speaker in np.unique(recordings.speaker)
    ]
    X, y = [], []
    for _ in range(n):
        candidates = by_speaker[rng.integers(len(by_speaker))]
        chosen = rng.choice(candidates, size=rng.integers(3, 8))
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
    for title, width in {"best path": 1, "prefix search, width 10": 10}.items():
        transcriber.set_params(beam_width=width)
        predicted = model.predict(X_test)
        print(f"  {title:25}{label_error_rate(y_test, predicted):.4f}")
    print("\nSpoken, and transcribed")
    for true, predicted_i in zip(y_test[:5], predicted, strict=False):
        print(f"  {''.join(map(str, true)):10}{''.join(map(str, predicted_i))}")


if __name__ == "__main__":
    main()
