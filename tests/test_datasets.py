"""Data sets: readers of files, digits, marked names, tagged Python source, dates."""

import ast
import keyword
import re
import sys
import sysconfig
import unicodedata
from datetime import date
from functools import partial
from importlib import resources
from itertools import pairwise

import numpy as np
import pytest
from common import cases
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.testing import assert_array_equal
from sklearn.datasets import load_digits

from skrnn.datasets import (
    load_digit_rows,
    load_names,
    load_python_source,
    make_dates,
    read_conll,
    read_ts,
)
from skrnn.datasets._python_source import tag_source

KINDS = {"keyword", "name", "string", "number", "comment", "operator", "space"}


# --- files ----------------------------------------------------------------------------


def read_text(read, path, text, *args, **options):
    """Read a file that holds this text, byte for byte."""
    path.write_bytes(text.encode())
    return read(path, *args, **options)


@pytest.fixture
def conll(tmp_path):
    return partial(read_text, read_conll, tmp_path / "some.conll")


@pytest.fixture
def ts(tmp_path):
    return partial(read_text, read_ts, tmp_path / "some.ts")


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("last", ["", "{end}", "{end}{end}  {end}"])
def test_line_ends(conll, ts, end, last):
    last = last.format(end=end)
    X, y = conll(end.join(["a x", "b y", "", "c z"]) + last)
    assert (X, y) == ([["a", "b"], ["c"]], [["x", "y"], ["z"]])
    X, y = ts(end.join(["@classLabel true a b", "@data", "1,2:a", "", "3:b"]) + last)
    check_series(X, [[[1], [2]], [[3]]])
    assert y.tolist() == ["a", "b"]


def test_encodings_and_the_byte_order_mark_which_is_no_part_of_the_text(tmp_path):
    path = tmp_path / "text"
    for encoding in ("utf-8-sig", "latin-1"):
        option = {"encoding": "latin-1"} if encoding == "latin-1" else {}
        path.write_text("caf\xe9 O\n", encoding)
        assert read_conll(path, 0, **option) == [["caf\xe9"]]
        path.write_text("@classLabel true caf\xe9\n@data\n1:caf\xe9\n", encoding)
        assert read_ts(path, **option)[1].tolist() == ["caf\xe9"]
    for read in (read_conll, read_ts):
        with pytest.raises(UnicodeDecodeError):
            read(path)


# --- read_conll -----------------------------------------------------------------------


CONLL = """\
-DOCSTART- -X- O O

# SYM O O
Rose NNP I-NP I-PER
smiled VBD I-VP O


-DOCSTART- -X- O O
Paris\tNNP  I-NP \tI-LOC
"""


def test_conll_first_and_last_column(conll):
    X, y = conll(CONLL)
    assert X == [["#", "Rose", "smiled"], ["Paris"]]
    assert y == [["O", "I-PER", "O"], ["I-LOC"]]


TAGS = [["SYM", "NNP", "VBD"], ["NNP"]]


@cases(
    "columns, expected",
    (1, TAGS),
    (-2, [["O", "I-NP", "I-VP"], ["I-NP"]]),
    (np.int64(0), [["#", "Rose", "smiled"], ["Paris"]]),
    ((1,), (TAGS,)),
    ([-1, 1], ([["O", "I-PER", "O"], ["I-LOC"]], TAGS)),
)
def test_conll_columns(conll, columns, expected):
    assert conll(CONLL, columns) == expected


def test_conll_marker_ends_a_sentence(conll):
    assert conll("a x\n-DOCSTART- -X-\nb y z\n", 0) == [["a"], ["b"]]


def test_conll_separator_keeps_spaces_and_empty_fields(conll):
    text = "New York\tLOC\n \t\n\tX\n\nis\tO\n"
    with pytest.raises(ValueError, match=r"line 1: found 3 column\(s\)"):
        conll(text, 3)
    X, y = conll(text, sep="\t")
    assert X == [["New York"], [""], ["is"]]
    assert y == [["LOC"], ["X"], ["O"]]


def test_conll_columns_may_differ_between_sentences(conll):
    X, y = conll("a 1 2 x\nb 1 2 y\n\nc z\n")
    assert (X, y) == ([["a", "b"], ["c"]], [["x", "y"], ["z"]])


@cases(
    "text, columns, match",
    ("a x\n\nb\n", (0, -1), r"some\.conll, line 3: found 1 .*\(0, -1\) names the"),
    ("a x\n", 2, "line 1: found 2 .* too few for columns=2"),
    ("a x\n", -3, "line 1: found 2 .* too few for columns=-3"),
    ("a x\n", (0, -2), r"columns=\(0, -2\) names the same one twice"),
    ("a x\n", (1, -1), "line 1: found 2 .* the same one twice"),
    ("a x\nb c y\n", (0, -1), r"some\.conll, line 2: found 3 .* but 2 in the"),
    ("a x\nb\n", 0, "line 2: found 1 .* but 2 in the lines of the sentence"),
    ("", (0, -1), r"some\.conll: no sentence"),
    ("\n-DOCSTART- -X- O\n \n", 0, "no sentence"),
    ("a x\n", (), r"columns is \(\): pass an int"),
    ("a x\n", "word", "columns is 'word': pass an int"),
)
def test_conll_messages(conll, text, columns, match):
    with pytest.raises(ValueError, match=match):
        conll(text, columns)


TOKENS = st.text(
    st.characters(exclude_characters=" \t\n\r", exclude_categories=["Cs"]), min_size=1
).filter(lambda token: token != "-DOCSTART-")


@given(
    sentences=st.lists(
        st.lists(st.tuples(TOKENS, TOKENS), min_size=1), min_size=1, max_size=5
    ),
    sep=st.sampled_from([None, "\t"]),
)
def test_conll_gives_back_any_tokens(tmp_path_factory, sentences, sep):
    # other line and word separators of Unicode are characters like any other
    lines = [[f"{w}\t{label}\n" for w, label in s] for s in sentences]
    path = tmp_path_factory.getbasetemp() / "any.conll"
    path.write_text("\n".join("".join(s) for s in lines), encoding="utf-8", newline="")
    X, y = read_conll(path, sep=sep)
    assert X == [[w for w, _ in s] for s in sentences]
    assert y == [[label for _, label in s] for s in sentences]


# --- read_ts --------------------------------------------------------------------------


TS = """\
# A comment: with, commas @data
@problemName Moves
#
@TIMESTAMPS False
@univariate false

@classlabel TRUE Up down
@Data

1,2.5,-3e-2:0,0,1:Up
#4:5:down
 7 : .5 :\tdown
"""


def check_series(X, expected):
    for x, rows in zip(X, expected, strict=True):
        assert x.dtype == np.float64
        assert x.shape == np.shape(rows)
        assert_array_equal(x, rows)


def test_ts_series_of_several_channels_and_lengths(ts):
    X, y = ts(TS)
    check_series(X, [[[1, 0], [2.5, 0], [-0.03, 1]], [[7, 0.5]]])
    assert y.dtype.kind == "U"
    assert y.tolist() == ["Up", "down"]


@cases(
    "text, labels",
    ("@classLabel true 1 2 10\n@data\n5:10\n5:1\n", ["10", "1"]),
    ("@classLabel true\n@data\n5:any thing\n5:1\n", ["any thing", "1"]),
)
def test_ts_labels_are_strings_with_and_without_a_list_of_them(ts, text, labels):
    assert ts(text)[1].tolist() == labels


@pytest.mark.parametrize("more", ["", "@classLabel false\n"])
def test_ts_targets(ts, more):
    X, y = ts(f"@targetlabel true\n{more}@data\n5,6:-1.5\n5,7:2\n8:?\n")
    check_series(X, [[[5], [6]], [[5], [7]], [[8]]])
    assert y.dtype == np.float64
    assert_array_equal(y, [-1.5, 2, np.nan])


@pytest.mark.parametrize("key", ["classLabel", "targetLabel"])
def test_ts_without_labels(ts, key):
    X, y = ts(f"@{key} false\n@data\n5,6:7,8\n9:10\n")
    check_series(X, [[[5, 7], [6, 8]], [[9, 10]]])
    assert y is None


def test_ts_missing_values(ts):
    X, _ = ts("@classLabel false\n@data\n?,1, ? :NaN,2,3\n?:?\n")
    nan = np.nan
    check_series(X, [[[nan, nan], [1, 2], [nan, 3]], [[nan, nan]]])


CLASSES = "@classLabel true a b\n@data\n"
TARGETS = "@targetLabel true\n@data\n"
VALUES = "@classLabel false\n@data\n"


@cases(
    "text, match",
    ("", r"some\.ts: no line @data found"),
    ("@classLabel true a\n#@data\n", r"some\.ts: no line @data found"),
    ("#\n1,2:a\n@data\n", r"some\.ts, line 2: found '1,2:a' before the line @data"),
    ("@data\n1:a\n", r"some\.ts: found neither @classLabel nor @targetLabel"),
    ("@targetLabel true\n@classLabel true a\n@data\n1:a\n", "both @classLabel true"),
    ("\n@classLabel a b\n@data\n1:a\n", r"line 2: found '@classLabel a b'.* true or"),
    ("@targetlabel\n@data\n1:2\n", "line 1: found '@targetlabel'.* true or false"),
    (f"@timeStamps True\n{CLASSES}(0,1):a\n", r"line 1: .*stamps are not supported"),
    (CLASSES, r"some\.ts: no series"),
    (f"{CLASSES}\n# 1:a\n", "no series"),
    (f"{CLASSES}1:a\n\n1:c\n", r"some\.ts, line 5: found the class .*'c'.*list a, b"),
    (f"{CLASSES}1:A\n", "line 3: found the class label 'A'"),
    (f"{CLASSES}1:2\n", "line 3: found the class label '2'"),
    (f"{CLASSES}a\n", "line 3: found no values followed by a class label"),
    (f"{CLASSES}1,2:\n", "line 3: found no values followed by a class label"),
    (f"{CLASSES}:a\n", "line 3: found '' in place of a number"),
    (f"{TARGETS}1,2\n", "line 3: found no values followed by a target"),
    (f"{TARGETS}1:2\n1:x\n", r"some\.ts, line 4: found 'x' in place of a number"),
    (f"{TARGETS}1:2,3\n", "line 3: found '2,3' in place of a number"),
    (f"{VALUES}1,2:1,?,2e\n", r"some\.ts, line 3: found '2e' .* written \?"),
    (f"{VALUES}1,,2\n", "line 3: found '' in place of a number"),
    (f"{VALUES}1,-?\n", r"line 3: found '-\?' in place of a number"),
    (f"{VALUES}1;2\n", "line 3: found '1;2' in place of a number"),
    (f"{VALUES}1:2\n\n1,2:3,4,5:6,7\n", r"line 5: found channels of 2 and of 3 val"),
    (f"{VALUES}1:2\n1:2:3\n", r"some\.ts, line 4: found 3 .* but 2 in .* no label"),
    (f"{TARGETS}1:2:3\n1:2\n", r"line 4: found 1 channel.* but 2 in .* a target"),
)
def test_ts_messages(ts, text, match):
    with pytest.raises(ValueError, match=match):
        ts(text)


FLOATS = st.floats(allow_infinity=False)


@given(
    series=st.integers(1, 3).flatmap(
        lambda d: st.lists(
            st.integers(1, 4).flatmap(lambda t: arrays(float, (t, d), elements=FLOATS)),
            min_size=1,
            max_size=4,
        )
    )
)
def test_ts_gives_back_any_numbers(tmp_path_factory, series):
    lines = ["@targetLabel true", "@data"]
    for x in series:
        channels = [",".join(map(repr, channel)) for channel in x.T.tolist()]
        lines.append(":".join([*channels, repr(x[-1, 0].item())]).replace("nan", "?"))
    path = tmp_path_factory.getbasetemp() / "any.ts"
    path.write_text("\n".join(lines), encoding="utf-8")
    X, y = read_ts(path)
    check_series(X, series)
    assert_array_equal(y, [x[-1, 0] for x in series])


# --- load_digit_rows ------------------------------------------------------------------


@cases("steps, shape", ("rows", (1797, 8, 8)), ("pixels", (1797, 64, 1)))
def test_digits(steps, shape):
    digits, images = load_digit_rows(steps=steps), load_digits()
    assert (digits.data.dtype, digits.data.shape) == (np.float64, shape)
    assert (digits.data.min(), digits.data.max()) == (0, 1)
    assert_array_equal(16 * digits.data.reshape(1797, 8, 8), images.images)
    assert_array_equal(digits.target, images.target)
    assert "divided by 16" in digits.DESCR
    assert images.DESCR in digits.DESCR
    X, y = load_digit_rows(steps=steps, return_X_y=True)
    assert_array_equal(X, digits.data)
    assert_array_equal(y, digits.target)


def test_digits_steps_must_be_known():
    with pytest.raises(ValueError, match=r"steps is 'columns': use 'rows' or 'pixels'"):
        load_digit_rows(steps="columns")


# --- load_names -----------------------------------------------------------------------

X_NAMES, Y_NAMES = load_names(return_X_y=True)
SENTENCES = list(zip(X_NAMES, Y_NAMES, strict=True))
NAMES = {w for x, y in SENTENCES for w, is_name in zip(x, y, strict=True) if is_name}


def test_names_has_the_running_example():
    sentence = "Harry Potter and Hermione Granger invented a new spell".split()
    (labels,) = (y.tolist() for x, y in SENTENCES if x == sentence)
    assert labels == [1, 1, 0, 1, 1, 0, 0, 0, 0]


def test_names_types_and_lengths():
    names = load_names()
    assert names.data == X_NAMES
    for words, labels in zip(names.data, names.target, strict=True):
        assert type(words) is list
        assert labels.dtype.kind == "i"
        assert labels.shape == (len(words),)
        assert set(labels.tolist()) <= {0, 1}
    assert "Teddy" in names.DESCR
    assert "#" not in names.DESCR


def test_names_is_well_formed():
    file = resources.files("skrnn.datasets") / "names.txt"
    text = file.read_text(encoding="utf-8")
    assert text == unicodedata.normalize("NFC", text)
    assert text.endswith("\n")
    assert "\r" not in text
    lines = text.split("\n")[:-1]
    n_head = sum(line.startswith("#") for line in lines)
    assert all(line.startswith("#") for line in lines[:n_head])
    assert len(lines) - n_head == len(X_NAMES)
    for words in X_NAMES:
        for word in words:
            assert word == word.strip() != ""
            assert "*" not in word
            # punctuation is a word of its own, but for initials
            assert word.isalnum() or word in {",", "?", "'s"} or set(word) & set("-'.")
            assert not word.endswith(".") or len(word) == 2
            assert word[0] not in "-'" or word == "'s"


def test_names_has_distinct_sentences_of_4_to_20_words():
    assert len(X_NAMES) >= 600
    assert len({" ".join(words).lower() for words in X_NAMES}) == len(X_NAMES)
    assert {len(words) for words in X_NAMES} <= set(range(4, 21))


def test_names_share_of_names():
    without = np.mean([not labels.any() for labels in Y_NAMES])
    assert 0.30 <= without <= 0.40
    assert 0.10 <= np.concatenate(Y_NAMES).mean() <= 0.20
    assert min(len(set(labels.tolist())) for labels in Y_NAMES) == 1
    assert all(0 in labels for labels in Y_NAMES)


def test_names_has_words_that_only_what_follows_can_tell():
    # nothing comes before the first word, so the words after it must tell
    names = {x[0] for x, y in SENTENCES if y[0]}
    pairs = names & {x[0] for x, y in SENTENCES if not y[0]}
    assert len(pairs) >= 150
    assert {"Teddy", "Rose", "Paris", "Will", "May", "Lincoln"} <= pairs


def test_names_are_in_all_places():
    place = np.concatenate([np.flatnonzero(y) / (len(y) - 1) for y in Y_NAMES])
    assert np.mean(place == 0) > 0.1
    assert np.mean((place > 0.3) & (place < 0.7)) > 0.1
    assert np.mean(place == 1) > 0.03


def test_names_has_capitalised_words_that_are_no_names():
    pairs = [pair for x, y in SENTENCES for pair in zip(x[1:], y[1:], strict=True)]
    words = [word for word, is_name in pairs if word[0].isupper() and not is_name]
    assert len(words) > 250
    assert {"Dr", "London", "Monday", "Samsung", "Nobel", "Kennedy"} <= set(words)


def test_names_leave_out_titles_and_have_lower_case_words():
    titles = "Captain Count Dr Father General Lady Mr Mrs Ms Pope President Sir Sister"
    assert not NAMES & set(titles.split())
    lower = {word for word in NAMES if not word[0].isupper()}
    assert lower == {"van", "de", "la", "da", "ibn", "al-Rashid", "al-Khwarizmi"}


# --- load_python_source ---------------------------------------------------------------

K, N, S, D, C, P = "keyword", "name", "string", "number", "comment", "operator"
W = "space"

# fmt: off
SNIPPETS = {
    "statement": [
        (K, "def"), (W, " "), (N, "f"), (P, "("), (N, "x"), (P, ","), (W, " "),
        (P, "*"), (N, "a_1"), (P, "="), (D, "0x1F"), (P, "):"), (W, "  "),
        (C, "# é 'a'"), (W, "\n    "), (K, "return"), (W, " "), (P, "-"),
        (D, "1.5e3"), (P, "**"), (N, "x"), (P, "@"), (N, "y"), (W, "\n"),
    ],
    "words": [
        (N, "match"), (W, " "), (P, "="), (W, " "), (K, "None"), (W, " "), (K, "if"),
        (W, " "), (K, "not"), (W, " "), (N, "case"), (W, " "), (K, "else"), (W, " "),
        (K, "True"), (P, ";"), (W, " "), (K, "async"), (W, " "), (K, "def"), (W, " "),
        (N, "print"), (P, "():"), (W, " "), (P, "..."),
    ],
    "tabs and indents": [
        (K, "if"), (W, "\t"), (N, "x"), (P, ":"), (W, "\n\t"), (K, "if"), (W, "  "),
        (N, "y"), (P, ":"), (W, "\n\t\t"), (N, "z"), (P, "()"), (W, "\t\n\n\t "),
        (C, "# end\t "), (W, "\n"), (N, "u"),
    ],
    "characters of several bytes": [
        (N, "éλ"), (P, "="), (S, "'é\U0001f600'"), (P, "+"), (N, "变数"), (W, " "),
        (C, "# \U0001f600"), (W, "\n"), (N, "x"),
    ],
    "strings": [
        (S, "'a'"), (W, " "), (S, 'b"#"'), (W, " "), (S, r"Rb'\''"), (W, " "),
        (S, "u'd'"), (P, "%"), (N, "x"), (W, "\n"),
    ],
    "strings over lines": [
        (N, "x"), (P, "="), (S, '"""a # é\n\n \'b\' \\\n\t"""'), (P, "+"),
        (S, "'a\\\nb'"), (W, " "), (C, '# """'), (W, "\n"), (N, "y"),
    ],
    "continuation": [
        (N, "x"), (W, " "), (P, "="), (W, " \\\n  "), (P, "("), (D, "2"), (P, ","),
        (W, "\n     "), (C, "# two"), (W, "\n\n "), (D, "3j"), (P, ")"), (W, "\n"),
    ],
    "form feed": [(N, "x"), (W, "\n\f\n"), (N, "y"), (W, " \f "), (C, "# y")],
    "decorator": [
        (P, "@"), (N, "a"), (P, "."), (N, "b"), (W, "\n"), (K, "class"), (W, " "),
        (N, "A"), (P, ":"), (W, " "), (K, "pass"), (W, "\n"),
    ],
    "comment at the end": [(N, "x"), (W, "\n"), (C, "# end")],
    "comment and empty lines at the end": [(N, "x"), (C, "# end"), (W, "\n\n  \n")],
    "f-strings": [
        (N, "x"), (P, "="), (S, 'f"a{y!r:>{w}} {{é}}"'), (P, "+"), (D, "1"), (W, "\n"),
        (S, "rF'''{\n x + 1:,}\n'''"), (W, " "), (S, "'{z}'"), (W, " "), (S, "f''"),
        (P, "."), (N, "z"),
    ],
    "f-strings with quotes in them": [
        (S, "f\"{d['k']}\""), (P, "["), (D, "0"), (P, "]"), (S, "f'{f\"{x}\"}{y}'"),
        (W, " "), (N, "z"),
    ],
    "space only": [(W, " \n\n")],
    "nothing": [],
}
if sys.version_info >= (3, 12):
    SNIPPETS["f-strings with the same quotes in them"] = [
        (S, "f'{d['k'] + f'{x!r}' # \n}'"), (P, "+"), (N, "x"),
    ]
if sys.version_info >= (3, 14):
    SNIPPETS["t-strings"] = [(S, "t'{x:{y}}'"), (P, "+"), (N, "x")]

PIECES = [
    (K, "while"), (N, "x"), (N, "été"), (D, "1_0.5"), (P, "->"), (P, "="), (S, "'é'"),
    (S, "'''a\n'é\n'''"), (S, "f'{x}'"), (S, "f'{f\"{x!r}\"}'"), (C, "# é"),
]
# fmt: on


def check_tags(pieces):
    text = "".join(piece for _, piece in pieces)
    expected = [kind for kind, piece in pieces for _ in piece]
    assert tag_source(text).tolist() == expected


@pytest.mark.parametrize("pieces", SNIPPETS.values(), ids=SNIPPETS)
def test_tags_by_hand(pieces):
    check_tags(pieces)


@given(st.lists(st.sampled_from(PIECES), max_size=8))
def test_tags_of_any_tokens(pieces):
    # a line end follows each, since a comment reaches to the end of its line
    check_tags([part for piece in pieces for part in (piece, (W, "\n"))])


@pytest.fixture(scope="module")
def source():
    return load_python_source(n_files=40)


def test_source_labels_align_with_characters(source):
    assert len(source.data) == len(source.target) == len(source.groups) > 500
    for text, labels in zip(source.data, source.target, strict=True):
        assert type(text) is str
        assert labels.shape == (len(text),)
        assert labels[0] == "keyword"
        assert labels[-1] != "space"
    assert set(np.concatenate(source.target).tolist()) == KINDS


def test_source_kinds_hold_what_they_should(source):
    for text, labels in zip(source.data, source.target, strict=True):
        bounds = [0, *(np.flatnonzero(labels[1:] != labels[:-1]) + 1), len(text)]
        for start, stop in pairwise(bounds):
            kind, run = labels[start], text[start:stop]
            if kind == "keyword":
                assert keyword.iskeyword(run)
            elif kind == "name":
                assert run.isidentifier()
                assert not keyword.iskeyword(run)
            elif kind == "number":
                complex(run.replace("_", "")) if run[:2] != "0x" else int(run, 16)
            elif kind == "string":
                assert run.lower().lstrip("bfrtu")[0] == run[-1]
                assert run[-1] in "'\""
            elif kind == "comment":
                assert run[0] == "#"
                assert "\n" not in run
            elif kind == "space":
                assert not run.strip(" \t\n\f\\")
            else:
                assert not set(run) & set("'\"#_ \n")
                assert not any(c.isalnum() for c in run)


def test_source_sequences_are_functions(source):
    for text in source.data:
        assert text.startswith(("def ", "async def "))
        (function,) = ast.parse(text).body
        assert isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)


TREE = '''\
import a
@a.decorator
def f(x):
    def inner():
        return x
    return inner  # left out
# left out
class A:
    b = lambda: 0
    class B:
        async def g(self):
            "hé"; return 'é'  # left out
    @property
    def g(self): return f"""
{self}"""  # left out
if a:
    def h(): pass
else:
    try:
        def h(): return 1
    except E:
        def h(): return 2
match a:
    case 1:
        def h(): return 3
'''

TREE_FUNCTIONS = [
    "def f(x):\n    def inner():\n        return x\n    return inner",
    "async def g(self):\n            \"hé\"; return 'é'",
    'def g(self): return f"""\n{self}"""',
    "def h(): pass",
    "def h(): return 1",
    "def h(): return 2",
    "def h(): return 3",
]


@pytest.fixture
def library(tmp_path, monkeypatch):
    """Put an empty folder in the place of the standard library."""
    monkeypatch.setattr(sysconfig, "get_paths", lambda: {"stdlib": str(tmp_path)})
    return tmp_path


def test_source_finds_each_function_once(library):
    (library / "tree.py").write_text(TREE, encoding="utf-8")
    source = load_python_source()
    assert source.data == TREE_FUNCTIONS
    expected = [K] * 3 + [W, N, P] + [N] * 4 + [P, P, W] + [K] * 6 + [W] + [S] * 14
    assert source.target[2].tolist() == expected


def test_source_reads_files_in_order_and_leaves_out_what_is_no_source(library):
    (library / "z.py").write_text("def last(): pass")
    (library / "b.py").write_bytes("\ufeffdef b(): 'é'\r\ndef c():\r\n  0\r\n".encode())
    (library / "a.py").write_bytes(b"# coding: latin-1\ndef \xe9(): 1")
    (library / "aa.py").write_text("def f(:")
    (library / "ab.py").write_bytes(b"def f(): '\xe9'")
    (library / "ac.py").write_bytes(b"def f(): '\0'")
    (library / "ad.py").write_bytes(b"# coding: nonsense\ndef f(): 0")
    (library / "ae.py").write_bytes(b"\n\n\ndef f(): '\xe9'")
    (library / "af.py").mkdir()
    (library / "d.txt").write_text("def f(): pass")
    (library / "test").mkdir()
    (library / "test" / "a.py").write_text("def f(): pass")
    source = load_python_source(n_files=2)
    assert source.data == ["def é(): 1", "def b(): 'é'", "def c():\n  0"]
    assert source.groups.tolist() == ["a.py", "b.py", "b.py"]
    assert load_python_source(None).groups.tolist() == ["a.py", "b.py", "b.py", "z.py"]


def test_source_leaves_out_long_functions(library):
    (library / "a.py").write_text("def f(): 12345\ndef g(): 1\ndef h(): 123")
    source = load_python_source(max_length=12)
    assert source.data == ["def g(): 1", "def h(): 123"]
    assert [len(labels) for labels in source.target] == [10, 12]
    assert source.groups.shape == (2,)
    assert load_python_source(max_length=11).data == ["def g(): 1"]
    (library / "b.py").write_text(f"def long(): {'x' * 5000}")
    assert len(load_python_source().data) == 3
    assert len(load_python_source(max_length=None).data) == 4


def test_source_as_a_tuple(source):
    X, y = load_python_source(n_files=40, return_X_y=True)
    assert X == source.data
    assert_array_equal(np.concatenate(y), np.concatenate(source.target))
    assert all(kind in source.DESCR for kind in KINDS)


@pytest.mark.parametrize("params", [{"n_files": 0}, {"n_files": -1}, {"max_length": 5}])
def test_source_without_functions(params):
    with pytest.raises(ValueError, match=r"No function found in .* n_files=.*Raise"):
        load_python_source(**params)


def test_source_without_files(library):
    with pytest.raises(ValueError, match=r"is installed as \.py files"):
        load_python_source()


# --- make_dates -----------------------------------------------------------------------


MONTHS = "jan feb mar apr may jun jul aug sep oct nov dec".split()
WEEKDAYS = "mon tue wed thu fri sat sun".split()


def read_date(text):
    """Return the day that a text means, whatever its form."""
    numbers = [int(number) for number in re.findall(r"\d+", text)]
    words = [word[:3] for word in re.findall("[a-z]+", text.lower())]
    months = [MONTHS.index(word) + 1 for word in words if word in MONTHS]
    if max(numbers) > 31 and numbers[0] == max(numbers):  # the year is first
        numbers = numbers[1:] + numbers[:1]
        if not months:
            numbers[:2] = numbers[1::-1]
    elif "/" in text:
        numbers[:2] = numbers[1::-1]
    numbers[1:1] = months
    day, month, year = numbers
    if year < 100:
        year += 1900 if year >= 50 else 2000
    weekdays = [WEEKDAYS.index(word) for word in words if word in WEEKDAYS]
    assert weekdays in ([], [date(year, month, day).weekday()])
    return date(year, month, day)


def test_dates_are_those_that_are_written():
    texts, dates = make_dates(5000, random_state=0)
    assert len(texts) == len(dates) == 5000
    for text, day in zip(texts, dates, strict=True):
        assert read_date(text).isoformat() == day, text
    years = {day[:4] for day in dates}
    assert years == {str(year) for year in range(1950, 2050)}
    assert len({day[5:] for day in dates}) == 366


def test_dates_have_the_endings_of_their_numbers():
    texts, _ = make_dates(5000, random_state=1)
    found = re.findall(r"(\d+)(st|nd|rd|th)", " ".join(texts).lower())
    wanted = {1: "st", 2: "nd", 3: "rd", 21: "st", 22: "nd", 23: "rd", 31: "st"}
    assert {int(n) for n, _ in found} == set(range(1, 32))
    assert all(ending == wanted.get(int(n), "th") for n, ending in found)


def test_dates_are_written_in_many_ways_that_are_never_in_doubt():
    pairs = set(zip(*make_dates(20_000, random_state=2), strict=True))
    assert len({text for text, _ in pairs}) == len(pairs)
    texts = [text for text, _ in pairs]
    forms = {re.sub(r"\d+", "0", re.sub("[A-Za-z]+", "a", text)) for text in texts}
    assert len(forms) > 40
    assert {text.isupper() for text in texts} == {True, False}


def test_dates_are_drawn_by_the_random_state():
    first, second = make_dates(20, random_state=3), make_dates(20, random_state=3)
    assert first == second != make_dates(20, random_state=4)
    state = np.random.RandomState(3)
    assert make_dates(20, random_state=state) == first
    assert make_dates(20, random_state=state) != first


@pytest.mark.parametrize("n_samples", [0, -1, 2.0])
def test_number_of_dates_is_checked(n_samples):
    with pytest.raises((ValueError, TypeError), match="n_samples"):
        make_dates(n_samples)
