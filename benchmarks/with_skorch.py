"""Classifiers, and a grid search, compared with skorch.

As in skorch's example of a recurrent classifier, the sequences are padded to one 2-D
array of ids. This module removes columns that are padding in the whole batch, and takes
the output after the last word of each sentence.
"""

import warnings

import numpy as np
import torch
from sklearn.model_selection import GridSearchCV
from skorch import NeuralNetClassifier
from torch import nn

from benchmarks import data
from benchmarks.measure import COLUMNS, compare_losses, in_turns, line
from benchmarks.models import SST2, configure
from benchmarks.report import Table
from skrnn import RNNClassifier

PADDING = 0  # ids in the padded array are higher by one
N_SEARCHED = 1_000  # sentences
UNITS, RATES = (32, 64), (0.0005, 0.001, 0.002, 0.004)


class Module(nn.Module):
    """Embedding, one layer of LSTM, linear output."""

    def __init__(self, n_words, n_units=128):
        super().__init__()
        self.embedding = nn.Embedding(n_words + 1, 128)
        self.rnn = nn.LSTM(128, n_units, batch_first=True)
        self.out = nn.Linear(n_units, 2)
        nn.init.normal_(self.embedding.weight, std=128**-0.5)

    def forward(self, X):
        """Return the scores of both classes."""
        lengths = (X != PADDING).sum(dim=1)
        h = self.rnn(self.embedding(X[:, : lengths.max()]))[0]
        return self.out(h[torch.arange(len(X)), lengths - 1])


def make_net(n_words, n_epochs):
    """Return skorch's estimator."""
    return NeuralNetClassifier(
        Module,
        module__n_words=n_words,
        criterion=nn.CrossEntropyLoss,
        optimizer=torch.optim.Adam,
        optimizer__fused=True,
        lr=0.001,
        max_epochs=n_epochs,
        batch_size=32,
        iterator_train__shuffle=True,
        train_split=None,
        callbacks__print_log=None,
    )


def pad(X):
    """Return sequences of ids as a padded 2-D array."""
    lengths = [len(x) for x in X]
    padded = np.full((len(X), max(lengths)), PADDING)
    for row, x in zip(padded, X, strict=True):
        row[: len(x)] = x + 1
    return padded


def search(model, grid, X, y):
    """Search a grid, two fits at a time."""
    return GridSearchCV(model, grid, cv=3, n_jobs=2, scoring="accuracy").fit(X, y)


def skorch(n_runs, n_threads):
    """Compare a fit, and a search of 8 candidates by 3 folds."""
    torch.set_num_threads(n_threads)
    X, y = data.sst2()
    padded, net = pad(X), make_net(X.n_tokens, n_epochs=2)
    model = configure(RNNClassifier, 2, n_jobs=n_threads, **SST2)
    functions = {
        "skrnn": lambda: model.fit(X, y).loss_curve_[-1],
        "skorch": lambda: net.fit(padded, y).history[-1]["train_loss"],
    }
    runs = in_turns(functions, n_runs)
    check = compare_losses(*(r[-1].result for r in runs.values()))
    lines = [line("sst2, fit", n_threads, *runs.values(), check, "skorch")]
    if n_threads == 1:
        lines.append(_search_line(X[:N_SEARCHED], y[:N_SEARCHED], n_runs))
    text = (
        "Classifier of SST-2, Adam at 0.001, two epochs. Then a grid search on its "
        f"first {N_SEARCHED:,} sentences: 2 layer sizes by 4 learning rates, 3 folds, "
        "two epochs each, two processes of one thread. Adam in skorch also updates "
        "words that are not in a batch."
    )
    return Table("skorch", text, COLUMNS, lines)


def _search_line(X, y, n_runs):
    model, net = configure(RNNClassifier, 2, **SST2), make_net(X.n_tokens, n_epochs=2)
    padded = pad(X)
    ours = {"hidden_layer_sizes": UNITS, "learning_rate_init": RATES}
    theirs = {"module__n_units": UNITS, "lr": RATES}
    functions = {
        "skrnn": lambda: search(model, ours, X, y).best_score_,
        "skorch": lambda: search(net, theirs, padded, y).best_score_,
    }
    warnings.filterwarnings("ignore", "A worker stopped while some jobs")
    runs = in_turns(functions, n_runs, at_least=0.01)  # without the start of processes
    scores = (r[-1].result for r in runs.values())
    check = "best accuracy {:.3f}, {:.3f}".format(*scores)
    return line("grid search", "2 x 1", *runs.values(), check, "skorch")
