"""Base class of the recurrent estimators: parameters, `fit`, scores."""

from abc import ABCMeta, abstractmethod
from contextlib import contextmanager
from functools import partial
from numbers import Integral, Real

import numpy as np
from joblib import Parallel, delayed, effective_n_jobs
from sklearn.callback import CallbackSupportMixin, with_callbacks
from sklearn.utils import check_random_state, get_tags

from skrnn._core import make_network
from skrnn._core.batching import Independent, Stream
from skrnn._core.cells import CELLS
from skrnn._core.heads import HEADS
from skrnn._core.optimizers import RULES, Optimizer, learning_rate_at
from skrnn._core.training import Diverged, History, train
from skrnn._estimator import Estimator, all_or_nothing
from skrnn._models._blas import deterministic_arithmetic, one_blas_thread
from skrnn._models._callbacks import FitReport
from skrnn._validation import (
    Interval,
    StrOptions,
    callback_context,
    check_is_fitted,
    check_sequences,
    fit_context,
)

# User's names of entries of a network's specification, where they differ.
PARAMETERS = {
    "hidden_sizes": "hidden_layer_sizes",
    "head": "loss",
    "tied": "tie_weights",
    "input_size": "stream",
}


class BaseRNN(CallbackSupportMixin, Estimator, metaclass=ABCMeta):
    """Base class of the recurrent estimators.

    A subclass defines its targets by six hooks. `_fit_y` sets attributes and returns
    nothing; the others return something and change nothing:

    - `_input_rules(y)`: options of `check_sequences`, such as the layout of a 2-D X;
    - `_check_y(X, y, sample_weight, reset)`: validated targets, and their weights;
    - `_fit_y(X, y, weights, classes, reset)`: learn classes, means and the like;
    - `_network_spec()`: the arguments of `make_network`;
    - `_encode(X, y, weights)`: the training data, as `Data`;
    - `_scorer(network, data)`: a function from weights to the validation score.
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

    # Values of parameters that a subclass does not have.
    pooling = None
    tie_weights = False
    stream = False

    @abstractmethod
    def __init__(self, **params):
        self._set_params(params)

    def _set_params(self, params):
        """Store the parameters, given as the `locals()` of a constructor."""
        names = [name for name in params if name not in ("self", "__class__")]
        vars(self).update((name, params[name]) for name in names)

    # --- hooks ------------------------------------------------------------------------

    def _input_rules(self, y=None):
        """Return options of `check_sequences`; y is None once the model is fitted."""
        return {"layout": "series"}

    @abstractmethod
    def _check_y(self, X, y, sample_weight, reset):
        """Return the validated targets, and the weight of each.

        `reset` is False where targets must be like those that the model was fitted on.
        """

    @abstractmethod
    def _fit_y(self, X, y, weights, classes, reset):
        """Set the attributes by which targets are encoded; all of them if `reset`.

        y and the weights are those that `_check_y` returned. `classes` are those that
        partial_fit was given, if any.
        """

    @abstractmethod
    def _network_spec(self):
        """Return the arguments of `make_network` by the present parameters."""

    @abstractmethod
    def _encode(self, X, y, weights):
        """Return the training data as `Data`."""

    @abstractmethod
    def _scorer(self, network, data):
        """Return a function from weights to the score of held-out data."""

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
            A sequence of weight w counts as if it were given w times. Estimators with
            a target for each step also take n arrays, a weight for each step.

        Returns
        -------
        self : object
            The fitted estimator.

        Raises
        ------
        ValueError
            If X, y or a parameter is invalid; a model fitted before is left unchanged.
        FloatingPointError
            If the loss, its gradient or a weight becomes infinite or NaN; a model
            fitted before is left unchanged.
        """
        return self._fit(X, y, sample_weight, resume=self.warm_start)

    def _partial_fit(self, X, y, sample_weight, classes=None):
        """Train for one epoch, starting from the present weights."""
        if self.early_stopping:
            raise ValueError(
                "partial_fit does not support early_stopping=True: there is no "
                "validation split of partial data. Set early_stopping=False or call "
                "fit."
            )
        return self._fit(X, y, sample_weight, resume=True, max_iter=1, classes=classes)

    def _fit(self, X, y, sample_weight, *, resume, max_iter=None, classes=None):
        max_iter = max_iter or self.max_iter
        resume = resume and hasattr(self, "input_size_")
        context = callback_context(self, max_subtasks=max_iter)
        with all_or_nothing(self) as model:
            data = model._prepare(X, y, sample_weight, classes, reset=not resume)
            network = model._network(effective_n_jobs(self.n_jobs))
            params, optimizer, history, rng = model._training_state()
            batches = model._batches()
            index, data = batches.select(data)
            validate = None
            if self.early_stopping:
                index, held_out = batches.hold_out(index, self.validation_fraction, rng)
                validate = model._scorer(network, data.take(held_out))
                data.weights[data.terms_of(held_out)] = 0
            data, index = batches.arrange(model._with_loss_weights(data), index)
            report = FitReport(context, self, model, X, y, params, history)
            with deterministic_arithmetic(), remedies_of_divergence():
                train(
                    network,
                    params,
                    optimizer,
                    data,
                    index,
                    batches,
                    max_iter=max_iter,
                    learning_rate=model._learning_rate(),
                    adaptive=self.learning_rate == "adaptive",
                    tol=self.tol,
                    n_iter_no_change=self.n_iter_no_change,
                    history=history,
                    validate=validate,
                    on_epoch=report.on_epoch,
                    alpha=self.alpha,
                    max_norm=self.max_grad_norm,
                    rng=rng,
                    shuffle=self.shuffle,
                )
            model._store_training(history.best_params or params, history)
            model._optimizer_state = model._solver(optimizer), optimizer.state()
            model._rng_state = rng.get_state()
            report.finish()
        return self

    def _prepare(self, X, y, sample_weight, classes, *, reset):
        """Validate the arguments of `fit`; return the training data.

        With `reset` targets are learned and weights initialised, else both are kept.
        """
        if y is None and get_tags(self).target_tags.required:
            raise ValueError(
                f"This {type(self).__name__} estimator requires y to be passed, but "
                "the target y is None."
            )
        rules = self._input_rules(y) if reset else self._input_rules()
        X = check_sequences(self, X, reset=reset, dtype=self.dtype, **rules)
        y, weights = self._check_y(X, y, sample_weight, reset)
        self._fit_y(X, y, weights, classes, reset)
        if not reset:
            self._check_same_network()
            return self._encode(X, y, weights)
        self._initialize(X)
        data = self._encode(X, y, weights)
        self._network().head.fill(self._params(), data)
        return data

    def _initialize(self, X):
        """Set the initial weights, and the attributes that training extends."""
        seed = check_random_state(self.random_state).randint(2**31)
        rng = np.random.RandomState(seed)
        self.input_kind_ = X.kind
        self.input_size_ = X.n_tokens if X.kind == "ids" else X.rows.shape[1]
        self._layout = X.layout or "series"
        self._architecture = self._network_spec()
        with one_blas_thread:
            params = self._network().init_params(rng)
        self._weights = params.flat, params.table
        self._optimizer_state = None
        self._rng_state = rng.get_state()
        self._lr_divisor = 1.0
        self.loss_curve_, self.validation_scores_ = [], None
        self.best_loss_, self.best_validation_score_ = np.inf, None
        self.n_iter_ = 0

    def _shared_spec(self):
        """Return the entries that the specifications of all networks have."""
        return {
            "cell": self.cell,
            "activation": self.activation,
            "input_size": self.input_size_,
            "hidden_sizes": _sizes(self.hidden_layer_sizes),
            "bidirectional": bool(self.bidirectional),
            "embedding_dim": self.embedding_dim,
            "dropout": _dropout_rates(self.dropout),
            "dtype": self.dtype,
        }

    def _check_same_network(self):
        """Check that the fitted network has the present parameters."""
        spec, fitted = self._network_spec(), self._architecture
        for name in sorted(spec, key="input_size".__eq__):  # last: others determine it
            if spec[name] != fitted[name] and name != "dropout":
                parameter, before = PARAMETERS.get(name, name), fitted[name]
                if parameter == "stream":
                    before = not self.stream
                raise ValueError(
                    f"{parameter}={getattr(self, parameter)!r} differs from "
                    f"{before!r}, which this model was fitted with. warm_start and "
                    "partial_fit cannot change the network: restore it, or fit with "
                    "warm_start=False."
                )
        self._architecture = spec

    def _training_state(self):
        """Return weights, optimiser, history and generator to train with."""
        params = self._params().copy()
        rng = np.random.RandomState()
        rng.set_state(self._rng_state)
        rule = RULES[self.solver]
        if self.solver == "sgd":
            rule = partial(rule, self.momentum, self.nesterovs_momentum)
        optimizer = Optimizer(rule(), params)
        state = self._optimizer_state
        if state is not None and state[0] == self._solver(optimizer):
            optimizer.load(state[1])
        history = History(
            self.loss_curve_, self.best_loss_, self.validation_scores_, self._lr_divisor
        )
        return params, optimizer, history, rng

    def _solver(self, optimizer):
        """Return the key by which a saved state fits an optimiser."""
        return self.solver, optimizer.rule.n_slots

    def _learning_rate(self):
        """Return a function from the number of an epoch to its learning rate."""
        return partial(
            learning_rate_at,
            schedule=self.learning_rate,
            init=self.learning_rate_init,
            power_t=self.power_t,
            decay_rate=self.decay_rate,
            decay_steps=self.decay_steps,
            decay_start=self.decay_start,
        )

    def _batches(self):
        """Return the strategy by which data become batches."""
        if self.stream:
            return Stream(self.batch_size, self.bptt)
        return Independent(self.batch_size, self.shuffle)

    def _with_loss_weights(self, data):
        """Return the data with the weights of the loss, of the model's dtype."""
        weights = data.weights
        if data.reweight is not None:
            weights = data.reweight(data.targets, weights)
        with np.errstate(over="ignore"):
            weights = weights.astype(self.dtype)
        if not weights.any() or not np.isfinite(weights.sum()):
            raise ValueError(
                "All weights (sample_weight x class_weight) become zero or infinite in "
                f"{self.dtype}. Rescale them to about 1."
            )
        return data._replace(weights=weights)

    def _store_training(self, params, history):
        """Set the weights, and the attributes that say how training went."""
        self._weights = params.flat, params.table
        self.loss_curve_, self.best_loss_ = list(history.losses), history.best_loss
        self.n_iter_ = len(history.losses)
        self._lr_divisor = history.lr_divisor
        if history.scores:
            self.validation_scores_ = list(history.scores)
            self.best_validation_score_ = history.best_score

    # --- fitted models ----------------------------------------------------------------

    def _network(self, n_threads=1):
        return make_network(self._architecture, n_threads=n_threads)

    def _head(self):
        return HEADS[self._architecture["head"]]()

    def _params(self):
        return self._network().params(*self._weights)

    @property
    def weights_(self):
        """The weights by name, views that share memory with the model.

        D is the number of directions, G the number of gates of the cell, H the size of
        layer l, counted from 0, K the number of scores per step or sequence.

        - ``embedding``, shape (V, embedding_dim), if there is one;
        - ``W0``, shape (D, V, G * H), or with an embedding (D, embedding_dim, G * H),
          input weights; ``W1`` and so on for the layers above, shape (D, D * H, G * H);
        - ``U0`` and so on, shape (D, H, G * H), recurrent weights;
        - ``b0`` and so on, shape (D, G * H), biases;
        - ``e0`` and so on, shape (D, n, H), extra weights of a cell: the recurrent bias
          of a GRU's candidate, or the three peepholes of an LSTM;
        - ``W_out``, shape (D * H, K), and ``b_out``, shape (K,).
        """
        check_is_fitted(self)
        return self._params().to_dict()

    def _check_fitted_X(self, X):
        """Return X as `Sequences` like those of `fit`."""
        if not hasattr(self, "_weights"):
            check_is_fitted(self)  # slow (inspects all attributes): called to raise
        dtype = self._architecture["dtype"]
        return check_sequences(self, X, reset=False, dtype=dtype, **self._input_rules())

    def _scores(self, X):
        """Return the scores of all terms, and X as `Sequences`."""
        X = self._check_fitted_X(X)
        network = self._network()
        params = network.params(*self._weights)
        with deterministic_arithmetic():
            scores = network.scores(
                params, X.rows, X.offsets, run_all=self._map_threads
            )
        return scores, X

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
        if saved_as < 3 and "_table" in state:
            state["_layout"] = state.pop("_table")
        return state

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        tags.target_tags.required = True
        return tags


@contextmanager
def remedies_of_divergence():
    """Say which parameters to change where training diverges."""
    try:
        yield
    except Diverged as error:
        raise FloatingPointError(
            f"Training diverged in epoch {error.epoch + 1}: the {error.what} is not "
            f"finite. Try a smaller learning_rate_init (the rate was {error.rate:.3g}),"
            " a smaller max_grad_norm, or inputs scaled to about unit variance."
        ) from None


def _sizes(hidden_layer_sizes):
    """Return the layer sizes as a tuple of positive ints."""
    if isinstance(hidden_layer_sizes, Integral):
        return (int(hidden_layer_sizes),)
    sizes = tuple(hidden_layer_sizes)
    if not sizes or not all(isinstance(H, Integral) and H > 0 for H in sizes):
        raise ValueError(
            f"hidden_layer_sizes must have one positive integer per layer, at least "
            f"one; got {hidden_layer_sizes!r}."
        )
    return tuple(map(int, sizes))


def _dropout_rates(dropout):
    """Return the dropout rates of the inputs and of the layers above."""
    rates = (dropout, dropout) if np.ndim(dropout) == 0 else tuple(dropout)
    if len(rates) != 2 or not all(isinstance(r, Real) and 0 <= r < 1 for r in rates):
        raise ValueError(
            "dropout must be one rate, or two, for the inputs and for between the "
            f"layers, in the range [0, 1); got {dropout!r}."
        )
    return tuple(map(float, rates))
