"""The readers on the files they are for: counts, labels and some values of each."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from skrnn.datasets import read_conll, read_ts

CONLL_LABELS = {"O", "I-PER", "I-LOC", "I-ORG", "I-MISC"}
MOTIONS = ["Standing", "Running", "Walking", "Badminton"]
CARDANO = "cardano_sentiment/CardanoSentiment"
COUNTS = ("n_sentences", "n_tokens", "longest")


def find(data_dir, name):
    path = data_dir / name
    if not path.exists():
        pytest.skip(f"no {name} in {data_dir}")
    return path


def read(data_dir, name, *args, **params):
    return read_conll(find(data_dir, name), *args, **params)


def assert_counts(X, n_sentences, n_tokens, longest):
    assert len(X) == n_sentences
    assert sum(map(len, X)) == n_tokens
    assert max(map(len, X)) == longest


@pytest.mark.parametrize(
    ("part", *COUNTS),
    [
        ("train", 14_041, 203_621, 113),
        ("testa", 3_250, 51_362, 109),
        ("testb", 3_453, 46_435, 124),
    ],
)
def test_conll_2003(data_dir, part, n_sentences, n_tokens, longest):
    X, y = read(data_dir, f"conll2003/eng.{part}")
    assert_counts(X, n_sentences, n_tokens, longest)
    assert [len(labels) for labels in y] == [len(words) for words in X]
    labels = {label for sequence in y for label in sequence}
    assert CONLL_LABELS <= labels <= CONLL_LABELS | {"B-LOC", "B-ORG", "B-MISC"}
    assert "-DOCSTART-" not in {words[0] for words in X}


def test_conll_2003_first_sentence(data_dir):
    X, tags, y = read(data_dir, "conll2003/eng.train", (0, 1, 3))
    assert X[0] == "EU rejects German call to boycott British lamb .".split()
    assert tags[0] == "NNP VBZ JJ NN TO VB JJ NN .".split()
    assert y[0] == "I-ORG O I-MISC O O O I-MISC O O".split()


@pytest.mark.parametrize(
    ("part", *COUNTS),
    [
        ("train", 12_544, 204_577, 159),
        ("dev", 2_001, 25_147, 75),
        ("test", 2_077, 25_094, 81),
    ],
)
def test_ud_english_ewt(data_dir, part, n_sentences, n_tokens, longest):
    X, y = read(data_dir, f"ud_english_ewt/{part}.tsv", (0, 1), sep="\t")
    assert_counts(X, n_sentences, n_tokens, longest)
    assert len({label for sequence in y for label in sequence}) == 17
    assert all(token and token == token.strip() for words in X for token in words)


def test_ud_english_ewt_keeps_number_signs(data_dir):
    X = read(data_dir, "ud_english_ewt/train.tsv", 0, sep="\t")
    assert any("#" in words for words in X)


def read_series(data_dir, name, n_series, n_channels, shortest, longest):
    """Return the series of a file, whose counts these must be, and their targets."""
    X, y = read_ts(find(data_dir, f"{name}.ts"))
    assert len(X) == n_series
    assert {x.shape[1] for x in X} == {n_channels}
    assert (min(map(len, X)), max(map(len, X))) == (shortest, longest)
    assert all(np.isfinite(x).all() for x in X)
    assert y.shape == (n_series,)
    return X, y


@pytest.mark.parametrize(
    ("name", "counts", "classes"),
    [
        ("japanese_vowels/JapaneseVowels_TRAIN", (270, 12, 7, 26), range(1, 10)),
        ("japanese_vowels/JapaneseVowels_TEST", (370, 12, 7, 29), range(1, 10)),
        ("basic_motions/BasicMotions_TRAIN", (40, 6, 100, 100), MOTIONS),
        ("basic_motions/BasicMotions_TEST", (40, 6, 100, 100), MOTIONS),
        ("plaid/PLAID_TRAIN", (537, 1, 100, 1344), range(11)),
        ("plaid/PLAID_TEST", (537, 1, 134, 1000), range(11)),
    ],
)
def test_ts_classes(data_dir, name, counts, classes):
    _, y = read_series(data_dir, name, *counts)
    assert set(y.tolist()) == set(map(str, classes))


@pytest.mark.parametrize(
    ("name", "counts", "low", "high", "std"),
    [
        ("covid3month/Covid3Month_TRAIN", (140, 1, 84, 84), 0, 0.18, 0.040),
        ("covid3month/Covid3Month_TEST", (61, 1, 84, 84), 0, 0.18, 0.045),
        (f"{CARDANO}_TRAIN", (74, 2, 24, 24), -0.49, 0.98, 0.273),
        (f"{CARDANO}_TEST", (33, 2, 24, 24), -0.49, 0.98, 0.272),
    ],
)
def test_ts_targets(data_dir, name, counts, low, high, std):
    _, y = read_series(data_dir, name, *counts)
    assert low <= y.min().round(2)
    assert y.max().round(2) <= high
    assert_allclose(y.std(), std, rtol=0, atol=6e-4)


def test_ts_first_and_last_values(data_dir):
    X, y = read_ts(find(data_dir, "japanese_vowels/JapaneseVowels_TRAIN.ts"))
    assert_array_equal(X[0][:2, 0], [1.860936, 1.891651])
    assert X[-1][-1, -1] == 0.173642
    assert y[[0, -1]].tolist() == ["1", "9"]
    X, y = read_ts(find(data_dir, "cardano_sentiment/CardanoSentiment_TRAIN.ts"))
    assert_array_equal(X[0][:2, 0], [0.504, 0.49339])
    assert X[-1][-1, 1] == 1693.25234018
    assert y[-1] == -0.008
