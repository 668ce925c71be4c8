"""Comparison of skrnn with PyTorch and skorch: ``python -m benchmarks``.

The data sets are read from the folder SKRNN_DATA, by default ../shared/data beside the
repository.
"""
