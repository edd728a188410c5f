"""What a code is: the part of a latent that is known in closed form."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

import torch
from torch import Tensor, nn

from mamba_diffae.fields import Observations
from mamba_diffae.models.config import AutoencoderConfig
from mamba_diffae.priors import PriorPosterior


class LatentCode(nn.Module, ABC):
    """Numbers of a latent that follow from observations and posterior without learning by gradient.

    Args:
        dim: How many numbers.
        config: Of the network.

    Attributes:
        share: Part of the latent that it takes; None: what the others leave.
        decodes: Whether the field is decoded from it; else it only tells of the field.
    """

    share: ClassVar[float | None]
    decodes: ClassVar[bool]

    def __init__(self, dim: int, config: AutoencoderConfig) -> None:
        super().__init__()
        self.dim, self.value_dim = dim, config.value_dim

    @abstractmethod
    def fit(self, fields: Tensor, known: Tensor) -> None:
        """Learn from training fields on the prior's lattice.

        Args:
            fields: Shape (E, P, C), scaled.
            known: Where they have values, of the same shape, bool; what number stands elsewhere
                must not matter.
        """

    @abstractmethod
    def encode(self, observations: Observations, posterior: PriorPosterior) -> Tensor:
        """The code, shape (B, dim)."""

    @abstractmethod
    def decode(self, code: Tensor) -> Tensor:
        """The field on the prior's lattice that a code (B, dim) stands for, shape (B, P, C)."""


def rotation(size: int) -> Tensor:
    """An orthogonal matrix, the same in every run."""
    generator = torch.Generator().manual_seed(0)
    return torch.linalg.qr(torch.randn(size, size, generator=generator))[0]
