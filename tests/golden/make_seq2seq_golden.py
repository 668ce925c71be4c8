"""Write seq2seq.npz: losses and gradients of an encoder and decoder in PyTorch.

Run by hand, ``python tests/golden/make_seq2seq_golden.py``, with PyTorch (2.13.0 made
the file that is here). The tests only read the result. Every pair is computed by
itself, so there is no padding.
"""

from pathlib import Path

import numpy as np
import torch
from torch import nn

SOURCES = [[2, 0, 4], [1], [3, 3, 0, 1, 2], [4, 1]]
TARGETS = [[0, 2], [3, 1, 1, 0], [2], [1]]
V, K, E, H = 5, 5, 3, 2  # K tokens of targets, the end among them
N_LAYERS = 2


class Twin(nn.Module):
    """Bidirectional LSTM, and one that looks at it by Luong's general attention."""

    def __init__(self):
        super().__init__()
        self.source = nn.Embedding(V, E)
        self.encoder = nn.LSTM(E, H, N_LAYERS, bidirectional=True)
        self.target = nn.Embedding(K, E)
        self.decoder = nn.LSTM(E, 2 * H, N_LAYERS)
        self.attention = nn.Linear(2 * H, 2 * H, bias=False)
        self.combined = nn.Linear(4 * H, 2 * H, bias=False)
        self.output = nn.Linear(2 * H, K)

    def forward(self, source, target):
        """Return the loss of each token of the target, and of its end."""
        memory, last = self.encoder(self.source(source))
        # (layers * directions, H) to one state of 2 H for each layer of the decoder
        first = tuple(s.reshape(N_LAYERS, 2 * H) for s in last)
        end = torch.tensor([K - 1])
        h, _ = self.decoder(self.target(torch.cat([end, target])), first)
        p = torch.softmax(h @ self.attention(memory).T, dim=1)
        top = torch.tanh(self.combined(torch.cat([p @ memory, h], dim=1)))
        terms = torch.cat([target, end])
        return nn.functional.cross_entropy(self.output(top), terms, reduction="none")


def weights_of(twin, what):
    """Return the weights, or their gradients, as skrnn lays them out."""
    named = {k: getattr(p, what).detach() for k, p in twin.named_parameters()}
    arrays = {
        "embedding": named["source.weight"],
        "decoder_embedding": named["target.weight"],
        "W_attention": named["attention.weight"],
        "W_combined": named["combined.weight"].T,
        "decoder_W_out": named["output.weight"].T,
        "decoder_b_out": named["output.bias"],
    }
    for prefix, layer, ends in (
        ("", "encoder.", ["", "_reverse"]),
        ("decoder_", "decoder.", [""]),
    ):
        for k in range(N_LAYERS):
            for name, kind in (
                ("W", "weight_ih"),
                ("U", "weight_hh"),
                ("b", "bias_ih"),
            ):
                own = torch.stack([named[f"{layer}{kind}_l{k}{end}"] for end in ends])
                arrays[f"{prefix}{name}{k}"] = own if name == "b" else own.mT
    return {name: array.numpy().copy() for name, array in arrays.items()}


def run(twin, weights):
    """Return the losses of all terms and the gradients of their weighted sum."""
    pairs = zip(SOURCES, TARGETS, strict=True)
    losses = torch.cat([twin(torch.tensor(x), torch.tensor(y)) for x, y in pairs])
    twin.zero_grad()
    (losses * torch.tensor(weights, dtype=losses.dtype)).sum().backward()
    grads = {f"d{name}": grad for name, grad in weights_of(twin, "grad").items()}
    return {"losses": losses.detach().numpy(), **grads}


def main():
    """Run the twin in double and in single precision."""
    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    twin = Twin().double()
    with torch.no_grad():
        for name, p in twin.named_parameters():
            p.uniform_(-0.8, 0.8)
            if "bias_hh" in name:  # PyTorch has two biases
                p.zero_()
    weights = rng.uniform(0.5, 2, sum(map(len, TARGETS)) + len(TARGETS))
    golden = {
        "source_lengths": np.array(list(map(len, SOURCES))),
        "sources": np.concatenate(SOURCES),
        "target_lengths": np.array([len(y) + 1 for y in TARGETS]),
        "targets": np.concatenate([[*y, K - 1] for y in TARGETS]),
        "weights": weights,
        **weights_of(twin, "data"),
    }
    for dtype in ("float64", "float32"):
        twin = twin.to(getattr(torch, dtype))
        golden |= {f"{dtype}/{k}": array for k, array in run(twin, weights).items()}
    np.savez_compressed(Path(__file__).with_name("seq2seq.npz"), **golden)


if __name__ == "__main__":
    main()
