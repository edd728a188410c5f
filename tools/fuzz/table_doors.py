"""Doors of tables (DataFrames) and of data sets (xarray)."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas
import xarray
from hypothesis import strategies as st

from mamba_diffae import Observations
from mamba_diffae.sources import from_xarray
from tools.fuzz.arrays import arrays, mostly, names, numbers, seeds, summary, units
from tools.fuzz.files import sound
from tools.fuzz.model_doors import model
from tools.fuzz.verdict import Call

COLUMNS = ("lat", "lon", "sst", "v", "time", "depth", "x", "Latitude", "sst [degC]", "noise")
TIMES = ("2001-01-01", "2001-99-01", "noon", None, "1e9", "2001-01-01T00:00:00Z", "9999-12-31")
CALENDARS = (
    "days since 2001-01-01",
    "days since",
    "hours since 1-1-1",
    "fortnights since 2000-01-01",
)
Draw = st.DrawFn


@st.composite
def frames(draw: Draw) -> pandas.DataFrame:
    """Rows of stations; columns of any type, name and number."""
    n = draw(mostly(6, st.sampled_from([0, 1, 2])))
    chosen = draw(
        mostly(
            st.just(["lat", "lon", "sst"]),
            st.lists(st.sampled_from(COLUMNS) | names, max_size=5),
            3,
        )
    )
    parts = []
    for name in chosen:
        values: Any = draw(arrays((n,), 0, 30, strange=6))
        if draw(st.integers(0, 7)) == 0:
            values = draw(st.lists(st.sampled_from(TIMES), min_size=n, max_size=n))
        parts.append(pandas.Series(_native(values), name=name))
    try:
        frame = pandas.concat(parts, axis=1) if parts else pandas.DataFrame(index=range(n))
    except (ValueError, TypeError):  # what pandas refuses never reaches the package
        frame = pandas.DataFrame({"lat": range(n)})
    if draw(st.integers(0, 9)) == 0 and len(frame.columns):
        try:
            return frame.set_index(list(frame.columns[:2]))
        except (NotImplementedError, ValueError, TypeError):  # likewise
            return frame
    return frame


def _native(values: Any) -> Any:
    """As a column may hold it: pandas has no column of other byte orders and masks."""
    if isinstance(values, np.ma.MaskedArray):
        values = values.filled(0)
    if isinstance(values, np.ndarray) and values.dtype.kind not in "OUS":
        values = values.astype(values.dtype.newbyteorder("="))
    return (
        values.astype(float)
        if isinstance(values, np.ndarray) and values.dtype.char == "g"
        else values
    )


@st.composite
def tables(draw: Draw) -> Call:
    """`Observations.from_table`, and `predict` of a table."""
    frame = draw(frames())
    column = st.sampled_from(COLUMNS) | names
    options = {
        "values": draw(mostly(None, column | st.lists(column, max_size=3), 3)),
        "coords": draw(mostly(None, column | st.lists(column, max_size=3), 4)),
        "noise": draw(mostly(None, numbers | column, 4)),
        "support": draw(mostly(None, numbers | column, 4)),
        "time": draw(mostly(None, column, 4)),
        "noise_group": draw(mostly(None, column, 6)),
    }
    told = summary({"columns": dict(frame.dtypes), "rows": frame.to_dict("list"), **options})
    if draw(st.integers(0, 5)) == 0:
        targets = draw(mostly(None, frames()))
        return Call(
            "predict of a table", told, lambda: model().predict(frame, targets), lambda found: None
        )
    return Call("from_table", told, lambda: Observations.from_table(frame, **options), sound)


@st.composite
def data_sets(draw: Draw) -> Call:
    """`from_xarray`."""
    dims = draw(
        mostly(
            st.just(["time", "lat", "lon"]),
            st.lists(
                st.sampled_from(["time", "lat", "lon", "z", "q"]),
                min_size=1,
                max_size=4,
                unique=True,
            ),
            3,
        )
    )
    shape = [draw(mostly(4, st.sampled_from([0, 1, 2]), 10)) for _ in dims]
    coords = {}
    for dim, size in zip(dims, shape, strict=True):
        kind = draw(st.integers(0, 6))
        made: Any = np.linspace(0, 60, size)
        if kind == 0:
            continue
        if kind == 1:
            made = draw(arrays((size,), -90, 360))
        elif kind == 2:
            made = made[::-1]
        coords[dim] = (
            dim,
            np.asarray(made),
            {"units": draw(mostly("", units | st.sampled_from(CALENDARS), 3))},
        )
    values = np.asarray(draw(arrays(shape, 5, 25)))
    attributes = {"units": draw(units), "_FillValue": draw(mostly(-999.0, numbers, 4))}
    if draw(st.integers(0, 3)) == 0:
        attributes |= {"scale_factor": draw(numbers), "add_offset": draw(numbers)}
    name = draw(mostly("sst", names, 6))
    options = {
        "variable": draw(mostly(None, names | st.just(name), 3)),
        "snapshot_dim": draw(mostly("time", st.sampled_from([None, "lat", "q", "x"]), 3)),
        "dims": draw(mostly(None, st.dictionaries(st.sampled_from(dims), names, max_size=2), 5)),
        "noise": draw(mostly(None, st.just(name) | names, 6)),
        "quality": draw(
            mostly(None, st.sampled_from([f"{name} >= 3", "q > 1", ">", "a b c", "sst >= x"]), 6)
        ),
        "covariates": draw(mostly(None, st.sampled_from(["season", "hour", "sst", "x", ""]), 6)),
        "transforms": draw(mostly(None, st.sampled_from(["log", "logit", "none"]), 6)),
    }
    seed = draw(seeds)
    told = summary(
        {
            "dims": dims,
            "shape": shape,
            "coords": {k: (c[1], c[2]) for k, c in coords.items()},
            "values": values,
            "attrs": attributes,
            "name": name,
            **options,
            "seed": seed,
        }
    )

    def run() -> Any:
        try:
            data = xarray.Dataset({name: (dims, values, attributes)}, coords)
        except Exception as error:  # what xarray refuses never reaches the package
            raise OSError(2, "no data set", str(error)) from None
        return from_xarray(data, **options)

    return Call("from_xarray", told, run, sound)


TABLE_DOORS = (tables(), data_sets())
