"""RNNLanguageModel: the probability of sequences, sampling and beam search."""

from numbers import Integral

import numpy as np
from sklearn.callback import with_callbacks
from sklearn.utils import check_random_state, check_scalar

from skrnn._core.batching import offsets_of
from skrnn._core.decoding import beam_search, draw_index
from skrnn._models._base import BaseRNN
from skrnn._models._density import DensityRNN, reader_of, sums_by_sequence
from skrnn._models._docs import shared_docs
from skrnn._models._sampling import check_prefix, check_sampling, draw_sequences
from skrnn._sequences import as_items
from skrnn._validation import Interval, check_is_fitted, check_weights, fit_context


@shared_docs(
    in_directions="",
    terms="steps",
    term="step",
    unit="in nats",
    score="mean log-likelihood of a step",
    batch_size="The number of sequences per update, or with `stream` the number of "
    "parts of\n    the stream that are read in parallel.",
)
class RNNLanguageModel(DensityRNN):
    """Recurrent network that models the probability of sequences and samples new ones.

    Typical tokens are words, characters, notes and events. The network predicts each
    token from all tokens before it, and after the last token the end of the sequence:

    ``P(x<1> ... x<T>, end) = P(x<1>) P(x<2> | x<1>) ... P(end | x<1> ... x<T>)``.

    The class has the interface of scikit-learn's density estimators: `score_samples`,
    `score` and `sample`. Training minimises the mean negative log-probability per step,
    by backpropagation through time.

    Parameters
    ----------
    stream : bool, default=False
        Whether the sequences, in their order, are one text, such as the sentences of a
        book. They are joined by the end token and cut into `batch_size` parts that are
        read in parallel, with an update every `bptt` steps. The state is kept between
        sequences, so that a sequence is predicted from those before it as well, also in
        evaluation.
    bptt : int, default=35
        With `stream`, the number of steps of truncated backpropagation through time.
    tie_weights : bool, default=False
        Whether the embeddings of the tokens are also the output weights.
        `embedding_dim` must then be the size of the last hidden layer.
    %(cell)s
    %(layers)s
    %(training)s
    %(run)s

    Attributes
    ----------
    end_token_ : int or None
        Id of the end-of-sequence token, equal to the number of tokens; None for rows of
        0 and 1.
    unknown_token_ : int or None
        The id of the unknown token, if X came from a `VocabularyEncoder`.
    conditions_ : ndarray or None
        The labels, if the conditions were labels.
    condition_log_prior_ : ndarray or None
        The logarithms of the labels' shares of the sequences.
    condition_mean_, condition_scale_ : ndarray or None
        Mean and standard deviation of the conditions, if they were numbers.
    %(fitted)s

    See Also
    --------
    VocabularyEncoder : Encodes tokens as ids, an input of this estimator.
    RNNClassifier : Predicts a label for each sequence.

    Notes
    -----
    The input of the first step is a vector of zeros, that of each further step the
    previous token; with `stream` the first input of a sequence is the end token of the
    previous sequence. A sequence may be empty: its probability is that of the end.

    With conditions y in `fit`, one per sequence, the condition is a further input of
    every step: a label, such as a class, or a row of numbers. If a method receives no
    conditions, the model is the mixture over all labels by their shares; numbers must
    be passed.

    Sequences of rows of 0 and 1, such as simultaneous notes, are predicted row by row,
    each number by its own sigmoid. They have no end token: the model is the probability
    of T steps, given T.

    A 2-D array is read as n sequences of T token ids.

    References
    ----------
    Mikolov, T. et al. (2010). Recurrent neural network based language model.
    Interspeech.

    Zaremba, W., Sutskever, I. and Vinyals, O. (2014). Recurrent neural network
    regularization. arXiv:1409.2329.

    Boulanger-Lewandowski, N., Bengio, Y. and Vincent, P. (2012). Modeling temporal
    dependencies in high-dimensional sequences. ICML. (Rows of notes.)

    Press, O. and Wolf, L. (2017). Using the output embedding to improve language
    models. EACL. (Tied weights.)

    Examples
    --------
    >>> from sklearn.pipeline import make_pipeline
    >>> from skrnn import RNNLanguageModel, Tokenizer, VocabularyEncoder
    >>> names = ["ana", "anna", "hanna", "nana", "hannah"]
    >>> model = make_pipeline(
    ...     Tokenizer(analyzer="char"),
    ...     VocabularyEncoder(),
    ...     RNNLanguageModel(hidden_layer_sizes=16, max_iter=200, random_state=0),
    ... )
    >>> model.fit(names).score(names) > model.score(["hnan"])
    True
    >>> new = model[-1].sample(3, random_state=0)
    >>> set(model[:-1].inverse_transform(new)) <= set(names)
    True
    >>> best, log_proba = model[-1].beam_search(width=2)
    >>> len(best), bool(log_proba[0] > log_proba[1])
    (2, True)
    """

    _parameter_constraints: dict = {
        **BaseRNN._parameter_constraints,
        "stream": ["boolean"],
        "bptt": [Interval(Integral, 1, None, closed="left")],
        "tie_weights": ["boolean"],
    }
    _parameter_constraints.pop("bidirectional")
    bidirectional = False
    __module__ = "skrnn"

    def __init__(
        self,
        *,
        stream=False,
        bptt=35,
        tie_weights=False,
        cell="lstm",
        hidden_layer_sizes=(100,),
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

    # --- fit --------------------------------------------------------------------------

    @with_callbacks
    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None, sample_weight=None):
        """Fit the model to sequences X, with or without conditions y.

        Parameters
        ----------
        X : container of n sequences
            A list, object array, Series, one-column DataFrame, 2-D array or
            `Sequences`; each sequence is a 1-D array or list of token ids, or an array
            or sparse matrix of shape (T_i, d) of 0 and 1.
        y : array-like of n labels, or of shape (n,) or (n, d), default=None
            The condition of each sequence: one float or d numbers, or any other
            hashable object as a label.
        sample_weight : array-like of shape (n,), default=None
            A sequence of weight w counts as if it were given w times.

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

    @with_callbacks
    @fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X, y=None, sample_weight=None):
        """Train for one epoch, starting from the present weights.

        Repeated calls on the same data are equivalent to the epochs of `fit`, also if
        the estimator is pickled between them. The first call must have all ids and
        conditions of later calls, or X must come from a `VocabularyEncoder` that knows
        all tokens.

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

    def log_proba_per_step(self, X, y=None):
        """Compute the log-probability of each step, given all steps before it.

        Parameters
        ----------
        X : container of n sequences
            As in `fit`.
        y : array-like of n conditions, default=None
            As in `fit`, if the model was fitted on conditions.

        Returns
        -------
        ndarray of shape (n,) of objects
            Item i is a float64 array, in nats: of shape (T_i + 1,), the last for the
            end token, or for rows of 0 and 1 of shape (T_i,).
        """
        return as_items(*self._log_proba(*self._check(X, y)))

    def score_samples(self, X, y=None):
        """Compute the log-probability of each sequence, with its end.

        Parameters
        ----------
        X, y
            As in `log_proba_per_step`.

        Returns
        -------
        ndarray of shape (n,)
            In nats; with `stream`, given the sequences before it.
        """
        log_proba, offsets = self._log_proba(*self._check(X, y))
        return sums_by_sequence(log_proba, offsets)

    def score(self, X, y=None, sample_weight=None):
        """Compute the mean log-likelihood per step, end tokens included.

        Parameters
        ----------
        X, y
            As in `log_proba_per_step`.
        sample_weight : array-like of shape (n,), default=None
            The weight of the steps of each sequence.

        Returns
        -------
        float
            In nats.
        """
        log_proba, offsets = self._log_proba(*self._check(X, y))
        weights = check_weights(sample_weight, len(offsets) - 1)
        weights = np.repeat(weights, np.diff(offsets))
        return float(np.average(log_proba, weights=weights))

    def perplexity(self, X, y=None):
        """Compute the perplexity, ``exp(-score(X, y))``.

        Parameters
        ----------
        X, y
            As in `log_proba_per_step`.

        Returns
        -------
        float
        """
        with np.errstate(over="ignore"):  # to infinity
            return float(np.exp(-self.score(X, y)))

    def bits_per_token(self, X, y=None):
        """Compute the mean number of bits per step, ``-score(X, y) / log(2)``.

        Parameters
        ----------
        X, y
            As in `log_proba_per_step`.

        Returns
        -------
        float
        """
        return -self.score(X, y) / np.log(2)

    def predict_proba(self, X, y=None):
        """Compute the probability of the token that follows each sequence.

        Sequences are independent here, also with `stream`.

        Parameters
        ----------
        X, y
            As in `log_proba_per_step`.

        Returns
        -------
        ndarray of shape (n, n_tokens + 1), or (n, d)
            The last column, `end_token_`, is the probability that the sequence ends.
            For rows of 0 and 1, the probability that each number is 1.
        """
        return self._next_proba(X, y)

    def predict(self, X, y=None):
        """Predict the most probable token that follows each sequence.

        Parameters
        ----------
        X, y
            As in `log_proba_per_step`.

        Returns
        -------
        ndarray of shape (n,), or (n, d) of 0 and 1
            Token ids; `end_token_` where the sequence most probably ends.
        """
        proba = self._next_proba(X, y)
        return self._steps().most_probable(proba)

    # --- new sequences ----------------------------------------------------------------

    def sample(
        self,
        n_samples=1,
        *,
        prefix=None,
        condition=None,
        temperature=1.0,
        top_k=None,
        top_p=None,
        max_length=1000,
        exclude="unknown",
        random_state=None,
    ):
        """Draw new sequences, token by token.

        Each token is drawn from the predicted distribution given the tokens before it,
        until the end token is drawn or the sequence has `max_length` tokens.

        Parameters
        ----------
        n_samples : int, default=1
            The number of sequences.
        prefix : sequence, or container of 1 or `n_samples` sequences, default=None
            The first steps of all samples, or of each.
        condition : label, or row of d numbers, or `n_samples` of them, default=None
            The condition of all samples, or of each, if the model was fitted on
            conditions. If None, labels are drawn by their probability given the prefix.
        temperature : float, default=1.0
            Divisor of the scores: values below 1 favour probable tokens, values above 1
            flatten the distribution. 0 takes the most probable token at each step.
        top_k : int, default=None
            The number of the most probable tokens that may be drawn; None for all. Not
            for rows of 0 and 1.
        top_p : float, default=None
            Draw from the smallest set of the most probable tokens whose probability is
            at least this value, in (0, 1]; None for all. Not for rows of 0 and 1.
        max_length : int, default=1000
            The maximum number of tokens of a sample, its prefix included.
        exclude : "unknown" or sequence of int, default="unknown"
            Token ids that are never drawn; by default that of the unknown token, if
            there is one. ``()`` excludes none. Not for rows of 0 and 1.
        random_state : int, RandomState instance or None, default=None
            Determines the samples. The same int gives the same samples.

        Returns
        -------
        Sequences
            The samples, with their prefixes and without end tokens. The
            `inverse_transform` of a `VocabularyEncoder` decodes them.

        Raises
        ------
        ValueError
            If an argument is invalid.

        References
        ----------
        Holtzman, A. et al. (2020). The curious case of neural text degeneration. ICLR.
        (`top_p`.)
        """
        check_is_fitted(self)
        check_scalar(n_samples, "n_samples", Integral, min_val=1)
        check_sampling(temperature, top_k, top_p)
        rng, steps = check_random_state(random_state), self._steps()
        draw = steps.sampler(
            rng, temperature=temperature, top_k=top_k, top_p=top_p, exclude=exclude
        )
        prefix = check_prefix(self, steps, prefix, n_samples, max_length)
        encoded = self._check_condition(condition, n_samples)
        if encoded is None and steps.conditions.is_of_labels:
            encoded = draw_index(rng, self._posterior(prefix))
        return draw_sequences(reader_of(self), prefix, encoded, draw, max_length)

    def beam_search(
        self,
        prefix=None,
        width=5,
        *,
        condition=None,
        max_length=100,
        exclude="unknown",
    ):
        """Search for the most probable sequences.

        Parameters
        ----------
        prefix : sequence, default=None
            The first steps of the sequences.
        width : int, default=5
            The number of hypotheses that the beam search keeps, and the maximum number
            of sequences returned.
        condition : label or row of d numbers, default=None
            As in `fit`, if the model was fitted on conditions.
        max_length : int, default=100
            The maximum number of tokens, the prefix included.
        exclude : "unknown" or sequence of int, default="unknown"
            As in `sample`.

        Returns
        -------
        sequences : Sequences
            The best one first, with the prefix. Sequences that do not end within
            `max_length` tokens come last, and only where complete ones are fewer than
            `width`.
        log_proba : ndarray of shape (n,)
            The log-probabilities given the prefix, in nats, including that of the end
            for sequences that end.

        Raises
        ------
        ValueError
            If an argument is invalid, or if the model was fitted on rows of 0 and 1.
        """
        check_is_fitted(self)
        steps = self._steps()
        if steps.end is None:
            raise ValueError(
                "beam_search applies to tokens, and the model was fitted on rows of 0 "
                "and 1: use sample with temperature=0."
            )
        check_scalar(width, "width", Integral, min_val=1)
        excluded = steps.check_excluded(exclude)
        prefix = check_prefix(self, steps, prefix, 1, max_length)
        encoded = self._check_condition(condition, 1)
        if encoded is None and steps.conditions.is_of_labels:
            raise ValueError(
                "condition is None, but the model was fitted on conditions: pass one, "
                f"such as {self.conditions_.tolist()[0]!r}."
            )
        (hypotheses,) = beam_search(
            *reader_of(self).hypotheses(prefix, encoded),
            width=width,
            end=steps.end,
            max_steps=max_length - prefix.lengths[0],
            excluded=excluded,
        )
        tokens = [np.concatenate([prefix.rows, ids]) for _, ids, _ in hypotheses]
        offsets = offsets_of([len(each) for each in tokens])
        sequences = steps.sequences(np.concatenate(tokens), offsets)
        return sequences, np.array([log_proba for log_proba, *_ in hypotheses])
