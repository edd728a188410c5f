"""Fields and predictions as data sets of xarray, with CF metadata."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

import numpy as np

from mamba_diffae.fields.axis import Axis
from mamba_diffae.fields.cf.roles import usual_role
from mamba_diffae.fields.data import FieldData
from mamba_diffae.fields.errors import AxisError
from mamba_diffae.fields.extras import load_extra
from mamba_diffae.fields.grid import Grid

if TYPE_CHECKING:
    from xarray import DataArray, Dataset

    from mamba_diffae.fields.prediction import Prediction

CONVENTIONS = "CF-1.11"
SNAPSHOT, POINT = "snapshot", "point"
"""Names of dimensions: of fields that are no times, and of places that lie on no grid."""
REALIZATION, QUANTILE = "realization", "quantile"
"""Names of the dimensions of draws and of quantiles."""
_AXES = {"time": "T", "vertical": "Z", "latitude": "Y", "longitude": "X", "north": "Y", "east": "X"}
_STANDARD = ("latitude", "longitude", "time")
_DATE = re.compile(r"\d{4}-\d{2}")
_MEAN = "realization: mean"


def field_dataset(data: FieldData) -> Dataset:
    """Snapshots as a data set; gaps are NaN.

    >>> from mamba_diffae.fields import Variable
    >>> data = FieldData([Variable("sst", "degC")], Grid.default((2, 3)), np.zeros((4, 2, 3, 1)))
    >>> dict(field_dataset(data).sizes)
    {'snapshot': 4, 'y': 2, 'x': 3}

    Args:
        data: Snapshots named by dates of the common calendar lie along `time`, others along
            `snapshot`.

    Raises:
        MissingExtraError: If a package of the extra `fields` is missing.
    """
    xarray = load_extra("xarray", "A data set")
    along, labels = _snapshots(data.names)
    found = {}
    for c, variable in enumerate(data.variables):
        values = data.values[..., c]
        known = data.valid_mask()[..., c]
        if not known.all():
            kind = values.dtype if values.dtype.kind == "f" else np.float32
            values = np.where(known, values, np.nan).astype(kind)
        attributes = {"units": variable.unit} if variable.unit else {}
        found[variable.name] = ((along, *data.grid.names), values, attributes)
    dataset = xarray.Dataset(found, {along: labels, **grid_coords(data.grid)})
    return with_history(dated(dataset), "fields")


def prediction_dataset(prediction: Prediction) -> Dataset:
    """A prediction as a data set; see `Prediction.to_xarray`."""
    xarray = load_extra("xarray", "A prediction as a data set")
    grid, C = prediction.grid, prediction.mean.shape[-1]
    dims = (SNAPSHOT, *((POINT,) if grid is None else grid.names))
    coords: dict[str, Any] = {} if grid is None else grid_coords(grid)
    stated = prediction.stated_std is not None or len(prediction.draws) > 1
    names = [v.name for v in prediction.variables] or [f"v{c}" for c in range(C)]
    units = [v.unit for v in prediction.variables] or [""] * C
    found: dict[str, Any] = {}
    for c, (name, unit) in enumerate(zip(names, units, strict=True)):
        same = {"units": unit} if unit else {}
        found[name] = (dims, prediction.mean[..., c], same | {"cell_methods": _MEAN})
        if stated:
            method = {"cell_methods": "realization: standard_deviation"}
            found[f"{name}_std"] = (dims, prediction.std[..., c], same | method)
            found[name][2]["ancillary_variables"] = f"{name}_std"
        if prediction.quantiles is not None:
            values = prediction.quantiles[..., c]
            found[f"{name}_quantiles"] = ((QUANTILE, *dims), values, dict(same))
        if len(prediction.draws):
            found[f"{name}_draws"] = ((REALIZATION, *dims), prediction.draws[..., c], dict(same))
    if prediction.quantiles is not None:
        about = {"long_name": "probability that a value is not exceeded", "units": "1"}
        coords[QUANTILE] = (QUANTILE, np.array(prediction.levels), about)
    if len(prediction.draws):
        about = {"standard_name": "realization", "units": "1"}
        coords[REALIZATION] = (REALIZATION, np.arange(len(prediction.draws)), about)
    if prediction.familiarity is not None:
        about = {"long_name": "p-value of the field under the training fields", "units": "1"}
        found["familiarity"] = (SNAPSHOT, prediction.familiarity, about)
    return with_history(dated(xarray.Dataset(found, coords)), "prediction")


def with_snapshots(dataset: Dataset, names: Sequence[str]) -> Dataset:
    """A prediction as a data set, with the names of its fields; dates lie along `time`.

    Args:
        dataset: From `prediction_dataset`.
        names: Of its fields, as in `FieldData`.
    """
    along, labels = _snapshots(names)
    return dataset.rename({} if along == SNAPSHOT else {SNAPSHOT: along}).assign_coords(
        {along: labels}
    )


def grid_coords(grid: Grid) -> dict[str, Any]:
    """Coordinates of a grid's axes, with the bounds of cells that their centres do not tell."""
    found: dict[str, Any] = {}
    for axis in grid.axes:
        role = usual_role(axis.name)
        about = {"units": axis.unit} if axis.unit else {}
        about |= {"axis": _AXES[role]} if role in _AXES else {}
        about |= {"standard_name": role} if role in _STANDARD else {}
        centres = _centres(axis)
        if centres is None:
            name = f"{axis.name}_bnds"
            pairs = np.stack([axis.edges[:-1], axis.edges[1:]], axis=-1)
            found[name] = ((axis.name, "nv"), pairs)
            about["bounds"] = name
        found[axis.name] = (axis.name, axis.centres if centres is None else centres, about)
    return found


def _centres(axis: Axis) -> np.ndarray | None:
    """Coordinates between which the edges lie half-way, shape (n,); None: there are none."""
    candidates = [axis.centres]
    if axis.is_latitude:
        # Cells around the poles themselves end there.
        polar = axis.centres.copy()
        polar[0] = axis.low if axis.low == -90 else polar[0]
        polar[-1] = axis.high if axis.high == 90 else polar[-1]
        candidates.insert(0, polar)
    for centres in candidates:
        try:
            edges = Axis.from_centres(axis.name, centres, axis.unit).edges
        except AxisError:
            continue
        if np.allclose(edges, axis.edges, rtol=0, atol=1e-9 * axis.span):
            return centres
    return None


def _snapshots(names: Sequence[str]) -> tuple[str, np.ndarray]:
    """Name and coordinate of the dimension of snapshots."""
    if all(_DATE.match(name) for name in names):
        try:
            return "time", np.array(names, dtype="datetime64[ns]")
        except ValueError:  # of another calendar
            pass
    return SNAPSHOT, np.array(names)


def dated(dataset: Dataset) -> Dataset:
    """With coordinates "since" a date as dates."""
    raw = [
        k for k, v in dataset.coords.items() if " since " in str(v.attrs.get("units", ""))
    ]  # fmt: skip
    if not raw:
        return dataset
    decode = load_extra("xarray", "A data set").decode_cf
    return dataset.assign_coords(decode(dataset[raw], decode_timedelta=False).coords)


def with_history(dataset: Dataset, what: str) -> Dataset:
    """With a line more in the history, and the conventions, of CF section 2.6."""
    try:
        number = version("mamba-diffae")
    except PackageNotFoundError:  # a checkout that is not installed
        number = "(unknown version)"
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    line, before = f"{now}: {what} of mamba-diffae {number}", dataset.attrs.get("history", "")
    history = f"{before}\n{line}" if before else line
    conventions = dataset.attrs.get("Conventions", CONVENTIONS)
    return dataset.assign_attrs(history=history, Conventions=conventions)


def described(array: DataArray, like: DataArray | None) -> DataArray:
    """With the attributes of another one that hold for it too; its own come first."""
    if like is None:
        return array
    attributes = {k: v for k, v in like.attrs.items() if k not in _OF_VALUES}
    methods = " ".join(
        a["cell_methods"] for a in (attributes, array.attrs) if "cell_methods" in a
    )  # fmt: skip
    merged = attributes | array.attrs | ({"cell_methods": methods} if methods else {})
    return array.assign_attrs(merged)


_OF_VALUES = ("valid_min", "valid_max", "valid_range", "actual_range", "ancillary_variables")
"""Attributes that hold for the values of one variable alone."""
