"""Checks for estimators of sequences, of any package with scikit-learn's interface.

They complement scikit-learn's own checks, which test 2-D arrays only: sequences of
different lengths, the containers that hold them, and results that must not depend on
the other sequences in X.
"""

from skrnn.utils._checks import check_sequence_estimator, sequence_checks

__all__ = ["check_sequence_estimator", "sequence_checks"]
