"""Covariates of fields from the data set that holds these."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from mamba_diffae.fields import Covariates, FieldError, ShapeError
from mamba_diffae.fields.cf.clock import CLOCK, on_clock
from mamba_diffae.fields.cf.decoded import without_invalid
from mamba_diffae.fields.cf.roles import Dimension, is_date, missing
from mamba_diffae.sources.layout import numbers
from mamba_diffae.sources.memory import check_memory

if TYPE_CHECKING:
    from xarray import Dataset


def without_covariates(
    dataset: Dataset, variable: object, names: str | Sequence[str] | None
) -> Dataset:
    """What is left to be the fields, where no variable of these is named."""
    if variable is not None or names is None:
        return dataset
    beside = [names] if isinstance(names, str) else names
    return dataset.drop_vars([name for name in beside if name in dataset.data_vars])


def covariates_of(dataset: Dataset, names: Sequence[str]) -> list[str]:
    """How those of some covariates are named to `read_covariates` that a data set holds."""
    words = {wave: word for word, waves in CLOCK.items() for wave in waves}
    dated = any(is_date(c) for c in dataset.coords.values() if c.ndim)
    found = [
        name if name in dataset.variables else words.get(name, "") if dated else ""
        for name in names
    ]
    return [name for name in dict.fromkeys(found) if name]


def read_covariates(
    dataset: Dataset,
    names: str | Sequence[str],
    snapshots: Dimension | None,
    order: Sequence[Hashable],
    falls: Mapping[Hashable, slice | np.ndarray],
    what: str,
) -> Covariates:
    """Variables of a data set, and "season" and "hour" from its times, as covariates.

    Args:
        dataset: Decoded.
        names: Of variables along some of the dimensions; or words of `CLOCK`.
        snapshots: The dimension of the snapshots; None: there is one snapshot.
        order: All dimensions of the fields, those of the snapshots first.
        falls: Dimensions whose places are put in another order, and in which.
        what: The name to use in messages.

    Raises:
        ShapeError: If there is no such variable, or it lies along other dimensions.
        FieldError: If none is named, or season or hour is asked without times.
        ValuesError: If one holds no numbers.
    """
    wanted = [names] if isinstance(names, str) else list(names)
    if not wanted:
        raise FieldError("covariates names none; name one or more, or leave it out.")
    found: dict[str, tuple[np.ndarray, str]] = {}
    for name in wanted:
        if name not in dataset.variables and name in CLOCK:
            found |= {wave: (_timed(wave, snapshots, order, what), "1") for wave in CLOCK[name]}
        else:
            found[name] = _variable(dataset, name, snapshots, order, falls, what)
    values, units = zip(*found.values(), strict=True)
    return Covariates(tuple(found), values, units)


def _timed(
    name: str, snapshots: Dimension | None, order: Sequence[Hashable], what: str
) -> np.ndarray:
    """A number for each snapshot, shape (S, 1, ..., 1)."""
    times = None if snapshots is None else snapshots.coordinate
    if times is None or not is_date(times):
        word = name.partition("_")[0]
        raise FieldError(
            f"{what}: the covariate {word!r} follows from the times of snapshots, but "
            f"{'there is no dimension of snapshots' if snapshots is None else ''}"
            f"{'' if snapshots is None else f'{snapshots.name!s} holds no dates'}; give a "
            f"coordinate of dates, or leave {word!r} out."
        )
    return on_clock(name, times).reshape(-1, *[1] * (len(order) - 1))


def _variable(
    dataset: Dataset,
    name: str,
    snapshots: Dimension | None,
    order: Sequence[Hashable],
    falls: Mapping[Hashable, slice | np.ndarray],
    what: str,
) -> tuple[np.ndarray, str]:
    """Values of a shape that broadcasts to (S, *shape), and their unit."""
    if name not in dataset.variables:
        raise missing("covariate", name, [*dataset.data_vars, *CLOCK], what)
    array = dataset[name]
    array = array.squeeze([d for d in array.dims if d not in order and array.sizes[d] == 1])
    along = [dim for dim in order if dim in array.dims]
    if set(array.dims) != set(along):
        raise ShapeError(
            f"{what}: the covariate {name} has the dimensions {', '.join(map(str, array.dims))}, "
            f"but the fields have {', '.join(map(str, order))}; give it along some of these: "
            "interpolate it to their grid."
        )
    check_memory(array.nbytes, what, part=f"data[{name!r}].astype('float32')")
    read = without_invalid(array.compute(), what).transpose(*along)
    values = read.isel({dim: turned for dim, turned in falls.items() if dim in along}).values
    plain = values.astype(np.uint8) if values.dtype == bool else values
    shape = [array.sizes[dim] if dim in along else 1 for dim in order]
    whole = numbers(plain, f"{what}, {name},").reshape(shape)
    unit = str(array.attrs.get("units", ""))
    return (whole if snapshots is not None else whole[None]), unit
