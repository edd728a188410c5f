"""An xarray object as a data set whose values are in their units, with gaps as NaN."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Hashable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from mamba_diffae.fields.cf.roles import missing
from mamba_diffae.fields.errors import FieldError, ValuesError
from mamba_diffae.fields.extras import load_extra

if TYPE_CHECKING:
    from typing_extensions import TypeIs
    from xarray import DataArray, Dataset

UNNAMED = "value"
"""Name of the variable of a DataArray that has none."""
_ENCODED = ("scale_factor", "add_offset", "_FillValue", "missing_value")
"""Attributes that only values have which are not decoded."""
_NO_FIELDS = ("flag_values", "flag_masks", "flag_meanings", "grid_mapping_name")
"""Attributes of variables that hold no field."""
_POINTERS = ("bounds", "climatology", "ancillary_variables", "grid_mapping", "cell_measures")
"""Attributes that name variables which serve another one."""


def is_labelled(given: object) -> TypeIs[Dataset | DataArray]:
    """Whether this is an xarray object; xarray is not imported for it."""
    xarray = sys.modules.get("xarray")  # in another thread perhaps not imported to its end
    kinds = getattr(xarray, "Dataset", None), getattr(xarray, "DataArray", None)
    return any(isinstance(given, kind) for kind in kinds if kind is not None)


def decoded(given: Dataset | DataArray) -> Dataset:
    """A data set in which packed values, fill values and times are decoded.

    Args:
        given: A DataArray becomes a data set of one variable.

    Raises:
        ValuesError: If what its attributes say cannot be followed.
    """
    xarray = load_extra("xarray", "An xarray object")
    if isinstance(given, xarray.DataArray):
        name = UNNAMED if given.name is None or given.name in given.coords else given.name
        given = given.to_dataset(name=name)
    dataset: Any = given
    raw = any(
        any(key in v.attrs for key in _ENCODED) or _is_raw_time(v.attrs, v.dtype)
        for v in dataset.variables.values()
    )
    if not raw:
        return dataset
    try:
        return xarray.decode_cf(dataset, decode_timedelta=False)
    # Attributes may say anything; xarray answers what it cannot follow with many kinds of error.
    except Exception as error:
        why = " ".join(str(error).split())[:300]
        raise ValuesError(
            f"The times or packed values of a data set cannot be decoded ({why}); correct the "
            f"attributes units, calendar, {', '.join(_ENCODED)}, or give it decoded."
        ) from error


def _is_raw_time(attributes: dict[Any, Any], dtype: np.dtype) -> bool:
    return dtype.kind in "iuf" and " since " in str(attributes.get("units", ""))


def chosen_variables(
    dataset: Dataset, variable: str | Sequence[str] | None, what: str
) -> list[Hashable]:
    """Names of the variables that are wanted.

    Args:
        dataset: That holds them.
        variable: One or several names; None: the only variable that may be a field.
        what: The name to use in messages.

    Raises:
        ShapeError: If one does not exist; it names the nearest.
        FieldError: If none was named and there is not exactly one.
        ValuesError: If a variable that was named holds no numbers.
    """
    fields = _may_be_fields(dataset)
    if variable is None:
        if len(fields) != 1:
            listed = ", ".join(map(str, fields))
            raise FieldError(
                f"{what} holds {len(fields)} variables that may be fields ({listed}); name those "
                f'that are meant: variable="{fields[0]}".'
                if fields
                else f"{what} holds no variable of numbers along a dimension; it holds "
                f"{', '.join(map(str, dataset.data_vars)) or 'none at all'}."
            )
        return fields
    wanted = [variable] if isinstance(variable, str) else list(variable)
    if not wanted or len(set(wanted)) < len(wanted):
        raise FieldError(f"variable is {variable!r}; name one or more variables, each once.")
    for name in wanted:
        if name not in dataset.variables:
            raise missing("variable", name, fields or list(dataset.data_vars), what)
        if dataset[name].dtype.kind not in "iufb":
            raise ValuesError(
                f"The variable {name!r} of {what} has the type {dataset[name].dtype}; expected "
                "numbers."
            )
    return list(wanted)


def _may_be_fields(dataset: Dataset) -> list[Hashable]:
    """Variables of numbers along dimensions that serve no other variable."""
    serving = set()
    for array in dataset.variables.values():
        for key in _POINTERS:
            text = array.attrs.get(key, array.encoding.get(key, ""))
            serving |= set(str(text).replace(":", " ").split())
    return [
        name
        for name, array in dataset.data_vars.items()
        if array.dtype.kind in "iufb"
        and array.ndim
        and name not in serving
        and not any(key in array.attrs for key in _NO_FIELDS)
    ]


def without_invalid(array: DataArray, what: str) -> DataArray:
    """Values outside `valid_min`, `valid_max` or `valid_range` are gaps; said.

    CF section 2.5.1: the range is that of the packed values, if its type is theirs.
    """
    low, high = array.attrs.get("valid_range", (None, None))
    low, high = array.attrs.get("valid_min", low), array.attrs.get("valid_max", high)
    if low is None and high is None:
        return array
    scale, offset = (array.encoding.get(k, v) for k, v in (("scale_factor", 1), ("add_offset", 0)))
    limits = [
        None if x is None else float(x) * scale + offset if _is_integer(x) else float(x)
        for x in (low, high)
    ]
    if scale < 0:
        limits.reverse()
    near = abs(scale) / 2 if "scale_factor" in array.encoding else 0.0
    values = array.values
    with np.errstate(invalid="ignore"):
        bad = np.zeros(values.shape, bool)
        bad |= False if limits[0] is None else values < limits[0] - near
        bad |= False if limits[1] is None else values > limits[1] + near
    if not bad.any():
        return array
    warnings.warn(
        f"{what}: {int(bad.sum()):,} of {bad.size:,} values of {array.name!s} lie outside its "
        "valid range; they are gaps.",
        stacklevel=4,
    )
    return array.where(~bad)


def _is_integer(x: Any) -> bool:
    return np.asarray(x).dtype.kind in "iu"
