"""From a lattice to observations: what a field on a lattice says of the average over any box."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor

from mamba_diffae.priors.base import PriorConfig

_SNAP = 1e-5
"""Share of a cell by which the border of a box may miss that of a cell and still be it."""


@final
@dataclass(frozen=True)
class LatticeMap:
    """The operator H: sparse rows of shares of cells.

    Attributes:
        index: Cells of each row, shape (n, q).
        weight: Their shares, sum 1, shape (n, q).
    """

    index: Tensor
    weight: Tensor

    @classmethod
    def of(cls, config: PriorConfig, coords: Tensor, support: Tensor) -> LatticeMap:
        """The average over a box, at least one cell wide, of a field constant in each cell.

        A cell of the lattice is itself; a point is interpolated multilinearly between centres. See
        docs/concepts.md, eq. (38).

        Args:
            config: The lattice.
            coords: Centres of the boxes, shape (n, D), float64.
            support: Their sides, shape (n, D); 0: points.
        """
        taps = [_taps(config, d, coords[:, d], support[:, d]) for d in range(coords.shape[1])]
        index = torch.zeros(len(coords), 1, dtype=torch.int64)
        weight = torch.ones(len(coords), 1, dtype=torch.float64)
        for (cells, share), count in zip(taps, config.shape, strict=True):
            index = (index[:, :, None] * count + cells[:, None]).flatten(1)
            weight = (weight[:, :, None] * share[:, None]).flatten(1)
        return cls(index, weight)

    def __call__(self, table: Tensor) -> Tensor:
        """Rows of a table of the cells: (P, ...) to (n, ...)."""
        if self.index.shape[1] == 1:
            return table.index_select(0, self.index[:, 0])
        found = table.index_select(0, self.index.flatten()).unflatten(0, self.index.shape)
        return torch.einsum("nq,nq...->n...", self.weight.to(table.dtype), found)

    def __getitem__(self, rows: Tensor) -> LatticeMap:
        """Some of the rows."""
        return LatticeMap(self.index[rows], self.weight[rows])


def _taps(config: PriorConfig, d: int, centre: Tensor, side: Tensor) -> tuple[Tensor, Tensor]:
    """Cells under boxes along one axis and the share of each, both of shape (n, q)."""
    count = config.shape[d]
    cell = config.geometry.extent[d] / count
    half = (side / cell).clamp(min=1.0, max=float(count)) / 2
    low, high = (_snapped(centre / cell + sign * half) for sign in (-1, 1))
    if not config.geometry.periodic[d]:
        # A box that lies beyond the border altogether is the cell next to it.
        low = low.clamp(0, count - 0.5)
        high = high.clamp(0.5, count).maximum(low + 0.5)
    first = low.floor()
    reach = int((high - first).ceil().max())
    cells = first[:, None] + torch.arange(reach)
    share = (high[:, None].minimum(cells + 1) - low[:, None].maximum(cells)).clamp(min=0)
    share = share / share.sum(dim=1, keepdim=True)
    cells = cells.long()
    cells = cells % count if config.geometry.periodic[d] else cells.clamp(0, count - 1)
    return cells, share


def _snapped(x: Tensor) -> Tensor:
    whole = x.round()
    return torch.where((x - whole).abs() < _SNAP, whole, x)
