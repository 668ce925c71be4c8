"""RNNLanguageModel: the probability of sequences, and new ones."""

from itertools import compress, pairwise
from numbers import Integral, Real

import numpy as np
from scipy import sparse
from scipy.special import logsumexp
from sklearn.base import DensityMixin
from sklearn.callback import with_callbacks
from sklearn.utils import check_random_state, check_scalar

from skrnn._base import BaseRNN, Terms, steady_arithmetic
from skrnn._core import make_network
from skrnn._core.batching import Data, Stream
from skrnn._core.decoding import (
    beam_search,
    draw_index,
    generate,
    row_sampler,
    token_sampler,
)
from skrnn._core.heads import HEADS
from skrnn._core.repetition import weighted_moments
from skrnn._docs import shared_docs
from skrnn._sequences import Sequences, as_items
from skrnn._validation import (
    Interval,
    as_sequences,
    check_conditions,
    check_indicators,
    check_is_fitted,
    check_sequences,
    check_weights,
    encode_labels,
    fit_context,
    raise_empty,
    unique_labels,
)

MAX_DRAWN = 2**22  # probabilities at a time


@shared_docs(
    in_directions="",
    terms="steps",
    term="step",
    unit="in nats",
    score="mean log-likelihood of a step",
    batch_size="The number of sequences an update is computed from, or with `stream` "
    "the number\n    of parts of the stream that are read side by side.",
)
class RNNLanguageModel(DensityMixin, BaseRNN):
    """Recurrent network that gives sequences a probability, and draws new ones.

    For words, characters, notes, events: each token is predicted from all before it,
    the first from nothing, and after the last one the end of the sequence,

    ``P(x<1> ... x<T>, end) = P(x<1>) P(x<2> | x<1>) ... P(end | x<1> ... x<T>)``.

    It is a density estimator as scikit-learn has them, with `score_samples`, `score`
    and `sample`. It minimises the mean of minus the logarithm of the probability of a
    step, by backpropagation through time.

    Parameters
    ----------
    stream : bool, default=False
        Whether the sequences are one text, in their order, as the sentences of a book
        are: joined by the end token, and cut into `batch_size` parts that are read
        side by side, with an update every `bptt` steps. The state is carried on, so
        that a sequence is predicted from those before it, too, also in evaluation.
    bptt : int, default=35
        With `stream`, the number of steps that derivatives are carried back.
    tie_weights : bool, default=False
        Whether the embeddings of the tokens are the output weights, too. Then
        `embedding_dim` must be the size of the last hidden layer.
    %(cell)s
    %(layers)s
    %(training)s
    %(run)s

    Attributes
    ----------
    end_token_ : int or None
        What stands for the end in predictions, the number of tokens; None for rows.
    unknown_token_ : int or None
        The id of the unknown token, if X came from a `VocabularyEncoder`.
    conditions_ : ndarray or None
        The conditions, if they were labels.
    condition_log_prior_ : ndarray or None
        The logarithms of their shares of the sequences.
    condition_mean_, condition_scale_ : ndarray or None
        Mean and standard deviation of the conditions, if they were numbers.
    %(fitted)s

    See Also
    --------
    VocabularyEncoder : Turns tokens into the ids that this estimator takes.
    RNNClassifier : A label for each sequence.

    Notes
    -----
    The input of the first step is a vector of zeros, that of each further step the
    token before; with `stream` the first input of a sequence is the end of the one
    before it. A sequence without tokens is allowed: its probability is that of the end.

    With conditions y in `fit`, one for each sequence, everything is predicted from the
    condition as well, which is added to the input of every step: a label, of a class,
    or a row of numbers. Where a method is not given conditions, the model is the
    mixture of all labels by their shares; numbers must be given.

    Sequences of rows of 0 and 1, such as the notes that sound at a time, are predicted
    row by row, each number by a sigmoid of its own. They have no end token: what is
    modelled is the probability of T steps, given T.

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
        super().__init__(
            stream=stream,
            bptt=bptt,
            tie_weights=tie_weights,
            cell=cell,
            hidden_layer_sizes=hidden_layer_sizes,
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

    @with_callbacks
    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None, sample_weight=None):
        """Fit the model to sequences X, given conditions y if there are any.

        Parameters
        ----------
        X : container of n sequences
            A list, object array, Series, one-column DataFrame, 2-D array or
            `Sequences`; each sequence is a 1-D array or list of token ids, or an array
            or sparse matrix of shape (T_i, d) of 0 and 1.
        y : array-like of n labels, or of shape (n,) or (n, d), default=None
            What each sequence is to be predicted from besides its own steps: one float
            or d numbers, or anything else as a label.
        sample_weight : array-like of shape (n,), default=None
            A sequence of weight w counts as if it were there w times.

        Returns
        -------
        self : object
            The fitted estimator.

        Raises
        ------
        ValueError
            If X, y or a parameter is not as it should be; a model fitted before is
            left as it was.
        FloatingPointError
            If the loss, its gradient or a weight becomes infinite or NaN; likewise.
        """
        return self._fit(X, y, sample_weight, resume=self.warm_start)

    @with_callbacks
    @fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X, y=None, sample_weight=None):
        """Go once through X, starting from the present weights.

        Calls on the same data continue exactly where the last one ended, also after
        the estimator was pickled. All ids and conditions there will ever be must be in
        the first call, or known to the `VocabularyEncoder` that X comes from.

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

    def _check_given(self, y):
        pass  # conditions may be None

    def _read_table_as(self, y):
        return "tokens"

    def _check_X(self, X, *, reset, table, dtype, name="X"):
        X = check_sequences(
            self,
            X,
            reset=reset,
            table="tokens",
            dtype=dtype,
            allow_empty=True,
            name=name,
        )
        is_of_ids = X.kind == "ids"
        if not reset and is_of_ids != self._is_of_ids:
            kinds = "token ids", "rows of 0 and 1"
            raise ValueError(
                f"{name} holds {kinds[not is_of_ids]}, but the model was fitted on "
                f"{kinds[is_of_ids]}: pass sequences like those in fit."
            )
        return X if is_of_ids else _check_frames(X, name)

    def _check_targets(self, y, lengths, table):
        return None if y is None else check_conditions(y, len(lengths))

    def _learn_targets(self, y, weights, classes):
        self.conditions_ = self.condition_log_prior_ = None
        self.condition_mean_ = self.condition_scale_ = None
        if isinstance(y, list):
            self.conditions_ = unique_labels(compress(y, weights != 0))
            codes = encode_labels(y, self.conditions_)
            totals = np.bincount(codes[codes >= 0], weights[codes >= 0])
            self.condition_log_prior_ = np.log(totals / totals.sum())
        elif y is not None:
            moments = [weighted_moments(column, weights) for column in y.T]
            self.condition_mean_, self.condition_scale_ = np.array(moments).T.copy()

    def _check_like_before(self, y):
        fitted = "no conditions"
        if self.conditions_ is not None:
            fitted = "labels"
        elif self.condition_mean_ is not None:
            fitted = f"rows of {len(self.condition_mean_)} numbers"
        found = "no conditions"
        if y is not None:
            found = "labels" if isinstance(y, list) else f"rows of {y.shape[1]} numbers"
        if fitted != found:
            raise ValueError(
                f"y holds {found}, but the model was fitted on {fitted}: give it "
                "conditions of the same kind."
            )

    def _encode_conditions(self, y):
        """Return the number of each label, or standardised numbers."""
        if not isinstance(y, list):
            scaled = (y - self.condition_mean_) / self.condition_scale_
            return scaled.astype(self._architecture["dtype"])
        self._check_known(y, np.ones(len(y), dtype=bool))
        return encode_labels(y, self.conditions_)

    def _check_known(self, y, used):
        """Check that the labels that are used are conditions of the model."""
        unknown = (encode_labels(y, self.conditions_) < 0) & used
        if unknown.any():
            i = int(np.argmax(unknown))
            raise ValueError(
                f"y[{i}] is the condition {y[i]!r}, which is not among those that the "
                f"model was fitted on, {self.conditions_.tolist()!r:.200}."
            )

    @property
    def _is_of_ids(self):
        return self.input_kind_ == "ids"

    @property
    def _n_inputs(self):
        """The number of different inputs besides conditions."""
        return self._architecture["input_size"] - self._n_condition_inputs

    @property
    def _n_condition_inputs(self):
        if self.conditions_ is not None:
            return len(self.conditions_)
        return 0 if self.condition_mean_ is None else len(self.condition_mean_)

    @property
    def _outputs(self):
        if self._is_of_ids:
            return "softmax", self.input_size_ + 1
        return "sigmoid", self.input_size_

    def _describe(self):
        described = super()._describe()
        end = self._is_of_ids and (self.stream or self.tie_weights)
        n_inputs = self.input_size_ + bool(end)
        described["input_size"] = n_inputs + self._n_condition_inputs
        width = described["hidden_sizes"][-1]
        if self.tie_weights and self.embedding_dim != width:
            raise ValueError(
                f"tie_weights=True needs embedding_dim={width}, the size of the last "
                f"hidden layer; got {self.embedding_dim}."
            )
        return described

    def _initialize(self, X):
        self.unknown_token_ = X.unknown
        self.end_token_ = X.n_tokens if X.kind == "ids" else None
        super()._initialize(X)

    def _make_terms(self, X, y, weights):
        self._stream = bool(self.stream)
        used = weights != 0
        if isinstance(y, list):
            self._check_known(y, used | self._stream)
        if not self.stream and isinstance(y, list):  # others may be of no class
            X, weights, y = X[used], weights[used], list(compress(y, used))
        conditions = None if y is None else self._encode_conditions(y)
        inputs, targets = self._shift(X, conditions)
        weights = np.repeat(weights, inputs.lengths)
        return Terms(inputs, targets, weights, inputs.offsets)

    def _inputs(self, X, conditions):
        """Return for each sequence the first input, then its steps."""
        offsets = X.offsets + np.arange(len(X) + 1)
        is_first = np.zeros(offsets[-1], dtype=bool)
        is_first[offsets[:-1]] = True
        if self._is_of_ids:
            first = self.end_token_ if self._stream else -1
            steps = np.full(offsets[-1], first, dtype=np.int64)
        else:
            dtype = self._architecture["dtype"]
            steps = np.zeros((offsets[-1], self.input_size_), dtype=dtype)
        steps[~is_first] = X.rows
        if conditions is not None:
            conditions = conditions[np.repeat(np.arange(len(X)), X.lengths + 1)]
        return Sequences(self._input_rows(steps, conditions), offsets)

    def _input_rows(self, steps, conditions):
        """Return what the network reads: steps, and the condition of each."""
        n, dtype = len(steps), self._architecture["dtype"]
        if conditions is None:
            return steps if self._is_of_ids else steps.astype(dtype, copy=False)
        K = self._n_condition_inputs
        if conditions.ndim == 1:
            columns, values = conditions[:, None], np.ones((n, 1), dtype=dtype)
        else:
            columns, values = np.tile(np.arange(K), (n, 1)), conditions
        if not self._is_of_ids:
            steps = steps.astype(dtype, copy=False)
            beside = np.zeros((n, K), dtype=dtype)
            np.put_along_axis(beside, columns, values, axis=1)
            return np.concatenate([steps, beside], axis=1)
        columns = np.concatenate([steps[:, None], self._n_inputs + columns], axis=1)
        values = np.concatenate([np.ones((n, 1), dtype=dtype), values], axis=1)
        is_there = columns >= 0
        indptr = np.concatenate([[0], np.cumsum(is_there.sum(axis=1))])
        shape = n, self._architecture["input_size"]
        return sparse.csr_array((values[is_there], columns[is_there], indptr), shape)

    def _shift(self, X, conditions):
        """Return what is read before each step that is predicted, and these steps."""
        inputs = self._inputs(X, conditions)
        last = inputs.offsets[1:] - 1
        if self._is_of_ids:
            targets = np.empty(inputs.offsets[-1], dtype=np.int64)
            targets[last] = self.end_token_
            is_last = np.zeros(len(targets), dtype=bool)
            is_last[last] = True
            targets[~is_last] = X.rows
            return inputs, targets
        return Sequences(np.delete(inputs.rows, last, axis=0), X.offsets), X.rows

    def _encode_targets(self, y, offsets, used):
        raise NotImplementedError("see _make_terms")

    def _strategy(self):
        if self.stream:
            return Stream(self.batch_size, self.bptt)
        return super()._strategy()

    def _validator(self, network, terms):
        X, targets, weights, _ = terms
        if not weights.any():
            raise ValueError(
                "early_stopping with stream=True holds out the end of the text, which "
                "has no sample_weight: use a larger validation_fraction."
            )

        def validate(params):
            losses = self._losses(network, params, X, targets)
            return -float(np.average(losses, weights=weights))

        return validate

    def _validation_score(self, scores, targets, weights):
        raise NotImplementedError("see _validator")

    def _losses(self, network, params, inputs, targets):
        """Return minus the log-probability of each step."""
        offsets = inputs.offsets[[0, -1]] if self._stream else inputs.offsets
        with steady_arithmetic():
            return network.losses(
                params,
                Data(inputs.rows, offsets, targets, None, offsets),
                run_all=self._map_threads,
            )

    # --- probabilities ----------------------------------------------------------------

    def _check(self, X, y):
        """Return sequences, and their conditions encoded, None where there are none."""
        check_is_fitted(self)
        dtype = self._architecture["dtype"]
        X = self._check_X(X, reset=False, table=None, dtype=dtype)
        return X, self._check_conditions(y, len(X))

    def _check_conditions(self, y, n):
        if y is None:
            if self.condition_mean_ is not None:
                raise ValueError(
                    "y is None, but the model was fitted on conditions that are "
                    "numbers: pass those of each sequence."
                )
            if self.conditions_ is not None and self._stream:
                raise ValueError(
                    "y is None, but the model was fitted on a stream with conditions: "
                    "pass the condition of each sequence."
                )
            return None
        y = check_conditions(y, n, numeric=self.condition_mean_ is not None)
        self._check_like_before(y)
        return self._encode_conditions(y)

    def _is_mixture(self, conditions):
        return conditions is None and self.conditions_ is not None

    def _each_condition(self, n):
        """Yield each label, by its number, as the condition of n sequences."""
        for code in range(len(self.conditions_)):
            yield np.full(n, code)

    def _log_proba(self, X, conditions):
        """Return the log-probability of each step, and where sequences begin."""
        if self._is_mixture(conditions):
            return self._mixed_log_proba(X)
        inputs, targets = self._shift(X, conditions)
        network = make_network(self._architecture)
        log_proba = -self._losses(network, self._params(), inputs, targets)
        return log_proba, inputs.offsets

    def _mixed_log_proba(self, X):
        """Do the same where each sequence may have had any of the conditions."""
        given = [self._log_proba(X, c) for c in self._each_condition(len(X))]
        offsets = given[0][1]
        log_proba = np.stack([each for each, _ in given])  # shape: (n_conditions, N)
        log_prior = self.condition_log_prior_[:, None]
        mixed = np.empty(offsets[-1])
        for start, stop in pairwise(offsets):
            joint = log_prior + np.cumsum(log_proba[:, start:stop], axis=1)
            so_far = logsumexp(joint, axis=0)
            mixed[start:stop] = np.diff(so_far, prepend=0)
        return mixed, offsets

    def log_proba_per_step(self, X, y=None):
        """Compute the log-probability of each step, given all before it.

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
        return _sums(log_proba, offsets)

    def score(self, X, y=None, sample_weight=None):
        """Compute the mean log-likelihood of a step, end tokens included.

        Parameters
        ----------
        X, y
            As in `log_proba_per_step`.
        sample_weight : array-like of shape (n,), default=None
            How much the steps of each sequence count.

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
        """Compute the mean number of bits of a step, ``-score(X, y) / log(2)``.

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
        """Compute the probability of each token to come next, after each sequence.

        Also with `stream`, a sequence here follows no other.

        Parameters
        ----------
        X, y
            As in `log_proba_per_step`.

        Returns
        -------
        ndarray of shape (n, n_tokens + 1), or (n, d)
            The last column, `end_token_`, is the probability that nothing comes next.
            For rows of 0 and 1, the probability of each number to be 1.
        """
        X, conditions = self._check(X, y)
        if not self._is_mixture(conditions):
            return self._head().proba(self._read(X, conditions)[0])
        posterior = self._posterior(X)
        proba = 0
        for code, conditions in enumerate(self._each_condition(len(X))):
            scores, _ = self._read(X, conditions)
            proba = proba + posterior[:, code, None] * self._head().proba(scores)
        return proba

    def predict(self, X, y=None):
        """Predict the most probable token to come next, after each sequence.

        Parameters
        ----------
        X, y
            As in `log_proba_per_step`.

        Returns
        -------
        ndarray of shape (n,), or (n, d) of 0 and 1
            Token ids, `end_token_` where it is most probable that nothing comes next.
        """
        proba = self.predict_proba(X, y)
        return proba.argmax(axis=1) if self._is_of_ids else (proba > 0.5).astype(int)

    def _head(self):
        return HEADS[self._outputs[0]]()

    def _read(self, X, conditions):
        """Return the scores of what comes next, float64, and the state."""
        inputs = self._inputs(X, conditions)
        with steady_arithmetic():
            scores, state = make_network(self._architecture).read(
                self._params(), inputs.rows, inputs.offsets, run_all=self._map_threads
            )
        return scores.astype(np.float64), state

    def _posterior(self, X):
        """Return the probability of each condition, given how a sequence begins."""
        joint = np.zeros((len(X), len(self.conditions_)))
        for code, conditions in enumerate(self._each_condition(len(X))):
            if X.rows.shape[0] == 0:
                break  # nothing is known
            log_proba, offsets = self._log_proba(X, conditions)
            if self._is_of_ids:
                log_proba[offsets[1:] - 1] = 0  # it goes on
            joint[:, code] = _sums(log_proba, offsets)
        joint += self.condition_log_prior_
        joint -= logsumexp(joint, axis=1, keepdims=True)
        return np.exp(joint)

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

        Each token is drawn from the distribution that is predicted after those before
        it, until the end token is drawn or the sequence has `max_length` tokens.

        Parameters
        ----------
        n_samples : int, default=1
            How many.
        prefix : sequence, or container of 1 or `n_samples` sequences, default=None
            What all samples, or each, begin with.
        condition : label, or row of d numbers, or `n_samples` of them, default=None
            What all samples, or each, are drawn for, if the model was fitted on
            conditions. Labels are drawn, too, if None: by their probability, given the
            prefix.
        temperature : float, default=1.0
            Scores are divided by it: below 1 the samples get more probable, above 1
            less so. 0 takes the most probable token at each step.
        top_k : int, default=None
            If given, only so many of the most probable tokens may be drawn. Not for
            rows of 0 and 1.
        top_p : float, default=None
            If given, in (0, 1], only as few of the most probable tokens as together
            have this probability. Not for rows of 0 and 1.
        max_length : int, default=1000
            The number of tokens of a sample at most, its prefix included.
        exclude : "unknown" or sequence of int, default="unknown"
            Token ids that are not drawn; by default that of the unknown token, if
            there is one. ``()`` excludes none. Not for rows of 0 and 1.
        random_state : int, RandomState instance or None, default=None
            Determines what is drawn. The same int gives the same samples.

        Returns
        -------
        Sequences
            The samples, with their prefixes and without end tokens, which the
            `inverse_transform` of a `VocabularyEncoder` decodes.

        Raises
        ------
        ValueError
            If an argument is not as it should be.

        References
        ----------
        Holtzman, A. et al. (2020). The curious case of neural text degeneration. ICLR.
        (`top_p`.)
        """
        check_is_fitted(self)
        check_scalar(n_samples, "n_samples", Integral, min_val=1)
        _check_sampling(temperature, top_k, top_p)
        if self._is_of_ids:
            excluded = self._check_excluded(exclude)
        elif top_k is not None or top_p is not None or not isinstance(exclude, str):
            raise ValueError(
                "top_k, top_p and exclude are for tokens, and the model was fitted on "
                "rows of 0 and 1: leave them out."
            )
        prefix = self._check_prefix(prefix, n_samples, max_length)
        rng = check_random_state(random_state)
        conditions = self._sample_conditions(condition, prefix, rng)
        if self._is_of_ids:
            draw = token_sampler(
                rng,
                temperature=temperature,
                top_k=top_k,
                top_p=top_p,
                excluded=excluded,
            )
        else:
            draw = row_sampler(rng, temperature=temperature)
        parts = []
        at_once = max(1, MAX_DRAWN // self._outputs[1])
        for start in range(0, n_samples, at_once):
            some = slice(start, start + at_once)
            own = None if conditions is None else conditions[some]
            parts += self._continue(prefix[some], own, draw, max_length)
        offsets = np.concatenate([[0], np.cumsum([len(part) for part in parts])])
        return self._new_sequences(np.concatenate(parts), offsets)

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
            What they begin with.
        width : int, default=5
            How many beginnings are followed at a time, and how many sequences are
            returned. The wider, the better what is found.
        condition : label or row of d numbers, default=None
            As in `fit`, if the model was fitted on conditions.
        max_length : int, default=100
            The number of tokens at most, those of the prefix included.
        exclude : "unknown" or sequence of int, default="unknown"
            As in `sample`.

        Returns
        -------
        sequences : Sequences
            The best one first, with the prefix. Those that have no end within
            `max_length` tokens come last, and only where others are too few.
        log_proba : ndarray of shape (n,)
            Their log-probabilities, given the prefix, in nats: with the end for those
            that have one.

        Raises
        ------
        ValueError
            If an argument is not as it should be, or if the model is one of rows of 0
            and 1.
        """
        check_is_fitted(self)
        if not self._is_of_ids:
            raise ValueError(
                "beam_search is for tokens, and the model was fitted on rows of 0 and "
                "1: use sample with temperature=0."
            )
        check_scalar(width, "width", Integral, min_val=1)
        excluded = self._check_excluded(exclude)
        prefix = self._check_prefix(prefix, 1, max_length)
        if condition is None and self.conditions_ is not None:
            raise ValueError(
                "condition is None, but the model was fitted on conditions: pass one, "
                f"such as {self.conditions_.tolist()[0]!r}."
            )
        conditions = self._sample_conditions(condition, prefix, None)
        scores, advance = self._start(prefix, conditions)
        (found,) = beam_search(
            scores,
            advance,
            width=width,
            end=self.end_token_,
            max_steps=max_length - prefix.lengths[0],
            excluded=excluded,
        )
        tokens = [np.concatenate([prefix.rows, tokens]) for _, tokens, _ in found]
        offsets = np.concatenate([[0], np.cumsum([len(each) for each in tokens])])
        sequences = self._new_sequences(np.concatenate(tokens), offsets)
        return sequences, np.array([log_proba for log_proba, *_ in found])

    def _new_sequences(self, rows, offsets):
        if not self._is_of_ids:
            return Sequences(rows.astype(self._architecture["dtype"]), offsets)
        n_tokens, unknown = self.input_size_, self.unknown_token_
        rows = rows.astype(np.int64)
        return Sequences(rows, offsets, n_tokens=n_tokens, unknown=unknown)

    def _start(self, prefix, conditions):
        """Return the scores after the prefixes, and how to go on from there."""
        network, params = make_network(self._architecture), self._params()
        scores, state = self._read(prefix, conditions)

        def advance(steps, parents):
            nonlocal state, conditions
            state = [tuple(s[:, parents] for s in layer) for layer in state]
            if conditions is not None:
                conditions = conditions[parents]
            rows, offsets = (
                self._input_rows(steps, conditions),
                np.arange(len(steps) + 1),
            )
            with steady_arithmetic():
                scores, state = network.read(params, rows, offsets, state)
            return scores

        return scores, advance

    def _continue(self, prefix, conditions, draw, max_length):
        """Return the prefixes with what was drawn for them behind."""
        scores, advance = self._start(prefix, conditions)
        n_given = prefix.lengths
        steps, lengths = generate(
            scores,
            advance,
            draw,
            end=self.end_token_,
            max_steps=max_length - n_given.min(),
        )
        new = np.split(steps, np.cumsum(lengths)[:-1])
        return [
            np.concatenate([begin, rest])[:max_length]
            for begin, rest in zip(prefix, new, strict=True)
        ]

    def _check_prefix(self, prefix, n, max_length):
        """Return n sequences to begin with."""
        check_scalar(max_length, "max_length", Integral, min_val=1)
        if prefix is None:
            shape = (0,) if self._is_of_ids else (0, self.input_size_)
            rows = np.empty(shape, dtype=np.int64 if self._is_of_ids else self.dtype)
            return Sequences(rows, np.zeros(n + 1, dtype=np.int64))
        one = not isinstance(
            as_sequences(prefix, name="prefix", allow_empty=True), Sequences
        )
        if one and not (self._is_of_ids and np.ndim(prefix) == 2):
            prefix = [prefix]
        prefix = self._check_X(
            prefix,
            reset=False,
            table=None,
            dtype=self._architecture["dtype"],
            name="prefix",
        )
        if len(prefix) not in (1, n):
            raise ValueError(
                f"prefix holds {len(prefix)} sequences and n_samples is {n}: pass one "
                "for all samples, or one for each."
            )
        if prefix.lengths.max() > max_length:
            i = int(np.argmax(prefix.lengths > max_length))
            raise ValueError(
                f"prefix[{i}] has {prefix.lengths[i]} steps, more than max_length="
                f"{max_length}, which includes it."
            )
        return prefix[np.zeros(n, dtype=int)] if len(prefix) == 1 else prefix

    def _check_excluded(self, exclude):
        if isinstance(exclude, str) and exclude == "unknown":
            return [] if self.unknown_token_ is None else [self.unknown_token_]
        ids = np.asarray(exclude)
        if ids.size == 0:
            return []
        top = self.input_size_ - 1
        if (
            ids.ndim != 1
            or ids.dtype.kind not in "iu"
            or ids.min() < 0
            or ids.max() > top
        ):
            raise ValueError(
                'exclude must be "unknown" or a sequence of token ids from 0 to '
                f"{top}; got {exclude!r:.200}."
            )
        return ids.tolist()

    def _sample_conditions(self, condition, prefix, rng):
        """Return the condition of each sequence to draw, encoded."""
        n = len(prefix)
        if condition is None:
            if self._is_mixture(self._check_conditions(None, n)):
                return draw_index(rng, self._posterior(prefix))
            return None
        if self.condition_mean_ is not None:
            K = len(self.condition_mean_)
            condition = np.asarray(condition, dtype=np.float64)
            if condition.shape in ((), (1,), (K,), (1, K)) and condition.size == K:
                condition = np.tile(condition.reshape(1, K), (n, 1))
            if condition.shape != (n, K) and (*condition.shape, K) != (n, 1):
                raise ValueError(
                    f"condition has shape {condition.shape}: pass one row of {K} "
                    f"numbers, or a row for each of the {n} samples."
                )
        elif isinstance(condition, np.generic) or not (
            isinstance(condition, list) or hasattr(condition, "__array__")
        ):
            condition = [condition] * n
        return self._check_conditions(condition, n)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.required = False
        tags.input_tags.categorical = True
        tags.input_tags.positive_only = True
        return tags


def _sums(values, offsets):
    """Return the sum of the values of each sequence, 0 where there are none."""
    sums = np.add.reduceat(np.append(values, 0.0), offsets[:-1])
    sums[np.diff(offsets) == 0] = 0
    return sums


def _check_frames(X, name):
    """Return rows of 0 and 1, dense."""
    if len(X) and X.lengths.min() == 0:
        raise_empty(X.lengths, name)
    for i, rows in enumerate(X):
        values = rows.data if sparse.issparse(rows) else rows
        check_indicators(
            values,
            f"{name}[{i}]",
            "RNNLanguageModel takes token ids, integers of one dimension, or rows of 0 "
            "and 1, with a column for each note or event",
        )
    rows = X.rows.toarray() if sparse.issparse(X.rows) else X.rows
    return Sequences(rows, X.offsets)


def _check_sampling(temperature, top_k, top_p):
    check_scalar(temperature, "temperature", Real, min_val=0)
    if not np.isfinite(temperature):
        raise ValueError(f"temperature must be finite, got {temperature}.")
    if top_k is not None:
        check_scalar(top_k, "top_k", Integral, min_val=1)
    if top_p is not None:
        check_scalar(top_p, "top_p", Real, min_val=0, max_val=1)
        if not top_p > 0:
            raise ValueError(f"top_p must be in the range (0, 1], got {top_p}.")
