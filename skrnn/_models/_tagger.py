"""RNNTagger: one label for each step of a sequence."""

from skrnn._models._docs import shared_docs
from skrnn._models._labels import LabelRNN
from skrnn._sequences import as_items
from skrnn._validation import check_step_targets, check_step_weights, targets_as_list


@shared_docs(
    bidirectional="Whether every layer reads in both directions. With False a label "
    "depends only\n    on the steps up to its own.",
    terms="steps",
    term="step",
    unit="in nats",
    score="token accuracy",
)
class RNNTagger(LabelRNN):
    """Recurrent network that predicts a label for every step of a sequence.

    Typical targets are named entities, parts of speech, phonemes of speech frames and
    structures of protein residues: one label, or a set of labels, for each step. By
    default the network reads in both directions, so that a label depends on all steps
    before and after its own. Training minimises the cross entropy summed over steps, by
    backpropagation through time over whole sequences of any length, without padding.

    Parameters
    ----------
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
    VocabularyEncoder : Encodes tokens as ids, an input of this estimator.
    SequenceOneHotEncoder : Encodes tokens as rows that can be joined with others.

    Notes
    -----
    The target y has an array or list of T_i labels for each sequence, labels being any
    hashable objects; or, for multi-label steps, an array of shape (T_i, K) of 0 and 1.
    Two classes, and multi-label steps, are learned by the logistic loss of a sigmoid;
    more classes by that of a softmax.

    The type of this estimator is not scikit-learn's classifier, which has one label per
    sample: scorers named by strings, such as ``scoring="f1_macro"``, do not apply. Use
    those of :mod:`skrnn.metrics`.

    A 2-D X is read as n univariate series, unless y is one-dimensional, with a single
    label per row: X is then read as n sequences of one step with d features, and
    predictions are arrays of shape (n,) and (n, K).

    References
    ----------
    Schuster, M. and Paliwal, K. K. (1997). Bidirectional recurrent neural networks.
    IEEE Transactions on Signal Processing 45(11).

    Graves, A. and Schmidhuber, J. (2005). Framewise phoneme classification with
    bidirectional LSTM and other neural network architectures. Neural Networks 18.

    Examples
    --------
    The label of each step is whether more ones than zeros were seen so far:

    >>> import numpy as np
    >>> from skrnn import RNNTagger
    >>> rng = np.random.RandomState(0)
    >>> X = [rng.randint(2, size=length) for length in rng.randint(1, 12, size=200)]
    >>> y = [np.cumsum(2 * x - 1) > 0 for x in X]
    >>> tagger = RNNTagger(hidden_layer_sizes=16, bidirectional=False, random_state=0)
    >>> tagger.fit(X[:150], y[:150]).score(X[150:], y[150:]) > 0.95
    True
    >>> tagger.predict([[1, 0, 0, 1, 1]])[0]
    array([ True, False, False, False,  True])
    """

    __module__ = "skrnn"

    def __init__(
        self,
        *,
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

    def _input_rules(self, y=None):
        if y is None:
            return {"layout": self._layout}
        return {"layout": "steps" if has_single_labels(y) else "series"}

    def _check_y(self, X, y, sample_weight, reset):
        single = X.layout == "steps" and has_single_labels(y)
        y = check_step_targets(y, X.lengths, single=single)
        return y, check_step_weights(sample_weight, X.lengths)

    # --- fitted models ----------------------------------------------------------------

    def predict(self, X):
        """Predict the label of each step.

        Parameters
        ----------
        X : container of n sequences
            As in `fit`.

        Returns
        -------
        ndarray of shape (n,) of objects
            Item i is an array of T_i labels, or for a multi-label target an array of
            shape (T_i, K) of 0 and 1.
        """
        scores, X = self._scores(X)
        return by_sequence(self._predict(scores, X.offsets), X)

    def decision_function(self, X):
        """Compute the scores of the labels at each step.

        Parameters
        ----------
        X : container of n sequences
            As in `fit`.

        Returns
        -------
        ndarray of shape (n,) of objects
            Item i has shape (T_i, K), or with two classes (T_i,): the log-odds of
            ``classes_[1]``.
        """
        scores, X = self._scores(X)
        return by_sequence(scores[:, 0] if self._is_binary else scores, X)

    def predict_proba(self, X):
        """Compute the probability of each label at each step.

        Parameters
        ----------
        X : container of n sequences
            As in `fit`.

        Returns
        -------
        ndarray of shape (n,) of objects
            Item i is a float64 array of shape (T_i, K), its columns in the order of
            `classes_`. Its rows sum to 1, or for a multi-label target are the
            probabilities of K independent labels.
        """
        scores, X = self._scores(X)
        return by_sequence(self._proba(scores, "proba"), X)

    def predict_log_proba(self, X):
        """Compute the logarithm of the probability of each label at each step.

        Parameters
        ----------
        X : container of n sequences
            As in `fit`.

        Returns
        -------
        ndarray of shape (n,) of objects
            Item i is an array of shape (T_i, K).
        """
        scores, X = self._scores(X)
        return by_sequence(self._proba(scores, "log_proba"), X)

    def score(self, X, y, sample_weight=None):
        """Compute the token accuracy: the share of steps whose label is right.

        Parameters
        ----------
        X : container of n sequences
            As in `fit`.
        y : container of n label sequences
            As in `fit`. A label that was not in those of `fit` counts as an error. For
            a multi-label target the whole row must be right.
        sample_weight : array-like of shape (n,), or n arrays, default=None
            The weight of the steps of each sequence, or of each step.

        Returns
        -------
        float
        """
        return self._score(X, y, sample_weight)


def has_single_labels(y):
    """Return whether the items of y are labels, not sequences of labels."""
    items = targets_as_list(y)
    labels = items and not any(hasattr(item, "__len__") for item in items)
    return labels or all(isinstance(item, str) for item in items)


def by_sequence(flat, X):
    """Return the rows of each sequence; all in one array if X was a 2-D array."""
    return flat if X.layout == "steps" else as_items(flat, X.offsets)
