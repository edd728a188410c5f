"""The normal score: quantiles of a variable to those of a normal one."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, Self, final

import numpy as np

from mamba_diffae.fields.errors import ValuesError
from mamba_diffae.fields.transform import Transform

_KNOTS = 257
"""Quantiles that a normal score keeps."""
_SPREAD = 3.0
"""Normal scores of ±3 become ±1."""


@final
@dataclass(frozen=True)
class NormalScore(Transform):
    """Quantiles to those of a normal variable: for long tails and several modes.

    Between its knots, and beyond them, the map is straight; what comes out lies within the bounds.

    Attributes:
        values: Rising quantiles of the variable.
        scores: Their images, rising, of the same length.
        lower: Least value that the variable can have, or None.
        upper: Greatest one, or None.

    Raises:
        ValuesError: If values or scores do not rise, or are not equally many.

    Reference:
        Journel & Huijbregts (1978), Mining Geostatistics, section VI.B: Gaussian anamorphosis.
    """

    values: tuple[float, ...]
    scores: tuple[float, ...]
    lower: float | None = None
    upper: float | None = None
    kind: ClassVar[str] = "normal_score"

    def __post_init__(self) -> None:
        rising = all((np.diff(part) > 0).all() for part in (self.values, self.scores))
        if len(self.values) != len(self.scores) or len(self.values) < 2 or not rising:
            raise ValuesError(
                f"A normal score was given {len(self.values)} values and {len(self.scores)} "
                "scores; expected equally many of both, two or more, each rising."
            )

    @classmethod
    def fit(cls, values: np.ndarray) -> Self:
        """See `Transform.fit`; never negative, if the values are not."""
        from scipy.special import ndtri

        ordered = np.sort(np.asarray(values, np.float64))
        distinct, first, count = np.unique(ordered, return_index=True, return_counts=True)
        score = ndtri((first + count / 2) / len(ordered)) / _SPREAD
        kept = np.unique(np.linspace(0, len(distinct) - 1, _KNOTS).round().astype(int))
        lower = 0.0 if distinct[0] >= 0 else None
        return cls(tuple(distinct[kept].tolist()), tuple(score[kept].tolist()), lower)

    @property
    def bounds(self) -> tuple[float, float]:
        """See `Transform.bounds`."""
        lower = -math.inf if self.lower is None else self.lower
        return lower, math.inf if self.upper is None else self.upper

    def forward(self, x: np.ndarray) -> np.ndarray:
        """See `Transform.forward`."""
        return _piecewise(x, self.values, self.scores)

    def inverse(self, z: np.ndarray) -> np.ndarray:
        """See `Transform.inverse`."""
        return np.clip(_piecewise(z, self.scores, self.values), *self.bounds)

    def derivative(self, x: np.ndarray) -> np.ndarray:
        """See `Transform.derivative`."""
        slope = np.diff(self.scores) / np.diff(self.values)
        return slope[_segment(x, self.values)]


def _segment(x: np.ndarray, knots: tuple[float, ...]) -> np.ndarray:
    return np.clip(np.searchsorted(knots, x, side="right") - 1, 0, len(knots) - 2)


def _piecewise(x: np.ndarray, knots: tuple[float, ...], images: tuple[float, ...]) -> np.ndarray:
    """A straight line between knots, going on beyond the outermost."""
    x, a, b = np.asarray(x, np.float64), np.asarray(knots), np.asarray(images)
    i = _segment(x, knots)
    return b[i] + (x - a[i]) * ((b[i + 1] - b[i]) / (a[i + 1] - a[i]))
