"""The user's own verb: how good is a prediction?"""

from __future__ import annotations

import numpy as np

from mamba_diffae.evaluation.calibration import coverage, crps
from mamba_diffae.evaluation.metrics import psnr, ssim
from mamba_diffae.fields import GridField, Prediction


def evaluate(prediction: Prediction | np.ndarray, truth: GridField) -> dict[str, float]:
    """Score a prediction on a grid against the truth at its size.

    Args:
        prediction: From `FieldAutoencoder.predict`, or its mean: shape (S, n, n, C), in the unit of
            the field.
        truth: The complete fields, S of them, in the same order.

    Returns:
        "rmse" in the unit of the field; "psnr" in dB and "ssim", each the mean over the fields. Of
        a prediction with two draws or more also "crps", fair and in the unit of the field, and
        "coverage", the share of values inside the central 90 % interval of the draws.

    Raises:
        ValueError: If the prediction is not on a square grid of the fields, finer than the truth,
            or not finite.
    """
    mean = prediction.mean if isinstance(prediction, Prediction) else prediction
    expected = f"(S, n, n, C) with S = {len(truth)} and C = {truth.channels}"
    square = mean.ndim == 4 and mean.shape[1] == mean.shape[2]
    if not square or (len(mean), mean.shape[-1]) != (len(truth), truth.channels):
        raise ValueError(
            f"evaluate was given a prediction of shape {mean.shape}; expected {expected}: predict "
            "with targets=truth."
        )
    if not np.isfinite(mean).all():
        raise ValueError(
            f"{int((~np.isfinite(mean)).sum())} of {mean.size} predicted values are NaN or "
            "infinite; a score needs a number at every pixel."
        )
    reference = truth.at(mean.shape[1])
    unit = truth.scaling.unit
    scores = {
        "rmse": float(np.sqrt(np.square(mean - reference).mean())),
        "psnr": float(psnr(unit(mean), unit(reference)).mean()),
        "ssim": float(ssim(unit(mean), unit(reference)).mean()),
    }
    if isinstance(prediction, Prediction) and len(prediction.sample) > 1:
        scores["crps"] = float(crps(prediction.sample, reference).mean())
        scores["coverage"] = coverage(prediction.sample, reference)
    return scores
