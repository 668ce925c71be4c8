"""Fits of the estimators beside PyTorch's."""

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
from benchmarks.report import Table
from benchmarks.torch_fits import fit_ragged, fit_stream, ways
from benchmarks.twin import initial_weights
from skrnn import RNNClassifier, RNNLanguageModel, RNNTagger, Sequences

TRIAL = 10  # the part of the data, one in so many, on which ways are tried
CONLL = {
    "embedding_dim": 100,
    "hidden_layer_sizes": 100,
    "batch_size": 32,
    "learning_rate_init": 0.001,
}
SST2 = {
    "embedding_dim": 128,
    "hidden_layer_sizes": 128,
    "bidirectional": False,
    "batch_size": 32,
    "learning_rate_init": 0.001,
}
SHAKESPEARE = {
    "stream": True,
    "bptt": 100,
    "batch_size": 64,
    "hidden_layer_sizes": 256,
    "learning_rate_init": 0.002,
}
PTB = {
    "stream": True,
    "bptt": 20,
    "batch_size": 20,
    "embedding_dim": 200,
    "hidden_layer_sizes": (200, 200),
    "solver": "sgd",
    "momentum": 0.0,
    "learning_rate_init": 20.0,
}


def configure(estimator, n_epochs, max_norm=None, **params):
    """Return an estimator that trains for so many epochs, and clips as it is told."""
    return estimator(
        max_iter=n_epochs, tol=0.0, max_grad_norm=max_norm, random_state=0, **params
    )


def as_tensors(X):
    """Return sequences, or numbers, as PyTorch takes them."""
    if isinstance(X, np.ndarray):
        return torch.from_numpy(X)
    return [torch.from_numpy(np.array(x)) for x in X]


def compare(name, model, data, torch_data, kinds, fit_twin, n_runs, n_threads):
    """Return a line for each kind of ways in which PyTorch can train.

    Parameters
    ----------
    name : str
        What is trained.
    model : estimator
        To be fitted.
    data : list
        What it is fitted to: all, and for trials a part.
    torch_data : list
        The same for PyTorch.
    kinds : list of lists
        The ways, of each kind of which the fastest is compared.
    fit_twin : callable
        Trains PyTorch's twin, ``fit_twin(model, weights, *torch_data, way)``.
    n_runs, n_threads : int
        Of each.
    """
    torch.set_num_threads(n_threads)
    model.set_params(n_jobs=n_threads)
    (everything, part), (torch_everything, torch_part) = data, torch_data
    weights = initial_weights(model.fit(*part))
    tried = {
        way: partial(fit_twin, model, weights, *torch_part, way)
        for ways in kinds
        for way in ways
    }
    best = [fastest({way: tried[way] for way in ways}) for ways in kinds]
    functions = {
        way: partial(fit_twin, model, weights, *torch_everything, way) for way in best
    }
    runs = in_turns({"skrnn": partial(model.fit, *everything), **functions}, n_runs)
    loss = runs["skrnn"][-1].result.loss_curve_[-1]
    return [
        line(
            name,
            n_threads,
            runs["skrnn"],
            runs[way],
            compare_losses(loss, runs[way][-1].result[-1]),
            str(way),
        )
        for way in best
    ]


def compare_ragged(name, model, X, y, *options, sparse=(True, False)):
    """Return the lines of a fit to sequences of many lengths."""
    return compare(
        name,
        model,
        [(X, y), (X[::TRIAL], y[::TRIAL])],
        [tuple(map(as_tensors, pair)) for pair in ((X, y), (X[::TRIAL], y[::TRIAL]))],
        [ways(is_sparse) for is_sparse in sparse],
        fit_ragged,
        *options,
    )


def compare_stream(name, model, X, kinds, *options):
    """Return the lines of a fit to a text."""
    parts = X, first_part(X)
    return compare(
        name,
        model,
        [(part,) for part in parts],
        [(as_text(part),) for part in parts],
        kinds,
        fit_stream,
        *options,
    )


def first_part(X):
    """Return the beginning of a text, in one sequence or in many."""
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
    """Tag CoNLL-2003, with every kind of cell."""
    X, y, *_ = data.conll()
    lines = []
    for cell in ("lstm", "gru", "rnn"):
        model = configure(RNNTagger, 1, cell=cell, **CONLL)
        lines += compare_ragged(f"conll, {cell}", model, X, y, *options)
    text = (
        "Tagger of 14,041 sentences, embeddings of 100, both directions of 100 units, "
        "batches of 32, Adam at 0.001, one epoch."
    )
    return Table("Fit: CoNLL-2003", text, COLUMNS, lines)


def vowels(*options):
    """Classify JapaneseVowels."""
    X, y = data.vowels()
    model = configure(
        RNNClassifier,
        10,
        batch_size=27,
        hidden_layer_sizes=100,
        learning_rate_init=1e-3,
    )
    lines = compare_ragged("vowels", model, X, y, *options, sparse=[False])
    text = (
        "Classifier of 270 series of 7 to 26 rows of 12 numbers, both directions of "
        "100 units, the last output of each, batches of 27, Adam at 0.001, 10 epochs."
    )
    return Table("Fit: JapaneseVowels", text, COLUMNS, lines)


def sst2(*options):
    """Classify the sentences of SST-2."""
    X, y = data.sst2()
    model = configure(RNNClassifier, 2, **SST2)
    lines = compare_ragged("sst2", model, X, y, *options)
    text = (
        "Classifier of 6,920 sentences, embeddings of 128 of 10,000 words, one "
        "direction of 128 units, batches of 32, Adam at 0.001, two epochs."
    )
    return Table("Fit: SST-2", text, COLUMNS, lines)


def ptb(*options):
    """Model the words of the Penn Treebank."""
    X = data.ptb(4_000)
    model = configure(RNNLanguageModel, 1, max_norm=0.25, **PTB)
    lines = compare_stream("ptb", model, X, [["sparse", "dense"]], *options)
    text = (
        f"Language model of the first {len(X.rows) + len(X):,} words, embeddings of "
        "200, two layers of 200 units, 20 streams, 20 steps, 10,000 outputs, plain "
        "gradient descent at 20, gradients clipped to 0.25, one epoch."
    )
    return Table("Fit: Penn Treebank", text, COLUMNS, lines)


def shakespeare(*options):
    """Model the characters of Tiny Shakespeare."""
    X = data.shakespeare(300_000)
    model = configure(RNNLanguageModel, 1, **SHAKESPEARE)
    lines = compare_stream("shakespeare", model, X, [["one-hot"]], *options)
    text = (
        "Language model of the first 300,000 characters, one-hot, one layer of 256 "
        "units, 64 streams, 100 steps, Adam at 0.002, one epoch."
    )
    return Table("Fit: Tiny Shakespeare", text, COLUMNS, lines)
