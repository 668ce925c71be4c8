"""The time loop over a packed batch, forward and backward.

By the compiled kernels where there are any, else by numpy, which is the reference. Both
directions of a layer run side by side: the caller gives the second its rows mirrored in
time.
"""

from functools import partial
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from skrnn._core import kernels
from skrnn._core.products import product

# Of each cell the number that the kernels know it by, and how many numbers a unit and
# step they keep for the way back.
COMPILED = {
    "RNN": (0, 0),
    "LSTM": (2, 5),
    "PeepholeLSTM": (3, 5),
    "GRU": (4, 4),
    "ResetBeforeGRU": (5, 4),
    "UpdateOnlyGRU": (6, 2),
}


def forward(cell, z, U, w, sizes, state=None, *, rows=None, keep=True, n_threads=1):
    """Run a cell through all steps of a packed batch.

    Parameters
    ----------
    cell : cell
        One of `cells.CELLS`.
    z : ndarray of shape (D, N, G * H)
        What the inputs contribute, packed. With `rows` any number of rows.
    U : ndarray of shape (D, H, G * H)
        The recurrent weights.
    w : ndarray of shape (D, n_extra, H)
        The extra weights of the cell.
    sizes : list of T ints
        The live sequences at each step.
    state : tuple of ndarrays of shape (D, B, H), default=None
        The state before the first step; zeros where None.
    rows : ndarray of shape (D, N), default=None
        Which row of z each step takes; its own where None.
    keep : bool, default=True
        Whether to keep what `backward` needs. Where False the rows of the result do
        not depend on the other sequences in the batch, to the last bit.
    n_threads : int, default=1
        Of the kernels. It does not change a bit.

    Returns
    -------
    h : ndarray of shape (D, N, H)
        The outputs, packed.
    last : tuple of ndarrays of shape (D, B, H)
        The state after the last step of each sequence.
    tape : tuple or None
        For `backward`.
    """
    if kernels.compiled is not None and type(cell).__name__ in COMPILED:
        return _compiled_forward(cell, z, rows, U, w, sizes, state, keep, n_threads)
    if rows is not None:
        z = np.take_along_axis(z, rows[:, :, None], axis=1)
    D, N, H = z.shape[0], z.shape[1], U.shape[1]
    if state is None:
        shape = (D, sizes[0], H)
        state = tuple(np.zeros(shape, z.dtype) for _ in range(cell.n_states))
    last = tuple(s.copy() for s in state)
    h = np.empty((D, N, H), dtype=z.dtype)
    step = _step_of(cell)
    times = partial(product, steady=not keep)
    steps = []
    prev, start = state, 0
    for n in sizes:
        prev = tuple(p[:, :n] for p in prev)
        new, saved = step(cell, z[:, start : start + n], U, w, prev, times)
        h[:, start : start + n] = new[0]
        for whole, part in zip(last, new, strict=True):
            whole[:, :n] = part
        if keep:
            steps.append((prev, saved))
        prev = new
        start += n
    return h, last, (h, state[0], sizes, steps) if keep else None


def backward(
    cell, dh, tape, U, w, dU, dw, dlast=None, *, db=None, to_first=True, n_threads=1
):
    """Run back through all steps; add to the derivatives by U, w and a bias.

    Parameters
    ----------
    cell, U, w
        As in `forward`.
    dh : ndarray of shape (D, N, H)
        The derivative of the loss by each output.
    tape : tuple
        What `forward` returned.
    dU, dw : ndarrays of the shapes of U and w
        Added to.
    dlast : tuple of ndarrays of shape (D, B, H), default=None
        The derivative by the state after the last step; zeros where None.
    db : ndarray of shape (D, G * H), default=None
        Added to, if given: the sum of dz.
    to_first : bool, default=True
        Whether the derivative by the first state is wanted.
    n_threads : int, default=1
        As in `forward`.

    Returns
    -------
    dz : ndarray of shape (D, N, G * H)
        The derivative by z.
    dstate : tuple of ndarrays of shape (D, B, H)
        The derivative by the state before the first step; None where not wanted.
    """
    if isinstance(tape, _Tape):
        return _compiled_backward(
            cell, dh, tape, U, w, dU, dw, dlast, db, to_first, n_threads
        )
    h, first, sizes, steps = tape
    D, N, _ = h.shape
    if dlast is None:
        dlast = (np.zeros_like(first),) * cell.n_states
    carry = tuple(d.copy() for d in dlast)
    dz = np.empty((D, N, U.shape[2]), dtype=h.dtype)
    UT = np.ascontiguousarray(U.transpose(0, 2, 1))
    back, add_weights = _back_of(cell)
    das = []
    start = N
    for n, (prev, saved) in zip(reversed(sizes), reversed(steps), strict=True):
        start -= n
        live = tuple(c[:, :n] for c in carry)
        dnew = (live[0] + dh[:, start : start + n], *live[1:])
        dz[:, start : start + n], da, dprev = back(cell, dnew, prev, saved, UT, w, dw)
        das.append(da)
        for into, value in zip(live, dprev, strict=True):
            into[...] = value
    add_weights(das, dz, tape, dU)
    if db is not None:
        db += dz.sum(axis=1)
    return dz, carry if to_first else None


# --- by the kernels -------------------------------------------------------------------


class _Tape(NamedTuple):
    """What the kernels need on the way back."""

    h: np.ndarray  # shape (D, N, H)
    saved: np.ndarray | None  # shape (D, N, n_slots * H)
    state: tuple  # before the first step
    sizes: np.ndarray


def _code(cell):
    """Return the kernels' number of a cell, and what they keep of it."""
    code, n_slots = COMPILED[type(cell).__name__]
    is_relu = getattr(cell, "activation", None) == "relu"
    return code + is_relu, n_slots


def _compiled_forward(cell, z, rows, U, w, sizes, state, keep, n_threads):
    code, n_slots = _code(cell)
    D, N = z.shape[:2] if rows is None else rows.shape
    H = U.shape[1]
    sizes = np.array(sizes, dtype=np.int64)
    h = np.empty((D, N, H), dtype=z.dtype)
    last = tuple(np.empty((D, sizes[0], H), z.dtype) for _ in range(cell.n_states))
    saved = None
    if keep and n_slots:
        saved = np.empty((D, N, n_slots * H), dtype=z.dtype)
    h_first, c_first = (*(state or ()), None, None)[:2]
    h_last, c_last = (*last, None)[:2]
    kernels.compiled.forward(
        code,
        z,
        rows,
        U,
        w,
        sizes,
        h_first,
        c_first,
        h,
        h_last,
        c_last,
        saved,
        n_threads,
    )
    return h, last, _Tape(h, saved, (h_first, c_first), sizes) if keep else None


def _compiled_backward(cell, dh, tape, U, w, dU, dw, dlast, db, to_first, n_threads):
    code, _ = _code(cell)
    h, saved, (h_first, c_first), sizes = tape
    if dlast is None:
        shape = h.shape[0], sizes[0], h.shape[2]
        carry = tuple(np.zeros(shape, dtype=h.dtype) for _ in range(cell.n_states))
    else:
        carry = tuple(np.array(d, order="C") for d in dlast)
    dz = np.empty((*h.shape[:2], U.shape[2]), dtype=h.dtype)
    dh_first, dc_first = (*carry, None)[:2]
    kernels.compiled.backward(
        code,
        dh,
        h,
        saved,
        h_first,
        c_first,
        U,
        w,
        sizes,
        dz,
        dU,
        dw,
        db,
        dh_first,
        dc_first,
        to_first,
        n_threads,
    )
    return dz, carry if to_first else None


# --- cells with one product a step ----------------------------------------------------


def _step(cell, z, U, w, prev, times):
    return cell.forward(z, times(prev[0], U), prev, w)


def _back(cell, dnew, prev, saved, UT, w, dw):
    dz, da, dprev = cell.backward(dnew, prev, saved, w, dw)
    dh = np.matmul(da, UT)
    if dprev[0] is not None:
        dh += dprev[0]
    return dz, None if da is dz else da, (dh, *dprev[1:])


def _add_weights(das, dz, tape, dU):
    """Add h<t-1>.T @ da, summed over all steps in one product."""
    h, first, sizes, _ = tape
    da = dz if das[0] is None else np.concatenate(das[::-1], axis=1)
    dU += np.matmul(_before(h, first, sizes).transpose(0, 2, 1), da)


def _before(h, first, sizes):
    """Return h of the step before for every row, packed like h."""
    before = np.empty_like(h)
    before[:, : sizes[0]] = first
    start = 0
    for n, live in pairwise(sizes):
        before[:, start + n : start + n + live] = h[:, start : start + live]
        start += n
    return before


# --- the GRU with a second product ----------------------------------------------------


def _step_two_products(cell, z, U, w, prev, times):
    H = U.shape[1]
    gates, reset = cell.gates(z, times(prev[0], U[..., : 2 * H]), prev)
    new, n = cell.forward(z, times(reset, U[..., 2 * H :]), prev, gates)
    return new, (gates, reset, n)


def _back_two_products(cell, dnew, prev, saved, UT, w, dw):
    gates, reset, n = saved
    H = n.shape[-1]
    dn, du, direct = cell.backward(dnew, prev, n, gates)
    dr, dprev = cell.gates_backward(np.matmul(dn, UT[:, 2 * H :]), prev, gates)
    dz = np.concatenate([dr, du, dn], axis=-1)
    dprev += direct
    dprev += np.matmul(dz[..., : 2 * H], UT[:, : 2 * H])
    return dz, reset, (dprev,)


def _add_weights_two_products(resets, dz, tape, dU):
    h, first, sizes, _ = tape
    H = h.shape[-1]
    before = _before(h, first, sizes).transpose(0, 2, 1)
    reset = np.concatenate(resets[::-1], axis=1).transpose(0, 2, 1)
    dU[..., : 2 * H] += np.matmul(before, dz[..., : 2 * H])
    dU[..., 2 * H :] += np.matmul(reset, dz[..., 2 * H :])


def _step_of(cell):
    return _step_two_products if hasattr(cell, "two_products") else _step


def _back_of(cell):
    if hasattr(cell, "two_products"):
        return _back_two_products, _add_weights_two_products
    return _back, _add_weights
