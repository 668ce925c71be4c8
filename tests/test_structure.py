"""Limits of the structure: calls, hooks, sizes of files, classes and functions."""

import ast
import inspect
import sys
from pathlib import Path

import numpy as np
import pytest

import skrnn
from skrnn import (
    RNNClassifier,
    RNNLanguageModel,
    RNNRegressor,
    RNNSeq2Seq,
    RNNTagger,
    RNNTranscriber,
)
from skrnn._core import kernels
from skrnn._models._base import BaseRNN

PACKAGE = Path(skrnn.__file__).parent
SOURCES = sorted(PACKAGE.rglob("*.py"))
CPP_SOURCES = sorted(
    path for path in PACKAGE.rglob("*") if path.suffix in {".cpp", ".hpp"}
)
HOOKS = {"_check_y", "_encode", "_fit_y", "_input_rules", "_network_spec", "_scorer"}
RNG = np.random.RandomState(0)


# --- calls ----------------------------------------------------------------------------


class StackRecorder:
    """Stand-in for the compiled module that records the stack of its first calls."""

    def __init__(self, compiled):
        self.compiled, self.stacks = compiled, {}

    def __getattr__(self, name):
        function = getattr(self.compiled, name)
        if name not in ("matmul", "forward"):
            return function

        def call(*args, **kwargs):
            self.stacks.setdefault(name, own_frames(sys._getframe(1)))
            return function(*args, **kwargs)

        return call


def own_frames(frame):
    """Return the names of the functions of the package on the stack, outer first."""
    names = []
    while frame is not None:
        path = Path(frame.f_code.co_filename)
        if path.is_relative_to(PACKAGE):
            names.insert(0, frame.f_code.co_name)
        frame = frame.f_back
    return names


def calls_of(monkeypatch, function, *args):
    """Return the stacks of the first product and the first recurrence."""
    recorder = StackRecorder(kernels.compiled)
    with monkeypatch.context() as patch:
        patch.setattr(kernels, "compiled", recorder)
        function(*args)
    return recorder.stacks


IDS = [RNG.randint(5, size=n) for n in (4, 6, 3, 6)]
DENSE = [RNG.standard_normal((len(x), 3)) for x in IDS]
STEP_LABELS = [x % 3 for x in IDS]
LABELS, NUMBERS, TOKENS = [0, 1, 2, 0], [0.5, 1, 2, 0], [[0, 1], [1], [2], [1, 0]]
CASES = [
    (RNNTagger, IDS, STEP_LABELS),
    (RNNTagger, DENSE, STEP_LABELS),
    (RNNClassifier, IDS, LABELS),
    (RNNClassifier, DENSE, LABELS),
    (RNNRegressor, DENSE, NUMBERS),
    (RNNLanguageModel, IDS, None),
    (RNNSeq2Seq, IDS, TOKENS),
    (RNNSeq2Seq, DENSE, TOKENS),
    (RNNTranscriber, DENSE, TOKENS),
]


@pytest.mark.skipif(kernels.compiled is None, reason="the kernels are recorded")
@pytest.mark.filterwarnings("ignore:.*did not end")
@pytest.mark.parametrize("embedding_dim", [None, 4])
@pytest.mark.parametrize(
    ("estimator", "X", "y"),
    [
        pytest.param(
            *case, id=f"{case[0].__name__}-{'ids' if case[1] is IDS else 'dense'}"
        )
        for case in CASES
    ],
)
def test_few_calls_from_the_public_method_to_the_arithmetic(
    monkeypatch, estimator, X, y, embedding_dim
):
    model = estimator(
        hidden_layer_sizes=4, max_iter=1, random_state=0, embedding_dim=embedding_dim
    )
    stacks = calls_of(monkeypatch, model.fit, X, y)
    assert stacks.keys() == {"matmul", "forward"}
    for stack in stacks.values():
        assert stack[0] == "fit"
        assert len(stack) <= 8, stack
    stacks = calls_of(monkeypatch, model.predict, X)
    assert stacks.keys() == {"matmul", "forward"}
    for stack in stacks.values():
        assert stack[0] == "predict"
        assert len(stack) <= 7, stack


# --- hooks ----------------------------------------------------------------------------


def subclasses(cls):
    for sub in cls.__subclasses__():
        if sub.__module__.split(".")[0] == "skrnn":
            yield sub
            yield from subclasses(sub)


def test_the_base_class_has_few_hooks():
    own = {
        name
        for name, value in vars(BaseRNN).items()
        if name.startswith("_")
        and not name.startswith("__")
        and (callable(value) or isinstance(value, property))
        and not any(name in vars(parent) for parent in BaseRNN.__mro__[1:])
    }
    overriders = {
        name: [sub.__name__ for sub in subclasses(BaseRNN) if name in vars(sub)]
        for name in own
    }
    hooks = {name for name, classes in overriders.items() if classes}
    assert hooks == HOOKS
    assert len(hooks) <= 7
    assert all(len(overriders[name]) > 1 for name in hooks)


@pytest.mark.parametrize("hook", sorted(HOOKS))
def test_a_hook_returns_or_changes_but_not_both(hook):
    for cls in [BaseRNN, *subclasses(BaseRNN)]:
        if hook not in vars(cls):
            continue
        tree = ast.parse(inspect.cleandoc("\n" + inspect.getsource(vars(cls)[hook])))
        assigns = [
            target
            for node in ast.walk(tree)
            if isinstance(node, (ast.Assign, ast.AugAssign))
            for target in getattr(node, "targets", [getattr(node, "target", None)])
            for part in ast.walk(target)
            if isinstance(part, ast.Attribute)
        ]
        returns = [
            node
            for node in ast.walk(tree)
            if isinstance(node, ast.Return) and node.value is not None
        ]
        if hook == "_fit_y":
            assert not returns
        else:
            assert not assigns


# --- sizes ----------------------------------------------------------------------------


def docstring_lines(tree):
    """Return the numbers of the lines of docstrings."""
    lines = set()
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if (
            not isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef))
            or not body
        ):
            continue
        first = body[0]
        if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
            if isinstance(first.value.value, str):
                lines.update(range(first.lineno, first.end_lineno + 1))
    return lines


def too_long(path):
    """Return what exceeds the limits in a Python file."""
    source = path.read_text("utf-8")
    tree = ast.parse(source)
    docs, n_lines = docstring_lines(tree), len(source.splitlines())
    found = []
    if n_lines > 600 or n_lines - len(docs) > 400:
        found.append(f"{n_lines} lines, {len(docs)} of them docstrings")
    for node in ast.walk(tree):
        limit = {ast.ClassDef: 350, ast.FunctionDef: 60}.get(type(node))
        if limit is not None:
            own = set(range(node.lineno, node.end_lineno + 1)) - docs
            if len(own) > limit:
                found.append(f"{node.name}: {len(own)} lines")
    return found


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_files_classes_and_functions_are_short(path):
    assert too_long(path) == []


@pytest.mark.parametrize("path", CPP_SOURCES, ids=lambda p: p.name)
def test_sources_of_kernels_are_short(path):
    assert len(path.read_text("utf-8").splitlines()) <= 400


def test_the_package_has_few_entries():
    entries = [p.name for p in PACKAGE.iterdir() if p.name != "__pycache__"]
    assert len(entries) <= 14, entries
