"""Grids: cells, weights, coarser shapes, masks, and files."""

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mamba_diffae.fields import Axis, Grid, ShapeError, ValuesError

shapes = st.lists(st.integers(1, 7), min_size=1, max_size=3).map(tuple)


@given(shapes, st.integers(0, 99))
def test_cells_run_with_the_last_axis_fastest(random_grid, shape, seed):
    grid = random_grid(seed, shape)
    centres = grid.centres().reshape(*shape, len(shape))
    widths = grid.supports().reshape(*shape, len(shape))
    for d, axis in enumerate(grid.axes):
        along = np.moveaxis(centres[..., d], d, -1).reshape(-1, axis.cells)
        np.testing.assert_array_equal(along, np.broadcast_to(axis.centres, along.shape))
        along = np.moveaxis(widths[..., d], d, -1).reshape(-1, axis.cells)
        np.testing.assert_array_equal(along, np.broadcast_to(axis.widths, along.shape))


@given(shapes, st.integers(0, 99))
def test_weights_are_shares_of_the_existing_volume(random_grid, shape, seed):
    grid = random_grid(seed, shape, land=0.4)
    volume = grid.supports().prod(axis=1).reshape(shape) * grid.exists
    np.testing.assert_allclose(grid.weights(), volume / volume.sum())


def test_cells_of_a_default_grid_are_squares():
    for shape in [(36, 72), (5,), (4, 6, 3)]:
        grid = Grid.default(shape)
        np.testing.assert_allclose(grid.supports(), 1 / max(shape))
        assert max(axis.span for axis in grid.axes) == 1
    assert Grid.default((2, 3, 4)).names == ("z", "y", "x")


@given(shapes, st.integers(0, 99), st.data())
def test_regrid_keeps_region_and_land(random_grid, shape, seed, data):
    grid = random_grid(seed, shape, land=0.5)
    wanted = data.draw(st.tuples(*[st.integers(1, 9)] * len(shape)))
    other = grid.regrid(wanted)
    assert other.shape == wanted
    assert other.same_region(grid)
    share = grid.exists.astype(float)
    for d, matrix in enumerate(grid.overlaps(other)):
        share = np.moveaxis(np.tensordot(matrix, share, axes=([1], [d])), 0, d)
    np.testing.assert_array_equal(other.exists, share > 1e-9)


def test_regrid_wants_a_number_an_axis():
    with pytest.raises(ShapeError, match=r"\(3,\) was asked on a grid of the axes y, x; give 2"):
        Grid.default((4, 4)).regrid((3,))


@given(st.lists(st.integers(1, 300), min_size=1, max_size=3), st.integers(1, 2000))
def test_a_lattice_has_at_most_so_many_cells_of_about_the_same_aspect(shape, limit):
    lattice = Grid.default(shape).lattice_shape(limit)
    assert math.prod(lattice) <= limit
    assert all(1 <= n <= native for n, native in zip(lattice, shape, strict=True))
    if math.prod(shape) <= limit:
        assert lattice == tuple(shape)
    long = [d for d, n in enumerate(lattice) if n > 1]
    scales = [lattice[d] / shape[d] for d in long], [(lattice[d] + 1) / shape[d] for d in long]
    assert not long or max(scales[0]) <= min(scales[1]) + 1e-9


def test_lattices_of_squares_are_as_they_were():
    assert Grid.default((96, 96)).lattice_shape(1024) == (32, 32)
    assert Grid.default((36, 72)).lattice_shape(1024) == (22, 45)
    assert Grid.default((500, 2)).lattice_shape(10) == (10, 1)


def test_scaled_shapes_keep_the_aspect():
    grid = Grid.default((36, 72))
    assert grid.scaled_shape(24) == (12, 24)
    assert grid.scaled_shape(144) == (72, 144)
    assert grid.scaled_shape(1) == (1, 1)


@given(shapes, st.integers(0, 99))
def test_grids_go_through_json(random_grid, shape, seed):
    grid = random_grid(seed, shape, periodic=[seed % 2 == 0] * len(shape), land=0.5)
    again = Grid.from_dict(json.loads(json.dumps(grid.to_dict())))
    assert again == grid
    assert hash(again) == hash(grid)
    np.testing.assert_array_equal(again.exists, grid.exists)


def test_a_mask_is_saved_in_one_bit_a_cell():
    mask = np.random.default_rng(0).random((100, 200)) < 0.5
    saved = Grid(Grid.default((100, 200)).axes, mask).to_dict()
    assert len(saved["mask"]) < 100 * 200 / 8 * 1.4


def test_a_saved_mask_of_another_size_is_refused():
    saved = Grid(Grid.default((4, 5)).axes, np.eye(4, 5, dtype=bool)).to_dict()
    other = Grid.default((40, 5)).to_dict()
    with pytest.raises(ShapeError, match=r"holds 3 bytes, but its 200 cells"):
        Grid.from_dict({**saved, "axes": other["axes"]})


def test_a_mask_of_all_cells_is_none():
    assert Grid(Grid.default((3, 3)).axes, np.ones((3, 3), bool)).mask is None


def test_grids_differ_by_their_mask():
    axes = Grid.default((3, 3)).axes
    assert Grid(axes) != Grid(axes, np.eye(3, dtype=bool))
    assert Grid(axes) == Grid(axes)
    assert Grid(axes) != axes


def test_the_same_region_needs_the_same_names_and_spans():
    grid = Grid.regular(((0, 10), (0, 20)), (2, 4))
    assert grid.same_region(Grid.regular(((0, 10), (0, 20)), (5, 5)))
    assert not grid.same_region(Grid.regular(((0, 10), (0, 21)), (2, 4)))
    assert not grid.same_region(Grid.regular(((0, 10), (0, 20)), (2, 4), names=("x", "y")))
    assert not grid.same_region(Grid.regular(((0, 10),), (2,), names=("y",)))


@pytest.mark.parametrize("dim", [0, 4])
def test_a_grid_has_one_to_three_axes(dim):
    axes = tuple(Axis.regular(f"axis{d}", 0, 1, 2) for d in range(dim))
    with pytest.raises(ShapeError, match=rf"given {dim} axes .*one to three. Take one level"):
        Grid(axes)


def test_four_axes_are_refused_by_their_names():
    with pytest.raises(ShapeError, match="4 axes \\(axis 0, axis 1, axis 2, axis 3\\)"):
        Grid.default((2, 2, 2, 2))


def test_axes_have_different_names():
    with pytest.raises(ShapeError, match="axes named x, x; name each once"):
        Grid((Axis.regular("x", 0, 1, 2), Axis.regular("x", 0, 1, 2)))


def test_a_mask_that_leaves_nothing_is_refused():
    with pytest.raises(ValuesError, match=r"leaves none of the 2 × 3 cells of the grid \(y, x\)"):
        Grid(Grid.default((2, 3)).axes, np.zeros((2, 3), bool))


@pytest.mark.parametrize("mask", [np.ones((3, 2), bool), np.ones((2, 3))])
def test_a_mask_is_bool_of_the_shape(mask):
    with pytest.raises(ShapeError, match=r"mask of a grid of 2 × 3 cells .*bool of shape \(2, 3\)"):
        Grid(Grid.default((2, 3)).axes, mask)


def test_regular_wants_one_of_each_for_every_axis():
    with pytest.raises(ShapeError, match="given 1 regions, 2 sizes, 2 names"):
        Grid.regular(((0, 1),), (2, 2))
