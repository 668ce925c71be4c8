"""Encoder and decoder: one stack reads the source, a network emits the target."""

import numpy as np

from skrnn._core.attention_layer import ATTENTIONS, AttentionLayer
from skrnn._core.batching import PackedBatch, batches_by_length, pack_pairs
from skrnn._core.decoding import beam_search, generate
from skrnn._core.network import MAX_SCORES, Network, parts_of
from skrnn._core.params import Params, PrefixedParams, fill_specs
from skrnn._core.stack import Stack

__all__ = ["ATTENTIONS", "EncoderDecoder"]

DECODER = "decoder_"  # the prefix of the names of the decoder's parameters
MAX_SOURCES = 128  # sources decoded at a time


class EncoderDecoder:
    """A stack that reads a source, and a network that emits its target term by term.

    The encoder is a stack of recurrent layers in one or two directions. The decoder has
    as many layers, each with as many units as the encoder's has in all directions, and
    starts from their last states. It reads the previous term, at first the end of a
    target, which is also the last term to emit. With attention, the output layer takes
    the outputs of an `AttentionLayer`, else those of the decoder.

    Parameters
    ----------
    attention : {"dot", "general", "additive"} or None
        The kind of attention.
    n_outputs : int
        K, the number of different terms; the last one is the end.
    hidden_sizes, bidirectional, input_size
        Those of the encoder, as in `Stack`.
    **shared : dict
        The parameters of `Stack` that encoder and decoder share: cell, activation,
        embedding_dim, dropout, dtype, n_threads.
    """

    # How sources and targets become a batch.
    pack = staticmethod(pack_pairs)

    def __init__(
        self, *, attention, n_outputs, hidden_sizes, bidirectional, input_size, **shared
    ):
        self.encoder = Stack(
            input_size=input_size,
            hidden_sizes=hidden_sizes,
            bidirectional=bidirectional,
            pooling=None,
            **shared,
        )
        self.decoder = Network(
            input_size=n_outputs,
            hidden_sizes=[self.encoder.n_directions * H for H in hidden_sizes],
            n_outputs=n_outputs,
            bidirectional=False,
            pooling=None,
            head="softmax",
            **shared,
        )
        self.attention = None
        if attention is not None:
            size, n_threads = self.decoder.output_size, self.decoder.n_threads
            self.attention = AttentionLayer(attention, size, n_threads)
        self.end = n_outputs - 1
        self.head = self.decoder.head
        self.dropout, self.dtype = self.decoder.dropout, self.decoder.dtype

    # --- parameters -------------------------------------------------------------------

    def specs(self):
        """Return the `ArraySpec` of each array of parameters, by name."""
        decoder = {DECODER + name: s for name, s in self.decoder.specs().items()}
        attention = {} if self.attention is None else self.attention.specs()
        return self.encoder.specs() | decoder | attention

    def shapes(self):
        """Return the shape of each array of parameters, by name."""
        return {name: spec.shape for name, spec in self.specs().items()}

    def params(self, flat=None, table=None):
        """Return parameters with these values; zeros where there are none."""
        return Params.from_specs(self.specs(), flat=flat, table=table, dtype=self.dtype)

    def init_params(self, rng):
        """Draw initial weights, as `Stack` does."""
        params = self.params()
        fill_specs(self.specs(), params, rng)
        return params

    # --- training ---------------------------------------------------------------------

    def loss_grad(self, params, x, y, weights, batch, rng=None, state=None):
        """Return the summed loss of a batch and its gradients.

        Parameters
        ----------
        params : Params
            The parameters.
        x : rows of any kind in `first_layer.FIRST_LAYERS`
            The sources, packed.
        y : ndarray of ints
            The targets, packed.
        weights : ndarray of the shape of y
            The weight of each term.
        batch : SourceTargetBatch
            The geometry.
        rng : RandomState, default=None
            The source of random numbers for dropout; without it there is none.
        state : None
            Not used.

        Returns
        -------
        loss : float
        grads : Params
        last : None
        """
        decoder_params = PrefixedParams(params, DECODER)
        memory, last, encoded = self.encoder.hidden(
            params, x, batch.source, rng=rng, training=True
        )
        h, _, decoded = self.decoder.hidden(
            decoder_params,
            self._previous(y, batch.target),
            batch.target,
            rng=rng,
            state=_first_state(last, batch.target.order),
            training=True,
        )
        top, attended = h, None
        if self.attention is not None:
            top, attended = self.attention.forward(
                params, h, memory, batch, training=True
            )
        scores, out = self.decoder.output(decoder_params, top, rng=rng, training=True)
        grads = params.zero_grads()
        decoder_grads = PrefixedParams(grads, DECODER)
        loss, dscores = self.head.loss_grad(
            scores, y, weights, batch.target, decoder_params, decoder_grads
        )
        dh = self.decoder.output_backward(decoder_params, dscores, out, decoder_grads)
        if self.attention is None:
            dmemory = np.zeros_like(memory)
        else:
            dh, dmemory = self.attention.backward(params, dh, attended, grads)
        dfirst = self.decoder.hidden_backward(
            decoder_params, dh, decoded, batch.target, decoder_grads
        )
        dlast = self._last_state_grads(dfirst, batch.target.order)
        self.encoder.hidden_backward(
            params, dmemory, encoded, batch.source, grads, dlast, to_first=False
        )
        return loss, grads, None

    def _previous(self, y, target):
        """Return the term before each of packed ones, at first the end."""
        n, sizes = target.sizes[0], np.array(target.sizes)
        previous = np.full(len(y), self.end, dtype=y.dtype)
        previous[n:] = y[np.arange(n, len(y)) - np.repeat(sizes[:-1], sizes[1:])]
        return previous

    def _last_state_grads(self, dfirst, order):
        """Return derivatives by the encoder's last state, by the decoder's first."""
        D, inverse = self.encoder.n_directions, np.argsort(order)
        shape = len(inverse), D, -1
        return [
            tuple(np.moveaxis(ds[0, inverse].reshape(shape), 1, 0) for ds in layer)
            for layer in dfirst
        ]

    # --- prediction -------------------------------------------------------------------

    def losses(self, params, data, run_all=map):
        """Compute the loss of every term of many targets.

        The bits of a loss do not depend on the other sequences.

        Parameters
        ----------
        params : Params
            The parameters.
        data : batching.Data
            The sources and their targets.
        run_all : callable, default=map
            Like `map`; it may run batches in parallel.

        Returns
        -------
        ndarray of shape (n_terms,)
            float64.
        """
        losses = np.empty(len(data.targets))
        decoder_params = PrefixedParams(params, DECODER)

        def run(index):
            batch, terms = self.pack(data, index)
            x, y = data.rows[batch.rows], data.targets[terms]
            memory, last, _ = self.encoder.hidden(params, x, batch.source)
            top, _ = self._decoder_outputs(params, y, memory, last, batch)
            for part, chosen in parts_of(terms, self.decoder.n_outputs):
                scores, _ = self.decoder.output(decoder_params, top[part])
                losses[chosen] = self.head.losses(scores, y[part], batch.target)

        for _ in run_all(run, batches_by_length(np.diff(data.offsets))):
            pass
        return losses

    def attention_weights(self, params, data):
        """Compute the weight of each step of a source at each term of its target.

        Parameters
        ----------
        params, data
            As in `losses`.

        Returns
        -------
        list of ndarrays of shape (n_terms of the target, length of the source)
        """
        lengths = np.diff(data.offsets)
        matrices = [None] * len(lengths)
        for index in batches_by_length(lengths):
            batch, terms = self.pack(data, index)
            x, y = data.rows[batch.rows], data.targets[terms]
            memory, last, _ = self.encoder.hidden(params, x, batch.source)
            _, tape = self._decoder_outputs(params, y, memory, last, batch)
            sources = index[batch.source.order][batch.target.order]
            for i, (*_, at), length in zip(
                sources, tape.groups.slices(), tape.groups.lengths, strict=True
            ):
                matrices[i] = tape.weights[at].reshape(-1, length)
        return matrices

    def _decoder_outputs(self, params, y, memory, last, batch):
        """Return the inputs of the output layer for true targets, and a tape."""
        h, _, _ = self.decoder.hidden(
            PrefixedParams(params, DECODER),
            self._previous(y, batch.target),
            batch.target,
            state=_first_state(last, batch.target.order),
        )
        if self.attention is None:
            return h, None
        return self.attention.forward(params, h, memory, batch)

    def greedy(self, params, rows, offsets, *, max_steps, excluded=(), run_all=map):
        """Emit a target for each source, each time the most probable term.

        Parameters
        ----------
        params : Params
            The parameters.
        rows : rows of any kind in `first_layer.FIRST_LAYERS`
            The sources, one after the other.
        offsets : ndarray of shape (n + 1,)
            The first row of each.
        max_steps : int
            The number of terms of a target at most.
        excluded : sequence of int, default=()
            Terms that are not emitted.
        run_all : callable, default=map
            Like `map`; it may run batches in parallel.

        Returns
        -------
        list of n tuples of (list of int, bool)
            The terms, and whether the target has ended.
        """
        starts, lengths = offsets[:-1], np.diff(offsets)
        results = [None] * len(lengths)

        def most_probable(scores):
            scores[:, list(excluded)] = -np.inf
            return scores.argmax(axis=1)

        def run(index):
            batch = PackedBatch(starts[index], lengths[index])
            memory, last, _ = self.encoder.hidden(params, rows[batch.rows], batch)
            if self.attention is not None:
                memory = self.attention.remember(params, memory, batch)
            terms, n_terms = generate(
                *self._start(params, memory, last),
                most_probable,
                end=self.end,
                max_steps=max_steps + 1,  # one more, to see whether there is an end
            )
            targets = np.split(terms, np.cumsum(n_terms)[:-1])
            for i, target in zip(index[batch.order], targets, strict=True):
                results[i] = target[:max_steps].tolist(), len(target) <= max_steps

        for _ in run_all(run, batches_by_length(lengths, MAX_SOURCES)):
            pass
        return results

    def search(self, params, rows, offsets, *, width, run_all=map, **options):
        """Search for the best targets of each source.

        Parameters
        ----------
        params, rows, offsets, run_all
            As in `greedy`.
        width, **options
            For `decoding.beam_search`.

        Returns
        -------
        list of n lists
            The results of `decoding.beam_search` for each source.
        """
        starts, lengths = offsets[:-1], np.diff(offsets)
        results = [None] * len(lengths)

        def run(index):
            batch = PackedBatch(starts[index], lengths[index])
            memory, last, _ = self.encoder.hidden(params, rows[batch.rows], batch)
            if self.attention is not None:
                memory = self.attention.remember(params, memory, batch)
            found = beam_search(
                *self._start(params, memory, last),
                width=width,
                end=self.end,
                **options,
            )
            for i, hypotheses in zip(index[batch.order], found, strict=True):
                results[i] = hypotheses

        at_once = MAX_SCORES // (width * self.decoder.n_outputs)
        at_once = max(1, min(MAX_SOURCES, at_once))
        for _ in run_all(run, batches_by_length(lengths, at_once)):
            pass
        return results

    def _start(self, params, memory, last):
        """Return the scores of the first terms, and the function ``advance``.

        Both are for `decoding`; the sources are in packed order. `memory` is a `Memory`
        if there is attention.
        """
        decoder_params = PrefixedParams(params, DECODER)
        state = _first_state(last, slice(None))
        sources = np.arange(state[0][0].shape[1])  # of each hypothesis

        def advance(terms, parents):
            nonlocal state, sources
            n, sources = len(terms), sources[parents]
            step = PackedBatch(np.arange(n), np.ones(n, dtype=np.int64))
            state = [tuple(s[:, parents] for s in layer) for layer in state]
            h, state, _ = self.decoder.hidden(decoder_params, terms, step, state=state)
            if self.attention is not None:
                h = self.attention.step(params, h, memory, sources)
            return self.decoder.output(decoder_params, h)[0]

        return advance(np.full(len(sources), self.end), sources), advance


def _first_state(last, order):
    """Return the decoder's first state: the encoder's last one of all directions."""
    return [
        tuple(np.moveaxis(s, 0, 1).reshape(s.shape[1], -1)[order][None] for s in layer)
        for layer in last
    ]
