"""Generate dinosaur names with a character-level language model of 1,500 known ones.

    python examples/dinosaurs.py [--epochs N] [--lines N]

reads names/dinos.txt in the folder in SKRNN_DATA, by default ../shared/data beside the
repository. A GRU models the names letter by letter. The script prints the bits per
letter of held-out names, compared with counts of letters and of pairs of letters, and
samples that are not among the known names. Ten seconds.
"""

from common import arguments, counted, find, read_lines
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline

from skrnn import RNNLanguageModel, Tokenizer, VocabularyEncoder
from skrnn.metrics import bits_per_character


def main():
    """Train, test and draw."""
    options = arguments(__doc__, epochs=30)
    lines = read_lines(find("names/dinos.txt"), options.lines)
    names = sorted({line.strip().lower() for line in lines} - {""})
    train, test = train_test_split(names, test_size=0.1, random_state=0)
    print(f"{len(train)} names to learn from, {len(test)} to test on.")

    model = make_pipeline(
        Tokenizer(analyzer="char"),
        VocabularyEncoder(),
        RNNLanguageModel(
            cell="gru",
            hidden_layer_sizes=100,
            dropout=(0.0, 0.3),
            learning_rate="exponential",
            decay_steps=10,
            max_iter=options.epochs,
            random_state=0,
        ),
    )
    model.fit(train)
    encoder, language_model = model[:-1], model[-1]
    X_train, X_test = encoder.transform(train), encoder.transform(test)
    n_tokens = language_model.end_token_
    print("Bits per letter, counting the end of a name as one")
    for title, log_proba in {
        "letters": counted(X_train, X_test, n_tokens, pairs=False),
        "pairs of letters": counted(X_train, X_test, n_tokens, pairs=True),
        "RNNLanguageModel": language_model.log_proba_per_step(X_test),
    }.items():
        print(f"  {title:20}{bits_per_character(log_proba):.3f}")

    drawn = language_model.sample(200, temperature=0.7, max_length=25, random_state=0)
    drawn = list(dict.fromkeys(encoder.inverse_transform(drawn)))
    new = [name.capitalize() for name in drawn if name and name not in names]
    print(f"\n{len(drawn)} distinct names drawn, {len(new)} of them new, such as")
    print(", ".join(new[:20]))


if __name__ == "__main__":
    main()
