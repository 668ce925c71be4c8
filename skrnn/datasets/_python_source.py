"""Functions of Python's standard library, with the kind of each character."""

import ast
import io
import keyword
import sysconfig
import tokenize
from itertools import accumulate, islice
from pathlib import Path

import numpy as np
from sklearn.utils import Bunch

DESCRIPTION = """Functions of Python's standard library.

Each sequence is the source of a function or method, each label the kind of a character:
keyword, name, string, number, comment, operator or space (all between tokens).
"""

# Labels of the types of Python's tokens; names are told from keywords.
LABELS = {
    "NUMBER": "number",
    "STRING": "string",
    "FSTRING_END": "string",
    "TSTRING_END": "string",
    "COMMENT": "comment",
    "OP": "operator",
}


def load_python_source(n_files=60, *, max_length=1000, return_X_y=False):
    """Load functions of Python's standard library, with a label for each character.

    A sequence is the source of one function or method, from its ``def`` or ``async
    def`` to the end of its last statement, unchanged: without decorators, and with the
    indentation of the lines after the first. A function inside another one is part of
    it, not a separate sequence. Python's tokenizer labels each character as one of

    - "keyword" (with True, False and None, without soft keywords such as ``match``),
    - "name", "number", "comment", "operator" (with brackets, commas and colons),
    - "string" (with its prefix and quotes; all of an f-string, with the expressions
      inside it),
    - "space" (everything between tokens: white space, line ends, backslashes that
      continue a line).

    The files are those of the running Python, so the data depend on its version.

    Parameters
    ----------
    n_files : int or None, default=60
        The number of files to read, in alphabetical order; None for all of them.
    max_length : int or None, default=1000
        Functions with more characters are left out; None to keep all.
    return_X_y : bool, default=False
        If True, return ``(data, target)`` instead of a Bunch.

    Returns
    -------
    source : Bunch
        With the attributes

        data : list of str
            The source of each function.
        target : list of ndarray of str
            One array for each function, with the label of every character.
        groups : ndarray of str, shape (n_functions,)
            The file of each function, for splits that keep the functions of a file
            together, such as `~sklearn.model_selection.GroupKFold`.
        DESCR : str
            The meaning of the labels.

    (data, target) : tuple
        If `return_X_y` is True.

    Raises
    ------
    ValueError
        If no function is found: the standard library is not installed as source files,
        or `n_files` or `max_length` is too small.

    See Also
    --------
    load_names : A small set, words with two labels.

    Examples
    --------
    >>> from skrnn.datasets import load_python_source
    >>> source = load_python_source(n_files=5)
    >>> source.data[0][:12]
    'def __init__'
    >>> source.target[0][:5].tolist()
    ['keyword', 'keyword', 'keyword', 'space', 'name']
    >>> len(source.data[0]) == len(source.target[0])
    True
    """
    folder = Path(sysconfig.get_paths()["stdlib"])
    X, y, groups = [], [], []
    limit = None if n_files is None else max(0, n_files)
    for path, text, functions in islice(_read_files(folder), limit):
        labels = tag_source(text)
        for start, stop in _extents(text, functions):
            if max_length is None or stop - start <= max_length:
                X.append(text[start:stop])
                y.append(labels[start:stop].copy())
                groups.append(path.name)
    if not X:
        raise ValueError(
            f"No function found in {folder} with n_files={n_files!r} and "
            f"max_length={max_length!r}. Raise them, or use a Python whose standard "
            "library is installed as .py files."
        )
    if return_X_y:
        return X, y
    return Bunch(data=X, target=y, groups=np.array(groups), DESCR=DESCRIPTION)


def _read_files(folder):
    """Yield path, text and function nodes of each file that can be parsed."""
    for path in sorted(folder.glob("*.py")):
        try:
            with tokenize.open(path) as file:
                text = file.read()
            functions = list(_find_functions(ast.parse(text)))
        except (OSError, SyntaxError, ValueError):  # ValueError: null bytes, encoding
            continue
        yield path, text, functions


def _find_functions(node):
    """Yield the functions and methods that are not inside another function."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield child
        elif not isinstance(child, ast.expr):
            yield from _find_functions(child)


def _extents(text, functions):
    """Yield the first character of each function, and the one after its last."""
    lines = text.split("\n")
    starts = _line_starts(lines)
    for node in functions:
        start = starts[node.lineno - 1] + node.col_offset
        # ast counts columns in bytes; only white space precedes a def
        last = lines[node.end_lineno - 1].encode()[: node.end_col_offset].decode()
        yield start, starts[node.end_lineno - 1] + len(last)


def tag_source(text):
    """Return the label of each character of a Python file, shape (len(text),)."""
    labels = np.full(len(text), "space", dtype="<U8")
    starts = _line_starts(text.split("\n"))
    opened = []  # starts of the f-strings that have not ended yet
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        start = starts[token.start[0] - 1] + token.start[1]
        stop = starts[token.end[0] - 1] + token.end[1]
        kind = tokenize.tok_name[token.type]
        if kind in ("FSTRING_START", "TSTRING_START"):
            opened.append(start)
        elif kind == "NAME":
            is_keyword = keyword.iskeyword(token.string)
            labels[start:stop] = "keyword" if is_keyword else "name"
        elif kind in LABELS:
            if kind.endswith("STRING_END"):
                start = opened.pop()  # overwrite the labels inside it
            labels[start:stop] = LABELS[kind]
    return labels


def _line_starts(lines):
    """Return the offset of each line in characters, and the end of the last."""
    return list(accumulate((len(line) + 1 for line in lines), initial=0))
