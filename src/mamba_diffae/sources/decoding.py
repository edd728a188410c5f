"""One picture file: decoded with limits, upright, in RGB, averaged to a shape."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import NamedTuple, TypeVar, final

import numpy as np
from PIL import ExifTags, Image, ImageOps

from mamba_diffae.fields import FieldError, Shape, ShapeError, average, overlap

SUFFIXES = (".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".webp")
"""Endings of the files that are read as pictures, in any case."""
PIXEL_LIMIT = 64_000_000
"""Pixels of the largest picture that is decoded."""
GREY = ("1", "L", "LA", "La", "I", "I;16", "I;16B", "I;16L")
"""Pillow's modes of one channel, or one and transparency."""
_SIDEWAYS = (5, 6, 7, 8)
"""Values of the EXIF orientation that exchange height and width."""
_SKIP = "or skip broken files (skip_broken=True, --skip-broken)."
File = Path | BytesIO
"""Where the bytes of a picture are."""
T = TypeVar("T")


@final
class BrokenPictureError(FieldError):
    """A picture file that cannot be decoded, or is too large to be."""


@final
class Picture(NamedTuple):
    """A picture as it was read, shape (h, w, 3), uint8, and whether it was grey before."""

    pixels: np.ndarray
    grey: bool


def read_picture(file: File, name: str, shape: Shape | int, whole: bool = False) -> Picture:
    """One picture upright, in RGB over white, averaged to a shape.

    Args:
        file: A PNG, JPEG or WebP file; of an animation, the first frame.
        name: The name to use in messages.
        shape: Rows and columns; or pixels along the longer side, the other in proportion.
        whole: Average all of it, even if its aspect is another; else the central part of the
            aspect of `shape`.

    Raises:
        ValueError: If it is missing, broken, above 64 megapixels, or smaller than `shape`.
    """
    before, image = _guarded(file, name, lambda image: (image.mode, to_rgb(_upright(image))))
    pixels = np.asarray(image)
    height, width = pixels.shape[:2]
    if isinstance(shape, int):
        shape, whole = scaled_shape((height, width), shape), True
    if len(shape) != 2 or min(shape) < 1 or shape[0] > height or shape[1] > width:
        raise ShapeError(
            f"{name} is {height} × {width} pixels (rows × columns), but "
            f"{' × '.join(map(str, shape))} were asked: a picture is never enlarged; give a larger "
            f"one, or ask for 1 × 1 to {height} × {width}."
        )
    scale = min(height / shape[0], width / shape[1])
    window = (height, width) if whole else (shape[0] * scale, shape[1] * scale)
    matrices = [
        _averaging(n, m, used) for n, m, used in zip((height, width), shape, window, strict=True)
    ]
    # One channel at a time: the float copy of a picture at the pixel limit is large.
    parts = [average(pixels[None, ..., c : c + 1].astype(np.float32), matrices) for c in range(3)]
    averaged = np.rint(np.concatenate(parts, axis=-1)[0]).astype(np.uint8)
    return Picture(averaged, before in GREY)


def read_shape(file: File, name: str) -> Shape:
    """Rows and columns of a picture when it stands upright, from the header alone.

    Raises:
        ValueError: As `read_picture`.
    """

    def upright_shape(image: Image.Image) -> Shape:
        try:
            turned = image.getexif().get(ExifTags.Base.Orientation) in _SIDEWAYS
        except Exception:  # as in _upright
            turned = False
        return image.size if turned else image.size[::-1]

    return _guarded(file, name, upright_shape)


def scaled_shape(shape: Shape, longest: int) -> Shape:
    """A shape with so many pixels along the longer side, the other in proportion."""
    rows, columns = (max(1, round(n * longest / max(shape))) for n in shape)
    return rows, columns


def to_rgb(image: Image.Image) -> Image.Image:
    """Convert a decoded picture of any mode to RGB, transparency composited over white."""
    if image.mode.startswith("I"):  # 16-bit grey, which Pillow's own conversion would clip at 255
        return Image.fromarray((np.asarray(image) // 257).astype(np.uint8)).convert("RGB")
    if image.has_transparency_data:
        white = Image.new("RGBA", image.size, "white")
        return Image.alpha_composite(white, image.convert("RGBA")).convert("RGB")
    return image.convert("RGB")


def printable(name: str | os.PathLike[str]) -> str:
    """A file's name for messages and tables, even if its bytes are no UTF-8."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def _averaging(cells: int, wanted: int, used: float) -> np.ndarray:
    """Averages of `wanted` equal parts of the middle of a row of pixels, (wanted, cells)."""
    start = (cells - used) // 2  # whole pixels stay whole
    edges = np.linspace(start, start + used, wanted + 1)
    shares = overlap(np.arange(cells + 1.0), edges)
    return (shares / shares.sum(axis=1, keepdims=True)).astype(np.float32)


def _upright(image: Image.Image) -> Image.Image:
    """Turn a picture as its camera was held; as it is, if it does not say so in good order."""
    image.load()
    # Pillow answers malformed EXIF with many kinds of error; viewers show such pictures unturned.
    try:
        return ImageOps.exif_transpose(image)
    except Exception:
        return image


def _guarded(file: File, name: str, use: Callable[[Image.Image], T]) -> T:
    """Open a picture, check its pixel count before anything is decoded, and use it."""
    if isinstance(file, Path) and file.is_symlink() and not file.exists():
        raise BrokenPictureError(f"{name} is a link to nothing; fetch what it leads to, {_SKIP}")
    if isinstance(file, Path) and not file.is_file():
        raise FieldError(f"{name} is not a file; give the path of a PNG, JPEG or WebP picture.")
    try:
        # Pillow's own alarm comes later than ours and as a warning: the check below replaces it.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            image = Image.open(file, formats=("PNG", "JPEG", "WEBP"))
        with image:
            if image.width * image.height <= PIXEL_LIMIT:
                return use(image)
            size = f"{image.height} × {image.width} pixels"
    except Image.DecompressionBombError:
        size = "a multiple of that"
    # Decoders answer broken bytes with many kinds of error; all of them mean the same here.
    except Exception as error:
        if isinstance(file, Path) and not file.stat().st_size:  # not fetched yet, or a full disk
            raise BrokenPictureError(f"{name} is empty; fetch it again, {_SKIP}") from error
        raise BrokenPictureError(
            f"{name} cannot be decoded as a PNG, JPEG or WebP picture ({error}); repair or remove "
            f"it, {_SKIP}"
        ) from error
    raise BrokenPictureError(
        f"{name} is above the limit of {PIXEL_LIMIT // 10**6} megapixels ({size}); shrink or "
        "remove it, or skip such files (skip_broken=True, --skip-broken)."
    )
