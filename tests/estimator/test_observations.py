"""What users give as observations and fields: mended where that is safe, else refused by name."""

import warnings
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch

from mamba_diffae import Axis, FieldAutoencoder, Grid, Observations, observe
from mamba_diffae.estimator.checks import warn_if_far
from mamba_diffae.estimator.observed import observed
from mamba_diffae.estimator.scaling import FieldScaler
from mamba_diffae.fields import Affine, FieldData, Log, ValuesError, Variable

GRID = Grid((
    Axis.regular("lat", 50, 60, 10, "degrees_north"),
    Axis.regular("lon", 0, 20, 16, "degrees_east"),
))  # fmt: skip
VARIABLES = (
    Variable("pressure", "Pa", Affine(98000, 104000)),
    Variable("chlorophyll", "mg/m3", Log.fit(np.array([0.01, 1.0, 20.0]))),
)


@pytest.fixture(scope="module")
def scaler() -> FieldScaler:
    values = np.random.default_rng(0).uniform(1, 2, (4, *GRID.shape, 2))
    return FieldScaler.of(FieldData(VARIABLES, GRID, values))


def points(coords, count=2, **parts) -> Observations:
    coords = np.asarray(coords, np.float64)
    values = np.tile([101325.0, 0.5], (len(coords), 1))[:, :count]
    return Observations.from_points(coords, values, **parts)


def batch(*parts: Observations) -> Observations:
    return Observations.stack(parts)


def test_one_rounding_outside_is_put_on_the_border(scaler):
    inside = scaler.observations(points([[60.00005, 10.0], [50.0, -0.00002]]))
    np.testing.assert_allclose(inside.coords[0].numpy(), [[0.5, 0.5], [0.0, 0.0]], atol=1e-6)


@pytest.mark.parametrize(
    ("coords", "message"),
    [
        (
            [[55, 10], [61, 10], [55, 25]],
            r"2 of 3 observations lie outside the grid, number 1, 2, the first at lat 61, lon 10; "
            r"the grid has lat from 50 to 60 degrees_north, lon from 0 to 20 degrees_east",
        ),
        ([[10, 55], [15, 57]], r"As columns in the order \(lon, lat\) all would lie inside"),
        ([[200, 10]], "1 of 1 observations lie outside the grid, number 0, the first at lat 200"),
        ([[55.0]], r"shape \(1, 1\); expected \(N, 2\).*with the columns lat, lon"),
    ],
)
def test_places_outside_are_numbered(scaler, coords, message):
    with pytest.raises(ValueError, match=message):
        scaler.observations(points(coords))


def test_of_several_fields_the_field_is_named(scaler):
    both = batch(points([[55, 10]]), points([[55, 10], [70, 10]]))
    with pytest.raises(ValueError, match=r"1 of 2 observations of field 1 lie outside.*number 1"):
        scaler.observations(both)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"values": torch.tensor([[[101325.0, -0.5], [101000.0, 0.0]]])},
            r"'chlorophyll' has 2 of 2 values outside the bounds of its transform 'log'.*-0.5",
        ),
        (
            {"values": torch.tensor([[[101325.0, torch.nan], [101000.0, 1.0]]])},
            "1 observed values of 'chlorophyll' are NaN or infinite",
        ),
        ({"noise": torch.tensor([[[-3.0, 0], [1, 0]]])}, "noise of 'pressure' .* such as -3 Pa"),
        ({"noise": torch.full((1, 2, 2), torch.nan)}, "noise of 'pressure' holds 2 negative, NaN"),
        (
            {"support": torch.full((1, 2, 2), -1.0)},
            "support holds 4 negative.* such as -1 degrees_north along lat",
        ),
        (
            {"support": torch.full((1, 2, 2), 15.0)},
            "2 of 2 supports are larger than the field: the largest is 15 degrees_north along lat",
        ),
        ({"covariates": torch.full((1, 2, 1), torch.nan)}, "covariates hold 2 NaN"),
        ({"mask": torch.zeros(1, 2, 2, dtype=torch.bool)}, r"Fields \[0\] have no observation"),
    ],
)
def test_numbers_that_cannot_be(scaler, change, message):
    seen = points([[55, 10], [55, 12]])
    with pytest.raises(ValueError, match=message):
        scaler.observations(replace(seen, **change))


def test_other_variables_are_refused(scaler):
    with pytest.raises(ValueError, match=r"have 1 variables, .* on 2 \(pressure, chlorophyll\)"):
        scaler.observations(points([[55, 10]], count=1))
    other = FieldData([Variable("p"), Variable("q")], GRID, np.ones((1, *GRID.shape, 2)))
    with pytest.raises(ValueError, match=r"variables p, q were given, .*pressure, chlorophyll"):
        scaler.data(other)


def test_fields_on_another_grid_are_refused(scaler):
    grid = Grid.regular(((50, 60), (0, 10)), (10, 16), ("lat", "lon"))
    other = FieldData(VARIABLES, grid, np.ones((1, 10, 16, 2)))
    with pytest.raises(
        ValueError, match=r"10 × 16 cells \(lat from 50 to 60, lon from 0 to 10\) were given, but"
    ):
        scaler.data(other)


def test_an_axis_of_one_cell_is_refused():
    grid = Grid((Axis.regular("time", 0, 1, 1), *GRID.axes))
    data = FieldData(VARIABLES, grid, np.ones((2, 1, 10, 16, 2)))
    with pytest.raises(ValueError, match=r"axis 'time' has one cell; .*drop this one"):
        FieldScaler.of(data)


@pytest.mark.parametrize("observations", [None, np.zeros((3, 2)), [np.zeros((3, 2))], "emoji"])
def test_observations_of_another_type(model, observations):
    with pytest.raises(ValueError, match=r"expected Observations.*observe"):
        model.predict(observations)
    with pytest.raises(ValueError, match=r"expected Observations.*observe"):
        model.encode(observations)


def test_a_batch_without_fields(model, seen):
    with pytest.raises(ValueError, match="observations of no field"):
        model.predict(seen[slice(0, 0)])


def test_whatever_lies_under_an_absent_point_changes_nothing(model, seen):
    mask, odd = seen.mask.clone(), torch.tensor([torch.nan, torch.inf, 1e30, -999.0])
    mask[:, :4] = False
    mask[:, 4, 0] = False
    noise = torch.full_like(seen.values, 0.1)
    covariates = torch.zeros_like(seen.values)
    plain = seen.replace(mask=mask, noise=noise, covariates=covariates)
    spoilt = {"coords": seen.coords, "values": seen.values, "support": seen.support}
    spoilt = {n: x.clone() for n, x in {**spoilt, "noise": noise, "covariates": covariates}.items()}
    for part in spoilt.values():
        part[:, :4] = odd[:, None]
    for part in (spoilt["values"], spoilt["noise"]):
        part[:, 4, 0] = torch.nan
    strange = Observations(mask=mask, **spoilt)
    for use in (model.encode, lambda o: model.predict(o, n_draws=1, steps=2).draws):
        assert np.array_equal(use(strange), use(plain))


def test_support_and_noise_reach_the_latent(model, seen):
    net = model.fitted.network
    first = net.encoder.embed[0].weight
    kept = first.detach().clone()
    try:
        with torch.no_grad():
            first += 0.3 * torch.randn(first.shape, generator=torch.Generator().manual_seed(0))
        latent = model.encode(seen)
        for other in (
            seen.replace(support=0.5 * seen.support),
            seen.replace(support=None),
            seen.replace(noise=torch.full_like(seen.values, 0.5)),
        ):
            assert abs(model.encode(other) - latent).max() > 1e-5
    finally:
        with torch.no_grad():
            first.copy_(kept)


def test_the_packaged_model_reads_noise():
    packaged = FieldAutoencoder.from_pretrained("emoji-96", device="cpu")
    values = np.random.default_rng(0).uniform(0, 255, (2, *packaged.grid.shape, 3))
    seen = observe(FieldData(packaged.variables, packaged.grid, values), 0.2)
    noisy = seen.replace(noise=torch.full_like(seen.values, 50.0))
    assert abs(packaged.encode(noisy) - packaged.encode(seen)).max() > 1e-3


def test_values_of_another_unit_are_told_of(scaler):
    with pytest.warns(UserWarning, match=r"1 of 1 values of 'pressure' lie far outside .* Pa\)"):
        scaler.observations(Observations.from_points([[55, 10]], [[1013.25e3, 0.5]]))
    with pytest.warns(UserWarning, match="are they in another unit"):
        scaler.observations(Observations.from_points([[55, 10]], [[1.013, 0.5]]))


@pytest.mark.parametrize("spare", ["chlor", None])
def test_a_variable_under_another_name_is_told_of(scaler, spare):
    table = pd.DataFrame({"lat": [55.0], "lon": [10.0], "pressure": [101325.0]})
    if spare:
        table[spare] = 0.5
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        seen = observed(table, scaler)
    assert seen.mask[0, 0].tolist() == [True]
    assert seen.labels.variables == ("pressure",)
    said = [str(each.message) for each in told]
    assert len(said) == bool(spare)
    assert all("no column 'chlorophyll'" in text and "'chlor' is not read" in text for text in said)


@pytest.mark.parametrize("celsius", [1, 3])
def test_celsius_for_kelvin_is_told_of_where_most_values_are_so(celsius):
    """Limits as wide as the globe's: 20 °C are no more than three spans below them."""
    values = torch.full((1, 4, 1), 290.0)
    values[:, :celsius] = 20
    given = Observations(torch.zeros(1, 4, 2), values, torch.ones(1, 4, 1, dtype=torch.bool))
    kelvin = [Variable("t2m", "K", Affine(200, 320))]
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        warn_if_far(given, kelvin)
    said = [str(each.message).partition(" lie far outside")[0] for each in told]
    assert said == (["3 of 4 values of 't2m'"] if celsius == 3 else [])


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"parts": {"encoder": int}}, "a class derived from PointEncoder"),
        ({"parts": {"prior": 3}}, "a class derived from Prior"),
        ({"parts": {"encoder": "mambo"}}, "did you mean 'mamba'"),
        ({"objectives": {"flow": "mine"}}, "The objective of phase 'flow' was given as 'mine'"),
    ],
)
def test_parts_that_are_none_are_refused_at_once(given, message):
    with pytest.raises(ValueError, match=message):
        FieldAutoencoder("tiny", **given)


@pytest.mark.parametrize("value", [9.97e36, -1e300, -(2.0**31)])
def test_a_fill_value_among_the_observations_is_refused_and_no_nan_is_told(model, seen, value):
    values = seen.values.clone()
    values[0, 0, 0] = value
    with pytest.raises(ValuesError, match=r"1 of \d+ values of 'v0' are as large as .*fill values"):
        model.predict(seen.with_values(values))
