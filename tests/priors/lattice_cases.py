"""Smooth fields on a prior's lattice, and what is observed of them."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from mamba_diffae.fields import FieldData, Geometry, Grid, Observations, Variable
from mamba_diffae.nn.attention import lattice
from mamba_diffae.priors import AnaloguePrior, PriorConfig

C = 2
SQUARE = (6, 6)
GLOBE = Geometry(extent=(0.5, 1.0), periodic=(False, True))


def geometry_of(shape: Sequence[int]) -> Geometry:
    """Of square cells, the longest axis of length 1."""
    return Geometry(extent=tuple(n / max(shape) for n in shape))


def centres(shape: Sequence[int] = SQUARE, geometry: Geometry | None = None) -> Tensor:
    """Of the lattice's cells, in C order, shape (P, D)."""
    return lattice(shape, (geometry or geometry_of(shape)).extent)


def smooth(count: int, shape: Sequence[int] = SQUARE, seed: int = 0) -> Tensor:
    """Waves on the lattice, in [-0.9, 0.9], shape (count, P, C)."""
    generator = torch.Generator().manual_seed(seed)
    k = 2 * torch.randn(count, C, 3, len(shape), generator=generator)
    phase = 6.3 * torch.rand(count, C, 3, 1, generator=generator)
    waves = torch.sin(k @ centres(shape).T + phase).mean(dim=2)
    return 0.9 * waves.transpose(1, 2)


def lattice_data(
    fields: Tensor,
    shape: Sequence[int] = SQUARE,
    geometry: Geometry | None = None,
    known: Tensor | None = None,
    groups: Sequence[int] | None = None,
) -> FieldData:
    """Fields (E, P, C) as data on the lattice itself."""
    geometry = geometry or geometry_of(shape)
    grid = Grid.regular([(0.0, a) for a in geometry.extent], shape, periodic=geometry.periodic)
    whole = (len(fields), *shape, C)
    return FieldData(
        [Variable(f"v{c}") for c in range(C)],
        grid,
        fields.reshape(whole).numpy(),
        valid=None if known is None else known.reshape(whole).numpy(),
        groups=np.arange(len(fields)) if groups is None else np.asarray(groups),
    )


def prior_of(
    fields: Tensor,
    shape: Sequence[int] = SQUARE,
    *,
    geometry: Geometry | None = None,
    mirrored: bool = False,
    known: Tensor | None = None,
    groups: Sequence[int] | None = None,
) -> AnaloguePrior:
    """A prior that keeps all of the fields (E, P, C)."""
    config = PriorConfig(
        geometry=geometry or geometry_of(shape),
        shape=tuple(shape),
        value_dim=C,
        exemplars=len(fields),
        mirrored=mirrored,
    )
    prior = AnaloguePrior(config)
    prior.fit(lattice_data(fields, shape, config.geometry, known, groups))
    return prior


def seen_at(
    fields: Tensor,
    cells: Sequence[int],
    shape: Sequence[int] = SQUARE,
    geometry: Geometry | None = None,
    mask: Tensor | None = None,
) -> Observations:
    """Fields (B, P, C) observed at the centres of cells; mask (n, C): which variables there."""
    coords = centres(shape, geometry)[list(cells)].expand(len(fields), -1, -1)
    values = fields[:, list(cells)]
    here = torch.ones_like(values, dtype=torch.bool) if mask is None else mask.expand_as(values)
    return Observations(coords, values, here)


def some(shape: Sequence[int], share: float, seed: int = 0) -> Tensor:
    """Random booleans, True for about that share."""
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed)) < share


def cells_of(shape: Sequence[int]) -> int:
    return math.prod(shape)


def close(a: Tensor, b: Tensor, atol: float = 1e-4) -> None:
    torch.testing.assert_close(a, b, rtol=0, atol=atol)
