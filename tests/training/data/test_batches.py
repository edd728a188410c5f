"""What a step sees: by (seed, step) alone, every field in its turn, the truth where asked."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
import torch
from field_cases import cell, no_prior, prior_of, same, tensors

from mamba_diffae.fields import Axis, FieldData, Grid, ValuesError
from mamba_diffae.training.data.batches import FieldBatches
from mamba_diffae.training.data.config import DataConfig

SIZE, ANCHORS = 24, (6, 6)
PLAIN = {"patterns": {"random": 1}, "p_sparse": 0, "p_noise": 0, "p_variables": 0}
SETTINGS = {"queries": 50, "fractions": (0.05, 0.4), "observed_shape": (12, 12)}
MIXED, CONFIG = DataConfig(**SETTINGS), DataConfig(**SETTINGS, **PLAIN)
MIRRORED = DataConfig(**SETTINGS, **PLAIN, mirrored=True)


@pytest.fixture
def data(inside) -> FieldData:
    return inside(count=10, variables=2)


def make(data: FieldData, config: DataConfig = CONFIG, **options) -> FieldBatches:
    given = {"prior": no_prior(data), "seed": 1, "batch_size": 4, "anchor_shape": ANCHORS}
    return FieldBatches(data, config, **{**given, **options})


# By seed and step alone


@pytest.mark.parametrize("views", [1, 2])
def test_a_batch_depends_on_seed_and_step_alone(data: FieldData, views: int) -> None:
    batches = make(data, MIXED, views=views)
    first = [batches(step) for step in range(12)]
    np.random.seed(5)  # noqa: NPY002 - no global state may matter
    torch.manual_seed(5)
    again = make(data, MIXED, views=views)
    assert all(same(again(step), first[step]) for step in (11, *range(11)))
    other = make(data, MIXED, seed=2, views=views)
    assert not any(same(other(step), first[step]) for step in range(12))


def test_observations_targets_and_keys_are_fresh_at_every_step(data: FieldData) -> None:
    batches = make(data, batch_size=10)  # the same fields at every step
    seen = [batches(step) for step in range(8)]
    of_field_0 = [int((batch.index == 0).nonzero()) for batch in seen]
    for coords in ([b.inputs.coords for b in seen], [b.query_coords for b in seen]):
        rows = zip(coords, of_field_0, strict=True)
        assert len({frozenset(map(tuple, places[row].tolist())) for places, row in rows}) == 8
    keys = torch.cat([batch.keys for batch in seen])
    assert len(keys.unique()) == 80


def test_fields_of_a_batch_are_seen_at_the_same_places_and_asked_elsewhere(data) -> None:
    batches = make(data, MIXED)
    for batch in map(batches, range(20)):
        assert (batch.inputs.coords == batch.inputs.coords[:1]).all()
        assert (batch.inputs.mask == batch.inputs.mask[:1]).all()
    places = itertools.combinations(batch.query_coords, 2)
    assert all(not torch.equal(a, b) for a, b in places)


@pytest.mark.parametrize("pattern", ["random", "stripes", "boxes"])
def test_views_of_a_field_are_the_same_field_observed_elsewhere(data, pattern: str) -> None:
    config = MIRRORED.model_copy(update={"patterns": {pattern: 1}})
    batches = make(data, config, batch_size=10, views=2)
    batch, next_one = batches(0), batches(1)
    assert batch.view_id.tolist() == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4]
    assert torch.equal(batch.index[::2], batch.index[1::2])
    assert len(torch.cat([batch.index, next_one.index]).unique()) == len(data)
    assert torch.equal(batch.anchor_values[::2], batch.anchor_values[1::2])  # turned alike
    seen = batch.inputs
    for view in (0, 1):
        assert (seen.coords[view::2] == seen.coords[view]).all()
    assert not torch.equal(seen.coords[0], seen.coords[1])
    assert not torch.equal(batch.query_coords[0], batch.query_coords[1])


@pytest.mark.parametrize("pattern", ["random", "scattered"])
def test_a_mirrored_field_is_flipped_along_the_last_axis(data: FieldData, pattern: str) -> None:
    patterns, turned = {"patterns": {pattern: 1}}, 0
    ours = make(data, MIRRORED.model_copy(update=patterns))
    plain = make(data, CONFIG.model_copy(update=patterns))
    flipped = make(replace(data, values=data.values[:, :, ::-1]), plain.config)
    names = ("query_values", "anchor_values", "inputs.values")
    for step in range(4):
        batches = [tensors(batches(step)) for batches in (ours, plain, flipped)]
        for row in range(4):
            found, straight, mirrored = ([b[name][row] for name in names] for b in batches)
            matches = [
                all(torch.allclose(a, b, atol=1e-5) for a, b in zip(found, other, strict=True))
                for other in (straight, mirrored)
            ]
            assert sorted(matches) == [False, True]
            turned += matches[1]
    assert 0 < turned < 16


def test_mirrored_is_what_the_data_say_unless_told(data: FieldData) -> None:
    pictures = replace(data, mirrored=True)
    assert CONFIG.for_data(pictures).mirrored
    assert not CONFIG.for_data(data).mirrored
    assert not CONFIG.model_copy(update={"mirrored": False}).for_data(pictures).mirrored
    uneven = Grid((data.grid.axes[0], Axis("x", np.linspace(0, 1, SIZE + 1) ** 2)))
    assert not CONFIG.for_data(replace(pictures, grid=uneven)).mirrored
    coast = np.ones((SIZE, SIZE), dtype=bool)
    coast[:, 0] = False
    for grid in (uneven, replace(data.grid, mask=coast)):
        with pytest.raises(ValuesError, match=r"no mirror image of itself along x.*to false"):
            MIRRORED.for_data(replace(data, grid=grid))


def test_the_posterior_knows_nothing_of_the_field_but_what_was_seen(data: FieldData) -> None:
    groups = np.arange(len(data)) // 2
    data = replace(data, groups=groups)
    prior = prior_of(data)
    batches = make(data, prior=prior)
    batch = batches(0)
    # Other values in the exemplars of its own group change nothing for a field.
    own = torch.from_numpy(groups == groups[int(batch.index[0])])
    prior.exemplars[own] = 0
    prior._bank = None
    change = (batches(0).posterior.lattice - batch.posterior.lattice).abs().amax(dim=(1, 2))
    assert change[0] < 1e-4
    assert change.max() > 0.01
    exact = torch.from_numpy(data.at((6, 6)).values).flatten(1, 2)[batch.index]
    error = (batch.posterior.mean - exact).square().mean(dim=(1, 2)).sqrt()
    assert error[0] > 0.01  # it has not seen the answer


@pytest.mark.parametrize("step", range(12))
def test_shares_of_several_processes_make_up_the_batch(data: FieldData, step: int) -> None:
    batch = make(data, MIXED)(step)
    for count in (1, 2, 4):
        shares = [batch.shard(rank, count) for rank in range(count)]
        assert {share.size for share in shares} == {4 // count}
        parts = [tensors(share) for share in shares]
        whole = {name: torch.cat([part[name] for part in parts]) for name in parts[0]}
        assert all(torch.equal(whole[name], tensor) for name, tensor in tensors(batch).items())


# Every field in its turn


@pytest.mark.parametrize("batch_size", [1, 4, 7, 10, 13])
def test_every_field_comes_once_an_epoch_also_across_batches(data, batch_size: int) -> None:
    batches = make(data, batch_size=batch_size)
    order = torch.cat([batches(step).index for step in range(-(-40 // batch_size))]).tolist()
    epochs = [order[i : i + 10] for i in range(0, 40, 10)]
    assert all(sorted(epoch) == list(range(10)) for epoch in epochs)
    assert len({tuple(epoch) for epoch in epochs}) == 4  # each in an order of its own
    assert batches(0).size == batch_size


def test_a_batch_names_its_fields(data: FieldData) -> None:
    batch = make(data)(3)
    assert batch.describe() == "fields " + ", ".join(map(str, batch.index.tolist()))


# The truth where it is asked


def test_targets_are_native_cells(data: FieldData) -> None:
    batch = make(data)(2)
    rows, places = batch.index.numpy()[:, None], cell(batch.query_coords, SIZE)
    np.testing.assert_array_equal(batch.query_values, data.values.reshape(10, -1, 2)[rows, places])
    centres = torch.from_numpy(data.grid.centres().astype(np.float32))
    torch.testing.assert_close(batch.query_coords, centres[torch.from_numpy(places)])
    assert all(len(set(p.tolist())) == len(p) for p in places)


def test_on_a_regular_grid_without_gaps_everything_weighs_one(data: FieldData) -> None:
    batch = make(data)(0)
    assert batch.query_weight.eq(1).all()
    assert batch.anchor_weight.eq(1).all()


def test_anchors_hold_the_average_around_them(data: FieldData) -> None:
    batch = make(data)(0)
    side = SIZE // ANCHORS[0]
    blocks = data.values[batch.index].reshape(4, ANCHORS[0], side, ANCHORS[1], side, 2)
    expected = blocks.mean((2, 4)).reshape(4, -1, 2)
    np.testing.assert_allclose(batch.anchor_values, expected, atol=1e-6)
    assert make(data, anchor_shape=(0, 0))(0).anchor_values.shape == (4, 0, 2)


def test_anchors_finer_than_native_cells_read_the_cell_around(data: FieldData) -> None:
    batch = make(data, anchor_shape=(2 * SIZE, 1))(0)
    expected = data.values[batch.index].mean(axis=2)
    np.testing.assert_allclose(
        batch.anchor_values.reshape(4, SIZE, 2, 2)[:, 1:-1].mean(2), expected[:, 1:-1], atol=0.02
    )


def test_defaults_fit_fields_smaller_than_the_task(data: FieldData) -> None:
    batches = make(data, DataConfig(queries=10_000))
    assert batches.config.observed_shape == (SIZE, SIZE)
    assert batches(0).query_coords.shape == (4, SIZE**2, 2)
