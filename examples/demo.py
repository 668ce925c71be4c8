"""Syntax highlighting of Python: a label for every character of source code.

The data come with Python: the functions of the standard library, whose characters are
labelled as keyword, name, string and so on by Python's own tokenizer. A bidirectional
LSTM reads them character by character. It is tested on files not seen in training,
and compared with the most frequent label and a linear model on a window of characters;
then it is saved, and a new process loads it and checks that its predictions are equal.

``make demo`` runs this; ``python examples/demo.py FILE`` is that new process.
"""

import subprocess
import sys
import tempfile
import time
from itertools import chain, groupby
from operator import itemgetter
from pathlib import Path

import joblib
import numpy as np
from scipy import sparse
from sklearn.linear_model import SGDClassifier
from sklearn.model_selection import GroupShuffleSplit
from sklearn.pipeline import make_pipeline

from skrnn import RNNTagger, SequenceOneHotEncoder, Tokenizer, VocabularyEncoder
from skrnn.datasets import load_python_source
from skrnn.metrics import token_accuracy_score, token_classification_report

WINDOW = 5
COLOURS = {"keyword": 35, "string": 32, "number": 36, "comment": 90, "operator": 33}


def main():
    """Train, test, show, save and load."""
    source = load_python_source()
    split = GroupShuffleSplit(n_splits=1, test_size=0.2, random_state=0)
    train, test = next(split.split(source.data, groups=source.groups))
    X_train, y_train = take(source, train)
    X_test, y_test = take(source, test)
    n_train, n_test = (sum(map(len, texts)) for texts in (X_train, X_test))
    print(
        f"Training: {len(X_train)} functions, {n_train} characters. "
        f"Test: {len(X_test)} functions, {n_test} characters of other files."
    )

    model = make_pipeline(
        Tokenizer(analyzer="char"),
        VocabularyEncoder(min_count=20),
        RNNTagger(
            embedding_dim=16,
            hidden_layer_sizes=64,
            batch_size=16,
            max_iter=10,
            learning_rate="exponential",
            decay_steps=2,
            random_state=0,
            verbose=True,
        ),
    )
    start = time.perf_counter()
    model.fit(X_train, y_train)
    print(f"Trained in {time.perf_counter() - start:.0f} s.\n")

    predicted = model.predict(X_test)
    labels, counts = np.unique(list(chain.from_iterable(y_train)), return_counts=True)
    majority = [[labels[counts.argmax()]] * len(labels_i) for labels_i in y_test]
    print("Token accuracy on files not seen in training")
    print(f"  most frequent label    {token_accuracy_score(y_test, majority):.4f}")
    linear = linear_baseline(X_train, y_train, X_test, y_test)
    print(f"  linear model, +-{WINDOW}      {linear:.4f}")
    print(f"  RNNTagger              {token_accuracy_score(y_test, predicted):.4f}\n")
    print(token_classification_report(y_test, predicted, digits=3))

    print("The first long function of these files, highlighted by the model:\n")
    i = next(i for i, text in enumerate(X_test) if len(text) > 500)
    print(coloured(X_test[i], predicted[i]), end="\n\n")

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.joblib"
        joblib.dump((model, X_test, predicted), path)
        print(f"Saved ({path.stat().st_size / 1e6:.1f} MB with the test). ", end="")
        sys.stdout.flush()
        return subprocess.call([sys.executable, __file__, str(path)])


def take(source, index):
    """Return the texts and labels with these indices."""
    return [source.data[i] for i in index], [source.target[i] for i in index]


def linear_baseline(X_train, y_train, X_test, y_test):
    """Return the accuracy of a linear model on a window around each character."""
    one_hot = make_pipeline(Tokenizer(analyzer="char"), SequenceOneHotEncoder())
    rows, test_rows = (
        one_hot.fit_transform(X_train).rows,
        one_hot.transform(X_test).rows,
    )
    model = SGDClassifier(
        loss="log_loss", alpha=1e-5, max_iter=8, tol=None, average=True, random_state=0
    )
    model.fit(windows(rows), list(chain.from_iterable(y_train)))
    return model.score(windows(test_rows), list(chain.from_iterable(y_test)))


def windows(rows):
    """Return for each step the concatenated rows of all steps up to WINDOW away."""
    N, V = rows.shape
    edge = sparse.csr_array((WINDOW, V), dtype=rows.dtype)
    padded = sparse.vstack([edge, rows, edge], format="csr")
    return sparse.hstack([padded[k : k + N] for k in range(2 * WINDOW + 1)], "csr")


def coloured(text, labels):
    """Return the text with each run of characters of one label in its colour."""
    runs = groupby(zip(labels, text, strict=True), key=itemgetter(0))
    pieces = [(label, "".join(char for _, char in run)) for label, run in runs]
    return (
        "".join(f"\x1b[{COLOURS.get(k, 39)}m{piece}" for k, piece in pieces) + "\x1b[0m"
    )


def load_and_compare(path):
    """Load a model and compare its predictions with those of the saving process."""
    model, texts, expected = joblib.load(path)
    same = all(map(np.array_equal, model.predict(texts), expected))
    print(f"The predictions of a new process are {'equal' if same else 'different'}.")
    return 0 if same else 1


if __name__ == "__main__":
    sys.exit(load_and_compare(sys.argv[1]) if len(sys.argv) > 1 else main())
