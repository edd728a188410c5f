"""One component of a field's values: its name, unit, and how it is scaled."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self, final

import numpy as np

from mamba_diffae.fields.errors import ValuesError
from mamba_diffae.fields.transform import Affine, Transform
from mamba_diffae.fields.transforms import TRANSFORMS, Logit, transform_from_dict
from mamba_diffae.registry import unknown

PERCENT = ("%", "percent", "per cent")
"""Units in which a share lies between 0 and 100."""
SPIKE = 3.0
"""How many times the span of the central 99.8 % a value lies beyond it, to be called a spike."""
_TAIL = 1e-3
_UNSCALED = Affine(-1.0, 1.0)
_OF_TRANSFORM = (float("nan"), float("nan"))


@final
@dataclass(frozen=True)
class Variable:
    """A variable of a field.

    Attributes:
        name: Such as "sst".
        unit: Such as "degC".
        transform: Between the unit and the scale of networks.
        limits: Least and greatest usual value, in the unit: the range of PSNR and of pictures.
            By default what the transform takes to -1 and 1.

    Raises:
        ValuesError: If the limits are not finite, or do not rise.
    """

    name: str
    unit: str = ""
    transform: Transform = _UNSCALED
    limits: tuple[float, float] = _OF_TRANSFORM

    def __post_init__(self) -> None:
        limits = self.limits
        if limits is None or limits is _OF_TRANSFORM:
            limits = self.transform.inverse(np.array([-1.0, 1.0]))
        low, high = map(float, limits)
        if not -np.inf < low < high < np.inf:
            raise ValuesError(
                f"The variable {self.name!r} was given the limits {low:g} and {high:g}; give its "
                "least and its greatest usual value, both finite."
            )
        object.__setattr__(self, "limits", (low, high))

    @classmethod
    def of_values(
        cls, name: str, values: np.ndarray, unit: str = "", transform: str | Transform = "affine"
    ) -> Self:
        """A variable with the limits and the transform that its values ask for.

        >>> Variable.of_values("sst", np.array([12.0, 30.0, 18.0]), unit="degC").transform
        Affine(low=12.0, high=30.0)

        Args:
            name: Of the variable.
            values: Known values, finite, shape (n,): those of the training split.
            unit: Of the values.
            transform: A transform, or the name of a kind that is fitted to the values.

        Raises:
            ValuesError: If there are no values, all are equal, or they do not suit the transform.
        """
        limits = robust_limits(values, name)
        if isinstance(transform, Transform):
            return cls(name, unit, transform, limits)
        if transform not in TRANSFORMS:
            raise unknown("transform", transform, TRANSFORMS)
        inside = np.asarray(values, np.float64)
        inside = inside[(inside >= limits[0]) & (inside <= limits[1])]
        if transform == Logit.kind and unit.lower() in PERCENT:
            return cls(name, unit, Logit(0.0, 100.0), limits)
        return cls(name, unit, TRANSFORMS[transform].fit(inside), limits)

    def unit_interval(self, values: np.ndarray) -> np.ndarray:
        """Values in the unit to about [0, 1], the scale of PSNR."""
        low, high = self.limits
        return (values - low) * (1 / (high - low))

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers and strings, ready for JSON."""
        plain = {"name": self.name, "unit": self.unit, "limits": list(self.limits)}
        return {**plain, "transform": self.transform.to_dict()}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """The inverse of `to_dict`."""
        low, high = data["limits"]
        transform = transform_from_dict(data["transform"])
        return cls(data["name"], data["unit"], transform, (float(low), float(high)))


def robust_limits(values: np.ndarray, name: str) -> tuple[float, float]:
    """Least and greatest value, spikes left out, with a warning that counts them.

    A spike lies beyond the central 99.8 % by more than three times their span.

    Raises:
        ValuesError: If there are no values, or all are equal.
    """
    if not values.size:
        raise ValuesError(
            f"The variable {name!r} has no finite value in the training fields; leave it out, or "
            "check its mask and fill values."
        )
    q_low, q_high = np.quantile(values, [_TAIL, 1 - _TAIL])
    low, high = float(values.min()), float(values.max())
    reach = SPIKE * (q_high - q_low)
    if reach > 0 and (low < q_low - reach or high > q_high + reach):
        inside = values[(values >= q_low - reach) & (values <= q_high + reach)]
        count, worst = values.size - inside.size, max(low, high, key=abs)
        low, high = float(inside.min()), float(inside.max())
        warnings.warn(
            f"The variable {name!r} has {count} of {values.size} values far outside the others, "
            f"such as {worst:g}; they stay, and the scale is that of the others, {low:g} to "
            f"{high:g}. If they are fill values, mask them.",
            stacklevel=3,
        )
    if not low < high:
        raise ValuesError(
            f"All values of the variable {name!r} are {low:g}; a constant field has nothing to "
            "learn."
        )
    return low, high
