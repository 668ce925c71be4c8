"""What every estimator and transformer here is, besides being scikit-learn's."""

from importlib.metadata import version

from sklearn.base import BaseEstimator

VERSION = version("skrnn")
DOCUMENTATION = "https://skrnn.readthedocs.io/en/latest"

# The attributes of fitted models have a format, which files name. It is one more
# whenever attributes change; `_upgrade` then turns the older ones into the present.
FORMAT = 2


class Estimator(BaseEstimator):
    """Base of all: where its documentation is, and what a saved one says of itself."""

    _doc_link_module = "skrnn"
    _doc_link_template = DOCUMENTATION + "/api/{estimator_module}.{estimator_name}.html"

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
