"""Parameters: named views of one flat vector, a table beside it, initial values."""

import math
from typing import NamedTuple

import numpy as np


class RowGrad(NamedTuple):
    """The gradient of a table, of the rows that the batch touched only."""

    rows: np.ndarray | slice  # along the next to last axis of the table
    values: np.ndarray  # shape (..., n_touched, m)


class Params:
    """The weights of a network, or their gradients.

    The embedding, or else the first layer's input weights, has one row for each token
    or feature. It is the *table*, kept apart, since a batch touches few of its rows.
    Everything else is a view of one flat vector: first the weights, which the L2
    penalty applies to, then biases and the like. Names may begin with "decoder_".

    Parameters
    ----------
    shapes : dict of str to tuple
        The shape of each array, by name. Those named W..., U... or embedding are
        weights.
    table_name : str
        The one among them that is the table.
    flat : ndarray, default=None
        The values of all but the table; zeros where None.
    table : ndarray or RowGrad, default=None
        The values of the table.
    dtype : dtype, default=None
        Of the flat vector where it is made here.

    Attributes
    ----------
    flat : ndarray
        All but the table.
    n_penalized : int
        How many of `flat` are weights.
    """

    def __init__(self, shapes, table_name, *, flat=None, table=None, dtype=None):
        self.shapes, self.table_name, self.table = shapes, table_name, table
        names = [name for name in shapes if name != table_name]
        names.sort(key=lambda name: not _is_weight(name))  # stable: weights first
        sizes = [math.prod(shapes[name]) for name in names]
        self.flat = np.zeros(sum(sizes), dtype=dtype) if flat is None else flat
        self.n_penalized = 0
        self._views = {}
        start = 0
        for name, size in zip(names, sizes, strict=True):
            view = self.flat[start : start + size]
            self._views[name] = view.reshape(shapes[name])
            start += size
            if _is_weight(name):
                self.n_penalized = start

    def __getitem__(self, name):
        return self.table if name == self.table_name else self._views[name]

    def copy(self):
        """Return a copy that shares no memory."""
        flat, table = self.flat.copy(), self.table.copy()
        return Params(self.shapes, self.table_name, flat=flat, table=table)

    def zero_grads(self):
        """Return gradients for these parameters, all zero."""
        return Params(self.shapes, self.table_name, dtype=self.flat.dtype)

    def to_dict(self):
        """Return the arrays by name, in the order of the shapes; no copies."""
        return {name: self[name] for name in self.shapes}


class Part:
    """The parameters, or gradients, whose names begin with a prefix.

    Its table is none of all parameters, though its gradient comes as a `RowGrad`.
    """

    def __init__(self, params, prefix):
        self.params, self.prefix, self.table = params, prefix, None

    def __getitem__(self, name):
        return self.params[self.prefix + name]


def _is_weight(name):
    return name.removeprefix("decoder_")[0] in "WU" or name.endswith("embedding")


def fill_glorot_uniform(rng, out, fan_in, fan_out):
    """Fill with values drawn uniformly within +- sqrt(6 / (fan_in + fan_out)).

    References
    ----------
    Glorot, X. and Bengio, Y. (2010). Understanding the difficulty of training deep
    feedforward neural networks. AISTATS.
    """
    limit = math.sqrt(6 / (fan_in + fan_out))
    flat = out.reshape(-1)
    for start in range(0, flat.size, 2**20):  # a large table is not drawn at once
        part = flat[start : start + 2**20]
        part[...] = rng.uniform(-limit, limit, size=part.size)


def orthogonal(rng, shape):
    """Draw square matrices whose rows are orthonormal; shape (..., H, H).

    References
    ----------
    Saxe, A. M. et al. (2014). Exact solutions to the nonlinear dynamics of learning in
    deep linear neural networks. ICLR.
    """
    q, r = np.linalg.qr(rng.standard_normal(shape))
    return q * np.sign(np.diagonal(r, axis1=-2, axis2=-1))[..., None, :]
