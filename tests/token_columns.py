"""Columns of one-hot rows made of the tokens of a step, and of those near it."""

from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from skrnn import SequenceOneHotEncoder


def lower(X):
    return [[word.lower() for word in words] for words in X]


def prefix(X, length):
    return [[word[:length].lower() for word in words] for words in X]


def suffix(X, length):
    return [[word[-length:].lower() for word in words] for words in X]


def shift(X, by):
    """Move every token by some steps, None coming in at the end."""
    if by == 0:
        return [list(tokens) for tokens in X]
    outside = [None] * abs(by)
    if by > 0:
        return [[*outside, *tokens][: len(tokens)] for tokens in X]
    return [[*tokens, *outside][-len(tokens) :] for tokens in X]


def one_hot(function, min_count=1, **kw_args):
    return make_pipeline(
        FunctionTransformer(function, kw_args=kw_args),
        SequenceOneHotEncoder(min_count=min_count),
    )


def of_affixes(prefixes, suffixes):
    """Return named columns of the beginnings and the ends of words, by length."""
    return [
        (f"{function.__name__}{n}", one_hot(function, min_count=2, length=n))
        for function, lengths in ((prefix, prefixes), (suffix, suffixes))
        for n in lengths
    ]
