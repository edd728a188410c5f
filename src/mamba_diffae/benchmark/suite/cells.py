"""Where observations lie: the columns of the suite's table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import final

from mamba_diffae.fields import FieldData, Observations, Pattern, observe
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
