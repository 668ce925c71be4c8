"""The network: inputs, a stack of recurrent layers in one or two directions, a head."""

from dataclasses import dataclass
from functools import partial
from itertools import chain
from typing import NamedTuple

import numpy as np
from scipy import sparse

from skrnn._core import inputs, recurrence
from skrnn._core.batching import PackedBatch, batches_by_length
from skrnn._core.cells import CELLS
from skrnn._core.heads import HEADS
from skrnn._core.params import Params, RowGrad, fill_glorot_uniform, orthogonal
from skrnn._core.pooling import POOLINGS
from skrnn._core.products import product

# How many steps and scores are computed at a time where they need not all be kept.
MAX_ROWS, MAX_SCORES = 2**12, 2**22
# Bytes of what the tokens of all batches contribute to the first layer, and how many
# steps are too few to look for tokens that come twice.
MAX_PROJECTED, FEW_STEPS = 2**26, 32


class _Tokens(NamedTuple):
    """The tokens of a batch, each once."""

    ids: np.ndarray  # sorted
    which: np.ndarray  # shape (D, N), of each step the place of its token
    vectors: np.ndarray | None  # their embeddings, if there are any


@dataclass
class _Projected:
    """Ids that are read in many batches: their tokens are projected once for all."""

    z: np.ndarray  # shape (D, n_tokens, G * H)
    which: np.ndarray  # shape (N,), of each step the place of its token

    def __getitem__(self, rows):
        return _Projected(self.z, self.which[rows])


class Network:
    """An architecture: it holds sizes, and works on the parameters it is handed.

    The weights by name, D the number of directions and l counting layers from 0:

    - ``embedding``, shape (V, E), if there is one;
    - ``W0``, shape (D, V or E, G * H), then ``W1`` and so on, (D, D * H, G * H);
    - ``U0`` ..., shape (D, H, G * H); ``b0`` ..., shape (D, G * H);
    - ``e0`` ..., shape (D, n_extra, H), where the cell has extra weights;
    - ``W_out``, shape (D * H, K), unless tied; ``b_out``, shape (K,).

    Parameters
    ----------
    cell : str
        A name in `cells.CELLS`.
    activation : {"tanh", "relu"}
        Of the cell "rnn".
    input_size : int
        V, the number of tokens or of features.
    hidden_sizes : tuple of int
        H of each layer, from the input up.
    n_outputs : int or None
        K, the number of scores of a term; None where there is no head.
    bidirectional : bool
        Whether every layer also reads backwards.
    embedding_dim : int or None
        E.
    pooling : {"last", "mean", "max"} or None
        How the steps of a sequence become one term; None: each step is a term.
    head : str
        A name in `heads.HEADS`, which says what the scores mean.
    dropout : tuple of two floats
        The share to drop of the inputs of the first layer, and of those of the layers
        and the head above it.
    tied : bool
        Whether the first K rows of the embedding, transposed, are the output weights;
        then E must be D * H of the last layer.
    dtype : dtype
        Of parameters and results.
    n_threads : int, default=1
        Of the kernels. It does not change a bit.
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
        pooling,
        head,
        dropout,
        tied,
        dtype,
        n_threads=1,
    ):
        self.cell = CELLS[cell](activation) if cell == "rnn" else CELLS[cell]()
        self.input_size = input_size
        self.hidden_sizes = tuple(hidden_sizes)
        self.n_outputs = n_outputs
        self.n_directions = 2 if bidirectional else 1
        self.embedding_dim = embedding_dim
        self.pooling = None if pooling is None else POOLINGS[pooling]()
        self.head = HEADS[head]()
        self.head.n_threads = n_threads
        self.dropout = dropout
        self.tied = tied
        self.dtype = np.dtype(dtype)
        self.n_threads = n_threads

    def shapes(self):
        """Return the shape of each weight, by name."""
        D, G = self.n_directions, self.cell.n_gates
        shapes, width = {}, self.input_size
        if self.embedding_dim is not None:
            shapes["embedding"] = (self.input_size, self.embedding_dim)
            width = self.embedding_dim
        for l, H in enumerate(self.hidden_sizes):
            shapes[f"W{l}"] = (D, width, G * H)
            shapes[f"U{l}"] = (D, H, G * H)
            shapes[f"b{l}"] = (D, G * H)
            if self.cell.n_extra:
                shapes[f"e{l}"] = (D, self.cell.n_extra, H)
            width = D * H
        if self.n_outputs is None:
            return shapes
        if not self.tied:
            shapes["W_out"] = (width, self.n_outputs)
        shapes["b_out"] = (self.n_outputs,)
        return shapes

    def params(self, flat=None, table=None):
        """Return parameters with these values; zeros where there are none."""
        shapes = self.shapes()
        name = "W0" if self.embedding_dim is None else "embedding"
        if table is None:
            table = np.zeros(shapes[name], dtype=self.dtype)
        return Params(shapes, name, flat=flat, table=table, dtype=self.dtype)

    def init_params(self, rng):
        """Draw initial weights: Glorot for W, orthogonal for U, forget bias 1."""
        params = self.params()
        self.fill(params, rng)
        return params

    def fill(self, params, rng):
        """Fill the parameters with initial weights."""
        G = self.cell.n_gates
        for name, shape in self.shapes().items():
            if name == "embedding":  # variance 1 / E: steps of length about 1
                fill_glorot_uniform(rng, params[name], 1, 2 * shape[1] - 1)
            elif name == "W_out":
                fill_glorot_uniform(rng, params[name], *shape)
            elif name[0] == "W":
                H = shape[2] // G
                # of many inputs few are active at a time (one-hot rows: a single one)
                fill_glorot_uniform(rng, params[name], min(shape[1], H), H)
            elif name[0] == "U":
                D, H, _ = shape
                gates = orthogonal(rng, (D, G, H, H))
                params[name][...] = gates.transpose(0, 2, 1, 3).reshape(shape)
            elif name[0] == "b" and name != "b_out" and G == 4:
                H = shape[-1] // G
                params[name][:, H : 2 * H] = 1

    def forward(self, params, x, batch, *, rng=None, keep=True, state=None):
        """Compute the scores of every term of a batch.

        Parameters
        ----------
        params : Params
            The weights.
        x : ids, CSR or dense rows, packed
            The inputs.
        batch : PackedBatch
            Their geometry.
        rng : RandomState, default=None
            For dropout; without it nothing is dropped.
        keep : bool, default=True
            Whether to keep what `backward` needs.
        state : list of tuples of ndarrays, default=None
            Of each layer the state before the first step, shape (D, B, H), of the
            sequences in packed order; zeros where None.

        Returns
        -------
        scores : ndarray of shape (N, K), or (B, K) where steps are pooled
            Packed like the batch.
        last : list of tuples of ndarrays
            The state after the last step of each sequence.
        tape : list or None
        """
        x, last, tape = self.hidden(params, x, batch, rng, keep, state)
        scores, top = self.output(params, x, rng, keep)
        return scores, last, (tape, top) if keep else None

    def output(self, params, x, rng=None, keep=False):
        """Return scores from what the head stands on, and a tape."""
        x, mask = self._drop(x, len(self.hidden_sizes), rng)
        W, b = self._output_weights(params), params["b_out"]
        return self._times(keep)(x, W, bias=b), (x, mask)

    def hidden(self, params, x, batch, rng=None, keep=False, state=None):
        """Return what the head stands on, the last state, and a tape; see `forward`."""
        times = self._times(keep)
        tape, last, pooled = [x], [], None
        n_layers = len(self.hidden_sizes)
        dropped = rng is not None and self.dropout[0] > 0
        by_token = isinstance(x, _Projected) or (_are_ids(x) and not dropped)
        if self.embedding_dim is not None and not by_token:
            x = inputs.project(x, params["embedding"], times=times)
        for l in range(n_layers):
            x, mask = self._drop(x, l, rng)
            z, rows, x = self._project(params, x, batch, l, times)
            U, e = params[f"U{l}"], self._extra(params, l)
            before = None if state is None else state[l]
            h, after, kept = recurrence.forward(
                self.cell,
                z,
                U,
                e,
                batch.sizes,
                before,
                rows=rows,
                keep=keep,
                n_threads=self.n_threads,
            )
            last.append(after)
            if keep:
                tape.append((mask, x, kept))
            if l == n_layers - 1 and self.pooling is not None:
                h, pooled = self.pooling.forward(h, batch)
                x = np.concatenate(h, axis=1)
            elif self.n_directions == 2:
                x = np.concatenate([h[0], h[1].take(batch.reverse, axis=0)], axis=1)
            else:
                x = h[0]
        return x, last, (tape, pooled)

    def _times(self, keep):
        """Return the product of the forward pass."""
        return partial(product, steady=not keep, n_threads=self.n_threads)

    def _output_weights(self, params):
        if self.tied:
            return params["embedding"][: self.n_outputs].T
        return params["W_out"]

    def backward(self, params, dscores, tape, batch, grads):
        """Add to the gradients, from the derivatives by the scores.

        Parameters
        ----------
        params : Params
            The weights.
        dscores : ndarray of the shape of the scores
            The derivative of the loss by each score.
        tape : list
            What `forward` returned.
        batch : PackedBatch
            The geometry.
        grads : Params
            Added to; its table becomes a `RowGrad`.
        """
        tape, top = tape
        dx = self.output_backward(params, dscores, top, grads)
        self.hidden_backward(params, dx, tape, batch, grads, to_first=False)
        if self.tied:
            rows, values = grads.table
            table = np.zeros(params.table.shape, dtype=self.dtype)
            times = self._times(keep=True)
            times(dscores.T, top[0], out=table[: self.n_outputs])
            table[rows] += values
            grads.table = RowGrad(slice(None), table)

    def output_backward(self, params, dscores, top, grads):
        """Return the derivative by what the head stands on; add to the gradients."""
        x, mask = top
        if not self.tied:
            product(x.T, dscores, out=grads["W_out"], n_threads=self.n_threads)
        grads["b_out"][...] += dscores.sum(axis=0)
        dx = self._times(keep=True)(dscores, self._output_weights(params).T)
        if mask is not None:
            dx *= mask
        return dx

    def hidden_backward(
        self, params, dx, tape, batch, grads, dlast=None, *, to_first=True
    ):
        """Go back from what the head stands on.

        Parameters
        ----------
        dx : ndarray
            The derivative by it.
        tape : tuple
            Of `hidden`.
        params, batch, grads
            As in `backward`.
        dlast : list of tuples of ndarrays, default=None
            Of each layer the derivative by the last state, shape (D, B, H).
        to_first : bool, default=True
            Whether that by the first state is wanted.

        Returns
        -------
        list of tuples of ndarrays, or of None where not wanted
            Of each layer that by the first state.
        """
        (raw, *layers), pooled = tape
        dfirst = []
        for l in reversed(range(len(layers))):
            mask, x, kept = layers[l]
            dh = dx.reshape(len(dx), -1, self.hidden_sizes[l]).swapaxes(0, 1)
            if l == len(layers) - 1 and self.pooling is not None:
                dh = self.pooling.backward(dh, pooled, batch)
            elif self.n_directions == 2:
                dh = np.stack([dh[0], dh[1].take(batch.reverse, axis=0)])
            U, e, de = params[f"U{l}"], self._extra(params, l), self._extra(grads, l)
            dU = grads[f"U{l}"]
            dz, dstate = recurrence.backward(
                self.cell,
                dh,
                kept,
                U,
                e,
                dU,
                de,
                None if dlast is None else dlast[l],
                db=grads[f"b{l}"],
                to_first=to_first,
                n_threads=self.n_threads,
            )
            dfirst.insert(0, dstate)
            dx = self._project_backward(params, l, mask, x, dz, batch, grads)
        if dx is not None:
            grads.table = inputs.project_grad(raw, dx)
        return dfirst

    def _project_backward(self, params, l, mask, x, dz, batch, grads):
        """Return the derivative by the output of the layer below l, or None.

        None where the inputs of the network are next: the table has its gradient.
        """
        times = self._times(keep=True)
        if isinstance(x, _Tokens):
            grads.table = self._tokens_backward(params, x, dz, grads)
            return None
        if l == 0 and self.embedding_dim is None:
            grads.table = inputs.project_both_grad(x, batch.reverse, dz)
            return None
        times(x.transpose(0, 2, 1), dz, out=grads[f"W{l}"])
        both = times(dz, params[f"W{l}"].transpose(0, 2, 1))
        dx = both[0]
        if self.n_directions == 2:
            dx += both[1].take(batch.reverse, axis=0)
        if mask is not None:
            dx *= mask
        return dx

    def loss_grad(self, params, x, y, weights, batch, rng=None, state=None):
        """Return the summed loss of a batch and its gradients.

        Parameters
        ----------
        params, x, batch, rng, state
            As in `forward`; no derivative by the state is computed.
        y : ndarray of shape (N,) or (N, K), where steps are pooled (B,) or (B, K)
            Targets as the head takes them, packed.
        weights : ndarray of shape (N,) or (B,)
            How much each term counts.

        Returns
        -------
        loss : float
        grads : Params
        last : list of tuples of ndarrays
            The state after the last step of each sequence.
        """
        scores, last, tape = self.forward(params, x, batch, rng=rng, state=state)
        loss, dscores = self.head.loss_grad(scores, y, weights)
        grads = params.zero_grads()
        self.backward(params, dscores, tape, batch, grads)
        return loss, grads, last

    def scores(self, params, rows, offsets, *, run_all=map):
        """Compute the scores of every term of many sequences, batch by batch.

        The bits of a score do not depend on the other sequences.

        Parameters
        ----------
        params : Params
            The weights.
        rows : ids, CSR or dense rows
            The inputs, one sequence after the other.
        offsets : ndarray of shape (n + 1,)
            Where each sequence begins.
        run_all : callable, default=map
            As `map`; may run batches at the same time.

        Returns
        -------
        ndarray of shape (N, K), or (n, K) where steps are pooled
        """
        n_terms = offsets[-1] if self.pooling is None else len(offsets) - 1
        scores = np.empty((n_terms, self.n_outputs), dtype=self.dtype)
        rows = self._project_all(params, rows)

        def run(batch, index):
            x = rows[batch.rows]
            terms = batch.rows if self.pooling is None else index[batch.order]
            scores[terms] = self.forward(params, x, batch, keep=False)[0]

        self._run_batches(run, offsets, run_all)
        return scores

    def losses(self, params, rows, targets, offsets, *, run_all=map):
        """Compute the loss of every step of many sequences, in one direction.

        The bits of a loss do not depend on the other sequences. Scores are computed
        for some steps at a time, so that there may be any number of steps and outputs.

        Parameters
        ----------
        params, rows, offsets, run_all
            As in `scores`.
        targets : ndarray of shape (N,) or (N, K)
            As the head takes them.

        Returns
        -------
        ndarray of shape (N,)
            float64.
        """
        losses = np.empty(offsets[-1])
        rows = self._project_all(params, rows)

        def run(batch, index):
            n_rows = max(1, MAX_SCORES // self.n_outputs)
            for window, x, _ in self._read_windows(params, rows, batch, None):
                for start in range(0, len(x), n_rows):
                    part = window.rows[start : start + n_rows]
                    scores, _ = self.output(params, x[start : start + n_rows])
                    losses[part] = self.head.losses(scores, targets[part])

        self._run_batches(run, offsets, run_all)
        return losses

    def read(self, params, rows, offsets, state=None, *, run_all=map):
        """Read sequences, in one direction, for what may come after them.

        Parameters
        ----------
        params, rows, offsets, run_all
            As in `scores`.
        state : list of tuples of ndarrays, default=None
            Of each layer the state before the first step, shape (1, n, H).

        Returns
        -------
        scores : ndarray of shape (n, K)
            Of the last step of each sequence.
        last : list of tuples of ndarrays
            The state after it.
        """
        n = len(offsets) - 1
        rows = self._project_all(params, rows)
        outputs = np.empty((n, self.hidden_sizes[-1]), dtype=self.dtype)
        last = [
            tuple(np.empty((1, n, H), self.dtype) for _ in range(self.cell.n_states))
            for H in self.hidden_sizes
        ]

        def run(batch, index):
            own = index[batch.order]
            before = state and [tuple(s[:, own] for s in layer) for layer in state]
            for window, x, after in self._read_windows(params, rows, batch, before):
                live = own[: window.sizes[0]]
                outputs[live] = x[window.last]
                for whole, part in zip(chain(*last), chain(*after), strict=True):
                    whole[:, live] = part

        self._run_batches(run, offsets, run_all)
        scores, _ = self.output(params, outputs)
        return scores, last

    def _run_batches(self, run, offsets, run_all):
        """Call run(batch, index) for all sequences, some at a time."""
        starts, lengths = offsets[:-1], np.diff(offsets)

        def run_batch(index):
            run(PackedBatch(starts[index], lengths[index]), index)

        for _ in run_all(run_batch, batches_by_length(lengths)):
            pass

    def _read_windows(self, params, rows, batch, state):
        """Yield a batch in parts of some steps, with what the head of each stands on.

        And the state after it, of those sequences that are live in it.
        """
        for window in batch.windows(max(1, MAX_ROWS // len(batch.lengths))):
            x, state, _ = self.hidden(
                params, rows[window.rows], window, None, False, live_part(state, window)
            )
            yield window, x, state

    def pack(self, data, index):
        """Return a batch of some sequences of `training.Data`, and its terms."""
        batch = PackedBatch(data.starts[index], data.lengths[index])
        if self.pooling is None:
            return batch, batch.rows
        return batch, data.term_starts[index[batch.order]]

    def _drop(self, x, l, rng):
        """Return the inputs of layer l with some dropped, and the mask to go back."""
        rate = self.dropout[min(l, 1)]
        if rng is None or rate == 0:
            return x, None
        if l == 0 and self.embedding_dim is None:
            return inputs.drop(x, rate, rng, self.input_size, self.dtype), None
        mask = inputs.dropout_mask(x.shape, rate, rng, self.dtype)
        return x * mask, mask

    def _project(self, params, x, batch, l, times):
        """Return what the inputs of layer l contribute, and these for `backward`.

        Between them which row of it each step takes, shape (D, N), None for its own.
        """
        if isinstance(x, _Projected):
            return x.z, self._both(x.which, batch), None
        if l == 0 and _are_ids(x):
            tokens, which = inputs.distinct(x)
            z, vectors = self._project_tokens(params, tokens, times)
            rows = self._both(which, batch)
            return z, rows, _Tokens(tokens, rows, vectors)
        W, b = params[f"W{l}"], params[f"b{l}"]
        if l == 0 and self.embedding_dim is None:
            return inputs.project_both(x, batch.reverse, W, b, times=times), None, x
        x = x[None]
        if self.n_directions == 2:
            x = np.concatenate([x, x.take(batch.reverse, axis=1)])
        return times(x, W, bias=b), None, x

    def _project_tokens(self, params, ids, times):
        """Return what each token contributes to the first layer, and its embedding."""
        W, b = params["W0"], params["b0"]
        if self.embedding_dim is None:
            return np.stack(
                [inputs.project(ids, *pair) for pair in zip(W, b, strict=True)]
            ), None
        vectors = inputs.project(ids, params["embedding"])
        both = np.broadcast_to(vectors, (len(W), *vectors.shape))
        return times(both, W, bias=b), vectors

    def _project_all(self, params, rows):
        """Return the inputs of many batches, ids `_Projected` where memory allows."""
        if not _are_ids(rows) or len(rows) == 0:
            return rows
        if len(rows) <= FEW_STEPS:
            tokens, which = rows, np.arange(len(rows))
        else:
            tokens, which = inputs.distinct(rows)
        width = params["b0"].nbytes
        if len(tokens) * width > MAX_PROJECTED:
            return rows
        z, _ = self._project_tokens(params, tokens, self._times(keep=False))
        return _Projected(z, which)

    def _both(self, which, batch):
        """Return indices of steps for each direction."""
        if self.n_directions == 1:
            return which[None]
        return np.stack([which, which[batch.reverse]])

    def _tokens_backward(self, params, x, dz, grads):
        """Add to the gradients of the first layer; return that of the table."""
        times = self._times(keep=True)
        by_token = [
            inputs.sum_by(which, dz_d, len(x.ids), self.n_threads)
            for which, dz_d in zip(x.which, dz, strict=True)
        ]
        if x.vectors is None:
            return inputs.without_none(x.ids, np.stack(by_token))
        dx = 0
        for d, dz_d in enumerate(by_token):
            times(x.vectors.T, dz_d, out=grads["W0"][d])
            dx = dx + times(dz_d, params["W0"][d].T)
        return inputs.without_none(x.ids, dx)

    def _extra(self, params, l):
        if self.cell.n_extra:
            return params[f"e{l}"]
        D, H = self.n_directions, self.hidden_sizes[l]
        return np.empty((D, 0, H), dtype=self.dtype)


def _are_ids(x):
    return not sparse.issparse(x) and x.ndim == 1


def live_part(state, window):
    """Return the state of the sequences that have a step in the window."""
    if state is None:
        return None
    n = window.sizes[0]
    return [tuple(s[:, :n] for s in layer) for layer in state]
