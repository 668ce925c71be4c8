"""RNNTranscriber: labels in their order, without the steps that they belong to."""

from numbers import Integral, Real

import numpy as np
from sklearn.utils import check_scalar

from skrnn._base import steady_arithmetic
from skrnn._core import make_network
from skrnn._core.ctc import n_steps_needed
from skrnn._core.ctc_decoding import best_path, prefix_search
from skrnn._core.heads import Softmax
from skrnn._docs import shared_docs
from skrnn._prior import TokenPrior, find_language_model
from skrnn._sequences import as_items
from skrnn._targets import TokenTargetRNN, stack
from skrnn._validation import HasMethods, Interval, check_is_fitted, check_weights
from skrnn.metrics import label_error_rate


@shared_docs(
    bidirectional="Whether every layer reads in both directions. With False the "
    "probabilities at a\n    step depend on the steps up to it only.",
    terms="tokens and ends of targets",
    term="token, each target having one more for its end",
    unit="in nats",
    score="mean log-likelihood of a token, as in `loss_curve_`",
)
class RNNTranscriber(TokenTargetRNN):
    """Recurrent network that writes down sequences, without an alignment to learn from.

    For speech, handwriting, gestures: whatever has labels in the order of its steps,
    fewer than there are steps, of which nobody knows where they begin and end. It is
    trained by connectionist temporal classification (CTC): at every step it gives a
    probability to each label and to a blank, and the probability of a target is that
    of all ways to spread its labels over the steps.

    Parameters
    ----------
    target_tokenizer : transformer, default=None
        If given, targets are texts, which it splits into tokens, and its
        `inverse_transform` joins those that are predicted, as
        ``Tokenizer(analyzer="char")`` does.
    max_target_tokens : int, default=None
        If given, only so many of the most frequent tokens are learned. The others are
        one unknown token, which is never predicted.
    beam_width : int, default=1
        How many beginnings of a target are followed in the search for the best one.
        With 1 what is predicted is what the most probable path spells. Predictions
        look at the present value, as they do for the next three.
    language_model : estimator, default=None
        A fitted :class:`RNNLanguageModel` of targets, which has a say in the search:
        one of the numbers of tokens, their positions in `classes_`, or a pipeline of a
        :class:`VocabularyEncoder` and one, which reads the tokens themselves. In a
        search for parameters give it in a :class:`~sklearn.frozen.FrozenEstimator`,
        which cloning leaves as it is.
    language_model_weight : float, default=0.5
        The weight of its log-probability.
    length_bonus : float, default=0.0
        What is added to the log-probability for each token, since a language model
        makes long targets less probable. With a `beam_width` above 1.
    %(cell)s
    %(bidirectional)s
    %(layers)s
    %(training)s
    %(run)s

    Attributes
    ----------
    classes_ : ndarray of shape (K,)
        The tokens.
    target_tokenizer_ : transformer or None
        The fitted tokenizer of targets.
    has_unknown_ : bool
        Whether tokens were left out, see `max_target_tokens`.
    longest_target_ : int
        The number of tokens of the longest target in `fit`.
    %(fitted)s

    See Also
    --------
    RNNTagger : Where each step has a label in training.
    skrnn.metrics.label_error_rate : How far predictions are from the truth.

    Notes
    -----
    The target y has a list or array of tokens for each sequence, tokens being any
    hashable objects, or with a `target_tokenizer` a text. It may be empty. A sequence
    must have a step for each of its tokens, and one more between two that are equal.

    A path takes one label or the blank at each step. It spells its labels, runs of one
    label being one, without the blanks: ``a - a a b b`` spells ``a a b``. The loss is
    minus the logarithm of the probability of all paths that spell the target. At first
    a blank is as probable as the mean length of targets says, and blanks may be all
    that is predicted for some epochs.

    The search follows prefixes, each with all of its paths, and maximises
    ``log P(y | x) + language_model_weight * log P(y) + length_bonus * len(y)``, where
    P(y) is the probability by the language model, the end included.

    A 2-D array is read as n univariate series.

    References
    ----------
    Graves, A., Fernández, S., Gomez, F. and Schmidhuber, J. (2006). Connectionist
    temporal classification: labelling unsegmented sequence data with recurrent neural
    networks. ICML.

    Hannun, A. Y., Maas, A. L., Jurafsky, D. and Ng, A. Y. (2014). First-pass large
    vocabulary continuous speech recognition using bi-directional recurrent DNNs.
    arXiv:1408.2873. (The search.)

    Examples
    --------
    Runs of ones and twos between zeros, of any length:

    >>> import numpy as np
    >>> from skrnn import RNNTranscriber
    >>> rng = np.random.RandomState(0)
    >>> y = [rng.choice(["one", "two"], size=rng.randint(1, 5)) for _ in range(200)]
    >>> X = []
    >>> for words in y:
    ...     ids = np.repeat(1 + (words == "two"), 2)
    ...     ids[1::2] = 0
    ...     X.append(np.repeat(ids, rng.randint(1, 4, size=len(ids))))
    >>> model = RNNTranscriber(
    ...     cell="gru", hidden_layer_sizes=24, learning_rate_init=0.02, random_state=0
    ... ).fit(X[:150], y[:150])
    >>> model.score(X[150:], y[150:]) > 0.95
    True
    >>> model.predict([[2, 2, 2, 0, 1, 0, 0, 1]])[0].tolist()
    ['two', 'one', 'one']
    """

    _parameter_constraints: dict = {
        **TokenTargetRNN._parameter_constraints,
        "beam_width": [Interval(Integral, 1, None, closed="left")],
        "language_model": [None, HasMethods(["fit"])],
        "language_model_weight": [Interval(Real, 0, None, closed="left")],
        "length_bonus": [Interval(Real, None, None, closed="neither")],
    }

    _allow_empty = True

    def __init__(
        self,
        *,
        target_tokenizer=None,
        max_target_tokens=None,
        beam_width=1,
        language_model=None,
        language_model_weight=0.5,
        length_bonus=0.0,
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
            target_tokenizer=target_tokenizer,
            max_target_tokens=max_target_tokens,
            beam_width=beam_width,
            language_model=language_model,
            language_model_weight=language_model_weight,
            length_bonus=length_bonus,
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

    # --- fit --------------------------------------------------------------------------

    @property
    def _outputs(self):
        return "ctc", self._end + 1

    def _learn_targets(self, y, weights, classes):
        super()._learn_targets(y, weights, classes)
        if len(self.classes_) == 0:
            raise ValueError(
                "y has no tokens, only empty targets: there is nothing to transcribe."
            )

    def _make_terms(self, X, y, weights):
        self._prior()  # raises if a parameter is not as it should be
        terms = super()._make_terms(X, y, weights)
        needed = n_steps_needed(terms.targets, self._end)
        short = (X.lengths < needed) & (weights != 0)
        if short.any():
            i = int(np.argmax(short))
            n_tokens = np.diff(terms.offsets)[i] - 1
            raise ValueError(
                f"y[{i}] has {n_tokens} tokens, {needed[i] - n_tokens} of them equal "
                f"to the one before, and X[{i}] has {X.lengths[i]} steps where at "
                f"least {needed[i]} are needed, one for each token and one between "
                "equal ones: leave the sequence out, or give it more steps or fewer "
                "tokens."
            )
        if self.n_iter_ == 0:
            make_network(self._architecture).head.fill(self._params(), terms.data())
        return terms

    def _validator(self, network, terms):
        data = terms.data()
        weights = terms.weights[terms.offsets[1:] - 1]

        def validate(params):
            losses = network.losses(params, data, run_all=self._map_threads)
            return -float((losses * weights).sum() / terms.weights.sum())

        return validate

    # --- use --------------------------------------------------------------------------

    def predict(self, X):
        """Predict the tokens of each sequence.

        Parameters
        ----------
        X : container of n sequences
            As in `fit`.

        Returns
        -------
        ndarray of shape (n,) of objects
            Item i is an array of tokens, or with a `target_tokenizer` a text.
        """
        return self._to_targets(*self._decode(X))

    def predict_n_best(self, X, n=5):
        """Predict several targets for each sequence, the best one first.

        Parameters
        ----------
        X : container of n sequences
            As in `fit`.
        n : int, default=5
            How many at most. The search follows `beam_width` beginnings, at least n.

        Returns
        -------
        ndarray of shape (n,) of objects
            Item i is a list of pairs: the log-probability as the search found it, with
            what a language model and `length_bonus` add, and the target. It may be too
            small, as the search does not follow all paths.
        """
        check_is_fitted(self)
        check_scalar(n, "n", Integral, min_val=1)
        found = [ways[:n] for ways in self._search(X, max(n, self.beam_width))]
        return self._to_pairs(found)

    def predict_log_proba(self, X):
        """Compute the log-probability of each token, and of the blank, at each step.

        Parameters
        ----------
        X : container of n sequences
            As in `fit`.

        Returns
        -------
        ndarray of shape (n,) of objects
            Item i is a float64 array of shape (T_i, K + 1), its columns in the order of
            `classes_`, the last one the blank. Before it is the unknown token, if there
            is one.
        """
        return as_items(*self._log_proba(X))

    def score_samples(self, X, y=None):
        """Compute the log-probability of the target of each sequence.

        Parameters
        ----------
        X : container of n sequences
            As in `fit`.
        y : container of n targets, default=None
            As in `fit`. If None, those that `predict` gives.

        Returns
        -------
        ndarray of shape (n,)
            In nats, without a language model; minus infinity where the sequence is too
            short for its target.

        Raises
        ------
        ValueError
            If a target has a token that was not in those of `fit`, and there is no
            unknown token.
        """
        check_is_fitted(self)
        y = self.predict(X) if y is None else y
        dtype = self._architecture["dtype"]
        X = self._check_X(X, reset=False, table=self._table, dtype=dtype)
        y = self._tokenize(y, len(X), self.target_tokenizer_)
        terms = self._encode_terms(X, y, np.ones(len(X)))
        network = make_network(self._architecture)
        with steady_arithmetic():
            losses = network.losses(
                self._params(),
                terms.data(),
                run_all=self._map_threads,
            )
        return -losses

    def score(self, X, y, sample_weight=None):
        """Compute 1 minus the label error rate: the edits for each true token.

        Parameters
        ----------
        X : container of n sequences
            As in `fit`.
        y : container of n targets
            As in `fit`. A token that was never seen in `fit` counts as not predicted.
        sample_weight : array-like of shape (n,), default=None
            How much the edits and tokens of each sequence count.

        Returns
        -------
        float
            At most 1; negative where there are more edits than tokens.

        Raises
        ------
        ValueError
            If there are no true tokens.
        """
        check_is_fitted(self)
        ids, offsets = self._decode(X)
        y = self._tokenize(y, len(offsets) - 1, self.target_tokenizer_)
        codes = self._encode_tokens(y, np.zeros(len(offsets) - 1, dtype=bool))
        true = as_items(codes[codes != self._end], y.offsets)
        weights = check_weights(sample_weight, len(true))
        predicted = as_items(ids, offsets)
        return 1 - label_error_rate(true, predicted, sample_weight=weights)

    def _log_proba(self, X):
        """Return the log-probabilities of all steps, and where sequences begin."""
        scores, offsets = self._scores(X)
        return Softmax().log_proba(scores.astype(np.float64)), offsets

    def _decode(self, X):
        if self.beam_width == 1 and self.language_model is None:
            scores, offsets = self._scores(X)
            if self.has_unknown_:
                scores[:, len(self.classes_)] = -np.inf
            return best_path(scores, offsets)
        return stack([ways[0][1] for ways in self._search(X, self.beam_width)])

    def _search(self, X, width):
        """Return of each sequence the best ways to label it."""
        log_proba, offsets = self._log_proba(X)
        make_prior = self._prior()
        if self.has_unknown_:
            log_proba[:, len(self.classes_)] = -np.inf
        return [
            prefix_search(rows, width, make_prior())
            for rows in as_items(log_proba, offsets)
        ]

    def _prior(self):
        """Return a function that returns what to add in a new search, or None."""
        check_scalar(self.beam_width, "beam_width", Integral, min_val=1)
        weight, bonus = self.language_model_weight, self.length_bonus
        if self.language_model is None:
            if bonus == 0:
                return lambda: None
            return lambda: TokenPrior(self._end + 1, weight, bonus)
        if self.beam_width == 1:
            raise ValueError(
                "beam_width=1 takes the most probable path, in which a language_model "
                "has no say: use a larger beam_width, such as 10."
            )
        model, ids = find_language_model(self.language_model, self.classes_)
        return lambda: TokenPrior(self._end + 1, weight, bonus, model, ids)
