"""Pictures: one file, or a folder of them, as square RGB fields."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TypeVar, final

import numpy as np
from PIL import Image, ImageOps

from mamba_diffae.fields import GridField, Scaling, area_average
from mamba_diffae.sources.splits import split_by_name

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp")
"""Endings of the files that are read as pictures, in any case."""
PIXEL_LIMIT = 64_000_000
"""Pixels of the largest picture that is decoded."""
LARGEST_DEFAULT = 256
"""Native size of a folder of large pictures, unless told otherwise."""
UINT8 = Scaling(0.0, 255.0)
"""The limits of 8-bit pictures."""

T = TypeVar("T")


@final
class BrokenPictureError(ValueError):
    """A picture file that cannot be decoded, or is too large to be."""


def open_picture(path: str | Path, size: int) -> np.ndarray:
    """Read one picture file: upright, RGB over white, centre-cropped, area-averaged.

    Args:
        path: A PNG, JPEG or WebP file; of an animation, the first frame.
        size: Pixels a side of the result, at most the shorter side of the picture.

    Returns:
        Shape (size, size, 3), uint8.

    Raises:
        ValueError: If the file is missing, broken, above 64 megapixels, or smaller than `size`.
    """
    image = _decode(Path(path))
    side = min(image.size)
    if not 1 <= size <= side:
        raise ValueError(
            f"{path} is {image.width} × {image.height} pixels, but {size} × {size} were asked: a "
            "picture is never enlarged; give a larger one, or ask for a native size of 1 to "
            f"{side}."
        )
    left, top = (image.width - side) // 2, (image.height - side) // 2
    pixels = np.asarray(image.crop((left, top, left + side, top + side)))
    # One channel at a time: the float copy of a picture at the pixel limit is large.
    averages = [area_average(pixels[None, ..., c : c + 1], size)[0] for c in range(3)]
    return np.rint(np.concatenate(averages, axis=-1)).astype(np.uint8)


def open_folder(folder: Path, size: int | None = None, skip_broken: bool = False) -> GridField:
    """Read the pictures of a folder and its subfolders, in the order of their relative paths.

    Args:
        folder: Holds PNG, JPEG or WebP files; other files, and hidden ones, are passed over.
        size: Pixels a side; by default the smallest shorter side found, at most 256.
        skip_broken: Leave out files that cannot be decoded, with one warning that counts them.

    Returns:
        The pictures, uint8, named by their paths inside the folder, split by `split_by_name`.

    Raises:
        ValueError: If there is no picture, one is smaller than `size`, or (unless skipped) one is
            broken or above 64 megapixels.
    """
    found = paths = _picture_paths(folder)
    if size is None:
        sides = _read_each(paths, _shorter_side, skip_broken)
        paths, size = list(sides), min([LARGEST_DEFAULT, *sides.values()])
    pictures = _read_each(paths, lambda path: open_picture(path, size), skip_broken)
    broken = [path for path in found if path not in pictures]
    if not pictures:
        raise ValueError(f"None of the {len(found)} pictures in {folder} can be decoded.")
    if broken:
        warnings.warn(
            f"{len(broken)} of {len(found)} pictures in {folder} are broken and skipped, "
            f"the first: {broken[0].name}.",
            stacklevel=2,
        )
    names = [path.relative_to(folder).as_posix() for path in pictures]
    values = np.stack(list(pictures.values()))
    return GridField(values, UINT8, names, np.arange(len(names)), split_by_name(names))


def to_rgb(image: Image.Image) -> Image.Image:
    """Convert a decoded picture of any mode to RGB, transparency composited over white."""
    if image.mode.startswith("I"):  # 16-bit grey, which Pillow's own conversion would clip at 255
        return Image.fromarray((np.asarray(image) // 257).astype(np.uint8)).convert("RGB")
    if image.has_transparency_data:
        white = Image.new("RGBA", image.size, "white")
        return Image.alpha_composite(white, image.convert("RGBA")).convert("RGB")
    return image.convert("RGB")


def _picture_paths(folder: Path) -> list[Path]:
    """The picture files below a folder, sorted by relative path; a ValueError if there are none."""
    paths = [
        path
        for path in folder.rglob("*")
        if path.suffix.lower() in SUFFIXES
        and path.is_file()
        and not any(part.startswith(".") for part in path.relative_to(folder).parts)
    ]
    if not paths:
        raise ValueError(
            f"{folder} holds no pictures; files ending in {', '.join(SUFFIXES)} (any case) "
            "are read, in subfolders too."
        )
    return sorted(paths, key=lambda path: path.relative_to(folder).as_posix())


def _read_each(
    paths: Iterable[Path], read: Callable[[Path], T], skip_broken: bool
) -> dict[Path, T]:
    """Apply `read` to every file, leaving out the broken ones where that is allowed."""
    results: dict[Path, T] = {}
    for path in paths:
        try:
            results[path] = read(path)
        except BrokenPictureError:
            if not skip_broken:
                raise
    return results


def _shorter_side(path: Path) -> int:
    """Pixels of the shorter side, read from the header alone."""
    return _guarded(path, lambda image: min(image.size))


def _decode(path: Path) -> Image.Image:
    """The whole picture, upright, in RGB."""
    return _guarded(path, lambda image: to_rgb(ImageOps.exif_transpose(image)))


def _guarded(path: Path, use: Callable[[Image.Image], T]) -> T:
    """Open a picture, check its pixel count before anything is decoded, and use it."""
    if not path.is_file():
        raise ValueError(f"{path} is not a file; give the path of a PNG, JPEG or WebP picture.")
    try:
        # Pillow's own alarm comes later than ours and as a warning: the check below replaces it.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            image = Image.open(path, formats=("PNG", "JPEG", "WEBP"))
        with image:
            if image.width * image.height <= PIXEL_LIMIT:
                return use(image)
            size = f"{image.width} × {image.height} pixels"
    except Image.DecompressionBombError:
        size = "a multiple of that"
    # Decoders answer broken bytes with many kinds of error; all of them mean the same here.
    except Exception as error:
        raise BrokenPictureError(
            f"{path} cannot be decoded as a PNG, JPEG or WebP picture ({error}); repair or remove "
            "it, or skip broken files (skip_broken=True, --skip-broken)."
        ) from error
    raise BrokenPictureError(
        f"{path} is above the limit of {PIXEL_LIMIT // 10**6} megapixels ({size}); shrink or "
        "remove it, or skip such files (skip_broken=True, --skip-broken)."
    )
