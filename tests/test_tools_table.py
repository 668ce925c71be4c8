"""The page about scikit-learn's tools says what they do with each container."""

import importlib

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.ensemble import BaggingClassifier

page = importlib.import_module("tools_table")  # of docs
PAGE = page.PAGE.read_text("utf-8")
CELLS = page.read(PAGE)


@pytest.fixture(scope="session")
def table():
    """Return the module that runs the tools, whose imports take long."""
    return importlib.import_module("sklearn_tools")


@pytest.mark.parametrize(("tool", "container"), CELLS)
def test_cell(table, tool, container):
    assert table.cell(tool, container) == CELLS[tool, container]


def test_page_is_what_the_script_writes(table):
    reasons = {letter: text for letter, (text, _) in table.REASONS.items()}
    assert page.render(CELLS, table.TOOLS, table.CONTAINERS, reasons) == PAGE
    assert set(CELLS.values()) == {"yes", *reasons}


def test_containers_are_what_they_are_called(table):
    Xs = {name: table.Case(name).X for name in table.CONTAINERS}
    assert {len(X) for X in Xs.values()} == {table.N}
    shapes = {name: getattr(X, "shape", ()) for name, X in Xs.items()}
    columns = {name for name, shape in shapes.items() if shape == (table.N, 1)}
    frames = {"pandas DataFrame", "polars DataFrame"}
    assert columns == {"object array (n, 1)", "Sequences", *frames}
    assert {len(x) for x in Xs["list"]} == {1, 2, 3, 4, 5, 6}


@pytest.mark.parametrize(
    "container", ["pandas Series", "polars DataFrame", "3-D array", "Sequences"]
)
def test_search_in_processes(table, container):
    alone, _ = table.search_grid(table.Case(container))
    both, _ = table.search_grid(table.Case(container), n_jobs=2)
    assert_allclose(both, alone, rtol=0, atol=1e-6)


TABLE_TOOLS = ["BaggingClassifier", "ColumnTransformer", "permutation_importance"]


@pytest.mark.parametrize("container", ["list of CSR", "list of arrays"])
@pytest.mark.parametrize("tool", TABLE_TOOLS)
def test_cells_may_be_arrays(table, tool, container):
    case = table.Case(container)
    case.X = np.fromiter(case.X, dtype=object)[:, None]
    wanted = table.expected(tool, container)
    assert_allclose(table.run(tool, case), wanted, rtol=0, atol=1e-4)


def test_equally_long_lists_become_a_table(table):
    case = table.Case("3-D array", list)
    bagging = BaggingClassifier(table.model(), n_estimators=1).fit(case.X, case.y)
    assert bagging.estimators_[0].input_kind_ == "dense"
    assert table.model().fit(case.X, case.y).input_kind_ == "ids"


def test_a_wrong_result_is_seen(table, monkeypatch):
    right = table.FUNCTIONS["cross_val_predict"]

    def wrong(case):
        proba, score = right(case)
        return (proba if isinstance(case.X, list) else proba[::-1]), score

    monkeypatch.setitem(table.FUNCTIONS, "cross_val_predict", wrong)
    table.expected.cache_clear()
    with pytest.raises(AssertionError, match="Not equal to tolerance"):
        table.cell("cross_val_predict", "Sequences")
    table.expected.cache_clear()
