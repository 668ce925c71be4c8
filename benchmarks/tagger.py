"""Training a tagger on CoNLL-2003 beside PyTorch: speed, loss and peak memory.

``python -m benchmarks.tagger`` needs PyTorch and the data (SKRNN_DATA). Both train the
same bidirectional LSTM (embedding and hidden size 100, batches of 32 sentences, Adam at
0.001, one thread, float32) from the same weights on the same sentences, in turns.
PyTorch packs its batches; it runs with a dense Adam and, as its documentation proposes
for embeddings, with a sparse one beside it, and the faster counts.
"""

import argparse
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from skrnn import RNNTagger, VocabularyEncoder
from skrnn.datasets import read_conll

E, H, BATCH, RATE = 100, 100, 32, 1e-3
DATA = Path(os.environ.get("SKRNN_DATA", Path(__file__).parents[1] / "../shared/data"))


def load():
    """Return the training sentences as ids and their labels as numbers."""
    X, y = read_conll(DATA / "conll2003" / "eng.train")
    labels = {label: k for k, label in enumerate(sorted({t for s in y for t in s}))}
    X = VocabularyEncoder(max_tokens=10_000).fit_transform(X)
    return X, [np.array([labels[t] for t in s]) for s in y], len(labels)


def make_skrnn():
    """Return our estimator."""
    return RNNTagger(
        embedding_dim=E,
        hidden_layer_sizes=H,
        batch_size=BATCH,
        learning_rate_init=RATE,
        max_grad_norm=None,
        max_iter=1,
        random_state=0,
    )


def fit_skrnn(X, y, n_labels, n_epochs):
    """Train; return the mean loss of each epoch."""
    return make_skrnn().set_params(max_iter=n_epochs, tol=0.0).fit(X, y).loss_curve_


def fit_torch(X, y, n_labels, n_epochs, sparse):
    """Train PyTorch's twin; return the mean loss of each epoch."""
    import torch
    from torch import nn
    from torch.nn.utils.rnn import PackedSequence, pack_sequence

    torch.set_num_threads(1)
    torch.manual_seed(0)
    embedding = nn.Embedding(X.n_tokens, E, sparse=sparse)
    lstm, out = nn.LSTM(E, H, bidirectional=True), nn.Linear(2 * H, n_labels)
    nn.init.uniform_(embedding.weight, -(E**-0.5) * 3**0.5, E**-0.5 * 3**0.5)
    for name, p in lstm.named_parameters():
        if "weight_hh" in name:
            for gate in p.data.chunk(4):
                nn.init.orthogonal_(gate)
        elif "weight_ih" in name:
            nn.init.uniform_(p, -((6 / (E + H)) ** 0.5), (6 / (E + H)) ** 0.5)
        else:
            nn.init.zeros_(p)
            if "bias_ih" in name:
                p.data[H : 2 * H] = 1
    rest = [*lstm.parameters(), *out.parameters()]
    if sparse:
        optimizers = [
            torch.optim.SparseAdam(list(embedding.parameters()), lr=RATE),
            torch.optim.Adam(rest, lr=RATE),
        ]
    else:
        optimizers = [torch.optim.Adam([embedding.weight, *rest], lr=RATE)]
    X = [torch.from_numpy(np.array(ids)) for ids in X]
    y = [torch.from_numpy(labels) for labels in y]
    rng, losses = np.random.default_rng(0), []
    for _ in range(n_epochs):
        order, total = rng.permutation(len(X)), 0.0
        for start in range(0, len(X), BATCH):
            index = sorted(order[start : start + BATCH], key=lambda i: -len(X[i]))
            ids = pack_sequence([X[i] for i in index])
            labels = pack_sequence([y[i] for i in index]).data
            embedded = PackedSequence(embedding(ids.data), ids.batch_sizes)
            scores = out(lstm(embedded)[0].data)
            loss = nn.functional.cross_entropy(scores, labels)
            for optimizer in optimizers:
                optimizer.zero_grad()
            loss.backward()
            for optimizer in optimizers:
                optimizer.step()
            total += loss.item() * len(labels)
        losses.append(total / sum(map(len, y)))
    return losses


FITS = {
    "skrnn": fit_skrnn,
    "torch": lambda *args: fit_torch(*args, sparse=False),
    "torch-sparse": lambda *args: fit_torch(*args, sparse=True),
}


def peak_memory(name, n_epochs):
    """Return the peak memory in MiB of a fresh process that trains (Linux only)."""
    command = [sys.executable, "-m", "benchmarks.tagger", "--memory-of", name]
    command += ["--epochs", str(n_epochs)]
    return float(subprocess.check_output(command, text=True))


def main():
    """Run everything and print a table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--epochs", type=int, default=1, help="epochs of each run")
    parser.add_argument("--runs", type=int, default=3, help="runs of each, in turns")
    parser.add_argument("--memory-of", choices=FITS, help=argparse.SUPPRESS)
    args = parser.parse_args()
    data = load()
    if args.memory_of:
        FITS[args.memory_of](*data, args.epochs)
        status = Path("/proc/self/status").read_text()
        print(int(status.split("VmHWM:")[1].split()[0]) / 1024)
        return
    seconds, losses = {name: [] for name in FITS}, {}
    for _ in range(args.runs):
        for name, fit in FITS.items():
            start = time.perf_counter()
            losses[name] = fit(*data, args.epochs)
            seconds[name].append(time.perf_counter() - start)
    steps = args.epochs * len(data[0].rows)
    print(f"{'':14}{'tokens/s':>10}{'last loss':>11}{'peak MiB':>10}")
    for name in FITS:
        speed = steps / statistics.median(seconds[name])
        memory = peak_memory(name, args.epochs)
        print(f"{name:14}{speed:10.0f}{losses[name][-1]:11.4f}{memory:10.0f}")
    rival = [
        min(t) for t in zip(*map(seconds.get, ("torch", "torch-sparse")), strict=True)
    ]
    ratios = sorted(t / s for t, s in zip(rival, seconds["skrnn"], strict=True))
    print(f"PyTorch's time / ours: {statistics.median(ratios):.2f} ", end="")
    print(f"({ratios[0]:.2f} to {ratios[-1]:.2f})")


if __name__ == "__main__":
    main()
