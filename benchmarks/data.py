"""Training data as ids or rows, with their targets."""

import os
import re
from pathlib import Path

import numpy as np

from skrnn import Tokenizer, VocabularyEncoder
from skrnn.datasets import read_conll, read_ts

FOLDER = Path(
    os.environ.get("SKRNN_DATA", Path(__file__).parents[1] / "../shared/data")
)


def conll():
    """Return the sentences and tags of the training and the test set of CoNLL-2003.

    Words are ids, tags are class indices.
    """
    (words, tags), (test_words, test_tags) = (
        read_conll(FOLDER / "conll2003" / f"eng.{part}") for part in ("train", "testb")
    )
    class_of = {tag: k for k, tag in enumerate(sorted({t for s in tags for t in s}))}
    encoder = VocabularyEncoder(max_tokens=10_000).fit(words)
    y, y_test = (
        [np.array([class_of[tag] for tag in sentence]) for sentence in part]
        for part in (tags, test_tags)
    )
    X, y = distinct(encoder.transform(words), y)
    return X, y, encoder.transform(test_words), y_test


def vowels():
    """Return the training series of JapaneseVowels, and the index of each speaker."""
    X, y = read_ts(FOLDER / "japanese_vowels" / "JapaneseVowels_TRAIN.ts")
    X = [np.asarray(x, dtype=np.float32) for x in X]
    order = np.random.default_rng(0).permutation(len(X))
    return [X[i] for i in order], np.unique(y, return_inverse=True)[1][order]


def sst2():
    """Return the training sentences of SST-2 as ids, and the label 0 or 1 of each."""
    text = (FOLDER / "sst" / "stsa.binary.train").read_text(encoding="utf-8")
    labels, sentences = zip(
        *(line.split(" ", 1) for line in text.strip().split("\n")), strict=True
    )
    words = [sentence.split() for sentence in sentences]
    X = VocabularyEncoder(max_tokens=10_000).fit_transform(words)
    return distinct(X, np.array(labels, dtype=int))


def distinct(X, y):
    """Return the distinct sequences: skrnn would merge repeated ones."""
    pairs = zip(X, y, strict=True)
    first = {(x.tobytes(), label.tobytes()): i for i, (x, label) in enumerate(pairs)}
    index = np.array(list(first.values()))
    return X[index], [y[i] for i in index] if isinstance(y, list) else y[index]


def ptb(n_sentences):
    """Return the first sentences of the Penn Treebank, as ids of its vocabulary."""
    text = (FOLDER / "ptb" / "ptb.train.txt").read_text(encoding="utf-8")
    words = [line.split() for line in text.strip().split("\n")]
    return VocabularyEncoder().fit(words).transform(words[:n_sentences])


def shakespeare(n_characters):
    """Return the first characters of Tiny Shakespeare, as one sequence of ids."""
    text = (FOLDER / "tinyshakespeare" / "input.txt").read_text(encoding="utf-8")
    encoder = VocabularyEncoder().fit([list(text)])
    characters = Tokenizer(analyzer="char", lowercase=False)
    return encoder.transform(characters.fit_transform([text[:n_characters]]))


def cmudict(n_pairs):
    """Return random words of CMUdict as ids, and the phonemes of each as class indices.

    The pairs are distinct; stress is removed.
    """
    text = (FOLDER / "cmudict" / "cmudict.dict").read_text(encoding="utf-8")
    lines = (line.partition("#")[0] for line in text.strip().split("\n"))
    pairs = {tuple(re.sub(r"\(\d\)|\d", "", line).split()) for line in lines}
    pairs = sorted(pairs)
    order = np.random.default_rng(0).permutation(len(pairs))[:n_pairs]
    words, sounds = zip(
        *((list(pairs[i][0]), pairs[i][1:]) for i in order), strict=True
    )
    X, y = (VocabularyEncoder().fit_transform(each) for each in (words, sounds))
    return X, [sound - 1 for sound in y]  # without id 0, the unknown token
