"""Pictures as fields: one file, or many brought to one shape."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np

from mamba_diffae.fields import Affine, FieldData, FieldError, Grid, Shape, Variable
from mamba_diffae.sources.decoding import (
    BrokenPictureError,
    File,
    Picture,
    printable,
    read_picture,
    read_shape,
    scaled_shape,
)

LARGEST_DEFAULT = 256
"""Pixels along the longer side of many large pictures, unless told otherwise."""
RGB = tuple(Variable(name, transform=Affine(0.0, 255.0)) for name in ("red", "green", "blue"))
"""The variables of 8-bit pictures."""
T = TypeVar("T")


def open_picture(path: str | Path, shape: Shape | int) -> np.ndarray:
    """Read one picture file: upright, RGB over white, area-averaged.

    Args:
        path: A PNG, JPEG or WebP file; of an animation, the first frame.
        shape: Rows and columns of the result, from the central part of that aspect; or pixels
            along the longer side, the other in proportion. At most those of the picture.

    Returns:
        Shape (*shape, 3), uint8.

    Raises:
        ValueError: If the file is missing, broken, above 64 megapixels, or smaller than `shape`.
    """
    return read_picture(Path(path).expanduser(), printable(path), shape).pixels


def picture_data(
    values: np.ndarray,
    *,
    names: Sequence[str] = (),
    groups: np.ndarray | None = None,
    splits: np.ndarray | None = None,
    attributes: Mapping[str, np.ndarray] | None = None,
) -> FieldData:
    """8-bit colour pictures as fields; their mirror images are as good.

    Args:
        values: Shape (S, h, w, 3), uint8.
        names: As in `FieldData`.
        groups: As in `FieldData`; default: each is its own.
        splits: As in `FieldData`; default: all for training.
        attributes: As in `FieldData`.
    """
    return FieldData(
        RGB,
        Grid.default(values.shape[1:3]),
        values,
        names=names,
        groups=np.arange(len(values)) if groups is None else groups,
        splits=np.full(len(values), "train") if splits is None else splits,
        attributes=attributes or {},
        mirrored=True,
    )


def read_pictures(
    names: Sequence[str],
    find: Callable[[str], File],
    where: str,
    shape: Shape | int | None = None,
    skip_broken: bool = False,
) -> dict[str, np.ndarray]:
    """Read pictures to one shape, with a warning for what that changes.

    Pictures of one size keep their aspect; of pictures of several sizes the central square is
    taken. A shape of another aspect takes the central part.

    Args:
        names: Of the pictures, for messages and for the result.
        find: From a name to its file.
        where: What holds them, for messages.
        shape: Rows and columns, or pixels along the longer side; None: those of the pictures (of
            pictures of several sizes, the smallest shorter side), at most 256 a side.
        skip_broken: Leave out those that cannot be decoded, with one warning that counts them.

    Returns:
        The pictures by name, in that order, each of shape (h, w, 3), uint8.

    Raises:
        ValueError: If one is smaller than `shape`, or (unless skipped) one is broken or above 64
            megapixels, or none is left.
    """
    shapes = _read_each(names, lambda name: read_shape(find(name), name), skip_broken)
    common, whole = _common_shape(sorted(set(shapes.values())), shape)
    read = _read_each(
        shapes, lambda name: read_picture(find(name), name, common, whole), skip_broken
    )
    if not read:
        raise FieldError(f"None of the {len(names)} pictures in {where} can be decoded.")
    broken = [name for name in names if name not in read]
    if broken:
        warnings.warn(
            f"{len(broken)} of {len(names)} pictures in {where} are broken and skipped, "
            f"the first: {Path(broken[0]).name}.",
            stacklevel=2,
        )
    _tell_changes([shapes[name] for name in read], list(read.values()), where)
    return {name: picture.pixels for name, picture in read.items()}


def _common_shape(found: Sequence[Shape], shape: Shape | int | None) -> tuple[Shape, bool]:
    """The shape for pictures of given ones, and whether all of each picture goes into it."""
    if len(found) == 1:
        native = found[0]
        if not isinstance(shape, tuple):
            # More than there are is refused with the name of the picture, so it is passed on.
            shape = scaled_shape(native, shape or min(LARGEST_DEFAULT, max(native)))
        return shape, shape == scaled_shape(native, max(shape))
    if isinstance(shape, tuple):
        return shape, False
    side = shape or min([LARGEST_DEFAULT, *(min(each) for each in found)])
    return (side, side), False


def _tell_changes(shapes: Sequence[Shape], pictures: Sequence[Picture], where: str) -> None:
    """Warn where pictures of different sizes, or grey ones, were brought to one form."""
    sizes = sorted(set(shapes), key=lambda s: (s[0] * s[1], s))
    h, w = pictures[0].pixels.shape[:2]
    if len(sizes) > 1:
        least, most = (" × ".join(map(str, size)) for size in (sizes[0], sizes[-1]))
        warnings.warn(
            f"The pictures in {where} have {len(sizes)} different sizes, {least} to {most} (rows × "
            f"columns); of each the central {'square' if h == w else 'part'} is averaged to "
            f"{h} × {w} pixels.",
            stacklevel=3,
        )
    if grey := sum(picture.grey for picture in pictures):
        warnings.warn(
            f"{grey} of {len(pictures)} pictures in {where} are grey; they become colour pictures "
            "of three equal channels.",
            stacklevel=3,
        )


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
