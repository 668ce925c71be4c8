"""Metrics of sequences of another length: edits and BLEU, by hand and by oracles."""

import pickle
import re
from functools import cache

import numpy as np
import pytest
from common import CONTAINERS_OF_ITEMS, near, object_array
from hypothesis import assume, given
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy import sparse
from sklearn.base import BaseEstimator
from sklearn.metrics import make_scorer
from sklearn.model_selection import GridSearchCV, cross_val_score

from skrnn import metrics
from skrnn.metrics import bleu_score, edit_distance, exact_match_score, label_error_rate

METRICS = [label_error_rate, exact_match_score, bleu_score]
UNHASHABLE, WITHOUT = "which is not hashable", "without a reference"

labels = st.sampled_from("abc")
sequences = st.lists(labels, max_size=9)
# several references and a prediction, each
several = st.lists(sequences, min_size=1, max_size=3)
pairs = st.lists(st.tuples(several, sequences), min_size=1, max_size=5)


def split(pairs):
    """Return y_true, with all its references, and y_pred."""
    return tuple(map(list, zip(*pairs, strict=True)))


# --- edit distance --------------------------------------------------------------------


def recursive_distance(a, b):
    @cache
    def distance(i, j):
        if i == 0 or j == 0:
            return i + j
        return min(
            distance(i - 1, j) + 1,
            distance(i, j - 1) + 1,
            distance(i - 1, j - 1) + (a[i - 1] != b[j - 1]),
        )

    return distance(len(a), len(b))


@pytest.mark.parametrize(
    ("a", "b", "distance"),
    [
        ("", "", 0),
        ("", "abc", 3),
        ("abc", "", 3),
        ("kitten", "sitting", 3),
        ("intention", "execution", 5),
        ("ab", "ba", 2),  # no transposition
        ("abcdef", "xabcdef", 1),
        (["the", "cat"], ["the", "cats"], 1),
        ([1, 2, 3], (1, 3), 1),
        ([("a", 1), None], [("a", 1), 2.5], 1),
        (np.array([1, 2, 3]), [1.0, 2.0, 4.0], 1),
        (np.array(["a", "b"]), np.array(["b"], dtype=object), 1),
        (["1", "2"], [1, 2], 2),
    ],
)
def test_edit_distance(a, b, distance):
    found = edit_distance(a, b)
    assert found == distance
    assert isinstance(found, int)
    assert edit_distance(b, a) == distance


@given(st.text("abcd", max_size=12), st.text("abcd", max_size=12))
def test_edit_distance_agrees_with_the_recursion(a, b):
    assert edit_distance(a, b) == recursive_distance(a, b)
    assert edit_distance(list(a), tuple(b)) == recursive_distance(a, b)


@given(sequences, sequences, sequences)
def test_edit_distance_is_a_metric(a, b, c):
    assert (edit_distance(a, b) == 0) == (a == b)
    assert edit_distance(a, b) == edit_distance(b, a)
    assert edit_distance(a, c) <= edit_distance(a, b) + edit_distance(b, c)
    assert abs(len(a) - len(b)) <= edit_distance(a, b) <= max(len(a), len(b))


@pytest.mark.parametrize("n", [63, 64, 65, 300])
def test_edit_distance_of_long_sequences(n):
    rng = np.random.default_rng(n)
    a, b = (rng.integers(0, 4, size=size) for size in (n, n - 7))
    row = np.arange(len(b) + 1)  # the table of distances, row by row
    for i, label in enumerate(a, start=1):
        before, row = row, np.empty_like(row)
        row[0] = i
        for j in range(1, len(row)):
            right = before[j - 1] + (label != b[j - 1])
            row[j] = min(before[j] + 1, row[j - 1] + 1, right)
    assert edit_distance(a, b) == row[-1]


@pytest.mark.parametrize(
    ("a", "b", "message"),
    [
        ("cat", [], r"a is the text 'cat' and b is not a text: .* such as list\(a\)"),
        (["c"], "cat", r"b is the text 'cat' and a is not a text: .* or b.split\(\)"),
        ("cat", None, "a is the text 'cat' and b is not a text"),
        (None, ["c"], "a is None, not a sequence of labels: pass one list or array"),
        (["c"], 3, "b is 3, not a sequence of labels"),
        (["c"], {"c"}, r"b is \{'c'\}, not a sequence of labels"),
        (["c"], {"c": 1}, r"b is \{'c': 1\}, not a sequence of labels"),
        (["c"], np.array(3), r"b is array\(3\), not a sequence of labels"),
        ([["c"]], ["c"], r"a contains \['c'\], which is not hashable: labels"),
        (["c"], np.eye(2), r"b contains \[1\.0, 0\.0\], which is not hashable"),
    ],
)
def test_messages_of_edit_distance(a, b, message):
    with pytest.raises(ValueError, match=message):
        edit_distance(a, b)


# --- label error rate and exact match -------------------------------------------------


def test_rates_by_hand():
    pair = [["a", "b", "c"], ["a"], []], [["a", "c"], ["b"] * 3, []]  # 1, 3 and 0 edits
    assert label_error_rate(*pair) == near(4 / 4)
    assert exact_match_score(*pair) == near(1 / 3)
    found = label_error_rate(*pair, sample_weight=[2, 0.5, 7])
    assert found == near((2 * 1 + 0.5 * 3) / (2 * 3 + 0.5))
    assert exact_match_score(*pair, sample_weight=[2, 1, 7]) == near(7 / 10)
    assert label_error_rate([["a"]], [["b", "c"]]) == 2  # a rate may be above 1
    for metric in METRICS[:2]:
        assert isinstance(metric(*pair), float)


def test_words_and_characters_of_texts():
    y_true, y_pred = ["the cat", "a  dog"], ["the cats", "a dog"]
    words, letters = {"tokenizer": str.split}, {"tokenizer": list}
    assert label_error_rate(y_true, y_pred, **words) == near(1 / 4)
    assert label_error_rate(y_true, y_pred, **letters) == near(2 / 13)
    assert exact_match_score(y_true, y_pred, **words) == 0.5
    assert exact_match_score(y_true, y_pred, **letters) == 0
    several = [["the dog", "the cats"], "a dog"]
    assert label_error_rate(several, y_pred, **words) == 0
    assert exact_match_score(np.array([["a", "b"]]), ["b"], **letters) == 1
    assert bleu_score(several, y_pred, **words, max_order=2) == 100


@pytest.mark.parametrize("order", [[0, 1, 2, 3], [3, 2, 1, 0], [1, 3, 0, 2]])
def test_the_nearest_reference_counts(order):
    y_pred, several = [["a", "b", "c"]], ["xy", "abd", "abcd", "ab"]
    y_true = [[list(several[k]) for k in order]]
    # of three that are one edit away, the longest
    assert label_error_rate(y_true, y_pred) == 1 / 4
    assert exact_match_score(y_true, y_pred) == 0
    y_true[0].append(["a", "b", "c"])
    assert label_error_rate(y_true, y_pred) == 0
    assert exact_match_score(y_true, y_pred) == 1


@given(pairs)
def test_rates_agree_with_the_recursion(pairs):
    y_true, y_pred = split(pairs)
    nearest = [min((recursive_distance(r, p), -len(r)) for r in s) for s, p in pairs]
    edits, n_labels = sum(d for d, _ in nearest), -sum(n for _, n in nearest)
    exact = np.mean([p in several for several, p in pairs])
    assert exact_match_score(y_true, y_pred) == near(exact)
    if n_labels:
        assert label_error_rate(y_true, y_pred) == near(edits / n_labels)


@given(pairs)
def test_one_reference_is_the_same_in_a_list_of_one(pairs):
    y_true, y_pred = [several[0] for several, _ in pairs], [p for _, p in pairs]
    assume(any(y_true))
    for metric in METRICS:
        assert metric(y_true, y_pred) == metric([[y] for y in y_true], y_pred)


@given(st.lists(st.tuples(sequences, sequences), min_size=1, max_size=5), st.data())
def test_a_weight_is_a_repetition(pairs, data):
    n = len(pairs)
    weights = data.draw(st.lists(st.integers(0, 3), min_size=n, max_size=n))
    repeated = [pair for pair, w in zip(pairs, weights, strict=True) for _ in range(w)]
    assume(any(y for y, _ in repeated))
    for metric in METRICS:
        weighted = metric(*split(pairs), sample_weight=weights)
        assert_allclose(weighted, metric(*split(repeated)), rtol=1e-9)


@given(pairs, st.randoms())
def test_the_order_of_sequences_does_not_matter(pairs, random):
    assume(all(all(several) for several, _ in pairs))
    shuffled = random.sample(pairs, len(pairs))
    shuffled = [(random.sample(several, len(several)), p) for several, p in shuffled]
    for metric in METRICS:
        assert_allclose(metric(*split(shuffled)), metric(*split(pairs)), rtol=1e-9)


@given(st.lists(st.lists(labels, min_size=4, max_size=9), min_size=1, max_size=5))
def test_what_is_all_right(y):
    assert label_error_rate(y, y) == 0
    assert exact_match_score(y, y) == 1
    assert bleu_score(y, y) == 100


# --- BLEU -----------------------------------------------------------------------------

# name: references of sentences, predictions, and the scores of sacrebleu 2.6.0,
# BLEU(tokenize="none", smooth_method=smooth, max_ngram_order=order).corpus_score(...)
# for (smooth, order) of GOLDEN_SETTINGS; missing references are repetitions of the last
# one. " / " is between sentences, " | " between references of a sentence.
GOLDEN_SETTINGS = [("exp", 4), (None, 4), ("exp", 2)]
CAT = "the cat sat on the mat"
GOLDEN = {
    "usual": (
        f"{CAT} / it is raining again today / a man is reading an old book",
        "the cat sat on a mat / it rains again today"
        " / a man is reading a very old book",
        [41.867798226391265, 41.867798226391265, 64.40611887195307],
    ),
    "none of four words": (
        "yes / thank you / see you later then / good night",
        "yes / thank you / see you later / night",
        [0.0, 0.0, 75.14772930752862],
    ),
    "one of four words": (
        "yes / thank you / see you later then",
        "yes / thank me / see you later now",
        [54.66325569645468, 0.0, 59.76143046671968],
    ),
    "no 4-gram right": (
        f"{CAT} / it is raining again",
        "the cat sat by the mat / it is not raining again",
        [28.387021048806446, 0.0, 67.41998624632421],
    ),
    "no 2-gram right": (
        f"{CAT} / it is raining again",
        "mat the on sat cat the / again raining is it",
        [9.497946070644906, 0.0, 25.000000000000007],
    ),
    "no word right": (CAT, "a dog lies under it", [0.0, 0.0, 0.0]),
    "an empty prediction": (
        f"{CAT} / it is raining again",
        f"{CAT} / ",
        [51.341711903259224] * 3,
    ),
    "only empty predictions": (CAT, "", [0.0, 0.0, 0.0]),
    "an empty reference": (
        f"{CAT} / ",
        f"{CAT} / yes",
        [96.21954581957614, 96.21954581957614, 92.58200997725515],
    ),
    "several references": (
        f"{CAT} | a cat was sitting on the mat / it is raining again"
        " | once more it rains today / see you later then | good bye and see you",
        "the cat was sitting on a mat / it rains again today / bye and see you",
        [56.05976101691434, 56.05976101691434, 81.64965809277267],
    ),
    "references equally near in length": (
        "a b c d e f | a b c d e f g h | a b d c",
        "a b c d e f x",
        [80.91067115702207, 80.91067115702207, 84.51542547285166],
    ),
    "a longer reference is nearer in length": (
        "the cat sat on the old mat | a cat sat",
        CAT,
        [67.31821382417488, 67.31821382417488, 75.71162714266755],
    ),
    "a word too often": (
        "the cat is on the mat | there is a cat on the mat",
        "the the the the the the the",
        [7.809849842300637, 0.0, 15.430334996209186],
    ),
    "too long": (
        CAT,
        "the cat sat on the mat and on the mat it sat",
        [41.72261448611505, 41.72261448611505, 47.67312946227961],
    ),
}


@pytest.mark.parametrize("name", GOLDEN)
def test_bleu_agrees_with_sacrebleu(name):
    y_true, y_pred, scores = GOLDEN[name]
    y_true = [several.split(" | ") for several in y_true.split(" / ")]
    y_pred = y_pred.split(" / ")
    tokens = [[text.split() for text in several] for several in y_true]
    for (smooth, order), expected in zip(GOLDEN_SETTINGS, scores, strict=True):
        settings = {"smooth": smooth, "max_order": order}
        found = bleu_score(y_true, y_pred, tokenizer=str.split, **settings)
        assert found == near(expected)
        assert isinstance(found, float)
        assert bleu_score(tokens, [p.split() for p in y_pred], **settings) == found


def test_bleu_by_hand():
    pair = [["a", "b", "c", "d", "e"]], [["a", "b", "d"]]
    # 3 of 3, 1 of 2, then 1 / 2 of 1 in place of none
    penalty = np.exp(1 - 5 / 3)
    expected = 100 * penalty * (1 * 1 / 2 * 1 / 2) ** (1 / 3)
    assert bleu_score(*pair, max_order=3) == near(expected)
    assert bleu_score(*pair, max_order=np.int64(1)) == near(100 * penalty)


@given(pairs)
def test_bleu_is_between_0_and_100(pairs):
    y_true, y_pred = split(pairs)
    assume(all(all(several) for several in y_true))
    for smooth in ("exp", None):
        assert 0 <= bleu_score(y_true, y_pred, smooth=smooth, max_order=2) <= 100


BAD_ORDER = "max_order is {!r}: it must be an int, at least 1"
BAD_SMOOTH = "smooth is {!r}: it must be 'exp' or"


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [("max_order", value, BAD_ORDER) for value in (0, -1, 2.0, None, "4")]
    + [("smooth", value, BAD_SMOOTH) for value in ("none", "floor", True, 1)],
)
def test_bleu_checks_its_parameters(name, value, message):
    with pytest.raises(ValueError, match=re.escape(message.format(value))):
        bleu_score([["a"]], [["a"]], **{name: value})


# --- containers and messages ----------------------------------------------------------


@pytest.mark.parametrize("container", CONTAINERS_OF_ITEMS)
def test_containers_of_texts(container):
    y_true, y_pred = ["the cat", "dog"], ["the cats", "dog"]
    for pair in ((container(y_true), y_pred), (y_true, container(y_pred))):
        assert label_error_rate(*pair, tokenizer=str.split) == near(1 / 3)


@pytest.mark.parametrize(
    "several",
    [
        [["a", "b"], ["c", "b"]],
        (["a", "b"], ["c", "b"]),
        [np.array(["a", "b"]), ["c", "b"]],
        [("a", "b"), ["c", "b"]],
        np.array([["a", "b"], ["c", "b"]]),
        object_array([["a", "b"], ["c", "b"]]),
    ],
)
def test_containers_of_references(several):
    for y_true in ([several, ["d"]], object_array([several, ["d"]])):
        assert exact_match_score(y_true, [["c", "b"], ["d"]]) == 1
        assert label_error_rate(y_true, [["c", "x"], ["d"]]) == 1 / 3
    cube = np.array([[["a", "b"], ["c", "b"]]] * 2)
    assert exact_match_score(cube, [["a", "b"], ["c", "b"]]) == 1


def test_labels_must_be_hashable():
    class Unhashable:
        __hash__ = None

    message = r"\[0\] contains .*labels must be hashable"
    for pair in (([["a", Unhashable()]], [["a"]]), ([["a"]], [[Unhashable()]])):
        with pytest.raises(ValueError, match=message):
            label_error_rate(*pair)


def test_a_table_is_no_sequence():
    pd = pytest.importorskip("pandas")
    with pytest.raises(ValueError, match=r"(?s)y_true\[0\] is .*, not a sequence of"):
        label_error_rate([pd.DataFrame({"a": [1], "b": [2]})], [["a", "b"]])


def test_tuples_in_a_list_are_labels():
    y_true = [[("a", 1), ("b", 2)]]
    assert label_error_rate(y_true, [[("a", 1), ("b", 3)]]) == 0.5


def test_arrays_of_shape_n_by_t():
    y_true, y_pred = np.array([["a", "b"], ["c", "d"]]), np.array([["a"], ["c"]])
    assert label_error_rate(y_true, y_pred) == 0.5
    pair = y_true[:, :1].astype(object), y_pred.astype(object)  # labels in its cells
    assert label_error_rate(*pair) == 0


MATRIX = sparse.csr_array([[1, 2]])


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize(
    ("y_true", "y_pred", "message"),
    [
        ([["a"]], [["a"], ["a"]], "y_true has 1 sequences and y_pred has 2: both must"),
        (None, [["a"]], "y_true is None and has no sequences: pass one list"),
        ([], [], r"y_true is \[\] and has no sequences"),
        ([["a"]], 3, "y_pred is 3 and has no sequences"),
        ("abc", [["a"]], "y_true is 'abc' and has no sequences"),
        ([["a"]], {"a"}, "y_pred is a set"),
        (["a", "b"], [["a"]] * 2, r"y_true\[0\] is the text 'a': .* tokenizer=str.spl"),
        ([["a"]] * 2, [["a"], "b"], r"y_pred\[1\] is the text 'b': .* tokenizer=list"),
        (["a"], ["a"], r"y_true\[0\] is the text 'a'"),
        (np.array(["a"]), [["a"]], r"y_true\[0\] is the text 'a'"),
        ([["a"], 3], [["a"]] * 2, r"y_true\[1\] is 3, not a sequence of labels: pass"),
        ([["a"], {"a"}], [["a"]] * 2, r"y_true\[1\] is \{'a'\}, not a sequence"),
        ([["a"]], [{"a": 1}], r"y_pred\[0\] is \{'a': 1\}, not a sequence"),
        ([["a"]], [MATRIX], r"(?s)y_pred\[0\] is <.*, not a sequence"),
        ([["a"]], MATRIX, r"(?s)y_pred\[0\] is <.*, not a sequence"),
        ([["a"]], [None], r"y_pred\[0\] is None, not a sequence"),
        ([["a"]], [[["a"]]], rf"y_pred\[0\] contains \['a'\], {UNHASHABLE}.* Only"),
        ([["a", []]], [["a"]], r"y_true\[0\] contains 'a' and a list: pass a sequence"),
        ([[["a"], 3]], [["a"]], r"y_true\[0\] contains 3 and a list"),
        ([[["a"], {}]], [["a"]], r"y_true\[0\]\[1\] is \{\}, not a sequence of labels"),
        ([[["a"], [[]]]], [["a"]], rf"y_true\[0\]\[1\] contains \[\], {UNHASHABLE}"),
    ],
)
def test_messages(metric, y_true, y_pred, message):
    with pytest.raises(ValueError, match=message):
        metric(y_true, y_pred)


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize(
    ("y_true", "y_pred", "message"),
    [
        ([["a"]], [["a"]], r"y_pred\[0\] is \['a'\], not a text: pass texts"),
        ([[["a"]]], ["a"], r"y_true\[0\]\[0\] is \['a'\], not a text: .* leave out"),
        (["a", 3], ["a"] * 2, r"y_true\[1\] is 3, not a text"),
        ([{"a"}], ["a"], r"y_true\[0\] is \{'a'\}, not a text"),
        (["a", []], ["", ""], rf"y_true\[1\] is \[\], {WITHOUT}: give at least one"),
        ("abc", ["a"], "y_true is 'abc' and has no sequences: .* one text and a"),
        (["a"], ["a"] * 2, "y_true has 1 sequences and y_pred has 2"),
    ],
)
def test_messages_of_texts(metric, y_true, y_pred, message):
    with pytest.raises(ValueError, match=message):
        metric(y_true, y_pred, tokenizer=str.split)


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize(
    ("tokenizer", "message"),
    [
        (wrong, r"tokenizer is .*: pass a function that")
        for wrong in ("word", 3, metrics)
    ]
    + [
        (len, r"tokenizer\(y_true\[0\]\) is 1, not a sequence of labels"),
        (lambda x: [[x]], rf"tokenizer\(y_true\[0\]\) contains \['a'\], {UNHASHABLE}"),
    ],
)
def test_tokenizers_are_checked(metric, tokenizer, message):
    with pytest.raises(ValueError, match=message):
        metric(["a"], ["a"], tokenizer=tokenizer)


@pytest.mark.parametrize("metric", [label_error_rate, bleu_score])
@pytest.mark.parametrize(
    ("y_true", "y_pred", "sample_weight"),
    [
        ([[], []], [["a"], []], None),
        ([[[], []]], [["a"]], None),
        ([[[], ["a", "b"]]], [[]], None),
        ([["a"], []], [["a"], ["a"]], [0, 1]),
    ],
)
def test_there_must_be_true_labels(metric, y_true, y_pred, sample_weight):
    message = r"y_true has no labels.* is empty or has weig"
    with pytest.raises(ValueError, match=message):
        metric(y_true, y_pred, sample_weight=sample_weight)


def test_an_exact_match_may_be_empty():
    assert exact_match_score([[], []], [["a"], []]) == 0.5


# --- scorers --------------------------------------------------------------------------


class Speller(BaseEstimator):
    """Spells a word by its letters, the first `skip` of them left out."""

    def __init__(self, skip=0, joined=False):
        self.skip, self.joined = skip, joined

    def fit(self, X, y):
        self.fitted_ = True
        return self

    def predict(self, X):
        words = [list(word[self.skip :]) for word in X]
        return list(map(" ".join, words)) if self.joined else object_array(words)


WORDS = ["banana", "cherry", "figs", "apple", "lemon", "peach"]
SPELLED = [list(word) for word in WORDS[:3]] + [list(word[1:]) for word in WORDS[3:]]
SCORERS = {
    "neg_label_error_rate_scorer": lambda *pair: -label_error_rate(*pair),
    "exact_match_scorer": exact_match_score,
    "bleu_scorer": bleu_score,
}


@pytest.mark.parametrize("name", SCORERS)
def test_scorers_in_cross_val_score(name):
    params = {"scoring": getattr(metrics, name), "cv": 2, "error_score": "raise"}
    found = cross_val_score(Speller(), WORDS, SPELLED, **params)
    y_pred = list(map(list, WORDS))
    assert found == near([SCORERS[name](SPELLED[f], y_pred[f]) for f in np.s_[:3, 3:]])
    assert found[0] > found[1]


@pytest.mark.parametrize("name", SCORERS)
def test_scorers_in_grid_search(name):
    params = {"scoring": getattr(metrics, name), "cv": 2, "error_score": "raise"}
    search = GridSearchCV(Speller(), {"skip": [3, 1, 2]}, **params)
    search.fit(WORDS, [list(word[1:]) for word in WORDS])
    assert search.best_params_ == {"skip": 1}


def test_a_scorer_of_texts():
    scorer = make_scorer(label_error_rate, greater_is_better=False, tokenizer=str.split)
    speller, y = Speller(joined=True), [" ".join(labels) for labels in SPELLED]
    params = {"scoring": scorer, "cv": 2, "error_score": "raise"}
    assert cross_val_score(speller, WORDS, y, **params) == near([0, -3 / 12])
    assert pickle.loads(pickle.dumps(scorer))(speller, WORDS, y) < 0
