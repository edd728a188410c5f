"""Data sets to open: smooth fields with CF metadata."""

from __future__ import annotations

import numpy as np
import xarray as xr


def sst(days: int = 40, rows: int = 6, columns: int = 9) -> xr.Dataset:
    """Daily fields of one variable on latitudes and longitudes."""
    lat, lon = np.linspace(-50, 50, rows), np.linspace(5, 85, columns)
    time = np.datetime64("2001-01-01", "ns") + np.arange(days) * np.timedelta64(1, "D")
    wave = np.sin(np.arange(days) / 5)[:, None, None] * np.cos(np.deg2rad(lat))[:, None]
    values = 285 + 10 * wave + np.sin(np.deg2rad(3 * lon))
    return xr.Dataset(
        {"sst": (("time", "lat", "lon"), values, {"units": "K", "long_name": "temperature"})},
        {
            "time": time,
            "lat": ("lat", lat, {"units": "degrees_north", "standard_name": "latitude"}),
            "lon": ("lon", lon, {"units": "degrees_east", "standard_name": "longitude"}),
        },
    )
