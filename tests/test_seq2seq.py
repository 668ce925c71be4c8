"""RNNSeq2Seq as a user sees it: probabilities, searches, learning, refusals."""

from functools import cache
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import pytest
from common import (
    assert_same_model,
    assert_same_results,
    copy_of,
    every_sequence,
    in_lists,
    results,
)
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import expit, log_softmax, softmax
from sklearn.base import clone
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skrnn import (
    RNNSeq2Seq,
    RNNTranscriber,
    Sequences,
    Stepwise,
    Tokenizer,
    VocabularyEncoder,
)
from skrnn._core.batching import Data, offsets_of
from skrnn._core.cells import CELLS
from skrnn._core.seq2seq import ATTENTIONS, EncoderDecoder
from skrnn.metrics import bleu_score
from skrnn.utils import check_sequence_estimator

EVERY_ATTENTION = pytest.mark.parametrize("attention", [None, *ATTENTIONS])
MAY_BE_CUT = pytest.mark.filterwarnings("ignore:.*predicted targets")
GOLDEN = np.load(Path(__file__).with_name("golden") / "seq2seq.npz")
SMALL = {"hidden_layer_sizes": 3, "learning_rate_init": 0.03, "batch_size": 8}
SMALL |= {"max_iter": 4, "random_state": 0, "dtype": "float64"}
LEARNS = {"hidden_layer_sizes": 24, "learning_rate_init": 0.01, "max_iter": 30}


def make_data(n, seed, longest=5):
    """Return sequences of four ids, and the letters that stand for them, reversed."""
    rng = np.random.default_rng(seed)
    X = [rng.integers(0, 4, length) for length in rng.integers(1, longest + 1, n)]
    return X, [["abcd"[i] for i in x[::-1]] for x in X]


X, Y = make_data(40, 0)
X_NEW, Y_NEW = make_data(30, 1)
BRIEF = [[2, 0, 1], [3], [1, 1, 0, 2, 3]]


@cache
def learned():
    """Return a model that has learned to reverse; not to be changed."""
    return RNNSeq2Seq(**LEARNS, random_state=0).fit(*make_data(500, 2))


def small(**params):
    return RNNSeq2Seq(**{**SMALL, **params})


# --- the equations --------------------------------------------------------------------
def step(cell, z, U, state):
    """Return the next state of a layer."""
    z = z + state[0] @ U
    if cell == "rnn":
        return (np.tanh(z),)
    i, f, g, o = np.split(z, 4)
    c = expit(f) * state[1] + expit(i) * np.tanh(g)
    return expit(o) * np.tanh(c), c


def by_hand(model, x, target):
    """Return log-probabilities of all terms at each step, and the attention's weights.

    Of a model of one layer that reads ids.
    """
    w, cell = model.weights_, model.cell
    outputs, lasts = [], []
    for d in range(len(w["b0"])):
        H = w["U0"].shape[1]
        state, said = (np.zeros(H),) * (2 if cell == "lstm" else 1), []
        for token in x[:: 1 - 2 * d]:
            z = w["W0"][d, token] + w["b0"][d]
            state = step(cell, z, w["U0"][d], state)
            said.append(state[0])
        outputs.append(said[:: 1 - 2 * d])
        lasts.append(state)
    memory = np.concatenate(outputs, axis=1)
    state = tuple(np.concatenate(parts) for parts in zip(*lasts, strict=True))
    classes, end = model.classes_.tolist(), len(w["decoder_b_out"]) - 1
    codes = [classes.index(t) if t in classes else len(classes) for t in target]
    log_proba, weights = [], []
    for before in [end, *codes]:
        z = w["decoder_W0"][0, before] + w["decoder_b0"][0]
        state = step(cell, z, w["decoder_U0"][0], state)
        h = state[0]
        if model.attention is not None:
            if model.attention == "dot":
                scores = [h @ m for m in memory]
            elif model.attention == "general":
                scores = [h @ w["W_attention"] @ m for m in memory]
            else:
                keys = [np.tanh(h @ w["W_query"] + m @ w["W_key"]) for m in memory]
                scores = [w["v_attention"] @ key for key in keys]
            weights.append(softmax(scores))
            h = np.tanh(np.concatenate([weights[-1] @ memory, h]) @ w["W_combined"])
        log_proba.append(log_softmax(h @ w["decoder_W_out"] + w["decoder_b_out"]))
    return np.array(log_proba), np.array(weights), [*codes, end]


@EVERY_ATTENTION
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("cell", ["rnn", "lstm"])
def test_probabilities_by_hand(cell, bidirectional, attention):
    model = small(cell=cell, bidirectional=bidirectional, attention=attention)
    assert model.set_params(max_target_tokens=3).fit(X, Y).has_unknown_
    targets = [["?", "b", "a", "d", 7, "a"], ["c", "a"], []]
    expected = [by_hand(model, *pair) for pair in zip(BRIEF, targets, strict=True)]
    log_p = [p[np.arange(len(p)), codes].sum() for p, _, codes in expected]
    assert_allclose(model.score_samples(BRIEF, targets), log_p, rtol=1e-9)
    if attention is not None:
        found = model.attention_weights(BRIEF, targets)
        assert found.dtype == object
        for a, (_, b, _) in zip(found, expected, strict=True):
            assert_allclose(a, b, rtol=1e-9)


@MAY_BE_CUT
@EVERY_ATTENTION
def test_targets_are_written_by_the_most_probable_terms(attention):
    model = small(attention=attention, max_target_length=6, max_iter=15).fit(X, Y)
    found = in_lists(model.predict(X_NEW))
    assert min(map(len, found)) < 6
    for x, target in zip(X_NEW, found, strict=True):
        log_p, _, codes = by_hand(model, x, target)
        n = min(len(target) + 1, 6)  # the last of 6 need not be followed by the end
        assert log_p.argmax(axis=1)[:n].tolist() == codes[:n]


def test_without_targets_those_that_are_predicted():
    found = learned().predict(X_NEW)
    log_p = learned().score_samples(X_NEW)
    assert_array_equal(log_p, learned().score_samples(X_NEW, found))
    assert (log_p > -3).all()


# --- searches -------------------------------------------------------------------------
@pytest.mark.parametrize("length_penalty", [0, 0.7, 2])
@EVERY_ATTENTION
def test_a_wide_beam_is_exhaustive(attention, length_penalty):
    """It finds all targets, and their probabilities sum to one."""
    number = [*ATTENTIONS, None].index(attention) + int(2 * length_penalty)
    y = [["abc"["abcd".index(token) % 3] for token in target] for target in Y]
    model = small(cell=[*CELLS][number % len(CELLS)], attention=attention)
    model.set_params(beam_width=500, length_penalty=length_penalty)
    model.set_params(max_target_length=3).fit(X, y)
    every = every_sequence("abc", 3)
    n_terms = np.array([len(target) + 1 for target in every])
    found, some = (model.predict_n_best(BRIEF, n=n) for n in (500, 4))
    for i, (x, best) in enumerate(zip(BRIEF, model.predict(BRIEF), strict=True)):
        log_p = model.score_samples([x] * len(every), every)
        order = np.argsort(-log_p / n_terms**length_penalty)
        log_proba, targets = zip(*found[i], strict=True)
        targets = in_lists(targets)
        assert targets[: len(every)] == [every[k] for k in order]
        assert_allclose(log_proba[: len(every)], log_p[order], rtol=1e-9)
        assert targets[0] == list(best)
        assert in_lists(target for _, target in some[i]) == targets[:4]
        # what was cut comes last, each with all that begins so
        assert sorted(targets[len(every) :]) == every[-27:]
        assert (np.diff(log_proba[len(every) :]) <= 0).all()
        cut, brief = np.exp(log_proba[len(every) :]), np.exp(log_p[:-27])
        assert_allclose(cut.sum() + brief.sum(), 1, rtol=1e-9)


def test_length_penalty_prefers_long_ones():
    model, n_tokens = small(max_iter=10, beam_width=20, max_target_length=6), []
    model.fit(X, Y)
    for penalty in (0, 1, 3):
        found = model.set_params(length_penalty=penalty).predict(X_NEW)
        n_tokens.append(sum(map(len, found)))
    assert n_tokens[0] < n_tokens[1] < n_tokens[2]


@pytest.mark.parametrize("beam_width", [1, 7])
def test_n_best(beam_width):
    model = copy_of(learned(), beam_width=beam_width)
    found = model.predict_n_best(X_NEW, n=3)
    assert found.shape == (30,)
    for x, hypotheses in zip(X_NEW, found, strict=True):
        log_p, targets = zip(*hypotheses, strict=True)
        assert len(hypotheses) == len(set(map(tuple, targets))) == 3
        assert (np.diff(log_p) < 0).all()
        expected = model.score_samples([x] * 3, targets)
        assert_allclose(log_p, expected, rtol=1e-4, atol=1e-5)
    best = in_lists(hypotheses[0][1] for hypotheses in found)
    assert np.mean([a == b for a, b in zip(best, Y_NEW, strict=True)]) > 0.9
    if beam_width == 7:
        assert best == in_lists(model.predict(X_NEW))


def test_a_beam_finds_what_is_more_probable():
    model = small(max_iter=8).fit(X, Y)
    greedy = copy_of(model, max_target_length=30).score_samples(X_NEW)
    wide = copy_of(model, beam_width=40).score_samples(X_NEW)
    assert wide.mean() > greedy.mean() + 0.1


@pytest.mark.parametrize(
    ("beam_width", "limit"), [(1, 5), (3, 5), (1, None), (3, None)]
)
def test_targets_without_an_end_are_cut(beam_width, limit):
    """They are as long as max_target_length, or the longest target of fit."""
    model = small(max_iter=20).fit([[0], [1]] * 4, [list("ab" * 4)] * 8)
    assert model.longest_target_ == 8
    model.set_params(beam_width=beam_width, max_target_length=limit)
    model.weights_["decoder_b_out"][-1] = -1e5 if beam_width == 1 else -np.inf
    message = (
        f"^2 of 2 predicted targets did not end within {limit or 8} tokens and were "
        "truncated: raise max_target_length, or train longer.$"
    )
    with pytest.warns(UserWarning, match=message) as seen:
        found = model.predict([[0], [1]])
    assert seen[0].filename == __file__
    assert list(map(len, found)) == [limit or 8] * 2
    with pytest.warns(UserWarning, match=message):
        assert model.score([[0], [1]], [["a"], ["b"]]) == 0


@MAY_BE_CUT
def test_the_unknown_token_is_never_predicted():
    y = [[*target, *(f"{i} {k}" for k in range(4))] for i, target in enumerate(Y)]
    model = small(max_iter=20, max_target_tokens=2, max_target_length=6).fit(X, y)
    assert model.has_unknown_
    known, most_probable = set(model.classes_), set()
    assert len(known) == 2
    for x, target in zip(X_NEW, model.predict(X_NEW), strict=True):
        log_p, _, codes = by_hand(model, x, target)
        most_probable.update(log_p.argmax(axis=1))
        log_p[:, 2] = -np.inf
        n = min(len(target) + 1, 6)
        assert log_p.argmax(axis=1)[:n].tolist() == codes[:n]
    assert 2 in most_probable
    for width in (3, 200):
        model.set_params(beam_width=width)
        assert set().union(*model.predict(X_NEW)) <= known
    for x, hypotheses in zip(BRIEF, model.predict_n_best(BRIEF), strict=True):
        log_p, targets = zip(*hypotheses, strict=True)
        assert set().union(*targets) <= known
        assert_allclose(model.score_samples([x] * 5, targets), log_p, rtol=1e-9)


@MAY_BE_CUT
def test_a_target_may_be_predicted_empty():
    model = small(max_iter=1).fit(X, Y)
    model.weights_["decoder_b_out"][-1] = 1000
    found = model.predict(BRIEF)
    assert in_lists(found) == [[], [], []]
    assert_allclose(model.score_samples(BRIEF, found), 0, atol=1e-9, rtol=0)
    weights = model.attention_weights(BRIEF, found)
    assert [w.shape for w in weights] == [(1, len(x)) for x in BRIEF]
    assert model.score(BRIEF, found) == 1


# --- attention ------------------------------------------------------------------------
@pytest.mark.parametrize("attention", ATTENTIONS)
def test_weights_of_the_attention(attention):
    model = small(attention=attention, dtype="float32").fit(X, Y)
    weights = model.attention_weights(X_NEW, Y_NEW)
    assert weights.shape == (30,)
    for x, y, w in zip(X_NEW, Y_NEW, weights, strict=True):
        assert w.shape == (len(y) + 1, len(x))
        assert w.dtype == np.float32
        assert_allclose(w.sum(axis=1), 1, rtol=1e-5)
        assert_array_equal(model.attention_weights([x], [y])[0], w)


def test_attention_looks_where_it_should():
    (weights,) = learned().attention_weights([[3, 0, 1, 2]], [list("cbad")])
    assert weights.shape == (5, 4)
    assert_array_equal(weights.argmax(axis=1)[:4], [3, 2, 1, 0])


def test_no_attention_has_no_weights():
    model = small(attention=None).fit(X, Y)
    assert "W_combined" not in model.weights_
    message = r'fitted with attention=None. Refit .*attention="general"'
    with pytest.raises(ValueError, match=message):
        model.attention_weights(X, Y)


# --- learning -------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("task", "attention"),
    [("copy", "general"), *(("reversal", each) for each in (None, *ATTENTIONS))],
)
def test_it_learns(task, attention):
    (X_train, y_train), (X_test, y_test) = make_data(500, 3), make_data(100, 4)
    if task == "copy":
        y_train, y_test = ([target[::-1] for target in y] for y in (y_train, y_test))
    model = RNNSeq2Seq(**LEARNS, attention=attention, random_state=0)
    model.set_params(max_iter=30 if attention else 50).fit(X_train, y_train)
    assert model.score(X_test, y_test) > 0.9


def test_texts():
    rng = np.random.default_rng(0)
    texts = ["".join(rng.choice(list("abc"), n)) for n in rng.integers(1, 5, 200)]
    spelled = np.array([text.upper() + "!" for text in texts])
    by_character = Tokenizer(analyzer="char", lowercase=False)
    last = RNNSeq2Seq(**LEARNS, target_tokenizer=by_character, random_state=0)
    model = make_pipeline(by_character, VocabularyEncoder(), last).fit(texts, spelled)
    found = model.predict(texts)
    assert found.shape == (200,)
    assert {type(text) for text in found} == {str}
    assert model.score(texts, spelled) > 0.9
    assert np.mean(found == spelled) == model.score(texts, spelled)
    assert bleu_score(list(map(list, spelled)), list(map(list, found))) > 0.9
    assert last.target_tokenizer_ is not last.target_tokenizer
    assert last.longest_target_ == 5
    ids = model[:-1].transform(texts)
    assert isinstance(last.predict_n_best(ids[:2], n=2)[0][1][1], str)
    assert last.score_samples(ids[:2], spelled[:2]).shape == (2,)
    (weights, _) = last.attention_weights(ids[:2], spelled[:2])
    assert weights.shape == (len(spelled[0]) + 1, len(texts[0]))
    split = clone(last).set_params(target_tokenizer=None)
    split.fit(ids, list(map(list, spelled)))
    assert_same_model(split, last)
    assert ["".join(target) for target in split.predict(ids)] == list(found)


def test_texts_by_words():
    texts = ["one two", "two", "three one two"] * 10
    params = {"target_tokenizer": Tokenizer(), "max_iter": 30, "hidden_layer_sizes": 12}
    model = small(**params).fit([[0, 1], [1], [2, 0, 1]] * 10, texts)
    assert model.predict([[1], [2, 0, 1]]).tolist() == ["two", "three one two"]


def test_tokens_of_any_kind():
    tokens = [1, "a", ("x", 2), 2.5, frozenset("q")]
    y = [[tokens[i] for i in x] for x in X]
    model = small(hidden_layer_sizes=12, max_iter=60).fit(X, y)
    assert model.classes_.dtype == object
    assert set(model.classes_) == set(tokens[:4])
    assert model.score(X, y) > 0.9
    found = model.predict([[2, 1], [0]])
    assert in_lists(found) == [[("x", 2), "a"], [1]]


@MAY_BE_CUT
def test_targets_in_any_container():
    y = np.random.default_rng(0).integers(5, 8, (40, 2))
    model = small().fit(X, y)
    assert model.classes_.tolist() == [5, 6, 7]
    assert {target.dtype for target in model.predict(X)} == {y.dtype}
    containers = [
        y.tolist(),
        tuple(map(tuple, y)),
        Sequences(y.ravel(), 2 * np.arange(41), n_tokens=8),
        pd.Series(list(y), index=np.arange(40)[::-1]),
        pd.DataFrame({"y": list(y)}),
        pd.DataFrame(y),
    ]
    for container in containers:
        assert_same_model(small().fit(X, container), model)
        assert_array_equal(model.score_samples(X, container), model.score_samples(X, y))
    column = small().fit(X, y[:, :1])
    assert_same_model(small().fit(X, y[:, :1].tolist()), column)
    assert column.longest_target_ == 1


def test_sensor_data():
    waves = [np.eye(4)[x] * 7 + 3 for x in X]
    model = make_pipeline(
        Stepwise(StandardScaler()), small(hidden_layer_sizes=12, max_iter=60)
    ).fit(waves, Y)
    assert model.score(waves, Y) > 0.9


def test_no_weight_is_left_out():
    y, weights = [*Y[:-1], ["z"] * 30], np.r_[np.ones(39), 0]
    for params in ({}, {"max_target_tokens": 2}):
        model = small(**params).fit(X, y, sample_weight=weights)
        expected = small(**params).fit(X[:-1], Y[:-1])
        assert_same_model(model, expected)
        assert model.longest_target_ == expected.longest_target_ == 5
        assert model.classes_.tolist() == expected.classes_.tolist()
    model = small().fit(X, y, weights).partial_fit(X, y, sample_weight=weights)
    assert model.longest_target_ == 5


def test_most_frequent_tokens_are_by_weight():
    y = [["a", "b"], ["c"], ["a"], ["b"]]
    model = small(max_target_tokens=1).fit(X[:4], y, sample_weight=[1, 5, 1, 1])
    assert model.classes_.tolist() == ["c"]
    assert small(max_target_tokens=1).fit(X[:4], y).classes_.tolist() == ["a"]
    all_told = small(max_target_tokens=3).fit(X[:4], y)
    assert not all_told.has_unknown_
    assert all_told.classes_.tolist() == ["a", "b", "c"]


def test_classes_named_in_the_first_call():
    model = small().partial_fit(X[:9], [["a"], *[["b", "a"]] * 8], classes=list("dcba"))
    assert model.classes_.tolist() == ["a", "b", "c", "d"]
    assert model.longest_target_ == 2
    model.partial_fit(X, Y).partial_fit(X, Y, classes=list("abcd"))
    model.partial_fit(X[:3], [["a"]] * 3)  # all shorter than before
    assert model.longest_target_ == 5
    message = "classes must not change between calls of partial_fit"
    with pytest.raises(ValueError, match=message):
        model.partial_fit(X, Y, classes=list("abc"))
    with pytest.raises(ValueError, match=r"y\[0\] contains the token 'z' at step 1"):
        small().partial_fit(X[:1], [["a", "z"]], classes=["a"])
    model = small(max_target_tokens=2).partial_fit(X, Y)
    model.partial_fit(X[:1], [["never", "seen"]])
    assert len(model.classes_) == 2


@MAY_BE_CUT
@EVERY_ATTENTION
def test_bits_do_not_depend_on_the_other_sequences(attention):
    model = RNNSeq2Seq(attention=attention, hidden_layer_sizes=(9, 17), embedding_dim=5)
    model.set_params(max_iter=2, random_state=0).fit(X, Y)
    longer, targets = make_data(40, 5, longest=30)
    together, log_p = results(model, longer), model.score_samples(longer, targets)
    for part in (slice(0, 1), slice(17, 19), slice(3, 30, 4)):
        expected = {name: items[part] for name, items in together.items()}
        assert_same_results(results(model, longer[part]), expected)
        found = model.score_samples(longer[part], targets[part])
        assert_array_equal(found, log_p[part])
    # a source is another one's neighbour in a batch of other lengths
    mixed = model.score_samples([longer[0], [1], [2, 0]], [["a"], targets[0], ["b"]])
    assert mixed[0] == model.score_samples(longer[:1], [["a"]])[0]


def test_a_vector_of_additive_attention_is_not_penalized():
    params = {"solver": "sgd", "max_iter": 1, "batch_size": 40}
    params |= {"attention": "additive", "max_grad_norm": None}
    a, b = (small(**params, alpha=alpha).fit(X, Y).weights_ for alpha in (0, 0.1))
    assert_array_equal(a["v_attention"], b["v_attention"])
    assert not np.array_equal(a["W_query"], b["W_query"])


@MAY_BE_CUT
def test_a_fit_on_bad_texts_changes_nothing():
    model = small(warm_start=True, target_tokenizer=Tokenizer(analyzer="char"))
    texts = ["".join(target) for target in Y]
    model.fit(X, texts)
    before = joblib.hash(vars(model))
    for bad in ("z", ""):  # the first is found only when it is encoded
        with pytest.raises(ValueError, match=r".{20}"):
            model.fit(X, [*texts[:-1], bad])
        assert joblib.hash(vars(model)) == before
    model.set_params(target_tokenizer=None)
    with pytest.raises(ValueError, match=r"target_tokenizer.*None.*Tokenizer"):
        model.fit(X, Y)


SEARCHES = {"beam_width": 3, "dropout": 0.2}


@pytest.mark.parametrize(
    "model",
    [
        RNNSeq2Seq(cell="gru", dtype="float64", early_stopping=True),
        RNNSeq2Seq(**SEARCHES, length_penalty=0.5, attention=None),
        RNNSeq2Seq(max_target_tokens=1, attention="additive"),
        RNNTranscriber(cell="gru", dtype="float64", early_stopping=True),
        RNNTranscriber(**SEARCHES, length_bonus=0.5),
        RNNTranscriber(max_target_tokens=1),
    ],
    ids=repr,
)
@MAY_BE_CUT
def test_sequence_checks(model):
    model = clone(model).set_params(hidden_layer_sizes=3, max_iter=3)
    assert len(check_sequence_estimator(model)) > 20


@pytest.mark.parametrize("estimator", [RNNSeq2Seq, RNNTranscriber])
@MAY_BE_CUT
def test_sequence_checks_of_texts(estimator):
    X, y = [[0, 1], [2], [2, 2, 0], [1, 0], [0]], ["ab", "b", "cc", "a", "b"]
    model = estimator(target_tokenizer=Tokenizer(analyzer="char"), **SMALL)
    check_sequence_estimator(model, X=X, y=y)


# --- what is refused ------------------------------------------------------------------
REFUSED = [  # among other targets
    (3, r"y\[1\] is 3, not a sequence of tokens: give a list of tokens for each"),
    ([], r"y\[1\] is empty: every target needs a token; remove the sequence"),
    (["c", np.nan], r"y\[1\] contains NaN at step 1, nan: tokens must be hashable"),
    (
        [["c"]],
        r"y\[1\] contains a list at step 0, \['c'\]: tokens must be hashable, su",
    ),
    (
        "bc",
        r"y\[1\] is the text 'bc' where a sequence of tokens is needed: split it, "
        r'or give a target_tokenizer, such as Tokenizer\(analyzer="char"\)',
    ),
]


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (None, "estimator requires y to be passed, but the target y is None"),
        ([["a"]], "y has 1 sequences of tokens and X has 3 sequences: inconsistent"),
        ("abc", "y is a single string; pass a list with one item per sequence"),
        *(([["a"], target, ["d"]], message) for target, message in REFUSED),
    ],
)
@pytest.mark.parametrize("estimator", [RNNSeq2Seq, RNNTranscriber])
def test_targets_that_are_refused(estimator, y, message):
    if estimator is RNNTranscriber and "empty" in message:
        return  # it takes empty targets
    model = estimator(**SMALL)
    with pytest.raises(ValueError, match=message):
        model.fit(BRIEF, y)
    assert not hasattr(model, "classes_")
    with pytest.raises(ValueError, match=message):
        model.partial_fit(BRIEF, y)


def test_sequences_that_are_refused():
    with pytest.raises(ValueError, match=r"X\[1\]"):
        small().fit([[0], [], [1]], [["a"], ["b"], ["c"]])
    model = learned()
    for method in (model.predict, model.predict_n_best, model.score_samples):
        with pytest.raises(ValueError, match=r"X\[2\]"):
            method([[0], [1], []])
        with pytest.raises(ValueError, match=r"X\[1\].*\b9\b"):
            method([[0], [1, 9]])


def test_tokens_never_seen():
    message = (
        r"y\[1\] contains the token '\?' at step 2, which is not among the target "
        "tokens of fit.* fit with max_target_tokens"
    )
    model, other = learned(), copy_of(learned(), warm_start=True)
    for method in ("score_samples", "attention_weights", "partial_fit", "fit"):
        with pytest.raises(ValueError, match=message):
            getattr(other, method)(BRIEF, [["a"], ["a", "b", "?"], ["?"]])
    found = in_lists(model.predict(X_NEW))
    wrong = [["?"], *found[1:]]
    assert model.score(X_NEW, found) == 1
    assert_allclose(model.score(X_NEW, wrong), 29 / 30, rtol=1e-12)
    assert_allclose(model.score(X_NEW, wrong, [3, *[1] * 29]), 29 / 32, rtol=1e-12)
    with pytest.raises(ValueError, match="y has 1 sequences of tokens and X has 3"):
        model.score(BRIEF, [["a"]])


@pytest.mark.parametrize(
    ("params", "message"),
    [
        (
            {"beam_width": 0},
            r"The 'beam_width' parameter .* \[1, inf\).* Got 0 instead",
        ),
        ({"attention": "nope"}, "The 'attention' parameter .*'general'.* Got 'nope'"),
        ({"length_penalty": -1}, r"The 'length_penalty' parameter .* Got -1 instead"),
        ({"max_target_length": 0}, "The 'max_target_length' parameter .* Got 0 inst"),
        ({"max_target_tokens": 0}, "The 'max_target_tokens' parameter .* Got 0 inst"),
        ({"target_tokenizer": "char"}, "The 'target_tokenizer' parameter .*'transform"),
    ],
    ids=str,
)
def test_parameters_that_are_refused(params, message):
    with pytest.raises(ValueError, match=message):
        small(**params).fit(X, Y)


@pytest.mark.parametrize("estimator", [RNNSeq2Seq, RNNTranscriber])
def test_number_of_the_best(estimator):
    model = estimator(**SMALL).fit(BRIEF, [["a"], ["b"], ["c"]])
    with pytest.raises(ValueError, match="n == 0, must be >= 1"):
        model.predict_n_best(BRIEF, n=0)
    with pytest.raises(TypeError, match="n must be an instance of"):
        model.predict_n_best(BRIEF, n=2.0)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_losses_and_gradients_of_pytorch(dtype):
    n_outputs, width = GOLDEN["decoder_W_out"].shape[::-1]
    n_tokens, embedding_dim = GOLDEN["embedding"].shape
    spec = {"cell": "lstm", "activation": "tanh", "hidden_sizes": (width // 2,) * 2}
    spec |= {"bidirectional": True, "embedding_dim": embedding_dim, "dropout": (0, 0)}
    spec |= {"input_size": n_tokens, "n_outputs": n_outputs, "attention": "general"}
    network = EncoderDecoder(**spec, dtype=dtype)
    params = network.params()
    for name, shape in network.shapes().items():
        assert GOLDEN[name].shape == shape
        params[name][...] = GOLDEN[name]
    data = Data(
        GOLDEN["sources"],
        offsets_of(GOLDEN["source_lengths"]),
        GOLDEN["targets"],
        GOLDEN["weights"].astype(dtype),
        offsets_of(GOLDEN["target_lengths"]),
    )

    def check(found, expected):
        tolerance = {"float32": 1e-5, "float64": 1e-10}[dtype] * np.abs(expected).max()
        assert_allclose(found, expected, rtol=0, atol=tolerance)

    check(network.losses(params, data), GOLDEN[f"{dtype}/losses"])
    batch, terms = network.pack(data, np.array([3, 0, 2, 1]))
    x, y = data.rows[batch.rows], data.targets[terms]
    loss, grads, _ = network.loss_grad(params, x, y, data.weights[terms], batch)
    check(loss, GOLDEN["weights"] @ GOLDEN[f"{dtype}/losses"])
    assert grads.table.values.dtype == dtype
    table = np.zeros_like(params.table)
    table[grads.table.rows] = grads.table.values
    check(table, GOLDEN[f"{dtype}/dembedding"])
    for name in set(params.shapes) - {"embedding"}:
        check(grads[name], GOLDEN[f"{dtype}/d{name}"])
