"""Recurrent neural networks as scikit-learn estimators."""

from importlib import import_module

from skrnn import metrics, preprocessing
from skrnn._classifier import RNNClassifier, RNNRegressor
from skrnn._estimator import VERSION
from skrnn._language_model import RNNLanguageModel
from skrnn._seq2seq import RNNSeq2Seq
from skrnn._sequences import Sequences
from skrnn._show_versions import show_versions
from skrnn._tagger import RNNTagger
from skrnn._transcriber import RNNTranscriber
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
