"""A fit of RNNSeq2Seq beside PyTorch's: how the words of CMUdict are pronounced."""

from functools import partial
from typing import NamedTuple

import numpy as np
import torch
from torch import nn
from torch.nn.utils.rnn import (
    pack_padded_sequence,
    pack_sequence,
    pad_packed_sequence,
    pad_sequence,
)

from benchmarks import data
from benchmarks.fits import KINDS, TRIAL, as_tensors, compare
from benchmarks.measure import COLUMNS
from benchmarks.models import CMUDICT, configure
from benchmarks.report import Table
from benchmarks.torch_fits import Way, batches, make_optimizers, step
from benchmarks.twin import Twin, initial_weights
from skrnn import RNNSeq2Seq

CLOSED = 1e3  # what makes the sigmoid of a gate 1, or its opposite 0


class PairTwin(nn.Module):
    """The network of an RNNSeq2Seq with LSTM cells and attention "general".

    Parameters
    ----------
    model : RNNSeq2Seq
        A fitted one.
    weights : dict of arrays
        Named as in `weights_`.
    sparse : bool
        Whether gradients of the encoder's embedding are sparse.
    padded : bool
        Whether the encoder is given padded sequences. So that its state stays as it is
        in padding, there is one input more, 1 there and 0 elsewhere, that closes the
        input gates and opens the forget gates.
    """

    def __init__(self, model, weights, *, sparse, padded):
        super().__init__()
        architecture, end = model._architecture, model._end
        prefix = "decoder_"
        of_decoder = {
            name.removeprefix(prefix): values
            for name, values in weights.items()
            if name.startswith(prefix)
        }
        (H,) = architecture["hidden_sizes"]
        D = 1 + architecture["bidirectional"]
        closing = {"input_size": end + 1, "hidden_sizes": [D * H]}
        closing["bidirectional"] = False
        self.end, self.is_padded = end, padded
        if padded:
            gates = np.repeat([-CLOSED, CLOSED, 0, 0], H).astype(np.float32)
            row = np.broadcast_to(gates, (D, 1, 4 * H))
            weights = weights | {"W0": np.concatenate([weights["W0"], row], axis=1)}
        self.encoder = Twin(architecture, weights, sparse=sparse)
        self.decoder = Twin(architecture | closing, of_decoder)
        self.key = _linear(weights["W_attention"])
        self.combine = _linear(weights["W_combined"].T)

    @property
    def embedding(self):
        """The one whose gradients may be sparse."""
        return self.encoder.embedding

    def encode(self, x, lengths):
        """Return what the encoder says at all steps of padded sources, and its state.

        Those of all directions are side by side.
        """
        rnn, x = self.encoder.rnn[0], self.encoder.features(x)
        if self.is_padded:
            padding = torch.arange(len(x))[:, None] >= lengths
            memory, (_, c) = rnn(torch.cat([x, padding[..., None]], dim=2))
            H = c.shape[2]
            last = memory[lengths - 1, torch.arange(len(lengths))]
            h = torch.cat([last[:, :H], memory[0, :, H:]], dim=1)
        else:
            memory, (h, c) = rnn(pack_padded_sequence(x, lengths))
            memory = pad_packed_sequence(memory)[0]
            h = torch.cat(list(h), dim=1)
        return memory, (h[None], torch.cat(list(c), dim=1)[None])

    def loss(self, x, y):
        """Return the mean loss of the tokens of a batch, and their number.

        Sources come longest first.
        """
        lengths = torch.tensor([len(source) for source in x])
        target_lengths = torch.tensor([len(target) + 1 for target in y])
        sources, targets = pad_sequence(x), pad_sequence(y)
        S, T = len(sources), len(targets) + 1
        memory, state = self.encode(sources, lengths)
        before = torch.cat([torch.full((1, len(y)), self.end), targets])
        h, _ = self.decoder.rnn[0](self.decoder.features(before), state)
        h, memory = h.transpose(0, 1), memory.transpose(0, 1)
        scores = h @ self.key(memory).transpose(1, 2)
        padding = torch.arange(S) >= lengths[:, None]
        scores = scores.masked_fill(padding[:, None], -torch.inf)
        context = scores.softmax(dim=2) @ memory
        real = torch.arange(T) < target_lengths[:, None]
        top = torch.tanh(self.combine(torch.cat([context[real], h[real]], dim=1)))
        terms = torch.cat([torch.cat([each, torch.tensor([self.end])]) for each in y])
        return nn.functional.cross_entropy(self.decoder.out(top), terms), len(terms)


def _linear(weight):
    layer = nn.Linear(*weight.shape[::-1], bias=False)
    with torch.no_grad():
        layer.weight.copy_(torch.from_numpy(np.ascontiguousarray(weight)))
    return layer


def fit_pairs(model, weights, X, y, way):
    """Train an RNNSeq2Seq, like a fitted one; return the mean loss of each epoch.

    Parameters
    ----------
    model : RNNSeq2Seq
        Fitted to X and y or a part of them, without shuffling.
    weights : dict
        To begin from.
    X, y : lists of n tensors
        Ids of sources and of targets.
    way : Way
        How.
    """
    twin = PairTwin(model, weights, sparse=way.sparse, padded=way.padded)
    optimizers = make_optimizers(twin, model.solver, model.learning_rate_init)
    lengths = np.array([len(x) for x in X])
    rng = np.random.default_rng(0) if way.bucketed else None
    losses = []
    for _ in range(model.max_iter):
        total = n_terms = 0
        for index in batches(lengths, model.batch_size, way.bucketed, rng):
            loss, n = twin.loss([X[i] for i in index], [y[i] for i in index])
            step(twin, optimizers, loss, model.max_grad_norm)
            total += loss.item() * n
            n_terms += n
        losses.append(total / n_terms)
    return losses
