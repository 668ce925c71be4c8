"""Distinct labels, their codes, and labels that are missing or not hashable."""

import numpy as np

from skrnn._sequences import object_array


def unique_labels(labels):
    """Return the distinct labels, sorted where they can be, as a 1-D array."""
    distinct = list(dict.fromkeys(labels))
    try:
        distinct = sorted(distinct)
    except TypeError:
        pass  # labels without an order stay in that of their appearance
    types = set(map(type, distinct))
    kind = types.pop() if len(types) == 1 else object
    if kind in (str, int, float, bool) or issubclass(kind, np.generic):
        classes = np.array(distinct)
        items = classes.tolist()
        plain = type(distinct[0].item()) if issubclass(kind, np.generic) else kind
        # numpy strips trailing null characters and makes floats of large integers
        if items == distinct and set(map(type, items)) == {plain}:
            return classes
    return object_array(distinct, len(distinct))


def encode_labels(labels, classes):
    """Return the position of each label in `classes`, -1 if it is not one of them."""
    index = {label: k for k, label in enumerate(classes.tolist())}
    return np.fromiter(
        (index.get(label, -1) for label in labels), dtype=np.intp, count=len(labels)
    )


def first_unhashable(items):
    """Return the position of the first item that is not hashable; None without one."""
    try:
        hash(tuple(items))
    except TypeError:
        return next(k for k, item in enumerate(items) if not _is_hashable(item))
    return None


def _is_hashable(item):
    try:
        hash(item)
    except TypeError:
        return False
    return True


def first_missing(labels):
    """Return the position of the first missing label; None without one."""
    if not any(map(_is_missing, set(labels))):  # each label once: there are few
        return None
    return next(k for k, label in enumerate(labels) if _is_missing(label))


def _is_missing(label):
    """Whether a label is NaN, NaT or pandas.NA; None may be the label of a step."""
    try:
        return bool(label != label)
    except (TypeError, ValueError):  # pandas.NA is neither equal nor unequal
        return True


def describe_missing(label):
    """Return a missing label as it is called in error messages."""
    return "NaN" if isinstance(label, (float, np.floating)) else repr(label)
