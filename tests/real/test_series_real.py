"""RNNClassifier and RNNRegressor on real series: the figures of docs/results.md.

Settings were chosen by cross-validation on training sets, or on a part of one that was
held out; test sets are used here only.
"""

import numpy as np
import pytest
from common import take
from sklearn.ensemble import VotingRegressor
from sklearn.linear_model import LogisticRegression, RidgeCV
from sklearn.metrics import root_mean_squared_error
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from skrnn import RNNClassifier, RNNRegressor, Stepwise
from skrnn.datasets import load_digit_rows, read_ts

SEEDS = (0, 1, 2)


def flat(X):
    return np.array([np.ravel(x) for x in X])


def summary(X, parts=1):
    """Return the means of the features in each part of a series, and deviations."""
    rows = []
    for x in X:
        x = np.asarray(x, dtype=float)
        means = [part.mean(axis=0) for part in np.array_split(x, parts)]
        rows.append(np.concatenate([*means, x.std(axis=0)]))
    return np.array(rows)


def read_sizes(folder, name, n_train, n_test):
    """Return the two parts of a data set, whose sizes these must be."""
    train, test = (read_ts(folder / f"{name}_{part}.ts") for part in ("TRAIN", "TEST"))
    assert (len(train[0]), len(test[0])) == (n_train, n_test)
    return train, test


def scaled(**params):
    """Return a GRU that pools the steps of standardised series."""
    classifier = RNNClassifier(cell="gru", **params)
    return make_pipeline(Stepwise(StandardScaler()), classifier)


def linear(function, **kw_args):
    """Return a logistic regression on what a function makes of the series."""
    rows, last = FunctionTransformer(function, kw_args=kw_args), LogisticRegression()
    return make_pipeline(rows, StandardScaler(), last.set_params(max_iter=5000))


def nearest_neighbour_accuracy(train, test):
    """Return the accuracy of 1-NN by the Euclidean distance of flattened series."""
    A, B = flat(train[0]), flat(test[0])
    distances = (A**2).sum(axis=1) - 2 * B @ A.T
    return np.mean(train[1][distances.argmin(axis=1)] == test[1])


def majority(train, test):
    labels, counts = np.unique(train[1], return_counts=True)
    return np.mean(test[1] == labels[counts.argmax()])


def mean_over_seeds(model, train, test, **baselines):
    """Fit with every seed; return the mean accuracy, and print it beside others."""
    scores = []
    for seed in SEEDS:
        model[-1].set_params(random_state=seed)
        scores.append(float(model.fit(*train).score(*test)))
    print(f"{np.mean(scores):.4f}", np.round(scores, 4).tolist())
    for name, baseline in {"majority": majority(train, test), **baselines}.items():
        print(f"{baseline:.4f} {name}")
    return np.mean(scores)


@pytest.mark.long
def test_japanese_vowels(data_dir):
    """Speakers from 7 to 29 steps of 12 channels.

    A five-state HMM reaches 0.962 (Kudo et al. 1999), 1-NN with DTW 0.959 (Bagnall et
    al. 2018). Settings come from five-fold cross-validation on the training set, twice:
    there the accuracy is 0.981.
    """
    folder = data_dir / "japanese_vowels"
    train, test = read_sizes(folder, "JapaneseVowels", 270, 370)
    model = scaled(pooling="mean", dropout=(0.4, 0.5), max_iter=80)
    baseline = linear(summary).fit(*train).score(*test)
    score = mean_over_seeds(model, train, test, linear_summary=baseline)
    assert score >= 0.965


@pytest.mark.long
def test_basic_motions(data_dir):
    """Activities from 100 steps of 6 channels of a watch; only 40 series to train on.

    1-NN reaches 0.675 by the Euclidean distance, 1.0 and 0.975 with DTW (Bagnall et
    al. 2018). Settings come from five-fold cross-validation on the training set, twice:
    there the accuracy is 0.988.
    """
    train, test = read_sizes(data_dir / "basic_motions", "BasicMotions", 40, 40)
    size = {"hidden_layer_sizes": 50, "batch_size": 8, "max_iter": 30}
    model = scaled(pooling="mean", dropout=(0.0, 0.3), **size)
    baselines = {
        "linear_summary": linear(summary).fit(*train).score(*test),
        "nearest_neighbour": nearest_neighbour_accuracy(train, test),
    }
    assert mean_over_seeds(model, train, test, **baselines) >= 0.95


def windows(X, width, hop):
    """Make each series one of overlapping windows, several views of each side by side.

    The currents differ by a factor of a million between recordings. So a view is the
    values in a logarithmic scale, or by the deviation of the series, or by that of the
    window; the others are sizes and spectra, in logarithms.
    """
    return [_windows(np.ravel(x).astype(float), width, hop) for x in X]


def _windows(x, width, hop):
    overall = x.std() + 1e-9
    frames = np.lib.stride_tricks.sliding_window_view(x, width)[::hop]
    means = frames.mean(axis=1, keepdims=True)
    deviations = frames.std(axis=1, keepdims=True)
    tapered = frames * np.hanning(width)
    views = [
        np.arcsinh(frames / 1e-3),
        (frames - x.mean()) / overall,
        (frames - means) / (deviations + 0.01 * overall),
        np.log(deviations + 1e-7),
        np.log(np.abs(means) + 1e-7),
        np.sign(means),
        np.log(deviations / overall + 1e-3),
        np.full_like(means, np.log(overall)),
        np.log(np.abs(np.fft.rfft(tapered)) + 1e-6),
        np.log(np.abs(np.fft.rfft(tapered / overall)) + 1e-2),
    ]
    return np.concatenate(views, axis=1)


@pytest.mark.long
def test_plaid(data_dir):
    """Appliances from 100 to 1,344 values of what they draw; no published figure.

    Windows of 40 values, each beginning 20 after the last, are the steps. Settings, the
    views of a window among them, come from three-fold cross-validation on the training
    set: there the accuracy is 0.827.
    """
    train, test = read_sizes(data_dir / "plaid", "PLAID", 537, 537)
    cut = FunctionTransformer(windows, kw_args={"width": 40, "hop": 20})
    rate = {"learning_rate": "exponential", "decay_steps": 15, "max_iter": 50}
    steps = scaled(pooling="max", dropout=(0.4, 0.5), **rate).steps
    model = make_pipeline(cut, *(step for _, step in steps))
    baseline = make_pipeline(cut, linear(summary)).fit(*train).score(*test)
    score = mean_over_seeds(model, train, test, linear_summary_of_windows=baseline)
    assert score > 0.60


DIGIT_SETTINGS = {
    "rows": {"pooling": "max", "dropout": (0.1, 0.4), "max_iter": 50},
    "pixels": {
        "pooling": "mean",
        "hidden_layer_sizes": 64,
        "dropout": (0.0, 0.3),
        "learning_rate_init": 0.01,
        "max_iter": 40,
    },
}


@pytest.mark.long
@pytest.mark.parametrize(("steps", "bar"), [("rows", 0.97), ("pixels", 0.93)])
def test_digits(steps, bar):
    """Images of 8 x 8 pixels, as 8 rows or as 64 pixels; a quarter is the test set.

    Settings come from three-fold cross-validation on the other three quarters, where
    the accuracy by rows is 0.986; for pixels from its first fold, where it is 0.955.
    """
    X, y = load_digit_rows(steps=steps, return_X_y=True)
    params = {"test_size": 0.25, "stratify": y, "random_state": 0}
    X_train, X_test, y_train, y_test = train_test_split(X, y, **params)
    train, test = (X_train, y_train), (X_test, y_test)
    rate = {"learning_rate": "exponential", "decay_steps": 15}
    model = RNNClassifier(cell="gru", **rate, **DIGIT_SETTINGS[steps])
    baselines = {
        "linear": linear(flat).fit(*train).score(*test),
        "nearest_neighbour": nearest_neighbour_accuracy(train, test),
    }
    assert mean_over_seeds(make_pipeline(model), train, test, **baselines) >= bar


@pytest.mark.long
def test_spoken_digits(data_dir):
    """Free Spoken Digit Dataset: takes 0 to 4 are the test set, the others train.

    The steps are the log-mel energies of 13 to 227 frames. Settings were chosen on
    takes 5 to 9 after training on the later ones; none of those 300 is then wrong.
    """
    data = np.load(data_dir / "fsdd" / "fsdd_logmel26.npz")
    recordings = np.split(data["X"].astype(np.float32), np.cumsum(data["lengths"])[:-1])
    is_test = data["take"] < 5
    train, test = (
        (take(recordings, np.flatnonzero(chosen)), data["digit"][chosen])
        for chosen in (~is_test, is_test)
    )
    assert (len(train[0]), len(test[0])) == (2700, 300)
    rate = {"learning_rate": "exponential", "decay_steps": 5, "max_iter": 15}
    model = scaled(pooling="mean", dropout=(0.2, 0.5), **rate)
    baseline = linear(summary, parts=4).fit(*train).score(*test)
    score = mean_over_seeds(model, train, test, linear_quarters=baseline)
    assert score >= 0.985


def log_values(X):
    """Return logarithms: volumes, and counts of cases, are small and huge."""
    return [np.log1p(np.maximum(x, 0)) for x in X]


def changes(X):
    """Return by how much each logarithm has changed since the step before."""
    return [np.diff(x, axis=0, prepend=x[:1]) for x in log_values(X)]


def weeks(X):
    """Make steps of the logarithms of seven days."""
    return [x.reshape(-1, 7) for x in log_values(X)]


SMALL = {"cell": "gru", "hidden_layer_sizes": 16, "bidirectional": False}
SMALL |= {"batch_size": 16, "learning_rate_init": 0.003}


def ten_networks(function, seed, **params):
    """Return a regressor by the mean of ten small networks with seeds of their own."""
    networks = [
        (str(number), RNNRegressor(**SMALL, random_state=number, **params))
        for number in range(10 * seed, 10 * seed + 10)
    ]
    steps = FunctionTransformer(function), Stepwise(StandardScaler())
    return make_pipeline(*steps, VotingRegressor(networks))


def mean_error_over_seeds(function, train, test, **params):
    """Return the mean error of networks, and that of the mean; print more."""

    def error(predicted):
        return float(root_mean_squared_error(test[1], predicted))

    errors, single = [], []
    for seed in SEEDS:
        model = ten_networks(function, seed, **params).fit(*train)
        errors.append(error(model.predict(test[0])))
        X_test = model[:-1].transform(test[0])
        single += [error(one.predict(X_test)) for one in model[-1].estimators_]
    print(f"{np.mean(errors):.5f}", np.round(errors, 5).tolist())
    print(f"{np.mean(single):.5f} one network, from {min(single):.5f}", end=" ")
    print(f"to {max(single):.5f}")
    mean = error(np.full(len(test[1]), train[1].mean()))
    print(f"{mean:.5f} training mean")
    ridge = FunctionTransformer(flat), StandardScaler(), RidgeCV(np.logspace(-2, 5, 15))
    logs = FunctionTransformer(log_values)
    for name, steps in [("Ridge", ridge), ("Ridge of logarithms", (logs, *ridge))]:
        predicted = make_pipeline(*steps).fit(*train).predict(test[0])
        print(f"{error(predicted):.5f} {name}")
    return np.mean(errors), mean


@pytest.mark.long
@pytest.mark.xfail(strict=True, reason="no relation found, by any model, in 74 series")
def test_cardano_sentiment(data_dir):
    """Sentiment from 24 hours of price and volume; no published figure.

    Settings come from five-fold cross-validation on the 74 series of the training set,
    three times: there the error is 0.276, that of the mean 0.279; with other folds the
    difference is half its standard error. Twelve more settings, fixed beforehand, are
    no better than the mean there; neither are Ridge, kernel methods or a random forest
    on summaries. On the test set the error is 0.312, that of the mean and of Ridge
    0.300.
    """
    parts = read_sizes(data_dir / "cardano_sentiment", "CardanoSentiment", 74, 33)
    params = {"pooling": "mean", "dropout": (0.0, 0.5), "max_iter": 15}
    error, of_mean = mean_error_over_seeds(changes, *parts, **params)
    assert error < of_mean


@pytest.mark.long
def test_covid(data_dir):
    """Covid3Month, the rate of deaths from 84 days of cases; no published figure.

    Settings come from five-fold cross-validation on the 140 series of the training set,
    three times: there the error is 0.0400, that of the mean 0.0406.
    """
    parts = read_sizes(data_dir / "covid3month", "Covid3Month", 140, 61)
    params = {"pooling": "last", "dropout": (0.0, 0.3), "max_iter": 20}
    error, of_mean = mean_error_over_seeds(weeks, *parts, **params)
    assert error < of_mean
