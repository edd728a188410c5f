"""Fields with names: xarray objects by the CF conventions, into fields and back.

Reference:
    Eaton et al. NetCDF Climate and Forecast (CF) Metadata Conventions, version 1.11.
    https://cfconventions.org
"""
