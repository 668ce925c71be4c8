"""
A character-level language model of Python
==========================================

``def __init__(`` is followed by ``self``, ``retur`` by an ``n``, a colon by a line
end: most characters of a program are predictable from those before them. A language
model learns this from the source code of Python's standard library, and then samples
new functions.
"""

# %%
# The data
# --------
# Training data are the shorter functions of some files of the standard library, test
# data those of other files.
import matplotlib.pyplot as plt
import numpy as np
from sklearn.model_selection import GroupShuffleSplit
from sklearn.pipeline import make_pipeline

from skrnn import RNNLanguageModel, Tokenizer, VocabularyEncoder
from skrnn.datasets import load_python_source
from skrnn.metrics import bits_per_character

source = load_python_source(max_length=400)
split = GroupShuffleSplit(n_splits=1, test_size=0.2, random_state=0)
[(train, test)] = split.split(source.data, groups=source.groups)
train = [source.data[i] for i in train]
test = [source.data[i] for i in test]
for title, texts in [("to learn from", train), ("to test on", test)]:
    print(len(texts), "functions", title, "with", sum(map(len, texts)), "characters")

# %%
# The model
# ---------
# The tokens are characters, and rare ones are replaced by the unknown token. Each is
# predicted from all characters before it, and the end of the function after the last.
encoder = make_pipeline(Tokenizer(analyzer="char"), VocabularyEncoder(min_count=5))
X_train, X_test = encoder.fit_transform(train), encoder.transform(test)
model = RNNLanguageModel(
    cell="gru",
    hidden_layer_sizes=96,
    batch_size=8,
    learning_rate="exponential",
    learning_rate_init=0.01,
    decay_steps=2,
    max_iter=4,
    random_state=0,
)
model.fit(X_train)
print("bits per character in training:", np.round(model.loss_curve_ / np.log(2), 2))

# %%
# The bits per character on the test data, compared with two baselines: the frequency of
# each character, and its frequency after the previous character.
END = model.end_token_


def counted(n_before):
    """Return log-probabilities by counts of characters, or of pairs of characters."""
    counts = np.full((END + 1, END + 1), 0.1)
    for x in X_train:
        np.add.at(counts, (n_before * np.append(END, x), np.append(x, END)), 1)
    log_proba = np.log(counts / counts.sum(axis=1, keepdims=True))
    return [log_proba[n_before * np.append(END, x), np.append(x, END)] for x in X_test]


log_proba = model.log_proba_per_step(X_test)
for title, values in [
    ("uniform", [np.full(len(x) + 1, -np.log(END + 1)) for x in X_test]),
    ("counts of characters", counted(n_before=0)),
    ("counts of pairs", counted(n_before=1)),
    ("recurrent network", log_proba),
]:
    print(f"{title:22}{bits_per_character(values):.2f}")

# %%
# New functions
# -------------
# After half a minute of training the code is meaningless, but brackets, colons and
# indentation are mostly correct. At the temperature 0.5 samples consist of probable
# characters; at 1 they have the full variety, and the errors, of the distribution.
for temperature in (0.5, 1.0):
    new = model.sample(
        3,
        prefix=encoder.transform(["def "]),
        temperature=temperature,
        max_length=250,
        random_state=0,
    )
    print(f"# temperature {temperature}", *encoder.inverse_transform(new), sep="\n\n")
    print()

# %%
# Predictable characters
# ----------------------
# A function of the test data: among the longer ones, the one whose mean is closest to
# the average, with the bits of each character. The first characters of names are hard
# to predict; the rest of names, keywords and indentation are easy.
average = np.concatenate(log_proba).mean()
longer = [i for i, text in enumerate(test) if text.count("\n") > 5]
i = min(longer, key=lambda i: abs(log_proba[i].mean() - average))
lines = test[i].split("\n")
bits = np.split(-log_proba[i] / np.log(2), np.cumsum([len(line) + 1 for line in lines]))
image = np.full((len(lines), max(map(len, lines)) + 1), np.nan)
figure, axis = plt.subplots(figsize=(10, 0.3 * len(lines) + 1), layout="constrained")
for row, line in enumerate(lines):
    image[row, : len(line) + 1] = bits[row]
    for column, character in enumerate(line):
        colour = "white" if bits[row][column] > 5 else "black"
        axis.text(column, row, character, ha="center", va="center", color=colour)
shown = axis.imshow(image, vmin=0, vmax=8, cmap="Oranges", aspect="auto")
axis.set_axis_off()
figure.colorbar(shown, label="bits")
plt.show()
