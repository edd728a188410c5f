"""What is told of the uncertainty of a prediction: typed numbers that become JSON and come back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Self, final

from mamba_diffae.evaluation.calibration import SpreadSkillBins
from mamba_diffae.evaluation.intervals import Interval
from mamba_diffae.evaluation.ranks import CoverageBins
from mamba_diffae.fields.plain_json import read_numbers

_OPTIONAL = {"steps", "rmse", "crps", "coverage_by_variable", "draw_error", "bands"}
"""Whose numbers may be missing: null says so. Elsewhere it stands for a number that is none."""


@final
@dataclass(frozen=True)
class Uncertainty:
    """How honest draws, or a stated deviation, are on native cells that no observation touched.

    Where variables of different units are averaged, each is scaled to [0, 1] by its limits.

    Attributes:
        variables: Names of the C variables.
        units: Theirs.
        count: Fields.
        n_draws: Draws of each field; 0 for a stated Gaussian.
        unseen: Share of the known values, by area, that no observation touched.
        steps: Step in which each variable is stored, or None: draws are rounded to it for ranks.
        rmse: Root mean square error of the mean, of each variable in its unit.
        crps: Of each variable in its unit; of draws the fair one.
        mean_crps: On [0, 1], mean over fields and 95 % interval over groups.
        levels: Probabilities of central intervals.
        coverage: Of each level, by randomised ranks: mean over fields and interval over groups.
        coverage_by_variable: Of each level, shape (levels, C).
        by_distance: Coverage by the distance to the nearest observation, in widths of a cell.
        rank_histogram: Share of the truth in equal parts of the ranks: flat if calibrated.
        reliability_index: Its distance from flat.
        spread_skill: Error of the mean against spread, on [0, 1].
        regional_coverage: Of each level, coverage of means over quarters of a field (halves of
            every axis), observed cells included. Of a stated Gaussian this and what follows are
            None: it says nothing of cells together.
        draw_error: Squared error of a draw over that of the mean: 2 if calibrated.
        bands: Energy of draws over the truth's, from the finest band of scales to the coarsest;
            None where the truth has none.
        energy_score: On [0, 1], mean over fields and interval over groups.
        variogram_score: The same.
    """

    variables: tuple[str, ...]
    units: tuple[str, ...]
    count: int
    n_draws: int
    unseen: float
    steps: tuple[float | None, ...]
    rmse: tuple[float | None, ...]
    crps: tuple[float | None, ...]
    mean_crps: Interval
    levels: tuple[float, ...]
    coverage: tuple[Interval, ...]
    coverage_by_variable: tuple[tuple[float | None, ...], ...]
    by_distance: CoverageBins
    rank_histogram: tuple[float, ...]
    reliability_index: float
    spread_skill: SpreadSkillBins
    regional_coverage: tuple[Interval, ...] | None = None
    draw_error: float | None = None
    bands: tuple[float | None, ...] | None = None
    energy_score: Interval | None = None
    variogram_score: Interval | None = None

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers, strings and lists, ready for JSON."""
        from pydantic import TypeAdapter

        return TypeAdapter(Uncertainty).dump_python(self, mode="json")

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """The inverse of `to_dict`."""
        from pydantic import TypeAdapter

        left = {f.name for f in fields(cls) if f.default is None and data.get(f.name) is None}
        typed = {k: v if k in _OPTIONAL | left else read_numbers(v) for k, v in data.items()}
        return TypeAdapter(cls).validate_python(typed)
