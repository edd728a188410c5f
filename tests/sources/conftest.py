"""Picture files of every kind that is read; makes `published` importable."""

import sys
import warnings
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from published import picture


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


@pytest.fixture
def silent():
    """Nothing may be said."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield
