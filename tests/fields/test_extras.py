"""Packages that only an extra brings."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from mamba_diffae.fields import FieldError, MissingExtraError, load_extra

HEAVY = ("xarray", "pandas", "pyarrow", "netCDF4", "zarr", "dask", "distributed", "cf_xarray")


def test_an_installed_package_is_given():
    assert load_extra("numpy", "A test") is np


def test_a_missing_package_names_what_needs_it_and_the_extra():
    with pytest.raises(MissingExtraError) as caught:
        load_extra("no_such_package", "sst.nc")
    assert str(caught.value) == (
        "sst.nc needs the package no_such_package, which is not installed; "
        "install it with: pip install 'mamba-diffae[fields]'"
    )
    assert isinstance(caught.value, FieldError)


def test_the_package_imports_none_of_an_extra():
    code = (
        "import sys, mamba_diffae, mamba_diffae.sources, mamba_diffae.estimator, mamba_diffae.cli\n"
        f"print(sorted(set({HEAVY!r}) & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]", done.stdout
