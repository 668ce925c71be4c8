"""Sequence data that needs no download, and readers for the usual file formats.

`load_names` and `load_python_source` return data with a label for every step: words in
the first, characters in the second. `load_digit_rows` returns series of numbers with
one label each. `make_dates` makes pairs of texts, dates as people write them and in one
form. `read_conll` reads files of the kind that CoNLL tasks use, one token a
line; `read_ts` reads the `.ts` files of the UEA and UCR archives, one series a line.
"""

import ast
import io
import keyword
import re
import sysconfig
import tokenize
from datetime import date
from importlib import resources
from itertools import accumulate
from numbers import Integral
from pathlib import Path

import numpy as np
from sklearn.utils import Bunch, check_random_state, check_scalar

__all__ = [
    "load_digit_rows",
    "load_names",
    "load_python_source",
    "make_dates",
    "read_conll",
    "read_ts",
]


def read_conll(path, columns=(0, -1), *, sep=None, encoding="utf-8-sig"):
    r"""Read sentences from a file with one token a line.

    A line holds the columns of one token, such as the word, its part of speech and its
    label; an empty line ends a sentence. Lines whose first column is ``-DOCSTART-``
    mark documents and are left out. Nothing else is a comment: a token may be ``#``.

    Parameters
    ----------
    path : str or path-like
        The file.
    columns : int or tuple of int, default=(0, -1)
        Which columns to return, counted from 0, or from the end if negative. The
        default is the first one, usually the words, and the last one, usually the
        labels.
    sep : str, default=None
        What separates two columns. None means any number of spaces and tabs.
        ``sep="\t"`` keeps the spaces inside a token.
    encoding : str, default="utf-8-sig"
        The encoding of the file. The default is UTF-8, with or without a byte order
        mark.

    Returns
    -------
    sentences : list of list of str, or tuple of them
        The column `columns` if that is an int; otherwise one such list for each item
        of `columns`, in that order.

    Raises
    ------
    ValueError
        If a line has no column that was asked for, if the lines of a sentence differ in
        their number of columns, or if the file has no sentence. The message names the
        file and the line.

    See Also
    --------
    skrnn.metrics.convert_labels : Change the scheme of span labels, as IOB1 to IOB2.

    References
    ----------
    Erik F. Tjong Kim Sang and Fien De Meulder, "Introduction to the CoNLL-2003 Shared
    Task: Language-Independent Named Entity Recognition", CoNLL 2003.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> from skrnn.datasets import read_conll
    >>> text = "Rose NNP PER\nsmiled VBD O\n\nRose NN O\npetals NNS O\n"
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder, "roses.conll")
    ...     _ = path.write_text(text, encoding="utf-8")
    ...     X, y = read_conll(path)
    >>> X
    [['Rose', 'smiled'], ['Rose', 'petals']]
    >>> y
    [['PER', 'O'], ['O', 'O']]
    """
    single = isinstance(columns, Integral)
    wanted = (columns,) if single else tuple(columns)
    if not wanted or not all(isinstance(c, Integral) for c in wanted):
        raise ValueError(
            f"columns must be an int or a tuple of one or more ints, got {columns!r}."
        )
    sentences = []
    n_columns = 0  # of the sentence that is being read, 0 between sentences
    with open(path, encoding=encoding) as file:
        for number, line in enumerate(file, start=1):
            line = line.rstrip("\n")
            # str.split() would also split at the no-break space inside a token
            fields = re.findall(r"[^ \t]+", line) if sep is None else line.split(sep)
            n = len(fields)
            if not line.strip(" \t") or fields[0] == "-DOCSTART-":
                n_columns = 0
                continue
            if n_columns == 0:
                found = f"{path}, line {number}: found {n} column(s)"
                remedy = f"Change columns, or sep, which is {sep!r}."
                if not all(-n <= c < n for c in wanted):
                    raise ValueError(
                        f"{found}, too few for columns={columns!r}. {remedy}"
                    )
                if len({c % n for c in wanted}) < len(wanted):
                    raise ValueError(
                        f"{found}, of which columns={columns!r} names the same one "
                        f"twice. {remedy}"
                    )
                n_columns = n
                sentences.append([])
            elif n != n_columns:
                raise ValueError(
                    f"{path}, line {number}: found {n} column(s), but {n_columns} in "
                    "the lines of the sentence before it. Repair the line, or change "
                    f'sep, which is {sep!r}: sep="\\t" keeps spaces inside a token.'
                )
            sentences[-1].append([fields[c] for c in wanted])
    if not sentences:
        raise ValueError(f"{path}: no sentence found in the file.")
    out = tuple(
        [[token[i] for token in sentence] for sentence in sentences]
        for i in range(len(wanted))
    )
    return out[0] if single else out


def read_ts(path, *, encoding="utf-8-sig"):
    r"""Read series from a `.ts` file, the format of the UEA and UCR archives.

    A line holds one series. A colon separates its channels, and a comma the values of a
    channel. The last field of the line is the class label or the target, if the header
    says that there is one. Series may differ in length, but the channels of a series
    may not. A missing value is written ``?``. Empty lines and lines that begin with
    ``#`` are left out.

    The header is all up to the line ``@data``. Three of its lines count, in small or
    capital letters; nothing else in it is needed or checked:

    - ``@classLabel true`` and the labels: each series has one of these labels. Without
      a list of labels, any label will do.
    - ``@targetLabel true``: each series has a number as its target.
    - ``@timeStamps true``: refused, since series with time stamps are not supported.

    Parameters
    ----------
    path : str or path-like
        The file.
    encoding : str, default="utf-8-sig"
        The encoding of the file. The default is UTF-8, with or without a byte order
        mark.

    Returns
    -------
    X : list of ndarray of float64, each of shape (n_steps, n_channels)
        The series, time first. Missing values, and missing targets in `y`, are NaN.
    y : ndarray of shape (n_series,), or None
        The class labels as str, even where they are numbers; or the targets as float64;
        or None if the header says that there are neither.

    Raises
    ------
    ValueError
        If a line does not follow the format, if the header does not say what the last
        field is, if series differ in their number of channels, or if the file has no
        series. The message names the file and the line.

    See Also
    --------
    load_digit_rows : Series that need no file.
    read_conll : Read sentences with a label for every token.

    References
    ----------
    Anthony Bagnall et al., "The UEA multivariate time series classification archive,
    2018", arXiv:1811.00075.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> from skrnn.datasets import read_ts
    >>> text = "@classLabel true up down\n@data\n1,2,4:0,0,1:up\n3,?:1,0:down\n"
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder, "moves.ts")
    ...     _ = path.write_text(text, encoding="utf-8")
    ...     X, y = read_ts(path)
    >>> X[0]
    array([[1., 0.],
           [2., 0.],
           [4., 1.]])
    >>> X[1]
    array([[ 3.,  1.],
           [nan,  0.]])
    >>> y.tolist()
    ['up', 'down']
    """
    X, y = [], []
    with open(path, encoding=encoding) as file:
        lines = _ts_lines(file, path)
        label_kind, classes = _read_ts_header(lines, path)
        for where, line in lines:
            fields = line.split(":")
            if label_kind:
                y.append(_pop_ts_label(fields, label_kind, classes, where))
            channels = [_to_floats(field.split(","), where) for field in fields]
            lengths = [len(channel) for channel in channels]
            if min(lengths) < max(lengths):
                raise ValueError(
                    f"{where}: found channels of {min(lengths)} and of {max(lengths)} "
                    "values in one series. Repair the line, or fill the shorter ones "
                    "with ?."
                )
            if X and len(channels) != X[0].shape[1]:
                raise ValueError(
                    f"{where}: found {len(channels)} channel(s), but {X[0].shape[1]} "
                    "in the series before it. Repair the line, or the header, which "
                    f"says that a line ends with {label_kind or 'no label'}."
                )
            X.append(np.stack(channels, axis=1))
    if not X:
        raise ValueError(f"{path}: no series found in the file.")
    return X, np.array(y) if label_kind else None


def _ts_lines(file, path):
    """Yield where each line is and its text, but for comments and empty lines."""
    for number, line in enumerate(file, start=1):
        line = line.strip()
        if line and not line.startswith("#"):
            yield f"{path}, line {number}", line


def _read_ts_header(lines, path):
    """Read up to @data; return the kind of label, None if none, and its values."""
    flags, classes = {}, []
    for where, line in lines:
        key, *values = line.split()
        key = key.lower()
        if key == "@data":
            break
        if not key.startswith("@"):
            raise ValueError(
                f"{where}: found {line[:40]!r} before the line @data. Begin a line of "
                "the header with @ and a comment with #."
            )
        if key in ("@timestamps", "@classlabel", "@targetlabel"):
            flag = values[0].lower() if values else None
            if flag not in ("true", "false"):
                raise ValueError(
                    f"{where}: found {line[:40]!r}. Write true or false after the key."
                )
            flags[key] = flag == "true"
            if key == "@classlabel":
                classes = values[1:]
            if key == "@timestamps" and flags[key]:
                raise ValueError(
                    f"{where}: found {line!r}, but time stamps are not supported. "
                    "Write the values without them, and @timeStamps false."
                )
    else:
        raise ValueError(f"{path}: no line @data found. Write it before the series.")
    kinds = {"@classlabel": "a class label", "@targetlabel": "a target"}
    if not flags.keys() & kinds:
        raise ValueError(
            f"{path}: found neither @classLabel nor @targetLabel in the header. Write "
            "one of them before @data, with true if a line ends with one, else false."
        )
    found = [kind for key, kind in kinds.items() if flags.get(key)]
    if len(found) > 1:
        raise ValueError(
            f"{path}: found both @classLabel true and @targetLabel true in the header. "
            "A line ends with one of them: change the other to false."
        )
    return found[0] if found else None, classes


def _pop_ts_label(fields, kind, classes, where):
    """Take the class label or the target from the end of the fields of a line."""
    label = fields.pop().strip()
    if not fields or not label:
        raise ValueError(
            f"{where}: found no values followed by {kind}. Write {kind} after the last "
            "colon, or change the header, which says that there is one."
        )
    if kind == "a target":
        return _to_floats([label], where)[0]
    if classes and label not in classes:
        raise ValueError(
            f"{where}: found the class label {label!r}, which is not in the header's "
            f"list {', '.join(classes)}. Repair the line, or add it after @classLabel."
        )
    return label


def _to_floats(values, where):
    """Return strings as numbers, NaN for the missing ones, shape (len(values),)."""
    try:
        return np.array(values, dtype=float)  # fast, but it does not know ?
    except ValueError:
        numbers = []
    for value in values:
        try:
            numbers.append(np.nan if value.strip() == "?" else float(value))
        except ValueError:
            raise ValueError(
                f"{where}: found {value!r} where a number must be. Repair the line; a "
                "missing value is written ?."
            ) from None
    return np.array(numbers)


def load_digit_rows(*, steps="rows", return_X_y=False):
    """Load images of handwritten digits as series, read from top to bottom.

    The images are those of `sklearn.datasets.load_digits`: 1797 of them, about 180 of
    each digit, of 8 x 8 pixels. Read row by row, an image is a series of 8 steps with 8
    features. Read pixel by pixel, each row from left to right, it is a series of 64
    steps with one feature, and what tells two digits apart may lie far back.

    Parameters
    ----------
    steps : {"rows", "pixels"}, default="rows"
        What a step is: a row of 8 pixels, or one pixel.
    return_X_y : bool, default=False
        If True, return ``(data, target)`` instead of a Bunch.

    Returns
    -------
    digits : Bunch
        With the attributes

        data : ndarray of float64, shape (1797, 8, 8) or (1797, 64, 1)
            The images, as (n_series, n_steps, n_features). A value is from 0, no ink,
            to 1.
        target : ndarray of int, shape (1797,)
            The digit of each image.
        DESCR : str
            What the values mean, and scikit-learn's description of the images.

    (data, target) : tuple
        If `return_X_y` is True.

    See Also
    --------
    sklearn.datasets.load_digits : The same images as rows of a table.
    read_ts : Read series of any length from a file.

    References
    ----------
    Quoc V. Le, Navdeep Jaitly and Geoffrey E. Hinton, "A Simple Way to Initialize
    Recurrent Networks of Rectified Linear Units", arXiv:1504.00941, for digits read
    pixel by pixel.

    Examples
    --------
    >>> from skrnn.datasets import load_digit_rows
    >>> digits = load_digit_rows()
    >>> digits.data.shape
    (1797, 8, 8)
    >>> digits.target[:4].tolist()
    [0, 1, 2, 3]
    >>> X, y = load_digit_rows(steps="pixels", return_X_y=True)
    >>> X.shape
    (1797, 64, 1)
    """
    shapes = {"rows": (-1, 8, 8), "pixels": (-1, 64, 1)}
    if steps not in shapes:
        raise ValueError(f"steps must be 'rows' or 'pixels', got {steps!r}.")
    from sklearn.datasets import load_digits  # late: it would slow down import skrnn

    digits = load_digits()
    X = digits.data.reshape(shapes[steps]) / 16
    if return_X_y:
        return X, digits.target
    return Bunch(data=X, target=digits.target, DESCR=_DIGITS_DESCR + digits.DESCR)


_DIGITS_DESCR = """Images of handwritten digits as series.

Each series is an image, read row by row (8 steps) or pixel by pixel (64 steps), from
top to bottom. Its values are those of scikit-learn's load_digits, described below,
divided by 16.

"""


def load_names(*, return_X_y=False):
    """Load English sentences in which the names of persons are marked.

    Every word is labelled 1 if it belongs to the name of a person and 0 otherwise.
    About a third of the sentences have no name. Many words are a name in one sentence
    and not in another, and often only the words after it tell: "Teddy Roosevelt was a
    great president", but "Teddy bears are on sale".

    The sentences were written for this project and labelled by hand. They are small
    enough to look at: the set shows how tagging works and says little about how well a
    tagger does on newspapers.

    Parameters
    ----------
    return_X_y : bool, default=False
        If True, return ``(data, target)`` instead of a Bunch.

    Returns
    -------
    names : Bunch
        With the attributes

        data : list of list of str
            The words of each sentence. A punctuation mark is a word.
        target : list of ndarray of int
            One array of 0 and 1 for each sentence, as long as the sentence.
        DESCR : str
            What counts as a name.

    (data, target) : tuple
        If `return_X_y` is True.

    See Also
    --------
    load_python_source : A larger set, of characters with several labels.
    read_conll : Read labelled sentences from a file.

    Examples
    --------
    >>> from skrnn.datasets import load_names
    >>> names = load_names()
    >>> for word, label in zip(names.data[0], names.target[0], strict=True):
    ...     print(label, word)
    1 Harry
    1 Potter
    0 and
    1 Hermione
    1 Granger
    0 invented
    0 a
    0 new
    0 spell
    """
    file = resources.files("skrnn") / "data" / "names.txt"
    lines = file.read_text(encoding="utf-8").split("\n")[:-1]
    sentences = [line.split(" ") for line in lines if not line.startswith("#")]
    X = [[word.removeprefix("*") for word in words] for words in sentences]
    y = [np.array([int(w.startswith("*")) for w in words]) for words in sentences]
    if return_X_y:
        return X, y
    head = [line[2:] for line in lines if line.startswith("#")]
    return Bunch(data=X, target=y, DESCR="\n".join(head) + "\n")


def load_python_source(n_files=60, *, max_length=1000, return_X_y=False):
    """Load functions of Python's standard library, each character with its kind.

    A sequence is the source of one function or method, from its ``def`` or ``async
    def`` to the end of its last statement, as it stands in the file: without
    decorators, and with the indentation of the lines after the first. A function inside
    another one is part of it and no sequence of its own. Each character is labelled by
    Python's tokenizer as one of

    - "keyword" (with True, False and None, without soft keywords such as ``match``),
    - "name", "number", "comment", "operator" (with brackets, commas and colons),
    - "string" (with its prefix and quotes; all of an f-string, the expressions inside
      it too),
    - "space" (all between tokens: white space, line ends, backslashes that continue
      a line).

    The files come from the Python that runs, so different versions of Python give
    somewhat different data.

    Parameters
    ----------
    n_files : int or None, default=60
        How many files to read, in alphabetical order; None reads all of them.
    max_length : int or None, default=1000
        Longer functions are left out, in characters; None keeps all.
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
            What the labels mean.

    (data, target) : tuple
        If `return_X_y` is True.

    Raises
    ------
    ValueError
        If no function is found: the standard library is not there as source files, or
        `n_files` or `max_length` is too small.

    See Also
    --------
    load_names : A small set, of words with two labels.

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
    n_read = 0
    for path in sorted(folder.glob("*.py")):
        if n_files is not None and n_read >= n_files:
            break
        try:
            with tokenize.open(path) as file:
                text = file.read()
            functions = list(_find_functions(ast.parse(text)))
        except (OSError, SyntaxError, ValueError):  # ValueError: null bytes, encoding
            continue
        n_read += 1
        labels = _tag_source(text)
        lines = text.split("\n")
        starts = _line_starts(lines)
        for node in functions:
            start = starts[node.lineno - 1] + node.col_offset
            # ast counts columns in bytes; before a def there is white space only
            last = lines[node.end_lineno - 1].encode()[: node.end_col_offset].decode()
            stop = starts[node.end_lineno - 1] + len(last)
            if max_length is None or stop - start <= max_length:
                X.append(text[start:stop])
                y.append(labels[start:stop].copy())
                groups.append(path.name)
    if not X:
        raise ValueError(
            f"No function found in {folder} with n_files={n_files!r} and "
            f"max_length={max_length!r}. Raise them, or use a Python whose standard "
            "library is there as .py files."
        )
    if return_X_y:
        return X, y
    return Bunch(data=X, target=y, groups=np.array(groups), DESCR=_SOURCE_DESCR)


_SOURCE_DESCR = """Functions of Python's standard library.

Each sequence is the source of a function or method, each label the kind of a character:
keyword, name, string, number, comment, operator or space (all between tokens).
"""


def _find_functions(node):
    """Yield functions and methods, but none that is inside another function."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield child
        elif not isinstance(child, ast.expr):
            yield from _find_functions(child)


_KINDS = {
    "NUMBER": "number",
    "STRING": "string",
    "FSTRING_END": "string",
    "TSTRING_END": "string",
    "COMMENT": "comment",
    "OP": "operator",
}


def _tag_source(text):
    """Return the kind of each character of a Python file, shape (len(text),)."""
    labels = np.full(len(text), "space", dtype="<U8")
    starts = _line_starts(text.split("\n"))
    opened = []  # where the f-strings begin that have not ended yet
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        start = starts[token.start[0] - 1] + token.start[1]
        stop = starts[token.end[0] - 1] + token.end[1]
        kind = tokenize.tok_name[token.type]
        if kind in ("FSTRING_START", "TSTRING_START"):
            opened.append(start)
        elif kind == "NAME":
            is_keyword = keyword.iskeyword(token.string)
            labels[start:stop] = "keyword" if is_keyword else "name"
        elif kind in _KINDS:
            if kind.endswith("STRING_END"):
                start = opened.pop()  # write over what is inside it
            labels[start:stop] = _KINDS[kind]
    return labels


def _line_starts(lines):
    """Return where each line begins, in characters, and where one more would."""
    return list(accumulate((len(line) + 1 for line in lines), initial=0))


def make_dates(n_samples=1000, *, random_state=None):
    """Make dates as people write them, and each as year, month and day.

    The days are those of the years 1950 to 2049, all equally likely. Numbers with
    slashes have the month first, numbers with dots the day; two digits of a year are
    enough to know it. So what a text means is never in doubt.

    Parameters
    ----------
    n_samples : int, default=1000
        How many dates.
    random_state : int, RandomState instance or None, default=None
        What the days, and how they are written, are drawn by.

    Returns
    -------
    texts : list of str
        Dates as people write them, in English.
    dates : list of str
        The same dates, written YYYY-MM-DD.

    See Also
    --------
    skrnn.RNNSeq2Seq : Learns to turn the ones into the others.

    Examples
    --------
    >>> from skrnn.datasets import make_dates
    >>> texts, dates = make_dates(4, random_state=0)
    >>> for text, day in zip(texts, dates, strict=True):
    ...     print(day, text)
    1957-06-25 Tuesday, Jun. 25, '57
    2008-02-29 29-Feb.-'08
    2033-03-29 29. 03. 33
    2037-11-23 2037-11-23
    """
    check_scalar(n_samples, "n_samples", Integral, min_val=1)
    rng = check_random_state(random_state)
    first, last = date(1950, 1, 1).toordinal(), date(2049, 12, 31).toordinal()
    days = [date.fromordinal(n) for n in rng.randint(first, last + 1, size=n_samples)]
    return [_write_date(day, rng) for day in days], [day.isoformat() for day in days]


_DATE_FORMATS = (
    "{d} {month} {year}",
    "{d} {month}, {year}",
    "{dth} {month} {year}",
    "{dth} of {month} {year}",
    "the {dth} of {month}, {year}",
    "{month} {d}, {year}",
    "{month} {d} {year}",
    "{month} {dth}, {year}",
    "{weekday}, {d} {month} {year}",
    "{weekday}, {month} {d}, {year}",
    "{weekday} {dth} {month} {year}",
    "{weekday}, the {dth} of {month} {year}",
    "{d}-{month}-{year}",
    "{yyyy} {month} {d}",
    "{yyyy}, {month} {dth}",
    "{m}/{d}/{year}",
    "{d}.{m}.{year}",
    "{d}. {m}. {year}",
    "{yyyy}/{m}/{d}",
    "{yyyy}-{mm}-{dd}",
)
_MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)
_WEEKDAYS = (
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
    "Sunday",
)


def _write_date(day, rng):
    """Write a date in one of many ways."""

    def one_of(*ways):
        return ways[rng.randint(len(ways))]

    month, weekday = _MONTHS[day.month - 1], _WEEKDAYS[day.weekday()]
    teens = day.day // 10 == 1
    ending = "th" if teens else {1: "st", 2: "nd", 3: "rd"}.get(day.day % 10, "th")
    text = one_of(*_DATE_FORMATS).format(
        d=one_of(f"{day.day}", f"{day.day:02}"),
        dd=f"{day.day:02}",
        dth=f"{day.day}{ending}",
        m=one_of(f"{day.month}", f"{day.month:02}"),
        mm=f"{day.month:02}",
        month=one_of(month, month[:3], f"{month[:3]}."),
        weekday=one_of(weekday, weekday[:3]),
        year=one_of(f"{day.year}", f"{day.year % 100:02}", f"'{day.year % 100:02}"),
        yyyy=f"{day.year}",
    )
    return one_of(text, text, text.lower(), text.upper())
