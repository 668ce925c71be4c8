"""What the examples on real data share: their arguments, the data, and counts."""

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
        "--lines", type=int, help="lines of a file to read; all if not"
    )
    return options


def arguments(description, epochs):
    """Return the arguments of the command line."""
    return parser(description, epochs).parse_args()


def find(name):
    """Return the path of a data set, or say that it is missing and stop."""
    path = Path(os.environ.get("SKRNN_DATA", DATA)) / name
    if not path.exists():
        sys.exit(f"{path} is missing: set SKRNN_DATA to the folder of the data sets.")
    return path


def read_lines(path, n=None):
    """Return the first n lines of a file, or all."""
    return path.read_text("utf-8").split("\n")[:n]


def counted(X_train, X_test, n_tokens, pairs):
    """Return what counts give as log-probabilities of the steps of each sequence.

    They are counts of tokens, or with `pairs` of tokens after the one before; the
    number `n_tokens` stands for the end, and for what is before the first token. To
    each count a tenth is added, so that none is zero.
    """
    counts = np.full((n_tokens + 1, n_tokens + 1) if pairs else n_tokens + 1, 0.1)

    def steps(x):
        after = np.append(x, n_tokens)
        return (np.append(n_tokens, x), after) if pairs else after

    for x in X_train:
        np.add.at(counts, steps(x), 1)
    log_proba = np.log(counts / counts.sum(axis=-1, keepdims=True))
    return [log_proba[steps(x)] for x in X_test]
