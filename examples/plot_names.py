"""
Finding the names of people in sentences
========================================

Which words of *Harry Potter and Hermione Granger invented a new spell* belong to a
name? A tagger learns to label every word with 1 or 0. *Teddy Roosevelt was a great
president* and *Teddy bears are on sale* have the same first word: only a bidirectional
network can distinguish them.
"""

# %%
# The data
# --------
# A few hundred sentences that come with the package, as lists of words and lists of
# labels.
import matplotlib.pyplot as plt
import numpy as np
from sklearn.base import clone
from sklearn.model_selection import train_test_split
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer

from skrnn import RNNTagger, SequenceOneHotEncoder
from skrnn.datasets import load_names
from skrnn.metrics import token_classification_report

X, y = load_names(return_X_y=True)
SHOWN = [
    "Harry Potter and Hermione Granger invented a new spell".split(),
    "Teddy Roosevelt was a great president".split(),
    "Teddy bears are on sale".split(),
]
kept = [i for i, words in enumerate(X) if words not in SHOWN]
X, y = [X[i] for i in kept], [y[i] for i in kept]
X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)
print(len(X_train), "training sentences,", len(X_test), "test sentences")
for words, labels in zip(X_train[:3], y_train[:3], strict=True):
    print([f"{word}/{label}" for word, label in zip(words, labels, strict=True)])


# %%
# Two networks
# ------------
# A step has two features, the word and its casing, each one-hot; a union concatenates
# them. Words that occur once in the training data are replaced by the unknown word, so
# that the network learns to handle new words.
def casing(sentences):
    """Return for each word whether it begins with a capital letter."""
    return [["Aa" if word[0].isupper() else "a" for word in s] for s in sentences]


features = FeatureUnion(
    [
        ("word", SequenceOneHotEncoder(min_count=2)),
        ("case", make_pipeline(FunctionTransformer(casing), SequenceOneHotEncoder())),
    ]
)
tagger = RNNTagger(
    embedding_dim=32,
    hidden_layer_sizes=32,
    dropout=0.3,
    batch_size=16,
    max_iter=30,
    random_state=0,
)

# %%
# One network is bidirectional, the other reads forwards only.
both = Pipeline([("features", features), ("tagger", tagger)])
both.fit(X_train, y_train)
forward = clone(both).set_params(tagger__bidirectional=False).fit(X_train, y_train)
for name, model in [("bidirectional", both), ("forwards only", forward)]:
    print(name)
    print(token_classification_report(y_test, model.predict(X_test), digits=3))

# %%
# Predicted probabilities
# -----------------------
# The probability that a word is part of a name, in sentences not in the training data.
# At *Teddy*, the network that reads forwards only has not read the rest.
figure, axes = plt.subplots(len(SHOWN), 1, figsize=(8, 6), layout="constrained")
for axis, words in zip(axes, SHOWN, strict=True):
    rows = [model.predict_proba([words])[0][:, 1] for model in (both, forward)]
    axis.imshow(rows, vmin=0, vmax=1, cmap="Blues", aspect="auto")
    axis.set_xticks(range(len(words)), words)
    axis.set_yticks([0, 1], ["bidirectional", "forwards only"])
    for (k, t), p in np.ndenumerate(rows):
        colour = "white" if p > 0.5 else "black"
        axis.text(t, k, f"{p:.2f}", ha="center", va="center", color=colour)
figure.suptitle("Probability of being part of a name")
plt.show()
