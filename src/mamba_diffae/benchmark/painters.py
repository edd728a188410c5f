"""Which painter draws which fields."""

from __future__ import annotations

from collections.abc import Sequence

from mamba_diffae.benchmark.maps import MapPainter
from mamba_diffae.benchmark.painting import Painter
from mamba_diffae.benchmark.profiles import ProfilePainter
from mamba_diffae.fields import Grid, Variable


def painter_of(variables: Sequence[Variable], grid: Grid) -> Painter:
    """The painter for fields of some variables on a grid."""
    return ProfilePainter(variables) if grid.dim == 1 else MapPainter(variables, grid.dim)
