"""Observations, fields and grids of other units than a model's are converted, and that is said."""

import numpy as np
import pytest
import torch

from mamba_diffae.fields import (
    Axis,
    FieldData,
    Grid,
    Labels,
    Observations,
    Query,
    ShapeError,
    ValuesError,
    Variable,
    data_in_units,
    in_units,
    observe,
)
from mamba_diffae.fields.in_units import grid_in_units

AXES = (Axis.regular("y", 0, 4000, 4, "m"), Axis.regular("x", 0, 6000, 6, "m"))
KELVIN = [Variable("t", "K"), Variable("p", "hPa")]


def fields(length: str = "km", units: tuple[str, str] = ("degC", "Pa")) -> FieldData:
    """Two snapshots with a gap, in other units than those above."""
    scale = {"km": 1e3, "m": 1.0, "furlong": 201.0}[length]
    grid = Grid(tuple(Axis(a.name, a.edges / scale, length) for a in AXES))
    values = np.random.default_rng(0).uniform(10, 20, (2, 4, 6, 2)) * [1.0, 1e4]
    values[0, 0, 0, 0] = np.nan
    variables = [Variable(v.name, u) for v, u in zip(KELVIN, units, strict=True)]
    return FieldData(variables, grid, values, noise=np.full(values.shape, 0.5))


def test_observations_know_the_units_of_their_fields():
    seen = observe(fields(), 0.5)
    with pytest.warns(UserWarning, match="'t' from degC to K, 'p' from Pa to hPa: converted"):
        found = in_units(seen, AXES, KELVIN)
    assert found.labels is None
    torch.testing.assert_close(found.coords, 1000 * seen.coords)
    torch.testing.assert_close(found.support, 1000 * seen.support)
    here = seen.mask
    expected = torch.stack([seen.values[..., 0] + 273.15, seen.values[..., 1] / 100], dim=-1)
    torch.testing.assert_close(found.values[here], expected[here])
    assert not found.values[~here].any()
    torch.testing.assert_close(found.noise[..., 1], seen.noise[..., 1] / 100)
    torch.testing.assert_close(found.noise[..., 0], seen.noise[..., 0])


def test_fields_are_converted_as_their_observations_are():
    with pytest.warns(UserWarning, match="'y' from km to m, 'x' from km to m: converted"):
        found = data_in_units(fields(), KELVIN, AXES, "The data's")
    assert found.grid == Grid(AXES)
    assert list(found.variables) == KELVIN
    with pytest.warns(UserWarning, match="converted"):
        theirs = in_units(observe(fields(), 1.0), AXES, KELVIN)
    ours = observe(found, 1.0)
    torch.testing.assert_close(theirs.values, ours.values)
    torch.testing.assert_close(theirs.coords, ours.coords)
    torch.testing.assert_close(theirs.noise, ours.noise)


@pytest.mark.filterwarnings("error")
def test_the_same_units_and_unknown_ones_stay_as_they_are():
    seen = observe(fields("m", ("K", "")), 0.5)
    assert torch.equal(in_units(seen, AXES, KELVIN).values, seen.values)
    bare = Observations.from_points([[1.0, 2.0]], [[3.0, 4.0]])
    assert in_units(bare, AXES, KELVIN) is bare


def test_units_that_cannot_be_converted_are_refused():
    with pytest.raises(ValuesError, match="observed 'p' is in 'm', but 'hPa' is expected"):
        in_units(observe(fields("m", ("K", "m")), 0.5), AXES, KELVIN)
    with pytest.raises(ValuesError, match="'y' is in 'furlong', but 'm' is expected"):
        data_in_units(fields("furlong"), KELVIN, AXES, "The data's")


def test_units_follow_a_batch():
    seen = observe(fields(), 0.5)
    assert seen[1].labels == seen.labels
    assert Observations.stack([seen, seen.replace(labels=None)]).labels == seen.labels
    with pytest.raises(ShapeError, match="different units cannot be one batch"):
        Observations.stack([seen, observe(fields("m"), 0.5)])
    with pytest.raises(ShapeError, match="given labels of 2, 2 and 1"):
        seen.replace(labels=Labels(units=("K",)))


def test_targets_in_other_lengths_are_asked_where_they_lie():
    with pytest.warns(UserWarning, match="The targets' 'y' from km to m"):
        query = Query.of(fields().grid, Grid(AXES))
    assert np.allclose(query.coords, Grid(AXES).centres())


def test_cells_count_as_before_when_their_axis_is_converted():
    area = np.array([1.0, 3.0])
    y = Axis("y", np.array([0.0, 1.0, 2.0]), "km", cell_measures=area)
    with pytest.warns(UserWarning, match="'y' from km to m"):
        found = grid_in_units(Grid((y,)), [Axis.regular("y", 0, 2000, 2, "m")], "The data's")
    assert found.axes[0].edges.tolist() == [0, 1000, 2000]
    assert (found.axes[0].measures == area).all()
