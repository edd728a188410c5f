"""Where a mixture's field is asked for."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from mamba_diffae.priors.base import PriorConfig
from mamba_diffae.priors.kriging.readings import Boxes
from mamba_diffae.priors.mixture.lattice import LatticeMap


class Targets(NamedTuple):
    """Where a field is asked for.

    Attributes:
        boxes: As the kernels see them.
        cells: As the lattice sees them.
    """

    boxes: Boxes
    cells: LatticeMap

    @classmethod
    def of(cls, config: PriorConfig, coords: Tensor, support: Tensor | None = None) -> Targets:
        """Averages over boxes, or points.

        Args:
            config: Region and lattice.
            coords: Inside coordinates, shape (M, D), float64.
            support: Sides of the boxes, shape (M, D); None: points.
        """
        sides = torch.zeros_like(coords) if support is None else support
        boxes = Boxes.of(coords, config.geometry, shape=config.shape)
        return cls(boxes, LatticeMap.of(config, coords, sides))

    @classmethod
    def of_lattice(cls, config: PriorConfig) -> Targets:
        """The cells of the lattice."""
        cells = zip(config.geometry.extent, config.shape, strict=True)
        cell = torch.tensor([a / n for a, n in cells], dtype=torch.float64)
        centres = config.centres()
        return cls.of(config, centres, cell.expand(centres.shape))
