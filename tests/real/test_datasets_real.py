"""read_conll on the files it is for: counts, labels and a sentence of each."""

import pytest

from skrnn.datasets import read_conll

CONLL_LABELS = {"O", "I-PER", "I-LOC", "I-ORG", "I-MISC"}


def read(data_dir, name, *args, **params):
    path = data_dir / name
    if not path.exists():
        pytest.skip(f"no {name} in {data_dir}")
    return read_conll(path, *args, **params)


@pytest.mark.parametrize(
    ("part", "n_sentences", "n_tokens", "longest"),
    [
        ("train", 14_041, 203_621, 113),
        ("testa", 3_250, 51_362, 109),
        ("testb", 3_453, 46_435, 124),
    ],
)
def test_conll_2003(data_dir, part, n_sentences, n_tokens, longest):
    X, y = read(data_dir, f"conll2003/eng.{part}")
    assert len(X) == n_sentences
    assert sum(map(len, X)) == n_tokens
    assert max(map(len, X)) == longest
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
    ("part", "n_sentences", "n_tokens", "longest"),
    [
        ("train", 12_544, 204_577, 159),
        ("dev", 2_001, 25_147, 75),
        ("test", 2_077, 25_094, 81),
    ],
)
def test_ud_english_ewt(data_dir, part, n_sentences, n_tokens, longest):
    X, y = read(data_dir, f"ud_english_ewt/{part}.tsv", (0, 1), sep="\t")
    assert len(X) == n_sentences
    assert sum(map(len, X)) == n_tokens
    assert max(map(len, X)) == longest
    assert len({label for sequence in y for label in sequence}) == 17
    assert all(token and token == token.strip() for words in X for token in words)


def test_ud_english_ewt_keeps_number_signs(data_dir):
    X = read(data_dir, "ud_english_ewt/train.tsv", 0, sep="\t")
    assert any("#" in words for words in X)
