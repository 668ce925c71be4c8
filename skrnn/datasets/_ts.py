"""Reader of the `.ts` format of the UEA and UCR archives of time series."""

import numpy as np


def read_ts(path, *, encoding="utf-8-sig"):
    r"""Read series from a `.ts` file, the format of the UEA and UCR archives.

    A line is one series. Colons separate its channels, and commas the values of a
    channel. The last field of the line is the class label or the target, if the header
    declares one. Series may differ in length, but the channels of a series may not. A
    missing value is written ``?``. Empty lines and lines that begin with ``#`` are
    skipped.

    The header ends with the line ``@data``. Three of its keys are read, in upper or
    lower case; all others are ignored:

    - ``@classLabel true`` and the labels: each series has one of these labels. Without
      a list of labels, any label is accepted.
    - ``@targetLabel true``: each series has a number as its target.
    - ``@timeStamps true``: an error, since time stamps are not supported.

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
        The class labels as str, even where they are numbers; the targets as float64;
        None if the header declares neither.

    Raises
    ------
    ValueError
        If a line does not follow the format, if the header does not declare what the
        last field is, if series differ in their number of channels, or if the file has
        no series. The message names the file and the line.

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
                    "in the series before it. Repair the line, or the header, by which "
                    f"a line ends with {label_kind or 'no label'}."
                )
            X.append(np.stack(channels, axis=1))
    if not X:
        raise ValueError(f"{path}: no series found in the file.")
    return X, np.array(y) if label_kind else None


def _ts_lines(file, path):
    """Yield the place and the text of each line that is no comment and not empty."""
    for number, line in enumerate(file, start=1):
        line = line.strip()
        if line and not line.startswith("#"):
            yield f"{path}, line {number}", line


def _read_ts_header(lines, path):
    """Read up to @data; return the kind of the label, or None, and the class labels."""
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
    return _label_kind(flags, path), classes


def _label_kind(flags, path):
    """Return the kind of the label by the flags of the header; None without a label."""
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
    return found[0] if found else None


def _pop_ts_label(fields, kind, classes, where):
    """Remove the class label or target, the last field of a line, and return it."""
    label = fields.pop().strip()
    if not fields or not label:
        raise ValueError(
            f"{where}: found no values followed by {kind}. Write {kind} after the last "
            "colon, or change the header, which declares one."
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
        return np.array(values, dtype=float)  # fast, but fails at a ?
    except ValueError:
        numbers = []
    for value in values:
        try:
            numbers.append(np.nan if value.strip() == "?" else float(value))
        except ValueError:
            raise ValueError(
                f"{where}: found {value!r} in place of a number. Repair the line; a "
                "missing value is written ?."
            ) from None
    return np.array(numbers)
