"""Doors of the fields: observations, axes, grids, stacks of fields, `open_field`, `observe`."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from hypothesis import strategies as st

from mamba_diffae import Axis, FieldData, Grid, Observations, Variable, observe, open_field
from mamba_diffae.sources import from_array
from tools.fuzz.arrays import arrays, mostly, names, numbers, seeds, shapes, summary, units
from tools.fuzz.verdict import Call

PATTERNS = ("random", "regular", "block", "stripes", "track", "clusters", "scattered")
TRANSFORMS = ("affine", "log", "logit", "bounded", "normal_score")
Draw = st.DrawFn


@st.composite
def from_points(draw: Draw) -> Call:
    """`Observations.from_points`."""
    n, dim, count = draw(st.integers(1, 7)), draw(st.integers(1, 3)), draw(st.integers(1, 3))
    grid = draw(mostly(None, st.just(Grid.default((4,) * dim)), 3))
    given = {
        "coords": draw(shapes((n, dim)).flatmap(arrays)),
        "values": draw(shapes((n, count)).flatmap(arrays)),
    }
    side = {
        "support": draw(mostly(None, numbers | shapes((n, dim)).flatmap(arrays), 3)),
        "noise": draw(mostly(None, numbers | shapes((n, count)).flatmap(arrays), 3)),
        "noise_group": draw(mostly(None, numbers | shapes((n,)).flatmap(arrays), 4)),
        "covariates": draw(mostly(None, numbers | shapes((n, 2)).flatmap(arrays), 4)),
    }
    told = summary({**given, **side, "grid": grid})
    return Call("Observations.from_points", told, _points(given, side, grid), _finite_points)


def _points(given: dict[str, Any], side: dict[str, Any], grid: Grid | None) -> Any:
    return lambda: Observations.from_points(**given, **side, grid=grid)


def _finite_points(seen: Observations) -> str | None:
    parts = {"coords": seen.coords, "values": seen.values}
    parts |= {"support": seen.support, "noise": seen.noise, "covariates": seen.covariates}
    bad = [n for n, part in parts.items() if part is not None and not part.isfinite().all()]
    return f"{', '.join(bad)} not finite" if bad else None


@st.composite
def raw_observations(draw: Draw) -> Call:
    """`Observations` of tensors, their stack and some of their rows."""
    b, n, dim, count = (draw(st.integers(1, 3)) for _ in range(4))
    floats = st.sampled_from([torch.float64, torch.float32, torch.float16, torch.int64])
    parts = {}
    for name, last in (("coords", dim), ("values", count), ("mask", count), ("noise", count)):
        shape = draw(shapes((b, n, last), 12))
        made = torch.rand(shape, generator=torch.Generator().manual_seed(draw(seeds)))
        kind = torch.bool if name == "mask" else draw(floats)
        parts[name] = (made > 0.3).to(draw(mostly(kind, st.just(torch.uint8), 12)))
        if name != "mask":
            parts[name] = made.to(kind)
    rows = draw(st.sampled_from([0, slice(0, 1), [0], np.array([0]), -1, slice(None, None, 2)]))
    told = summary({n: (tuple(p.shape), p.dtype) for n, p in parts.items()} | {"rows": rows})

    def run() -> Observations:
        seen = Observations(**parts)
        return Observations.stack([seen, seen[rows]])

    return Call("Observations", told, run, lambda seen: None)


@st.composite
def axes_and_grids(draw: Draw) -> Call:
    """`Axis`, `Axis.from_centres`, `Axis.regular`, `Grid`, `Grid.regular`."""
    dim = draw(mostly(st.integers(1, 3), st.sampled_from([0, 4]), 10))
    axes = [draw(_axis_maker()) for _ in range(dim)]
    mask = draw(mostly(None, shapes((4,) * dim).flatmap(lambda s: arrays(s, 0, 2)), 3))
    region: Any = [(draw(numbers), draw(numbers)) for _ in range(draw(st.integers(0, 3)))]
    cells = [draw(mostly(3, numbers)) for _ in region]
    whole = draw(st.booleans())
    told = summary({"axes": [a[1] for a in axes], "mask": mask, "region": region, "cells": cells})

    def run() -> Grid:
        if whole:
            return Grid.regular(region, cells)
        made = tuple(make() for make, _ in axes)
        asked = None if mask is None else np.asarray(mask).astype(bool)
        grid = Grid(made, asked)
        return Grid.from_dict(grid.to_dict()).regrid(grid.lattice_shape(8))

    return Call("Grid", told, run, _finite_grid)


@st.composite
def _axis_maker(draw: Draw) -> tuple[Any, str]:
    kind = draw(st.sampled_from(["edges", "centres", "regular"]))
    name, unit, periodic = (
        draw(names),
        draw(mostly("", units, 3)),
        draw(mostly(False, st.just(True))),
    )
    if kind == "regular":
        given: Any = (draw(numbers), draw(numbers), draw(mostly(4, numbers)))
        return (
            lambda: Axis.regular(name, given[0], given[1], given[2], unit, periodic)
        ), f"{name!r} {given}"
    n = draw(st.sampled_from([0, 1, 2, 4, 5]))
    given = draw(arrays((n,), -100, 400))
    if draw(st.integers(0, 3)) and isinstance(given, np.ndarray) and given.dtype.kind == "f":
        given = np.sort(given)
    told = f"{kind} {name!r} {unit!r} {summary(given)}"
    if kind == "centres":
        return (lambda: Axis.from_centres(name, given, unit, periodic)), told
    scale = draw(mostly(None, numbers))
    return (lambda: Axis(name, given, unit, periodic, scale)), told


def _finite_grid(grid: Grid) -> str | None:
    if not (np.isfinite(grid.centres()).all() and np.isfinite(grid.weights()).all()):
        return "centres or weights that are not finite"
    return None


@st.composite
def field_data(draw: Draw) -> Call:
    """`FieldData`, coarser, and some of its snapshots."""
    shape = draw(st.sampled_from([(4,), (4, 6), (2, 3, 4)]))
    count, snapshots = draw(st.integers(1, 3)), draw(st.integers(1, 5))
    full = (snapshots, *shape, count)
    variables = [Variable(f"v{i}") for i in range(count)]
    optional = {
        "valid": draw(mostly(None, shapes(full).flatmap(lambda s: arrays(s, 0, 2)), 3)),
        "names": draw(mostly((), st.lists(names, max_size=6), 3)),
        "groups": draw(mostly(np.zeros(0), shapes((snapshots,)).flatmap(arrays), 4)),
        "splits": draw(mostly(np.zeros(0, "U5"), st.lists(names, max_size=6), 4)),
        "attributes": draw(mostly({}, st.dictionaries(names, arrays((snapshots,)), max_size=2), 4)),
        "noise": draw(mostly(None, shapes(full).flatmap(arrays), 4)),
    }
    values = draw(shapes(full).flatmap(lambda s: arrays(s, -1, 1)))
    coarse = draw(mostly(2, numbers | st.lists(st.integers(0, 5), max_size=4), 3))
    told = summary({"values": values, **optional, "at": coarse})

    def run() -> FieldData:
        data = FieldData(variables, Grid.default(shape), values, **optional)
        return data.distinct(3).at(coarse)

    return Call("FieldData", told, run, _finite_fields)


def _finite_fields(data: FieldData) -> str | None:
    if not np.isfinite(data.values).all():
        return "values that are not finite"
    limits = np.array([v.limits for v in data.variables])
    return None if np.isfinite(limits).all() else "limits that are not finite"


@st.composite
def array_sources(draw: Draw) -> Call:
    """`open_field` of an array, and `from_array` with all that may be told of it."""
    shape = draw(st.sampled_from([(5,), (5, 6), (3, 4, 5), (4, 5, 2), (2, 3, 4, 2)]))
    dim = len(shape) - (shape[-1] == 2)
    values = draw(shapes((draw(st.integers(1, 9)), *shape)).flatmap(lambda s: arrays(s, 1, 9)))
    told = [draw(names) for _ in range(draw(mostly(st.just(dim), st.integers(0, 4))))]
    coords = {n: draw(_coordinates(k)) for n, k in zip(told, shape, strict=False)}
    options = {
        "axes": draw(mostly(None, st.just(coords), 2)),
        "variables": draw(mostly(None, names | st.lists(names, max_size=3), 3)),
        "units": draw(mostly(None, units | st.lists(units, max_size=5), 4)),
        "periodic": draw(mostly(None, st.lists(st.sampled_from([*told, "q"]), max_size=2), 4)),
        "mask": draw(mostly(None, shapes(shape).flatmap(lambda s: arrays(s, 0, 2)), 4)),
        "transforms": draw(mostly(None, st.sampled_from([*TRANSFORMS, "none"]), 3)),
    }
    size = draw(mostly(None, numbers | st.lists(st.integers(0, 5), max_size=4), 4))
    bare = draw(st.booleans())
    words = summary({"values": values, "size": size, **({} if bare else options)})
    if bare:
        return Call("open_field", words, lambda: open_field(values, size=size), _finite_fields)
    return Call("from_array", words, lambda: from_array(values, **options), _finite_fields)


@st.composite
def _coordinates(draw: Draw, cells: int) -> Any:
    kind = draw(st.integers(0, 5))
    if kind == 0:
        return draw(numbers)
    if kind == 1:
        return draw(shapes((cells,)).flatmap(lambda s: arrays(s, -90, 360)))
    n = cells + (kind == 2)
    rising = np.linspace(draw(st.sampled_from([-80, 0, 1e-9])), draw(st.sampled_from([80, 360])), n)
    return rising[:: -1 if kind == 3 else 1]


@st.composite
def observing(draw: Draw) -> Call:
    """`observe` fields with gaps."""
    shape = draw(st.sampled_from([(9,), (6, 8), (1, 40), (3, 4, 5)]))
    values = np.random.default_rng(draw(seeds)).normal(size=(3, *shape, 2))
    if draw(st.booleans()):
        values[np.random.default_rng(draw(seeds)).random(values.shape) < 0.5] = np.nan
    fraction = draw(mostly(st.floats(0.01, 1), numbers, 3))
    options = {
        "shape": draw(mostly(None, st.lists(st.integers(-1, 9), max_size=4), 3)),
        "pattern": draw(mostly(st.sampled_from(PATTERNS), names)),
        "seed": draw(mostly(seeds, numbers)),
    }
    told = summary({"shape of fields": shape, "fraction": fraction, **options})

    def run() -> Observations:
        data = FieldData([Variable("a"), Variable("b")], Grid.default(shape), values)
        return observe(data, fraction, **options)

    return Call("observe", told, run, _finite_points)


FIELD_DOORS = (
    *(from_points(), raw_observations(), axes_and_grids(), field_data(), array_sources()),
    observing(),
)
