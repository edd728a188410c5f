"""The embedded weather as a data set of xarray, and fields again."""

from __future__ import annotations

import cf_xarray  # noqa: F401
import numpy as np

from mamba_diffae.sources import open_field, weather_dataset


def test_the_source_comes_back_of_it():
    ours, dataset = open_field("weather"), weather_dataset()
    back = open_field(dataset, variable=["t2m", "u10", "v10", "msl"], snapshot_dim="time")
    assert back.grid == ours.grid
    np.testing.assert_array_equal(back.values, ours.values)
    assert list(back.names) == list(ours.names)
    np.testing.assert_array_equal(back.splits, ours.splits)
    np.testing.assert_array_equal(back.groups, ours.groups)
    assert [(v.name, v.unit) for v in back.variables] == [(v.name, v.unit) for v in ours.variables]


def test_its_metadata_are_those_of_cf():
    dataset = weather_dataset()
    assert dataset.cf.coordinates == {"latitude": ["lat"], "longitude": ["lon"], "time": ["time"]}
    assert dataset.cf["air_pressure_at_mean_sea_level"].name == "msl"
    assert (dataset.lat.values[[0, -1]] == [-90, 90]).all()
    assert "Copernicus" in dataset.attrs["comment"]
