"""Fields with names: xarray objects by the CF conventions, into fields and back.

Reference:
    Eaton et al. NetCDF Climate and Forecast (CF) Metadata Conventions, version 1.11.
    https://cfconventions.org
"""

from mamba_diffae.fields.cf.datasets import field_dataset
from mamba_diffae.fields.cf.writing import write_dataset

__all__ = ["field_dataset", "write_dataset"]
