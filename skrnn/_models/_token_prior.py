"""Language-model scores for CTC prefix search."""

import numpy as np
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import Pipeline

from skrnn._core.head import log_softmax
from skrnn._models._density import reader_of
from skrnn._models._language_model import RNNLanguageModel
from skrnn._sequences import Sequences
from skrnn._validation import check_is_fitted


class TokenPrior:
    """Scores of the next label, given a prefix; see `prefix_search`.

    Parameters
    ----------
    n_columns : int
        The number of labels, the blank included.
    weight, bonus : float
        The weight of the language model's log-probability, and the score added for
        each label.
    language_model : RNNLanguageModel, default=None
        A fitted model.
    ids : ndarray, default=None
        The token id of each label in the language model. Labels beyond them are not
        scored.
    """

    def __init__(self, n_columns, weight, bonus, language_model=None, ids=None):
        self.n_columns, self.weight, self.bonus = n_columns, weight, bonus
        self.model, self.ids = language_model, ids
        self.reader = None if language_model is None else reader_of(language_model)
        self.states = []  # of each prefix: for each layer, arrays of shape (1, H)

    def __call__(self, parents, labels):
        """Return the scores of the next label for each new prefix."""
        rows = np.full((max(1, len(labels)), self.n_columns), self.bonus)
        rows[:, -1] = 0
        if self.model is None:
            return rows
        scores, state = self._read(parents, labels)
        for i in range(len(rows)):
            self.states.append([tuple(s[:, i] for s in layer) for layer in state])
        log_proba = self.weight * log_softmax(scores.astype(np.float64))
        rows[:, : len(self.ids)] += log_proba[:, self.ids]
        rows[:, -1] += log_proba[:, self.model.end_token_]
        return rows

    def _read(self, parents, labels):
        """Return the scores of the step after each new prefix, and the state."""
        if not parents:
            empty = Sequences(np.empty(0, dtype=np.int64), np.zeros(2, np.int64))
            return self.reader.read(empty, None)
        before = [
            tuple(np.stack(each, axis=1) for each in zip(*layer, strict=True))
            for layer in zip(*(self.states[parent] for parent in parents), strict=True)
        ]
        return self.reader.advance(self.ids[labels], None, before)


def find_language_model(given, classes):
    """Return the fitted language model, and the token ids of the classes in it.

    Parameters
    ----------
    given : estimator
        An `RNNLanguageModel` fitted on indices into `classes`, or a pipeline that ends
        in an `RNNLanguageModel`; or either of them in a `FrozenEstimator`.
    classes : ndarray of shape (K,)
        The tokens.

    Raises
    ------
    ValueError
        If it is another estimator, not fitted, conditional, or has other tokens.
    """
    model = given.estimator if isinstance(given, FrozenEstimator) else given
    encoder = None
    if isinstance(model, Pipeline):
        encoder, model = model[:-1], model[-1]
    if not isinstance(model, RNNLanguageModel):
        raise ValueError(
            f"language_model is {given!r:.200}: pass an RNNLanguageModel, or a "
            "pipeline of a VocabularyEncoder and an RNNLanguageModel."
        )
    try:
        check_is_fitted(model)
    except NotFittedError as error:
        raise ValueError(
            "language_model is not fitted. Searches and cross-validation fit clones, "
            "which are not fitted: pass FrozenEstimator(language_model)."
        ) from error
    if model.conditions_ is not None or model.condition_mean_ is not None:
        raise ValueError(
            "language_model is conditional (fitted with y); pass one fitted without y."
        )
    if model.end_token_ is None:
        raise ValueError(
            "language_model was fitted on rows of 0 and 1; pass one fitted on tokens."
        )
    n_tokens, K = model.input_size_, len(classes)
    if encoder is None or len(encoder) == 0:
        if n_tokens != K:
            raise ValueError(
                f"language_model has {n_tokens} token ids but the model has {K} "
                "classes: fit it on indices into classes_, or pass a pipeline "
                "VocabularyEncoder + RNNLanguageModel."
            )
        return model, np.arange(K)
    encoded = encoder.transform([[token] for token in classes.tolist()])
    if not isinstance(encoded, Sequences) or encoded.kind != "ids":
        raise ValueError(
            "language_model is a pipeline that does not encode tokens as ids: its "
            "first step must be a VocabularyEncoder."
        )
    return model, encoded.rows.astype(np.int64)
