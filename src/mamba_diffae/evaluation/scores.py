"""Judgement: predictors on the same observations, scored against native truth at every scale."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Self, final

import numpy as np

from mamba_diffae.evaluation.metrics import (
    Interval,
    bootstrap_interval,
    high_frequency_ratio,
    neighbour_correlation,
    psnr,
    ssim,
    total_variation_ratio,
)
from mamba_diffae.evaluation.predictor import Predictor
from mamba_diffae.fields import FieldBatch, GridField


@final
@dataclass(frozen=True)
class Score:
    """How one method did at one scale.

    Attributes:
        method: Its display name.
        scale: Pixels a side.
        count: Pictures judged.
        psnr: In dB, mean over pictures and 95 % interval over groups.
        ssim: The same of the structural similarity.
        total_variation: Ratio to the truth's.
        high_frequency: Energy above half the Nyquist frequency, ratio to the truth's.
    """

    method: str
    scale: int
    count: int
    psnr: Interval
    ssim: Interval
    total_variation: float
    high_frequency: float

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers and strings, ready for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """The inverse of `to_dict`."""
        intervals = {name: Interval(**data[name]) for name in ("psnr", "ssim")}
        return cls(**{**data, **intervals})


@final
@dataclass(frozen=True)
class DrawScore:
    """How the draws of one method did at one scale; every number is the mean over the draws.

    Attributes:
        method: Its display name.
        scale: Pixels a side.
        count: Pictures judged.
        draws: Draws of each picture.
        psnr: Of single draws, in dB; a calibrated draw lies about 3 dB below the mean.
        total_variation: Ratio to the truth's.
        high_frequency: Energy above half the Nyquist frequency, ratio to the truth's.
        draw_correlation: Neighbour correlation of (draw - mean).
        truth_correlation: Neighbour correlation of (truth - mean), which the former should equal.
    """

    method: str
    scale: int
    count: int
    draws: int
    psnr: Interval
    total_variation: float
    high_frequency: float
    draw_correlation: float
    truth_correlation: float

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers and strings, ready for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """The inverse of `to_dict`."""
        return cls(**{**data, "psnr": Interval(**data["psnr"])})


def judge(
    predictors: Mapping[str, Predictor],
    truth: GridField,
    observations: FieldBatch,
    scales: Sequence[int],
    *,
    seed: int = 0,
    on_progress: Callable[[str, int], None] | None = None,
) -> list[Score]:
    """Score every predictor at every scale, in that order.

    Args:
        predictors: Methods by display name.
        truth: Complete fields; the truth at a scale is their area average.
        observations: What was seen of them, in the same order and unit.
        scales: Pixels a side, at most the native size.
        seed: Of the bootstrap intervals.
        on_progress: Called with (method, scale) after each of them is scored.

    Raises:
        ValueError: If a scale is above the native size or the observations are of another number of
            fields (both before any prediction), or a prediction has a wrong shape or is not finite.
    """
    if len(observations) != len(truth):
        raise ValueError(
            f"judge was given {len(truth)} true fields and observations of {len(observations)}; "
            "pass the observations of those very fields."
        )
    references = {scale: truth.scaling.unit(truth.at(scale)) for scale in scales}
    scores = []
    for method, predict in predictors.items():
        for scale, reference in references.items():
            prediction = predict(observations, scale)
            _check(prediction, reference.shape, f"{method!r} at scale {scale}")
            unit = truth.scaling.unit(prediction)
            scores.append(_score(method, unit, reference, truth.groups, seed))
            if on_progress is not None:
                on_progress(method, scale)
    return scores


def judge_draws(
    method: str, draws: np.ndarray, mean: np.ndarray, truth: GridField, *, seed: int = 0
) -> DrawScore:
    """Score the draws of a method at the scale they have.

    Args:
        method: Its display name.
        draws: Shape (K, S, scale, scale, C), in the unit of the field.
        mean: Its mean prediction, shape (S, scale, scale, C).
        truth: Complete fields, S of them.
        seed: Of the bootstrap interval.

    Raises:
        ValueError: If the scale is above the native size, or draws or mean have a wrong shape or
            are not finite.
    """
    scale = mean.shape[1]
    reference = truth.scaling.unit(truth.at(scale))
    _check(mean, reference.shape, f"the mean of {method!r}")
    _check(draws, (max(1, len(draws)), *reference.shape), f"the draws of {method!r}")
    mean = truth.scaling.unit(mean)
    units = [truth.scaling.unit(draw) for draw in draws]
    return DrawScore(
        method=method,
        scale=scale,
        count=len(truth),
        draws=len(draws),
        psnr=bootstrap_interval(
            np.mean([psnr(d, reference) for d in units], axis=0), truth.groups, seed=seed
        ),
        total_variation=float(np.mean([total_variation_ratio(d, reference) for d in units])),
        high_frequency=float(np.mean([high_frequency_ratio(d, reference) for d in units])),
        draw_correlation=float(np.mean([neighbour_correlation(d - mean) for d in units])),
        truth_correlation=neighbour_correlation(reference - mean),
    )


def _score(
    method: str, prediction: np.ndarray, reference: np.ndarray, groups: np.ndarray, seed: int
) -> Score:
    return Score(
        method=method,
        scale=reference.shape[1],
        count=len(reference),
        psnr=bootstrap_interval(psnr(prediction, reference), groups, seed=seed),
        ssim=bootstrap_interval(ssim(prediction, reference), groups, seed=seed),
        total_variation=total_variation_ratio(prediction, reference),
        high_frequency=high_frequency_ratio(prediction, reference),
    )


def _check(prediction: np.ndarray, shape: tuple[int, ...], what: str) -> None:
    if prediction.shape != shape:
        raise ValueError(
            f"The prediction of {what} has shape {prediction.shape}; expected {shape}: fields, "
            "rows, columns, channels."
        )
    if not np.isfinite(prediction).all():
        bad = int((~np.isfinite(prediction)).sum())
        raise ValueError(
            f"The prediction of {what} holds {bad} NaN or infinite values of {prediction.size}; a "
            "score needs a number at every pixel."
        )
