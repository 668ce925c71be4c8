"""Word-level language model of the speeches in Shakespeare's plays.

    python examples/words.py [--epochs N] [--lines N]

reads tinyshakespeare/input.txt in the folder in SKRNN_DATA, by default ../shared/data
beside the repository. A sequence is one speech: the name of the speaker, words,
punctuation marks and line ends. The output weights are tied to the embeddings. The
script prints the perplexity of the last tenth of the speeches, compared with counts of
words, and sampled speeches of some speakers. Three minutes.
"""

import re

from common import arguments, counted, find, read_lines
from sklearn.pipeline import make_pipeline

from skrnn import RNNLanguageModel, Tokenizer, VocabularyEncoder
from skrnn.metrics import perplexity_score


def main():
    """Train, test and draw speeches."""
    options = arguments(__doc__, epochs=5)
    lines = read_lines(find("tinyshakespeare/input.txt"), options.lines)
    speeches = "\n".join(lines).strip().split("\n\n")
    n_train = len(speeches) * 9 // 10
    train, test = speeches[:n_train], speeches[n_train:]

    model = make_pipeline(
        Tokenizer(token_pattern=r"\w+(?:['-]\w+)*|[^\w\s]|\n", lowercase=True),
        VocabularyEncoder(min_count=3),
        RNNLanguageModel(
            stream=True,
            tie_weights=True,
            embedding_dim=128,
            hidden_layer_sizes=128,
            dropout=0.3,
            batch_size=16,
            max_iter=options.epochs,
            random_state=0,
            verbose=True,
        ),
    )
    model.fit(train)
    encoder, language_model = model[:-1], model[-1]
    X_train, X_test = encoder.transform(train), encoder.transform(test)
    n_tokens = language_model.end_token_
    unknown = (X_test.rows == language_model.unknown_token_).mean()
    print(
        f"\n{len(train)} speeches to learn from, {len(test)} to test on; {n_tokens} "
        f"words, others are {unknown:.1%} of the test.\n\nPerplexity"
    )
    for title, log_proba in {
        "counts": counted(X_train, X_test, n_tokens, pairs=False),
        "RNNLanguageModel": language_model.log_proba_per_step(X_test),
    }.items():
        print(f"  {title:18}{perplexity_score(log_proba):.0f}")

    for speaker in ("romeo", "queen margaret", "gloucester"):
        [prefix] = encoder.transform([f"{speaker}:\n"])
        drawn = language_model.sample(
            prefix=prefix, temperature=0.8, max_length=60, random_state=0
        )
        [text] = encoder.inverse_transform(drawn)
        print("\n" + re.sub(r" ?(\n) ?| ([.,:;!?])", r"\1\2", text))


if __name__ == "__main__":
    main()
