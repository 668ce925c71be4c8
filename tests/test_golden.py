"""Outputs and gradients against those that PyTorch computed."""

from pathlib import Path

import numpy as np
import pytest
from core_helpers import backward, batch_of, forward, network_of
from numpy.testing import assert_allclose

GOLDEN = np.load(Path(__file__).with_name("golden") / "torch.npz")
TOLERANCE = {"float32": 1e-5, "float64": 1e-10}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("n_directions", [1, 2])
@pytest.mark.parametrize("n_layers", [1, 2])
@pytest.mark.parametrize("cell", ["rnn", "gru", "lstm"])
def test_outputs_and_gradients(cell, n_layers, n_directions, dtype):
    case = f"{cell}-{n_layers}-{n_directions}"
    lengths, x = GOLDEN["lengths"], GOLDEN[f"{case}/x"]
    H = GOLDEN[f"{case}/U0"].shape[1]
    # every step is a token of its own, whose embedding is its input
    network = network_of(
        cell=cell,
        input_size=len(x),
        hidden_sizes=(H,) * n_layers,
        n_outputs=H * n_directions,
        bidirectional=n_directions == 2,
        embedding_dim=x.shape[1],
        dtype=dtype,
    )
    params = network.params()
    for name in params.shapes:
        if not name.endswith("_out") and name != "embedding":
            params[name][...] = GOLDEN[f"{case}/{name}"]
    params["embedding"][...] = x
    params["W_out"][...] = np.eye(H * n_directions)  # the scores are the outputs
    batch = batch_of(lengths)
    ids = np.arange(len(x))[batch.rows]
    out, _, tape = forward(network, params, ids, batch)
    grads = params.zero_grads()
    dout = GOLDEN[f"{case}/dout"].astype(dtype)
    backward(network, params, dout, tape, batch, grads)

    def check(found, name):
        expected = GOLDEN[f"{case}/{dtype}/{name}"]
        assert found.dtype == expected.dtype == dtype
        scale = np.abs(expected).max()
        assert_allclose(found, expected, rtol=0, atol=TOLERANCE[dtype] * scale)

    check(out, "out")
    for name in params.shapes:
        if not name.endswith("_out") and name != "embedding":
            check(grads[name], f"d{name}")
    assert_allclose(grads.table.rows, np.arange(len(x)), rtol=0, atol=0)
    check(grads.table.values, "dx")
