"""The recipes of the contributing page work, followed to the letter."""

import ast
import os
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
    # Ids and numbers have the losses and gradients of dense rows, in which the ids are
    # one-hot. With numbers that are not zero, dropout draws the same random numbers.
    "A new input kind": """
import numpy as np
from skrnn._core import make_network
from skrnn._core.batching import Data
from skrnn._core.mixed import MixedRows

rng = np.random.default_rng(0)
lengths = np.array([2, 1, 4])
N, n_ids, offsets = 7, 4, np.append(0, np.cumsum(lengths))
ids, numbers = rng.integers(0, n_ids - 1, N), rng.standard_normal((N, 2))
rows = {
    "mixed": MixedRows(ids, numbers, n_ids),
    "dense": np.hstack([np.eye(n_ids)[ids], numbers]),
}
y, weights = rng.integers(0, 3, N), rng.uniform(0.5, 2, N)
for embedding_dim in (None, 3):
    for bidirectional in (False, True):
        network = make_network({
            "cell": "gru", "activation": "tanh", "input_size": n_ids + 2,
            "hidden_sizes": (3, 2), "n_outputs": 3, "bidirectional": bidirectional,
            "embedding_dim": embedding_dim, "pooling": None, "head": "softmax",
            "dropout": (0.3, 0.0), "tied": False, "dtype": np.float64,
        })
        params = network.init_params(np.random.RandomState(0))
        result = {}
        for kind, X in rows.items():
            data = Data(X, offsets, y, weights, offsets)
            batch, terms = network.pack(data, np.arange(3))
            for seed in (None, 0):
                dropout = None if seed is None else np.random.RandomState(seed)
                loss, grads, _ = network.loss_grad(
                    params, X[batch.rows], y[terms], weights[terms], batch, dropout
                )
                table = np.zeros(params.table.shape)
                table[..., grads.table.rows, :] = grads.table.values
                result[kind, seed] = loss, grads.flat, table
            scores = network.scores(params, X, offsets)
            result[kind] = scores, network.losses(params, data)
        for seed in (None, 0):
            for a, b in zip(result["mixed", seed], result["dense", seed], strict=True):
                np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-12)
        for a, b in zip(result["mixed"], result["dense"], strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-12)
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


def run(script, root, **environment):
    result = subprocess.run(
        [sys.executable, "-c", START + script],
        cwd=root,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def test_all_recipes_are_here():
    assert set(RECIPES) == {*CHECKS, "A new compiled cell"}


@pytest.mark.parametrize("recipe", CHECKS)
def test_recipe(recipe, copy):
    follow(recipe, copy)
    run(CHECKS[recipe], copy)


def test_recipe_of_a_compiled_cell_compiles(copy):
    compiler = shutil.which("c++") or shutil.which("g++")
    if compiler is None:
        pytest.skip("no C++ compiler")
    header = follow("A new compiled cell", copy)
    source = copy / "skrnn" / "_kernels" / "dispatch.cpp"
    result = subprocess.run(
        [compiler, "-std=c++20", "-fsyntax-only", "-DSKRNN_ISA=baseline", source],
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stderr
    kernel = re.search(r'name = "(\w+)"', header.read_text("utf-8"))[1]
    assert f'`kernel = "{kernel}"`' in section("A new compiled cell")


def test_files_of_the_page_exist():
    """All but those that the recipes add."""
    folders = [ROOT, ROOT / "skrnn", ROOT / "skrnn" / "_kernels"]
    names = re.findall(r"`((?:\w+/)+|(?:\w+/)*\w+\.(?:py|hpp|cpp))`", PAGE)
    assert len(names) > 40
    missing = {
        name
        for name in names
        if not any((folder / name).exists() for folder in folders)
    }
    assert missing == {
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
