"""How well does a trained run reconstruct unseen fields, beside the classical methods?

Command:  mamba-diffae evaluate --run RUN --scales 32,64,96 --fraction 0.2
Hardware: any; 64 test pictures of the embedded set took under 2 minutes on 2 cores.
Measured: the table of `make demo`, 64 of those pictures, stands in README.md.
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
    true_coarse_bicubic,
)
from mamba_diffae.experiments.result import Result, Sheet, observation_picture
from mamba_diffae.fields import (
    FieldBatch,
    GridField,
    Pattern,
    Prediction,
    area_average,
    observe,
    pixel_centres,
)

SHOWN, DRAWS = 6, 6
"""Fields in the sheets of pictures, and draws of each."""
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
        scales: Pixels a side, at most the native size.
        fraction: Share of cells that are observed.
        pattern: See `observe`.
        seed: Of observations, draws and intervals.
    """

    scales: Sequence[int] = (32, 64, 96)
    fraction: float = 0.2
    pattern: Pattern = "random"
    seed: int = 0

    def observe(self, truth: GridField) -> FieldBatch:
        """The observations of complete fields."""
        return observe(truth, self.fraction, pattern=self.pattern, seed=self.seed)


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
        ValueError: If a scale is above the native size, or the fields do not fit the model.
    """
    for scale in protocol.scales:
        truth.check_scale(scale)
    observations = protocol.observe(truth)
    ours = _our_predictors(model, observations, on_progress)
    cells = observations.cells or truth.size
    oracle = {f"oracle: true {cells}², bicubic": true_coarse_bicubic(truth, cells)}
    methods = {**classical_methods(train), **ours}
    scores = judge(
        {**methods, **oracle},
        truth,
        observations,
        protocol.scales,
        seed=protocol.seed,
        on_progress=lambda method, scale: on_progress(f"{method} at {scale}²"),
    )
    shown = truth.distinct(SHOWN)
    seen = protocol.observe(shown)
    ours = _our_predictors(model, seen, on_progress)
    prediction = model.predict(seen, shown, n_samples=DRAWS, seed=protocol.seed)
    on_progress("draws")
    draws = judge_draws(model.model.kind, prediction.sample, prediction.mean, shown)
    return Result(
        title="From scattered pixels to whole pictures",
        question=QUESTION,
        findings=[*_findings(scores, ours), *_phase_finding(curves), _draw_finding(draws)],
        scores=scores,
        draws=[draws],
        curves=curves,
        sheets=[
            *(_methods_sheet({**methods, **ours}, shown, seen, s) for s in protocol.scales),
            _draws_sheet(prediction, shown, seen),
        ],
        facts=facts or {},
    )


def _our_predictors(
    model: FieldAutoencoder, observations: FieldBatch, on_progress: OnProgress
) -> dict[str, Predictor]:
    """The model in each of its contexts, asked natively and averaged; and asked at the scale."""
    kind = model.model.kind
    contexts = ("latent+points", "latent") if model.model.has_latent else (None,)
    predictors: dict[str, Predictor] = {}
    for context in contexts:
        name = f"{kind}, {context}" if context else kind

        def tell(done: int, count: int, name: str = name) -> None:
            on_progress(f"{name}: {done} of {count} fields")

        native = model.predict(observations, context=context, on_progress=tell).mean
        predictors[name] = partial(_averaged, native)
        if context != "latent":
            predictors[f"{kind}, asked at the scale"] = partial(_asked, model, native)
    return predictors


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


def _methods_sheet(
    methods: Mapping[str, Predictor], shown: GridField, seen: FieldBatch, scale: int
) -> Sheet:
    unit = shown.scaling.unit
    columns = {name: unit(predict(seen, scale)) for name, predict in methods.items()}
    truth = unit(shown.at(scale))
    pictures = [
        [truth[i], _observed(seen, shown, i), *(values[i] for values in columns.values())]
        for i in range(len(shown))
    ]
    return Sheet(
        title=f"Every method at {scale} × {scale}",
        caption=f"Unseen pictures, what was observed of them, and what each method makes of it at "
        f"{scale} × {scale} pixels.",
        columns=["truth", "observed", *columns],
        rows=list(shown.names),
        pictures=pictures,
    )


def _draws_sheet(prediction: Prediction, shown: GridField, seen: FieldBatch) -> Sheet:
    unit, size = shown.scaling.unit, shown.size
    spread = prediction.std * (1 / (shown.scaling.high - shown.scaling.low))
    columns = {
        "truth": unit(shown.at(size)),
        "mean": unit(prediction.mean),
        # Half the range is as uncertain as a value can be.
        "standard deviation": (2 * spread).mean(axis=-1, keepdims=True),
        "draw 1": unit(prediction.sample[0]),
        "draw 2": unit(prediction.sample[1]),
    }
    pictures = [
        [
            columns["truth"][i],
            _observed(seen, shown, i),
            *(v[i] for v in list(columns.values())[1:]),
        ]
        for i in range(len(shown))
    ]
    return Sheet(
        title=f"Mean, uncertainty and draws at {size} × {size}",
        caption="The posterior mean in one evaluation; the standard deviation of "
        f"{len(prediction.sample)} draws (white: half the range of values); two "
        f"draws, {prediction.evaluations} evaluations each.",
        columns=["truth", "observed", *list(columns)[1:]],
        rows=list(shown.names),
        pictures=pictures,
    )


def _observed(seen: FieldBatch, shown: GridField, i: int) -> np.ndarray:
    field = seen.fields()[i]
    values = shown.scaling.unit(field.values)
    return observation_picture(field.coords, values, field.cells or shown.size)


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


def _phase_finding(curves: Sequence[Mapping[str, Any]]) -> list[str]:
    """What flow matching did to the reconstruction."""
    last = {row["phase"]: row["validation"]["psnr"] for row in curves if "validation" in row}
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
