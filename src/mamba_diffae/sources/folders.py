"""Folders of picture files as fields."""

from __future__ import annotations

import os
import warnings
from collections import Counter
from pathlib import Path
from typing import ClassVar, final

import numpy as np

from mamba_diffae.fields import FieldData, FieldError, Shape
from mamba_diffae.fields.clutter import is_hidden
from mamba_diffae.sources.base import Source
from mamba_diffae.sources.decoding import SUFFIXES, printable
from mamba_diffae.sources.pictures import picture_data, read_pictures
from mamba_diffae.sources.splits import split_by_name

OTHERS = (
    ".tif", ".tiff", ".bmp", ".gif", ".heic", ".heif", ".avif", ".jp2", ".jxl", ".ppm", ".pgm",
    ".pbm", ".tga", ".svg",
)  # fmt: skip
"""Endings of pictures that are not read; they are counted in a warning."""


@final
class FolderSource(Source):
    """A folder of PNG, JPEG and WebP files, with its subfolders."""

    form: ClassVar[str] = "the path of an image folder"

    def matches(self, spec: object) -> bool:
        """See `Source.matches`."""
        return isinstance(spec, str | os.PathLike) and Path(spec).expanduser().is_dir()

    def open(
        self,
        spec: str | os.PathLike[str],
        *,
        shape: Shape | int | None = None,
        skip_broken: bool = False,
    ) -> FieldData:
        """Read the pictures in the order of their relative paths; hidden files are passed over.

        Args:
            spec: The folder.
            shape: As in `read_pictures`.
            skip_broken: Leave out files that cannot be decoded, with one warning.

        Returns:
            The pictures, uint8, named by their paths inside the folder, split by `split_by_name`.

        Raises:
            ValueError: As `read_pictures`, or if there is no picture.
        """
        folder = Path(spec).expanduser()
        paths = {printable(path): path for path in _picture_paths(folder)}
        where = printable(folder)
        pictures = read_pictures(list(paths), paths.__getitem__, where, shape, skip_broken)
        names = [printable(paths[name].relative_to(folder).as_posix()) for name in pictures]
        values = np.stack(list(pictures.values()))
        return picture_data(values, names=names, splits=split_by_name(names))


def _picture_paths(folder: Path) -> list[Path]:
    """The picture files below a folder, sorted by relative path; an error if there are none.

    Links to nothing are among them: reading them fails, which says what is missing.
    """
    files = [
        path
        for path in folder.rglob("*")
        if path.suffix.lower() in (*SUFFIXES, *OTHERS)
        and (path.is_file() or (path.is_symlink() and not path.exists()))
        and not is_hidden(path.relative_to(folder))
    ]
    paths = [path for path in files if path.suffix.lower() in SUFFIXES]
    others = Counter(path.suffix.lower() for path in files if path.suffix.lower() in OTHERS)
    counted = ", ".join(f"{count} {suffix}" for suffix, count in sorted(others.items()))
    if not paths:
        raise FieldError(
            f"{printable(folder)} holds no pictures; files ending in {', '.join(SUFFIXES)} (any "
            "case) are read, in subfolders too."
            + (f" Convert what is there: {counted}." if others else "")
        )
    if others:
        warnings.warn(
            f"{others.total()} pictures in {printable(folder)} are of formats that are not read "
            f"and are left out: {counted}; convert them to PNG, JPEG or WebP.",
            stacklevel=4,
        )
    return sorted(paths, key=lambda path: path.relative_to(folder).as_posix())
