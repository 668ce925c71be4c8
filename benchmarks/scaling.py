"""How time and memory grow with the data and the vocabulary."""

import sys

import numpy as np

from benchmarks import data
from benchmarks.measure import duration, in_turns, peak_memory, print_peak_memory
from benchmarks.report import Table
from skrnn import RNNClassifier, RNNTagger, Sequences

PARTS = (1, 2, 4, 8)  # eighths of the training set
VOCABULARIES = (10_000, 100_000, 1_000_000)
N_SEQUENCES, LENGTH, BATCH, H = 640, 20, 32, 32
COLUMNS = ("what", "threads", "skrnn", "PyTorch")


def scaling(n_runs, n_threads):
    """Measure both."""
    text = (
        "Time of a token in one epoch of the tagger of CoNLL-2003 on one to eight "
        "eighths of its sentences, and the peak memory of fresh processes, imports "
        f"included. Then the time of a step of {BATCH} sequences of {LENGTH} random "
        f"ids of so many, for a classifier of {H} units, with embeddings of {H}, or "
        "one-hot; PyTorch's with sparse gradients."
    )
    lines = [
        *_data_lines(n_runs, n_threads),
        *_memory_lines(n_threads),
        *_vocabulary_lines(n_runs, n_threads),
    ]
    return Table("Growth", text, COLUMNS, lines)


# --- data -----------------------------------------------------------------------------


def _tagger(n_threads):
    from benchmarks.fits import CONLL, configure

    return configure(RNNTagger, 1, n_jobs=n_threads, **CONLL)
