"""Picture files of every kind that is read."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image


def picture(width, height, seed=0):
    """A random RGB picture."""
    pixels = np.random.default_rng((seed, width, height)).integers(0, 256, (height, width, 3))
    return Image.fromarray(pixels.astype(np.uint8))


@pytest.fixture
def folder(tmp_path) -> Path:
    """Four sound pictures, one of them in a subfolder, beside files that are none."""
    root = tmp_path / "pictures"
    (root / "sub").mkdir(parents=True)
    picture(20, 24, 1).save(root / "b.png")
    picture(30, 18, 2).save(root / "a.JPG", quality=95)
    picture(16, 16, 3).save(root / "c.webp", lossless=True)
    picture(40, 40, 4).save(root / "sub" / "a.jpeg")
    (root / "notes.txt").write_text("no picture")
    (root / "._b.png").write_bytes(b"what some systems leave beside a picture")
    return root
