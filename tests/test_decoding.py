"""Samples and beams, from scores that are written down beforehand."""

from itertools import product

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import log_softmax
from scipy.stats import chisquare

from skrnn._core.decoding import (
    beam_search,
    generate,
    row_sampler,
    sampling_proba,
    token_sampler,
)

SCORES = np.log([[1.0, 2.0, 4.0, 3.0], [6.0, 1.0, 1.0, 2.0]])
PLAIN = {"temperature": 1.0, "top_k": None, "top_p": None, "excluded": ()}


def proba(scores=SCORES, **options):
    return sampling_proba(np.array(scores), **{**PLAIN, **options})


# --- one token ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, [[0.1, 0.2, 0.4, 0.3], [0.6, 0.1, 0.1, 0.2]]),
        ({"temperature": 0}, [[0, 0, 1, 0], [1, 0, 0, 0]]),
        ({"temperature": 1e-300}, [[0, 0, 1, 0], [1, 0, 0, 0]]),
        ({"temperature": 5e-324}, [[0, 0, 1, 0], [1, 0, 0, 0]]),
        (
            {"temperature": 0.5},
            [np.array([1, 4, 16, 9]) / 30, np.array([36, 1, 1, 4]) / 42],
        ),
        ({"temperature": 1e300}, [[0.25] * 4] * 2),
        ({"top_k": 1}, [[0, 0, 1, 0], [1, 0, 0, 0]]),
        ({"top_k": 2}, [[0, 0, 4 / 7, 3 / 7], [0.75, 0, 0, 0.25]]),
        ({"top_k": 4}, [[0.1, 0.2, 0.4, 0.3], [0.6, 0.1, 0.1, 0.2]]),
        ({"top_k": 9}, [[0.1, 0.2, 0.4, 0.3], [0.6, 0.1, 0.1, 0.2]]),
        ({"top_p": 1e-9}, [[0, 0, 1, 0], [1, 0, 0, 0]]),
        ({"top_p": 0.39}, [[0, 0, 1, 0], [1, 0, 0, 0]]),
        ({"top_p": 0.65}, [[0, 0, 4 / 7, 3 / 7], [0.75, 0, 0, 0.25]]),
        ({"top_p": 0.85}, [[0, 2 / 9, 4 / 9, 3 / 9], [6 / 9, 1 / 9, 0, 2 / 9]]),
        ({"top_p": 1.0}, [[0.1, 0.2, 0.4, 0.3], [0.6, 0.1, 0.1, 0.2]]),
        ({"excluded": [2]}, [[1 / 6, 2 / 6, 0, 3 / 6], [6 / 9, 1 / 9, 0, 2 / 9]]),
        ({"excluded": (0, 0, 3)}, [[0, 1 / 3, 2 / 3, 0], [0, 0.5, 0.5, 0]]),
        ({"excluded": [2], "top_k": 1}, [[0, 0, 0, 1], [1, 0, 0, 0]]),
        ({"excluded": [0], "top_p": 0.45}, [[0, 0, 4 / 7, 3 / 7], [0, 0, 0, 1]]),
        (  # the temperature comes before what is left out
            {"temperature": 0.5, "top_p": 0.8},
            [[0, 0, 16 / 25, 9 / 25], [1, 0, 0, 0]],
        ),
        ({"temperature": 0, "excluded": [2, 0]}, [[0, 0, 0, 1], [0, 0, 0, 1]]),
    ],
    ids=str,
)
@pytest.mark.parametrize("shift", [0, -1e3, 1e5])
def test_sampling_proba_by_hand(options, expected, shift):
    assert_allclose(proba(SCORES + shift, **options), expected, rtol=1e-8, atol=1e-12)


def test_top_p_takes_the_one_that_reaches_it():
    """Exactly: a half of 0.5, 0.25, 0.25 is the first alone."""
    scores = np.log([[0.5, 0.25, 0.25]])
    assert_array_equal(proba(scores, top_p=0.5), [[1, 0, 0]])
    found = proba(scores, top_p=0.5 + 1e-9)
    assert_allclose(found, [[2 / 3, 1 / 3, 0]], rtol=1e-12)


def test_scores_are_not_changed():
    for dtype in (np.float32, np.float64):
        scores = SCORES.astype(dtype)
        before = scores.copy()
        found = proba(scores, temperature=0.3, top_k=2, top_p=0.9, excluded=[1])
        assert_array_equal(scores, before)
        assert found.dtype == np.float64


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_far_scores_do_not_overflow(dtype):
    far = np.array([[-1e38, 1e38, 0], [1e38, 1e38, -1e38]], dtype)
    for temperature in (1e-300, 0.1, 1, 10, 1e300):
        found = sampling_proba(far, temperature, None, 0.99, ())
        assert np.isfinite(found).all()
        assert_allclose(found.sum(axis=1), 1, rtol=1e-12)
    assert_array_equal(proba(far), [[0, 1, 0], [0.5, 0.5, 0]])


@pytest.mark.parametrize(
    "options", [{}, {"temperature": 2.0, "excluded": [1]}], ids=str
)
def test_drawn_as_often_as_probable(options):
    draw = token_sampler(np.random.RandomState(0), **options)
    drawn = draw(np.repeat(SCORES, 3000, axis=0)).reshape(2, 3000)
    for tokens, p in zip(drawn, proba(**options), strict=True):
        counts = np.bincount(tokens, minlength=4)
        assert_array_equal(counts[p == 0], 0)
        assert chisquare(counts[p > 0], 3000 * p[p > 0]).pvalue > 1e-3


@pytest.mark.parametrize("at", [0.0, 0.1, 0.5, 1 - 2**-53])
def test_what_has_no_probability_is_never_drawn(at):
    class Rng:
        def random_sample(self, shape):
            return np.full(shape, at)

    draw = token_sampler(Rng(), excluded=[0, 3])
    expected = [1, 1] if at < 1 / 3 else [2, 2 if at >= 0.5 else 1]
    assert_array_equal(draw(SCORES), expected)
    many = np.full((1, 1001), 0.1)  # sums that are not exactly one
    assert token_sampler(Rng(), excluded=range(7, 1001))(many)[0] < 7


def test_greedy_draws_need_no_random_numbers():
    assert_array_equal(token_sampler(None, temperature=0)(SCORES), [2, 0])
    rows = row_sampler(None, temperature=0)(np.array([[0.1, -3.0], [-0.1, 5.0]]))
    assert_array_equal(rows, [[1, 0], [0, 1]])


# --- one row --------------------------------------------------------------------------


@pytest.mark.parametrize("temperature", [0.5, 1, 3.0])
def test_rows_are_drawn_as_often_as_probable(temperature):
    odds = np.array([0.25, 1.0, 3.0])
    draw = row_sampler(np.random.RandomState(1), temperature=temperature)
    drawn = draw(np.tile(np.log(odds), (4000, 1)))
    assert set(drawn.ravel()) == {0, 1}
    p = odds ** (1 / temperature) / (1 + odds ** (1 / temperature))
    for column, p_one in zip(drawn.T, p, strict=True):
        n = column.sum()
        expected = 4000 * np.array([p_one, 1 - p_one])
        assert chisquare([n, 4000 - n], expected).pvalue > 1e-3
    assert abs(np.corrcoef(drawn.T)[0, 1]) < 0.06  # each is drawn on its own


@pytest.mark.parametrize("temperature", [5e-324, 1e-300, 1e-45, 0.5, 1])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_far_rows_do_not_overflow(dtype, temperature):
    far = np.array([[-1e38, 1e38, 1e4, -1e4]], dtype)
    draw = row_sampler(np.random.RandomState(0), temperature=temperature)
    for _ in range(3):
        assert_array_equal(draw(far), [[0, 1, 1, 0]])


# --- sequences ------------------------------------------------------------------------


class Tree:
    """Scores that depend on all that came before, drawn once for each beginning."""

    def __init__(self, n_tokens, seed=0):
        self.n_tokens, self.seed = n_tokens, seed
        self.live, self.calls = [()], []

    def after(self, tokens):
        rng = np.random.default_rng([self.seed, *(t + 1 for t in tokens)])
        return 1.5 * rng.standard_normal(self.n_tokens)

    def start(self, n=1):
        self.live = [()] * n
        return np.array([self.after(()) for _ in range(n)])

    def advance(self, steps, parents):
        self.calls.append((np.asarray(steps).tolist(), np.asarray(parents).tolist()))
        self.live = [
            (*self.live[p], int(t)) for p, t in zip(parents, steps, strict=True)
        ]
        return np.array([self.after(tokens) for tokens in self.live])

    def log_proba(self, tokens):
        return sum(
            log_softmax(self.after(tokens[:t]))[token] for t, token in enumerate(tokens)
        )


def test_generate_follows_each_sequence():
    """Two, one and no steps: those that have ended are not asked for any more."""
    tree, coming = Tree(4), iter([[2, 0, 3], [1, 3], [3]])
    steps, lengths = generate(
        tree.start(3),
        tree.advance,
        lambda scores: np.array(next(coming)),
        end=3,
        max_steps=10,
    )
    assert_array_equal(lengths, [2, 1, 0])
    assert_array_equal(steps, [2, 1, 0])
    assert tree.calls == [([2, 0], [0, 1]), ([1], [0])]


def test_generate_stops_at_the_longest():
    tree = Tree(4)
    options = {"end": 3, "max_steps": 2}
    coming = iter([[2, 0, 3], [1, 1]])
    steps, lengths = generate(
        tree.start(3), tree.advance, lambda scores: np.array(next(coming)), **options
    )
    assert_array_equal(steps, [2, 1, 0, 1])
    assert_array_equal(lengths, [2, 2, 0])
    assert len(tree.calls) == 1  # after the last step there is nothing to ask
    steps, lengths = generate(tree.start(2), tree.advance, None, end=3, max_steps=0)
    assert_array_equal(lengths, [0, 0])
    assert steps.shape == (0,)


def test_generate_rows():
    coming = iter([[[1, 0], [0, 0]], [[0, 1], [1, 1]]])
    calls = []

    def advance(steps, parents):
        calls.append((steps.tolist(), parents.tolist()))
        return np.zeros((2, 2))

    def draw(scores):
        return np.array(next(coming))

    steps, lengths = generate(np.zeros((2, 2)), advance, draw, end=None, max_steps=2)
    assert_array_equal(steps, [[1, 0], [0, 1], [0, 0], [1, 1]])
    assert_array_equal(lengths, [2, 2])
    assert calls == [([[1, 0], [0, 0]], [0, 1])]
    steps, lengths = generate(np.zeros((2, 2)), advance, draw, end=None, max_steps=0)
    assert steps.shape == (0, 2)
    assert_array_equal(lengths, [0, 0])


def test_generated_sequences_are_as_frequent_as_probable():
    tree, n = Tree(3), 4000
    draw = token_sampler(np.random.RandomState(0))
    steps, lengths = generate(tree.start(n), tree.advance, draw, end=2, max_steps=2)
    found = [tuple(x.tolist()) for x in np.split(steps, np.cumsum(lengths)[:-1])]
    shorter = [(), (0,), (1,)]
    every = shorter + list(product(range(2), repeat=2))
    p = np.exp([tree.log_proba((*x, 2) if x in shorter else x) for x in every])
    counts = [found.count(x) for x in every]
    assert sum(counts) == n
    assert chisquare(counts, n * p).pvalue > 1e-3


# --- beams ----------------------------------------------------------------------------


@pytest.mark.parametrize("max_steps", [0, 1, 3])
@pytest.mark.parametrize("seed", range(4))
def test_a_wide_beam_is_exhaustive(seed, max_steps):
    tree = Tree(4, seed)
    (found,) = beam_search(
        tree.start(), tree.advance, width=200, end=3, max_steps=max_steps
    )
    every = [
        tokens for T in range(max_steps + 1) for tokens in product(range(3), repeat=T)
    ]
    ended = sorted(((tree.log_proba((*x, 3)), x, True) for x in every), reverse=True)
    cut = [(tree.log_proba(x), x, False) for x in every if len(x) == max_steps]
    expected = ended + sorted(cut, reverse=True)
    assert [(tuple(x), done) for _, x, done in found] == [way[1:] for way in expected]
    log_p = [way[0] for way in found]
    assert_allclose(log_p, [way[0] for way in expected], rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("width", [1, 2, 3, 7])
@pytest.mark.parametrize("seed", range(4))
def test_a_narrow_beam_keeps_the_best_at_each_step(seed, width):
    tree, max_steps = Tree(4, seed), 5
    live, ended = [()], []
    for step in range(max_steps + 1):
        ended += [(tree.log_proba((*x, 3)), x) for x in live]
        if step < max_steps:
            longer = [(*x, token) for x in live for token in range(3)]
            live = sorted(longer, key=lambda x: -tree.log_proba(x))[:width]
    expected = sorted(ended, reverse=True)[:width]
    (found,) = beam_search(
        tree.start(), tree.advance, width=width, end=3, max_steps=max_steps
    )
    assert len(found) == width
    assert [(tuple(x), done) for _, x, done in found] == [
        (x, True) for _, x in expected
    ]
    assert_allclose([way[0] for way in found], [p for p, _ in expected], rtol=1e-12)


def test_excluded_tokens_are_not_in_a_beam():
    tree = Tree(4)
    options = {"width": 100, "end": 3, "max_steps": 3}
    (found,) = beam_search(tree.start(), tree.advance, excluded=[1, 1], **options)
    every = [x for T in range(4) for x in product([0, 2], repeat=T)]
    assert {tuple(x) for _, x, done in found if done} == set(every)
    for log_p, x, done in found:  # the probabilities are those of the model
        expected = tree.log_proba((*x, 3) if done else tuple(x))
        assert_allclose(log_p, expected, rtol=1e-12)
    (only,) = beam_search(tree.start(), tree.advance, excluded=range(3), **options)
    assert [(x, done) for _, x, done in only] == [([], True)]


def test_a_beam_ends_when_nothing_can_become_better():
    """Where the end is all but certain, nothing is asked about what comes later."""
    scores = np.array([[0.0, 0.0, 20.0]])
    calls = []

    def advance(steps, parents):
        calls.append(len(steps))
        return np.repeat(scores, len(steps), axis=0)

    (found,) = beam_search(scores, advance, width=1, end=2, max_steps=50)
    assert [x for _, x, _ in found] == [[]]
    assert calls == []
    (found,) = beam_search(scores, advance, width=3, end=2, max_steps=50)
    assert [x for _, x, _ in found] == [[], [0], [1]]
    assert len(calls) < 3


def test_a_beam_that_finds_no_end_returns_what_was_cut():
    scores = np.array([[1.0, 0.0, -np.inf]])
    (found,) = beam_search(
        scores.copy(),
        lambda steps, parents: np.repeat(scores, len(steps), axis=0),
        width=2,
        end=2,
        max_steps=3,
    )
    assert found[0][1:] == ([0, 0, 0], False)
    assert sorted(found[1][1]) == [0, 0, 1]  # in one of three orders
    assert not found[1][2]
    p = log_softmax([1.0, 0.0])
    assert_allclose([way[0] for way in found], [3 * p[0], 2 * p[0] + p[1]], rtol=1e-12)


def test_far_scores_of_a_beam_do_not_overflow():
    scores = np.array([[3e38, -3e38, 0]], np.float32)
    (found,) = beam_search(
        scores,
        lambda steps, parents: np.repeat(scores, len(steps), axis=0),
        width=2,
        end=2,
        max_steps=2,
    )
    assert np.isfinite([way[0] for way in found]).all()


@pytest.mark.parametrize("length_penalty", [0, 0.6, 2])
@pytest.mark.parametrize("width", [1, 3, 200])
def test_beams_of_many_sequences_are_those_of_each(width, length_penalty):
    """Though some are done before others, and their rows are not asked for any more."""
    trees = [Tree(4, seed) for seed in range(5)]
    asked = []

    def start():
        return np.concatenate([tree.start() for tree in trees])

    def search(scores, advance):
        return beam_search(
            scores,
            advance,
            width=width,
            end=3,
            max_steps=4,
            excluded=[1],
            length_penalty=length_penalty,
        )

    live = [(tree, ()) for tree in trees]

    def advance(tokens, parents):
        nonlocal live
        live = [
            (live[p][0], (*live[p][1], int(t)))
            for p, t in zip(parents, tokens, strict=True)
        ]
        asked.append(len({id(tree) for tree, _ in live}))
        return np.array([tree.after(tokens) for tree, tokens in live])

    together = search(start(), advance)
    assert together == [search(tree.start(), tree.advance)[0] for tree in trees]
    assert {1: asked[-1] < 5, 3: True, 200: asked[-1] == 5}[width]


@pytest.mark.parametrize("length_penalty", [0, 0.6, 2])
@pytest.mark.parametrize("seed", range(4))
def test_what_a_beam_is_over_with_could_not_become_better(seed, length_penalty):
    """The best that a search without an early end would find."""
    tree, width, max_steps = Tree(4, seed), 3, 5
    live, ended = [()], []

    def quality(x):
        return tree.log_proba(x) / len(x) ** length_penalty

    for step in range(max_steps + 1):
        ended += [(*x, 3) for x in live]
        if step < max_steps:
            longer = [(*x, token) for x in live for token in range(3)]
            live = sorted(longer, key=tree.log_proba, reverse=True)[:width]
    expected = sorted(ended, key=quality, reverse=True)[:width]
    (found,) = beam_search(
        tree.start(),
        tree.advance,
        width=width,
        end=3,
        max_steps=max_steps,
        length_penalty=length_penalty,
    )
    assert [(*x, 3) for _, x, _ in found] == expected
    log_p = [tree.log_proba(x) for x in expected]
    assert_allclose([way[0] for way in found], log_p, rtol=1e-12)


def test_length_penalty_by_hand():
    """An end at once has a probability of 0.4, "a" and an end of 0.6 * 0.5."""
    first, then = np.log([[0.6, 0.4]]), np.log([[0.5, 0.5]])
    orders = {}
    for penalty in (0, 1):
        (found,) = beam_search(
            first,
            lambda tokens, parents: np.repeat(then, len(tokens), axis=0),
            width=2,
            end=1,
            max_steps=1,
            length_penalty=penalty,
        )
        orders[penalty] = [tokens for _, tokens, _ in found]
        assert_allclose(
            sorted(np.exp([log_p for log_p, *_ in found])), [0.3, 0.4], rtol=1e-12
        )
    assert orders == {0: [[], [0]], 1: [[0], []]}  # log 0.4 and half of log 0.3


def test_a_search_goes_on_for_what_may_become_better():
    """An end at once is the better half; more steps cost nothing, but count."""
    first, then, last = np.log([[0.4, 0.6]]), [[0.0, -50]], [[-50, 0.0]]
    asked = []

    def advance(tokens, parents):
        asked.append(len(tokens))
        return np.array(then if len(asked) < 3 else last)

    options = {"width": 1, "end": 1, "max_steps": 3}
    (found,) = beam_search(first, advance, length_penalty=1, **options)
    assert [tokens for _, tokens, _ in found] == [[0, 0, 0]]
    assert_allclose(found[0][0], np.log(0.4), rtol=1e-12)
    asked.clear()
    (found,) = beam_search(first, advance, **options)
    assert [tokens for _, tokens, _ in found] == [[]]
    assert asked == []
