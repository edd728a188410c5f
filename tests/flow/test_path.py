"""The path and its preconditioning, as algebra on an orthonormal basis: nothing is sampled."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mamba_diffae.flow import Preconditioning, gaussian_velocity, linear_path, solve

TIMES = st.floats(0, 1)
SIGMAS = st.floats(0.05, 4)


def at(t: float, sigma: float) -> list[float]:
    """c_skip, c_in, c_out at a time, in float64."""
    return [float(c) for c in Preconditioning.at(torch.tensor([t], dtype=torch.float64), sigma)]


@given(t=TIMES, seed=st.integers(0, 100))
def test_the_path_joins_noise_to_data_in_a_straight_line(t: float, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    x_0, x_1 = torch.randn(2, 3, 5, 2, dtype=torch.float64, generator=generator)
    sample = linear_path(x_0, x_1, torch.tensor([0.0, t, 1.0], dtype=torch.float64))
    torch.testing.assert_close(sample.x_t[0], x_0[0])
    torch.testing.assert_close(sample.x_t[1] + (1 - t) * sample.u_t[1], x_1[1])
    torch.testing.assert_close(sample.x_t[2], x_1[2])


@given(t=TIMES, sigma=SIGMAS)
def test_the_network_sees_and_learns_unit_variance(t: float, sigma: float) -> None:
    # Noise and data of variances 1 and σ² as two orthogonal directions: norms are deviations.
    noise = torch.tensor([1.0, 0.0], dtype=torch.float64)
    data = torch.tensor([0.0, sigma], dtype=torch.float64)
    x_t, u_t = (1 - t) * noise + t * data, data - noise
    c_skip, c_in, c_out = at(t, sigma)
    F = (u_t - c_skip * x_t) / c_out
    assert (c_in * x_t).norm().item() == pytest.approx(1)
    assert F.norm().item() == pytest.approx(1)
    # What is left to learn is uncorrelated with x_t: c_skip x_t is the best linear guess.
    assert (F @ x_t).item() == pytest.approx(0, abs=1e-9)


@given(sigma=SIGMAS)
def test_at_the_start_the_velocity_is_sigma_times_the_network(sigma: float) -> None:
    c_skip, c_in, c_out = at(0.0, sigma)
    assert (c_skip, c_in) == (-1, 1)
    assert c_out == pytest.approx(sigma)
    # At x_t = 0, then, u = σ F; its best value there is E[x_1], the posterior mean.


@given(sigma=SIGMAS)
def test_at_the_end_the_velocity_is_data_minus_a_guess_of_the_noise(sigma: float) -> None:
    c_skip, c_in, c_out = at(1.0, sigma)
    assert (c_skip, c_in, c_out) == pytest.approx((1, 1 / sigma, 1))


def test_coefficients_broadcast_over_points_and_channels() -> None:
    scale = Preconditioning.at(torch.linspace(0, 1, 4), 0.5)
    assert {c.shape for c in scale} == {(4, 1, 1)}
    assert all(math.isfinite(float(v)) for c in scale for v in c.flatten())


# Gaussian data at every point


@given(t=TIMES, mean=st.floats(-2, 2), spread=SIGMAS, start=st.floats(-3, 3))
def test_the_gaussian_velocity_carries_noise_to_mean_and_spread(
    t: float, mean: float, spread: float, start: float
) -> None:
    # x_t = t m + √V x_0 is the way of a Gaussian; its derivative by hand is m + V' x_0 / (2 √V).
    V = (1 - t) ** 2 + (t * spread) ** 2
    slope = t * spread**2 - (1 - t)  # V' / 2
    x_t, expected = t * mean + V**0.5 * start, mean + slope / V**0.5 * start
    velocity = gaussian_velocity(
        *(torch.full((1, 1, 1), v).double() for v in (x_t, t)),
        *(torch.full((1, 1, 1), v).double() for v in (mean, spread)),
    )
    assert velocity.item() == pytest.approx(expected, rel=1e-6, abs=1e-6)


def test_it_is_the_preconditioned_skip_where_nothing_is_known() -> None:
    x, t = torch.linspace(-2, 2, 6).view(3, 2, 1), torch.tensor([0.0, 0.4, 1.0])
    known = torch.zeros_like(x), torch.full_like(x, 0.7)
    skip = Preconditioning.at(t, 0.7).c_skip * x
    torch.testing.assert_close(gaussian_velocity(x, t, *known), skip)


def test_a_solver_ends_where_the_gaussian_is() -> None:
    x_0, mean, spread = torch.randn(3, 1, 40, 2, dtype=torch.float64)
    spread = 0.1 + spread.abs()

    def velocity(x: torch.Tensor, t: float, number: int) -> torch.Tensor:
        return gaussian_velocity(x, torch.tensor([t], dtype=torch.float64), mean, spread)

    end = solve(velocity, x_0, solver="heun", steps=400).x
    torch.testing.assert_close(end, mean + spread * x_0, rtol=0, atol=2e-2)
