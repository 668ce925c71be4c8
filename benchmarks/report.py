"""Tables of results, and the page of the docs that contains them."""

import os
import platform
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

from skrnn._core import kernels

INTRODUCTION = """\
# Benchmarks

This page was written by `python -m benchmarks --write docs/benchmarks.md`.

skrnn and its rivals train the same network, in float32, from the same initial weights,
on the same sequences, with the same batch size, number of epochs and optimiser; they
run alternately, each in its own process. A time is the median of the runs, a ratio the
median of the ratios of pairs of runs: above 1, skrnn is faster. Ratios by CPU time are
less sensitive to other load on the machine. PyTorch runs with its fastest exact setup,
found by trial: batches packed, or padded where that is exact. Bucketed batches, of
sequences of similar length, and dense gradients of embeddings, with which Adam also
updates words that are not in a batch, train differently from skrnn, and have separate
lines. Losses are means over the last epoch; "not the same" marks those that differ by
more than 3 %.
"""


class Table(NamedTuple):
    """The results of a workload."""

    title: str
    text: str
    columns: tuple
    lines: list

    def __str__(self):
        """Return the table in Markdown, its columns aligned."""
        rows = [self.columns, *self.lines]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        rows.insert(1, ["-" * width for width in widths])
        padded = (
            [cell.ljust(width) for cell, width in zip(row, widths, strict=True)]
            for row in rows
        )
        table = "\n".join(f"| {' | '.join(cells)} |" for cells in padded)
        return f"## {self.title}\n\n{self.text}\n\n{table}\n"


def machine():
    """Return a paragraph with the machine, its load, and versions."""
    packages = "numpy", "scipy", "scikit-learn", "skrnn", "torch", "skorch"
    versions = ", ".join(f"{name} {version(name)}" for name in packages)
    return (
        f"{processor()}, {os.cpu_count()} cores, {platform.system()}; Python "
        f"{platform.python_version()}, {versions}. Instruction set of skrnn's kernels: "
        f"{kernels.in_use()}. Load average at the end: {os.getloadavg()[0]:.1f}."
    )


def processor():
    """Return the name of the processor."""
    try:
        information = Path("/proc/cpuinfo").read_text()
        return information.split("model name\t: ")[1].split("\n")[0]
    except (OSError, IndexError):
        return platform.processor()


def write(path, tables):
    """Write a page of tables."""
    parts = [INTRODUCTION, machine() + "\n", *map(str, tables)]
    Path(path).write_text("\n".join(parts), encoding="utf-8")
