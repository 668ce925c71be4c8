"""The training loop."""

import math
import signal
import threading
import warnings
from contextlib import contextmanager

import numpy as np

from skrnn._core.batching import live_part
from skrnn._core.optimizers import finish_grads


class Diverged(FloatingPointError):
    """Error: a loss, a gradient or a weight is not finite.

    Attributes
    ----------
    epoch : int
        The number of the epoch, counted from 0.
    what : str
        The quantity that is not finite: "loss", "gradient" or "sum of the weights".
    rate : float
        The learning rate.
    """

    def __init__(self, epoch, what, rate):
        super().__init__(epoch, what, rate)
        self.epoch, self.what, self.rate = epoch, what, rate

    def __str__(self):
        return (
            f"Training diverged in epoch {self.epoch + 1}: the {self.what} is not "
            f"finite. The learning rate was {self.rate:.3g}."
        )


class History:
    """The results of training besides the weights."""

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
    index,
    strategy,
    *,
    epoch=0,
    lr,
    alpha,
    max_norm,
    rng,
    shuffle,
):
    """Go through the data once, with one update per batch.

    Parameters
    ----------
    network, params, optimizer, data, index, strategy, alpha, max_norm, rng, shuffle
        As in `train`.
    epoch : int, default=0
        The number of the epoch, for errors.
    lr : float
        The learning rate.

    Returns
    -------
    float
        The mean loss of a term, each computed before the update by its batch.

    Raises
    ------
    Diverged
        If a loss, a gradient or a weight is not finite.
    """
    total = total_terms = 0.0
    dropout_rng = rng if any(network.dropout) else None
    state = None
    touched = np.zeros(params.table.shape[-2], dtype=bool)
    batches = strategy.batches(network.pack, data, index, rng if shuffle else None)
    for batch, terms in batches:
        x, y, weights = data.rows[batch.rows], data.targets[terms], data.weights[terms]
        n_terms = float(weights.sum(dtype=np.float64))
        state = live_part(state, batch)
        if n_terms == 0:
            if strategy.carries_state:  # the steps are read all the same
                _, state, _ = network.hidden(params, x, batch, state=state)
            continue
        loss, grads, last = network.loss_grad(
            params, x, y, weights, batch, dropout_rng, state
        )
        state = last if strategy.carries_state else None
        norm, scale = finish_grads(grads, params, n_terms, alpha, max_norm)
        for quantity, value in (("loss", loss), ("gradient", norm)):
            if not math.isfinite(value):
                raise Diverged(epoch, quantity, lr)
        with uninterrupted():
            optimizer.step(params, grads, lr, scale)
        touched[grads.table.rows] = True
        total += loss
        total_terms += n_terms
    rows = slice(None) if touched.all() else np.flatnonzero(touched)
    for weights in (params.flat, params.table[..., rows, :]):
        if not math.isfinite(weights.sum(dtype=np.float64)):
            raise Diverged(epoch, "sum of the weights", lr)
    return total / total_terms


def train(
    network,
    params,
    optimizer,
    data,
    index,
    strategy,
    *,
    max_iter,
    learning_rate,
    adaptive,
    tol,
    n_iter_no_change,
    history,
    validate=None,
    on_epoch=None,
    alpha,
    max_norm,
    rng,
    shuffle,
):
    """Train until converged, stopped or `max_iter` epochs are over.

    Parameters
    ----------
    network : Network or EncoderDecoder
        The architecture.
    params : Params
        Its parameters, changed in place.
    optimizer : Optimizer
        Changed in place.
    data : batching.Data
        The training data, as `strategy.arrange` returns them.
    index : ndarray
        The sequences to train on, in this order.
    strategy : Independent or Stream
        How the data become batches.
    max_iter : int
        The number of epochs at most.
    learning_rate : callable
        Takes the number of epochs done so far, returns the next learning rate.
    adaptive : bool
        Whether to divide the learning rate by 5, instead of stopping, when there is
        no progress any more; below 1e-6 training stops all the same.
    tol, n_iter_no_change : float, int
        Training is over when for `n_iter_no_change` epochs in a row neither loss nor,
        if there is one, validation score was better than the best by `tol`.
    history : History
        Extended.
    validate : callable, default=None
        Takes the parameters, returns a score; the best parameters are kept in
        `history`.
    on_epoch : callable, default=None
        Called after every epoch with its number, counted from 0; a true result stops.
    alpha : float
        The L2 penalty; see `optimizers.finish_grads`.
    max_norm : float or None
        The largest norm of a gradient; larger ones are scaled down.
    rng : RandomState
        The source of random numbers for the order of the sequences and for dropout.
    shuffle : bool
        Whether the order of the sequences is drawn anew in every epoch.

    Returns
    -------
    str
        The reason why it ended: "converged", "stopped", "max_iter" or "interrupted".

    Raises
    ------
    Diverged
        If a loss, a gradient or a weight is not finite.
    """
    first = len(history.losses)
    try:
        for epoch in range(first, first + max_iter):
            lr = learning_rate(epoch) / history.lr_divisor
            with np.errstate(over="ignore", invalid="ignore"):
                loss = train_epoch(
                    network,
                    params,
                    optimizer,
                    data,
                    index,
                    strategy,
                    epoch=epoch,
                    lr=lr,
                    alpha=alpha,
                    max_norm=max_norm,
                    rng=rng,
                    shuffle=shuffle,
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


def _record(history, loss, score, params, tol):
    """Record an epoch's loss and score, and whether there is progress."""
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
    """Defer Ctrl-C until the block is done, so that every update is complete."""
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
