"""RNNTagger: one label for each step."""

from itertools import compress

import numpy as np
from sklearn.callback import with_callbacks

from skrnn._base import BaseRNN
from skrnn._core.heads import HEADS
from skrnn._sequences import Sequences, as_items
from skrnn._validation import (
    StrOptions,
    as_sequences,
    check_step_targets,
    check_weights,
    encode_labels,
    fit_context,
    sequence_of_row,
    targets_as_list,
    unique_labels,
)


class RNNTagger(BaseRNN):
    """Recurrent network that gives a label to every step of a sequence.

    For named entities, parts of speech, frames of sound, residues of a protein:
    whatever has one label for each step, or for each step a set of labels. By default
    it reads in both directions, so that a label depends on all that comes before and
    after it. It minimises the cross entropy summed over steps, by backpropagation
    through time over whole sequences of any length; nothing is padded.

    Parameters
    ----------
    cell : {"lstm", "gru", "rnn", "gru_reset_before", "gru_update_only", \
            "lstm_peephole"}, default="lstm"
        The recurrent cell. ``"gru"`` applies the reset gate after the product with the
        recurrent weights, ``"gru_reset_before"`` before it, ``"gru_update_only"`` has
        none; ``"rnn"`` is the simple cell.
    hidden_layer_sizes : int or sequence of int, default=(100,)
        The number of units of each layer, in each direction, from the input up.
    bidirectional : bool, default=True
        Whether every layer reads in both directions. With False a label depends on
        the steps up to its own only.
    activation : {"tanh", "relu"}, default="tanh"
        What the cell ``"rnn"`` applies; the others ignore it.
    embedding_dim : int, default=None
        If given, tokens or sparse features first become vectors of this length, whose
        values are learned; the vectors of several features of a step are added. If
        None, one-hot rows enter the first layer as they are.
    dropout : float or pair of floats, default=0.0
        The share of inputs of each layer, and of the output layer, that is set to
        zero in training. A pair gives the rate for the inputs of the first layer and
        that for everything above it.
    solver : {"adam", "sgd", "rmsprop", "adagrad"}, default="adam"
        The optimiser. The input weights, or embeddings, of tokens and features that do
        not occur in a batch are left alone by the step.
    learning_rate : {"constant", "invscaling", "adaptive", "exponential", "step"}, \
            default="constant"
        How the learning rate changes, t counting epochs from 0:

        - "constant": not at all;
        - "invscaling": ``learning_rate_init / (t + 1) ** power_t``;
        - "adaptive": divided by 5 whenever training would otherwise stop, see
          `n_iter_no_change`;
        - "exponential": ``learning_rate_init * decay_rate ** (t / decay_steps)``;
        - "step": the same with ``t // decay_steps``.

    learning_rate_init : float, default=0.005
        The first learning rate.
    power_t : float, default=0.5
        The exponent of "invscaling".
    decay_rate : float, default=0.5
        The factor of "exponential" and "step".
    decay_steps : int, default=1
        After how many epochs this factor is reached.
    momentum : float, default=0.9
        Momentum of the solver "sgd".
    nesterovs_momentum : bool, default=True
        Whether that momentum is Nesterov's.
    alpha : float, default=0.0
        Strength of the L2 penalty on weights, not biases. As in
        :class:`~sklearn.neural_network.MLPClassifier` it is divided by the number of
        terms of the loss in the batch, which are steps here. Of the input weights, or
        embeddings, those of tokens that are not in the batch are left out.
    max_grad_norm : float or None, default=5.0
        If the norm of the gradient of the mean loss is larger, the gradient is scaled
        down to it. None: never.
    batch_size : int, default=32
        The number of sequences an update is computed from.
    max_iter : int, default=50
        The number of epochs, passes over the data, at most.
    shuffle : bool, default=True
        Whether to go through the sequences in a new random order in every epoch. Equal
        sequences with equal labels are then merged into one that counts more. If
        False, the order given is kept and nothing is merged.
    tol : float, default=1e-4
        What counts as progress, see `n_iter_no_change`.
    early_stopping : bool, default=False
        Whether to hold out a part of the sequences, score the model on them after each
        epoch, and keep the weights of the best epoch.
    validation_fraction : float, default=0.1
        The share of sequences to hold out.
    n_iter_no_change : int, default=10
        Training stops when for more than this number of epochs in a row the loss, or
        with early stopping the validation score, was not better by `tol` than ever
        before.
    warm_start : bool, default=False
        Whether `fit` goes on from where the last one ended, optimiser and random
        numbers included, instead of starting afresh.
    class_weight : dict or "balanced", default=None
        The weight of each label, 1 where the dict has none. "balanced" makes all labels
        count alike in total.
    random_state : int, RandomState instance or None, default=None
        Determines initial weights, shuffling, dropout and what is held out. The same
        int gives the same model to the last bit.
    n_jobs : int, default=None
        The number of threads for prediction; -1 means all processors. It never
        changes a result.
    verbose : bool or int, default=False
        Whether to print a line after each epoch.
    dtype : {"float32", "float64"}, default="float32"
        The precision of weights and computations.

    Attributes
    ----------
    classes_ : ndarray of shape (K,)
        The labels; for a multi-label target the numbers of the columns.
    multilabel_ : bool
        Whether the target had rows of 0 and 1.
    n_iter_ : int
        The number of epochs done.
    loss_curve_ : list of ``n_iter_`` floats
        The mean loss of a step in each epoch, in nats, as it was met on the way.
    best_loss_ : float
        The smallest of them.
    validation_scores_ : list of floats or None
        With early stopping, the token accuracy on what was held out, for each epoch.
    best_validation_score_ : float or None
        The largest of them.
    input_kind_ : {"ids", "dense", "sparse"}
        What the steps of X were in `fit`.
    input_size_ : int
        The number of tokens, or of features of a step.
    n_features_in_ : int
        The number of columns, if X was a 2-D array in `fit`.
    feature_names_in_ : ndarray of str
        Their names, if X was a DataFrame of numbers with string names.

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
        self.class_weight = class_weight

    _parameter_constraints: dict = {
        **BaseRNN._parameter_constraints,
        "class_weight": [dict, StrOptions({"balanced"}), None],
    }

    @with_callbacks
    @fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X, y, classes=None, sample_weight=None):
        """Go once through X and y, starting from the present weights.

        Calls on the same data continue exactly where the last one ended, also after
        the estimator was pickled.

        Parameters
        ----------
        X, y, sample_weight
            As in `fit`.
        classes : array-like of shape (K,), default=None
            All labels there will ever be, in the first call; those of y where None.
            Of no use for a multi-label target.

        Returns
        -------
        self : object
            The fitted estimator.

        Raises
        ------
        ValueError
            If y has a label that is not among the classes, or a parameter asks for
            something that needs all data at once.
        """
        if self.early_stopping:
            raise ValueError(
                "partial_fit does not support early_stopping=True: nothing is held "
                "out of a part of the data."
            )
        if self.class_weight == "balanced":
            raise ValueError(
                'partial_fit does not support class_weight="balanced": the balance of '
                "all classes is not known yet. Pass a dict of weights."
            )
        if classes is not None:
            classes = unique_labels(classes)
            before = None if getattr(self, "multilabel_", True) else self.classes_
            if before is not None and not np.array_equal(before, classes):
                raise ValueError(
                    f"classes={classes!r} is not what it was in the first call of "
                    f"partial_fit, {self.classes_!r}."
                )
        return self._fit(X, y, sample_weight, resume=True, max_iter=1, classes=classes)

    def _read_table_as(self, y):
        items = targets_as_list(y)
        labels = items and not any(hasattr(item, "__len__") for item in items)
        labels = labels or all(isinstance(item, str) for item in items)
        return "steps" if labels else "series"

    def _check_targets(self, y, lengths, table):
        return check_step_targets(y, lengths, single=table == "steps")

    def _encode_targets(self, y, offsets, used, classes=None):
        if isinstance(y, np.ndarray):
            return self._encode_indicators(y)
        if classes is None:
            classes = unique_labels(compress(y, used))
        codes = encode_labels(y, classes)
        if (unknown := (codes < 0) & used).any():
            step = int(np.argmax(unknown))
            raise ValueError(
                f"y[{sequence_of_row(offsets, step)}] contains the label {y[step]!r}, "
                f"which is not among the classes {classes.tolist()!r:.200}: a fitted "
                "model learns no new ones. Name all in the first call of partial_fit."
            )
        if len(classes) == 2:
            targets, outputs = codes[:, None].astype(self.dtype), ("sigmoid", 1)
        else:
            targets, outputs = codes, ("softmax", len(classes))
        return targets, {"classes_": classes, "_outputs": outputs, "multilabel_": False}

    def _encode_indicators(self, y):
        K = y.shape[1]
        if self.class_weight is not None:
            raise ValueError(
                "class_weight is for one label a step; with rows of 0 and 1 use None."
            )
        attributes = {
            "classes_": np.arange(K),
            "_outputs": ("sigmoid", K),
            "multilabel_": True,
        }
        return y.astype(self.dtype), attributes

    def _check_like_before(self, y):
        rows = isinstance(y, np.ndarray)
        if rows != self.multilabel_:
            fitted, found = ("labels", "rows of 0 and 1")
            if self.multilabel_:
                fitted, found = found, fitted
            raise ValueError(f"y holds {found}, but the model was fitted on {fitted}.")
        if rows and y.shape[1] != len(self.classes_):
            raise ValueError(
                f"y has rows of {y.shape[1]} indicators, but the model was fitted on "
                f"rows of {len(self.classes_)}."
            )

    def _step_weights(self, targets, weights):
        if self.class_weight is None:
            return weights
        codes = targets.reshape(len(targets)).astype(np.intp)
        codes[weights == 0] = 0  # may be of no class
        if self.class_weight == "balanced":
            totals = np.bincount(codes, weights, minlength=len(self.classes_))
            by_class = weights.sum() / (len(totals) * np.maximum(totals, 1e-300))
        else:
            by_class = self._weights_by_class()
        return weights * np.asarray(by_class, dtype=np.float64)[codes]

    def _weights_by_class(self):
        """Return the weight of each class from the dict class_weight."""
        classes = self.classes_.tolist()
        unknown = [label for label in self.class_weight if label not in classes]
        if unknown and not all(label in self.class_weight for label in classes):
            raise ValueError(
                f"class_weight names {unknown[0]!r}, which is not among the classes "
                f"{classes!r:.200}."
            )
        for label, weight in self.class_weight.items():
            if not 0 <= weight < np.inf:
                raise ValueError(
                    f"class_weight[{label!r}] is {weight!r}: weights must be finite "
                    "and not negative."
                )
        return [self.class_weight.get(label, 1) for label in classes]

    def _validation_score(self, scores, targets, weights):
        codes = targets if self.multilabel_ else targets.reshape(len(targets))
        return self._accuracy(scores, codes, weights)

    def _accuracy(self, scores, codes, weights):
        """Return the share of steps whose label, or whole row of them, is right."""
        right = self._decide(scores) == codes
        if self.multilabel_:
            right = right.all(axis=1)
        return float(np.average(right, weights=weights))

    def _decide(self, scores):
        """Return the index of the most probable class, or the rows of 0 and 1."""
        if self.multilabel_:
            return (scores > 0).astype(np.int64)
        if len(self.classes_) == 2:
            return (scores[:, 0] > 0).astype(np.intp)
        return scores.argmax(axis=1)

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
        if len(self.classes_) == 2 and not self.multilabel_:
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
            Item i is an array of shape (T_i, K) whose columns are in the order of
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

    def _head(self, scores, method):
        if len(self.classes_) == 2 and not self.multilabel_:
            scores = np.concatenate([-scores, scores], axis=1)
        return getattr(HEADS[self._outputs[0]](), method)(scores)

    def score(self, X, y, sample_weight=None):
        """Compute the token accuracy: the share of all steps whose label is right.

        Parameters
        ----------
        X : container of n sequences
            As in `fit`.
        y : container of n label sequences
            As in `fit`. A label that was never seen in `fit` counts as not predicted.
            Of a multi-label target the whole row must be right.
        sample_weight : array-like of shape (n,), default=None
            How much the steps of each sequence count.

        Returns
        -------
        float
        """
        scores, offsets = self._scores(X)
        lengths = np.diff(offsets)
        table = self._table if self._is_table(X) else "series"
        codes = self._check_targets(y, lengths, table)
        self._check_like_before(codes)
        if not self.multilabel_:
            codes = encode_labels(codes, self.classes_)
        weights = np.repeat(check_weights(sample_weight, len(lengths)), lengths)
        return self._accuracy(scores, codes, weights)

    def _by_sequence(self, X, flat, offsets):
        """Return one item a sequence; of a table the rows as they are."""
        return flat if self._is_table(X) else as_items(flat, offsets)

    def _is_table(self, X):
        """Whether X is read as n sequences of one step."""
        return self._table == "steps" and not isinstance(as_sequences(X), Sequences)
