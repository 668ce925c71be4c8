"""How English words are pronounced, learned from a dictionary.

    python examples/pronunciation.py [--epochs N] [--lines N] [--test]

reads cmudict/cmudict.dict in the folder that SKRNN_DATA names, by default
../shared/data beside the repository: 126,052 words and their phonemes, of which stress
is left out. Nine tenths of the words are to learn from, with all their pronunciations,
a twentieth each is to develop and to test on. After each epoch it prints how many words
to develop on are wrong (word error rate), a word being right if it is pronounced in any
of the ways listed, and how many phonemes (phoneme error rate); with `--test` at the end
the same of the test. A quarter of an hour on one core.
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
        ways = dictionary.setdefault(re.sub(r"\(\d+\)$", "", word), [])
        if phonemes not in ways:
            ways.append(phonemes)
    return dictionary


def split(dictionary):
    """Return the words to learn from, to develop on and to test on."""
    words = sorted(dictionary)
    order = np.random.RandomState(0).permutation(len(words))
    ends = [int(0.9 * len(words)), int(0.95 * len(words))]
    return [[words[i] for i in part] for part in np.split(order, ends)]


def pairs(dictionary, words):
    """Return each word as often as it has pronunciations, and these."""
    ways = [dictionary[word] for word in words]
    texts = [word for word, own in zip(words, ways, strict=True) for _ in own]
    return texts, [way for own in ways for way in own]


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
    """Return the share of wrong words, and that of wrong phonemes."""
    right = [dictionary[word] for word in words]
    return 1 - exact_match_score(right, predicted), label_error_rate(right, predicted)


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
    # at first it may not know when to stop
    warnings.filterwarnings("ignore", ".* had no end within")
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
