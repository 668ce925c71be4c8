"""Recurrent neural networks as scikit-learn estimators."""

from skrnn import datasets, metrics, preprocessing, utils
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
