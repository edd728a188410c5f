"""What a verification on withheld data measured: typed numbers that become JSON and come back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Self, final

import numpy as np

from mamba_diffae.evaluation import Interval, Method
from mamba_diffae.fields import Grid, Variable
from mamba_diffae.fields.plain_json import read_numbers

LEVEL = 0.9
"""Probability of the central intervals whose coverage is told."""
MODEL, KRIGING, CLIMATOLOGY = "model", "kriging", "climatology"
"""Keys of the methods that sentences are about."""


@final
@dataclass(frozen=True)
class Scores:
    """How predictions of withheld readings did, weighted by area; None: not defined.

    Attributes:
        rmse: Root mean square error of the mean, in the unit of the variable.
        bias: Mean of prediction minus reading, likewise.
        crps: Continuous ranked probability score, likewise; of a method that states no uncertainty
            the mean absolute error, which is the same of a single number.
        coverage: Share of the readings in the central 90 % interval.
        skill: 1 - squared error over that of the training climatology.
    """

    rmse: float | None
    bias: float | None
    crps: float | None
    coverage: float | None
    skill: float | None


@final
@dataclass(frozen=True)
class WithheldScore:
    """One method on the withheld readings of one variable.

    Attributes:
        method: What predicted.
        variable: Name of the variable.
        overall: On all of them.
        by_distance: In each of the variable's bins, see `Verification.bins`.
    """

    method: Method
    variable: str
    overall: Scores
    by_distance: tuple[Scores, ...]

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """From what `asdict` made of it."""
        bins = tuple(Scores(**part) for part in data["by_distance"])
        method = Method.from_dict(data["method"])
        return cls(method, data["variable"], Scores(**data["overall"]), bins)


@final
@dataclass(frozen=True)
class DistanceBin:
    """Withheld readings that are about as far from the nearest datum.

    Attributes:
        low: Least distance to a reading that was given of the same snapshot.
        high: Greatest one.
        count: Readings.
    """

    low: float
    high: float
    count: int


@final
@dataclass(frozen=True)
class Scatter:
    """Some withheld readings of a variable and what a method predicted of them.

    Attributes:
        method: What predicted.
        variable: Name of the variable.
        readings: Withheld, n of them.
        predicted: The mean, n of them.
    """

    method: Method
    variable: str
    readings: tuple[float, ...]
    predicted: tuple[float, ...]

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """From what `asdict` made of it."""
        numbers = {name: tuple(read_numbers(data[name])) for name in ("readings", "predicted")}
        return cls(Method.from_dict(data["method"]), data["variable"], **numbers)


@final
@dataclass(frozen=True, eq=False)
class ShownSnapshot:
    """One snapshot on a grid, for maps.

    Attributes:
        name: Its name.
        values: What is known of it, shape (*shape, C).
        known: Where that is, of the same shape.
        given: The same of what was given, 0 elsewhere.
        given_known: Where that is.
        means: What each method made of that, shape (*shape, C).
        std: Standard deviation of the model, of the same shape, or None.
    """

    name: str
    values: np.ndarray
    known: np.ndarray
    given: np.ndarray
    given_known: np.ndarray
    means: Mapping[Method, np.ndarray]
    std: np.ndarray | None


@final
@dataclass(frozen=True, eq=False)
class ShownFields:
    """Snapshots for maps, and where they lie."""

    variables: Sequence[Variable]
    grid: Grid
    snapshots: Sequence[ShownSnapshot]


@final
@dataclass(frozen=True)
class Verification:
    """A model beside simple methods, on readings that were withheld from all of them.

    The model was not trained anew: if it was fitted on these data, it has seen what was withheld;
    `notes` say what is known of that.

    Attributes:
        by: What was withheld together: "station", "block", "cloud" or "time".
        folds: Parts that were withheld one after the other.
        units: Stations, blocks, snapshots with another's gaps, or snapshots, that there are.
        snapshots: Snapshots that were scored.
        readings: Withheld readings of all variables that were scored.
        n_draws: Draws of the model for each snapshot; 0: it stated no uncertainty.
        variables: Names of the C variables.
        variable_units: Their units.
        distance_unit: Unit of distances.
        bins: Of the distance to the nearest given reading, for each variable.
        scores: One for each method and variable.
        excess: For each variable, mean squared error of the model minus kriging's: mean over
            snapshots and 95 % interval over their groups; None: one of them was not scored.
        notes: What a user should know, in sentences.
        scatter: Of the model and of kriging, some of the readings.
        shown: Fields for maps, not kept by `to_dict`; None of stations.
    """

    by: str
    folds: int
    units: int
    snapshots: int
    readings: int
    n_draws: int
    variables: tuple[str, ...]
    variable_units: tuple[str, ...]
    distance_unit: str
    bins: tuple[tuple[DistanceBin, ...], ...]
    scores: tuple[WithheldScore, ...]
    excess: tuple[Interval | None, ...]
    notes: tuple[str, ...] = ()
    scatter: tuple[Scatter, ...] = ()
    shown: ShownFields | None = field(default=None, compare=False, repr=False)

    def score(self, method: str, variable: str | None = None) -> WithheldScore:
        """That of one method.

        Args:
            method: Its key: "model", "nearest", "linear", "kriging", "gappy-pod", "climatology".
            variable: Name of the variable; None: the first one.

        Raises:
            KeyError: If it was not scored.
        """
        name = variable or self.variables[0]
        for score in self.scores:
            if (score.method.key, score.variable) == (method, name):
                return score
        raise KeyError(f"{method!r} was not scored on {name!r}.")

    @property
    def methods(self) -> list[Method]:
        """In the order of tables."""
        return list(dict.fromkeys(score.method for score in self.scores))

    def findings(self) -> list[str]:
        """What was found, in sentences: the model beside kriging first."""
        from mamba_diffae.benchmark.verified_words import findings

        return findings(self)

    def describe(self) -> str:
        """Tables of all scores, findings and notes, as text."""
        from mamba_diffae.benchmark.verified_words import described

        return described(self)

    def __str__(self) -> str:
        return self.describe()

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers, strings and lists, ready for JSON; without the fields for maps."""
        return asdict(replace(self, shown=None)) | {"shown": None}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """The inverse of `to_dict`."""
        return cls(
            **{
                **data,
                **{k: tuple(data[k]) for k in ("variables", "variable_units", "notes")},
                "bins": tuple(
                    tuple(DistanceBin(**read_numbers(b)) for b in own) for own in data["bins"]
                ),
                "scores": tuple(WithheldScore.from_dict(part) for part in data["scores"]),
                "excess": tuple(
                    None if e is None else Interval(**read_numbers(e)) for e in data["excess"]
                ),
                "scatter": tuple(Scatter.from_dict(part) for part in data["scatter"]),
            }
        )
