"""Encoder and decoder: a network that reads a sequence and one that writes another."""

from functools import partial
from typing import NamedTuple

import numpy as np

from skrnn._core.attention import Pairing, attend, attend_backward
from skrnn._core.batching import PackedBatch, batches_by_length
from skrnn._core.decoding import beam_search, generate
from skrnn._core.network import MAX_SCORES, Network
from skrnn._core.params import Params, Part, fill_glorot_uniform
from skrnn._core.products import product

ATTENTIONS = ("dot", "general", "additive")
DECODER = "decoder_"  # what the names of the decoder's weights begin with


class Pairs(NamedTuple):
    """The geometry of a batch of sources and their targets.

    Target i of those that `target` was made of is that of the i-th longest source.
    """

    source: PackedBatch
    target: PackedBatch

    @property
    def rows(self):
        """The flat row of each packed row of the sources."""
        return self.source.rows


class EncoderDecoder:
    """Reads a sequence, then says the terms of another one by one.

    The encoder is a stack of recurrent layers in one or two directions. The decoder is
    a stack with as many layers, each with as many units as the encoder's has in all its
    directions, and starts from their last states. It reads the term before, at first
    the end of a target, which is also the last one it has to say. With attention, what
    its last layer says at a step, h, is a query to what that of the encoder said at
    all of its own, m:

    - "dot": the score of a step of the source is ``h @ m``;
    - "general": ``h @ W_attention @ m``;
    - "additive": ``v_attention @ tanh(h @ W_query + m @ W_key)``.

    With c the sum of all m, weighted by the softmax of the scores, the output layer
    stands on ``tanh([c, h] @ W_combined)`` (Luong et al. 2015), else on h.

    Parameters
    ----------
    attention : {"dot", "general", "additive"} or None
        How the decoder looks at the source.
    n_outputs : int
        K, the number of different terms; the last one is the end.
    cell, activation, input_size, hidden_sizes, bidirectional, embedding_dim, dropout, \
dtype, n_threads
        As in `Network`, those of the encoder.
    """

    def __init__(
        self,
        *,
        cell,
        activation,
        input_size,
        hidden_sizes,
        n_outputs,
        bidirectional,
        embedding_dim,
        attention,
        dropout,
        dtype,
        n_threads=1,
    ):
        shared = {
            "cell": cell,
            "activation": activation,
            "embedding_dim": embedding_dim,
            "pooling": None,
            "head": "softmax",
            "dropout": dropout,
            "tied": False,
            "dtype": dtype,
            "n_threads": n_threads,
        }
        self.encoder = Network(
            input_size=input_size,
            hidden_sizes=hidden_sizes,
            n_outputs=None,
            bidirectional=bidirectional,
            **shared,
        )
        sizes = [self.encoder.n_directions * H for H in hidden_sizes]
        self.decoder = Network(
            input_size=n_outputs,
            hidden_sizes=sizes,
            n_outputs=n_outputs,
            bidirectional=False,
            **shared,
        )
        self.end = n_outputs - 1
        self.attention, self.dropout = attention, dropout
        self.dtype, self.n_threads = np.dtype(dtype), n_threads

    # --- weights ----------------------------------------------------------------------

    def shapes(self):
        """Return the shape of each weight, by name."""
        shapes = self.encoder.shapes()
        for name, shape in self.decoder.shapes().items():
            shapes[DECODER + name] = shape
        M = self.decoder.hidden_sizes[-1]
        if self.attention == "general":
            shapes["W_attention"] = (M, M)
        elif self.attention == "additive":
            shapes["W_query"] = shapes["W_key"] = (M, M)
            shapes["v_attention"] = (M,)
        if self.attention is not None:
            shapes["W_combined"] = (2 * M, M)
        return shapes

    def params(self, flat=None, table=None):
        """Return parameters with these values; zeros where there are none."""
        shapes = self.shapes()
        name = "W0" if self.encoder.embedding_dim is None else "embedding"
        if table is None:
            table = np.zeros(shapes[name], dtype=self.dtype)
        return Params(shapes, name, flat=flat, table=table, dtype=self.dtype)

    def init_params(self, rng):
        """Draw initial weights, as `Network` does."""
        params = self.params()
        self.encoder.fill(params, rng)
        self.decoder.fill(self._of_decoder(params), rng)
        for name in ("W_attention", "W_query", "W_key", "W_combined"):
            if name in params.shapes:
                fill_glorot_uniform(rng, params[name], *params.shapes[name])
        if self.attention == "additive":
            v = params["v_attention"]
            fill_glorot_uniform(rng, v, len(v), 1)
        return params

    def _of_decoder(self, params):
        return Part(params, DECODER)

    # --- training ---------------------------------------------------------------------

    def pack(self, data, index):
        """Return a batch of some sequences of `training.Data`, and its terms."""
        source = PackedBatch(data.starts[index], data.lengths[index])
        index = index[source.order]
        target = PackedBatch(data.term_starts[index], data.term_lengths[index])
        return Pairs(source, target), target.rows

    def loss_grad(self, params, x, y, weights, batch, rng=None, state=None):
        """Return the summed loss of a batch and its gradients.

        Parameters
        ----------
        params : Params
            The weights.
        x : ids, CSR or dense rows
            The sources, packed.
        y : ndarray of ints
            The targets, packed.
        weights : ndarray of the shape of y
            How much each term counts.
        batch : Pairs
            The geometry.
        rng : RandomState, default=None
            For dropout; without it nothing is dropped.
        state : None
            Of no use here.

        Returns
        -------
        loss : float
        grads : Params
        last : None
        """
        h, memory, tapes = self._read(params, x, y, batch, rng, keep=True)
        top, attended = self._look(params, h, memory, batch, keep=True)
        of_decoder = self._of_decoder(params)
        scores, out = self.decoder.output(of_decoder, top, rng, keep=True)
        loss, dscores = self.decoder.head.loss_grad(scores, y, weights)
        grads = params.zero_grads()
        dtop = self.decoder.output_backward(
            of_decoder, dscores, out, self._of_decoder(grads)
        )
        dh, dmemory = self._look_backward(params, dtop, attended, batch, grads)
        self._read_backward(params, dh, dmemory, tapes, batch, grads)
        return loss, grads, None

    def _read(self, params, x, y, batch, rng, keep):
        """Return what encoder and decoder say at each step, and their tapes."""
        memory, last, encoded = self.encoder.hidden(params, x, batch.source, rng, keep)
        h, _, decoded = self.decoder.hidden(
            self._of_decoder(params),
            self._before(y, batch.target.sizes),
            batch.target,
            rng,
            keep,
            self._first_state(last, batch.target.order),
        )
        return h, memory, (encoded, decoded)

    def _read_backward(self, params, dh, dmemory, tapes, batch, grads):
        encoded, decoded = tapes
        of_decoder = self._of_decoder(grads)
        dfirst = self.decoder.hidden_backward(
            self._of_decoder(params), dh, decoded, batch.target, of_decoder
        )
        rows, values = of_decoder.table
        name = "W0" if self.decoder.embedding_dim is None else "embedding"
        of_decoder[name][..., rows, :] += values
        D, back = self.encoder.n_directions, np.argsort(batch.target.order)
        dlast = [
            tuple(
                np.moveaxis(ds[0, back].reshape(len(back), D, -1), 1, 0) for ds in layer
            )
            for layer in dfirst
        ]
        if dmemory is None:
            dmemory = np.zeros(
                (len(batch.rows), self.decoder.hidden_sizes[-1]), dtype=self.dtype
            )
        self.encoder.hidden_backward(
            params, dmemory, encoded, batch.source, grads, dlast, to_first=False
        )

    def _before(self, y, sizes):
        """Return the term before each of packed ones, at first the end."""
        n, sizes = sizes[0], np.array(sizes)
        before = np.full(len(y), self.end, dtype=y.dtype)
        before[n:] = y[np.arange(n, len(y)) - np.repeat(sizes[:-1], sizes[1:])]
        return before

    def _first_state(self, last, order):
        """Return the decoder's first state: the last one of all directions."""
        return [
            tuple(
                np.moveaxis(s, 0, 1).reshape(s.shape[1], -1)[order][None] for s in layer
            )
            for layer in last
        ]

    # --- attention --------------------------------------------------------------------

    def _look(self, params, h, memory, batch, keep):
        """Return what the output layer stands on, and a tape."""
        if self.attention is None:
            return h, None
        rows = _by_sequence(batch.source), _by_sequence(batch.target)
        h_by_sequence, memory = h[rows[1]], memory[rows[0]]
        keys = self._keys(params, memory, keep)
        q, v = self._queries(params, h_by_sequence, keep)
        pairing = _pair(batch.source, batch.target)
        found, weights = attend(
            q, keys, memory, v, pairing, steady=not keep, n_threads=self.n_threads
        )
        context = np.empty_like(found)
        context[rows[1]] = found
        top, both = self._combine(params, context, h, keep)
        saved = q, keys, memory, v, pairing, weights
        return top, (rows, saved, h_by_sequence, both, top)

    def _look_backward(self, params, dtop, tape, batch, grads):
        """Return the derivatives by what encoder and decoder said."""
        if self.attention is None:
            return dtop, None
        times = self._times(keep=True)
        rows, (q, keys, memory, v, pairing, weights), h, both, top = tape
        da = dtop * (1 - top * top)
        times(both.T, da, out=grads["W_combined"])
        dboth = times(da, params["W_combined"].T)
        M = self.decoder.hidden_sizes[-1]
        dq, dkeys, dmemory, dv = attend_backward(
            dboth[rows[1], :M],
            weights,
            q,
            keys,
            memory,
            v,
            pairing,
            n_threads=self.n_threads,
        )
        if self.attention == "general":
            times(dkeys.T, memory, out=grads["W_attention"])
            dkeys = times(dkeys, params["W_attention"])
        elif self.attention == "additive":
            times(memory.T, dkeys, out=grads["W_key"])
            times(h.T, dq, out=grads["W_query"])
            dkeys = times(dkeys, params["W_key"].T)
            dq = times(dq, params["W_query"].T)
            grads["v_attention"][...] += dv
        dmemory += dkeys
        dh = np.ascontiguousarray(dboth[:, M:])
        dh[rows[1]] += dq
        packed = np.empty_like(dmemory)
        packed[rows[0]] = dmemory
        return dh, packed

    def _keys(self, params, memory, keep=False):
        """Return what queries are compared with."""
        if self.attention == "general":
            return self._times(keep)(memory, params["W_attention"].T)
        if self.attention == "additive":
            return self._times(keep)(memory, params["W_key"])
        return memory

    def _queries(self, params, h, keep=False):
        """Return the queries, and what the sum of one and a key is multiplied with."""
        if self.attention != "additive":
            return h, None
        return self._times(keep)(h, params["W_query"]), params["v_attention"]

    def _combine(self, params, context, h, keep=False):
        """Return what the output layer stands on, and what this was made of."""
        both = np.concatenate([context, h], axis=1)
        top = self._times(keep)(both, params["W_combined"])
        return np.tanh(top, out=top), both

    def _times(self, keep):
        return partial(product, steady=not keep, n_threads=self.n_threads)

    # --- use --------------------------------------------------------------------------

    def losses(self, params, data, *, run_all=map):
        """Compute the loss of every term of many targets.

        The bits of a loss do not depend on the other sequences.

        Parameters
        ----------
        params : Params
            The weights.
        data : training.Data
            The sources and their targets.
        run_all : callable, default=map
            As `map`; may run batches at the same time.

        Returns
        -------
        ndarray of shape (n_terms,)
            float64.
        """
        losses = np.empty(len(data.targets))
        n_rows = max(1, MAX_SCORES // self.decoder.n_outputs)

        def run(index):
            batch, terms = self.pack(data, index)
            x, y = data.rows[batch.rows], data.targets[terms]
            top, _ = self._tops(params, x, y, batch)
            for start in range(0, len(y), n_rows):
                part = slice(start, start + n_rows)
                scores, _ = self.decoder.output(self._of_decoder(params), top[part])
                losses[terms[part]] = self.decoder.head.losses(scores, y[part])

        for _ in run_all(run, batches_by_length(data.lengths)):
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
        matrices = [None] * len(data.lengths)
        for index in batches_by_length(data.lengths):
            batch, terms = self.pack(data, index)
            x, y = data.rows[batch.rows], data.targets[terms]
            _, (_, saved, *_) = self._tops(params, x, y, batch)
            *_, pairing, weights = saved
            own = index[batch.source.order][batch.target.order]
            for i, (*_, at), length in zip(
                own, pairing.slices(), pairing.lengths, strict=True
            ):
                matrices[i] = weights[at].reshape(-1, length)
        return matrices

    def _tops(self, params, x, y, batch):
        h, memory, _ = self._read(params, x, y, batch, None, keep=False)
        return self._look(params, h, memory, batch, keep=False)

    def write(self, params, rows, offsets, *, max_steps, excluded=(), run_all=map):
        """Write a target for each source, each time the most probable term.

        Parameters
        ----------
        params : Params
            The weights.
        rows : ids, CSR or dense rows
            The sources, one after the other.
        offsets : ndarray of shape (n + 1,)
            Where each begins.
        max_steps : int
            How many terms a target has at most.
        excluded : sequence of int, default=()
            Terms that are not used.
        run_all : callable, default=map
            As `map`; may run batches at the same time.

        Returns
        -------
        list of n tuples of (list of int, bool)
            The terms, and whether the target has ended.
        """

        def draw(scores):
            scores[:, list(excluded)] = -np.inf
            return scores.argmax(axis=1)

        def run(batch):
            n_steps = max_steps + 1  # one more, to see whether there is an end
            terms, lengths = generate(
                *self._start(params, rows[batch.rows], batch),
                draw,
                end=self.end,
                max_steps=n_steps,
            )
            return [
                (own[:max_steps].tolist(), len(own) <= max_steps)
                for own in np.split(terms, np.cumsum(lengths)[:-1])
            ]

        return _run_batches(run, offsets, 128, run_all)

    def search(self, params, rows, offsets, *, width, run_all=map, **options):
        """Search for the best targets of each source.

        Parameters
        ----------
        params, rows, offsets, run_all
            As in `write`.
        width, **options
            For `decoding.beam_search`.

        Returns
        -------
        list of n lists
            What `decoding.beam_search` finds for each source.
        """

        def run(batch):
            scores, advance = self._start(params, rows[batch.rows], batch)
            return beam_search(scores, advance, width=width, end=self.end, **options)

        most = max(1, min(128, MAX_SCORES // (width * self.decoder.n_outputs)))
        return _run_batches(run, offsets, most, run_all)

    def _start(self, params, x, batch):
        """Return the scores of the first terms, and how to go on from there.

        Both are for `decoding`; the sources are in packed order.
        """
        memory, last, _ = self.encoder.hidden(params, x, batch)
        state = self._first_state(last, slice(None))
        source = None
        if self.attention is not None:
            memory = memory[_by_sequence(batch)]
            starts = np.cumsum(batch.lengths) - batch.lengths
            source = memory, self._keys(params, memory), starts, batch.lengths
        which = np.arange(len(batch.lengths))

        def advance(terms, parents):
            nonlocal state, which
            state = [tuple(s[:, parents] for s in layer) for layer in state]
            which = which[parents]
            scores, state = self._step(params, source, state, which, terms)
            return scores

        return advance(np.full(len(which), self.end), which), advance

    def _step(self, params, source, state, which, terms):
        """Return the scores after these terms, and the state.

        Target i under way is that of source ``which[i]``.
        """
        n = len(terms)
        of_decoder = self._of_decoder(params)
        batch = PackedBatch(np.arange(n), np.ones(n, dtype=np.int64))
        h, state, _ = self.decoder.hidden(of_decoder, terms, batch, state=state)
        if source is not None:
            memory, keys, starts, lengths = source
            pairing = Pairing(np.arange(n + 1), starts[which], lengths[which])
            q, v = self._queries(params, h)
            context, _ = attend(
                q, keys, memory, v, pairing, steady=True, n_threads=self.n_threads
            )
            h, _ = self._combine(params, context, h)
        return self.decoder.output(of_decoder, h)[0], state


def _run_batches(run, offsets, most, run_all):
    """Return what run(batch) does for each of n sources, at most so many at once."""
    starts, lengths = offsets[:-1], np.diff(offsets)
    results = [None] * len(lengths)

    def run_batch(index):
        batch = PackedBatch(starts[index], lengths[index])
        for i, result in zip(index[batch.order], run(batch), strict=True):
            results[i] = result

    for _ in run_all(run_batch, batches_by_length(lengths, most)):
        pass
    return results


def _by_sequence(batch):
    """Return the packed rows in the order of sequences, longest first."""
    return np.argsort(batch.sequence, kind="stable")


def _pair(source, target):
    """Return which rows of the sources each target looks at, all by sequence."""
    starts = np.cumsum(source.lengths) - source.lengths
    return Pairing(
        np.concatenate([[0], np.cumsum(target.lengths)]),
        starts[target.order],
        source.lengths[target.order],
    )
