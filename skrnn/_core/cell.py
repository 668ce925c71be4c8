"""The base class of the cells, and the contract of a cell.

A cell computes one step of n sequences in D directions at once:

``new, saved = forward(z, a, prev, w)``
    z : (D, n, G * H), the input projection, with the bias b;
    a : (D, n, G * H), the recurrent projection, ``h<t-1> @ U``;
    prev : tuple of (D, n, H) arrays, the state: ``(h,)``, or ``(h, c)`` with a memory;
    w : (D, n_extra, H), the extra weights of the cell besides W, U and b.

``dz, da, dprev = backward(dnew, prev, saved, w, dw)``
    the backward pass: from the derivatives of the loss by the new state to those by z,
    a and prev; those by w are added to dw. ``dprev[0]`` is the derivative by h<t-1>
    without the part that passes through the product with U; None if there is no other.

The G gates lie side by side, in the order that each class gives.

To add a cell, write a subclass of `Cell` with these two methods and the attributes that
differ from those of `Cell`, and add it to `CELLS`. numpy computes it. For a compiled
cell, write its header in skrnn/_kernels/cells/, include that in cells.hpp there, and
give the name that the header has as `kernel`.
"""


class Cell:
    """The attributes of a cell, with their defaults.

    Parameters
    ----------
    activation : {"tanh", "relu"}, default="tanh"
        The activation function of the cells that have a choice; the others ignore it.
    """

    n_gates = 1
    n_states = 1  # 2 with a memory c
    n_extra = 0  # rows of extra weights
    two_products = False  # see ResetBeforeGRU
    kernel = None  # the name of the compiled cell with the same equations

    def __init__(self, activation="tanh"):
        self.activation = activation

    def __init_subclass__(cls):
        """Inherit no kernel: a subclass may have other equations."""
        super().__init_subclass__()
        cls.kernel = vars(cls).get("kernel")

    def fill_bias(self, b):
        """Set the initial bias, shape (D, G * H), which is zero before."""
