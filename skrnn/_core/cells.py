"""The equations of the cells, elementwise: no time, no batches, no products.

`skrnn._core.cell` defines the methods and attributes of a cell.
"""

from functools import lru_cache

import numpy as np

from skrnn._core.cell import Cell


def _split(x, n_gates):
    """Return views of the gates of x, each of shape (D, n, H)."""
    H = x.shape[-1] // n_gates
    return [x[..., k * H : (k + 1) * H] for k in range(n_gates)]


def _sigmoid(x):
    """Replace x by 1 / (1 + exp(-x)), which is (1 + tanh(x / 2)) / 2."""
    x *= 0.5
    np.tanh(x, out=x)
    x *= 0.5
    x += 0.5
    return x


def _sum_rows(x):
    return x.sum(axis=1)


class RNN(Cell):
    """Simple recurrent cell: ``h<t> = g(W x<t> + U h<t-1> + b)``, g tanh or ReLU.

    References
    ----------
    Elman, J. L. (1990). Finding structure in time. Cognitive Science 14.
    """

    kernel = "rnn"

    def __init__(self, activation="tanh"):
        super().__init__(activation)
        if self.kernel is not None:
            self.kernel = f"{self.kernel}_{activation}"

    def forward(self, z, a, prev, w):
        h = z + a
        if self.activation == "tanh":
            np.tanh(h, out=h)
        else:
            np.maximum(h, 0, out=h)
        return (h,), h

    def backward(self, dnew, prev, h, w, dw):
        if self.activation == "tanh":
            ds = h * h
            np.subtract(1, ds, out=ds)
            ds *= dnew[0]
        else:
            ds = dnew[0] * (h > 0)
        return ds, ds, (None,)


class LSTM(Cell):
    """Long short-term memory. Gates i (input), f (forget), g (candidate), o (output).

    ::

        i, f, o = sigmoid(W x<t> + U h<t-1> + b)      g = tanh(W x<t> + U h<t-1> + b)
        c<t> = f * c<t-1> + i * g                     h<t> = o * tanh(c<t>)

    References
    ----------
    Hochreiter, S. and Schmidhuber, J. (1997). Long short-term memory. Neural
    Computation 9(8). Gers, F. et al. (2000). Learning to forget. Neural Computation
    12(10).
    """

    n_gates, n_states = 4, 2
    kernel = "lstm"

    def fill_bias(self, b):
        """Set the bias of the forget gate to 1: the memory is kept at first."""
        H = b.shape[-1] // 4
        b[..., H : 2 * H] = 1

    def forward(self, z, a, prev, w):
        s = np.add(z, a, out=a)
        scale, shift = _gate_scales(s.shape[-1], s.dtype)
        s *= scale  # a sigmoid is a tanh scaled and shifted: one tanh for all gates
        np.tanh(s, out=s)
        s *= scale
        s += shift
        i, f, g, o = _split(s, 4)
        c = f * prev[1]
        c += i * g
        tanh_c = np.tanh(c)
        return (o * tanh_c, c), (s, tanh_c)

    def backward(self, dnew, prev, saved, w, dw):
        s, tanh_c = saved
        i, f, g, o = _split(s, 4)
        dh, dc = dnew
        through = tanh_c * tanh_c
        np.subtract(1, through, out=through)
        through *= o
        through *= dh
        dc = dc + through
        ds = np.empty_like(s)
        di, df, dg, do = _split(ds, 4)
        np.multiply(dc, g, out=di)
        np.multiply(dc, prev[1], out=df)
        np.multiply(dc, i, out=dg)
        np.multiply(dh, tanh_c, out=do)
        # the slope of a sigmoid is s - s * s, that of a tanh 1 - s * s
        scale, shift = _gate_scales(s.shape[-1], s.dtype)
        slope = s * (2 - 2 * scale)
        slope += 1 - 2 * shift
        slope -= s * s
        ds *= slope
        return ds, ds, (None, dc * f)


@lru_cache(maxsize=32)
def _gate_scales(width, dtype):
    """Return scale and shift: tanh(scale * x) * scale + shift has all gates."""
    H = width // 4
    scale = np.full(width, 0.5, dtype=dtype)
    scale[2 * H : 3 * H] = 1
    return scale, 1 - scale


class PeepholeLSTM(Cell):
    """LSTM with peepholes. Gates i, f, g, o; extra p_i, p_f, p_o.

    ::

        i = sigmoid(W x<t> + U h<t-1> + p_i * c<t-1> + b)       f likewise
        g = tanh(W x<t> + U h<t-1> + b)
        c<t> = f * c<t-1> + i * g
        o = sigmoid(W x<t> + U h<t-1> + p_o * c<t> + b)         h<t> = o * tanh(c<t>)

    References
    ----------
    Gers, F. and Schmidhuber, J. (2000). Recurrent nets that time and count. IJCNN.
    """

    n_gates, n_states, n_extra = 4, 2, 3
    kernel = "lstm_peephole"

    fill_bias = LSTM.fill_bias

    def forward(self, z, a, prev, w):
        p_i, p_f, p_o = (w[:, k, None] for k in range(3))
        s = z + a
        i, f, g, o = _split(s, 4)
        i += p_i * prev[1]
        f += p_f * prev[1]
        _sigmoid(i)
        _sigmoid(f)
        np.tanh(g, out=g)
        c = f * prev[1]
        c += i * g
        o += p_o * c
        _sigmoid(o)
        tanh_c = np.tanh(c)
        return (o * tanh_c, c), (s, tanh_c, c)

    def backward(self, dnew, prev, saved, w, dw):
        p_i, p_f, p_o = (w[:, k, None] for k in range(3))
        s, tanh_c, c = saved
        i, f, g, o = _split(s, 4)
        dh, dc = dnew
        ds = np.empty_like(s)
        di, df, dg, do = _split(ds, 4)
        do[...] = dh * tanh_c * o * (1 - o)
        dc = dc + dh * o * (1 - tanh_c * tanh_c) + do * p_o
        di[...] = dc * g * i * (1 - i)
        df[...] = dc * prev[1] * f * (1 - f)
        dg[...] = dc * i * (1 - g * g)
        dw[:, 0] += _sum_rows(di * prev[1])
        dw[:, 1] += _sum_rows(df * prev[1])
        dw[:, 2] += _sum_rows(do * c)
        return ds, ds, (None, dc * f + di * p_i + df * p_f)


class GRU(Cell):
    """Gated recurrent unit. Gates r (reset), z (update), n (candidate); extra b_n.

    ::

        r, z = sigmoid(W x<t> + U h<t-1> + b)
        n = tanh(W x<t> + b + r * (U h<t-1> + b_n))
        h<t> = (1 - z) * n + z * h<t-1>

    The reset gate is applied after the product, so that one product serves all gates.

    References
    ----------
    Cho, K. et al. (2014). Learning phrase representations using RNN encoder-decoder
    for statistical machine translation. EMNLP. (There the reset gate comes first.)
    """

    n_gates, n_extra = 3, 1
    kernel = "gru"

    def forward(self, z, a, prev, w):
        H = prev[0].shape[-1]
        a_n = a[..., 2 * H :] + w[:, 0, None]
        gates = z[..., : 2 * H] + a[..., : 2 * H]
        _sigmoid(gates)
        r, u = _split(gates, 2)
        n = r * a_n
        n += z[..., 2 * H :]
        np.tanh(n, out=n)
        h = prev[0] - n
        h *= u
        h += n
        return (h,), (gates, n, a_n)

    def backward(self, dnew, prev, saved, w, dw):
        gates, n, a_n = saved
        H = n.shape[-1]
        r, u = _split(gates, 2)
        dh = dnew[0]
        ds = np.empty((*n.shape[:-1], 3 * H), dtype=n.dtype)
        dr, du, dn = _split(ds, 3)
        np.multiply(dh, 1 - u, out=dn)
        dn *= 1 - n * n
        np.multiply(dn, a_n, out=dr)
        np.multiply(dh, prev[0] - n, out=du)
        ds[..., : 2 * H] *= gates - gates * gates
        da = ds.copy()
        da[..., 2 * H :] *= r
        dw[:, 0] += _sum_rows(da[..., 2 * H :])
        return ds, da, (dh * u,)


class UpdateOnlyGRU(Cell):
    """GRU without a reset gate. Gates z (update), n (candidate).

    ::

        z = sigmoid(W x<t> + U h<t-1> + b)      n = tanh(W x<t> + U h<t-1> + b)
        h<t> = (1 - z) * n + z * h<t-1>
    """

    n_gates = 2
    kernel = "gru_update_only"

    def forward(self, z, a, prev, w):
        s = z + a
        u, n = _split(s, 2)
        _sigmoid(u)
        np.tanh(n, out=n)
        return (n + u * (prev[0] - n),), s

    def backward(self, dnew, prev, s, w, dw):
        u, n = _split(s, 2)
        dh = dnew[0]
        ds = np.empty_like(s)
        du, dn = _split(ds, 2)
        du[...] = dh * (prev[0] - n) * u * (1 - u)
        dn[...] = dh * (1 - u) * (1 - n * n)
        return ds, ds, (dh * u,)


class ResetBeforeGRU(Cell):
    """GRU as first published: the reset gate is applied before the product.

    Gates r (reset), z (update), n (candidate)::

        r, z = sigmoid(W x<t> + U h<t-1> + b)
        n = tanh(W x<t> + U (r * h<t-1>) + b)
        h<t> = (1 - z) * n + z * h<t-1>

    A cell with `two_products` computes a step by two methods: `gates`, then `forward`,
    whose recurrent projection is the product of U and the second result of `gates`. The
    backward pass is `backward`, then `gates_backward`.

    References
    ----------
    Cho, K. et al. (2014). Learning phrase representations using RNN encoder-decoder
    for statistical machine translation. EMNLP.
    """

    n_gates = 3
    two_products = True
    kernel = "gru_reset_before"

    def gates(self, z, a, prev):
        """Return the gates r and z side by side, and r * h<t-1>."""
        gates = _sigmoid(z[..., : a.shape[-1]] + a)
        return gates, gates[..., : prev[0].shape[-1]] * prev[0]

    def forward(self, z, a, prev, gates):
        """Return the new state from a, the projection of r * h<t-1>."""
        H = a.shape[-1]
        u = gates[..., H:]
        n = np.tanh(z[..., 2 * H :] + a)
        return (n + u * (prev[0] - n),), n

    def backward(self, dnew, prev, n, gates):
        """Return the derivatives by the inputs of n and z, and the direct one by h."""
        u = gates[..., n.shape[-1] :]
        dh = dnew[0]
        dn = dh * (1 - u) * (1 - n * n)
        du = dh * (prev[0] - n) * u * (1 - u)
        return dn, du, dh * u

    def gates_backward(self, dreset, prev, gates):
        """Return the derivatives by the input of r and by h<t-1>, of r * h<t-1>."""
        r = gates[..., : dreset.shape[-1]]
        return dreset * prev[0] * r * (1 - r), dreset * r


CELLS = {
    "rnn": RNN,
    "gru": GRU,
    "gru_reset_before": ResetBeforeGRU,
    "gru_update_only": UpdateOnlyGRU,
    "lstm": LSTM,
    "lstm_peephole": PeepholeLSTM,
}
