"""Where observations lie: the columns of the suite's table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import final

import numpy as np

from mamba_diffae.fields import FieldData, Grid, Observations, Pattern, observe
from mamba_diffae.registry import unknown


@final
@dataclass(frozen=True)
class Cell:
    """A way to observe fields.

    Attributes:
        name: As tables name it.
        fraction: Share of the lattice that is observed; off the lattice, as many points.
        pattern: See `observe`.
    """

    name: str
    fraction: float
    pattern: Pattern = "random"

    def observe(self, data: FieldData, seed: int) -> Observations:
        """Observations of fields; number b is drawn with the key (seed, b)."""
        return observe(data, self.fraction, pattern=self.pattern, seed=seed)


_ALL = (
    Cell("2 %", 0.02),
    Cell("5 %", 0.05),
    Cell("20 %", 0.2),
    Cell("60 %", 0.6),
    Cell("block", 0.2, "block"),
    Cell("stripes", 0.2, "stripes"),
    Cell("clusters", 0.2, "clusters"),
    Cell("track", 0.2, "track"),
    Cell("scattered", 0.2, "scattered"),
)
CELLS: Mapping[str, Cell] = {cell.name: cell for cell in _ALL}
"""Those of the suite by name: random cells, then patterns at 20 %."""


def find_cells(chosen: Iterable[str | Cell] | None) -> list[Cell]:
    """Cells by name or as objects of one's own; None: all of the suite.

    Raises:
        ValueError: If a name is unknown; it names the nearest.
    """
    found = []
    for given in CELLS if chosen is None else chosen:
        if isinstance(given, str) and given not in CELLS:
            raise unknown("cell", given, CELLS)
        found.append(CELLS[given] if isinstance(given, str) else given)
    return found


def unobserved(grid: Grid, observations: Observations) -> np.ndarray:
    """Where no observation lies, whatever the side of its box.

    Args:
        grid: P cells.
        observations: Of B fields, on that grid.

    Returns:
        Shape (B, *shape, C), bool.
    """
    coords, mask = observations.coords.double().cpu().numpy(), observations.mask.cpu().numpy()
    index = []
    for d, axis in enumerate(grid.axes):
        x = coords[..., d]
        x = axis.low + np.mod(x - axis.low, axis.span) if axis.periodic else x
        index.append(np.clip(np.searchsorted(axis.edges, x, "right") - 1, 0, axis.cells - 1))
    free = np.ones((len(coords), grid.cells, mask.shape[-1]), dtype=bool)
    b, n, c = np.nonzero(mask)
    free[b, np.ravel_multi_index([i[b, n] for i in index], grid.shape), c] = False
    return free.reshape(len(coords), *grid.shape, -1)
