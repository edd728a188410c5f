"""The page of a placement: expected error by number of sensors, maps of what stays uncertain."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch

from mamba_diffae.benchmark.page import ImageGrid, Page, Table
from mamba_diffae.benchmark.painters import painter_of
from mamba_diffae.benchmark.painting import Beside, Shown
from mamba_diffae.benchmark.profiles import ProfilePainter
from mamba_diffae.fields import Affine, Axis, Grid, Observations, Variable
from mamba_diffae.placement import Placement

_ROWS = 24
"""Numbers of sensors that the table of errors has, at most."""
_PARTS = 8
"""Points of a curve from one number of sensors to the next."""


def placement_page(placement: Placement, title: str, facts: Mapping[str, str]) -> Page:
    """What was found of a placement.

    Args:
        placement: From `place_sensors`.
        title: Heading.
        facts: What was run.
    """
    tables = [_errors(placement), *_measured(placement), _places(placement)]
    return Page(
        title=title,
        question="Where do the next sensors lower the expected error of the field most?",
        findings=placement.sentences(),
        scores=[],
        panels=[_curve(placement), _maps(placement)],
        tables=tables,
        facts=facts,
    )


def _errors(placement: Placement) -> Table:
    n, several = len(placement), len(placement.variables) > 1
    random = placement.random_curves()
    curves = [placement.curve(arm) for arm in (placement.greedy, placement.qr)]
    curves += [random.mean(axis=0), random.min(axis=0), random.max(axis=0)]
    columns = ["sensors", "greedy", "QR", "random: mean", "random: best", "random: worst"]
    if several:
        curves += list(placement.expected.T)
        columns += [f"greedy: {v.name}{v.unit and f' in {v.unit}'}" for v in placement.variables]
    shown = np.unique(np.linspace(0, n, min(n + 1, _ROWS)).round().astype(int))
    rows = [[str(k), *(float(curve[k]) for curve in curves)] for k in shown]
    return Table(
        "Expected error by number of sensors",
        f"{placement.error_name}, over area and fields, in closed form; beside {len(random)} random"
        " placements of as many sensors, and QR with pivoting. Existing sensors count from 0 on.",
        columns,
        rows,
        [0, *[4] * len(curves)],
    )


def _measured(placement: Placement) -> list[Table]:
    """RMSE of the model on test fields, if it was measured."""
    arms = {"greedy": placement.greedy, "QR": placement.qr, "random": placement.random[0]}
    if not placement.greedy.actual:
        return []
    rows: list[list[str | float | None]] = [
        [f"{v.name}, {k} sensors", float(placement.expected[k, c])]
        + [float(arm.actual[k][c]) for arm in arms.values()]
        for c, v in enumerate(placement.variables)
        for k in sorted(placement.greedy.actual)
    ]
    caption = "RMSE of what the model predicts of test fields that are observed by the sensors."
    columns = ["variable", "greedy: expected", *arms]
    return [Table("Measured on test fields", caption, columns, rows, [0, *[4] * 4])]


def _places(placement: Placement) -> Table:
    rows: list[list[str | float | None]] = [
        [str(i), *map(float, place)] for i, place in enumerate(placement.coords, start=1)
    ]
    units = [f"{axis.name}{axis.unit and f' in {axis.unit}'}" for axis in placement.grid.axes]
    return Table(
        "Places",
        "The new sensors in the order in which they are best put up.",
        ["sensor", *units],
        rows,
        [0, *[4] * len(units)],
    )


def _curve(placement: Placement) -> ImageGrid:
    """Expected error against number, as lines."""
    n, curve = len(placement), placement.curve(placement.greedy)
    grid = Grid((Axis.regular("sensors", 0.0, float(n), _PARTS * n),))

    def line(values: np.ndarray) -> Shown:
        points = np.interp(grid.axes[0].centres, np.arange(n + 1), values)
        return Shown(points[:, None], grid)

    random, qr = placement.random_curves(), placement.curve(placement.qr)
    dots = _dots(placement)
    every = [random, curve, qr] + ([] if dots is None else [dots.values.numpy()])
    low, high = (f([f(part) for part in every]) for f in (np.min, np.max))
    limits = (float(low) * 0.95, float(high))
    painter = ProfilePainter([Variable(placement.error_name, limits=limits)])
    beside = Beside(line(qr), dots)
    return ImageGrid(
        "Expected error against number of sensors",
        f"{placement.error_name}, from 0 to {n} new sensors. Teal: greedy; pale: random placements;"
        f" grey: QR with pivoting; dots, if any: measured on test fields, greedy.",
        [""],
        [""],
        [list(painter.together(line(curve), [line(values) for values in random], beside))],
    )


def _dots(placement: Placement) -> Observations | None:
    """Measured errors of the greedy placement, where the curve has their unit."""
    actual = placement.greedy.actual
    if not actual or len(placement.variables) > 1:
        return None
    points = torch.tensor([[[float(k)] for k in actual]], dtype=torch.float64)
    values = torch.tensor([[[float(error[0])] for error in actual.values()]], dtype=torch.float64)
    return Observations(points, values, torch.ones_like(values, dtype=torch.bool))


def _maps(placement: Placement) -> ImageGrid:
    """Standard deviation before and after, with the sensors as gaps."""
    arms = {"greedy": placement.greedy, "random": placement.random[0], "QR": placement.qr}
    most = np.nanmax(placement.before.reshape(-1, len(placement.variables)), axis=0)
    shown = [
        Variable(v.name, v.unit, Affine(0.0, float(top)))
        for v, top in zip(placement.variables, most, strict=True)
    ]
    painter, nothing = painter_of(shown, placement.grid), np.zeros((0, placement.grid.dim))
    columns = {"existing alone": painter.paint(_map(placement, placement.before, nothing))}
    columns |= {name: painter.paint(_map(placement, a.std, a.coords)) for name, a in arms.items()}
    caption = (
        "Standard deviation of the field given the sensors; their cells are left grey, as are those"
        f" that do not exist. {painter.legend}"
    )
    rows = [[pictures[part] for pictures in columns.values()] for part in range(len(shown))]
    names = [v.name for v in shown]
    return ImageGrid("What stays uncertain", caption, list(columns), names, rows)


def _map(placement: Placement, std: np.ndarray, coords: np.ndarray) -> Shown:
    grid, known = placement.grid, np.isfinite(std)
    for place in np.concatenate([placement.existing, coords]):
        pairs = zip(grid.axes, place, strict=True)
        cell = (int(np.searchsorted(a.edges, x, side="right")) - 1 for a, x in pairs)
        known[tuple(min(max(c, 0), n - 1) for c, n in zip(cell, grid.shape, strict=True))] = False
    return Shown(std, grid, known)
