"""How methods did: typed numbers that become JSON and come back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self, final

import numpy as np

from mamba_diffae.evaluation.intervals import Interval
from mamba_diffae.evaluation.method import Method
from mamba_diffae.fields.plain_json import read_numbers


@final
@dataclass(frozen=True)
class Score:
    """How one method did at one scale. Numbers that are not defined are nan, and null in JSON.

    Attributes:
        method: What was scored.
        scale: Cells along the longest axis.
        shape: Cells along each axis.
        count: Fields that were scored.
        psnr: In dB, mean over fields and 95 % interval over groups.
        ssim: The same of the structural similarity, over the fields without gaps; None where it is
            not defined.
        rmse: Root mean square error of each variable, in its unit.
        skill: 1 - squared error over the variance of the truth, the mean over variables: 1 for the
            truth, 0 for its mean.
        total_variation: Ratio to the truth's.
        high_frequency: Energy above half the Nyquist frequency, ratio to the truth's, over the
            fields without gaps.
    """

    method: Method
    scale: int
    shape: tuple[int, ...]
    count: int
    psnr: Interval
    ssim: Interval | None
    rmse: tuple[float, ...]
    skill: float
    total_variation: float
    high_frequency: float

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers and strings, ready for JSON."""
        return _plain(asdict(self))

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """The inverse of `to_dict`."""
        return cls(**_typed(data))


@final
@dataclass(frozen=True)
class DrawScore:
    """How the draws of one method did at one scale; every number is the mean over the draws.

    Attributes:
        method: What was scored.
        scale: Cells along the longest axis.
        shape: Cells along each axis.
        count: Fields that were scored.
        n_draws: Draws of each field.
        psnr: Of single draws, in dB; a calibrated draw lies about 3 dB below the mean.
        total_variation: Ratio to the truth's.
        high_frequency: Energy above half the Nyquist frequency, ratio to the truth's.
        draw_correlation: Neighbour correlation of (draw - mean).
        truth_correlation: Neighbour correlation of (truth - mean), which the former should equal.
    """

    method: Method
    scale: int
    shape: tuple[int, ...]
    count: int
    n_draws: int
    psnr: Interval
    total_variation: float
    high_frequency: float
    draw_correlation: float
    truth_correlation: float

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers and strings, ready for JSON."""
        return _plain(asdict(self))

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """The inverse of `to_dict`."""
        return cls(**_typed(data))


def _plain(value: Any) -> Any:
    """The same with None for nan, and lists for tuples."""
    if isinstance(value, dict):
        return {k: _plain(v) for k, v in value.items()}
    if isinstance(value, tuple):
        return [_plain(v) for v in value]
    return None if isinstance(value, float) and np.isnan(value) else value


def _typed(data: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a score from plain numbers and strings."""
    typed: dict[str, Any] = {k: v if k == "ssim" else _number(v) for k, v in data.items()}
    for name in {"shape", "rmse"} & set(typed):
        typed[name] = tuple(read_numbers(typed[name]))
    for name in ("psnr", "ssim"):
        if typed.get(name) is not None:
            typed[name] = Interval(**read_numbers(typed[name]))
    return {**typed, "method": Method.from_dict(typed["method"])}


def _number(value: Any) -> Any:
    return float("nan") if value is None else value
