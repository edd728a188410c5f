"""Data sets are written whole, and nothing is replaced unasked."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from mamba_diffae.fields import FieldError
from mamba_diffae.fields.cf import write_dataset


@pytest.fixture
def dataset():
    return xr.Dataset({"v": (("y", "x"), np.arange(6.0).reshape(2, 3), {"units": "m"})})


@pytest.mark.parametrize("name", ["field.nc", "new/field.zarr"])
def test_what_is_written_is_read_and_not_replaced_unasked(tmp_path, dataset, name):
    path = tmp_path / name
    write_dataset(dataset, path)
    with xr.open_dataset(path) as back:
        xr.testing.assert_identical(back.load(), dataset)
    with pytest.raises(FieldError, match=r"exists; give overwrite=True"):
        write_dataset(dataset + 1, path)
    write_dataset(dataset + 1, path, overwrite=True)
    with xr.open_dataset(path) as back:
        xr.testing.assert_equal(back.load(), dataset + 1)
    assert sorted(p.name for p in path.parent.iterdir()) == [path.name]


def test_a_failure_leaves_what_stood_there(tmp_path, dataset):
    path = tmp_path / "field.nc"
    write_dataset(dataset, path)
    broken = dataset.assign(w=("x", np.array([object()] * 3)))
    with pytest.raises((TypeError, ValueError)):
        write_dataset(broken, path, overwrite=True)
    with xr.open_dataset(path) as back:
        xr.testing.assert_identical(back.load(), dataset)
    assert [p.name for p in tmp_path.iterdir()] == ["field.nc"]


def test_other_endings_and_a_folder_in_the_way_are_refused(tmp_path, dataset):
    with pytest.raises(FieldError, match=r"field.txt ends neither as a NetCDF file"):
        write_dataset(dataset, tmp_path / "field.txt")
    (tmp_path / "field.nc").mkdir()
    with pytest.raises(FieldError, match="is a folder, which is not replaced"):
        write_dataset(dataset, tmp_path / "field.nc", overwrite=True)
