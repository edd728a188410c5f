"""The CPU backend: prepares memory for the Numba kernels and runs them on a pool of threads."""

import platform
import warnings
from functools import cache

import torch
from llvmlite.binding import get_host_cpu_features
from torch import Tensor

from mamba_diffae.scan import cpu_kernels
from mamba_diffae.scan.backends import kept_states
from mamba_diffae.scan.checks import ScanError
from mamba_diffae.scan.inputs import ScanInputs
from mamba_diffae.scan.threads import run_tasks

WIDEST_BLOCK = 256  # channels of a task: wide rows read memory best
NARROWEST_BLOCK = 64
TASKS = 4  # wanted of a call: where fields are fewer, channels are split


def forward(inputs: ScanInputs, *, keep_states: bool) -> tuple[Tensor, Tensor]:
    """Output y (B, L, D) and the states (B, K, kept, N, D) for the backward pass; float32."""
    _warn_without_avx2()
    inputs = inputs.in_compute_dtype()
    arrays, x = _arrays(inputs), inputs.x.contiguous()
    batch, length, channels = x.shape
    y = torch.empty_like(x)
    kept = kept_states("cpu", length) if keep_states else 0
    states = x.new_empty(batch, inputs.directions, kept, inputs.A.shape[2], channels)
    width, blocks = _blocks(batch, channels)
    results = y.numpy(), states.numpy()
    run_tasks(
        lambda first, last: cpu_kernels.forward(first, last, width, arrays, *results),
        batch * blocks,
    )
    return y, states


def backward(dy: Tensor, states: Tensor, inputs: ScanInputs) -> tuple[Tensor | None, ...]:
    """Gradients for x, dt, A, B, C, D and step (None where not given); float32."""
    inputs = inputs.in_compute_dtype()
    arrays, dy = _arrays(inputs), dy.float().contiguous()
    batch, _, channels = dy.shape
    width, blocks = _blocks(batch, channels)
    dx = torch.empty_like(dy)
    ddt = dy.new_empty(inputs.dt.shape)
    # Tasks that meet in one gradient get a row each, summed below: the same order every time.
    dA = dy.new_zeros(batch, *inputs.A.shape)
    dB, dC = dy.new_zeros(blocks, *inputs.B.shape), dy.new_zeros(blocks, *inputs.C.shape)
    dD, dstep = dy.new_zeros(batch, channels), dy.new_zeros(blocks, batch, *arrays.step.shape[1:])
    gradients = cpu_kernels.Gradients(*(g.numpy() for g in (dx, ddt, dA, dB, dC, dD, dstep)))
    given = dy.numpy(), states.numpy()
    run_tasks(
        lambda first, last: cpu_kernels.backward(first, last, width, arrays, *given, gradients),
        batch * blocks,
    )
    return (
        *(dx, ddt, dA.sum(0), dB.sum(0), dC.sum(0)),
        None if inputs.D is None else dD.sum(0),
        None if inputs.step is None else dstep.sum(0),
    )


def _blocks(batch: int, channels: int) -> tuple[int, int]:
    """Width and number of the blocks of channels; by the shape alone, as sums over blocks round."""
    blocks = -(-channels // WIDEST_BLOCK)
    while batch * blocks < TASKS and channels > blocks * NARROWEST_BLOCK:
        blocks += 1
    lanes = cpu_kernels.LANES
    width = -(-channels // (blocks * lanes)) * lanes
    return width, -(-channels // width)


def _arrays(inputs: ScanInputs) -> cpu_kernels.Arrays:
    """The inputs as contiguous arrays; refuses an order that points outside the sequence."""
    order, length = inputs.order_or_sequence(), inputs.x.shape[1]
    if order.numel() and inputs.order is not None:
        low, high = (int(bound) for bound in order.aminmax())
        if low < 0 or high >= length:
            raise ScanError(
                f"selective_scan: order of shape {tuple(order.shape)} has values from {low} to "
                f"{high}, expected point indices from 0 to {length - 1}. Build it with argsort."
            )
    D = inputs.x.new_empty(0) if inputs.D is None else inputs.D
    tensors = (*inputs[:5], inputs.step_or_ones(), order, D)
    x, dt, A, B, C, step, order, D = (tensor.detach().contiguous().numpy() for tensor in tensors)
    return cpu_kernels.Arrays(x, dt, A, B, C, step, order, D, inputs.step_input)


@cache
def _warn_without_avx2() -> None:
    """Say once that the compiled code is narrow; it computes the same."""
    # Elsewhere 128 bits are what the machine has: nothing is amiss.
    if platform.machine().lower() not in ("x86_64", "amd64"):
        return
    if not get_host_cpu_features().get("avx2", False):
        warnings.warn(
            "selective_scan runs on vectors of 128 bits, several times slower than on those of "
            "AVX2, which this processor lacks.",
            stacklevel=2,
        )
