"""The embedded weather, split by time and longitude."""

from __future__ import annotations

import numpy as np

from mamba_diffae import open_field


def test_each_split_has_sectors_of_its_own_and_the_weather_there():
    data, whole = open_field("weather:sectors"), open_field("weather")
    known = data.valid_mask()
    assert (data.values[known] == whole.values[known]).all()
    columns = {}
    for split, sectors in (("train", 4), ("val", 3), ("test", 3)):
        part = data.split(split).valid_mask()
        assert (part == part[:1, :1]).all(), "a sector is known at all latitudes and times"
        columns[split] = set(np.flatnonzero(part[0, 0, :, 0]).tolist())
        assert len(columns[split]) == 36 * sectors
    assert len(set.union(*columns.values())) == 360


def test_windows_of_the_suite_lie_in_the_same_sectors():
    data, windows = open_field("weather:sectors"), open_field("weather:windows")
    for split in ("train", "val", "test"):
        known = data.split(split).valid_mask()[0, 0, :, 0]
        lon = windows.split(split).attributes["lon"]
        assert known[lon.astype(int) % 360].all()
