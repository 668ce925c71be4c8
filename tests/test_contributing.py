"""The recipes of the contributing page work, followed to the letter."""

import ast
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "contributing.md").read_text("utf-8")
RECIPES = re.findall(r"^## (A new .*)$", PAGE, flags=re.MULTILINE)

# Runs in the copy of the package: the finder of the editable installation is removed.
START = """
import sys
sys.meta_path = [f for f in sys.meta_path if "_editable" not in type(f).__module__]
"""
CHECKS = {
    "A new head": """
import pytest
names = "poisson and (last-rnn or mean-gru-True or max-lstm-True)"
sys.exit(pytest.main(["-q", "-k", names, "tests/test_gradients.py"]))
""",
    "A new cell": """
import pytest
names = "minimal_gated-tanh-sizes1-True-embedding or minimal_gated-False-general"
sys.exit(pytest.main(["-q", "-k", names, "tests/test_gradients.py"]))
""",
    # Dropout draws the same random numbers for dense rows, as no number is zero.
    "A new input kind": """
import sys
sys.path.insert(0, "tests")
import numpy as np
from core_helpers import as_table, check_network, data_of, initial_params, network_of
from skrnn._core.batching import Independent
from skrnn._core.mixed import MixedRows

def one_hot(rows):
    return np.hstack([np.eye(3)[rows.ids], rows.numbers])

rng, lengths = np.random.default_rng(0), np.array([2, 1, 4])
rows = MixedRows(rng.integers(0, 2, 7), rng.standard_normal((7, 2)), 3)
y = rng.integers(0, 3, 7)
for embedding_dim in (None, 3):
    for bidirectional in (False, True):
        for rate in (0.0, 0.4):
            network = network_of(
                hidden_sizes=(3,), bidirectional=bidirectional,
                embedding_dim=embedding_dim, dropout=(rate, 0.0),
            )
            check_network(network, rows, y, lengths)
            params, results = initial_params(network), []
            for x in (rows, one_hot(rows)):
                data = data_of(x, lengths, y)
                batch, terms = network.pack(data, np.arange(3))
                loss, grads, _ = network.loss_grad(
                    params, x[batch.rows], y[terms], np.ones(7), batch,
                    np.random.RandomState(0) if rate else None,
                )
                table = as_table(grads.table, params.table)
                scores = network.scores(params, x, data.offsets)
                losses = network.losses(params, data)
                results.append((loss, grads.flat, table, scores, losses))
            for a, b in zip(*results, strict=True):
                np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-12)
for attention in (None, "general"):
    network = network_of(attention=attention, hidden_sizes=(1,))
    targets = np.array([1, 0, 2, 0, 1, 1, 2, 2])
    check_network(network, rows, targets, lengths, [3, 4, 1], [1, 2, 0])
equal = data_of(rows[np.tile([0, 1, 2], 6)], [3] * 6, np.arange(18) % 3)
index, merged = Independent(2, shuffle=True).select(equal)
assert len(index) == 1 and merged.weights.sum() == 18
""",
}


def section(heading):
    """Return the text of a section of the page."""
    return PAGE.split(f"## {heading}\n")[1].split("\n## ")[0]


def follow(recipe, root):
    """Add the file of a recipe, and its line to the registry, in a copy of the package.

    A recipe has two code blocks: the file, and the line, after an import if it is
    Python. The last path before each block is that of the file to write or to change.
    """
    before, source, between, lines = re.match(
        r"(.*?)```(?:python|cpp)\n(.*?)```(.*?)```text\n(.*?)```",
        section(recipe),
        re.DOTALL,
    ).groups()
    new, registry = (
        root / re.findall(r"`(skrnn/[\w/]+\.\w+)`", text)[-1]
        for text in (before, between)
    )
    assert not new.exists()
    new.write_text(source, "utf-8")
    code = registry.read_text("utf-8")
    if new.suffix == ".py":
        imported, entry = lines.splitlines(keepends=True)
        name = re.findall(r"`([A-Z_]+)`", between)[-1]
        assert code.count(f"\n{name} = {{\n") == 1
        code = code.replace(f"\n{name} = {{\n", f"\n{name} = {{\n{entry}")
        nodes = ast.parse(code).body
        first = next(
            n.lineno for n in nodes if isinstance(n, ast.Import | ast.ImportFrom)
        )
        code = code.splitlines(keepends=True)
        code = "".join([*code[: first - 1], imported, *code[first - 1 :]])
    else:
        assert len(lines.splitlines()) == 1
        last = code.rindex('#include "')
        code = code[:last] + lines + code[last:]
    registry.write_text(code, "utf-8")
    return new


@pytest.fixture
def copy(tmp_path):
    """Return a copy of the repository with the package and the tests."""
    ignore = shutil.ignore_patterns("__pycache__", "real")
    for folder in ("skrnn", "tests"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=ignore)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def run(command, root):
    result = subprocess.run(command, cwd=root, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout + result.stderr


def test_all_recipes_are_here():
    assert set(RECIPES) == {*CHECKS, "A new compiled cell"}


@pytest.mark.parametrize("recipe", CHECKS)
def test_recipe(recipe, copy):
    follow(recipe, copy)
    run([sys.executable, "-c", START + CHECKS[recipe]], copy)


def test_recipe_of_a_compiled_cell_compiles(copy):
    compiler = shutil.which("c++") or shutil.which("g++")
    if compiler is None:
        pytest.skip("no C++ compiler")
    header = follow("A new compiled cell", copy)
    source = copy / "skrnn" / "_kernels" / "dispatch.cpp"
    options = ["-std=c++20", "-fsyntax-only", "-DSKRNN_ISA=baseline"]
    run([compiler, *options, source], copy)
    kernel = re.search(r'name = "(\w+)"', header.read_text("utf-8"))[1]
    assert f'`kernel = "{kernel}"`' in section("A new compiled cell")


def test_files_of_the_page_exist():
    """All but those that the recipes add."""
    folders = [ROOT, ROOT / "skrnn", ROOT / "skrnn" / "_kernels"]
    names = re.findall(r"`((?:\w+/)+|(?:\w+/)*\w+\.(?:py|hpp|cpp))`", PAGE)
    assert len(names) > 40
    assert {n for n in names if not any((f / n).exists() for f in folders)} == {
        "skrnn/_core/poisson.py",
        "skrnn/_core/minimal_gated.py",
        "skrnn/_core/mixed.py",
        "skrnn/_kernels/cells/minimal_gated.hpp",
    }


def test_functions_of_the_page_exist():
    names = re.findall(r"`([A-Za-z_.]+)`", section("From `fit` to the weights"))
    code = "".join(path.read_text("utf-8") for path in ROOT.glob("skrnn/**/*.py"))
    names = {part for name in names for part in name.split(".")}
    assert len(names) > 15
    assert names - set(re.findall(r"(?:class|def) (\w+)", code)) == {"_validation"}
