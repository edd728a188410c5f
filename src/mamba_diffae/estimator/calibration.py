"""Calibration of draws, stored with a model: how much they spread, and what is left by distance.

Both are fitted on validation fields, see `calibration_fit`: docs/concepts.md, eq. (51).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Self, final

import numpy as np

ONE_SIGMA = 0.6827
"""Level of a normal variable's interval of one deviation to both sides."""


@final
@dataclass(frozen=True)
class Calibration:
    """Two factors about the posterior mean.

    Attributes:
        counts: Places where a field was observed, ascending, A numbers.
        amplitude: By which draws are multiplied there, A numbers.
        distances: From the nearest observation, in widths of a native cell, ascending, D numbers.
        levels: Of central intervals, ascending, L numbers.
        factors: By which quantiles of these levels, of the draws so multiplied, are multiplied
            besides at those distances, shape (D, L).
        fields: Validation fields that it was fitted on.
    """

    counts: tuple[float, ...]
    amplitude: tuple[float, ...]
    distances: tuple[float, ...]
    levels: tuple[float, ...]
    factors: tuple[tuple[float, ...], ...]
    fields: int

    def amplitude_at(self, counts: np.ndarray) -> np.ndarray:
        """The amplitude at numbers of observed places, by the logarithm of the number."""
        known = np.log(np.maximum(self.counts, 1))
        return np.interp(np.log(np.maximum(counts, 1)), known, self.amplitude)

    def factor_at(self, distance: np.ndarray, level: float) -> np.ndarray:
        """The factor of a central interval's ends, of the shape of the distances.

        Args:
            distance: From the nearest observation, in widths of a native cell.
            level: Of the central interval, in [0, 1).
        """
        of_level = [np.interp(level, self.levels, row) for row in self.factors]
        return np.interp(distance, self.distances, of_level)

    def applied(
        self,
        quantiles: np.ndarray,
        mean: np.ndarray,
        levels: Sequence[float],
        distance: np.ndarray,
        trust: np.ndarray,
    ) -> np.ndarray:
        """Quantiles of draws, calibrated by distance.

        Args:
            quantiles: Shape (Q, B, ..., C).
            mean: Shape (B, ..., C).
            levels: Their probabilities, ascending, Q.
            distance: Of each place from the nearest observation, shape (B, ...).
            trust: How much of the network's learning counts, of a shape that broadcasts to the
                mean's: where it is 0 quantiles stay as they are.
        """
        found = np.empty_like(quantiles)
        for q, level in enumerate(levels):
            factor = self.factor_at(distance, abs(2 * level - 1))[..., None]
            found[q] = mean + (1 + trust * (factor - 1)) * (quantiles[q] - mean)
        return np.sort(found, axis=0)

    def describe(self) -> str:
        """What it says, in one sentence."""
        spread = ", ".join(f"{a:.2f}" for a in self.amplitude)
        counts = ", ".join(f"{n:.0f}" for n in self.counts)
        return (
            f"Draws are spread {spread} times as wide at {counts} observed places, as "
            f"{self.fields} validation fields ask for."
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers, ready for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """The inverse of `to_dict`."""
        plain = {name: tuple(data[name]) for name in ("counts", "amplitude", "distances", "levels")}
        return cls(**plain, factors=tuple(map(tuple, data["factors"])), fields=data["fields"])
