"""Imports point one way; foreign packages and private parts stay where they belong."""

import ast
import sys
from pathlib import Path

import pytest
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.callback import CallbackSupportMixin

ROOT = Path(__file__).parents[1]
MODULES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts): path
    for path in sorted((ROOT / "skrnn").rglob("*.py"))
}
# A module imports from floors below its own, the lower ones first.
FLOORS = [
    ["_kernels"],
    # the numeric core
    ["_core.cell"],
    ["_core.cells", "_core.kernels", "_core.params", "_core.pooling"],
    ["_core.products"],
    ["_core.optimizers", "_core.projection", "_core.recurrence"],
    ["_core.first_layer"],
    ["_core.repetition", "_core.stack"],
    ["_core.batching"],
    ["_core.ctc_decoding", "_core.head", "_core.training"],
    ["_core.ctc"],
    ["_core.heads"],
    ["_core.attention", "_core.decoding", "_core.network"],
    ["_core.attention_layer"],
    ["_core.seq2seq"],
    ["_core"],
    # arguments of users
    ["_sequences", "_show_versions"],
    ["_validation._rows", "_validation._sklearn"],
    ["_validation._containers", "_validation._labels"],
    ["_validation._sequences", "_validation._targets"],
    [
        "_validation._step_targets",
        "_validation._texts",
        "_validation._waveforms",
        "_validation._weights",
    ],
    ["_validation"],
    ["_estimator"],
    # data sets, metrics, transformers
    [
        "datasets._conll",
        "datasets._dates",
        "datasets._digits",
        "datasets._names",
        "datasets._python_source",
        "datasets._ts",
    ],
    ["datasets"],
    ["metrics._encoding"],
    ["metrics._edits", "metrics._probabilities", "metrics._steps"],
    ["metrics._bleu", "metrics._spans"],
    ["metrics._scorers"],
    ["metrics"],
    ["preprocessing._base"],
    [
        "preprocessing._delta",
        "preprocessing._log_mel",
        "preprocessing._stepwise",
        "preprocessing._tokenizer",
        "preprocessing._vocabulary",
    ],
    ["preprocessing._one_hot"],
    ["preprocessing"],
    # the estimators
    [
        "_models._blas",
        "_models._callbacks",
        "_models._conditions",
        "_models._docs",
        "_models._steps",
    ],
    ["_models._base", "_models._sampling"],
    [
        "_models._density",
        "_models._labels",
        "_models._regressor",
        "_models._token_targets",
    ],
    [
        "_models._classifier",
        "_models._language_model",
        "_models._seq2seq",
        "_models._tagger",
    ],
    ["_models._token_prior"],
    ["_models._transcriber"],
    ["_models"],
    # checks of estimators
    ["utils._check_data", "utils._compare"],
    ["utils._check_errors", "utils._check_results"],
    ["utils._checks"],
    ["utils"],
    ["skrnn"],
]
HEIGHT = {name: height for height, floor in enumerate(FLOORS) for name in floor}
CORE_PACKAGES = {"numpy", "scipy", *sys.stdlib_module_names}
FOREIGN = {"torch", "skorch", "sklearn_crfsuite", "pandas", "polars"}
PRIVATE_TO_SKLEARN = "skrnn._validation._sklearn"
# Private attributes of scikit-learn's estimators that ours must not use elsewhere.
PRIVATE_ATTRIBUTES = {
    "_doc_link_module",
    "_doc_link_template",
    *(
        name
        for cls in (BaseEstimator, TransformerMixin, CallbackSupportMixin)
        for name in dir(cls)
        if name[0] == "_" and not name.startswith("__")
    ),
}


def short(module):
    """Return the name of a module in FLOORS: without "skrnn." and ".__init__"."""
    return module.removesuffix(".__init__").removeprefix("skrnn.")


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


def split_own(path):
    """Return the module of the package that a path leads to, and the name in it."""
    for stop in range(len(path), 0, -1):
        name = ".".join(path[1:stop]) or "skrnn"
        if name in HEIGHT:
            return name, path[stop:]
    return None, path


def is_allowed_own(module, path):
    """Whether a module of the package may import this path of the package."""
    if path == ["skrnn", "_kernels", "_compiled"]:
        return module == "skrnn._core.kernels"
    target, names = split_own(path)
    if target is None or HEIGHT[target] >= HEIGHT[short(module)]:
        return False
    if any(name[0] == "_" for name in names):
        return False  # what a module keeps to itself
    same_package = target.split(".")[0] == short(module).split(".")[0]
    return same_package or target.startswith("_core") or "._" not in target


def forbidden_imports(module, source):
    """Return the paths that the module must not import."""
    forbidden = []
    for path in imported_paths(module, source):
        private = path[0] == "sklearn" and any(part[0] == "_" for part in path)
        core = short(module).split(".")[0] == "_core"
        if (
            path[0] in FOREIGN
            or (private and module != PRIVATE_TO_SKLEARN)
            or (path[0] == "skrnn" and not is_allowed_own(module, path))
            or (core and path[0] not in {"skrnn", *CORE_PACKAGES})
        ):
            forbidden.append(".".join(path))
    return forbidden


def private_attributes(source):
    """Return the private attributes of scikit-learn's estimators that are used."""
    return {
        node.attr
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Attribute) and node.attr in PRIVATE_ATTRIBUTES
    }


@pytest.mark.parametrize("module", MODULES)
def test_imports(module):
    source = MODULES[module].read_text("utf-8")
    assert forbidden_imports(module, source) == []
    if module != PRIVATE_TO_SKLEARN:
        assert private_attributes(source) == set()


def test_every_module_has_a_floor():
    assert {short(module) for module in MODULES} == HEIGHT.keys()


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("skrnn._models._base", "import torch.nn"),
        ("skrnn.datasets.__init__", "def load():\n    from pandas import DataFrame"),
        ("skrnn._models._base", "from sklearn.base import _fit_context"),
        ("skrnn.metrics", "from sklearn.utils._param_validation import Interval"),
        ("skrnn.metrics", "import sklearn.utils._param_validation"),
        ("skrnn._core.cells", "import sklearn"),
        ("skrnn._core.training", "from joblib import Parallel"),
        ("skrnn._core.training", "import threadpoolctl"),
        ("skrnn._core.network", "from skrnn._models._base import BaseRNN"),
        ("skrnn._core.network", "from .. import _models"),
        ("skrnn._core.network", "from skrnn import Sequences"),
        ("skrnn._core.network", "from skrnn._core.seq2seq import EncoderDecoder"),
        ("skrnn._core.network", "from skrnn._core import seq2seq"),
        ("skrnn._core.network", "from . import seq2seq"),
        ("skrnn._core.network", "from skrnn._kernels import _compiled"),
        ("skrnn._core.cells", "from skrnn._core.params import Params"),
        ("skrnn._core.first_layer", "from .recurrence import _step"),
        ("skrnn._models._tagger", "from skrnn._models._labels import _private"),
        ("skrnn._models._tagger", "from skrnn._validation._targets import check"),
        ("skrnn._models._labels", "from skrnn._models._tagger import RNNTagger"),
        ("skrnn._validation.__init__", "from skrnn._models import RNNTagger"),
    ],
)
def test_forbidden_import_is_found(module, source):
    assert len(forbidden_imports(module, source)) == 1


@pytest.mark.parametrize(
    ("module", "source"),
    [
        (PRIVATE_TO_SKLEARN, "from sklearn.base import _fit_context"),
        ("skrnn._models._base", "from skrnn._core.training import train"),
        ("skrnn._core.training", "import math, numpy as np\nfrom scipy import sparse"),
        ("skrnn._core.network", "from skrnn._core import first_layer, recurrence"),
        ("skrnn._core.network", "from .heads import HEADS"),
        ("skrnn._core.kernels", "from skrnn._kernels import _compiled"),
    ],
)
def test_allowed_import_is_not(module, source):
    assert forbidden_imports(module, source) == []


def test_private_attribute_is_found():
    source = "self._validate_params()\nestimator._doc_link_module = 'skrnn'"
    assert private_attributes(source) == {"_validate_params", "_doc_link_module"}
