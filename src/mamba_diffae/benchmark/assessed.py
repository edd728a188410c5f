"""How honest the uncertainty of one method is: typed numbers that become JSON and come back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Literal, Self, final

from mamba_diffae.evaluation import Method, Uncertainty
from mamba_diffae.fields import Shape

Origin = Literal["ensemble", "flow", "prior", "stated"]
"""What an uncertainty is made of.

Draws by a decoder that has learned to draw, by integrating a flow, or of the prior through the
decoder of the mean; or a deviation that the method states, taken as that of a Gaussian.
"""


@final
@dataclass(frozen=True)
class AssessedMethod:
    """How honest the uncertainty of one method is, at the native scale.

    Attributes:
        method: What predicted.
        origin: What its uncertainty is made of.
        evaluations: Of the network, for each draw; 0 without draws.
        shape: Cells of the fields along each axis.
        uncertainty: What was measured.
        mean_bands: Energy of the mean over the truth's, by band as `Uncertainty.bands`.
    """

    method: Method
    origin: Origin
    evaluations: int
    shape: Shape
    uncertainty: Uncertainty
    mean_bands: tuple[float | None, ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers, strings and lists, ready for JSON."""
        plain = {field.name: getattr(self, field.name) for field in fields(self)}
        return {
            **plain,
            "method": self.method.to_dict(),
            "shape": list(self.shape),
            "uncertainty": self.uncertainty.to_dict(),
            "mean_bands": list(self.mean_bands),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """The inverse of `to_dict`."""
        return cls(
            **{
                **data,
                "method": Method.from_dict(data["method"]),
                "shape": tuple(data["shape"]),
                "uncertainty": Uncertainty.from_dict(data["uncertainty"]),
                "mean_bands": tuple(data["mean_bands"]),
            }
        )
