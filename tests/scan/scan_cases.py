"""Random inputs of a scan, and the scan written independently of the package."""

import torch
from torch import Tensor

from mamba_diffae.scan import selective_scan

DIFFERENTIABLE = ("x", "dt", "A", "B", "C", "D", "step", "initial_state")


def draw(batch, length, channels, states, *, K=1, shared=True, seed=0, **given):
    """Keyword arguments of `selective_scan` in float64; `shared` tensors have no K axis.

    Further keywords replace what would be drawn; None leaves it out.
    """
    generator = torch.Generator().manual_seed(seed)

    def normal(*shape):
        return torch.randn(*shape, generator=generator, dtype=torch.float64)

    axes = () if shared else (K,)
    inputs = {
        "x": normal(batch, length, channels),
        "dt": torch.nn.functional.softplus(normal(batch, *axes, length, channels) - 1),
        "A": -torch.exp(normal(*axes, channels, states)),
        "B": normal(batch, *axes, length, states),
        "C": normal(batch, *axes, length, states),
        "D": normal(channels),
        "step": torch.exp(0.5 * normal(batch, *axes, length)),
        "order": torch.rand(batch, K, length, generator=generator).argsort(-1),
    }
    return {name: value for name, value in (inputs | given).items() if value is not None}


def cast(inputs, dtype):
    """The same inputs with their floating tensors in `dtype`."""
    return {
        name: value.to(dtype) if isinstance(value, Tensor) and value.is_floating_point() else value
        for name, value in inputs.items()
    }


def loop_scan(x, dt, A, B, C, D=None, *, step=None, step_input=False, order=None):
    """The recurrence as the paper states it: a field, a direction and a point at a time."""
    batch, length, channels = x.shape
    order = torch.arange(length)[None] if order is None else order
    order = order.expand(batch, *order.shape[-2:])
    K = order.shape[1]
    step = torch.ones_like(x[..., 0]) if step is None else step
    dt, B, C = (z if z.ndim == 4 else z.unsqueeze(1).expand(-1, K, -1, -1) for z in (dt, B, C))
    A = A if A.ndim == 3 else A.expand(K, -1, -1)
    step = step if step.ndim == 3 else step.unsqueeze(1).expand(-1, K, -1)
    fields = []
    for b in range(batch):
        points = [torch.zeros(channels, dtype=x.dtype) if D is None else D * z for z in x[b]]
        for k in range(K):
            h = torch.zeros_like(A[k])
            for p in order[b, k].tolist():
                decay = torch.exp((dt[b, k, p] * step[b, k, p])[:, None] * A[k])
                scale = dt[b, k, p] * (step[b, k, p] if step_input else 1.0)
                h = decay * h + (scale * x[b, p])[:, None] * B[b, k, p]
                points[p] = points[p] + h @ C[b, k, p]
        fields.append(torch.stack(points))
    return torch.stack(fields)


def state_scan(
    x, dt, A, B, C, D=None, *, step=None, step_input=False, order=None, initial_state=None, groups=1
):
    """The recurrence with weights of every kind, a direction and a point at a time.

    Returns y and the last state of the last direction.
    """
    batch, length, channels = x.shape
    order = torch.arange(length)[None] if order is None else order
    order = order.expand(batch, *order.shape[-2:])
    K = order.shape[1]
    step = torch.ones_like(x[..., 0]) if step is None else step
    step = step if step.ndim == 3 else step.unsqueeze(1).expand(-1, K, -1)
    dt = dt if dt.ndim == 4 else dt.unsqueeze(1).expand(-1, K, -1, -1)
    A = A if A.ndim == 3 else A.expand(K, -1, -1)
    B, C = (_weights(w, batch, K, length, channels, groups) for w in (B, C))
    y = torch.zeros_like(x) if D is None else D * x
    h = initial_state
    for k in range(K):
        points = order[:, k]
        size = dt[:, k] * step[:, k].unsqueeze(-1)
        u = (size if step_input else dt[:, k]) * x
        size, u = (_visit(z.unsqueeze(-1), points) for z in (size, u))
        h = x.new_zeros(batch, channels, A.shape[2]) if initial_state is None else initial_state
        outputs = []
        weights = _visit(B[:, k], points), _visit(C[:, k], points)
        for size_t, u_t, B_t, C_t in zip(size, u, *weights, strict=True):
            h = torch.exp(size_t * A[k]) * h + u_t * B_t
            outputs.append((C_t * h).sum(-1))
        index = points.unsqueeze(-1).expand_as(x)
        y = y + torch.zeros_like(x).scatter_add(1, index, torch.stack(outputs, 1))
    return y, h


def _weights(w, batch, K, length, channels, groups):
    """Weights B or C of any layout as (batch, K, L, D, N)."""
    if w.ndim > 2:
        w = w.unsqueeze(-2) if groups == 1 else w
        w = w if w.ndim == 5 else w.unsqueeze(1)
        w = w.repeat_interleave(channels // w.shape[-2], -2)
    return w.expand(batch, K, length, *w.shape[-2:])


def _visit(values, points):
    """The points of (batch, L, ...) one by one in visiting order."""
    index = points.reshape(*points.shape, *(1,) * (values.ndim - 2))
    return torch.take_along_dim(values, index, 1).unbind(1)


def packed(scan=selective_scan, **inputs):
    """Output and last state as one vector, so that one gradient is of both."""
    if scan is selective_scan:
        inputs["return_last_state"] = True
    return torch.cat([z.double().flatten() for z in scan(**inputs)])


def results(inputs, dy, scan=selective_scan, **options):
    """The output "y" and the gradient of each differentiable input, under its name."""
    leaves = {
        name: value.detach().clone().requires_grad_() if name in DIFFERENTIABLE else value
        for name, value in inputs.items()
    }
    y = scan(**leaves, **options)
    wanted = {name: leaf for name, leaf in leaves.items() if name in DIFFERENTIABLE}
    gradients = torch.autograd.grad(y, list(wanted.values()), dy.to(y))
    return {"y": y.detach(), **dict(zip(wanted, gradients, strict=True))}


def assert_close(got, expected, tolerance):
    """Every result within `tolerance` of the largest expected number of its kind."""
    for name, value in expected.items():
        assert got[name].shape == value.shape, name
        scale = value.double().abs().max().clamp_min(1e-20)
        error = ((got[name].double() - value.double()).abs().max() / scale).item()
        allowed = tolerance.get(name, tolerance["*"]) if isinstance(tolerance, dict) else tolerance
        assert error <= allowed, f"{name}: relative error {error:.1e}, allowed {allowed:.0e}"
