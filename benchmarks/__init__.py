"""Measurements beside rivals: ``python -m benchmarks``.

They need PyTorch, skorch and the data sets, in the folder SKRNN_DATA or in
../shared/data beside the repository.
"""
