"""Principal coordinates of a field, turned."""

from __future__ import annotations

from typing import ClassVar, final

import torch
from torch import Tensor, nn

from mamba_diffae.fields import Observations
from mamba_diffae.models.codes.base import LatentCode, rotation
from mamba_diffae.models.config import AutoencoderConfig
from mamba_diffae.priors import PriorPosterior

_LEVELS = 127
"""Whole numbers up to the greatest entry of an axis, which axes are kept as."""


@final
class PrincipalCode(LatentCode):
    """The projection of the posterior mean on the principal components of the training fields.

    The coordinates are turned by a fixed rotation, drawn at random: then all of them vary about
    alike, so that to standardise them, as probes and flows do, keeps the first components of larger
    variance than the last. The axes stay orthonormal (up to 8 bits), so decoding is the transpose.
    Values that no training field has (land) count nothing; where some have a gap, the mean stands
    for it.
    See docs/concepts.md, eq. (16).

    Args:
        dim: Coordinates, F; at most min(F, values, fields - 1) components count.
        config: Of the network.
    """

    share: ClassVar[float | None] = None
    decodes: ClassVar[bool] = True
    axes: Tensor
    unit: Tensor
    centre: Tensor

    def __init__(self, dim: int, config: AutoencoderConfig) -> None:
        super().__init__(dim, config)
        size = config.prior_config.cells * config.value_dim
        self.register_buffer("axes", torch.zeros(dim, size, dtype=torch.int8))
        self.register_buffer("unit", torch.ones(dim, 1))
        self.register_buffer("centre", torch.zeros(size))

    def fit(self, fields: Tensor, known: Tensor) -> None:
        """See `LatentCode.fit`."""
        if not self.dim:
            return
        fields, known = fields.flatten(1), known.flatten(1)
        count = known.sum(dim=0).clamp(min=1)
        self.centre.copy_(fields.masked_fill(~known, 0).sum(dim=0) / count)
        deviations = (fields - self.centre).masked_fill(~known, 0)
        components = _principal_axes(deviations, self.dim)
        axes = rotation(self.dim)[:, : len(components)].to(fields.device) @ components
        self.unit.copy_(axes.abs().amax(dim=1, keepdim=True).clamp(min=1e-12) / _LEVELS)
        self.axes.copy_((axes / self.unit).round().to(torch.int8))

    def encode(self, observations: Observations, posterior: PriorPosterior) -> Tensor:
        """See `LatentCode.encode`."""
        return (posterior.mean.flatten(1) - self.centre) @ self._axes().T

    def decode(self, code: Tensor) -> Tensor:
        """See `LatentCode.decode`."""
        return (code @ self._axes() + self.centre).unflatten(1, (-1, self.value_dim))

    def _axes(self) -> Tensor:
        return self.axes.to(self.unit.dtype) * self.unit


def _principal_axes(deviations: Tensor, count: int) -> Tensor:
    """Directions in which centred fields (S, P) vary most, orthonormal, shape (at most count, P).

    Directions without variance are left out.
    """
    few = len(deviations) <= deviations.shape[1]
    gram = deviations @ deviations.T if few else deviations.T @ deviations
    variance, vectors = torch.linalg.eigh(gram)
    kept = variance[-count:] > 1e-6 * variance[-1].clamp(min=1e-30)
    axes = vectors[:, -count:][:, kept].flip(1)
    return nn.functional.normalize((deviations.T @ axes if few else axes).T, dim=1)
