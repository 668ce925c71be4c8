"""Recurrent neural networks as scikit-learn estimators."""

from importlib import import_module

from skrnn import metrics, preprocessing
from skrnn._estimator import VERSION
from skrnn._models import (
    RNNClassifier,
    RNNLanguageModel,
    RNNRegressor,
    RNNSeq2Seq,
    RNNTagger,
    RNNTranscriber,
)
from skrnn._sequences import Sequences
from skrnn._show_versions import show_versions
from skrnn.preprocessing import (
    Delta,
    LogMelSpectrogram,
    SequenceOneHotEncoder,
    Stepwise,
    Tokenizer,
    VocabularyEncoder,
)

__version__ = VERSION

LAZY = ("datasets", "utils")  # imported on first access

__all__ = [
    "Delta",
    "LogMelSpectrogram",
    "RNNClassifier",
    "RNNLanguageModel",
    "RNNRegressor",
    "RNNSeq2Seq",
    "RNNTagger",
    "RNNTranscriber",
    "SequenceOneHotEncoder",
    "Sequences",
    "Stepwise",
    "Tokenizer",
    "VocabularyEncoder",
    "datasets",
    "metrics",
    "preprocessing",
    "show_versions",
    "utils",
]


def __getattr__(name):
    if name in LAZY:
        return import_module(f"skrnn.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__():
    return sorted({*globals(), *LAZY})
