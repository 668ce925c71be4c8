"""Which kernels are in use, and which cells they have."""

import importlib.machinery
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose

from skrnn._core import kernels, recurrence
from skrnn._core.cells import CELLS, RNN

needs_kernels = pytest.mark.skipif(
    kernels.compiled is None, reason="no kernels: not built, or SKRNN_KERNELS=numpy"
)
SOURCES = Path(__file__).parents[1] / "skrnn/_kernels"


# --- which are in use -----------------------------------------------------------------


@needs_kernels
def test_the_environment_can_do_without():
    code = "from skrnn._core import kernels; print(kernels.in_use())"
    best = kernels.supported()[1]
    values = [
        ("", best),
        ("best", best),
        *((name, name) for name in kernels.supported()),
    ]
    for value, expected in values:
        run = subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "SKRNN_KERNELS": value},
            capture_output=True,
            text=True,
            check=True,
        )
        assert run.stdout.strip() == expected


def test_unknown_instruction_set():
    before = kernels.in_use()
    with pytest.raises(
        ValueError, match="SKRNN_KERNELS='mmx' must be 'best' or one of"
    ):
        kernels.use("mmx")
    assert kernels.in_use() == before


@needs_kernels
def test_numpy_can_be_undone():
    before = kernels.in_use()
    kernels.use("numpy")
    assert kernels.compiled is None
    assert kernels.in_use() == "numpy"
    assert before in kernels.supported()
    kernels.use("best")
    assert kernels.in_use() == kernels.supported()[1]
    kernels.use("numpy")
    kernels.use(before)
    assert kernels.in_use() == before


def test_a_module_that_cannot_be_loaded_warns(tmp_path, monkeypatch):
    suffix = importlib.machinery.EXTENSION_SUFFIXES[0]
    (tmp_path / f"broken_kernels{suffix}").write_text("no library")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delenv("SKRNN_KERNELS", raising=False)
    with pytest.warns(
        RuntimeWarning, match=r"cannot be loaded: .*broken_kernels.*numpy"
    ):
        assert kernels.load("broken_kernels") is None
    monkeypatch.setenv("SKRNN_KERNELS", "numpy")  # no warning
    assert kernels.load("broken_kernels") is None


def test_a_module_that_was_not_built_is_no_reason_to_warn():
    assert kernels.load("skrnn._kernels._not_built") is None


# --- cells ----------------------------------------------------------------------------


@needs_kernels
def test_the_table_of_cells_is_that_of_numpy():
    cells = [cell() for cell in CELLS.values()] + [RNN("relu")]
    assert {cell.kernel for cell in cells} == kernels.cells.keys()
    for cell in cells:
        compiled = kernels.cells[cell.kernel]
        assert compiled.n_gates == cell.n_gates
        assert compiled.n_extra == cell.n_extra
        assert compiled.has_memory == (cell.n_states == 2)
    assert sorted(c.code for c in kernels.cells.values()) == list(range(len(cells)))


@needs_kernels
def test_a_cell_without_a_kernel_runs_by_numpy(monkeypatch):
    rng = np.random.default_rng(0)
    z, U = rng.standard_normal((1, 5, 12)), rng.standard_normal((1, 3, 12))
    w, cell = rng.standard_normal((1, 3, 3)), CELLS["lstm_peephole"]()
    expected, _, tape = recurrence.forward(cell, z, U, w, [3, 2])
    assert isinstance(tape, recurrence.KernelTape)
    monkeypatch.delitem(kernels.cells, "lstm_peephole")
    found, _, tape = recurrence.forward(cell, z, U, w, [3, 2])
    assert isinstance(tape, recurrence.Tape)
    assert_allclose(found, expected, rtol=1e-12)
    dU, dw = np.zeros_like(U), np.zeros_like(w)
    recurrence.backward(cell, found, tape, U, w, dU, dw)
    assert dU.any()
    assert dw.any()


def test_a_subclass_inherits_no_kernel():
    class Mine(CELLS["gru"]):
        pass

    class MyRNN(RNN):
        pass

    class Renamed(CELLS["gru"]):
        kernel = "gru"

    assert [c().kernel for c in (Mine, MyRNN, Renamed)] == [None, None, "gru"]


def test_each_cell_is_a_header_and_a_line():
    """Without its line in cells.hpp a cell is not in the table."""
    lines = (SOURCES / "cells/cells.hpp").read_text("utf-8").splitlines()
    included = [m[1] for m in map(re.compile('#include "(.*)"').match, lines) if m]
    headers = sorted(path.name for path in (SOURCES / "cells").glob("*.hpp"))
    assert sorted([*included, "cells.hpp"]) == headers
    names = {re.sub("_(tanh|relu)$", "", name) for name in kernels.cells}
    assert not names or {f"{name}.hpp" for name in names} == set(included) - {
        "cell.hpp"
    }


@pytest.mark.skipif(shutil.which("g++") is None, reason="needs g++")
def test_a_cell_goes_and_comes_with_its_line(tmp_path):
    shutil.copytree(SOURCES, tmp_path / "kernels")
    cells = tmp_path / "kernels/cells/cells.hpp"
    text = cells.read_text("utf-8")
    (tmp_path / "list.cpp").write_text(
        """
        #include <cstdio>
        #include "kernels/cells/cells.hpp"
        int main() {
          for (auto& cell : skrnn::baseline::kCells.cells) std::puts(cell.name);
        }
        """
    )
    found = {}
    for present in (False, True):
        line = '#include "lstm_peephole.hpp"\n'
        assert line in text
        cells.write_text(text if present else text.replace(line, ""))
        command = ["g++", "-std=c++20", "-w", "-DSKRNN_ISA=baseline", "list.cpp"]
        subprocess.run([*command, "-o", "list"], cwd=tmp_path, check=True)
        run = subprocess.run(["./list"], cwd=tmp_path, capture_output=True, check=True)
        found[present] = run.stdout.decode().split()
    assert set(found[True]) - set(found[False]) == {"lstm_peephole"}
    assert not kernels.cells or set(found[True]) == kernels.cells.keys()


@pytest.mark.skipif(shutil.which("g++") is None, reason="needs g++")
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_thread_pool(tmp_path):
    """Nested calls, errors, a fork, and too few threads: what Python cannot see."""
    sources = [Path(__file__).parent / "cpp/threads_test.cpp", SOURCES / "threads.cpp"]
    command = ["g++", "-std=c++20", "-pthread", *sources, "-o", "test"]
    subprocess.run(command, cwd=tmp_path, check=True)
    run = subprocess.run(["./test"], cwd=tmp_path, capture_output=True, check=False)
    assert run.stdout.decode() == "passed\n"
