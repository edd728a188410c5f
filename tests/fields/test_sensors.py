"""What sensors at given places read of fields, and how sure they say they are."""

from __future__ import annotations

import numpy as np
import pytest

from mamba_diffae.fields import FieldData, Grid, Log, Variable, observe
from mamba_diffae.fields.sensors import observe_at

GRID = Grid.regular(((0, 4), (0, 3)), (4, 3))


def fields(stated: bool = True) -> FieldData:
    """Two fields, positive throughout, with a gap and a noise of each cell."""
    rng = np.random.default_rng(0)
    values, noise = 1 + rng.random((2, 4, 3, 1)), rng.random((2, 4, 3, 1))
    values[0, 0, 0], noise[1, :2] = np.nan, 0
    variables = [Variable("v", limits=(1, 2), transform=Log(low=0.5, high=4.0))]
    return FieldData(variables, GRID, values, noise=noise if stated else None)


def test_sensors_state_the_noise_of_their_cells_as_observed_cells_do():
    data = fields()
    found, cells = observe_at(data, GRID.centres()), observe(data, 1.0)
    assert found.noise is not None
    for sensors, observed in zip(found.fields(), cells.fields(), strict=True):
        order = np.lexsort(observed.coords[0].numpy().T[::-1])
        np.testing.assert_allclose(sensors.values[0], observed.values[0][order], rtol=1e-6)
        np.testing.assert_allclose(sensors.noise[0], observed.noise[0][order], rtol=1e-6)


def test_exact_cells_stay_exact():
    noise = observe_at(fields(), GRID.centres()).noise
    assert noise is not None
    assert (noise[1, :6] == 0).all()
    assert (noise[1, 6:] > 0).all()


def test_errors_that_are_added_come_to_those_of_the_fields():
    data, places = fields(), GRID.centres()[1:]
    alone, both = observe_at(data, places), observe_at(data, places, np.array([0.4]))
    np.testing.assert_allclose(both.noise, np.hypot(alone.noise.numpy(), 0.4))
    added = observe_at(fields(stated=False), places, np.array([0.4]))
    assert added.noise is not None
    assert added.noise.flatten().tolist() == pytest.approx([0.4] * 22)
    np.testing.assert_array_equal(added.values, both.values)


def test_without_noise_none_is_stated():
    assert observe_at(fields(stated=False), GRID.centres()).noise is None
