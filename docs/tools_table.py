"""Make user_guide/tools.md: which tools of scikit-learn take which containers.

    python docs/tools_table.py

Every cell of the tables is run by tests/sklearn_tools.py. tests/test_tools_table.py
runs the cells again.
"""

import re
import sys
import textwrap
from pathlib import Path

PAGE = Path(__file__).parent / "user_guide" / "tools.md"

ABOVE = """\
# scikit-learn's tools

<!-- made by docs/tools_table.py: change and run that -->

Which tools of scikit-learn take which containers of sequences? Every cell of these
tables was run, with {class}`~skrnn.RNNClassifier` or {class}`~skrnn.RNNRegressor`, and
the tests run them again. "yes" says that it works, and gives the numbers that other
containers of the same sequences give, if any other works. A letter says that it does
not work, and what to do instead:

"""

BELOW = """\

The sequences are lists of token ids. Those in the list of CSR matrices, the list of
arrays and the 3-D array have one-hot rows, which count as any features do. The 2-D
array has a series of numbers in each row.

An object array of shape `(n, 1)` works with nearly everything. It may have lists,
arrays or sparse matrices in its cells:

```python
>>> import numpy as np
>>> X = np.fromiter([[0, 2, 1], [1], [2, 2]], dtype=object)[:, None]
>>> X.shape
(3, 1)

```

The tools that have the letter a or d for a list make an array of it. From lists that
happen to be equally long they make a 2-D array without an error, and token ids in a 2-D
array are read as numbers: do not give lists to these tools.

The `ColumnTransformer` applies a transformer of skrnn to the column of sequences, or to
all columns of the 2-D array, and passes the result on to the estimator. "Beside
numbers" there is one more column, of numbers. One network cannot read both. A
`VotingClassifier` then has an `RNNClassifier` for the sequences and a
`LogisticRegression` for the numbers, each behind its own `ColumnTransformer`. The final
estimator of `StackingClassifier(passthrough=True)`, which gets the probabilities beside
the sequences, is made in the same way.

`OptunaSearchCV` is in the packages `optuna` and `optuna-integration`.
"""


def render(cells, tools, containers, reasons):
    """Return the page.

    `cells` has the text of each tool and container, `tools` the tools of each section,
    and `reasons` the text of each letter.
    """
    lines = [ABOVE]
    for letter, text in reasons.items():
        item = f"- **{letter}**: {text}"
        lines.append(textwrap.fill(item, 88, subsequent_indent="  ") + "\n")
    for section, names in tools.items():
        lines.append(f"\n## {section}\n\n| | {' | '.join(containers)} |\n")
        lines.append("|---" * (len(containers) + 1) + "|\n")
        for tool in names:
            row = (cells[tool, container] for container in containers)
            lines.append(f"| `{tool}` | {' | '.join(row)} |\n")
    return "".join([*lines, "\n## Notes\n", BELOW])


def read(page):
    """Return the text of each cell of a page, by tool and container."""
    cells = {}
    for line in page.splitlines():
        if line.startswith("| | "):
            containers = line[4:-2].split(" | ")
        elif found := re.fullmatch(r"\| `(.+)` \| (.+) \|", line):
            row = zip(containers, found[2].split(" | "), strict=True)
            cells.update({(found[1], container): text for container, text in row})
    return cells


def main():
    """Run all cells and write the page."""
    sys.path.append(str(Path(__file__).parents[1] / "tests"))
    import sklearn_tools as run

    cells = {(t, c): run.cell(t, c) for t in run.FUNCTIONS for c in run.CONTAINERS}
    reasons = {letter: text for letter, (text, _) in run.REASONS.items()}
    PAGE.write_text(render(cells, run.TOOLS, run.CONTAINERS, reasons), "utf-8")


if __name__ == "__main__":
    main()
