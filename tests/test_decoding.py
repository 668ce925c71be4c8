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
P, GREEDY = [[0.1, 0.2, 0.4, 0.3], [0.6, 0.1, 0.1, 0.2]], [[0, 0, 1, 0], [1, 0, 0, 0]]
PLAIN = {"temperature": 1.0, "top_k": None, "top_p": None, "excluded": ()}


def proba(scores=SCORES, **options):
    return sampling_proba(np.array(scores), **{**PLAIN, **options})


# --- one token ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, P),
        ({"temperature": 0}, GREEDY),
        ({"temperature": 1e-300}, GREEDY),
        ({"temperature": 5e-324}, GREEDY),
        ({"temperature": 0.5}, np.array(P) ** 2 / [[0.3], [0.42]]),
        ({"temperature": 1e300}, [[0.25] * 4] * 2),
        ({"top_k": 1}, GREEDY),
        ({"top_k": 2}, [[0, 0, 4 / 7, 3 / 7], [0.75, 0, 0, 0.25]]),
        ({"top_k": 4}, P),
        ({"top_k": 9}, P),
        ({"top_p": 1e-9}, GREEDY),
        ({"top_p": 0.39}, GREEDY),
        ({"top_p": 0.65}, [[0, 0, 4 / 7, 3 / 7], [0.75, 0, 0, 0.25]]),
        ({"top_p": 0.85}, [[0, 2 / 9, 4 / 9, 3 / 9], [6 / 9, 1 / 9, 0, 2 / 9]]),
        ({"top_p": 1.0}, P),
        ({"excluded": [2]}, [[1 / 6, 2 / 6, 0, 3 / 6], [6 / 9, 1 / 9, 0, 2 / 9]]),
        ({"excluded": (0, 0, 3)}, [[0, 1 / 3, 2 / 3, 0], [0, 0.5, 0.5, 0]]),
        ({"excluded": [2], "top_k": 1}, [[0, 0, 0, 1], [1, 0, 0, 0]]),
        ({"excluded": [0], "top_p": 0.45}, [[0, 0, 4 / 7, 3 / 7], [0, 0, 0, 1]]),
        # the temperature comes before what is left out
        ({"temperature": 0.5, "top_p": 0.8}, [[0, 0, 0.64, 0.36], [1, 0, 0, 0]]),
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
    assert_allclose(proba(scores, top_p=0.5 + 1e-9), [[2 / 3, 1 / 3, 0]], rtol=1e-12)


def test_scores_are_not_changed():
    for dtype in (np.float32, np.float64):
        scores = SCORES.astype(dtype)
        before = scores.copy()
        options = {"temperature": 0.3, "top_k": 2, "top_p": 0.9, "excluded": [1]}
        assert sampling_proba(scores, **options).dtype == np.float64
        assert_array_equal(scores, before)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_far_scores_do_not_overflow(dtype):
    far = np.array([[-1e38, 1e38, 0], [1e38, 1e38, -1e38]], dtype)
    for temperature in (1e-300, 0.1, 1, 10, 1e300):
        p = sampling_proba(far, temperature, None, 0.99, ())
        assert np.isfinite(p).all()
        assert_allclose(p.sum(axis=1), 1, rtol=1e-12)
    assert_array_equal(proba(far), [[0, 1, 0], [0.5, 0.5, 0]])


@pytest.mark.parametrize("options", [{}, {"temperature": 2.0, "excluded": [1]}])
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
    """Scores that depend on the whole prefix, drawn once for each prefix."""

    def __init__(self, n_tokens=4, seed=0):
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
        pairs = zip(parents, steps, strict=True)
        self.live = [(*self.live[p], int(t)) for p, t in pairs]
        return np.array([self.after(tokens) for tokens in self.live])

    def log_proba(self, tokens):
        steps = enumerate(tokens)
        return sum(log_softmax(self.after(tokens[:t]))[token] for t, token in steps)


class Fixed:
    """The same scores after every prefix."""

    def __init__(self, scores, dtype=np.float64):
        self.scores, self.sizes = np.array(scores, dtype), []

    def start(self):
        return self.scores.copy()

    def advance(self, steps, parents):
        self.sizes.append(len(steps))
        return np.repeat(self.scores, len(steps), axis=0)


def generate_from(scores, advance, draws, **options):
    """Generate from the tokens or rows that are drawn at each step."""
    coming = iter(draws)
    return generate(scores, advance, lambda scores: np.array(next(coming)), **options)


@pytest.mark.parametrize(
    ("draws", "max_steps", "expected", "calls"),
    [  # sequences that have ended are not advanced
        (
            [[2, 0, 3], [1, 3], [3]],
            10,
            [[2, 1], [0], []],
            [([2, 0], [0, 1]), ([1], [0])],
        ),
        # nor is any after the last step
        ([[2, 0, 3], [1, 1]], 2, [[2, 1], [0, 1], []], [([2, 0], [0, 1])]),
        ([], 0, [[], [], []], []),
    ],
)
def test_generate_advances_each_sequence_up_to_its_end(
    draws, max_steps, expected, calls
):
    tree, options = Tree(), {"end": 3, "max_steps": max_steps}
    steps, lengths = generate_from(tree.start(3), tree.advance, draws, **options)
    assert_array_equal(lengths, [*map(len, expected)])
    assert steps.shape == (sum(lengths),)
    assert steps.tolist() == [token for tokens in expected for token in tokens]
    assert tree.calls == calls


def test_generate_rows():
    calls, zeros, draws = [], np.zeros((2, 2)), [[[1, 0], [0, 0]], [[0, 1], [1, 1]]]

    def advance(steps, parents):
        calls.append((steps.tolist(), parents.tolist()))
        return zeros

    steps, lengths = generate_from(zeros, advance, draws, end=None, max_steps=2)
    assert_array_equal(steps, [[1, 0], [0, 1], [0, 0], [1, 1]])
    assert_array_equal(lengths, [2, 2])
    assert calls == [([[1, 0], [0, 0]], [0, 1])]
    steps, lengths = generate_from(zeros, advance, draws, end=None, max_steps=0)
    assert steps.shape == (0, 2)
    assert_array_equal(lengths, [0, 0])


def test_generated_sequences_are_as_frequent_as_probable():
    tree, n = Tree(3), 4000
    draw = token_sampler(np.random.RandomState(0))
    steps, lengths = generate(tree.start(n), tree.advance, draw, end=2, max_steps=2)
    drawn = [tuple(x.tolist()) for x in np.split(steps, np.cumsum(lengths)[:-1])]
    shorter = [(), (0,), (1,)]
    every = shorter + list(product(range(2), repeat=2))
    p = np.exp([tree.log_proba((*x, 2) if x in shorter else x) for x in every])
    counts = [drawn.count(x) for x in every]
    assert sum(counts) == n
    assert chisquare(counts, n * p).pvalue > 1e-3


# --- beams ----------------------------------------------------------------------------


def search(source, *, end=3, **options):
    """Return the hypotheses of one sequence: log-probability, tokens, ended."""
    (hypotheses,) = beam_search(source.start(), source.advance, end=end, **options)
    return hypotheses


def assert_hypotheses(hypotheses, expected):
    """Compare (log-probability, tokens, ended) in their order."""
    assert [(tuple(x), ended) for _, x, ended in hypotheses] == [
        e[1:] for e in expected
    ]
    log_proba = [log_p for log_p, *_ in hypotheses]
    assert_allclose(log_proba, [e[0] for e in expected], rtol=1e-12)


@pytest.mark.parametrize("max_steps", [0, 1, 3])
@pytest.mark.parametrize("seed", range(4))
def test_a_wide_beam_is_exhaustive(seed, max_steps):
    tree = Tree(seed=seed)
    every = [x for T in range(max_steps + 1) for x in product(range(3), repeat=T)]
    ended = [(tree.log_proba((*x, 3)), x, True) for x in every]
    cut = [(tree.log_proba(x), x, False) for x in every if len(x) == max_steps]
    expected = sorted(ended, reverse=True) + sorted(cut, reverse=True)
    assert_hypotheses(search(tree, width=200, max_steps=max_steps), expected)


@pytest.mark.parametrize(
    ("width", "length_penalty"), [(1, 0), (2, 0), (3, 0), (7, 0), (3, 0.6), (3, 2)]
)
@pytest.mark.parametrize("seed", range(4))
def test_a_narrow_beam_keeps_the_best_at_each_step(seed, width, length_penalty):
    """Its early end loses nothing that could become better."""
    tree, max_steps = Tree(seed=seed), 5
    live, ended = [()], []
    for step in range(max_steps + 1):
        ended += [(*x, 3) for x in live]
        if step < max_steps:
            longer = [(*x, token) for x in live for token in range(3)]
            live = sorted(longer, key=tree.log_proba, reverse=True)[:width]
    ended.sort(key=lambda x: tree.log_proba(x) / len(x) ** length_penalty, reverse=True)
    expected = [(tree.log_proba(x), x[:-1], True) for x in ended[:width]]
    options = {"max_steps": max_steps, "length_penalty": length_penalty}
    assert_hypotheses(search(tree, width=width, **options), expected)


def test_excluded_tokens_are_not_in_a_beam():
    tree, options = Tree(), {"width": 100, "max_steps": 3}
    hypotheses = search(tree, excluded=[1, 1], **options)
    every = [x for T in range(4) for x in product([0, 2], repeat=T)]
    assert {tuple(x) for _, x, ended in hypotheses if ended} == set(every)
    for log_p, x, ended in hypotheses:  # the probabilities are those of the model
        expected = tree.log_proba((*x, 3) if ended else tuple(x))
        assert_allclose(log_p, expected, rtol=1e-12)
    only = search(tree, excluded=range(3), **options)
    assert [(x, ended) for _, x, ended in only] == [([], True)]


def test_a_beam_ends_when_nothing_can_become_better():
    """Where the end is all but certain, no later step is scored."""
    fixed, options = Fixed([[0.0, 0.0, 20.0]]), {"end": 2, "max_steps": 50}
    assert [x for _, x, _ in search(fixed, width=1, **options)] == [[]]
    assert fixed.sizes == []
    assert [x for _, x, _ in search(fixed, width=3, **options)] == [[], [0], [1]]
    assert len(fixed.sizes) < 3


def test_a_beam_without_an_ended_hypothesis_returns_cut_ones():
    first, second = search(Fixed([[1.0, 0, -np.inf]]), width=2, end=2, max_steps=3)
    p = log_softmax([1.0, 0.0])
    tokens = second[1]
    assert sorted(tokens) == [0, 0, 1]  # in one of three orders
    expected = [(3 * p[0], (0, 0, 0), False), (2 * p[0] + p[1], tuple(tokens), False)]
    assert_hypotheses([first, second], expected)


def test_far_scores_of_a_beam_do_not_overflow():
    fixed = Fixed([[3e38, -3e38, 0]], np.float32)
    hypotheses = search(fixed, width=2, end=2, max_steps=2)
    assert np.isfinite([log_p for log_p, *_ in hypotheses]).all()


@pytest.mark.parametrize("length_penalty", [0, 0.6, 2])
@pytest.mark.parametrize("width", [1, 3, 200])
def test_beams_of_many_sequences_are_those_of_each(width, length_penalty):
    """Though some end before others, and their rows are not scored any more."""
    trees = [Tree(seed=seed) for seed in range(5)]
    options = {"width": width, "length_penalty": length_penalty}
    options |= {"end": 3, "max_steps": 4, "excluded": [1]}
    live, n_sequences = [(tree, ()) for tree in trees], []

    def advance(tokens, parents):
        pairs = zip(parents, tokens, strict=True)
        live[:] = [(live[p][0], (*live[p][1], int(t))) for p, t in pairs]
        n_sequences.append(len({id(tree) for tree, _ in live}))
        return np.array([tree.after(tokens) for tree, tokens in live])

    start = np.concatenate([tree.start() for tree in trees])
    together = beam_search(start, advance, **options)
    assert together == [search(tree, **options) for tree in trees]
    assert {1: n_sequences[-1] < 5, 3: True, 200: n_sequences[-1] == 5}[width]


@pytest.mark.parametrize(("penalty", "expected"), [(0, [[], [0]]), (1, [[0], []])])
def test_length_penalty_by_hand(penalty, expected):
    """An end at once has a probability of 0.4, "a" and an end of 0.6 * 0.5."""
    then, options = Fixed(np.log([[0.5, 0.5]])), {"width": 2, "end": 1, "max_steps": 1}
    options["length_penalty"] = penalty  # log 0.4 and half of log 0.3
    (hypotheses,) = beam_search(np.log([[0.6, 0.4]]), then.advance, **options)
    assert [tokens for _, tokens, _ in hypotheses] == expected
    proba = sorted(np.exp([log_p for log_p, *_ in hypotheses]))
    assert_allclose(proba, [0.3, 0.4], rtol=1e-12)


@pytest.mark.parametrize(
    ("penalty", "tokens", "n_calls"), [(1, [0, 0, 0], 3), (0, [], 0)]
)
def test_a_search_continues_for_what_may_become_better(penalty, tokens, n_calls):
    """An end at once is the better half; more steps cost nothing, but count."""
    first, calls = np.log([[0.4, 0.6]]), []

    def advance(tokens, parents):
        calls.append(len(tokens))
        return np.array([[0.0, -50]] if len(calls) < 3 else [[-50, 0.0]])

    options = {"width": 1, "end": 1, "max_steps": 3, "length_penalty": penalty}
    (((log_p, *hypothesis),),) = beam_search(first, advance, **options)
    assert hypothesis == [tokens, True]
    assert_allclose(log_p, np.log(0.4 if penalty else 0.6), rtol=1e-12)
    assert len(calls) == n_calls
