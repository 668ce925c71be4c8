"""scikit-learn's own checks of estimators, without an expected failure."""

import numpy as np
import pytest
from scipy import sparse
from sklearn.preprocessing import StandardScaler
from sklearn.utils import estimator_checks
from sklearn.utils.estimator_checks import check_estimator, parametrize_with_checks

from skrnn import RNNTagger
from skrnn.preprocessing import (
    SequenceOneHotEncoder,
    Stepwise,
    Tokenizer,
    VocabularyEncoder,
)

TRANSFORMERS = [
    SequenceOneHotEncoder(),
    SequenceOneHotEncoder(sparse_output=False),
    Stepwise(StandardScaler()),
    VocabularyEncoder(),
]


@parametrize_with_checks([RNNTagger(cell=cell) for cell in ("rnn", "gru", "lstm")])
def test_taggers(estimator, check):
    check(estimator)


def _steps(result):
    """Return the steps of a column of sequences, and any other result as it is."""
    column = np.asarray(result)
    if column.dtype != object:
        return result
    cells = [c.toarray() if sparse.issparse(c) else c for c in column.ravel()]
    return np.concatenate(cells)


@pytest.fixture
def compare_steps(monkeypatch):
    """Let the checks compare columns of sequences, for which they have no function."""
    for name in ("assert_allclose", "assert_allclose_dense_sparse"):
        compare = getattr(estimator_checks, name)

        def compare_steps(x, y, *args, compare=compare, **kwargs):
            assert np.shape(x) == np.shape(y)
            compare(_steps(x), _steps(y), *args, **kwargs)

        monkeypatch.setattr(estimator_checks, name, compare_steps)


@pytest.mark.usefixtures("compare_steps")
@parametrize_with_checks(TRANSFORMERS)
def test_transformers(estimator, check):
    check(estimator)


@pytest.mark.filterwarnings("ignore:Can't test estimator Tokenizer")
def test_tokenizer():
    check_estimator(Tokenizer())  # one check: the others have a table for X
