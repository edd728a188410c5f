"""Batches of scattered points: what is held back never reaches what is observed."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from field_cases import same, tensors

from mamba_diffae.fields import Geometry, Grid, Observations, ValuesError, Variable
from mamba_diffae.priors import PriorConfig
from mamba_diffae.priors.kriging.prior import KrigingPrior
from mamba_diffae.training.data.config import DataConfig
from mamba_diffae.training.data.point_batches import PointBatches
from mamba_diffae.training.data.point_snapshots import PointSnapshots
from mamba_diffae.training.data.snapshots import BatchOptions

GRID = Grid.regular(((0, 0.75), (0, 1)), (12, 16))
GEOMETRY = Geometry(extent=(0.75, 1.0))


def points(counts: list[int], variables: int = 2, **parts: object) -> Observations:
    """Smooth fields at as many places as said, the values' own noise and support as asked."""
    rng = np.random.default_rng(0)
    found = []
    for count in counts:
        coords = rng.random((count, 2)) * [0.75, 1]
        waves = np.sin(coords @ rng.uniform(-4, 4, (2, variables)) + rng.uniform(0, 6, variables))
        found.append(Observations.from_points(coords, 0.8 * waves, **parts))
    return Observations.stack(found).to(torch.float32)


def snapshots(observations: Observations) -> PointSnapshots:
    count = len(observations)
    variables = tuple(Variable(f"v{c}") for c in range(observations.n_variables))
    splits = np.full(count, "train")
    return PointSnapshots(variables, GRID, observations, splits, np.arange(count))


def prior_of(data: PointSnapshots) -> KrigingPrior:
    config = PriorConfig(geometry=GEOMETRY, shape=(6, 8), value_dim=data.n_variables)
    prior = KrigingPrior(config)
    prior.fit(data.for_prior())
    return prior


def batches(data: PointSnapshots, prior: KrigingPrior | None = None, **changes) -> PointBatches:
    options = {"seed": 0, "batch_size": 6, "anchor_shape": (3, 4), "views": 1} | changes
    config = data.sampling(DataConfig(**options.pop("config", {})))
    return PointBatches(data, prior or prior_of(data), BatchOptions(config, **options))


def key(coords: torch.Tensor) -> set[tuple[float, ...]]:
    return {tuple(x) for x in coords.tolist()}


@pytest.fixture(scope="module")
def data() -> PointSnapshots:
    return snapshots(points([20, 2, 35, 12, 12, 5]))


@pytest.fixture(scope="module")
def prior(data) -> KrigingPrior:
    return prior_of(data)


def test_what_is_asked_is_what_is_not_observed(data, prior):
    make = batches(data, prior)
    for step in range(8):
        batch = make(step)
        for b, row in enumerate(batch.index.tolist()):
            seen = key(batch.inputs.coords[b][batch.inputs.present[b]])
            asked = key(batch.query_coords[b][(batch.query_weight[b] > 0).any(-1)])
            assert seen
            assert asked
            assert not seen & asked
            assert seen | asked == key(
                data.points(row, np.arange(data.places(row).max() + 1)).coords[0]
            )


def test_a_withheld_value_reaches_nothing_but_the_truth(data, prior):
    """Inputs and posterior are bit for bit those of other values at the places that are asked."""
    plain = {"config": {"p_noise": 0, "p_variables": 0}}
    batch = batches(data, prior, **plain)(3)
    for b in range(batch.size):
        row, asked = int(batch.index[b]), key(batch.query_coords[b])
        coords = data.observations.coords[row]
        withheld = torch.tensor([tuple(x) in asked for x in coords.tolist()])
        values = data.observations.values.clone()
        values[row, withheld] = 55.0
        other = replace(data, observations=data.observations.with_values(values))
        changed = batches(other, prior, **plain)(3)
        ours, theirs = tensors(batch), tensors(changed)
        for name, part in ours.items():
            if name.startswith(("inputs", "posterior")):
                assert part[b].equal(theirs[name][b]), name
        assert not ours["query_values"][b].equal(theirs["query_values"][b])


def test_readings_of_one_place_are_withheld_together():
    once = points([8], variables=1)
    twice = Observations.stack([once, once])
    joined = Observations(
        *(torch.cat([x[:1], x[1:]], dim=1) for x in (twice.coords, twice.values, twice.mask))
    )
    data = snapshots(Observations.stack([joined, joined]))
    for step in range(6):
        batch = batches(data)(step)
        for b in range(batch.size):
            seen = key(batch.inputs.coords[b][batch.inputs.present[b]])
            assert not seen & key(batch.query_coords[b][batch.query_weight[b, :, 0] > 0])


def test_seed_and_step_decide(data, prior):
    one, again, other = (batches(data, prior, seed=seed) for seed in (0, 0, 1))
    assert same(one(5), again(5))
    assert not same(one(5), one(6))
    assert not same(one(5), other(5))


def test_every_snapshot_of_two_places_comes_once_an_epoch():
    data = snapshots(points([9, 1, 4, 7]))
    make = batches(data, batch_size=3)
    assert sorted(make(0).index.tolist()) == [0, 2, 3]
    assert sorted(make(7).index.tolist()) == [0, 2, 3]


def test_snapshots_of_one_place_teach_nothing():
    with pytest.raises(ValuesError, match="None of the 3 snapshots has points at two places"):
        batches(snapshots(points([1, 1, 1])))


def test_what_is_known_of_readings_stays_with_them():
    noise, support = [0.1, 0.2], [0.05, 0.1]
    given = points([9, 6, 8], noise=noise, support=support, noise_group=None)
    given = given.replace(noise_group=(given.coords[..., 0] > 0.4).long())
    mask = given.mask.clone()
    mask[:, ::3, 1] = False
    data = snapshots(given.replace(mask=mask))
    batch = batches(data, batch_size=3, config={"p_noise": 0, "p_variables": 0})(1)
    for b, row in enumerate(batch.index.tolist()):
        there = data.observations.present[row].nonzero()[:, 0].tolist()
        place = {tuple(given.coords[row, i].tolist()): i for i in there}
        for i in batch.inputs.present[b].nonzero()[:, 0].tolist():
            n = place[tuple(batch.inputs.coords[b, i].tolist())]
            for name in ("values", "mask", "noise", "support", "noise_group"):
                ours = getattr(batch.inputs, name)[b, i]
                assert ours.equal(getattr(data.observations, name)[row, n]), name
    lacking = (batch.query_weight == 0) & (batch.query_weight.amax(-1, keepdim=True) > 0)
    assert lacking.any()


def test_a_reading_of_a_large_error_counts_less():
    given = points([10, 10], variables=1)
    noise = torch.zeros_like(given.values)
    noise[:, ::2] = 3.0
    data = snapshots(given.replace(noise=noise))
    batch = batches(data, config={"p_noise": 0})(0)
    counted = batch.query_weight[batch.query_weight > 0]
    assert counted.max() == 1
    assert counted.min() < 0.2


def test_added_errors_are_stated(data, prior):
    batch = batches(data, prior, config={"p_noise": 1, "p_variables": 0})(2)
    assert batch.inputs.noise is not None
    assert (batch.inputs.noise[batch.inputs.mask] > 0).all()
    exact = torch.isin(batch.inputs.values, data.observations.values)
    assert not exact[batch.inputs.mask].any()


def test_steps_that_lack_variables_keep_an_observation(data, prior):
    make = batches(data, prior, config={"p_variables": 1})
    found = [make(step).inputs for step in range(12)]
    assert all((inputs.counts > 0).all() for inputs in found)
    assert any(not inputs.mask[inputs.present].all() for inputs in found)


def test_several_views_are_one_snapshot_observed_elsewhere(data, prior):
    batch = batches(data, prior, views=2)(0)
    assert batch.index[::2].equal(batch.index[1::2])
    assert batch.view_id.tolist() == [0, 0, 1, 1, 2, 2]
    assert any(
        key(batch.inputs.coords[b]) != key(batch.inputs.coords[b + 1]) for b in range(0, 6, 2)
    )


def test_an_anchor_s_truth_is_the_average_around_it(data, prior):
    batch = batches(data, prior, anchor_shape=(1, 1))(0)
    for b, row in enumerate(batch.index.tolist()):
        mean = data.observations.values[row].sum(0) / data.observations.mask[row].sum(0)
        torch.testing.assert_close(batch.anchor_values[b, 0], mean)
    fine = batches(data, prior, anchor_shape=(12, 16))(0)
    assert fine.anchor_weight.mean() < 0.3
    assert (fine.anchor_values[fine.anchor_weight == 0] == 0).all()
    assert batches(data, prior, anchor_shape=(0, 0))(0).anchor_values.shape == (6, 0, 2)


def test_settings_that_are_those_of_fields_are_refused(data):
    assert data.sampling(DataConfig()).patterns.keys() == {"random", "gaps", "block", "clusters"}
    assert data.sampling(DataConfig(patterns={"block": 1})).patterns == {"block": 1}
    again = data.sampling(data.sampling(DataConfig()))
    assert again.patterns == data.sampling(DataConfig()).patterns
    with pytest.raises(ValuesError, match="patterns holds track"):
        data.sampling(DataConfig(patterns={"track": 1, "random": 1}))
    with pytest.raises(ValuesError, match="mirrored"):
        data.sampling(DataConfig(mirrored=True))
    with pytest.raises(ValuesError, match="'analogue' learns from fields on a grid"):
        data.network_defaults({"prior": "analogue"}, DataConfig())


def test_validation_observes_half_and_asks_the_rest(data):
    asked = data.evaluation(None)
    assert len(asked) == 6
    assert asked.inputs.counts.tolist() == [10, 1, 17, 6, 6, 2]
    assert asked.weight.sum(dim=1)[:, 0].tolist() == [10, 1, 18, 6, 6, 3]
    values, weight = data.on_lattice(asked, asked.values)
    assert values.shape == (6, 12, 16, 2)
    assert weight is not None
    assert float(weight.sum()) == float(asked.weight.sum())
    again = data.evaluation(None)
    assert again.values.equal(asked.values)
    several = data.residual_set(None)
    assert len(several) == 48
    assert several.values[:6].equal(asked.values)
    assert not several.coords[6].equal(several.coords[0])


def test_most_of_a_snapshot_is_encoded(data):
    rng = np.random.default_rng(0)
    seen = data.most_of(rng, data.sampling(DataConfig()), 0.7, mirrored=False)
    assert seen.counts.tolist() == [14, 1, 24, 8, 8, 4]


def test_other_values_are_other_contents(data):
    values = data.observations.values + 1e-3
    other = replace(data, observations=data.observations.with_values(values))
    assert dict(data.contents()) != dict(other.contents())
    assert dict(data.contents()) == dict(data.take(slice(None)).contents())
