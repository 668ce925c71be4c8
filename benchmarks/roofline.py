"""Share of the machine's peak performance that useful arithmetic reaches."""

from typing import NamedTuple

import numpy as np
import torch
from threadpoolctl import threadpool_limits

from benchmarks import data
from benchmarks.layers import Layer, TorchLayer
from benchmarks.measure import fastest, in_turns
from benchmarks.models import SHAKESPEARE, configure
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


class Best(NamedTuple):
    """The shortest time of several runs, the one least disturbed by other load.

    With one thread, shares of the peak are computed from the CPU time.
    """

    wall: float
    share: float  # the time that shares of the peak are computed from


def best(function, n_runs, n_threads):
    """Return the shortest time of several runs of a function."""
    runs = in_turns({"": function}, n_runs, at_least=0.1)[""]
    wall, cpu = (min(run[i] for run in runs) for i in range(2))
    return Best(wall, cpu if n_threads == 1 else wall)


def peak(n_threads, n_runs):
    """Return the highest rate of products of large matrices of each library."""
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
                time = best(function, max(n_runs, 5), n_threads).share
                rate = 2 * n**3 / time
                rates[name] = max(rates.get(name, 0), rate)
    return rates


def layer_functions(B, T, H, n_threads):
    """Return functions that run a layer, its recurrence alone, and PyTorch's layer."""
    ours = Layer("lstm", B, T, H, n_threads)
    theirs = TorchLayer(ours, "lstm", B, T, H)
    setups = {"nn default": theirs, "without oneDNN": theirs.without_onednn}
    setup = fastest(setups, 1, at_least=0.05)
    return ours, lambda: ours.recur(ours.z), setups[setup]


def layer_line(B, T, H, n_threads, n_runs, top):
    """Return the line of a layer."""
    functions = layer_functions(B, T, H, n_threads)
    whole, recurrence, theirs = (best(f, n_runs, n_threads) for f in functions)
    others = best(Layer("lstm", B, T, H, 3 - n_threads), n_runs, 3 - n_threads)
    work = 3 * 2 * B * T * H * 4 * H  # one product forward, two of its size backward
    return (
        f"layer, {B} x {T} x {H}",
        str(n_threads),
        f"{2 * work / whole.share / 1e9:.1f}",
        f"{2 * work / whole.share / top:.0%}",
        f"{work / recurrence.share / top:.0%}",
        f"{2 * work / theirs.share / top:.0%}",
        speed_up(whole, others, n_threads),
    )


def fit_line(n_threads, n_runs, top):
    """Return the line of a fit to Shakespeare."""
    X, H = data.shakespeare(100_000), SHAKESPEARE["hidden_layer_sizes"]
    work = 3 * 2 * len(X.rows) * H * (4 * H + X.n_tokens + 1)

    def best_fit(n_jobs):
        model = configure(RNNLanguageModel, 1, n_jobs=n_jobs, **SHAKESPEARE)
        return best(lambda: model.fit(X), n_runs, n_jobs)

    fit, others = best_fit(n_threads), best_fit(3 - n_threads)
    return (
        "fit, shakespeare",
        str(n_threads),
        f"{work / fit.share / 1e9:.1f}",
        f"{work / fit.share / top:.0%}",
        "",
        "",
        speed_up(fit, others, n_threads),
    )


def speed_up(these, others, n_threads):
    """Return the speed of two threads relative to one."""
    one, two = (these, others) if n_threads == 1 else (others, these)
    return f"{one.wall / two.wall:.2f}"


def roofline(n_runs, n_threads):
    """Compare the rate of useful arithmetic with the peak."""
    torch.set_num_threads(n_threads)
    rates = peak(n_threads, n_runs)
    top = max(rates.values())
    lines = [layer_line(*shape, n_threads, n_runs, top) for shape in SHAPES]
    lines.append(fit_line(n_threads, n_runs, top))
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
        f"{' and '.join(map(str, SIZES))} by numpy, PyTorch or skrnn, in float32. "
        "Useful arithmetic is that of the products of a forward and a backward pass. "
        "Times are the shortest of the runs: CPU time for one thread, wall time for "
        "the comparison of two threads with one."
    )
    return Table("Share of the machine's peak", text, COLUMNS, lines)
