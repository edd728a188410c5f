"""The selective scan and its gradient in Numba, in vectors of channels; called by `cpu`.

One task is a field and a block of channels. It owns all K directions, so y and dx add up without
locks and in the same order every time; the points of a direction are read where they lie. T points
at a time are copied into a scratch of vectors, which stays in the first-level cache while the
states pass over it one by one. The state that enters every T-th point is kept; the backward pass
starts from it and computes the T states between anew.

The compile cache watches this file only, so a test holds it to name the files it is made of:
sources 1504f884f15b.
"""

# Numba itself passes an intrinsic its first argument, the typing context.
# pyright: reportCallIssue=false

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy import ndarray

from mamba_diffae.scan.cpu_scratch import (
    ZERO,
    Place,
    T,
    add,
    new_adjoint,
    new_chunk,
    read,
    read_chunk,
    read_rates,
    vectors,
    write,
)
from mamba_diffae.scan.jit import kernel
from mamba_diffae.scan.simd import LANES, exp2, fma, lane_sum, load, splat, store

NEAR = 128 // LANES  # vectors whose backward scratch stays in the first-level cache
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
    chunk, out = new_chunk(V, N), vectors(V, T)
    h, rates = vectors(V, N), vectors(V, N)
    for task in range(first, last):
        b, block = task // blocks, task % blocks
        c0 = block * block_width
        width = min(block_width, channels - c0)
        for k in range(K):
            read_rates(inputs.A[k % inputs.A.shape[0]], c0, width, rates)
            h[:] = ZERO
            for t0 in range(0, length, T):
                at = Place(b, block, c0, width, k, t0, min(T, length - t0))
                read_chunk(inputs, at, chunk)
                if states.shape[2] > 0:
                    for n in range(N):
                        write(h, n, states[b, k, t0 // T], n, at)
                _forward_chunk(chunk, at, rates, h, out)
                for t in range(at.rows):
                    add(out, t, y[b], chunk.point[t], at)


@njit
def _forward_chunk(chunk, at, rates, h, out):
    """Take the states h through the chunk; out[v, t] = sum_n C h."""
    out[:] = ZERO
    for v in range(-(-at.width // LANES)):
        for n in range(rates.shape[1]):
            rate, state = load(rates, (v, n, 0)), load(h, (v, n, 0))
            for t in range(at.rows):
                i = (v, t, 0)
                decay = exp2(load(chunk.delta, i) * rate)
                state = fma(decay, state, load(chunk.u, i) * splat(chunk.B[n, t]))
                store(out, i, fma(splat(chunk.C[n, t]), state, load(out, i)))
            store(h, (v, n, 0), state)


@kernel
def backward(first, last, block_width, inputs, dy, states, gradients):
    """Add the gradients of the tasks first .. last, given dy (B, L, D) and the states kept."""
    length, channels = inputs.x.shape[1:]
    K, N = inputs.order.shape[1], inputs.A.shape[2]
    blocks, V = -(-channels // block_width), -(-block_width // LANES)
    chunk, adjoint, rates = new_chunk(V, N), new_adjoint(V, N), vectors(V, N)
    for task in range(first, last):
        b, block = task // blocks, task % blocks
        c0 = block * block_width
        width = min(block_width, channels - c0)
        for k in range(K):
            read_rates(inputs.A[k % inputs.A.shape[0]], c0, width, rates)
            adjoint.g[:] = ZERO
            adjoint.dA[:] = ZERO
            for t0 in range((length - 1) // T * T, -1, -T):
                at = Place(b, block, c0, width, k, t0, min(T, length - t0))
                read_chunk(inputs, at, chunk)
                for t in range(at.rows):
                    read(dy[b], chunk.point[t], at, adjoint.dy, t)
                for n in range(N):
                    read(states[b, k, t0 // T], n, at, adjoint.h, n)
                _backward_chunk(chunk, at, rates, adjoint)
                _add_point_gradients(chunk, at, adjoint, gradients, inputs.step_input)
            dA = gradients.dA[b, k % gradients.dA.shape[1]]
            for w in range(width):
                for n in range(N):
                    dA[c0 + w, n] += adjoint.dA[w // LANES, n, w % LANES]


@njit
def _backward_chunk(chunk, at, rates, adjoint):
    """The chunk's states once more, then the gradients of its points in reversed time."""
    count = -(-at.width // LANES)
    adjoint.du[:] = ZERO
    adjoint.ddelta[:] = ZERO
    adjoint.dB[:] = ZERO
    adjoint.dC[:] = ZERO
    for v0 in range(0, count, NEAR):
        for n in range(rates.shape[1]):
            for v in range(v0, min(v0 + NEAR, count)):
                rate, state = load(rates, (v, n, 0)), load(adjoint.h, (v, n, 0))
                for t in range(at.rows):
                    decay = exp2(load(chunk.delta, (v, t, 0)) * rate)
                    store(adjoint.decay, (t, 0), decay)
                    store(adjoint.entering, (t, 0), state)
                    state = fma(decay, state, load(chunk.u, (v, t, 0)) * splat(chunk.B[n, t]))
                g, dA = load(adjoint.g, (v, n, 0)), splat(ZERO)
                for t in range(at.rows - 1, -1, -1):
                    i, j = (v, t, 0), (n, t, 0)
                    dy = load(adjoint.dy, i)
                    g = fma(splat(chunk.C[n, t]), dy, g)
                    store(adjoint.dC, j, fma(dy, state, load(adjoint.dC, j)))
                    store(adjoint.dB, j, fma(g, load(chunk.u, i), load(adjoint.dB, j)))
                    store(adjoint.du, i, fma(g, splat(chunk.B[n, t]), load(adjoint.du, i)))
                    g = g * load(adjoint.decay, (t, 0))
                    state = load(adjoint.entering, (t, 0))
                    exponent = g * state
                    store(adjoint.ddelta, i, fma(exponent, rate, load(adjoint.ddelta, i)))
                    dA = fma(exponent, load(chunk.delta, i), dA)
                store(adjoint.g, (v, n, 0), g)
                store(adjoint.dA, (v, n, 0), load(adjoint.dA, (v, n, 0)) + dA)


@njit
def _add_point_gradients(chunk, at, adjoint, gradients, step_input):
    """Take du and ddelta back to x, dt and step, and add the chunk's gradients to its points."""
    dx, ddt = gradients.dx[at.b], gradients.ddt[at.b, at.k % gradients.ddt.shape[1]]
    dB = gradients.dB[at.block, at.b, at.k % gradients.dB.shape[2]]
    dC = gradients.dC[at.block, at.b, at.k % gradients.dC.shape[2]]
    dstep = gradients.dstep[at.block, at.b, at.k % gradients.dstep.shape[2]]
    for t in range(at.rows):
        p = chunk.point[t]
        dstep_t = splat(ZERO)
        for v in range(-(-at.width // LANES)):
            i = (v, t, 0)
            dt, x = load(chunk.dt, i), load(chunk.x, i)
            ddelta, du = load(adjoint.ddelta, i) * splat(LN_2), load(adjoint.du, i)
            dstep_t = fma(dt, ddelta, dstep_t)
            if step_input:
                dstep_t = fma(dt, du * x, dstep_t)
            du = du * splat(chunk.input_step[t])
            store(adjoint.du, i, du * dt)
            store(adjoint.ddelta, i, fma(ddelta, splat(chunk.decay_step[t]), du * x))
        add(adjoint.du, t, dx, p, at)
        add(adjoint.ddelta, t, ddt, p, at)
        dstep[p] += lane_sum(dstep_t)
        for n in range(dB.shape[1]):
            dB[p, n] += lane_sum(load(adjoint.dB, (n, t, 0)))
            dC[p, n] += lane_sum(load(adjoint.dC, (n, t, 0)))
    if at.k == 0:
        for v in range(-(-at.width // LANES)):
            dD = splat(ZERO)
            for t in range(at.rows):
                dD = fma(load(adjoint.dy, (v, t, 0)), load(chunk.x, (v, t, 0)), dD)
            store(adjoint.dy, (v, 0, 0), dD)
        add(adjoint.dy, 0, gradients.dD, at.b, at)
