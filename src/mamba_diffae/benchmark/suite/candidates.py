"""What is compared: the classical methods, and whatever else fits and predicts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, final

from mamba_diffae.benchmark.suite.cache import classical_version
from mamba_diffae.evaluation import Baseline, Method, Predictor, classical_baselines
from mamba_diffae.fields import FieldData

Training = Literal["own", "foreign"]
"""Whether a method has learned from fields of the family, or from others."""
Version = str | Callable[[FieldData], str | None] | None
"""What tells code and weights from others; found from the fields that `fit` is given, maybe."""


@final
@dataclass(frozen=True, eq=False)
class Candidate:
    """A method of the suite.

    Attributes:
        key: Tells it from all others of the table.
        fit: From fields of a family, the splits train and val, to what predicts; None if it cannot
            be asked there, as one that knows another number of variables.
        training: On which fields; foreign ones are told by `fit` too, which then learns nothing.
        version: What tells its code and weights from others, for the cache; None: its errors are
            not kept.
        known_families: Names of families that a method with foreign training has learned from, and
            is not asked about.
    """

    key: str
    fit: Callable[[FieldData], Predictor | None]
    training: Training = "own"
    version: Version = None
    known_families: frozenset[str] = frozenset()

    def version_for(self, data: FieldData) -> str | None:
        """Its version on a family, given the splits train and val; None: not known (yet)."""
        return self.version(data) if callable(self.version) else self.version


Ours = Mapping[str, Candidate | Callable[[], Baseline]]
"""By name: a candidate, or what makes a `Baseline`, which is fitted on the training split."""


def classical_candidates() -> list[Candidate]:
    """The classical methods of the package, in display order."""
    version = classical_version()
    return [
        Candidate(Method.of(baseline).key, _fitting(lambda b=baseline: b), version=version)
        for baseline in classical_baselines()
    ]


def our_candidates(ours: Ours) -> list[Candidate]:
    """Candidates of what was given by name."""
    return [
        given if isinstance(given, Candidate) else Candidate(name, _fitting(given))
        for name, given in ours.items()
    ]


def _fitting(make: Callable[[], Baseline]) -> Callable[[FieldData], Predictor]:
    return lambda data: make().fit(data.split("train"))
