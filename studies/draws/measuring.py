"""One training, and how good what it draws is: made once, found again."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any, final

from mamba_diffae.estimator import FieldAutoencoder
from mamba_diffae.training import Run
from studies.common.cache import cached_json, fields_digest, weights_digest
from studies.common.candidates import steps_made
from studies.draws.arms import START
from studies.draws.asked import Asked
from studies.draws.plan import CaseFolder, Planned
from studies.draws.scoring import DrawQuality, quality
from studies.draws.starting import begin_from
from studies.draws.ways import KRIGING, Way, by_kriging, drawn, ways_of


@final
@dataclass(frozen=True, eq=False)
class Measured:
    """What makes draws, and how good they are.

    Attributes:
        way: What makes them.
        fraction: Share of the lattice that is observed.
        quality: Of the draws.
        updates: Of the weights, in the training for draws; None: there was none.
    """

    way: Way
    fraction: float
    quality: DrawQuality
    updates: int | None = None


def train_and_measure(folder: CaseFolder, planned: Planned) -> None:
    """Train, or go on with that, and score; what is done is found again.

    Args:
        folder: Of the case; phase 1 is done unless it is what is trained.
        planned: Which training.
    """
    training, truth = folder.training(planned), folder.truth
    if planned.arm != START:
        begin_from(folder.start, training)
    training.fit(truth, {"native_shape": list(truth.shape)})
    measure(folder, planned)


def measure(folder: CaseFolder, planned: Planned) -> list[Measured]:
    """How good the draws of a finished training are, from its folder or made and stored there."""
    training, plan = folder.training(planned), folder.plan
    model = FieldAutoencoder.from_pretrained(training.folder, device=folder.request.device)
    key = {"weights": weights_digest(model.fitted.network), "fields": fields_digest(folder.test)}
    key |= {"draws": plan.n_draws, "seed": folder.request.seed}
    run, phase = Run.open(training.folder), planned.arm.phase
    updates = None if planned.arm == START else steps_made(run)[phase]
    found = []
    for fraction in folder.case.fractions:
        for way in ways_of(planned.arm, plan, fraction == folder.case.fractions[0]):
            name = f"{way.key}-{100 * fraction:g}-percent.json"
            stored = cached_json(
                training.folder / "scores" / name,
                {**key, "steps": way.steps},
                partial(_quality, folder, model, way, fraction),
            )
            found.append(Measured(way, fraction, DrawQuality.from_dict(stored), updates))
    return found


def _quality(
    folder: CaseFolder, model: FieldAutoencoder, way: Way, fraction: float
) -> dict[str, Any]:
    seen = folder.observe(folder.test, fraction)
    asked = Asked(folder.test.grid, seen, folder.plan.n_draws, folder.request.seed)
    found = by_kriging(folder.truth, asked) if way == KRIGING else drawn(way, model, asked)
    return quality(found, folder.test, seen, folder.request.seed).to_dict()
