"""The loss of CTC and the prefix search, against the sum of all paths and PyTorch."""

from collections import defaultdict
from itertools import groupby, pairwise, product
from pathlib import Path

import numpy as np
import pytest
from core_helpers import batch_of, numerical_gradient
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from skrnn._core import ctc, kernels
from skrnn._core.batching import offsets_of
from skrnn._core.ctc_decoding import best_path, prefix_search

GOLDEN = np.load(Path(__file__).with_name("golden") / "ctc.npz")
KERNELS = kernels.compiled.supported() if kernels.compiled else []


@pytest.fixture(params=["numpy", *KERNELS])
def backend(request, monkeypatch):
    """Compute by numpy, and by the kernels of each instruction set."""
    if request.param == "numpy":
        monkeypatch.setattr(kernels, "compiled", None)
        yield
    else:
        before = kernels.in_use()
        kernels.use(request.param)
        yield
        kernels.use(before)


def with_blanks(targets, blank):
    """Return targets one after the other, each with a blank behind."""
    return np.array([label for target in targets for label in (*target, blank)])


def labels_of(path, blank):
    """Return the labels of a path, without repetitions and blanks."""
    return tuple(label for label, _ in groupby(path) if label != blank)


def enumerate_targets(log_proba):
    """Return the log-probability of each target of a sequence, summed over paths."""
    T, K = log_proba.shape
    total = defaultdict(lambda: -np.inf)
    for path in product(range(K), repeat=T):
        target, log_p = labels_of(path, K - 1), log_proba[np.arange(T), path].sum()
        total[target] = np.logaddexp(total[target], log_p)
    return dict(total)


def log_softmax(scores):
    return scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))


# --- the loss -------------------------------------------------------------------------


@pytest.mark.usefixtures("backend")
@pytest.mark.parametrize("K", [1, 2, 3])
@pytest.mark.parametrize("T", [1, 2, 3, 5])
def test_every_target_of_a_sequence(T, K):
    """Each has the probability of its paths; all targets together have 1."""
    rng = np.random.default_rng(T)
    scores = 2 * rng.standard_normal((T, K))
    expected = enumerate_targets(log_softmax(scores))
    targets = [y for L in range(T + 2) for y in product(range(K - 1), repeat=L)]
    batch = batch_of([T] * len(targets))
    packed = np.repeat(scores, len(targets), axis=0)
    log_p = -ctc.losses(packed, with_blanks(targets, K - 1), batch)
    exact = [expected.get(target, -np.inf) for target in targets]
    assert_allclose(log_p, exact, rtol=1e-12, atol=1e-12)
    assert_allclose(np.exp(log_p).sum(), 1, rtol=1e-12)
    assert_array_equal(packed, np.repeat(scores, len(targets), axis=0))


@pytest.mark.usefixtures("backend")
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_losses_and_derivatives_of_pytorch(dtype):
    lengths, y = GOLDEN["lengths"], GOLDEN["labels"]
    batch = batch_of(lengths)
    scores = GOLDEN["scores"].astype(dtype)[batch.rows]
    tolerance = 1e-5 if dtype == "float32" else 1e-12
    losses = ctc.losses(scores, y, batch)
    assert losses.dtype == np.float64
    assert_allclose(losses, GOLDEN["losses"], rtol=tolerance, atol=tolerance)
    loss, dscores = ctc.loss_grad(scores, y, GOLDEN["weights"].astype(dtype), batch)
    assert_allclose(loss, GOLDEN["losses"] @ GOLDEN["weights"], rtol=tolerance)
    assert dscores.dtype == dtype
    assert_allclose(dscores, GOLDEN["dscores"][batch.rows], rtol=0, atol=tolerance)


@st.composite
def cases(draw):
    """Draw sequences with targets, some too long, and scores near and far."""
    K = draw(st.one_of(st.integers(1, 4), st.integers(1, 40)))
    lengths = draw(st.lists(st.integers(1, 30), min_size=1, max_size=9))
    label = st.integers(0, max(0, K - 2))
    target = st.lists(label, max_size=12) if K > 1 else st.just([])
    targets = [draw(target) for _ in lengths]
    scale = draw(st.sampled_from([0.1, 1, 5, 100, 1e5]))
    rng = np.random.default_rng(draw(st.integers(0, 2**31)))
    scores = scale * rng.standard_normal((sum(lengths), K))
    return lengths, targets, scores, rng.uniform(0.5, 2, len(lengths))


@pytest.mark.parametrize("backend", KERNELS, indirect=True)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_kernel_is_the_reference(backend, dtype, monkeypatch):
    @settings(max_examples=60)
    @given(cases())
    def check(case):
        lengths, targets, scores, weights = case
        batch, K = batch_of(lengths), scores.shape[1]
        y = with_blanks([targets[i] for i in batch.order], K - 1)
        scores = scores.astype(dtype)

        def run(n_threads=1):
            options = {"n_threads": n_threads}
            loss, dscores = ctc.loss_grad(scores.copy(), y, weights, batch, **options)
            return ctc.losses(scores, y, batch), loss, dscores

        losses, loss, dscores = by_kernel = run()
        for a, b in zip(by_kernel, run(n_threads=3), strict=True):
            assert_array_equal(a, b)
        with monkeypatch.context() as context:
            context.setattr(kernels, "compiled", None)
            expected = run()
        assert not np.isnan(losses).any()
        too_short = ctc.n_steps_needed(y, K - 1) > batch.lengths
        assert_array_equal(np.isinf(losses), too_short)
        assert losses.dtype == expected[0].dtype
        assert_allclose(losses, expected[0], rtol=1e-11, atol=1e-11)
        assert_allclose(loss, expected[1], rtol=1e-11)
        assert dscores.dtype == expected[2].dtype
        tolerance = 1e-11 if dtype == np.float64 else 1e-6
        assert_allclose(dscores, expected[2], rtol=tolerance, atol=tolerance)

    check()


@pytest.mark.usefixtures("backend")
def test_far_scores():
    """Paths of a probability that no float64 holds still count."""
    batch, y = batch_of([200]), with_blanks([[0, 1] * 50], 2)
    scores = np.zeros((200, 3))
    scores[:, 2] = 1000  # blanks, but the target has a hundred labels
    loss, dscores = ctc.loss_grad(scores.copy(), y, np.ones(1), batch)
    assert 1e5 - 500 < loss < 1e5
    assert_allclose(dscores.sum(axis=1), 0, rtol=0, atol=1e-9)
    assert_allclose(dscores.sum(axis=0), [-50, -50, 100], rtol=1e-9)


@pytest.mark.usefixtures("backend")
@pytest.mark.parametrize(
    ("target", "n_steps"), [([0], 1), ([0, 1], 2), ([0, 0], 3), ([1, 1, 1, 0, 0], 8)]
)
def test_too_short_by_one_step(target, n_steps):
    y, rng = with_blanks([[0], target, []], 2), np.random.default_rng(0)
    assert_array_equal(ctc.n_steps_needed(y, 2), [1, n_steps, 0])
    lengths = [9, n_steps - 1, 1] if n_steps > 1 else [9]
    y = with_blanks([[0], target, []][: len(lengths)], 2)
    batch = batch_of(lengths)
    scores = rng.standard_normal((sum(lengths), 3))
    losses = ctc.losses(scores, y, batch)
    assert_array_equal(np.isinf(losses), np.arange(len(lengths)) == 1)
    loss, dscores = ctc.loss_grad(scores.copy(), y, np.ones(len(lengths)), batch)
    assert loss == losses.sum()
    assert np.isfinite(dscores).all()
    assert_array_equal(dscores[batch.sequence == 1], 0)
    lengths[1:2] = [n_steps] if n_steps > 1 else []
    scores = rng.standard_normal((sum(lengths), 3))
    assert np.isfinite(ctc.losses(scores, y, batch_of(lengths))).all()


@pytest.mark.usefixtures("backend")
def test_a_loss_does_not_depend_on_the_batch():
    rng, lengths = np.random.default_rng(0), [30, 17, 17, 8, 1]
    targets = [rng.integers(0, 6, size=min(9, T // 2)) for T in lengths]
    offsets, batch = offsets_of(lengths), batch_of(lengths)
    scores = rng.standard_normal((offsets[-1], 7))
    losses = ctc.losses(scores[batch.rows], with_blanks(targets, 6), batch)
    for i, T in enumerate(lengths):
        own, y = scores[offsets[i] : offsets[i + 1]], with_blanks([targets[i]], 6)
        assert ctc.losses(own, y, batch_of([T])) == losses[i]


@pytest.mark.usefixtures("backend")
def test_derivative_by_the_scores():
    rng = np.random.default_rng(0)
    batch = batch_of([7, 4, 3, 1, 1])
    y = with_blanks([[0, 0, 1, 0], [2], [1, 1], [], [2]], 3)
    scores, weights = rng.standard_normal((16, 4)), rng.uniform(0.5, 2, 5)
    _, dscores = ctc.loss_grad(scores.copy(), y, weights, batch)

    def loss():
        return ctc.loss_grad(scores.copy(), y, weights, batch)[0]

    numeric = numerical_gradient(loss, scores)
    assert_allclose(dscores, numeric, rtol=1e-6, atol=1e-8)


# --- decoding -------------------------------------------------------------------------


def test_best_path_is_the_collapsed_argmax():
    rng = np.random.default_rng(0)
    offsets = offsets_of(rng.integers(1, 9, size=50))
    scores = rng.standard_normal((offsets[-1], 3))
    labels, starts = best_path(scores, offsets)
    for own, steps in zip(pairwise(starts), pairwise(offsets), strict=True):
        path = scores[slice(*steps)].argmax(axis=1)
        assert tuple(labels[slice(*own)]) == labels_of(path, 2)
    assert (starts[0], starts[-1]) == (0, len(labels))


def assert_hypotheses(hypotheses, expected):
    """Compare with {labels: log-probability}, and check the order."""
    log_p = [log_p for log_p, _ in hypotheses]
    assert sorted(tuple(labels) for _, labels in hypotheses) == sorted(expected)
    exact = [expected[tuple(labels)] for _, labels in hypotheses]
    assert_allclose(log_p, exact, rtol=1e-12)
    assert log_p == sorted(log_p, reverse=True)


@pytest.mark.parametrize("K", [1, 2, 3, 4])
@pytest.mark.parametrize("T", [1, 2, 4, 5])
def test_wide_search_is_exhaustive(T, K):
    rng = np.random.default_rng(K)
    log_proba = log_softmax(rng.standard_normal((T, K)))
    expected = enumerate_targets(log_proba)
    hypotheses = prefix_search(log_proba, 1000)
    assert_hypotheses(hypotheses, expected)
    assert prefix_search(log_proba, 1000) == hypotheses


def test_wide_search_with_a_prior():
    """The prior of a label depends on the whole prefix; it also has that of the end."""
    rng, (T, K) = np.random.default_rng(0), (5, 3)
    log_proba = log_softmax(rng.standard_normal((T, K)))
    prefixes = [()]

    def rows_of(labels):
        return np.random.default_rng([K, *labels]).standard_normal(K)

    def prior(parents, labels):
        if not len(parents):
            return [rows_of(())]
        new = [(*prefixes[p], k) for p, k in zip(parents, labels, strict=True)]
        prefixes.extend(new)
        return [rows_of(each) for each in new]

    expected = enumerate_targets(log_proba)
    for labels in expected:
        for t, label in enumerate(labels):
            expected[labels] += rows_of(labels[:t])[label]
        expected[labels] += rows_of(labels)[-1]
    assert_hypotheses(prefix_search(log_proba, 1000, prior), expected)
    assert len(set(prefixes)) == len(prefixes) == len(expected)


def test_narrow_search_returns_lower_bounds():
    rng, better = np.random.default_rng(1), 0
    for _ in range(30):
        log_proba = log_softmax(2 * rng.standard_normal((7, 3)))
        exact = enumerate_targets(log_proba)
        path = labels_of(log_proba.argmax(axis=1), 2)
        hypotheses = prefix_search(log_proba, 3)
        assert len(hypotheses) == 3
        for log_p, labels in hypotheses:
            assert log_p <= exact[tuple(labels)] + 1e-12
        gain = exact[tuple(hypotheses[0][1])] - exact[path]
        assert gain > -0.5
        better += gain > 1e-9
    assert better > 5


def test_search_returns_no_impossible_labels():
    log_proba = np.log(np.full((3, 3), 1 / 3))
    log_proba[:, 0] = -np.inf
    hypotheses = prefix_search(log_proba, 100)
    assert {tuple(labels) for _, labels in hypotheses} == {(), (1,), (1, 1)}


def test_no_prefix_occurs_twice():
    """A prefix that left the beam may enter it again, while extensions of it stayed."""
    for seed in range(300):
        rng = np.random.default_rng(seed)
        log_proba = log_softmax(2 * rng.standard_normal((20, 3)))
        prefixes = [tuple(labels) for _, labels in prefix_search(log_proba, 5)]
        assert len(set(prefixes)) == len(prefixes)
