"""What an encoder is: scattered observations to tokens, and one latent vector."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from typing import final

from torch import Tensor, nn

from mamba_diffae.fields import Observations
from mamba_diffae.models.config import AutoencoderConfig
from mamba_diffae.priors import PriorPosterior


@final
class EncoderOptionError(ValueError):
    """An option of an encoder has a value that it does not serve.

    Args:
        encoder: Name of the encoder.
        option: Name of the option.
        given: Its value.
        expected: What is served, in words.
    """

    def __init__(self, encoder: str, option: str, given: object, expected: str) -> None:
        super().__init__(
            f"The encoder {encoder!r} was given {option}={given!r}; expected {expected}. Set it by "
            f'encoder_options={{"{option}": ...}}, or leave it out.'
        )


@final
@dataclass(frozen=True, eq=False)
class Encoding:
    """What the encoder made of the observations.

    Attributes:
        latent: The semantic vector, shape (B, latent_dim).
        tokens: One vector for each observation, shape (B, N, d_model).
        observations: What was encoded, and may be read.
        prior_residual: The prior's posterior without what the latent holds of it, on its lattice,
            shape (B, P, C + 2); P = 0 where there is no prior.
        posterior: The prior's posterior itself.
        correction: What the encoder adds to the posterior's mean by the latent, (B, P, C).
    """

    latent: Tensor
    tokens: Tensor
    observations: Observations
    prior_residual: Tensor
    posterior: PriorPosterior
    correction: Tensor

    @property
    def read(self) -> Tensor:
        """Of which fields anything was observed, shape (B,), bool."""
        return self.observations.mask.flatten(1).any(dim=1)

    def mask_fields(self, keep: Tensor) -> Encoding:
        """The same, as if nothing were observed of the fields where `keep` (B,) is False."""
        seen = self.observations
        seen = replace(seen, mask=seen.mask & keep[:, None, None])
        residual = self.prior_residual * keep[:, None, None]
        return replace(self, observations=seen, prior_residual=residual)


class PointEncoder(nn.Module, ABC):
    """Observations to a latent and to tokens; neither their order nor their padding matters.

    Args:
        config: Sizes; an encoder of one's own is given `config.encoder_options` by keyword too.
    """

    def __init__(self, config: AutoencoderConfig) -> None:
        super().__init__()
        self.config = config

    @abstractmethod
    def forward(self, observations: Observations) -> tuple[Tensor, Tensor]:
        """Encode observations (inside coordinates, scaled values; 0 where masked).

        Returns:
            The latent, shape (B, latent_dim), and tokens, shape (B, N, d_model). Where codes hold
            part of the latent in closed form, the latent is what the encoder adds to them.
        """
