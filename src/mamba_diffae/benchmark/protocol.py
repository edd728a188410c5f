"""What is observed, and at which resolutions it is scored."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

from mamba_diffae.fields import FieldData, Grid, Observations, Pattern, ShapeError, observe

SCALES = (32, 64, 96)
"""Cells along the longest axis to score at, where the native grid is finer."""
LONGEST_RENDERED, CELLS_RENDERED = 1024, 2**20
"""Cells along the longest axis and in all of the largest fields in a panel."""


def default_scales(grid: Grid) -> list[int]:
    """32, 64 and 96 as far as they are below the native cells along the longest axis, and those.

    >>> default_scales(Grid.default((36, 72))), default_scales(Grid.default((24, 24, 24)))
    ([32, 64, 72], [24])
    """
    native = max(grid.shape)
    return [*(scale for scale in SCALES if scale < native), native]


@final
@dataclass(frozen=True)
class Protocol:
    """What is observed, and where it is scored.

    Attributes:
        scales: Cells along the longest axis; above the native ones fields are shown, not scored.
            None: those of `default_scales`.
        fraction: Share of the cells of the observed lattice that is seen.
        pattern: See `observe`.
        seed: Of observations, draws and intervals.
        draws: Of each field in the panels, two or more.
    """

    scales: Sequence[int] | None = None
    fraction: float = 0.2
    pattern: Pattern = "random"
    seed: int = 0
    draws: int = 6

    def observe(self, truth: FieldData) -> Observations:
        """The observations of fields."""
        return observe(truth, self.fraction, pattern=self.pattern, seed=self.seed)

    def divide(self, grid: Grid) -> tuple[list[int], list[int]]:
        """The scales at which there is a truth, and those above the native grid.

        Args:
            grid: The native one of the truth.

        Raises:
            ShapeError: If there is a truth at none, or one is below 1 or too large for a panel.
        """
        native, asked = max(grid.shape), self.scales or default_scales(grid)
        scored = [scale for scale in asked if scale <= native]
        above = [scale for scale in asked if scale > native]
        for scale in scored or asked:
            if not 1 <= scale <= native:
                raise ShapeError(
                    f"Scale {scale} was asked, but the native grid has {grid.describe_shape()} "
                    f"cells; score at 1 to {native} cells along the longest axis, and at one scale "
                    "at least: above it there is no truth."
                )
        for scale in above:
            cells = math.prod(grid.scaled_shape(scale))
            if scale > LONGEST_RENDERED or cells > CELLS_RENDERED:
                raise ShapeError(
                    f"Scale {scale} was asked; panels are rendered at up to {LONGEST_RENDERED} "
                    f"cells along an axis and {CELLS_RENDERED:,} in all: for a larger field use "
                    f"`mamba-diffae predict --size {scale}`."
                )
        return scored, above
