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


PACIFIC = np.arange(170.0, 190, 2)
TURNED = (PACIFIC + 180) % 360 - 180
SEAMS = {
    "a jump": np.arange(10),
    "sorted across the seam": np.argsort(TURNED),
    "falling with a jump": np.arange(10)[::-1],
    "begun in the middle": np.roll(np.arange(10), 3),
}


@pytest.mark.parametrize("form", SEAMS)
def test_longitudes_with_a_seam_among_them_are_put_in_order_with_their_values(form):
    values, order = stack(3, 6, 10), SEAMS[form]
    axes = {"lat": np.arange(-75.0, 90, 30), "lon": TURNED[order]}
    with pytest.warns(UserWarning, match="behind a seam of the globe: .* 170 to 188, and the val"):
        data = from_array(values[..., order], axes=axes)
    straight = from_array(values, axes=axes | {"lon": PACIFIC})
    assert data.grid == straight.grid
    np.testing.assert_array_equal(data.values, straight.values)


@pytest.mark.parametrize("first", [180, 0, 100])
def test_a_globe_begun_at_any_meridian_is_one_circle(first):
    values, lon = stack(3, 6, 12), np.arange(0.0, 360, 30)
    axes = {"lat": np.arange(-75.0, 90, 30), "lon": (lon + first + 180) % 360 - 180}
    (axis,) = from_array(values, axes=axes).grid.axes[1:]
    assert axis.periodic
    assert -195 <= axis.low < axis.high <= 540
    np.testing.assert_allclose(np.mod(axis.centres - axes["lon"], 360) % 360, 0, atol=1e-9)


def test_longitudes_in_no_order_are_refused():
    axes = {"lat": 6, "lon": [0.0, 20, 10, 30, 40, 50, 60, 70, 80, 90]}
    with pytest.raises(AxisError, match="neither rise nor fall"):
        from_array(stack(3, 6, 10), axes=axes)


def test_a_circle_of_unlike_cells_is_not_taken_as_periodic():
    axes = {"lat": 6, "lon": [0.0, 10, 20, 30, 40, 50, 150, 250, 360]}
    with pytest.warns(UserWarning, match="widest cell spans 110 .* not taken as periodic"):
        data = from_array(stack(3, 6, 8), axes=axes)
    assert data.grid.periodic == (False, False)
