"""A fit of RNNSeq2Seq compared with PyTorch: pronunciations of CMUdict."""

import numpy as np
import torch
from torch import nn
from torch.nn.utils.rnn import (
    pack_padded_sequence,
    pad_packed_sequence,
    pad_sequence,
)

from benchmarks import data
from benchmarks.fits import KINDS, TRIAL, as_tensors, compare
from benchmarks.measure import COLUMNS
from benchmarks.models import CMUDICT, configure
from benchmarks.report import Table
from benchmarks.torch_fits import batches, make_optimizers, setups, step
from benchmarks.twin import Twin, initial_weights
from skrnn import RNNSeq2Seq

BATCH = CMUDICT["batch_size"]
CLOSED = 1e3  # an input for which the sigmoid of a gate is 1, and 0 for its opposite


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
        Whether sequences are padded, else packed. To keep its state unchanged in
        padding, a padded encoder has an additional input, 1 in padding and 0 elsewhere,
        that closes the input gates and opens the forget gates.
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
        """The embedding whose gradients may be sparse."""
        return self.encoder.embedding

    def read(self, x, lengths):
        """Return the encoder outputs of all steps of padded sources, and its state.

        Both directions are concatenated.
        """
        rnn, x = self.encoder.rnn[0], self.encoder.features(x)
        if self.is_padded:
            padding = torch.arange(len(x))[:, None] >= lengths
            memory, (_, c) = rnn(torch.cat([x, padding[..., None]], dim=2))
            H = c.shape[2]
            last = memory[lengths - 1, torch.arange(len(lengths))]
            h = last[:, :H], memory[0, :, H:]
        else:
            memory, (h, c) = rnn(pack_padded_sequence(x, lengths))
            memory = pad_packed_sequence(memory)[0]
        return memory, [torch.cat(list(each), dim=1)[None] for each in (h, c)]

    def decode(self, y, lengths, state):
        """Return the decoder outputs before each token of padded targets."""
        rnn, x = self.decoder.rnn[0], self.decoder.features(y)
        if self.is_padded:
            return rnn(x, state)[0]
        h, _ = rnn(pack_padded_sequence(x, lengths, enforce_sorted=False), state)
        return pad_packed_sequence(h)[0]

    def attend(self, h, memory, lengths):
        """Return the context of each step of the targets, batch first."""
        scores = h @ self.key(memory).transpose(1, 2)
        padding = torch.arange(memory.shape[1]) >= lengths[:, None]
        scores = scores.masked_fill(padding[:, None], -torch.inf)
        return scores.softmax(dim=2) @ memory

    def loss(self, x, y):
        """Return the mean loss of the tokens of a batch, and their number.

        The longest source comes first.
        """
        end = torch.tensor([self.end])
        lengths = torch.tensor([len(source) for source in x])
        target_lengths = torch.tensor([len(target) + 1 for target in y])
        memory, state = self.read(pad_sequence(x), lengths)
        before = torch.cat([end.expand(1, len(y)), pad_sequence(y)])
        h = self.decode(before, target_lengths, tuple(state)).transpose(0, 1)
        context = self.attend(h, memory.transpose(0, 1), lengths)
        real = torch.arange(h.shape[1]) < target_lengths[:, None]
        top = torch.tanh(self.combine(torch.cat([context[real], h[real]], dim=1)))
        tokens = torch.cat([part for target in y for part in (target, end)])
        return nn.functional.cross_entropy(self.decoder.out(top), tokens), len(tokens)


def _linear(weight):
    layer = nn.Linear(*weight.shape[::-1], bias=False)
    with torch.no_grad():
        layer.weight.copy_(torch.from_numpy(np.ascontiguousarray(weight)))
    return layer


def fit_pairs(model, weights, X, y, setup):
    """Train the twin of a fitted RNNSeq2Seq; return the mean loss of each epoch.

    Parameters
    ----------
    model : RNNSeq2Seq
        Fitted to X and y or a part of them, without shuffling.
    weights : dict
        Initial weights.
    X, y : lists of n tensors
        Ids of sources and of targets.
    setup : Setup
        The training setup.
    """
    twin = PairTwin(model, weights, sparse=setup.sparse, padded=setup.padded)
    optimizers = make_optimizers(twin, model.solver, model.learning_rate_init)
    lengths = np.array([len(x) for x in X])
    rng = np.random.default_rng(0) if setup.bucketed else None
    losses = []
    for _ in range(model.max_iter):
        total = n_terms = 0
        for index in batches(lengths, model.batch_size, setup.bucketed, rng):
            loss, n = twin.loss([X[i] for i in index], [y[i] for i in index])
            step(twin, optimizers, loss, model.max_grad_norm)
            total += loss.item() * n
            n_terms += n
        losses.append(total / n_terms)
    return losses


def cmudict(n_runs, n_threads):
    """Learn the pronunciation of words."""
    X, y = data.cmudict(20_000)
    model = configure(RNNSeq2Seq, 1, max_norm=5.0, shuffle=False, **CMUDICT)
    model.partial_fit(X[:BATCH], y[:BATCH], classes=np.unique(np.concatenate(y)))
    pairs = [(as_tensors(X[::part]), as_tensors(y[::part])) for part in (1, TRIAL)]
    check_first_loss(model, *(each[:BATCH] for each in pairs[0]))
    groups = [setups(*kind) for kind in KINDS]
    lines = compare(
        "cmudict", model, [X, y], pairs, groups, fit_pairs, n_runs, n_threads
    )
    text = (
        f"Phonemes of {len(X):,} random words from their letters: embeddings of 64, "
        'both directions of 128 units, a decoder of 256 with attention ("general"), '
        "batches of 128 in a fixed order, Adam at 0.003, gradients clipped to 5, one "
        "epoch. Bucketed batches have a different order."
    )
    return Table("Fit: CMUdict", text, COLUMNS, lines)


def check_first_loss(model, X, y):
    """Check that the twin has the loss of the batch that the model was fitted to."""
    for setup in setups(sparse=True, bucketed=False):
        (loss,) = fit_pairs(model, initial_weights(model), X, y, setup)
        np.testing.assert_allclose(loss, model.loss_curve_[0], rtol=1e-5, atol=0)
