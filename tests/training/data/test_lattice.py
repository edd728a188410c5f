"""Fields on a lattice: read at some cells, and at all of them."""

import numpy as np
import pytest

from mamba_diffae.fields import FieldData, Grid, Variable
from mamba_diffae.training.data.lattice import Lattice


def data(count: int, shape: tuple[int, ...], seed: int = 0, gaps: bool = False) -> FieldData:
    rng = np.random.default_rng(seed)
    values = rng.uniform(-1, 1, (count, *shape, 2)).astype(np.float32)
    valid = rng.random(values.shape) < 0.8 if gaps else None
    return FieldData([Variable("a"), Variable("b")], Grid.default(shape), values, valid)


@pytest.mark.parametrize("shape", [(5,), (4, 6), (2, 3, 4)])
@pytest.mark.parametrize("gaps", [False, True])
def test_all_cells_at_once_are_all_cells_one_by_one(shape, gaps):
    lattice = Lattice.of(data(6, shape, gaps=gaps))
    lattice = lattice.joined(Lattice.of(data(2, shape, seed=1, gaps=gaps)))
    rows, mirror = np.array([0, 7, 3, 6, 3]), np.array([True, True, False, False, True])
    cells = np.arange(np.prod(shape))
    for ours, expected in zip(
        lattice.every(rows, mirror), lattice.at(rows, cells, mirror), strict=True
    ):
        np.testing.assert_array_equal(ours, expected)


def test_reading_all_cells_leaves_the_fields_alone():
    lattice = Lattice.of(data(3, (4, 6)))
    before = lattice.values.copy()
    lattice.every(np.arange(3), np.ones(3, dtype=bool))[0][:] = 0
    np.testing.assert_array_equal(lattice.values, before)


def test_no_cells_are_none():
    lattice = Lattice.of(data(3, (4, 6)), (0, 0))
    values, known = lattice.every(np.array([0, 2]), np.array([True, False]))
    assert values.shape == known.shape == (2, 0, 2)
