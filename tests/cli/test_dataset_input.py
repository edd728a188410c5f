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


def test_another_source_is_scored_in_the_units_and_axes_of_the_model(tmp_path):
    y, x = Axis.regular("y", 0, 4, 4, "m"), Axis.regular("x", 0, 3, 3, "m")
    kelvin = np.random.default_rng(0).uniform(280, 290, (2, 4, 3))
    xr.Dataset(
        {"sst": (("time", "x", "y"), kelvin.transpose(0, 2, 1) - 273.15, {"units": "degC"})},
        {
            "time": np.array(["2020-01-01", "2020-01-02"], dtype="datetime64[ns]"),
            "y": ("y", y.centres / 1000, {"units": "km"}),
            "x": ("x", x.centres, {"units": "m"}),
        },
    ).to_netcdf(tmp_path / "sst.nc")
    ours = Variable("sst", "K", limits=(270, 300))
    estimator: Any = SimpleNamespace(variables=(ours,), grid=Grid((y, x)))
    with pytest.warns(UserWarning, match="'sst' from degC to K"):
        scored = OpenedModel("a model", estimator, None).fields(str(tmp_path / "sst.nc"))[1]
    np.testing.assert_allclose(scored.values[..., 0], kelvin, rtol=1e-6)
    assert scored.variables == (ours,)
    assert scored.grid.names == ("y", "x")
    np.testing.assert_allclose(scored.grid.axes[0].edges, y.edges)
