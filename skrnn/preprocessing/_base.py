"""Base class of the transformers that emit one column of sequences."""

import numpy as np
from sklearn.base import TransformerMixin

from skrnn._estimator import Estimator
from skrnn._validation import (
    check_feature_names_in,
    check_is_fitted,
    check_library_installed,
    output_library,
)


class SequenceTransformer(TransformerMixin, Estimator):
    """Base class of transformers that emit one column of sequences."""

    _default_name = "tokens"  # of the column that is emitted

    def get_feature_names_out(self, input_features=None):
        """Return the name of the column of sequences that `transform` emits.

        Parameters
        ----------
        input_features : array-like of str, default=None
            The names of the input columns; by default those seen in `fit`.

        Returns
        -------
        ndarray of shape (1,)
            The name of the input column if there is only one; a default such as
            "tokens" otherwise.
        """
        check_is_fitted(self)
        names = check_feature_names_in(self, input_features, generate_names=False)
        if names is None or len(names) != 1:
            names = [self._default_name]
        return np.array(names, dtype=object)

    def _emit(self, sequences):
        """Return the sequences, or a frame of them where polars is the set output.

        scikit-learn makes a pandas frame of anything that has `__array__`; polars takes
        neither that nor an array of sparse cells.
        """
        if output_library(self) != "polars":
            return sequences
        polars = check_library_installed("polars")
        column = polars.Series(list(sequences), dtype=polars.Object)
        return polars.DataFrame({"": column})

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = []  # it is object: a column of arrays
        return tags
