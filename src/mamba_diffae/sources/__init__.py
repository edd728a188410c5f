"""Outside data becomes fields: one door for pictures of every origin and for arrays."""

from mamba_diffae.sources.arrays import from_array
from mamba_diffae.sources.base import Source
from mamba_diffae.sources.labelled import from_xarray
from mamba_diffae.sources.open import SOURCES, canonical_source, open_field
from mamba_diffae.sources.pictures import open_picture, picture_data
from mamba_diffae.sources.weather_dataset import weather_dataset

__all__ = [
    "SOURCES",
    "Source",
    "canonical_source",
    "from_array",
    "from_xarray",
    "open_field",
    "open_picture",
    "picture_data",
    "weather_dataset",
]
