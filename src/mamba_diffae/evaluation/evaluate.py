"""The user's own verb: how good is a prediction?"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np

from mamba_diffae.evaluation.calibration import coverage, crps, gaussian_coverage, gaussian_crps
from mamba_diffae.evaluation.matching import matched
from mamba_diffae.evaluation.metrics import psnr, ssim
from mamba_diffae.evaluation.scoring import check_draws, check_prediction
from mamba_diffae.evaluation.unseen import untouched
from mamba_diffae.evaluation.weighting import known, weighted_mean
from mamba_diffae.fields import (
    FieldData,
    FieldError,
    Observations,
    Prediction,
    ShapeError,
    own_defaults,
)
from mamba_diffae.fields.given import float_array

Evaluation: TypeAlias = dict[str, float | dict[str, float]]
_LEVEL = 0.9
"""Of the interval whose coverage is told."""


@own_defaults()
def evaluate(
    prediction: Prediction | np.ndarray,
    data: FieldData,
    *,
    observed: Observations | None = None,
) -> Evaluation:
    """Score a prediction on a grid against the truth at its shape.

    Cells count by their area; gaps and cells that do not exist are never scored.

    >>> from mamba_diffae import open_field
    >>> data = open_field("gaussian:smooth:6")
    >>> round(evaluate(data.values + 0.1, data)["rmse"], 3)
    0.1

    Args:
        prediction: From `FieldAutoencoder.predict` or a baseline, or its mean: shape
            (S, *shape, C), in the units of the variables.
        data: The true fields, S of them, in the same order.
        observed: What was seen of them: then only the cells that were not seen are scored. A cell
            was seen if an observation lies in it, or its centre in the support of one. Labelled
            ones are found by name and converted, as by `predict`.

    Returns:
        "rmse" in the unit of the variable, or of each variable by its name if there are several;
        "psnr" in dB and "ssim", each the mean over the fields; "ssim" is left out where it is not
        defined (not two axes, or every field has cells that do not count). Of a prediction with two
        draws or more, or a stated deviation, also "crps", in the unit of the variable (of draws the
        fair one), and "coverage", the share of values inside its central 90 % interval: that of its
        own quantiles of 5 and 95 %, which a model calibrates, where they were asked for.

    Raises:
        ShapeError: If the prediction is not on a grid of the fields, or finer than the truth.
        CoordinateError: If an observation lies outside the grid.
        ValuesError: If it is not finite where the truth is known.
    """
    if not isinstance(prediction, Prediction):
        prediction = Prediction.of_mean(_filled(prediction))
    reference = _reference(prediction, data)
    check_prediction(prediction.mean, reference, "the mean")
    weights = reference.weights()
    if observed is not None:
        weights = weights * _unseen(reference, observed)
    errors = _errors(prediction.mean, reference, weights)
    return {**errors, **_calibration(prediction, reference, weights)}


def _filled(values: np.ndarray) -> np.ndarray:
    """With NaN in place of what is masked, for which whole numbers have no word."""
    given = np.ma.asanyarray(values)
    if given.mask is np.ma.nomask:
        return np.ma.getdata(given)
    return given.filled(np.nan) if given.dtype.kind in "fc" else float_array(given, "the values")


def _errors(mean: np.ndarray, reference: FieldData, weights: np.ndarray) -> Evaluation:
    error = known(mean - reference.values.astype(np.float64), weights)
    unit, true = (reference.unit_interval(values) for values in (mean, reference.values))
    scores: Evaluation = {
        "rmse": _named(np.sqrt(_by_variable(np.square(error), weights)), reference),
        "psnr": float(np.nanmean(psnr(unit, true, weights))),
    }
    similarity = ssim(unit, true, weights)
    if not np.isnan(similarity).all():
        scores["ssim"] = float(np.nanmean(similarity))
    return scores


def _calibration(prediction: Prediction, reference: FieldData, weights: np.ndarray) -> Evaluation:
    truth, draws = reference.values.astype(np.float64), prediction.draws
    own = _own_coverage(prediction, reference, weights)
    if len(draws) > 1:
        check_draws(draws, reference, "the draws")
        each, covered = crps(known(draws, weights), truth), coverage(draws, truth, weights=weights)
    elif prediction.stated_std is not None:
        mean, std = (known(v, weights) for v in (prediction.mean, prediction.stated_std))
        each, covered = (
            gaussian_crps(mean, std, truth),
            gaussian_coverage(mean, std, truth, weights=weights),
        )
    else:
        return {} if own is None else {"coverage": own}
    scores = _named(_by_variable(each, weights), reference)
    return {"crps": scores, "coverage": covered if own is None else own}


def _own_coverage(
    prediction: Prediction, reference: FieldData, weights: np.ndarray
) -> float | None:
    """Share of values in the interval that a prediction gives itself; None: it gives none."""
    if prediction.quantiles is None:
        return None
    try:
        ends = prediction.interval(_LEVEL)
    except FieldError:  # others were asked for
        return None
    for end in ends:
        check_prediction(end, reference, "the quantiles")
    low, high = (known(end, weights) for end in ends)
    truth = reference.values.astype(np.float64)
    return float(weighted_mean((low <= truth) & (truth <= high), weights))


def _reference(prediction: Prediction, data: FieldData) -> FieldData:
    """The truth on the grid of a prediction."""
    shape, D = prediction.mean.shape, data.grid.dim
    if len(shape) != D + 2 or (shape[0], shape[-1]) != (len(data), data.n_variables):
        raise ShapeError(
            f"evaluate was given a prediction of shape {shape}; expected (S, "
            f"{', '.join(data.grid.names)}, C) with S = {len(data)} and C = {data.n_variables}: "
            "predict with targets=data."
        )
    return data.at(shape[1:-1] if prediction.grid is None else prediction.grid)


def _unseen(reference: FieldData, observed: Observations) -> np.ndarray:
    """True where a value was not observed, shape (S, *shape, C)."""
    observed = matched(observed, reference.grid.axes, reference.variables)
    if len(observed) != len(reference) or observed.n_variables != reference.n_variables:
        raise ShapeError(
            f"evaluate was given {len(reference)} fields of {reference.n_variables} variables, and "
            f"observations of {len(observed)} fields of {observed.n_variables}; pass the "
            "observations of those very fields."
        )
    unseen = untouched(reference.grid, observed)
    if not (unseen & reference.valid_mask()).any():
        raise ShapeError(
            f"All {reference.grid.describe_shape()} cells were observed; evaluate on a finer grid, "
            "observe fewer, or leave `observed` out."
        )
    return unseen


def _by_variable(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Weighted mean of each variable, shape (C,)."""
    return weighted_mean(values, weights, tuple(range(values.ndim - 1)))


def _named(values: np.ndarray, data: FieldData) -> float | dict[str, float]:
    """One number, or one for each variable by its name."""
    numbers = values.tolist()
    if len(numbers) == 1:
        return numbers[0]
    return dict(zip((v.name for v in data.variables), numbers, strict=True))
