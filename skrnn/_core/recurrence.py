"""The time loop over a packed batch, forward and backward.

The compiled kernels run it for the cells that they have; otherwise numpy does, which is
the reference. Both directions of a layer run side by side: the caller mirrors the rows
of the second one in time.
"""

from functools import partial
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from skrnn._core import kernels
from skrnn._core.products import product


class KernelTape(NamedTuple):
    """Values saved for the backward pass by the kernels."""

    h: np.ndarray  # shape (D, N, H)
    saved: np.ndarray | None  # shape (D, N, n_slots * H)
    state: tuple  # h and c before the first step; None: zeros
    sizes: np.ndarray


class Tape(NamedTuple):
    """Values saved for the backward pass by numpy."""

    h: np.ndarray  # shape (D, N, H)
    h_first: np.ndarray  # before the first step
    sizes: list
    steps: list  # the previous state and the values saved by the cell, for each step


def forward(
    cell,
    z,
    U,
    w,
    sizes,
    state=None,
    *,
    rows=None,
    keep=True,
    batch_invariant=False,
    n_threads=1,
):
    """Run a cell through all steps of a packed batch.

    Parameters
    ----------
    cell : cell
        One of `cells.CELLS`.
    z : ndarray of shape (D, N, G * H)
        The input projections, packed. With `rows` any number of rows.
    U : ndarray of shape (D, H, G * H)
        The recurrent weights.
    w : ndarray of shape (D, n_extra, H)
        The extra weights of the cell.
    sizes : list of T ints
        The number of live sequences at each step.
    state : tuple of ndarrays of shape (D, B, H), default=None
        The state before the first step; zeros if None.
    rows : ndarray of shape (D, N), default=None
        The row of z that each step uses; step i uses row i if None.
    keep : bool, default=True
        Whether to return a tape for `backward`.
    batch_invariant : bool, default=False
        Whether the bits of each row must not depend on the other sequences in the
        batch. Those of the kernels never do.
    n_threads : int, default=1
        Threads of the kernels; the result is the same to the last bit.

    Returns
    -------
    h : ndarray of shape (D, N, H)
        The outputs, packed.
    last : tuple of ndarrays of shape (D, B, H)
        The state after the last step of each sequence.
    tape : KernelTape, Tape or None
        For `backward`.
    """
    compiled = None if kernels.compiled is None else kernels.cells.get(cell.kernel)
    if compiled is None:
        return _forward_by_numpy(
            cell, z, U, w, sizes, state, rows, keep, batch_invariant
        )
    D, N = z.shape[:2] if rows is None else rows.shape
    H = U.shape[1]
    sizes = np.array(sizes, dtype=np.int64)
    h0, c0 = (*(state or ()), None, None)[:2]
    h = np.empty((D, N, H), dtype=z.dtype)
    h_last = np.empty((D, sizes[0], H), dtype=z.dtype)
    c_last = np.empty_like(h_last) if compiled.has_memory else None
    saved = None
    if keep and compiled.n_slots:
        saved = np.empty((D, N, compiled.n_slots * H), dtype=z.dtype)
    kernels.compiled.forward(
        cell=compiled.code,
        z=z,
        rows=rows,
        U=U,
        w=w,
        sizes=sizes,
        h0=h0,
        c0=c0,
        h=h,
        h_last=h_last,
        c_last=c_last,
        saved=saved,
        n_threads=n_threads,
    )
    last = (h_last,) if c_last is None else (h_last, c_last)
    return h, last, KernelTape(h, saved, (h0, c0), sizes) if keep else None


def backward(
    cell, dh, tape, U, w, dU, dw, dlast=None, *, db=None, to_first=True, n_threads=1
):
    """Run the backward pass through all steps; add to the gradients of U, w and b.

    Parameters
    ----------
    cell, U, w
        As in `forward`.
    dh : ndarray of shape (D, N, H)
        The derivative of the loss by each output.
    tape : KernelTape or Tape
        As returned by `forward`.
    dU, dw : ndarrays of the shapes of U and w
        Added to.
    dlast : tuple of ndarrays of shape (D, B, H), default=None
        The derivative by the state after the last step; zeros if None.
    db : ndarray of shape (D, G * H), default=None
        The gradient of the bias, added to if given.
    to_first : bool, default=True
        Whether to return the derivative by the initial state.
    n_threads : int, default=1
        As in `forward`.

    Returns
    -------
    dz : ndarray of shape (D, N, G * H)
        The derivative by z.
    dstate : tuple of ndarrays of shape (D, B, H)
        The derivative by the state before the first step; None unless `to_first`.
    """
    if isinstance(tape, Tape):
        return _backward_by_numpy(cell, dh, tape, U, w, dU, dw, dlast, db, to_first)
    compiled = kernels.cells[cell.kernel]
    h, saved, (h0, c0), sizes = tape
    if dlast is None:
        shape = h.shape[0], sizes[0], h.shape[2]
        carry = tuple(np.zeros(shape, dtype=h.dtype) for _ in range(cell.n_states))
    else:
        carry = tuple(np.array(d, order="C") for d in dlast)
    dh_first, dc_first = (*carry, None)[:2]
    dz = np.empty((*h.shape[:2], U.shape[2]), dtype=h.dtype)
    kernels.compiled.backward(
        cell=compiled.code,
        dh=dh,
        h=h,
        saved=saved,
        h0=h0,
        c0=c0,
        U=U,
        w=w,
        sizes=sizes,
        dz=dz,
        dU=dU,
        dw=dw,
        db=db,
        dh_first=dh_first,
        dc_first=dc_first,
        to_first=to_first,
        n_threads=n_threads,
    )
    return dz, carry if to_first else None


# --- by numpy -------------------------------------------------------------------------


def _forward_by_numpy(cell, z, U, w, sizes, state, rows, keep, batch_invariant):
    if rows is not None:
        z = np.take_along_axis(z, rows[:, :, None], axis=1)
    D, N, H = z.shape[0], z.shape[1], U.shape[1]
    if state is None:
        shape = (D, sizes[0], H)
        state = tuple(np.zeros(shape, z.dtype) for _ in range(cell.n_states))
    last = tuple(s.copy() for s in state)
    h = np.empty((D, N, H), dtype=z.dtype)
    step = _step_two_products if cell.two_products else _step
    matmul = partial(product, batch_invariant=batch_invariant)
    steps = []
    prev, start = state, 0
    for n in sizes:
        prev = tuple(p[:, :n] for p in prev)
        new, saved = step(cell, z[:, start : start + n], U, w, prev, matmul)
        h[:, start : start + n] = new[0]
        for whole, part in zip(last, new, strict=True):
            whole[:, :n] = part
        if keep:
            steps.append((prev, saved))
        prev = new
        start += n
    return h, last, Tape(h, state[0], sizes, steps) if keep else None


def _backward_by_numpy(cell, dh, tape, U, w, dU, dw, dlast, db, to_first):
    h, first, sizes, steps = tape
    D, N, _ = h.shape
    if dlast is None:
        dlast = (np.zeros_like(first),) * cell.n_states
    carry = tuple(d.copy() for d in dlast)
    dz = np.empty((D, N, U.shape[2]), dtype=h.dtype)
    UT = np.ascontiguousarray(U.transpose(0, 2, 1))
    step, add_weights = _step_backward, _add_weights
    if cell.two_products:
        step, add_weights = _step_backward_two_products, _add_weights_two_products
    kept = []
    start = N
    for n, (prev, saved) in zip(reversed(sizes), reversed(steps), strict=True):
        start -= n
        live = tuple(c[:, :n] for c in carry)
        dnew = (live[0] + dh[:, start : start + n], *live[1:])
        dz_t, kept_t, dprev = step(cell, dnew, prev, saved, UT, w, dw)
        dz[:, start : start + n] = dz_t
        kept.append(kept_t)
        for into, value in zip(live, dprev, strict=True):
            into[...] = value
    add_weights(kept, dz, tape, dU)
    if db is not None:
        db += dz.sum(axis=1)
    return dz, carry if to_first else None


# --- a step with one product ----------------------------------------------------------


def _step(cell, z, U, w, prev, matmul):
    return cell.forward(z, matmul(prev[0], U), prev, w)


def _step_backward(cell, dnew, prev, saved, UT, w, dw):
    dz, da, dprev = cell.backward(dnew, prev, saved, w, dw)
    dh = np.matmul(da, UT)
    if dprev[0] is not None:
        dh += dprev[0]
    return dz, None if da is dz else da, (dh, *dprev[1:])


def _add_weights(das, dz, tape, dU):
    """Add h<t-1>.T @ da, summed over all steps in one product."""
    h, first, sizes, _ = tape
    da = dz if das[0] is None else np.concatenate(das[::-1], axis=1)
    dU += np.matmul(_previous(h, first, sizes).transpose(0, 2, 1), da)


def _previous(h, first, sizes):
    """Return the h of the step before each row, packed like h."""
    previous = np.empty_like(h)
    previous[:, : sizes[0]] = first
    start = 0
    for n, live in pairwise(sizes):
        previous[:, start + n : start + n + live] = h[:, start : start + live]
        start += n
    return previous


# --- a step with two products ---------------------------------------------------------


def _step_two_products(cell, z, U, w, prev, matmul):
    H = U.shape[1]
    gates, reset = cell.gates(z, matmul(prev[0], U[..., : 2 * H]), prev)
    new, n = cell.forward(z, matmul(reset, U[..., 2 * H :]), prev, gates)
    return new, (gates, reset, n)


def _step_backward_two_products(cell, dnew, prev, saved, UT, w, dw):
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
    previous = _previous(h, first, sizes).transpose(0, 2, 1)
    reset = np.concatenate(resets[::-1], axis=1).transpose(0, 2, 1)
    dU[..., : 2 * H] += np.matmul(previous, dz[..., : 2 * H])
    dU[..., 2 * H :] += np.matmul(reset, dz[..., 2 * H :])
