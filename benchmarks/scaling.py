"""Growth of time and memory with the data and the vocabulary.

``python -m benchmarks.scaling skrnn 8`` fits to eight eighths of the data and prints
the peak memory of its process; with 0 it only imports.
"""

import sys
from copy import copy
from functools import partial

import numpy as np

from benchmarks import data
from benchmarks.measure import duration, in_turns, peak_memory, print_peak_memory
from benchmarks.models import CONLL, configure
from benchmarks.report import Table
from skrnn import RNNClassifier, RNNTagger
from skrnn._core import make_network
from skrnn._core.batching import Data, Independent
from skrnn._core.optimizers import Adam, Optimizer
from skrnn._core.training import train_epoch

PARTS = (1, 2, 4, 8)  # eighths of the training set
VOCABULARIES = (10_000, 100_000, 1_000_000)
N_BATCHES, BATCH, LENGTH, H = 100, 32, 20, 32
COLUMNS = ("what", "threads", "skrnn", "PyTorch")


def scaling(n_runs, n_threads):
    """Measure time and memory."""
    import torch

    torch.set_num_threads(n_threads)
    text = (
        "Time per token in one epoch of the tagger of CoNLL-2003 on one to eight "
        "eighths of its sentences, and the peak memory of fresh processes, first of "
        "the imports alone. Then the time of an update by the size of the vocabulary: "
        f"{BATCH} sequences of {LENGTH} random ids, a classifier of {H} units in both "
        f"directions, with embeddings of {H}, or one-hot. PyTorch's batches are "
        "packed, its gradients of embeddings sparse."
    )
    lines = [
        *_data_lines(n_runs, n_threads),
        *_memory_lines(n_threads),
        *_vocabulary_lines(n_runs, n_threads),
    ]
    return Table("Growth", text, COLUMNS, lines)


def _fits(model, X, y):
    """Return a function for each library that fits its model."""
    from benchmarks.fits import as_tensors
    from benchmarks.torch_fits import Setup, fit_ragged
    from benchmarks.twin import initial_weights

    known, weights = copy(model), initial_weights(model)  # with all classes
    setup = Setup(padded=False, bucketed=False, sparse=True)
    theirs = partial(fit_ragged, known, weights, as_tensors(X), as_tensors(y), setup)
    return {"skrnn": partial(model.fit, X, y), "torch": theirs}


def _shortest(functions, n_runs):
    """Return the shortest time of each function."""
    runs = in_turns(functions, n_runs)
    return [min(run.wall for run in timed) for timed in runs.values()]


# --- data -----------------------------------------------------------------------------


def _part(eighths):
    """Return a tagger that knows all classes, and its training data."""
    X, y, *_ = data.conll()
    n = len(X) * eighths // 8
    model = configure(RNNTagger, 1, **CONLL)
    model.partial_fit(X[:100], y[:100], classes=np.unique(np.concatenate(y)))
    return model, X[:n], y[:n]


def _data_lines(n_runs, n_threads):
    lines = []
    for part in PARTS:
        model, X, y = _part(part)
        model.set_params(n_jobs=n_threads)
        times = _shortest(_fits(model, X, y), n_runs)
        microseconds = [
            f"{1e6 * time / len(X.rows):.1f} µs per token" for time in times
        ]
        lines.append((f"data, {part}/8", str(n_threads), *microseconds))
    return lines


def _memory_lines(n_threads):
    if n_threads > 1:
        return
    for part in (0, PARTS[0], PARTS[-1]):
        memory = (
            peak_memory("benchmarks.scaling", name, part) for name in ("skrnn", "torch")
        )
        name = f"peak memory, {part}/8" if part else "peak memory, imports"
        yield name, str(n_threads), *(f"{mib:.0f} MiB" for mib in memory)


def _fit_alone(name, part):
    """Fit the model of one library, in the process whose memory is measured."""
    if name == "torch":
        import benchmarks.fits  # noqa: F401
    if not part:
        return
    model, X, y = _part(part)
    if name == "skrnn":
        model.fit(X, y)
    else:
        _fits(model, X, y)["torch"]()


# --- vocabulary -----------------------------------------------------------------------


def _vocabulary_lines(n_runs, n_threads):
    for embedding_dim in (H, None):
        for V in VOCABULARIES:
            functions = _epochs(V, embedding_dim, n_threads)
            for epoch in functions.values():  # allocates the memory
                epoch()
            times = [duration(t / N_BATCHES) for t in _shortest(functions, n_runs)]
            kind = "one-hot" if embedding_dim is None else "embeddings"
            yield f"{kind}, {V:,}", str(n_threads), *times, *[""] * (2 - len(times))


def _epochs(V, embedding_dim, n_threads):
    """Return a function for each library that trains for an epoch."""
    rng = np.random.default_rng(0)
    n = N_BATCHES * BATCH
    ids, y = rng.integers(V, size=n * LENGTH), rng.integers(2, size=n)
    architecture = _architecture(V, embedding_dim)
    network = make_network(architecture, n_threads)
    params = network.params()
    for weights in (params.flat, params.table):
        weights[...] = 0.01
    data = Data(
        rows=ids,
        offsets=np.arange(n + 1) * LENGTH,
        targets=y[:, None].astype(np.float32),
        weights=np.ones(n, dtype=np.float32),
        term_offsets=np.arange(n + 1),
    )
    functions = {
        "skrnn": partial(
            train_epoch,
            network,
            params,
            Optimizer(Adam(), params),
            data,
            np.arange(n),
            Independent(BATCH, shuffle=True),
            lr=0.001,
            alpha=0.0,
            max_norm=None,
            rng=np.random.RandomState(0),
            shuffle=True,
        )
    }
    if embedding_dim is not None:
        functions["torch"] = _torch_epoch(architecture, params.to_dict(), ids, y)
    return functions


def _torch_epoch(architecture, weights, ids, y):
    import torch

    from benchmarks import torch_fits
    from benchmarks.twin import Twin

    twin = Twin(architecture, weights, sparse=True)
    optimizers = torch_fits.make_optimizers(twin, "adam", 0.001)
    X = list(torch.from_numpy(ids).view(-1, LENGTH))
    lengths, rng = np.full(len(y), LENGTH), np.random.default_rng(0)
    y = torch.from_numpy(y)

    def epoch():
        parts = torch_fits.batches(lengths, BATCH, False, rng)
        torch_fits.train_epoch(twin, optimizers, X, y, parts, padded=False)

    return epoch


def _architecture(V, embedding_dim):
    """Return the architecture of a classifier of two classes."""
    small = configure(
        RNNClassifier, 1, hidden_layer_sizes=H, embedding_dim=embedding_dim
    )
    return small.fit([[0], [1]], [0, 1])._architecture | {"input_size": V}


if __name__ == "__main__":
    _fit_alone(sys.argv[1], int(sys.argv[2]))
    print_peak_memory()
