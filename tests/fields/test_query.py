"""What is asked for some targets, and how it becomes them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mamba_diffae.fields import (
    Axis,
    CoordinateError,
    FieldData,
    Grid,
    Query,
    ShapeError,
    Variable,
    target_grid,
)

shapes = st.lists(st.integers(1, 6), min_size=1, max_size=3).map(tuple)


def answered(query, native, slopes=None):
    """A field that is linear in the coordinates, asked at the places of a query."""
    slopes = np.arange(1.0, native.dim + 1) if slopes is None else slopes
    return query.finish((query.coords @ slopes)[None, :, None])


@given(shapes, st.integers(0, 99), st.data())
def test_coarser_targets_are_averages_of_native_cells(random_data, shape, seed, data):
    fields = random_data(seed, shape)
    coarse = fields.at(data.draw(st.tuples(*[st.integers(1, n) for n in shape])))
    query = Query.of(coarse, fields.grid)
    np.testing.assert_array_equal(query.coords, fields.grid.centres())
    found = query.finish(fields.values.reshape(len(fields), -1, fields.n_variables))
    np.testing.assert_allclose(found, coarse.values, atol=1e-9)


@given(shapes, st.integers(0, 99), st.data())
def test_land_takes_no_part_in_averages(random_data, shape, seed, data):
    fields = random_data(seed, shape, land=0.4)
    coarse = fields.at(data.draw(st.tuples(*[st.integers(1, n) for n in shape])))
    query = Query.of(coarse.grid, fields.grid)
    exists = fields.grid.exists.ravel()
    # Land is not asked, and what is told of it is no number.
    np.testing.assert_array_equal(query.coords, fields.grid.centres()[exists])
    answers = fields.values.reshape(len(fields), -1, fields.n_variables)[:, exists]
    found, known = query.finish(answers), coarse.valid_mask()
    np.testing.assert_allclose(found[known], coarse.values[known], atol=1e-9)
    np.testing.assert_array_equal(np.isnan(found), ~known)


def test_places_on_land_are_told_as_no_number():
    grid = Grid(Grid.default((2, 2)).axes, np.array([[True, False], [True, True]]))
    query = Query.of(grid.centres(), grid)
    np.testing.assert_array_equal(query.exists, [True, False, True, True])
    found = query.finish(np.ones((1, 3, 1)))
    np.testing.assert_array_equal(found.ravel(), [1, np.nan, 1, 1])
    with pytest.raises(ValueError, match="None of the 1 targets lies in a cell that exists"):
        Query.of(grid.centres()[1:2], grid)


@given(shapes, st.integers(1, 4))
def test_finer_targets_are_asked_at_their_own_cells(shape, times):
    native = Grid.default(shape)
    query = Query.of([times * n for n in shape], native)
    np.testing.assert_allclose(query.coords, native.regrid([times * n for n in shape]).centres())
    assert answered(query, native).shape == (1, *[times * n for n in shape], 1)


@pytest.mark.parametrize("wanted", [(48, 6), (6, 48), (24, 36), (7, 100), (12, 5)])
def test_mixed_shapes_read_a_linear_field_at_their_centres(wanted):
    native = Grid.regular(((0, 12), (5, 29)), (12, 24))
    query = Query.of(wanted, native)
    assert query.grid is not None
    assert query.grid.shape == wanted
    expected = query.grid.centres() @ [1.0, 2.0]
    found = answered(query, native)
    if all(w % n == 0 or n % w == 0 for w, n in zip(wanted, (12, 24), strict=True)):
        np.testing.assert_allclose(found.ravel(), expected)
    np.testing.assert_allclose(found.ravel(), expected, atol=1.5)
    assert found.shape == (1, *wanted, 1)


def test_a_part_of_the_region_is_asked_as_fine_as_the_native_cells():
    native = Grid.regular(((0, 16), (0, 16)), (16, 16))
    part = Grid.regular(((3, 7), (8, 10)), (2, 8))
    query = Query.of(part, native)
    assert query.asked is not None
    assert query.asked.shape == (4, 8)
    expected = (part.centres() @ [1.0, 2.0]).reshape(1, 2, 8, 1)
    np.testing.assert_allclose(answered(query, native), expected)


def test_parts_of_irregular_axes_are_as_fine_as_the_cells_there():
    native = Grid((Axis("depth", np.array([0.0, 1, 2, 3, 10, 30, 100]), "m"),))
    query = Query.of(Grid((Axis("depth", np.array([0.0, 3, 100]), "m"),)), native)
    np.testing.assert_array_equal(query.coords, native.centres())
    query = Query.of(Grid((Axis("depth", np.array([1.0, 3, 63]), "m"),)), native)
    assert query.asked is not None
    assert query.asked.axes[0].widths[:2].tolist() == [1, 1]
    assert query.asked.axes[0].widths[2:].max() <= 60


def test_the_native_shape_of_an_irregular_axis_is_the_native_grid():
    native = Grid((Axis("depth", np.array([0.0, 1, 3, 10]), "m"),))
    assert target_grid((3,), native) is native
    regular = native.regrid((3,))
    found = Query.of(regular, native).finish(np.array([1.0, 2.0, 3.0]).reshape(1, 3, 1))
    by_hand = [(1 * 1 + 2 * 2 + 3 * (1 / 3)) / (10 / 3), 3, 3]
    np.testing.assert_allclose(found.ravel(), by_hand)


def test_a_periodic_axis_may_be_asked_from_elsewhere():
    native = Grid((Axis.regular("lon", 0, 360, 36, "degrees_east", periodic=True),))
    query = Query.of(Grid((Axis.regular("lon", -20, 20, 4, "degrees_east"),)), native)
    np.testing.assert_allclose(query.coords.ravel(), [345, 355, 5, 15])


def test_averages_over_latitudes_are_weighted_by_area():
    latitude = Axis.regular("lat", -90, 90, 90, "degrees_north")
    native = Grid((latitude, Axis.regular("lon", 0, 360, 4, "degrees_east", periodic=True)))
    values = np.sin(np.deg2rad(native.centres()[:, 0])) ** 2
    found = Query.of((1, 1), native).finish(values[None, :, None])
    np.testing.assert_allclose(found.item(), 1 / 3, atol=1e-3)


@given(shapes, st.integers(0, 99))
def test_places_are_asked_as_they_are(random_grid, shape, seed):
    grid = random_grid(seed, shape)
    places = grid.centres()[::-1]
    query = Query.of(places, grid)
    np.testing.assert_array_equal(query.coords, places)
    assert query.grid is query.asked is None
    values = np.random.default_rng(0).normal(size=(2, len(places), 3))
    assert query.finish(values) is values


def test_places_on_one_axis_need_no_columns():
    query = Query.of(np.array([0.1, 0.9]), Grid.default((5,)))
    assert query.coords.tolist() == [[0.1], [0.9]]


def test_targets_mean_a_grid():
    native = Grid.default((12, 24))
    data = FieldData([Variable("v")], native, np.zeros((1, 12, 24, 1)))
    assert target_grid(None, native) is native
    assert target_grid(data, native) is native
    assert target_grid(48, native).shape == (24, 48)
    assert target_grid(24, native) is native
    assert target_grid((6, 24), native).shape == (6, 24)
    assert target_grid([np.int64(6), 24], native).shape == (6, 24)


@pytest.mark.parametrize(
    "targets", [0, -3, (4,), (4, 4, 4), (0, 4), (1.5, 2), np.zeros((2, 2, 2)), "native"]
)
def test_other_targets_are_refused(targets):
    with pytest.raises(ShapeError, match=r"targets were given as .*\(N, 2\)"):
        Query.of(targets, Grid.default((4, 4)))


def test_targets_on_other_axes_are_refused():
    other = Grid.regular(((0, 1), (0, 1)), (4, 4), names=("lat", "lon"))
    with pytest.raises(ShapeError, match=r"axes lat, lon were asked, .* fitted on y, x"):
        Query.of(other, Grid.default((4, 4)))


def test_targets_outside_are_refused():
    with pytest.raises(
        CoordinateError, match="4 of 8 targets lie outside the grid, number 4, 5, 6, …"
    ):
        Query.of(Grid.regular(((0, 2), (0, 1)), (4, 2)), Grid.default((4, 4)))
    with pytest.raises(CoordinateError, match="1 of 1 targets"):
        Query.of(np.array([[0.5, 1.5]]), Grid.default((4, 4)))


def test_places_may_be_a_list():
    grid = Grid.default((4, 6))
    query = Query.of([[0.1, 0.2], [0.3, 0.9]], grid)
    np.testing.assert_array_equal(query.coords, [[0.1, 0.2], [0.3, 0.9]])
    assert Query.of([2, 3], grid).grid.shape == (2, 3)
