"""
Reading digits row by row
=========================

A classifier reads a handwritten digit as a sequence, one row of pixels per step. How
early, before the last row, is its prediction correct?
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
# `RNNClassifier` is a scikit-learn classifier, so a grid search can select the cell.
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
linear_score = linear.score(X_test.reshape(len(X_test), -1), y_test)
print(f"Test accuracy of a linear model on all pixels {linear_score:.3f}")

# %%
# After each row
# --------------
# Sequences may have any length, so a prefix of a digit is a valid input. The network
# was trained on whole digits and is inaccurate on prefixes; a second one is trained on
# both.
rng = np.random.default_rng(0)
n_rows = rng.integers(1, 8, size=3 * len(X_train))
prefixes = [x[:t] for x, t in zip(np.tile(X_train, (3, 1, 1)), n_rows, strict=True)]
early = clone(search.best_estimator_)
early.fit([*X_train, *prefixes], np.tile(y_train, 4))
rows = np.arange(1, 9)
for name, fitted in [("whole digits", search), ("digits and prefixes", early)]:
    scores = [fitted.score(X_test[:, :t], y_test) for t in rows]
    plt.plot(rows, scores, "o-", label=name)
plt.legend(title="training data")
plt.xlabel("rows read")
plt.ylabel("test accuracy")
plt.ylim(0, 1)
plt.show()

# %%
# One digit
# ---------
# The probability of each digit by the second network, after each row.
i = int(np.flatnonzero(y_test == 9)[0])
proba = early.predict_proba([X_test[i, :t] for t in rows])
figure, (image, likely) = plt.subplots(1, 2, figsize=(8, 3.5), layout="constrained")
image.imshow(X_test[i], cmap="Greys")
likely.imshow(proba, vmin=0, vmax=1, cmap="Blues", aspect="auto")
likely.set(xlabel="digit", ylabel="rows read")
likely.set_xticks(range(10))
likely.set_yticks(range(8), rows)
plt.show()
