"""RNNLanguageModel as a user sees it: probabilities, samples, streams, refusals."""

import pickle
from collections import Counter
from itertools import product

import numpy as np
import pandas as pd
import pytest
from common import (
    assert_near_model,
    assert_other_model,
    assert_same_model,
    every_sequence,
)
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from scipy.special import expit, log_softmax
from scipy.stats import chisquare
from sklearn.base import clone
from sklearn.callback import ScoringMonitor
from sklearn.pipeline import make_pipeline

from skrnn import RNNLanguageModel, Sequences, Tokenizer, VocabularyEncoder
from skrnn._core.cells import CELLS

X2 = [[0, 1, 0], [1], [0, 0, 1], [], [1, 0], [0], [1, 1, 0, 1]]  # of two tokens
LABELS, NUMBERS = list("abbaabb"), [0.5, 1.0, -2.0, 0.25, 3.0, 1.0, 0.0]
ROWS = [
    np.array(rows) for rows in ([[0, 1], [1, 1]], [[1, 0]], [[0, 0]] * 2 + [[0, 1]])
]
KINDS = {
    "plain": ({}, None),
    "embedded": ({"embedding_dim": 3}, None),
    "tied": ({"embedding_dim": 4, "tie_weights": True}, None),
    "labels": ({}, LABELS),
    "numbers": ({}, NUMBERS),
    "tied labels": ({"embedding_dim": 4, "tie_weights": True}, LABELS),
    "stream": ({"stream": True, "batch_size": 2, "bptt": 3}, None),
    "stream labels": ({"stream": True, "batch_size": 2, "bptt": 3}, LABELS),
}


STREAM = {"stream": True, "batch_size": 1, "bptt": 4}
SMALL = {"hidden_layer_sizes": 4, "max_iter": 5, "learning_rate_init": 0.05}
SMALL |= {"random_state": 0, "dtype": "float64"}


def small(**params):
    return RNNLanguageModel(**SMALL | params)


def fitted(kind, **params):
    options, y = KINDS[kind]
    return small(**options, **params).fit(X2, y)


def make_data(n=40, V=5, seed=0):
    """Return sequences of which a token tends to be one above the last."""
    rng = np.random.default_rng(seed)
    steps = [rng.choice([1, 1, 1, 2, 3], rng.integers(0, 7)) for _ in range(n)]
    return [(np.cumsum(s) + rng.integers(V)) % V for s in steps]


def tuples(X):
    return [tuple(x.tolist()) for x in X]


# --- probabilities --------------------------------------------------------------------
def on_condition(method, X, condition=None):
    """Return what a method gives for each of X, after no other one in a stream."""
    y = None if condition is None else [condition]
    if method.__self__.stream:
        return [method([x], y)[0] for x in X]
    return method(X, y and y * len(X))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("cell", CELLS)
def test_probabilities_of_all_sequences_sum_to_one(cell, kind):
    """Those of up to 3 tokens, and of the beginnings of 4 that have no end."""
    model = fitted(kind, cell=cell)
    conditions = {"labels": ["a", "b"], "numbers": [0.7, 2.0]}.get(kind.split()[-1], [])
    mixture_or_none = [None] * (not conditions or kind.endswith("labels"))
    for condition in conditions + mixture_or_none * (kind != "stream labels"):
        log_proba = on_condition(
            model.log_proba_per_step, every_sequence([0, 1], 4), condition
        )
        shorter = sum(np.exp(steps.sum()) for steps in log_proba if len(steps) < 5)
        others = sum(np.exp(s[:-1].sum()) for s in log_proba if len(s) == 5)
        assert 0.01 < others < 0.99
        assert_allclose(shorter + others, 1, rtol=1e-12)


@pytest.mark.parametrize("y", [None, list("aba"), [0.5, 1.5, -1.0]])
@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("cell", CELLS)
def test_probabilities_of_all_rows_sum_to_one(cell, stream, y):
    model = small(cell=cell, stream=stream, batch_size=1, bptt=2).fit(ROWS, y)
    assert model.end_token_ is None
    every = np.array(list(product([0, 1], repeat=6))).reshape(-1, 3, 2)
    mixture_or_none = [None] * (y is None or (y[0] == "a" and not stream))
    for condition in (y or [])[:2] + mixture_or_none:
        log_proba = on_condition(model.score_samples, every, condition)
        assert_allclose(np.exp(log_proba).sum(), 1, rtol=1e-12)


def test_mixture_is_the_mean_over_all_labels():
    weights = [1, 2, 0.5, 1, 1, 3, 0]
    model = small(dtype="float32").fit(X2, LABELS, sample_weight=weights)
    assert model.conditions_.tolist() == ["a", "b"]
    prior = np.array([3, 5.5]) / 8.5
    assert_allclose(np.exp(model.condition_log_prior_), prior, rtol=1e-12)
    given = [np.exp(model.score_samples(X2, [c] * 7)) for c in "ab"]
    mixed = np.exp(model.score_samples(X2))
    assert_allclose(mixed, prior @ given, rtol=1e-6)
    assert np.abs(given[0] / given[1] - 1).max() > 0.1  # there is something to mix


@pytest.mark.parametrize("kind", [*KINDS, "rows"])
def test_scores_agree(kind):
    X, y = (ROWS, None) if kind == "rows" else (X2, KINDS[kind][1])
    model = small().fit(ROWS) if kind == "rows" else fitted(kind)
    steps, ends = model.log_proba_per_step(X, y), model.end_token_ is not None
    assert steps.shape == (len(X),)
    assert [s.shape for s in steps] == [(len(x) + ends,) for x in X]
    assert {s.dtype for s in steps} == {np.dtype(np.float64)}
    assert_allclose(model.score_samples(X, y), [s.sum() for s in steps], rtol=1e-12)
    mean = np.concatenate(steps).mean()
    assert_allclose(model.score(X, y), mean, rtol=1e-12)
    assert_allclose(model.perplexity(X, y), np.exp(-mean), rtol=1e-12)
    assert_allclose(model.bits_per_token(X, y), -mean / np.log(2), rtol=1e-12)
    weights = np.array([0, 1, 2, 0.5, 1, 0, 3])[: len(X)]
    total = weights @ [s.sum() for s in steps]
    expected = total / (weights @ [len(s) for s in steps])
    assert_allclose(model.score(X, y, weights), expected, rtol=1e-12)


def test_what_row_comes_next():
    model, mixed = small().fit(ROWS), small().fit(ROWS, list("aba"))
    proba = model.predict_proba(ROWS)
    assert proba.shape == (3, 2)
    assert_array_equal(model.predict(ROWS), proba > 0.5)
    for row in ([0, 0], [0, 1], [1, 1]):
        longer = [np.vstack([x, row]) for x in ROWS]
        found = [s[-1] for s in model.log_proba_per_step(longer)]
        expected = np.log(np.where(row, proba, 1 - proba)).sum(axis=1)
        assert_allclose(found, expected, rtol=1e-12)
    found = mixed.log_proba_per_step(longer)[1][-1]
    each = [mixed.log_proba_per_step(longer, [c] * 3)[1][-1] for c in "ab"]
    assert min(each) < found < max(each)


@pytest.mark.parametrize("kind", KINDS)
def test_what_comes_next(kind):
    model, y = fitted(kind), KINDS[kind][1]
    assert model.end_token_ == 2
    for conditions in [y, None][: 2 if y is LABELS and not model.stream else 1]:
        proba = model.predict_proba(X2, conditions)
        assert proba.shape == (7, 3)
        assert_allclose(proba.sum(axis=1), 1, rtol=1e-12)
        assert_array_equal(model.predict(X2, conditions), proba.argmax(axis=1))
        for i, x in enumerate(X2):
            own = conditions and conditions[i : i + 1]
            for token in range(2):
                steps = model.log_proba_per_step([[*x, token]], own)[0]
                assert_allclose(steps[len(x)], np.log(proba[i, token]), rtol=1e-9)
            steps = model.log_proba_per_step([x], own)[0]
            assert_allclose(steps[-1], np.log(proba[i, 2]), rtol=1e-9)
            alone = model.predict_proba([x], own)[0]
            assert_array_equal(alone, proba[i])


def test_sequences_may_all_be_empty():
    model = small().fit([[], []])
    assert model.input_size_ == 1
    assert model.score_samples([[]])[0] > model.score_samples([[0]])[0]


def test_the_first_input_is_a_row_of_zeros():
    model = fitted("plain", cell="rnn")
    h = np.tanh(model.weights_["b0"][0])
    scores = h @ model.weights_["W_out"] + model.weights_["b_out"]
    found = model.predict_proba([[]])[0]
    assert_allclose(np.log(found), log_softmax(scores), rtol=1e-12)


def test_it_learns_what_follows():
    model = small(hidden_layer_sizes=12, max_iter=100, learning_rate_init=0.02)
    X = [[0, 1, 2, 3], [2, 3, 0], [3, 3], []] * 5
    model.fit(X, ["up", "up", "same", "none"] * 5)
    proba = np.exp(model.score_samples(X[:4], ["up", "up", "same", "none"]))
    assert_allclose(proba, [0.5, 0.5, 1, 1], rtol=0, atol=0.1)
    assert_allclose(np.exp(model.score_samples(X[:4])), 0.25, atol=0.06, rtol=0)
    assert model.predict([[0, 1, 2, 3]])[0] == model.end_token_


def test_numbers_are_conditions():
    """A sequence is as long as the first number says, and of the second's token."""
    rng = np.random.default_rng(0)
    lengths, tokens = rng.integers(0, 4, 80), rng.integers(0, 2, 80)
    X = [[token] * n for n, token in zip(lengths, tokens, strict=True)]
    y = np.stack([lengths + 10, tokens + 0.5], axis=1)
    model = small(hidden_layer_sizes=16, max_iter=30, learning_rate_init=0.02)
    model.fit(X, y)
    assert_allclose(model.condition_mean_, y.mean(axis=0), rtol=1e-12)
    assert_allclose(model.condition_scale_, y.std(axis=0), rtol=1e-12)
    conditions = [[13, 1.5], [12, 0.5], [10, 1.5]]
    found = model.sample(3, condition=conditions, temperature=0, max_length=9)
    assert tuples(found) == [(1, 1, 1), (0, 0), ()]
    one = model.sample(1, condition=conditions[0], temperature=0, max_length=9)
    assert tuples(one) == [(1, 1, 1)]


def test_the_unit_of_numbers_does_not_matter():
    y = np.stack([NUMBERS, np.arange(7) ** 2], axis=1)
    model, other = small().fit(X2, y), small().fit(X2, 1000 * y - 7)
    assert_near_model(model, other, rtol=1e-6, atol=1e-9)
    found = other.score_samples(X2, 1000 * y - 7)
    assert_allclose(found, model.score_samples(X2, y), rtol=1e-6)


def test_numbers_that_are_whole_are_still_numbers():
    model = fitted("numbers")
    assert model.conditions_ is None
    whole, other = model.score_samples(X2[:2], [3.0, 1]), pd.Series([3, 1])
    assert_array_equal(whole, model.score_samples(X2[:2], other))
    assert model.score([[0]], [2]) == model.score([[0]], [2.0])
    forms = 2, 2.0, [2], [[2]] * 5
    drawn = [tuples(model.sample(5, condition=c, random_state=0)) for c in forms]
    assert drawn == drawn[:1] * 4


# --- samples --------------------------------------------------------------------------
def assert_drawn_by(counts, proba):
    """Check how often each was drawn against probabilities, by a chi-squared test."""
    counts, proba = np.asarray(counts), np.asarray(proba)
    assert_array_equal(counts[proba == 0], 0)
    expected = proba[proba > 0] * counts.sum()
    assert expected.min() > 5
    if len(expected) > 1:
        assert chisquare(counts[proba > 0], expected).pvalue > 1e-3


PREFIXES = [(kind, []) for kind in KINDS if kind != "stream labels"]


@pytest.mark.parametrize(
    ("kind", "prefix"), [*PREFIXES, ("labels", [0, 1]), ("labels", [1])]
)
def test_samples_are_as_frequent_as_they_are_probable(kind, prefix):
    """After a prefix, labels are drawn as they are probable after it."""
    model, n, condition = fitted(kind), 3000, 1.5 if kind == "numbers" else None
    options = {"condition": condition, "max_length": 9, "random_state": 1}
    drawn = model.sample(n, prefix=prefix, **options)
    assert isinstance(drawn, Sequences)
    assert drawn.n_tokens == 2
    assert drawn.rows.dtype == np.int64
    every = [[*prefix, *x] for x in every_sequence([0, 1], 2)]
    counts = Counter(tuples(drawn))
    found = [counts[tuple(x)] for x in every]
    log_proba = np.array(on_condition(model.score_samples, every, condition))
    steps = on_condition(model.log_proba_per_step, [prefix], condition)[0]
    proba = np.exp(log_proba - steps[:-1].sum())
    assert_drawn_by([*found, n - sum(found)], [*proba, 1 - proba.sum()])


@pytest.mark.parametrize("kind", ["labels", "stream labels"])
def test_samples_for_a_label(kind):
    model, n = fitted(kind), 2000
    condition = ["a", "b"] * (n // 2)
    drawn = model.sample(n, condition=condition, max_length=1, random_state=0)
    proba = model.predict_proba([[], []], ["a", "b"])
    for c in range(2):
        counts = Counter(tuples(drawn[c::2]))
        assert_drawn_by([counts[0,], counts[1,], counts[()]], proba[c])
    forms = "b", np.str_("b"), model.conditions_[1], ["b"] * 9
    options = {"max_length": 9, "random_state": 1}
    found = [tuples(model.sample(9, condition=given, **options)) for given in forms]
    assert found == found[:1] * 4


def changed(p, temperature=1, top_k=None, top_p=None, exclude=()):
    """Return the probabilities that one next token is drawn with."""
    p = np.array([0 if k in exclude else p_k for k, p_k in enumerate(p)])
    p = p ** (1 / temperature)
    order = sorted(range(len(p)), key=lambda k: -p[k])
    kept = order[:top_k]
    p = np.array([p_k if k in kept else 0 for k, p_k in enumerate(p)]) / p[kept].sum()
    if top_p is not None:
        n = next(n for n in range(1, len(p) + 1) if p[order[:n]].sum() > top_p - 1e-9)
        p = np.array([p_k if k in order[:n] else 0 for k, p_k in enumerate(p)])
    return p / p.sum()


@pytest.mark.parametrize(
    "options",
    [
        {},
        *({"temperature": temperature} for temperature in (0.5, 2)),
        *({"top_k": k} for k in (1, 3, 100)),
        *({"top_p": p} for p in (0.6, 0.05, 1.0)),
        *({"exclude": ids} for ids in ([1], np.array([2, 0]), (1, 1, 2, 3, 4))),
        {"temperature": 1.7, "top_k": 4, "top_p": 0.75, "exclude": [0]},
    ],
    ids=str,
)
def test_next_tokens_are_as_frequent_as_they_should_be(options):
    model, prefix = small(max_iter=15).fit(make_data()), [3, 4]
    proba = changed(model.predict_proba([prefix])[0], **options)
    drawn = model.sample(3000, prefix=prefix, max_length=3, random_state=2, **options)
    counts = Counter(tuples(drawn))
    assert_drawn_by([*(counts[3, 4, k] for k in range(5)), counts[3, 4]], proba)


@pytest.mark.parametrize("temperature", [0, 1e-300, 5e-324, 1e-9])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_no_temperature_is_greedy(dtype, temperature):
    model = small(max_iter=15, dtype=dtype).fit(make_data())
    begins, greedy = [[0], [], [3]], {"temperature": temperature, "max_length": 8}
    drawn = model.sample(3, prefix=begins, **greedy)
    for x, expected in zip(drawn, begins, strict=True):
        while len(expected) < 8:
            token = model.predict([expected])[0]
            if token == model.end_token_:
                break
            expected.append(token)
        assert x.tolist() == expected
    rows, expected = small(dtype=dtype).fit(ROWS), ROWS[0]
    for _ in range(6):
        expected = np.vstack([expected, rows.predict([expected])])
    for x in rows.sample(2, prefix=ROWS[0], **greedy):
        assert_array_equal(x, expected)


def log_odds(model, x, label):
    """Return those of each number of the next row, from probabilities of rows."""
    rows = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
    longer = [np.vstack([x, row]) for row in rows]
    y = None if label is None else [label] * 4
    log_proba = [steps[-1] for steps in model.log_proba_per_step(longer, y)]
    proba = np.exp(log_proba) @ rows
    return np.log(proba / (1 - proba))


@pytest.mark.parametrize("temperature", [1, 0.5, 3.0])
@pytest.mark.parametrize("y", [None, list("aba")])
def test_rows_are_as_frequent_as_they_are_probable(y, temperature):
    model, n = small(max_iter=20).fit(ROWS, y), 4000
    every = np.array(list(product([0, 1], repeat=4))).reshape(-1, 2, 2)
    drawn = model.sample(n, temperature=temperature, max_length=2, random_state=0)
    assert_array_equal(drawn.lengths, 2)
    counts = Counter(tuple(x.astype(int).ravel()) for x in drawn)
    proba = 0
    for label, share in [(None, 1)] if y is None else [("a", 2 / 3), ("b", 1 / 3)]:
        own = [share] * 16
        for i, x in enumerate(every):
            for t in range(2):
                odds = log_odds(model, x[:t], label) / temperature
                own[i] *= np.where(x[t], expit(odds), expit(-odds)).prod()
        proba = proba + np.array(own)
    assert_drawn_by([counts[tuple(x.ravel())] for x in every], proba)


@pytest.mark.parametrize("scale", [1e4, 1e30])
def test_huge_scores_do_not_overflow(scale):
    tokens, rows = fitted("plain", dtype="float32"), small(dtype="float32").fit(ROWS)
    tokens.weights_["b_out"][...] = scale * np.array([-1, 1, -1])
    rows.weights_["b_out"][...] = scale * np.array([-1, 1])
    for temperature in (0, 1e-300, 0.5, 1.0, 2.0):
        options = {"temperature": temperature, "max_length": 3}
        assert tuples(tokens.sample(2, **options)) == [(1, 1, 1)] * 2
        assert_array_equal(rows.sample(2, **options).rows, [[0, 1]] * 6)
    assert tuples(tokens.sample(top_k=2, top_p=0.9, max_length=3)) == [(1, 1, 1)]
    assert np.isfinite(tokens.score_samples(X2)).all()
    assert np.isfinite(rows.score_samples(ROWS)).all()
    assert np.isfinite(tokens.beam_search(width=3, max_length=3)[1]).all()


def test_prefixes_and_lengths():
    model = small(max_iter=15).fit(make_data())
    options = {"max_length": 5, "random_state": 0}
    same = model.sample(4, prefix=[[0, 1]] * 4, **options)
    assert [x[:2].tolist() for x in same] == [[0, 1]] * 4
    assert same.lengths.max() <= 5
    for prefix in ([0, 1], (0, 1), np.array([0, 1]), [[0, 1]], [np.array([0, 1])]):
        assert tuples(model.sample(4, prefix=prefix, **options)) == tuples(same)
    each = [[0], [1, 2, 3], [], [4, 4]]
    drawn = model.sample(4, prefix=each, max_length=3, random_state=0)
    assert [x[: len(b)].tolist() for x, b in zip(drawn, each, strict=True)] == each
    assert drawn.lengths.max() == 3
    assert [len(x) for x in model.sample(2, prefix=[1, 2, 3], max_length=3)] == [3, 3]
    forms = None, [], [[]], [[]] * 3
    none = [tuples(model.sample(3, prefix=given, random_state=0)) for given in forms]
    assert none == none[:1] * 4
    square = model.sample(2, prefix=[[0, 1], [2, 3]], max_length=3, random_state=0)
    assert [x[:2].tolist() for x in square] == [[0, 1], [2, 3]]
    assert model.sample(2, exclude=range(5), random_state=0).lengths.tolist() == [0, 0]


def test_prefixes_of_rows():
    model, options = small().fit(ROWS), {"max_length": 4, "random_state": 0}
    one = [ROWS[0], sparse.csr_array(ROWS[0]), [ROWS[0]], [ROWS[0]] * 3]
    for prefix, begins in [*((prefix, [ROWS[0]] * 3) for prefix in one), (ROWS, ROWS)]:
        drawn = model.sample(3, prefix=prefix, **options)
        assert_array_equal(drawn.lengths, 4)
        for x, begin in zip(drawn, begins, strict=True):
            assert_array_equal(x[: len(begin)], begin)
    assert_array_equal(model.sample(2, prefix=ROWS[0], max_length=2)[1], ROWS[0])
    assert np.isin(drawn.rows, (0, 1)).all()
    assert np.isfinite(model.score(drawn))


@pytest.mark.parametrize("kind", ["plain", "labels", "numbers"])
def test_samples_may_be_drawn_in_parts(kind, monkeypatch):
    model, y = fitted(kind), KINDS[kind][1] and KINDS[kind][1][:5]
    greedy = {"temperature": 0, "max_length": 6, "condition": y}
    greedy |= {"prefix": [[0], [1, 1], [], [0, 0, 1], [1]]}
    whole = model.sample(5, **greedy)
    for limit in (6, 1):  # two at a time, and one
        monkeypatch.setattr("skrnn._models._sampling.MAX_DRAWN", limit)
        assert tuples(model.sample(5, **greedy)) == tuples(whole)
        assert len(model.sample(5, condition=y, random_state=0)) == 5


def test_the_same_seed_draws_the_same():
    X, y = make_data(), np.arange(40) % 2
    model, parallel = (small(max_iter=3, n_jobs=n).fit(X, y) for n in (None, 2))
    options = {"max_length": 20, "temperature": 1.3}
    expected = tuples(model.sample(30, random_state=5, **options))
    assert len(set(expected)) > 5
    assert tuples(parallel.sample(30, random_state=5, **options)) == expected
    assert_array_equal(parallel.score_samples(X), model.score_samples(X))
    rng = np.random.RandomState(5)
    assert tuples(model.sample(30, random_state=rng, **options)) == expected
    for another in (rng, 6):
        assert tuples(model.sample(30, random_state=another, **options)) != expected


def test_unknown_token_is_not_drawn():
    encoder = VocabularyEncoder(min_count=4)
    ids = encoder.fit_transform([["a", "b"], ["c"], ["b", "d", "e"]] * 3 + [["a"]])
    assert ids.unknown == 0
    assert (ids.rows == 0).any()
    model, options = small().fit(ids), {"random_state": 0, "max_length": 9}
    assert model.unknown_token_ == 0
    drawn = model.sample(300, **options)
    assert drawn.unknown == 0
    assert len(drawn.rows) > 100
    assert 0 not in drawn.rows
    assert len(encoder.inverse_transform(drawn)) == 300
    for exclude in ((), [1]):
        assert 0 in model.sample(300, exclude=exclude, **options).rows
    assert 0 not in model.beam_search(width=20, max_length=3)[0].rows
    assert 0 in model.beam_search(width=20, max_length=3, exclude=())[0].rows
    plain = small().fit([x.tolist() for x in ids])
    assert plain.unknown_token_ is None
    assert 0 in plain.sample(300, **options).rows


def test_unknown_survives_what_is_done_with_sequences():
    X = VocabularyEncoder().fit_transform([["a"], ["b", "a"], ["c"]])
    for same in (X, X[:2], X[::2], X[[2, 0]], X[np.array([True, False, True])]):
        assert same.unknown == 0
        assert pickle.loads(pickle.dumps(same)).unknown == 0
    assert Sequences(X.rows, X.offsets).unknown is None


# --- beam search ----------------------------------------------------------------------
@pytest.mark.parametrize("kind", KINDS)
def test_a_beam_as_wide_as_the_space_finds_the_best(kind):
    model, y = fitted(kind), KINDS[kind][1]
    condition, every = y and y[1], every_sequence([0, 1], 4)
    log_proba = np.array(on_condition(model.score_samples, every, condition))
    best = np.argsort(-log_proba)[:6]
    options = {"condition": condition, "max_length": 4}
    found, found_log_proba = model.beam_search(width=50, **options)
    assert tuples(found)[:6] == [tuple(every[i]) for i in best]
    assert_allclose(found_log_proba[:31], np.sort(log_proba)[::-1], rtol=1e-9)
    assert len(found) == 31 + 16  # those cut off come last
    assert_array_equal(found.lengths[31:], 4)
    narrow, narrow_log_proba = model.beam_search(width=6, **options)
    assert len(narrow) == 6
    assert_allclose(narrow_log_proba, np.sort(narrow_log_proba)[::-1], rtol=0)
    expected = on_condition(model.score_samples, narrow, condition)
    assert_allclose(narrow_log_proba, expected, rtol=1e-9)


def test_beam_goes_on_from_a_prefix():
    model, prefix = fitted("labels"), [1, 0]
    every = [[*prefix, *x] for x in every_sequence([0, 1], 3)]
    begin = model.log_proba_per_step([prefix], ["b"])[0][:-1].sum()
    log_proba = model.score_samples(every, ["b"] * len(every)) - begin
    order, options = np.argsort(-log_proba), {"condition": "b", "max_length": 5}
    for given in (prefix, np.array(prefix), [prefix]):
        found, found_log_proba = model.beam_search(given, 40, **options)
        assert tuples(found)[:5] == [tuple(every[i]) for i in order[:5]]
        assert_allclose(found_log_proba[:5], log_proba[order[:5]], rtol=1e-9)
    excluded, log_p = model.beam_search(prefix, 40, exclude=[0], **options)
    expected = [i for i in order if 0 not in every[i][2:]]
    assert tuples(excluded)[:4] == [tuple(every[i]) for i in expected]
    assert_allclose(log_p[:4], log_proba[expected], rtol=1e-9)
    whole, log_p = model.beam_search(prefix, 3, condition="b", max_length=2)
    assert tuples(whole) == [(1, 0)] * 2  # with an end, and cut off
    end = np.log(model.predict_proba([prefix], ["b"])[0, 2])
    assert_allclose(log_p, [end, 0], rtol=1e-9)


def test_a_beam_of_one_follows_the_best_token():
    model, greedy, ends = small(max_iter=15).fit(make_data()), [2], []
    found, log_proba = model.beam_search([2], 1, max_length=6)
    assert len(found) == len(log_proba) == 1
    while len(greedy) <= 6:
        ends.append((model.score_samples([greedy])[0], list(greedy)))
        greedy.append(int(model.predict_proba([greedy])[0, :-1].argmax()))
    expected_log_proba, expected = max(ends)
    begin = model.log_proba_per_step([[2]])[0][0]
    assert found[0].tolist() == expected
    assert_allclose(log_proba[0], expected_log_proba - begin, rtol=1e-6)


# --- streams --------------------------------------------------------------------------
def test_the_state_of_a_stream_is_carried_on_in_evaluation():
    X = make_data(12)
    model = small(cell="rnn", stream=True, batch_size=3, bptt=4).fit(X)
    w = {name: values[0] for name, values in model.weights_.items() if name[-1] == "0"}
    assert w["W0"].shape == (6, 4)
    h, token, expected = np.zeros(4), 5, []
    for x in X:
        total = 0
        for target in [*x, 5]:
            h = np.tanh(w["W0"][token] + h @ w["U0"] + w["b0"])
            scores = h @ model.weights_["W_out"] + model.weights_["b_out"]
            total += log_softmax(scores)[target]
            token = target
        expected.append(total)
    assert_allclose(model.score_samples(X), expected, rtol=1e-9)
    n_steps = sum(len(x) + 1 for x in X)
    assert_allclose(model.score(X), sum(expected) / n_steps, rtol=1e-9)
    alone = np.concatenate([model.score_samples([x]) for x in X])
    assert_allclose(alone[0], expected[0], rtol=1e-9)
    assert np.abs(alone - expected)[1:].max() > 1e-3  # the state does matter


@pytest.mark.parametrize("cell", CELLS)
def test_a_step_of_a_stream_follows_its_gradient(cell):
    """In one part and one window, by plain SGD; by central differences of the score."""
    X = make_data(8, seed=3)
    params = {"solver": "sgd", "momentum": 0.0, "max_grad_norm": None, "max_iter": 1}
    params |= {"stream": True, "batch_size": 1, "bptt": sum(len(x) + 1 for x in X)}
    start = small(cell=cell, **params, learning_rate_init=1e-300).fit(X)
    model = small(cell=cell, **params, learning_rate_init=0.3).fit(X)
    assert_allclose(model.loss_curve_, -start.score(X), rtol=1e-9)
    rng = np.random.default_rng(0)
    for name, values in start.weights_.items():
        found = (model.weights_[name] - values) / 0.3
        for i in rng.choice(values.size, size=5):
            w, scores = values.flat[i], []
            for values.flat[i] in (w + 1e-5, w - 1e-5):
                scores.append(start.score(X))
            values.flat[i] = w
            expected = (scores[0] - scores[1]) / 2e-5
            assert_allclose(found.flat[i], expected, rtol=1e-5, atol=1e-8)


@pytest.mark.parametrize(
    ("X", "weights"),
    [
        (make_data(30), None),
        (make_data(30), np.arange(30) % 3 + 1),
        # what has no weight is still read
        ([[0, 1, 0, 1, 1, 1, 0, 0], [1, 0, 1, 1], [0, 1]], [0, 1, 1]),
    ],
)
def test_loss_of_a_stream_is_minus_its_score(X, weights):
    model = small(stream=True, batch_size=1, bptt=3, max_iter=1)
    model.set_params(learning_rate_init=1e-300).fit(X, sample_weight=weights)
    assert_allclose(model.loss_curve_[0], -model.score(X, None, weights), rtol=1e-12)


def test_a_stream_remembers_over_windows_and_ends():
    """Sequences alternate, which only the one before tells."""
    X = [[0, 0], [1, 1], [2, 2]] * 30
    model = small(stream=True, batch_size=4, bptt=5, max_iter=60)
    model.set_params(hidden_layer_sizes=12, learning_rate_init=0.02).fit(X)
    assert np.exp(model.score_samples(X))[2:].min() > 0.8
    other = np.exp(model.score_samples([X[0], X[2], X[1]] * 5))
    assert np.median(other) < 0.1


def test_stream_of_rows():
    """A sequence begins with a row of zeros in place of the last row before."""
    model = small(stream=True, batch_size=1, bptt=2).fit(ROWS * 3)
    whole = np.concatenate(model.log_proba_per_step(ROWS))
    one = model.log_proba_per_step([np.concatenate(ROWS)])[0]
    assert_allclose(whole[:2], one[:2], rtol=1e-12)
    assert np.isfinite(whole).all()


@pytest.mark.parametrize(
    ("options", "y"), [({}, None), ({}, LABELS), (STREAM, None)], ids=str
)
def test_tied_is_untied_with_equal_weights(options, y):
    tied = small(embedding_dim=4, tie_weights=True, **options).fit(X2, y)
    untied = small(embedding_dim=4, **options).fit(X2, y)
    table = tied.weights_["embedding"]
    assert "W_out" not in tied.weights_
    for name, values in untied.weights_.items():
        if name == "W_out":
            values[...] = table[:3].T
        elif name == "embedding" and not tied.stream:
            values[...] = np.delete(table, 2, axis=0)  # the end, which is not read
        else:
            values[...] = tied.weights_[name]
    for method in ("score_samples", "predict_proba"):
        expected = getattr(tied, method)(X2, y)
        assert_allclose(getattr(untied, method)(X2, y), expected, rtol=1e-12)


# --- training -------------------------------------------------------------------------
def test_tables_are_sequences_of_ids():
    table = np.arange(12).reshape(4, 3) % 5
    expected = small().fit(list(table))
    for X_like in (table, table.astype(float), table.tolist(), pd.DataFrame(table)):
        assert_same_model(small().fit(X_like), expected)


def test_containers_of_rows_give_the_same_model():
    expected = small().fit(ROWS)
    for convert in (np.float64, np.bool_, np.ndarray.tolist, sparse.csr_array):
        assert_same_model(small().fit([convert(rows) for rows in ROWS]), expected)
    joined = Sequences(np.concatenate(ROWS), np.array([0, 2, 3, 6]))
    assert_same_model(small().fit(joined), expected)
    cube = np.array([[[0, 1], [1, 1]], [[1, 0], [0, 0]]])
    assert_same_model(small().fit(cube), small().fit(list(cube)))


def test_a_stream_is_in_order():
    stream = small(stream=True, batch_size=2, bptt=3).fit(X2)
    assert_other_model(stream, clone(stream).fit(X2[::-1]))
    assert_same_model(stream, clone(stream).set_params(shuffle=False).fit(X2))


def test_early_stopping_of_a_stream_holds_out_its_end():
    X = make_data(30)
    model = small(stream=True, batch_size=2, bptt=9, early_stopping=True, max_iter=1)
    model.set_params(validation_fraction=0.2).fit(X)
    assert_allclose(model.validation_scores_[0], model.score(X[24:]), rtol=1e-12)
    short = clone(model).set_params(early_stopping=False).fit(X[:24])
    for name, values in short.weights_.items():
        if name != "W0":  # of which there is a row for each token
            assert_allclose(values, model.weights_[name], rtol=1e-9, atol=1e-12)


def test_callbacks_see_the_sequences():
    seen = []

    def scoring(model, X, y):
        seen.append(([*map(list, X)], y))
        return {"score": 0.0}

    small(max_iter=3).set_callbacks(ScoringMonitor(scoring=scoring)).fit(X2, LABELS)
    assert len(seen) == 4
    assert all(X == X2 and list(y) == LABELS for X, y in seen)


def test_from_text_to_text():
    texts = ["ana", "anna", "hanna", "nana", "hannah", ""]
    model = small(hidden_layer_sizes=16, max_iter=100, learning_rate_init=0.02)
    encode = make_pipeline(Tokenizer(analyzer="char"), VocabularyEncoder())
    pipe = make_pipeline(encode, model).fit(texts)
    assert model.unknown_token_ == 0
    assert pipe.score(texts) > pipe.score(["hhh"])
    drawn = model.sample(20, random_state=0, max_length=9)
    found = encode.inverse_transform(drawn)
    assert set(found) & set(texts)
    assert set("".join(found)) <= set("ahn")
    assert_allclose(model.score_samples(drawn), pipe.score_samples(found), rtol=1e-9)
    found, _ = model.beam_search(encode.transform(["ha"]), 2, max_length=9)
    assert set(encode.inverse_transform(found)) == {"hanna", "hannah"}


# --- refusals -------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("X", "y", "message"),
    [
        ([0, 1, 1], None, r"X has one dimension, of 3 numbers: .*pass \[X\]"),
        (np.array([[0, 0.5]]), None, r"X\[0\] contains 0.5 at step 1 where ids"),
        ([np.eye(2), np.full((1, 2), 0.5)], None, r"X\[1\] contains .*neither 0 nor 1"),
        ([np.eye(2), 2 * np.eye(2)], None, r"X\[1\] contains .*takes token ids"),
        ([np.eye(2), np.empty((0, 2))], None, r"X\[1\] has no steps: remove empty"),
        ([np.eye(2), np.eye(3)], None, r"X\[1\] has shape \(3, 3\)"),
        ([[0], [1]], ["a"], "y has 1 targets and X has 2 sequences"),
        ([[0], [1]], "ab", "y is a single string"),
        ([[0], [1]], ["a", None], r"y\[1\] is None; every sequence needs a label"),
        ([[0], [1]], [0.5, np.nan], "y contains NaN"),
        ([[0], [1]], [[1, 2], [3]], r"y\[1\] has 1 labels and y\[0\] has 2"),
    ],
)
def test_bad_data_is_named(X, y, message):
    with pytest.raises(ValueError, match=message):
        small().fit(X, y)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        (
            {"tie_weights": True, "embedding_dim": 3},
            "tie_weights=True needs embedding_dim=4, the size of the last .*; got 3",
        ),
        ({"tie_weights": True}, "tie_weights=True needs embedding_dim=4.*got None"),
        (
            {"stream": True, "batch_size": 4, "bptt": 6},
            "batch_size=4 and bptt=6 needs at least 24 steps, and X has 21 .*smaller",
        ),
        (
            {"stream": True, "batch_size": 4, "bptt": 5, "early_stopping": True},
            "at least 20 steps, and X has 16 to train on",
        ),
        ({"bptt": 0}, "The 'bptt' parameter"),
        ({"stream": "yes"}, "The 'stream' parameter"),
        ({"tie_weights": None}, "The 'tie_weights' parameter"),
    ],
)
def test_bad_parameters_are_named(params, message):
    with pytest.raises(ValueError, match=message):
        small(**params).fit(X2)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"temperature": -1}, "temperature .*>= 0"),
        ({"temperature": np.nan}, "temperature .*must be finite"),
        ({"temperature": np.inf}, "temperature .*must be finite"),
        ({"top_p": 0}, r"top_p must be in the range \(0, 1\], got 0"),
        ({"top_p": 1.5}, "top_p == 1.5, must be <= 1"),
        ({"top_p": np.nan}, "top_p must be in the range"),
        ({"top_k": 0}, "top_k == 0, must be >= 1"),
        ({"max_length": 0}, "max_length == 0, must be >= 1"),
        ({"n_samples": 0}, "n_samples == 0, must be >= 1"),
        ({"exclude": "token"}, "exclude must be .*ids from 0 to 1; got 'token'"),
        ({"exclude": [2]}, r"exclude must be .*ids from 0 to 1; got \[2\]"),
        ({"exclude": [-1]}, r"exclude must be .*ids from 0 to 1; got \[-1\]"),
        ({"exclude": [0.5]}, r"exclude must be .*got \[0.5\]"),
        ({"exclude": 1}, "exclude must be .*got 1"),
        ({"prefix": "ab"}, "prefix is a single string"),
        ({"prefix": ["ab"]}, "the token 'ab' .*VocabularyEncoder"),
        ({"prefix": [0, 2]}, r"contains the token id 2 .*fitted on 2 tokens"),
        ({"prefix": [[1], [0, 7]]}, r"\[1\] contains the token id 7"),
        ({"prefix": np.eye(2)[None]}, "rows of 0 and 1, but .*fitted on token ids"),
        ({"n_samples": 3, "prefix": [[0], [1]]}, "prefix holds 2 .*n_samples is 3"),
        ({"prefix": [0, 1, 1], "max_length": 2}, r"prefix\[0\] has 3 steps.*=2"),
        ({"condition": "a"}, "holds labels, but .*fitted on no conditions"),
        ({"width": 0}, "width == 0, must be >= 1"),
        ({"width": 3, "prefix": [[0], [1]]}, "prefix holds 2 sequences"),
        ({"width": 3, "prefix": [0, 1], "max_length": 1}, r"prefix\[0\] has 2 steps"),
        ({"width": 3, "exclude": [5]}, "exclude must be"),
        ({"width": 3, "condition": "a"}, "fitted on no conditions"),
    ],
)
def test_bad_arguments_of_sample_and_beam_search_are_named(options, message):
    model = fitted("plain")
    with pytest.raises(ValueError, match=message):
        (model.beam_search if "width" in options else model.sample)(**options)


def test_bad_types_of_sample_are_named():
    for name in ("temperature", "top_k", "top_p", "max_length", "n_samples"):
        with pytest.raises(TypeError, match=name):
            fitted("plain").sample(**{name: "much"})


def test_rows_are_no_tokens():
    rows, tokens = small().fit(ROWS), fitted("plain")
    with pytest.raises(ValueError, match=r"beam_search .*tokens.*temperature=0"):
        rows.beam_search()
    for options in ({"top_k": 2}, {"top_p": 0.5}, {"exclude": ()}):
        with pytest.raises(ValueError, match=r"apply to tokens.*omit them"):
            rows.sample(**options)
    for model, X, message in [
        (rows, [[0, 1], [1]], "holds token ids, but .*rows of 0 and 1"),
        (rows, [np.eye(3)], "3 features per step, .*expecting 2"),
        (tokens, ROWS, "holds rows of 0 and 1, but .*token ids"),
        (tokens, [[0], [1, 2]], r"X\[1\] contains the token id 2"),
    ]:
        for method in (model.score, model.predict, model.partial_fit):
            with pytest.raises(ValueError, match=message):
                method(X)
    with pytest.raises(ValueError, match=r"X\[1\] has no steps"):
        rows.score([ROWS[0], np.empty((0, 2))])


def test_bad_conditions_are_named():
    plain, labels, numbers = map(fitted, ("plain", "labels", "numbers"))
    pairs = small().fit(X2, np.ones((7, 2)) * 0.5)
    for model, y, message in [
        (plain, LABELS, "holds labels, but .*fitted on no conditions"),
        (labels, [*LABELS[:6], "z"], r"y\[6\] is the condition 'z', .*\['a', 'b'\]"),
        (labels, NUMBERS, "rows of 1 numbers, but the model was fitted on labels"),
        (labels, LABELS[:3], "y has 3 targets and X has 7 sequences"),
        (numbers, None, "y is None, but .*conditions that are numbers: pass"),
        (numbers, LABELS, "could not be converted to float|rows of 1 numbers"),
        (pairs, NUMBERS, "rows of 1 numbers, but .*rows of 2 numbers"),
        (pairs, np.ones((7, 3)), "rows of 3 numbers, but .*rows of 2 numbers"),
    ]:
        for method in (model.score, model.score_samples, model.predict_proba):
            with pytest.raises(ValueError, match=message):
                method(X2, y)
    others = [(plain, LABELS), (labels, None), (labels, NUMBERS), (numbers, None)]
    for model, y in others:
        with pytest.raises(ValueError, match=r"y holds .* but the model was fitted on"):
            model.partial_fit(X2, y)
    for condition in (None, "z"):
        with pytest.raises(ValueError, match=r"condition .*'a'"):
            labels.beam_search(condition=condition)
    for method in (numbers.sample, numbers.beam_search):
        with pytest.raises(ValueError, match=r"y is None, but .*numbers"):
            method()
    with pytest.raises(ValueError, match="'z', which is not among"):
        labels.sample(condition="z")
    with pytest.raises(ValueError, match="has 3 targets and X has 2"):
        labels.sample(2, condition=["a", "b", "a"])
    stream = fitted("stream labels")
    given = {"score": (X2,), "predict_proba": (X2,), "sample": ()}
    for method, arguments in given.items():
        with pytest.raises(ValueError, match=r"y is None, but .*a stream with"):
            getattr(stream, method)(*arguments)


@pytest.mark.parametrize("y", [None, LABELS])
@pytest.mark.parametrize("changed", ["stream", "tie_weights"])
def test_parameters_of_a_fitted_model_do_not_change_what_it_computes(changed, y):
    options = {"embedding_dim": 4, "batch_size": 2, "bptt": 2, changed: y is None}
    model = small(**options).fit(X2, y)
    expected = model.score_samples(X2, y)
    model.set_params(**{changed: y is not None})
    assert_array_equal(model.score_samples(X2, y), expected)


def test_the_held_out_end_of_a_stream_must_have_a_weight():
    with pytest.raises(ValueError, match=r"held-out end .*sample_weight"):
        small(**STREAM, early_stopping=True).fit(
            [[0, 1]] * 60, None, [1] * 50 + [0] * 10
        )


def test_the_index_of_an_unknown_condition_is_that_of_y():
    X, y = [[0, 1]] * 10, list("ab") * 5
    model = small().fit(X, y)
    y[7] = "z"
    with pytest.raises(ValueError, match=r"y\[7\] is the condition 'z'"):
        model.partial_fit(X, y, sample_weight=[0] * 5 + [1] * 5)
    model.partial_fit(X, y, sample_weight=np.arange(10) != 7)
