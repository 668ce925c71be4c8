"""The network of an estimator in PyTorch, with the same weights (its twin)."""

import numpy as np
import torch
from torch import nn
from torch.nn.utils.rnn import PackedSequence

from skrnn._core import make_network

LAYERS = {"lstm": nn.LSTM, "gru": nn.GRU, "rnn": nn.RNN}


def initial_weights(model):
    """Return the initial weights of a model fitted with random_state=0."""
    seed = np.random.RandomState(0).randint(2**31)
    network = make_network(model._architecture)
    return network.init_params(np.random.RandomState(seed)).to_dict()


class Twin(nn.Module):
    """Embedding if there is one, recurrent layers of one size, output layer if any.

    Parameters
    ----------
    architecture : dict
        Of a fitted estimator.
    weights : dict of arrays
        Named as in `weights_` of the estimator.
    sparse : bool, default=False
        Whether gradients of the embedding are sparse.
    mirrored : bool, default=False
        Whether a bidirectional layer consists of two layers, the second of which reads
        mirrored sequences: padding is then last for both, and changes nothing.
    """

    def __init__(self, architecture, weights, *, sparse=False, mirrored=False):
        super().__init__()
        V, E = architecture["input_size"], architecture["embedding_dim"]
        sizes = architecture["hidden_sizes"]
        layer, H = LAYERS[architecture["cell"]], sizes[0]
        self.n_directions = 1 + architecture["bidirectional"]
        self.embedding = None if E is None else nn.Embedding(V, E, sparse=bool(sparse))
        self.mirrored = mirrored and self.n_directions == 2
        together = {"bidirectional": self.n_directions == 2 and not self.mirrored}
        self.rnn = nn.ModuleList(
            layer(weights["W0"].shape[1], H, num_layers=len(sizes), **together)
            for _ in range(1 + self.mirrored)
        )
        self.out = nn.Linear(*weights["W_out"].shape) if "W_out" in weights else None
        with torch.no_grad():
            self._load(weights, len(sizes), H)

    def _load(self, weights, n_layers, H):
        def load(parameter, values):
            parameter.copy_(torch.from_numpy(np.ascontiguousarray(values)))

        if self.embedding is not None:
            load(self.embedding.weight, weights["embedding"])
        if self.out is not None:
            load(self.out.weight, weights["W_out"].T)
            load(self.out.bias, weights["b_out"])
        for l in range(n_layers):
            for d in range(self.n_directions):
                rnn = self.rnn[d if self.mirrored else 0]
                name = f"l{l}" + "_reverse" * (d == 1 and not self.mirrored)
                load(getattr(rnn, f"weight_ih_{name}"), weights[f"W{l}"][d].T)
                load(getattr(rnn, f"weight_hh_{name}"), weights[f"U{l}"][d].T)
                load(getattr(rnn, f"bias_ih_{name}"), weights[f"b{l}"][d])
                recurrent_bias = getattr(rnn, f"bias_hh_{name}").zero_()
                if f"e{l}" in weights:  # the GRU's candidate has two biases
                    load(recurrent_bias[-H:], weights[f"e{l}"][d, 0])
                else:  # a single bias, with the same updates as in skrnn
                    recurrent_bias.requires_grad_(False)

    def features(self, x):
        """Return the inputs of the first recurrent layer."""
        return x if self.embedding is None else self.embedding(x)

    def packed(self, x):
        """Return the packed outputs of all steps of packed sequences."""
        return self.rnn[0](PackedSequence(self.features(x.data), *x[1:]))[0].data

    def last_of_packed(self, x):
        """Return the output after the last step that each direction reads."""
        state = self.rnn[0](PackedSequence(self.features(x.data), *x[1:]))[1]
        h = state[0] if isinstance(state, tuple) else state
        return torch.cat(list(h[-self.n_directions :]), dim=1)

    def padded(self, x, lengths):
        """Return the outputs of all steps of sequences padded at their ends.

        With `mirrored` there is one array of shape (T, B, H) per direction, the second
        in the order in which it reads (see `mirror`); else one of shape (T, B, D * H).
        """
        x = self.features(x)
        outputs = [self.rnn[0](x)[0]]
        if self.mirrored:
            outputs.append(self.rnn[1](mirror(x, lengths))[0])
        return outputs

    def steps_of_padded(self, x, lengths, mask):
        """Return the outputs of all real steps, in the order of the mask."""
        outputs = self.padded(x, lengths)
        if self.mirrored:
            outputs[1] = mirror(outputs[1], lengths)
        return torch.cat([h[mask] for h in outputs], dim=1)

    def last_of_padded(self, x, lengths):
        """Return the same as `last_of_packed`, of padded sequences."""
        last = lengths - 1, torch.arange(len(lengths))
        return torch.cat([h[last] for h in self.padded(x, lengths)], dim=1)


def mirror(x, lengths):
    """Return padded sequences (T, B, ...) with the steps of each in reverse."""
    step = torch.arange(len(x))[:, None]
    mirrored = torch.where(step < lengths, lengths - 1 - step, step)
    return x[mirrored, torch.arange(x.shape[1])]
