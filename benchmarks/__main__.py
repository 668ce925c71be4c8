"""Run the benchmarks: ``python -m benchmarks [names] [--write docs/benchmarks.md]``."""

import argparse
from importlib import import_module

from benchmarks.report import machine, write

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
    """Run what is asked for, and print the tables."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="name", help=", ".join(WORKLOADS))
    parser.add_argument("--runs", type=int, default=5, help="of each, in turns")
    parser.add_argument("--threads", type=int, nargs="+", default=[1])
    parser.add_argument("--write", metavar="FILE", help="write a page in Markdown")
    args = parser.parse_args()
    if unknown := set(args.names) - set(WORKLOADS):
        parser.error(f"unknown: {', '.join(unknown)}; known: {', '.join(WORKLOADS)}")
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


if __name__ == "__main__":
    main()
