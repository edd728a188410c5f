"""Variables that say how good the values of another one are: quality flags and errors."""

from __future__ import annotations

import operator
import re
import warnings
from collections.abc import Hashable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from mamba_diffae.fields.cf.roles import missing
from mamba_diffae.fields.errors import FieldError, ShapeError

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


def good_values(
    dataset: Dataset, names: Sequence[Hashable], quality: str | Sequence[str], what: str
) -> Dataset:
    """The data set with gaps where a condition on a quality flag does not hold; said.

    Args:
        dataset: Decoded.
        names: Of the variables.
        quality: Conditions that must all hold, such as "quality_level >= 4"; a value may be given
            by its meaning, from `flag_meanings`: "quality_level == best".
        what: The name to use in messages.

    Raises:
        FieldError: If a condition cannot be read, or compares with what is no number or meaning.
        ShapeError: If there is no such variable, or it has other dimensions.
    """
    conditions = [quality] if isinstance(quality, str) else list(quality)
    found = dataset
    for condition in conditions:
        good = _holds(dataset, condition, what)
        for name in names:
            array = found[name]
            if not set(good.dims) <= set(array.dims):
                raise ShapeError(
                    f"{what}: the quality flag of {condition!r} has the dimensions "
                    f"{', '.join(map(str, good.dims))}, but {name!s} has "
                    f"{', '.join(map(str, array.dims))}; give a flag along those."
                )
            kept = array.where(good)
            lost = int(array.notnull().sum() - kept.notnull().sum())
            warnings.warn(
                f"{what}: {lost:,} of {int(array.notnull().sum()):,} values of {name!s} are left "
                f"out, since {condition!r} does not hold.",
                stacklevel=5,
            )
            found = found.assign({name: kept.assign_attrs(array.attrs)})
            found[name].encoding = dict(array.encoding)
    return found


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
    return _COMPARED[sign](flag, _level(flag, text, condition)) & flag.notnull()


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


def noise_names(
    dataset: Dataset,
    names: Sequence[Hashable],
    noise: str | Sequence[str] | None,
    what: str,
) -> list[Hashable]:
    """The variable that holds the error of each variable.

    Args:
        dataset: Decoded.
        names: Of the variables.
        noise: Their errors' names, one for each, as given.
        what: The name to use in messages.

    Raises:
        ShapeError: If there is no such variable, or another number of them.
    """
    given = [noise] if isinstance(noise, str) else list(noise or [])
    if len(given) != len(names):
        raise ShapeError(
            f"{what}: {len(given)} error variables ({', '.join(given)}) were given for "
            f"{len(names)} variables ({', '.join(map(str, names))}); give one for each."
        )
    for name in given:
        if name not in dataset.variables:
            raise missing("error variable", name, list(dataset.data_vars), what)
    return list(given)


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
                hint = f'the quality flag {other}; to use it, give quality="{other} >= ..."'
            else:
                continue
            warnings.warn(f"{what}: {name!s} names {hint}.", stacklevel=5)
