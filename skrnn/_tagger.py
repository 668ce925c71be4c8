"""RNNTagger: one label for each step."""

from skrnn._docs import shared_docs
from skrnn._labels import LabelRNN
from skrnn._sequences import Sequences, as_items
from skrnn._validation import (
    as_sequences,
    check_step_targets,
    check_step_weights,
    targets_as_list,
)


@shared_docs(
    bidirectional="Whether every layer reads in both directions. With False a label "
    "depends on\n    the steps up to its own only.",
    terms="steps",
    term="step",
    unit="in nats",
    score="token accuracy",
)
class RNNTagger(LabelRNN):
    """Recurrent network that gives a label to every step of a sequence.

    For named entities, parts of speech, frames of sound, residues of a protein:
    whatever has one label for each step, or for each step a set of labels. By default
    it reads in both directions, so that a label depends on all that comes before and
    after it. It minimises the cross entropy summed over steps, by backpropagation
    through time over whole sequences of any length; nothing is padded.

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
        The labels; for a multi-label target the numbers of the columns.
    multilabel_ : bool
        Whether the target had rows of 0 and 1.
    %(fitted)s

    See Also
    --------
    VocabularyEncoder : Turns tokens into the ids that this estimator takes.
    SequenceOneHotEncoder : Turns tokens into rows that can be joined with others.

    Notes
    -----
    The target y has an array or list of T_i labels for each sequence, labels being any
    hashable objects; or, for multi-label steps, an array of shape (T_i, K) of 0 and 1.
    Two classes, and multi-label steps, are learned by the logistic loss of a sigmoid;
    more classes by that of a softmax.

    This is not a scikit-learn classifier by type, since those may only have one label
    a sample: scorers named by strings, such as ``scoring="f1_macro"``, do not apply.
    Use those of :mod:`skrnn.metrics`.

    A 2-D array is read as n univariate series. Only if y is one-dimensional, a single
    label a row, it is read as n sequences of one step; predictions then are arrays of
    shape (n,) and (n, K).

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
        super().__init__(
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

    def _read_table_as(self, y):
        items = targets_as_list(y)
        labels = items and not any(hasattr(item, "__len__") for item in items)
        labels = labels or all(isinstance(item, str) for item in items)
        return "steps" if labels else "series"

    def _check_targets(self, y, lengths, table):
        return check_step_targets(y, lengths, single=table == "steps")

    def _check_weights(self, sample_weight, lengths):
        return check_step_weights(sample_weight, lengths)

    # --- use --------------------------------------------------------------------------

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
        scores, offsets = self._scores(X)
        labels = self._decide(scores)
        if not self.multilabel_:
            labels = self.classes_[labels]
        return self._by_sequence(X, labels, offsets)

    def decision_function(self, X):
        """Compute the scores that are compared to choose a label.

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
        scores, offsets = self._scores(X)
        if self._two_classes:
            scores = scores[:, 0]
        return self._by_sequence(X, scores, offsets)

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
        scores, offsets = self._scores(X)
        return self._by_sequence(X, self._head(scores, "proba"), offsets)

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
        scores, offsets = self._scores(X)
        return self._by_sequence(X, self._head(scores, "log_proba"), offsets)

    def score(self, X, y, sample_weight=None):
        """Compute the token accuracy: the share of all steps whose label is right.

        Parameters
        ----------
        X : container of n sequences
            As in `fit`.
        y : container of n label sequences
            As in `fit`. A label that was never seen in `fit` counts as not predicted.
            Of a multi-label target the whole row must be right.
        sample_weight : array-like of shape (n,), or n arrays, default=None
            How much the steps of each sequence count, or each step.

        Returns
        -------
        float
        """
        table = self._table if self._is_table(X) else "series"
        return self._score(X, y, sample_weight, table)

    def _by_sequence(self, X, flat, offsets):
        """Return one item a sequence; of a table the rows as they are."""
        return flat if self._is_table(X) else as_items(flat, offsets)

    def _is_table(self, X):
        """Whether X is read as n sequences of one step."""
        return self._table == "steps" and not isinstance(as_sequences(X), Sequences)
