"""Datasets and DataArrays of xarray as fields."""

from __future__ import annotations

import warnings
from collections.abc import Collection, Hashable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, ClassVar, final

import numpy as np

from mamba_diffae.fields import FieldData, Grid, Shape, ShapeError, Transform, canonical_order
from mamba_diffae.fields.cf.coordinates import Coordinates as CfCoordinates
from mamba_diffae.fields.cf.coordinates import coordinates
from mamba_diffae.fields.cf.decoded import chosen_variables, decoded, is_labelled, without_invalid
from mamba_diffae.fields.cf.quality import tell_ancillary, with_errors, with_quality
from mamba_diffae.fields.cf.roles import Dimension, dimensions, missing
from mamba_diffae.fields.rising import Order
from mamba_diffae.sources.arrays import fields_of
from mamba_diffae.sources.base import Source
from mamba_diffae.sources.coordinates import Coordinates, make_grid
from mamba_diffae.sources.covariates import read_covariates, without_covariates
from mamba_diffae.sources.gaps import Stack
from mamba_diffae.sources.layout import numbers
from mamba_diffae.sources.memory import check_memory
from mamba_diffae.sources.time_blocks import label_snapshots

if TYPE_CHECKING:
    from xarray import DataArray, Dataset

_PART = (
    "data.isel(time=slice(None, None, 10)) or averages over blocks of cells, which xarray makes "
    'chunk by chunk: xarray.open_dataset(path, chunks={}).coarsen(lat=4, lon=4, boundary="trim")'
    ".mean()"
)


@final
class LabelledSource(Source):
    """A Dataset or DataArray of xarray; see `from_xarray`."""

    form: ClassVar[str] = "an xarray Dataset or DataArray"

    def matches(self, spec: object) -> bool:
        """See `Source.matches`."""
        return is_labelled(spec)

    def open(
        self,
        spec: Dataset | DataArray,
        *,
        shape: Shape | int | None = None,
        skip_broken: bool = False,
        variable: str | Sequence[str] | None = None,
        snapshot_dim: str | None = None,
        dims: Mapping[str, str] | None = None,
        periodic: Collection[str] | None = None,
        noise: str | Sequence[str] | None = None,
        quality: str | Sequence[str] | None = None,
        covariates: str | Sequence[str] | None = None,
    ) -> FieldData:
        """See `from_xarray`."""
        given = {"variable": variable, "snapshot_dim": snapshot_dim, "noise": noise}
        about = {"dims": dims, "periodic": periodic, "quality": quality, "covariates": covariates}
        return from_xarray(spec, **given, **about)


def from_xarray(
    data: Dataset | DataArray,
    what: str = "The data set",
    *,
    variable: str | Sequence[str] | None = None,
    snapshot_dim: str | None = None,
    dims: Mapping[str, str] | None = None,
    periodic: Collection[str] | None = None,
    noise: str | Sequence[str] | None = None,
    quality: str | Sequence[str] | None = None,
    covariates: str | Sequence[str] | None = None,
    transforms: Mapping[str, str | Transform] | str | Transform | None = None,
) -> FieldData:
    """Take variables of an xarray object as a stack of fields.

    What dimensions are is recognised by the CF attributes of their coordinates (`standard_name`,
    `axis`, `units`), else by their names. The order and the direction of dimensions do not matter:
    axes are put in the canonical order and rise. What is chosen is computed, if it is lazy.

    Args:
        data: With fill values and packing decoded or not.
        what: The name to use in messages.
        variable: Name or names; None: the only one that may be a field.
        snapshot_dim: The dimension along which snapshots lie; None: time, where there is such a
            dimension, which is said.
        dims: Names of axes by dimensions, such as {"Y": "lat"}, where they are not recognised.
        periodic: Names of the axes that close; None: longitudes once round the globe do.
        noise: Name of the variable that holds the standard deviation of the errors, one for each
            variable; values without one are gaps.
        quality: Conditions that a value must fulfil, such as "quality_level >= 4", see
            `with_quality`; others are gaps.
        covariates: Names of variables that are known everywhere, such as "elevation", along all or
            some of the dimensions; "season" and "hour" are made of the times of the snapshots,
            unless there are such variables.
        transforms: See `from_array`.

    Returns:
        The fields. Snapshots along time are named by date and split by blocks of it, see
        `label_snapshots`; others as in `from_array`.

    Raises:
        MissingExtraError: If a package of the extra `fields` is missing.
        ValueError: If a variable or dimension does not exist, variables differ in their dimensions,
            latitude and longitude are two-dimensional, or as `from_array`.
    """
    dataset = decoded(data)
    names = chosen_variables(without_covariates(dataset, variable, covariates), variable, what)
    sizes = _sizes(dataset, names, snapshot_dim, what)
    found = dimensions(dataset, sizes, dims or {})
    snapshots, along = _parted(found, sizes, snapshot_dim, what)
    _check_horizontal(dataset, along)
    along = [along[d] for d in canonical_order([dimension.axis for dimension in along])]
    tell_ancillary(dataset, names, noise=bool(noise), quality=bool(quality), what=what)
    dataset, errors = with_errors(dataset, names, noise, what) if noise else (dataset, [])
    dataset, checks = with_quality(dataset, names, quality, what) if quality else (dataset, [])
    chosen = [*names, *errors, *checks]
    given = [coordinates(dimension, dataset) for dimension in along]
    order = [*([] if snapshots is None else [snapshots.name]), *(d.name for d in along)]
    both = list(zip(along, given, strict=True))
    falls = {d.name: c.order for d, c in both if c is not None and c.order is not None}
    known = None
    if covariates is not None:
        known = read_covariates(dataset, covariates, snapshots, order, falls, what)
    stack = _stack(dataset, chosen, snapshots, order, falls, what)
    grid = _grid(stack.values.shape[1:-1], both, periodic, what)
    if snapshot_dim is None:
        _say(names, snapshots, len(stack.values), grid, what)
    stack = stack.with_quality(len(names), what) if checks else stack
    stack = stack.with_noise(len(names), what) if errors else stack
    units = {str(n): str(dataset[n].attrs.get("units", "")) for n in names}
    label = partial(label_snapshots, snapshots)
    about = {"label": label, "covariates": known, "what": what}
    return fields_of(stack, grid, list(units), units, transforms, **about)


def _sizes(
    dataset: Dataset, names: Sequence[Hashable], snapshot_dim: str | None, what: str
) -> Mapping[Hashable, int]:
    """The dimensions of the variables, which must be the same, and their lengths.

    Raises:
        ShapeError: If they do not, one is empty, or the dimension of the snapshots does not exist.
    """
    first = dataset[names[0]]
    for name in names[1:]:
        if set(dataset[name].dims) != set(first.dims):
            raise ShapeError(
                f"{what}: {name!s} has the dimensions {', '.join(map(str, dataset[name].dims))}, "
                f"but {names[0]!s} has {', '.join(map(str, first.dims))}; open them one by one, or "
                "give variables of the same dimensions."
            )
    if snapshot_dim is not None and snapshot_dim not in first.dims:
        raise missing("snapshot dimension", snapshot_dim, first.dims, f"{what}, {names[0]!s},")
    if empty := [str(dim) for dim, length in first.sizes.items() if not length]:
        raise ShapeError(
            f"{what}: {names[0]!s} has nothing along {', '.join(empty)}; give data with one "
            "coordinate or more along each dimension."
        )
    return first.sizes


def _parted(
    found: Sequence[Dimension],
    sizes: Mapping[Hashable, int],
    snapshot_dim: str | None,
    what: str,
) -> tuple[Dimension | None, list[Dimension]]:
    """The dimension of the snapshots, and those of the axes: all others longer than 1.

    Raises:
        ShapeError: If the axes are none, more than three, or members of an ensemble.
    """
    if snapshot_dim is None:
        snapshots = next((d for d in found if d.role == "time"), None)
    else:
        snapshots = next(d for d in found if d.name == snapshot_dim)
    along = [d for d in found if d is not snapshots and sizes[d.name] > 1]
    members = [d for d in along if d.role == "member"]
    if members or not 1 <= len(along) <= 3:
        example = str(members[0].name if members else (along or found)[0].name)
        raise ShapeError(
            f"{what} has the dimensions {', '.join(str(d.name) for d in found)}"
            f"{f', the snapshots lie along {snapshots.name!s}' if snapshots else ''}; expected one "
            "to three axes of space beside the snapshots. Select one of the others, "
            f'data.isel({example}=0), or take it for the snapshots, snapshot_dim="{example}".'
        )
    return snapshots, along


def _check_horizontal(dataset: Dataset, along: Sequence[Dimension]) -> None:
    """Refuse cells whose places are known by two-dimensional latitude and longitude alone.

    Raises:
        ShapeError: As said.
    """
    bare = [d.name for d in along if d.coordinate is None]
    flat = [
        str(name)
        for name, c in dataset.coords.items()
        if c.ndim == 2 and set(c.dims) <= {d.name for d in along} and set(c.dims) & set(bare)
    ]
    if flat:
        raise ShapeError(
            f"The dimensions {', '.join(map(str, bare))} have no coordinates of their own, and "
            f"{', '.join(flat)} are two-dimensional: the grid is curvilinear. Give the projected "
            f"coordinates, data.assign_coords({bare[0]!s}=...), interpolate to latitudes and "
            "longitudes, or give each cell as a point, Observations.from_points; to ignore them, "
            f"data.drop_vars({flat})."
        )


def _stack(
    dataset: Dataset,
    names: Sequence[Hashable],
    snapshots: Dimension | None,
    order: Sequence[Hashable],
    falls: Mapping[Hashable, Order],
    what: str,
) -> Stack:
    """Values with their axes in an order, those that fall turned to rise."""
    chosen = dataset[list(names)]
    check_memory(chosen.nbytes, what, part=_PART)
    chosen = chosen.compute()
    parts = []
    for name in names:
        array = without_invalid(chosen[name], what).squeeze(set(chosen[name].dims) - set(order))
        part = numbers(_plain(array.transpose(*order).isel(falls).values), f"{what}, {name!s},")
        parts.append(part if snapshots is not None else part[None])
    return Stack.of(np.stack(parts, axis=-1), with_variables=True)


def _grid(
    shape: tuple[int, ...],
    along: Sequence[tuple[Dimension, CfCoordinates | None]],
    periodic: Collection[str] | None,
    what: str,
) -> Grid:
    """The grid of dimensions and their coordinates; of one without them, its number of cells."""
    axes: dict[str, Coordinates] = {}
    units: dict[str, str] = {}
    for (dimension, c), cells in zip(along, shape, strict=True):
        axes[dimension.axis] = cells if c is None else c.centres if c.edges is None else c.edges
        if c is not None and c.unit is not None:
            units[dimension.axis] = c.unit
    return make_grid(shape, axes, units, periodic, what)[0]


def _plain(values: np.ndarray) -> np.ndarray:
    """Truth values as 0 and 1."""
    return values.astype(np.uint8) if values.dtype == bool else values


def _say(
    names: Sequence[Hashable], snapshots: Dimension | None, count: int, grid: Grid, what: str
) -> None:
    """How the dimensions were read, since nobody told it."""
    along = "as one snapshot"
    if snapshots is not None:
        along = f"as {count} snapshots along {snapshots.name!s}"
    warnings.warn(
        f"{what}: {', '.join(map(str, names))} is taken {along}, each of {grid.describe_shape()} "
        f"cells: {grid.describe_region()}. If that is wrong, give snapshot_dim= and dims=; give "
        "snapshot_dim=, and this is not said.",
        stacklevel=5,
    )
