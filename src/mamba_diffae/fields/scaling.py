"""Between the unit of the field and the [-1, 1] that networks see."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from torch import Tensor

Array = TypeVar("Array", np.ndarray, Tensor)


@dataclass(frozen=True)
class Scaling:
    """An affine map: `low` goes to -1 and `high` to 1.

    Attributes:
        low: Value that becomes -1, in the unit of the field.
        high: Value that becomes 1.

    Raises:
        ValueError: If `high` is not above `low`, or one of them is not finite.
    """

    low: float
    high: float

    def __post_init__(self) -> None:
        if not -math.inf < self.low < self.high < math.inf:
            raise ValueError(
                f"Scaling needs finite low < high, got {self.low:g} and {self.high:g}; a constant "
                "field has nothing to learn, else give the limits of its values."
            )

    def scale(self, values: Array) -> Array:
        """From the unit of the field to about [-1, 1], any shape."""
        return (values - self.low) * (2 / (self.high - self.low)) - 1

    def unscale(self, values: Array) -> Array:
        """From about [-1, 1] back to the unit of the field, any shape."""
        return (values + 1) * ((self.high - self.low) / 2) + self.low

    def unit(self, values: Array) -> Array:
        """From the unit of the field to about [0, 1], the scale of PSNR."""
        return (values - self.low) * (1 / (self.high - self.low))
