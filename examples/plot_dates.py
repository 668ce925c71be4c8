"""
Reading dates
=============

*3rd of March, '98* and *03/03/1998* are one day. A recurrent network that turns a
sequence into another one learns to read them, character by character, and writes each
as 1998-03-03. Attention shows where it looks meanwhile.
"""

# %%
# The data
# --------
# Days of a hundred years, written as people do: in words and numbers, with two digits
# of the year or four, in capitals or not. None of the days to test on is among those to
# learn from.
import matplotlib.pyplot as plt
from sklearn.pipeline import make_pipeline

from skrnn import RNNSeq2Seq, Tokenizer, VocabularyEncoder
from skrnn.datasets import make_dates

train, y_train = make_dates(4000, random_state=0)
known = set(y_train)
pairs = zip(*make_dates(1000, random_state=1), strict=True)
test, y_test = zip(*(pair for pair in pairs if pair[1] not in known), strict=True)
print(len(train), "dates to learn from,", len(test), "to test on")
for text, day in zip(train[:8], y_train, strict=False):
    print(f"{text:40}{day}")

# %%
# The network
# -----------
# Its sources are characters as ids; targets remain texts, which a tokenizer of their
# own splits and joins again. The learning rate is halved every epoch after the fifth.
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
print(f"Exactly right: {model.score(test, y_test):.1%} of the days never seen")

# %%
# Some of its own, one of them in a way that no date to learn from is written in, and
# one that is no day at all.
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
# Where it looks
# --------------
# A row for each character that it writes, a column for each that it has read.
text = "Tuesday, the 3rd of March '98"
X = model[:-1].transform([text])
[written] = model[-1].predict(X)
[weights] = model[-1].attention_weights(X, [written])

figure, axis = plt.subplots(figsize=(9, 4.5), layout="constrained")
axis.imshow(weights, vmin=0, vmax=1, cmap="Blues", aspect="auto")
axis.set_xticks(range(len(text)), text)
axis.set_yticks(range(len(weights)), [*written, "end"])
axis.set_title("How much each character read counts for each written")
plt.show()
