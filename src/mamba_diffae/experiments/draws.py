"""How good are single draws, at what cost, how honest is their spread, and can they be undone?

Command:  mamba-diffae experiment draws --model emoji-96 --run runs/draws --scale standard
Hardware: any; 24 minutes on one core of an Intel Xeon (AVX-512) with other work on both cores.
Measured: seed 0: a draw of 8 steps or more holds 0.86 to 0.91 of the truth's high-frequency energy
(neighbours correlate at 0.82, as the truth's); 96 % of the values lie inside the central 90 %
interval (kriging: 89 %), CRPS 0.035 (0.058); 16 fields come back from their noise at 63 dB.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, final

import numpy as np

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
from mamba_diffae.experiments.kept import kept, weights_digest
from mamba_diffae.experiments.result import Result, Sheet, Table
from mamba_diffae.experiments.sheets import draws_sheet
from mamba_diffae.experiments.trained import fields_digest
from mamba_diffae.fields import FieldBatch, GridField, observe
from mamba_diffae.latent.inversion import draw_from, invert

SHOWN_DRAWS = 4
"""Draws of each field in the sheet of pictures."""
LEVEL = 0.9
"""Of the central interval whose coverage is measured."""
QUESTION = (
    "A draw should look like a field that the observations allow. Is its detail as strong and as "
    "coherent as the truth's, in how few steps, does the truth lie within the spread of many draws "
    "as often as it should, and does the noise of a given field bring that field back?"
)


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
        shown: Fields in the sheet of pictures.
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


def draws(
    model: FieldAutoencoder,
    truth: GridField,
    protocol: DrawsProtocol | None = None,
    *,
    folder: Path | None = None,
    facts: Mapping[str, str] | None = None,
    on_progress: Callable[[str], None] = lambda done: None,
) -> Result:
    """Judge the draws of a model at the native size.

    Args:
        model: Fitted, with its flow trained.
        truth: Unseen complete fields.
        protocol: What is observed and drawn; None: as `DrawsProtocol` says.
        folder: Where parts that are done are kept, and found again; None: nowhere.
        facts: What was run, for the report.
        on_progress: Told of every step that is done.

    Raises:
        ValueError: If the fields do not fit the model, or no numbers of steps are given.
    """
    protocol = protocol or DrawsProtocol()
    if not protocol.steps:
        raise ValueError("No numbers of steps were given; give one or more, such as (8, 20).")
    parts = _Parts(model, truth, protocol, folder, on_progress)
    by_steps, detail = parts.by_steps(truth.distinct(protocol.count))
    calibration = parts.calibration(truth.distinct(protocol.ensemble_fields))
    inversion = parts.inversion(truth.distinct(protocol.inverted))
    sheet = _pictures(model, truth.distinct(protocol.shown), protocol)
    on_progress("pictures")
    return Result(
        title="Draws worth looking at",
        question=QUESTION,
        findings=[detail, *_findings(calibration, inversion)],
        scores=[],
        tables=[by_steps, calibration, inversion],
        sheets=[sheet],
        facts=facts or {},
    )


@final
@dataclass(frozen=True)
class _Parts:
    """The measurements; in a folder each is made once for the same weights, fields and protocol."""

    model: FieldAutoencoder
    truth: GridField
    protocol: DrawsProtocol
    folder: Path | None
    on_progress: Callable[[str], None]

    def kept(self, name: str, make: Callable[[], Any]) -> Any:
        """What a part measured, JSON values."""
        if self.folder is None:
            return make()
        return kept(self.folder / "scores" / f"{name}.json", self._key, make)

    @property
    def _key(self) -> dict[str, Any]:
        weights = weights_digest(self.model._fitted()[0])
        fields = fields_digest(self.truth)
        return {**asdict(self.protocol), "weights": weights, "fields": fields}

    def by_steps(self, truth: GridField) -> tuple[Table, str]:
        """One draw of each field by the number of steps; its time is a multiple of the mean's."""
        rows, score = [], None
        for steps in self.protocol.steps:
            make = partial(self._drawn, truth, steps)
            found = self.kept(f"draws-in-{steps}-steps", make)
            score = DrawScore.from_dict(found["score"])
            detail = score.high_frequency, score.total_variation, score.draw_correlation
            rows.append([steps, found["evaluations"], found["time"], score.psnr.mean, *detail])
            self.on_progress(f"draws in {steps} steps")
        assert score is not None
        table = Table(
            f"One draw, by the number of Heun steps, at {truth.size} × {truth.size}",
            f"{len(truth)} fields. HF: energy above half the Nyquist frequency, TV: total "
            "variation, both as ratios to the truth's. The neighbour correlation of (draw − mean) "
            f"should equal that of (truth − mean), {score.truth_correlation:.2f}. Time as a "
            "multiple of the mean's.",
            ["steps", "evaluations", "time", "PSNR", "HF", "TV", "correlation"],
            rows,
            digits=[0, 0, 1, 2, 2, 2, 2],
        )
        return table, _detail_finding(self.protocol.steps[-1], score)

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

    def calibration(self, truth: GridField) -> Table:
        """Coverage and CRPS of the draws, beside kriging's, on the scale [0, 1]."""
        protocol = self.protocol
        return Table(
            f"Calibration at {truth.size} × {truth.size}",
            f"{len(truth)} fields; {protocol.ensemble} draws of {protocol.ensemble_steps} steps, "
            "and kriging by its Gaussian. Coverage: share of values inside the central "
            f"{100 * LEVEL:.0f} % interval. CRPS (fair) on the scale [0, 1], lower is better. "
            "Spread over error: 1 if calibrated.",
            ["method", "coverage", "CRPS", "spread / error"],
            self.kept("calibration", lambda: self._calibrated(truth)),
            digits=[0, 3, 4, 2],
        )

    def _calibrated(self, truth: GridField) -> list[list[str | float | None]]:
        """The row of the draws and that of kriging."""
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
        ours = [
            model.model.kind,
            coverage(ensemble, reference, LEVEL),
            float(crps(ensemble, reference).mean()),
            spread_skill(ensemble, reference),
        ]
        theirs = _kriging_row(truth, seen, reference)
        tell("kriging")
        return [ours, theirs]

    def inversion(self, truth: GridField) -> Table:
        """PSNR of fields carried to noise and back, and the moments of that noise."""
        row = self.kept("inversion", lambda: self._inverted(truth))
        self.on_progress("inversion")
        return Table(
            "Field to noise to field",
            f"{len(truth)} complete fields and their anchors, {self.protocol.inversion_steps} "
            "Heun steps each way. The noise of a field that the model finds likely has a root mean "
            "square of 1.",
            ["fields", "mean PSNR", "least PSNR", "rms of the noise"],
            [row],
        )

    def _inverted(self, truth: GridField) -> list[float]:
        seen, steps = self.protocol.observe(truth), self.protocol.inversion_steps
        noise = invert(self.model, truth, seen, steps=steps)
        again = draw_from(self.model, noise, seen, steps=steps)
        unit = truth.scaling.unit
        scores = psnr(unit(again), unit(truth.at(truth.size)))
        rms = _rms(noise.queries.numpy())
        return [len(truth), float(scores.mean()), float(scores.min()), rms]


def _kriging_row(
    truth: GridField, seen: FieldBatch, reference: np.ndarray
) -> list[str | float | None]:
    """Name, coverage, CRPS and spread over error of kriging's Gaussian, on the scale [0, 1]."""
    mean = truth.scaling.unit(kriging(seen, truth.size))
    deviation = kriging_deviation(seen, truth.size) / (truth.scaling.high - truth.scaling.low)
    return [
        "kriging",
        gaussian_coverage(mean, deviation, reference, LEVEL),
        float(gaussian_crps(mean, deviation, reference).mean()),
        _rms(deviation) / _rms(mean - reference),
    ]


def _rms(values: np.ndarray) -> float:
    return float(np.sqrt(np.square(values).mean()))


def _pictures(model: FieldAutoencoder, shown: GridField, protocol: DrawsProtocol) -> Sheet:
    """Mean, standard deviation and four draws."""
    seen, steps = protocol.observe(shown), protocol.ensemble_steps
    drawn = model.predict(seen, shown, n_samples=SHOWN_DRAWS, seed=protocol.seed, steps=steps)
    sheet = draws_sheet(drawn, shown, seen)
    more = [shown.scaling.unit(sample) for sample in drawn.sample[2:]]
    return replace(
        sheet,
        caption=sheet.caption.replace("two draws", f"{len(drawn.sample)} draws"),
        columns=[*sheet.columns, *(f"draw {i + 3}" for i in range(len(more)))],
        pictures=[[*row, *(m[i] for m in more)] for i, row in enumerate(sheet.pictures)],
    )


def _detail_finding(steps: int, score: DrawScore) -> str:
    return (
        f"A draw of {steps} steps holds {score.high_frequency:.2f} times the truth's "
        f"high-frequency energy at {score.scale} × {score.scale}; neighbours of (draw − mean) "
        f"correlate at {score.draw_correlation:.2f}, of (truth − mean) at "
        f"{score.truth_correlation:.2f}."
    )


def _findings(calibration: Table, inversion: Table) -> list[str]:
    (_, ours, ours_crps, _), (_, theirs, their_crps, _) = calibration.rows
    count, mean, least, _ = inversion.rows[0]
    return [
        f"The central {100 * LEVEL:.0f} % interval of the draws holds a share of {ours:.3f} of the "
        f"true values, kriging's {theirs:.3f}; the fair CRPS is {ours_crps:.4f}, kriging's "
        f"{their_crps:.4f}.",
        f"{count} complete fields come back from their noise at {mean:.1f} dB, {least:.1f} dB at "
        "the least.",
    ]
