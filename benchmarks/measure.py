"""Alternating time measurements of skrnn and its rivals, and peak memory."""

import atexit
import functools
import gc
import multiprocessing
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

import cloudpickle  # which comes with joblib

COLUMNS = (
    "workload",
    "threads",
    "skrnn",
    "rival",
    "rival's time / ours",
    "range",
    "by CPU time",
    "result of both",
    "setup of the rival",
)
TOLERANCE = 0.03  # largest relative difference of losses that count as the same


class Timed(NamedTuple):
    """A run: wall time and CPU time in seconds, and the value returned."""

    wall: float
    cpu: float
    result: object


def timed(function, repeat=1):
    """Call a function `repeat` times; return the mean time of a call."""
    gc.collect()
    cpu, wall = time.process_time(), time.perf_counter()
    for _ in range(repeat):
        result = function()
    wall = (time.perf_counter() - wall) / repeat
    cpu = (time.process_time() - cpu) / repeat
    return Timed(wall, cpu, result)


def in_turns(functions, n_runs, at_least=0.0):
    """Run functions alternately; return the list of runs of each, by name.

    "skrnn" runs in one process and its rivals in another, and each process sleeps while
    the other runs: OpenMP's threads keep spinning for a while after a run, and would
    occupy the processors of the other. A short function is repeated until a run takes
    about `at_least` seconds.
    """
    sides = {name: _side(name == "skrnn") for name in functions}
    for name, side in sides.items():
        side.prepare(name, functions[name])
    repeat = dict.fromkeys(functions, 1)
    if at_least:
        for name, side in sides.items():
            side.run(name, 1)
            repeat[name] = max(1, round(at_least / side.run(name, 1).wall))
    runs = {name: [] for name in functions}
    for _ in range(n_runs):
        for name, side in sides.items():
            runs[name].append(side.run(name, repeat[name]))
    return runs


class _Side:
    """A process that runs functions on request."""

    def __init__(self):
        context = multiprocessing.get_context("spawn")
        self.pipe, end = context.Pipe()
        self.process = context.Process(target=_wait, args=(end,))
        self.process.start()
        atexit.register(self.end)

    def prepare(self, name, function):
        """Send a function by value, since it may be a local one."""
        torch = sys.modules.get("torch")  # memory is measured without it
        n_threads = 1 if torch is None else torch.get_num_threads()
        self.ask(name, function, n_threads)

    def run(self, name, repeat):
        """Return the result of `timed` in the process."""
        return self.ask(name, None, repeat)

    def ask(self, *message):
        self.pipe.send_bytes(cloudpickle.dumps(message))
        return cloudpickle.loads(self.pipe.recv_bytes())

    def end(self):
        """Let the process end."""
        self.pipe.close()
        self.process.join()


_side = functools.cache(lambda is_ours: _Side())


def _wait(pipe):
    functions = {}
    while True:
        try:
            name, function, n = cloudpickle.loads(pipe.recv_bytes())
        except EOFError:  # the parent has closed the pipe
            return
        if function is None:
            answer = timed(functions[name], n)
        else:
            answer, functions[name] = None, function
            if "torch" in sys.modules:
                sys.modules["torch"].set_num_threads(n)
        pipe.send_bytes(cloudpickle.dumps(answer))


def fastest(functions, n_runs=3, at_least=0.0):
    """Return the name of the fastest function, by alternating trial runs."""
    if len(functions) == 1:
        return next(iter(functions))
    runs = in_turns(functions, n_runs, at_least)
    return min(runs, key=lambda name: min(run.wall for run in runs[name]))


def line(workload, n_threads, ours, theirs, check, rival):
    """Return the line of a table with the columns `COLUMNS`, from the runs of both."""
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
    """Return both losses as text, with a remark if they differ by more than noise."""
    differ = abs(ours - theirs) > TOLERANCE * abs(theirs)
    remark = ", **not the same**" if differ else ""
    return f"loss {ours:.4f}, {theirs:.4f}{remark}"


def duration(seconds):
    """Format a time with three digits."""
    unit, scale = ("s", 1) if seconds >= 1 else ("ms", 1e3)
    return f"{seconds * scale:#.3g}".rstrip(".") + f" {unit}"


def peak_memory(module, *args):
    """Return the peak memory in MiB of a fresh process of ``python -m module``."""
    command = [sys.executable, "-m", module, *map(str, args)]
    return float(subprocess.check_output(command, text=True).split()[-1])


def print_peak_memory():
    """Print the peak memory of this process in MiB (Linux only)."""
    status = Path("/proc/self/status").read_text()
    print(int(status.split("VmHWM:")[1].split()[0]) / 1024)
