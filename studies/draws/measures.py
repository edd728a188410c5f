"""Single draws by the number of steps, calibration of many draws, and inversion to noise."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any, final

import numpy as np

from mamba_diffae.benchmark import OnProgress
from mamba_diffae.estimator import FieldAutoencoder
from mamba_diffae.evaluation import (
    DrawScore,
    coverage,
    crps,
    gaussian_coverage,
    gaussian_crps,
    judge_draws,
    kriging,
    kriging_deviation,
    psnr,
    spread_skill,
)
from mamba_diffae.fields import FieldBatch, GridField, observe
from mamba_diffae.latent.inversion import draw_from, invert
from studies.common.cache import cached_json, fields_digest, weights_digest

LEVEL = 0.9
"""Of the central interval whose coverage is measured."""


@final
@dataclass(frozen=True)
class DrawsProtocol:
    """What is observed and drawn.

    Attributes:
        fraction: Share of cells that are observed.
        count: Fields that are judged, evenly spread over the groups.
        steps: Steps of Heun's solver that are compared, by one draw of each field.
        ensemble: Draws of each field for calibration.
        ensemble_fields: Fields of which so many are drawn.
        ensemble_steps: Steps of those draws, and of the pictures.
        inverted: Fields that are carried to noise and back.
        inversion_steps: Steps of either way.
        shown: Fields in the panel of pictures.
        seed: Of observations and draws.
    """

    fraction: float = 0.2
    count: int = 32
    steps: Sequence[int] = (2, 4, 8, 20, 50)
    ensemble: int = 32
    ensemble_fields: int = 16
    ensemble_steps: int = 10
    inverted: int = 16
    inversion_steps: int = 20
    shown: int = 6
    seed: int = 0

    def observe(self, fields: GridField) -> FieldBatch:
        """The observations of complete fields."""
        return observe(fields, self.fraction, seed=self.seed)


@final
@dataclass(frozen=True)
class StepsOutcome:
    """One draw of each field by one number of steps.

    Attributes:
        steps: Of Heun's solver.
        evaluations: Of the network, for one draw.
        time: As a multiple of the mean's.
        score: How the draws do.
    """

    steps: int
    evaluations: int
    time: float
    score: DrawScore


@final
@dataclass(frozen=True)
class Calibration:
    """How honest a spread is, on the scale [0, 1].

    Attributes:
        method: Its label.
        coverage: Share of the values inside the central interval.
        crps: Fair, lower is better.
        spread_over_error: 1 if calibrated.
    """

    method: str
    coverage: float
    crps: float
    spread_over_error: float


@final
@dataclass(frozen=True)
class Inversion:
    """Complete fields carried to noise and back.

    Attributes:
        count: Fields.
        mean_psnr: Of what comes back, in dB.
        least_psnr: The least of them, in dB.
        noise_rms: Root mean square of the noise.
    """

    count: int
    mean_psnr: float
    least_psnr: float
    noise_rms: float


@final
@dataclass(frozen=True)
class DrawMeasures:
    """The measurements; in a folder each is made once for the same weights, fields and protocol.

    Attributes:
        model: Fitted, with its flow trained.
        truth: Unseen complete fields.
        protocol: What is observed and drawn.
        folder: Where parts that are done are stored, and found again.
        on_progress: Told of every step that is done.
    """

    model: FieldAutoencoder
    truth: GridField
    protocol: DrawsProtocol
    folder: Path
    on_progress: OnProgress

    def by_steps(self) -> list[StepsOutcome]:
        """One draw of each field by the number of steps."""
        truth, found = self.truth.distinct(self.protocol.count), []
        for steps in self.protocol.steps:
            stored = self._cached(f"draws-in-{steps}-steps", partial(self._drawn, truth, steps))
            score = DrawScore.from_dict(stored["score"])
            found.append(StepsOutcome(steps, stored["evaluations"], stored["time"], score))
            self.on_progress(f"draws in {steps} steps")
        return found

    def calibration(self) -> tuple[Calibration, Calibration]:
        """Coverage and CRPS of the draws, and kriging's by its Gaussian."""
        truth = self.truth.distinct(self.protocol.ensemble_fields)
        ours, theirs = self._cached("calibration-of-draws", lambda: self._calibrated(truth))
        return Calibration(**ours), Calibration(**theirs)

    def inversion(self) -> Inversion:
        """PSNR of fields carried to noise and back, and the size of that noise."""
        truth = self.truth.distinct(self.protocol.inverted)
        found = Inversion(**self._cached("inversion-of-fields", lambda: self._inverted(truth)))
        self.on_progress("inversion")
        return found

    def _cached(self, name: str, make: Callable[[], Any]) -> Any:
        """What a part measured, JSON values."""
        weights, fields = weights_digest(self.model._fitted()[0]), fields_digest(self.truth)
        key = {**asdict(self.protocol), "weights": weights, "fields": fields}
        return cached_json(self.folder / "scores" / f"{name}.json", key, make)

    def _drawn(self, truth: GridField, steps: int) -> dict[str, Any]:
        """One draw of each field, and its time as a multiple of the mean's."""
        model, seen = self.model, self.protocol.observe(truth)
        model.predict(seen[:1], truth.take(np.arange(1)))  # may have kernels to compile
        start = time.perf_counter()
        mean = model.predict(seen, truth).mean
        alone = time.perf_counter() - start
        start = time.perf_counter()
        drawn = model.predict(seen, truth, n_samples=1, seed=self.protocol.seed, steps=steps)
        cost = (time.perf_counter() - start - alone) / alone
        score = judge_draws(model.model.kind, drawn.sample, mean, truth)
        return {"evaluations": drawn.evaluations, "time": cost, "score": score.to_dict()}

    def _calibrated(self, truth: GridField) -> list[Mapping[str, Any]]:
        """Of the draws and of kriging."""
        model, protocol, tell = self.model, self.protocol, self.on_progress
        seen, reference = protocol.observe(truth), truth.scaling.unit(truth.at(truth.size))
        drawn = model.predict(
            seen,
            truth,
            n_samples=protocol.ensemble,
            seed=protocol.seed,
            steps=protocol.ensemble_steps,
            on_progress=lambda done, count: tell(f"ensembles: {done} of {count} fields"),
        )
        ensemble = truth.scaling.unit(drawn.sample)
        ours = Calibration(
            model.model.kind,
            coverage(ensemble, reference, LEVEL),
            float(crps(ensemble, reference).mean()),
            spread_skill(ensemble, reference),
        )
        theirs = _kriging(truth, seen, reference)
        tell("kriging")
        return [asdict(ours), asdict(theirs)]

    def _inverted(self, truth: GridField) -> dict[str, Any]:
        seen, steps = self.protocol.observe(truth), self.protocol.inversion_steps
        noise = invert(self.model, truth, seen, steps=steps)
        again = draw_from(self.model, noise, seen, steps=steps)
        unit = truth.scaling.unit
        scores = psnr(unit(again), unit(truth.at(truth.size)))
        rms = _rms(noise.queries.numpy())
        return asdict(Inversion(len(truth), float(scores.mean()), float(scores.min()), rms))


def _kriging(truth: GridField, seen: FieldBatch, reference: np.ndarray) -> Calibration:
    """Of kriging's Gaussian, on the scale [0, 1]."""
    mean = truth.scaling.unit(kriging(seen, truth.size))
    deviation = kriging_deviation(seen, truth.size) / (truth.scaling.high - truth.scaling.low)
    return Calibration(
        "kriging",
        gaussian_coverage(mean, deviation, reference, LEVEL),
        float(gaussian_crps(mean, deviation, reference).mean()),
        _rms(deviation) / _rms(mean - reference),
    )


def _rms(values: np.ndarray) -> float:
    return float(np.sqrt(np.square(values).mean()))
