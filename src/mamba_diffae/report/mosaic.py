"""Many pictures on one sheet, pixel by pixel."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mamba_diffae.fields.atomic import atomic_file

_MARGIN = 1 / 12
"""Width of the white around a picture, as a share of it."""


def mosaic(pictures: Sequence[np.ndarray]) -> np.ndarray:
    """Pictures in reading order on a white sheet that is about as wide as high.

    Args:
        pictures: Each of shape (n, n, C) in [0, 1], of one size; in colour where C is 3, else the
            first channel in grey.

    Returns:
        Shape (h, w, 3), uint8.
    """
    n = len(pictures[0])
    columns = math.ceil(math.sqrt(len(pictures)))
    rows = math.ceil(len(pictures) / columns)
    gap = max(1, round(_MARGIN * n))
    sheet = np.full((rows * (n + gap) + gap, columns * (n + gap) + gap, 3), 255, np.uint8)
    for i, picture in enumerate(pictures):
        row, column = (gap + place * (n + gap) for place in divmod(i, columns))
        shown = picture if picture.shape[-1] == 3 else picture[..., :1]
        pixels = np.rint(255 * np.clip(shown, 0, 1)).astype(np.uint8)
        sheet[row : row + n, column : column + n] = pixels
    return sheet


def write_png(pixels: np.ndarray, path: Path) -> None:
    """Write a picture (h, w, 3), uint8, whole or not at all."""
    from PIL import Image

    with atomic_file(path) as temporary:
        Image.fromarray(pixels).save(temporary, format="PNG")
