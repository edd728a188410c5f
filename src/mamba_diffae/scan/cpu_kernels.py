"""The selective scan and its gradient in Numba, in vectors of channels; called by `cpu`.

One task is a field and a block of channels. It owns all K directions, so y and dx add up without
locks and in the same order every time; the points of a direction are read where they lie. T points
at a time are copied into a scratch of vectors, which stays in the first-level cache while the
states pass over it one by one. The state that enters every T-th point is kept; the backward pass
starts from it and computes the T states between anew.

The compile cache watches this file only, so a test holds it to name the files it is made of:
sources ca5edcfdd34c.
"""

# Numba itself passes an intrinsic its first argument, the typing context.
# pyright: reportCallIssue=false

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy import ndarray

from mamba_diffae.scan.cpu_adjoint import backward_chunk
from mamba_diffae.scan.cpu_scratch import (
    COLUMN,
    DDELTA,
    DELTA,
    DT,
    DU,
    DY,
    OUT,
    ZERO,
    Place,
    T,
    U,
    X,
    add,
    flat,
    new_adjoint,
    new_chunk,
    pair,
    read,
    read_chunk,
    read_rates,
    read_skip,
    spot,
    vectors,
    write,
)
from mamba_diffae.scan.jit import kernel
from mamba_diffae.scan.simd import LANES, exp2, fma, lane_sum, load, splat, splat_at, store

LN_2 = np.float32(0.6931471805599453)


class Arrays(NamedTuple):
    """The arguments of the scan; an axis of size 1 is shared by all fields or directions."""

    x: ndarray  # (B, L, D)
    dt: ndarray  # (B, K|1, L, D)
    A: ndarray  # (K|1, D, N)
    B: ndarray  # (B, K|1, L, N)
    C: ndarray  # (B, K|1, L, N)
    step: ndarray  # (B|1, K|1, L)
    order: ndarray  # (B|1, K, L) int64
    D: ndarray  # (D,), or (0,) without
    step_input: bool


class Gradients(NamedTuple):
    """What the backward pass adds to; axes in front of those of the inputs remain to be summed."""

    dx: ndarray  # (B, L, D)
    ddt: ndarray  # (B, K|1, L, D)
    dA: ndarray  # (B, K|1, D, N)
    dB: ndarray  # (blocks, B, K|1, L, N)
    dC: ndarray  # (blocks, B, K|1, L, N)
    dD: ndarray  # (B, D)
    dstep: ndarray  # (blocks, B, K|1, L)


@kernel
def forward(first, last, block_width, inputs, y, states):
    """Add sum_k C · h to y (B, L, D): the tasks first .. last, `block_width` channels each.

    states (B, K, kept, N, D) receives the state that enters every T-th point, unless kept = 0.
    """
    length, channels = inputs.x.shape[1:]
    K, N = inputs.order.shape[1], inputs.A.shape[2]
    blocks, V = -(-channels // block_width), -(-block_width // LANES)
    chunk = new_chunk(V, N)
    h, rates = vectors(V * N), vectors(V * N)
    skip = vectors(V)
    for task in range(first, last):
        b, block = task // blocks, task % blocks
        c0 = block * block_width
        width = min(block_width, channels - c0)
        row = Place(b, block, c0, width, 0, 0, 1)
        read_skip(inputs.D, row, skip)
        _start_output(inputs.x[b], skip, chunk.points, row, y[b])
        for k in range(K):
            read_rates(inputs.A[k % inputs.A.shape[0]], c0, width, rates)
            h[:] = ZERO
            for t0 in range(0, length, T):
                at = Place(b, block, c0, width, k, t0, min(T, length - t0))
                read_chunk(inputs, at, chunk)
                if states.shape[2] > 0:
                    for n in range(N):
                        write(h, flat(n), N * LANES, states[b, k, t0 // T], n, at)
                _forward_chunk(chunk, at, rates, h, N)
                for t in range(at.rows):
                    add(chunk.points, spot(0, t, OUT), COLUMN, y[b], chunk.point[t], at)


@njit
def _start_output(x, skip, points, at, y):
    """Y = D x, from the first point to the last: that brings both near, whatever the order."""
    for p in range(x.shape[0]):
        read(x, p, at, points, spot(0, 0, X), COLUMN)
        for v in range(-(-at.width // LANES)):
            store(points, spot(v, 0, OUT), load(skip, flat(v)) * load(points, spot(v, 0, X)))
        write(points, spot(0, 0, OUT), COLUMN, y, p, at)


@njit
def _forward_chunk(chunk, at, rates, h, N):
    """Take the states h through the chunk; out[v, t] = sum_n C h."""
    points, weights = chunk.points, chunk.weights
    for v in range(-(-at.width // LANES)):
        for t in range(at.rows):
            store(points, spot(v, t, OUT), splat(ZERO))
        for n in range(N):
            rate, state = load(rates, flat(v * N + n)), load(h, flat(v * N + n))
            for t in range(at.rows):
                decay = exp2(load(points, spot(v, t, DELTA)) * rate)
                j = (n * T + t) * 2
                state = fma(decay, state, load(points, spot(v, t, U)) * splat_at(weights, (j,)))
                out = load(points, spot(v, t, OUT))
                store(points, spot(v, t, OUT), fma(splat_at(weights, (j + 1,)), state, out))
            store(h, flat(v * N + n), state)


@kernel
def backward(first, last, block_width, inputs, dy, states, gradients):
    """Add the gradients of the tasks first .. last, given dy (B, L, D) and the states kept."""
    length, channels = inputs.x.shape[1:]
    K, N = inputs.order.shape[1], inputs.A.shape[2]
    blocks, V = -(-channels // block_width), -(-block_width // LANES)
    chunk, adjoint, rates = new_chunk(V, N), new_adjoint(V, N), vectors(V * N)
    skip = vectors(V)
    for task in range(first, last):
        b, block = task // blocks, task % blocks
        c0 = block * block_width
        width = min(block_width, channels - c0)
        row = Place(b, block, c0, width, 0, 0, 1)
        read_skip(inputs.D, row, skip)
        _start_gradients(inputs.x[b], dy[b], skip, chunk.points, row, gradients)
        for k in range(K):
            read_rates(inputs.A[k % inputs.A.shape[0]], c0, width, rates)
            adjoint.g[:] = ZERO
            adjoint.dA[:] = ZERO
            for t0 in range((length - 1) // T * T, -1, -T):
                at = Place(b, block, c0, width, k, t0, min(T, length - t0))
                read_chunk(inputs, at, chunk)
                for t in range(at.rows):
                    read(dy[b], chunk.point[t], at, chunk.points, spot(0, t, DY), COLUMN)
                for n in range(N):
                    read(states[b, k, t0 // T], n, at, adjoint.h, flat(n), N * LANES)
                backward_chunk(chunk, at, rates, adjoint, N)
                _add_point_gradients(chunk, at, adjoint, gradients, inputs.step_input)
            dA = gradients.dA[b, k % gradients.dA.shape[1]]
            for w in range(width):
                for n in range(N):
                    dA[c0 + w, n] += adjoint.dA[(w // LANES * N + n) * LANES + w % LANES]


@njit
def _start_gradients(x, dy, skip, points, at, gradients):
    """Set dx = D dy and ddt = 0, and dD = sum of dy x, from the first point to the last."""
    length, count = x.shape[0], -(-at.width // LANES)
    for t0 in range(0, length, T):
        for v in range(count):
            store(points, spot(v, 0, DDELTA), splat(ZERO))
            store(points, spot(v, 0, U), splat(ZERO))
        for p in range(t0, min(t0 + T, length)):
            read(x, p, at, points, spot(0, 0, X), COLUMN)
            read(dy, p, at, points, spot(0, 0, DY), COLUMN)
            for v in range(count):
                dy_p, dD = load(points, spot(v, 0, DY)), load(points, spot(v, 0, DDELTA))
                store(points, spot(v, 0, DU), load(skip, flat(v)) * dy_p)
                store(points, spot(v, 0, DDELTA), fma(dy_p, load(points, spot(v, 0, X)), dD))
            write(points, spot(0, 0, DU), COLUMN, gradients.dx[at.b], p, at)
            for k in range(gradients.ddt.shape[1]):
                write(points, spot(0, 0, U), COLUMN, gradients.ddt[at.b, k], p, at)
        add(points, spot(0, 0, DDELTA), COLUMN, gradients.dD, at.b, at)


@njit
def _add_point_gradients(chunk, at, adjoint, gradients, step_input):
    """Take du and ddelta back to x, dt and step, and add the chunk's gradients to its points."""
    dx, ddt = gradients.dx[at.b], gradients.ddt[at.b, at.k % gradients.ddt.shape[1]]
    dB = gradients.dB[at.block, at.b, at.k % gradients.dB.shape[2]]
    dC = gradients.dC[at.block, at.b, at.k % gradients.dC.shape[2]]
    dstep = gradients.dstep[at.block, at.b, at.k % gradients.dstep.shape[2]]
    points = chunk.points
    for t in range(at.rows):
        p = chunk.point[t]
        dstep_t = splat(ZERO)
        for v in range(-(-at.width // LANES)):
            dt, x = load(points, spot(v, t, DT)), load(points, spot(v, t, X))
            ddelta = load(points, spot(v, t, DDELTA)) * splat(LN_2)
            du = load(points, spot(v, t, DU))
            dstep_t = fma(dt, ddelta, dstep_t)
            if step_input:
                dstep_t = fma(dt, du * x, dstep_t)
            du = du * splat_at(chunk.input_step, (t,))
            store(points, spot(v, t, DU), du * dt)
            ddelta = fma(ddelta, splat_at(chunk.decay_step, (t,)), du * x)
            store(points, spot(v, t, DDELTA), ddelta)
        add(points, spot(0, t, DU), COLUMN, dx, p, at)
        add(points, spot(0, t, DDELTA), COLUMN, ddt, p, at)
        dstep[p] += lane_sum(dstep_t)
        for n in range(dB.shape[1]):
            dB[p, n] += lane_sum(load(adjoint.weights, pair(n * T + t, 0)))
            dC[p, n] += lane_sum(load(adjoint.weights, pair(n * T + t, 1)))
