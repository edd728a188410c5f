"""Gaps, land and cells of unequal area: what is not there changes nothing."""

from dataclasses import replace

import numpy as np
import pytest
from field_cases import cell, no_prior, prior_of, same, tensors

from mamba_diffae.fields import Axis, FieldData, Grid, ValuesError
from mamba_diffae.training.data.batches import FieldBatches
from mamba_diffae.training.data.config import DataConfig

SIZE, ANCHORS = 24, (6, 6)
MIXED = DataConfig(queries=50, fractions=(0.05, 0.4), observed_shape=(12, 12))


def make(data: FieldData, config: DataConfig = MIXED, **options) -> FieldBatches:
    given = {"prior": no_prior(data), "seed": 1, "batch_size": 9, "anchor_shape": ANCHORS}
    return FieldBatches(data, config, **{**given, **options})


def with_gaps(inside, under: float, mask: np.ndarray | None = None) -> FieldData:
    """Fields with gaps, under which stands any number; one has no value at all."""
    gappy = inside(count=10, variables=2, gaps=True)
    valid = gappy.valid_mask().copy()
    valid[3] = False
    values = np.where(valid, gappy.values, under).astype(np.float32)
    return replace(gappy, values=values, valid=valid, grid=replace(gappy.grid, mask=mask))


@pytest.mark.parametrize("under", [np.nan, 1e30, -np.inf])
def test_what_lies_under_a_gap_changes_nothing(inside, under: float) -> None:
    mask = np.ones((SIZE, SIZE), dtype=bool)
    mask[:5, :9] = False
    batches = []
    for number in (0.0, under):
        data = with_gaps(inside, number, mask)
        batches.append(make(data, prior=prior_of(data)))
    for step in range(16):
        ours, theirs = (b(step) for b in batches)
        assert same(ours, theirs)
        for name, tensor in tensors(ours).items():
            assert tensor.isfinite().all(), name
        assert ours.query_values[ours.query_weight == 0].eq(0).all()


def test_a_field_without_any_value_is_left_out_and_all_others_are_seen(inside) -> None:
    sparse = with_gaps(inside, 0.0)
    valid = sparse.valid_mask().copy()
    valid[5] = False
    valid[5, 7, 7, 1] = True  # a single value
    sparse = replace(sparse, valid=valid)
    batches = make(sparse)
    for batch in map(batches, range(20)):
        assert sorted(batch.index.tolist()) == [0, 1, 2, 4, 5, 6, 7, 8, 9]
        assert batch.inputs.counts.min() >= 1
        seen = batch.inputs[batch.index == 5]
        assert seen.counts.item() == 1
        assert seen.mask.any(dim=(0, 1)).tolist() == [False, True]
    with pytest.raises(ValuesError, match="None of the 10 snapshots has a value"):
        make(replace(sparse, valid=None)._with(valid=np.zeros_like(valid)))


def test_land_is_never_asked_or_observed(inside) -> None:
    mask = np.zeros((SIZE, SIZE), dtype=bool)
    mask[6:, 10:] = True
    data = replace(
        inside(count=10, variables=2), grid=replace(Grid.default((SIZE, SIZE)), mask=mask)
    )
    batches = make(data)
    for batch in map(batches, range(20)):
        assert mask.ravel()[cell(batch.query_coords, SIZE)].all()
        assert batch.query_weight.eq(1).all()
        sea = batch.inputs.support.eq(0).all(-1)
        assert mask.ravel()[cell(batch.inputs.coords, SIZE)][sea.numpy()].all()
    anchored = batch.anchor_weight.reshape(9, *ANCHORS, 2)
    assert not anchored[:, 0].any()
    assert anchored[:, 2:, 3:].gt(0).all()


def test_cells_of_unequal_area_weigh_by_it(inside) -> None:
    edges = np.linspace(0, 1, SIZE + 1) ** 2
    smooth = inside(count=10, variables=2)
    uneven = replace(smooth, grid=Grid((Axis("y", edges), smooth.grid.axes[1])))
    batch = make(uneven, DataConfig(queries=SIZE**2))(0)
    row = np.searchsorted(edges, batch.query_coords[..., 0].numpy()) - 1
    expected = np.diff(edges)[row] * SIZE
    np.testing.assert_allclose(batch.query_weight[..., 0], expected, rtol=1e-5)
    assert batch.query_weight.mean().item() == pytest.approx(1, rel=1e-5)
