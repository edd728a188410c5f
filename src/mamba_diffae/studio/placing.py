"""Where the next sensors lower the error of the field that is shown, and by how much."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import final

import numpy as np

from mamba_diffae.estimator import FieldAutoencoder
from mamba_diffae.evaluation import evaluate
from mamba_diffae.fields import ExistingSensorsError, FieldData, Observations
from mamba_diffae.placement import Placement, place_sensors
from mamba_diffae.placement.result import Arrangement
from mamba_diffae.studio.asking import Question
from mamba_diffae.studio.observing import ObservedField

MOST = 20
"""Sensors that are placed at once, at most."""


@final
@dataclass(frozen=True, eq=False)
class PlacementQuestion:
    """What is observed of one field, and how many sensors are to be placed besides.

    Attributes:
        model: The model.
        observed: The field, and what is observed of it.
        count: New sensors.
        whole: Whether errors of all variables are averaged, as those of a picture.
        variable: Number of the variable whose error is told otherwise.
    """

    model: FieldAutoencoder
    observed: ObservedField
    count: int
    whole: bool = False
    variable: int = 0

    def place(self) -> Placement:
        """The sensors, beside those and the cells that are observed.

        Raises:
            NothingObservedError: If nothing is observed.
            ValueError: As `place_sensors`.
        """
        try:
            return place_sensors(
                self.model,
                self.count,
                candidates=self._candidates,
                existing=self.observed.observations,
            )
        except ExistingSensorsError as error:
            raise ExistingSensorsError(
                f"{error} On the tab Reconstruct lower the share that is observed."
            ) from error

    @property
    def _candidates(self) -> np.ndarray | None:
        """Cells that have a value; None: all, as on a field without gaps or on another grid."""
        truth = self.observed.truth
        if truth.complete or truth.grid.axes != self.model.grid.axes:
            return None
        return truth.valid_mask()[0].all(axis=-1)

    @cached_property
    def truth(self) -> FieldData | None:
        """The field to be measured on; None if it does not lie where the model's fields do."""
        native = max(self.model.grid.shape)
        asked = Question(self.model, self.observed.whole, self.observed.truth, native)
        return asked.truth_there()

    def measured(self, placement: Placement) -> Generator[tuple[int, float]]:
        """Error of the model on this field with 0, 1, ... of the sensors; none without a truth.

        Args:
            placement: From `place`.

        Yields:
            Number of new sensors, and RMSE as `error_name` says.
        """
        if self.truth is None:
            return
        for k in range(len(placement) + 1):
            mean = self.model.predict(self.with_sensors(placement.coords[:k]), self.truth.grid).mean
            rmse = evaluate(mean, self.truth)["rmse"]
            each = [*rmse.values()] if isinstance(rmse, dict) else [rmse]
            yield k, self._of(np.array(each))

    def with_sensors(self, places: np.ndarray) -> Observations:
        """What is observed, and what sensors at places (k, D) read of the field besides."""
        about = self.observed
        sensors = (*about.edits.sensors, *(tuple(map(float, place)) for place in places))
        edits = replace(about.edits, sensors=sensors)
        return ObservedField(about.truth, about.settings, edits).observations

    def expected(self, arrangement: Arrangement) -> np.ndarray:
        """Expected RMSE after 0, 1, ... of some sensors, as `error_name` says, shape (n + 1,)."""
        return np.array([self._of(row) for row in arrangement.expected])

    def _of(self, each: np.ndarray) -> float:
        """Of the errors of the variables, shape (C,), the one that is told."""
        return float(each.mean() if self.whole else each[self.variable])

    @property
    def error_name(self) -> str:
        """What the errors are: "RMSE of t2m in K"."""
        return f"{self._error}{self._unit and f' in {self._unit}'}"

    @property
    def _error(self) -> str:
        """What the errors are, without a unit."""
        variables = self.model.variables
        if self.whole:
            low, high = variables[0].limits
            names = ", ".join(v.name for v in variables)
            return f"RMSE, mean of {names} ({low:g} to {high:g})"
        return f"RMSE of {variables[self.variable].name}"

    @property
    def _unit(self) -> str:
        return "" if self.whole else self.model.variables[self.variable].unit

    def expectation(self, placement: Placement) -> str:
        """What to expect, in a sentence."""
        greedy = self.expected(placement.greedy)
        random = float(np.mean([self.expected(arm)[-1] for arm in placement.random]))
        first, last, other = map(self._with_unit, (greedy[0], greedy[-1], random))
        count = len(placement)
        sensors = "1 sensor" if count == 1 else f"{count} sensors"
        return (
            f"With {sensors} more the expected {self._error}{',' if self.whole else ''} falls "
            f"from {first} to {last}; with as many at random places to {other}."
        )

    def measurement(self, errors: Sequence[float]) -> str:
        """What was measured, in a sentence.

        Args:
            errors: As `measured` gives them, with 0, 1, ... of the sensors.
        """
        first, last = self._with_unit(errors[0]), self._with_unit(errors[-1])
        return f"Measured on this field it goes from {first} to {last}."

    def _with_unit(self, error: float) -> str:
        return f"{error:.3g} {self._unit}".strip()
