"""Errors at places that are left out: of many places only the last ones."""

import numpy as np
import pytest
import torch
from mixture_cases import SHAPE, config, data, seen, waves

from mamba_diffae.fields import Observations
from mamba_diffae.priors import leave_out
from mamba_diffae.priors.kriging import best_variance
from mamba_diffae.priors.kriging import seen as seeing
from mamba_diffae.priors.kriging.readings import Boxes, Readings, reordered, with_some_last
from mamba_diffae.priors.leave_out import Folds
from mamba_diffae.priors.mixture.prior import MixturePrior
from mamba_diffae.priors.mixture.targets import Targets

FIELDS = waves(40)


@pytest.fixture(scope="module")
def prior() -> MixturePrior:
    made = MixturePrior(config(FIELDS))
    made.fit(data(FIELDS), data(waves(12, seed=5)))
    return made


def observed(lacking: bool) -> Observations:
    given = seen(waves(3, seed=7)[:1], 40)
    if not lacking:
        return given
    mask = given.mask.clone()
    mask[:, ::3, 0] = False
    return Observations(given.coords, given.values, mask, given.support)


@pytest.mark.parametrize("lacking", [False, True])
def test_the_last_places_have_the_errors_that_all_would_give(prior, monkeypatch, lacking) -> None:
    for module in (leave_out, seeing):
        monkeypatch.setattr(module, "MOST_SINGLES", 12)
    given = prior.kriging.see(observed(lacking))
    few, every = Folds.singles(given.places), Folds(torch.arange(given.places))
    start = few.start(given.place)
    assert given.places == 40
    assert given.place[start] == 40 - 12
    assert few.count == 12
    gaussians = prior.given(given, None, prior.law())
    for part in (gaussians.kriged, gaussians.learned):
        last, all_ = part.errors(few), part.errors(every)
        torch.testing.assert_close(last, all_[..., start:, :], rtol=1e-6, atol=1e-9)
        assert all_.shape[-2] == len(given.values)


def test_places_that_come_last_are_drawn_from_all_and_stay_together() -> None:
    places, kinds = 30, 2
    place = torch.arange(places).repeat_interleave(kinds)
    rows = torch.arange(len(place))
    boxes = Boxes(rows[:, None, None].double(), torch.ones(1).double())
    ones = torch.ones(len(rows)).double()
    made = Readings(boxes, rows[:, None].double(), rows % kinds, ones, place=place)
    order = with_some_last(made, 8)
    assert order.sort().values.equal(rows)
    last = place[order[-16:]].unique()
    assert len(last) == 8
    assert 5 < last.double().mean() < 25
    new = reordered(made, order)
    assert new.place.equal(place)
    assert new.values[:, 0].equal(order.double())
    assert with_some_last(made, places).equal(rows)


def test_what_is_left_of_cells_that_were_read_is_guessed_well(prior) -> None:
    before, prior.kriging.count = prior.kriging.count, 1
    try:
        kriged = prior.kriging.kriged(prior.kriging.see(observed(lacking=False)))
        boxes = Targets.of_lattice(prior.config).boxes
        mean, exact = kriged.at(boxes)
        again, rough = kriged.roughly(boxes)
    finally:
        prior.kriging.count = before
    torch.testing.assert_close(again, mean)
    ratio = rough / exact
    read = torch.zeros(SHAPE[0] * SHAPE[1], dtype=torch.bool)
    cells = (observed(lacking=False).coords[0] * 8).long()
    read[cells[:, 0] * 8 + cells[:, 1]] = True
    assert ((ratio[read] > 0.5) & (ratio[read] < 2.1)).all()
    torch.testing.assert_close(rough[~read], exact[~read])


def test_each_law_has_a_variance_of_its_own(prior) -> None:
    kriged = prior.kriging.kriged(prior.kriging.see(observed(lacking=False)))
    (part,) = kriged.parts
    sample, geometry, found = part.seen.sample, part.fields.geometry, []
    for number, law in enumerate(part.laws):
        own = best_variance(law.choice.law, sample, geometry)
        expected = part.fields.family.variance(own, sample.freedom)
        torch.testing.assert_close(part.variance(number).flatten(), expected)
        found.append(expected)
    assert len(found) > 1
    assert not torch.allclose(found[0], found[-1])


def test_what_is_stated_of_a_field_is_the_same_in_every_batch(prior) -> None:
    # Fields observed alike share their systems, not their laws.
    rough = torch.from_numpy(np.random.default_rng(3).normal(size=(1, 8, 8, 2)) / 3).float().numpy()
    fields = np.concatenate([waves(2, seed=11), rough, waves(1, seed=12) * 0.1])
    one = seen(fields[:1], 40)
    cells = (one.coords[0] * 8).long()
    values = torch.from_numpy(fields[:, cells[:, 0], cells[:, 1]])
    every = Observations(
        one.coords.expand(4, -1, -1),
        values,
        torch.ones_like(values, dtype=torch.bool),
        one.support.expand(4, -1, -1),
    )
    together = prior.posterior(every)
    for b in range(4):
        alone = prior.posterior(every[[b]])
        torch.testing.assert_close(alone.std[0], together.std[b], rtol=1e-4, atol=1e-7)
        torch.testing.assert_close(alone.mean[0], together.mean[b], rtol=1e-4, atol=1e-5)


def test_places_that_two_groups_of_noise_read_are_left_out_together(prior) -> None:
    one = seen(waves(1, seed=7), 10)
    twice = Observations(
        one.coords.repeat(1, 2, 1),
        one.values.repeat(1, 2, 1),
        one.mask.repeat(1, 2, 1),
        one.support.repeat(1, 2, 1),
        torch.full((1, 20, 2), 0.1),
        noise_group=torch.arange(20)[None] // 10,
    )
    found = prior.posterior(twice)
    assert found.mean.isfinite().all()
    assert (found.mean - prior.posterior(one).mean).abs().max() < 0.5
