"""Where the real data sets are: SKRNN_DATA, or ../shared/data beside the repository."""

import importlib.util
import os
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
EXAMPLES = REPOSITORY / "examples"


@pytest.fixture(scope="session")
def data_dir():
    """Return the folder of the data sets; skip where there is none."""
    default = REPOSITORY.parent / "shared" / "data"
    folder = Path(os.environ.get("SKRNN_DATA", default))
    if not folder.is_dir():
        pytest.skip(f"no data sets in {folder}: set SKRNN_DATA to their folder")
    return folder


@pytest.fixture
def load_example(monkeypatch):
    """Return a function that loads an example as a module."""
    monkeypatch.syspath_prepend(EXAMPLES)
    monkeypatch.delitem(sys.modules, "common", raising=False)  # that of the tests

    def load(name):
        spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    return load
