"""Learn to colour Python: a label for every character of the standard library's code.

The data are on every machine that has Python: the functions of the standard library,
whose characters Python's own tokenizer labels as keyword, name, string and so on. A
bidirectional LSTM reads them character by character. It is tested on files that it has
not seen, beside the most frequent label and a linear model that sees a window of
characters; then it is saved, and a new process loads it and predicts the same.

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
        f"{len(X_train)} functions, {n_train} characters to train on; "
        f"{len(X_test)} functions, {n_test} characters of other files to test on."
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

    print("The first long function of these files, as the model sees it:\n")
    i = next(i for i, text in enumerate(X_test) if len(text) > 500)
    print(coloured(X_test[i], predicted[i]), end="\n\n")

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.joblib"
        joblib.dump((model, X_test, predicted), path)
        print(f"Saved ({path.stat().st_size / 1e6:.1f} MB with the test). ", end="")
        sys.stdout.flush()
        return subprocess.call([sys.executable, __file__, str(path)])


def take(source, index):
    """Return the texts and labels of an index array."""
    return [source.data[i] for i in index], [source.target[i] for i in index]


def linear_baseline(X_train, y_train, X_test, y_test):
    """Return the accuracy of a linear model on the characters around each one."""
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
    """Return for every step the rows of those up to WINDOW steps away, side by side."""
    N, V = rows.shape
    edge = sparse.csr_array((WINDOW, V), dtype=rows.dtype)
    padded = sparse.vstack([edge, rows, edge], format="csr")
    return sparse.hstack([padded[k : k + N] for k in range(2 * WINDOW + 1)], "csr")


def coloured(text, labels):
    """Return the text with a colour for each run of characters of one label."""
    runs = groupby(zip(labels, text, strict=True), key=itemgetter(0))
    pieces = [(label, "".join(char for _, char in run)) for label, run in runs]
    return (
        "".join(f"\x1b[{COLOURS.get(k, 39)}m{piece}" for k, piece in pieces) + "\x1b[0m"
    )


def load_and_compare(path):
    """Load a model in this process and compare with what it predicted in the other."""
    model, texts, expected = joblib.load(path)
    same = all(map(np.array_equal, model.predict(texts), expected))
    print(f"A new process {'predicts the same' if same else 'predicts otherwise'}.")
    return 0 if same else 1


if __name__ == "__main__":
    sys.exit(load_and_compare(sys.argv[1]) if len(sys.argv) > 1 else main())
