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
from benchmarks.models import CONLL, PTB, SHAKESPEARE, SST2, configure
from benchmarks.report import Table
from benchmarks.torch_fits import fit_ragged, fit_stream, ways
from benchmarks.twin import initial_weights
from skrnn import RNNClassifier, RNNLanguageModel, RNNTagger, Sequences

# Whether gradients of the embedding are sparse, and batches bucketed by length: each
# learns something else. The first is what skrnn does.
KINDS = [(True, False), (True, True), (False, False), (False, True)]
BY_ID = ["ids, sparse gradients", "ids, dense gradients"]
TRIAL = 10  # the part of the data, one in so many, on which ways are tried


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
        To be fitted; it was fitted to a part, and knows all classes.
    data : list
        What it is fitted to.
    torch_data : list
        The same for PyTorch, and for trials a part.
    kinds : list of lists
        The ways, of each kind of which the fastest is compared.
    fit_twin : callable
        Trains PyTorch's twin, ``fit_twin(model, weights, *torch_data, way)``.
    n_runs, n_threads : int
        Of each.
    """
    torch.set_num_threads(n_threads)
    model.set_params(n_jobs=n_threads)
    torch_everything, torch_part = torch_data
    weights = initial_weights(model)
    tried = {
        way: partial(fit_twin, model, weights, *torch_part, way)
        for ways in kinds
        for way in ways
    }
    best = [fastest({way: tried[way] for way in ways}) for ways in kinds]
    functions = {
        way: partial(fit_twin, model, weights, *torch_everything, way) for way in best
    }
    runs = in_turns({"skrnn": partial(model.fit, *data), **functions}, n_runs)
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


def compare_ragged(name, model, X, y, *options, kinds=KINDS):
    """Return the lines of a fit to sequences of many lengths."""
    classes = np.unique(np.concatenate(y) if isinstance(y, list) else y)
    model.partial_fit(X[::TRIAL], y[::TRIAL], classes=classes)
    return compare(
        name,
        model,
        [X, y],
        [tuple(map(as_tensors, pair)) for pair in ((X, y), (X[::TRIAL], y[::TRIAL]))],
        [ways(*kind) for kind in kinds],
        fit_ragged,
        *options,
    )


def compare_stream(name, model, X, kinds, *options):
    """Return the lines of a fit to a text."""
    parts = X, first_part(X)
    model.fit(parts[1])
    return compare(
        name,
        model,
        [X],
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
        f"Tagger of {len(X):,} different sentences, embeddings of 100, both directions "
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
        "100 units, the last output of each, batches of 27 in a fixed order, "
        "Adam at 0.001, 5 epochs."
    )
    return Table("Fit: JapaneseVowels", text, COLUMNS, lines)


def sst2(*options):
    """Classify the sentences of SST-2."""
    X, y = data.sst2()
    model = configure(RNNClassifier, 2, **SST2)
    lines = compare_ragged("sst2", model, X, y, *options)
    text = (
        f"Classifier of {len(X):,} different sentences, embeddings of 128 of 10,000 "
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
        "200, two layers of 200 units, 20 streams, 20 steps, 10,000 outputs, plain "
        "gradient descent at 20, gradients clipped to 0.25, one epoch."
    )
    return Table("Fit: Penn Treebank", text, COLUMNS, lines)


def shakespeare(*options):
    """Model the characters of Tiny Shakespeare."""
    X = data.shakespeare(300_000)
    model = configure(RNNLanguageModel, 1, **SHAKESPEARE)
    lines = compare_stream("shakespeare", model, X, [["one-hot rows"]], *options)
    text = (
        "Language model of the first 300,000 characters, one-hot, one layer of 256 "
        "units, 64 streams, 100 steps, Adam at 0.002, one epoch."
    )
    return Table("Fit: Tiny Shakespeare", text, COLUMNS, lines)
