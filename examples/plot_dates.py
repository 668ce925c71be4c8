"""
Reading dates
=============

*3rd of March, '98* and *03/03/1998* denote the same day. An encoder-decoder network
learns to convert such dates, character by character, to the form 1998-03-03. Its
attention weights show which source characters each output character depends on.
"""

# %%
# The data
# --------
# Dates of a hundred years in many formats: in words and numbers, with two or four
# digits of the year, in upper or lower case. No day of the test data is in the training
# data.
import matplotlib.pyplot as plt
from sklearn.pipeline import make_pipeline

from skrnn import RNNSeq2Seq, Tokenizer, VocabularyEncoder
from skrnn.datasets import make_dates

train, y_train = make_dates(4000, random_state=0)
known = set(y_train)
pairs = zip(*make_dates(1000, random_state=1), strict=True)
test, y_test = zip(*(pair for pair in pairs if pair[1] not in known), strict=True)
print(len(train), "training dates,", len(test), "test dates")
for text, day in zip(train[:8], y_train, strict=False):
    print(f"{text:40}{day}")

# %%
# The network
# -----------
# Sources are ids of characters. Targets are texts, which `target_tokenizer` splits into
# characters and joins again. The learning rate is halved every epoch after the fifth.
model = make_pipeline(
    Tokenizer(analyzer="char", lowercase=True),
    VocabularyEncoder(),
    RNNSeq2Seq(
        hidden_layer_sizes=64,
        embedding_dim=32,
        learning_rate="exponential",
        decay_start=5,
        max_iter=8,
        target_tokenizer=Tokenizer(analyzer="char"),
        random_state=0,
    ),
)
model.fit(train, y_train)
print(f"Exact matches on the test data: {model.score(test, y_test):.1%}")

# %%
# More dates, one of them in a format that does not occur in the training data, and one
# that does not exist.
texts = [
    "the 4th of July 1976",
    "3/14/15",
    "31. 12. 99",
    "May the 4th '77",
    "30 Feb 2001",
]
for text, day in zip(texts, model.predict(texts), strict=True):
    print(f"{text:25}{day}")

# %%
# Attention weights
# -----------------
# One row per output character, one column per source character.
text = "Tuesday, the 3rd of March '98"
X = model[:-1].transform([text])
[written] = model[-1].predict(X)
[weights] = model[-1].attention_weights(X, [written])

figure, axis = plt.subplots(figsize=(9, 4.5), layout="constrained")
axis.imshow(weights, vmin=0, vmax=1, cmap="Blues", aspect="auto")
axis.set_xticks(range(len(text)), text)
axis.set_yticks(range(len(weights)), [*written, "end"])
axis.set_title("Weight of each source character for each output character")
plt.show()
