"""The weather map of the demo: an hour and a region that nothing was learned from."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from mamba_diffae.benchmark.field_page import field_page
from mamba_diffae.benchmark.opened_model import PACKAGED, OpenedModel
from mamba_diffae.cli.shell import echo, output, status
from mamba_diffae.fields import FieldData, Grid, observe
from mamba_diffae.report import write_report
from mamba_diffae.sources import open_field

MODEL, FRACTION = "weather-96", 0.05
REGION = {"lat": (0.0, 72.0), "lon": (216.0, 324.0)}
"""North America and the seas on both sides: its longitudes are those for test."""


def show_weather(page: Path, seed: int, device: str) -> None:
    """Write a page on one hour of weather that the packaged model has not seen.

    Args:
        page: Where the report goes.
        seed: Of what is observed.
        device: "auto", "cpu" or "cuda".
    """
    model = OpenedModel.open(MODEL, device).estimator
    train = open_field(PACKAGED[MODEL]).split("train")
    truth = unseen_region()
    seen = observe(truth, FRACTION, shape=truth.grid.shape, seed=seed)
    facts = {"model": f"{MODEL}, as it comes with the package", "this page": "the demo"}
    with status(f"Showing {MODEL} …"):
        found = field_page(model, truth, train, seen, facts)
    write_report(found, page, overwrite=True)
    echo(f"{MODEL} on a weather map: {page}\n", output)


def unseen_region() -> FieldData:
    """The last hour of the week in `REGION`."""
    hour = open_field("weather").split("test").take(slice(-1, None))
    parts = [_part(axis.centres, *REGION[axis.name]) for axis in hour.grid.axes]
    pairs = zip(hour.grid.axes, parts, strict=True)
    axes = [
        replace(axis, edges=axis.edges[part.start : part.stop + 1], periodic=False)
        for axis, part in pairs
    ]
    return FieldData(
        hour.variables, Grid(tuple(axes)), hour.values[:, parts[0], parts[1]], names=hour.names
    )


def _part(centres: np.ndarray, low: float, high: float) -> slice:
    """Cells whose centres lie between two coordinates."""
    first, last = np.searchsorted(centres, (low, high))
    return slice(int(first), int(last))
