"""What all recurrent estimators share: parameters, validation, the one fit."""

import copy
import threading
import time
from abc import ABCMeta, abstractmethod
from contextlib import contextmanager, nullcontext
from functools import partial
from numbers import Integral, Real
from typing import NamedTuple

import numpy as np
from joblib import Parallel, delayed, effective_n_jobs
from sklearn.callback import CallbackSupportMixin, with_callbacks
from sklearn.utils import check_random_state
from threadpoolctl import OpenBLASController, ThreadpoolController

from skrnn._core import kernels, make_network
from skrnn._core.batching import Data, Independent
from skrnn._core.cells import CELLS
from skrnn._core.optimizers import RULES, Optimizer, learning_rate_at
from skrnn._core.training import Diverged, History, train
from skrnn._estimator import Estimator
from skrnn._sequences import Sequences
from skrnn._validation import (
    Interval,
    StrOptions,
    check_is_fitted,
    check_sequences,
    check_weights,
    fit_context,
)


class _OneBlasThread:
    """Keep the BLAS to one thread: its sums must not depend on how many there are.

    The setting is one for the whole process: the first thread in makes it, the last
    one out takes it back.
    """

    def __init__(self):
        self.lock, self.depth = threading.Lock(), 0
        self.controller = self.limit = None

    def __enter__(self):
        with self.lock:
            if self.depth == 0:
                self.controller = self.controller or ThreadpoolController()
                self.free_control()
                self.limit = self.controller.limit(limits=1, user_api="blas")
            self.depth += 1

    def __exit__(self, *exception):
        with self.lock:
            self.depth -= 1
            if self.depth == 0:
                self.free_control()
                self.limit.restore_original_limits()
                self.free_control()

    def free_control(self):
        """Let any thread set limits, as threadpoolctl did before version 3.8.

        Since then the limits of the thread that set some first are the only ones that
        count as long as it lives, and those of all others are ignored.
        """
        if hasattr(OpenBLASController, "clear_controlling_thread"):
            OpenBLASController.clear_controlling_thread(force=True)


one_blas_thread = _OneBlasThread()


def steady_arithmetic():
    """Return a context in which sums are the same bits every time."""
    return nullcontext() if kernels.compiled is not None else one_blas_thread


@contextmanager
def worded():
    try:
        yield
    except Diverged as error:
        raise FloatingPointError(
            f"Training diverged in epoch {error.epoch + 1}: the {error.what} is not "
            f"finite. Try a smaller learning_rate_init (the rate was {error.rate:.3g})"
            ", a smaller max_grad_norm, or inputs scaled to about unit variance."
        ) from None


class Terms(NamedTuple):
    """Sequences as the network reads them, and the terms of the loss of each."""

    X: Sequences
    targets: np.ndarray  # shape (n_terms, ...), one sequence after the other
    weights: np.ndarray  # shape (n_terms,)
    offsets: np.ndarray  # shape (n + 1,), where the terms of each sequence begin

    def of(self, index):
        """Return which terms are those of some of the sequences, as `Sequences`."""
        return Sequences(np.arange(self.offsets[-1]), self.offsets)[index]

    def data(self):
        """Return the same for the core."""
        X, targets, weights, offsets = self
        return Data(X.rows, X.offsets, targets, weights, offsets)

    def take(self, index):
        """Return the terms of some of the sequences."""
        own = self.of(index)
        targets, weights = self.targets[own.rows], self.weights[own.rows]
        return Terms(self.X[index], targets, weights, own.offsets)


class BaseRNN(CallbackSupportMixin, Estimator, metaclass=ABCMeta):
    """Base of all recurrent estimators.

    A subclass says what its targets are, in `_check_targets`, `_encode_targets` and
    `_validation_score`, and what becomes of the scores that the network computes.
    """

    _parameter_constraints: dict = {
        "cell": [StrOptions(set(CELLS))],
        "hidden_layer_sizes": [
            "array-like",
            Interval(Integral, 1, None, closed="left"),
        ],
        "bidirectional": ["boolean"],
        "activation": [StrOptions({"tanh", "relu"})],
        "embedding_dim": [None, Interval(Integral, 1, None, closed="left")],
        "dropout": [Interval(Real, 0, 1, closed="left"), "array-like"],
        "solver": [StrOptions(set(RULES))],
        "learning_rate": [
            StrOptions({"constant", "invscaling", "adaptive", "exponential", "step"})
        ],
        "learning_rate_init": [Interval(Real, 0, None, closed="neither")],
        "power_t": [Interval(Real, 0, None, closed="left")],
        "decay_rate": [Interval(Real, 0, 1, closed="right")],
        "decay_steps": [Interval(Integral, 1, None, closed="left")],
        "decay_start": [Interval(Integral, 0, None, closed="left")],
        "momentum": [Interval(Real, 0, 1, closed="left")],
        "nesterovs_momentum": ["boolean"],
        "alpha": [Interval(Real, 0, None, closed="left")],
        "max_grad_norm": [None, Interval(Real, 0, None, closed="neither")],
        "batch_size": [Interval(Integral, 1, None, closed="left")],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "shuffle": ["boolean"],
        "tol": [Interval(Real, 0, None, closed="left")],
        "early_stopping": ["boolean"],
        "validation_fraction": [Interval(Real, 0, 1, closed="neither")],
        "n_iter_no_change": [Interval(Integral, 1, None, closed="left")],
        "warm_start": ["boolean"],
        "random_state": ["random_state"],
        "n_jobs": [
            None,
            Interval(Integral, 1, None, closed="left"),
            Interval(Integral, None, -1, closed="right"),
        ],
        "verbose": ["verbose"],
        "dtype": [StrOptions({"float32", "float64"})],
    }

    # How the steps of a sequence become one term of the loss; without, each is a term.
    pooling = None
    # Whether the embedding serves as the output weights, too.
    tie_weights = False

    @abstractmethod
    def __init__(self, **params):
        vars(self).update(params)

    # --- what a subclass says about its targets ---------------------------------------

    @abstractmethod
    def _check_targets(self, y, lengths, table):
        """Return y with the targets of all terms one after the other."""

    @abstractmethod
    def _learn_targets(self, y, weights, classes):
        """Set the attributes by which targets are encoded.

        y is what `_check_targets` returned. `classes` are those that partial_fit was
        given, if any.
        """

    @property
    @abstractmethod
    def _outputs(self):
        """The name of the head and its number of scores, by what was learned."""

    @abstractmethod
    def _check_like_before(self, y):
        """Check that targets are of the kind that the model was fitted on."""

    @abstractmethod
    def _encode_targets(self, y, offsets, used):
        """Return targets as the head takes them; terms not `used` have no weight."""

    @abstractmethod
    def _validation_score(self, scores, targets, weights):
        """Return how good the scores are, larger being better."""

    def _check_weights(self, sample_weight, lengths):
        """Return the weight of each term."""
        return check_weights(sample_weight, len(lengths))

    def _term_weights(self, targets, weights):
        """Return how much each term counts, given how much its sequence does."""
        return weights

    def _check_given(self, y):
        """Check that there are targets."""
        if y is None:
            raise ValueError(
                f"This {type(self).__name__} estimator requires y to be passed, but "
                "the target y is None."
            )

    def _check_X(self, X, *, reset, table, dtype):
        """Return X as `Sequences`; see `check_sequences`."""
        return check_sequences(self, X, reset=reset, table=table, dtype=dtype)

    def _make_terms(self, X, y, weights):
        """Return what to train on as `Terms`.

        y is what `_check_targets` returned, and weights what `_check_weights` did.
        """
        offsets = X.offsets if self.pooling is None else np.arange(len(X) + 1)
        targets = self._encode_targets(y, offsets, weights != 0)
        return Terms(X, targets, weights, offsets)

    def _forget(self):
        """Drop what was fitted before and a new fit must not look at."""

    def _read_table_as(self, y):
        """Return how a 2-D array is read; see `check_sequences`."""
        return "series"

    # --- fit --------------------------------------------------------------------------

    @with_callbacks
    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y, sample_weight=None):
        """Fit the model to sequences X and their targets y.

        Parameters
        ----------
        X : container of n sequences
            A list, object array, Series, one-column DataFrame, 3-D array or
            `Sequences`; each sequence is a 1-D array or list of token ids, an array of
            shape (T_i, d), or a sparse matrix of shape (T_i, V).
        y : container of n targets
            See the class.
        sample_weight : array-like of shape (n,), default=None
            A sequence of weight w counts as if it were there w times. Where each step
            has a target, also n arrays with a weight for each step.

        Returns
        -------
        self : object
            The fitted estimator.

        Raises
        ------
        ValueError
            If X, y or a parameter is not as it should be; a model fitted before is
            left as it was.
        FloatingPointError
            If the loss, its gradient or a weight becomes infinite or NaN; likewise.
        """
        return self._fit(X, y, sample_weight, resume=self.warm_start)

    def _partial_fit(self, X, y, sample_weight, classes=None):
        """Go once through the data, starting from the present weights."""
        if self.early_stopping:
            raise ValueError(
                "partial_fit does not support early_stopping=True: nothing is held "
                "out of a part of the data."
            )
        return self._fit(X, y, sample_weight, resume=True, max_iter=1, classes=classes)

    def _fit(self, X, y, sample_weight, *, resume, max_iter=None, classes=None):
        resume = resume and hasattr(self, "input_size_")
        self._check_given(y)
        by_y = self._read_table_as(y)
        table = self._table if resume else by_y
        fitted = copy.copy(self)  # this estimator is changed only when all is done
        X = fitted._check_X(X, reset=not resume, table=table, dtype=self.dtype)
        if not hasattr(fitted, "n_features_in_") or by_y != table:
            table = "series"  # X was none, or y is not for one
        if not resume:
            fitted._forget()
        checked = fitted._check_targets(y, X.lengths, table)
        weights = self._check_weights(sample_weight, X.lengths)
        if resume:
            self._check_like_before(checked)
        else:
            fitted._table = table
            fitted._learn_targets(checked, weights, classes)
        if resume:
            fitted._resume()
        else:
            fitted._initialize(X)
        index, terms = fitted._choose(fitted._make_terms(X, checked, weights))
        callbacks = partial(self._callbacks, fitted, X, y)
        fitted._train(callbacks, terms, index, max_iter)
        for name in ("n_features_in_", "feature_names_in_"):
            vars(self).pop(name, None)
        vars(self).update(vars(fitted))
        return self

    def _initialize(self, X):
        """Set what a model has before its first step."""
        seed = check_random_state(self.random_state).randint(2**31)
        rng = np.random.RandomState(seed)
        self.input_kind_ = X.kind
        self.input_size_ = X.n_tokens if X.kind == "ids" else X.rows.shape[1]
        self._architecture = self._describe()
        with one_blas_thread:
            params = make_network(self._architecture).init_params(rng)
        self._weights = params.flat, params.table
        self._optimizer_state = None
        self._rng_state = rng.get_state()
        self._lr_divisor = 1.0
        self.loss_curve_, self.validation_scores_ = [], None
        self.best_loss_, self.best_validation_score_ = np.inf, None
        self.n_iter_ = 0

    def _describe(self):
        """Return the arguments of `Network` by the present parameters."""
        head, n_outputs = self._outputs
        return {
            "cell": self.cell,
            "activation": self.activation,
            "input_size": self.input_size_,
            "hidden_sizes": _sizes(self.hidden_layer_sizes),
            "n_outputs": n_outputs,
            "bidirectional": bool(self.bidirectional),
            "embedding_dim": self.embedding_dim,
            "pooling": self.pooling,
            "head": head,
            "dropout": _dropout_rates(self.dropout),
            "tied": bool(self.tie_weights),
            "dtype": self.dtype,
        }

    def _resume(self):
        """Check that the fitted network can go on with the present parameters."""
        architecture = self._describe()
        for name, value in self._architecture.items():
            if architecture[name] != value and name != "dropout":
                parameter = {"head": "loss", "tied": "tie_weights"}.get(name, name)
                raise ValueError(
                    f"{parameter} is {architecture[name]!r} now, but {value!r} in the "
                    "model that is to go on: set it back, or fit with warm_start=False."
                )
        self._architecture = architecture

    def _choose(self, terms):
        """Return which sequences to train on, in order, and the terms, weighted."""
        index, data = self._strategy().select(terms.data())
        return index, terms._replace(weights=data.weights)

    def _strategy(self):
        return Independent(self.batch_size, self.shuffle)

    def _train(self, callbacks, terms, index, max_iter):
        """Train on some of the sequences.

        `callbacks` returns from `max_iter` and what training changes what to call
        after each epoch, and after the last.
        """
        max_iter = max_iter or self.max_iter
        rng = np.random.RandomState()
        rng.set_state(self._rng_state)
        n_threads = effective_n_jobs(self.n_jobs)
        network = make_network(self._architecture, n_threads)
        strategy = self._strategy()
        params = self._params().copy()
        optimizer = Optimizer(self._make_rule(), params)
        solver = self.solver, optimizer.rule.n_slots
        if self._optimizer_state is not None and self._optimizer_state[0] == solver:
            optimizer.load(self._optimizer_state[1])
        history = History(
            self.loss_curve_, self.best_loss_, self.validation_scores_, self._lr_divisor
        )
        validate = None
        if self.early_stopping:
            index, held_out = self._hold_out(index, rng)
            validate = self._validator(network, terms.take(held_out))
            terms.weights[terms.of(held_out).rows] = 0
        weights = self._term_weights(terms.targets, terms.weights)
        with np.errstate(over="ignore"):
            weights = weights.astype(self.dtype)
        if not weights.any() or not np.isfinite(weights.sum()):
            raise ValueError(
                "sample_weight times class_weight is zero everywhere, or infinite, in "
                f"{self.dtype}: use weights nearer to 1."
            )
        data, index = strategy.arrange(terms._replace(weights=weights).data(), index)
        on_epoch, finish = callbacks(max_iter, params, history)
        with steady_arithmetic(), worded():
            train(
                network,
                params,
                optimizer,
                data,
                index,
                strategy,
                max_iter=max_iter,
                learning_rate=partial(
                    learning_rate_at,
                    schedule=self.learning_rate,
                    init=self.learning_rate_init,
                    power_t=self.power_t,
                    decay_rate=self.decay_rate,
                    decay_steps=self.decay_steps,
                    decay_start=self.decay_start,
                ),
                adaptive=self.learning_rate == "adaptive",
                tol=self.tol,
                n_iter_no_change=self.n_iter_no_change,
                history=history,
                validate=validate,
                on_epoch=on_epoch,
                shuffle=self.shuffle,
                alpha=self.alpha,
                max_norm=self.max_grad_norm,
                rng=rng,
            )
        self._keep(history.best_params or params, history)
        self._optimizer_state = solver, optimizer.state()
        self._rng_state = rng.get_state()
        finish()

    def _hold_out(self, index, rng):
        return self._strategy().hold_out(index, self.validation_fraction, rng)

    def _make_rule(self):
        """Return the rule of the solver, with its parameters."""
        if self.solver == "sgd":
            return RULES["sgd"](self.momentum, self.nesterovs_momentum)
        return RULES[self.solver]()

    def _validator(self, network, terms):
        """Return a function from parameters to the score on what was held out."""
        X, targets, weights, _ = terms

        def validate(params):
            scores = network.scores(
                params, X.rows, X.offsets, run_all=self._map_threads
            )
            return self._validation_score(scores, targets, weights)

        return validate

    def _callbacks(self, fitted, X, y, max_iter, params, history):
        """Return what to call after each epoch of a copy, `fitted`, and after all."""
        context = self._init_callback_context(max_subtasks=max_iter)
        context.call_on_fit_task_begin(estimator=self, X=X, y=y)
        start = time.perf_counter()

        def attributes(model):
            before, now = vars(self), vars(model).items()
            return {k: v for k, v in now if k not in before or before[k] is not v}

        def after_epoch():
            snapshot = copy.copy(fitted)
            snapshot._keep(params.copy(), history)
            return attributes(snapshot)

        def on_epoch(epoch):
            if self.verbose:
                scores = [f"validation score {s:.4f}" for s in history.scores[-1:]]
                seconds = f"{time.perf_counter() - start:.1f} s"
                loss = f"loss {history.losses[-1]:.5f}"
                print(f"Epoch {epoch + 1}", loss, *scores, seconds, sep=", ")
            task = context.subcontext(task_name="epoch")
            task.call_on_fit_task_begin(estimator=self, X=X, y=y)
            return task.call_on_fit_task_end(
                estimator=self, X=X, y=y, reconstruction_attributes=after_epoch
            )

        def finish():
            context.call_on_fit_task_end(
                estimator=self,
                X=X,
                y=y,
                reconstruction_attributes=lambda: attributes(fitted),
            )

        return on_epoch, finish

    def _keep(self, params, history):
        """Take over what training has left behind."""
        self._weights = params.flat, params.table
        self.loss_curve_, self.best_loss_ = list(history.losses), history.best_loss
        self.n_iter_ = len(history.losses)
        self._lr_divisor = history.lr_divisor
        if history.scores:
            self.validation_scores_ = list(history.scores)
            self.best_validation_score_ = history.best_score

    # --- fitted models ----------------------------------------------------------------

    def _params(self):
        flat, table = self._weights
        return make_network(self._architecture).params(flat, table)

    @property
    def weights_(self):
        """The weights by name, views that share memory with the model.

        D is the number of directions, G the number of gates of the cell, H the size of
        a layer l, counted from 0, K the number of scores of a step or a sequence.

        - ``embedding``, shape (V, embedding_dim), if there is one;
        - ``W0``, shape (D, V, G * H), or with an embedding (D, embedding_dim, G * H),
          input weights; ``W1`` and so on for the layers above, shape (D, D * H, G * H);
        - ``U0`` and so on, shape (D, H, G * H), recurrent weights;
        - ``b0`` and so on, shape (D, G * H), biases;
        - ``e0`` and so on, shape (D, n, H), what else a cell has: the recurrent bias
          of a GRU's candidate, or the three peepholes of an LSTM;
        - ``W_out``, shape (D * H, K), and ``b_out``, shape (K,).
        """
        check_is_fitted(self)
        return self._params().to_dict()

    def _scores(self, X):
        """Return the scores of all terms, and where the sequences begin."""
        if not hasattr(self, "_weights"):
            check_is_fitted(self)  # which takes long
        dtype = self._architecture["dtype"]
        X = self._check_X(X, reset=False, table=self._table, dtype=dtype)
        network = make_network(self._architecture)
        params = network.params(*self._weights)
        with steady_arithmetic():
            scores = network.scores(
                params, X.rows, X.offsets, run_all=self._map_threads
            )
        return scores, X.offsets

    def _map_threads(self, function, items):
        if self.n_jobs in (None, 1):
            return map(function, items)
        return Parallel(n_jobs=self.n_jobs, require="sharedmem")(
            delayed(function)(item) for item in items
        )

    def _upgrade(self, state, saved_as):
        if saved_as == 0 and "_architecture" in state:  # before steps could be pooled
            state["_architecture"] = {"pooling": None, **state["_architecture"]}
        if saved_as < 2:  # before language models
            state.setdefault("decay_start", 0)
            if "_architecture" in state:
                state["_architecture"] = {**state["_architecture"], "tied": False}
        return state

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        tags.target_tags.required = True
        return tags


def _sizes(hidden_layer_sizes):
    """Return the layer sizes as a tuple of positive ints."""
    if isinstance(hidden_layer_sizes, Integral):
        return (int(hidden_layer_sizes),)
    sizes = tuple(hidden_layer_sizes)
    if not sizes or not all(isinstance(H, Integral) and H > 0 for H in sizes):
        raise ValueError(
            f"hidden_layer_sizes must have one positive integer a layer, at least "
            f"one; got {hidden_layer_sizes!r}."
        )
    return tuple(map(int, sizes))


def _dropout_rates(dropout):
    """Return the rates for the inputs and for everything above them."""
    rates = (dropout, dropout) if np.ndim(dropout) == 0 else tuple(dropout)
    if len(rates) != 2 or not all(isinstance(r, Real) and 0 <= r < 1 for r in rates):
        raise ValueError(
            "dropout must be one rate, or two, for the inputs and for between the "
            f"layers, in the range [0, 1); got {dropout!r}."
        )
    return tuple(map(float, rates))
