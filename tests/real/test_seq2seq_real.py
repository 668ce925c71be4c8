"""RNNSeq2Seq where sequences have another length than what they are turned into.

What it learns from real data has the settings of the examples; they were chosen on
development sets.
"""

import time
import warnings

import numpy as np
import pytest
from sklearn.pipeline import make_pipeline

from skrnn import RNNSeq2Seq, Tokenizer, VocabularyEncoder
from skrnn.datasets import make_dates
from skrnn.metrics import bleu_score

# parameters of the networks of made data
SMALL = {"hidden_layer_sizes": 64, "embedding_dim": 32, "batch_size": 64}
SMALL |= {"learning_rate": "exponential", "random_state": 0}


def timed_fit(model, X, y):
    """Fit; print how long it took."""
    start, cpu = time.perf_counter(), time.process_time()
    model.fit(X, y)
    seconds = time.perf_counter() - start
    print(f"{seconds:.0f} s of training, {time.process_time() - cpu:.0f} s by CPU time")
    return model


def predict(model, X):
    """Predict; a few targets may be cut."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".* did not end within")
        return model.predict(X)


# --- made data ------------------------------------------------------------------------


def random_strings(n, rng):
    """Return n strings of 1 to 20 of 26 letters."""
    return [rng.randint(26, size=length) for length in rng.randint(1, 21, size=n)]


@pytest.mark.long
@pytest.mark.parametrize("step", [1, -1], ids=["copy", "reversal"])
def test_random_strings(step):
    """Strings that were never seen are copied, or reversed."""
    rng = np.random.RandomState(0)
    X, X_test = random_strings(10_000, rng), random_strings(2_000, rng)
    known = {x.tobytes() for x in X}
    X_test = [x for x in X_test if x.tobytes() not in known]
    assert len(X_test) > 1_800
    y, y_test = ([x[::step] for x in part] for part in (X, X_test))
    model = RNNSeq2Seq(**SMALL, decay_start=12, decay_steps=2, max_iter=20)
    right = timed_fit(model, X, y).score(X_test, y_test)
    long = [i for i, x in enumerate(X_test) if len(x) == 20]
    of_long = model.score([X_test[i] for i in long], [y_test[i] for i in long])
    print(f"{right:.4f} of unseen strings, {of_long:.4f} of those of 20 letters")
    assert right >= 0.99
    assert of_long >= 0.97


@pytest.mark.long
def test_dates():
    """Days that were never seen are read, in all the ways to write them."""
    X, y = make_dates(10_000, random_state=0)
    known = set(y)
    pairs = zip(*make_dates(4_000, random_state=1), strict=True)
    X_test, y_test = zip(*(pair for pair in pairs if pair[1] not in known), strict=True)
    characters = make_pipeline(
        Tokenizer(analyzer="char", lowercase=True), VocabularyEncoder()
    )
    targets = {"target_tokenizer": Tokenizer(analyzer="char")}
    model = RNNSeq2Seq(**SMALL, decay_start=5, max_iter=10, **targets)
    timed_fit(model, characters.fit_transform(X), y)
    right = model.score(characters.transform(X_test), y_test)
    print(f"{right:.4f} of {len(y_test)} days never seen")
    assert right >= 0.99


# --- real data ------------------------------------------------------------------------


@pytest.mark.long
def test_pronunciation(data_dir, load_example):
    """CMUdict, without stress; a word is right if it is said in any of its ways.

    Published, on an older release and another split: 24.5 % of words and 5.9 % of
    phonemes wrong, joint n-grams (Bisani and Ney 2008); 23.6 % and 5.5 %, three
    bidirectional layers (Yao and Zweig 2015).
    """
    example = load_example("pronunciation")
    dictionary = example.read_dictionary(data_dir / example.FILE)
    assert len(dictionary) == 126_052
    train, _, test = example.split(dictionary)
    model = timed_fit(example.make_model(15), *example.pairs(dictionary, train))
    words, phonemes = example.error_rates(dictionary, test, predict(model, test))
    print(f"{words:.4f} word error rate, {phonemes:.4f} phoneme error rate")
    assert words <= 0.30
    assert phonemes <= 0.075


@pytest.mark.long
def test_translation(data_dir, load_example):
    """Multi30k, English to German; published: 33.7 to 34.0, with other tokens."""
    example = load_example("translation")
    folder = data_dir / example.FOLDER
    train, y_train = example.read_pairs(folder, "train")
    test, y_test = example.read_pairs(folder, example.TEST)
    assert (len(train), len(test)) == (29_000, 1_000)
    model = timed_fit(example.make_model(9), train, y_train)
    model[-1].set_params(**example.BEAM)
    bleu = bleu_score(y_test, predict(model, test), tokenizer=str.split)
    print(f"{bleu:.2f} BLEU")
    assert bleu >= 28
