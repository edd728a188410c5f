"""A model is fitted on xarray objects and answers in their terms."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from mamba_diffae import FieldAutoencoder, Grid, Prediction, observe, open_field
from mamba_diffae.fields import ValuesError

LAT, LON = np.linspace(-70, 70, 8), np.arange(0, 360, 30.0)
ATTRIBUTES = {"units": "K", "standard_name": "air_temperature"}


@pytest.fixture(scope="module")
def data() -> xr.Dataset:
    """Smooth fields around the globe, one a day."""
    rng = np.random.default_rng(0)
    phase = rng.uniform(0, 2 * np.pi, (2, 20, 1, 1))
    wave = np.sin(np.deg2rad(LON) + phase[0]) * np.cos(np.deg2rad(2 * LAT[:, None]) + phase[1])
    time = np.datetime64("2001-01-01", "ns") + np.arange(20) * np.timedelta64(1, "D")
    return xr.Dataset(
        {"t2m": (("time", "lat", "lon"), 280 + 10 * wave, ATTRIBUTES)},
        {
            "time": time,
            "lat": ("lat", LAT, {"units": "degrees_north"}),
            "lon": ("lon", LON, {"units": "degrees_east"}),
        },
    )


@pytest.fixture(scope="module")
def fitted(data: xr.Dataset, few: dict) -> FieldAutoencoder:
    model = FieldAutoencoder("tiny", changes=few, device="cpu")
    return model.fit(open_field(data, snapshot_dim="time"), phases=["autoencoder", "ensemble"])


def seen(data: xr.Dataset, count: int = 2):
    """Every cell of the first fields, which are the same ones whatever the convention."""
    fields = open_field(data, snapshot_dim="time").take(slice(0, count))
    return observe(fields, 1.0)


FORMS = {
    "falling latitudes": lambda d: d.isel(lat=slice(None, None, -1)),
    "west and east": lambda d: d.assign_coords(
        lon=("lon", (d.lon.values + 180) % 360 - 180, d.lon.attrs)
    ).sortby("lon"),
    "transposed": lambda d: d.transpose("lon", "lat", "time"),
    "renamed": lambda d: d.rename(lat="latitude", lon="longitude"),
}  # fmt: skip


def test_the_answer_keeps_dimensions_coordinates_attributes_and_units(fitted, data):
    like = data.isel(time=slice(0, 2))
    told = fitted.predict(seen(data), targets=like, n_draws=3)
    assert isinstance(told, xr.Dataset)
    assert told.t2m.dims == like.t2m.dims
    assert told.t2m_draws.dims == ("realization", *like.t2m.dims)
    for name in ("time", "lat", "lon"):
        xr.testing.assert_identical(told[name].variable, like[name].variable)
    assert told.t2m.attrs["units"] == "K"
    assert told.t2m.attrs["standard_name"] == "air_temperature"
    plain = fitted.predict(seen(data), n_draws=3)
    np.testing.assert_array_equal(told.t2m, plain.mean[..., 0])
    np.testing.assert_array_equal(told.t2m_draws, plain.draws[..., 0])


@pytest.mark.parametrize("form", FORMS)
def test_a_copy_in_another_convention_gets_the_same_answer_in_its_terms(fitted, data, form):
    like = data.isel(time=slice(0, 2))
    told = fitted.predict(seen(data), targets=like).t2m
    copy = FORMS[form](like)
    other = fitted.predict(seen(copy), targets=copy).t2m
    assert other.dims == copy.t2m.dims
    expected = FORMS[form](told.to_dataset()).t2m
    np.testing.assert_allclose(other.values, expected.values, atol=1e-4)


def test_coarser_and_finer_targets(fitted, data):
    coarse = fitted.predict(seen(data), targets=data.coarsen(lat=2, lon=3).mean().isel(time=[0, 1]))
    assert dict(coarse.t2m.sizes) == {"time": 2, "lat": 4, "lon": 4}
    fine = xr.Dataset(coords={"lat": np.arange(-30, 31, 5.0), "lon": np.arange(-20, 41, 5.0)})
    told = fitted.predict(seen(data, 1), targets=fine)
    assert told.t2m.dims == ("lat", "lon")
    assert bool(np.isfinite(told.t2m).all())


def test_a_latent_is_decoded_in_the_terms_of_the_targets(fitted, data):
    like = data.isel(time=slice(0, 2))
    told = fitted.decode(fitted.encode(seen(data)), targets=like)
    assert told.t2m.dims == like.t2m.dims


def test_a_grid_gets_a_prediction_that_becomes_a_data_set(fitted, data):
    told = fitted.predict(seen(data), targets=Grid(fitted.grid.axes))
    assert isinstance(told, Prediction)
    assert told.to_xarray().t2m.attrs["units"] == "K"
    np.testing.assert_array_equal(told.to_xarray().t2m, told.mean[..., 0])


def test_a_data_set_in_other_units_gets_the_same_answer_in_its_own(fitted, data):
    """What was fitted in one unit is asked with observations and targets in others."""
    copy = data.isel(time=slice(0, 2)).copy()
    copy["t2m"] = (data.t2m.isel(time=[0, 1]) - 273.15).assign_attrs(units="degC")
    with pytest.warns(UserWarning, match="observed 't2m' from degC to K: converted"):
        told = fitted.predict(seen(copy), targets=copy, n_draws=2)
    expected = fitted.predict(seen(data), targets=data.isel(time=[0, 1]), n_draws=2)
    assert told.t2m.attrs["units"] == "degC"
    np.testing.assert_allclose(told.t2m + 273.15, expected.t2m, atol=1e-4)
    np.testing.assert_allclose(told.t2m_std, expected.t2m_std, atol=1e-4)
    wrong = copy.assign(t2m=copy.t2m.assign_attrs(units="m"))
    with pytest.raises(ValuesError, match="observed 't2m' is in 'm', but 'K' is expected"):
        fitted.predict(seen(wrong))
