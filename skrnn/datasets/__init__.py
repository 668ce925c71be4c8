"""Data sets of sequences that need no download, and readers of common file formats.

`load_names` and `load_python_source` return data with a label for every step: words in
the first, characters in the second. `load_digit_rows` returns series of numbers with
one label each. `make_dates` makes pairs of texts, dates in many formats and in one.
`read_conll` reads the files of CoNLL shared tasks, with one token per line; `read_ts`
reads the `.ts` files of the UEA and UCR archives, with one series per line.
"""

from skrnn.datasets._conll import read_conll
from skrnn.datasets._dates import make_dates
from skrnn.datasets._digits import load_digit_rows
from skrnn.datasets._names import load_names
from skrnn.datasets._python_source import load_python_source
from skrnn.datasets._ts import read_ts

__all__ = [
    "load_digit_rows",
    "load_names",
    "load_python_source",
    "make_dates",
    "read_conll",
    "read_ts",
]
