"""Cells that no observation touches, and their distance to the nearest one."""

import numpy as np
import pytest
import torch

from mamba_diffae.evaluation import nearest_distance, untouched
from mamba_diffae.fields import (
    Affine,
    Axis,
    CoordinateError,
    FieldData,
    Grid,
    Labels,
    Observations,
    Variable,
    observe,
)


def at(coords, support=None, mask=None) -> Observations:
    """Observations of one field at places (N, D)."""
    x = torch.tensor([coords]).double()
    known = torch.ones(1, len(coords), 1, dtype=torch.bool) if mask is None else mask
    side = None if support is None else torch.tensor([support]).double()
    return Observations(x, torch.zeros(known.shape).double(), known, support=side)


def flat(shape, periodic=None) -> FieldData:
    grid = Grid.regular([(0, n) for n in shape], shape, periodic=periodic)
    return FieldData([Variable("v", transform=Affine(0, 1))], grid, np.zeros((1, *shape, 1)))


def cells(grid: Grid, seen: Observations) -> list:
    return np.argwhere(~untouched(grid, seen)[0, ..., 0]).tolist()


def test_a_point_touches_its_cell():
    grid = flat((4, 5)).grid
    assert cells(grid, at([[1.2, 3.9]])) == [[1, 3]]
    assert cells(grid, at([[1.2, 3.9], [3.99, 0.0]])) == [[1, 3], [3, 0]]


def test_a_box_touches_its_cell_and_those_whose_centres_it_holds():
    grid = flat((4, 5)).grid
    box = [[1.0, 2.0]]
    assert cells(grid, at([[1.5, 2.5]], [[1.0, 1.0]])) == [[1, 2]]
    assert cells(grid, at([[1.5, 2.5]], [[1.0, 1.2]])) == [[1, 2]]
    assert cells(grid, at([[1.5, 2.5]], [[0.2, 0.2]])) == [[1, 2]]
    assert cells(grid, at(box, [[2.0, 2.0]])) == [[0, 1], [0, 2], [1, 1], [1, 2]]
    assert cells(grid, at([[1.5, 2.5]], [[0.0, 2.0]])) == [[1, 1], [1, 2], [1, 3]]


@pytest.mark.parametrize("shape", [(12,), (12, 18), (6, 4, 8)])
def test_the_cells_of_an_observed_lattice_are_touched_and_no_others(shape):
    data = flat(shape)
    coarse = [n // 2 for n in shape]
    seen = observe(data, 0.3, shape=coarse, seed=1)
    found = ~untouched(data.grid, seen)
    observed = np.zeros((1, *coarse, 1), dtype=bool)
    index = (seen.coords[0].numpy() // 2).astype(int)
    observed[(0, *index.T, 0)] = True
    for axis in range(1, len(shape) + 1):
        observed = observed.repeat(2, axis=axis)
    np.testing.assert_array_equal(found, observed)


def test_a_box_reaches_over_the_seam_of_a_periodic_axis():
    grid = flat((8,), [True]).grid
    assert cells(grid, at([[0.5]], [[3.0]])) == [[0], [1], [7]]
    assert cells(grid, at([[-0.5]])) == [[7]]
    assert cells(grid, at([[16.5]])) == [[0]]


def test_longitudes_of_the_other_convention_touch_their_cells():
    axes = Axis.regular("lat", 0, 4, 4, "degrees_north"), Axis.regular("lon", -3, 3, 6, "degrees_E")
    grid = Grid(axes)
    assert cells(grid, at([[0.5, 357.5], [1.5, 359.5]])) == [[0, 0], [1, 2]]
    data = FieldData([Variable("v")], grid, np.arange(24.0).reshape(1, 4, 6, 1))
    assert nearest_distance(data, at([[0.5, 357.5]]))[0, 0, 0] == pytest.approx(0, abs=1e-6)
    with pytest.raises(CoordinateError, match="1 of 1 observations lie outside"):
        untouched(grid, at([[0.5, 90.0]]))


def test_labels_tell_the_order_and_the_units_of_axes_and_variables():
    grid = Grid.regular([(0, 3000), (0, 4000)], (3, 4), ("x", "depth"), ("m", "m"))
    mask = torch.tensor([[[True, False]]])
    seen = at([[3.5, 0.5]], mask=mask)
    seen = seen.replace(labels=Labels(("depth", "x"), ("t", "s"), axis_units=("km", "km")))
    with pytest.warns(UserWarning, match="'depth' from km to m"):
        found = ~untouched(grid, seen, [Variable("s"), Variable("t"), Variable("u")])
    assert np.argwhere(found[0]).tolist() == [[0, 3, 1]]
    with pytest.warns(UserWarning, match="converted"):
        assert np.argwhere(~untouched(grid, seen)[0]).tolist() == [[0, 3, 0]]


def test_each_variable_is_touched_by_its_own_observations():
    grid = flat((3,)).grid
    mask = torch.tensor([[[True, False], [False, True], [False, False]]])
    found = untouched(grid, at([[0.5], [1.5], [2.5]], mask=mask))
    np.testing.assert_array_equal(found[0], [[False, True], [True, False], [True, True]])


def test_observations_on_other_axes_are_refused():
    with pytest.raises(ValueError, match=r"on 1 axes were given for a grid of 2 \(y, x\)"):
        untouched(flat((3, 4)).grid, at([[0.5]]))


def test_distances_are_in_cells_and_round_the_axis():
    found = nearest_distance(flat((4, 5)), at([[0.5, 0.5], [3.5, 4.5]]))
    assert found.shape == (1, 4, 5)
    assert found[0, 0, 0] == pytest.approx(0)
    assert found[0, 1, 1] == pytest.approx(np.sqrt(2))
    assert found[0, 3, 1] == pytest.approx(3)
    ring = nearest_distance(flat((64,), [True]), at([[0.5]]))[0]
    np.testing.assert_allclose(ring[[1, 63]], 1, rtol=1e-3)
    assert ring.argmax() == 32


def test_distances_on_the_sphere():
    latitude = Axis.regular("lat", -90, 90, 18, "degrees_north")
    longitude = Axis.regular("lon", 0, 360, 36, "degrees_east", periodic=True)
    values = np.random.default_rng(0).normal(size=(1, 18, 36, 1))
    data = FieldData([Variable("v")], Grid((latitude, longitude)), values)
    found = nearest_distance(data, at([[85.0, 5.0]]))[0]
    # Across the pole it is ten degrees, a cell.
    assert found[17, 18] == pytest.approx(1, rel=0.01)
    assert found[16, 0] == pytest.approx(1, rel=0.01)


def test_a_field_without_observations_is_far_from_any():
    data = flat((4,))
    mask = torch.zeros(1, 1, 1, dtype=torch.bool)
    seen = at([[0.5]], mask=mask)
    assert np.isinf(nearest_distance(data, seen)).all()
    assert untouched(data.grid, seen).all()
