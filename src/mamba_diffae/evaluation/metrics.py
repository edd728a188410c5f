"""Measures on arrays (S, *shape, C) on the [0, 1] scale, of any number of axes.

PSNR and SSIM clip to [0, 1] first, as a screen would. The measures of roughness take values as they
are, so that clipping hides no noise on a white ground; their ratios are ratios of sums over all
fields, so that a flat field, which has no variation of its own, divides nothing by zero.

Weights have the shape of the values: the area of each cell, and 0 in gaps. What lies in a gap
changes nothing.
"""

from __future__ import annotations

import numpy as np

from mamba_diffae.evaluation.weighting import (
    check_weights,
    complete_fields,
    known,
    weighted_mean,
)

PSNR_CAP = 100.0
"""Highest PSNR, in dB: that of an exact prediction (8-bit rounding alone costs 59 dB)."""
CHUNK = 64
"""Fields worked on at once, to bound the memory."""
ROUNDING = 1e-20
"""A sum of squares up to this is what rounding leaves of nothing."""
_HALF_NYQUIST = 0.25 + 1e-12
"""Cycles per cell; the margin keeps waves of exactly four cells out, whatever the rounding."""


def psnr(
    prediction: np.ndarray, truth: np.ndarray, weights: np.ndarray | None = None
) -> np.ndarray:
    """Peak signal-to-noise ratio with peak 1, at most `PSNR_CAP`.

    Args:
        prediction: Shape (S, *shape, C), clipped to [0, 1].
        truth: The same shape, clipped too.
        weights: The same shape, or None: all values count alike.

    Returns:
        One score a field in dB, shape (S,); nan where nothing is known of a field.
    """
    check_weights(weights, truth.shape)
    error = np.clip(known(prediction, weights), 0, 1) - np.clip(known(truth, weights), 0, 1)
    squared = np.square(error, dtype=np.float64)
    mse = weighted_mean(squared, weights, axis=tuple(range(1, truth.ndim)))
    return -10 * np.log10(np.maximum(mse, 10 ** (-PSNR_CAP / 10)))


def ssim(
    prediction: np.ndarray, truth: np.ndarray, weights: np.ndarray | None = None
) -> np.ndarray:
    """Structural similarity with a Gaussian window of 11 cells (σ = 1.5), averaged over variables.

    The window reaches over the border by reflection. Fields below 6 cells along an axis take a
    smaller one that fits, with σ in proportion. All cells count alike.

    Args:
        prediction: Shape (S, *shape, C), clipped to [0, 1].
        truth: The same shape, clipped too.
        weights: The same shape, or None; only used to tell which fields have gaps.

    Returns:
        One score a field, shape (S,), at most 1; nan where it is not defined: for a field with a
        gap, and unless there are two axes of two cells or more.

    Reference:
        Wang et al. (2004). https://doi.org/10.1109/TIP.2003.819861
    """
    check_weights(weights, truth.shape)
    scores = np.full(len(truth), np.nan)
    if truth.ndim != 4 or min(truth.shape[1:3]) < 2:
        return scores
    rows = np.flatnonzero(complete_fields(weights, len(truth)))
    for i in range(0, len(rows), CHUNK):
        part = rows[i : i + CHUNK]
        scores[part] = _ssim(prediction[part], truth[part])
    return scores


def total_variation_ratio(
    prediction: np.ndarray, truth: np.ndarray, weights: np.ndarray | None = None
) -> float:
    """Summed steps between adjacent cells, over the truth's: below 1 blurred, above 1 noisy.

    Args:
        prediction: Shape (S, *shape, C).
        truth: The same shape.
        weights: The same shape, or None; steps between two known cells count, all alike.

    Returns:
        Ratio of the sums over all fields; nan where the truth is flat.
    """
    check_weights(weights, truth.shape)
    return _ratio(_total_variation(prediction, weights), _total_variation(truth, weights))


def high_frequency_ratio(
    prediction: np.ndarray, truth: np.ndarray, weights: np.ndarray | None = None
) -> float:
    """Spectral energy above half the Nyquist frequency, relative to the truth's.

    The band is |f| > 1/4 cycles per cell (Nyquist is 1/2), in every direction alike: waves of less
    than four cells, where noise lives and blur takes first. Fields lose their mean and are tapered
    by a Hann window, else the jump between opposite borders would count as detail.

    Args:
        prediction: Shape (S, *shape, C).
        truth: The same shape.
        weights: The same shape, or None; fields with a gap do not count.

    Returns:
        Ratio of the sums over all fields; nan where the truth has no such energy, or no field is
        complete.
    """
    check_weights(weights, truth.shape)
    rows = complete_fields(weights, len(truth))
    if not rows.all():
        prediction, truth = prediction[rows], truth[rows]
    return _ratio(_high_frequency(prediction), _high_frequency(truth))


def neighbour_correlation(residual: np.ndarray, weights: np.ndarray | None = None) -> float:
    """Correlation of cells that are adjacent along an axis, the mean over the axes.

    Near 0 for noise without structure; for a draw minus the mean it should equal that of the truth
    minus the mean.

    Args:
        residual: Shape (S, *shape, C), any unit.
        weights: The same shape, or None; pairs of known cells count, all alike.

    Returns:
        In [-1, 1], pooled over fields and variables; nan where nothing varies.
    """
    check_weights(weights, residual.shape)
    here = None if weights is None else weights > 0
    r = known(residual - weighted_mean(residual, here), here)
    found = []
    for axis in range(1, r.ndim - 1):
        if r.shape[axis] < 2:
            continue
        a, b = _neighbours(r, axis)
        if here is not None:
            both = np.logical_and(*_neighbours(here, axis))
            a, b = a * both, b * both
        found.append(_ratio((a * b).sum(), np.sqrt((a**2).sum() * (b**2).sum())))
    return float(sum(found) / len(found)) if found else float("nan")


def _ssim(prediction: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Of complete fields (S, H, W, C)."""
    import torch
    from torchmetrics.functional.image import structural_similarity_index_measure

    side = min(truth.shape[1:3])
    sigma = 0.3 * min(5, side - 1)  # torchmetrics makes the window 2 round(3.5 σ) + 1 wide
    p, t = (
        torch.from_numpy(np.clip(v, 0, 1)).float().permute(0, 3, 1, 2) for v in (prediction, truth)
    )
    score = structural_similarity_index_measure(p, t, sigma=sigma, data_range=1.0, reduction="none")
    return torch.as_tensor(score).numpy().reshape(-1)


def _total_variation(values: np.ndarray, weights: np.ndarray | None) -> float:
    total = 0.0
    for axis in range(1, values.ndim - 1):
        steps = np.abs(np.diff(known(values, weights), axis=axis))
        if weights is not None:
            steps = steps * np.logical_and(*_neighbours(weights > 0, axis))
        total += float(steps.sum(dtype=np.float64))
    return total


def _high_frequency(values: np.ndarray) -> float:
    shape, axes = values.shape[1:-1], tuple(range(1, values.ndim - 1))
    tapers = [np.sin(np.pi * (np.arange(n) + 0.5) / n) ** 2 for n in shape]
    window = np.prod(np.meshgrid(*tapers, indexing="ij"), axis=0)[None, ..., None]
    frequencies = np.meshgrid(*(np.fft.fftfreq(n) for n in shape), indexing="ij")
    band = np.sqrt(np.square(frequencies).sum(axis=0)) > _HALF_NYQUIST
    energy = 0.0
    for i in range(0, len(values), CHUNK):
        part = values[i : i + CHUNK].astype(np.float64)
        spectrum = np.fft.fftn((part - part.mean(axis=axes, keepdims=True)) * window, axes=axes)
        energy += float((np.abs(spectrum[:, band]) ** 2).sum())
    return energy


def _neighbours(values: np.ndarray, axis: int) -> tuple[np.ndarray, np.ndarray]:
    """All cells but the last along an axis, and all but the first."""
    count = values.shape[axis]
    before = (slice(None),) * axis
    return values[*before, : count - 1], values[*before, 1:]


def _ratio(numerator: float, denominator: float) -> float:
    return float(numerator / denominator) if denominator > ROUNDING else float("nan")
