"""Character-level language model of Shakespeare.

    python examples/shakespeare.py [--epochs N] [--lines N]

reads tinyshakespeare/input.txt in the folder in SKRNN_DATA, by default ../shared/data
beside the repository. The text is one long sequence, on which an LSTM is trained as a
stream: in parallel parts, with the state carried over from one update to the next. The
script prints a line per epoch, the bits per character of the last tenth of the text,
compared with counts, and a sampled page. Five minutes.
"""

from common import arguments, counted, find, read_lines
from sklearn.pipeline import make_pipeline

from skrnn import RNNLanguageModel, Tokenizer, VocabularyEncoder
from skrnn.metrics import bits_per_character


def main():
    """Train, test and draw a page."""
    options = arguments(__doc__, epochs=6)
    lines = read_lines(find("tinyshakespeare/input.txt"), options.lines)
    n_train = len(lines) * 9 // 10
    train, test = "\n".join(lines[:n_train]), "\n".join(lines[n_train:])
    print(f"{len(train)} characters to learn from, {len(test)} to test on.")

    model = make_pipeline(
        Tokenizer(analyzer="char"),
        VocabularyEncoder(),
        RNNLanguageModel(
            stream=True,
            bptt=50,
            batch_size=32,
            hidden_layer_sizes=256,
            dropout=(0.0, 0.1),
            learning_rate="exponential",
            decay_steps=2,
            decay_start=2,
            max_iter=options.epochs,
            random_state=0,
            verbose=True,
        ),
    )
    model.fit([train])
    encoder, language_model = model[:-1], model[-1]
    X_train, X_test = encoder.transform([train]), encoder.transform([test])
    n_tokens = language_model.end_token_
    print("\nBits per character of the last tenth")
    for title, log_proba in {
        "characters": counted(X_train, X_test, n_tokens, pairs=False),
        "pairs of characters": counted(X_train, X_test, n_tokens, pairs=True),
        "RNNLanguageModel": language_model.log_proba_per_step(X_test),
    }.items():
        print(f"  {title:22}{bits_per_character(log_proba):.3f}")

    print("\nA page that begins with ROMEO:\n")
    page = language_model.sample(
        prefix=encoder.transform(["ROMEO:\n"]),
        temperature=0.8,
        max_length=1500,
        random_state=0,
    )
    print(encoder.inverse_transform(page)[0])


if __name__ == "__main__":
    main()
