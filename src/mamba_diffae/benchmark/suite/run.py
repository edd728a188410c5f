"""The suite: every family, observed in every way, reconstructed by every method."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import final

import numpy as np

from mamba_diffae.benchmark.suite.cache import ErrorCache
from mamba_diffae.benchmark.suite.candidates import (
    Candidate,
    Ours,
    classical_candidates,
    our_candidates,
)
from mamba_diffae.benchmark.suite.cells import Cell, find_cells
from mamba_diffae.benchmark.suite.errors import FieldErrors
from mamba_diffae.benchmark.suite.families import Family, find_families
from mamba_diffae.benchmark.suite.measuring import FamilyWorkbench
from mamba_diffae.benchmark.suite.result import LEAST_ESTIMATE, SuiteResult
from mamba_diffae.benchmark.suite.rows import Measured, rows_of

OnProgress = Callable[[str], None]
VALIDATION = 32
"""Validation fields by which the rival of a row is chosen, at most."""
HALF_WIDTH = 0.25
"""In dB: test fields are added until the interval of a row by itself is as narrow."""


def run_suite(
    ours: Ours,
    *,
    families: Iterable[str | Family] | None = None,
    cells: Iterable[str | Cell] | None = None,
    fields: int = 48,
    half_width: float = HALF_WIDTH,
    seed: int = 0,
    cache: str | Path | ErrorCache | None = None,
    on_progress: OnProgress = lambda done: None,
) -> SuiteResult:
    """Compare methods with the best classical one, on fields and cells that were not observed.

    The rival of a method with own training is, for each variable, the classical method of least
    error on the validation fields, observed in the same way; of one with foreign training it is
    kriging.

    Args:
        ours: Methods by name; none: the classical ones are only measured, and kept in the cache.
        families: By name or as objects; None: all of the suite.
        cells: How fields are observed, likewise.
        fields: Test fields, at most those that there are.
        half_width: Fields are doubled until the 95 % interval of each row by itself is narrower, in
            dB, or lies wholly where the row has failed, or the split is used up; inf: never.
        seed: Of observations and resamples.
        cache: Folder where the errors of methods with a version are kept; None: nowhere.
        on_progress: Told after each family and cell.

    Returns:
        A row for each method, family, cell and variable.

    Raises:
        ValueError: If a name is unknown, or a family has no validation or test fields.
    """
    store = ErrorCache(Path(cache)) if isinstance(cache, str | Path) else cache
    compared = _Comparison(our_candidates(ours), classical_candidates(), fields, half_width)
    chosen, measured, seconds = find_cells(cells), [], {}
    for family in find_families(families):
        workbench = FamilyWorkbench(family, seed, store)
        for cell in chosen:
            measured += compared.measure(workbench, cell)
            on_progress(f"{family.name}, {cell.name}")
        for key, spent in workbench.seconds.items():
            seconds.setdefault(key, {}).update(spent)
    return SuiteResult(rows_of(measured), seconds)


@final
@dataclass(frozen=True, eq=False)
class _Comparison:
    """What is compared, and on how many fields; see `run_suite`."""

    ours: Sequence[Candidate]
    classical: Sequence[Candidate]
    fields: int
    half_width: float

    def measure(self, workbench: FamilyWorkbench, cell: Cell) -> list[Measured]:
        """All methods on one family, observed in one way."""
        count = min(VALIDATION, len(workbench.fields["val"]))
        validation = self._classical(workbench, cell, "val", count)
        total = len(workbench.fields["test"])
        count = min(self.fields, total)
        while True:
            found = self._compare(workbench, cell, count, validation)
            widest = max((_widest(m) for m in found), default=0.0)
            if count == total or widest < self.half_width:
                return found
            count = min(2 * count, total)

    def _compare(
        self,
        workbench: FamilyWorkbench,
        cell: Cell,
        count: int,
        validation: dict[str, FieldErrors],
    ) -> list[Measured]:
        classical = self._classical(workbench, cell, "test", count)
        names = [variable.name for variable in workbench.data.variables]
        groups, place = workbench.fields["test"].groups[:count], (workbench.family.name, cell.name)
        found = []
        for candidate in self.ours:
            errors = workbench.errors(candidate, cell, "test", count)
            if errors is not None:
                three = errors, classical, validation
                seed = workbench.resampling
                found.append(Measured.of(place, names, candidate, groups, three, seed))
        return found

    def _classical(
        self, workbench: FamilyWorkbench, cell: Cell, split: str, count: int
    ) -> dict[str, FieldErrors]:
        errors = {c.key: workbench.errors(c, cell, split, count) for c in self.classical}
        return {key: each for key, each in errors.items() if each is not None}


def _widest(measured: Measured) -> float:
    """Half-width in dB of the widest interval that leaves the verdict open; 0: there is none."""
    difference, half = measured.difference, measured.difference.half_width
    failed = difference.estimate + half < LEAST_ESTIMATE[measured.training]
    return float(np.where(failed, 0, half).max())
