"""The embedded picture set: 3,119 rendered emoji at 96 × 96, MIT licensed."""

from __future__ import annotations

import csv
import io
import zipfile
from functools import lru_cache
from importlib.resources import files
from typing import ClassVar, final

import numpy as np
from PIL import Image

from mamba_diffae.fields import FieldData, Shape
from mamba_diffae.sources.base import NamedSource, read_only
from mamba_diffae.sources.decoding import to_rgb
from mamba_diffae.sources.pictures import picture_data

ARCHIVE = "fluent3d_96_webp90.zip"
"""File in the folder `data` of this package; `tools/build_picture_set.py` makes such a file."""
TEXT_COLUMNS = ("codepoints", "name", "category", "subcategory", "skin_tone", "split")
"""Columns of attributes.csv that are no binary attributes."""


@final
class EmojiSource(NamedSource):
    """The embedded picture set."""

    kind: ClassVar[str] = "emoji"
    form: ClassVar[str] = "'emoji'"

    def open(
        self, spec: str, *, shape: Shape | int | None = None, skip_broken: bool = False
    ) -> FieldData:
        """See `open_emoji`."""
        return open_emoji()


@lru_cache(maxsize=1)
def open_emoji() -> FieldData:
    """Read the embedded picture set; decoded once a process, so its arrays are read-only.

    Returns:
        3,119 fields, uint8 RGB, 96 × 96; names are the emoji's names, groups unite the skin-tone
        copies of one emoji (1,598 groups), splits go by name, attributes are 37 bool labels.
    """
    path = files("mamba_diffae.sources") / "data" / ARCHIVE
    with path.open("rb") as file, zipfile.ZipFile(file) as archive:
        rows = list(csv.DictReader(io.StringIO(archive.read("attributes.csv").decode())))
        pictures = [_picture(archive.read(f"images/{row['codepoints']}.webp")) for row in rows]
    columns = {key: np.array([row[key] for row in rows]) for key in rows[0]}
    attributes = {k: v == "1" for k, v in columns.items() if k not in TEXT_COLUMNS}
    values, splits = np.stack(pictures), columns["split"]
    groups = np.unique(columns["name"], return_inverse=True)[1]
    names = tuple(columns["name"].tolist())
    return read_only(
        picture_data(values, names=names, groups=groups, splits=splits, attributes=attributes)
    )


def _picture(data: bytes) -> np.ndarray:
    """Decode one member of the archive, shape (96, 96, 3), uint8."""
    with Image.open(io.BytesIO(data), formats=("WEBP",)) as image:
        return np.asarray(to_rgb(image))
