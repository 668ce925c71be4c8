"""RNNRegressor: one number, or several, for each sequence."""

import numpy as np
from sklearn.base import RegressorMixin
from sklearn.callback import with_callbacks

from skrnn._core.batching import Data
from skrnn._core.repetition import weighted_moments
from skrnn._models._base import BaseRNN
from skrnn._models._docs import BIDIRECTIONAL_WORDS, POOLING, shared_docs
from skrnn._validation import (
    StrOptions,
    check_number_targets,
    check_weights,
    fit_context,
)


@shared_docs(
    bidirectional=BIDIRECTIONAL_WORDS,
    terms="sequences",
    term="sequence",
    unit="see `loss`",
    score="explained share of the variance that the targets\n    had in the first fit,",
)
class RNNRegressor(RegressorMixin, BaseRNN):
    """Recurrent network that predicts one or several numbers for every sequence.

    The outputs of the last layer are pooled over the steps, and a linear layer predicts
    the targets, standardised for training, from the result. Training uses
    backpropagation through time over whole sequences of any length, without padding.

    Parameters
    ----------
    pooling : {"last", "mean", "max"}, default="last"
        How the outputs of the last layer become one vector. "last" takes the output
        after the last step that each direction reads, which for the backward direction
        is the first step of the sequence; "mean" and "max" take the mean, or the
        largest value of each unit, over all steps.
    loss : {"squared_error", "absolute_error"}, default="squared_error"
        The loss that training minimises, for standardised targets and summed over
        them: half the squared error, whose minimum is the conditional mean, or the
        absolute error, whose minimum is the conditional median and which is less
        sensitive to outliers.
    %(cell)s
    %(bidirectional)s
    %(layers)s
    %(training)s
    %(run)s

    Attributes
    ----------
    target_mean_ : ndarray of shape (K,)
        The mean of each target in the first fit.
    target_scale_ : ndarray of shape (K,)
        The standard deviation of each target in the first fit; 1 where it is 0.
    %(fitted)s

    See Also
    --------
    RNNClassifier : Predicts labels.

    Notes
    -----
    The target y has shape (n,), or (n, K) for K numbers per sequence. Its scale does
    not matter, but that of the inputs does: :class:`~skrnn.preprocessing.Stepwise`
    applies a ``StandardScaler`` to their steps. A 2-D array is read as n univariate
    series.

    The first call of `partial_fit` determines the mean and scale of the targets.

    References
    ----------
    Hochreiter, S. and Schmidhuber, J. (1997). Long short-term memory. Neural
    Computation 9(8).

    Examples
    --------
    The target is the sum of a series:

    >>> import numpy as np
    >>> from skrnn import RNNRegressor
    >>> rng = np.random.RandomState(0)
    >>> X = [rng.uniform(-1, 1, size=length) for length in rng.randint(1, 9, size=300)]
    >>> y = [x.sum() for x in X]
    >>> model = RNNRegressor(hidden_layer_sizes=16, random_state=0)
    >>> model.fit(X[:200], y[:200]).score(X[200:], y[200:]) > 0.95
    True
    >>> model.predict([[0.5, 0.25], [0.0, 0.75, 0.5, -0.25]]).round(1)
    array([0.8, 1. ])
    """

    _parameter_constraints: dict = {
        **BaseRNN._parameter_constraints,
        **POOLING,
        "loss": [StrOptions({"squared_error", "absolute_error"})],
    }

    __module__ = "skrnn"

    def __init__(
        self,
        *,
        pooling="last",
        loss="squared_error",
        cell="lstm",
        hidden_layer_sizes=(100,),
        bidirectional=True,
        activation="tanh",
        embedding_dim=None,
        dropout=0.0,
        solver="adam",
        learning_rate="constant",
        learning_rate_init=0.005,
        power_t=0.5,
        decay_rate=0.5,
        decay_steps=1,
        decay_start=0,
        momentum=0.9,
        nesterovs_momentum=True,
        alpha=0.0,
        max_grad_norm=5.0,
        batch_size=32,
        max_iter=50,
        shuffle=True,
        tol=1e-4,
        early_stopping=False,
        validation_fraction=0.1,
        n_iter_no_change=10,
        warm_start=False,
        random_state=None,
        n_jobs=None,
        verbose=False,
        dtype="float32",
    ):
        self._set_params(locals())

    @with_callbacks
    @fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X, y, sample_weight=None):
        """Train for one epoch, starting from the present weights.

        Repeated calls on the same data are equivalent to the epochs of `fit`, also if
        the estimator is pickled between them.

        Parameters
        ----------
        X, y, sample_weight
            As in `fit`.

        Returns
        -------
        self : object
            The fitted estimator.

        Raises
        ------
        ValueError
            If `early_stopping` is True, or as in `fit`.
        """
        return self._partial_fit(X, y, sample_weight)

    def _check_y(self, X, y, sample_weight, reset):
        y = check_number_targets(y, len(X))
        return y, check_weights(sample_weight, len(X))

    def _fit_y(self, X, y, weights, classes, reset):
        if not reset:
            return
        columns = y.reshape(len(y), -1).T
        moments = [weighted_moments(column, weights) for column in columns]
        self.target_mean_, self.target_scale_ = np.array(moments).T.copy()
        self._one_target = y.ndim == 1

    def _network_spec(self):
        return self._shared_spec() | {
            "n_outputs": len(self.target_mean_),
            "pooling": self.pooling,
            "head": self.loss,
            "tied": False,
        }

    def _encode(self, X, y, weights):
        K = len(self.target_mean_)
        y_columns = y.reshape(len(y), -1)
        if y_columns.shape[1] != K:
            fitted = "1 target" if K == 1 else f"{K} targets"
            shape = "(n,)" if self._one_target else f"(n, {K})"
            raise ValueError(
                f"y has shape {y.shape}, but the model was fitted on {fitted}: pass y "
                f"of shape {shape}."
            )
        standardised = (y_columns - self.target_mean_) / self.target_scale_
        with np.errstate(over="ignore"):  # in targets of weight 0
            targets = standardised.astype(self.dtype)
        return Data(X.rows, X.offsets, targets, weights, np.arange(len(X) + 1))

    def _scorer(self, network, data):
        def validate(params):
            scores = network.scores(
                params, data.rows, data.offsets, run_all=self._map_threads
            )
            errors = np.square(scores - data.targets, dtype=np.float64).mean(axis=1)
            return 1 - float(np.average(errors, weights=data.weights))

        return validate

    def predict(self, X):
        """Predict the target of each sequence.

        Parameters
        ----------
        X : container of n sequences
            As in `fit`.

        Returns
        -------
        ndarray of shape (n,) or (n, K)
            The predictions, float64, of the shape that y had.
        """
        scores, _ = self._scores(X)
        y = scores * self.target_scale_ + self.target_mean_
        return y[:, 0] if self._one_target else y

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags
