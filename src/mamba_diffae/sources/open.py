"""One door: whatever the source, fields come out."""

from __future__ import annotations

import difflib
import inspect
import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mamba_diffae.fields import FieldData, FieldError, Shape, ShapeError
from mamba_diffae.registry import Registry
from mamba_diffae.sources.base import Source
from mamba_diffae.sources.decoding import SUFFIXES

_HERE = "mamba_diffae.sources"
SOURCES: Registry[type[Source]] = Registry(
    "source",
    "mamba_diffae.sources",
    {
        "emoji": f"{_HERE}.embedded:EmojiSource",
        "weather": f"{_HERE}.weather:WeatherSource",
        "weather windows": f"{_HERE}.weather:WeatherWindowsSource",
        "weather sectors": f"{_HERE}.weather:WeatherSectorsSource",
        "turbulence": f"{_HERE}.turbulence:TurbulenceSource",
        "gaussian": f"{_HERE}.families:GaussianSource",
        "fronts": f"{_HERE}.families:FrontsSource",
        "plateaus": f"{_HERE}.families:PlateausSource",
        "two variables": f"{_HERE}.families:TwoVariablesSource",
        "grey emoji": f"{_HERE}.sample_pictures:GreyEmojiSource",
        "photographs": f"{_HERE}.sample_pictures:PhotographsSource",
        "cifar10": f"{_HERE}.cifar10:Cifar10Source",
        "stl10": f"{_HERE}.stl10:Stl10Source",
        "hf": f"{_HERE}.hub:HubSource",
        "netcdf": f"{_HERE}.netcdf:NetcdfSource",
        "xarray": f"{_HERE}.labelled:LabelledSource",
        "image folder": f"{_HERE}.folders:FolderSource",
        "array file": f"{_HERE}.array_files:ArrayFileSource",
        "array": f"{_HERE}.arrays:ArraySource",
    },
)
"""Kinds of outside data; see `Source`."""
PATHS = ("image folder", "array file")
"""Asked last, so that sources of other packages may have folders and files of their own."""


def open_field(
    source: object,
    *,
    size: int | Sequence[int] | None = None,
    skip_broken: bool = False,
    **options: Any,
) -> FieldData:
    """Open fields, whatever they are kept in.

    >>> data = open_field("gaussian:smooth:6")
    >>> data.values.shape, data.grid.names
    ((6, 32, 32, 1), ('y', 'x'))

    Args:
        source: "emoji" (the embedded picture set; a folder of that name is "./emoji"); "weather",
            "weather:windows" or "weather:sectors" (a week of the ERA5 reanalysis); generated
            fields: "turbulence", "gaussian:rough", "gaussian:medium", "gaussian:smooth", "fronts",
            "plateaus" or "two-variables", each with ":COUNT" behind it for another number than 200;
            pictures to try methods on: "grey-emoji", "photographs" (needs scikit-image);
            "cifar10:DIR" or "stl10:DIR", DIR holding the published archive or its unpacked folder;
            "hf:NAME", an image data set of the Hugging Face hub (extra `data`); the path of a
            folder of PNG, JPEG or WebP pictures, or of a .npy or .npz file; an array (see
            `from_array`); FieldData, returned as they are; or what a source of another package
            takes. A .npz file holds the fields as `values` and may hold `axis_names` in their
            order, such as ["lat", "lon"], the coordinates of each axis under its name, `mask`,
            `variables`, `units` and `periodic` (see `from_array`). With the extra `fields` also the
            path of a NetCDF file (.nc, .nc4, .cdf) or a Zarr store, or an xarray Dataset or
            DataArray.
        size: Cells along each axis, or along the longest axis alone, by area average; None: the
            native ones.
        skip_broken: In an image folder or hf:NAME, skip pictures that cannot be decoded, with a
            warning.
        options: What else this kind of source takes: NetCDF, Zarr and xarray `variable`,
            `snapshot_dim`, `dims`, `periodic`, `noise`, `quality` and `covariates` (see
            `from_xarray`).

    Returns:
        The fields, in their own units.

    Raises:
        ValueError: If the source is unknown, empty or damaged, takes no such option, or `size` is
            above the native one.
    """
    shape = _checked(size)
    if isinstance(source, FieldData):
        _check_options(options, (), "FieldData")
        data = source
    else:
        found = _matching(source)
        _check_options(options, inspect.signature(found.open).parameters, found.form)
        data = found.open(source, shape=shape, skip_broken=skip_broken, **options)
    if shape is None:
        return data
    wanted = data.grid.scaled_shape(shape) if isinstance(shape, int) else shape
    return data if wanted == data.shape else data.at(wanted)


def canonical_source(source: str) -> str:
    """The same source by a name that holds in any working folder."""
    found = next((s for s in _sources() if s.matches(source)), None)
    return found.canonical(source) if found else str(Path(source).expanduser().resolve())


def _checked(size: int | Sequence[int] | None) -> Shape | int | None:
    if size is None:
        return None
    shape = tuple(size) if isinstance(size, Sequence) else (size,)
    if not shape or not all(isinstance(n, int | np.integer) and n >= 1 for n in shape):
        raise ShapeError(
            f"size is {size!r}; give cells along the longest axis, 1 or more, or one such number "
            "for each axis."
        )
    counts = tuple(int(n) for n in shape)
    return counts[0] if isinstance(size, int | np.integer) else counts


def _check_options(given: Iterable[str], taken: Iterable[str], form: str) -> None:
    """Refuse options that a kind of source does not take, with those that it does."""
    own = [name for name in taken if name not in ("self", "spec", "shape", "skip_broken")]
    for name in given:
        if name not in own:
            takes = f"it takes {', '.join(own)}" if own else "it takes none"
            raise FieldError(f"A source of the kind {form} takes no option {name!r}; {takes}.")


def _sources() -> Iterator[Source]:
    """One of each kind, in the order in which they are asked."""
    for name in sorted(SOURCES.names(), key=lambda name: name in PATHS):
        yield SOURCES.get(name)()


def _matching(source: object) -> Source:
    """The source for what a user gave; an error that says what can be given if there is none."""
    if isinstance(source, str) and not source.strip():  # as a path it would be the working folder
        raise FieldError("The source is an empty name; give '.' for the pictures in this folder.")
    sources = []
    for candidate in _sources():
        if candidate.matches(source):
            return candidate
        sources.append(candidate)
    forms = [s.form for s in sources]
    allowed = f"{', '.join(forms)} or FieldData"
    if not isinstance(source, str | os.PathLike):
        raise FieldError(f"A source of type {type(source).__name__} is unknown; give {allowed}.")
    path = Path(source).expanduser()
    if not path.exists():
        names = (name for form in forms for name in form.split(", "))
        hint = _nearest(path, [name.strip("'") for name in names])
        raise FieldError(f"The source {str(source)!r} is unknown; give {allowed}.{hint}")
    if path.suffix.lower() in SUFFIXES:
        raise FieldError(
            f"{path} is one picture; give the folder that holds it, or use open_picture."
        )
    raise FieldError(f"{path} is no kind of file that is read; give {allowed}.")


def _nearest(path: Path, forms: Sequence[str]) -> str:
    """A hint at the name or the neighbouring path that was probably meant."""
    siblings = path.parent.iterdir() if path.parent.is_dir() else []
    names = [*forms, *(str(sibling) for sibling in siblings)]
    close = difflib.get_close_matches(str(path), names, n=1, cutoff=0.6)
    return f" Did you mean {close[0]!r}?" if close else ""
