"""STL-10 from its published archive: 13,000 labelled pictures of 96 × 96."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, final

import numpy as np

from mamba_diffae.fields import FieldData, Shape
from mamba_diffae.sources.archives import Archive
from mamba_diffae.sources.base import PrefixedSource
from mamba_diffae.sources.classes import labelled_pictures
from mamba_diffae.sources.splits import hold_out

SIZE, CHANNELS = 96, 3
ARCHIVE = Archive(
    name="stl10_binary.tar.gz",
    size=2_640_397_119,
    folder="stl10_binary",
    members=("train_X.bin", "train_y.bin", "test_X.bin", "test_y.bin"),
    page="https://cs.stanford.edu/~acoates/stl10/",
)
CLASSES = (
    "airplane", "bird", "car", "cat", "deer", "dog", "horse", "monkey", "ship", "truck",
)  # fmt: skip


@final
class Stl10Source(PrefixedSource):
    """STL-10, from a folder that holds its archive or what was unpacked from it."""

    kind: ClassVar[str] = "stl10"
    form: ClassVar[str] = "stl10:DIR"

    def open(
        self, spec: str, *, shape: Shape | int | None = None, skip_broken: bool = False
    ) -> FieldData:
        """See `open_stl10`."""
        return open_stl10(Path(self.place(spec)).expanduser())


def open_stl10(place: Path) -> FieldData:
    """Read the labelled pictures of STL-10; its 100,000 unlabelled ones (2.8 GB) are not read.

    Args:
        place: A folder that holds `stl10_binary.tar.gz` or its unpacked `stl10_binary`, or one of
            these itself.

    Returns:
        5,000 training and 8,000 test pictures, in that order, uint8 RGB, 96 × 96, named
        "cat 00017"; attributes are ten bool labels. A seeded tenth of the training pictures is for
        validation.

    Raises:
        ValueError: As `Archive.read`, or if a file is truncated, pictures and labels differ in
            number, or a label is not from 1 to 10.

    Reference:
        Coates, Lee & Ng (2011). An analysis of single-layer networks in unsupervised feature
        learning. AISTATS.
    """
    files = ARCHIVE.read(place)
    parts = {split: _part(files, split, place) for split in ("train", "test")}
    pictures, labels = zip(*parts.values(), strict=True)
    splits = np.repeat(list(parts), [len(part) for part in labels])
    return labelled_pictures(
        np.concatenate(pictures), hold_out(splits), np.concatenate(labels), CLASSES
    )


def _part(files: dict[str, bytes], split: str, place: Path) -> tuple[np.ndarray, np.ndarray]:
    """Pictures, shape (S, 96, 96, 3), and labels from 0, shape (S,), of one split."""
    pixels, labels = (np.frombuffer(files[f"{split}_{part}.bin"], np.uint8) for part in "Xy")
    each, again = CHANNELS * SIZE**2, f"unpack or download {ARCHIVE.name} again: {ARCHIVE.page}."
    if len(pixels) % each or not len(pixels):
        raise ValueError(
            f"{place}: {split}_X.bin has {len(pixels)} bytes; expected a multiple of {each:,}, the "
            f"bytes of a picture: truncated, or another file; {again}"
        )
    if len(labels) != len(pixels) // each:
        raise ValueError(
            f"{place}: {split}_X.bin holds {len(pixels) // each} pictures, but {split}_y.bin "
            f"{len(labels)} labels; expected one byte for each picture; {again}"
        )
    if not 1 <= labels.min() <= labels.max() <= len(CLASSES):
        raise ValueError(
            f"{place}: the labels in {split}_y.bin reach from {labels.min()} to {labels.max()}; "
            f"expected 1 to {len(CLASSES)}; {again}"
        )
    # The red, then the green, then the blue picture, each column by column.
    pictures = pixels.reshape(-1, CHANNELS, SIZE, SIZE).transpose(0, 3, 2, 1)
    return pictures, labels.astype(int) - 1
