"""The selective scan and its gradient in Numba, vectors over channels; called by `cpu`.

One task is a field and a block of channels. It owns all K directions, so y and dx add up without
locks and always in the same order; the points of a direction are read where they lie. T points at
a time are copied into a scratch of vectors, (vector, point, lane), which stays in the first-level
cache while the states pass over it one by one. The state that enters every T-th point is kept; the
backward pass starts from it and computes the T states between anew.

Indices: b field, k direction, c0 first channel of the block, v vector, n state, t place in the
scratch, p point. Tensors whose last axis is read in vectors come as matrices, one row a point.
"""

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy import ndarray

from mamba_diffae.scan.simd import LANES, exp2, fma, lane_sum, load, splat, store

T = 16
CACHED_VECTORS = 64 // LANES  # vectors whose backward scratch fits the first-level cache
LOG2_E = np.float32(1.4426950408889634)
LN_2 = np.float32(0.6931471805599453)
ONE = np.float32(1)


class Inputs(NamedTuple):
    """The arguments of the scan; an axis of size 1 is shared by all fields or directions."""

    x: ndarray  # (B * L, D)
    dt: ndarray  # (B * K|1 * L, D)
    A: ndarray  # (K|1, D, N)
    B: ndarray  # (B, K|1, L, N)
    C: ndarray  # (B, K|1, L, N)
    step: ndarray  # (B|1, K|1, L)
    order: ndarray  # (B|1, K, L) int64
    step_input: bool


class Gradients(NamedTuple):
    """Where the backward pass adds its results; the first axes are left to be summed."""

    dx: ndarray  # (B * L, D)
    ddt: ndarray  # (B * K|1 * L, D)
    dA: ndarray  # (B, K|1, D, N)
    dB: ndarray  # (blocks, B, K|1, L, N)
    dC: ndarray  # (blocks, B, K|1, L, N)
    dD: ndarray  # (B, D)
    dstep: ndarray  # (blocks, B, K|1, L)


class Chunk(NamedTuple):
    """T points of one direction, copied together."""

    point: ndarray  # (T,) index of each point
    row: ndarray  # (T,) its row in x
    dt_row: ndarray  # (T,) its row in dt
    decay_step: ndarray  # (T,) what scales dt in the decay
    input_step: ndarray  # (T,) what scales dt in the input
    B: ndarray  # (N, T)
    C: ndarray  # (N, T)
    x: ndarray  # (V, T, LANES), like all that follow
    dt: ndarray
    delta: ndarray  # dt * decay_step
    u: ndarray  # dt * input_step * x


@njit(forceinline=True)
def _new_chunk(V, N):
    return Chunk(
        np.zeros(T, np.int64),
        np.zeros(T, np.int64),
        np.zeros(T, np.int64),
        np.zeros(T, np.float32),
        np.zeros(T, np.float32),
        np.zeros((N, T), np.float32),
        np.zeros((N, T), np.float32),
        np.zeros((V, T, LANES), np.float32),
        np.zeros((V, T, LANES), np.float32),
        np.zeros((V, T, LANES), np.float32),
        np.zeros((V, T, LANES), np.float32),
    )


@njit(forceinline=True)
def _read(matrix, row, c0, width, scratch, t):
    """scratch[:, t] = matrix[row, c0 : c0 + width], the lanes beyond set to zero."""
    full = width // LANES
    for v in range(full):
        store(scratch, (v, t, 0), load(matrix, (row, c0 + v * LANES)))
    if full * LANES < width:
        store(scratch, (full, t, 0), splat(np.float32(0)))
        for w in range(full * LANES, width):
            scratch[full, t, w - full * LANES] = matrix[row, c0 + w]


@njit(forceinline=True)
def _write(scratch, t, matrix, row, c0, width):
    """matrix[row, c0 : c0 + width] = scratch[:, t]."""
    full = width // LANES
    for v in range(full):
        store(matrix, (row, c0 + v * LANES), load(scratch, (v, t, 0)))
    for w in range(full * LANES, width):
        matrix[row, c0 + w] = scratch[full, t, w - full * LANES]


@njit(forceinline=True)
def _add(scratch, t, matrix, row, c0, width):
    """matrix[row, c0 : c0 + width] += scratch[:, t]."""
    full = width // LANES
    for v in range(full):
        index = (row, c0 + v * LANES)
        store(matrix, index, load(matrix, index) + load(scratch, (v, t, 0)))
    for w in range(full * LANES, width):
        matrix[row, c0 + w] += scratch[full, t, w - full * LANES]


@njit(forceinline=True)
def _read_rates(A, k, c0, width, rates):
    """rates[v, n] = A of the block in units of log 2, so that decay = 2**(delta * rate)."""
    rates[:] = 0
    for w in range(width):
        for n in range(A.shape[2]):
            rates[w // LANES, n, w % LANES] = A[k % A.shape[0], c0 + w, n] * LOG2_E


@njit
def _read_chunk(inputs, b, k, c0, width, t0, rows, chunk):
    """Copy the points t0 .. t0 + rows of direction k and form delta and u."""
    length = inputs.step.shape[2]
    dt_row0 = (b * (inputs.dt.shape[0] * length // inputs.x.shape[0] // length)) * length
    for t in range(rows):
        p = inputs.order[b % inputs.order.shape[0], k, t0 + t]
        chunk.point[t] = p
    return dt_row0
