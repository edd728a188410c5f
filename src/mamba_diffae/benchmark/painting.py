"""How fields become pictures: maps in two and three dimensions, lines in one."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import numpy as np

from mamba_diffae.fields import FieldData, Grid, Observations, Variable

Picture = np.ndarray
"""Red, green and blue in [0, 1], shape (h, w, 3), or grey, (h, w, 1)."""


@final
@dataclass(frozen=True, eq=False)
class Shown:
    """One field, to be drawn.

    Attributes:
        values: Shape (*grid.shape, C), in the units of the variables.
        grid: Where they are.
        known: Where there is a value, of the same shape; None: in all cells that
            exist. What is not finite is drawn as a gap in any case.
    """

    values: np.ndarray
    grid: Grid
    known: np.ndarray | None = None

    @classmethod
    def of(cls, data: FieldData, i: int) -> Shown:
        """Field i of some fields; gaps stay gaps."""
        return cls(data.values[i], data.grid, data.valid_mask()[i])

    @property
    def mask(self) -> np.ndarray:
        """Where there is a finite value, of the shape of the values."""
        known = self.grid.exists[..., None] if self.known is None else self.known
        return known & np.isfinite(self.values)


@final
@dataclass(frozen=True, eq=False)
class Beside:
    """What lines are drawn over; maps have no use for it.

    Attributes:
        truth: The complete field.
        seen: What was observed of it, one field.
    """

    truth: Shown | None = None
    seen: Observations | None = None


class Painter(ABC):
    """Draws fields of some variables, each in one part or more.

    Args:
        variables: Of the fields.
    """

    def __init__(self, variables: Sequence[Variable]) -> None:
        self.variables = tuple(variables)

    @property
    @abstractmethod
    def parts(self) -> list[str]:
        """Names of the pictures of one field; a single one has the name ""."""

    @property
    @abstractmethod
    def legend(self) -> str:
        """What colours or lines mean, in a sentence or two; or nothing."""

    @abstractmethod
    def paint(self, field: Shown, beside: Beside | None = None) -> list[Picture]:
        """A field, a picture for each part."""

    @abstractmethod
    def observed(self, seen: Observations, grid: Grid) -> list[Picture]:
        """What was observed of one field, a picture for each part.

        Args:
            seen: One field, in physical coordinates and the units of the variables.
            grid: The native one.
        """

    @abstractmethod
    def spread(self, field: Shown) -> list[Picture]:
        """Standard deviations, a picture for each part; the brightest is half the range."""

    @abstractmethod
    def together(self, mean: Shown, draws: Sequence[Shown], beside: Beside) -> list[Picture] | None:
        """Mean and draws in one picture for each part; None where they do not lie in one."""

    def headings(self, names: Sequence[str]) -> list[str]:
        """Names of rows: each name with each part."""
        return [f"{name}: {part}" if part else name for name in names for part in self.parts]


def limits_in_words(variable: Variable) -> str:
    """Such as "sst from 12 to 30 degC"."""
    low, high = variable.limits
    return f"{variable.name} from {low:.4g} to {high:.4g}{variable.unit and f' {variable.unit}'}"
