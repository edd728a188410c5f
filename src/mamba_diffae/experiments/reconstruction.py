"""How well does a trained run reconstruct unseen fields, beside the classical methods?

Command:  mamba-diffae evaluate --run RUN --scales 32,64,96 --fraction 0.2
Hardware: any; 64 test pictures of the embedded set took under 2 minutes on 2 cores.
Measured: emoji-96 on all 310 test pictures, in docs/results.md and README.md.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, final

import numpy as np

from mamba_diffae.estimator import FieldAutoencoder
from mamba_diffae.evaluation import (
    DrawScore,
    Predictor,
    Score,
    classical_methods,
    judge,
    judge_draws,
    thin_plate_spline,
    true_coarse_bicubic,
)
from mamba_diffae.experiments.result import Result
from mamba_diffae.experiments.sheets import draws_sheet, methods_sheet, rendered_sheet
from mamba_diffae.fields import (
    FieldBatch,
    GridField,
    Pattern,
    area_average,
    observe,
    pixel_centres,
)
from mamba_diffae.models.config import Context

SHOWN = 6
"""Fields in the sheets of pictures."""
LARGEST_RENDERED = 1024
"""Pixels a side of the largest pictures in a sheet."""
QUESTION = (
    "From a share of its coarse cells, how well can a whole picture be written at several "
    "resolutions? "
    "The network has not seen these pictures; every method gets the same observations, and the "
    "truth is the "
    "native picture, coarser by area average."
)
OnProgress = Callable[[str], None]
"""Told what has been done."""


@final
@dataclass(frozen=True)
class Protocol:
    """What is observed, and where it is judged.

    Attributes:
        scales: Pixels a side; above the native size the fields are rendered, not scored.
        fraction: Share of cells that are observed.
        pattern: See `observe`.
        seed: Of observations, draws and intervals.
        draws: Of each field in the sheets, two or more.
    """

    scales: Sequence[int] = (32, 64, 96)
    fraction: float = 0.2
    pattern: Pattern = "random"
    seed: int = 0
    draws: int = 6

    def observe(self, truth: GridField) -> FieldBatch:
        """The observations of complete fields."""
        return observe(truth, self.fraction, pattern=self.pattern, seed=self.seed)

    def divide(self, truth: GridField) -> tuple[list[int], list[int]]:
        """The scales at which there is a truth, and those above the native size.

        Raises:
            ValueError: If there is a truth at none, or one is below 1 or too large for a sheet.
        """
        scored = [scale for scale in self.scales if scale <= truth.size]
        for scale in scored or self.scales:
            truth.check_scale(scale)
        above = [scale for scale in self.scales if scale > truth.size]
        if max(above, default=0) > LARGEST_RENDERED:
            raise ValueError(
                f"Scale {max(above)} was asked; sheets of pictures are rendered at up to "
                f"{LARGEST_RENDERED}: for a larger picture use `mamba-diffae predict --size "
                f"{max(above)}`."
            )
        return scored, above


def reconstruction(
    model: FieldAutoencoder,
    truth: GridField,
    train: GridField,
    protocol: Protocol,
    *,
    curves: Sequence[Mapping[str, Any]] = (),
    facts: Mapping[str, str] | None = None,
    on_progress: OnProgress = lambda done: None,
) -> Result:
    """Judge a model beside the classical methods.

    Args:
        model: Fitted.
        truth: Unseen complete fields.
        train: What the model was fitted on; gappy POD learns from it too.
        protocol: What is observed, and where it is judged.
        curves: Rows of the run's metrics, for the report.
        facts: What was run, for the report.
        on_progress: Told of every step that is done.

    Raises:
        ValueError: As `Protocol.divide`, or if the fields do not fit the model.
    """
    scored, above = protocol.divide(truth)
    observations = protocol.observe(truth)
    ours = our_predictors(model, observations, on_progress)
    cells = observations.cells or truth.size
    oracle = {f"oracle: true {cells}², bicubic": true_coarse_bicubic(truth, cells)}
    methods = {**classical_methods(train), **ours}
    scores = judge(
        {**methods, **oracle},
        truth,
        observations,
        scored,
        seed=protocol.seed,
        on_progress=lambda method, scale: on_progress(f"{method} at {scale}²"),
    )
    shown = truth.distinct(SHOWN)
    seen = protocol.observe(shown)
    ours = our_predictors(model, seen, on_progress)
    prediction = model.predict(seen, shown, n_samples=protocol.draws, seed=protocol.seed)
    on_progress("draws")
    draws = judge_draws(model.model.kind, prediction.sample, prediction.mean, shown)
    return Result(
        title="From scattered pixels to whole pictures",
        question=QUESTION,
        findings=[
            *_findings(scores, ours),
            *_above_finding(above, truth.size),
            *_phase_finding(curves),
            _draw_finding(draws),
        ],
        scores=scores,
        draws=[draws],
        curves=curves,
        sheets=[
            *(methods_sheet({**methods, **ours}, shown, seen, scale) for scale in scored),
            *(rendered_sheet(_any_scale(model), shown, seen, scale) for scale in above),
            draws_sheet(prediction, shown, seen),
        ],
        facts=facts or {},
    )


def our_predictors(
    model: FieldAutoencoder, observations: FieldBatch, on_progress: OnProgress
) -> dict[str, Predictor]:
    """The model in each of its contexts, asked natively and averaged; and asked at the scale."""
    kind = model.model.kind
    predictors: dict[str, Predictor] = {}
    for name, context in contexts_of(model).items():

        def tell(done: int, count: int, name: str = name) -> None:
            on_progress(f"{name}: {done} of {count} fields")

        native = model.predict(observations, context=context, on_progress=tell).mean
        predictors[name] = partial(_averaged, native)
        if context != "latent":
            predictors[f"{kind}, asked at the scale"] = partial(_asked, model, native)
    return predictors


def _any_scale(model: FieldAutoencoder) -> dict[str, Predictor]:
    """What answers above the native size: splines, and the model asked at the finer pixels."""
    ours = {name: partial(rendered, model, kind) for name, kind in contexts_of(model).items()}
    return {"thin-plate spline": thin_plate_spline, **ours}


def contexts_of(model: FieldAutoencoder) -> dict[str, Context | None]:
    """The contexts of a model by display name."""
    kind = model.model.kind
    if not model.model.has_latent:
        return {kind: None}
    return {f"{kind}, latent+points": "latent+points", f"{kind}, latent": "latent"}


def _averaged(native: np.ndarray, observations: FieldBatch, scale: int) -> np.ndarray:
    return native if scale == native.shape[1] else area_average(native, scale)


def _asked(
    model: FieldAutoencoder, native: np.ndarray, observations: FieldBatch, scale: int
) -> np.ndarray:
    """The decoder asked at the centres of the scale's own pixels, as the proposal does."""
    if scale == native.shape[1]:
        return native
    values = model.predict(observations, pixel_centres(scale)).mean
    return values.reshape(len(values), scale, scale, -1)


def rendered(
    model: FieldAutoencoder, context: Context | None, observations: FieldBatch, scale: int
) -> np.ndarray:
    """The mean of a model at a scale: a `Predictor` once model and context are fixed."""
    return model.predict(observations, scale, context=context).mean


def _findings(scores: Sequence[Score], ours: Mapping[str, Predictor]) -> list[str]:
    """For every scale, who is best and by how much: also when it is not us."""
    found = []
    for scale in sorted({s.scale for s in scores}):
        rows = [s for s in scores if s.scale == scale and not s.method.startswith("oracle")]
        mine = [s for s in rows if s.method in ours]
        classical = [s for s in rows if s.method not in ours]
        best = max(mine, key=lambda s: s.psnr.mean)
        rival = max(classical, key=lambda s: s.psnr.mean)
        smooth = max(classical, key=lambda s: s.ssim.mean)
        gap = best.psnr.mean - rival.psnr.mean
        found.append(
            f"At {scale} × {scale} our best ({best.method}) reaches {best.psnr.mean:.2f} dB, "
            f"{abs(gap):.2f} dB {'above' if gap >= 0 else 'below'} the best classical method "
            f"({rival.method}, {rival.psnr.mean:.2f} dB). Its SSIM is {best.ssim.mean:.3f}; the "
            f"best classical one is {smooth.ssim.mean:.3f} ({smooth.method})."
        )
    return found


def _above_finding(scales: Sequence[int], native: int) -> list[str]:
    """What is shown without a score, and why."""
    if not scales:
        return []
    listed = ", ".join(f"{scale} × {scale}" for scale in sorted(scales))
    return [
        f"At {listed} there is no truth, since the pictures have {native} × {native} pixels: what "
        "the network writes there is shown, and not scored."
    ]


def _phase_finding(curves: Sequence[Mapping[str, Any]]) -> list[str]:
    """What flow matching did to the reconstruction."""
    validated = [row for row in curves if "psnr" in row.get("validation", {})]
    last = {row["phase"]: row["validation"]["psnr"] for row in validated}
    if not {"autoencoder", "diffusion"} <= set(last):
        return []
    before, after = last["autoencoder"], last["diffusion"]
    return [
        f"Flow matching changed the reconstruction of validation pictures from {before:.2f} to "
        f"{after:.2f} dB "
        f"({after - before:+.2f}; the limit set beforehand was −0.3)."
    ]


def _draw_finding(draws: DrawScore) -> str:
    return (
        f"Single draws hold {draws.high_frequency:.2f} times the truth's high-frequency energy at "
        f"{draws.scale} × {draws.scale}; neighbours of (draw − mean) correlate at "
        f"{draws.draw_correlation:.2f}, "
        f"of (truth − mean) at {draws.truth_correlation:.2f}."
    )
