"""The training loop, with a network whose losses are written down beforehand."""

import math
import os
import pickle
import signal
import threading

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from skrnn._core.batching import Data, Independent, Stream, pack_steps
from skrnn._core.optimizers import SGD, Optimizer
from skrnn._core.params import Params, RowGrad
from skrnn._core.training import (
    Diverged,
    History,
    train,
    train_epoch,
    uninterrupted,
)


class FakeNetwork:
    """Gives the losses it is told to, times the weights, and remembers its batches.

    The derivative by every parameter is the number of terms, so that a step of plain
    SGD with learning rate lr takes lr from each.
    """

    def __init__(self, losses=(), gradient=1.0, dropout=(0.0, 0.0)):
        self.losses, self.gradient, self.dropout = iter(losses), gradient, dropout
        self.rows, self.rngs = [], []

    pack = staticmethod(pack_steps)

    def loss_grad(self, params, x, y, weights, batch, rng, state):
        self.rows.append(x.tolist())
        self.rngs.append(rng)
        assert_array_equal(y, 10 * x)
        assert_array_equal(weights, batch_weights(x))
        n_terms = float(weights.sum())
        grads = params.zero_grads()
        grads.flat[...] = self.gradient * n_terms
        grads.table = RowGrad(slice(None), np.full((1, 1), self.gradient * n_terms))
        return next(self.losses, 0.5) * n_terms, grads, None


def batch_weights(rows):
    return np.where(rows < 3, 0.0, np.where(rows < 6, 1.0, 2.0))


def make_data(offsets=(0, 3, 6, 8)):
    rows, offsets = np.arange(8), np.array(offsets)
    return Data(rows, offsets, 10 * rows, batch_weights(rows), offsets)


def make_params():
    shapes, table = {"E": (1, 1), "U0": (1, 2)}, np.zeros((1, 1))
    params = Params(shapes, "E", penalized={"U0"}, table=table)
    return params, Optimizer(SGD(momentum=0), params)


EPOCH = {"shuffle": False, "alpha": 0.0, "max_norm": None, "rng": None}
PAIRS = Independent(2, shuffle=True)
TWO = np.array([2, 1])  # rows 6 and 7, then 3, 4 and 5


# --- an epoch -------------------------------------------------------------------------


def run_epoch(network, index=TWO, data=None, batch_size=2, strategy=None, **changed):
    params, optimizer = make_params()
    data = make_data() if data is None else data
    strategy = strategy or Independent(batch_size, shuffle=True)
    options = {"lr": 1, **EPOCH, **changed}
    loss = train_epoch(network, params, optimizer, data, index, strategy, **options)
    return params, loss


def test_batches_in_the_order_given():
    network = FakeNetwork([2.0, 5.0])
    params, loss = run_epoch(network, lr=0.25, batch_size=1)
    assert network.rows == [[6, 7], [3, 4, 5]]
    assert_allclose(loss, (4 * 2.0 + 3 * 5.0) / 7, rtol=1e-14)  # weighted by terms
    assert_array_equal(params.flat, -0.5)  # two updates
    assert_array_equal(params.table, -0.5)


def test_packed_batch():
    network = FakeNetwork()
    run_epoch(network)
    assert network.rows == [[3, 6, 4, 7, 5]]


def test_batch_without_weight_is_passed_over():
    network = FakeNetwork([2.0, 5.0])
    params, loss = run_epoch(network, np.array([2, 0, 1]), lr=0.25, batch_size=1)
    assert network.rows == [[6, 7], [3, 4, 5]]
    assert_allclose(loss, (4 * 2.0 + 3 * 5.0) / 7, rtol=1e-14)
    assert_array_equal(params.flat, -0.5)


def test_shuffled_anew_in_every_epoch():
    options = {"data": make_data(np.arange(9)), "batch_size": 5, "shuffle": True}
    index = np.arange(3, 8)
    network, rng = FakeNetwork(), np.random.RandomState(0)
    for _ in range(3):
        run_epoch(network, index, rng=rng, **options)
    assert len({tuple(rows) for rows in network.rows}) == 3
    again = FakeNetwork()
    rng = np.random.RandomState(0)
    run_epoch(again, index, rng=rng, **options)
    assert again.rows == network.rows[:1]


@pytest.mark.parametrize("dropout", [(0.0, 0.0), (0.5, 0.0), (0.0, 0.5), (0.5, 0.5)])
def test_random_numbers_are_for_dropout_only(dropout):
    network, rng = FakeNetwork(dropout=dropout), np.random.RandomState(0)
    run_epoch(network, rng=rng)
    assert network.rngs == [rng if any(dropout) else None]


def test_penalty_and_clipping_are_applied():
    params, _ = run_epoch(FakeNetwork(), max_norm=0.5)
    step = 0.5 / math.sqrt(3)
    assert_allclose(params.flat, -step, rtol=1e-14)
    params, optimizer = make_params()
    params.flat[...] = 7.0
    options = {**EPOCH, "alpha": 3, "lr": 0.25}
    train_epoch(FakeNetwork(), params, optimizer, make_data(), TWO, PAIRS, **options)
    assert_allclose(params.flat, 7 - 0.25 * (1 + 3 * 7 / 7), rtol=1e-14)


@pytest.mark.parametrize("bad", [np.inf, np.nan])
@pytest.mark.parametrize("what", ["loss", "gradient"])
def test_nothing_is_updated_by_what_is_not_finite(what, bad):
    losses = [0.5, bad] if what == "loss" else [0.5, 0.5]
    network = FakeNetwork(losses, gradient=bad if what == "gradient" else 1.0)
    params, optimizer = make_params()
    args = network, params, optimizer, make_data(), TWO, Independent(1, shuffle=True)
    with pytest.raises(Diverged, match=f"in epoch 3: the {what} is not finite"):
        train_epoch(*args, epoch=2, lr=1, **EPOCH)
    assert_array_equal(params.flat, -1 if what == "loss" else 0)


@pytest.mark.parametrize("where", ["flat", "table"])
@pytest.mark.filterwarnings("ignore:overflow")
def test_weights_that_are_not_finite_are_an_error(where):
    params, optimizer = make_params()
    getattr(params, where)[...] = -1e308
    args = FakeNetwork(), params, optimizer, make_data(), TWO, PAIRS
    with pytest.raises(Diverged, match="the sum of the weights is not finite"):
        train_epoch(*args, lr=1e308, **EPOCH)


# --- a stream -------------------------------------------------------------------------


class StreamNetwork(FakeNetwork):
    """A state is the last row that was read of each sequence."""

    def __init__(self, *args, **options):
        super().__init__(*args, **options)
        self.states = []

    def loss_grad(self, params, x, y, weights, batch, rng, state):
        loss, grads, _ = super().loss_grad(params, x, y, weights, batch, rng, state)
        self.states.append(None if state is None else state[0][0].ravel().tolist())
        return loss, grads, [(x[batch.last].reshape(1, -1, 1),)]


def make_stream(n, n_parts):
    """Return rows 3 and on, cut into parts."""
    rows, one = np.arange(n) + 3, np.array([0, n])
    data = Data(rows, one, 10 * rows, batch_weights(rows), one)
    return Stream(n_parts, 1).arrange(data, np.arange(1))


def test_windows_of_a_stream_carry_the_state():
    network = StreamNetwork([2.0, 5.0])
    data, index = make_data((3, 5, 8)), np.arange(2)
    stream = {"data": data, "index": index, "strategy": Stream(2, 2)}
    params, loss = run_epoch(network, lr=0.25, **stream)
    assert network.rows == [[5, 3, 6, 4], [7]]  # the longer part first
    assert network.states == [None, [6]]
    assert_allclose(loss, (5 * 2.0 + 2 * 5.0) / 7, rtol=1e-14)
    assert_array_equal(params.flat, -0.5)  # two updates
    again = StreamNetwork()
    stream["strategy"] = Stream(2, 1)
    for _ in range(2):
        run_epoch(again, shuffle=True, **stream)
    assert again.rows == 2 * [[5, 3], [6, 4], [7]]
    assert again.states == 2 * [None, [5, 3], [6]]  # anew in every epoch


@pytest.mark.parametrize("n_parts", [1, 2, 3, 7])
@pytest.mark.parametrize("bptt", [1, 2, 5, 100])
@pytest.mark.parametrize("n", [7, 22, 23])
def test_every_step_of_a_stream_is_predicted_once(n, n_parts, bptt):
    network, (data, index), read = StreamNetwork(), make_stream(n, n_parts), []
    run_epoch(network, index, data, strategy=Stream(n_parts, bptt), lr=1e-6)
    lengths = np.diff(data.offsets)
    for k, (rows, state) in enumerate(zip(network.rows, network.states, strict=True)):
        left = np.maximum(lengths - k * bptt, 0)
        assert len(rows) == np.minimum(left, bptt).sum()
        if state is not None:  # each goes on where it was
            assert [row - 1 for row in rows[: len(state)]] == state
        read += rows
    assert sorted(read) == (np.arange(n) + 3).tolist()
    assert len(network.rows) == -(-max(lengths) // bptt)


# --- why training ends ----------------------------------------------------------------


def run(losses=(), scores=None, history=None, **changed):
    """Train; return why it ended, the history, the parameters and epochs."""
    params, optimizer = make_params()
    history = History() if history is None else history
    epochs, coming = [], iter(scores or ())

    def learning_rate(epoch):
        epochs.append(epoch)
        return 1.0

    options = {
        "max_iter": 10,
        "learning_rate": learning_rate,
        "adaptive": False,
        "tol": 0.1,
        "n_iter_no_change": 2,
        "validate": None if scores is None else lambda params: next(coming),
        **EPOCH,
        **changed,
    }
    network = FakeNetwork(losses)
    args = network, params, optimizer, make_data(), TWO, PAIRS
    why = train(*args, history=history, **options)
    return why, history, params, epochs


def test_max_iter():
    why, history, params, epochs = run([4, 3, 2, 1], max_iter=4)
    assert why == "max_iter"
    assert history.losses == [4, 3, 2, 1]
    assert history.best_loss == 1
    assert epochs == [0, 1, 2, 3]
    assert_array_equal(params.flat, -4)
    assert history.scores == []
    assert history.best_params is None


@pytest.mark.parametrize(
    ("losses", "n_epochs"),
    [
        ([1, 1, 1, 1], 4),  # the first is progress over infinity
        ([3, 2.95, 2.91, 2.92, 1], 4),  # less than tol is none
        ([3, 2.95, 2.91, 2.5, 2.5, 2.5, 2.5], 7),
        ([3, 2.75, 2.65, 2.65, 2.5, 2.5, 2.5, 2.5], 8),  # progress over 2.65, the best
        ([1, 2, 1.5, 1.2], 4),  # progress is over the best, not over the last
        ([3, 2.95, 2.84, 2.84, 2.84, 2.84, 2.84], 6),
    ],
)
def test_converged(losses, n_epochs):
    why, history, _, _ = run(losses)
    assert why == "converged"
    assert len(history.losses) == n_epochs
    assert history.best_loss == min(losses[:n_epochs])


def test_adaptive_divides_the_rate_down_to_a_millionth():
    why, history, params, _ = run(
        [1.0] * 20,
        max_iter=20,
        adaptive=True,
        n_iter_no_change=1,
        learning_rate=lambda epoch: 1e-5,
    )
    assert why == "converged"
    # 1e-5 for 3 epochs, the first of them being progress; 2e-6 for 2 more
    assert len(history.losses) == 5
    assert history.lr_divisor == 5
    assert_allclose(params.flat, -(3 * 1e-5 + 2 * 2e-6), rtol=1e-12)


def test_adaptive_still_takes_a_rate_of_a_millionth():
    rate = 5 * 1e-6
    assert rate / 5 >= 1e-6
    _, history, _, _ = run(
        [1.0] * 20, adaptive=True, n_iter_no_change=1, learning_rate=lambda epoch: rate
    )
    assert history.lr_divisor == 5


@pytest.mark.parametrize(
    ("scores", "n_epochs", "best"),
    [
        ([0.1, 0.1, 0.1, 0.1], 4, 0),  # the first of the best is kept
        ([0.1, 0.3, 0.35, 0.36, 0.2], 5, 3),  # kept though it is not progress
        ([0.1, 0.3, 0.2, 0.15, 0.1], 5, 1),
        ([0.1, 0.3, 0.2, 0.45, 0.3, 0.3, 0.3], 7, 3),
    ],
)
def test_validation_decides(scores, n_epochs, best):
    why, history, params, _ = run([5, 4, 3, 2, 1, 0.8, 0.6], scores=scores)
    assert why == "converged"
    assert history.scores == scores[:n_epochs]
    assert len(history.losses) == n_epochs
    assert history.best_score == max(scores)
    assert_array_equal(history.best_params.flat, -(best + 1))
    assert_array_equal(params.flat, -n_epochs)


def test_on_epoch_is_called_after_each_and_stops():
    seen = []

    def on_epoch(epoch):
        seen.append((epoch, list(history.losses)))
        return epoch == 2

    history = History()
    why, _, _, _ = run([3, 2, 1, 0], history=history, on_epoch=on_epoch)
    assert why == "stopped"
    assert seen == [(0, [3]), (1, [3, 2]), (2, [3, 2, 1])]
    why, _, _, _ = run([3], max_iter=1, on_epoch=lambda epoch: None)
    assert why == "max_iter"


def test_going_on_counts_from_where_it_ended():
    losses, scores = [3.0, 2.0], [0.5, 0.6]
    history = History(losses, 2.0, scores, 5.0)
    seen = []
    _, _, params, epochs = run(
        [1, 0.5], [0.7, 0.8], history=history, max_iter=2, on_epoch=seen.append
    )
    assert history.losses == [3, 2, 1, 0.5]
    assert history.scores == [0.5, 0.6, 0.7, 0.8]
    assert epochs == seen == [2, 3]
    assert_allclose(params.flat, -2 / 5, rtol=1e-14)
    assert (losses, scores) == ([3, 2], [0.5, 0.6])  # not changed


def test_interrupted():
    def on_epoch(epoch):
        if epoch == 1:
            raise KeyboardInterrupt

    with pytest.warns(UserWarning, match="interrupted after 2 epochs"):
        why, history, _, _ = run([3, 2, 1], on_epoch=on_epoch)
    assert why == "interrupted"
    assert history.losses == [3, 2]


@pytest.mark.parametrize("losses", [[2, np.nan], [2, np.inf]])
def test_diverged(losses):
    message = r"diverged in epoch 2: the loss is not finite\. The learning rate was 1\."
    with pytest.raises(FloatingPointError, match=message) as raised:
        run(losses)
    error = pickle.loads(pickle.dumps(raised.value))
    assert (error.epoch, error.what, error.rate) == (1, "loss", 1.0)


# --- interruptions --------------------------------------------------------------------


@pytest.fixture
def handler():
    """Count the interruptions that arrive, instead of raising."""
    received = []
    before = signal.signal(signal.SIGINT, lambda number, frame: received.append(number))
    yield received
    signal.signal(signal.SIGINT, before)


def interrupt():
    os.kill(os.getpid(), signal.SIGINT)


def test_interruption_comes_after_the_block(handler):
    before = signal.getsignal(signal.SIGINT)
    with uninterrupted():
        interrupt()
        interrupt()
        assert handler == []
    assert handler == [signal.SIGINT]
    assert signal.getsignal(signal.SIGINT) is before


def test_without_interruption_nothing_happens(handler):
    before = signal.getsignal(signal.SIGINT)
    with uninterrupted():
        pass
    assert handler == []
    assert signal.getsignal(signal.SIGINT) is before


def test_handler_is_back_after_an_error(handler):
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(ZeroDivisionError), uninterrupted():
        raise ZeroDivisionError
    assert signal.getsignal(signal.SIGINT) is before


@pytest.mark.usefixtures("handler")
def test_ignored_interruption_stays_ignored():
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with uninterrupted():
        interrupt()
    assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN


def test_other_threads_are_left_alone(handler):
    before = signal.getsignal(signal.SIGINT)
    seen = []

    def work():
        with uninterrupted():
            seen.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [before]


def test_an_update_is_never_half_made(handler):
    class InterruptedSGD(SGD):
        def update(self, *args):
            interrupt()
            assert handler == []
            super().update(*args)

        def compiled_update(self, *args):
            interrupt()
            assert handler == []
            super().compiled_update(*args)

    params, _ = make_params()
    optimizer = Optimizer(InterruptedSGD(momentum=0), params)
    args = FakeNetwork(), params, optimizer, make_data(), TWO, PAIRS
    train_epoch(*args, lr=1, **EPOCH)
    assert len(handler) == 1
    assert_array_equal(params.flat, -1)
