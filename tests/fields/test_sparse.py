"""Scattered fields: collation of ragged batches, masks, and what no network should see."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mamba_diffae.fields import SparseField, check_coords, check_points, collate


def scattered(count, channels=2, dim=2, cells=None, seed=0):
    rng = np.random.default_rng((seed, count))
    values = rng.normal(size=(count, channels)).astype(np.float32)
    return SparseField(rng.random((count, dim)).astype(np.float32), values, cells)


@given(st.lists(st.integers(1, 9), min_size=1, max_size=5), st.integers(1, 3), st.integers(1, 4))
def test_collate_then_fields_is_the_identity(counts, dim, channels):
    fields = [scattered(n, channels, dim, cells=8, seed=i) for i, n in enumerate(counts)]
    batch = collate(fields)
    assert batch.coords.shape == (len(counts), max(counts), dim)
    assert batch.mask.sum(dim=1).tolist() == counts
    assert (batch.values[~batch.mask] == 0).all()
    assert ((batch.coords >= 0) & (batch.coords <= 1)).all()
    for before, after in zip(fields, batch.fields(), strict=True):
        np.testing.assert_array_equal(before.coords, after.coords)
        np.testing.assert_array_equal(before.values, after.values)
        assert before.cells == after.cells


def test_a_batch_is_float32_whatever_the_fields_are():
    batch = collate([SparseField(np.full((2, 2), 0.5), np.array([[1], [2]], dtype=np.uint8))])
    assert batch.coords.dtype == batch.values.dtype == torch.float32


@pytest.mark.parametrize("index", [slice(1, 3), [1, 2], np.array([1, 2])])
def test_indexing_chooses_fields(index):
    batch = collate([scattered(n, cells=4) for n in (2, 5, 3)])
    chosen = batch[index]
    assert len(chosen) == 2
    assert chosen.mask.sum(dim=1).tolist() == [5, 3]
    assert torch.equal(chosen.values, batch.values[1:])
    assert chosen.cells == 4


def test_other_values_are_zero_where_padded():
    batch = collate([scattered(1), scattered(3)])
    shifted = batch.with_values(batch.values + 7)
    assert (shifted.values[0, 1:] == 0).all()
    torch.testing.assert_close(shifted.values[1], batch.values[1] + 7)
    assert shifted.coords is batch.coords


def test_an_empty_batch_is_refused():
    with pytest.raises(ValueError, match="no fields; pass at least one SparseField"):
        collate([])


@pytest.mark.parametrize("other", [{"channels": 3}, {"dim": 3}, {"cells": 9}])
def test_fields_of_different_kinds_are_refused(other):
    with pytest.raises(ValueError, match=r"different \(dimension, channels, cells\): \("):
        collate([scattered(2), scattered(2, **other)])


@pytest.mark.parametrize("shapes", [((3, 2), (4, 1)), ((3, 2), (3,)), ((3,), (3,))])
def test_mismatched_shapes_are_refused(shapes):
    with pytest.raises(
        ValueError, match=r"observations: coords have shape .*expected \(\.\.\., N, D\)"
    ):
        SparseField(np.zeros(shapes[0]), np.zeros(shapes[1]))


def test_no_points_at_all_are_refused():
    with pytest.raises(ValueError, match="no points at all; give at least one"):
        SparseField(np.zeros((0, 2)), np.zeros((0, 1)))


@pytest.mark.parametrize("as_given", [np.array, torch.tensor])
@pytest.mark.parametrize(("bad", "told"), [(1.5, r"1\.5"), (-0.25, r"-0\.25"), (np.nan, "nan")])
def test_coordinates_outside_are_counted_and_shown(as_given, bad, told):
    coords = as_given([[0.1, 0.2], [0.3, bad]])
    with pytest.raises(ValueError, match=rf"queries: 1 coordinates .*such as {told}; scale"):
        check_coords(coords, "queries")


def test_the_edges_of_the_unit_square_are_inside():
    check_coords(np.array([[0.0, 1.0]]))


@pytest.mark.parametrize("as_given", [np.array, torch.tensor])
def test_values_that_are_not_finite_are_counted(as_given):
    values = as_given([[np.nan], [1.0], [np.inf]])
    with pytest.raises(ValueError, match=r"2 values are NaN or infinite .*\(3, 1\).*in the mask"):
        check_points(as_given([[0.5, 0.5]] * 3), values)


def test_batches_of_points_are_checked_alike():
    check_points(torch.rand(2, 5, 2), torch.rand(2, 5, 3))
    with pytest.raises(ValueError, match="coords have shape"):
        check_points(torch.rand(2, 5, 2), torch.rand(3, 5, 3))
