"""Base class of all estimators: documentation links, versioned pickles, atomic fits."""

from contextlib import contextmanager
from importlib.metadata import version

from sklearn.base import BaseEstimator

from skrnn._validation import DocLinkMixin

VERSION = version("skrnn")

# The format of the attributes of fitted models, which is stored with them. A change of
# attributes increments it, and `_upgrade` then converts older formats to the new one.
FORMAT = 3


class Estimator(DocLinkMixin, BaseEstimator):
    """Base class of estimators and transformers: a pickle names its format."""

    def __getstate__(self):
        state = super().__getstate__()
        return {**state, "_skrnn_format": FORMAT, "_skrnn_version": VERSION}

    def __setstate__(self, state):
        state = dict(state)
        saved_as, by = (state.pop(f"_skrnn_{key}", 0) for key in ("format", "version"))
        if saved_as > FORMAT:
            raise ValueError(
                f"This {type(self).__name__} was saved by skrnn {by} in format "
                f"{saved_as}, and skrnn {VERSION} reads formats up to {FORMAT}: load "
                f"it with skrnn {by} or newer, or fit it again."
            )
        super().__setstate__(self._upgrade(state, saved_as))

    def _upgrade(self, state, saved_as):
        """Return the state of a model saved in an older format in the present one."""
        return state


@contextmanager
def all_or_nothing(estimator):
    """Context manager for a fit that has no effect if it fails.

    The block changes a shallow copy. When the block ends, the estimator takes over the
    attributes that the copy has got and loses those that it has lost, in one step: a
    thread that uses the estimator meanwhile sees all of the old state or all of the
    new. After an exception, KeyboardInterrupt included, the estimator is as before.
    Attributes that the block sets on the estimator itself stay.

    Parameters
    ----------
    estimator : estimator
        It is changed only when the block has ended.

    Yields
    ------
    estimator
        The copy.
    """
    before = dict(vars(estimator))
    # not copy.copy, whose __getstate__ may leave out or convert attributes
    fitted = object.__new__(type(estimator))
    vars(fitted).update(before)
    yield fitted
    after, missing = vars(fitted), object()
    state = {k: v for k, v in vars(estimator).items() if k in after or k not in before}
    state |= {k: v for k, v in after.items() if before.get(k, missing) is not v}
    estimator.__dict__ = state  # one assignment: no thread sees a part of it
