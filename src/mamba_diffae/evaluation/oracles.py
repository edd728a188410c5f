"""Predictors that know the truth: what the best possible answer would score."""

from __future__ import annotations

from typing import final

import numpy as np

from mamba_diffae.evaluation.predictor import Predictor
from mamba_diffae.fields import (
    Axis,
    FieldData,
    Grid,
    Observations,
    Prediction,
    ShapeError,
    average,
)


def oracle(truth: FieldData) -> Predictor:
    """The truth itself at every scale: any other score than the best shows a shifted grid.

    Args:
        truth: The fields that are observed, in their order.
    """
    return _Oracle(truth)


def true_coarse_bicubic(truth: FieldData, cells: int = 32) -> Predictor:
    """The truth with `cells` along the longest axis, enlarged by cubic interpolation.

    It tells what a perfect reconstruction of the observed lattice would score at finer scales, if
    no detail were added. Up to `cells` it is the truth, with the highest PSNR there is
    (`PSNR_CAP`). Gaps of the coarse truth take the value of the nearest cell that is known.

    Args:
        truth: The fields that are observed, in their order.
        cells: Cells along the longest axis that are known without error.

    Reference:
        Keys (1981). https://doi.org/10.1109/TASSP.1981.1163711
    """
    return _TrueCoarse(truth, cells)


@final
class _Oracle:
    def __init__(self, truth: FieldData) -> None:
        self.truth = truth

    def predict(self, observations: Observations, targets: Grid) -> Prediction:
        """See `Predictor.predict`."""
        _check_same(self.truth, observations)
        return Prediction.of_mean(self.truth.at(targets).values, grid=targets)


@final
class _TrueCoarse:
    def __init__(self, truth: FieldData, cells: int) -> None:
        native = truth.grid
        self.truth, self.cells = truth, native.scaled_shape(min(cells, max(native.shape)))

    def predict(self, observations: Observations, targets: Grid) -> Prediction:
        """See `Predictor.predict`."""
        _check_same(self.truth, observations)
        shape = tuple(min(n, c) for n, c in zip(targets.shape, self.cells, strict=True))
        if shape == targets.shape:
            return Prediction.of_mean(self.truth.at(targets).values, grid=targets)
        coarse = self.truth.at(shape)
        pairs = zip(coarse.grid.axes, targets.axes, strict=True)
        fine = average(_filled(coarse), [cubic(known, asked) for known, asked in pairs])
        return Prediction.of_mean(fine, grid=targets)


def cubic(known: Axis, asked: Axis) -> np.ndarray:
    """Weights of cubic interpolation from the cells of one axis to the centres of another.

    Args:
        known: Equally wide cells.
        asked: Any cells in the same region.

    Returns:
        Shape (asked.cells, known.cells); rows sum to 1. Beyond the border nothing is known, unless
        the axis is periodic.
    """
    place = (asked.centres - known.low) / known.span * known.cells - 0.5
    apart = place[:, None] - np.arange(known.cells)
    turns = (-1, 0, 1) if known.periodic else (0,)
    weights = sum(_keys(np.abs(apart + turn * known.cells)) for turn in turns)
    weights = np.asarray(weights)
    return weights / weights.sum(axis=1, keepdims=True)


def _keys(x: np.ndarray) -> np.ndarray:
    """Keys' kernel with a = -1/2 at the distances x, in cells."""
    near = 1.5 * x**3 - 2.5 * x**2 + 1
    far = -0.5 * x**3 + 2.5 * x**2 - 4 * x + 2
    return np.where(x <= 1, near, np.where(x < 2, far, 0))


def _filled(data: FieldData) -> np.ndarray:
    """Values with gaps filled by the nearest known cell, or 0 if a field has none."""
    from scipy.ndimage import distance_transform_edt

    valid = data.valid_mask()
    if valid.all():
        return data.values
    values = data.values.copy()
    for s in range(len(data)):
        for c in range(data.n_variables):
            gaps = ~valid[s, ..., c]
            if gaps.any() and not gaps.all():
                index = distance_transform_edt(gaps, return_distances=False, return_indices=True)
                values[s, ..., c] = values[s, ..., c][tuple(np.asarray(index))]
    return values


def _check_same(truth: FieldData, observations: Observations) -> None:
    if len(truth) != len(observations):
        raise ShapeError(
            f"An oracle of {len(truth)} fields was given observations of {len(observations)}; pass "
            "the observations of those very fields."
        )
