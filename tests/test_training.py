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
from skrnn._core.training import Diverged, History, train, train_epoch, uninterrupted


class FakeNetwork:
    """Gives the losses it is told to, times the weights, and remembers its batches.

    The derivative by every parameter is the number of terms, so that a step of plain
    SGD with learning rate lr takes lr from each.
    """

    def __init__(self, losses=(), gradient=1.0, dropout=(0.0, 0.0)):
        self.losses, self.gradient, self.dropout = iter(losses), gradient, dropout
        self.rows, self.rngs, self.states = [], [], []

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


def make_params(rule=None):
    shapes, table = {"E": (1, 1), "U0": (1, 2)}, np.zeros((1, 1))
    params = Params(shapes, "E", penalized={"U0"}, table=table)
    return params, Optimizer(rule or SGD(momentum=0), params)


EPOCH = {"shuffle": False, "alpha": 0.0, "max_norm": None, "rng": None}
PAIRS, SINGLE = Independent(2, shuffle=True), Independent(1, shuffle=True)
TWO = np.array([2, 1])  # rows 6 and 7, then 3, 4 and 5


# --- an epoch -------------------------------------------------------------------------


def run_epoch(network, index=TWO, data=None, strategy=PAIRS, start=None, **changed):
    """Train for an epoch; return the parameters, by default those of `make_params`."""
    params, optimizer = start or make_params()
    data = make_data() if data is None else data
    options = {"lr": 1, **EPOCH, **changed}
    loss = train_epoch(network, params, optimizer, data, index, strategy, **options)
    return params, loss


@pytest.mark.parametrize("index", [[2, 1], [2, 0, 1]], ids=["plain", "no weight"])
def test_batches_with_weight_in_the_order_given(index):
    network = FakeNetwork([2.0, 5.0])
    params, loss = run_epoch(network, np.array(index), strategy=SINGLE, lr=0.25)
    assert network.rows == [[6, 7], [3, 4, 5]]
    assert_allclose(loss, (4 * 2.0 + 3 * 5.0) / 7, rtol=1e-14)  # weighted by terms
    assert_array_equal(params.flat, -0.5)  # two updates
    assert_array_equal(params.table, -0.5)


def test_packed_batch():
    network = FakeNetwork()
    run_epoch(network)
    assert network.rows == [[3, 6, 4, 7, 5]]


def test_shuffled_anew_in_every_epoch():
    data, strategy, rows = make_data(np.arange(9)), Independent(5, shuffle=True), []
    for n_epochs in (3, 1):
        network, rng = FakeNetwork(), np.random.RandomState(0)
        given = network, np.arange(3, 8), data, strategy
        for _ in range(n_epochs):
            run_epoch(*given, rng=rng, shuffle=True)
        rows.append(network.rows)
    assert len({tuple(batch) for batch in rows[0]}) == 3
    assert rows[1] == rows[0][:1]


@pytest.mark.parametrize("dropout", [(0.0, 0.0), (0.5, 0.0), (0.0, 0.5), (0.5, 0.5)])
def test_random_numbers_are_for_dropout_only(dropout):
    network, rng = FakeNetwork(dropout=dropout), np.random.RandomState(0)
    run_epoch(network, rng=rng)
    assert network.rngs == [rng if any(dropout) else None]


def test_penalty_and_clipping_are_applied():
    params, _ = run_epoch(FakeNetwork(), max_norm=0.5)
    assert_allclose(params.flat, -0.5 / math.sqrt(3), rtol=1e-14)
    params, _ = start = make_params()
    params.flat[...] = 7.0
    run_epoch(FakeNetwork(), start=start, alpha=3, lr=0.25)
    assert_allclose(params.flat, 7 - 0.25 * (1 + 3 * 7 / 7), rtol=1e-14)


@pytest.mark.parametrize("bad", [np.inf, np.nan])
@pytest.mark.parametrize("what", ["loss", "gradient"])
def test_nothing_is_updated_by_what_is_not_finite(what, bad):
    losses = [0.5, bad] if what == "loss" else [0.5, 0.5]
    network = FakeNetwork(losses, gradient=bad if what == "gradient" else 1.0)
    params, _ = start = make_params()
    with pytest.raises(Diverged, match=f"in epoch 3: the {what} is not finite"):
        run_epoch(network, strategy=SINGLE, start=start, epoch=2)
    assert_array_equal(params.flat, -1 if what == "loss" else 0)


@pytest.mark.parametrize("where", ["flat", "table"])
@pytest.mark.filterwarnings("ignore:overflow")
def test_weights_that_are_not_finite_are_an_error(where):
    params, _ = start = make_params()
    getattr(params, where)[...] = -1e308
    with pytest.raises(Diverged, match="the sum of the weights is not finite"):
        run_epoch(FakeNetwork(), start=start, lr=1e308)


# --- a stream -------------------------------------------------------------------------


class StreamNetwork(FakeNetwork):
    """A state is the last row that was read of each sequence."""

    def loss_grad(self, params, x, y, weights, batch, rng, state):
        loss, grads, _ = super().loss_grad(params, x, y, weights, batch, rng, state)
        self.states.append(state and state[0][0].ravel().tolist())
        return loss, grads, [(x[batch.last].reshape(1, -1, 1),)]


def make_stream(n, n_parts):
    """Return rows 3 and on, cut into parts."""
    rows, one = np.arange(n) + 3, np.array([0, n])
    data = Data(rows, one, 10 * rows, batch_weights(rows), one)
    return Stream(n_parts, 1).arrange(data, np.arange(1))


def test_windows_of_a_stream_carry_the_state():
    network, stream = StreamNetwork([2.0, 5.0]), (np.arange(2), make_data((3, 5, 8)))
    params, loss = run_epoch(network, *stream, Stream(2, 2), lr=0.25)
    assert network.rows == [[5, 3, 6, 4], [7]]  # the longer part first
    assert network.states == [None, [6]]
    assert_allclose(loss, (5 * 2.0 + 2 * 5.0) / 7, rtol=1e-14)
    assert_array_equal(params.flat, -0.5)  # two updates
    again = StreamNetwork()
    for _ in range(2):
        run_epoch(again, *stream, Stream(2, 1), shuffle=True)
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
        if state is not None:  # each continues
            assert [row - 1 for row in rows[: len(state)]] == state
        read += rows
    assert sorted(read) == (np.arange(n) + 3).tolist()
    assert len(network.rows) == -(-max(lengths) // bptt)


# --- the reason of the end ------------------------------------------------------------


STOP = {"max_iter": 10, "tol": 0.1, "n_iter_no_change": 2, "adaptive": False}


def run(losses=(), scores=None, history=None, lr=1.0, **changed):
    """Train; return the reason of the end, the history, the parameters and epochs."""
    history = History() if history is None else history
    (params, optimizer), epochs, coming = make_params(), [], iter(scores or ())

    def learning_rate(epoch):
        epochs.append(epoch)
        return lr

    validate = None if scores is None else lambda params: next(coming)
    options = {"learning_rate": learning_rate, "validate": validate, **STOP, **EPOCH}
    args = FakeNetwork(losses), params, optimizer, make_data(), TWO, PAIRS
    reason = train(*args, history=history, **{**options, **changed})
    return reason, history, params, epochs


def test_max_iter():
    reason, history, params, epochs = run([4, 3, 2, 1], max_iter=4)
    assert (reason, epochs) == ("max_iter", [0, 1, 2, 3])
    assert (history.losses, history.best_loss) == ([4, 3, 2, 1], 1)
    assert (history.scores, history.best_params) == ([], None)
    assert_array_equal(params.flat, -4)


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
    reason, history, _, _ = run(losses)
    assert (reason, len(history.losses)) == ("converged", n_epochs)
    assert history.best_loss == min(losses[:n_epochs])


@pytest.mark.parametrize(
    ("rate", "rates"),
    [
        # the first of three epochs is progress; two more, and 4e-7 is too low
        (1e-5, [1e-5] * 3 + [2e-6] * 2),
        (5 * 1e-6, [5e-6] * 3 + [1e-6] * 2),  # a millionth is not too low
    ],
)
def test_adaptive_divides_the_rate_down_to_a_millionth(rate, rates):
    options = {"adaptive": True, "n_iter_no_change": 1, "max_iter": 20}
    reason, history, params, _ = run([1.0] * 20, lr=rate, **options)
    assert (reason, len(history.losses)) == ("converged", len(rates))
    assert history.lr_divisor == 5
    assert_allclose(params.flat, -sum(rates), rtol=1e-12)


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
    reason, history, params, _ = run([5, 4, 3, 2, 1, 0.8, 0.6], scores=scores)
    assert (reason, len(history.losses)) == ("converged", n_epochs)
    assert history.scores == scores[:n_epochs]
    assert history.best_score == max(scores)
    assert_array_equal(history.best_params.flat, -(best + 1))
    assert_array_equal(params.flat, -n_epochs)


def test_on_epoch_is_called_after_each_and_stops():
    seen, history = [], History()

    def on_epoch(epoch):
        seen.append((epoch, list(history.losses)))
        return epoch == 2

    reason, _, _, _ = run([3, 2, 1, 0], history=history, on_epoch=on_epoch)
    assert reason == "stopped"
    assert seen == [(0, [3]), (1, [3, 2]), (2, [3, 2, 1])]
    reason, _, _, _ = run([3], max_iter=1, on_epoch=lambda epoch: None)
    assert reason == "max_iter"


def test_going_on_counts_from_where_it_ended():
    losses, scores, seen = [3.0, 2.0], [0.5, 0.6], []
    history = History(losses, 2.0, scores, 5.0)
    options = {"history": history, "max_iter": 2, "on_epoch": seen.append}
    _, _, params, epochs = run([1, 0.5], [0.7, 0.8], **options)
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
        reason, history, _, _ = run([3, 2, 1], on_epoch=on_epoch)
    assert (reason, history.losses) == ("interrupted", [3, 2])


@pytest.mark.parametrize("losses", [[2, np.nan], [2, np.inf]])
def test_diverged(losses):
    message = r"diverged in epoch 2: the loss is not finite\. The learning rate was 1\."
    with pytest.raises(FloatingPointError, match=message) as raised:
        run(losses)
    error = pickle.loads(pickle.dumps(raised.value))
    assert (error.epoch, error.what, error.rate) == (1, "loss", 1.0)


# --- interruptions --------------------------------------------------------------------


@pytest.fixture
def received():
    """Count the interruptions that arrive, instead of raising; check the handler."""
    numbers = []

    def count(number, frame):
        numbers.append(number)

    before = signal.signal(signal.SIGINT, count)
    yield numbers
    assert signal.signal(signal.SIGINT, before) is count


def interrupt():
    os.kill(os.getpid(), signal.SIGINT)


@pytest.mark.parametrize("n", [0, 1, 2])
def test_one_interruption_comes_after_the_block(received, n):
    with uninterrupted():
        for _ in range(n):
            interrupt()
        assert received == []
    assert received == [signal.SIGINT] * min(n, 1)


@pytest.mark.usefixtures("received")  # it checks the handler
def test_handler_is_restored_after_an_error():
    with pytest.raises(ZeroDivisionError), uninterrupted():
        raise ZeroDivisionError


@pytest.mark.usefixtures("received")
def test_ignored_interruption_stays_ignored():
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    with uninterrupted():
        interrupt()
    assert signal.signal(signal.SIGINT, before) is signal.SIG_IGN


@pytest.mark.usefixtures("received")
def test_other_threads_are_left_alone():
    before, seen = signal.getsignal(signal.SIGINT), []

    def work():
        with uninterrupted():
            seen.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [before]


def test_an_update_is_never_half_made(received):
    class InterruptedSGD(SGD):
        def update(self, *args, compute=SGD.update):
            interrupt()
            assert received == []
            compute(self, *args)

        def compiled_update(self, *args):
            self.update(*args, compute=SGD.compiled_update)

    params, _ = run_epoch(FakeNetwork(), start=make_params(InterruptedSGD(momentum=0)))
    assert len(received) == 1
    assert_array_equal(params.flat, -1)
