"""Recurrent neural networks as scikit-learn estimators."""

from importlib.metadata import version

from skrnn import datasets, metrics, preprocessing
from skrnn._classifier import RNNClassifier, RNNRegressor
from skrnn._sequences import Sequences
from skrnn._show_versions import show_versions
from skrnn._tagger import RNNTagger
from skrnn.preprocessing import (
    SequenceOneHotEncoder,
    Stepwise,
    Tokenizer,
    VocabularyEncoder,
)

__version__ = version("skrnn")

__all__ = [
    "RNNClassifier",
    "RNNRegressor",
    "RNNTagger",
    "SequenceOneHotEncoder",
    "Sequences",
    "Stepwise",
    "Tokenizer",
    "VocabularyEncoder",
    "datasets",
    "metrics",
    "preprocessing",
    "show_versions",
]
