"""The trapezoidal scan beside its recurrence, and its order of accuracy."""

import itertools
import math

import pytest
import torch
from torch import Tensor

from mamba_diffae.fields import Geometry
from mamba_diffae.nn.mamba import MultiDirectionalMambaBlock, Paths
from mamba_diffae.nn.trapezoidal import ExponentialTrapezoidal, successors, trapezoidal_scan

D, N, L, K = 5, 3, 17, 2
PADDED = (3, 9, 16)
SQUARE = Geometry.unit(2)


def generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def given() -> dict[str, Tensor]:
    """Inputs of two scans in random orders, the second with its padded points in front."""
    draw, double = generator(), torch.float64
    mask = torch.ones(1, L, dtype=torch.bool)
    mask[:, list(PADDED)] = False
    real = mask[0].nonzero()[:, 0]
    shuffled = [real[torch.randperm(len(real), generator=draw)] for _ in range(K)]
    padded = torch.tensor(PADDED)
    order = torch.stack([torch.cat([shuffled[0], padded]), torch.cat([padded, shuffled[1]])])
    parts = {name: torch.randn(1, L, D, generator=draw, dtype=double) for name in ("x", "dt")}
    parts |= {c: torch.randn(1, K, L, N, generator=draw, dtype=double) for c in ("B", "C")}
    return parts | {
        "dt": torch.nn.functional.softplus(parts["dt"]) * mask[..., None],
        "A": -torch.rand(K, D, N, generator=draw, dtype=double),
        "order": order[None],
        "gap": 4 * torch.rand(1, K, L, generator=draw, dtype=double) + 1e-3,
    }


def recurrence(inputs: dict[str, Tensor], share: Tensor) -> Tensor:
    """The sum of all directions, (L, D), a state at a time, padded points left out."""
    x, dt, gap = inputs["x"][0], inputs["dt"][0], inputs["gap"][0]
    total = torch.zeros(L, D, dtype=x.dtype)
    for k in range(K):
        A, B, C = inputs["A"][k], inputs["B"][0, k], inputs["C"][0, k]
        h, last = torch.zeros_like(A), None
        for t in inputs["order"][0, k].tolist():
            if t in PADDED:
                continue
            delta = (dt[t] * gap[k, t])[:, None]
            decay, part = torch.exp(delta * A), share[0, t, k]
            entered = part * delta * torch.outer(x[t], B[t])
            if last is not None:
                entered += (1 - part) * delta * decay * torch.outer(x[last], B[last])
            h, last = decay * h + entered, t
            total[t] += h @ C[t]
    return total


def test_it_is_its_recurrence() -> None:
    layer, inputs = ExponentialTrapezoidal(D, K).double(), given()
    share = torch.sigmoid(layer.share(inputs["x"]))
    real = inputs["dt"][0, :, 0] > 0
    found = layer(**inputs)[0, real]
    torch.testing.assert_close(found, recurrence(inputs, share)[real], rtol=1e-10, atol=1e-10)


def test_so_are_its_gradients() -> None:
    layer, inputs = ExponentialTrapezoidal(D, K).double(), given()
    names = ("x", "A", "B", "C", "gap")
    wanted = [inputs[name].requires_grad_() for name in names]
    real = inputs["dt"][0, :, 0] > 0
    expected = recurrence(inputs, torch.sigmoid(layer.share(inputs["x"])))[real]
    found = layer(**inputs)[0, real]
    pairs = [torch.autograd.grad(y.square().sum(), wanted) for y in (found, expected)]
    for one, other in zip(*pairs, strict=True):
        # What lies under the mask is read by nobody.
        torch.testing.assert_close(one, other, rtol=1e-8, atol=1e-8)


def test_successors_follow_the_order() -> None:
    order = torch.tensor([[[2, 0, 1], [1, 2, 0]]])
    assert successors(order).tolist() == [[[1, 3, 0], [3, 2, 0]]]


@pytest.mark.parametrize(("share", "rate"), [(0.5, 2), (1.0, 1)])
def test_the_order_of_accuracy(share: float, rate: int) -> None:
    # y' = -a y + x(t), sampled at uneven times that are the image of even ones by a smooth map.
    a, double = 1.3, torch.float64

    def error(count: int) -> float:
        u = torch.linspace(0, 1, count + 1, dtype=double)
        t = 2 * (u + 0.15 * torch.sin(2 * math.pi * u))
        gap = t.diff(prepend=torch.zeros(1, dtype=double))
        one, order = torch.ones(1, count + 1, 1, dtype=double), torch.arange(count + 1)[None, None]
        y = trapezoidal_scan(
            torch.cos(3 * t)[None, :, None],
            one,
            torch.full((1, 1), -a, dtype=double),
            (one, one),
            torch.full((1, count + 1), share, dtype=double),
            (order[:, 0], successors(order)[:, 0]),
            gap[None],
        )[0, :, 0]
        particular = (a * torch.cos(3 * t) + 3 * torch.sin(3 * t)) / (a * a + 9)
        exact = particular - particular[0] * torch.exp(-a * t)
        return (y - exact).abs()[1:].max().item()

    errors = [error(n) for n in (50, 100, 200)]
    for coarse, fine in itertools.pairwise(errors):
        assert coarse / fine == pytest.approx(2**rate, rel=0.1)


def test_a_step_of_nearly_zero_leaves_numbers_finite() -> None:
    block = MultiDirectionalMambaBlock(D, N, K, discretisation="exponential-trapezoidal")
    torch.nn.init.constant_(block.dt_up.bias, -200.0)
    coords, tokens = torch.rand(2, 9, 2, generator=generator()), torch.randn(2, 9, D)
    mask = torch.arange(9).expand(2, -1) < 7
    paths = Paths.through(coords, mask, ("row", "row_reversed"), "distance", 0.1, SQUARE)
    y = block(tokens, paths)
    y.square().sum().backward()
    assert y.isfinite().all()
    gradients = [p.grad for p in block.parameters() if p.grad is not None]
    assert all(gradient.isfinite().all() for gradient in gradients)


def test_the_default_block_has_no_weights_of_it() -> None:
    names = {n for n, _ in MultiDirectionalMambaBlock(D, N, K).named_parameters()}
    block = MultiDirectionalMambaBlock(D, N, K, discretisation="exponential-trapezoidal")
    more = {n for n, _ in block.named_parameters()} - names
    assert more == {"trapezoid.share.weight", "trapezoid.share.bias"}
