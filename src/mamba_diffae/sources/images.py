"""Pictures: one file, or a folder of them, as square RGB fields."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Sequence
from io import BytesIO
from pathlib import Path
from typing import NamedTuple, TypeVar, final

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

GREY = ("1", "L", "LA", "La", "I", "I;16", "I;16B", "I;16L")
"""Pillow's modes of one channel, or one and transparency."""

File = Path | BytesIO
"""Where the bytes of a picture are."""
T = TypeVar("T")


@final
class BrokenPictureError(ValueError):
    """A picture file that cannot be decoded, or is too large to be."""


@final
class _Picture(NamedTuple):
    """A picture as it was read, and what it was before: width and height, and whether grey."""

    pixels: np.ndarray
    original: tuple[int, int]
    grey: bool


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
    return _picture(Path(path), str(path), size).pixels


def open_folder(folder: Path, size: int | None = None, skip_broken: bool = False) -> GridField:
    """Read the pictures of a folder and its subfolders, in the order of their relative paths.

    Args:
        folder: Holds PNG, JPEG or WebP files; other files, and hidden ones, are passed over.
        size: Pixels a side; by default the smallest shorter side found, at most 256.
        skip_broken: Leave out files that cannot be decoded, with one warning that counts them.

    Returns:
        The pictures, uint8, named by their paths inside the folder, split by `split_by_name`.

    Raises:
        ValueError: As `read_pictures`, or if there is no picture.
    """
    paths = [str(path) for path in _picture_paths(folder)]
    pictures = read_pictures(paths, Path, str(folder), size, skip_broken)
    names = [Path(path).relative_to(folder).as_posix() for path in pictures]
    values = np.stack(list(pictures.values()))
    return GridField(values, UINT8, names, np.arange(len(names)), split_by_name(names))


def read_pictures(
    names: Sequence[str],
    find: Callable[[str], File],
    where: str,
    size: int | None = None,
    skip_broken: bool = False,
) -> dict[str, np.ndarray]:
    """Read pictures to one size, as `open_picture` does, with a warning for what that changes.

    Args:
        names: Of the pictures, for messages and for the result.
        find: From a name to its file.
        where: What holds them, for messages.
        size: Pixels a side; by default the smallest shorter side found, at most 256.
        skip_broken: Leave out those that cannot be decoded, with one warning that counts them.

    Returns:
        The pictures by name, in that order, each of shape (size, size, 3), uint8.

    Raises:
        ValueError: If one is smaller than `size`, or (unless skipped) one is broken or above 64
            megapixels, or none is left.
    """
    kept = names
    if size is None:
        sides = _read_each(names, lambda name: _shorter_side(find(name), name), skip_broken)
        kept, size = list(sides), min([LARGEST_DEFAULT, *sides.values()])
    read = _read_each(kept, lambda name: _picture(find(name), name, size), skip_broken)
    if not read:
        raise ValueError(f"None of the {len(names)} pictures in {where} can be decoded.")
    broken = [name for name in names if name not in read]
    if broken:
        warnings.warn(
            f"{len(broken)} of {len(names)} pictures in {where} are broken and skipped, "
            f"the first: {Path(broken[0]).name}.",
            stacklevel=2,
        )
    _tell_changes(list(read.values()), where, size)
    return {name: picture.pixels for name, picture in read.items()}


def _tell_changes(pictures: Sequence[_Picture], where: str, size: int) -> None:
    """Warn where pictures of different sizes, or grey ones, were brought to one form."""
    sizes = sorted({picture.original for picture in pictures}, key=lambda s: (s[0] * s[1], s))
    if len(sizes) > 1:
        (w, h), (W, H) = sizes[0], sizes[-1]
        warnings.warn(
            f"The pictures in {where} have {len(sizes)} different sizes, {w} × {h} to {W} × {H}; "
            f"of each the central square is averaged to {size} × {size} pixels.",
            stacklevel=3,
        )
    if grey := sum(picture.grey for picture in pictures):
        warnings.warn(
            f"{grey} of {len(pictures)} pictures in {where} are grey; they become colour pictures "
            "of three equal channels.",
            stacklevel=3,
        )


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


def _read_each(names: Iterable[str], read: Callable[[str], T], skip_broken: bool) -> dict[str, T]:
    """Apply `read` to every name, leaving out the broken ones where that is allowed."""
    results: dict[str, T] = {}
    for name in names:
        try:
            results[name] = read(name)
        except BrokenPictureError:
            if not skip_broken:
                raise
    return results


def _shorter_side(file: File, name: str) -> int:
    """Pixels of the shorter side, read from the header alone."""
    return _guarded(file, name, lambda image: min(image.size))


def _picture(file: File, name: str, size: int) -> _Picture:
    """One picture upright, in RGB, cropped and averaged to size × size."""
    before, image = _guarded(
        file, name, lambda image: (image.mode, to_rgb(ImageOps.exif_transpose(image)))
    )
    side = min(image.size)
    if not 1 <= size <= side:
        raise ValueError(
            f"{name} is {image.width} × {image.height} pixels, but {size} × {size} were asked: a "
            "picture is never enlarged; give a larger one, or ask for a native size of 1 to "
            f"{side}."
        )
    left, top = (image.width - side) // 2, (image.height - side) // 2
    pixels = np.asarray(image.crop((left, top, left + side, top + side)))
    # One channel at a time: the float copy of a picture at the pixel limit is large.
    averages = [area_average(pixels[None, ..., c : c + 1], size)[0] for c in range(3)]
    square = np.rint(np.concatenate(averages, axis=-1)).astype(np.uint8)
    return _Picture(square, image.size, before in GREY)


def _guarded(file: File, name: str, use: Callable[[Image.Image], T]) -> T:
    """Open a picture, check its pixel count before anything is decoded, and use it."""
    if isinstance(file, Path) and not file.is_file():
        raise ValueError(f"{name} is not a file; give the path of a PNG, JPEG or WebP picture.")
    try:
        # Pillow's own alarm comes later than ours and as a warning: the check below replaces it.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            image = Image.open(file, formats=("PNG", "JPEG", "WEBP"))
        with image:
            if image.width * image.height <= PIXEL_LIMIT:
                return use(image)
            size = f"{image.width} × {image.height} pixels"
    except Image.DecompressionBombError:
        size = "a multiple of that"
    # Decoders answer broken bytes with many kinds of error; all of them mean the same here.
    except Exception as error:
        raise BrokenPictureError(
            f"{name} cannot be decoded as a PNG, JPEG or WebP picture ({error}); repair or remove "
            "it, or skip broken files (skip_broken=True, --skip-broken)."
        ) from error
    raise BrokenPictureError(
        f"{name} is above the limit of {PIXEL_LIMIT // 10**6} megapixels ({size}); shrink or "
        "remove it, or skip such files (skip_broken=True, --skip-broken)."
    )
