"""Variables that say how good the values of another one are: quality flags and errors."""

from __future__ import annotations

import operator
import re
import warnings
from collections.abc import Hashable, Sequence
from functools import reduce
from typing import TYPE_CHECKING, Any

import numpy as np

from mamba_diffae.fields.cf.roles import missing
from mamba_diffae.fields.errors import FieldError, ShapeError
from mamba_diffae.fields.units import conversion

if TYPE_CHECKING:
    from xarray import DataArray, Dataset

_COMPARED = {
    ">=": operator.ge,
    "<=": operator.le,
    "==": operator.eq,
    "!=": operator.ne,
    ">": operator.gt,
    "<": operator.lt,
}
_CONDITION = re.compile(r"^\s*(\S+?)\s*(>=|<=|==|!=|>|<)\s*(\S+)\s*$")
_ERROR = "standard_error"
"""Standard-name modifier of an error, CF appendix C."""


def with_quality(
    dataset: Dataset, names: Sequence[Hashable], quality: str | Sequence[str], what: str
) -> tuple[Dataset, list[Hashable]]:
    """The data set with a variable for each one that says where its values are good.

    Args:
        dataset: Decoded.
        names: Of the variables.
        quality: Conditions that must all hold, such as "quality_level >= 4"; a value may be given
            by its meaning, from `flag_meanings`: "quality_level == best". A meaning of
            `flag_masks` is a bit that is set, or not: "l2p_flags != ice".
        what: The name to use in messages.

    Returns:
        The data set, and the names of those variables: 1 where all conditions hold, else 0.

    Raises:
        FieldError: If a condition cannot be read, or compares with what is no number or meaning.
        ShapeError: If there is no such variable, or it has other dimensions.
    """
    conditions = [quality] if isinstance(quality, str) else list(quality)
    good = {condition: _holds(dataset, condition, what) for condition in conditions}
    added: dict[Hashable, Any] = {}
    for name in names:
        array = dataset[name]
        for condition, here in good.items():
            if not set(here.dims) <= set(array.dims):
                raise ShapeError(
                    f"{what}: the quality flag of {condition!r} has the dimensions "
                    f"{', '.join(map(str, here.dims))}, but {name!s} has "
                    f"{', '.join(map(str, array.dims))}; give a flag along those."
                )
        each = (here.broadcast_like(array) for here in good.values())
        added[f"{name!s} is good"] = reduce(operator.and_, each)
    return dataset.assign(added), list(added)


def _holds(dataset: Dataset, condition: str, what: str) -> DataArray:
    """Where a condition holds; not where its flag is missing."""
    parts = _CONDITION.match(condition)
    if parts is None:
        raise FieldError(
            f"quality is {condition!r}; give conditions such as 'quality_level >= 4', several as a "
            "list."
        )
    name, sign, text = parts.groups()
    if name not in dataset.variables:
        raise missing("quality flag", name, list(dataset.data_vars), what)
    flag: Any = dataset[name]
    if flag.dtype.kind not in "iufb":
        raise FieldError(
            f"{what}: {name} holds no numbers ({flag.dtype}), but quality is "
            f"{condition!r}; give a flag of numbers."
        )
    mask = _mask(flag, text)
    if mask is not None and sign in ("==", "!="):
        is_set = (flag.fillna(0).astype(np.int64) & mask) == mask
        return (is_set if sign == "==" else ~is_set) & flag.notnull()
    return _COMPARED[sign](flag, _level(flag, text, condition)) & flag.notnull()


def _mask(flag: DataArray, meaning: str) -> int | None:
    """The bits of a meaning where each has its own, CF section 3.5; None: it has none."""
    meanings = str(flag.attrs.get("flag_meanings", "")).split()
    masks = np.atleast_1d(flag.attrs.get("flag_masks", []))
    if "flag_values" in flag.attrs or meaning not in meanings or len(masks) != len(meanings):
        return None
    return int(masks[meanings.index(meaning)])


def _level(flag: DataArray, text: str, condition: str) -> float:
    """A number, or the flag value of a meaning."""
    try:
        return float(text)
    except ValueError:
        meanings = str(flag.attrs.get("flag_meanings", "")).split()
        values = np.atleast_1d(flag.attrs.get("flag_values", []))
        if text in meanings and len(values) == len(meanings):
            return float(values[meanings.index(text)])
        known = f", or one of {', '.join(meanings)}" if len(values) == len(meanings) > 0 else ""
        raise FieldError(
            f"quality is {condition!r}, but {text!r} is no number{known}; correct it."
        ) from None


def with_errors(
    dataset: Dataset, names: Sequence[Hashable], noise: str | Sequence[str], what: str
) -> tuple[Dataset, list[Hashable]]:
    """The data set with errors in the units of their variables, and the error of each variable.

    Args:
        dataset: Decoded.
        names: Of the variables.
        noise: Their errors' names, one for each, as given.
        what: The name to use in messages.

    Raises:
        ShapeError: If there is no such variable, another number of them, or other dimensions.
        ValuesError: If an error is in a unit that cannot be converted.
    """
    given = [noise] if isinstance(noise, str) else list(noise)
    if len(given) != len(names):
        raise ShapeError(
            f"{what}: {len(given)} error variables ({', '.join(given)}) were given for "
            f"{len(names)} variables ({', '.join(map(str, names))}); give one for each."
        )
    found = dataset
    for name, error in zip(names, given, strict=True):
        if error not in dataset.variables:
            raise missing("error variable", error, list(dataset.data_vars), what)
        array, dims = dataset[error], dataset[name].dims
        if set(array.dims) != set(dims):
            raise ShapeError(
                f"{what}: the error {error} has the dimensions {', '.join(map(str, array.dims))}, "
                f"but {name!s} has {', '.join(map(str, dims))}; give one for each value, such as "
                f"data.assign({error}=data[{error!r}].broadcast_like(data[{str(name)!r}]))."
            )
        units = [str(dataset[v].attrs.get("units", "")) for v in (error, name)]
        factor, _ = conversion(*units, f"{what}: the error {error}")
        if factor != 1:
            found = found.assign({error: (array * factor).assign_attrs(units=units[1])})
    return found, list(given)


def tell_ancillary(
    dataset: Dataset, names: Sequence[Hashable], *, noise: bool, quality: bool, what: str
) -> None:
    """Say which errors and flags a variable names as its own, and that are not used.

    Args:
        dataset: Decoded.
        names: Of the variables.
        noise: Whether errors are used.
        quality: Whether flags are used.
        what: The name to use in messages.

    Warns:
        UserWarning: As said.
    """
    for name in names:
        for other in str(dataset[name].attrs.get("ancillary_variables", "")).split():
            if other not in dataset.variables:
                continue
            about = dataset[other].attrs
            is_error = str(about.get("standard_name", "")).endswith(_ERROR)
            is_flag = "flag_meanings" in about or "status_flag" in str(about.get("standard_name"))
            is_flag |= "quality" in str(about.get("standard_name", other)).lower()
            if is_error and not noise:
                hint = f'its standard error {other}; to use it, give noise="{other}"'
            elif is_flag and not quality:
                sign = "!=" if "flag_masks" in about else ">="
                hint = f'the quality flag {other}; to use it, give quality="{other} {sign} ..."'
            else:
                continue
            warnings.warn(f"{what}: {name!s} names {hint}.", stacklevel=5)
