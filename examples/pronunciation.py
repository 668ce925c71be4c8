"""Pronunciation of English words, learned from a dictionary.

    python examples/pronunciation.py [--epochs N] [--lines N] [--test]

reads cmudict/cmudict.dict in the folder in SKRNN_DATA, by default ../shared/data beside
the repository: 126,052 words and their phonemes; stress is removed. Nine tenths of the
words, with all their pronunciations, are training data, a twentieth each development
and test data. After each epoch the script prints the word error rate and the phoneme
error rate on the development data, where a prediction is correct if it equals any
listed pronunciation; with `--test`, finally also those on the test data. A quarter of
an hour on one core.
"""

import re
import warnings

import numpy as np
from common import find, parser, read_lines
from sklearn.pipeline import make_pipeline

from skrnn import RNNSeq2Seq, Tokenizer, VocabularyEncoder
from skrnn.metrics import exact_match_score, label_error_rate

FILE = "cmudict/cmudict.dict"


def read_dictionary(path, n_lines=None):
    """Return the pronunciations of each word, lists of phonemes without stress."""
    dictionary = {}
    for line in filter(None, read_lines(path, n_lines)):
        word, *phonemes = line.partition("#")[0].split()
        phonemes = [phoneme.rstrip("012") for phoneme in phonemes]
        variants = dictionary.setdefault(re.sub(r"\(\d+\)$", "", word), [])
        if phonemes not in variants:
            variants.append(phonemes)
    return dictionary


def split(dictionary):
    """Return the training, development and test words."""
    words = sorted(dictionary)
    order = np.random.RandomState(0).permutation(len(words))
    ends = [int(0.9 * len(words)), int(0.95 * len(words))]
    return [[words[i] for i in part] for part in np.split(order, ends)]


def pairs(dictionary, words):
    """Return the pairs of a word and one of its pronunciations, as two lists."""
    texts = [word for word in words for _ in dictionary[word]]
    return texts, [phonemes for word in words for phonemes in dictionary[word]]


def make_model(epochs):
    """Return a pipeline from words to phonemes."""
    return make_pipeline(
        Tokenizer(analyzer="char"),
        VocabularyEncoder(),
        RNNSeq2Seq(
            hidden_layer_sizes=128,
            embedding_dim=64,
            dropout=0.1,
            batch_size=128,
            learning_rate="exponential",
            learning_rate_init=0.004,
            decay_start=5,
            decay_steps=3,
            max_iter=epochs,
            random_state=0,
        ),
    )


def error_rates(dictionary, words, predicted):
    """Return the word error rate and the phoneme error rate."""
    true = [dictionary[word] for word in words]
    return 1 - exact_match_score(true, predicted), label_error_rate(true, predicted)


def main():
    """Train, and test after each epoch."""
    options = parser(__doc__, epochs=15)
    options.add_argument("--test", action="store_true", help="test at the end")
    options = options.parse_args()
    dictionary = read_dictionary(find(FILE), options.lines)
    train, develop, test = split(dictionary)
    print(f"{len(train)} words to learn from, {len(develop)} to develop on.\n")

    model = make_model(options.epochs)
    encoder, seq2seq = model[:-1], model[-1]
    texts, y = pairs(dictionary, train)
    X, X_develop = encoder.fit_transform(texts), encoder.transform(develop)
    # after the first epochs some predictions may not end
    warnings.filterwarnings("ignore", ".* did not end within")
    print("epoch    loss  word error rate  phoneme error rate")
    for epoch in range(1, options.epochs + 1):
        seq2seq.partial_fit(X, y)
        rates = error_rates(dictionary, develop, seq2seq.predict(X_develop))
        loss = seq2seq.loss_curve_[-1]
        print(
            "{:5}  {:.4f}  {:15.4f}  {:18.4f}".format(epoch, loss, *rates), flush=True
        )
    for word, phonemes in zip(develop[:5], seq2seq.predict(X_develop[:5]), strict=True):
        print(f"  {word:16}{' '.join(phonemes)}")

    if options.test:
        predicted = seq2seq.predict(encoder.transform(test))
        rates = error_rates(dictionary, test, predicted)
        print("test   {:.4f} word error rate, {:.4f} phoneme error rate".format(*rates))


if __name__ == "__main__":
    main()
