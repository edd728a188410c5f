"""Placing sensors as a user does: where they go, what is refused, and what comes out."""

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import mamba_diffae as mda
from mamba_diffae import Axis, FieldAutoencoder, FieldData, Grid, Observations, Variable
from mamba_diffae.fields import (
    CoordinateError,
    FieldError,
    NotFittedError,
    PlacementError,
    ShapeError,
    TableError,
    ValuesError,
)
from mamba_diffae.placement import place_sensors
from mamba_diffae.placement.measuring import measured
from mamba_diffae.placement.spacing import EARTH_RADIUS, Spacing


def great_circle(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """By the law of cosines, in kilometres."""
    (p, q), (r, s) = np.deg2rad(a).T, np.deg2rad(b).T
    cosine = np.sin(p) * np.sin(r) + np.cos(p) * np.cos(r) * np.cos(q - s)
    return EARTH_RADIUS * np.arccos(np.clip(cosine, -1, 1))


def test_it_is_public():
    assert mda.place_sensors is place_sensors


@settings(max_examples=15)
@given(distance=st.floats(0, 330), count=st.integers(1, 5), seed=st.integers(0, 9))
def test_no_two_sensors_stand_nearer_than_allowed(model, distance, count, seed):
    standing = np.array([[48.0, 8.0]])
    found = place_sensors(model, count, existing=standing, min_distance=distance, seed=seed)
    for arm in (found.greedy, found.qr, *found.random):
        places = np.concatenate([standing, arm.coords])
        pairs = [(i, j) for i in range(len(places)) for j in range(i)]
        apart = great_circle(*(places[list(k)] for k in zip(*pairs, strict=True)))
        assert apart.min() >= distance * (1 - 1e-5)


@settings(max_examples=15)
@given(seed=st.integers(0, 1000), share=st.floats(0.05, 0.9))
def test_only_cells_that_exist_and_are_allowed_are_chosen(model, seed, share):
    mask = np.random.default_rng(seed).random(model.grid.shape) < share
    allowed = mask & model.grid.exists
    if allowed.sum() < 3:
        return
    found = place_sensors(model, 3, candidates=mask)
    centres = set(map(tuple, model.grid.centres()[allowed.ravel()]))
    for arm in (found.greedy, found.qr, *found.random):
        assert set(map(tuple, arm.coords)) <= centres
        assert len(set(map(tuple, arm.coords))) == 3
    everywhere = place_sensors(model, 3)
    exist = set(map(tuple, model.grid.centres()[model.grid.exists.ravel()]))
    assert set(map(tuple, everywhere.coords)) <= exist


def test_the_neighbourhood_of_existing_sensors_is_not_chosen_first(model):
    first = place_sensors(model, 1).coords[0]
    found = place_sensors(model, 1, existing=first[None] + 0.2)
    assert great_circle(found.coords, first[None])[0] > 200
    assert found.expected[0, 0] < place_sensors(model, 1).expected[0, 0]


def test_another_unit_gives_the_same_places(fitted, sea_data):
    data = sea_data()
    values = 1.8 * data.values + 32
    warm = [Variable.of_values("v0", values[data.valid_mask()], "degF")]
    cold = [Variable.of_values("v0", data.values[data.valid_mask()], "degC")]
    models = [
        fitted(FieldData(v, data.grid, x, splits=data.splits), "analogue")
        for v, x in ((cold, data.values), (warm, values))
    ]
    celsius = place_sensors(models[0], 4, noise=0.1)
    fahrenheit = place_sensors(models[1], 4, noise=0.18)
    assert np.array_equal(celsius.coords, fahrenheit.coords)
    np.testing.assert_allclose(1.8 * celsius.expected, fahrenheit.expected, rtol=1e-3)
    assert fahrenheit.error_name == "RMSE of v0 in degF"


def test_the_same_seed_gives_the_same_and_another_only_other_random_ones(model):
    a, b, c = (place_sensors(model, 3, seed=seed) for seed in (1, 1, 2))
    assert np.array_equal(a.random_curves(), b.random_curves())
    assert not np.array_equal(a.random_curves(), c.random_curves())
    assert np.array_equal(a.coords, c.coords)
    assert np.array_equal(a.qr.coords, c.qr.coords)


def test_candidates_may_be_places_a_table_or_a_file(model, tmp_path):
    places = np.array([[46.5, 3.0], [50.5, 9.5], [41.5, 12.5], [46.5, 3.0]])
    table = pd.DataFrame({"Longitude": places[:, 1], "depth": 1.0, "latitude": places[:, 0]})
    table.to_csv(tmp_path / "places.csv", index=False)
    found = [place_sensors(model, 3, candidates=c).coords for c in (places, table)]
    found.append(place_sensors(model, 3, candidates=tmp_path / "places.csv").coords)
    assert np.array_equal(found[0], found[1])
    assert np.array_equal(found[0], found[2])
    with pytest.raises(PlacementError, match="there are 3 candidates"):  # each place once
        place_sensors(model, 4, candidates=places)


def test_observations_that_exist_count_with_their_variables_and_noise(pair):
    coords = [[48.0, 8.0], [44.0, 12.0]]
    rough = Observations.from_points(coords, [[1.0, 2.0], [1.0, np.nan]], noise=5.0)
    exact = Observations.from_points(coords, [[1.0, 2.0], [1.0, 2.0]], noise=0.0)
    errors = [place_sensors(pair, 1, existing=e).expected[0] for e in (None, rough, exact)]
    assert (errors[0] > errors[1]).all()
    assert (errors[1] > errors[2]).all()


def test_noise_of_the_sensors_leaves_more_error(model):
    errors = [place_sensors(model, 3, noise=s).expected[-1, 0] for s in (0.0, 0.5, 3.0)]
    assert errors[0] < errors[1] < errors[2]


def test_the_result_as_a_table_and_in_words(pair):
    found = place_sensors(pair, 3)
    frame = found.to_frame()
    assert list(frame.columns[:5]) == ["lat", "lon", "v0_rmse", "v1_rmse", "standardised_rmse"]
    assert list(frame.index) == [1, 2, 3]
    assert len(found) == 3
    assert np.array_equal(frame[["lat", "lon"]].to_numpy(), found.coords)
    assert found.greedy.std.shape == (*pair.grid.shape, 2)
    assert np.isnan(found.greedy.std[0, 0]).all()
    told = found.describe()
    assert "New sensors: 3, existing: 0. Expected standardised RMSE from 1 to" in told
    assert "3. lat" in told


def test_what_the_sensors_read_and_what_the_model_makes_of_it(model, sea_data):
    truth = sea_data().split("test")
    standing = [[48.5, 8.5]]
    found = place_sensors(model, 4, existing=standing, truth=truth)
    seen = found.observe(truth)
    assert seen.coords.shape == (len(truth), 5, 2)
    cell = torch.from_numpy(truth.values[:, 8, 8])
    torch.testing.assert_close(seen.values[:, 0], cell, rtol=1e-9, atol=0)
    for arm in (found.greedy, found.qr, found.random[0]):
        assert sorted(arm.actual) == [1, 2, 4]
    expected = model.predict(seen).mean - truth.values
    weight = truth.weights()
    rmse = np.sqrt((np.where(weight > 0, expected, 0) ** 2 * weight).sum() / weight.sum())
    assert found.greedy.actual[4][0] == pytest.approx(rmse, rel=1e-6)
    noisy = place_sensors(model, 2, noise=0.5)
    first, second = (noisy.observe(truth, seed=k).values for k in (0, 1))
    assert (first - second).std() == pytest.approx(0.5 * 2**0.5, rel=0.6)
    assert (noisy.observe(truth).noise == 0.5).all()


def test_where_random_sensors_find_no_room_there_are_fewer(model, sea_data):
    found = place_sensors(model, 5, min_distance=550)
    assert min(len(arm.coords) for arm in found.random) < 5
    assert all(arm.expected.shape == (6, 1) for arm in found.random)
    few = measured(model, found, found.coords[:2], sea_data().split("test"), seed=0)
    assert sorted(few) == [1, 2, 5]
    assert few[5] == few[2] != few[1]


@pytest.mark.slow
def test_what_is_expected_by_the_default_prior_is_what_is_measured(fitted, sea_data):
    data = sea_data(80)
    found = place_sensors(fitted(data), 6, truth=data.split("test"))
    measured, expected = found.greedy.actual[6][0], found.expected[-1, 0]
    assert 0.5 < measured / expected < 2
    assert found.curve(found.greedy)[-1] < found.random_curves()[:, -1].mean()


FEW = np.zeros((12, 16), bool)
"""A mask of three cells, two of them neighbours."""
FEW[4, 4:6] = FEW[9, 12] = True


@pytest.mark.parametrize(
    ("n", "options", "error", "told"),
    [
        (0, {}, ValuesError, "1 or more"),
        (2.5, {}, ValuesError, "whole number"),
        (True, {}, ValuesError, "whole number"),
        (3, {"candidates": [[48.0, 8.0], [50.0, 9.0]]}, PlacementError, "there are 2 candidates"),
        (9, {"min_distance": 900.0}, PlacementError, r"only \d could be placed .* 900 km"),
        (2, {"min_distance": -1.0}, ValuesError, "0 or a positive distance in km"),
        (2, {"min_distance": float("nan")}, ValuesError, "0 or a positive"),
        (2, {"candidates": [[48.0, np.nan], [50, 9]]}, CoordinateError, "the first is number 0"),
        (2, {"candidates": [[8.0, 48.0], [9.0, 50.0]]}, CoordinateError, "in the order"),
        (1, {"candidates": [[40.5, 1.0]]}, PlacementError, "None of the 1 candidates lies"),
        (1, {"candidates": np.zeros((12, 16), bool)}, PlacementError, "True in 0 cells, .* 172"),
        (
            1,
            {"candidates": np.ones((16, 12), bool)},
            ShapeError,
            r"bool of shape \(12, 16\).*sk\.T",
        ),
        (
            1,
            {"candidates": np.ones((12, 15), bool)},
            ShapeError,
            r"\(12, 16\), True where a .*nd\.$",
        ),
        (1, {"candidates": np.eye(12, 16, dtype=int)}, ShapeError, r"as int64; .*astype\(bool\)"),
        (
            9,
            {"candidates": FEW},
            PlacementError,
            r"there are 3 candidates, .* mask is True; .* most",
        ),
        (3, {"candidates": FEW, "min_distance": 200.0}, PlacementError, "only 2 could be placed"),
        (1, {"candidates": np.ones((4, 3))}, ShapeError, r"places \(M, 2\)"),
        (1, {"candidates": [[48.0, 8.0], [50.0]]}, ValuesError, "no numbers"),
        (1, {"candidates": [["a", "b"]]}, ValuesError, "no numbers"),
        (1, {"candidates": []}, ShapeError, "one at least"),
        (1, {"candidates": pd.DataFrame({"lat": [48.0]})}, TableError, "'lon'"),
        (1, {"existing": [[48.0, 99.0]]}, CoordinateError, "existing lie outside"),
        (1, {"noise": -0.1}, ValuesError, "standard deviation"),
        (1, {"noise": [0.1, 0.2]}, ValuesError, "one for each variable"),
    ],
)
def test_bad_input_is_refused_with_advice(model, n, options, error, told):
    with pytest.raises(error, match=told):
        place_sensors(model, n, **options)


def test_models_that_state_no_law_are_refused(fitted, sea_data):
    with pytest.raises(NotFittedError):
        place_sensors(FieldAutoencoder("tiny"), 1)
    with pytest.raises(FieldError, match="prior='mixture'"):
        place_sensors(fitted(sea_data(), "none"), 1)


def test_observations_of_several_fields_are_no_set_of_sensors(model, sea_data):
    seen = mda.observe(sea_data().split("test"), 0.2)
    with pytest.raises(ShapeError, match="expected one field"):
        place_sensors(model, 1, existing=seen)
    with pytest.raises(ShapeError, match=r"truth.at\(model.grid\)"):
        place_sensors(model, 1, truth=sea_data().at((6, 8)))


@pytest.mark.parametrize("periodic", [False, True])
def test_distances_go_the_short_way_round(fitted, periodic):
    y, x = Axis.regular("y", 0, 4, 4, "m"), Axis.regular("x", 0, 20, 10, "m", periodic=periodic)
    values = np.random.default_rng(0).normal(size=(8, 4, 10, 1))
    model = fitted(FieldData([Variable("v")], Grid((y, x)), values), "analogue")
    spacing = Spacing(model.fitted.scaler, 3.0)
    assert spacing.unit == "m"
    found = spacing.distances(np.array([1.0, 1.0]), np.array([[1.0, 19.0], [2.0, 1.0], [3, 1]]))
    np.testing.assert_allclose(found, [2.0 if periodic else 18.0, 1.0, 2.0], atol=1e-9)
