"""Models, packaged sets and uploaded files: what a page opens, with limits and messages."""

from __future__ import annotations

import math
import re
import tempfile
import threading
import zipfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import final

import numpy as np

from mamba_diffae.benchmark.opened_model import PACKAGED, OpenedModel
from mamba_diffae.fields import FieldData, Shape, ValuesError, load_extra
from mamba_diffae.fields.cf.writing import NETCDF
from mamba_diffae.sources import open_field
from mamba_diffae.sources.array_files import SUFFIXES as ARRAYS
from mamba_diffae.sources.decoding import SUFFIXES as PICTURES
from mamba_diffae.studio.errors import UploadError
from mamba_diffae.studio.file_reading import how_read
from mamba_diffae.studio.words import UPLOADS

MODELS = ("emoji-96", "weather-96")
"""Models that come with the package."""
PICTURE_SETS = ("emoji", "grey-emoji", "photographs")
"""Packaged sets of 8-bit colour pictures."""
FIRST = "hamster face"
"""Field that a page begins with, where its fields have it: one that is known at a glance."""
UPLOAD_LIMIT = 32 * 2**20
"""Bytes of a file, at most."""
VALUE_LIMIT = 256 * 2**20
"""Bytes of the values that a file unfolds to, at most."""
CELL_LIMIT = 2**22
"""Cells of a field, at most."""
ENDINGS = (*PICTURES, *ARRAYS, *(ending for ending in NETCDF if ending != ".netcdf"))
"""Of the names of files that are read."""
_UNUSUAL = re.compile(r"[^\w .()+-]")


@final
@dataclass(frozen=True, eq=False)
class Source:
    """Fields that a page shows.

    Attributes:
        label: As the page names it.
        data: The fields, as the model takes them.
        packaged: Name for `open_field`, if it is a set that comes with the package.
        split: Split of the packaged set that `data` is.
        size: Cells that the packaged set was averaged to, if it was.
        file: Name of the file, without its folder, if it is one.
        note: How the file was read, in a sentence; "": as it is.
    """

    label: str
    data: FieldData
    packaged: str | None = None
    split: str | None = None
    size: Shape | None = None
    file: str | None = None
    note: str = ""

    @property
    def first(self) -> int:
        """Number of the field that is shown first."""
        names = list(self.data.names)
        return names.index(FIRST) if self.packaged and FIRST in names else 0


@final
class Library:
    """Models and packaged sets that all pages share: they are read, never changed.

    Args:
        models: Names of further models, which the page offers beside the packaged ones.
    """

    def __init__(self, models: tuple[str, ...] = ()) -> None:
        self.models = {label_of(name): name for name in (*models, *MODELS)}
        self._lock = threading.Lock()
        self._opened: dict[str, OpenedModel] = {}
        self._sets: dict[str, FieldData] = {}
        self._own_sets: dict[str, FieldData] = {}

    def model(self, name: str) -> OpenedModel:
        """A model by name, opened once.

        Raises:
            ValueError: As `FieldAutoencoder.from_pretrained`, or if its fields have not two axes.
        """
        with self._lock:
            if name not in self._opened:
                opened = OpenedModel.open(name, "auto")
                grid = opened.estimator.grid
                if grid.dim != 2:
                    raise ValuesError(
                        f"{name} is a model of fields on {grid.dim} axes ({', '.join(grid.names)});"
                        " the studio shows maps: give a model of fields on two axes, or use "
                        "mamba-diffae predict."
                    )
                self._opened[name] = opened
            return self._opened[name]

    def label(self, name: str) -> str:
        """How the page names a model or a source: without its folder."""
        return label_of(name)

    def fields(self, name: str) -> FieldData:
        """A packaged set, or another source of `open_field`, opened once.

        Raises:
            ValueError: As `open_field`.
        """
        with self._lock:
            if name not in self._sets:
                self._sets[name] = open_field(name)
            return self._sets[name]

    def sets(self, opened: OpenedModel) -> dict[str, str]:
        """Sets that a model can be tried on, its own first: names for `open_field` by label."""
        own = [] if opened.source is None else [opened.source]
        pictures = [v.limits for v in opened.estimator.variables] == 3 * [(0.0, 255.0)]
        return {label_of(name): name for name in (*own, *(PICTURE_SETS if pictures else ()))}

    def packaged(self, opened: OpenedModel, name: str | None = None) -> Source:
        """The test fields of a set, by default of what a model was trained on.

        Raises:
            ValueError: If the model does not say what that is, or they are of another kind than
                its fields; or as `open_field`.
        """
        is_own = name is None or name == opened.source
        if name is None or is_own:
            data = self._own(opened)
        else:
            data = _like(opened, self.fields(name), name)
        size = data.shape if is_own and opened.name not in PACKAGED else None
        name = name or opened.source or opened.name
        split = "test" if "test" in set(data.splits.tolist()) else None
        fields = data.split(split) if split else data
        return Source(label_of(name), fields, packaged=name, split=split, size=size)

    def _own(self, opened: OpenedModel) -> FieldData:
        """What a model was trained on, opened once, as its run says."""
        with self._lock:
            if opened.name not in self._own_sets:
                self._own_sets[opened.name] = opened.fields()[0]
            return self._own_sets[opened.name]


def _like(opened: OpenedModel, data: FieldData, name: str) -> FieldData:
    """The same fields, if their variables are those of the model."""
    theirs, ours = (
        ", ".join(f"{v.name} [{v.unit}]" if v.unit else v.name for v in variables)
        for variables in (data.variables, opened.estimator.variables)
    )
    if theirs != ours:
        raise ValuesError(
            f"{label_of(name)} holds the variables {theirs}, but {label_of(opened.name)} was "
            f"trained on {ours}; give fields of that kind."
        )
    return data


def label_of(name: str) -> str:
    """A name without its folder; a folder is told from what comes with the package.

    >>> label_of("runs/mine/"), label_of("weather:sectors"), label_of("runs/emoji-96")
    ('mine', 'weather:sectors', './emoji-96')
    >>> label_of("cifar10:data/c"), label_of("C:/data/mine")
    ('cifar10:c', 'mine')
    """
    kind, _, place = name.partition(":")
    if len(kind) > 1 and "/" in place:  # one letter is a drive
        return f"{kind}:{label_of(place)}"
    last = name.rstrip("/").rpartition("/")[2] or name
    return f"./{last}" if last != name and last in (*MODELS, *PICTURE_SETS) else last


def opened_upload(opened: OpenedModel, name: str, content: bytes) -> Source:
    """The fields of an uploaded file, as a model takes them; the file itself is not kept.

    Args:
        opened: The model.
        name: Of the file, as the browser says.
        content: Its bytes.

    Raises:
        UploadError: If it is too large, or of a kind that is not read.
        ValueError: If it cannot be read, or is of other fields than the model's.
    """
    shown, name = shown_name(name), checked_name(name)
    if len(content) > UPLOAD_LIMIT:
        raise too_large(shown, len(content))
    with tempfile.TemporaryDirectory(prefix=UPLOADS) as folder:
        path = Path(folder) / name
        path.write_bytes(content)
        return replace(opened_file(opened, path), label=shown, file=shown)


def opened_file(opened: OpenedModel, path: Path) -> Source:
    """The fields of a file, as a model takes them.

    Raises:
        UploadError: If its values are too many.
        ValueError: As `opened_upload`.
    """
    needed = _unfolded(path)
    if needed > VALUE_LIMIT:
        raise UploadError(
            f"{path.name} unfolds to {needed / 2**20:.0f} MB of values; the studio takes at most "
            f"{VALUE_LIMIT // 2**20} MB: give fewer snapshots, or use mamba-diffae predict."
        )
    data = opened.input(path)
    cells = math.prod(data.shape)
    if cells > CELL_LIMIT:
        raise UploadError(
            f"{path.name} holds fields of {data.grid.describe_shape()} cells; the studio takes at "
            f"most {CELL_LIMIT}: average them, or use mamba-diffae predict."
        )
    return Source(path.name, data, file=path.name, note=how_read(opened, path, data))


def shown_name(name: str) -> str:
    r"""The name of an uploaded file as the page shows it, without folders.

    >>> shown_name("C:\\maps\\sea <1>.nc")
    'sea <1>.nc'
    """
    last = re.split(r"[\\/]", name)[-1]
    return "".join(c for c in last if c.isprintable())[:80] or "file"


def checked_name(name: str) -> str:
    """A name to write an uploaded file under: without folders and unusual characters.

    >>> checked_name("maps/sea.nc"), checked_name("../<b>a.png")
    ('sea.nc', '_b_a.png')

    Raises:
        UploadError: If it ends as no file that is read.
    """
    last = re.split(r"[\\/]", name)[-1]
    stem, dot, ending = _UNUSUAL.sub("_", last).strip(". ").rpartition(".")
    if not dot or f".{ending.lower()}" not in ENDINGS:
        raise UploadError(
            f"{shown_name(name)} is no kind of file that the studio reads; give a picture "
            "(.png, .jpg, .webp), an array (.npy, .npz) or a NetCDF file (.nc)."
        )
    return f"{stem[:60]}.{ending}"


def too_large(name: str, size: int) -> UploadError:
    """The error of a file above the limit."""
    return UploadError(
        f"{name} has {size / 2**20:.0f} MB; the studio takes files up to "
        f"{UPLOAD_LIMIT // 2**20} MB: give a smaller one, or use mamba-diffae predict."
    )


def _unfolded(path: Path) -> int:
    """Bytes of the values in a file, from its headers alone."""
    if path.suffix.lower() == ".npz" and zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            return sum(part.file_size for part in archive.infolist())
    if path.suffix.lower() in NETCDF:
        from mamba_diffae.sources.netcdf import opened

        declared = _declared(path)
        if declared > VALUE_LIMIT:
            return declared
        with opened(path) as dataset:
            return dataset.nbytes  # packed values unfold to more than what is declared
    return path.stat().st_size


def _declared(path: Path) -> int:
    """Bytes of all that a NetCDF file declares; xarray reads coordinates as soon as it opens it."""
    netcdf = load_extra("netCDF4", path.name)
    try:
        with netcdf.Dataset(path) as dataset:
            groups, needed = [dataset], 0
            for group in groups:  # which grows
                groups += group.groups.values()
                for variable in group.variables.values():
                    size = 8 if variable.dtype is str else np.dtype(variable.dtype).itemsize
                    needed += math.prod(variable.shape) * size
            return needed
    except (OSError, RuntimeError):
        return 0  # whoever reads it says what is wrong with it
