"""Smooth fields on a prior's lattice, and what is observed of them."""

import numpy as np
import torch
from torch import Tensor

from mamba_diffae.models.prior import AnaloguePrior

CHANNELS = 2


def centres(cells: int, dim: int) -> Tensor:
    """Of the lattice's cells, x fastest, shape (cells^dim, dim)."""
    axis = (np.arange(cells) + 0.5) / cells
    grid = np.stack(np.meshgrid(*[axis] * dim, indexing="ij"), axis=-1).reshape(-1, dim)
    return torch.from_numpy(grid[:, ::-1].astype(np.float32).copy())


def smooth(count: int, cells: int = 6, dim: int = 2, seed: int = 0) -> Tensor:
    """Waves on the lattice, in [-0.9, 0.9], shape (count, cells^dim, CHANNELS)."""
    generator = torch.Generator().manual_seed(seed)
    k = 2 * torch.randn(count, CHANNELS, 3, dim, generator=generator)
    phase = 6.3 * torch.rand(count, CHANNELS, 3, 1, generator=generator)
    waves = torch.sin(k @ centres(cells, dim).T + phase).mean(dim=2)
    return 0.9 * waves.transpose(1, 2)


def prior_of(fields: Tensor, dim: int = 2, *, mirrored: bool = False) -> AnaloguePrior:
    cells = round(fields.shape[1] ** (1 / dim))
    prior = AnaloguePrior(len(fields), cells, dim, CHANNELS, mirrored)
    prior.remember(fields)
    return prior


def kept(prior: AnaloguePrior) -> Tensor:
    """The exemplars as they came back from 8 bits."""
    return prior.exemplars.unflatten(1, (-1, CHANNELS)) / 127


def seen_at(fields: Tensor, cells: list[int], dim: int = 2) -> tuple[Tensor, Tensor, Tensor]:
    """Observations of fields on the lattice at the centres of some cells."""
    side = round(fields.shape[1] ** (1 / dim))
    coords = centres(side, dim)[cells].expand(len(fields), -1, -1)
    return coords, fields[:, cells], torch.ones(coords.shape[:2], dtype=torch.bool)


def mean_of(prior: AnaloguePrior, seen: tuple[Tensor, ...], excluded: Tensor | None = None):
    return prior(*seen, excluded)[..., :CHANNELS]


def close(a: Tensor, b: Tensor, atol: float = 1e-4) -> None:
    torch.testing.assert_close(a, b, rtol=0, atol=atol)
