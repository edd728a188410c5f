"""Places outside the grid: which, how many, where it lies, and what was probably meant."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mamba_diffae.fields import (
    Axis,
    CoordinateError,
    Grid,
    ShapeError,
    ValuesError,
    check_inside,
    check_support,
)

shapes = st.lists(st.integers(1, 5), min_size=1, max_size=3).map(tuple)
EUROPE = Grid(
    (
        Axis.regular("lat", 35, 70, 7, "degrees_north"),
        Axis.regular("lon", 100, 250, 10, "degrees_east"),
    )
)


@given(shapes, st.integers(0, 99))
def test_places_inside_stay_as_they_are(random_grid, shape, seed):
    grid = random_grid(seed, shape)
    low, high = np.array([[a.low, a.high] for a in grid.axes]).T
    coords = low + (high - low) * np.random.default_rng(seed).random((6, grid.dim))
    np.testing.assert_array_equal(check_inside(coords, grid), coords)


@given(shapes, st.integers(0, 99))
def test_one_rounding_outside_is_put_on_the_border(random_grid, shape, seed):
    grid = random_grid(seed, shape)
    low, high = np.array([[a.low, a.high] for a in grid.axes]).T
    corners = np.stack([low - 5e-6 * (high - low), high + 5e-6 * (high - low)])
    np.testing.assert_array_equal(check_inside(corners, grid), np.stack([low, high]))


def test_single_precision_puts_no_centre_outside():
    grid = Grid.regular(((0.1, 0.7), (1e5, 1e5 + 3)), (3, 3))
    edges = np.array([[axis.low, axis.high] for axis in grid.axes]).T.astype(np.float32)
    assert check_inside(edges, grid).dtype == np.float64


def test_places_are_not_changed_in_place():
    coords = np.array([[1.000001]])
    check_inside(coords, Grid.regular(((0, 1),), (3,)))
    assert coords[0, 0] == 1.000001


@given(st.integers(-1, 1), st.floats(0, 359))
def test_periodic_places_come_back(turns, longitude):
    grid = Grid((Axis.regular("lon", -180, 180, 8, "degrees_east", periodic=True),))
    found = check_inside(np.array([[longitude + 360.0 * turns]]), grid)
    assert -180 <= found[0, 0] <= 180
    angle = np.deg2rad([found[0, 0], longitude])
    np.testing.assert_allclose(np.exp(1j * angle[0]), np.exp(1j * angle[1]), atol=1e-9)


@pytest.mark.parametrize("longitude", [-999.0, 9.97e36])
def test_a_fill_value_is_no_place_on_a_periodic_axis(longitude):
    grid = Grid((Axis.regular("lon", 0, 360, 8, "degrees_east", periodic=True),))
    with pytest.raises(CoordinateError, match="1 of 1 observations lie outside the grid"):
        check_inside(np.array([[longitude]]), grid)


def test_places_outside_are_counted_numbered_and_shown():
    coords = np.array([[50.0, 120], [80, 120], [50, 300], [20, 110], [10, 110], [60, 200]])
    with pytest.raises(CoordinateError) as error:
        check_inside(coords, EUROPE)
    told = str(error.value)
    assert told.startswith("4 of 6 observations lie outside the grid, number 1, 2, 3, …, the first")
    assert "at lat 80, lon 120" in told
    assert "lat from 35 to 70 degrees_north, lon from 100 to 250 degrees_east" in told
    assert told.endswith("Drop them, or use a model of a larger region.")


def test_columns_in_the_wrong_order_are_recognised():
    coords = np.array([[200.0, 40.0], [120.0, 60.0]])
    with pytest.raises(
        CoordinateError, match=r"at lat 200, lon 40; .*\(lon, lat\) all .*\(lat, lon\)"
    ):
        check_inside(coords, EUROPE)


def test_the_order_of_three_columns_is_recognised():
    grid = Grid.regular(((0, 1), (10, 11), (20, 21)), (2, 2, 2))
    with pytest.raises(CoordinateError, match=r"in the order \(x, z, y\) all .*as \(z, y, x\)"):
        check_inside(np.array([[20.5, 0.5, 10.5]]), grid)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("periodic", [True, False])
def test_what_is_no_number_lies_outside(bad, periodic):
    grid = Grid((Axis.regular("lon", 0, 360, 4, "degrees_east", periodic=periodic),))
    with pytest.raises(CoordinateError, match="1 of 2 targets lie outside the grid, number 1"):
        check_inside(np.array([[3.0], [bad]]), grid, "targets")


@pytest.mark.parametrize("shape", [(3, 1), (3, 3), (0, 2), (2,)])
def test_other_columns_than_axes_are_refused(shape):
    with pytest.raises(ShapeError, match=r"expected \(N, 2\), .*with the columns lat, lon"):
        check_inside(np.full(shape, 50.0), EUROPE)


def test_a_support_larger_than_the_field_is_refused():
    sides = np.array([[10.0, 10.0], [10.0, 151.0], [10.0, 200.0]])
    with pytest.raises(ValuesError) as error:
        check_support(sides, EUROPE)
    told = str(error.value)
    assert told.startswith("2 of 3 supports are larger than the field: the largest is 200 degrees")
    assert "along lon, but the field has lon from 100 to 250 degrees_east" in told
    check_support(np.array([[35.0, 150.0]]), EUROPE)
