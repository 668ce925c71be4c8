"""Strings of spoken digits, written down without knowing where each of them is.

    python examples/spoken_digits.py [--epochs N] [--lines N]

reads fsdd/fsdd_logmel26.npz in the folder that SKRNN_DATA names, by default
../shared/data beside the repository: 3,000 recordings of single digits by six speakers,
as log-mel frames. Strings of 3 to 7 digits of one speaker are joined from the takes 5
to 49, `--lines` of them, to learn from, and from the takes 0 to 4 to test on. It prints
the digit error rate of the most probable path and of a search, and some strings with
what is written for them. About a minute on one core.
"""

import numpy as np
from common import arguments, find
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skrnn import RNNTranscriber, Stepwise
from skrnn.metrics import label_error_rate

STACKED = 3  # frames that are one step


def make_strings(data, takes, n, seed):
    """Return n strings of digits, joined from random recordings of one speaker each."""
    rng = np.random.default_rng(seed)
    recordings = np.split(data["X"].astype(np.float32), np.cumsum(data["lengths"])[:-1])
    used = np.isin(data["take"], takes)
    by_speaker = [
        np.flatnonzero(used & (data["speaker"] == speaker))
        for speaker in range(len(data["speaker_names"]))
    ]
    X, y = [], []
    for _ in range(n):
        own = by_speaker[rng.integers(len(by_speaker))]
        chosen = rng.choice(own, size=rng.integers(3, 8))
        frames = np.concatenate([recordings[i] for i in chosen])
        T = len(frames) // STACKED
        X.append(frames[: T * STACKED].reshape(T, -1))
        y.append(data["digit"][chosen].tolist())
    return X, y


def make_model(epochs):
    """Return a pipeline from frames to digits."""
    return make_pipeline(
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
    options = arguments(__doc__, epochs=20)
    data = np.load(find("fsdd/fsdd_logmel26.npz"))
    n = options.lines or 2000
    X_train, y_train = make_strings(data, range(5, 50), n, seed=0)
    X_test, y_test = make_strings(data, range(5), max(10, n // 4), seed=1)
    print(
        f"{n} strings to learn from, {len(X_test)} to test on; "
        f"{sum(map(len, X_train)) / sum(map(len, y_train)):.1f} steps a digit."
    )
    model = make_model(options.epochs).fit(X_train, y_train)

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
