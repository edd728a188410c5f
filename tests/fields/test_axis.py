"""Axes: edges, centres, measures, what is refused, and files."""

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mamba_diffae.fields import Axis, AxisError

widths = st.lists(st.floats(0.1, 10), min_size=1, max_size=12)


@given(widths, st.floats(-1e6, 1e6))
def test_cells_lie_side_by_side(sides, low):
    axis = Axis("depth", low + np.concatenate([[0], np.cumsum(sides)]), "m")
    assert axis.cells == len(sides)
    np.testing.assert_allclose(axis.widths, sides, atol=1e-8)
    np.testing.assert_allclose(axis.centres - axis.widths / 2, axis.edges[:-1], atol=1e-8)
    assert axis.span == axis.high - axis.low


@given(widths)
def test_centres_of_regular_cells_give_the_edges_back(sides):
    axis = Axis.regular("x", -3.0, 5.0, len(sides) + 1, "km", periodic=True)
    assert axis.regular_cells
    again = Axis.from_centres("x", axis.centres, "km", periodic=True)
    np.testing.assert_allclose(again.edges, axis.edges, atol=1e-12)


def test_edges_are_half_way_between_irregular_centres():
    axis = Axis.from_centres("depth", [0.0, 10.0, 30.0, 100.0])
    assert axis.edges.tolist() == [-5.0, 5.0, 20.0, 65.0, 135.0]
    assert not axis.regular_cells


@pytest.mark.parametrize("name", ["lat", "latitude", "LAT"])
def test_latitudes_end_at_the_poles(name):
    axis = Axis.from_centres(name, np.linspace(-90, 90, 37), "degrees_north")
    assert (axis.low, axis.high) == (-90, 90)
    assert axis.is_latitude


def test_latitudes_count_their_area_on_the_sphere():
    axis = Axis.regular("lat", -90, 90, 18, "degrees_north")
    np.testing.assert_allclose(axis.measures.sum(), 2)
    middle = np.cos(np.deg2rad(axis.centres)) * np.deg2rad(10)
    np.testing.assert_allclose(axis.measures, middle, rtol=2e-3)
    np.testing.assert_array_equal(Axis.regular("lat", -90, 90, 18).measures, np.full(18, 10.0))


@given(widths, st.integers(1, 20))
def test_regrid_keeps_span_and_measures(sides, cells):
    edges = np.concatenate([[0], np.cumsum(sides)])
    axis = Axis("z", edges, "m", length_scale=3.0, cell_measures=np.sqrt(sides))
    other = axis.regrid(cells)
    assert (other.name, other.unit, other.length_scale) == ("z", "m", 3.0)
    np.testing.assert_allclose([other.low, other.high], [axis.low, axis.high])
    np.testing.assert_allclose(other.measures.sum(), axis.measures.sum())
    assert other.cells == cells
    assert other.regular_cells


def test_regrid_to_the_same_is_the_same():
    axis = Axis.regular("x", 0, 1, 5)
    assert axis.regrid(5) is axis


@given(widths, st.booleans())
def test_axes_go_through_json(sides, periodic):
    edges = np.concatenate([[0], np.cumsum(sides)])
    measures = np.arange(1.0, len(sides) + 1) if periodic else None
    axis = Axis("t", edges, "days", periodic, 2.5 if periodic else None, measures)
    again = Axis.from_dict(json.loads(json.dumps(axis.to_dict())))
    assert again == axis
    assert again.length_scale == axis.length_scale
    assert hash(again) == hash(axis)


def test_axes_differ_in_each_part():
    axis = Axis.regular("x", 0, 1, 3, "m")
    others = [
        Axis.regular("y", 0, 1, 3, "m"),
        Axis.regular("x", 0, 2, 3, "m"),
        Axis.regular("x", 0, 1, 4, "m"),
        Axis.regular("x", 0, 1, 3, "km"),
        Axis.regular("x", 0, 1, 3, "m", periodic=True),
        Axis("x", axis.edges, "m", cell_measures=np.array([1.0, 2.0, 3.0])),
    ]
    assert all(axis != other for other in others)
    assert axis != "x"


def test_edges_cannot_be_changed_afterwards():
    edges = np.arange(4.0)
    axis = Axis("x", edges)
    edges[0] = -7
    assert axis.low == 0
    with pytest.raises(ValueError, match="read-only"):
        axis.edges[0] = 1


def test_an_axis_of_one_cell_is_refused():
    with pytest.raises(AxisError, match=r"axis 'depth' has coordinates of shape \(1,\).*drop it"):
        Axis.from_centres("depth", [5.0])


def test_a_falling_axis_is_told_how_to_turn():
    with pytest.raises(AxisError, match=r"'lat' fall, from 60 to 20.*np\.flip"):
        Axis.from_centres("lat", [60.0, 40.0, 20.0])


@pytest.mark.parametrize(
    ("given_", "first", "second"),
    [
        ([0.0, 2.0, 1.0, 3.0], "1 is 2", "2 is 1"),
        ([0.0, 0.0, 1.0], "0 is 0", "1 is 0"),
        ([3.0, 2.0, 2.5, 1.0], "1 is 2", "2 is 2.5"),
    ],
)
def test_coordinates_that_neither_rise_nor_fall_are_pointed_at(given_, first, second):
    with pytest.raises(AxisError, match=rf"neither rise nor fall .*{first} and number {second}"):
        Axis.from_centres("x", given_)


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_coordinates_that_are_not_finite_are_counted(bad):
    with pytest.raises(AxisError, match=r"'x' has 2 coordinates that are NaN or infinite"):
        Axis.from_centres("x", [0.0, bad, 2.0, bad])


@pytest.mark.parametrize("edges", [[1.0], [], [[0.0, 1.0]]])
def test_edges_that_bound_no_cell_are_refused(edges):
    with pytest.raises(AxisError, match=r"has edges of shape .*expected \(cells \+ 1,\)"):
        Axis("x", np.array(edges))


def test_no_cells_are_refused():
    with pytest.raises(AxisError, match=r"Cells of the axis .* is 0; give a whole number from 1"):
        Axis.regular("x", 0, 1, 0)


def test_latitudes_beyond_the_poles_are_refused():
    with pytest.raises(AxisError, match=r"from 0 to 360, but latitudes .*longitude\?"):
        Axis.regular("lat", 0, 360, 4, "degrees_north")


@pytest.mark.parametrize(("name", "unit"), [("lon", "degrees_west"), ("lat", "degree_S")])
def test_degrees_to_the_west_or_south_are_refused(name, unit):
    with pytest.raises(AxisError, match=f"'{name}' is in '{unit}', .* times -1 in 'degrees_east'"):
        Axis.from_centres(name, [10.0, 20.0, 30.0], unit)


def test_longitudes_that_do_not_close_are_not_periodic():
    with pytest.raises(AxisError, match=r"'lon' .*span 350 of 360 degrees; leave it not periodic"):
        Axis.regular("lon", 0, 350, 7, "degrees_east", periodic=True)
    assert Axis.regular("lon", -180, 180, 7, "degrees_east", periodic=True).is_longitude


@pytest.mark.parametrize("scale", [0.0, -1.0, math.inf, math.nan])
def test_a_length_scale_is_positive(scale):
    with pytest.raises(AxisError, match=r"give a positive length in its unit \(days\)"):
        Axis("time", np.arange(3.0), "days", length_scale=scale)


@pytest.mark.parametrize("measures", [[1.0, 0.0], [1.0], [1.0, math.nan]])
def test_measures_are_one_positive_number_a_cell(measures):
    with pytest.raises(
        AxisError, match=r"of 2 cells was given measures .*positive number for each"
    ):
        Axis("x", np.arange(3.0), cell_measures=np.array(measures))


@pytest.mark.parametrize(
    ("longitudes", "mended"),
    [
        ([*range(170, 180, 2), *range(-180, -170, 2)], r"np\.where\(lon < 0, lon \+ 360, lon\)"),
        ([*range(350, 360, 2), *range(0, 10, 2)], r"np\.where\(lon < 350, lon \+ 360, lon\)"),
        ([*range(-172, -182, -2), *range(178, 168, -2)], r"np\.where\(lon < 0, lon \+ 360, lon\)"),
    ],
)
def test_longitudes_that_jump_at_the_seam_are_not_sorted(longitudes, mended):
    with pytest.raises(AxisError, match=rf"'lon' jump from .* Do not sort them: .*{mended}"):
        Axis.from_centres("lon", longitudes, "degrees_east")
    with pytest.raises(AxisError, match="sort them, and leave out repeated"):
        Axis.from_centres("x", longitudes)


def test_longitudes_with_a_gap_are_not_periodic():
    edges = [0.0, 10.0, 20.0, 30.0, 360.0]
    with pytest.raises(AxisError, match=r"'lon' .*widest cell spans 330 degrees and the median"):
        Axis("lon", np.array(edges), "degrees_east", periodic=True)
    assert not Axis("lon", np.array(edges), "degrees_east").even_cells
