"""A data set as input of the shell: its ending, and values and errors in another unit."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import xarray as xr

from mamba_diffae.benchmark.opened_model import OpenedModel
from mamba_diffae.cli.reading import is_dataset_name
from mamba_diffae.fields import Axis, Grid, Variable
from mamba_diffae.fields.cf.writing import NETCDF, ZARR


@pytest.mark.parametrize("ending", [*NETCDF, ZARR])
def test_the_shell_knows_every_ending_of_a_data_set(ending):
    assert is_dataset_name(Path(f"sst{ending}"))


def test_errors_are_converted_with_the_values(tmp_path):
    y, x = Axis.regular("y", 0, 4, 4, "m"), Axis.regular("x", 0, 3, 3, "m")
    rng = np.random.default_rng(0)
    height, error = rng.normal(size=(4, 3)), rng.uniform(1, 2, (4, 3))
    xr.Dataset(
        {
            "level": (("y", "x"), 100 * height, {"units": "cm"}),
            "error": (("y", "x"), 100 * error, {"units": "cm"}),
        },
        {"y": ("y", y.centres, {"units": "m"}), "x": ("x", x.centres, {"units": "m"})},
    ).to_netcdf(tmp_path / "level.nc")
    fitted = SimpleNamespace(scaler=SimpleNamespace(covariates=None))
    about = {"variables": (Variable("level", "m"),), "grid": Grid((y, x)), "fitted": fitted}
    estimator: Any = SimpleNamespace(**about)
    opened = OpenedModel("a model", estimator, None)
    data = opened.input(tmp_path / "level.nc", {"noise": ["error"]})
    np.testing.assert_allclose(data.values[0, ..., 0], height)
    assert data.noise is not None
    np.testing.assert_allclose(data.noise[0, ..., 0], error)
