"""What is observed, and at which resolutions it is scored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

from mamba_diffae.fields import FieldBatch, GridField, Pattern, observe

LARGEST_RENDERED = 1024
"""Pixels a side of the largest pictures in a panel."""


@final
@dataclass(frozen=True)
class Protocol:
    """What is observed, and where it is judged.

    Attributes:
        scales: Pixels a side; above the native size fields are rendered, not scored.
        fraction: Share of cells that are observed.
        pattern: See `observe`.
        seed: Of observations, draws and intervals.
        draws: Of each field in the panels, two or more.
    """

    scales: Sequence[int] = (32, 64, 96)
    fraction: float = 0.2
    pattern: Pattern = "random"
    seed: int = 0
    draws: int = 6

    def observe(self, truth: GridField) -> FieldBatch:
        """The observations of complete fields."""
        return observe(truth, self.fraction, pattern=self.pattern, seed=self.seed)

    def divide(self, truth: GridField) -> tuple[list[int], list[int]]:
        """The scales at which there is a truth, and those above the native size.

        Raises:
            ValueError: If there is a truth at none, or one is below 1 or too large for a panel.
        """
        scored = [scale for scale in self.scales if scale <= truth.size]
        for scale in scored or self.scales:
            truth.check_scale(scale)
        above = [scale for scale in self.scales if scale > truth.size]
        if max(above, default=0) > LARGEST_RENDERED:
            raise ValueError(
                f"Scale {max(above)} was asked; panels are rendered at up to "
                f"{LARGEST_RENDERED}: for a larger picture use `mamba-diffae predict --size "
                f"{max(above)}`."
            )
        return scored, above
