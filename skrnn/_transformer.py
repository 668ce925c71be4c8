"""What all transformers of sequences share."""

from sklearn.base import TransformerMixin

from skrnn._estimator import Estimator
from skrnn._validation import check_is_fitted, column_name


class SequenceTransformer(TransformerMixin, Estimator):
    """Base of transformers that emit one column of sequences."""

    _default_name = "tokens"

    def get_feature_names_out(self, input_features=None):
        """Return the name of the one column of sequences that comes out.

        Parameters
        ----------
        input_features : array-like of str, default=None
            The names of the columns that came in; by default those seen in `fit`.

        Returns
        -------
        ndarray of shape (1,)
            The name of the column that came in if there was only one; a default such
            as "tokens" otherwise.
        """
        check_is_fitted(self)
        return column_name(self, input_features, self._default_name)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = []  # it is object: a column of arrays
        return tags
