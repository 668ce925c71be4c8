"""A stack of recurrent layers in one or two directions, on inputs of any kind."""

from functools import partial
from typing import NamedTuple

import numpy as np

from skrnn._core import recurrence
from skrnn._core.cells import CELLS
from skrnn._core.first_layer import first_layer_of
from skrnn._core.params import (
    ArraySpec,
    Params,
    fill_glorot_uniform,
    fill_orthogonal,
    fill_specs,
)
from skrnn._core.pooling import POOLINGS
from skrnn._core.products import product
from skrnn._core.projection import (
    Dropout,
    FirstLayer,
    both_directions,
    merge_directions,
)


class LayerTape(NamedTuple):
    """Values saved for the backward pass of one recurrent layer."""

    projection: tuple  # of its inputs
    recurrence: tuple


class HiddenTape(NamedTuple):
    """Values saved by `Stack.hidden` for the backward pass."""

    first: FirstLayer
    layers: list  # of LayerTape
    pooled: object


class Stack:
    """Recurrent layers: it holds sizes, and works on the parameters it is given.

    The parameters by name, D the number of directions and i counting layers from 0:

    - ``embedding``, shape (V, E), if there is one;
    - ``W0``, shape (D, V or E, G * H), then ``W1`` and so on, (D, D * H, G * H);
    - ``U0`` ..., shape (D, H, G * H); ``b0`` ..., shape (D, G * H);
    - ``e0`` ..., shape (D, n_extra, H), where the cell has extra weights.

    The embedding, W and U have an L2 penalty.

    Parameters
    ----------
    cell : str
        A name in `cells.CELLS`.
    activation : {"tanh", "relu"}
        The activation of the cell "rnn".
    input_size : int
        V, the number of tokens or of features.
    hidden_sizes : tuple of int
        H of each layer, from the input up.
    bidirectional : bool
        Whether every layer also reads backwards.
    embedding_dim : int or None
        E.
    pooling : {"last", "mean", "max"} or None
        How the steps of a sequence become one output; None: each step has one.
    dropout : tuple of two floats
        The dropout rate of the inputs of the first layer, and that of the inputs of
        everything above it.
    dtype : dtype
        The dtype of parameters and results.
    n_threads : int, default=1
        The number of threads of the kernels. It does not change a bit.
    """

    def __init__(
        self,
        *,
        cell,
        activation,
        input_size,
        hidden_sizes,
        bidirectional,
        embedding_dim,
        pooling,
        dropout,
        dtype,
        n_threads=1,
    ):
        self.cell = CELLS[cell](activation)
        self.input_size = input_size
        self.hidden_sizes = tuple(hidden_sizes)
        self.n_directions = 2 if bidirectional else 1
        self.output_size = self.n_directions * self.hidden_sizes[-1]
        self.embedding_dim = embedding_dim
        self.pooling = None if pooling is None else POOLINGS[pooling]()
        self.dropout = dropout
        self.dtype = np.dtype(dtype)
        self.n_threads = n_threads

    # --- parameters -------------------------------------------------------------------

    def specs(self):
        """Return the `ArraySpec` of each array of parameters, by name."""
        D, G = self.n_directions, self.cell.n_gates
        specs, width = {}, self.input_size
        if self.embedding_dim is not None:
            # variance 1 / E: embedded steps have a length of about 1
            E = width = self.embedding_dim
            fill = partial(fill_glorot_uniform, fan_in=1, fan_out=2 * E - 1)
            specs["embedding"] = ArraySpec((self.input_size, E), fill, True)
        for i, H in enumerate(self.hidden_sizes):
            # of many inputs few are active at a time (one-hot rows: a single one)
            fill = partial(fill_glorot_uniform, fan_in=min(width, H), fan_out=H)
            specs[f"W{i}"] = ArraySpec((D, width, G * H), fill, True)
            fill = partial(fill_orthogonal, n_gates=G)
            specs[f"U{i}"] = ArraySpec((D, H, G * H), fill, True)
            specs[f"b{i}"] = ArraySpec((D, G * H), self._fill_bias)
            if self.cell.n_extra:
                specs[f"e{i}"] = ArraySpec((D, self.cell.n_extra, H))
            width = D * H
        return specs

    def _fill_bias(self, rng, b):
        self.cell.fill_bias(b)

    def shapes(self):
        """Return the shape of each array of parameters, by name."""
        return {name: spec.shape for name, spec in self.specs().items()}

    def params(self, flat=None, table=None):
        """Return parameters with these values; zeros where there are none."""
        return Params.from_specs(self.specs(), flat=flat, table=table, dtype=self.dtype)

    def init_params(self, rng):
        """Draw initial weights: Glorot for W, orthogonal for U, forget bias 1."""
        params = self.params()
        self.fill(params, rng)
        return params

    def fill(self, params, rng):
        """Fill the parameters with initial values."""
        fill_specs(self.specs(), params, rng)

    # --- forward and backward ---------------------------------------------------------

    def hidden(self, params, x, batch, *, rng=None, state=None, training=False):
        """Run the recurrent layers on a batch.

        Parameters
        ----------
        params : Params
            The parameters.
        x : rows of any kind in `first_layer.FIRST_LAYERS`, packed
            The inputs.
        batch : PackedBatch
            Their geometry.
        rng : RandomState, default=None
            The source of random numbers for dropout; without it there is none.
        state : list of tuples of ndarrays, default=None
            The state of each layer before the first step, shape (D, B, H), in packed
            order; zeros where None.
        training : bool, default=False
            Whether to fill the tape for the backward pass. Where False the result is
            batch-invariant: the bits of a sequence do not depend on the others.

        Returns
        -------
        h : ndarray of shape (N, D * H), or (B, D * H) where steps are pooled
            The outputs of the last layer, packed.
        last : list of tuples of ndarrays
            The state of each layer after the last step of each sequence.
        tape : HiddenTape
        """
        matmul = self._matmul(training)
        dropout = self._dropout(0, rng)
        if dropout is not None and self.embedding_dim is None:
            x = first_layer_of(x).drop(x, dropout, self.input_size)
            dropout = None
        first = first_layer_of(x)
        layers, last, pooled = [], [], None
        for i in range(len(self.hidden_sizes)):
            if i == 0:
                z, index, projection = first.project(params, x, batch, matmul, dropout)
            else:
                x, mask = self._drop(x, i, rng)
                x = both_directions(x, batch, self.n_directions)
                z, index, projection = (
                    matmul(x, params[f"W{i}"], bias=params[f"b{i}"]),
                    None,
                    (x, mask),
                )
            h, state_after, tape = recurrence.forward(
                self.cell,
                z,
                params[f"U{i}"],
                self._extra(params, i),
                batch.sizes,
                None if state is None else state[i],
                rows=index,
                keep=training,
                batch_invariant=not training,
                n_threads=self.n_threads,
            )
            last.append(state_after)
            if training:
                layers.append(LayerTape(projection, tape))
            if i == len(self.hidden_sizes) - 1 and self.pooling is not None:
                h, pooled = self.pooling.forward(h, batch)
                x = np.concatenate(h, axis=1)
            elif self.n_directions == 2:
                x = np.concatenate([h[0], h[1].take(batch.reverse, axis=0)], axis=1)
            else:
                x = h[0]
        return x, last, HiddenTape(first, layers, pooled)

    def hidden_backward(
        self, params, dh, tape, batch, grads, dlast=None, *, to_first=True
    ):
        """Run the backward pass of the recurrent layers.

        Parameters
        ----------
        params : Params
            The parameters.
        dh : ndarray
            The derivative of the loss by the outputs of the last layer.
        tape : HiddenTape
            As returned by `hidden`.
        batch : PackedBatch
            The geometry.
        grads : Params
            Added to; its table becomes a `RowGrad`.
        dlast : list of tuples of ndarrays, default=None
            The derivative by the last state of each layer, shape (D, B, H).
        to_first : bool, default=True
            Whether to return the derivative by the first state.

        Returns
        -------
        list of tuples of ndarrays, or of None where not wanted
            The derivative by the first state of each layer.
        """
        dfirst = []
        n_layers = len(tape.layers)
        for i in reversed(range(n_layers)):
            projection, kept = tape.layers[i]
            dh = dh.reshape(len(dh), -1, self.hidden_sizes[i]).swapaxes(0, 1)
            if i == n_layers - 1 and self.pooling is not None:
                dh = self.pooling.backward(dh, tape.pooled, batch)
            elif self.n_directions == 2:
                dh = np.stack([dh[0], dh[1].take(batch.reverse, axis=0)])
            dz, dstate = recurrence.backward(
                self.cell,
                dh,
                kept,
                params[f"U{i}"],
                self._extra(params, i),
                grads[f"U{i}"],
                self._extra(grads, i),
                None if dlast is None else dlast[i],
                db=grads[f"b{i}"],
                to_first=to_first,
                n_threads=self.n_threads,
            )
            dfirst.insert(0, dstate)
            if i == 0:
                tape.first.backward(
                    dz, projection, batch, params, grads, self.n_threads
                )
            else:
                dh = self._project_backward(params, i, projection, dz, batch, grads)
        return dfirst

    def _project_backward(self, params, layer, tape, dz, batch, grads):
        """Return the derivative by the outputs of the layer below; add to `grads`."""
        x, mask = tape
        matmul = self._matmul(training=True)
        matmul(x.transpose(0, 2, 1), dz, out=grads[f"W{layer}"])
        dx = matmul(dz, params[f"W{layer}"].transpose(0, 2, 1))
        dx = merge_directions(dx, batch)
        if mask is not None:
            dx *= mask
        return dx

    def _matmul(self, training):
        """Return the product of dense matrices; batch-invariant except in training."""
        return partial(product, batch_invariant=not training, n_threads=self.n_threads)

    def _extra(self, params, layer):
        if self.cell.n_extra:
            return params[f"e{layer}"]
        D, H = self.n_directions, self.hidden_sizes[layer]
        return np.empty((D, 0, H), dtype=self.dtype)

    def _dropout(self, layer, rng):
        rate = self.dropout[min(layer, 1)]
        return None if rng is None or rate == 0 else Dropout(rate, rng, self.dtype)

    def _drop(self, x, layer, rng):
        """Return the inputs of a layer above the first after dropout, and the mask."""
        dropout = self._dropout(layer, rng)
        if dropout is None:
            return x, None
        mask = dropout.mask(x.shape)
        return x * mask, mask
