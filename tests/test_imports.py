"""Imports point one way; foreign packages and private parts stay where they belong."""

import ast
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MODULES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts): path
    for path in sorted((ROOT / "skrnn").rglob("*.py"))
}
# A module of skrnn._core imports from the layers below its own, the lower ones first.
LAYERS = [
    ["cells", "kernels", "params", "pooling"],
    ["products"],
    ["first_layer", "optimizers", "recurrence"],
    ["repetition", "stack"],
    ["batching"],
    ["ctc_decoding", "head"],
    ["ctc"],
    ["heads"],
    ["attention", "decoding", "network"],
    ["attention_layer"],
    ["seq2seq"],
    ["training", "__init__"],
]
HEIGHT = {name: height for height, layer in enumerate(LAYERS) for name in layer}
CORE_PACKAGES = {"numpy", "scipy", *sys.stdlib_module_names}
FOREIGN = {"torch", "skorch", "sklearn_crfsuite", "pandas", "polars"}


def imported_paths(module, source):
    """Yield the dotted path, split, of each name that the source imports."""
    package = module.removesuffix(".__init__").split(".")
    if not module.endswith(".__init__"):
        package.pop()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".") for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            start = package[: len(package) - node.level + 1] if node.level else []
            start = start + (node.module.split(".") if node.module else [])
            yield from ([*start, alias.name] for alias in node.names)


def allowed_in_core(module, path):
    if path[0] != "skrnn":
        return path[0] in CORE_PACKAGES
    if path[:2] == ["skrnn", "_kernels"]:
        return module == "skrnn._core.kernels"
    if path[1:2] != ["_core"]:
        return False
    return HEIGHT[path[2]] < HEIGHT[module.split(".")[2]]


def forbidden_imports(module, source):
    """Return the paths that the module must not import."""
    forbidden = []
    for path in imported_paths(module, source):
        private = path[0] == "sklearn" and any(part[0] == "_" for part in path)
        if (
            path[0] in FOREIGN
            or (private and module != "skrnn._validation._sklearn")
            or (module.startswith("skrnn._core.") and not allowed_in_core(module, path))
        ):
            forbidden.append(".".join(path))
    return forbidden


@pytest.mark.parametrize("module", MODULES)
def test_imports(module):
    assert forbidden_imports(module, MODULES[module].read_text("utf-8")) == []


def test_every_core_module_has_a_layer():
    core = {module.split(".")[2] for module in MODULES if "._core." in module}
    assert core - {"__init__"} <= HEIGHT.keys(), "add what is missing to LAYERS"


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("skrnn._base", "import torch.nn"),
        ("skrnn.datasets", "def load():\n    from pandas import DataFrame"),
        ("skrnn._base", "from sklearn.base import _fit_context"),
        ("skrnn.metrics", "from sklearn.utils._param_validation import Interval"),
        ("skrnn.metrics", "import sklearn.utils._param_validation"),
        ("skrnn._core.cells", "import sklearn"),
        ("skrnn._core.training", "from joblib import Parallel"),
        ("skrnn._core.training", "import threadpoolctl"),
        ("skrnn._core.network", "from skrnn._base import BaseRNN"),
        ("skrnn._core.network", "from .. import _base"),
        ("skrnn._core.network", "from skrnn import Sequences"),
        ("skrnn._core.network", "from skrnn._core.training import train"),
        ("skrnn._core.network", "from skrnn._core import training"),
        ("skrnn._core.network", "from . import training"),
        ("skrnn._core.cells", "from skrnn._core.params import Params"),
        ("skrnn._core.first_layer", "from .recurrence import forward"),
    ],
)
def test_forbidden_import_is_found(module, source):
    assert len(forbidden_imports(module, source)) == 1


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("skrnn._validation._sklearn", "from sklearn.base import _fit_context"),
        ("skrnn._base", "from skrnn._core.training import train"),
        ("skrnn._core.training", "import math, numpy as np\nfrom scipy import sparse"),
        ("skrnn._core.network", "from skrnn._core import first_layer, recurrence"),
        ("skrnn._core.network", "from .heads import HEADS"),
    ],
)
def test_allowed_import_is_not(module, source):
    assert forbidden_imports(module, source) == []
