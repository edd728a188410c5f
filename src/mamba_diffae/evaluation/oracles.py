"""Predictors that know the truth: what the best possible answer would score."""

from __future__ import annotations

import numpy as np

from mamba_diffae.evaluation.predictor import Predictor
from mamba_diffae.fields import FieldBatch, GridField


def oracle(truth: GridField) -> Predictor:
    """Return the truth itself at every scale: any other score than the best shows a shifted grid.

    Args:
        truth: The fields that are observed, in their order.
    """

    def predict(observations: FieldBatch, scale: int) -> np.ndarray:
        return _same(truth, observations).at(scale)

    return predict


def true_coarse_bicubic(truth: GridField, cells: int = 32) -> Predictor:
    """Return the truth at `cells` a side, enlarged by bicubic interpolation.

    It tells what a perfect reconstruction of the observed grid would score at finer scales, if no
    detail were added. Up to `cells` it is the truth, with the highest PSNR there is (`PSNR_CAP`).

    Args:
        truth: The fields that are observed, in their order.
        cells: Cells a side that are known without error.
    """

    def predict(observations: FieldBatch, scale: int) -> np.ndarray:
        known = _same(truth, observations).at(min(scale, cells))
        return known if scale <= cells else _enlarge(known, scale)

    return predict


def _enlarge(values: np.ndarray, scale: int) -> np.ndarray:
    import torch
    from torch.nn.functional import interpolate

    channels_first = torch.from_numpy(values).permute(0, 3, 1, 2)
    # With `antialias` torch takes Keys' kernel (a = -0.5), as Pillow does; without, a = -0.75.
    large = interpolate(channels_first, size=(scale, scale), mode="bicubic", antialias=True)
    return large.permute(0, 2, 3, 1).contiguous().numpy()


def _same(truth: GridField, observations: FieldBatch) -> GridField:
    if len(truth) != len(observations):
        raise ValueError(
            f"An oracle of {len(truth)} fields was given observations of {len(observations)}; pass "
            "the observations of those very fields."
        )
    return truth
