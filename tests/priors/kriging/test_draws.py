"""Draws of kriged fields on the lattice: against closed forms, whatever was observed."""

from __future__ import annotations

import math

import pytest
import torch
from draw_cases import Gaussian, agrees, correlations, keys_of, kriged, observed_at
from lattice_cases import C, smooth, some

from mamba_diffae.fields import Geometry, Observations
from mamba_diffae.priors import PriorConfig
from mamba_diffae.priors.kriging import KERNELS
from mamba_diffae.priors.kriging.prior import KrigingPrior

LATTICES = [
    ((12,), (False,)),
    ((5, 6), (False, False)),
    ((4, 7), (False, True)),
    ((3, 2, 4), (False, False, False)),
]


def prior_of(shape=(5, 6), periodic=None, laws: int = 1) -> KrigingPrior:
    """Of one law, or of two of which each draw has one."""
    closed = (False,) * len(shape) if periodic is None else periodic
    geometry = Geometry(extent=tuple(n / max(shape) for n in shape), periodic=closed)
    prior = KrigingPrior(PriorConfig(geometry=geometry, shape=shape, value_dim=C), laws=laws)
    lengths = (0.3,) * len(shape)
    share = (math.log(0.5),) * C
    prior.laws[0] = torch.tensor([KERNELS.index("matern32"), 0.05, *lengths, *share])
    if laws > 1:
        prior.laws[1] = torch.tensor([KERNELS.index("exponential"), 0.01, *lengths, *share])
    prior.mean.copy_(torch.tensor([0.1, -0.2]))
    prior.deviation.copy_(torch.tensor([0.5, 0.4]))
    prior.between.copy_(torch.tensor([[1.0, 0.6], [0.6, 1.0]]))
    prior.trend.fill_(0.5)
    prior.freedom.fill_(5.0)
    return prior


@pytest.mark.parametrize("noise", [None, 0.0, 0.1])
@pytest.mark.parametrize(("shape", "periodic"), LATTICES)
def test_draws_have_the_mean_and_covariance_of_the_posterior(shape, periodic, noise):
    prior = prior_of(shape, periodic)
    mask = some((prior.config.cells, 1), 0.3).expand(-1, C)
    asked = observed_at(prior.config, smooth(1, shape, seed=5), mask, noise)
    found = prior.posterior(asked, keys=keys_of(1, 500))
    assert found.draws is not None
    agrees(found.draws[0].flatten(1), kriged(prior, asked))


@pytest.mark.parametrize("noise", [None, 0.1])
def test_a_variable_that_is_missing_at_some_places_or_everywhere(noise):
    prior = prior_of()
    for kept in (some((30, C), 0.4), some((30, 1), 0.4) & torch.tensor([True, False])):
        asked = observed_at(prior.config, smooth(1, (5, 6), seed=5), kept, noise)
        found = prior.posterior(asked, keys=keys_of(1, 500))
        assert found.draws is not None
        agrees(found.draws[0].flatten(1), kriged(prior, asked))


def test_the_stated_deviation_is_that_of_the_draws():
    prior = prior_of(laws=2)  # several laws, one chosen for each draw
    fields = smooth(3, (5, 6), seed=5)
    asked = observed_at(prior.config, fields, some((30, 1), 0.3).expand(-1, C), noise=0.05)
    found = prior.posterior(asked, keys=keys_of(3, 250))
    assert found.draws is not None
    around = found.draws - found.mean[:, None]
    error = around.mean(dim=1).abs() / (found.std / 250**0.5 + 1e-5)
    assert error.max() < 6
    std = around.square().mean(dim=1).sqrt().mean(dim=-1)
    torch.testing.assert_close(std, found.std[..., 0], rtol=0.2, atol=5e-3)


def test_what_was_observed_exactly_is_kept():
    prior = prior_of(laws=2)
    fields, mask = smooth(2, (5, 6), seed=5), some((30, 1), 0.3).expand(-1, C)
    draws = prior.posterior(observed_at(prior.config, fields, mask, 0.0), keys=keys_of(2, 8)).draws
    assert draws is not None
    error = (draws - fields[:, None])[:, :, mask]
    assert error.abs().max() < 1e-3
    assert (draws - fields[:, None])[:, :, ~mask].std() > 1e-2


def test_nothing_observed():
    prior = prior_of()
    blank = observed_at(prior.config, smooth(1, (5, 6)), torch.zeros(30, C, dtype=torch.bool))
    draws = prior.posterior(blank, keys=keys_of(1, 500)).draws
    family = prior.family()
    assert draws is not None
    assert family is not None
    place = correlations(prior.config, family.choices[0].law) + prior.trend
    unit = prior.deviation[:, None] * prior.between * prior.deviation
    agrees(draws[0].flatten(1), Gaussian(prior.mean.repeat(30), torch.kron(place, unit)))


def test_a_draw_is_that_of_its_key_and_field_alone():
    prior, fields = prior_of(laws=2), smooth(4, (5, 6), seed=5)
    kept = torch.stack([some((30, C), 0.4, seed=b // 2) for b in range(4)])
    kept[3] = False
    asked = observed_at(prior.config, fields, kept)
    keys = torch.tensor([[5, 2**40], [5, -7], [1, 2], [5, 3]])
    together = prior.posterior(asked, keys=keys).draws
    assert together is not None
    for b in range(4):
        for k in range(2):
            alone = prior.posterior(asked[[b]], keys=keys[b : b + 1, k : k + 1]).draws
            torch.testing.assert_close(alone[0, 0], together[b, k], rtol=0, atol=1e-5)
    assert (together[0, 0] - together[0, 1]).abs().max() > 1e-2
    none = prior.posterior(asked, keys=keys[:, :0])
    assert none.draws is not None
    assert none.draws.shape == (4, 0, 30, C)
    assert torch.equal(none.lattice, prior.posterior(asked).lattice)


def test_errors_that_a_group_shares_are_drawn_as_such():
    prior, fields = prior_of(), smooth(1, (5, 6), seed=5)
    group = torch.arange(30).remainder(2).expand(1, -1)
    prior.trend.fill_(5.0)  # so that the offsets leave the mean open
    kept = some((30, 1), 0.8) & torch.tensor([True, False])
    asked = observed_at(prior.config, fields + 0.2 * group[..., None], kept, 0.05)
    asked = asked.replace(noise_group=group)
    found = prior.posterior(asked, keys=keys_of(1, 500))
    assert found.draws is not None
    agrees(found.draws[0].flatten(1), kriged(prior, asked))


def test_before_any_training_and_on_a_sphere_it_draws():
    shape = (4, 6)
    globe = Geometry.model_validate(
        {
            "extent": (0.5, 1.0),
            "periodic": (False, True),
            "sphere": {
                "latitude_axis": 0,
                "longitude_axis": 1,
                "latitude_origin": -math.pi / 2,
                "radians": 2 * math.pi,
            },
        }
    )
    prior = KrigingPrior(PriorConfig(geometry=globe, shape=shape, value_dim=C))
    fields = smooth(2, shape, seed=5)
    kept = torch.stack([some((24, C), 0.5), torch.zeros(24, C, dtype=torch.bool)])
    asked: Observations = observed_at(prior.config, fields, kept)
    found = prior.posterior(asked, keys=keys_of(2, 300))
    assert found.draws is not None
    around = (found.draws - found.mean[:, None]).square().mean(dim=1).sqrt().mean(dim=-1)
    assert 0.7 < (around[0] / found.std[0, :, 0]).median() < 1.1
    assert 0.8 < (around[1] / found.std[1, :, 0]).median() < 1.2
