"""The attention layer: between the decoder and the output layer.

The decoder output h of a step is the query; the encoder outputs m of all steps of its
source are the memory. The score of a step of the source is, by the kind of attention,

- "dot": ``h @ m``;
- "general": ``h @ W_attention @ m``;
- "additive": ``v_attention @ tanh(h @ W_query + m @ W_key)``.

The context c is the sum of the memory weighted by the softmax of the scores, and the
output of the layer is ``tanh([c, h] @ W_combined)`` (Luong et al. 2015).
"""

from functools import partial
from typing import NamedTuple

import numpy as np

from skrnn._core.attention import QueryGroups, attend, attend_backward
from skrnn._core.batching import offsets_of
from skrnn._core.params import ArraySpec, fill_glorot_uniform
from skrnn._core.products import product

ATTENTIONS = ("dot", "general", "additive")


class AttentionTape(NamedTuple):
    """Values saved by `AttentionLayer.forward` for the backward pass.

    By sequence means: one sequence after the other, instead of packed.
    """

    memory_rows: np.ndarray  # the packed rows of the memory, by sequence
    query_rows: np.ndarray  # the packed rows of the decoder outputs, by sequence
    h: np.ndarray  # the decoder outputs, by sequence
    queries: np.ndarray
    keys: np.ndarray
    memory: np.ndarray  # by sequence
    groups: QueryGroups
    weights: np.ndarray
    combined: np.ndarray  # [c, h], packed
    outputs: np.ndarray  # packed


class Memory(NamedTuple):
    """The memory of the sources during decoding."""

    rows: np.ndarray  # the encoder outputs, by sequence
    keys: np.ndarray
    starts: np.ndarray  # shape (n,), the first row of each source
    lengths: np.ndarray  # shape (n,)


class AttentionLayer:
    """Attention of one kind: it works on the parameters it is given.

    Parameters
    ----------
    kind : {"dot", "general", "additive"}
        The score of a query and a step of the memory.
    size : int
        M, the number of outputs of the encoder and of the decoder.
    n_threads : int, default=1
        The number of threads of the kernels. It does not change a bit.
    """

    def __init__(self, kind, size, n_threads=1):
        self.kind, self.size, self.n_threads = kind, size, n_threads

    def specs(self):
        """Return the `ArraySpec` of each array of parameters, by name.

        All but ``v_attention`` have an L2 penalty.
        """
        M = self.size
        square = ArraySpec((M, M), partial(fill_glorot_uniform, fan_in=M, fan_out=M))
        square = square._replace(penalized=True)
        specs = {}
        if self.kind == "general":
            specs["W_attention"] = square
        elif self.kind == "additive":
            specs["W_query"] = specs["W_key"] = square
        fill = partial(fill_glorot_uniform, fan_in=2 * M, fan_out=M)
        specs["W_combined"] = ArraySpec((2 * M, M), fill, True)
        if self.kind == "additive":
            fill = partial(fill_glorot_uniform, fan_in=M, fan_out=1)
            specs["v_attention"] = ArraySpec((M,), fill)
        return specs

    def forward(self, params, h, memory, batch, *, training=False):
        """Compute the outputs at all steps of the targets.

        Parameters
        ----------
        params : Params
            The parameters.
        h : ndarray of shape (N_target, M)
            The decoder outputs, packed.
        memory : ndarray of shape (N_source, M)
            The encoder outputs, packed.
        batch : SourceTargetBatch
            The geometry.
        training : bool, default=False
            Where False the result is batch-invariant.

        Returns
        -------
        outputs : ndarray of shape (N_target, M)
            Packed.
        tape : AttentionTape
        """
        matmul = self._matmul(training)
        memory_rows, query_rows = batch.source.by_sequence(), batch.target.by_sequence()
        h_by_sequence, memory = h[query_rows], memory[memory_rows]
        keys = self._keys(params, memory, matmul)
        queries, v = self._queries(params, h_by_sequence, matmul)
        groups = _groups(batch)
        context, weights = attend(
            queries,
            keys,
            memory,
            v,
            groups,
            batch_invariant=not training,
            n_threads=self.n_threads,
        )
        packed = np.empty_like(context)
        packed[query_rows] = context
        outputs, combined = self._combine(params, packed, h, matmul)
        return outputs, AttentionTape(
            memory_rows,
            query_rows,
            h_by_sequence,
            queries,
            keys,
            memory,
            groups,
            weights,
            combined,
            outputs,
        )

    def backward(self, params, doutputs, tape, grads):
        """Return the derivatives by the decoder outputs and by the memory, packed."""
        matmul, M = self._matmul(training=True), self.size
        da = doutputs * (1 - tape.outputs * tape.outputs)
        matmul(tape.combined.T, da, out=grads["W_combined"])
        dcombined = matmul(da, params["W_combined"].T)
        dq, dkeys, dmemory, dv = attend_backward(
            dcombined[tape.query_rows, :M],
            tape.weights,
            tape.queries,
            tape.keys,
            tape.memory,
            params["v_attention"] if self.kind == "additive" else None,
            tape.groups,
            n_threads=self.n_threads,
        )
        if self.kind == "general":
            matmul(dkeys.T, tape.memory, out=grads["W_attention"])
            dkeys = matmul(dkeys, params["W_attention"])
        elif self.kind == "additive":
            matmul(tape.memory.T, dkeys, out=grads["W_key"])
            matmul(tape.h.T, dq, out=grads["W_query"])
            dkeys = matmul(dkeys, params["W_key"].T)
            dq = matmul(dq, params["W_query"].T)
            grads["v_attention"][...] += dv
        dmemory += dkeys
        dh = np.ascontiguousarray(dcombined[:, M:])
        dh[tape.query_rows] += dq
        packed = np.empty_like(dmemory)
        packed[tape.memory_rows] = dmemory
        return dh, packed

    # --- decoding step by step --------------------------------------------------------

    def remember(self, params, memory, batch):
        """Return the `Memory` of a `PackedBatch` of sources for `step`."""
        rows = memory[batch.by_sequence()]
        keys = self._keys(params, rows, self._matmul(training=False))
        return Memory(
            rows, keys, np.cumsum(batch.lengths) - batch.lengths, batch.lengths
        )

    def step(self, params, h, memory, sources):
        """Compute the outputs at one step of n hypotheses.

        Parameters
        ----------
        params : Params
            The parameters.
        h : ndarray of shape (n, M)
            The decoder outputs.
        memory : Memory
            As returned by `remember`.
        sources : ndarray of shape (n,)
            The source of each hypothesis.
        """
        matmul = self._matmul(training=False)
        groups = QueryGroups(
            np.arange(len(h) + 1), memory.starts[sources], memory.lengths[sources]
        )
        queries, v = self._queries(params, h, matmul)
        context, _ = attend(
            queries,
            memory.keys,
            memory.rows,
            v,
            groups,
            batch_invariant=True,
            n_threads=self.n_threads,
        )
        return self._combine(params, context, h, matmul)[0]

    def _matmul(self, training):
        """Return the product of dense matrices; batch-invariant except in training."""
        return partial(product, batch_invariant=not training, n_threads=self.n_threads)

    def _keys(self, params, memory, matmul):
        """Return the keys of the memory, which the queries are compared with."""
        if self.kind == "general":
            return matmul(memory, params["W_attention"].T)
        if self.kind == "additive":
            return matmul(memory, params["W_key"])
        return memory

    def _queries(self, params, h, matmul):
        """Return the queries and, for additive attention, the vector v (else None)."""
        if self.kind != "additive":
            return h, None
        return matmul(h, params["W_query"]), params["v_attention"]

    def _combine(self, params, context, h, matmul):
        """Return the outputs, and [c, h]."""
        combined = np.concatenate([context, h], axis=1)
        outputs = matmul(combined, params["W_combined"])
        return np.tanh(outputs, out=outputs), combined


def _groups(batch):
    """Return the memory rows that the queries of each target attend to, by sequence."""
    source, target = batch
    starts = np.cumsum(source.lengths) - source.lengths
    return QueryGroups(
        offsets_of(target.lengths),
        starts[target.order],
        source.lengths[target.order],
    )
