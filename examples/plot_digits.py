"""
Reading digits row by row
=========================

A handwritten digit is a short film to a network that sees one row of pixels at a time.
It gives an answer after the last row; what would it have said after the first few?
"""

# %%
# The data
# --------
# scikit-learn's digits, each a sequence of eight rows of eight pixels.
import matplotlib.pyplot as plt
import numpy as np
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, train_test_split

from skrnn import RNNClassifier
from skrnn.datasets import load_digit_rows

X, y = load_digit_rows(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(
    X, y, test_size=0.25, stratify=y, random_state=0
)
print(X_train.shape, X_test.shape)

# %%
# A search
# --------
# A network is a classifier as any other, so that a grid search can choose the cell.
model = RNNClassifier(
    hidden_layer_sizes=32,
    bidirectional=False,
    dropout=(0.0, 0.2),
    learning_rate_init=0.01,
    max_iter=25,
    random_state=0,
)
search = GridSearchCV(model, {"cell": ["rnn", "gru"]}, cv=3).fit(X_train, y_train)
print(search.cv_results_["mean_test_score"].round(3), search.best_params_)
linear = LogisticRegression(max_iter=1000)
linear.fit(X_train.reshape(len(X_train), -1), y_train)
print(f"Test accuracy {search.score(X_test, y_test):.3f}")
of_linear = linear.score(X_test.reshape(len(X_test), -1), y_test)
print(f"of a linear model on all pixels at once {of_linear:.3f}")

# %%
# After each row
# --------------
# Sequences may have any length, also the beginnings of digits. The network has seen
# whole ones only, and says little of beginnings; another one learns from both.
rng = np.random.default_rng(0)
n_rows = rng.integers(1, 8, size=3 * len(X_train))
beginnings = [x[:t] for x, t in zip(np.tile(X_train, (3, 1, 1)), n_rows, strict=True)]
early = clone(search.best_estimator_)
early.fit([*X_train, *beginnings], np.tile(y_train, 4))
rows = np.arange(1, 9)
for name, fitted in [("whole digits", search), ("and beginnings", early)]:
    scores = [fitted.score(X_test[:, :t], y_test) for t in rows]
    plt.plot(rows, scores, "o-", label=name)
plt.legend(title="learned from")
plt.xlabel("rows seen")
plt.ylabel("test accuracy")
plt.ylim(0, 1)
plt.show()

# %%
# One digit
# ---------
# How likely each digit is to the second network, row after row.
i = int(np.flatnonzero(y_test == 9)[0])
proba = early.predict_proba([X_test[i, :t] for t in rows])
figure, (image, likely) = plt.subplots(1, 2, figsize=(8, 3.5), layout="constrained")
image.imshow(X_test[i], cmap="Greys")
likely.imshow(proba, vmin=0, vmax=1, cmap="Blues", aspect="auto")
likely.set(xlabel="digit", ylabel="rows seen")
likely.set_xticks(range(10))
likely.set_yticks(range(8), rows)
plt.show()
