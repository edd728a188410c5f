"""How a network's output becomes a velocity: two parameterisations with one interface.

Both scale the state by c_in before the network sees it, and in both the velocity at t = 0 and
x_t = 0 is the posterior mean, σ times the first C outputs.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import final

from torch import Tensor
from torch.nn import functional as F

from mamba_diffae.flow import Preconditioning, gaussian_velocity
from mamba_diffae.models.config import AutoencoderConfig

NARROWEST = 0.03
"""Least spread, as a share of σ: a narrower posterior would be stiff for 20 steps of a solver."""


class Parameterisation(ABC):
    """From outputs to a velocity.

    Args:
        config: Channels C and σ of the data.
    """

    def __init__(self, config: AutoencoderConfig) -> None:
        self.sigma, self.value_dim = config.sigma, config.value_dim

    @property
    @abstractmethod
    def outputs(self) -> int:
        """How many numbers a network gives for a point."""

    @abstractmethod
    def velocity(self, outputs: Tensor, t: Tensor, x_t: Tensor) -> Tensor:
        """The velocity (B, N, C) from outputs (B, N, outputs), time (B,) and state (B, N, C)."""

    def scaled(self, t: Tensor, x_t: Tensor) -> Tensor:
        """The state with unit variance at every t, as the network sees it."""
        return Preconditioning.at(t, self.sigma).c_in * x_t


@final
class Preconditioned(Parameterisation):
    """c_skip x_t + c_out F: one σ for all points; see `flow.Preconditioning`."""

    @property
    def outputs(self) -> int:
        """F, for every channel."""
        return self.value_dim

    def velocity(self, outputs: Tensor, t: Tensor, x_t: Tensor) -> Tensor:
        """See `Parameterisation.velocity`."""
        scale = Preconditioning.at(t, self.sigma)
        return scale.c_skip * x_t + scale.c_out * outputs


@final
class GaussianPosterior(Parameterisation):
    """The velocity of a Gaussian whose mean and spread the network gives at every point.

    Where the observations leave little open the right velocity depends steeply on x_t. Here that
    dependence is in the formula, and the network only has to say how much is open.
    """

    @property
    def outputs(self) -> int:
        """Mean and spread, for every channel."""
        return 2 * self.value_dim

    def velocity(self, outputs: Tensor, t: Tensor, x_t: Tensor) -> Tensor:
        """See `Parameterisation.velocity`."""
        mean, raw = outputs.chunk(2, dim=-1)
        spread = NARROWEST + F.softplus(raw - 1)  # 0.34 σ at the start
        return gaussian_velocity(x_t, t, self.sigma * mean, self.sigma * spread)


def parameterisation(config: AutoencoderConfig) -> Parameterisation:
    """The one that a config names."""
    kinds = {"gaussian": GaussianPosterior, "preconditioned": Preconditioned}
    return kinds[config.velocity](config)
