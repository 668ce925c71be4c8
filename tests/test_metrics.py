"""Metrics: spans of every scheme, scores by hand, containers, scorers, messages."""

import pickle
import re
from itertools import pairwise

import numpy as np
import pytest
import sklearn.metrics
from common import (
    CONTAINERS_OF_ITEMS,
    CONTAINERS_OF_LABELS,
    near,
    object_array,
    object_column,
    of_characters,
    pandas_frame,
    pandas_series,
    polars_frame,
    take,
)
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy import sparse
from sklearn.base import BaseEstimator
from sklearn.model_selection import GridSearchCV, KFold, cross_validate
from sklearn.pipeline import make_pipeline

from skrnn import RNNLanguageModel, metrics
from skrnn._validation import targets_as_list

SCORERS = [name for name in metrics.__all__ if name.endswith("_scorer")]
SCORERS.remove("neg_perplexity_scorer")  # the others are of labels
TOKEN_SCORES = [metrics.token_accuracy_score, metrics.token_f1_score]
TOKEN_SCORES += [metrics.sequence_accuracy_score]
SPAN_SCORES = [metrics.span_precision_score, metrics.span_recall_score]
SPAN_SCORES += [metrics.span_f1_score]
PAIR_METRICS = [
    *TOKEN_SCORES,
    *SPAN_SCORES,
    metrics.token_classification_report,
    metrics.span_precision_recall_fscore_support,
    metrics.span_classification_report,
]
EDIT_SCORES = [metrics.label_error_rate, metrics.exact_match_score, metrics.bleu_score]
HASHABLE = "labels must be hashable"

IOBES = ["O", *(f"{prefix}-{kind}" for prefix in "BIES" for kind in ("LOC", "PER"))]
span_labels = st.sampled_from(IOBES)
label_sequences = st.lists(st.lists(span_labels, max_size=8), min_size=1, max_size=5)


@st.composite
def label_pairs(draw):
    """Two sets of label sequences of the same lengths, with at least one step."""
    y_true = draw(label_sequences.filter(any))
    sizes = [{"min_size": len(y), "max_size": len(y)} for y in y_true]
    return y_true, [draw(st.lists(span_labels, **size)) for size in sizes]


# --- spans ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("labels", "spans"),
    [
        ("", []),
        ("O O", []),
        # IOB2
        ("B-A I-A O B-B", [("A", 0, 2), ("B", 3, 4)]),
        ("B-A B-A I-A", [("A", 0, 1), ("A", 1, 3)]),
        ("B-A I-A B-B I-B", [("A", 0, 2), ("B", 2, 4)]),
        ("O B-A I-A I-A", [("A", 1, 4)]),
        # IOB1
        ("I-A I-A O I-A", [("A", 0, 2), ("A", 3, 4)]),
        ("I-A B-A I-A", [("A", 0, 1), ("A", 1, 3)]),
        ("I-A I-B I-B", [("A", 0, 1), ("B", 1, 3)]),
        # IOBES, and BILOU
        ("B-A I-A E-A S-A", [("A", 0, 3), ("A", 3, 4)]),
        ("S-A S-A O S-B", [("A", 0, 1), ("A", 1, 2), ("B", 3, 4)]),
        ("B-A E-A B-A E-A", [("A", 0, 2), ("A", 2, 4)]),
        ("I-A U-A O B-A", [("A", 0, 1), ("A", 1, 2), ("A", 3, 4)]),
        ("B-A L-A I-A U-B", [("A", 0, 2), ("A", 2, 3), ("B", 3, 4)]),
        # no scheme
        ("O I-A I-A", [("A", 1, 3)]),
        ("B-A I-B I-A", [("A", 0, 1), ("B", 1, 2), ("A", 2, 3)]),
        ("O E-A O", [("A", 1, 2)]),
        ("I-A E-A", [("A", 0, 2)]),
        ("E-A E-A", [("A", 0, 1), ("A", 1, 2)]),
        ("E-A I-A", [("A", 0, 1), ("A", 1, 2)]),
        ("B-A S-A I-A", [("A", 0, 1), ("A", 1, 2), ("A", 2, 3)]),
        ("B-A O E-A", [("A", 0, 1), ("A", 2, 3)]),
        ("B-A E-B", [("A", 0, 1), ("B", 1, 2)]),
        # a dash in a type; a type that begins like another
        ("B-A-1 I-A-1 I-A", [("A-1", 0, 2), ("A", 2, 3)]),
    ],
)
def test_extract_spans(labels, spans):
    assert metrics.extract_spans(labels.split()) == spans
    assert metrics.extract_spans(np.array(labels.split(), dtype=str)) == spans


def reference_spans(labels):
    """Spans by the table of CoNLL: does one end before, or begin at, this label?"""
    ends = {"BB", "BS", "BO", "IB", "IS", "IO"} | {x + y for x in "ES" for y in "BIESO"}
    begins = {x + y for x in "BIESO" for y in "BS"}
    begins |= {x + y for x in "ESO" for y in "EI"}
    spans, start = [], None
    for t, (before, label) in enumerate(pairwise(["O", *labels, "O"])):
        tags = before[0] + label[0]
        other_type = before[2:] != label[2:]
        if before != "O" and (tags in ends or other_type):
            spans.append((before[2:], start, t))
        if label != "O" and (tags in begins or other_type):
            start = t
    return spans


@given(st.lists(span_labels, max_size=12))
def test_extract_spans_agrees_with_the_decision_table(labels):
    assert metrics.extract_spans(labels) == reference_spans(labels)


@pytest.mark.parametrize("label", ["PER", "B", "B-", "O-PER", "b-PER", "-PER", 3, None])
def test_labels_of_no_scheme_are_refused(label):
    message = r"y\[1\] contains the label .*B, I, E and S .or L and U"
    with pytest.raises(ValueError, match=message):
        metrics.convert_labels([["O", "B-PER"], ["O", label]], "IOB2")
    with pytest.raises(ValueError, match=r"y_pred\[1\] contains the label"):
        metrics.span_f1_score([["O"], ["O", "O"]], [["O"], ["O", label]])


@pytest.mark.parametrize(
    "labels", [[["B-X"]], [["B-X"], ["O", "O"]], np.array([["B-X"]]), "B-X", None, 3]
)
def test_extract_spans_takes_one_sequence(labels):
    message = re.escape(f"labels is {labels!r}: pass one sequence")
    with pytest.raises(ValueError, match=message):
        metrics.extract_spans(labels)


# --- conversion -----------------------------------------------------------------------

# one set of spans in all schemes
IN_SCHEMES = {
    "IOB1": [["I-A", "I-A", "B-A", "I-B", "O", "I-B"], ["I-B", "I-B", "I-B"]],
    "IOB2": [["B-A", "I-A", "B-A", "B-B", "O", "B-B"], ["B-B", "I-B", "I-B"]],
    "IOBES": [["B-A", "E-A", "S-A", "S-B", "O", "S-B"], ["B-B", "I-B", "E-B"]],
}


@pytest.mark.parametrize("scheme", IN_SCHEMES)
@pytest.mark.parametrize("source", IN_SCHEMES)
def test_convert_labels(source, scheme):
    assert metrics.convert_labels(IN_SCHEMES[source], scheme) == IN_SCHEMES[scheme]


def test_convert_labels_keeps_empty_sequences_and_containers_apart():
    y = np.empty(3, dtype=object)
    y[0], y[1], y[2] = [], np.array(["I-A"]), ("I-A", "O")
    assert metrics.convert_labels(y, "IOB1") == [[], ["I-A"], ["I-A", "O"]]
    assert metrics.convert_labels(y, "IOB2") == [[], ["B-A"], ["B-A", "O"]]
    assert metrics.convert_labels([[]], "IOBES") == [[]]


def test_convert_labels_refuses_other_schemes():
    with pytest.raises(ValueError, match="scheme is 'BILOU': use 'IOB1'"):
        metrics.convert_labels([["O"]], "BILOU")


@given(label_sequences)
def test_conversions_keep_the_spans(y):
    spans = [reference_spans(labels) for labels in y]
    written = {s: metrics.convert_labels(y, s) for s in IN_SCHEMES}
    for scheme, converted in written.items():
        assert [reference_spans(labels) for labels in converted] == spans
        for source in IN_SCHEMES:
            assert metrics.convert_labels(written[source], scheme) == converted


# --- scores of spans ------------------------------------------------------------------

# A: 2 true, 3 predicted, 1 right; B: 2 true, 1 predicted, 1 right; C: 1 predicted
SPANS_TRUE = [["B-A", "I-A", "O", "B-B"], ["B-A", "B-B", "I-B", "O"], ["O", "O"]]
SPANS_PRED = [["B-A", "I-A", "O", "B-A"], ["O", "B-B", "I-B", "B-C"], ["B-A", "I-A"]]


F1 = [2 / 5, 2 / 3, 0]


@pytest.mark.parametrize(
    ("score", "params", "expected"),
    [
        ("precision", {}, 2 / 5),
        ("recall", {}, 2 / 4),
        ("f1", {}, 4 / 9),
        ("f1", {"average": None}, F1),
        ("f1", {"average": "macro"}, np.mean(F1)),
        ("f1", {"average": "weighted"}, (2 * F1[0] + 2 * F1[1]) / 4),
        ("f1", {"labels": ["B", "absent", "A"], "average": None}, [F1[1], 0, F1[0]]),
        ("precision", {"labels": ["A", "B"]}, 2 / 4),
    ],
)
def test_span_scores_by_hand(score, params, expected):
    metric = getattr(metrics, f"span_{score}_score")
    assert metric(SPANS_TRUE, SPANS_PRED, **params) == near(expected)


def test_span_precision_recall_fscore_support_by_hand():
    found = metrics.span_precision_recall_fscore_support(SPANS_TRUE, SPANS_PRED)
    expected = ([1 / 3, 1, 0], [1 / 2, 1 / 2, 0], F1, [2, 2, 0])
    for scores, by_hand in zip(found, expected, strict=True):
        assert scores == near(by_hand)


@pytest.mark.parametrize(
    "labels", ["O B-A O O", "B-A I-A I-A O", "O B-B I-B O", "O O O O"]
)
def test_a_span_is_right_only_with_both_ends_and_the_type(labels):
    y_true = [["O", "B-A", "I-A", "O"]]
    assert metrics.span_f1_score(y_true, [labels.split()]) == 0
    assert metrics.span_f1_score(y_true, [["O", "I-A", "E-A", "O"]]) == 1


def test_spans_do_not_cross_from_one_sequence_to_the_next():
    y_true, y_pred = [["O", "B-A"], ["I-A"]], [["O", "B-A"], ["O"]]
    assert metrics.span_recall_score(y_true, y_pred) == 0.5


def test_nothing_to_find_scores_zero_without_a_warning():
    y = [["O", "O"]]
    for average in ("micro", "macro", "weighted"):
        assert metrics.span_f1_score(y, y, average=average) == 0
    assert metrics.span_f1_score(y, y, average=None).shape == (0,)
    assert metrics.span_precision_score([["B-A"]], [["O"]]) == 0
    assert metrics.span_recall_score([["O"]], [["B-A"]], average="macro") == 0
    with pytest.raises(ValueError, match="have no spans"):
        metrics.span_classification_report(y, y)


def counted_scores(y_true, y_pred):
    """Micro-averaged scores by counting sets."""
    found = [
        {(i, *span) for i, labels in enumerate(y) for span in reference_spans(labels)}
        for y in (y_true, y_pred)
    ]
    right, n_true, n_pred = len(found[0] & found[1]), *map(len, found)
    precision = right / n_pred if n_pred else 0
    recall = right / n_true if n_true else 0
    f1 = 2 * right / (n_true + n_pred) if n_true + n_pred else 0
    return precision, recall, f1


@given(label_pairs())
def test_span_scores_agree_with_counting(pair):
    scores = [metric(*pair) for metric in SPAN_SCORES]
    assert_allclose(scores, counted_scores(*pair), rtol=1e-12)


@given(label_pairs(), st.data())
def test_a_weight_is_a_repetition(pair, data):
    n = len(pair[0])
    weights = data.draw(st.lists(st.integers(0, 3), min_size=n, max_size=n))
    repeated = [[y[i] for i in range(n) for _ in range(weights[i])] for y in pair]
    if not any(repeated[0]):
        return
    for metric in (*SPAN_SCORES, *TOKEN_SCORES):
        kwargs = {"labels": ["O"]} if metric is metrics.token_f1_score else {}
        weighted = metric(*pair, sample_weight=weights, **kwargs)
        assert_allclose(weighted, metric(*repeated, **kwargs), rtol=1e-12)


def test_span_report():
    def report(*pair):
        return metrics.span_classification_report(*pair, output_dict=True)

    found = report(SPANS_TRUE, SPANS_PRED)
    rows = ["A", "B", "C", "micro avg", "macro avg", "weighted avg"]
    assert list(found) == list(report(SPANS_PRED, SPANS_PRED)) == rows
    assert found["A"]["precision"] == near(1 / 3)
    assert found["A"]["support"] == 2
    assert found["micro avg"]["f1-score"] == near(4 / 9)
    text = metrics.span_classification_report(SPANS_TRUE, SPANS_PRED, digits=4)
    assert "0.4444" in text


# --- scores of steps and sequences ----------------------------------------------------


def test_token_scores_by_hand():
    pair = [["a", "b", "b"], ["a"], ["c", "a"]], [["a", "b", "a"], ["a"], ["a", "a"]]
    assert metrics.token_accuracy_score(*pair) == near(4 / 6)
    assert metrics.sequence_accuracy_score(*pair) == near(1 / 3)
    f1 = [6 / 8, 2 / 3, 0]  # 2 tp / (2 tp + fp + fn)
    assert metrics.token_f1_score(*pair) == near(np.mean(f1))
    for params, expected in [
        ({"average": None}, f1),
        ({"average": "weighted"}, (3 * f1[0] + 2 * f1[1]) / 6),
        ({"labels": ["c", "x", "b"], "average": None}, [0, 0, f1[1]]),
        ({"labels": ["x"], "average": "macro", "zero_division": 1.0}, 1),
    ]:
        assert metrics.token_f1_score(*pair, **params) == near(expected)


def test_weights_by_hand():
    pair, weights = ([["a", "b", "b"], ["a"]], [["a", "b", "a"], ["a"]]), [1, 3]
    found = metrics.token_accuracy_score(*pair, sample_weight=weights)
    assert found == near(5 / 6)
    found = metrics.sequence_accuracy_score(*pair, sample_weight=weights)
    assert found == near(3 / 4)
    found = metrics.token_f1_score(*pair, average=None, sample_weight=weights)
    assert found == near([8 / 9, 2 / 3])


def test_spans_may_all_weigh_nothing():
    for y_pred in ([["B-A"], ["O"]], [["B-A"], ["B-A"]]):
        found = metrics.span_f1_score([["B-A"], ["O"]], y_pred, sample_weight=[0, 1])
        assert found == 0


@pytest.mark.parametrize("output_dict", [False, True])
def test_token_report_is_that_of_scikit_learn(output_dict):
    y_true, y_pred = [["a", "b"], ["c", "b", "b"]], [["a", "b"], ["a", "c", "d"]]
    params = {"digits": 3, "output_dict": output_dict}
    found = metrics.token_classification_report(y_true, y_pred, **params)
    assert found == sklearn.metrics.classification_report(
        list("abcbb"), list("abacd"), **params, zero_division=0.0
    )


@pytest.mark.parametrize(
    ("a", "b", "c"),
    [
        ("a", 1, None),
        (("x", 1), ("x", 2), "x"),
        (True, "True", 2.5),
        (frozenset({1}), "a", (1, "a")),
    ],
)
def test_labels_of_mixed_types(a, b, c):
    y_true, y_pred = [[a, b], [c]], [[a, c], [c]]
    assert metrics.token_accuracy_score(y_true, y_pred) == near(2 / 3)
    found = metrics.token_f1_score(y_true, y_pred, labels=[c, b, a], average=None)
    assert found == near([2 / 3, 0, 1])
    assert str(b) in metrics.token_classification_report(y_true, y_pred)


def test_strings_and_numbers_are_never_equal():
    assert metrics.token_accuracy_score([np.array(["1"])], [np.array([1])]) == 0


def test_a_label_never_seen_is_wrong_and_no_error():
    pair = [["a", "a"], ["b"]], [["a", "new"], [7]]
    assert metrics.token_accuracy_score(*pair) == near(1 / 3)
    assert metrics.sequence_accuracy_score(*pair) == 0
    assert metrics.token_f1_score(*pair) == near((2 / 3) / 4)
    pair = [["B-A", "O"]], [["B-A", "S-NEW"]]
    assert metrics.span_precision_score(*pair) == 0.5
    assert metrics.span_recall_score(*pair) == 1


def test_an_empty_sequence_is_right_and_has_no_steps():
    pair = [[], ["a"], []], [[], ["b"], []]
    assert metrics.token_accuracy_score(*pair) == 0
    assert metrics.sequence_accuracy_score(*pair) == near(2 / 3)


# --- multi-label steps ----------------------------------------------------------------

TRUE = [np.array([[1, 0, 1], [0, 0, 0]]), np.array([[0, 1, 1]])]
PRED = [np.array([[1, 0, 1], [0, 1, 0]]), np.array([[0, 1, 1]])]


def test_multi_label_scores_are_those_of_scikit_learn():
    pair, stacked = (TRUE, PRED), (np.vstack(TRUE), np.vstack(PRED))
    assert metrics.token_accuracy_score(*pair) == near(2 / 3)
    assert metrics.sequence_accuracy_score(*pair) == 0.5
    for average in ("micro", "macro", "weighted", None):
        expected = sklearn.metrics.f1_score(*stacked, average=average)
        assert metrics.token_f1_score(*pair, average=average) == near(expected)
    found = metrics.token_f1_score(*pair, labels=[1], average=None)
    assert found == near([2 / 3])
    row = metrics.token_classification_report(*pair, output_dict=True)["1"]
    assert list(row) == ["precision", "recall", "f1-score", "support"]
    assert list(row.values()) == [0.5, 1.0, 2 / 3, 1.0]


def test_one_column_is_one_label():
    pair = [[[1], [0], [0]]], [[[1], [1], [0]]]
    assert metrics.token_f1_score(*pair) == near(2 / 3)
    assert metrics.token_accuracy_score(*pair) == near(2 / 3)
    report = metrics.token_classification_report(*pair, output_dict=True)
    assert report["0"]["support"] == 1
    assert "1" not in report


@pytest.mark.parametrize(
    "container",
    [
        lambda rows: [row.tolist() for row in rows],
        lambda rows: [row.astype(bool) for row in rows],
        lambda rows: [row.astype(float) for row in rows],
        lambda rows: [sparse.csr_array(row) for row in rows],
        object_array,
        object_column,
        pandas_frame,
        lambda rows: polars_frame([row.tolist() for row in rows]),
    ],
)
def test_multi_label_containers(container):
    found = metrics.token_accuracy_score(container(TRUE), PRED)
    assert found == near(2 / 3)
    cube = np.stack([TRUE[0], TRUE[0]])
    assert metrics.token_accuracy_score(cube, container([*cube])) == 1


@pytest.mark.parametrize(
    ("y_true", "y_pred", "message"),
    [
        (TRUE, [PRED[0], 2 * PRED[1]], r"y_pred\[1\] contains values that are neith"),
        (TRUE, [PRED[0], np.ones((1, 2))], r"y_pred\[1\] is not of shape \(T_i, K\)"),
        ([[[1, 0], [1]]], [[[1, 0]] * 2], r"y_true\[0\] is not of shape \(T_i, K\)"),
        (TRUE, [[1, 0], [1]], "rows of 3 and y_pred has single labels"),
        (TRUE, [row[:, :2] for row in PRED], "rows of 3 and y_pred has rows of 2"),
    ],
)
def test_multi_label_errors(y_true, y_pred, message):
    with pytest.raises(ValueError, match=message):
        metrics.token_accuracy_score(y_true, y_pred)


def test_spans_of_multi_label_steps_are_refused():
    with pytest.raises(ValueError, match="pass sequences with one label per step"):
        metrics.span_f1_score(TRUE, PRED)


# --- containers and messages ----------------------------------------------------------


@pytest.mark.parametrize("container", CONTAINERS_OF_LABELS)
@pytest.mark.parametrize("metric", [metrics.token_accuracy_score, *EDIT_SCORES])
def test_containers(metric, container):
    numbers = [[1, 2, 3, 4, 5], [2]], [[1, 2, 3, 4, 6], [2]]
    for y_true, y_pred in (([[*"abcde"], ["b"]], [[*"abcdx"], ["b"]]), numbers):
        expected = metric(y_true, y_pred)
        assert 0 < expected
        assert metric(container(y_true), y_pred) == expected
        assert metric(y_true, container(y_pred)) == expected
        assert metric(container(y_true), container(y_pred)) == expected


@pytest.mark.parametrize("container", CONTAINERS_OF_LABELS)
def test_containers_of_spans(container):
    assert metrics.span_f1_score(container(SPANS_TRUE), container(SPANS_TRUE)) == 1


def test_sequences_of_one_length_may_be_a_2d_array():
    y_true = np.array([["a", "b"], ["a", "a"], ["b", "a"]])
    y_pred = np.array([["a", "b"], ["a", "b"], ["b", "a"]], dtype=object)
    assert metrics.token_accuracy_score(y_true, y_pred) == near(5 / 6)
    assert metrics.sequence_accuracy_score(y_true, y_pred) == near(2 / 3)
    pair = y_true[:, :1], y_pred[:, :1]  # an object array of shape (n, 1) too
    assert metrics.token_accuracy_score(*pair) == 1


def test_a_frame_of_one_label_a_column():
    pd = pytest.importorskip("pandas")
    y_true, y_pred = pd.DataFrame([["a", "b"], ["a", "a"]]), [["a", "b"], ["b", "a"]]
    assert metrics.token_accuracy_score(y_true, y_pred) == 0.75


@pytest.mark.parametrize("metric", PAIR_METRICS)
@pytest.mark.parametrize(
    ("y_true", "y_pred", "message"),
    [
        ([["O"]], [["O"], ["O"]], "y_true has 1 sequences and y_pred has 2"),
        ([["O"], ["O"]], [["O"], ["O"] * 3], r"y_true\[1\] has 1 .*y_pred\[1\] has 3"),
        (["O"], [["O"]], r"y_true\[0\] is 'O', not a sequence of labels: pass one"),
        ([["O"]], np.array(["O"]), r"y_pred\[0\] is .*, not a sequence of labels"),
        ([["O"], 3], [["O"], ["O"]], r"y_true\[1\] is 3, not a sequence of labels"),
        ("O", [["O"]], "y_true is 'O' and has no sequences: pass one list"),
        (None, [["O"]], "y_true is None and has no sequences: pass one list"),
        ([["O"]], 3, "y_pred is 3 and has no sequences: pass one list"),
        ([["O"]], np.array(3), r"y_pred is array\(3\) and has no sequences"),
        ([], [], r"y_true is \[\] and has no sequences"),
        ([[], []], [[], []], "y_true has no steps"),
        ([["O"], [{}]], [["O"]] * 2, r"y_true\[1\] contains {} at step 0: " + HASHABLE),
    ],
)
def test_messages(metric, y_true, y_pred, message):
    with pytest.raises(ValueError, match=message):
        metric(y_true, y_pred)


@pytest.mark.parametrize("metric", [*TOKEN_SCORES, metrics.span_f1_score, *EDIT_SCORES])
@pytest.mark.parametrize(
    ("sample_weight", "message"),
    [
        ([1, 1, 1], r"sample_weight.shape == \(3,\), expected \(2,\)"),
        ([1, -1], "Negative values in data passed to `sample_weight`"),
        ([0, 0], "at least one non-zero"),
        ([1, np.nan], "sample_weight contains NaN"),
    ],
)
def test_weights_are_checked(metric, sample_weight, message):
    y = [["O", "O"], ["B-A"]]
    with pytest.raises(ValueError, match=message):
        metric(y, y, sample_weight=sample_weight)


@pytest.mark.parametrize("metric", [metrics.token_f1_score, metrics.span_f1_score])
def test_average_and_labels_are_checked(metric):
    y = [["B-A", "O"]]
    with pytest.raises(ValueError, match="average is 'binary': use 'micro'"):
        metric(y, y, average="binary")
    for labels in ("A", [], 3):
        with pytest.raises(ValueError, match=re.escape(f"labels is {labels!r}: pass")):
            metric(y, y, labels=labels)


# --- log loss -------------------------------------------------------------------------

PROBA = [np.array([[0.5, 0.25, 0.25], [0.1, 0.1, 0.8]]), np.array([[0.2, 0.7, 0.1]])]


@pytest.mark.parametrize(
    ("y", "proba", "labels"),
    [
        ([["b", "a"], ["c"]], PROBA, ["c", "b", "a"]),
        ([["b", "a"], ["c"]], object_array(PROBA), np.array(["c", "b", "a"])),
        ([[1, "a"], [None]], PROBA, [None, 1, "a"]),
    ],
)
def test_step_log_loss_by_hand(y, proba, labels):
    expected = -(np.log(0.25) + np.log(0.8) + np.log(0.2)) / 3
    assert metrics.step_log_loss(y, proba, labels=labels) == near(expected)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_step_log_loss_is_clipped_as_in_scikit_learn(dtype):
    proba = np.array([[0, 1], [1, 0], [0.25, 0.75]], dtype=dtype)
    found = metrics.step_log_loss([[0, 0], [1]], [proba[:2], proba[2:]], labels=[0, 1])
    expected = sklearn.metrics.log_loss([0, 0, 1], y_proba=proba)
    assert found == near(expected, rtol=1e-6)
    assert metrics.step_log_loss([[1]], [proba[:1]], labels=[0, 1]) < 1e-6


def test_step_log_loss_of_rows_sums_the_columns():
    y = [np.array([[1, 0], [0, 0]]), np.array([[1, 1]])]
    proba = [np.array([[0.9, 0.3], [0.5, 0.2]]), np.array([[0.4, 0.6]])]
    likelihoods = [0.9, 0.7, 0.5, 0.8, 0.4, 0.6]
    found = metrics.step_log_loss(y, proba, labels=[0, 1])
    assert found == near(-np.log(likelihoods).sum() / 3)
    found = metrics.step_log_loss([[[1], [0]]], [[[0.9], [0.3]]], labels=["x"])
    assert found == near(-np.log([0.9, 0.7]).sum() / 2)


@pytest.mark.parametrize(
    ("y_true", "y_proba", "message"),
    [
        (None, PROBA, "y_true is None and has no sequences"),
        ([[0, 1], [1]], 3, "y_proba is 3 and has no sequences"),
        ([[0, []], [1]], PROBA, rf"y_true\[0\] contains \[\] at step 1: {HASHABLE}"),
        ([[0, 1]], PROBA, "y_true has 1 sequences and y_proba has 2"),
        ([[0, 1], [1, 1]], PROBA, r"y_true\[1\] has 2 steps and y_proba\[1\] has 1"),
        ([[0]], [np.full((1, 2), 0.5)], r"y_proba\[0\] has shape \(1, 2\), not \(T_i"),
        ([[0]], [np.array([0.5])], r"y_proba\[0\] has shape \(1,\), not \(T_i, 3\)"),
        ([[0]], [np.array([[2.0, 1.0, -2.0]])], r"y_proba\[0\] contains .*between 0"),
        ([[0]], [np.array([[np.nan, 1, 0]])], r"y_proba\[0\] contains .*between 0"),
        ([[[0, 1]]], [np.full((1, 3), 0.5)], r"y_true\[0\] has rows of 2 and there ar"),
        ([[[0, 1, 2]]], [np.full((1, 3), 0.5)], r"y_true\[0\] .* neither 0 nor 1"),
    ],
)
def test_step_log_loss_messages(y_true, y_proba, message):
    with pytest.raises(ValueError, match=message):
        metrics.step_log_loss(y_true, y_proba, labels=[0, 1, 2])


@pytest.mark.parametrize("labels", [None, 3, [], "abc"])
def test_step_log_loss_needs_labels(labels):
    message = re.escape(f"labels is {labels!r}: pass a list")
    with pytest.raises(ValueError, match=message):
        metrics.step_log_loss([[0, 1], [1]], PROBA, labels=labels)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_step_log_loss_of_a_label_without_a_column_is_that_of_probability_zero(dtype):
    proba = [p.astype(dtype) for p in PROBA]
    found = metrics.step_log_loss([[0, "new"], [None]], proba, labels=[0, 1, 2])
    expected = -(np.log(0.5) + 2 * np.log(np.finfo(dtype).eps)) / 3
    assert found == near(expected, rtol=1e-6)


def test_step_log_loss_warns_of_sums_other_than_one():
    with pytest.warns(UserWarning, match="do not sum to one"):
        metrics.step_log_loss([[0]], [np.array([[0.5, 0.6]])], labels=[0, 1])


# --- language models ------------------------------------------------------------------

LOG_PROBA = [np.log([0.5, 0.125]), np.log([0.25]), np.array([])]


@pytest.mark.parametrize(
    "container",
    [
        *(c for c in CONTAINERS_OF_ITEMS if c not in (pandas_frame, polars_frame)),
        lambda items: [item.tolist() for item in items],
        lambda items: [tuple(item) for item in items],
    ],
)
def test_perplexity_and_bits_by_hand(container):
    log_proba = container(LOG_PROBA)
    assert metrics.perplexity_score(log_proba) == near(4)
    assert metrics.bits_per_character(log_proba) == near(2)
    for n_characters in (24, np.int64(24), [20, 4, 0], np.array([9, 15, 0])):
        assert metrics.bits_per_character(log_proba, n_characters) == near(6 / 24)


def test_perplexity_of_an_array_is_of_its_rows():
    log_proba = np.log([[0.5, 0.125], [0.25, 0.25]])
    assert metrics.perplexity_score(log_proba) == near(4)
    assert metrics.bits_per_character(log_proba, [1, 1]) == near(4)
    assert metrics.perplexity_score(log_proba.astype(np.float32)) == near(4, rtol=1e-6)


def test_perplexity_counts_steps_not_sequences():
    found = metrics.perplexity_score([np.log([0.5] * 9), np.log([0.25])])
    assert found == near(2**1.1)


def test_probability_zero_is_infinite_and_certainty_is_not_below_it():
    assert metrics.perplexity_score([[-np.inf, -1.0]]) == np.inf
    assert metrics.perplexity_score([[-1000.0]]) == np.inf  # too large for a float
    assert metrics.bits_per_character([[-np.inf, -1.0]]) == np.inf
    assert metrics.perplexity_score([[0.0, 0.0]]) == 1
    assert str(metrics.bits_per_character([[0.0, 0.0]])) == "0.0"
    rounded = [[1e-12, 0.0]]  # as differences of sums may be
    assert metrics.perplexity_score(rounded) == 1
    assert metrics.bits_per_character(rounded) == 0


@pytest.mark.parametrize(
    ("log_proba", "message"),
    [
        (None, "log_proba is None and has no arrays"),
        ([], r"log_proba is \[\] and has no arrays: pass the result of log_proba"),
        (np.array(-1.0), r"log_proba is array\(-1\.\) and has no arrays"),
        ("text", "log_proba is 'text' and has no arrays"),
        ([[], []], "log_proba has no steps, as all arrays are empty"),
        (np.array([-3.0, -5]), r"log_proba\[0\] is .*score_samples .* log_proba_per_"),
        ([[-1.0], -5.0], r"log_proba\[1\] is -5.0, one value for a whole sequence"),
        ([[-1.0], ["a"]], r"log_proba\[1\] is \['a'\], not numbers in one dimension"),
        ([[-1.0], [[-1.0]]], r"log_proba\[1\] is \[\[-1.0\]\], not numbers in one dim"),
        (np.zeros((2, 3, 4)), r"(?s)log_proba\[0\] is array.*, not numbers in"),
        ([[-1.0], [-1.0, 0.5]], r"log_proba\[1\] contains 0.5: .* are at most 0"),
        ([[-1.0], [], [np.nan]], r"log_proba\[2\] contains nan: .* are at most 0"),
        ([[-1.0, np.inf]], r"log_proba\[0\] contains inf: .* are at most 0"),
    ],
)
@pytest.mark.parametrize(
    "metric", [metrics.perplexity_score, metrics.bits_per_character]
)
def test_messages_of_perplexity_and_bits(metric, log_proba, message):
    with pytest.raises(ValueError, match=message):
        metric(log_proba)


@pytest.mark.parametrize(
    ("n_characters", "message"),
    [
        (0, "n_characters is 0: pass at least 1"),
        (-3, "n_characters is -3: pass at least 1"),
        (2.5, "n_characters is 2.5: pass the number of characters"),
        ("two", "n_characters is 'two': pass the number of characters"),
        ([3, 4], "n_characters has 2 counts and log_proba has 3 sequences"),
        ([3, 4, 1, 1], "n_characters has 4 counts and log_proba has 3 sequences"),
        ([3, 4, -1], r"n_characters\[2\] is -1: pass numbers of characters"),
        ([3, 4.5, 1], r"n_characters\[1\] is 4.5: pass numbers of characters"),
        ([0, 0, 0], "n_characters has no characters, as all counts are 0"),
    ],
)
def test_messages_of_n_characters(n_characters, message):
    with pytest.raises(ValueError, match=message):
        metrics.bits_per_character(LOG_PROBA, n_characters)


SMALL = {"hidden_layer_sizes": 4, "random_state": 0}


def test_metrics_of_a_language_model():
    texts = ["ana", "anna", "nan", ""]
    model = of_characters(RNNLanguageModel(**SMALL, max_iter=2)).fit(texts)
    X, language_model = model[:-1].transform(texts), model[-1]
    log_proba = language_model.log_proba_per_step(X)
    perplexity = language_model.perplexity(X)
    bits = metrics.bits_per_character(log_proba)
    assert metrics.perplexity_score(log_proba) == near(perplexity, rtol=1e-9)
    assert bits == near(language_model.bits_per_token(X), rtol=1e-9)
    assert 2**bits == near(perplexity, rtol=1e-9)
    assert metrics.neg_perplexity_scorer(model, texts) == near(-perplexity, rtol=1e-9)
    with pytest.raises(ValueError, match=r"log_proba\[0\] is .* as score_samples"):
        metrics.perplexity_score(language_model.score_samples(X))


def test_metrics_of_a_mixture():
    X, y = [[0, 1] * 50, [1, 0]], ["a", "b"]
    model = RNNLanguageModel(**SMALL, max_iter=2).fit(X, y)
    perplexity = metrics.perplexity_score(model.log_proba_per_step(X))
    assert perplexity == near(model.perplexity(X), rtol=1e-9)
    assert metrics.neg_perplexity_scorer(model, X, y) != -model.perplexity(X)


@pytest.mark.parametrize("conditions", [None, ["a", "b"] * 10])
def test_neg_perplexity_scorer_in_grid_search(conditions):
    texts = ["abab", "baba", "ab", "ba"] * 5
    grid = {"rnnlanguagemodel__max_iter": [1, 10]}
    params = {"scoring": metrics.neg_perplexity_scorer, "error_score": "raise"}
    model = of_characters(RNNLanguageModel(**SMALL))
    search = GridSearchCV(model, grid, cv=2, **params).fit(texts, conditions)
    assert search.best_params_ == {"rnnlanguagemodel__max_iter": 10}
    expected = -np.exp(-search.best_estimator_.score(texts, conditions))
    assert search.score(texts, conditions) == near(expected)
    assert -8 < search.best_score_ < -1


class Scored(BaseEstimator):
    """Has a score."""

    def __init__(self, value):
        self.value = value

    def score(self, X, y=None):
        return self.value


@pytest.mark.parametrize("value", [0.8, np.nan])
def test_neg_perplexity_scorer_refuses_an_accuracy(value):
    with pytest.raises(ValueError, match=f"score returned {value}: .*log-likelihood"):
        metrics.neg_perplexity_scorer(Scored(value), [[0]])


def test_neg_perplexity_scorer_of_scores_at_the_edge():
    assert metrics.neg_perplexity_scorer(Scored(0.0), [[0]]) == -1
    assert metrics.neg_perplexity_scorer(Scored(-2000.0), [[0]]) == -np.inf
    copy = pickle.loads(pickle.dumps(metrics.neg_perplexity_scorer))
    assert copy(Scored(-1.0), [[0]]) == near(-np.e)


# --- scorers --------------------------------------------------------------------------


class MajorityTagger(BaseEstimator):
    """Tags each token with its most frequent label, after `shift` more of the first."""

    def __init__(self, shift=0):
        self.shift = shift

    def fit(self, X, y):
        X, y = list(X), targets_as_list(y)
        labels = [label for labels in y for label in labels]
        self.classes_ = np.unique(labels)
        tokens = [token for tokens in X for token in tokens]
        self.counts_ = np.zeros((1 + max(tokens), len(self.classes_)))
        columns = np.searchsorted(self.classes_, labels)
        np.add.at(self.counts_, (tokens, columns), 1)
        self.counts_[:, 0] += self.shift
        return self

    def predict_proba(self, X):
        smooth = self.counts_ + 0.1
        smooth /= smooth.sum(axis=1, keepdims=True)
        return object_array([smooth[np.asarray(tokens)] for tokens in X])

    def predict(self, X):
        proba = self.predict_proba(X)
        return object_array([self.classes_[p.argmax(axis=1)] for p in proba])


def tagging_data():
    rng = np.random.default_rng(0)
    labels = np.array(["B-A", "B-B", "I-A", "I-B", "O"])
    X = [rng.integers(0, 5, size=rng.integers(1, 9)).tolist() for _ in range(60)]
    y = []
    for tokens in X:
        noise = rng.integers(0, 5, size=len(tokens))
        ids = np.where(rng.random(len(tokens)) < 0.8, tokens, noise)
        y.append(labels[ids].tolist())
    return X, y


@pytest.mark.parametrize("container", CONTAINERS_OF_LABELS)
def test_scorers_in_cross_validate(container):
    X, y = tagging_data()
    scoring = {name: getattr(metrics, name) for name in SCORERS}
    params = {"scoring": scoring, "cv": 3, "error_score": "raise"}
    found = cross_validate(MajorityTagger(), X, container(y), **params)
    for fold, (train, test) in enumerate(KFold(3).split(X)):
        tagger = MajorityTagger().fit(take(X, train), take(y, train))
        X_test, y_test = take(X, test), take(y, test)
        pair, proba = (y_test, tagger.predict(X_test)), tagger.predict_proba(X_test)
        loss = metrics.step_log_loss(y_test, proba, labels=tagger.classes_)
        for name, expected in {
            "token_accuracy": metrics.token_accuracy_score(*pair),
            "token_f1_macro": metrics.token_f1_score(*pair, average="macro"),
            "token_f1_weighted": metrics.token_f1_score(*pair, average="weighted"),
            "sequence_accuracy": metrics.sequence_accuracy_score(*pair),
            "span_precision": metrics.span_precision_score(*pair),
            "span_recall": metrics.span_recall_score(*pair),
            "span_f1": metrics.span_f1_score(*pair),
            "neg_step_log_loss": -loss,
        }.items():
            score = found[f"test_{name}_scorer"][fold]
            assert_allclose(score, expected, rtol=1e-12, err_msg=name)
    assert 0.5 < found["test_token_accuracy_scorer"].mean() < 1


@pytest.mark.parametrize(
    "container", [list, object_array, pandas_series, pandas_frame, polars_frame]
)
@pytest.mark.parametrize("name", ["token_accuracy_scorer", "neg_step_log_loss_scorer"])
def test_scorers_in_grid_search(container, name):
    X, y = tagging_data()
    model, grid = make_pipeline(MajorityTagger()), {"majoritytagger__shift": [1000, 0]}
    params = {"scoring": getattr(metrics, name), "error_score": "raise"}
    search = GridSearchCV(model, grid, cv=2, n_jobs=2, **params).fit(X, container(y))
    assert search.best_params_ == {"majoritytagger__shift": 0}
    assert search.score(X, y) == params["scoring"](search.best_estimator_, X, y)


@pytest.mark.parametrize("name", SCORERS)
def test_scorers_pickle(name):
    X, y = tagging_data()
    tagger = MajorityTagger().fit(X, y)
    scorer = getattr(metrics, name)
    copy = pickle.loads(pickle.dumps(scorer))
    assert copy(tagger, X, y) == scorer(tagger, X, y)


def test_a_label_absent_from_training_counts_as_wrong():
    tagger = MajorityTagger().fit(*tagging_data())
    score = metrics.neg_step_log_loss_scorer(tagger, [[0], [0]], [["O"], ["B-NEW"]])
    known = metrics.neg_step_log_loss_scorer(tagger, [[0]], [["O"]])
    assert score == near((known + np.log(np.finfo(np.float64).eps)) / 2)
    assert metrics.token_accuracy_scorer(tagger, [[0]], [["B-NEW"]]) == 0
