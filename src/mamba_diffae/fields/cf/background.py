"""Covariates that an xarray object of targets holds."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from mamba_diffae.fields.background import Background
from mamba_diffae.fields.cf.clock import CLOCK, on_clock
from mamba_diffae.fields.cf.roles import is_date
from mamba_diffae.fields.cf.targets import LabelledTargets
from mamba_diffae.fields.covariates import Covariates
from mamba_diffae.fields.errors import ShapeError

if TYPE_CHECKING:
    from xarray import DataArray, Dataset

_WAVES = tuple(name for names in CLOCK.values() for name in names)


def target_background(
    targets: LabelledTargets, names: Sequence[str], count: int
) -> Background | None:
    """Covariates of B fields that lie where targets do.

    Args:
        targets: What is asked.
        names: Covariates that are wanted.
        count: Fields, B.

    Returns:
        Those that the targets hold, season and hour by their dates; None: they hold none.

    Raises:
        ShapeError: If one lies along another dimension.
        ValuesError: If one is missing somewhere.
    """
    template, along = targets.template, targets.along(count)
    order = [*([] if along not in targets.dims else [along]), *targets.axes]
    found: dict[str, tuple[np.ndarray, str]] = {}
    for name in names:
        if name in template.variables:
            array = template[name]
            found[name] = _placed(array, order, targets), str(array.attrs.get("units", ""))
        elif name in _WAVES and (times := _dates(template, count)) is not None:
            shape = -1, *[1] * len(targets.axes)
            found[name] = on_clock(name, times).reshape(shape), "1"
    if not found:
        return None
    values, units = zip(*found.values(), strict=True)
    known = Covariates(tuple(found), values, units)
    checked = known.checked(targets.grid, [str(b) for b in range(count)])
    return Background.on(*checked.evenly(targets.grid), np.arange(count))


def _placed(array: DataArray, order: Sequence[Hashable], targets: LabelledTargets) -> np.ndarray:
    """Values of a shape that broadcasts to (B, *shape), on the cells of the grid of targets."""
    array = array.squeeze([d for d in array.dims if d not in order and array.sizes[d] == 1])
    dims = [dim for dim in order if dim in array.dims]
    if set(array.dims) != set(dims):
        raise ShapeError(
            f"The covariate {array.name!s} of the targets has the dimensions "
            f"{', '.join(map(str, array.dims))}; expected some of {', '.join(map(str, order))}."
        )
    values = array.transpose(*dims).values
    values = values.reshape([array.sizes[dim] if dim in dims else 1 for dim in order])
    values = values if len(order) > len(targets.axes) else values[None]
    for d, index in enumerate(targets.index, start=1):
        if values.shape[d] > 1:
            values = values.take(np.argsort(index), axis=d)
    return values


def _dates(template: Dataset, count: int) -> DataArray | None:
    """The only coordinate of dates, one for all fields or one for each; None: there is no such."""
    found = [c for c in template.coords.values() if c.size in (1, count) and is_date(c)]
    if len(found) != 1:
        return None
    return found[0] if found[0].ndim else found[0].expand_dims("date")
