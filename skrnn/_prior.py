"""How probable labels are by themselves, for the search for the best ones."""

import numpy as np
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import Pipeline

from skrnn._base import steady_arithmetic
from skrnn._core import make_network
from skrnn._core.heads import Softmax
from skrnn._language_model import RNNLanguageModel
from skrnn._sequences import Sequences
from skrnn._validation import check_is_fitted


class TokenPrior:
    """What is added to the log-probability of each beginning; see `prefix_search`.

    Parameters
    ----------
    n_columns : int
        The number of labels, the blank included.
    weight, bonus : float
        The weight of the log-probability by the language model, and what is added for
        each label.
    language_model : RNNLanguageModel, default=None
        A fitted one.
    ids : ndarray, default=None
        The token ids that it knows the labels by. Labels beyond them are not looked at.
    """

    def __init__(self, n_columns, weight, bonus, language_model=None, ids=None):
        self.n_columns, self.weight, self.bonus = n_columns, weight, bonus
        self.model, self.ids = language_model, ids
        self.states = []  # of each beginning that of each layer, shape (1, H)

    def __call__(self, parents, labels):
        """Return a row for each new beginning."""
        rows = np.full((max(1, len(labels)), self.n_columns), self.bonus)
        rows[:, -1] = 0
        if self.model is None:
            return rows
        scores, state = self._read(parents, labels)
        for i in range(len(rows)):
            self.states.append([tuple(s[:, i] for s in layer) for layer in state])
        log_proba = self.weight * Softmax().log_proba(scores.astype(np.float64))
        rows[:, : len(self.ids)] += log_proba[:, self.ids]
        rows[:, -1] += log_proba[:, self.model.end_token_]
        return rows

    def _read(self, parents, labels):
        """Return the scores of what comes next, and the state."""
        model = self.model
        if not parents:
            nothing = Sequences(np.empty(0, dtype=np.int64), np.zeros(2, np.int64))
            return model._read(nothing, None)
        before = [
            tuple(np.stack(each, axis=1) for each in zip(*layer, strict=True))
            for layer in zip(*(self.states[parent] for parent in parents), strict=True)
        ]
        steps = self.ids[labels]
        with steady_arithmetic():
            return make_network(model._architecture).read(
                model._params(), steps, np.arange(len(steps) + 1), before
            )


def find_language_model(given, classes):
    """Return the fitted language model, and the ids that it knows the classes by.

    Parameters
    ----------
    given : estimator
        An `RNNLanguageModel`, which reads positions in `classes`, or a pipeline that
        ends in one; or either in a `FrozenEstimator`.
    classes : ndarray of shape (K,)
        The tokens.

    Raises
    ------
    ValueError
        If it is something else, not fitted, conditioned, or lacks one of the classes.
    """
    model = given.estimator if isinstance(given, FrozenEstimator) else given
    encoder = None
    if isinstance(model, Pipeline):
        encoder, model = model[:-1], model[-1]
    if not isinstance(model, RNNLanguageModel):
        raise ValueError(
            f"language_model is {given!r:.200}: give an RNNLanguageModel, or a "
            "pipeline of a VocabularyEncoder and one."
        )
    try:
        check_is_fitted(model)
    except NotFittedError as error:
        raise ValueError(
            "language_model is not fitted. Searches and cross-validation fit clones, "
            "which lose what was learned: give FrozenEstimator(language_model)."
        ) from error
    if model.conditions_ is not None or model.condition_mean_ is not None:
        raise ValueError(
            "language_model was fitted on conditions: give one without y in fit."
        )
    if not model._is_of_ids:
        raise ValueError("language_model was fitted on rows of numbers, not on tokens.")
    n_tokens, K = model.input_size_, len(classes)
    if encoder is None or len(encoder) == 0:
        if n_tokens != K:
            raise ValueError(
                f"language_model knows {n_tokens} token ids, and there are {K} "
                "classes_: fit it on sequences of positions in classes_, or give a "
                "pipeline that begins with a VocabularyEncoder."
            )
        return model, np.arange(K)
    encoded = encoder.transform([[token] for token in classes.tolist()])
    if not isinstance(encoded, Sequences) or encoded.kind != "ids":
        raise ValueError(
            "language_model is a pipeline that does not make token ids of tokens: let "
            "it begin with a VocabularyEncoder."
        )
    return model, encoded.rows.astype(np.int64)
