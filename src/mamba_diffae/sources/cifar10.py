"""CIFAR-10 from its published archive: 60,000 pictures of 32 × 32."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, final

import numpy as np

from mamba_diffae.fields import FieldData, Shape
from mamba_diffae.sources.archives import Archive
from mamba_diffae.sources.base import PrefixedSource
from mamba_diffae.sources.classes import labelled_pictures
from mamba_diffae.sources.pickles import PickledArray, read_pickle
from mamba_diffae.sources.splits import hold_out

SIZE, CHANNELS = 32, 3
TEST = "test_batch"
ARCHIVE = Archive(
    name="cifar-10-python.tar.gz",
    size=170_498_071,
    folder="cifar-10-batches-py",
    members=("data_batch_1", "data_batch_2", "data_batch_3", "data_batch_4", "data_batch_5", TEST),
    page="https://www.cs.toronto.edu/~kriz/cifar.html",
)
CLASSES = (
    "airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck",
)  # fmt: skip


@final
class Cifar10Source(PrefixedSource):
    """CIFAR-10, from a folder that holds its archive or what was unpacked from it."""

    kind: ClassVar[str] = "cifar10"
    form: ClassVar[str] = "cifar10:DIR"

    def open(
        self, spec: str, *, shape: Shape | int | None = None, skip_broken: bool = False
    ) -> FieldData:
        """See `open_cifar10`."""
        return open_cifar10(Path(self.place(spec)).expanduser())


def open_cifar10(place: Path) -> FieldData:
    """Read CIFAR-10.

    Args:
        place: A folder that holds `cifar-10-python.tar.gz` or its unpacked `cifar-10-batches-py`,
            or one of these itself.

    Returns:
        The pictures of the five training batches and of the test batch, in that order, uint8 RGB,
        32 × 32, named "cat 00017"; attributes are ten bool labels. A seeded tenth of the training
        pictures, at most 2,000, is for validation.

    Raises:
        ValueError: As `Archive.read`, or if a batch is truncated or no CIFAR-10 batch, or its
            pickle asks for anything but an array of bytes.

    Reference:
        Krizhevsky (2009). Learning multiple layers of features from tiny images.
    """
    batches = {name: _batch(data, name, place) for name, data in ARCHIVE.read(place).items()}
    pictures, labels = zip(*batches.values(), strict=True)
    counts = [len(part) for part in labels]
    splits = np.repeat(["test" if name == TEST else "train" for name in batches], counts)
    return labelled_pictures(
        np.concatenate(pictures), hold_out(splits), np.concatenate(labels), CLASSES
    )


def _batch(data: bytes, name: str, place: Path) -> tuple[np.ndarray, np.ndarray]:
    """Pictures, shape (S, 32, 32, 3), and labels, shape (S,), of one batch."""
    try:
        content = read_pickle(data)
        if not isinstance(content, dict):
            raise ValueError(f"it holds a {type(content).__name__}, no dictionary")
        # Keys are bytes as Python 2 wrote them, text where Python 3 wrote the batch anew.
        by_name = {k.decode() if isinstance(k, bytes) else k: v for k, v in content.items()}
        pixels = _pixels(by_name.get("data"))
        return pixels, _labels(by_name.get("labels"), len(pixels))
    except ValueError as error:
        raise ValueError(
            f"{place}: {name} is no batch of CIFAR-10: {error}. Expected a dictionary with 'data', "
            f"(S, 3072) bytes, and 'labels', S numbers from 0 to 9, as in {ARCHIVE.name} "
            f"({ARCHIVE.size:,} bytes) from {ARCHIVE.page}."
        ) from error


def _pixels(data: object) -> np.ndarray:
    values = data.values if isinstance(data, PickledArray) else None
    expected = CHANNELS * SIZE**2
    if values is None or values.ndim != 2 or values.shape[1] != expected or not len(values):
        found = f"no array ({type(data).__name__})" if values is None else f"shape {values.shape}"
        raise ValueError(f"its 'data' has {found}, where (S, {expected}) was expected")
    # A row is the red, then the green, then the blue picture, each row by row.
    return values.reshape(-1, CHANNELS, SIZE, SIZE).transpose(0, 2, 3, 1)


def _labels(labels: object, count: int) -> np.ndarray:
    if not isinstance(labels, list) or not all(type(k) is int for k in labels):
        raise ValueError("its 'labels' are no list of whole numbers")
    if len(labels) != count:
        raise ValueError(f"it holds {count} pictures but {len(labels)} labels")
    if not all(0 <= k < len(CLASSES) for k in labels):
        raise ValueError(f"its labels reach from {min(labels)} to {max(labels)}")
    return np.array(labels)
