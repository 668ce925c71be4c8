"""One recurrent layer, forward and backward, compared with PyTorch's."""

import warnings

import numpy as np
import torch

from benchmarks.measure import COLUMNS, fastest, in_turns, line
from benchmarks.report import Table
from benchmarks.twin import LAYERS
from skrnn._core import recurrence
from skrnn._core.cells import CELLS
from skrnn._core.products import product

SHAPES = [
    ("lstm", 32, 30, 64),
    ("lstm", 32, 50, 128),
    ("lstm", 64, 100, 256),
    ("lstm", 20, 35, 640),
    ("lstm", 128, 50, 512),
    ("lstm", 8, 30, 64),
    ("lstm", 1, 100, 128),
    ("gru", 8, 30, 64),
    ("rnn", 8, 30, 64),
]


class Layer:
    """One direction of a layer as `Network` computes it, with random weights.

    Its inputs are B sequences of T rows of H numbers; it has H units.
    """

    def __init__(self, cell, B, T, H, n_threads):
        rng = np.random.default_rng(0)
        self.cell = CELLS[cell]("tanh")
        self.sizes, self.n_threads = [B] * T, n_threads
        width = self.cell.n_gates * H

        def draw(*shape, scale=1.0):
            return (scale * rng.standard_normal(shape)).astype(np.float32)

        self.x, self.dh = draw(1, T * B, H), draw(1, T * B, H)
        self.W, self.U = (draw(1, H, width, scale=H**-0.5) for _ in range(2))
        self.b = draw(1, width)
        self.e = draw(1, self.cell.n_extra, H)
        self.z = self.project()

    def project(self):
        """Return the input projections."""
        z = product(self.x, self.W, n_threads=self.n_threads)
        z += self.b[:, None]
        return z

    def recur(self, z):
        """Run the recurrence forward and backward; return outputs and gradients."""
        dU, de = np.zeros_like(self.U), np.zeros_like(self.e)
        threads = {"n_threads": self.n_threads}
        h, _, tape = recurrence.forward(
            self.cell, z, self.U, self.e, self.sizes, **threads
        )
        dz, _ = recurrence.backward(
            self.cell, self.dh, tape, self.U, self.e, dU, de, **threads
        )
        return h, dz, dU

    def __call__(self):
        """Run forward and backward; return outputs and gradients."""
        h, dz, dU = self.recur(self.project())
        db, dW = dz.sum(axis=1), np.zeros_like(self.W)
        product(self.x.transpose(0, 2, 1), dz, out=dW, n_threads=self.n_threads)
        dx = product(dz, self.W.transpose(0, 2, 1), n_threads=self.n_threads)
        return h, dx, dW, dU, db


class TorchLayer:
    """The same layer in PyTorch, with the weights of a `Layer`."""

    def __init__(self, layer, cell, B, T, H):
        def tensor(x):
            return torch.from_numpy(np.ascontiguousarray(x))

        self.rnn = LAYERS[cell](H, H)
        with torch.no_grad():
            self.rnn.weight_ih_l0.copy_(tensor(layer.W[0].T))
            self.rnn.weight_hh_l0.copy_(tensor(layer.U[0].T))
            self.rnn.bias_ih_l0.copy_(tensor(layer.b[0]))
            self.rnn.bias_hh_l0.zero_()
            if cell == "gru":
                self.rnn.bias_hh_l0[-H:].copy_(tensor(layer.e[0, 0]))
        self.x = tensor(layer.x).view(T, B, H).requires_grad_()
        self.dh = tensor(layer.dh).view(T, B, H)

    def __call__(self):
        """Run forward and backward; return outputs and gradients."""
        for parameter in (self.x, *self.rnn.parameters()):
            parameter.grad = None
        h = self.rnn(self.x)[0]
        h.backward(self.dh)
        W, U, b, _ = (p.grad for p in self.rnn.parameters())
        return h, self.x.grad, W.T, U.T, b

    def without_onednn(self):
        """Run with PyTorch's own loops instead of oneDNN."""
        with torch.backends.mkldnn.flags(enabled=False):
            return self()


def difference(ours, theirs):
    """Return the largest difference of two lists of arrays, relative to the maximum."""
    pairs = [
        (a, b.detach().numpy().reshape(a.shape))
        for a, b in zip(ours, theirs, strict=True)
    ]
    return max(float(abs(a - b).max() / abs(b).max()) for a, b in pairs)


def layers(n_runs, n_threads):
    """Compare layers of several shapes."""
    torch.set_num_threads(n_threads)
    warnings.filterwarnings("ignore", "TF32 acceleration")
    lines = []
    for shape in SHAPES:
        ours = Layer(*shape, n_threads)
        theirs = TorchLayer(ours, *shape)
        setups = {"nn default": theirs, "without oneDNN": theirs.without_onednn}
        setup = fastest(setups, at_least=0.05)
        check = f"largest difference {difference(ours(), theirs()):.0e}"
        runs = in_turns({"skrnn": ours, "torch": setups[setup]}, n_runs, at_least=0.2)
        cell, B, T, H = shape
        name = f"{cell}, {B} x {T} x {H}"
        lines.append(line(name, n_threads, *runs.values(), check, setup))
    text = (
        "One layer: sequences x steps x units, with as many inputs as units; the "
        "forward pass, and the backward pass to the inputs, the weights and the biases."
    )
    return Table("A layer, forward and backward", text, COLUMNS, lines)
