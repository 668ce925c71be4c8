"""Fits of the estimators compared with PyTorch."""

from functools import partial

import numpy as np
import torch

from benchmarks import data
from benchmarks.measure import (
    COLUMNS,
    compare_losses,
    fastest,
    in_turns,
    line,
)
from benchmarks.models import CONLL, PTB, SHAKESPEARE, SST2, configure
from benchmarks.report import Table
from benchmarks.torch_fits import fit_ragged, fit_stream, setups
from benchmarks.twin import initial_weights
from skrnn import RNNClassifier, RNNLanguageModel, RNNTagger, Sequences

# Whether gradients of the embedding are sparse, and batches bucketed by length: each
# trains differently. The first pair corresponds to skrnn.
KINDS = [(True, False), (True, True), (False, False), (False, True)]
BY_ID = ["ids, sparse gradients", "ids, dense gradients"]
TRIAL = 10  # setups are tried on one in so many of the sequences


def as_tensors(X):
    """Return sequences, or an array of targets, as tensors."""
    if isinstance(X, np.ndarray):
        return torch.from_numpy(X)
    return [torch.from_numpy(np.array(x)) for x in X]


def compare(name, model, data, torch_data, groups, fit_twin, n_runs, n_threads):
    """Return a line for each group of PyTorch's training setups.

    Parameters
    ----------
    name : str
        The name of the workload.
    model : estimator
        The estimator to fit; it was fitted to a part, and knows all classes.
    data : list
        The arguments of its `fit`.
    torch_data : list
        The same data for PyTorch, and a part of them for trials.
    groups : list of lists
        Groups of setups; the fastest of each group is compared.
    fit_twin : callable
        Trains PyTorch's twin, ``fit_twin(model, weights, *torch_data, setup)``.
    n_runs, n_threads : int
        The number of runs and of threads.
    """
    torch.set_num_threads(n_threads)
    model.set_params(n_jobs=n_threads)
    torch_everything, torch_part = torch_data
    weights = initial_weights(model)
    trials = {
        setup: partial(fit_twin, model, weights, *torch_part, setup)
        for group in groups
        for setup in group
    }
    best = [fastest({setup: trials[setup] for setup in group}) for group in groups]
    functions = {
        setup: partial(fit_twin, model, weights, *torch_everything, setup)
        for setup in best
    }
    runs = in_turns({"skrnn": partial(model.fit, *data), **functions}, n_runs)
    loss = runs["skrnn"][-1].result.loss_curve_[-1]
    return [
        line(
            name,
            n_threads,
            runs["skrnn"],
            runs[setup],
            compare_losses(loss, runs[setup][-1].result[-1]),
            str(setup),
        )
        for setup in best
    ]


def compare_ragged(name, model, X, y, *options, kinds=KINDS):
    """Return the lines of a fit to sequences of different lengths."""
    classes = np.unique(np.concatenate(y) if isinstance(y, list) else y)
    model.partial_fit(X[::TRIAL], y[::TRIAL], classes=classes)
    return compare(
        name,
        model,
        [X, y],
        [tuple(map(as_tensors, pair)) for pair in ((X, y), (X[::TRIAL], y[::TRIAL]))],
        [setups(*kind) for kind in kinds],
        fit_ragged,
        *options,
    )


def compare_stream(name, model, X, groups, *options):
    """Return the lines of a fit to a text."""
    parts = X, first_part(X)
    model.fit(parts[1])
    return compare(
        name,
        model,
        [X],
        [(as_text(part),) for part in parts],
        groups,
        fit_stream,
        *options,
    )


def first_part(X):
    """Return the first part of a text, in one sequence or in many."""
    if len(X) > 1:
        return X[: len(X) // TRIAL]
    n = len(X.rows) // TRIAL
    return Sequences(X.rows[:n], [0, n], n_tokens=X.n_tokens)


def as_text(X):
    """Return the sequences with the end token before, between and after them."""
    end = np.array([X.n_tokens])
    return torch.from_numpy(
        np.concatenate([end, *(part for x in X for part in (x, end))])
    )


def conll(*options):
    """Tag CoNLL-2003 with three cells."""
    X, y, *_ = data.conll()
    lines = []
    for cell in ("lstm", "gru", "rnn"):
        model = configure(RNNTagger, 1, cell=cell, **CONLL)
        lines += compare_ragged(f"conll, {cell}", model, X, y, *options)
    text = (
        f"Tagger of {len(X):,} distinct sentences, embeddings of 100, both directions "
        "of 100 units, batches of 32, Adam at 0.001, one epoch."
    )
    return Table("Fit: CoNLL-2003", text, COLUMNS, lines)


def vowels(*options):
    """Classify JapaneseVowels."""
    X, y = data.vowels()
    model = configure(
        RNNClassifier,
        5,
        shuffle=False,
        batch_size=27,
        hidden_layer_sizes=100,
        learning_rate_init=1e-3,
    )
    lines = compare_ragged("vowels", model, X, y, *options, kinds=[(None, False)])
    text = (
        "Classifier of 270 series of 7 to 26 rows of 12 numbers, both directions of "
        '100 units, pooling "last", batches of 27 in a fixed order, Adam at 0.001, 5 '
        "epochs."
    )
    return Table("Fit: JapaneseVowels", text, COLUMNS, lines)


def sst2(*options):
    """Classify the sentences of SST-2."""
    X, y = data.sst2()
    model = configure(RNNClassifier, 2, **SST2)
    lines = compare_ragged("sst2", model, X, y, *options)
    text = (
        f"Classifier of {len(X):,} distinct sentences, embeddings of 128 of 10,000 "
        "words, one direction of 128 units, batches of 32, Adam at 0.001, two epochs."
    )
    return Table("Fit: SST-2", text, COLUMNS, lines)


def ptb(*options):
    """Model the words of the Penn Treebank."""
    X = data.ptb(3_000)
    model = configure(RNNLanguageModel, 1, max_norm=0.25, **PTB)
    lines = compare_stream("ptb", model, X, [BY_ID], *options)
    text = (
        f"Language model of the first {len(X.rows) + len(X):,} words, embeddings of "
        "200, two layers of 200 units, 20 parts of the text, updates every 20 steps, "
        "10,000 outputs, SGD without momentum at 20, gradients clipped to 0.25, one "
        "epoch."
    )
    return Table("Fit: Penn Treebank", text, COLUMNS, lines)


def shakespeare(*options):
    """Model the characters of Tiny Shakespeare."""
    X = data.shakespeare(300_000)
    model = configure(RNNLanguageModel, 1, **SHAKESPEARE)
    lines = compare_stream("shakespeare", model, X, [["one-hot rows"]], *options)
    text = (
        "Language model of the first 300,000 characters, one-hot, one layer of 256 "
        "units, 64 parts of the text, updates every 100 steps, Adam at 0.002, one "
        "epoch."
    )
    return Table("Fit: Tiny Shakespeare", text, COLUMNS, lines)
