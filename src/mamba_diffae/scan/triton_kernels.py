"""The selective scan and its gradient in Triton; called by `gpu`.

A program takes a field, one direction (or all of them, one after the other) and a block of
channels, along the whole sequence. Its states are a tile (states, channels) in registers, spread
over the lanes along the channels, so sums over states hardly need an exchange between lanes.
Points are read where they lie, row order[t]. The state that enters every SPACING-th point is
kept; the backward pass starts from it and computes the states between anew, into a scratch that
stays in the cache.

Tensors are contiguous, A transposed to (K, N, D) so that neighbouring lanes read neighbouring
numbers; `dt_b`, `dt_k`, ... are strides along fields and directions, 0 if shared.
"""

import triton
import triton.language as tl

LOG2_E = tl.constexpr(1.4426950408889634)
LN_2 = tl.constexpr(0.6931471805599453)
STAGES = tl.constexpr(4)  # points are fetched, index first, three steps before their use


@triton.jit
def _point(x, dt, B, step, p, c, n, D, N, STEP_INPUT: tl.constexpr):
    """What one point brings: x, Δ, its factors in decay and input, and B."""
    x_p = tl.load(x + p * D + c, mask=c < D, other=0.0).to(tl.float32)
    dt_p = tl.load(dt + p * D + c, mask=c < D, other=0.0).to(tl.float32)
    B_p = tl.load(B + p * N + n, mask=n < N, other=0.0).to(tl.float32)
    gap = tl.load(step + p).to(tl.float32)
    return x_p, dt_p, B_p, gap, gap if STEP_INPUT else 1.0


@triton.jit
def forward(
    x, dt, A, B, C, step, order, y, states,
    L, D, N, K, dt_b, dt_k, A_k, B_b, B_k, C_b, C_k, step_b, step_k, order_b,
    STEP_INPUT: tl.constexpr, KEEP: tl.constexpr, SPACING: tl.constexpr,
    DIRECTIONS: tl.constexpr, N_TILE: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """Add sum_k C · h to y (B, L, D), and keep states (B, K, kept, N, D) if KEEP."""
    groups = K // DIRECTIONS
    b = (tl.program_id(0) // groups).to(tl.int64)
    first = tl.program_id(0) % groups * DIRECTIONS
    c = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    n = tl.arange(0, N_TILE)
    inside = (n < N)[:, None] & (c < D)[None, :]
    x += b * L * D
    y += b * L * D
    for k in range(first, first + DIRECTIONS):
        A_tile = k * A_k + n[:, None] * D + c[None, :]
        rate = tl.load(A + A_tile, mask=inside, other=0.0).to(tl.float32) * LOG2_E
        kept = states + ((b * K + k) * tl.cdiv(L, SPACING) * N + n[:, None]) * D + c[None, :]
        h = tl.zeros((N_TILE, BLOCK), tl.float32)
        for t in tl.range(0, L, num_stages=STAGES):
            if KEEP and t % SPACING == 0:
                tl.store(kept, h, mask=inside)
                kept += N * D
            p = tl.load(order + b * order_b + k * L + t)
            x_p, dt_p, B_p, gap, input_gap = _point(
                x, dt + b * dt_b + k * dt_k, B + b * B_b + k * B_k,
                step + b * step_b + k * step_k, p, c, n, D, N, STEP_INPUT,
            )  # fmt: skip
            C_p = tl.load(C + b * C_b + k * C_k + p * N + n, mask=n < N, other=0.0)
            decay = tl.exp2((dt_p * gap)[None, :] * rate)
            h = decay * h + (dt_p * input_gap * x_p)[None, :] * B_p[:, None]
            y_p = tl.sum(h * C_p.to(tl.float32)[:, None], axis=0)
            tl.atomic_add(y + p * D + c, y_p, mask=c < D, sem="relaxed")


@triton.jit
def backward(
    x, dt, A, B, C, step, order, dy, states, scratch, dx, ddt, dA, dB, dC, dstep,
    L, D, N, K, dt_b, dt_k, A_k, B_b, B_k, C_b, C_k, step_b, step_k, order_b,
    STEP_INPUT: tl.constexpr, SPACING: tl.constexpr,
    DIRECTIONS: tl.constexpr, N_TILE: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """Add to dx (B, L, D) and ddt (like dt) and write what is left to be summed.

    That is dA (B, K, N, D), dB and dC (blocks, B, K, L, N) and dstep (blocks, B, K, L).
    """
    groups = K // DIRECTIONS
    b = (tl.program_id(0) // groups).to(tl.int64)
    first = tl.program_id(0) % groups * DIRECTIONS
    block, blocks = tl.program_id(1), tl.num_programs(1)
    c = block * BLOCK + tl.arange(0, BLOCK)
    n = tl.arange(0, N_TILE)
    inside = (n < N)[:, None] & (c < D)[None, :]
    fields = tl.num_programs(0) // groups
    program = tl.program_id(0).to(tl.int64) * blocks + block
    tile = n[:, None] * BLOCK + tl.arange(0, BLOCK)[None, :]
    scratch += program * SPACING * N_TILE * BLOCK + tile
    x += b * L * D
    dy += b * L * D
    dx += b * L * D
    dt += b * dt_b
    ddt += b * dt_b
    B += b * B_b
    C += b * C_b
    step += b * step_b
    order += b * order_b
    for k in range(first, first + DIRECTIONS):
        A_tile = k * A_k + n[:, None] * D + c[None, :]
        rate = tl.load(A + A_tile, mask=inside, other=0.0).to(tl.float32) * LOG2_E
        end = (b * K + k + 1) * tl.cdiv(L, SPACING)  # of the states kept in this direction
        kept = states + (end * N + n[:, None]) * D + c[None, :]
        row = ((block * fields + b) * K + k) * L
        g = tl.zeros((N_TILE, BLOCK), tl.float32)
        dA_sum = tl.zeros((N_TILE, BLOCK), tl.float32)
        for chunk in range(tl.cdiv(L, SPACING) - 1, -1, -1):
            t0 = chunk * SPACING
            rows = tl.minimum(SPACING, L - t0)
            kept -= N * D
            h = tl.load(kept, mask=inside, other=0.0)
            for t in tl.range(0, rows, num_stages=STAGES):
                tl.store(scratch + t * N_TILE * BLOCK, h)
                p = tl.load(order + k * L + t0 + t)
                x_p, dt_p, B_p, gap, input_gap = _point(
                    x, dt + k * dt_k, B + k * B_k, step + k * step_k, p, c, n, D, N, STEP_INPUT
                )
                decay = tl.exp2((dt_p * gap)[None, :] * rate)
                h = decay * h + (dt_p * input_gap * x_p)[None, :] * B_p[:, None]
            tl.debug_barrier()  # the scratch is read by other lanes than wrote it
            for t in tl.range(rows - 1, -1, -1, num_stages=STAGES):
                entering = tl.load(scratch + t * N_TILE * BLOCK)
                p = tl.load(order + k * L + t0 + t)
                x_p, dt_p, B_p, gap, input_gap = _point(
                    x, dt + k * dt_k, B + k * B_k, step + k * step_k, p, c, n, D, N, STEP_INPUT
                )
                C_p = tl.load(C + k * C_k + p * N + n, mask=n < N, other=0.0).to(tl.float32)
                dy_p = tl.load(dy + p * D + c, mask=c < D, other=0.0)
                delta, u = dt_p * gap, dt_p * input_gap * x_p
                decay = tl.exp2(delta[None, :] * rate)
                g += C_p[:, None] * dy_p[None, :]
                dC_p = tl.sum(h * dy_p[None, :], axis=1)
                dB_p = tl.sum(g * u[None, :], axis=1)
                du = tl.sum(g * B_p[:, None], axis=0)
                g *= decay
                exponent = g * entering
                ddelta = tl.sum(exponent * rate, axis=0) * LN_2
                dA_sum += exponent * delta[None, :]
                dstep_p = ddelta * dt_p
                if STEP_INPUT:
                    dstep_p += du * dt_p * x_p
                du *= input_gap
                tl.atomic_add(dx + p * D + c, du * dt_p, mask=c < D, sem="relaxed")
                ddt_p = ddelta * gap + du * x_p
                tl.atomic_add(ddt + k * dt_k + p * D + c, ddt_p, mask=c < D, sem="relaxed")
                tl.store(dB + (row + p) * N + n, dB_p, mask=n < N)
                tl.store(dC + (row + p) * N + n, dC_p, mask=n < N)
                tl.store(dstep + row + p, tl.sum(dstep_p))
                h = entering
            tl.debug_barrier()
        dA_tile = (b * K + k) * N * D + n[:, None] * D + c[None, :]
        tl.store(dA + dA_tile, dA_sum, mask=inside)
