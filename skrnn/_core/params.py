"""Parameters: named views of one flat vector, the table beside it, initial values."""

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np


class ArraySpec(NamedTuple):
    """The description of one array of parameters."""

    shape: tuple
    fill: Callable | None = None  # fill(rng, out) sets the initial values; None: zeros
    penalized: bool = False  # whether the L2 penalty applies


class RowGrad(NamedTuple):
    """The gradient of the table, only of the rows that the batch touched."""

    rows: np.ndarray | slice  # along the next to last axis of the table
    values: np.ndarray  # shape (..., n_touched, m)


class Params:
    """The parameters of a network, or their gradients.

    The embedding, or else the input weights of the first layer, has one row for each
    token or feature. It is the *table*, and is stored separately, because a batch
    touches only a few of its rows. All other arrays are views of one flat vector: first
    those with an L2 penalty, then those without, such as biases.

    Parameters
    ----------
    shapes : dict of str to tuple
        The shape of each array, by name.
    table_name : str
        The name of the table.
    penalized : collection of str, default=()
        The names of the arrays with an L2 penalty. The table always has one.
    flat : ndarray, default=None
        The values of all arrays but the table; zeros where None.
    table : ndarray or RowGrad, default=None
        The values of the table.
    dtype : dtype, default=None
        The dtype of the flat vector where it is created here.

    Attributes
    ----------
    flat : ndarray
        All arrays but the table.
    n_penalized : int
        The number of leading elements of `flat` with an L2 penalty.
    """

    def __init__(
        self, shapes, table_name, *, penalized=(), flat=None, table=None, dtype=None
    ):
        self.shapes, self.table_name, self.table = shapes, table_name, table
        self.penalized = penalized
        flat_names = [name for name in shapes if name != table_name]
        names = [name for name in flat_names if name in penalized]
        names += [name for name in flat_names if name not in penalized]
        sizes = [math.prod(shapes[name]) for name in names]
        self.flat = np.zeros(sum(sizes), dtype=dtype) if flat is None else flat
        self.n_penalized = 0
        self._views = {}
        start = 0
        for name, size in zip(names, sizes, strict=True):
            view = self.flat[start : start + size]
            self._views[name] = view.reshape(shapes[name])
            start += size
            if name in penalized:
                self.n_penalized = start

    @classmethod
    def from_specs(cls, specs, *, flat=None, table=None, dtype=None):
        """Return parameters for a dict of `ArraySpec`; zeros where no values are given.

        The table is "embedding", or "W0" where there is no embedding.
        """
        table_name = "embedding" if "embedding" in specs else "W0"
        if table is None:
            table = np.zeros(specs[table_name].shape, dtype=dtype)
        shapes = {name: spec.shape for name, spec in specs.items()}
        penalized = {name for name, spec in specs.items() if spec.penalized}
        values = {"flat": flat, "table": table, "dtype": dtype}
        return cls(shapes, table_name, penalized=penalized, **values)

    def __getitem__(self, name):
        return self.table if name == self.table_name else self._views[name]

    def __contains__(self, name):
        return name in self.shapes

    def copy(self):
        """Return a copy that shares no memory."""
        return self._like(flat=self.flat.copy(), table=self.table.copy())

    def zero_grads(self):
        """Return gradients for these parameters, all zero."""
        return self._like(dtype=self.flat.dtype)

    def _like(self, **values):
        return Params(self.shapes, self.table_name, penalized=self.penalized, **values)

    def to_dict(self):
        """Return the arrays by name, in the order of the shapes; no copies."""
        return {name: self[name] for name in self.shapes}


class PrefixedParams:
    """The parameters, or gradients, whose names begin with a prefix.

    It has no separate table: the gradient of its embedding or first input weights,
    assigned to `table` as a `RowGrad`, is added to the array of that name.
    """

    def __init__(self, params, prefix):
        self.params, self.prefix = params, prefix

    def __getitem__(self, name):
        return self.params[self.prefix + name]

    def __contains__(self, name):
        return self.prefix + name in self.params

    @property
    def table(self):
        """The embedding, or the input weights of the first layer."""
        return self["embedding" if "embedding" in self else "W0"]

    @table.setter
    def table(self, grad):
        self.table[..., grad.rows, :] += grad.values


def fill_specs(specs, params, rng):
    """Draw the initial values of all arrays, in the order of the specs."""
    for name, spec in specs.items():
        if spec.fill is not None:
            spec.fill(rng, params[name])


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


def fill_orthogonal(rng, out, n_gates):
    """Fill U, of shape (D, H, G * H), with an orthogonal matrix for each gate."""
    D, H, _ = out.shape
    gates = orthogonal(rng, (D, n_gates, H, H))
    out[...] = gates.transpose(0, 2, 1, 3).reshape(out.shape)


def orthogonal(rng, shape):
    """Draw square matrices whose rows are orthonormal; shape (..., H, H).

    References
    ----------
    Saxe, A. M. et al. (2014). Exact solutions to the nonlinear dynamics of learning in
    deep linear neural networks. ICLR.
    """
    q, r = np.linalg.qr(rng.standard_normal(shape))
    return q * np.sign(np.diagonal(r, axis1=-2, axis2=-1))[..., None, :]
