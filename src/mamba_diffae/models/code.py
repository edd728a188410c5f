"""What a latent holds of a field as a whole: its principal coordinates, turned."""

from __future__ import annotations

from typing import final

import torch
from torch import Tensor, nn

_LEVELS = 127
"""Whole numbers up to the greatest entry of an axis, which axes are kept as."""


@final
class PrincipalCode(nn.Module):
    """A linear code of fields on a lattice: the projection on their principal components.

    The coordinates are turned by a fixed rotation, drawn at random: then all of them vary about
    alike, so that to standardise them, as probes and flows do, keeps the first components louder
    than the last. The axes stay orthonormal (up to 8 bits), so decoding is the transpose.

    Args:
        latent_dim: Coordinates, F.
        size: Values of a field on the lattice, P; at most min(F, P, fields - 1) components count.
    """

    axes: Tensor
    unit: Tensor
    centre: Tensor

    def __init__(self, latent_dim: int, size: int) -> None:
        super().__init__()
        self.register_buffer("axes", torch.zeros(latent_dim, size, dtype=torch.int8))
        self.register_buffer("unit", torch.ones(latent_dim, 1))
        self.register_buffer("centre", torch.zeros(size))

    def learn(self, fields: Tensor) -> None:
        """Take the principal components of fields, shape (S, P)."""
        self.centre.copy_(fields.mean(dim=0))
        components = _principal_axes(fields - self.centre, len(self.axes))
        axes = rotation(len(self.axes))[:, : len(components)].to(fields.device) @ components
        self.unit.copy_(axes.abs().amax(dim=1, keepdim=True).clamp(min=1e-12) / _LEVELS)
        self.axes.copy_((axes / self.unit).round().to(torch.int8))

    def encode(self, fields: Tensor) -> Tensor:
        """Coordinates of fields on the lattice, (B, G^D, C) to (B, F)."""
        return (fields.flatten(1) - self.centre) @ self._axes().T

    def decode(self, latent: Tensor, channels: int) -> Tensor:
        """The fields that coordinates stand for, (B, F) to (B, G^D, C)."""
        return (latent @ self._axes() + self.centre).unflatten(1, (-1, channels))

    def _axes(self) -> Tensor:
        return self.axes.to(self.unit.dtype) * self.unit


def _principal_axes(deviations: Tensor, count: int) -> Tensor:
    """Directions in which centred fields (S, P) vary most, orthonormal, shape (at most count, P).

    Directions without variance are left out.
    """
    few = len(deviations) <= deviations.shape[1]
    gram = deviations @ deviations.T if few else deviations.T @ deviations
    variance, vectors = torch.linalg.eigh(gram)
    kept = variance[-count:] > 1e-6 * variance[-1]
    axes = vectors[:, -count:][:, kept].flip(1)
    return nn.functional.normalize((deviations.T @ axes if few else axes).T, dim=1)


def rotation(size: int) -> Tensor:
    """An orthogonal matrix, the same in every run."""
    generator = torch.Generator().manual_seed(0)
    return torch.linalg.qr(torch.randn(size, size, generator=generator))[0]
