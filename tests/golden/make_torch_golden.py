"""Write torch.npz: outputs and gradients of PyTorch's recurrent layers.

Run by hand, ``python tests/golden/make_torch_golden.py``, with PyTorch (2.13.0 made the
file that is here). The tests only read the result.
"""

from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn.utils.rnn import pack_sequence

LENGTHS = [6, 1, 4, 4, 2]
INPUT_SIZE, HIDDEN_SIZE = 3, 4
LAYERS = {"rnn": nn.RNN, "gru": nn.GRU, "lstm": nn.LSTM}


def weights_of(layer, what):
    """Return W, U, b and e of every layer as skrnn lays them out."""
    named = dict(layer.named_parameters())
    directions = ["", "_reverse"] if layer.bidirectional else [""]
    arrays = {}

    def stack(name, transposed=False):
        values = [getattr(named[name + d], what).detach() for d in directions]
        return torch.stack([v.T if transposed else v for v in values]).numpy()

    for k in range(layer.num_layers):
        arrays[f"W{k}"] = stack(f"weight_ih_l{k}", transposed=True)
        arrays[f"U{k}"] = stack(f"weight_hh_l{k}", transposed=True)
        b, b_recurrent = stack(f"bias_ih_l{k}"), stack(f"bias_hh_l{k}")
        if isinstance(layer, nn.GRU):
            H = layer.hidden_size
            arrays[f"e{k}"] = b_recurrent[:, None, 2 * H :].copy()
            b_recurrent[:, 2 * H :] = 0
        # both biases have the same gradient; their values are added
        arrays[f"b{k}"] = b + b_recurrent if what == "data" else b
    return arrays


def run(layer, sequences, dout):
    """Return the outputs, the gradients of the weights and those of the inputs."""
    leaves = [torch.tensor(s, requires_grad=True) for s in sequences]
    out = layer(pack_sequence(leaves))[0].data
    layer.zero_grad()
    (out * torch.tensor(dout)).sum().backward()
    grads = {f"d{name}": g for name, g in weights_of(layer, "grad").items()}
    dx = np.concatenate([leaf.grad.numpy() for leaf in leaves])
    return {"out": out.detach().numpy(), "dx": dx, **grads}


def main():
    """Run every layer in double and in single precision."""
    rng = np.random.default_rng(0)
    torch.manual_seed(0)
    golden = {"lengths": np.array(sorted(LENGTHS, reverse=True))}
    for cell, kind in LAYERS.items():
        for n_layers in (1, 2):
            for bidirectional in (False, True):
                layer = kind(
                    INPUT_SIZE, HIDDEN_SIZE, n_layers, bidirectional=bidirectional
                ).double()
                with torch.no_grad():
                    for p in layer.parameters():
                        p.uniform_(-0.8, 0.8)
                width = HIDDEN_SIZE * (1 + bidirectional)
                x = [rng.standard_normal((T, INPUT_SIZE)) for T in golden["lengths"]]
                dout = rng.standard_normal((sum(LENGTHS), width))
                key = f"{cell}-{n_layers}-{1 + bidirectional}"
                case = {"x": np.concatenate(x), "dout": dout}
                case |= weights_of(layer, "data")
                results = {"float64": run(layer, x, dout)}
                x32 = [s.astype(np.float32) for s in x]
                results["float32"] = run(layer.float(), x32, dout.astype(np.float32))
                golden |= {f"{key}/{name}": array for name, array in case.items()}
                for dtype, arrays in results.items():
                    golden |= {f"{key}/{dtype}/{n}": a for n, a in arrays.items()}
    np.savez_compressed(Path(__file__).with_name("torch.npz"), **golden)


if __name__ == "__main__":
    main()
