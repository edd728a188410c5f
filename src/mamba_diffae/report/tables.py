"""Scores laid out as methods × resolutions, the same for the page and for the shell."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Self, final

from mamba_diffae.evaluation import PSNR_CAP, Interval, Method, Score


@final
@dataclass(frozen=True)
class ScoreTable:
    """Scores by method and scale.

    Attributes:
        methods: In the order of their first appearance.
        scales: Pixels a side, ascending.
        cells: The score of each (method, scale) that was measured.
    """

    methods: Sequence[Method]
    scales: Sequence[int]
    cells: dict[tuple[Method, int], Score]

    @classmethod
    def of(cls, scores: Sequence[Score]) -> Self:
        """Lay scores out as methods × scales."""
        cells = {(s.method, s.scale): s for s in scores}
        methods = list(dict.fromkeys(s.method for s in scores))
        return cls(methods, sorted({s.scale for s in scores}), cells)

    def best(self, quality: Callable[[Score], float]) -> set[tuple[Method, int]]:
        """The (method, scale) of the highest quality at each scale, ties included, oracles not."""
        found = set()
        for scale in self.scales:
            column = {
                key: quality(score)
                for key, score in self.cells.items()
                if key[1] == scale and key[0].kind != "oracle"
            }
            top = max((q for q in column.values() if not math.isnan(q)), default=math.nan)
            found |= {key for key, q in column.items() if q == top}
        return found


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
