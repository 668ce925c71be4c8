"""The numeric core: recurrent networks and their training on plain arrays.

It knows numpy and scipy only. Shapes use N rows, B sequences, T steps, D directions,
H units, G gates, K classes, V tokens or features.
"""
