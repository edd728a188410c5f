"""Scratch memory of the CPU kernels: the points at hand as vectors of channels, (v, t, lane).

Indices: b field, k direction, p point, t place in the chunk, v vector, n state, w channel.
"""

# Numba itself passes an intrinsic its first argument, the typing context.
# pyright: reportCallIssue=false

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy import ndarray

from mamba_diffae.scan.simd import LANES, load, splat, store

T = 32  # points of a chunk, and between two kept states
LOG2_E = np.float32(1.4426950408889634)
ZERO = np.float32(0)
ONE = np.float32(1)


class Place(NamedTuple):
    """Where the work is: channels c0 .. c0 + width of field b, `rows` points from t0 in order k."""

    b: int
    block: int
    c0: int
    width: int
    k: int
    t0: int
    rows: int


class Chunk(NamedTuple):
    """The points of one place, copied together."""

    point: ndarray  # (T,)
    decay_step: ndarray  # (T,) what scales dt in the decay
    input_step: ndarray  # (T,) what scales dt in the input
    B: ndarray  # (N, T)
    C: ndarray  # (N, T)
    x: ndarray  # (V, T, LANES), like all that follow
    dt: ndarray
    delta: ndarray  # dt * decay_step
    u: ndarray  # dt * input_step * x


class Adjoint(NamedTuple):
    """Scratch of the backward pass beside the chunk."""

    dy: ndarray  # (V, T, LANES)
    du: ndarray  # (V, T, LANES) ∂loss/∂u
    ddelta: ndarray  # (V, T, LANES) ∂loss/∂delta, in units of log 2
    h: ndarray  # (V, N, LANES) state that enters the chunk
    g: ndarray  # (V, N, LANES) ∂loss/∂(state that leaves it)
    dA: ndarray  # (V, N, LANES)
    dB: ndarray  # (N, T, LANES) not yet summed over lanes
    dC: ndarray  # (N, T, LANES)
    entering: ndarray  # (T, LANES) state before each point
    decay: ndarray  # (T, LANES)


@njit
def read_chunk(inputs, at, chunk):
    """Copy the points of a place and form delta and u."""
    b, k = at.b, at.k
    x, dt = inputs.x[b], inputs.dt[b, k % inputs.dt.shape[1]]
    B, C = inputs.B[b, k % inputs.B.shape[1]], inputs.C[b, k % inputs.C.shape[1]]
    step = inputs.step[b % inputs.step.shape[0], k % inputs.step.shape[1]]
    order = inputs.order[b % inputs.order.shape[0], k]
    for t in range(at.rows):
        p = order[at.t0 + t]
        chunk.point[t] = p
        chunk.decay_step[t] = step[p]
        chunk.input_step[t] = step[p] if inputs.step_input else ONE
        read(x, p, at, chunk.x, t)
        read(dt, p, at, chunk.dt, t)
        for n in range(B.shape[1]):
            chunk.B[n, t] = B[p, n]
            chunk.C[n, t] = C[p, n]
    for v in range(-(-at.width // LANES)):
        for t in range(at.rows):
            i = (v, t, 0)
            dt_t = load(chunk.dt, i)
            store(chunk.delta, i, dt_t * splat(chunk.decay_step[t]))
            store(chunk.u, i, dt_t * load(chunk.x, i) * splat(chunk.input_step[t]))


@njit(forceinline=True)
def read_rates(A, c0, width, rates):
    """rates[v, n] = A of the block times log2(e), so that decay = 2**(delta * rate)."""
    rates[:] = ZERO
    for w in range(width):
        for n in range(A.shape[1]):
            rates[w // LANES, n, w % LANES] = A[c0 + w, n] * LOG2_E


@njit(forceinline=True)
def read(matrix, row, at, vectors, t):
    """vectors[:, t] = the block's channels of a row, zero in the lanes beyond."""
    full = at.width // LANES
    for v in range(full):
        store(vectors, (v, t, 0), load(matrix, (row, at.c0 + v * LANES)))
    if full * LANES < at.width:
        store(vectors, (full, t, 0), splat(ZERO))
        for w in range(full * LANES, at.width):
            vectors[full, t, w - full * LANES] = matrix[row, at.c0 + w]


@njit(forceinline=True)
def write(vectors, t, matrix, row, at):
    """The block's channels of a row = vectors[:, t]."""
    full = at.width // LANES
    for v in range(full):
        store(matrix, (row, at.c0 + v * LANES), load(vectors, (v, t, 0)))
    for w in range(full * LANES, at.width):
        matrix[row, at.c0 + w] = vectors[full, t, w - full * LANES]


@njit(forceinline=True)
def add(vectors, t, matrix, row, at):
    """The block's channels of a row += vectors[:, t]."""
    full = at.width // LANES
    for v in range(full):
        i = (row, at.c0 + v * LANES)
        store(matrix, i, load(matrix, i) + load(vectors, (v, t, 0)))
    for w in range(full * LANES, at.width):
        matrix[row, at.c0 + w] += vectors[full, t, w - full * LANES]


@njit(forceinline=True)
def vectors(rows, columns):
    """Zeros, (rows, columns, LANES)."""
    return np.zeros((rows, columns, LANES), np.float32)


@njit(forceinline=True)
def new_chunk(V, N):
    """Room for T points of V vectors and N states."""
    return Chunk(
        np.zeros(T, np.int64),
        np.zeros(T, np.float32),
        np.zeros(T, np.float32),
        np.zeros((N, T), np.float32),
        np.zeros((N, T), np.float32),
        vectors(V, T),
        vectors(V, T),
        vectors(V, T),
        vectors(V, T),
    )


@njit(forceinline=True)
def new_adjoint(V, N):
    """Room for the backward pass over V vectors and N states."""
    return Adjoint(
        vectors(V, T),
        vectors(V, T),
        vectors(V, T),
        vectors(V, N),
        vectors(V, N),
        vectors(V, N),
        vectors(N, T),
        vectors(N, T),
        np.zeros((T, LANES), np.float32),
        np.zeros((T, LANES), np.float32),
    )
