"""The benchmarks do not measure numpy unasked."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
# The finder of an editable installation would find the package elsewhere.
START = """
import sys
sys.meta_path = [f for f in sys.meta_path if "_editable" not in type(f).__module__]
"""


@pytest.fixture(scope="module")
def source_tree(tmp_path_factory):
    """Return a copy of the sources, without a compiled module."""
    folder = tmp_path_factory.mktemp("sources")
    ignore = shutil.ignore_patterns("*.so", "*.pyd", "__pycache__")
    for name in ("skrnn", "benchmarks"):
        shutil.copytree(ROOT / name, folder / name, ignore=ignore)
    return folder


def run(code, folder, **changed):
    environment = {k: v for k, v in os.environ.items() if k != "SKRNN_KERNELS"}
    return subprocess.run(
        [sys.executable, "-c", START + code],
        cwd=folder,
        env={**environment, **changed},
        capture_output=True,
        text=True,
    )


def test_benchmarks_stop_without_the_compiled_module(source_tree):
    code = """
import runpy
sys.argv[1:] = ["layers", "--write", "page.md"]
runpy.run_module("benchmarks", run_name="__main__")
"""
    result = run(code, source_tree)
    assert result.returncode == 1
    assert result.stdout == ""
    message = f"skrnn was imported from {source_tree / 'skrnn'} and runs by numpy"
    assert message in result.stderr
    assert "python -m pip install ." in result.stderr
    assert not (source_tree / "page.md").exists()


def test_numpy_can_be_measured_on_request(source_tree):
    code = "from benchmarks.__main__ import check_kernels; check_kernels()"
    result = run(code, source_tree, SKRNN_KERNELS="numpy")
    assert result.returncode == 0, result.stderr
