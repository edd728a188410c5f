"""The fields on which the model stands beside simple methods, and what is known of them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import final

import numpy as np

from mamba_diffae.benchmark.verification.readings import StationReadings
from mamba_diffae.fields import FieldData, Observations, Pattern, observe
from mamba_diffae.sources import open_field

DENSITIES = (0.01, 0.05, 0.2)
"""Shares of the cells that are observed; one model answers all of them."""
TRAINING_DENSITY = 0.2
"""Stations of a training field, where nothing else is known of it, as a share of the cells."""


@final
@dataclass(frozen=True)
class Case:
    """One kind of fields.

    Attributes:
        key: Tells it from all others, also in names of files.
        title: As the page names it.
        source: What `open_field` takes.
        size: Cells along the longest axis, to which fields are averaged; None: the source's own.
        grouped_by: What a group of the resamples is, in words.
        stations: Whether nothing is known of any field but readings at scattered places, other ones
            in each field, in training as in the test.
    """

    key: str
    title: str
    source: str
    size: int | None
    grouped_by: str
    stations: bool = False

    @property
    def pattern(self) -> Pattern:
        """How fields are observed."""
        return "scattered" if self.stations else "random"

    def open(self) -> FieldData:
        """All fields, with splits."""
        return open_field(self.source, size=self.size)

    def observe(self, data: FieldData, density: float, seed: int) -> Observations:
        """Random cells, or as many places off the lattice."""
        return observe(data, density, pattern=self.pattern, seed=seed)


WEATHER = Case("weather", "Weather", "weather:windows", None, "day of a sector")
TURBULENCE = Case("turbulence", "Turbulence", "turbulence:600", 32, "run of the simulation")
STATIONS = Case(
    "stations",
    "Weather by stations alone",
    WEATHER.source,
    WEATHER.size,
    WEATHER.grouped_by,
    stations=True,
)
CASES = (WEATHER, TURBULENCE, STATIONS)


@final
@dataclass(frozen=True, eq=False)
class Stations:
    """What is known of fields by stations alone.

    Attributes:
        fields: With splits; those for test are not looked at.
        seed: Of the places.
    """

    fields: FieldData
    seed: int

    @cached_property
    def _known(self) -> FieldData:
        return seen_in_training(self.fields)

    @cached_property
    def observations(self) -> Observations:
        """Readings of all fields for training and validation."""
        return observe(self._known, TRAINING_DENSITY, pattern="scattered", seed=self.seed)

    def binned(self) -> FieldData:
        """The same as averages in cells, with gaps: what a method that learns from fields takes."""
        about = self._known
        readings = StationReadings(self.observations, about.grid, about.variables, about.names)
        binned = readings.training(np.arange(len(about)), readings.known)
        return replace(binned, groups=about.groups, splits=about.splits)


def seen_in_training(data: FieldData) -> FieldData:
    """The fields for training and validation."""
    return data.take(data.splits != "test")
