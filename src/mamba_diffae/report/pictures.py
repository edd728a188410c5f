"""Tables of pictures with headings as PNG files, and as animations."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from mamba_diffae.benchmark.page import ImageGrid, picture_bytes
from mamba_diffae.fields.atomic import atomic_file
from mamba_diffae.report.mosaic import write_png

CELL, GAP, FONT = 96, 6, 12
"""Pixels of a longer side that pictures are enlarged to, white between, height of letters."""
MILLISECONDS = 120
"""That a frame is shown."""


def write_grid(grid: ImageGrid, path: Path) -> None:
    """Write a table of pictures as PNG: columns with headings above, rows with theirs at the left.

    Args:
        grid: Small pictures are shown in larger pixels, each sharp.
        path: The file.
    """
    write_png(draw_grid(grid), path)


def write_animation(frames: Sequence[ImageGrid], path: Path) -> None:
    """Write tables as a moving picture that runs there and back, over and over.

    Args:
        frames: One table each, alike in rows, columns and sizes; at least one.
        path: The file; .webp, .gif or .png (animated PNG).
    """
    from PIL import Image

    there = [Image.fromarray(draw_grid(grid)) for grid in frames]
    first, *others = [*there, *there[-2:0:-1]]
    with atomic_file(path) as temporary:
        first.save(temporary, save_all=True, append_images=others, duration=MILLISECONDS, loop=0)


def draw_grid(grid: ImageGrid) -> np.ndarray:
    """A table of pictures on white, with its headings, shape (h, w, 3), uint8."""
    from PIL import Image, ImageDraw

    pictures = [[None if p is None else _shown(p) for p in row] for row in grid.pictures]
    heights = [max([FONT, *(p.shape[0] for p in row if p is not None)]) for row in pictures]
    columns = zip(*pictures, strict=True)
    narrow = [max([CELL, *(p.shape[1] for p in row if p is not None)]) for row in columns]
    widths = [max(w, _width(text)) for w, text in zip(narrow, grid.columns, strict=True)]
    left = max(map(_width, grid.rows), default=0) + GAP
    top = FONT + 2 * GAP if any(grid.columns) else GAP
    x = left + GAP + np.cumsum([0, *(w + GAP for w in widths)])
    y = top + np.cumsum([0, *(h + GAP for h in heights)])
    canvas = Image.new("RGB", (int(x[-1]), int(y[-1])), "white")
    ink = ImageDraw.Draw(canvas)
    for c, text in enumerate(grid.columns):
        ink.text((x[c] + widths[c] / 2, GAP), text, "black", _font(), anchor="ma")
    for r, text in enumerate(grid.rows):
        ink.text((left, y[r] + heights[r] / 2), text, "black", _font(), anchor="rm")
        for c, picture in enumerate(pictures[r]):
            if picture is not None:
                middle = (widths[c] - picture.shape[1]) // 2
                canvas.paste(Image.fromarray(picture), (int(x[c]) + middle, int(y[r])))
    return np.asarray(canvas)


def _shown(picture: np.ndarray) -> np.ndarray:
    """In 8 bits and three channels, in whole multiples of its pixels."""
    pixels = picture_bytes(picture)
    times = max(1, round(CELL / max(pixels.shape[:2])))
    enlarged = pixels.repeat(times, axis=0).repeat(times, axis=1)
    return np.broadcast_to(enlarged, (*enlarged.shape[:2], 3)).copy()


def _width(text: str) -> int:
    return int(np.ceil(_font().getlength(text))) if text else 0


@lru_cache(maxsize=1)
def _font() -> Any:
    from PIL import ImageFont

    return ImageFont.load_default(FONT)
