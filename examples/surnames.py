"""Conditional language model of surnames: samples, and the language of a name.

    python examples/surnames.py [--epochs N] [--lines N]

reads names_by_language/ in the folder in SKRNN_DATA, by default ../shared/data beside
the repository. One character-level model learns the names of eighteen languages, with
the language as condition. The script prints samples for some languages, and the
accuracy of the language under which a held-out name is most probable. Less than a
minute.
"""

import numpy as np
from common import arguments, find, read_lines
from sklearn.metrics import accuracy_score
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline

from skrnn import RNNLanguageModel, Tokenizer, VocabularyEncoder


def main():
    """Train, draw and test."""
    options = arguments(__doc__, epochs=15)
    names, languages = [], []
    for path in sorted(find("names_by_language").glob("*.txt")):
        of_path = sorted(set(read_lines(path, options.lines)) - {""})
        names += of_path
        languages += [path.stem] * len(of_path)
    train, test, y_train, y_test = train_test_split(
        names, languages, test_size=0.1, stratify=languages, random_state=0
    )
    print(f"{len(train)} names to learn from, {len(test)} to test on.")

    model = make_pipeline(
        Tokenizer(analyzer="char", lowercase=True, strip_accents="unicode"),
        VocabularyEncoder(min_count=2),
        RNNLanguageModel(
            cell="gru",
            hidden_layer_sizes=128,
            dropout=(0.0, 0.2),
            learning_rate="exponential",
            decay_steps=5,
            max_iter=options.epochs,
            random_state=0,
        ),
    )
    model.fit(train, y_train)
    encoder, language_model = model[:-1], model[-1]

    for language in ("Arabic", "German", "Irish", "Italian", "Japanese", "Russian"):
        X = language_model.sample(
            8, condition=language, temperature=0.7, max_length=20, random_state=0
        )
        drawn = [name.title() for name in encoder.inverse_transform(X)]
        print(f"  {language:10}{', '.join(drawn)}")

    X_test = encoder.transform(test)
    likelihood = np.column_stack(
        [
            language_model.score_samples(X_test, [language] * len(test))
            for language in language_model.conditions_
        ]
    )
    posterior = likelihood + language_model.condition_log_prior_
    majority = language_model.conditions_[language_model.condition_log_prior_.argmax()]
    print("\nAccuracy of the predicted language of held-out names")
    for title, predicted in {
        "most frequent language": [majority] * len(test),
        "largest likelihood": language_model.conditions_[likelihood.argmax(axis=1)],
        "largest posterior": language_model.conditions_[posterior.argmax(axis=1)],
    }.items():
        print(f"  {title:25}{accuracy_score(y_test, predicted):.3f}")


if __name__ == "__main__":
    main()
