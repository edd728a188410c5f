"""Families of generated fields on which priors and methods are tried, 32 × 32 cells."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, final

import numpy as np

from mamba_diffae.fields import FieldData, Grid
from mamba_diffae.sources.generated import GeneratedSource, gaussian_fields, independent

CELLS = 32
"""Along each axis."""
SMOOTHNESS = {"rough": 0.5, "medium": 1.5, "smooth": 2.5}
"""ν of the Matérn covariance of Gaussian fields."""
LENGTH = 8.0
"""Length scale of Gaussian fields, and of the shapes of fronts and plateaus, in cells."""
_SEEDS = {"rough": 11, "medium": 12, "smooth": 13, "fronts": 21, "plateaus": 31, "variables": 41}


@final
class GaussianSource(GeneratedSource):
    """Random Gaussian fields of three smoothnesses, with a Matérn covariance."""

    kind: ClassVar[str] = "gaussian"
    form: ClassVar[str] = "gaussian:rough, gaussian:medium, gaussian:smooth"
    variants: ClassVar[Sequence[str]] = tuple(SMOOTHNESS)

    def generate(self, count: int, variant: str) -> FieldData:
        """Deviation 1, length scale 8 of 32 cells, ν of 1/2, 3/2 or 5/2."""
        rng = np.random.default_rng(_SEEDS[variant])
        return _one_variable(gaussian_fields(rng, count, CELLS, LENGTH, SMOOTHNESS[variant]))


@final
class FrontsSource(GeneratedSource):
    """Smooth fields with sharp fronts."""

    kind: ClassVar[str] = "fronts"
    form: ClassVar[str] = "'fronts'"

    def generate(self, count: int, variant: str) -> FieldData:
        """Two fronts, zero lines of random fields, across which the values jump by 1 to 2.

        The smooth part has a deviation of 0.3.
        """
        rng = np.random.default_rng(_SEEDS["fronts"])
        values = 0.3 * gaussian_fields(rng, count, CELLS, LENGTH, 2.5)
        for _ in range(2):
            side = covered(gaussian_fields(rng, count, CELLS, LENGTH, 2.5))
            values += rng.uniform(1, 2, size=(count, 1, 1)) * (side - 0.5)
        return _one_variable(values)


@final
class PlateausSource(GeneratedSource):
    """Plateaus with fine relief."""

    kind: ClassVar[str] = "plateaus"
    form: ClassVar[str] = "'plateaus'"

    def generate(self, count: int, variant: str) -> FieldData:
        """Four levels, 0.5 to 1.5 apart, between level lines of a random field.

        The relief on them is rough, with a deviation of 0.08 and a length scale of two cells.
        """
        rng = np.random.default_rng(_SEEDS["plateaus"])
        shape = gaussian_fields(rng, count, CELLS, LENGTH, 2.5)
        values = 0.08 * gaussian_fields(rng, count, CELLS, 2.0, 0.5)
        for level in (-0.8, 0.0, 0.8):
            jump = rng.uniform(0.5, 1.5, size=(count, 1, 1)) * rng.choice([-1, 1], (count, 1, 1))
            values += jump * covered(shape - level)
        return _one_variable(values)


@final
class TwoVariablesSource(GeneratedSource):
    """Pressure and rain: two variables of different units, one of them skewed."""

    kind: ClassVar[str] = "two-variables"
    form: ClassVar[str] = "'two-variables'"

    def generate(self, count: int, variant: str) -> FieldData:
        """On 320 × 320 km; rain falls where pressure is low, and is 0 in most cells.

        Pressure is Gaussian around 1013 hPa, with a deviation of 8 hPa. Rain is a power of what a
        Gaussian field, which correlates with pressure at -0.6, has above a threshold; its
        transform is its normal score.
        """
        rng = np.random.default_rng(_SEEDS["variables"])
        high = gaussian_fields(rng, count, CELLS, 10.0, 2.5)
        wet = 0.8 * gaussian_fields(rng, count, CELLS, 5.0, 1.5) - 0.6 * high
        rain = 5.0 * np.maximum(wet - 0.3, 0) ** 1.7
        values = np.stack([1013 + 8 * high, rain], axis=-1)
        side = 10.0 * CELLS
        grid = Grid.regular(((0, side), (0, side)), (CELLS, CELLS), ("y", "x"), ("km", "km"))
        transforms = ("affine", "normal_score")
        return independent(values, grid, ("pressure", "rain"), ("hPa", "mm h-1"), transforms)


def covered(psi: np.ndarray) -> np.ndarray:
    """Share of each cell on which a field is positive, its zero line being straight in the cell.

    Args:
        psi: Values at the centres, shape (S, n, n).

    Returns:
        From 0 to 1, of the same shape.
    """
    slope = np.hypot(*np.gradient(psi, axis=(1, 2)))
    return np.clip(psi / np.maximum(slope, 1e-9) + 0.5, 0, 1)


def _one_variable(values: np.ndarray) -> FieldData:
    """Independent snapshots (S, n, n) without coordinates or a unit."""
    grid = Grid.default(values.shape[1:])
    return independent(values[..., None], grid, ("value",), ("",), ("affine",))
