"""Coordinates of arrays: centres, edges, counts, falling ones, the globe, disorder."""

import numpy as np
import pytest
from published import stack

from mamba_diffae.fields import Axis, AxisError, Grid
from mamba_diffae.sources import from_array


@pytest.mark.usefixtures("silent")
def test_coordinates_may_be_centres_edges_or_counts():
    axes = {"time": 4, "depth": [0, 5, 10, 30, 100], "x": np.arange(7.0)}
    data = from_array(stack(3, 4, 4, 7), axes=axes, units={"depth": "m", "value": "K"})
    time, depth, x = data.grid.axes
    np.testing.assert_array_equal(time.edges, [0, 0.25, 0.5, 0.75, 1])
    np.testing.assert_array_equal(depth.edges, axes["depth"])
    np.testing.assert_array_equal(x.centres, axes["x"])
    assert (depth.unit, data.variables[0].unit) == ("m", "K")


@pytest.mark.usefixtures("silent")
def test_a_grid_is_taken_as_it_is():
    mask = np.ones((3, 4), bool)
    mask[0] = False
    grid = Grid((Axis.regular("y", 0, 3, 3), Axis.regular("x", 5, 6, 4)), mask)
    assert from_array(stack(5, 3, 4), axes=grid).grid == grid


def test_falling_coordinates_are_turned_with_values_and_masks():
    latitude, longitude = np.arange(30.0, -31, -10), np.arange(0.0, 50, 10)
    values, sea = stack(4, 7, 5), np.ones((7, 5), bool)
    values[1, 6], sea[0, 1] = np.nan, False
    rising = from_array(
        values[:, ::-1], axes={"lat": latitude[::-1], "lon": longitude}, mask=sea[::-1]
    )
    with pytest.warns(UserWarning, match="axis 'lat' fall, from 30 to -30; .* are turned"):
        falling = from_array(values, axes={"lat": latitude, "lon": longitude}, mask=sea)
    assert falling.grid == rising.grid
    np.testing.assert_array_equal(falling.values, rising.values)
    np.testing.assert_array_equal(falling.valid, rising.valid)
    assert min(falling.values.strides) > 0
    assert not falling.valid_mask()[1, 0].any()


@pytest.mark.usefixtures("silent")
def test_the_globe_closes_in_degrees_unless_something_else_is_said():
    axes = {"lat": np.arange(-75.0, 90, 30), "lon": np.arange(0.0, 360, 30, dtype=np.float32)}
    data = from_array(stack(3, 6, 12), axes=axes)
    assert data.grid.periodic == (False, True)
    assert [axis.unit for axis in data.grid.axes] == ["degrees_north", "degrees_east"]
    assert from_array(stack(3, 6, 12), axes=axes, periodic=()).grid.periodic == (False, False)
    half = axes | {"lon": np.arange(0.0, 180, 15)}
    assert from_array(stack(3, 6, 12), axes=half).grid.periodic == (False, False)
    metres = from_array(stack(3, 6, 12), axes=axes, units={"lon": "m"})
    assert metres.grid.periodic == (False, False)
    assert from_array(stack(3, 6, 12), periodic="x").grid.periodic == (False, True)


@pytest.mark.parametrize(
    ("x", "named"),
    [
        ([0, 1, 1, 2], "neither rise nor fall throughout: number 1 is 1 and number 2 is 1"),
        ([0, 1, np.nan, 3], "1 coordinates that are NaN"),
    ],
)
def test_coordinates_in_disorder_are_named(x, named):
    with pytest.raises(AxisError, match=f"axis 'x' .*{named}"):
        from_array(stack(3, 6, 4), axes={"y": 6, "x": x})


@pytest.mark.parametrize("x", [list("abcd"), [None] * 4, np.arange(4).astype("datetime64[D]")])
def test_coordinates_that_are_no_numbers_are_named(x):
    with pytest.raises(AxisError, match=r"axis 'x' has coordinates of the type .* times as hours"):
        from_array(stack(3, 6, 4), axes={"y": 6, "x": x})


def test_latitudes_beyond_the_poles_are_refused_unless_they_have_another_unit():
    axes = {"lat": np.arange(0.0, 360, 60), "lon": np.arange(-75.0, 105, 15)}
    with pytest.raises(AxisError, match=r"'lat' reaches from 0 to 300; .*±90 .*swapped.*\"km\""):
        from_array(stack(3, 6, 12), axes=axes)
    data = from_array(stack(3, 6, 12), axes=axes, units={"lat": "km"})
    assert not data.grid.axes[0].is_latitude


def test_a_repeated_meridian_is_refused():
    axes = {"lat": np.arange(-75.0, 90, 30), "lon": np.arange(0.0, 361, 30)}
    with pytest.raises(AxisError, match=r"from 0 to 360 degrees.*drop the last column, lon\[:-1\]"):
        from_array(stack(3, 6, 13), axes=axes)
    # As edges of twelve cells the same numbers are a circle.
    assert from_array(stack(3, 6, 12), axes=axes).grid.periodic == (False, True)


@pytest.mark.usefixtures("silent")
def test_longitudes_across_the_seam_go_on_beyond_it():
    axes = {"lat": np.arange(-75.0, 90, 30), "lon": np.arange(340.0, 380, 4)}
    (lon,) = from_array(stack(3, 6, 10), axes=axes).grid.axes[1:]
    assert (lon.unit, lon.periodic) == ("degrees_east", False)


def test_longitudes_that_were_sorted_across_the_seam_are_refused():
    axes = {"lat": 6, "lon": np.sort([*range(170, 180, 2), *range(-180, -170, 2)])}
    with pytest.raises(AxisError, match=r"no cells between -172 and 170 .*np\.roll\(array, -5"):
        from_array(stack(3, 6, 10), axes=axes)


def test_a_circle_of_unlike_cells_is_not_taken_as_periodic():
    axes = {"lat": 6, "lon": [0.0, 10, 20, 30, 40, 50, 150, 250, 360]}
    with pytest.warns(UserWarning, match="widest cell spans 110 .* not taken as periodic"):
        data = from_array(stack(3, 6, 8), axes=axes)
    assert data.grid.periodic == (False, False)
