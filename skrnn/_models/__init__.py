"""The recurrent estimators: their parameters, targets and predictions."""

from skrnn._models._classifier import RNNClassifier
from skrnn._models._language_model import RNNLanguageModel
from skrnn._models._regressor import RNNRegressor
from skrnn._models._seq2seq import RNNSeq2Seq
from skrnn._models._tagger import RNNTagger
from skrnn._models._transcriber import RNNTranscriber

__all__ = [
    "RNNClassifier",
    "RNNLanguageModel",
    "RNNRegressor",
    "RNNSeq2Seq",
    "RNNTagger",
    "RNNTranscriber",
]
