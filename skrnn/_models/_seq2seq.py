"""RNNSeq2Seq: an encoder and a decoder with attention."""

import warnings
from numbers import Integral, Real

import numpy as np
from sklearn.utils import check_scalar

from skrnn._core.seq2seq import ATTENTIONS
from skrnn._models._blas import deterministic_arithmetic
from skrnn._models._docs import shared_docs
from skrnn._models._token_targets import TokenTargetRNN, stack
from skrnn._sequences import as_items, object_array
from skrnn._validation import Interval, StrOptions, check_weights, encode_labels


@shared_docs(
    bidirectional="Whether every layer of the encoder reads in both directions. The "
    "layers of the\n    decoder then have twice the units.",
    terms="tokens of the targets, ends included",
    term="token of a target",
    unit="in nats",
    score="mean log-likelihood of a token",
)
class RNNSeq2Seq(TokenTargetRNN):
    """Recurrent network that predicts a sequence of another length for each sequence.

    Typical tasks are translation, pronunciation, spelling correction and the
    normalisation of dates and numbers. An encoder reads the whole of X[i]; a decoder
    then emits y[i] token by token and at each token attends to the encoder's outputs.
    Training minimises the cross entropy of each token given the source and the true
    tokens before it, ends included, by backpropagation through time.

    Parameters
    ----------
    %(cell)s
    %(bidirectional)s
    attention : {"dot", "general", "additive"} or None, default="general"
        The score function of attention. With the decoder output h and the encoder
        output m at a step of the source, the score of that step is ``h @ m`` ("dot"),
        ``h @ W @ m`` ("general") or ``v @ tanh(h @ W_query + m @ W_key)``
        ("additive"). The context is the sum of the encoder outputs, weighted by the
        softmax of the scores. With None there is no attention, and the decoder only
        receives the last state of the encoder.
    %(layers)s
    %(training)s
    target_tokenizer : transformer, default=None
        Splits targets that are texts, and joins predicted tokens to texts, such as
        ``Tokenizer(analyzer="char")``; a clone is fitted. If None, targets are
        sequences of tokens.
    max_target_tokens : int, default=None
        The number of the most frequent target tokens to keep; None keeps all. Others
        are encoded as an unknown token, which is never predicted.
    max_target_length : int, default=None
        The maximum number of tokens of a predicted target; None for that of the longest
        target in `fit`.
    beam_width : int, default=1
        The number of hypotheses that the beam search of `predict` keeps. With 1,
        decoding is greedy: the most probable token at each step.
    length_penalty : float, default=0.0
        In beam search, hypotheses are ranked by their log-probability divided by their
        number of tokens, the end included, to this power: 0 favours short targets, 1
        ranks by the mean per token.
    %(run)s

    Attributes
    ----------
    classes_ : ndarray of shape (K,)
        The tokens of the targets.
    has_unknown_ : bool
        Whether there is an unknown token, see `max_target_tokens`.
    longest_target_ : int
        The number of tokens of the longest target in `fit`.
    target_tokenizer_ : transformer or None
        The fitted tokenizer of targets.
    %(fitted)s

    See Also
    --------
    RNNTranscriber : For targets in the order of the source, such as speech.
    RNNTagger : For one label for each step.
    skrnn.metrics.bleu_score, skrnn.metrics.label_error_rate : Scores of predictions.

    Notes
    -----
    y is a container of n sequences, each a list or an array of at least one hashable
    token; with a `target_tokenizer` also n texts. The decoder has as many layers as the
    encoder; each layer starts from the last state of the encoder's layer and has as
    many units as that layer has in all directions. The input of the output layer is
    ``tanh([c, h] @ W_combined)``, c being the context, as in Luong et al. (2015), but
    without input feeding, so that training computes all steps at once.

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
    The target is the reversed sequence:

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

    __module__ = "skrnn"

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
        self._set_params(locals())

    def _network_spec(self):
        return self._shared_spec() | {
            "n_outputs": self._end + 1,
            "attention": self.attention,
        }

    def _scorer(self, network, data):
        def validate(params):
            losses = network.losses(params, data, run_all=self._map_threads)
            return -float(np.average(losses, weights=data.weights))

        return validate

    # --- fitted models ----------------------------------------------------------------

    def predict(self, X):
        """Predict the target of each sequence.

        Parameters
        ----------
        X : container of n sequences
            As in `fit`.

        Returns
        -------
        ndarray of shape (n,) of objects
            Item i is an array of tokens, or with a `target_tokenizer` a text. Targets
            that do not end within the maximum length are truncated; a warning gives
            their number.
        """
        return self._to_targets(*self._decode(self._check_fitted_X(X)))

    def _decode(self, X):
        """Return the ids of the predicted tokens, and the offsets of targets."""
        if self.beam_width > 1:
            best = (hypotheses[0] for hypotheses in self._search(X, self.beam_width))
            decoded = [(ids, has_ended) for _, ids, has_ended in best]
        else:
            with deterministic_arithmetic():
                decoded = self._network().greedy(
                    self._params(),
                    X.rows,
                    X.offsets,
                    max_steps=self._max_length,
                    excluded=self._excluded,
                    run_all=self._map_threads,
                )
        n_cut = sum(not has_ended for _, has_ended in decoded)
        if n_cut:
            warnings.warn(
                f"{n_cut} of {len(X)} predicted targets did not end within "
                f"{self._max_length} tokens and were truncated: raise "
                "max_target_length, or train longer.",
                stacklevel=3,
            )
        return stack([ids for ids, _ in decoded])

    def _search(self, X, width):
        """Return the hypotheses of beam search for each sequence, the best first."""
        with deterministic_arithmetic():
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

    @property
    def _max_length(self):
        return self.max_target_length or self.longest_target_

    @property
    def _excluded(self):
        """The outputs that are never predicted: the unknown token."""
        return [len(self.classes_)] if self.has_unknown_ else []

    def predict_n_best(self, X, n=5):
        """Predict several targets for each sequence, the best one first.

        Parameters
        ----------
        X : container of n sequences
            As in `fit`.
        n : int, default=5
            The maximum number of targets. The beam search keeps `beam_width`
            hypotheses, at least n.

        Returns
        -------
        ndarray of shape (n,) of objects
            Item i is a list of pairs: the log-probability of a target, in nats, and the
            target. Truncated targets come last, and only where complete ones are fewer
            than n.

        Raises
        ------
        ValueError
            If `n` is below 1.
        """
        check_scalar(n, "n", Integral, min_val=1)
        X = self._check_fitted_X(X)
        found = self._search(X, max(n, self.beam_width))
        return self._to_pairs([hypotheses[:n] for hypotheses in found])

    def score_samples(self, X, y=None):
        """Compute the log-probability of each target, given its source.

        Parameters
        ----------
        X : container of n sequences
            As in `fit`.
        y : container of n targets, default=None
            As in `fit`; targets may be empty. If None, the predictions of `predict`.

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
        X = self._check_fitted_X(X)
        y = self._to_targets(*self._decode(X)) if y is None else y
        data = self._check_pairs(X, y)
        with deterministic_arithmetic():
            losses = self._network().losses(
                self._params(), data, run_all=self._map_threads
            )
        return -np.add.reduceat(losses, data.term_offsets[:-1])

    def score(self, X, y, sample_weight=None):
        """Compute the share of targets that are predicted exactly.

        Parameters
        ----------
        X : container of n sequences
            As in `fit`.
        y : container of n targets
            As in `fit`. A target with a token that was not in those of `fit` counts as
            an error.
        sample_weight : array-like of shape (n,), default=None
            The weight of each sequence.

        Returns
        -------
        float
        """
        X = self._check_fitted_X(X)
        ids, offsets = self._decode(X)
        y = self._tokenize(y, len(X), self.target_tokenizer_)
        weights = check_weights(sample_weight, len(X))
        codes = encode_labels(y.tokens, self.classes_)
        pairs = zip(as_items(ids, offsets), as_items(codes, y.offsets), strict=True)
        right = [np.array_equal(a, b) for a, b in pairs]
        return float(np.average(right, weights=weights))

    def attention_weights(self, X, y):
        """Compute the attention weights of the source's steps for each target token.

        Parameters
        ----------
        X : container of n sequences
            As in `fit`.
        y : container of n targets
            As in `fit`, such as the predictions of `predict`; targets may be empty.

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
        data = self._check_pairs(self._check_fitted_X(X), y)
        if self._architecture["attention"] is None:
            raise ValueError(
                "attention_weights needs a model with attention; this one was fitted "
                'with attention=None. Refit with, e.g., attention="general".'
            )
        with deterministic_arithmetic():
            weights = self._network().attention_weights(self._params(), data)
        return object_array(weights, len(weights))

    @property
    def weights_(self):
        """The weights by name, views that share memory with the model.

        Weights of the encoder have the names of other estimators: ``embedding``,
        ``W0``, ``U0``, ``b0`` and so on. Names of the decoder's weights have the prefix
        ``decoder_``. ``decoder_W_out`` of shape (M, K) and ``decoder_b_out`` of shape
        (K,) are the output layer, M the units of the decoder's last layer and K the
        number of target tokens, including the unknown token, if any, and the end.

        - ``W_attention``, shape (M, M), of "general" attention;
        - ``W_query``, ``W_key``, shape (M, M), and ``v_attention``, shape (M,), of
          "additive" attention;
        - ``W_combined``, shape (2 * M, M).
        """
        return super().weights_
