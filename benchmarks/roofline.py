"""How much of what the machine can do is used for the arithmetic that is needed."""

import numpy as np
import torch
from threadpoolctl import threadpool_limits

from benchmarks import data
from benchmarks.fits import SHAKESPEARE, configure
from benchmarks.layers import Layer, TorchLayer
from benchmarks.measure import fastest, in_turns
from benchmarks.report import Table
from skrnn import RNNLanguageModel
from skrnn._core.products import product

SIZES = (768, 1536)  # of square matrices
SHAPES = [(64, 100, 256), (20, 35, 640), (128, 50, 512)]
COLUMNS = (
    "workload",
    "threads",
    "GFLOP/s of skrnn",
    "share of the peak",
    "recurrences alone",
    "share of PyTorch",
    "two threads' speed over one's",
)


def best_time(function, n_runs):
    """Return the shortest time of some runs: what the machine does undisturbed."""
    runs = in_turns({"": function}, n_runs, at_least=0.2)[""]
    return min(run.wall for run in runs)


def peak(n_threads, n_runs):
    """Return the highest rate of products of large matrices, and of whom it is."""
    rates = {}
    for n in SIZES:
        a = np.random.default_rng(0).random((n, n), dtype=np.float32)
        t = torch.from_numpy(a)
        functions = {
            "numpy": lambda a=a: np.matmul(a, a),
            "PyTorch": lambda t=t: torch.mm(t, t),
            "skrnn": lambda a=a: product(a, a, n_threads=n_threads),
        }
        with threadpool_limits(n_threads, user_api="blas"):
            for name, function in functions.items():
                rate = 2 * n**3 / best_time(function, n_runs)
                rates[name] = max(rates.get(name, 0), rate)
    return rates


def layer_times(B, T, H, n_threads, n_runs):
    """Return the times of a layer, of its recurrence alone, and of PyTorch's layer."""
    ours = Layer("lstm", B, T, H, n_threads)
    theirs = TorchLayer(ours, "lstm", B, T, H)
    ways = {"default": theirs, "other": theirs.without_onednn}
    functions = (
        ours,
        lambda: ours.recur(ours.z),
        ways[fastest(ways, 1, at_least=0.05)],
    )
    return [best_time(function, n_runs) for function in functions]


def fit_time(X, n_threads, n_runs):
    """Return the time of the fit to Shakespeare."""
    model = configure(RNNLanguageModel, 1, n_jobs=n_threads, **SHAKESPEARE)
    return min(run.wall for run in in_turns({"": lambda: model.fit(X)}, n_runs)[""])


def roofline(n_runs, n_threads):
    """Compare useful arithmetic with the peak."""
    torch.set_num_threads(n_threads)
    rates = peak(n_threads, n_runs)
    top = max(rates.values())
    lines = []
    for B, T, H in SHAPES:
        work = 3 * 2 * B * T * H * 4 * H  # a product forward, two of its size back
        whole, recurrence, theirs = layer_times(B, T, H, n_threads, n_runs)
        others = layer_times(B, T, H, 3 - n_threads, n_runs)[0]
        lines.append(
            (
                f"layer, {B} x {T} x {H}",
                str(n_threads),
                f"{2 * work / whole / 1e9:.1f}",
                f"{2 * work / whole / top:.0%}",
                f"{work / recurrence / top:.0%}",
                f"{2 * work / theirs / top:.0%}",
                f"{(others / whole) ** (1 if n_threads == 2 else -1):.2f}",
            )
        )
    X, H = data.shakespeare(100_000), SHAKESPEARE["hidden_layer_sizes"]
    work = 3 * 2 * len(X.rows) * H * (4 * H + X.n_tokens + 1)
    seconds, others = (fit_time(X, n, n_runs) for n in (n_threads, 3 - n_threads))
    lines.append(
        (
            "fit, shakespeare",
            str(n_threads),
            f"{work / seconds / 1e9:.1f}",
            f"{work / seconds / top:.0%}",
            "",
            "",
            f"{(others / seconds) ** (1 if n_threads == 2 else -1):.2f}",
        )
    )
    lines.append(
        (
            "products of large matrices",
            str(n_threads),
            f"{rates['skrnn'] / 1e9:.1f}",
            f"{rates['skrnn'] / top:.0%}",
            "",
            f"{rates['PyTorch'] / top:.0%}",
            "",
        )
    )
    text = (
        "The peak is the best rate of square products of "
        f"{' and '.join(map(str, SIZES))} by numpy, PyTorch or skrnn, in float32. What "
        "counts as arithmetic are the products of a forward and a backward pass. Here "
        "times are the shortest of the runs."
    )
    return Table("Share of the machine's peak", text, COLUMNS, lines)
