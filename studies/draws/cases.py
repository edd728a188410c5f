"""The fields on which draws are compared."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

from mamba_diffae.benchmark import Request
from mamba_diffae.benchmark.suite.families import FAMILIES, Family
from mamba_diffae.fields import FieldData
from mamba_diffae.sources import open_field
from studies.draws.arms import ARMS, MAIN_ARMS, SCORE, Arm


@final
@dataclass(frozen=True)
class Case:
    """One kind of fields.

    Attributes:
        key: Tells it from all others, also in names of files.
        title: As the page names it.
        source: What `open_field` takes; None: what is asked of the study.
        native_size: Cells along the longest axis, to which they are averaged; None: the source's.
        fractions: Shares of the observed lattice that are observed; the first is the main one.
        arms: What is trained beside phase 1.
        share: Of the time that trainings of the plan take.
    """

    key: str
    title: str
    source: str | None = None
    native_size: int | None = None
    fractions: tuple[float, ...] = (0.2,)
    arms: Sequence[Arm] = ARMS
    share: float = 1.0

    def open(self, request: Request) -> FieldData:
        """All fields, with splits."""
        data = request.truth if self.source is None else self.source
        return open_field(data, size=self.native_size)


_ALL_FRACTIONS = (0.2, 0.05, 0.6)
PICTURES = Case("pictures", "Pictures", fractions=_ALL_FRACTIONS)


def _by_score(family: Family) -> Case:
    """A family of the benchmark suite, on its lattice, of which only the energy score learns.

    Nothing is compared on it, so half the time will do.
    """
    key, lattice = family.name.replace(" ", "-"), 32
    return Case(
        key, family.name.capitalize(), str(family.source), lattice, _ALL_FRACTIONS, (SCORE,)
    )


_ABLATED = (
    PICTURES,
    # So many that calibration has its eight simulations for validation.
    Case("turbulence", "Turbulence", "turbulence:600", 32, _ALL_FRACTIONS, MAIN_ARMS),
    Case("weather-windows", "Weather windows", "weather:windows", None, _ALL_FRACTIONS, MAIN_ARMS),
)
_OTHERS = [f for f in FAMILIES.values() if f.name not in ("emoji", "turbulence", "weather windows")]
CASES = (*_ABLATED, *map(_by_score, _OTHERS))
