"""Run the benchmarks: ``python -m benchmarks [names] [--write docs/benchmarks.md]``."""

import argparse
import os
import sys
from importlib import import_module
from pathlib import Path

from benchmarks.report import machine, write
from skrnn._core import kernels

WORKLOADS = {
    "conll": "fits",
    "vowels": "fits",
    "sst2": "fits",
    "ptb": "fits",
    "shakespeare": "fits",
    "cmudict": "pronunciation",
    "layers": "layers",
    "predict": "predict",
    "skorch": "with_skorch",
    "scaling": "scaling",
    "roofline": "roofline",
}


def main():
    """Run the requested workloads and print their tables."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="name", help=", ".join(WORKLOADS))
    parser.add_argument("--runs", type=int, default=5, help="number of runs of each")
    parser.add_argument("--threads", type=int, nargs="+", default=[1])
    parser.add_argument("--write", metavar="FILE", help="write a page in Markdown")
    args = parser.parse_args()
    if unknown := set(args.names) - set(WORKLOADS):
        parser.error(f"unknown: {', '.join(unknown)}; known: {', '.join(WORKLOADS)}")
    check_kernels()
    tables = []
    for name in args.names or WORKLOADS:
        workload = getattr(import_module(f"benchmarks.{WORKLOADS[name]}"), name)
        parts = [workload(args.runs, n_threads) for n_threads in args.threads]
        lines = [line for part in parts for line in part.lines]
        tables.append(parts[0]._replace(lines=lines))
        print(tables[-1], flush=True)
    print(machine())
    if args.write:
        write(args.write, tables)


def check_kernels():
    """Exit if skrnn runs by numpy although nobody asked for it."""
    if kernels.in_use() == "numpy" and os.environ.get("SKRNN_KERNELS") != "numpy":
        sys.exit(
            "The compiled kernels are missing: skrnn was imported from "
            f"{Path(kernels.__file__).parents[1]} and runs by numpy. Install it with a "
            "C++ compiler (python -m pip install .), or set SKRNN_KERNELS=numpy to "
            "measure numpy."
        )


if __name__ == "__main__":
    main()
