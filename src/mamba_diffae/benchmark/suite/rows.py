"""From the errors of all methods to the rows of the table: rivals, differences, intervals."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self, final

import numpy as np

from mamba_diffae.benchmark.suite.candidates import Candidate, Training
from mamba_diffae.benchmark.suite.errors import FieldErrors
from mamba_diffae.benchmark.suite.intervals import (
    Difference,
    paired_difference,
    simultaneous_quantile,
    worst_fields,
)
from mamba_diffae.benchmark.suite.result import SuiteRow

KRIGING = "kriging"
"""Key of the method that is the rival where training was foreign, and the measure of CRPS."""
ErrorsByMethod = Mapping[str, FieldErrors]


@final
@dataclass(frozen=True, eq=False)
class Measured:
    """A method beside the classical ones on one family, observed in one way.

    Attributes:
        family: Name of the family.
        cell: Name of the cell.
        variables: Names, C of them.
        method: Key of the method.
        training: On which fields it has learned.
        groups: Of the test fields, shape (S,).
        ours: Errors of the method on them.
        classical: Errors of the classical methods on them, by key.
        rivals: Key of the rival of each variable, C of them.
        difference: Against the rivals.
    """

    family: str
    cell: str
    variables: Sequence[str]
    method: str
    training: Training
    groups: np.ndarray
    ours: FieldErrors
    classical: ErrorsByMethod
    rivals: Sequence[str]
    difference: Difference

    @classmethod
    def of(
        cls,
        place: tuple[str, str],
        variables: Sequence[str],
        candidate: Candidate,
        groups: np.ndarray,
        errors: tuple[FieldErrors, ErrorsByMethod, ErrorsByMethod],
        seed: Sequence[int],
    ) -> Self:
        """Choose the rivals and compare.

        Args:
            place: Names of family and cell.
            variables: Their names.
            candidate: The method.
            groups: Of the test fields, shape (S,).
            errors: Those of the method on test fields, of the classical methods on test fields, and
                of these on validation fields.
            seed: Of the resamples.
        """
        ours, classical, validation = errors
        rivals = [KRIGING] * len(variables)
        if candidate.training == "own":
            rivals = best_methods(validation)
        rival = _by_variable(classical, rivals).squared
        difference = paired_difference(ours.squared, rival, groups, seed)
        return cls(
            *place,
            variables,
            candidate.key,
            candidate.training,
            groups,
            ours,
            classical,
            rivals,
            difference,
        )

    def rows(self, quantile: float) -> list[SuiteRow]:
        """A row for each variable.

        Args:
            quantile: Standard errors from the estimate to the ends of the interval of all rows; at
                least as many as in the interval of a row by itself.
        """
        rival = _by_variable(self.classical, self.rivals)
        worst = worst_fields(self.ours.squared, rival.squared)
        half = max(quantile, self.difference.quantile) * self.difference.error
        skill = -10 * np.log10(np.maximum(self.ours.mse, np.finfo(float).tiny))
        crps = np.full(len(self.variables), math.nan)
        if KRIGING in self.classical:
            crps = self.ours.mean_crps / self.classical[KRIGING].mean_crps
        rows = []
        for c, variable in enumerate(self.variables):
            estimate = float(self.difference.estimate[c])
            rows.append(
                SuiteRow(
                    family=self.family,
                    cell=self.cell,
                    variable=variable,
                    method=self.method,
                    training=self.training,
                    rival=self.rivals[c],
                    fields=len(self.ours),
                    groups=len(np.unique(self.groups)),
                    skill=float(skill[c]),
                    estimate=estimate,
                    half_width=float(self.difference.half_width[c]),
                    low=estimate - float(half[c]),
                    high=estimate + float(half[c]),
                    worst=float(worst[c]),
                    against={key: self._against(e, c) for key, e in self.classical.items()},
                    crps=float(crps[c]),
                )
            )
        return rows

    def _against(self, other: FieldErrors, c: int) -> float:
        """Estimate against another method, of one variable."""
        least = np.finfo(float).tiny
        return float(10 * np.log10(max(other.mse[c], least) / max(self.ours.mse[c], least)))


def rows_of(measured: Sequence[Measured]) -> list[SuiteRow]:
    """The rows of all methods; the intervals of one method hold for all its rows together."""
    rows = []
    for method in dict.fromkeys(m.method for m in measured):
        own = [m for m in measured if m.method == method]
        quantile = simultaneous_quantile([m.difference for m in own])
        rows += [row for m in own for row in m.rows(quantile)]
    return rows


def best_methods(errors: ErrorsByMethod) -> list[str]:
    """The method of least mean squared error for each variable."""
    keys = list(errors)
    best = np.argmin([errors[key].mse for key in keys], axis=0)
    return [keys[i] for i in best]


def _by_variable(errors: ErrorsByMethod, keys: Sequence[str]) -> FieldErrors:
    """Of each variable the errors of the method of its key."""
    columns = [(errors[key], c) for c, key in enumerate(keys)]
    return FieldErrors(
        *(
            np.stack([getattr(each, part)[:, c] for each, c in columns], axis=1)
            for part in ("squared", "crps", "weight")
        )
    )
