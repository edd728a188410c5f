"""Between the unit of a variable and the [-1, 1] or so that networks see: monotone maps."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import Any, ClassVar, Self, final

import numpy as np

from mamba_diffae.fields.errors import ValuesError

_NODES = 24
"""Nodes of the Gauss-Hermite rule for the mean and deviation of a transformed normal."""


class Transform(ABC):
    """A monotone map of a variable's values to about [-1, 1], in double precision.

    Attributes:
        kind: Its name in files.
        curved: Whether it is not affine: then a mean is no image of a mean.
        rounding: Share of the usual range by which a value may lie outside its bounds: packed
            integers and averages in single precision do.
    """

    kind: ClassVar[str]
    curved: ClassVar[bool] = True
    rounding: ClassVar[float] = 1e-6

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
        least, greatest = self.inverse(np.array([-1.0, 1.0]))
        margin = self.rounding * (greatest - least)
        outside = (x < low - margin) | (x > high + margin)
        if outside.any():
            raise ValuesError(
                f"The variable {name!r} has {int(outside.sum())} of {x.size} values outside the "
                f"bounds of its transform {self.kind!r}, {low:g} to {high:g}, such as "
                f"{x[outside][0]:g}; mask or clip them, or choose another transform."
            )

    def moments(self, mean: np.ndarray, std: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Mean and standard deviation of the variable where z is N(mean, std²), by quadrature.

        See docs/concepts.md, eq. (4).

        Args:
            mean: Of z, any shape.
            std: Of z, of the same shape; 0 where z is exact.

        Returns:
            Both in the unit of the variable, float64.
        """
        nodes, weights = _hermite()
        values = [self.inverse(mean + node * std) for node in nodes]
        first = sum(w * x for x, w in zip(values, weights, strict=True))
        second = sum(w * np.square(x - first) for x, w in zip(values, weights, strict=True))
        return np.asarray(first), np.sqrt(second)

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers and strings, ready for JSON; see `transform_from_dict`."""
        return {"kind": self.kind, **asdict(self)}  # pyright: ignore[reportArgumentType]


@final
@dataclass(frozen=True)
class Affine(Transform):
    """`low` goes to -1 and `high` to 1.

    >>> Affine(0.0, 40.0).forward(np.array([10.0, 40.0])).tolist()
    [-0.5, 1.0]

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


@lru_cache(maxsize=1)
def _hermite() -> tuple[np.ndarray, np.ndarray]:
    """Nodes and weights of the expectation under N(0, 1)."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(_NODES)
    return nodes, weights / weights.sum()
