"""An error over that of a rival on the same fields, with an interval over groups."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import ArrayLike

from mamba_diffae.benchmark.suite.intervals import paired_difference


@final
@dataclass(frozen=True)
class Ratio:
    """An error over a rival's, each summed over the same fields.

    Attributes:
        value: Below 1 the rival is worse.
        low: Of the 95 % interval over groups of fields; 0 with a single group.
        high: Of the same; infinite with a single group.
    """

    value: float
    low: float
    high: float

    @property
    def better(self) -> bool:
        """Whether the whole interval lies below 1."""
        return self.high < 1

    @property
    def worse(self) -> bool:
        """Whether the whole interval lies above 1."""
        return self.low > 1

    @property
    def interval(self) -> str:
        """In words; of a single group there is none."""
        known = np.isfinite(self.high)
        return f"{self.low:.3f} to {self.high:.3f}" if known else "one group: no interval"

    @property
    def root(self) -> Ratio:
        """Of root mean squares, where this is that of squared errors."""
        return Ratio(self.value**0.5, self.low**0.5, self.high**0.5)

    def __str__(self) -> str:
        return f"{self.value:.3f} ({self.interval})"


def paired_ratio(ours: ArrayLike, rival: ArrayLike, groups: np.ndarray, seed: int) -> Ratio:
    """Paired by field; whole groups are drawn anew.

    The interval is symmetric in the logarithm of the ratio, by Student's t.

    Args:
        ours: Of each field, shape (S,).
        rival: The same of the other method.
        groups: Of the fields, shape (S,).
        seed: Of the resamples.
    """
    first, second = (np.asarray(each, dtype=np.float64)[:, None] for each in (ours, rival))
    found = paired_difference(first, second, groups, seed)
    gain, half = float(found.estimate[0]), float(found.half_width[0])
    value, low, high = (10 ** (-level / 10) for level in (gain, gain + half, gain - half))
    return Ratio(value, low, high)
