"""Fields of one axis as lines."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise
from typing import Any, NamedTuple, final

import numpy as np

from mamba_diffae.benchmark.painting import Beside, Painter, Picture, Shown, limits_in_words
from mamba_diffae.fields import Axis, Grid, Observations

Colour = tuple[int, int, int]
INK, TRUTH, OURS, DRAW, DOT = (
    (28, 31, 36),
    (150, 156, 166),
    (11, 110, 110),
    (158, 205, 202),
    (184, 86, 27),
)
_GROUND, _RULE = (255, 255, 255), (228, 230, 233)
WIDTH, HEIGHT = 360, 240
"""Pixels of a picture; it is shown at half of them."""
_SHARP = 2
"""Pixels that are drawn for one, along either side, to smooth the lines."""
_LEFT, _RIGHT, _TOP, _BOTTOM = 72, 10, 12, 38
_BEYOND = 0.08
"""Share of a variable's range that is drawn beyond its limits."""


class Line(NamedTuple):
    """One line of a picture.

    Attributes:
        x: Places, shape (n,).
        y: Values there, shape (n,).
        known: Where there is a value, shape (n,); the line breaks elsewhere.
        colour: Of the line.
        width: Of the line, in pixels.
    """

    x: np.ndarray
    y: np.ndarray
    known: np.ndarray
    colour: Colour
    width: int


@final
class ProfilePainter(Painter):
    """Lines over the only axis, a part for each variable; dots are observations."""

    @property
    def parts(self) -> list[str]:
        """See `Painter.parts`."""
        return [v.name for v in self.variables] if len(self.variables) > 1 else [""]

    @property
    def legend(self) -> str:
        """See `Painter.legend`."""
        limits = "; ".join(map(limits_in_words, self.variables))
        return f"Grey: the truth; dots: what was observed; teal: what is shown. {limits}."

    def paint(self, field: Shown, beside: Beside | None = None) -> list[Picture]:
        """See `Painter.paint`."""
        return self._drawn(lambda c: [_line(field, c, OURS, 4)], field.grid, beside or Beside())

    def observed(self, seen: Observations, grid: Grid) -> list[Picture]:
        """See `Painter.observed`."""
        return self._drawn(lambda c: [], grid, Beside(seen=seen))

    def spread(self, field: Shown) -> list[Picture]:
        """See `Painter.spread`: lines from 0 to half the range."""
        half = [(0.0, (v.limits[1] - v.limits[0]) / 2) for v in self.variables]
        return [
            _plot([_line(field, c, OURS, 4)], field.grid.axes[0], limits)
            for c, limits in enumerate(half)
        ]

    def together(self, mean: Shown, draws: Sequence[Shown], beside: Beside) -> list[Picture]:
        """See `Painter.together`."""

        def lines(c: int) -> list[Line]:
            return [*(_line(draw, c, DRAW, 2) for draw in draws), _line(mean, c, OURS, 4)]

        return self._drawn(lines, mean.grid, beside)

    def _drawn(self, lines: Any, grid: Grid, beside: Beside) -> list[Picture]:
        """A picture for each variable: the truth, the lines of that variable, the dots."""
        pictures = []
        for c, variable in enumerate(self.variables):
            behind = [] if beside.truth is None else [_line(beside.truth, c, TRUTH, 3)]
            dots = None if beside.seen is None else _dots(beside.seen, c)
            pictures.append(_plot([*behind, *lines(c)], grid.axes[0], variable.limits, dots))
        return pictures


def _line(field: Shown, c: int, colour: Colour, width: int) -> Line:
    return Line(field.grid.axes[0].centres, field.values[..., c], field.mask[..., c], colour, width)


def _dots(seen: Observations, c: int) -> np.ndarray:
    """Places and values of what was observed of one variable, shape (n, 2)."""
    there = seen.mask[0, :, c]
    return np.stack([seen.coords[0, there, 0].numpy(), seen.values[0, there, c].numpy()], axis=-1)


def _plot(
    lines: Sequence[Line],
    axis: Axis,
    limits: tuple[float, float],
    dots: np.ndarray | None = None,
) -> Picture:
    """Lines and dots over an axis, with the ends of both scales; shape (HEIGHT, WIDTH, 3)."""
    canvas = _Canvas(axis, limits)
    canvas.scales()
    for line in lines:
        canvas.line(line)
    if dots is not None:
        canvas.dots(dots)
    return canvas.picture()


@final
class _Canvas:
    """A white sheet with an axis and the limits of a variable.

    Args:
        axis: Runs to the right.
        limits: Of the variable, which rises upwards.
    """

    def __init__(self, axis: Axis, limits: tuple[float, float]) -> None:
        from PIL import Image, ImageDraw

        self.axis, (self.low, self.high) = axis, limits
        self.margin = _BEYOND * (self.high - self.low)
        self.image = Image.new("RGB", (_SHARP * WIDTH, _SHARP * HEIGHT), _GROUND)
        self.pen = ImageDraw.Draw(self.image)

    def at(self, x: np.ndarray, y: np.ndarray) -> list[tuple[float, float]]:
        """Pixels of places and values; what lies beyond the sheet stays at its edge."""
        height = HEIGHT - _TOP - _BOTTOM
        across = _LEFT + (x - self.axis.low) / self.axis.span * (WIDTH - _LEFT - _RIGHT)
        share = (self.high + self.margin - y) / (self.high - self.low + 2 * self.margin)
        down = _TOP + height * np.clip(share, 0, 1)
        return [(_SHARP * a, _SHARP * b) for a, b in zip(across, down, strict=True)]

    def scales(self) -> None:
        """A rule at either limit, and the numbers at the ends of both scales."""
        ends = np.array([self.axis.low, self.axis.high])
        for value in (self.low, self.high):
            left, right = self.at(ends, np.array([value, value]))
            self.pen.line([left, right], _RULE, 2 * _SHARP)
            place = (left[0] - 5 * _SHARP, left[1])
            self.pen.text(place, f"{value:.3g}", INK, _font(), anchor="rm")
        for x, anchor in zip(ends, ("ls", "rs"), strict=True):
            ((across, _),) = self.at(np.array([x]), np.array([self.low]))
            place = (across, _SHARP * (HEIGHT - 6))
            self.pen.text(place, f"{x:.4g}", INK, _font(), anchor=anchor)

    def line(self, line: Line) -> None:
        """A line, with a break at every gap; a value between two gaps is a dot."""
        for rows in _runs(line.known):
            points = self.at(line.x[rows], line.y[rows])
            if len(points) > 1:
                self.pen.line(points, line.colour, line.width * _SHARP, joint="curve")
            else:
                self._dot(points[0], line.colour, line.width)

    def dots(self, places: np.ndarray) -> None:
        """Places and values, shape (n, 2)."""
        for point in self.at(*places.T):
            self._dot(point, DOT, 4)

    def picture(self) -> Picture:
        """What was drawn, shape (HEIGHT, WIDTH, 3), in [0, 1]."""
        from PIL import Image

        small = self.image.resize((WIDTH, HEIGHT), Image.Resampling.BOX)
        return np.asarray(small, np.float32) / 255

    def _dot(self, point: tuple[float, float], colour: Colour, radius: float) -> None:
        (x, y), r = point, radius * _SHARP
        self.pen.ellipse((x - r, y - r, x + r, y + r), colour)


def _runs(known: np.ndarray) -> list[slice]:
    """Stretches without a gap."""
    ends = np.flatnonzero(np.diff(np.concatenate([[0], known.astype(np.int8), [0]])))
    return [slice(a, b) for a, b in list(pairwise(ends))[::2]]


@lru_cache(maxsize=1)
def _font() -> Any:
    from PIL import ImageFont

    return ImageFont.load_default(21 * _SHARP)
