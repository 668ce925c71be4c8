"""Measurements beside rivals; ``python -m benchmarks.tagger`` and so on."""
