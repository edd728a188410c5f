"""Random inputs of a scan, and the scan in float64 written independently of the package."""

import pytest
import torch
from torch import Tensor

NAMES = ("x", "dt", "A", "B", "C", "D", "step")


def draw_inputs(batch, length, channels, states, *, K=1, shared=True, seed=0, **given):
    """Keyword arguments of `selective_scan` in float64; `shared` tensors have no K axis.

    D, step and order are left out when their keyword is None; other keywords replace a draw.
    """
    generator = torch.Generator().manual_seed(seed)

    def normal(*shape):
        return torch.randn(*shape, generator=generator, dtype=torch.float64)

    axes = () if shared else (K,)
    orders = torch.rand(batch, K, length, generator=generator).argsort(-1)
    inputs = {
        "x": normal(batch, length, channels),
        "dt": torch.nn.functional.softplus(normal(batch, *axes, length, channels) - 1),
        "A": -torch.exp(normal(*axes, channels, states)),
        "B": normal(batch, *axes, length, states),
        "C": normal(batch, *axes, length, states),
        "D": normal(channels),
        "step": torch.exp(0.5 * normal(batch, *axes, length)),
        "order": orders,
    }
    return {name: value for name, value in (inputs | given).items() if value is not None}


def cast(inputs, dtype):
    """Floating tensors in `dtype`; the rest as they are."""
    return {
        name: value.to(dtype) if isinstance(value, Tensor) and value.is_floating_point() else value
        for name, value in inputs.items()
    }


def loop_scan(x, dt, A, B, C, D=None, *, step=None, step_input=False, order=None):
    """The recurrence as the paper states it, a field, a direction and a point at a time."""
    rows = []
    for b in range(x.shape[0]):
        total = torch.zeros_like(x[b]) if D is None else D * x[b]
        for k in range(1 if order is None else order.shape[-2]):

            def of(tensor, rank, b=b, k=k):
                field = tensor[b] if rank > 2 else tensor
                return field[k] if tensor.ndim == rank + 1 else field

            rate = A[k] if A.ndim == 3 else A
            visits = range(x.shape[1]) if order is None else of(order, 2) if order.ndim == 3 else order[k]
            h = torch.zeros_like(rate)
            for p in visits:
                gap = 1.0 if step is None else (step[b, k, p] if step.ndim == 3 else step[b, p])
                delta = of(dt, 3)[p]
                scale = delta * gap if step_input else delta
                h = torch.exp((delta * gap)[:, None] * rate) * h
                h = h + (scale * x[b, p])[:, None] * of(B, 3)[p][None]
                y = torch.zeros_like(total)
                y[p] = h @ of(C, 3)[p]
                total = total + y
        rows.append(total)
    return torch.stack(rows)


def outputs_and_gradients(scan, inputs, dy, **options):
    """{"y": ..., "x": gradient, "dt": gradient, ...}"""
    leaves = {
        name: value.detach().clone().requires_grad_() if name in NAMES else value
        for name, value in inputs.items()
    }
    y = scan(**leaves, **options)
    wanted = {name: leaf for name, leaf in leaves.items() if name in NAMES}
    gradients = torch.autograd.grad(y, list(wanted.values()), dy.to(y.dtype))
    return {"y": y.detach(), **dict(zip(wanted, gradients, strict=True))}


def assert_close(got, expected, tolerance):
    """Each tensor within `tolerance` of the largest expected value."""
    for name, value in expected.items():
        scale = value.abs().max().clamp_min(1e-30)
        error = ((got[name].double() - value.double()).abs().max() / scale).item()
        assert error <= tolerance, f"{name}: relative error {error:.1e} > {tolerance:.0e}"


@pytest.fixture
def draw():
    return draw_inputs
