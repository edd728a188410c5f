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
    Kriging,
    Method,
    coverage,
    crps,
    gaussian_coverage,
    gaussian_crps,
    psnr,
    score_draws,
    spread_skill,
)
from mamba_diffae.fields import FieldData, Observations, observe
from mamba_diffae.latent.inversion import invert, sample_from
from studies.common.cache import cached_json, fields_digest, weights_digest

LEVEL = 0.9
"""Of the central interval whose coverage is measured."""
SOLVER = "heun"
"""Of the flow: without one, a model that has learned it draws in one evaluation."""


@final
@dataclass(frozen=True)
class DrawsProtocol:
    """What is observed and drawn.

    Attributes:
        fraction: Share of cells that are observed.
        count: Fields that are scored, evenly spread over the groups.
        steps: Steps of Heun's solver that are compared, by one draw of each field.
        ensemble: Draws of each field for calibration.
        ensemble_fields: Fields of which so many are drawn.
        ensemble_steps: Steps of those draws, and of the panel's.
        inverted: Fields that are carried to noise and back.
        inversion_steps: Steps of either way.
        shown: Fields in the panel.
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

    def observe(self, data: FieldData) -> Observations:
        """The observations of fields."""
        return observe(data, self.fraction, seed=self.seed)


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
        train: What kriging takes the usual deviation of a variable from.
        truth: Unseen fields; those that are inverted are complete.
        protocol: What is observed and drawn.
        folder: Where parts that are done are stored, and found again.
        on_progress: Told of every step that is done.
    """

    model: FieldAutoencoder
    train: FieldData
    truth: FieldData
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
        weights, fields = weights_digest(self.model.fitted.network), fields_digest(self.truth)
        key = {**asdict(self.protocol), "weights": weights, "fields": fields}
        return cached_json(self.folder / "scores" / f"{name}.json", key, make)

    def _drawn(self, truth: FieldData, steps: int) -> dict[str, Any]:
        """One draw of each field, and its time as a multiple of the mean's."""
        model, seen = self.model, self.protocol.observe(truth)
        model.predict(seen[:1], truth.take(np.arange(1)))  # may have kernels to compile
        start = time.perf_counter()
        model.predict(seen, truth)
        alone = time.perf_counter() - start
        start = time.perf_counter()
        options = {"seed": self.protocol.seed, "solver": SOLVER, "steps": steps}
        drawn = model.predict(seen, truth, n_draws=1, **options)
        cost = (time.perf_counter() - start - alone) / alone
        score = score_draws(_method(model), drawn, truth)
        return {"evaluations": drawn.evaluations, "time": cost, "score": score.to_dict()}

    def _calibrated(self, truth: FieldData) -> list[Mapping[str, Any]]:
        """Of the draws and of kriging."""
        model, protocol, tell = self.model, self.protocol, self.on_progress
        seen, reference = protocol.observe(truth), truth.unit_interval(truth.values)
        drawn = model.predict(
            seen,
            truth,
            n_draws=protocol.ensemble,
            seed=protocol.seed,
            solver=SOLVER,
            steps=protocol.ensemble_steps,
            on_progress=lambda done, count: tell(f"ensembles: {done} of {count} fields"),
        )
        ensemble, weights = truth.unit_interval(drawn.draws), truth.weights()
        ours = Calibration(
            _method(model).label,
            coverage(ensemble, reference, LEVEL, weights),
            _mean(crps(ensemble, reference), weights),
            spread_skill(ensemble, reference, weights),
        )
        theirs = _kriging(self.train, truth, seen, reference)
        tell("kriging")
        return [asdict(ours), asdict(theirs)]

    def _inverted(self, truth: FieldData) -> dict[str, Any]:
        seen, steps = self.protocol.observe(truth), self.protocol.inversion_steps
        noise = invert(self.model, truth, seen, steps=steps)
        again = sample_from(self.model, noise, seen, steps=steps)
        unit = truth.unit_interval
        scores = psnr(unit(again), unit(truth.values), truth.weights())
        rms = _rms(noise.queries.numpy())
        return asdict(Inversion(len(truth), float(scores.mean()), float(scores.min()), rms))


def _method(model: FieldAutoencoder) -> Method:
    """The model by its architecture."""
    return Method(model.architecture.kind, kind="network")


def _kriging(
    train: FieldData, truth: FieldData, seen: Observations, reference: np.ndarray
) -> Calibration:
    """Of kriging's Gaussian, on the scale [0, 1]."""
    found, weights = Kriging().fit(train).predict(seen, truth.grid), truth.weights()
    low, high = np.array([variable.limits for variable in truth.variables]).T
    mean, std = truth.unit_interval(found.mean), found.std / (high - low)
    return Calibration(
        Kriging.name,
        gaussian_coverage(mean, std, reference, LEVEL, weights),
        _mean(gaussian_crps(mean, std, reference), weights),
        (_mean(std**2, weights) / _mean((mean - reference) ** 2, weights)) ** 0.5,
    )


def _mean(values: np.ndarray, weights: np.ndarray) -> float:
    """Over what is known, by area."""
    return float(np.average(values, weights=weights))


def _rms(values: np.ndarray) -> float:
    return float(np.sqrt(np.square(values).mean()))
