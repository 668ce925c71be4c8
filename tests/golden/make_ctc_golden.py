"""Write ctc.npz: losses and gradients of PyTorch's CTC.

Run by hand, ``python tests/golden/make_ctc_golden.py``, with PyTorch (2.13.0 made the
file that is here). The tests only read the result.
"""

from pathlib import Path

import numpy as np
import torch
from torch.nn.functional import ctc_loss

LENGTHS = [12, 9, 9, 5, 3, 1, 1]  # longest first
TARGETS = [[0, 1, 1, 2, 0], [2, 2, 2], [], [3, 0, 3], [1, 1], [2], []]
K = 5  # labels and the blank, which is the last


def main():
    """Write the scores of the steps of all sequences, and what follows from them."""
    rng = np.random.default_rng(0)
    scores = 2 * rng.standard_normal((sum(LENGTHS), K))
    weights = rng.uniform(0.5, 2, len(LENGTHS))
    leaf = torch.tensor(scores, requires_grad=True)
    sequences = torch.log_softmax(leaf, dim=1).split(LENGTHS)
    losses = ctc_loss(
        torch.nn.utils.rnn.pad_sequence(sequences),
        torch.tensor([label for target in TARGETS for label in target]),
        torch.tensor(LENGTHS),
        torch.tensor([len(target) for target in TARGETS]),
        blank=K - 1,
        reduction="none",
    )
    (losses * torch.tensor(weights)).sum().backward()
    np.savez_compressed(
        Path(__file__).with_name("ctc.npz"),
        lengths=np.array(LENGTHS),
        labels=np.concatenate([[*target, K - 1] for target in TARGETS]),
        scores=scores,
        weights=weights,
        losses=losses.detach().numpy(),
        dscores=leaf.grad.numpy(),
    )


if __name__ == "__main__":
    main()
