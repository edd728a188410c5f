"""How good draws are, on fields that nothing has learned from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self, final

import numpy as np

from mamba_diffae.evaluation import (
    Uncertainty,
    assess,
    crps,
    gaussian_crps,
    psnr,
    total_variation_ratio,
    untouched,
)
from mamba_diffae.fields import FieldData, Observations, Prediction
from studies.draws.ways import Drawn


@final
@dataclass(frozen=True)
class DrawQuality:
    """How good the draws of some fields are, on cells that no observation touched.

    Attributes:
        raw: Of draws as they come, or of a stated Gaussian.
        calibrated: Of draws with the calibration of the model, or None.
        crps: Fair, on [0, 1], of each field, shape (S,); of draws as they come.
        total_variation: Of a draw over the truth's, all cells; None without draws.
        evaluations: Of the network, for a draw.
        seconds: Of processor time, for a draw of a field; None without draws.
        mean_psnr: Of the mean, in dB, mean over fields.
        draws_psnr: Of the mean of the draws, likewise; None without draws.
    """

    raw: Uncertainty
    calibrated: Uncertainty | None
    crps: tuple[float, ...]
    total_variation: float | None
    evaluations: int
    seconds: float | None
    mean_psnr: float
    draws_psnr: float | None

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers, strings and lists, ready for JSON."""
        from pydantic import TypeAdapter

        return TypeAdapter(DrawQuality).dump_python(self, mode="json")

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """The inverse of `to_dict`."""
        from pydantic import TypeAdapter

        return TypeAdapter(cls).validate_python(dict(data))


def quality(found: Drawn, truth: FieldData, seen: Observations, seed: int) -> DrawQuality:
    """Score draws.

    Args:
        found: What was drawn.
        truth: Of those fields.
        seen: What was observed of them; some cells were not.
        seed: Of random ties and intervals.
    """
    raw, calibrated = found.raw, found.calibrated
    weights = truth.weights() * untouched(truth.grid, seen)
    return DrawQuality(
        assess(raw, truth, seen, seed=seed),
        None if calibrated is None else assess(calibrated, truth, seen, seed=seed),
        tuple(field_crps(raw, truth, seen).tolist()),
        _total_variation(raw, truth),
        raw.evaluations,
        found.seconds,
        _psnr(raw.mean, truth, weights),
        _psnr(raw.draws.mean(axis=0), truth, weights) if len(raw.draws) else None,
    )


def field_crps(prediction: Prediction, truth: FieldData, seen: Observations) -> np.ndarray:
    """Fair CRPS of each field, on [0, 1], over cells that no observation touched, shape (S,)."""
    weights = truth.weights() * untouched(truth.grid, seen)
    low, high = np.array([variable.limits for variable in truth.variables]).T
    scores = []
    for s, true in enumerate(truth.values.astype(np.float64)):
        if len(prediction.draws):
            each = crps(prediction.draws[:, s], true)
        else:
            each = gaussian_crps(prediction.mean[s], prediction.std[s], true)
        here = weights[s] > 0
        of_value = (each / (high - low))[here]
        scores.append(np.average(of_value, weights=weights[s][here]))
    return np.array(scores)


def _psnr(values: np.ndarray, truth: FieldData, weights: np.ndarray) -> float:
    """Mean over the fields of which something is weighted."""
    each = psnr(truth.unit_interval(values), truth.unit_interval(truth.values), weights)
    return float(np.nanmean(each))


def _total_variation(prediction: Prediction, truth: FieldData) -> float | None:
    """Mean over the draws."""
    if not len(prediction.draws):
        return None
    true, weights = truth.unit_interval(truth.values), truth.weights()
    ratios = [
        total_variation_ratio(truth.unit_interval(draw), true, weights) for draw in prediction.draws
    ]
    return float(np.mean(ratios))
