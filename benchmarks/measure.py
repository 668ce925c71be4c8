"""Times of rivals that take turns, and peak memory."""

import gc
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

COLUMNS = (
    "workload",
    "threads",
    "skrnn",
    "rival",
    "rival's time / ours",
    "lowest to highest",
    "by CPU time",
    "what both have learnt",
    "the rival",
)
TOLERANCE = 0.03  # by which the losses of rivals may differ


class Timed(NamedTuple):
    """A run: seconds by the clock, seconds of the processor, what was returned."""

    wall: float
    cpu: float
    result: object


def timed(function, repeat=1):
    """Call a function; return the time of a call."""
    gc.collect()
    cpu, wall = time.process_time(), time.perf_counter()
    for _ in range(repeat):
        result = function()
    wall = (time.perf_counter() - wall) / repeat
    cpu = (time.process_time() - cpu) / repeat
    return Timed(wall, cpu, result)


def in_turns(functions, n_runs, at_least=0.0):
    """Return by name the runs of each function; they take turns.

    A short function is repeated until a run takes about `at_least` seconds.
    """
    repeat = dict.fromkeys(functions, 1)
    if at_least:
        for name, function in functions.items():
            function()
            repeat[name] = max(1, round(at_least / timed(function).wall))
    runs = {name: [] for name in functions}
    for _ in range(n_runs):
        for name, function in functions.items():
            runs[name].append(timed(function, repeat[name]))
    return runs


def fastest(functions, n_runs=3, at_least=0.0):
    """Return the name of the fastest of some functions, tried in turns."""
    if len(functions) == 1:
        return next(iter(functions))
    runs = in_turns(functions, n_runs, at_least)
    return min(runs, key=lambda name: min(run.wall for run in runs[name]))


def line(workload, n_threads, ours, theirs, check, rival):
    """Return the line of a table with these `COLUMNS`, from the runs of both."""
    pairs = list(zip(ours, theirs, strict=True))
    ratios = [b.wall / a.wall for a, b in pairs]
    cpu = statistics.median(b.cpu / a.cpu for a, b in pairs)
    return (
        workload,
        str(n_threads),
        *(duration(statistics.median(r.wall for r in runs)) for runs in (ours, theirs)),
        f"{statistics.median(ratios):.2f}",
        f"{min(ratios):.2f} to {max(ratios):.2f}",
        f"{cpu:.2f}",
        check,
        rival,
    )


def compare_losses(ours, theirs):
    """Return both losses; say where they differ by more than noise."""
    differ = abs(ours - theirs) > TOLERANCE * abs(theirs)
    remark = ", **not the same**" if differ else ""
    return f"loss {ours:.4f}, {theirs:.4f}{remark}"


def duration(seconds):
    """Write a time with three digits."""
    unit, scale = ("s", 1) if seconds >= 1 else ("ms", 1e3)
    return f"{seconds * scale:#.3g}".rstrip(".") + f" {unit}"


def peak_memory(module, *args):
    """Return the peak memory in MiB of a fresh process, of ``python -m module``."""
    command = [sys.executable, "-m", module, *map(str, args)]
    return float(subprocess.check_output(command, text=True).split()[-1])


def print_peak_memory():
    """Print that of this process (Linux only)."""
    status = Path("/proc/self/status").read_text()
    print(int(status.split("VmHWM:")[1].split()[0]) / 1024)
