"""RNNClassifier and RNNRegressor: one label, or some numbers, for each sequence."""

import numpy as np
from sklearn.base import ClassifierMixin, RegressorMixin
from sklearn.callback import with_callbacks

from skrnn._base import BaseRNN
from skrnn._core.pooling import POOLINGS
from skrnn._core.repetition import weighted_moments
from skrnn._docs import shared_docs
from skrnn._labels import LabelRNN
from skrnn._validation import (
    StrOptions,
    check_class_targets,
    check_number_targets,
    fit_context,
)

POOLING = {"pooling": [StrOptions(set(POOLINGS))]}
BIDIRECTIONAL = "Whether every layer reads in both directions."


@shared_docs(
    bidirectional=BIDIRECTIONAL,
    terms="sequences",
    term="sequence",
    unit="in nats",
    score="accuracy",
)
class RNNClassifier(ClassifierMixin, LabelRNN):
    """Recurrent network that gives a label to every sequence.

    For the topic of a text, the speaker of a word, what a sensor has seen, the kind of
    a gene: whatever has one label, or a set of labels, for a whole sequence. The
    outputs of the last layer are pooled over the steps, and a linear layer on top of
    that gives the scores of the classes. It minimises the cross entropy by
    backpropagation through time over whole sequences of any length; nothing is padded.

    Parameters
    ----------
    pooling : {"last", "mean", "max"}, default="last"
        What the label is told from: the output after the last step that each direction
        reads, which for the one that reads backwards is the first of the sequence; or
        the mean, or of each unit the largest value, of the outputs of all steps.
    %(cell)s
    %(bidirectional)s
    %(layers)s
    %(training)s
    %(class_weight)s
    %(run)s

    Attributes
    ----------
    classes_ : ndarray of shape (K,)
        The labels; for a multi-label target the numbers of the columns.
    multilabel_ : bool
        Whether the target had rows of 0 and 1.
    %(fitted)s

    See Also
    --------
    RNNRegressor : Numbers in place of labels.
    RNNTagger : One label for each step.
    VocabularyEncoder : Turns tokens into the ids that this estimator takes.

    Notes
    -----
    The target y has one label for each sequence, or, for several labels each, is an
    array of shape (n, K) of 0 and 1. Two classes, and multi-label targets, are learned
    by the logistic loss of a sigmoid; more classes by that of a softmax.

    A 2-D array is read as n univariate series of one length, and so is a list of
    equally long lists of floats. Predictions for a 2-D array are then only made if it
    has as many columns; sequences of other lengths can be passed as a list of arrays.

    References
    ----------
    Hochreiter, S. and Schmidhuber, J. (1997). Long short-term memory. Neural
    Computation 9(8).

    Graves, A. (2012). Supervised sequence labelling with recurrent neural networks.
    Springer.

    Examples
    --------
    Does a sequence begin and end with the same token?

    >>> import numpy as np
    >>> from skrnn import RNNClassifier
    >>> rng = np.random.RandomState(0)
    >>> X = [rng.randint(2, size=length) for length in rng.randint(2, 9, size=300)]
    >>> y = ["same" if x[0] == x[-1] else "other" for x in X]
    >>> model = RNNClassifier(hidden_layer_sizes=16, random_state=0)
    >>> model.fit(X[:200], y[:200]).score(X[200:], y[200:]) > 0.95
    True
    >>> model.predict([[1, 0, 0, 1], [0, 1]])
    array(['same', 'other'], dtype='<U5')
    """

    _parameter_constraints: dict = {**LabelRNN._parameter_constraints, **POOLING}

    def __init__(
        self,
        *,
        pooling="last",
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
        class_weight=None,
        random_state=None,
        n_jobs=None,
        verbose=False,
        dtype="float32",
    ):
        super().__init__(
            pooling=pooling,
            cell=cell,
            hidden_layer_sizes=hidden_layer_sizes,
            bidirectional=bidirectional,
            activation=activation,
            embedding_dim=embedding_dim,
            dropout=dropout,
            solver=solver,
            learning_rate=learning_rate,
            learning_rate_init=learning_rate_init,
            power_t=power_t,
            decay_rate=decay_rate,
            decay_steps=decay_steps,
            decay_start=decay_start,
            momentum=momentum,
            nesterovs_momentum=nesterovs_momentum,
            alpha=alpha,
            max_grad_norm=max_grad_norm,
            batch_size=batch_size,
            max_iter=max_iter,
            shuffle=shuffle,
            tol=tol,
            early_stopping=early_stopping,
            validation_fraction=validation_fraction,
            n_iter_no_change=n_iter_no_change,
            warm_start=warm_start,
            class_weight=class_weight,
            random_state=random_state,
            n_jobs=n_jobs,
            verbose=verbose,
            dtype=dtype,
        )

    def _check_targets(self, y, lengths, table):
        return check_class_targets(y, len(lengths))

    def predict(self, X):
        """Predict the label of each sequence.

        Parameters
        ----------
        X : container of n sequences
            As in `fit`.

        Returns
        -------
        ndarray of shape (n,), or (n, K) of 0 and 1 for a multi-label target
            The labels.
        """
        decided = self._decide(self._scores(X)[0])
        return decided if self.multilabel_ else self.classes_[decided]

    def decision_function(self, X):
        """Compute the scores that are compared to choose a label.

        Parameters
        ----------
        X : container of n sequences
            As in `fit`.

        Returns
        -------
        ndarray of shape (n, K), or with two classes (n,)
            The scores; with two classes the log-odds of ``classes_[1]``.
        """
        scores, _ = self._scores(X)
        return scores[:, 0] if self._two_classes else scores

    def predict_proba(self, X):
        """Compute the probability of each label.

        Parameters
        ----------
        X : container of n sequences
            As in `fit`.

        Returns
        -------
        ndarray of shape (n, K)
            The columns, float64, are in the order of `classes_`. Rows sum to 1, or
            for a multi-label target are the probabilities of K independent labels.
        """
        return self._head(self._scores(X)[0], "proba")

    def predict_log_proba(self, X):
        """Compute the logarithm of the probability of each label.

        Parameters
        ----------
        X : container of n sequences
            As in `fit`.

        Returns
        -------
        ndarray of shape (n, K)
        """
        return self._head(self._scores(X)[0], "log_proba")

    def score(self, X, y, sample_weight=None):
        """Compute the accuracy: the share of sequences whose label is right.

        Parameters
        ----------
        X : container of n sequences
            As in `fit`.
        y : array-like of n labels, or of shape (n, K)
            As in `fit`. A label that was never seen in `fit` counts as not predicted.
            Of a multi-label target the whole row must be right.
        sample_weight : array-like of shape (n,), default=None
            How much each sequence counts.

        Returns
        -------
        float
        """
        return self._score(X, y, sample_weight, "series")

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags


@shared_docs(
    bidirectional=BIDIRECTIONAL,
    terms="sequences",
    term="sequence",
    unit="see `loss`",
    score="explained share of the variance that the targets\n    had in the first fit,",
)
class RNNRegressor(RegressorMixin, BaseRNN):
    """Recurrent network that predicts one or several numbers for every sequence.

    The outputs of the last layer are pooled over the steps, and a linear layer on top
    of that predicts the targets, which are standardised for training. It is trained by
    backpropagation through time over whole sequences of any length; nothing is padded.

    Parameters
    ----------
    pooling : {"last", "mean", "max"}, default="last"
        What is predicted from: the output after the last step that each direction
        reads, which for the one that reads backwards is the first of the sequence; or
        the mean, or of each unit the largest value, of the outputs of all steps.
    loss : {"squared_error", "absolute_error"}, default="squared_error"
        What is minimised, for standardised targets and summed over these: half the
        squared error, which leads to the mean of what may be expected, or the absolute
        error, which leads to the median and minds outliers less.
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
        The standard deviation of each target there, 1 if it is 0.
    %(fitted)s

    See Also
    --------
    RNNClassifier : Labels in place of numbers.

    Notes
    -----
    The target y has shape (n,), or (n, K) for K numbers each. Its scale does not
    matter; that of the inputs does: :class:`~skrnn.preprocessing.Stepwise` applies a
    ``StandardScaler`` to their steps. A 2-D array is read as n univariate series.

    The first call of `partial_fit` settles the mean and scale of the targets.

    References
    ----------
    Hochreiter, S. and Schmidhuber, J. (1997). Long short-term memory. Neural
    Computation 9(8).

    Examples
    --------
    The sum of a series:

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
        super().__init__(
            pooling=pooling,
            loss=loss,
            cell=cell,
            hidden_layer_sizes=hidden_layer_sizes,
            bidirectional=bidirectional,
            activation=activation,
            embedding_dim=embedding_dim,
            dropout=dropout,
            solver=solver,
            learning_rate=learning_rate,
            learning_rate_init=learning_rate_init,
            power_t=power_t,
            decay_rate=decay_rate,
            decay_steps=decay_steps,
            decay_start=decay_start,
            momentum=momentum,
            nesterovs_momentum=nesterovs_momentum,
            alpha=alpha,
            max_grad_norm=max_grad_norm,
            batch_size=batch_size,
            max_iter=max_iter,
            shuffle=shuffle,
            tol=tol,
            early_stopping=early_stopping,
            validation_fraction=validation_fraction,
            n_iter_no_change=n_iter_no_change,
            warm_start=warm_start,
            random_state=random_state,
            n_jobs=n_jobs,
            verbose=verbose,
            dtype=dtype,
        )

    @with_callbacks
    @fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X, y, sample_weight=None):
        """Go once through X and y, starting from the present weights.

        Calls on the same data continue exactly where the last one ended, also after
        the estimator was pickled.

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

    def _check_targets(self, y, lengths, table):
        return check_number_targets(y, len(lengths))

    def _learn_targets(self, y, weights, classes):
        columns = y.reshape(len(y), -1).T
        moments = [weighted_moments(column, weights) for column in columns]
        self.target_mean_, self.target_scale_ = np.array(moments).T.copy()
        self._one_target = y.ndim == 1

    @property
    def _outputs(self):
        return self.loss, len(self.target_mean_)

    def _check_like_before(self, y):
        n_targets = y.reshape(len(y), -1).shape[1]
        if n_targets != len(self.target_mean_) or (y.ndim == 1) != self._one_target:
            raise ValueError(
                f"y has shape {y.shape}, but the model was fitted on "
                f"{len(self.target_mean_)} target(s): give it as many."
            )

    def _encode_targets(self, y, offsets, used):
        standardised = (y.reshape(len(y), -1) - self.target_mean_) / self.target_scale_
        with np.errstate(over="ignore"):  # of what has no weight
            return standardised.astype(self.dtype)

    def _validation_score(self, scores, targets, weights):
        errors = np.square(scores - targets, dtype=np.float64).mean(axis=1)
        return 1 - float(np.average(errors, weights=weights))

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
