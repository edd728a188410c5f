"""Image data sets of the Hugging Face hub, by name, through the extra `data`."""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any, ClassVar, final

import numpy as np

from mamba_diffae.fields import FieldData, Shape
from mamba_diffae.sources.base import PrefixedSource
from mamba_diffae.sources.classes import labelled_pictures
from mamba_diffae.sources.decoding import File
from mamba_diffae.sources.pictures import read_pictures
from mamba_diffae.sources.splits import fill_splits

OLDEST = 4
"""Major version of `datasets` from which on a data set brings no code that would be run."""
SPLITS = {
    "train": "train", "training": "train", "test": "test", "testing": "test",
    "validation": "val", "valid": "val", "val": "val", "dev": "val",
}  # fmt: skip
"""Names of published splits, and what they are here."""


@final
class HubSource(PrefixedSource):
    """A data set of the Hugging Face hub by its name, or a local folder of such files."""

    kind: ClassVar[str] = "hf"
    form: ClassVar[str] = "hf:NAME"

    def open(
        self, spec: str, *, shape: Shape | int | None = None, skip_broken: bool = False
    ) -> FieldData:
        """See `open_hub`."""
        return open_hub(self.place(spec), shape, skip_broken)

    def canonical(self, spec: str) -> str:
        """See `Source.canonical`: a name of the hub holds anywhere, a folder's does not."""
        is_local = Path(self.place(spec)).expanduser().exists()
        return super().canonical(spec) if is_local else spec


def open_hub(name: str, shape: Shape | int | None = None, skip_broken: bool = False) -> FieldData:
    """Read the pictures of a Hugging Face data set; no code of a data set is ever run.

    Args:
        name: Of the data set, such as "uoft-cs/cifar10"; or a folder of such files, or one that
            `save_to_disk` wrote.
        shape: As in `read_pictures`.
        skip_broken: Leave out pictures that cannot be decoded, with one warning that counts them.

    Returns:
        The pictures of the first column of images, uint8 RGB, named by the first column of classes
        where there is one, as "cat 00017", with a bool label for each class. Splits are the
        published ones, completed by `fill_splits` where one lacks.

    Raises:
        ValueError: If `datasets` is not installed, the data set is not found or holds no pictures,
            there is no network, or as `read_pictures`.
    """
    rows, given, image, label = _rows(_library(name), name)
    names = [f"hf:{name}, {split} {i}" for i, split in enumerate(given)]
    place = {name: i for i, name in enumerate(names)}

    def find(picture: str) -> File:
        return _file(rows[place[picture]][image])

    pictures = read_pictures(names, find, f"hf:{name}", shape, skip_broken)
    kept = np.array([place[picture] for picture in pictures])
    labels, classes = _labels(rows, label)
    splits = fill_splits(given[kept], list(pictures))
    return labelled_pictures(np.stack(list(pictures.values())), splits, labels[kept], classes)


def _library(name: str) -> Any:
    """The package `datasets`, which is loaded only here."""
    mend = "install it with: pip install 'mamba-diffae[data]'"
    try:
        datasets = importlib.import_module("datasets")
    except ImportError as error:
        raise ValueError(f"hf:{name} needs the package datasets; {mend}.") from error
    version = getattr(datasets, "__version__", "0")  # a folder of that name has none
    if int(version.partition(".")[0]) < OLDEST:
        raise ValueError(
            f"hf:{name} needs the package datasets {OLDEST} or newer, which runs no code that "
            f"comes with data, and {version} was found; {mend}."
        )
    return datasets


def _load(datasets: Any, name: str) -> Any:
    """What `datasets` loads: parts by the names of their splits, or one part."""
    path = Path(name).expanduser()
    try:
        if any((path / mark).is_file() for mark in ("dataset_dict.json", "state.json")):
            return datasets.load_from_disk(str(path))
        return datasets.load_dataset(str(path) if path.is_dir() else name)
    # Networks, caches, tables and servers fail in many ways; all of them end here.
    except Exception as error:
        why = " ".join(str(error).split()) or type(error).__name__
        raise ValueError(
            f"hf:{name} cannot be loaded ({why}). Check the name; without a network give a local "
            "path: the folder of the pictures as PNG, JPEG or WebP files, or hf:FOLDER after "
            f"datasets.load_dataset({name!r}).save_to_disk(FOLDER) where there is a network."
        ) from error


def _rows(datasets: Any, name: str) -> tuple[Any, np.ndarray, str, str | None]:
    """Rows of all parts with undecoded pictures, their splits, and the columns of both kinds."""
    parts = _splits(_load(datasets, name), name)
    features = next(iter(parts.values())).features
    image, label = (_column(features, kind) for kind in (datasets.Image, datasets.ClassLabel))
    if image is None:
        raise ValueError(
            f"hf:{name} holds no column of images, only {', '.join(features)}; give a data set of "
            "pictures, or the folder of the picture files."
        )
    columns = [image] if label is None else [image, label]
    rows = datasets.concatenate_datasets([part.select_columns(columns) for part in parts.values()])
    rows = rows.cast_column(image, datasets.Image(decode=False))  # decoded here, with our limits
    kinds = [SPLITS.get(split.lower(), "train") for split in parts]
    return rows, np.repeat(kinds, [len(part) for part in parts.values()]), image, label


def _splits(loaded: Any, name: str) -> dict[str, Any]:
    """The parts whose names say what they are for, or all of them where none does."""
    parts = dict(loaded) if isinstance(loaded, Mapping) else {"train": loaded}
    known = {split: part for split, part in parts.items() if split.lower() in SPLITS}
    if known and len(known) < len(parts):
        left = ", ".join(sorted(set(parts) - set(known)))
        warnings.warn(f"hf:{name}: the splits {left} are left out.", stacklevel=3)
    return known or parts


def _column(features: Mapping[str, Any], kind: type) -> str | None:
    """The first column of a kind."""
    return next((name for name, feature in features.items() if isinstance(feature, kind)), None)


def _labels(rows: Any, column: str | None) -> tuple[np.ndarray, Sequence[str]]:
    """The class of each row, -1 where it has none, and the names of the classes."""
    if column is None:
        return np.full(len(rows), -1), ()
    given = [-1 if label is None else label for label in rows[column]]
    return np.array(given), rows.features[column].names


def _file(cell: Mapping[str, Any] | None) -> File:
    """Where an undecoded picture is; empty bytes for none."""
    if cell is None or cell["bytes"] is not None:
        return BytesIO(cell["bytes"] if cell else b"")
    return Path(cell["path"])
