"""Transforms of variables that have bounds or long tails, and all transforms by name."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self, final

import numpy as np

from mamba_diffae.fields.errors import ValuesError
from mamba_diffae.fields.normal_score import NormalScore
from mamba_diffae.fields.transform import Affine, Transform

_SQUEEZE = 1e-3
"""Share by which a logit's interval is widened at both ends, so that its bounds stay finite."""
_EXACT = 1e-12
"""Deviation, as a share of the usual range, below which a value counts as exact."""


@final
@dataclass(frozen=True)
class Bounded(Transform):
    """Affine inside, cut at bounds that the variable reaches: rain that is often exactly 0.

    Beyond a bound z stands for "at the bound": a censored normal variable.

    >>> Bounded(0.0, 40.0).inverse(np.array([-1.5, 0.0])).tolist()
    [0.0, 20.0]

    Attributes:
        low: Goes to -1.
        high: Goes to 1.
        lower: Least value that the variable can have, or None.
        upper: Greatest one, or None.

    Raises:
        ValuesError: If `high` is not above `low`, or no value lies within the bounds.
    """

    low: float
    high: float
    lower: float | None = 0.0
    upper: float | None = None
    kind: ClassVar[str] = "bounded"

    def __post_init__(self) -> None:
        Affine(self.low, self.high)
        lower, upper = self.bounds
        if not (lower < upper and lower <= self.high and self.low <= upper):
            raise ValuesError(
                f"A bounded transform from {self.low:g} to {self.high:g} was given the bounds "
                f"{lower:g} and {upper:g}; expected lower < upper, around those values."
            )

    @classmethod
    def fit(cls, values: np.ndarray) -> Self:
        """See `Transform.fit`: never negative, if the values are not; no bounds otherwise."""
        low, high = float(values.min()), float(values.max())
        return cls(low, high, 0.0 if low >= 0 else None)

    @property
    def bounds(self) -> tuple[float, float]:
        """See `Transform.bounds`."""
        lower = -math.inf if self.lower is None else self.lower
        return lower, math.inf if self.upper is None else self.upper

    def forward(self, x: np.ndarray) -> np.ndarray:
        """See `Transform.forward`."""
        return Affine(self.low, self.high).forward(x)

    def inverse(self, z: np.ndarray) -> np.ndarray:
        """See `Transform.inverse`."""
        return np.clip(Affine(self.low, self.high).inverse(z), *self.bounds)

    def derivative(self, x: np.ndarray) -> np.ndarray:
        """See `Transform.derivative`."""
        return Affine(self.low, self.high).derivative(x)

    def moments(self, mean: np.ndarray, std: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """See `Transform.moments`: exactly, of a normal variable censored at the bounds."""
        centre, spread = Affine(self.low, self.high).moments(mean, std)
        spread = np.maximum(spread, _EXACT * (self.high - self.low))
        first, second = np.zeros_like(centre), np.ones_like(centre)
        for sign, bound in ((1, self.lower), (-1, self.upper)):
            if bound is not None:
                by_mean, by_square = _censored(sign * (bound - centre) / spread)
                first, second = first + sign * by_mean, second + by_square
        variance = np.maximum(second - np.square(first), 0)
        return np.clip(centre + spread * first, *self.bounds), spread * np.sqrt(variance)


def _censored(bound: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How far E[n] and E[n²] of a standard normal n rise where max(n, bound) takes its place."""
    from scipy.special import ndtr

    below, density = ndtr(bound), np.exp(-np.square(bound) / 2) / math.sqrt(2 * math.pi)
    return density + bound * below, bound * density + (np.square(bound) - 1) * below


@final
@dataclass(frozen=True)
class Log(Transform):
    """The logarithm of a positive variable: log `low` goes to -1, log `high` to 1."""

    low: float
    high: float
    kind: ClassVar[str] = "log"
    rounding: ClassVar[float] = 0.0

    def __post_init__(self) -> None:
        if not 0 < self.low < self.high < math.inf:
            raise ValuesError(
                f"A log transform needs 0 < low < high, got {self.low:g} and {self.high:g}; a "
                "variable that is 0 somewhere takes 'bounded' or 'normal_score'."
            )

    @classmethod
    def fit(cls, values: np.ndarray) -> Self:
        """See `Transform.fit`."""
        return cls(float(values.min()), float(values.max()))

    @property
    def bounds(self) -> tuple[float, float]:
        """See `Transform.bounds`: the least positive number and infinity."""
        return float(np.finfo(np.float64).tiny), math.inf

    def forward(self, x: np.ndarray) -> np.ndarray:
        """See `Transform.forward`."""
        return Affine(math.log(self.low), math.log(self.high)).forward(np.log(x))

    def inverse(self, z: np.ndarray) -> np.ndarray:
        """See `Transform.inverse`."""
        x = np.exp(Affine(math.log(self.low), math.log(self.high)).inverse(z))
        return np.maximum(x, self.bounds[0])

    def derivative(self, x: np.ndarray) -> np.ndarray:
        """See `Transform.derivative`."""
        return 2 / (math.log(self.high / self.low) * np.asarray(x, np.float64))

    def moments(self, mean: np.ndarray, std: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """See `Transform.moments`: exactly, of a lognormal variable."""
        log, spread = Affine(math.log(self.low), math.log(self.high)).moments(mean, std)
        first = np.exp(log + np.square(spread) / 2)
        return first, first * np.sqrt(np.expm1(np.square(spread)))


@final
@dataclass(frozen=True)
class Logit(Transform):
    """The logit of a share between two bounds, which may be reached: ice, humidity, saturation."""

    lower: float = 0.0
    upper: float = 1.0
    kind: ClassVar[str] = "logit"

    def __post_init__(self) -> None:
        Affine(self.lower, self.upper)

    @classmethod
    def fit(cls, values: np.ndarray) -> Self:
        """See `Transform.fit`: between 0 and 1; a percentage is `Logit(0, 100)`."""
        return cls()

    @property
    def bounds(self) -> tuple[float, float]:
        """See `Transform.bounds`."""
        return self.lower, self.upper

    def forward(self, x: np.ndarray) -> np.ndarray:
        """See `Transform.forward`."""
        p = self._share(x)
        return np.log(p / (1 - p)) / _logit_range()

    def inverse(self, z: np.ndarray) -> np.ndarray:
        """See `Transform.inverse`."""
        p = (1 + np.tanh(np.asarray(z, np.float64) * (_logit_range() / 2))) / 2
        p = np.clip((p - _SQUEEZE) / (1 - 2 * _SQUEEZE), 0, 1)
        return self.lower + (self.upper - self.lower) * p

    def derivative(self, x: np.ndarray) -> np.ndarray:
        """See `Transform.derivative`."""
        p = self._share(x)
        inner = (1 - 2 * _SQUEEZE) / (self.upper - self.lower)
        return inner / (p * (1 - p) * _logit_range())

    def _share(self, x: np.ndarray) -> np.ndarray:
        p = (np.asarray(x, np.float64) - self.lower) / (self.upper - self.lower)
        return _SQUEEZE + (1 - 2 * _SQUEEZE) * np.clip(p, 0, 1)


TRANSFORMS: Mapping[str, type[Transform]] = {
    transform.kind: transform for transform in (Affine, Log, Logit, Bounded, NormalScore)
}


def transform_from_dict(data: Mapping[str, Any]) -> Transform:
    """The inverse of `Transform.to_dict`.

    Raises:
        ValuesError: If the kind is unknown or the numbers do not fit it.
    """
    fields = {k: tuple(v) if isinstance(v, list) else v for k, v in data.items() if k != "kind"}
    kind = str(data.get("kind"))
    if kind not in TRANSFORMS:
        raise ValuesError(f"Unknown transform {kind!r}; choose one of {', '.join(TRANSFORMS)}.")
    try:
        return TRANSFORMS[kind](**fields)
    except TypeError as error:
        raise ValuesError(f"A {kind} transform was given {', '.join(fields)}: {error}.") from error


def _logit_range() -> float:
    return math.log((1 - _SQUEEZE) / _SQUEEZE)
