"""Scores laid out as methods × resolutions, the same for the page and for the shell."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Self, final

from mamba_diffae.evaluation import PSNR_CAP, Interval, Method, Score
from mamba_diffae.fields import Shape


@final
@dataclass(frozen=True)
class ScoreTable:
    """Scores by method and scale.

    Attributes:
        methods: In the order of their first appearance.
        shapes: Cells along each axis at each scale, ascending.
        cells: The score of each (method, scale) that was measured.
    """

    methods: Sequence[Method]
    shapes: Mapping[int, Shape]
    cells: Mapping[tuple[Method, int], Score]

    @classmethod
    def of(cls, scores: Sequence[Score]) -> Self:
        """Lay scores out as methods × scales."""
        cells = {(s.method, s.scale): s for s in scores}
        methods = list(dict.fromkeys(s.method for s in scores))
        shapes = {s.scale: s.shape for s in sorted(scores, key=lambda s: s.scale)}
        return cls(methods, shapes, cells)

    @property
    def second(self) -> str:
        """The measure beside PSNR: SSIM, or skill where no score has one."""
        known = any(score.ssim is not None for score in self.cells.values())
        return "SSIM" if known or not self.cells else "skill"

    def best(self, quality: Callable[[Score], float]) -> set[tuple[Method, int]]:
        """The (method, scale) of the highest quality at each scale, ties included, oracles not."""
        found = set()
        for scale in self.shapes:
            column = {
                key: quality(score)
                for key, score in self.cells.items()
                if key[1] == scale and key[0].kind != "oracle"
            }
            top = max((q for q in column.values() if not math.isnan(q)), default=math.nan)
            found |= {key for key, q in column.items() if q == top}
        return found


def second_measure(score: Score) -> float:
    """SSIM, or the skill where that is not defined."""
    return score.skill if score.ssim is None else score.ssim.mean


def number(value: float, digits: int) -> str:
    """A number with so many decimals, or a dash where there is none."""
    return "–" if math.isnan(value) else f"{value:.{digits}f}".replace("-", "−")


def cell(value: str | float | None, digits: int) -> str:
    """A cell of a table: words and whole numbers as they are, others with so many decimals."""
    if value is None or isinstance(value, float):
        return number(math.nan if value is None else value, digits)
    return str(value).replace("-", "−") if isinstance(value, int) else value


def decibel(value: float) -> str:
    """A PSNR with two decimals, or the word exact for the highest there is."""
    return "exact" if value >= PSNR_CAP else number(value, 2)


def interval(bounds: Interval, digits: int) -> str:
    """The ends of an interval, such as 22.9 – 24.3."""
    return f"{number(bounds.low, digits)} – {number(bounds.high, digits)}"
