"""RNNTranscriber on real sound: the figures of docs/results.md."""

import numpy as np
import pytest

from skrnn.metrics import label_error_rate


@pytest.fixture
def example(load_example):
    return load_example("spoken_digits")


@pytest.mark.long
def test_strings_of_spoken_digits(data_dir, example):
    """Strings of 3 to 7 digits, joined from takes 5 to 49, and 0 to 4 to test on.

    Settings were chosen on strings of takes 5 to 9 after training on the later ones.
    """
    recordings = example.read_frames(data_dir / example.FRAMES)
    options = {"stacked": example.STACKED}
    X, y = example.make_strings(recordings, range(5, 50), 2000, 0, **options)
    X_test, y_test = example.make_strings(recordings, range(5), 500, 1, **options)
    model = example.make_model(20).fit(X, y)
    predicted = model.predict(X_test)
    rate = label_error_rate(y_test, predicted)
    most_frequent = np.bincount(np.concatenate(y)).argmax()
    constant = label_error_rate(y_test, [[most_frequent] * 5] * len(y_test))
    print(f"{rate:.4f} digit error rate, {constant:.4f} of five equal digits")
    assert rate <= 0.03
    assert model.score(X_test, y_test) == 1 - rate
    model[-1].set_params(beam_width=10)
    searched = label_error_rate(y_test, model.predict(X_test))
    print(f"{searched:.4f} by a search")
    assert searched <= rate + 0.002


@pytest.mark.long
def test_strings_of_spoken_digits_from_waveforms(data_dir, example):
    """The same from waveforms, of which there are only the takes 5 to 14."""
    recordings = example.read_waveforms(data_dir / example.WAVEFORMS)
    assert len(recordings.sounds) == 900
    X, y = example.make_strings(recordings, range(5, 15), 2000, 0)
    X_test, y_test = example.make_strings(recordings, range(5), 500, 1)
    model = example.make_model(20, waveforms=True).fit(X, y)
    rate = label_error_rate(y_test, model.predict(X_test))
    print(f"{rate:.4f} digit error rate")
    assert rate <= 0.03
