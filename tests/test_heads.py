"""Losses, their derivatives and probabilities of the heads."""

import numpy as np
import pytest
from core_helpers import data_of, network_of
from numpy.testing import assert_allclose, assert_array_equal

from skrnn._core.heads import HEADS, Sigmoid, Softmax

TERM_HEADS = [name for name in HEADS if HEADS[name].per_term]
SCORES = np.log([[1.0, 2.0, 5.0], [3.0, 3.0, 4.0]])


def test_softmax_by_hand():
    proba = np.array([[0.125, 0.25, 0.625], [0.3, 0.3, 0.4]])
    assert_allclose(Softmax().proba(SCORES), proba, rtol=1e-14)
    weights = np.array([2.0, 3.0])
    loss, dscores = Softmax().loss_grad(SCORES.copy(), np.array([1, 2]), weights)
    assert_allclose(loss, -2 * np.log(0.25) - 3 * np.log(0.4), rtol=1e-14)
    expected = (proba - [[0, 1, 0], [0, 0, 1]]) * weights[:, None]
    assert_allclose(dscores, expected, rtol=1e-14, atol=1e-15)


@pytest.mark.parametrize("weights", [[2.0, 3.0], [[2.0, 0.0, 1.0], [3.0, 4.0, 0.5]]])
def test_sigmoid_by_hand(weights):
    proba = np.array([[1 / 2, 2 / 3, 5 / 6], [3 / 4, 3 / 4, 4 / 5]])
    assert_allclose(Sigmoid().proba(SCORES), proba, rtol=1e-14)
    y = np.array([[0.0, 1.0, 0.0], [1.0, 1.0, 0.0]])
    weights = np.array(weights)
    loss, dscores = Sigmoid().loss_grad(SCORES.copy(), y, weights)
    of_answer = np.broadcast_to(weights.reshape(2, -1), (2, 3))
    losses = -np.log(np.where(y == 1, proba, 1 - proba))
    assert_allclose(loss, (losses * of_answer).sum(), rtol=1e-14)
    assert_allclose(dscores, (proba - y) * of_answer, rtol=1e-13, atol=1e-15)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_far_scores_neither_overflow_nor_lose_the_loss(dtype):
    far, one = np.array([[-1000, 1000]], dtype), np.ones(1, dtype)
    softmax = Softmax()
    for head, target, log_proba in [
        (softmax, np.array([0]), [[-2000, 0]]),
        (Sigmoid(), np.array([[1, 0]], dtype), [[-1000, 0]]),
    ]:
        assert_array_equal(head.proba(far), [[0, 1]])
        assert_array_equal(head.log_proba(far), log_proba)
        loss, dscores = head.loss_grad(far.copy(), target, one)
        assert loss == 2000
        assert_array_equal(dscores, [[-1, 1]])
    same = np.full((1, 4), 1000, dtype)  # only differences between scores count
    assert_array_equal(softmax.proba(same), [[0.25] * 4])
    assert_allclose(softmax.log_proba(same), np.log([[0.25] * 4]), rtol=1e-6)


@pytest.mark.parametrize("name", ["softmax", "sigmoid"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_probabilities_keep_scores_and_precision(name, dtype):
    head, scores = HEADS[name](), SCORES.astype(dtype)
    proba, log_proba = head.proba(scores), head.log_proba(scores)
    assert_array_equal(scores, SCORES.astype(dtype))
    assert proba.dtype == log_proba.dtype == dtype
    rtol = 1e-5 if dtype == np.float32 else 1e-14
    assert_allclose(np.log(proba), log_proba, rtol=rtol)


@pytest.mark.parametrize("name", TERM_HEADS)
def test_single_precision_losses_are_added_in_double(name):
    n, x = 1_000_003, np.float32(0 if name in ("softmax", "sigmoid") else 0.3)
    y = np.zeros(n, dtype=np.intp) if name == "softmax" else np.zeros((n, 1), "f")
    scores = np.full((n, 2 if name == "softmax" else 1), x)
    of_one = {"squared_error": float(x) ** 2 / 2, "absolute_error": float(x)}
    one = of_one.get(name, float(np.log(np.float32(2))))
    loss, dscores = HEADS[name]().loss_grad(scores, y, np.ones(n, dtype=np.float32))
    assert dscores.dtype == np.float32
    assert_allclose(loss, n * one, rtol=1e-7)


@pytest.mark.parametrize(
    ("name", "expected", "derivatives"),
    [
        ("squared_error", 2 * (4 + 1) / 2 + 3 * 0.25 / 2, [[-4, -2], [1.5, 0]]),
        ("absolute_error", 2 * 3 + 3 * 0.5, [[-2, -2], [3, 0]]),
    ],
)
def test_errors_by_hand(name, expected, derivatives):
    scores, y = np.array([[1.0, -2.0], [0.5, 0.0]]), np.array([[3.0, -1.0], [0.0, 0.0]])
    loss, dscores = HEADS[name]().loss_grad(scores, y, np.array([2.0, 3.0]))
    assert_allclose(loss, expected, rtol=1e-14)
    assert_allclose(dscores, derivatives, rtol=1e-14)


@pytest.mark.parametrize("name", TERM_HEADS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_losses_of_terms_sum_to_the_loss(name, dtype, monkeypatch):
    monkeypatch.setattr("skrnn._core.heads.BLOCK", 12)  # four rows at a time
    head, rng = HEADS[name](), np.random.default_rng(0)
    scores = 3 * rng.standard_normal((11, 3)).astype(dtype)
    exact, y = scores.astype(np.float64), rng.standard_normal((11, 3)).astype(dtype)
    if name == "softmax":
        y = rng.integers(0, 3, 11)
    elif name == "sigmoid":
        y = (y > 0).astype(dtype)
    before, weights = scores.copy(), rng.uniform(0.5, 2, 11).astype(dtype)
    losses = head.losses(scores, y)
    assert_array_equal(scores, before)
    assert losses.shape == (11,)
    assert losses.dtype == np.float64
    if name == "softmax":
        expected = -head.log_proba(exact)[np.arange(11), y]
    elif name == "sigmoid":
        log_p = np.where(y, head.log_proba(exact), head.log_proba(-exact))
        expected = -log_p.sum(axis=1)
    else:
        errors = (scores - y).astype(np.float64)
        errors = errors**2 / 2 if name == "squared_error" else abs(errors)
        expected = errors.sum(axis=1)
    assert_allclose(losses, expected, rtol=1e-12)
    for i in range(11):
        assert_array_equal(head.losses(scores[i : i + 1], y[i : i + 1]), losses[i])
    loss, _ = head.loss_grad(scores.copy(), y, weights)
    assert_allclose(loss, losses @ weights, rtol=1e-5 if dtype == np.float32 else 1e-12)


@pytest.mark.parametrize(("name", "y"), [("softmax", [1]), ("sigmoid", [[0, 1, 0]])])
def test_losses_of_far_scores_are_finite(name, y):
    far = np.array([[-3e38, 3e38, 0]], np.float32)
    assert np.isfinite(HEADS[name]().losses(far, np.array(y))).all()


def test_decoding_takes_the_most_probable():
    offsets = np.array([0, 2])
    assert_array_equal(HEADS["softmax"]().decode(SCORES, offsets), [2, 2])
    rows = HEADS["sigmoid"]().decode(SCORES - 1, offsets)
    assert_array_equal(rows, [[0, 0, 1], [1, 1, 1]])
    assert rows.dtype == np.int64
    for name in ("squared_error", "absolute_error"):
        assert_array_equal(HEADS[name]().decode(SCORES, offsets), SCORES)
    labels, starts = HEADS["ctc"]().decode(SCORES[:, [1, 2, 0]], offsets)
    assert_array_equal(labels, [1])
    assert_array_equal(starts, [0, 1])


@pytest.mark.parametrize("name", HEADS)
def test_only_ctc_looks_at_the_data_before_training(name):
    """The blank is as probable as steps that are not needed for labels."""
    data = data_of(np.zeros(10), [8, 2], np.array([0, 1, 2, 0, 2]), [3, 2])
    params = network_of(head=name).params()
    HEADS[name]().fill(params, data)
    blank = np.log(2 * (1 - 0.3) / 0.3) if name == "ctc" else 0
    assert_allclose(params["b_out"], [0, 0, blank], rtol=1e-14)
    assert not params["W_out"].any()
