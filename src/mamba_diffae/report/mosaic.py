"""Many pictures on one sheet, pixel by pixel."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mamba_diffae.benchmark.page import picture_bytes
from mamba_diffae.fields.atomic import atomic_file

_MARGIN = 1 / 12
"""Width of the white around a picture, as a share of its longer side."""


def mosaic(pictures: Sequence[np.ndarray]) -> np.ndarray:
    """Pictures in reading order on a white sheet that is about as wide as high.

    Args:
        pictures: Each of shape (h, w, C) in [0, 1], of one size; in colour where C is 3, else the
            first channel in grey.

    Returns:
        Shape (height, width, 3), uint8.
    """
    h, w = pictures[0].shape[:2]
    columns = min(len(pictures), math.ceil(math.sqrt(len(pictures) * h / w)))
    rows = math.ceil(len(pictures) / columns)
    gap = max(1, round(_MARGIN * max(h, w)))
    sheet = np.full((rows * (h + gap) + gap, columns * (w + gap) + gap, 3), 255, np.uint8)
    for i, picture in enumerate(pictures):
        row, column = divmod(i, columns)
        top, left = gap + row * (h + gap), gap + column * (w + gap)
        sheet[top : top + h, left : left + w] = picture_bytes(picture)
    return sheet


def write_png(pixels: np.ndarray, path: Path) -> None:
    """Write a picture (h, w, 3), uint8, whole or not at all."""
    from PIL import Image

    with atomic_file(path) as temporary:
        Image.fromarray(pixels).save(temporary, format="PNG")
