"""Prediction of a tagger compared with PyTorch: a test set, and one sentence."""

import numpy as np
import torch
from torch.nn.utils.rnn import pack_sequence, pad_sequence

from benchmarks import data
from benchmarks.measure import COLUMNS, fastest, in_turns, line
from benchmarks.models import CONLL, configure
from benchmarks.report import Table
from benchmarks.twin import Twin
from skrnn import RNNTagger

SENTENCE = 15  # tokens
BATCHES = (32, 128)


class TorchTagger:
    """PyTorch's twin of a fitted tagger, for prediction."""

    def __init__(self, model):
        self.classes = model.classes_
        self.packed, self.mirrored = (
            Twin(model._architecture, model.weights_, mirrored=mirrored).eval()
            for mirrored in (False, True)
        )

    def predict(self, X, batch_size, padded):
        """Return the labels of each sentence, in batches of similar length."""
        lengths = np.array([len(x) for x in X])
        order = np.argsort(-lengths, kind="stable")
        labels = [None] * len(X)
        with torch.inference_mode():
            for start in range(0, len(order), batch_size):
                index = order[start : start + batch_size].tolist()
                ids = [torch.from_numpy(X[i]) for i in index]
                scores = self._padded(ids) if padded else self._packed(ids)
                best = self.classes[scores.argmax(dim=-1).numpy()]
                for j, i in enumerate(index):
                    labels[i] = best[: lengths[i], j]
        return labels

    def _packed(self, ids):
        packed = pack_sequence(ids)
        scores = self.packed.out(self.packed.packed(packed))
        packed = torch.nn.utils.rnn.PackedSequence(scores, packed.batch_sizes)
        return torch.nn.utils.rnn.pad_packed_sequence(packed)[0]

    def _padded(self, ids):
        lengths, x = torch.tensor([len(i) for i in ids]), pad_sequence(ids)
        everywhere = torch.ones(x.shape, dtype=torch.bool)
        h = self.mirrored.steps_of_padded(x, lengths, everywhere)
        return self.mirrored.out(h).view(*x.shape, -1)

    def predict_one(self, ids):
        """Return the labels of one sentence."""
        with torch.inference_mode():
            x = torch.from_numpy(ids)
            twin = self.packed
            h = twin.rnn[0](twin.embedding(x))[0]
            return self.classes[twin.out(h).argmax(dim=1).numpy()]


def predict(n_runs, n_threads):
    """Compare the predictions of a briefly trained tagger."""
    torch.set_num_threads(n_threads)
    X, y, X_test, _ = data.conll()
    model = configure(RNNTagger, 1, n_jobs=n_threads, **CONLL).fit(X[:2000], y[:2000])
    theirs, sentences = TorchTagger(model), [np.array(x) for x in X_test]
    setups = {
        f"{'padded' if padded else 'packed'}, batches of {size}": (
            lambda size=size, padded=padded: theirs.predict(sentences, size, padded)
        )
        for size in BATCHES
        for padded in (False, True)
    }
    setup = fastest(setups, at_least=0.1)
    functions = {"skrnn": lambda: model.predict(X_test), setup: setups[setup]}
    lines = [_line("test set", n_threads, functions, n_runs)]
    one = sentences[int(np.argmax(X_test.lengths == SENTENCE))]
    functions = {
        "skrnn": lambda: model.predict([one]),
        "one sentence": lambda: [theirs.predict_one(one)],
    }
    lines.append(_line("one sentence", n_threads, functions, n_runs))
    text = (
        f"Tagger of CoNLL-2003: the test set of {len(sentences):,} sentences, and one "
        f"sentence of {SENTENCE} words, from ids to labels. PyTorch runs in inference "
        "mode."
    )
    return Table("Predict", text, COLUMNS, lines)


def _line(name, n_threads, functions, n_runs):
    runs = in_turns(functions, n_runs, at_least=0.2)
    ours, theirs = (np.concatenate(list(r[-1].result)) for r in runs.values())
    check = f"{np.mean(ours == theirs):.2%} the same labels"
    return line(name, n_threads, *runs.values(), check, list(functions)[1])
