"""Draws of fitted models of the same test fields, from the same observations, and their scores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

import numpy as np

from mamba_diffae.benchmark import ImageGrid, OnProgress
from mamba_diffae.benchmark.panels import draws_grid
from mamba_diffae.benchmark.wording import percent
from mamba_diffae.estimator.inputs import FIELDS_AT_ONCE
from mamba_diffae.fields import FieldData, Observations, Prediction, ValuesError, observe
from studies.common.cache import cached_arrays, cached_json, fields_digest
from studies.draws.asked import Asked
from studies.draws.given_models import DrawSource, GivenModel, KrigingGaussian
from studies.draws.plan import scored_fields
from studies.draws.quarters import QuarterCoverage, quarter_ranks
from studies.draws.scoring import DrawQuality, quality
from studies.draws.sheet import joined
from studies.draws.ways import Drawn

MAIN = 0.2
"""Share of the lattice that is observed for pictures and for means over quarters."""
QUARTER_DRAWS = 40
"""Draws of each field for the intervals of such means."""
SHOWN_FIELDS, SHOWN_DRAWS = 8, 4
"""In the sheet of pictures."""
RAW, CALIBRATED = "as they come", "calibrated"


@final
@dataclass(frozen=True)
class ModelsProtocol:
    """What is observed and drawn.

    Attributes:
        count: Test fields that are scored, at most, spread over the groups.
        n_draws: Of each.
        fractions: Shares of the observed lattice that are observed.
        quarter_fields: Test fields for means over quarters, at most; None: all.
        seed: Of observations, draws and resamples.

    Raises:
        ValuesError: If there are no fields, fewer than two draws or no fractions.
    """

    count: int = 48
    n_draws: int = 32
    fractions: tuple[float, ...] = (0.05, 0.2, 0.6)
    quarter_fields: int | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        quarters = 1 if self.quarter_fields is None else self.quarter_fields
        if min(self.count, quarters) < 1 or self.n_draws < 2 or not self.fractions:
            raise ValuesError(
                f"{self.count} fields, {quarters} for means over quarters, {self.n_draws} draws "
                f"and {len(self.fractions)} fractions were asked; give at least one field each, "
                "two draws and one fraction."
            )


@final
@dataclass(frozen=True, eq=False)
class ScoredDraws:
    """Draws of all scored fields at a fraction, or a stated Gaussian.

    Attributes:
        name: Of what made them.
        way: By which it did.
        fraction: Share of the lattice that is observed.
        state: `RAW` or `CALIBRATED`.
        quality: How good they are.
    """

    name: str
    way: str
    fraction: float
    state: str
    quality: DrawQuality

    @property
    def made(self) -> str:
        """By what they were made, and their state, in words."""
        return f"{self.way}, {self.state}" if self.quality.raw.n_draws else self.way


@final
@dataclass(frozen=True, eq=False)
class ModelsResult:
    """How good the draws of some models are.

    Attributes:
        protocol: What was observed and drawn.
        groups: Of the scored fields, shape (S,).
        draws: By fraction: kriging's Gaussian, then each model's as they come and, where it has a
            calibration, calibrated.
        quarters: Intervals of means over quarters, in the order of the models.
        panels: Pictures.
        facts: How it was done.
    """

    protocol: ModelsProtocol
    groups: np.ndarray
    draws: Sequence[ScoredDraws]
    quarters: Sequence[QuarterCoverage]
    panels: Sequence[ImageGrid]
    facts: Mapping[str, str]

    def at(self, fraction: float, state: str | None = None) -> list[ScoredDraws]:
        """Those at a fraction, of one state or of both."""
        return [d for d in self.draws if d.fraction == fraction and state in (None, d.state)]

    def reference(self, fraction: float) -> ScoredDraws:
        """Those of the last model as they come: with them all others are compared."""
        return self.at(fraction, RAW)[-1]


@final
class ModelsStudy:
    """What is asked, and what is done of it: a part that is done is found again in the folder.

    Args:
        models: Fitted, of the fields' native grid; one at least.
        fields: With splits: kriging learns from "train", draws are of "test".
        protocol: What is observed and drawn.
        folder: Of the study.
        tell: Told of every part that is done, and of fields on the way.
    """

    def __init__(
        self,
        models: Sequence[GivenModel],
        fields: FieldData,
        protocol: ModelsProtocol,
        folder: Path,
        tell: OnProgress,
    ) -> None:
        self.models, self.protocol, self.tell = models, protocol, tell
        self.scores, self.test = folder / "scores", scored_fields(fields, protocol.quarter_fields)
        self.truth, self.kriging = scored_fields(fields, protocol.count), KrigingGaussian(fields)

    def result(self) -> ModelsResult:
        """All scores and pictures."""
        sources = (self.kriging, *self.models)
        draws = [
            scored
            for fraction in self.protocol.fractions
            for source in sources
            for scored in self._scored(source, fraction)
        ]
        quarters = [found for model in self.models for found in self._quarters(model)]
        facts = {f"model {model.name}": model.about for model in self.models}
        panels, groups = [self._sheet()], self.truth.groups
        return ModelsResult(self.protocol, groups, draws, quarters, panels, facts)

    def _scored(self, source: DrawSource, fraction: float) -> list[ScoredDraws]:
        """As they come and, with a calibration, calibrated."""
        protocol, at = self.protocol, f"{source.name}, {percent(fraction)} observed"
        key = {"draws": protocol.n_draws, "seed": protocol.seed, "fraction": fraction}
        seen = observe(self.truth, fraction, seed=protocol.seed)
        asked = self._asked(self.truth, seen, protocol.n_draws, protocol.seed, at)
        stored = cached_json(
            self.scores / f"{source.stem}-{100 * fraction:g}-percent.json",
            {**key, "fields": fields_digest(self.truth), **source.key},
            lambda: self._qualities(source.draw(asked), seen),
        )
        self.tell(f"{at}: scored")
        found = zip((RAW, CALIBRATED), map(DrawQuality.from_dict, stored), strict=False)
        return [ScoredDraws(source.name, source.way.label, fraction, *each) for each in found]

    def _qualities(self, found: Drawn, seen: Observations) -> list[dict[str, Any]]:
        truth, seed = self.truth, self.protocol.seed
        each = (Drawn(one, seconds=found.seconds) for one in _states(found).values())
        return [quality(one, truth, seen, seed).to_dict() for one in each]

    def _quarters(self, model: GivenModel) -> list[QuarterCoverage]:
        """The same of means over quarters; a few fields at a time, each batch stored."""
        parts = [
            self._quarter_ranks(model, first) for first in range(0, len(self.test), FIELDS_AT_ONCE)
        ]
        groups, seed, told = self.test.groups, self.protocol.seed, []
        for state in parts[0]:
            ranks = np.concatenate([part[state] for part in parts])
            told.append(QuarterCoverage.of(model.name, state, ranks, groups, seed))
        return told

    def _quarter_ranks(self, model: GivenModel, first: int) -> dict[str, np.ndarray]:
        """Ranks of some fields from the first on, by state."""
        last = min(first + FIELDS_AT_ONCE, len(self.test))
        truth = self.test.take(np.arange(first, last))
        # No two fields share a key: that of a draw is made of seed and place in its batch.
        seed = self.protocol.seed + QUARTER_DRAWS * first
        at = f"{model.name}, quarters from field {first + 1} of {len(self.test)} on"
        key = {"draws": QUARTER_DRAWS, "seed": seed, **model.key, "fields": fields_digest(truth)}

        def make() -> dict[str, np.ndarray]:
            seen = observe(truth, MAIN, seed=seed)
            found = model.draw(self._asked(truth, seen, QUARTER_DRAWS, seed, at))
            return {s: quarter_ranks(one, truth, seed) for s, one in _states(found).items()}

        return cached_arrays(self.scores / f"{model.stem}-quarters-{first}.npz", key, make)

    def _asked(
        self, truth: FieldData, seen: Observations, n_draws: int, seed: int, at: str
    ) -> Asked:
        """Draws of fields, with word of what is done."""

        def on_progress(done: int, of: int) -> None:
            self.tell(f"{at}: {done} of {of} fields")

        return Asked(truth.grid, seen, n_draws, seed, on_progress)

    def _sheet(self) -> ImageGrid:
        """Pictures of the first model and of the last."""
        shown, seed = self.truth.distinct(SHOWN_FIELDS), self.protocol.seed
        seen, grids = observe(shown, MAIN, seed=seed), {}
        for model in {m.name: m for m in (self.models[0], self.models[-1])}.values():
            asked = self._asked(shown, seen, SHOWN_DRAWS, seed, f"{model.name}, pictures")
            *_, given = _states(model.draw(asked)).values()
            grids[model.name] = draws_grid(given, shown, seen, SHOWN_DRAWS)
        caption = (
            f"{len(shown)} test fields, {percent(MAIN)} of the lattice observed. Draws with the "
            "calibration of a model, where it has one, as its users get them."
        )
        return joined(grids, "Draws of the first and of the last model", caption)


def _states(found: Drawn) -> dict[str, Prediction]:
    """Predictions as they come and, with a calibration, calibrated."""
    calibrated = {} if found.calibrated is None else {CALIBRATED: found.calibrated}
    return {RAW: found.raw, **calibrated}
