"""RNNSeq2Seq: a sequence of another length for each sequence."""

import warnings
from numbers import Integral, Real

import numpy as np
from sklearn.utils import check_scalar

from skrnn._base import steady_arithmetic
from skrnn._core import make_network
from skrnn._core.seq2seq import ATTENTIONS
from skrnn._docs import shared_docs
from skrnn._sequences import object_array
from skrnn._targets import TokenTargetRNN, stack
from skrnn._validation import (
    Interval,
    StrOptions,
    check_is_fitted,
)


@shared_docs(
    bidirectional="Whether every layer of the encoder reads in both directions. The "
    "layers of the\n    decoder then have twice the units.",
    terms="tokens of the targets, ends included",
    term="token of a target",
    unit="in nats",
    score="mean log-likelihood of a token",
)
class RNNSeq2Seq(TokenTargetRNN):
    """Recurrent network that turns a sequence into another one, of another length.

    For translation, pronunciation, spelling, dates and numbers written in many ways:
    whatever reads one sequence and writes another. An encoder reads the whole of X[i];
    a decoder then writes y[i] token by token, each time looking back at what the
    encoder made of the steps that matter now: attention. It minimises the cross
    entropy of each token given the source and the true tokens before it, ends
    included, by backpropagation through time.

    Parameters
    ----------
    %(cell)s
    %(bidirectional)s
    attention : {"dot", "general", "additive"} or None, default="general"
        How the decoder looks at the source. With h what the decoder's last layer says
        after the tokens so far, and m what the encoder's says at a step of the source,
        the score of that step is ``h @ m`` ("dot"), ``h @ W @ m`` ("general") or
        ``v @ tanh(h @ W_query + m @ W_key)`` ("additive"). The steps are summed up by
        the softmax of their scores. With None the decoder has the last state of the
        encoder only.
    %(layers)s
    %(training)s
    target_tokenizer : transformer, default=None
        If given, what splits targets that are texts and joins predicted ones, such as
        ``Tokenizer(analyzer="char")``; a clone is fitted. If None, targets are
        sequences of tokens.
    max_target_tokens : int, default=None
        If given, only so many of the most frequent tokens of the targets are told
        apart. The others become an unknown token, which is never predicted.
    max_target_length : int, default=None
        The number of tokens of a predicted target at most; None for that of the
        longest target in `fit`.
    beam_width : int, default=1
        How many beginnings of a target `predict` follows at a time. With 1 it takes
        the most probable token each time.
    length_penalty : float, default=0.0
        In a beam, targets are compared by their log-probability divided by their number
        of tokens, the end included, to this power: 0 favours short ones, 1 compares
        means.
    %(run)s

    Attributes
    ----------
    classes_ : ndarray of shape (K,)
        The tokens of the targets.
    has_unknown_ : bool
        Whether there is an unknown token besides.
    longest_target_ : int
        The number of tokens of the longest target that was fitted on.
    target_tokenizer_ : transformer or None
        The fitted one.
    %(fitted)s

    See Also
    --------
    RNNTranscriber : For targets in the order of the source, such as speech.
    RNNTagger : For one label for each step.
    skrnn.metrics.bleu_score, skrnn.metrics.label_error_rate : How good they are.

    Notes
    -----
    y is a container of n sequences, each a list or an array of at least one hashable
    token; with a `target_tokenizer` also n texts. The layers of the decoder are as many
    as those of the encoder, start from its last state, and have as many units as it has
    in all its directions. The output layer stands on ``tanh([c, h] @ W_combined)``, c
    being the sum that attention makes of the source, as in Luong et al. (2015), where
    it is not read again at the next step, so that all steps can be computed at once in
    training.

    References
    ----------
    Sutskever, I., Vinyals, O. and Le, Q. V. (2014). Sequence to sequence learning with
    neural networks. NIPS.

    Bahdanau, D., Cho, K. and Bengio, Y. (2015). Neural machine translation by jointly
    learning to align and translate. ICLR.

    Luong, M.-T., Pham, H. and Manning, C. D. (2015). Effective approaches to
    attention-based neural machine translation. EMNLP.

    Examples
    --------
    Reversing words:

    >>> import numpy as np
    >>> from skrnn import RNNSeq2Seq
    >>> rng = np.random.RandomState(0)
    >>> X = [rng.randint(4, size=length) for length in rng.randint(1, 6, size=400)]
    >>> y = [x[::-1] for x in X]
    >>> model = RNNSeq2Seq(hidden_layer_sizes=24, max_iter=30, random_state=0)
    >>> model.fit(X, y).score(X, y) > 0.9
    True
    >>> model.predict([[0, 1, 2, 3]])[0]
    array([3, 2, 1, 0])
    """

    _parameter_constraints: dict = {
        **TokenTargetRNN._parameter_constraints,
        "attention": [None, StrOptions(set(ATTENTIONS))],
        "max_target_length": [None, Interval(Integral, 1, None, closed="left")],
        "beam_width": [Interval(Integral, 1, None, closed="left")],
        "length_penalty": [Interval(Real, 0, None, closed="left")],
    }

    def __init__(
        self,
        *,
        cell="lstm",
        hidden_layer_sizes=(100,),
        bidirectional=True,
        attention="general",
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
        target_tokenizer=None,
        max_target_tokens=None,
        max_target_length=None,
        beam_width=1,
        length_penalty=0.0,
        random_state=None,
        n_jobs=None,
        verbose=False,
        dtype="float32",
    ):
        super().__init__(
            cell=cell,
            hidden_layer_sizes=hidden_layer_sizes,
            bidirectional=bidirectional,
            attention=attention,
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
            target_tokenizer=target_tokenizer,
            max_target_tokens=max_target_tokens,
            max_target_length=max_target_length,
            beam_width=beam_width,
            length_penalty=length_penalty,
            random_state=random_state,
            n_jobs=n_jobs,
            verbose=verbose,
            dtype=dtype,
        )

    @property
    def _outputs(self):
        return "softmax", self._end + 1

    def _describe(self):
        described = super()._describe() | {"attention": self.attention}
        for name in ("head", "pooling", "tied"):
            del described[name]
        return described

    def _validator(self, network, terms):
        data = terms.data()

        def validate(params):
            losses = network.losses(params, data, run_all=self._map_threads)
            return -float(np.average(losses, weights=terms.weights))

        return validate

    # --- use --------------------------------------------------------------------------

    def _check(self, X):
        check_is_fitted(self)
        dtype = self._architecture["dtype"]
        return self._check_X(X, reset=False, table=self._table, dtype=dtype)

    def _check_pairs(self, X, y):
        """Return sources and their targets as `training.Data`."""
        X = self._check(X)
        y = self._tokenize(y, len(X), self.target_tokenizer_)
        terms = self._encode_terms(X, y, np.ones(len(X)))
        return terms.data()

    def predict(self, X):
        """Predict the target of each sequence.

        Parameters
        ----------
        X : container of n sequences
            As in `fit`.

        Returns
        -------
        ndarray of shape (n,) of objects
            Item i is an array of tokens, or with a `target_tokenizer` a text. Where
            there is no end within the greatest length, it is cut there, with a warning
            that says of how many.
        """
        return self._to_targets(*self._decode(X))

    def _decode(self, X):
        X = self._check(X)
        if self.beam_width > 1:
            best = (ways[0] for ways in self._search(X, self.beam_width))
            found = [(ids, has_ended) for _, ids, has_ended in best]
        else:
            with steady_arithmetic():
                found = self._network().greedy(
                    self._params(),
                    X.rows,
                    X.offsets,
                    max_steps=self._max_length,
                    excluded=self._excluded,
                    run_all=self._map_threads,
                )
        n_cut = sum(not has_ended for _, has_ended in found)
        if n_cut:
            warnings.warn(
                f"{n_cut} of {len(X)} predicted targets had no end within "
                f"{self._max_length} tokens and were cut there: raise "
                "max_target_length, or train for longer.",
                stacklevel=3,
            )
        return stack([ids for ids, _ in found])

    def _search(self, X, width):
        with steady_arithmetic():
            return self._network().search(
                self._params(),
                X.rows,
                X.offsets,
                width=width,
                max_steps=self._max_length,
                excluded=self._excluded,
                length_penalty=self.length_penalty,
                run_all=self._map_threads,
            )

    def _network(self):
        return make_network(self._architecture)

    @property
    def _max_length(self):
        return self.max_target_length or self.longest_target_

    @property
    def _excluded(self):
        """The outputs that are not predicted: the unknown token."""
        return [len(self.classes_)] if self.has_unknown_ else []

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
            Item i is a list of pairs: the log-probability of a target, in nats, and the
            target. Those that were cut come last, and only where others are too few.

        Raises
        ------
        ValueError
            If `n` is below 1.
        """
        check_scalar(n, "n", Integral, min_val=1)
        X = self._check(X)
        found = [ways[:n] for ways in self._search(X, max(n, self.beam_width))]
        return self._to_pairs(found)

    def score_samples(self, X, y=None):
        """Compute the log-probability of each target, given its source.

        Parameters
        ----------
        X : container of n sequences
            As in `fit`.
        y : container of n targets, default=None
            As in `fit`, or without tokens. If None, those that `predict` gives.

        Returns
        -------
        ndarray of shape (n,)
            In nats, the end of the target included.

        Raises
        ------
        ValueError
            If a target has a token that was not in those of `fit`, and there is no
            unknown token.
        """
        check_is_fitted(self)
        y = self.predict(X) if y is None else y
        data = self._check_pairs(X, y)
        with steady_arithmetic():
            losses = self._network().losses(
                self._params(), data, run_all=self._map_threads
            )
        return -np.add.reduceat(losses, data.term_offsets[:-1])

    def attention_weights(self, X, y):
        """Compute how much each token of a target looks at each step of its source.

        Parameters
        ----------
        X : container of n sequences
            As in `fit`.
        y : container of n targets
            As in `fit`, or without tokens; what `predict` returned will do.

        Returns
        -------
        ndarray of shape (n,) of objects
            Item i is an array of shape (T_y + 1, T_x), a row for each token and one for
            the end; rows sum to 1.

        Raises
        ------
        ValueError
            If the model has no attention, or as in `score_samples`.
        """
        data = self._check_pairs(X, y)
        if self._architecture["attention"] is None:
            raise ValueError(
                "There are no weights, since the model was fitted with attention=None: "
                'fit it with another, such as "general".'
            )
        with steady_arithmetic():
            weights = self._network().attention_weights(self._params(), data)
        return object_array(weights, len(weights))

    @property
    def weights_(self):
        """The weights by name, views that share memory with the model.

        Those of the encoder have the names of other estimators: ``embedding``, ``W0``,
        ``U0``, ``b0`` and so on. Those of the decoder have them with ``decoder_``
        before, ``decoder_W_out`` of shape (M, K) and ``decoder_b_out`` of shape (K,)
        being the output layer, M the units of the decoder's last layer and K the number
        of tokens, with the unknown token, if there is one, and the end.

        - ``W_attention``, shape (M, M), of "general" attention;
        - ``W_query``, ``W_key``, shape (M, M), and ``v_attention``, shape (M,), of
          "additive" attention;
        - ``W_combined``, shape (2 * M, M).
        """
        return super().weights_
