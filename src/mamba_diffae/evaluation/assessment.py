"""How honest is the uncertainty of a prediction, where nothing was observed?"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np

from mamba_diffae.evaluation.bands import band_energy_ratio
from mamba_diffae.evaluation.calibration import (
    crps,
    gaussian_crps,
    gaussian_spread_skill_bins,
    spread_skill_bins,
)
from mamba_diffae.evaluation.intervals import Interval, bootstrap_interval
from mamba_diffae.evaluation.joint_scores import energy_score, variogram_score
from mamba_diffae.evaluation.matching import matched
from mamba_diffae.evaluation.quantisation import data_bounds, value_step
from mamba_diffae.evaluation.ranks import (
    coverage_by,
    coverage_interval,
    covered,
    gaussian_ranks,
    randomised_ranks,
    rank_histogram,
    reliability_index,
)
from mamba_diffae.evaluation.scoring import check_draws, check_prediction
from mamba_diffae.evaluation.uncertainty import Uncertainty
from mamba_diffae.evaluation.unseen import nearest_distance, untouched
from mamba_diffae.evaluation.weighting import weighted_mean
from mamba_diffae.fields import (
    FieldData,
    FieldError,
    Observations,
    Prediction,
    ShapeError,
)

LEVELS = (0.5, 0.8, 0.9)
"""Probabilities of the central intervals whose coverage is measured."""


def assess(
    prediction: Prediction,
    truth: FieldData,
    observations: Observations,
    *,
    levels: Sequence[float] = LEVELS,
    seed: int = 0,
) -> Uncertainty:
    """Measure how honest the uncertainty of a prediction is.

    Cells count by their area; gaps, cells that do not exist and values that an observation touches
    (see `untouched`) do not count. For ranks draws are clipped to the bounds of their variable and
    rounded to its step, so that data with atoms are covered as their level says.

    Args:
        prediction: At the native cells of the truth, with two draws or more; or with a stated
            deviation, which is taken as that of a Gaussian.
        truth: S fields, with gaps or without.
        observations: What was seen of them, in the same order.
        levels: Probabilities of central intervals, in (0, 1).
        seed: Of random ties and bootstrap intervals.

    Raises:
        ShapeError: If the prediction has another grid, the observations are of other fields, or
            touch all values.
        ValuesError: If the prediction is not finite where the truth is known, or a level is none.
        FieldError: If there are neither draws nor a stated deviation.
    """
    observations = matched(observations, truth.grid.axes, truth.variables)
    n_draws = _check(prediction, truth, observations)
    known = truth.weights()
    weights = known * untouched(truth.grid, observations)
    if not weights.any():
        raise ShapeError(
            f"Observations touch all known values of the {len(truth)} fields of "
            f"{truth.grid.describe_shape()} cells; observe fewer of them."
        )
    each = _crps(prediction, truth)
    return Uncertainty(
        variables=tuple(variable.name for variable in truth.variables),
        units=tuple(variable.unit for variable in truth.variables),
        count=len(truth),
        n_draws=n_draws,
        unseen=float(weights.sum() / known.sum()),
        rmse=_defined(np.sqrt(_by_variable(np.square(prediction.mean - truth.values), weights))),
        crps=_defined(_by_variable(each, weights)),
        mean_crps=_over_fields(_by_field(each / _scales(truth), weights), truth, seed),
        **_rank_scores(
            prediction, truth, weights, nearest_distance(truth, observations), levels, seed
        ),
        **_scaled_scores(prediction, truth, weights, levels, seed),
    )


def _check(prediction: Prediction, truth: FieldData, observations: Observations) -> int:
    """Refuse what cannot be compared; the number of draws, 0 for a stated Gaussian."""
    if len(observations) != len(truth) or observations.n_variables != truth.n_variables:
        raise ShapeError(
            f"{len(truth)} true fields of {truth.n_variables} variables were given, and "
            f"observations of {len(observations)} fields of {observations.n_variables}; pass the "
            "observations of those very fields."
        )
    if prediction.grid is not None and not prediction.grid.same_region(truth.grid):
        raise ShapeError(
            f"The prediction lies on {prediction.grid.describe_region()}, the truth on "
            f"{truth.grid.describe_region()}; predict with targets=truth."
        )
    check_prediction(prediction.mean, truth, "the mean")
    if len(prediction.draws) > 1:
        check_draws(prediction.draws, truth, "the draws")
        return len(prediction.draws)
    if prediction.stated_std is None:
        raise FieldError(
            f"Uncertainty needs at least 2 draws, or a stated deviation, and there are "
            f"{len(prediction.draws)} draws and none is stated; predict with n_draws=40, for one."
        )
    check_prediction(prediction.stated_std, truth, "the stated deviation")
    return 0


def _rank_scores(
    prediction: Prediction,
    truth: FieldData,
    weights: np.ndarray,
    distance: np.ndarray,
    levels: Sequence[float],
    seed: int,
) -> dict[str, Any]:
    """Steps, coverage and the rank histogram; distances (S, *shape) to the nearest observation."""
    known = truth.valid_mask()
    steps = tuple(value_step(truth.values[..., c][known[..., c]]) for c in range(truth.n_variables))
    ranks = _ranks(prediction, truth, steps, seed)
    histogram = rank_histogram(ranks, weights)
    return {
        "steps": steps,
        "levels": tuple(levels),
        "coverage": tuple(
            coverage_interval(ranks, level, truth.groups, weights, seed) for level in levels
        ),
        "coverage_by_variable": tuple(
            _defined(_by_variable(covered(ranks, level), weights)) for level in levels
        ),
        "by_distance": coverage_by(
            ranks, np.broadcast_to(distance[..., None], ranks.shape), levels, weights
        ),
        "rank_histogram": tuple(histogram.tolist()),
        "reliability_index": reliability_index(histogram),
    }


def _ranks(
    prediction: Prediction, truth: FieldData, steps: Sequence[float | None], seed: int
) -> np.ndarray:
    """Ranks of the truth, each variable by its own bounds and step, of the truth's shape."""
    ranks = np.empty(truth.values.shape)
    for c, (variable, step) in enumerate(zip(truth.variables, steps, strict=True)):
        true = truth.values[..., c]
        bounds = data_bounds(variable, true[truth.valid_mask()[..., c]])
        if len(prediction.draws) > 1:
            drawn = prediction.draws[..., c]
            found = randomised_ranks(drawn, true, seed=(seed, c), bounds=bounds, step=step)
        else:
            assert prediction.stated_std is not None
            mean, std = prediction.mean[..., c], prediction.stated_std[..., c]
            found = gaussian_ranks(mean, std, true, seed=(seed, c), bounds=bounds, step=step)
        ranks[..., c] = found
    return ranks


def _crps(prediction: Prediction, truth: FieldData) -> np.ndarray:
    """Of every value, in the units of the variables; of no meaning in gaps."""
    values = truth.values.astype(np.float64)
    if len(prediction.draws) > 1:  # field by field: sorting all draws at once takes memory
        return np.stack([crps(prediction.draws[:, s], v) for s, v in enumerate(values)])
    assert prediction.stated_std is not None
    return gaussian_crps(prediction.mean, prediction.stated_std, values)


def _scaled_scores(
    prediction: Prediction,
    truth: FieldData,
    weights: np.ndarray,
    levels: Sequence[float],
    seed: int,
) -> dict[str, Any]:
    """What takes all variables together, on [0, 1]."""
    mean, true = (truth.unit_interval(values) for values in (prediction.mean, truth.values))
    if len(prediction.draws) < 2:
        assert prediction.stated_std is not None
        std = prediction.stated_std / _scales(truth)
        return {"spread_skill": gaussian_spread_skill_bins(mean, std, true, weights)}
    draws = np.stack([truth.unit_interval(draw) for draw in prediction.draws])
    own = weighted_mean(np.square(mean - true), weights)
    pairs = variogram_score(draws, true, weights)
    regions = _region_ranks(prediction, truth, seed)
    drawn = np.mean([weighted_mean(np.square(draw - true), weights) for draw in draws])
    return {
        "spread_skill": spread_skill_bins(draws, true, weights, mean=mean),
        "regional_coverage": tuple(
            coverage_interval(regions, level, truth.groups, 1.0 * ~np.isnan(regions), seed)
            for level in levels
        ),
        "draw_error": float(drawn / own) if own > 0 else None,
        "bands": _defined(band_energy_ratio(draws, true, weights)),
        "energy_score": _over_fields(energy_score(draws, true, weights), truth, seed),
        "variogram_score": None if np.isnan(pairs).all() else _over_fields(pairs, truth, seed),
    }


def _region_ranks(prediction: Prediction, truth: FieldData, seed: int) -> np.ndarray:
    """Ranks of the means over the halves of all axes, each shape (S, regions, C); nan of none."""
    weights, means = truth.weights(), []
    halves = ([slice(n // 2), slice(n // 2, n)][n < 2 :] for n in truth.shape)
    for part in itertools.product(*halves):
        here, space = (slice(None), *part), tuple(range(1, weights.ndim - 1))
        fields = (truth.values, *prediction.draws)
        means.append([weighted_mean(f[here], weights[here], space) for f in fields])
    true, *drawn = np.moveaxis(np.array(means), 0, 2)
    ranks = randomised_ranks(np.array(drawn), true, seed=(seed, truth.n_variables))
    return np.where(np.isnan(true), np.nan, ranks)


def _scales(truth: FieldData) -> np.ndarray:
    """What is 1 on [0, 1], of each variable, shape (C,)."""
    low, high = np.array([variable.limits for variable in truth.variables]).T
    return high - low


def _by_variable(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Weighted mean of each variable, shape (C,)."""
    return weighted_mean(values, weights, tuple(range(values.ndim - 1)))


def _by_field(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Weighted mean of each field, shape (S,)."""
    return weighted_mean(values, weights, tuple(range(1, values.ndim)))


def _over_fields(scores: np.ndarray, truth: FieldData, seed: int) -> Interval:
    """Mean over the fields that have a score, and its interval over groups."""
    known = ~np.isnan(scores)
    return bootstrap_interval(scores[known], truth.groups[known], seed=seed)


def _defined(values: np.ndarray) -> tuple[float | None, ...]:
    """Numbers, None for nan."""
    return tuple(None if np.isnan(v) else float(v) for v in values)
