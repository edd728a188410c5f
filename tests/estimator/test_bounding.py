"""The lattice over scattered points, on a plane and on the sphere."""

import numpy as np
import pytest

from mamba_diffae import Observations
from mamba_diffae.estimator.bounding import CELLS, bounding_grid
from mamba_diffae.fields import check_inside

RNG = np.random.default_rng(0)


def grid_over(coords, names=None):
    return bounding_grid(Observations.from_points(coords, np.zeros(len(coords))), names)


def test_cells_are_as_wide_as_high():
    grid = grid_over(RNG.random((50, 2)) * [100, 400])
    widths = np.array([axis.widths[0] for axis in grid.axes])
    assert grid.names == ("y", "x")
    assert abs(np.log(widths[0] / widths[1])) < 0.15
    assert CELLS / 2 < grid.cells <= CELLS


def test_they_are_so_in_kilometres_where_the_axes_are_those_of_the_sphere():
    coords = np.array([50.0, 0]) + RNG.random((50, 2)) * [20, 20]
    grid = grid_over(coords, ("lat", "lon"))
    lat, lon = grid.axes
    assert (lat.unit, lon.unit) == ("degrees_north", "degrees_east")
    ratio = lat.widths[0] / (lon.widths[0] * np.cos(np.deg2rad(60)))
    assert abs(np.log(ratio)) < 0.15


@pytest.mark.parametrize(
    ("centre", "reach", "turned"),
    [(0, 20, 0), (180, 20, 0), (180, 20, 360), (350, 30, 0), (0, 130, 0), (0, 130, 360)],
)
def test_longitudes_begin_behind_their_gap_in_any_convention(centre, reach, turned):
    lon = centre + np.append(RNG.uniform(-reach, reach, 40), [-reach, reach])
    given = np.where(lon > 180, lon - 360, lon) if not turned else np.mod(lon, 360)
    coords = np.stack([RNG.uniform(-30, 30, len(lon)), given], axis=1)
    grid = grid_over(coords, ("lat", "lon"))
    assert not grid.axes[1].periodic
    assert 2 * reach <= grid.axes[1].span < 2 * reach * 1.3
    check_inside(coords, grid)


def test_longitudes_all_round_close_and_latitudes_end_at_the_poles():
    coords = np.stack([np.linspace(-90, 90, 60), RNG.permutation(60) * 6.0 - 180], axis=1)
    grid = grid_over(coords, ("lat", "lon"))
    lat, lon = grid.axes
    assert (lat.low, lat.high, lon.low, lon.high) == (-90, 90, -180, 180)
    assert lon.periodic
    check_inside(coords, grid)


def test_a_depth_has_as_many_cells_as_the_others_whatever_its_unit():
    coords = RNG.random((50, 3)) * [5000, 2, 2]
    shape = grid_over(coords, ("depth", "y", "x")).shape
    assert max(shape) <= 1.3 * min(shape)
