"""The backward pass through one chunk, a state or two at a time; called by `cpu_kernels`.

Time is the inner loop, so that states and their gradients stay in registers; two states, where the
registers are enough, share what is read and written of a point.
"""

# Numba itself passes an intrinsic its first argument, the typing context.
# pyright: reportCallIssue=false

from numba import njit

from mamba_diffae.scan.cpu_scratch import DDELTA, DELTA, DU, DY, ZERO, T, U, flat, pair, spot
from mamba_diffae.scan.simd import LANES, WIDE, exp2, fma, load, splat, splat_at, store


@njit
def backward_chunk(chunk, at, rates, adjoint, N):
    """The chunk's states once more, then the gradients of its points in reversed time."""
    count = -(-at.width // LANES)
    points = chunk.points
    adjoint.weights[:] = ZERO
    for v in range(count):
        for t in range(at.rows):
            store(points, spot(v, t, DU), splat(ZERO))
            store(points, spot(v, t, DDELTA), splat(ZERO))
    paired = N // 2 * 2 if WIDE else 0  # else the 16 registers are too few
    for v in range(count):
        for n in range(0, paired, 2):
            _backward_pair(chunk, at, rates, adjoint, v, n, N)
        for n in range(paired, N):
            _backward_state(chunk, at, rates, adjoint, v, n, N)


@njit(forceinline=True)
def _backward_state(chunk, at, rates, adjoint, v, n, N):
    """One state of vector v: forward through the chunk, then back."""
    points, i = chunk.points, flat(v * N + n)
    rate, h = load(rates, i), load(adjoint.h, i)
    for t in range(at.rows):
        delta, u = load(points, spot(v, t, DELTA)), load(points, spot(v, t, U))
        h = _visit(delta, u, chunk.weights, n * T + t, adjoint.history, 2 * t, rate, h)
    carry = h, load(adjoint.g, i), splat(ZERO)
    for t in range(at.rows - 1, -1, -1):
        point, sums = _load_point(points, v, t)
        carry, sums = _return(point, sums, chunk, adjoint, n * T + t, 2 * t, rate, carry)
        _store_sums(points, v, t, sums)
    store(adjoint.g, i, carry[1])
    store(adjoint.dA, i, load(adjoint.dA, i) + carry[2])


@njit(forceinline=True)
def _backward_pair(chunk, at, rates, adjoint, v, n, N):
    """Two states at once, n and n + 1: they share what is read and written of a point."""
    points, i, j = chunk.points, flat(v * N + n), flat(v * N + n + 1)
    rate_0, rate_1 = load(rates, i), load(rates, j)
    h_0, h_1 = load(adjoint.h, i), load(adjoint.h, j)
    for t in range(at.rows):
        delta, u = load(points, spot(v, t, DELTA)), load(points, spot(v, t, U))
        place = n * T + t
        h_0 = _visit(delta, u, chunk.weights, place, adjoint.history, 2 * t, rate_0, h_0)
        h_1 = _visit(delta, u, chunk.weights, place + T, adjoint.history, 2 * t + 1, rate_1, h_1)
    carry_0 = h_0, load(adjoint.g, i), splat(ZERO)
    carry_1 = h_1, load(adjoint.g, j), splat(ZERO)
    for t in range(at.rows - 1, -1, -1):
        place = n * T + t
        point, sums = _load_point(points, v, t)
        carry_0, sums = _return(point, sums, chunk, adjoint, place, 2 * t, rate_0, carry_0)
        carry_1, sums = _return(point, sums, chunk, adjoint, place + T, 2 * t + 1, rate_1, carry_1)
        _store_sums(points, v, t, sums)
    store(adjoint.g, i, carry_0[1])
    store(adjoint.g, j, carry_1[1])
    store(adjoint.dA, i, load(adjoint.dA, i) + carry_0[2])
    store(adjoint.dA, j, load(adjoint.dA, j) + carry_1[2])


@njit(forceinline=True)
def _load_point(points, v, t):
    """(dy, u, delta) of a point, and the sums over states so far, (du, ddelta)."""
    dy, u = load(points, spot(v, t, DY)), load(points, spot(v, t, U))
    delta, du = load(points, spot(v, t, DELTA)), load(points, spot(v, t, DU))
    ddelta = load(points, spot(v, t, DDELTA))
    return (dy, u, delta), (du, ddelta)


@njit(forceinline=True)
def _store_sums(points, v, t, sums):
    """Write the sums over states back."""
    store(points, spot(v, t, DU), sums[0])
    store(points, spot(v, t, DDELTA), sums[1])


@njit(forceinline=True)
def _visit(delta, u, weights, place, history, row, rate, h):
    """The state after a point; its decay and the state before it go into a row of the history."""
    decay = exp2(delta * rate)
    store(history, pair(row, 0), decay)
    store(history, pair(row, 1), h)
    return fma(decay, h, u * splat_at(weights, (place * 2,)))


@njit(forceinline=True)
def _return(point, sums, chunk, adjoint, place, row, rate, carry):
    """Back past a point: (h, g, dA) before it, and its sums; dB and dC of the state add up."""
    (dy, u, delta), (du, ddelta), (h, g, dA) = point, sums, carry
    dB, dC = pair(place, 0), pair(place, 1)
    g = fma(splat_at(chunk.weights, (place * 2 + 1,)), dy, g)
    store(adjoint.weights, dC, fma(dy, h, load(adjoint.weights, dC)))
    store(adjoint.weights, dB, fma(g, u, load(adjoint.weights, dB)))
    du = fma(g, splat_at(chunk.weights, (place * 2,)), du)
    g = g * load(adjoint.history, pair(row, 0))
    h = load(adjoint.history, pair(row, 1))
    exponent = g * h
    return (h, g, fma(exponent, delta, dA)), (du, fma(exponent, rate, ddelta))
