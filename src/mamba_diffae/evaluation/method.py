"""What is scored: a method by its key, which is data, and its label, which is only shown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal, Self, final

from mamba_diffae.evaluation.baselines.base import Baseline

MethodKind = Literal["network", "baseline", "prior", "oracle"]
"""An oracle has seen the truth: it is shown beside the others, but is never the best."""


@final
@dataclass(frozen=True)
class Method:
    """A method of reconstruction.

    Attributes:
        key: Tells it from all others of a table.
        label: As tables and sentences name it; none given: the key.
        kind: What it is.
    """

    key: str
    label: str = ""
    kind: MethodKind = "baseline"

    def __post_init__(self) -> None:
        object.__setattr__(self, "label", self.label or self.key)

    def __str__(self) -> str:
        return self.label

    @classmethod
    def of(cls, baseline: Baseline) -> Self:
        """That of a baseline: its key is its name in lower case, with hyphens between words."""
        return cls("-".join(baseline.name.lower().split()), baseline.name)

    def to_dict(self) -> dict[str, Any]:
        """Plain strings, ready for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """The inverse of `to_dict`."""
        return cls(**data)
