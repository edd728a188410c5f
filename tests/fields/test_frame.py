"""Inside coordinates: square cells stay square, time has its own length, the globe is a sphere."""

import json

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter1d

from mamba_diffae.fields import Axis, FieldData, Frame, Grid, ShapeError, Variable
from mamba_diffae.fields.frame import correlation_length


def fields(grid, values=None, count=1):
    if values is None:
        values = np.random.default_rng(0).normal(size=(count, *grid.shape, 1))
    return FieldData([Variable("v")], grid, values)


def smoothed(shape, deviations, count=40):
    """White noise, smoothed along each axis over so many cells; wrapped, so that it is even."""
    values = np.random.default_rng(0).normal(size=(count, *shape))
    for axis, deviation in enumerate(deviations, start=1):
        values = gaussian_filter1d(values, deviation, axis, mode="wrap")
    return values[..., None]


def globe(shape=(36, 72), periodic=True):
    latitude = Axis.regular("lat", -90, 90, shape[0], "degrees_north")
    return Grid((latitude, Axis.regular("lon", 0, 360, shape[1], "degrees_east", periodic)))


@pytest.mark.parametrize("shape", [(36, 72), (72, 36), (5,), (4, 6, 3)])
def test_square_cells_stay_square(shape):
    grid = Grid.regular([(100, 100 + 2.5 * n) for n in shape], shape, units=["km"] * len(shape))
    frame = Frame.of(fields(grid))
    inside = frame.inside(grid)
    np.testing.assert_allclose(inside.supports(), 1 / max(shape))
    np.testing.assert_allclose(frame.geometry(grid).extent, np.array(shape) / max(shape))
    assert {axis.low for axis in inside.axes} == {0.0}


def test_a_larger_grid_keeps_the_scale():
    grid = Grid.regular(((0, 10), (0, 20)), (5, 10), units=("m", "m"))
    frame = Frame.of(fields(grid))
    larger = Grid.regular(((-10, 20), (0, 40)), (15, 20), units=("m", "m"))
    np.testing.assert_allclose(frame.inside(larger).supports(), 0.1)
    np.testing.assert_allclose(frame.geometry(larger).extent, (1.5, 2))
    np.testing.assert_allclose(frame.inside(larger).axes[0].edges[[0, -1]], (-0.5, 1))


@pytest.mark.parametrize(("in_time", "in_space", "days"), [(2.0, 2.0, 1.0), (3.0, 1.5, 0.25)])
def test_along_time_correlation_falls_as_in_space(in_time, in_space, days):
    shape = (48, 64)
    time = Axis.regular("time", 0, days * shape[0], shape[0], "days")
    grid = Grid((time, Axis.regular("x", 0, 640, shape[1], "km")))
    frame = Frame.of(fields(grid, smoothed(shape, (in_time, in_space))))
    np.testing.assert_allclose(frame.length[1], 640)
    expected = 640 * (in_time * days) / (in_space * 10)
    np.testing.assert_allclose(frame.length[0], expected, rtol=0.1)


def test_a_given_length_scale_is_taken():
    time = Axis("time", np.arange(9.0), "days", length_scale=5.0)
    grid = Grid((time, Axis.regular("y", 0, 40, 4, "km"), Axis.regular("x", 0, 80, 8, "km")))
    assert Frame.of(fields(grid)).length == (5.0, 80.0, 80.0)
    assert Frame.of(fields(grid)).describe() == "time: 5 days, y: 80 km, x: 80 km"


def test_depth_beside_the_globe_is_no_space_of_its():
    depth = Axis("depth", np.array([0.0, 5, 20, 60, 200]), "m")
    grid = Grid((depth, *globe((6, 12)).axes))
    frame = Frame.of(fields(grid))
    assert frame.length[1:] == (360.0, 360.0)
    assert 0 < frame.length[0] < 1e5
    assert frame.geometry(grid).sphere is not None


def test_gaps_change_no_length():
    values = smoothed((32, 32), (2.0, 2.0))
    grid = Grid((Axis.regular("t", 0, 32, 32, "s"), Axis.regular("x", 0, 32, 32, "m")))
    holed = np.where(np.random.default_rng(1).random(values.shape) < 0.3, np.nan, values)
    complete, gaps = Frame.of(fields(grid, values)), Frame.of(fields(grid, holed))
    np.testing.assert_allclose(gaps.length, complete.length, rtol=0.05)


def test_half_of_the_variance_is_lost_at_the_correlation_length():
    values = smoothed((64, 64), (3.0, 3.0))
    grid = Grid.regular(((0, 128), (0, 64)), (64, 64))
    # A Gaussian filter of s gives the correlation exp(-h² / (4 s²)), a half at 2 s sqrt(ln 2).
    half = 2 * 3 * np.sqrt(np.log(2))
    reached = [correlation_length(fields(grid, values), d) for d in range(2)]
    np.testing.assert_allclose(reached, [2 * half, half], rtol=0.06)


@pytest.mark.parametrize("values", [np.zeros((2, 1, 9, 1)), np.ones((2, 3, 9, 1))])
def test_axes_without_change_still_have_a_length(values):
    shape = values.shape[1:3]
    grid = Grid((Axis.regular("t", 0, 3, shape[0], "s"), Axis.regular("x", 0, 9, shape[1], "m")))
    length = np.array(Frame.of(fields(grid, values)).length)
    assert (np.isfinite(length) & (length > 0)).all()


def test_latitudes_and_longitudes_are_a_sphere():
    grid = globe()
    frame = Frame.of(fields(grid))
    geometry = frame.geometry(grid)
    assert geometry.sphere is not None
    assert geometry.periodic == (False, True)
    places = np.array([[0.0, 179.5], [0.0, 180.5], [60.0, 10.0], [60.0, 12.0], [90, 0], [90, 77]])
    embedded = geometry.embed(torch.from_numpy(frame.coords(places))).numpy() * 360
    apart = np.linalg.norm(embedded[::2] - embedded[1::2], axis=1)
    np.testing.assert_allclose(apart, [1, 2 * np.cos(np.deg2rad(60)), 0], atol=1e-4)


def test_a_region_of_the_globe_is_a_part_of_the_sphere():
    axes = (Axis.regular("lat", 30, 60, 6, "degrees"), Axis.regular("lon", -20, 30, 10, "degrees"))
    grid = Grid(axes)
    frame = Frame.of(fields(grid))
    geometry = frame.geometry(grid)
    pair = torch.from_numpy(frame.coords(np.array([[50.0, 0.0], [50.0, 1.0]])))
    apart = (geometry.embed(pair)[0] - geometry.embed(pair)[1]).norm() * 50
    np.testing.assert_allclose(apart, np.cos(np.deg2rad(50)), rtol=1e-3)


def test_metres_are_no_sphere():
    assert Frame.of(fields(Grid.default((4, 4)))).geometry(Grid.default((4, 4))).sphere is None


def test_areas_of_latitudes_survive():
    grid = globe((18, 36))
    frame = Frame.of(fields(grid))
    inside = frame.inside(grid)
    np.testing.assert_allclose(inside.weights(), grid.weights())
    coarse = inside.regrid((6, 9))
    np.testing.assert_allclose(coarse.weights(), grid.regrid((6, 9)).weights(), rtol=1e-9)
    values = np.random.default_rng(0).normal(size=(2, 18, 36, 1))
    for shape in [(5, 7), (6, 9)]:
        outside = fields(grid, values).at(shape).values
        np.testing.assert_allclose(fields(inside, values).at(shape).values, outside, atol=1e-9)


def test_land_stays_where_it_is():
    mask = np.eye(4, dtype=bool)
    grid = Grid(Grid.default((4, 4)).axes, mask)
    np.testing.assert_array_equal(Frame.of(fields(grid)).inside(grid).exists, mask)


@given(st.integers(0, 99))
def test_coordinates_are_subtracted_in_double_precision(seed):
    rng = np.random.default_rng(seed)
    grid = Grid.regular(((1e8, 1e8 + 7), (-1e8, -1e8 + 5)), (7, 5))
    frame = Frame.of(fields(grid))
    offset = rng.random((9, 2)) * (7, 5)
    found = frame.coords(offset + np.array([1e8, -1e8]))
    np.testing.assert_allclose(found, offset / 7, atol=1e-7)
    np.testing.assert_allclose(frame.lengths(np.array([7.0, 3.5])), [1, 0.5])


def test_frames_go_through_json():
    frame = Frame.of(fields(globe()))
    assert Frame.from_dict(json.loads(json.dumps(frame.to_dict()))) == frame


def test_a_grid_of_other_axes_is_refused():
    frame = Frame.of(fields(Grid.default((4, 4))))
    with pytest.raises(ShapeError, match=r"axes x, y was given, but .* fitted on y, x; put"):
        frame.inside(Grid.regular(((0, 1), (0, 1)), (4, 4), names=("x", "y")))
