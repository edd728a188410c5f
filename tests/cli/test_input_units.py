"""What a file states in another unit reaches a model in its own: values and their errors."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import xarray as xr

from mamba_diffae.cli.models import OpenedModel
from mamba_diffae.fields import Axis, Grid, Variable


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
    estimator: Any = SimpleNamespace(variables=(Variable("level", "m"),), grid=Grid((y, x)))
    opened = OpenedModel("a model", estimator, None)
    data = opened.input(tmp_path / "level.nc", {"noise": ["error"]})
    np.testing.assert_allclose(data.values[0, ..., 0], height)
    assert data.noise is not None
    np.testing.assert_allclose(data.noise[0, ..., 0], error)
