"""From outputs to velocities: the posterior mean at the start, and what a constant output means."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from mamba_diffae.flow import solve
from mamba_diffae.models.config import AutoencoderConfig
from mamba_diffae.models.parameterisation import NARROWEST, Parameterisation, parameterisation

SIGMA, C = 0.5, 2


def made_of(velocity: str) -> Parameterisation:
    return parameterisation(AutoencoderConfig(velocity=velocity, sigma=SIGMA, value_dim=C))


@pytest.fixture(params=["gaussian", "preconditioned"])
def made(request) -> Parameterisation:
    return made_of(request.param)


def test_at_the_start_the_first_outputs_are_the_mean(
    made: Parameterisation,
) -> None:
    outputs = torch.randn(3, 5, made.outputs)
    u = made.velocity(outputs, torch.zeros(3), torch.zeros(3, 5, C))
    torch.testing.assert_close(u, SIGMA * outputs[..., :C])


def test_the_network_sees_a_state_of_unit_variance(made: Parameterisation) -> None:
    t = torch.linspace(0, 1, 5)
    x_0, x_1 = torch.randn(2, 5, 20_000, C, generator=torch.Generator().manual_seed(0))
    x_t = (1 - t).view(-1, 1, 1) * x_0 + SIGMA * t.view(-1, 1, 1) * x_1
    assert (made.scaled(t, x_t).var((1, 2)) - 1).abs().max() < 0.03


def flow(made: Parameterisation, outputs: Tensor) -> Callable[[Tensor, float, int], Tensor]:
    return lambda x, t, number: made.velocity(outputs, x.new_full((len(x),), t), x)


def test_before_learning_a_gaussian_draw_is_mean_and_a_third_of_sigma() -> None:
    made = made_of("gaussian")
    x_0, mean = torch.randn(2, 1, 50, C)
    outputs = torch.cat([mean, torch.zeros_like(mean)], dim=-1)
    draw = solve(flow(made, outputs), x_0, solver="heun", steps=100).x
    torch.testing.assert_close(draw, SIGMA * (mean + 0.343 * x_0), rtol=0, atol=5e-3)


def test_an_output_of_zero_carries_noise_to_the_scale_of_the_data() -> None:
    made = made_of("preconditioned")
    x_0 = torch.randn(1, 50, C)
    draw = solve(flow(made, torch.zeros_like(x_0)), x_0, solver="heun", steps=100).x
    torch.testing.assert_close(draw, SIGMA * x_0, rtol=0, atol=5e-3)


def test_however_sure_a_network_is_the_slope_of_the_velocity_is_bounded() -> None:
    made = made_of("gaussian")
    t = torch.linspace(0, 1, 2001)
    outputs = torch.cat([torch.zeros(2001, 1, C), torch.full((2001, 1, C), -50.0)], dim=-1)
    slope = made.velocity(outputs, t, torch.ones(2001, 1, C)).abs().max().item()
    # With a spread s the slope is about 1 / (2 s) at most, and s has a floor.
    assert slope == pytest.approx(1 / (2 * NARROWEST * SIGMA), rel=0.1)
