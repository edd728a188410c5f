"""Between the unit of a variable and the scale of about [-1, 1] that networks see: monotone maps."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import Any, ClassVar, Self, final

import numpy as np

from mamba_diffae.fields.errors import ValuesError

_NODES = 24
"""Nodes of the Gauss-Hermite rule for the mean and deviation of a transformed normal."""
_SQUEEZE = 1e-3
"""Share by which a logit's interval is widened at both ends, so that its bounds stay finite."""
_KNOTS = 257
"""Quantiles that a normal score keeps."""
_SPREAD = 3.0
"""Normal scores of ±3 become ±1."""


class Transform(ABC):
    """A monotone map of a variable's values to about [-1, 1], in double precision.

    Attributes:
        kind: Its name in files.
        curved: Whether it is not affine: then a mean is no image of a mean.
    """

    kind: ClassVar[str]
    curved: ClassVar[bool] = True

    @classmethod
    @abstractmethod
    def fit(cls, values: np.ndarray) -> Self:
        """The map that takes given values (n,) to about [-1, 1]."""

    @abstractmethod
    def forward(self, x: np.ndarray) -> np.ndarray:
        """From the unit of the variable to about [-1, 1], any shape, float64."""

    @abstractmethod
    def inverse(self, z: np.ndarray) -> np.ndarray:
        """The inverse of `forward`; what comes out lies within the bounds of the variable."""

    @abstractmethod
    def derivative(self, x: np.ndarray) -> np.ndarray:
        """dz/dx, positive: it takes a small deviation at x to one of z."""

    @property
    def bounds(self) -> tuple[float, float]:
        """Least and greatest value that the variable can have."""
        return -math.inf, math.inf

    def check(self, x: np.ndarray, name: str) -> None:
        """Refuse finite values (n,) outside the bounds.

        Raises:
            ValuesError: It says how many, and the first of them.
        """
        low, high = self.bounds
        outside = (x < low) | (x > high)
        if outside.any():
            raise ValuesError(
                f"The variable {name!r} has {int(outside.sum())} of {x.size} values outside the "
                f"bounds of its transform {self.kind!r}, {low:g} to {high:g}, such as "
                f"{x[outside][0]:g}; mask or clip them, or choose another transform."
            )

    def moments(self, mean: np.ndarray, std: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Mean and standard deviation of the variable where z is N(mean, std²), by quadrature."""
        nodes, weights = _hermite()
        first = np.zeros_like(mean, dtype=np.float64)
        values = [self.inverse(mean + node * std) for node in nodes]
        for x, weight in zip(values, weights, strict=True):
            first += weight * x
        second = sum(w * np.square(x - first) for x, w in zip(values, weights, strict=True))
        return first, np.sqrt(second)

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers and strings, ready for JSON; see `transform_from_dict`."""
        return {"kind": self.kind, **asdict(self)}  # pyright: ignore[reportArgumentType]


@final
@dataclass(frozen=True)
class Affine(Transform):
    """`low` goes to -1 and `high` to 1.

    Raises:
        ValuesError: If `high` is not above `low`, or one of them is not finite.
    """

    low: float
    high: float
    kind: ClassVar[str] = "affine"
    curved: ClassVar[bool] = False

    def __post_init__(self) -> None:
        if not -math.inf < self.low < self.high < math.inf:
            raise ValuesError(
                f"An affine transform needs finite low < high, got {self.low:g} and {self.high:g}; "
                "a constant field has nothing to learn, else give the limits of its values."
            )

    @classmethod
    def fit(cls, values: np.ndarray) -> Self:
        """See `Transform.fit`: the least and the greatest value."""
        return cls(float(values.min()), float(values.max()))

    def forward(self, x: np.ndarray) -> np.ndarray:
        """See `Transform.forward`; a large offset is subtracted in double precision."""
        return (np.asarray(x, np.float64) - self.low) * (2 / (self.high - self.low)) - 1

    def inverse(self, z: np.ndarray) -> np.ndarray:
        """See `Transform.inverse`."""
        return (np.asarray(z, np.float64) + 1) * ((self.high - self.low) / 2) + self.low

    def derivative(self, x: np.ndarray) -> np.ndarray:
        """See `Transform.derivative`."""
        return np.full_like(x, 2 / (self.high - self.low), dtype=np.float64)

    def moments(self, mean: np.ndarray, std: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """See `Transform.moments`: exactly."""
        return self.inverse(mean), np.asarray(std, np.float64) * ((self.high - self.low) / 2)


@final
@dataclass(frozen=True)
class Bounded(Transform):
    """Affine inside, cut at bounds that the variable reaches: rain that is often exactly 0.

    Beyond a bound z stands for "at the bound": a censored normal variable.
    """

    low: float
    high: float
    lower: float | None = 0.0
    upper: float | None = None
    kind: ClassVar[str] = "bounded"

    def __post_init__(self) -> None:
        Affine(self.low, self.high)

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


@final
@dataclass(frozen=True)
class Log(Transform):
    """The logarithm of a positive variable: log `low` goes to -1, log `high` to 1."""

    low: float
    high: float
    kind: ClassVar[str] = "log"

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
        return np.exp(Affine(math.log(self.low), math.log(self.high)).inverse(z))

    def derivative(self, x: np.ndarray) -> np.ndarray:
        """See `Transform.derivative`."""
        return 2 / (math.log(self.high / self.low) * np.asarray(x, np.float64))


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
        """See `Transform.fit`: between 0 and 1, or 0 and 100 if a value is above 1."""
        return cls(0.0, 100.0 if float(values.max()) > 1 else 1.0)

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
        p = 1 / (1 + np.exp(-np.asarray(z, np.float64) * _logit_range()))
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


@final
@dataclass(frozen=True)
class NormalScore(Transform):
    """Quantiles to those of a normal variable: for long tails and several modes.

    Between its knots, and beyond them, the map is straight; what comes out lies within the bounds.

    Attributes:
        values: Rising quantiles of the variable.
        scores: Their images, rising, of the same length.
        lower: Least value that the variable can have, or None.
        upper: Greatest one, or None.

    Reference:
        Journel & Huijbregts (1978), Mining Geostatistics, section VI.B: Gaussian anamorphosis.
    """

    values: tuple[float, ...]
    scores: tuple[float, ...]
    lower: float | None = None
    upper: float | None = None
    kind: ClassVar[str] = "normal_score"

    def __post_init__(self) -> None:
        rising = all((np.diff(part) > 0).all() for part in (self.values, self.scores))
        if len(self.values) != len(self.scores) or len(self.values) < 2 or not rising:
            raise ValuesError(
                f"A normal score was given {len(self.values)} values and {len(self.scores)} "
                "scores; expected equally many of both, two or more, each rising."
            )

    @classmethod
    def fit(cls, values: np.ndarray) -> Self:
        """See `Transform.fit`; never negative, if the values are not."""
        from scipy.special import ndtri

        ordered = np.sort(np.asarray(values, np.float64))
        distinct, first, count = np.unique(ordered, return_index=True, return_counts=True)
        score = ndtri((first + count / 2) / len(ordered)) / _SPREAD
        kept = np.unique(np.linspace(0, len(distinct) - 1, _KNOTS).round().astype(int))
        lower = 0.0 if distinct[0] >= 0 else None
        return cls(tuple(distinct[kept].tolist()), tuple(score[kept].tolist()), lower)

    @property
    def bounds(self) -> tuple[float, float]:
        """See `Transform.bounds`."""
        lower = -math.inf if self.lower is None else self.lower
        return lower, math.inf if self.upper is None else self.upper

    def forward(self, x: np.ndarray) -> np.ndarray:
        """See `Transform.forward`."""
        return _piecewise(x, self.values, self.scores)

    def inverse(self, z: np.ndarray) -> np.ndarray:
        """See `Transform.inverse`."""
        return np.clip(_piecewise(z, self.scores, self.values), *self.bounds)

    def derivative(self, x: np.ndarray) -> np.ndarray:
        """See `Transform.derivative`."""
        slope = np.diff(self.scores) / np.diff(self.values)
        return slope[_segment(x, self.values)]


TRANSFORMS: Mapping[str, type[Transform]] = {
    transform.kind: transform for transform in (Affine, Log, Logit, Bounded, NormalScore)
}


def transform_from_dict(data: Mapping[str, Any]) -> Transform:
    """The inverse of `Transform.to_dict`.

    Raises:
        ValuesError: If the kind is unknown or the numbers do not fit it.
    """
    fields = {k: tuple(v) if isinstance(v, list) else v for k, v in data.items() if k != "kind"}
    kind = data.get("kind")
    if kind not in TRANSFORMS:
        raise ValuesError(f"Unknown transform {kind!r}; choose one of {', '.join(TRANSFORMS)}.")
    return TRANSFORMS[kind](**fields)


def _segment(x: np.ndarray, knots: tuple[float, ...]) -> np.ndarray:
    return np.clip(np.searchsorted(knots, x, side="right") - 1, 0, len(knots) - 2)


def _piecewise(x: np.ndarray, knots: tuple[float, ...], images: tuple[float, ...]) -> np.ndarray:
    """A straight line between knots, going on beyond the outermost."""
    x, a, b = np.asarray(x, np.float64), np.asarray(knots), np.asarray(images)
    i = _segment(x, knots)
    return b[i] + (x - a[i]) * ((b[i + 1] - b[i]) / (a[i + 1] - a[i]))


def _logit_range() -> float:
    return math.log((1 - _SQUEEZE) / _SQUEEZE)


@lru_cache(maxsize=1)
def _hermite() -> tuple[np.ndarray, np.ndarray]:
    """Nodes and weights of the expectation under N(0, 1)."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(_NODES)
    return nodes, weights / weights.sum()
