"""The errors of methods on one family: fitted when needed, found on disk when they can be."""

from __future__ import annotations

import time
import zlib
from dataclasses import dataclass, field
from typing import Any, final

import numpy as np

from mamba_diffae.benchmark.suite.cache import ErrorCache, data_digest
from mamba_diffae.benchmark.suite.candidates import Candidate
from mamba_diffae.benchmark.suite.cells import Cell
from mamba_diffae.benchmark.suite.errors import FieldErrors, deviations, field_errors
from mamba_diffae.benchmark.suite.families import Family, spread_order
from mamba_diffae.evaluation import Predictor
from mamba_diffae.fields import FieldData, Observations

_AT_ONCE = 16
"""Fields that are predicted together."""


@final
@dataclass(eq=False)
class FamilyWorkbench:
    """Fields of a family, and the methods that were fitted on them.

    Attributes:
        family: Which.
        seed: Of the observations.
        cache: Where errors are kept, or None.
        seconds: Processor time of a prediction of one field, by method and cell, in s.
    """

    family: Family
    seed: int
    cache: ErrorCache | None = None
    seconds: dict[str, dict[str, float]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.data = self.family.open()
        self.digest = data_digest(self.data)
        self.known = self.data.take(self.data.splits != "test")
        self.fields = {split: _ordered(self.data.split(split)) for split in ("val", "test")}
        self.deviation = deviations(self.data.split("train"))
        self._predictors: dict[str, Predictor | None] = {}
        self._observed: dict[tuple[str, str], Observations] = {}

    @property
    def resampling(self) -> tuple[int, int]:
        """Seed of the resamples of its groups: families are resampled independently."""
        return self.seed, zlib.crc32(self.family.name.encode())

    def predictor(self, candidate: Candidate) -> Predictor | None:
        """A method, fitted once; None if it cannot be asked here."""
        if candidate.key not in self._predictors:
            self._predictors[candidate.key] = candidate.fit(self.known)
        return self._predictors[candidate.key]

    def errors(
        self, candidate: Candidate, cell: Cell, split: str, count: int
    ) -> FieldErrors | None:
        """Errors on the first fields of a split; None if the method cannot be asked here.

        Args:
            candidate: The method.
            cell: How the fields are observed.
            split: "val" or "test".
            count: How many fields, at most all.
        """
        if self.family.name in candidate.known_families:
            return None
        found = self._stored(candidate, cell, split)
        done = 0 if found is None else len(found)
        if done >= count and found is not None:
            return found.head(count)
        predictor = self.predictor(candidate)
        if predictor is None:
            return None
        new = self._measure(candidate.key, predictor, cell, split, range(done, count))
        errors = new if found is None else FieldErrors.join(found, new)
        version = candidate.version_for(self.known)  # of what `fit` has made, maybe
        if self.cache is not None and version is not None:
            self.cache.store(*self._about(candidate, cell, split), version, errors)
        return errors

    def _stored(self, candidate: Candidate, cell: Cell, split: str) -> FieldErrors | None:
        """Errors that are on disk."""
        version = candidate.version_for(self.known)
        if self.cache is None or version is None:
            return None
        return self.cache.load(*self._about(candidate, cell, split), version)

    def _measure(
        self, key: str, predictor: Predictor, cell: Cell, split: str, rows: range
    ) -> FieldErrors:
        seen, parts = self._observations(cell, split, rows.stop), []
        started = time.process_time()
        for i in range(rows.start, rows.stop, _AT_ONCE):
            part = slice(i, min(i + _AT_ONCE, rows.stop))
            truth, observed = self.fields[split].take(part), seen[part]
            prediction = predictor.predict(observed, truth.grid)
            parts.append(field_errors(prediction, truth, observed, self.deviation))
        spent = (time.process_time() - started) / len(rows)
        self.seconds.setdefault(key, {})[f"{self.family.name}, {cell.name}"] = spent
        return FieldErrors.join(*parts)

    def _observations(self, cell: Cell, split: str, count: int) -> Observations:
        """Of the first fields of a split, at least so many."""
        known = self._observed.get((cell.name, split))
        if known is None or len(known) < count:
            known = cell.observe(self.fields[split].take(slice(count)), self.seed)
            self._observed = {(cell.name, split): known}
        return known

    def _about(self, candidate: Candidate, cell: Cell, split: str) -> tuple[str, dict[str, Any]]:
        """Name of a file, and what its content depends on."""
        return f"{self.family.name}_{cell.name}_{split}_{candidate.key}", {
            "family": self.digest,
            "cell": [cell.fraction, cell.pattern],
            "split": split,
            "seed": self.seed,
            "method": candidate.key,
        }


def _ordered(data: FieldData) -> FieldData:
    """Fields in an order of which every beginning has as many groups as it can."""
    return data.take(np.asarray(spread_order(data.groups)))
