"""Solvers: measured order, cost, and the variance that the stochastic one must keep."""

import itertools
import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from mamba_diffae.flow import SOLVERS, Preconditioning, solve

ODE_SOLVERS = [name for name, rule in SOLVERS.items() if not rule.stochastic]


def swing(x: Tensor, t: float, number: int) -> Tensor:
    """x' = 2 cos(3t) x, which ends at x(0) exp(2/3 sin 3)."""
    return 2 * math.cos(3 * t) * x


def gaussian_flow(sigma: float) -> Callable[[Tensor, float, int], Tensor]:
    """The exact velocity between N(0, 1) and N(0, σ²)."""

    def velocity(x: Tensor, t: float, number: int) -> Tensor:
        scale = Preconditioning.at(torch.tensor([t], dtype=torch.float64), sigma)
        return scale.c_skip.item() * x

    return velocity


def variance(sigma: float, steps: int, temperature: float) -> float:
    """Variance at t = 1 of the stochastic solver on that flow, exactly.

    The equation is linear, so a state is a vector of its weights on x_0 and on the fresh normals of
    every step, all of them independent; its squared norm is the variance.
    """
    basis = torch.eye(steps + 1, dtype=torch.float64)
    options = {"solver": "stochastic", "steps": steps, "temperature": temperature}
    end = solve(gaussian_flow(sigma), basis[0], fresh=lambda i: basis[i + 1], **options)
    return end.x.square().sum().item()


@pytest.mark.parametrize("name", ODE_SOLVERS)
def test_the_measured_order_is_the_declared_one(name: str) -> None:
    start = torch.tensor([1.0, -2.0], dtype=torch.float64)
    exact = start * math.exp(2 / 3 * math.sin(3))
    steps = [128, 256, 512, 1024]
    errors = [(solve(swing, start, solver=name, steps=n).x - exact).norm().item() for n in steps]
    orders = [math.log2(a / b) for a, b in itertools.pairwise(errors)]
    assert orders == pytest.approx([SOLVERS[name].order] * 3, abs=0.1)


@pytest.mark.parametrize("name", SOLVERS)
@pytest.mark.parametrize("steps", [1, 3, 20])
def test_every_evaluation_is_counted_and_numbered(name: str, steps: int) -> None:
    seen: list[tuple[float, int]] = []
    drawn: list[int] = []

    def velocity(x: Tensor, t: float, number: int) -> Tensor:
        seen.append((t, number))
        return x

    def fresh(step: int) -> Tensor:
        drawn.append(step)
        return torch.zeros(3)

    solution = solve(velocity, torch.ones(3), solver=name, steps=steps, fresh=fresh)
    assert solution.evaluations == len(seen) == steps * SOLVERS[name].evaluations
    assert [number for _, number in seen] == list(range(len(seen)))
    assert all(0 <= t <= 1 for t, _ in seen)
    assert seen[0][0] == 0
    assert drawn == (list(range(steps)) if SOLVERS[name].stochastic else [])


def test_heun_carries_a_gaussian_to_a_gaussian() -> None:
    x = torch.linspace(-3, 3, 7, dtype=torch.float64)
    end = solve(gaussian_flow(0.4), x, solver="heun", steps=40).x
    torch.testing.assert_close(end, 0.4 * x, rtol=2e-3, atol=0)


@pytest.mark.parametrize("name", ODE_SOLVERS)
def test_there_and_back_again(name: str) -> None:
    x = torch.tensor([1.0, -2.0], dtype=torch.float64)
    errors = []
    for steps in (100, 200):
        noise = solve(swing, x, solver=name, steps=steps, span=(1.0, 0.0)).x
        exact = x * math.exp(-2 / 3 * math.sin(3))
        assert (noise - exact).norm() < 0.1 / steps ** (SOLVERS[name].order - 1)
        errors.append((solve(swing, noise, solver=name, steps=steps).x - x).norm().item())
    assert math.log2(errors[0] / errors[1]) > SOLVERS[name].order - 0.2


@pytest.mark.parametrize("sigma", [0.3, 1.0, 2.0])
@pytest.mark.parametrize("temperature", [0.25, 1.0, 2.0])
def test_the_stochastic_solver_ends_at_the_variance_of_the_data(
    sigma: float, temperature: float
) -> None:
    errors = [abs(variance(sigma, n, temperature) - sigma**2) for n in (200, 400, 800)]
    assert errors[-1] < 0.02 * max(sigma**2, sigma)
    orders = [math.log2(a / b) for a, b in itertools.pairwise(errors)]
    assert orders == pytest.approx([SOLVERS["stochastic"].order] * 2, abs=0.15)


def test_temperature_zero_is_euler() -> None:
    x = torch.randn(2, 5, 3, generator=torch.Generator().manual_seed(0))
    euler = solve(swing, x, solver="euler", steps=7).x
    cold = solve(
        swing, x, solver="stochastic", steps=7, temperature=0, fresh=lambda _: torch.ones_like(x)
    ).x
    torch.testing.assert_close(cold, euler, rtol=0, atol=0)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"solver": "rk4"}, "Unknown solver 'rk4'; choose one of heun, euler, stochastic"),
        ({"steps": 0}, "steps is 0; .* at least 1"),
        ({"solver": "stochastic"}, "`fresh`"),
        ({"solver": "stochastic", "fresh": lambda _: 0, "span": (1.0, 0.0)}, "heun or euler"),
        ({"solver": "stochastic", "fresh": lambda _: 0, "temperature": -1.0}, r"0 or more .got -1"),
    ],
)
def test_what_cannot_be_solved_is_refused(options: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        solve(swing, torch.zeros(1), **options)
