"""Predictors on the same observations, scored against the native truth at every scale."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np

from mamba_diffae.evaluation.intervals import Interval, bootstrap_interval
from mamba_diffae.evaluation.method import Method
from mamba_diffae.evaluation.metrics import (
    high_frequency_ratio,
    neighbour_correlation,
    psnr,
    ssim,
    total_variation_ratio,
)
from mamba_diffae.evaluation.predictor import Predictor
from mamba_diffae.evaluation.scores import DrawScore, Score
from mamba_diffae.evaluation.weighting import known, weighted_mean
from mamba_diffae.fields import FieldData, Observations, Prediction, ShapeError, ValuesError

OnProgress = Callable[[Method, int], None]
"""Called with method and scale after each of them is scored."""


def score(
    methods: Mapping[Method, Predictor],
    truth: FieldData,
    observations: Observations,
    scales: Sequence[int],
    *,
    seed: int = 0,
    on_progress: OnProgress | None = None,
) -> list[Score]:
    """Score every method at every scale, in that order.

    Args:
        methods: What predicts, ready to do so.
        truth: Fields, with gaps or without; the truth at a scale is their area average.
        observations: What was seen of them, in the same order, in physical coordinates and units.
        scales: Cells along the longest axis, at most the native ones.
        seed: Of the bootstrap intervals.
        on_progress: Called after each score.

    Raises:
        ShapeError: If a scale is above the native shape or the observations are of another number
            of fields (both before any prediction), or a prediction has a wrong shape.
        ValuesError: If a prediction is not finite where the truth is known.
    """
    references = _references(truth, observations, scales)
    scores = []
    for method, predictor in methods.items():
        for scale, reference in references.items():
            prediction = predictor.predict(observations, reference.grid)
            check_prediction(prediction.mean, reference, f"{method.label!r} at scale {scale}")
            scores.append(_score(method, scale, prediction.mean, reference, seed))
            if on_progress is not None:
                on_progress(method, scale)
    return scores


def score_samples(
    methods: Mapping[Method, Predictor],
    truth: FieldData,
    observations: Observations,
    scales: Sequence[int],
    *,
    seed: int = 0,
    on_progress: OnProgress | None = None,
) -> list[DrawScore]:
    """Score the draws of every method at every scale, in that order.

    Args and errors are those of `score`; every prediction must have draws.
    """
    references = _references(truth, observations, scales)
    scores = []
    for method, predictor in methods.items():
        for scale, reference in references.items():
            prediction = predictor.predict(observations, reference.grid)
            scores.append(score_draws(method, prediction, truth, seed=seed))
            if on_progress is not None:
                on_progress(method, scale)
    return scores


def score_draws(
    method: Method, prediction: Prediction, truth: FieldData, *, seed: int = 0
) -> DrawScore:
    """Score the draws of one prediction, at the shape it has.

    Args:
        method: What predicted.
        prediction: Mean (S, *shape, C) and draws (n_draws, S, *shape, C).
        truth: Fields, S of them.
        seed: Of the bootstrap interval.

    Raises:
        ShapeError: If the shape is finer than native, or draws or mean have a wrong one.
        ValuesError: If they are not finite where the truth is known.
    """
    grid = prediction.grid
    reference = truth.at(prediction.mean.shape[1:-1] if grid is None else grid)
    check_prediction(prediction.mean, reference, f"the mean of {method.label!r}")
    check_draws(prediction.draws, reference, f"the draws of {method.label!r}")
    weights, true = reference.weights(), truth.unit_interval(reference.values)
    mean = truth.unit_interval(prediction.mean)
    draws = [truth.unit_interval(draw) for draw in prediction.draws]
    psnrs = np.mean([psnr(d, true, weights) for d in draws], axis=0)
    return DrawScore(
        method=method,
        scale=max(reference.shape),
        shape=reference.shape,
        count=len(truth),
        n_draws=len(draws),
        psnr=_interval(psnrs, truth.groups, seed),
        total_variation=_mean(total_variation_ratio(d, true, weights) for d in draws),
        high_frequency=_mean(high_frequency_ratio(d, true, weights) for d in draws),
        draw_correlation=_mean(neighbour_correlation(d - mean, weights) for d in draws),
        truth_correlation=neighbour_correlation(true - mean, weights),
    )


def check_prediction(values: np.ndarray, truth: FieldData, what: str) -> None:
    """Refuse values that cannot be compared with the truth.

    Args:
        values: Expected shape (S, *shape, C).
        truth: At that shape.
        what: The name to use in messages.

    Raises:
        ShapeError: If the shape is another one.
        ValuesError: If they are no numbers, or one is NaN or infinite where the truth is known.
    """
    _check(values, truth.values.shape, truth.valid_mask(), what)


def check_draws(values: np.ndarray, truth: FieldData, what: str) -> None:
    """As `check_prediction`, for draws (n_draws, S, *shape, C), at least one."""
    _check(values, (max(1, len(values)), *truth.values.shape), truth.valid_mask(), what)


def _check(values: np.ndarray, shape: tuple[int, ...], valid: np.ndarray, what: str) -> None:
    if values.shape != shape:
        raise ShapeError(
            f"The prediction of {what} has shape {values.shape}; expected {shape}: fields, cells "
            "along each axis, variables."
        )
    if values.dtype.kind not in "biuf":
        raise ValuesError(
            f"The prediction of {what} is of the type {values.dtype}; give integers or floats, for "
            "example by array.astype(np.float32)."
        )
    bad = int((~np.isfinite(values) & valid).sum())
    if bad:
        raise ValuesError(
            f"The prediction of {what} holds {bad} NaN or infinite values of {values.size}; a "
            "score needs a number wherever the truth is known."
        )


def _references(
    truth: FieldData, observations: Observations, scales: Sequence[int]
) -> dict[int, FieldData]:
    if len(observations) != len(truth):
        raise ShapeError(
            f"{len(truth)} true fields and observations of {len(observations)} were given; pass "
            "the observations of those very fields."
        )
    return {scale: truth.at(truth.grid.scaled_shape(scale)) for scale in scales}


def _score(
    method: Method, scale: int, prediction: np.ndarray, reference: FieldData, seed: int
) -> Score:
    weights = reference.weights()
    values, true = (reference.unit_interval(v) for v in (prediction, reference.values))
    similarity = ssim(values, true, weights)
    defined = not np.isnan(similarity).all()
    mse, variance = _errors(prediction, reference, weights)
    skill = np.divide(mse, variance, out=np.full(len(mse), np.nan), where=variance > 0)
    return Score(
        method=method,
        scale=scale,
        shape=reference.shape,
        count=len(reference),
        psnr=_interval(psnr(values, true, weights), reference.groups, seed),
        ssim=_interval(similarity, reference.groups, seed) if defined else None,
        rmse=tuple(np.sqrt(mse).tolist()),
        skill=1 - float(np.nanmean(skill)) if (variance > 0).any() else float("nan"),
        total_variation=total_variation_ratio(values, true, weights),
        high_frequency=high_frequency_ratio(values, true, weights),
    )


def _errors(
    prediction: np.ndarray, reference: FieldData, weights: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Mean squared error of each variable, and variance of its truth, each of shape (C,)."""
    axes = tuple(range(prediction.ndim - 1))
    true = reference.values.astype(np.float64)
    squared = np.square(known(prediction - true, weights))
    apart = np.square(true - weighted_mean(true, weights, axes))
    return weighted_mean(squared, weights, axes), weighted_mean(apart, weights, axes)


def _interval(scores: np.ndarray, groups: np.ndarray, seed: int) -> Interval:
    """Over the fields that have a score."""
    defined = ~np.isnan(scores)
    return bootstrap_interval(scores[defined], groups[defined], seed=seed)


def _mean(values: Iterable[float]) -> float:
    return float(np.mean(list(values)))
