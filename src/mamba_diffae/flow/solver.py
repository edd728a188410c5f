"""Solvers of dx/dt = u(x, t) with fixed steps, which are the same for every query.

An adaptive step would depend on the other queries, and chunks would show seams.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

Velocity = Callable[[Tensor, float, int], Tensor]
"""(x, t, number of the evaluation) -> velocity, of x's shape."""
Fresh = Callable[[int], Tensor]
"""Number of the step -> standard normals, of x's shape."""


class Solution(NamedTuple):
    """Where the flow ends, and what it cost."""

    x: Tensor
    evaluations: int


@dataclass(frozen=True)
class Solver:
    """A rule for one step.

    Attributes:
        step: (velocity, x, t, dt, number of the first evaluation, normals, temperature) -> x.
        evaluations: Evaluations of the velocity in a step.
        order: Global order of the error in dt (weak order, for the stochastic one).
        stochastic: Whether it needs fresh normals at every step.
    """

    step: Callable[[Velocity, Tensor, float, float, int, Tensor | None, float], Tensor]
    evaluations: int
    order: int
    stochastic: bool = False


def _euler(
    u: Velocity, x: Tensor, t: float, dt: float, n: int, z: Tensor | None, temperature: float
) -> Tensor:
    return x + dt * u(x, t, n)


def _heun(
    u: Velocity, x: Tensor, t: float, dt: float, n: int, z: Tensor | None, temperature: float
) -> Tensor:
    slope = u(x, t, n)
    return x + dt / 2 * (slope + u(x + dt * slope, t + dt, n + 1))


def _stochastic(
    u: Velocity, x: Tensor, t: float, dt: float, n: int, z: Tensor | None, temperature: float
) -> Tensor:
    """Euler-Maruyama for the equation of the same marginals with diffusion g² = 2 τ (1 - t).

    The score of x_t is -(x - t u) / (1 - t), so the drift u + g²/2 score is u - τ (x - t u): finite
    up to t = 1. See docs/concepts.md, eq. (23); Song et al. (2021), arXiv 2011.13456; Ma et al.
    (2024), SiT, arXiv 2401.08740.
    """
    assert z is not None
    slope = u(x, t, n)
    drift = slope - temperature * (x - t * slope)
    return x + dt * drift + (2 * temperature * (1 - t) * dt) ** 0.5 * z


SOLVERS = {
    "heun": Solver(_heun, evaluations=2, order=2),
    "euler": Solver(_euler, evaluations=1, order=1),
    "stochastic": Solver(_stochastic, evaluations=1, order=1, stochastic=True),
}


def solve(
    velocity: Velocity,
    x: Tensor,
    *,
    solver: str = "heun",
    steps: int = 20,
    fresh: Fresh | None = None,
    temperature: float = 1.0,
    span: tuple[float, float] = (0.0, 1.0),
) -> Solution:
    """Carry x from t = 0 to t = 1, or over another span, in equal steps.

    Args:
        velocity: The flow; its third argument is the number of the evaluation, from 0. The sequence
            of times is the same for every call of equal `solver` and `steps`.
        x: State at the start of the span, any shape.
        solver: "heun" (order 2, two evaluations a step), "euler", or "stochastic".
        steps: Equal steps, at least 1.
        fresh: Standard normals for a step, for the stochastic solver.
        temperature: τ ≥ 0 of the stochastic solver; 0 is Euler's ODE.
        span: Times of start and end; (1, 0) carries data to noise.

    Returns:
        The state at the end of the span, and how often the velocity was evaluated.

    Raises:
        ValueError: If the solver is unknown or cannot go backwards, `steps` is below 1, the
            temperature negative or `fresh` missing.
    """
    rule = SOLVERS.get(solver)
    if rule is None:
        raise ValueError(f"Unknown solver {solver!r}; choose one of {', '.join(SOLVERS)}.")
    if steps < 1:
        raise ValueError(f"steps is {steps}; a solver needs at least 1.")
    if temperature < 0 or (rule.stochastic and fresh is None):
        raise ValueError(
            f"The stochastic solver needs a temperature of 0 or more (got {temperature:g}) and "
            f"`fresh`, a "
            "function from the step's number to standard normals."
        )
    if rule.stochastic and span[1] < span[0]:
        raise ValueError(f"The {solver} solver does not go back to noise; choose heun or euler.")
    times = torch.linspace(*span, steps + 1, dtype=torch.float64).tolist()
    for i, (t, end) in enumerate(itertools.pairwise(times)):
        z = fresh(i) if rule.stochastic and fresh is not None else None
        x = rule.step(velocity, x, t, end - t, i * rule.evaluations, z, temperature)
    return Solution(x, steps * rule.evaluations)
