"""Are generated fields distributed as real ones? Distances between sets of features.

They see features only, shape (n, F): which ones, the caller decides and says.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, final

import numpy as np


@final
@dataclass(frozen=True)
class KernelDistance:
    """An unbiased estimate, which may be negative where two distributions are alike.

    Attributes:
        value: Squared maximum mean discrepancy.
        error: Its standard error.
    """

    value: float
    error: float


class Support(NamedTuple):
    """What generated features cover and are covered by.

    Attributes:
        precision: Share of generated features inside the support of the real ones.
        recall: Share of real features inside the support of the generated ones.
    """

    precision: float
    recall: float


def kernel_distance(x: np.ndarray, y: np.ndarray) -> KernelDistance:
    """Squared MMD with the kernel (x·y / F + 1)³, unbiased, and its error by the jackknife.

    Args:
        x: Shape (n, F), in random order.
        y: Shape (m, F), likewise; of the longer set only the first min(n, m) count.

    Raises:
        ValueError: If there are not three features at least in both, or their widths differ.

    Reference:
        Binkowski et al. (2018), Demystifying MMD GANs, arXiv 1801.01401, section 4; Efron &
        Tibshirani (1993), An Introduction to the Bootstrap, chapter 11.
    """
    n = min(len(x), len(y))
    if n < 3 or x.shape[1:] != y.shape[1:]:
        raise ValueError(
            f"kernel_distance was given features of shapes {x.shape} and {y.shape}; it needs three "
            "or more of both, and one width."
        )
    x, y = x[:n].astype(np.float64), y[:n].astype(np.float64)
    Kx, Ky, Kxy = _kernel(x, x), _kernel(y, y), _kernel(x, y)
    # No element is paired with itself: that makes the estimate unbiased.
    np.fill_diagonal(Kx, 0)
    np.fill_diagonal(Ky, 0)
    value = (Kx.sum() + Ky.sum()) / (n * (n - 1)) - 2 * Kxy.mean()
    within = Kx.sum() + Ky.sum() - 2 * (Kx.sum(axis=0) + Ky.sum(axis=0))
    across = Kxy.sum() - Kxy.sum(axis=0) - Kxy.sum(axis=1) + np.diag(Kxy)
    without = within / ((n - 1) * (n - 2)) - 2 * across / (n - 1) ** 2
    error = np.sqrt((n - 1) * without.var())
    return KernelDistance(float(value), float(error))


def support(real: np.ndarray, generated: np.ndarray, k: int = 3) -> Support:
    """Precision and recall: shares inside the union of balls around the features of the other set.

    The ball around a feature reaches to its k-th neighbour in its own set. Both sets should be of
    one size.

    Args:
        real: Shape (n, F).
        generated: Shape (m, F).
        k: Which neighbour sets the radius.

    Raises:
        ValueError: If a set has no k neighbours.

    Reference:
        Kynkäänniemi et al. (2019), Improved Precision and Recall, arXiv 1904.06991.
    """
    if min(len(real), len(generated)) <= k or k < 1:
        raise ValueError(
            f"support was given {len(real)} real and {len(generated)} generated features; the "
            f"radius to neighbour {k} needs at least {k + 1} of both, and k of 1 or more."
        )
    return Support(_inside(generated, real, k), _inside(real, generated, k))


def _inside(points: np.ndarray, centres: np.ndarray, k: int) -> float:
    """Share of points inside the balls of `centres`."""
    from scipy.spatial.distance import cdist

    # The nearest of its own set is each centre itself.
    radius = np.partition(cdist(centres, centres), k, axis=1)[:, k]
    return float((cdist(points, centres) <= radius).any(axis=1).mean())


def _kernel(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return (x @ y.T / x.shape[1] + 1) ** 3
