"""Training loops in PyTorch, in the setups that its users commonly choose."""

from typing import NamedTuple

import numpy as np
import torch
from torch import nn
from torch.nn.utils.rnn import pack_sequence, pad_sequence

from benchmarks.twin import Twin

POOL = 50  # batches whose sequences are sorted by length together


class Setup(NamedTuple):
    """A training setup of PyTorch."""

    padded: bool
    bucketed: bool
    sparse: bool | None  # None without an embedding

    def __str__(self):
        """Return the setup in words."""
        layout = "padded" if self.padded else "packed"
        words = [layout] + ["bucketed"] * self.bucketed
        if self.sparse is not None:
            words.append("sparse gradients" if self.sparse else "dense gradients")
        return ", ".join(words)


def setups(sparse, bucketed):
    """Return the setups for ragged sequences that give the same results."""
    return [Setup(padded, bucketed, sparse) for padded in (False, True)]


def fit_ragged(model, weights, X, y, setup):
    """Train the twin of a fitted tagger or classifier; return the losses.

    Parameters
    ----------
    model : RNNTagger or RNNClassifier
        Fitted to X and y or a part of them.
    weights : dict
        Initial weights.
    X : list of n tensors
        Ids or rows.
    y : list of n tensors, or tensor of shape (n,)
        Class indices.
    setup : Setup
        The training setup.

    Returns
    -------
    list of float
        The mean loss of each epoch.
    """
    twin = Twin(
        model._architecture, weights, sparse=setup.sparse, mirrored=setup.padded
    )
    optimizers = make_optimizers(twin, model.solver, model.learning_rate_init)
    lengths = np.array([len(x) for x in X])
    rng = np.random.default_rng(0) if model.shuffle else None
    losses = []
    for _ in range(model.max_iter):
        parts = batches(lengths, model.batch_size, setup.bucketed, rng)
        padded, max_norm = setup.padded, model.max_grad_norm
        losses.append(train_epoch(twin, optimizers, X, y, parts, padded, max_norm))
    return losses


def train_epoch(twin, optimizers, X, y, batches, padded, max_norm=None):
    """Train on batches, given as sequence indices; return the mean loss."""
    loss_of = _tagger_loss if isinstance(y, list) else _classifier_loss
    total = n_terms = 0
    for index in batches:
        loss, n = loss_of(twin, X, y, index, padded)
        step(twin, optimizers, loss, max_norm)
        total += loss.item() * n
        n_terms += n
    return total / n_terms


def batches(lengths, size, bucketed, rng):
    """Yield the sequence indices of each batch, longest first.

    Without a random generator the sequences keep their order.
    """
    order = np.arange(len(lengths)) if rng is None else rng.permutation(len(lengths))
    if bucketed:
        pools = np.split(order, range(POOL * size, len(order), POOL * size))
        order = np.concatenate([p[np.argsort(-lengths[p])] for p in pools])
    parts = np.split(order, range(size, len(order), size))
    if bucketed:
        parts = [parts[i] for i in rng.permutation(len(parts))]
    for part in parts:
        yield part[np.argsort(-lengths[part], kind="stable")].tolist()


def _tagger_loss(twin, X, y, index, padded):
    X, y = [X[i] for i in index], [y[i] for i in index]
    if padded:
        lengths = torch.tensor([len(x) for x in X])
        mask = torch.arange(lengths[0])[:, None] < lengths
        h = twin.steps_of_padded(pad_sequence(X), lengths, mask)
        labels = pad_sequence(y)[mask]
    else:
        h, labels = twin.packed(pack_sequence(X)), pack_sequence(y).data
    return nn.functional.cross_entropy(twin.out(h), labels), len(labels)


def _classifier_loss(twin, X, y, index, padded):
    X, labels = [X[i] for i in index], y[index]
    if padded:
        lengths = torch.tensor([len(x) for x in X])
        h = twin.last_of_padded(pad_sequence(X), lengths)
    else:
        h = twin.last_of_packed(pack_sequence(X))
    scores = twin.out(h)
    if scores.shape[1] == 1:
        loss = nn.functional.binary_cross_entropy_with_logits(
            scores[:, 0], labels.float()
        )
    else:
        loss = nn.functional.cross_entropy(scores, labels)
    return loss, len(labels)


def fit_stream(model, weights, ids, setup):
    """Train a language model on one text; return the mean loss of each epoch.

    Parameters
    ----------
    model : RNNLanguageModel
        Fitted with ``stream=True``.
    weights : dict
        Initial weights.
    ids : tensor of shape (N,)
        The tokens, each text followed by the end token, and one before the first.
    setup : "one-hot rows", "ids, sparse gradients" or "ids, dense gradients"
        The inputs of the network, and the gradients of the embedding.

    Returns
    -------
    list of float
        The mean loss of each epoch.
    """
    twin = Twin(model._architecture, weights, sparse="sparse" in setup)
    optimizers = make_optimizers(twin, model.solver, model.learning_rate_init)
    n_steps = (len(ids) - 1) // model.batch_size
    end = n_steps * model.batch_size
    inputs = ids[:end].view(model.batch_size, n_steps).t().contiguous()
    targets = ids[1 : end + 1].view(model.batch_size, n_steps).t().contiguous()
    rnn, V, losses = twin.rnn[0], model._architecture["input_size"], []
    for _ in range(model.max_iter):
        state, total = None, 0.0
        for start in range(0, n_steps, model.bptt):
            x, y = (part[start : start + model.bptt] for part in (inputs, targets))
            if setup == "one-hot rows":
                x = nn.functional.one_hot(x, V).to(torch.float32)
            h, state = rnn(twin.features(x), state)
            state = tuple(part.detach() for part in state)
            scores = twin.out(h.flatten(0, 1))
            loss = nn.functional.cross_entropy(scores, y.flatten())
            step(twin, optimizers, loss, model.max_grad_norm)
            total += loss.item() * y.numel()
        losses.append(total / end)
    return losses


def make_optimizers(twin, solver, lr):
    """Return the optimisers equivalent to the solver of the estimator.

    Fused optimisers are the fastest; they do not support sparse gradients.
    """
    parameters, sparse = [p for p in twin.parameters() if p.requires_grad], []
    if twin.embedding is not None and twin.embedding.sparse:
        sparse, parameters = parameters[:1], parameters[1:]
    rules = {
        "sgd": (torch.optim.SGD, torch.optim.SGD),
        "adam": (torch.optim.Adam, torch.optim.SparseAdam),
    }
    dense_rule, sparse_rule = rules[solver]
    optimizers = [dense_rule(parameters, lr=lr, fused=True)]
    if sparse:
        optimizers.append(sparse_rule(sparse, lr=lr))
    return optimizers


def step(twin, optimizers, loss, max_norm):
    """Update the weights by the clipped gradient of a loss."""
    for optimizer in optimizers:
        optimizer.zero_grad()
    loss.backward()
    if max_norm is not None:
        clip(twin, max_norm)
    for optimizer in optimizers:
        optimizer.step()


def clip(twin, max_norm):
    """Clip the norm of all gradients, one of which may be sparse, to `max_norm`."""
    embedding = twin.embedding
    if embedding is None or not embedding.sparse:
        nn.utils.clip_grad_norm_(twin.parameters(), max_norm)
        return
    embedding.weight.grad = embedding.weight.grad.coalesce()
    grads = [p.grad for p in twin.parameters() if p.requires_grad]
    values = [g._values() if g.is_sparse else g for g in grads]
    norm = nn.utils.get_total_norm(values)
    scale = torch.clamp(max_norm / (norm + 1e-6), max=1.0)
    for value in values:
        value.mul_(scale)
