"""PyTorch's training loops, as its users write them, in all the ways worth a trial."""

from typing import NamedTuple

import numpy as np
import torch
from torch import nn
from torch.nn.utils.rnn import pack_sequence, pad_sequence

from benchmarks.twin import Twin

POOL = 50  # batches whose sequences are sorted by length together


class Way(NamedTuple):
    """How PyTorch is run."""

    padded: bool
    bucketed: bool
    sparse: bool | None  # None without an embedding

    def __str__(self):
        """Return the way in words."""
        layout = "padded" if self.padded else "packed"
        words = [layout] + ["bucketed"] * self.bucketed
        if self.sparse is not None:
            words.append("sparse gradients" if self.sparse else "dense gradients")
        return ", ".join(words)


def ways(sparse, bucketed):
    """Return the ways of fitting ragged sequences that learn the same."""
    return [Way(padded, bucketed, sparse) for padded in (False, True)]


def fit_ragged(model, weights, X, y, way):
    """Train a tagger, or a classifier, like a fitted estimator; return the losses.

    Parameters
    ----------
    model : RNNTagger or RNNClassifier
        Fitted to X and y or a part of them.
    weights : dict
        To begin from.
    X : list of n tensors
        Ids or rows.
    y : list of n tensors, or tensor of shape (n,)
        Numbers of the labels.
    way : Way
        How.

    Returns
    -------
    list of float
        The mean loss of each epoch.
    """
    twin = Twin(model._architecture, weights, sparse=way.sparse, mirrored=way.padded)
    optimizers = make_optimizers(twin, model.solver, model.learning_rate_init)
    lengths = np.array([len(x) for x in X])
    rng = np.random.default_rng(0) if model.shuffle else None
    losses = []
    for _ in range(model.max_iter):
        parts = batches(lengths, model.batch_size, way.bucketed, rng)
        max_norm = model.max_grad_norm
        losses.append(train_epoch(twin, optimizers, X, y, parts, way.padded, max_norm))
    return losses


def train_epoch(twin, optimizers, X, y, batches, padded, max_norm=None):
    """Go through batches, given as numbers of sequences; return the mean loss."""
    loss_of = _tagger_loss if isinstance(y, list) else _classifier_loss
    total = n_terms = 0
    for index in batches:
        loss, n = loss_of(twin, X, y, index, padded)
        step(twin, optimizers, loss, max_norm)
        total += loss.item() * n
        n_terms += n
    return total / n_terms


def batches(lengths, size, bucketed, rng):
    """Yield for each batch the numbers of its sequences, longest first.

    Without a generator the sequences keep their order.
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


def fit_stream(model, weights, ids, way):
    """Train a language model on one text; return the mean loss of each epoch.

    Parameters
    ----------
    model : RNNLanguageModel
        Fitted with ``stream=True``.
    weights : dict
        To begin from.
    ids : tensor of shape (N,)
        The tokens, each text followed by the end token, and one before the first.
    way : "one-hot rows", "ids, sparse gradients" or "ids, dense gradients"
        What enters the network, and the gradients of the embedding.

    Returns
    -------
    list of float
        The mean loss of each epoch.
    """
    twin = Twin(model._architecture, weights, sparse="sparse" in way)
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
            if way == "one-hot rows":
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
    """Return the optimisers that do what the solver of the estimator does.

    The fused ones are the fastest; none is for sparse gradients.
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
    """Update the weights by the gradient of a loss, clipped."""
    for optimizer in optimizers:
        optimizer.zero_grad()
    loss.backward()
    if max_norm is not None:
        clip(twin, max_norm)
    for optimizer in optimizers:
        optimizer.step()


def clip(twin, max_norm):
    """Scale gradients, of which one may be sparse, to a norm of at most `max_norm`."""
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
