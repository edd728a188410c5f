"""Draws of the mixture on its lattice: against closed forms, whatever was observed."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from draw_cases import Gaussian, agrees, correlations, given, keys_of, observed_at
from lattice_cases import some
from mixture_cases import CELL, config, data, waves
from torch import Tensor

from mamba_diffae.fields import FieldData, Geometry, Grid, Observations, Variable
from mamba_diffae.priors import PriorConfig
from mamba_diffae.priors.kriging.draws import DrawKey
from mamba_diffae.priors.mixture.draws import draw_learned
from mamba_diffae.priors.mixture.low_rank import without
from mamba_diffae.priors.mixture.prior import MixturePrior
from mamba_diffae.priors.mixture.targets import Targets

CELLS, C = 64, 2
EVERY = torch.ones(CELLS, C, dtype=torch.bool)


def asked(count: int = 1, share: float = 0.3, noise: float | None = 0.05, mask=None, seed=3):
    """Waves of the kind of the training fields, observed at some cells."""
    fields = torch.from_numpy(waves(count, seed=seed).reshape(count, CELLS, C))
    kept = some((CELLS, 1), share).expand(-1, C) if mask is None else mask
    return observed_at(config(waves(2)), fields, kept, noise)


def covariance_of(prior: MixturePrior) -> Tensor:
    """That of the library's law, in units of the deviation, (P C, P C)."""
    law, modes = prior.law(), prior.library().modes.flatten(0, 1)
    assert law is not None
    place = (1 - law.share) * law.variance * correlations(prior.config, law.law)
    return law.share * modes @ modes.mT + torch.kron(place, law.between)


def is_drawn_as_stated(prior: MixturePrior, seen: Observations, part: int, groups=None) -> None:
    """Library (0) or analogues (1, 2) of one field against dense matrices."""
    learned, law = prior.weigh(seen, groups).gaussians.learned, prior.law()
    assert learned is not None
    before, mask = covariance_of(prior), seen.mask[0]
    if own := learned.parts[part]:
        Z = own.own.vectors[0].double().flatten(1)
        before = before + (Z.mT * own.own.weight[0]) @ Z
    at, eye = mask.flatten().nonzero()[:, 0], torch.eye(CELLS).double()
    points = float(seen.support is not None and not seen.support.any())
    size = (1 - law.share) * law.variance * law.law.nugget
    error = size * torch.kron(eye, law.between)
    if seen.noise is not None:
        error = torch.diag((seen.noise[0].double() / prior.kriging.deviation).square().flatten())
    # Where all variables were read, they differ from their cell together.
    whole = bool(mask.any(dim=1).eq(mask.all(dim=1)).all()) and seen.noise is None
    within = law.between if whole else torch.eye(C).double()
    error = (error + points * law.within * torch.kron(eye, within))[at][:, at]
    after = given(before, error, at, torch.zeros(len(at)).double(), before)
    targets, keys = Targets.of_lattice(prior.config), DrawKey.of(keys_of(1, 500))
    drawn = draw_learned(learned, [part + 1] * 500, targets, keys, white=False)
    agrees(drawn.permute(2, 0, 1).flatten(1), after)


@pytest.mark.parametrize("noise", [None, 0.1])
@pytest.mark.parametrize("part", [0, 1, 2])
@pytest.mark.parametrize("hide", [False, True])
def test_each_component_is_drawn_with_its_covariance(fitted, noise, part, hide):
    mask = some((CELLS, C), 0.3) if part else some((CELLS, 1), 0.3).expand(-1, C)
    groups = fitted.groups[:1] if hide else None
    is_drawn_as_stated(fitted, asked(noise=noise, mask=mask), part, groups)


@pytest.mark.parametrize("each", [False, True])
def test_points_differ_from_the_cells_they_lie_in(fitted, each):
    prior = copy.deepcopy(fitted)
    prior.numbers[3] = 0.2
    seen = asked(noise=None, mask=some((CELLS, C), 0.3) if each else None)
    is_drawn_as_stated(prior, seen.replace(support=torch.zeros_like(seen.support)), 0)


def test_draws_have_the_mean_and_the_exact_deviation(fitted):
    observed = asked(3, 0.4)
    found = fitted.posterior(observed, keys=keys_of(3, 300))
    centres = fitted.config.centres()
    exact = fitted.condition(observed).mean_std(centres, torch.full_like(centres, CELL))[1]
    assert found.draws is not None
    around = found.draws - found.mean[:, None]
    assert (around.mean(dim=1).abs() / (exact / 300**0.5 + 1e-5)).max() < 6
    # A component of little weight and much variance is rarely drawn, so not all are close.
    ratio = around.square().mean(dim=1).sqrt() / exact
    assert 0.93 < ratio.median() < 1.07
    assert 0.85 < ratio.quantile(0.05) < ratio.quantile(0.95) < 1.15
    # The lattice's own deviation is another one, that is right on average alone.
    rough, unseen = found.std[..., 0].square(), ~found.observed.any(dim=-1)
    assert 0.3 < around.square().mean(dim=(1, 3))[unseen].mean() / rough[unseen].mean() < 3


def test_at_any_place_the_same_key_is_the_same_field(fitted):
    """With errors stated there is no nugget, and the lattice's cells are places like others."""
    observed, keys = asked(2), keys_of(2, 5)
    draws = fitted.posterior(observed, keys=keys).draws
    there = fitted.condition(observed).draw(keys, fitted.config.centres())
    torch.testing.assert_close(draws, there.float(), rtol=0, atol=1e-4)


def test_what_was_observed_exactly_is_kept(fitted):
    observed = asked(3, noise=0.0)
    draws = fitted.posterior(observed, keys=keys_of(3, 16)).draws
    error = draws - observed.values[:, None]
    mask = observed.mask[0]
    assert error[:, :, mask].abs().max() < 2e-3
    assert error[:, :, ~mask].std() > 1e-2


def test_nothing_observed(fitted):
    blank = asked(1, mask=~EVERY)
    draws = fitted.posterior(blank, keys=keys_of(1, 500)).draws
    unit = fitted.kriging.deviation.repeat(CELLS)
    covariance = unit[:, None] * covariance_of(fitted) * unit
    agrees(draws[0].flatten(1), Gaussian(fitted.centre.double(), covariance))


def test_hidden_exemplars_are_not_drawn_from(fitted):
    """All fields of the library hidden: nothing of them is left in the modes."""
    learned = fitted.weigh(asked(), fitted.groups[:1]).gaussians.learned
    every = torch.ones(1, learned.library.count, dtype=torch.bool)
    learned.hidden = without(learned.library, every)
    weights = learned.random_modes(0, torch.Generator().manual_seed(0))
    field = learned.library.modes @ weights
    learned.hidden = None
    usual = learned.library.modes @ learned.random_modes(0, torch.Generator().manual_seed(0))
    assert field.square().mean() < 0.02 * usual.square().mean()


def test_a_draw_is_that_of_its_key_and_field_alone(fitted):
    mask = torch.stack([some((CELLS, C), 0.2, seed=b // 2) for b in range(5)])
    mask[4] = False
    values = torch.from_numpy(waves(5, seed=3).reshape(5, CELLS, C))
    observed = observed_at(fitted.config, values, mask)
    keys = torch.tensor([[5, 2**40], [5, -7], [1, 2], [5, 3], [5, 4]])
    groups = torch.tensor([0, 1, 2, 3, 99])
    together = fitted.posterior(observed, groups, keys).draws
    for b in range(5):
        for k in range(2):
            one = slice(b, b + 1)
            alone = fitted.posterior(observed[[b]], groups[one], keys[one, k : k + 1]).draws
            torch.testing.assert_close(alone[0, 0], together[b, k], rtol=0, atol=1e-4)
    assert (together[:, 0] - together[:, 1]).flatten(1).std(dim=1).min() > 1e-3
    without = fitted.posterior(observed, groups)
    assert without.draws is None
    assert torch.equal(without.lattice, fitted.posterior(observed, groups, keys).lattice)


def test_variables_go_together_in_a_draw_as_they_do_in_fields():
    noise = np.random.default_rng(0).normal(size=(60, 8, 8, 2))
    smooth = sum(np.roll(noise, (i, j), (1, 2)) for i in range(3) for j in range(3)) / 9
    smooth[..., 1] = 0.8 * smooth[..., 0] + 0.4 * smooth[..., 1]
    fields = smooth.clip(-1, 1).astype(np.float32)
    prior = MixturePrior(config(fields[:40]))
    prior.fit(data(fields[:40]), data(fields[40:]))
    few = some((CELLS, 1), 0.1) & torch.tensor([True, False])
    values = torch.from_numpy(fields[40:44].reshape(4, CELLS, 2))
    found = prior.posterior(observed_at(prior.config, values, few), keys=keys_of(4, 40))
    around = (found.draws - found.mean[:, None])[:, :, ~found.observed[0].any(dim=-1)]
    correlation = torch.corrcoef(around.flatten(0, 2).mT)[0, 1]
    assert 0.6 < correlation < 0.97


@pytest.mark.parametrize(("shape", "periodic"), [((16,), (True,)), ((3, 4, 2), (False,) * 3)])
def test_other_lattices_with_gaps_in_the_training_fields(shape, periodic):
    rng = np.random.default_rng(0)
    values = rng.normal(size=(12, *shape, 1))
    for axis in range(1, len(shape) + 1):
        values = values + np.roll(values, 1, axis) + np.roll(values, 2, axis)
    values = (0.1 * values).clip(-1, 1).astype(np.float32)
    grid = Grid.regular([(0.0, 1.0)] * len(shape), shape, periodic=periodic)
    train = FieldData([Variable("v")], grid, values, valid=rng.random(values.shape) > 0.2)
    geometry = Geometry(extent=(1.0,) * len(shape), periodic=periodic)
    prior = MixturePrior(PriorConfig(geometry=geometry, shape=shape, value_dim=1, exemplars=12))
    prior.fit(train)
    fields = torch.from_numpy(values[:2].reshape(2, -1, 1))
    mask = some(fields.shape[1:], 0.3)
    observed = observed_at(prior.config, fields, mask, noise=0.01)
    found = prior.posterior(observed, torch.tensor([0, 1]), keys_of(2, 200))
    around = found.draws - found.mean[:, None]
    centres = prior.config.centres()
    sides = (torch.tensor(geometry.extent) / torch.tensor(shape)).double().expand(centres.shape)
    exact = prior.condition(observed, torch.tensor([0, 1])).mean_std(centres, sides)[1]
    assert (around.mean(dim=1).abs() / (exact / 200**0.5 + 1e-5)).max() < 6
    ratio = around.square().mean(dim=1).sqrt() / exact
    assert 0.9 < ratio.median() < 1.1


def test_points_that_are_no_cells_and_more_of_them_than_one_system_is_solved_for(fitted):
    rng = np.random.default_rng(0)
    for count in (12, 3000):
        coords = torch.from_numpy(rng.random((1, count, 2))).float()
        index = (coords * 8).long()
        values = torch.from_numpy(waves(1, seed=3)[0])[index[0, :, 0], index[0, :, 1]][None]
        points = Observations(coords, values, torch.ones_like(values, dtype=torch.bool))
        found = fitted.posterior(points, keys=keys_of(1, 200))
        around = found.draws - found.mean[:, None]
        std = around.square().mean(dim=1).sqrt().mean(dim=-1)
        assert (around.mean(dim=1).abs().mean(dim=-1) < 6 * std / 200**0.5 + 1e-4).all()
        assert (std < 3 * found.std[..., 0] + 0.02).all()
