"""Transformers of sequences: texts, tokens, ids, rows of features, waveforms.

All of them emit `Sequences`, one column of sequences, which the estimators take as X::

    texts -> Tokenizer -> VocabularyEncoder -> ids
    tokens or ids -> SequenceOneHotEncoder -> one-hot rows
    rows of features -> Stepwise(StandardScaler()) -> rows of features
    waveforms -> LogMelSpectrogram -> Stepwise(StandardScaler()) -> Delta -> rows

Tokenizer, VocabularyEncoder and SequenceOneHotEncoder accept empty sequences; Stepwise,
Delta and the estimators raise an error with the index of the first one.
"""

from skrnn.preprocessing._delta import Delta
from skrnn.preprocessing._log_mel import LogMelSpectrogram
from skrnn.preprocessing._one_hot import SequenceOneHotEncoder
from skrnn.preprocessing._stepwise import Stepwise
from skrnn.preprocessing._tokenizer import Tokenizer
from skrnn.preprocessing._vocabulary import VocabularyEncoder

__all__ = [
    "Delta",
    "LogMelSpectrogram",
    "SequenceOneHotEncoder",
    "Stepwise",
    "Tokenizer",
    "VocabularyEncoder",
]
