"""The examples run without a warning; those on real data say where it is missing."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
EXAMPLES = ROOT / "examples"
DATA = Path(os.environ.get("SKRNN_DATA", ROOT.parent / "shared" / "data")).absolute()
REAL = {  # what each example reads, and what makes it short
    "dinosaurs.py": ("names/dinos.txt", "--epochs=2 --lines=300"),
    "pronunciation.py": ("cmudict/cmudict.dict", "--epochs=1 --lines=600 --test"),
    "shakespeare.py": ("tinyshakespeare/input.txt", "--epochs=1 --lines=400"),
    "spoken_digits.py": ("fsdd/fsdd_logmel26.npz", "--epochs=1 --lines=40"),
    "surnames.py": ("names_by_language", "--epochs=2 --lines=60"),
    "translation.py": ("multi30k", "--epochs=1 --lines=100 --plot=attention.png"),
    "words.py": ("tinyshakespeare/input.txt", "--epochs=1 --lines=600"),
}
OTHERS = {"common.py", "demo.py"}  # not an example, and what `make demo` runs


def run(*arguments, folder, **environment):
    """Run Python in a folder, with every warning an error."""
    return subprocess.run(
        [sys.executable, "-W", "error", *arguments],
        cwd=folder,
        env={**os.environ, "MPLBACKEND": "Agg", **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )


@pytest.mark.parametrize("name", sorted(p.name for p in EXAMPLES.glob("plot_*.py")))
def test_example_runs(name, tmp_path):
    result = run(EXAMPLES / name, folder=tmp_path)
    assert result.returncode == 0, result.stderr


def test_every_example_is_run():
    names = {path.name for path in EXAMPLES.glob("*.py")}
    assert {name for name in names if name[:5] != "plot_"} == {*REAL, *OTHERS}


@pytest.mark.parametrize("name", REAL)
def test_example_on_real_data_runs(name, tmp_path):
    data, arguments = REAL[name]
    if not (DATA / data).exists():
        pytest.skip(f"no {DATA / data}: set SKRNN_DATA to the folder of the data sets")
    result = run(
        EXAMPLES / name, *arguments.split(), folder=tmp_path, SKRNN_DATA=str(DATA)
    )
    assert result.returncode == 0, result.stderr
    assert "to learn from" in result.stdout


RUN_ALL = """
import runpy, sys
names, sys.argv = sys.argv[1:], ["example"]
for name in names:
    try:
        runpy.run_path(name, run_name="__main__")
    except SystemExit as error:
        print(error.code)
"""


def test_examples_without_their_data_say_so(tmp_path):
    names = [EXAMPLES / name for name in REAL]
    folders = {"SKRNN_DATA": str(tmp_path), "PYTHONPATH": str(EXAMPLES)}
    result = run("-c", RUN_ALL, *names, folder=tmp_path, **folders)  # imported once
    lines = [line for line in result.stdout.splitlines() if "is missing" in line]
    for line, (data, _) in zip(lines, REAL.values(), strict=True):
        expected = f"{tmp_path / data} is missing: set SKRNN_DATA to the folder"
        assert line.startswith(expected)
