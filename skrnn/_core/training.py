"""The one training loop."""

import math
import signal
import threading
import warnings
from contextlib import contextmanager
from typing import NamedTuple

import numpy as np

from skrnn._core.batching import PackedBatch, shuffled_batches
from skrnn._core.network import live_part
from skrnn._core.optimizers import finish_grads


class Data(NamedTuple):
    """The sequences to train on: some of N rows that may hold others, too.

    Each has terms of the loss: one for each row, or one in all, or any number.
    """

    rows: object  # ids, CSR or dense rows, N of them
    targets: np.ndarray  # shape (n_terms, ...)
    weights: np.ndarray  # shape (n_terms,)
    starts: np.ndarray  # shape (B,), the first row of each sequence
    lengths: np.ndarray  # shape (B,)
    term_starts: np.ndarray  # shape (B,), the first term of each sequence
    term_lengths: np.ndarray  # shape (B,)


class History:
    """What training leaves behind besides the weights."""

    def __init__(self, losses=(), best_loss=math.inf, scores=None, lr_divisor=1.0):
        self.losses = list(losses)
        self.best_loss = best_loss
        self.scores = list(scores or ())
        self.best_score = -math.inf
        self.best_params = None
        self.n_stale = 0
        self.lr_divisor = lr_divisor


def train_epoch(
    network,
    params,
    optimizer,
    data,
    *,
    lr,
    batch_size,
    shuffle,
    alpha,
    max_norm,
    rng,
    bptt=None,
):
    """Go through the data once, one update a batch.

    With `bptt` all sequences are one batch, for which there is an update every `bptt`
    steps. The state is carried on from one part to the next; derivatives are not.

    Returns
    -------
    float
        The mean loss of a term, as it was met on the way.

    Raises
    ------
    FloatingPointError
        If a loss, a gradient or a weight is not finite.
    """
    total = total_terms = 0.0
    dropout_rng = rng if any(network.dropout) else None
    if bptt is None:
        batches = _shuffled(network, data, batch_size, rng if shuffle else None)
    else:
        batches = _windows(data, bptt)
    state = None
    touched = np.zeros(params.table.shape[-2], dtype=bool)
    for batch, terms in batches:
        weights = data.weights[terms]
        n_terms = float(weights.sum(dtype=np.float64))
        x, y = data.rows[batch.rows], data.targets[terms]
        state = live_part(state, batch)
        if n_terms == 0:
            if bptt is not None:  # it is read all the same
                _, state, _ = network.forward(params, x, batch, keep=False, state=state)
            continue
        loss, grads, last = network.loss_grad(
            params, x, y, weights, batch, dropout_rng, state
        )
        state = None if bptt is None else last
        norm, scale = finish_grads(grads, params, n_terms, alpha, max_norm)
        if not (math.isfinite(loss) and math.isfinite(norm)):
            raise FloatingPointError("gradient" if math.isfinite(loss) else "loss")
        with uninterrupted():
            optimizer.step(params, grads, lr, scale)
        touched[grads.table.rows] = True
        total += loss
        total_terms += n_terms
    rows = slice(None) if touched.all() else np.flatnonzero(touched)
    for weights in (params.flat, params.table[..., rows, :]):
        if not math.isfinite(weights.sum(dtype=np.float64)):
            raise FloatingPointError("sum of the weights")
    return total / total_terms


def _shuffled(network, data, batch_size, rng):
    """Yield batches of sequences, and their terms."""
    for index in shuffled_batches(len(data.lengths), batch_size, rng):
        yield network.pack(data, index)


def _windows(data, bptt):
    """Yield the sequences, `bptt` steps of all of them at a time."""
    for batch in PackedBatch(data.starts, data.lengths).windows(bptt):
        yield batch, batch.rows


def train(
    network,
    params,
    optimizer,
    data,
    *,
    max_iter,
    learning_rate,
    adaptive,
    tol,
    n_iter_no_change,
    history,
    validate=None,
    on_epoch=None,
    **epoch_options,
):
    """Train until converged, stopped or `max_iter` epochs are over.

    Parameters
    ----------
    network : Network
        The architecture.
    params : Params
        Its weights, changed in place.
    optimizer : Optimizer
        Changed in place.
    data : Data
        What to train on.
    max_iter : int
        The number of epochs to do at most.
    learning_rate : callable
        From the number of epochs done so far to the next one's learning rate.
    adaptive : bool
        Whether to divide the learning rate by 5, instead of stopping, when there is
        no progress any more; below 1e-6 training stops all the same.
    tol, n_iter_no_change : float, int
        Training is over when for `n_iter_no_change` epochs in a row neither loss nor,
        if there is one, validation score was better than the best by `tol`.
    history : History
        Extended.
    validate : callable, default=None
        From parameters to a score; the best parameters are kept in `history`.
    on_epoch : callable, default=None
        Called after every epoch with its number, counted from 0; a true result stops.
    **epoch_options
        For `train_epoch`.

    Returns
    -------
    str
        Why it ended: "converged", "stopped", "max_iter" or "interrupted".
    """
    first = len(history.losses)
    try:
        for epoch in range(first, first + max_iter):
            lr = learning_rate(epoch) / history.lr_divisor
            loss = _checked_epoch(
                network, params, optimizer, data, epoch=epoch, lr=lr, **epoch_options
            )
            score = None if validate is None else validate(params)
            _record(history, loss, score, params, tol)
            if on_epoch is not None and on_epoch(epoch):
                return "stopped"
            if history.n_stale > n_iter_no_change:
                if not adaptive or lr / 5 < 1e-6:
                    return "converged"
                history.lr_divisor *= 5
                history.n_stale = 0
    except KeyboardInterrupt:
        warnings.warn(
            f"Training was interrupted after {len(history.losses)} epochs; the weights "
            "of the last finished step are kept, or with early stopping the best ones.",
            stacklevel=2,
        )
        return "interrupted"
    return "max_iter"


def _checked_epoch(*args, epoch, lr, **options):
    """Train for an epoch; say what to do where it diverges."""
    try:
        with np.errstate(over="ignore", invalid="ignore"):
            return train_epoch(*args, lr=lr, **options)
    except FloatingPointError as error:
        raise FloatingPointError(
            f"Training diverged in epoch {epoch + 1}: the {error} is not finite. Try a "
            f"smaller learning_rate_init (the rate was {lr:.3g}), a smaller "
            "max_grad_norm, or inputs scaled to about unit variance."
        ) from None


def _record(history, loss, score, params, tol):
    """Note an epoch's loss and score, and whether there is progress."""
    history.losses.append(loss)
    if score is None:
        better = loss < history.best_loss - tol
    else:
        history.scores.append(score)
        better = score > history.best_score + tol
        if score > history.best_score:
            history.best_score = score
            history.best_params = params.copy()
    history.n_stale = 0 if better else history.n_stale + 1
    history.best_loss = min(history.best_loss, loss)


@contextmanager
def uninterrupted():
    """Put off Ctrl-C until the block is done, so that no update is left half made."""
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread is interrupted
        return
    received = []
    before = signal.signal(signal.SIGINT, lambda *signal: received.append(signal))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
        if received and callable(before):
            before(*received[-1])
