"""The fields on which draws are compared."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from mamba_diffae.benchmark import Request
from mamba_diffae.fields import FieldData
from mamba_diffae.sources import open_field


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
    """

    key: str
    title: str
    source: str | None = None
    native_size: int | None = None
    fractions: tuple[float, ...] = (0.2,)

    def open(self, request: Request) -> FieldData:
        """All fields, with splits."""
        data = request.truth if self.source is None else self.source
        return open_field(data, size=self.native_size)


PICTURES = Case("pictures", "Pictures", fractions=(0.2, 0.05, 0.6))
CASES = (
    PICTURES,
    # So many that calibration has its eight simulations for validation.
    Case("turbulence", "Turbulence", "turbulence:600", 32),
    Case("weather-windows", "Weather windows", "weather:windows"),
)
