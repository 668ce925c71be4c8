"""The network: a stack of recurrent layers, an output layer and a head."""

from functools import partial
from itertools import chain

import numpy as np

from skrnn._core.batching import (
    PackedBatch,
    batches_by_length,
    live_part,
    pack_sequences,
)
from skrnn._core.first_layer import first_layer_of
from skrnn._core.heads import HEADS
from skrnn._core.params import ArraySpec, RowGrad, fill_glorot_uniform
from skrnn._core.products import product
from skrnn._core.stack import Stack

# The steps and scores computed at a time where they need not all be kept.
MAX_ROWS, MAX_SCORES = 2**12, 2**22


class Network(Stack):
    """A stack of recurrent layers with an output layer and a head.

    Besides those of the stack it has the parameters

    - ``W_out``, shape (D * H, K), unless tied, with an L2 penalty;
    - ``b_out``, shape (K,);
    - those of the head, if it has any.

    Parameters
    ----------
    n_outputs : int
        K, the number of scores of a term.
    head : str
        A name in `heads.HEADS`: the meaning of the scores.
    tied : bool, default=False
        Whether the first K rows of the embedding, transposed, are the output weights;
        then E must be D * H of the last layer.
    n_threads : int, default=1
        As in `Stack`.
    **stack : dict
        The other parameters of `Stack`. Where steps are pooled, a sequence is one term,
        else each step is a term.
    """

    def __init__(self, *, n_outputs, head, tied=False, n_threads=1, **stack):
        super().__init__(**stack, n_threads=n_threads)
        self.n_outputs, self.tied = n_outputs, tied
        self.head = HEADS[head](n_threads)

    def specs(self):
        """Return the `ArraySpec` of each array of parameters, by name."""
        specs, K = super().specs(), self.n_outputs
        if not self.tied:
            fill = partial(fill_glorot_uniform, fan_in=self.output_size, fan_out=K)
            specs["W_out"] = ArraySpec((self.output_size, K), fill, True)
        specs["b_out"] = ArraySpec((K,))
        return specs | self.head.shapes(K)

    # --- the output layer -------------------------------------------------------------

    def output(self, params, h, *, rng=None, training=False):
        """Return the scores of the output layer for hidden outputs, and a tape."""
        h, mask = self._drop(h, len(self.hidden_sizes), rng)
        matmul = self._matmul(training)
        scores = matmul(h, self._output_weights(params), bias=params["b_out"])
        return scores, (h, mask)

    def _output_weights(self, params):
        if self.tied:
            return params["embedding"][: self.n_outputs].T
        return params["W_out"]

    def output_backward(self, params, dscores, tape, grads):
        """Return the derivative by the hidden outputs; add to the gradients."""
        h, mask = tape
        if not self.tied:
            product(h.T, dscores, out=grads["W_out"], n_threads=self.n_threads)
        grads["b_out"][...] += dscores.sum(axis=0)
        dh = self._matmul(training=True)(dscores, self._output_weights(params).T)
        if mask is not None:
            dh *= mask
        return dh

    def _tie(self, dscores, h, grads):
        """Add the gradient of the tied output weights to that of the embedding."""
        rows, values = grads.table
        table = np.zeros((self.input_size, self.embedding_dim), dtype=self.dtype)
        self._matmul(training=True)(dscores.T, h, out=table[: self.n_outputs])
        table[rows] += values
        grads.table = RowGrad(slice(None), table)

    # --- training ---------------------------------------------------------------------

    @property
    def pack(self):
        """The pack function of `batching` that fits pooling and head."""
        return self.head.pack if self.pooling is None else pack_sequences

    def loss_grad(self, params, x, y, weights, batch, rng=None, state=None):
        """Return the summed loss of a batch and its gradients.

        Parameters
        ----------
        params, x, batch, rng, state
            As in `hidden`; no derivative by the state is computed.
        y : ndarray
            The targets, as the head takes them, in the order of `pack`.
        weights : ndarray
            The weight of each term.

        Returns
        -------
        loss : float
        grads : Params
        last : list of tuples of ndarrays
            The state after the last step of each sequence.
        """
        h, last, tape = self.hidden(
            params, x, batch, rng=rng, state=state, training=True
        )
        scores, (h, mask) = self.output(params, h, rng=rng, training=True)
        grads = params.zero_grads()
        loss, dscores = self.head.loss_grad(scores, y, weights, batch, params, grads)
        dh = self.output_backward(params, dscores, (h, mask), grads)
        self.hidden_backward(params, dh, tape, batch, grads, to_first=False)
        if self.tied:
            self._tie(dscores, h, grads)
        return loss, grads, last

    # --- prediction -------------------------------------------------------------------

    def scores(self, params, rows, offsets, run_all=map):
        """Compute the scores of all terms of many sequences, batch by batch.

        The bits of a score do not depend on the other sequences.

        Parameters
        ----------
        params : Params
            The parameters.
        rows : rows of any kind in `first_layer.FIRST_LAYERS`
            The inputs, one sequence after the other.
        offsets : ndarray of shape (n + 1,)
            The first row of each sequence.
        run_all : callable, default=map
            Like `map`; it may run batches in parallel.

        Returns
        -------
        ndarray of shape (N, K), or (n, K) where steps are pooled
        """
        starts, lengths = offsets[:-1], np.diff(offsets)
        n_terms = offsets[-1] if self.pooling is None else len(lengths)
        scores = np.empty((n_terms, self.n_outputs), dtype=self.dtype)
        rows = self._cached(params, rows)

        def run(index):
            batch = PackedBatch(starts[index], lengths[index])
            h, _, _ = self.hidden(params, rows[batch.rows], batch)
            terms = batch.rows if self.pooling is None else index[batch.order]
            scores[terms], _ = self.output(params, h)

        for _ in run_all(run, batches_by_length(lengths)):
            pass
        return scores

    def losses(self, params, data, run_all=map):
        """Compute the losses of many sequences, batch by batch.

        The bits of a loss do not depend on the other sequences. Scores are computed for
        some terms at a time, so that there may be any number of steps and outputs.

        Parameters
        ----------
        params : Params
            The parameters.
        data : batching.Data
            The sequences and their targets.
        run_all : callable, default=map
            Like `map`; it may run batches in parallel.

        Returns
        -------
        ndarray of shape (n_terms,), or (n,) where the head takes whole sequences
            float64.
        """
        head, lengths = self.head, np.diff(data.offsets)
        losses = np.empty(len(data.targets) if head.per_term else len(lengths))
        rows = self._cached(params, data.rows)

        def run(index):
            batch, terms = self.pack(data, index)
            state, stop = None, 0
            for window in self._windows(batch):
                x, state = rows[window.rows], live_part(state, window)
                h, state, _ = self.hidden(params, x, window, state=state)
                if not head.per_term:
                    scores, _ = self.output(params, h)
                    y = data.targets[terms]
                    losses[index[batch.order]] = head.losses(scores, y, batch, params)
                    return
                start, stop = stop, stop + len(h)
                for part, chosen in parts_of(terms[start:stop], self.n_outputs):
                    scores, _ = self.output(params, h[part])
                    y = data.targets[chosen]
                    losses[chosen] = head.losses(scores, y, window, params)

        for _ in run_all(run, batches_by_length(lengths)):
            pass
        return losses

    def _windows(self, batch):
        """Return the batch in windows, if steps can be read one after the other."""
        if self.n_directions == 2 or self.pooling is not None or not self.head.per_term:
            return [batch]
        return batch.windows(max(1, MAX_ROWS // len(batch.lengths)))

    def read(self, params, rows, offsets, state=None, run_all=map):
        """Read sequences, in one direction, to continue after their last step.

        Parameters
        ----------
        params, rows, offsets, run_all
            As in `scores`.
        state : list of tuples of ndarrays, default=None
            The state of each layer before the first step, shape (1, n, H).

        Returns
        -------
        scores : ndarray of shape (n, K)
            The scores of the last step of each sequence.
        last : list of tuples of ndarrays
            The state after it.
        """
        starts, lengths = offsets[:-1], np.diff(offsets)
        n = len(lengths)
        rows = self._cached(params, rows)
        outputs = np.empty((n, self.hidden_sizes[-1]), dtype=self.dtype)
        last = [
            tuple(np.empty((1, n, H), self.dtype) for _ in range(self.cell.n_states))
            for H in self.hidden_sizes
        ]

        def run(index):
            batch = PackedBatch(starts[index], lengths[index])
            sequences = index[batch.order]
            after = state and [tuple(s[:, sequences] for s in layer) for layer in state]
            for window in self._windows(batch):
                x, after = rows[window.rows], live_part(after, window)
                h, after, _ = self.hidden(params, x, window, state=after)
                live = sequences[: window.sizes[0]]
                outputs[live] = h[window.last]
                for whole, part in zip(chain(*last), chain(*after), strict=True):
                    whole[:, live] = part

        for _ in run_all(run, batches_by_length(lengths)):
            pass
        scores, _ = self.output(params, outputs)
        return scores, last

    def _cached(self, params, rows):
        """Return the inputs of many batches, projected in advance where it pays."""
        return first_layer_of(rows).cache(params, rows, self._matmul(training=False))


def parts_of(terms, n_outputs):
    """Yield slices of terms with a limited number of scores, and these terms."""
    n_rows = max(1, MAX_SCORES // n_outputs)
    for start in range(0, len(terms), n_rows):
        part = slice(start, start + n_rows)
        yield part, terms[part]
