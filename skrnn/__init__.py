"""Recurrent neural networks as scikit-learn estimators."""

from skrnn._sequences import Sequences
from skrnn._tagger import RNNTagger

__all__ = ["RNNTagger", "Sequences"]
