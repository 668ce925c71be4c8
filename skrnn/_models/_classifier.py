"""RNNClassifier: one label for each sequence."""

from sklearn.base import ClassifierMixin

from skrnn._models._docs import BIDIRECTIONAL_WORDS, POOLING, shared_docs
from skrnn._models._labels import LabelRNN
from skrnn._validation import check_class_targets, check_weights


@shared_docs(
    bidirectional=BIDIRECTIONAL_WORDS,
    terms="sequences",
    term="sequence",
    unit="in nats",
    score="accuracy",
)
class RNNClassifier(ClassifierMixin, LabelRNN):
    """Recurrent network that predicts a label for every sequence.

    Typical targets are the topic of a text, the speaker of a word, the event that a
    sensor recorded and the class of a gene: one label, or a set of labels, for a whole
    sequence. The outputs of the last layer are pooled over the steps, and a linear
    layer computes the scores of the classes from the result. Training minimises the
    cross entropy by backpropagation through time over whole sequences of any length,
    without padding.

    Parameters
    ----------
    pooling : {"last", "mean", "max"}, default="last"
        How the outputs of the last layer become one vector. "last" takes the output
        after the last step that each direction reads, which for the backward direction
        is the first step of the sequence; "mean" and "max" take the mean, or the
        largest value of each unit, over all steps.
    %(cell)s
    %(bidirectional)s
    %(layers)s
    %(training)s
    %(class_weight)s
    %(run)s

    Attributes
    ----------
    classes_ : ndarray of shape (K,)
        The labels; for a multi-label target the indices of its columns.
    multilabel_ : bool
        Whether the target had rows of 0 and 1.
    %(fitted)s

    See Also
    --------
    RNNRegressor : Predicts numbers.
    RNNTagger : Predicts a label for each step.
    VocabularyEncoder : Encodes tokens as ids, an input of this estimator.

    Notes
    -----
    The target y has one label for each sequence, or, for several labels each, is an
    array of shape (n, K) of 0 and 1. Two classes, and multi-label targets, are learned
    by the logistic loss of a sigmoid; more classes by that of a softmax.

    A 2-D array is read as n univariate series of one length, and so is a list of
    equally long lists of floats. A 2-D array passed to `predict` must then have as many
    columns; sequences of other lengths can be passed as a list of arrays.

    References
    ----------
    Hochreiter, S. and Schmidhuber, J. (1997). Long short-term memory. Neural
    Computation 9(8).

    Graves, A. (2012). Supervised sequence labelling with recurrent neural networks.
    Springer.

    Examples
    --------
    The label says whether a sequence begins and ends with the same token:

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

    __module__ = "skrnn"

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
        self._set_params(locals())

    def _check_y(self, X, y, sample_weight, reset):
        y = check_class_targets(y, len(X))
        return y, check_weights(sample_weight, len(X))

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
        scores, X = self._scores(X)
        return self._predict(scores, X.offsets)

    def decision_function(self, X):
        """Compute the scores of the labels.

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
        return scores[:, 0] if self._is_binary else scores

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
        return self._proba(self._scores(X)[0], "proba")

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
        return self._proba(self._scores(X)[0], "log_proba")

    def score(self, X, y, sample_weight=None):
        """Compute the accuracy: the share of sequences whose label is right.

        Parameters
        ----------
        X : container of n sequences
            As in `fit`.
        y : array-like of n labels, or of shape (n, K)
            As in `fit`. A label that was not in those of `fit` counts as an error. For
            a multi-label target the whole row must be right.
        sample_weight : array-like of shape (n,), default=None
            The weight of each sequence.

        Returns
        -------
        float
        """
        return self._score(X, y, sample_weight)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags
