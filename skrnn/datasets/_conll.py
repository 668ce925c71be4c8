"""Reader of the column format of the CoNLL shared tasks."""

import re
from numbers import Integral


def read_conll(path, columns=(0, -1), *, sep=None, encoding="utf-8-sig"):
    r"""Read sentences from a file with one token per line.

    A line has the columns of one token, such as the word, its part of speech and its
    label; an empty line ends a sentence. Lines whose first column is ``-DOCSTART-``
    begin a document and are skipped. There are no comments: a token may be ``#``.

    Parameters
    ----------
    path : str or path-like
        The file.
    columns : int or tuple of int, default=(0, -1)
        The columns to return, counted from 0, or from the end if negative. By default
        the first column, usually the words, and the last, usually the labels.
    sep : str, default=None
        The separator of the columns; None for any number of spaces and tabs.
        ``sep="\t"`` keeps the spaces inside a token.
    encoding : str, default="utf-8-sig"
        The encoding of the file. The default is UTF-8, with or without a byte order
        mark.

    Returns
    -------
    sentences : list of list of str, or tuple of them
        The column `columns` if it is an int; otherwise one such list for each item of
        `columns`, in that order.

    Raises
    ------
    ValueError
        If a line does not have all of `columns`, if the lines of a sentence differ in
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
            f"columns is {columns!r}: pass an int, or a tuple of one or more ints."
        )
    sentences = []
    n_columns = 0  # of the current sentence, 0 between sentences
    with open(path, encoding=encoding) as file:
        for number, line in enumerate(file, start=1):
            fields = _split_line(line.rstrip("\n"), sep)
            if not fields:
                n_columns = 0
                continue
            where = f"{path}, line {number}"
            if n_columns == 0:
                n_columns = len(fields)
                _check_columns(n_columns, wanted, columns, sep, where)
                sentences.append([])
            elif len(fields) != n_columns:
                raise ValueError(
                    f"{where}: found {len(fields)} column(s), but {n_columns} in the "
                    "lines of the sentence before it. Repair the line, or change sep, "
                    f'which is {sep!r}: sep="\\t" keeps spaces inside a token.'
                )
            sentences[-1].append([fields[c] for c in wanted])
    if not sentences:
        raise ValueError(f"{path}: no sentence found in the file.")
    out = tuple(
        [[token[i] for token in sentence] for sentence in sentences]
        for i in range(len(wanted))
    )
    return out[0] if single else out


def _split_line(line, sep):
    """Return the columns of a line; none for a line between two sentences."""
    # str.split() would also split at the no-break space inside a token
    fields = re.findall(r"[^ \t]+", line) if sep is None else line.split(sep)
    is_separator = not line.strip(" \t") or fields[0] == "-DOCSTART-"
    return [] if is_separator else fields


def _check_columns(n, wanted, columns, sep, where):
    """Check that a line of n columns has all columns that were asked for, once."""
    fault = None
    if not all(-n <= c < n for c in wanted):
        fault = f"too few for columns={columns!r}"
    elif len({c % n for c in wanted}) < len(wanted):
        fault = f"of which columns={columns!r} names the same one twice"
    if fault:
        raise ValueError(
            f"{where}: found {n} column(s), {fault}. Change columns, or sep, which is "
            f"{sep!r}."
        )
