"""What a step sees: by (seed, step) alone, every field in its turn, the truth where asked."""

import itertools
from dataclasses import fields, replace

import numpy as np
import pytest
import torch

from mamba_diffae.fields import GridField, pixel_centres
from mamba_diffae.models.prior import AnaloguePrior
from mamba_diffae.training.batches import (
    DataConfig,
    FieldBatches,
    TrainingBatch,
    exemplar_values,
    value_rms,
)

SIZE, ANCHORS = 24, 6
CONFIG = DataConfig(queries=50, fractions=(0.05, 0.4), cells=12)


@pytest.fixture
def truth(smooth_fields) -> GridField:
    return smooth_fields(count=10, size=SIZE, channels=2)


def make(truth: GridField, config: DataConfig = CONFIG, **options: int) -> FieldBatches:
    return FieldBatches(
        truth, config, **{"seed": 1, "batch_size": 4, "anchors": ANCHORS, **options}
    )


def same(a: TrainingBatch, b: TrainingBatch) -> bool:
    return all(torch.equal(getattr(a, f.name), getattr(b, f.name)) for f in fields(a))


def cell(coords: torch.Tensor, size: int) -> np.ndarray:
    """Index of the cell that holds each place, x fastest."""
    column, row = (coords * size).long().unbind(-1)
    return (row * size + column).numpy()


# By seed and step alone


def test_a_batch_depends_on_seed_and_step_alone(truth: GridField) -> None:
    batches = make(truth)
    first = [batches(step) for step in range(6)]
    np.random.seed(5)  # noqa: NPY002 - no global state may matter
    torch.manual_seed(5)
    again = make(truth)
    assert all(same(again(step), first[step]) for step in (5, 0, 3))
    other = make(truth, seed=2)
    assert not any(same(other(step), first[step]) for step in range(6))


def test_observations_targets_and_keys_are_fresh_at_every_step(truth: GridField) -> None:
    batches = make(truth, batch_size=10)  # the same fields at every step
    seen = [batches(step) for step in range(8)]
    of_field_0 = [int((batch.index == 0).nonzero()) for batch in seen]
    for name in ("input_coords", "query_coords"):
        places = [
            frozenset(map(tuple, getattr(batch, name)[row].tolist()))
            for batch, row in zip(seen, of_field_0, strict=True)
        ]
        assert len(set(places)) == 8
    keys = torch.cat([batch.keys for batch in seen])
    assert len(keys.unique()) == 80


def test_fields_of_a_batch_are_seen_in_the_same_cells_and_asked_elsewhere(truth) -> None:
    batch = make(truth)(0)
    assert (batch.input_coords == batch.input_coords[:1]).all()
    places = itertools.combinations(batch.query_coords, 2)
    assert all(not torch.equal(a, b) for a, b in places)


def test_views_of_a_field_are_the_same_field_in_other_cells(truth: GridField) -> None:
    mirrored = CONFIG.model_copy(update={"mirrored": True})
    batches = make(truth, mirrored, batch_size=10, views=2)
    batch, next_one = batches(0), batches(1)
    assert batch.draw.tolist() == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4]
    assert torch.equal(batch.index[::2], batch.index[1::2])
    assert len(torch.cat([batch.index, next_one.index]).unique()) == len(truth)
    assert torch.equal(batch.anchor_values[::2], batch.anchor_values[1::2])  # turned alike
    for view in (0, 1):
        assert (batch.input_coords[view::2] == batch.input_coords[view]).all()
    assert not torch.equal(batch.input_coords[0], batch.input_coords[1])
    assert not torch.equal(batch.query_coords[0], batch.query_coords[1])


def test_a_mirrored_field_is_the_field_in_a_mirror(truth: GridField) -> None:
    mirrored = make(truth, CONFIG.model_copy(update={"mirrored": True}))
    plain, flipped = make(truth), 0
    for step in range(4):
        ours, theirs = mirrored(step), plain(step)
        pictures = truth.scaling.scale(truth.values)
        for row, index in enumerate(theirs.index):
            native = torch.from_numpy(pictures[index])
            asked = ours.query_coords[row]
            column, line = (asked * SIZE).long().unbind(-1)
            straight = torch.equal(ours.query_values[row], native[line, column])
            turned = torch.equal(ours.query_values[row], native[line, SIZE - 1 - column])
            assert straight or turned
            flipped += turned
            grid = theirs.anchor_values[row].reshape(ANCHORS, ANCHORS, -1)
            around = grid.flip(1) if turned else grid
            torch.testing.assert_close(ours.anchor_values[row], around.flatten(0, 1))
    assert 0 < flipped < 16


def prior_of(truth: GridField) -> AnaloguePrior:
    prior = AnaloguePrior(len(truth), 6, 2, truth.channels, mirrored=False)
    prior.remember(exemplar_values(prior, truth))
    return prior


def test_the_estimate_knows_nothing_of_the_field_but_what_was_seen(truth: GridField) -> None:
    groups = np.arange(len(truth)) // 2
    truth = replace(truth, groups=groups)
    prior = prior_of(truth)
    batches = make(truth, prior=prior)
    batch = batches(0)
    # Other values in the exemplars of its own group change nothing for a field.
    own = torch.from_numpy(groups == groups[int(batch.index[0])])
    prior.exemplars[own] = 0
    prior._library = None
    change = (batches(0).estimate - batch.estimate).abs().amax(dim=(1, 2))
    assert change[0] < 1e-4
    assert change.max() > 0.01
    assert prior_error(batch, truth)[0] > 0.01  # it has not seen the answer


def prior_error(batch: TrainingBatch, truth: GridField) -> torch.Tensor:
    exact = torch.from_numpy(truth.scaling.scale(truth.at(6))).flatten(1, 2)[batch.index]
    return (batch.estimate[..., :2] - exact).square().mean(dim=(1, 2)).sqrt()


def test_a_prior_with_too_much_room_is_refused(truth: GridField) -> None:
    with pytest.raises(ValueError, match=r"room for 11 exemplars, but there are 10"):
        exemplar_values(AnaloguePrior(11, 6, 2, 2, mirrored=False), truth)


def test_shares_of_several_processes_make_up_the_batch(truth: GridField) -> None:
    batch = make(truth)(1)
    for count in (1, 2, 4):
        shares = [batch.shard(rank, count) for rank in range(count)]
        assert {share.size for share in shares} == {4 // count}
        whole = {f.name: torch.cat([getattr(s, f.name) for s in shares]) for f in fields(batch)}
        assert same(TrainingBatch(**whole), batch)


# Every field in its turn


@pytest.mark.parametrize("batch_size", [1, 4, 7, 10, 13])
def test_every_field_comes_once_an_epoch_also_across_batches(
    truth: GridField, batch_size: int
) -> None:
    batches = make(truth, batch_size=batch_size)
    order = torch.cat([batches(step).index for step in range(-(-40 // batch_size))]).tolist()
    epochs = [order[i : i + 10] for i in range(0, 40, 10)]
    assert all(sorted(epoch) == list(range(10)) for epoch in epochs)
    assert len({tuple(epoch) for epoch in epochs}) == 4  # each in an order of its own
    assert batches(0).size == batch_size


def test_a_batch_names_its_fields(truth: GridField) -> None:
    batch = make(truth)(3)
    assert batch.describe() == "fields " + ", ".join(map(str, batch.index.tolist()))


# The truth where it is asked


def test_observations_are_cell_averages_and_targets_native_pixels(truth: GridField) -> None:
    batch = make(truth)(2)
    rows = batch.index.numpy()[:, None]
    averages = truth.scaling.scale(truth.at(12)).reshape(10, -1, 2)
    pixels = truth.scaling.scale(truth.values).reshape(10, -1, 2)
    np.testing.assert_allclose(batch.input_values, averages[rows, cell(batch.input_coords, 12)])
    targets = pixels[rows, cell(batch.query_coords, SIZE)]
    np.testing.assert_allclose(batch.query_values, targets, rtol=1e-6)
    for coords, size in ((batch.input_coords, 12), (batch.query_coords, SIZE)):
        centres = torch.from_numpy(pixel_centres(size))[cell(coords, size)]
        torch.testing.assert_close(coords, centres)
    assert batch.input_mask.all()


def test_anchors_hold_the_average_around_them(truth: GridField) -> None:
    batch = make(truth)(0)
    side = SIZE // ANCHORS
    blocks = truth.values[batch.index].reshape(4, ANCHORS, side, ANCHORS, side, 2).mean((2, 4))
    expected = truth.scaling.scale(blocks).reshape(4, -1, 2)
    np.testing.assert_allclose(batch.anchor_values, expected, atol=1e-5)
    assert make(truth, anchors=0)(0).anchor_values.shape == (4, 0, 2)


def test_no_place_is_asked_or_seen_twice(truth: GridField) -> None:
    batch = make(truth)(0)
    for coords, size in ((batch.input_coords, 12), (batch.query_coords, SIZE)):
        for places in cell(coords, size):
            assert len(set(places.tolist())) == len(places)


def test_the_share_that_is_seen_is_drawn_within_its_bounds(truth: GridField) -> None:
    batches = make(truth)
    counts = np.array([batches(step).input_coords.shape[1] for step in range(300)]) / 144
    assert 0.05 - 0.5 / 144 <= counts.min() < 0.07
    assert 0.33 < counts.max() <= 0.4 + 0.5 / 144
    # Log-uniform: half of the steps lie below the geometric mean of the bounds.
    assert np.mean(counts < (0.05 * 0.4) ** 0.5) == pytest.approx(0.5, abs=0.1)


@pytest.mark.parametrize("pattern", ["regular", "block"])
def test_other_patterns_fill_a_batch_too(truth: GridField, pattern: str) -> None:
    batch = make(truth, DataConfig(queries=10, cells=12, pattern=pattern))(0)
    assert batch.input_coords.shape[0] == 4
    assert batch.input_values.shape[:2] == batch.input_coords.shape[:2]


def test_defaults_fit_a_field_smaller_than_the_task(truth: GridField) -> None:
    batches = make(truth, DataConfig(queries=10_000))
    assert (batches.cells, batches.queries) == (SIZE, SIZE**2)  # neither 32 cells nor 10,000 pixels
    assert batches(0).query_coords.shape == (4, SIZE**2, 2)


def test_sigma_is_the_rms_of_what_the_network_learns(truth: GridField) -> None:
    scaled = truth.scaling.scale(truth.values.astype(np.float64))
    assert value_rms(truth) == pytest.approx(np.sqrt(np.square(scaled).mean()))
