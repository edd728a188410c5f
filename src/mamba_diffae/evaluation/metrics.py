"""Measures on arrays (S, H, W, C) on the [0, 1] scale, and the interval of their mean.

PSNR and SSIM clip to [0, 1] first, as a screen would. The noise measures take values as they are,
so that clipping hides no speckle on a white ground; their ratios are ratios of sums over all
pictures, so that a flat picture, which has no variation of its own, divides nothing by zero.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

PSNR_CAP = 100.0
"""Highest PSNR, in dB: that of an exact prediction (8-bit rounding alone costs 59 dB)."""
CHUNK = 64
"""Pictures worked on at once, to bound the memory."""
ROUNDING = 1e-20
"""A sum of squares up to this is what rounding leaves of nothing."""


@dataclass(frozen=True)
class Interval:
    """A mean and the limits between which it lies with the level asked."""

    mean: float
    low: float
    high: float


def psnr(prediction: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Peak signal-to-noise ratio with peak 1, at most `PSNR_CAP`.

    Args:
        prediction: Shape (S, H, W, C), clipped to [0, 1].
        truth: The same shape, clipped too.

    Returns:
        One score a picture in dB, shape (S,).
    """
    error = np.clip(prediction, 0, 1) - np.clip(truth, 0, 1)
    mse = np.square(error, dtype=np.float64).mean(axis=(1, 2, 3))
    return -10 * np.log10(np.maximum(mse, 10 ** (-PSNR_CAP / 10)))


def ssim(prediction: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Structural similarity with a Gaussian window of 11 pixels (σ = 1.5), averaged over channels.

    The window reaches over the border by reflection. Pictures below 6 pixels a side take a smaller
    one that fits, with σ in proportion.

    Args:
        prediction: Shape (S, H, W, C), clipped to [0, 1].
        truth: The same shape, clipped too.

    Returns:
        One score a picture, shape (S,), at most 1.

    Raises:
        ValueError: If a picture has fewer than 2 pixels a side.

    Reference:
        Wang et al. (2004). https://doi.org/10.1109/TIP.2003.819861
    """
    import torch
    from torchmetrics.functional.image import structural_similarity_index_measure

    side = min(truth.shape[1:3])
    if side < 2:
        raise ValueError(f"SSIM needs 2 pixels a side at least, got {side}; ask for a finer scale.")
    sigma = 0.3 * min(5, side - 1)  # torchmetrics makes the window 2 round(3.5 σ) + 1 wide
    scores = []
    for i in range(0, len(truth), CHUNK):
        p, t = (
            torch.from_numpy(np.clip(v[i : i + CHUNK], 0, 1)).float().permute(0, 3, 1, 2)
            for v in (prediction, truth)
        )
        score = structural_similarity_index_measure(
            p, t, sigma=sigma, data_range=1.0, reduction="none"
        )
        scores.append(torch.as_tensor(score).numpy().reshape(-1))
    return np.concatenate(scores)


def total_variation_ratio(prediction: np.ndarray, truth: np.ndarray) -> float:
    """Summed steps between adjacent pixels, over the truth's: below 1 blurred, above 1 noisy.

    Args:
        prediction: Shape (S, H, W, C).
        truth: The same shape.

    Returns:
        Ratio of the sums over all pictures; nan where the truth is flat.
    """
    return _ratio(_total_variation(prediction), _total_variation(truth))


def high_frequency_ratio(prediction: np.ndarray, truth: np.ndarray) -> float:
    """Spectral energy above half the Nyquist frequency, relative to the truth's.

    The band is |k| > n / 4 cycles a picture (Nyquist is n / 2), in every direction alike: waves of
    less than four pixels, where speckle lives and blur takes first. Pictures lose their mean and
    are tapered by a Hann window, else the jump between opposite borders would count as detail.

    Args:
        prediction: Shape (S, n, n, C).
        truth: The same shape.

    Returns:
        Ratio of the sums over all pictures; nan where the truth has no such energy.
    """
    return _ratio(_high_frequency(prediction), _high_frequency(truth))


def neighbour_correlation(residual: np.ndarray) -> float:
    """Correlation of horizontally and of vertically adjacent pixels, the mean of both.

    Near 0 for speckle; for a draw minus the mean it should equal that of the truth minus the mean.

    Args:
        residual: Shape (S, H, W, C), any unit.

    Returns:
        In [-1, 1], pooled over pictures and channels; nan where nothing varies.
    """
    r = residual - residual.mean(dtype=np.float64)
    pairs = (r[:, :, :-1], r[:, :, 1:]), (r[:, :-1], r[:, 1:])
    across, down = (_ratio((a * b).sum(), np.sqrt((a**2).sum() * (b**2).sum())) for a, b in pairs)
    return (across + down) / 2


def bootstrap_interval(
    scores: np.ndarray,
    groups: np.ndarray,
    level: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
) -> Interval:
    """Mean over pictures, and its percentile interval when whole groups are drawn anew.

    Copies of one picture are not independent: a group is in a resample with all its copies or not
    at all, so that six skin tones widen the interval as one picture would, not narrow it as six.

    Args:
        scores: One score a picture, shape (S,).
        groups: The group of each picture, shape (S,).
        level: Probability that the interval covers, in (0, 1).
        resamples: How often the groups are drawn with replacement.
        seed: Same seed, same interval.

    Raises:
        ValueError: If there are no scores, the shapes differ or the level is not in (0, 1).

    Reference:
        Davison & Hinkley (1997), Bootstrap Methods and their Application, section 3.8: the cluster
        bootstrap.
    """
    if scores.ndim != 1 or scores.shape != groups.shape or not len(scores):
        raise ValueError(
            f"bootstrap_interval was given scores of shape {scores.shape} and groups of shape "
            f"{groups.shape}; expected one score and one group for each of at least one picture."
        )
    if not 0 < level < 1:
        raise ValueError(
            f"level is {level:g}; expected a probability between 0 and 1, such as 0.95."
        )
    _, group, count = np.unique(groups, return_inverse=True, return_counts=True)
    total = np.bincount(group, weights=scores)
    drawn = np.random.default_rng(seed).integers(len(total), size=(resamples, len(total)))
    means = total[drawn].sum(axis=1) / count[drawn].sum(axis=1)
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(scores.mean()), float(low), float(high))


def _total_variation(values: np.ndarray) -> float:
    steps = (np.abs(np.diff(values, axis=axis)).sum(dtype=np.float64) for axis in (1, 2))
    return float(sum(steps))


def _high_frequency(values: np.ndarray) -> float:
    n = values.shape[1]
    taper = np.sin(np.pi * (np.arange(n) + 0.5) / n) ** 2
    window = np.outer(taper, taper)[None, :, :, None]
    k = np.fft.fftfreq(n, d=1 / n)
    band = np.hypot(k[:, None], k[None, :]) > n / 4
    energy = 0.0
    for i in range(0, len(values), CHUNK):
        part = values[i : i + CHUNK].astype(np.float64)
        spectrum = np.fft.fft2((part - part.mean(axis=(1, 2), keepdims=True)) * window, axes=(1, 2))
        energy += float((np.abs(spectrum[:, band]) ** 2).sum())
    return energy


def _ratio(numerator: float, denominator: float) -> float:
    return float(numerator / denominator) if denominator > ROUNDING else float("nan")
