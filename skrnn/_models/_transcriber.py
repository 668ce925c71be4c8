"""RNNTranscriber: label sequences without an alignment (CTC)."""

from numbers import Integral, Real

import numpy as np
from sklearn.utils import check_scalar

from skrnn._core.ctc import n_steps_needed
from skrnn._core.ctc_decoding import prefix_search
from skrnn._core.head import log_softmax
from skrnn._models._blas import deterministic_arithmetic
from skrnn._models._docs import shared_docs
from skrnn._models._token_prior import TokenPrior, find_language_model
from skrnn._models._token_targets import TokenTargetRNN, stack
from skrnn._sequences import as_items
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
    """Recurrent network that transcribes sequences, trained on unaligned labels.

    Typical inputs are speech, handwriting and gestures: the labels are in the order of
    the steps and fewer than the steps, and the steps that belong to a label are
    unknown. Training uses connectionist temporal classification (CTC): the network
    computes a probability of each label and of a blank at every step, and the
    probability of a target is the sum over all alignments of its labels to the steps.

    Parameters
    ----------
    target_tokenizer : transformer, default=None
        Splits targets that are texts, and joins predicted tokens to texts, such as
        ``Tokenizer(analyzer="char")``; a clone is fitted. If None, targets are
        sequences of tokens.
    max_target_tokens : int, default=None
        The number of the most frequent target tokens to keep; None keeps all. Others
        are encoded as an unknown token, which is never predicted.
    beam_width : int, default=1
        The number of prefixes that the search keeps. With 1, `predict` decodes the most
        probable path. Read at prediction time: it can be changed without refitting, and
        so can the next three parameters.
    language_model : estimator, default=None
        Fitted :class:`RNNLanguageModel` used to rescore hypotheses: either fitted on
        indices into `classes_`, or a pipeline of :class:`VocabularyEncoder` and
        :class:`RNNLanguageModel` fitted on the tokens. In a parameter search, wrap it
        in a :class:`~sklearn.frozen.FrozenEstimator`, which cloning keeps fitted.
    language_model_weight : float, default=0.5
        The weight of the language model's log-probability.
    length_bonus : float, default=0.0
        Added to the log-probability for each token, since a language model makes long
        targets less probable. Applies if `beam_width` is above 1.
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
        Whether there is an unknown token, see `max_target_tokens`.
    longest_target_ : int
        The number of tokens of the longest target in `fit`.
    %(fitted)s

    See Also
    --------
    RNNTagger : For targets with a label for each step.
    skrnn.metrics.label_error_rate : Edits per true token.

    Notes
    -----
    The target y has a list or array of tokens for each sequence, tokens being any
    hashable objects, or with a `target_tokenizer` a text. It may be empty. A sequence
    must have a step for each of its tokens, and one more between two that are equal.

    A path has one label or the blank at each step. It spells its labels without the
    blanks, repeated labels merged: ``a - a a b b`` spells ``a a b``. The loss is the
    negative log-probability of all paths that spell the target. The initial probability
    of the blank follows from the mean length of the targets; in the first epochs the
    model may predict blanks only.

    The prefix search sums over all paths of each prefix and maximises
    ``log P(y | x) + language_model_weight * log P(y) + length_bonus * len(y)``, where
    P(y) is the probability under the language model, the end included.

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
    The input has runs of ones and twos between zeros, of any length:

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

    __module__ = "skrnn"
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
        self._set_params(locals())

    def _fit_y(self, X, y, weights, classes, reset):
        super()._fit_y(X, y, weights, classes, reset)
        if len(self.classes_) == 0:
            raise ValueError(
                "y has no tokens, only empty targets: pass at least one target with a "
                "token."
            )

    def _network_spec(self):
        return self._shared_spec() | {
            "n_outputs": self._end + 1,
            "pooling": None,
            "head": "ctc",
            "tied": False,
        }

    def _encode(self, X, y, weights):
        self._priors()  # raises if a parameter of the search is invalid
        data = self._encode_pairs(X, y, weights)
        needed = n_steps_needed(data.targets, self._end)
        short = (X.lengths < needed) & (weights != 0)
        if short.any():
            i = int(np.argmax(short))
            n_tokens = np.diff(data.term_offsets)[i] - 1
            raise ValueError(
                f"y[{i}] has {n_tokens} tokens, {needed[i] - n_tokens} of them equal "
                f"to the token before, and X[{i}] has {X.lengths[i]} steps where at "
                f"least {needed[i]} are needed, one for each token and one between "
                "equal tokens: remove the sequence, or pass more steps or fewer tokens."
            )
        return data

    def _scorer(self, network, data):
        weights = data.weights[data.term_offsets[1:] - 1]  # of sequences

        def validate(params):
            losses = network.losses(params, data, run_all=self._map_threads)
            return -float((losses * weights).sum() / data.weights.sum())

        return validate

    # --- fitted models ----------------------------------------------------------------

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
        return self._to_targets(*self._decode(*self._scores(X)))

    def predict_n_best(self, X, n=5):
        """Predict several targets for each sequence, the best one first.

        Parameters
        ----------
        X : container of n sequences
            As in `fit`.
        n : int, default=5
            The maximum number of targets. The search keeps `beam_width` prefixes, at
            least n.

        Returns
        -------
        ndarray of shape (n,) of objects
            Item i is a list of pairs: the score and the target. The score is the sum of
            the log-probability over the paths that the search kept, a lower bound, and
            the terms of the language model and of `length_bonus`.
        """
        check_is_fitted(self)
        check_scalar(n, "n", Integral, min_val=1)
        found = self._search(*self._scores(X), max(n, self.beam_width))
        return self._to_pairs([hypotheses[:n] for hypotheses in found])

    def predict_log_proba(self, X):
        """Compute the log-probability of each token, and of the blank, at each step.

        Parameters
        ----------
        X : container of n sequences
            As in `fit`.

        Returns
        -------
        ndarray of shape (n,) of objects
            Item i is a float64 array of shape (T_i, K + 1): the columns of `classes_`,
            then the column of the unknown token, if there is one, and last the blank.
        """
        scores, X = self._scores(X)
        return as_items(log_softmax(scores.astype(np.float64)), X.offsets)

    def score_samples(self, X, y=None):
        """Compute the log-probability of the target of each sequence.

        Parameters
        ----------
        X : container of n sequences
            As in `fit`.
        y : container of n targets, default=None
            As in `fit`. If None, the predictions of `predict`.

        Returns
        -------
        ndarray of shape (n,)
            In nats, without the language model; minus infinity where the sequence is
            too short for its target.

        Raises
        ------
        ValueError
            If a target has a token that was not in those of `fit`, and there is no
            unknown token.
        """
        y = self.predict(X) if y is None else y
        data = self._check_pairs(self._check_fitted_X(X), y)
        with deterministic_arithmetic():
            losses = self._network().losses(
                self._params(), data, run_all=self._map_threads
            )
        return -losses

    def score(self, X, y, sample_weight=None):
        """Compute 1 minus the label error rate, the edits per true token.

        Parameters
        ----------
        X : container of n sequences
            As in `fit`.
        y : container of n targets
            As in `fit`. A token that was not in those of `fit` counts as an error.
        sample_weight : array-like of shape (n,), default=None
            The weight of the edits and tokens of each sequence.

        Returns
        -------
        float
            At most 1; negative if there are more edits than tokens.

        Raises
        ------
        ValueError
            If there are no true tokens.
        """
        check_is_fitted(self)
        ids, offsets = self._decode(*self._scores(X))
        y = self._tokenize(y, len(offsets) - 1, self.target_tokenizer_)
        codes = self._encode_tokens(y, np.zeros(len(offsets) - 1, dtype=bool))
        true = as_items(codes[codes != self._end], y.offsets)
        weights = check_weights(sample_weight, len(true))
        predicted = as_items(ids, offsets)
        return 1 - label_error_rate(true, predicted, sample_weight=weights)

    def _decode(self, scores, X):
        """Return the ids of the predicted tokens, and the offsets of targets."""
        if self.beam_width == 1 and self.language_model is None:
            if self.has_unknown_:
                scores[:, len(self.classes_)] = -np.inf
            return self._head().decode(scores, X.offsets)
        found = self._search(scores, X, self.beam_width)
        return stack([hypotheses[0][1] for hypotheses in found])

    def _search(self, scores, X, width):
        """Return the best hypotheses for each sequence: scores and ids."""
        log_proba = log_softmax(scores.astype(np.float64))
        priors = self._priors()
        if self.has_unknown_:
            log_proba[:, len(self.classes_)] = -np.inf
        return [
            prefix_search(rows, width, priors())
            for rows in as_items(log_proba, X.offsets)
        ]

    def _priors(self):
        """Return a function that returns the prior of a new search, or None."""
        check_scalar(self.beam_width, "beam_width", Integral, min_val=1)
        weight, bonus = self.language_model_weight, self.length_bonus
        if self.language_model is None:
            if bonus == 0:
                return lambda: None
            return lambda: TokenPrior(self._end + 1, weight, bonus)
        if self.beam_width == 1:
            raise ValueError(
                "language_model is not used with beam_width=1 (best-path decoding). "
                "Set beam_width, for example to 10."
            )
        model, ids = find_language_model(self.language_model, self.classes_)
        return lambda: TokenPrior(self._end + 1, weight, bonus, model, ids)

    def _upgrade(self, state, saved_as):
        state = super()._upgrade(state, saved_as)
        if saved_as < 3 and "_architecture" in state:
            state["_architecture"] = {**state["_architecture"], "head": "ctc"}
        return state
