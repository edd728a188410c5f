"""The Triton backend: prepares memory and launches one kernel for all directions."""

# Called through a grid, a kernel takes its arguments otherwise than as a function.
# pyright: reportCallIssue=false

import torch
from torch import Tensor

from mamba_diffae.scan import triton_kernels
from mamba_diffae.scan.backends import STATE_SPACING, kept_states
from mamba_diffae.scan.inputs import ScanInputs

WIDEST_BLOCK = 64  # channels of a program: wide blocks exchange less between lanes for dB and dC
LARGEST_TILE = 4096  # states times channels of a program: bounds its shared memory
TILE_PER_THREAD = 32  # of them held in the registers of a thread
SPACING = STATE_SPACING["triton"]


def forward(inputs: ScanInputs, *, keep_states: bool) -> tuple[Tensor, Tensor]:
    """Output y (B, L, D) and the states (B, K, kept, N, D) for the backward pass; float32."""
    x, D = inputs.x.contiguous(), inputs.D
    batch, length, channels = x.shape
    y = torch.zeros_like(x, dtype=torch.float32) if D is None else x.float() * D.float()
    kept = kept_states("triton", length) if keep_states else 0
    shape = (batch, inputs.directions, kept, inputs.A.shape[2], channels)
    states = torch.empty(shape, dtype=torch.float32, device=x.device)
    tensors, sizes, options, grid = _launch(inputs)
    with torch.cuda.device_of(x):
        triton_kernels.forward[grid](*tensors, y, states, *sizes, KEEP=keep_states, **options)
    return y, states


def backward(dy: Tensor, states: Tensor, inputs: ScanInputs) -> tuple[Tensor | None, ...]:
    """Gradients for x, dt, A, B, C, D and step (None where not given); float32."""
    D, K, N = inputs.D, inputs.directions, inputs.A.shape[2]
    dy = dy.float().contiguous()
    batch, length, channels = dy.shape
    tensors, sizes, options, grid = _launch(inputs)
    dx = torch.zeros_like(dy) if D is None else dy * D.float()
    ddt = dy.new_zeros(inputs.dt.shape)
    dA = dy.new_empty(batch, K, N, channels)
    # Blocks of channels meet in dB, dC and dstep: a row each, summed below in a fixed order.
    dB, dC = (dy.new_empty(grid[1], batch, K, length, N) for _ in "BC")
    dstep = dy.new_empty(grid[1], batch, K, length)
    tile = options["N_TILE"] * options["BLOCK"]
    scratch = dy.new_empty(grid[0] * grid[1] * SPACING * tile)
    results = (scratch, dx, ddt, dA, dB, dC, dstep)
    with torch.cuda.device_of(dy):
        triton_kernels.backward[grid](*tensors, dy, states, *results, *sizes, **options)
    return (
        dx,
        ddt,
        dA.sum(0).transpose(1, 2).sum_to_size(inputs.A.shape),
        dB.sum(0).sum_to_size(inputs.B.shape),
        dC.sum(0).sum_to_size(inputs.C.shape),
        None if D is None else (dy * inputs.x).sum((0, 1)),
        None if inputs.step is None else dstep.sum(0).sum_to_size(inputs.step.shape),
    )


def _launch(
    inputs: ScanInputs,
) -> tuple[tuple[Tensor, ...], tuple[int, ...], dict[str, int], tuple[int, int]]:
    """Contiguous tensors, sizes with strides, compile-time options and grid of a launch."""
    batch, length, channels = inputs.x.shape
    K, N = inputs.directions, inputs.A.shape[2]
    x, dt, A, B, C = inputs[:5]
    tensors = (x, dt, A.transpose(1, 2), B, C, inputs.step_or_ones(), inputs.order_or_sequence())
    tensors = tuple(tensor.contiguous() for tensor in tensors)
    _, dt, A, B, C, step, order = tensors
    strides = (
        *(dt.stride(0), _stride(dt, 1), _stride(A, 0)),
        *(B.stride(0), _stride(B, 1), C.stride(0), _stride(C, 1)),
        *(_stride(step, 0), _stride(step, 1), _stride(order, 0)),
    )
    tile = _power_of_two(N)
    block = min(WIDEST_BLOCK, LARGEST_TILE // tile, _power_of_two(channels))
    # Directions side by side fill the card, but their sums meet in an order that varies.
    together = K if torch.are_deterministic_algorithms_enabled() else 1
    options = {
        "STEP_INPUT": inputs.step_input,
        "SPACING": SPACING,
        "DIRECTIONS": together,
        "N_TILE": tile,
        "BLOCK": block,
        "num_warps": max(1, tile * block // (32 * TILE_PER_THREAD)),
    }
    grid = (batch * (K // together), -(-channels // block))
    return tensors, (length, channels, N, K, *strides), options, grid


def _stride(tensor: Tensor, axis: int) -> int:
    """Stride along an axis, 0 where its size 1 stands for all fields or directions."""
    return tensor.stride(axis) if tensor.shape[axis] > 1 else 0


def _power_of_two(size: int) -> int:
    """The smallest power of two that is not below `size`."""
    return 1 << (size - 1).bit_length()
