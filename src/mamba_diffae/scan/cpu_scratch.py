"""Scratch memory of the CPU kernels: the points at hand as vectors of channels, (v, t, lane).

Indices: b field, k direction, p point, t place in the chunk, v vector, n state, w channel.
"""

# Numba itself passes an intrinsic its first argument, the typing context.
# pyright: reportCallIssue=false

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy import ndarray

from mamba_diffae.scan.simd import LANES, load, splat, splat_at, store

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
    weights: ndarray  # (N, T, 2) B and C
    points: ndarray  # (V, T, FIELDS, LANES), see `spot`


class Adjoint(NamedTuple):
    """Scratch of the backward pass beside the chunk."""

    h: ndarray  # (V, N, LANES) state that enters the chunk
    g: ndarray  # (V, N, LANES) ∂loss/∂(state that leaves it)
    dA: ndarray  # (V, N, LANES)
    weights: ndarray  # (N, T, 2, LANES) dB and dC, not yet summed over lanes
    history: ndarray  # (T, 2, 2, LANES) of two states, decay and state before each point


# What is kept of a point lies together, so that a loop over points has one address: x, dt,
# delta = dt * decay_step, u = dt * input_step * x, output or its gradient, ∂loss/∂u, and
# ∂loss/∂delta in units of log 2.
X, DT, DELTA, U, OUT, DU, DDELTA = range(7)
DY, FIELDS = OUT, 7
COLUMN = T * FIELDS * LANES  # from a vector of a point to its next


@njit(forceinline=True)
def spot(v, t, field):
    """Where vector v of a field of the point at t starts in `Chunk.points`."""
    return (((v * T + t) * FIELDS + field) * LANES,)


@njit(forceinline=True)
def pair(row, which):
    """Where one of two vectors of a row starts."""
    return ((row * 2 + which) * LANES,)


@njit(forceinline=True)
def flat(i):
    """Where vector i starts."""
    return (i * LANES,)


@njit
def read_chunk(inputs, at, chunk):
    """Copy the points of a place and form delta and u."""
    b, k = at.b, at.k
    x, dt = inputs.x[b], inputs.dt[b, k % inputs.dt.shape[1]]
    B, C = inputs.B[b, k % inputs.B.shape[1]], inputs.C[b, k % inputs.C.shape[1]]
    step = inputs.step[b % inputs.step.shape[0], k % inputs.step.shape[1]]
    order = inputs.order[b % inputs.order.shape[0], k]
    points, count = chunk.points, -(-at.width // LANES)
    for t in range(at.rows):
        p = order[at.t0 + t]
        chunk.point[t] = p
        chunk.decay_step[t] = step[p]
        chunk.input_step[t] = step[p] if inputs.step_input else ONE
        for n in range(B.shape[1]):
            chunk.weights[(n * T + t) * 2] = B[p, n]
            chunk.weights[(n * T + t) * 2 + 1] = C[p, n]
        read(x, p, at, points, spot(0, t, X), COLUMN)
        read(dt, p, at, points, spot(0, t, DT), COLUMN)
        decay_step, input_step = splat_at(chunk.decay_step, (t,)), splat_at(chunk.input_step, (t,))
        for v in range(count):
            dt_t = load(points, spot(v, t, DT))
            store(points, spot(v, t, DELTA), dt_t * decay_step)
            store(points, spot(v, t, U), dt_t * load(points, spot(v, t, X)) * input_step)


@njit(forceinline=True)
def read_rates(A, c0, width, rates):
    """rates[v, n] = A of the block times log2(e), so that decay = 2**(delta * rate)."""
    rates[:] = ZERO
    N = A.shape[1]
    for w in range(width):
        for n in range(N):
            rates[(w // LANES * N + n) * LANES + w % LANES] = A[c0 + w, n] * LOG2_E


@njit(forceinline=True)
def read_skip(D, at, skip):
    """skip[v] = D of the block; zero without D, which has no channels then."""
    skip[:] = ZERO
    for w in range(min(at.width, D.shape[0])):
        skip[w] = D[at.c0 + w]


@njit(forceinline=True)
def read(matrix, row, at, vectors, first, stride):
    """The vectors at first, first + stride, ... = the block's channels of a row, zero beyond."""
    full = at.width // LANES
    for v in range(full):
        store(vectors, (first[0] + v * stride,), load(matrix, (row, at.c0 + v * LANES)))
    if full * LANES < at.width:
        i = first[0] + full * stride
        store(vectors, (i,), splat(ZERO))
        for w in range(full * LANES, at.width):
            vectors[i + w - full * LANES] = matrix[row, at.c0 + w]


@njit(forceinline=True)
def write(vectors, first, stride, matrix, row, at):
    """The block's channels of a row = the vectors at first, first + stride, ..."""
    full = at.width // LANES
    for v in range(full):
        store(matrix, (row, at.c0 + v * LANES), load(vectors, (first[0] + v * stride,)))
    for w in range(full * LANES, at.width):
        matrix[row, at.c0 + w] = vectors[first[0] + full * stride + w - full * LANES]


@njit(forceinline=True)
def add(vectors, first, stride, matrix, row, at):
    """The block's channels of a row += the vectors at first, first + stride, ..."""
    full = at.width // LANES
    for v in range(full):
        i = (row, at.c0 + v * LANES)
        store(matrix, i, load(matrix, i) + load(vectors, (first[0] + v * stride,)))
    for w in range(full * LANES, at.width):
        matrix[row, at.c0 + w] += vectors[first[0] + full * stride + w - full * LANES]


@njit(forceinline=True)
def vectors(number):
    """Zeros for a number of vectors, flat, each in one cache line if it has 64 bytes."""
    count = number * LANES
    room = np.zeros(count + LANES, np.float32)
    first = -(room.ctypes.data // 4) % LANES
    return room[first : first + count]


@njit(forceinline=True)
def new_chunk(V, N):
    """Room for T points of V vectors and N states."""
    return Chunk(
        np.zeros(T, np.int64),
        np.zeros(T, np.float32),
        np.zeros(T, np.float32),
        np.zeros(N * T * 2, np.float32),
        vectors(V * T * FIELDS),
    )


@njit(forceinline=True)
def new_adjoint(V, N):
    """Room for the backward pass over V vectors and N states."""
    return Adjoint(
        vectors(V * N),
        vectors(V * N),
        vectors(V * N),
        vectors(N * T * 2),
        vectors(T * 4),
    )
