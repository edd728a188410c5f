"""Ask methods about the fields of a family, own or foreign, and keep what they said on disk."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import final

import numpy as np

from mamba_diffae.benchmark.suite import Family
from mamba_diffae.benchmark.suite.cache import classical_version
from mamba_diffae.benchmark.suite.errors import deviations, field_errors
from mamba_diffae.benchmark.suite.families import spread_order
from mamba_diffae.evaluation import Kriging
from mamba_diffae.fields import FieldData, Observations, Prediction, observe
from studies.common.cache import cached_arrays, fields_digest
from studies.familiarity.methods import FamiliarityMethod, p_values
from studies.familiarity.outcome import Outcome, decibels_behind

Amount = int | float
"""Observed cells of a field, drawn at random: a whole number, or below 1 their share of all."""
_AT_ONCE = 16
"""Fields that are predicted together."""


def in_words(amount: Amount) -> str:
    """Such as "20 cells" or "20 %"."""
    return f"{100 * amount:g} %" if amount < 1 else f"{amount:g} cells"


@final
@dataclass(eq=False)
class FamilyFields:
    """Test fields of a family, observed in several amounts.

    Attributes:
        family: Which.
        count: Test fields, at most those that there are; None: all.
        seed: Of the observations.
        folder: Where results are kept.
    """

    family: Family
    count: int | None
    seed: int
    folder: Path

    @cached_property
    def data(self) -> FieldData:
        """All fields of the family, on at most 1,024 cells."""
        return self.family.open()

    @cached_property
    def test(self) -> FieldData:
        """Those that are scored, of as many groups as can be."""
        test = self.data.split("test")
        return test.take(np.asarray(spread_order(test.groups))[: self.count])

    def holds(self, amount: Amount) -> bool:
        """Whether cells are left to be scored on."""
        return amount < math.prod(self.data.shape)

    def own(self, method: FamiliarityMethod, amount: Amount) -> Outcome:
        """What a method says of fields of the kind that it was fitted on."""
        place = self.data.grid.centres()[:1]  # the p-value is the same whatever is asked

        def make() -> dict[str, np.ndarray]:
            batches = self._batches(amount)
            said = [p_values(method.predict(seen, place)) for _, seen in batches]
            return {"familiarity": np.concatenate(said)}

        found = self._kept(method.label, amount, method.version, make)
        return Outcome(method.label, self.family.name, in_words(amount), found["familiarity"])

    def foreign(self, method: FamiliarityMethod, amount: Amount) -> Outcome | None:
        """What it says of foreign fields, and how far it is behind kriging; None: cannot be asked.

        Both are scored on the cells that were not observed.
        """
        asked = method.elsewhere(self.data)
        if asked is None:
            return None

        def make() -> dict[str, np.ndarray]:
            said, errors = [], []
            for truth, seen in self._batches(amount):
                found = asked.predict(seen, truth.grid)
                said.append(p_values(found))
                errors.append(self._errors(found, truth, seen))
            return {"familiarity": np.concatenate(said), "errors": np.concatenate(errors)}

        found = self._kept(method.label, amount, method.version, make)
        behind = decibels_behind(found["errors"], self._kriging_errors(amount))
        name, words = self.family.name, in_words(amount)
        return Outcome(method.label, name, words, found["familiarity"], behind)

    def _kriging_errors(self, amount: Amount) -> np.ndarray:
        """Of the rival, on the same cells, shape (S,)."""

        def make() -> dict[str, np.ndarray]:
            errors = []
            for truth, seen in self._batches(amount):
                found = self._kriging.predict(seen, truth.grid)
                errors.append(self._errors(found, truth, seen))
            return {"errors": np.concatenate(errors)}

        return self._kept(Kriging.name, amount, classical_version(), make)["errors"]

    @cached_property
    def _kriging(self) -> Kriging:
        """The suite's rival: fitted on the training fields of this family."""
        return Kriging(with_std=False).fit(self.data.split("train"))

    @cached_property
    def _deviation(self) -> np.ndarray:
        return deviations(self.data.split("train"))

    @cached_property
    def _digest(self) -> str:
        return fields_digest(self.data)

    def _batches(self, amount: Amount) -> Iterator[tuple[FieldData, Observations]]:
        """Fields and what was seen of them; field b is observed with the key (seed, b)."""
        fraction = amount if amount < 1 else amount / self._known_cells
        seen = observe(self.test, min(fraction, 1.0), seed=self.seed)
        for i in range(0, len(self.test), _AT_ONCE):
            part = slice(i, min(i + _AT_ONCE, len(self.test)))
            yield self.test.take(part), seen[part]

    @property
    def _known_cells(self) -> float:
        """Of a field, on average: where fields have gaps, a number of cells is met about."""
        return float(self.test.valid_mask().any(axis=-1).sum() / len(self.test))

    def _errors(self, found: Prediction, truth: FieldData, seen: Observations) -> np.ndarray:
        """Squared errors of each field on cells that were not observed, shape (B,)."""
        return field_errors(found, truth, seen, self._deviation).squared.sum(axis=1)

    def _kept(
        self, label: str, amount: Amount, version: str, make: Callable[[], dict[str, np.ndarray]]
    ) -> dict[str, np.ndarray]:
        """What was made, or found on disk for the same fields, observations and code."""
        key = {
            "fields": self._digest,
            "count": len(self.test),
            "amount": amount,
            "seed": self.seed,
            "version": version,
        }
        name = "".join(c if c.isalnum() else "-" for c in f"{label} {self.family.name}")
        file = self.folder / f"{name}-{in_words(amount).replace(' ', '-')}.npz"
        return cached_arrays(file, key, make)
