"""Command line, data files and count-based baselines of the examples on real data."""

import argparse
import os
import sys
from pathlib import Path

import numpy as np

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


def parser(description, epochs):
    """Return the parser of the command line."""
    options = argparse.ArgumentParser(description=description.partition("\n")[0])
    options.add_argument(
        "--epochs", type=int, default=epochs, help=f"default: {epochs}"
    )
    options.add_argument(
        "--lines", type=int, help="lines of a file to read (default: all)"
    )
    return options


def arguments(description, epochs):
    """Return the parsed command line."""
    return parser(description, epochs).parse_args()


def find(name):
    """Return the path of a data set; exit with a message if it is missing."""
    path = Path(os.environ.get("SKRNN_DATA", DATA)) / name
    if not path.exists():
        sys.exit(f"{path} is missing: set SKRNN_DATA to the folder of the data sets.")
    return path


def read_lines(path, n=None):
    """Return the first n lines of a file, or all."""
    return path.read_text("utf-8").split("\n")[:n]


def counted(X_train, X_test, n_tokens, pairs):
    """Return the log-probability of each step of X_test by counts of X_train.

    These are counts of tokens (unigrams), or with `pairs` of pairs of tokens (bigrams);
    the id `n_tokens` is the end token, and also precedes the first token. A tenth is
    added to each count, so that none is zero.
    """
    counts = np.full((n_tokens + 1, n_tokens + 1) if pairs else n_tokens + 1, 0.1)

    def steps(x):
        after = np.append(x, n_tokens)
        return (np.append(n_tokens, x), after) if pairs else after

    for x in X_train:
        np.add.at(counts, steps(x), 1)
    log_proba = np.log(counts / counts.sum(axis=-1, keepdims=True))
    return [log_proba[steps(x)] for x in X_test]
