"""Sheets with headings as files, and panels that move."""

import numpy as np
import pytest
from PIL import Image

from mamba_diffae.benchmark import ImageGrid
from mamba_diffae.report import mosaic, write_animation, write_grid
from mamba_diffae.report.pictures import CELL, draw_grid


def sheet(*colours: float, rows: int = 1, size: int = 24) -> ImageGrid:
    """A row of plain pictures, the same in every row."""
    pictures = [[np.full((size, size, 3), c) for c in colours]] * rows
    headings = [f"{c:.2f}" for c in colours], [f"row {r}" for r in range(rows)]
    return ImageGrid("Plain", "Plain.", *headings, pictures)


def test_every_picture_is_there_sharp_and_apart(tmp_path):
    path = tmp_path / "new" / "sheet.png"
    write_grid(sheet(0.2, 0.6, rows=2), path)
    with Image.open(path) as image:
        pixels = np.asarray(image)
    for value in (51, 153):
        assert (pixels == value).all(axis=-1).sum() >= 2 * CELL * CELL
    assert (pixels[-1] == 255).all()
    assert (pixels[:, -1] == 255).all()
    assert (pixels == 0).any()  # the headings


def test_grey_fields_empty_cells_and_long_names_are_drawn():
    grey = np.linspace(0, 1, 120 * 120).reshape(120, 120, 1)
    long = "a heading much longer than the picture below it is wide"
    drawn = draw_grid(ImageGrid("Grey", "", [long, "b"], ["r"], [[grey, None]]))
    assert drawn.shape[0] > 120
    assert drawn.shape[1] > len(long) * 4
    assert drawn.dtype == np.uint8


@pytest.mark.parametrize(("h", "w", "columns"), [(10, 10, 3), (10, 20, 2), (20, 10, 4)])
def test_a_mosaic_of_any_aspect_is_about_square(h, w, columns):
    pictures = [np.full((h, w, 3), i / 10) for i in range(7)]
    sheet, gap = mosaic(pictures), max(1, round(max(h, w) / 12))
    rows = -(-7 // columns)
    assert sheet.shape == (rows * (h + gap) + gap, columns * (w + gap) + gap, 3)
    row, column = divmod(6, columns)
    assert (sheet[gap + row * (h + gap), gap + column * (w + gap)] == 153).all()
    assert (sheet == 255).any()


def test_without_headings_there_is_no_room_for_them():
    bare = draw_grid(ImageGrid("", "", [""], [""], [[np.zeros((CELL, CELL, 3))]]))
    assert max(bare.shape) < CELL + 24


@pytest.mark.parametrize("suffix", [".webp", ".gif", ".png"])
def test_an_animation_runs_there_and_back(tmp_path, suffix):
    path = tmp_path / f"moving{suffix}"
    write_animation([sheet(c) for c in (0.0, 0.5, 1.0)], path)
    with Image.open(path) as image:
        assert image.n_frames == 4  # pyright: ignore[reportAttributeAccessIssue]
        shown = []
        for k in range(4):
            image.seek(k)
            pixels = np.asarray(image.convert("RGB")).astype(int)
            shown.append(pixels[pixels.shape[0] // 2, -CELL // 2].mean())
    assert shown == pytest.approx([0, 128, 255, 128], abs=6)
