"""The mixture beside fields of other means, widths and variables than those of training."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from mixture_cases import config, data, seen

from mamba_diffae.fields import Observations
from mamba_diffae.priors.kriging.prior import KrigingPrior
from mamba_diffae.priors.mixture.calibration import Stated, _slope
from mamba_diffae.priors.mixture.prior import MixturePrior
from mamba_diffae.priors.mixture.weights import BESIDE, ByCount


def test_fields_of_another_mean_are_not_drawn_to_that_of_the_training_fields():
    rng = np.random.default_rng(0)
    noise = rng.normal(size=(90, 8, 8, 1))
    smooth = sum(np.roll(noise, (i, j), (1, 2)) for i in range(3) for j in range(3)) / 30
    fields = (0.7 + smooth).clip(-1, 1).astype(np.float32)
    prior = MixturePrior(config(fields[:60]))
    prior.fit(data(fields[:60]), data(fields[60:84]))
    foreign = fields[84:] - np.float32(1.4)
    centres = config(fields).centres()
    corner = (centres < 0.5).all(dim=1).nonzero()[:, 0].expand(6, -1)
    values = torch.from_numpy(foreign.reshape(6, 64, 1))[:, corner[0]]
    asked = Observations(centres[corner].float(), values, torch.ones_like(values, dtype=torch.bool))
    truth = torch.from_numpy(foreign.reshape(6, 64, 1)).double()
    mean = prior.condition(asked).mean_std(centres)[0]
    simple = KrigingPrior(config(fields)).at(asked, centres)[0]
    errors = [(found - truth).square().mean() for found in (mean, simple)]
    assert errors[0] < 1.2 * errors[1]


def test_a_variable_that_was_not_observed_is_as_wide_as_in_training():
    noise = np.random.default_rng(0).normal(size=(90, 8, 8, 2))
    smooth = sum(np.roll(noise, (i, j), (1, 2)) for i in range(3) for j in range(3)) / 9
    smooth[..., 1] += smooth[..., 0]
    fields = smooth.clip(-1, 1).astype(np.float32)
    prior, test = MixturePrior(config(fields[:60])), fields[78:]
    prior.fit(data(fields[:60]), data(fields[60:78]))
    asked = seen(test, 20)
    known = asked.mask.clone()
    known[..., 1] = False
    without = Observations(asked.coords, asked.values.where(known, 0), known, asked.support)
    posterior, spread = prior.condition(without), float(fields[..., 1].std())
    centres = config(test).centres()
    mean, std = posterior.mean_std(centres)
    error = mean - torch.from_numpy(test.reshape(12, 64, 2)).double()
    assert error[..., 1].square().mean().sqrt() < 1.5 * spread
    assert std[..., 1].max() < 2 * spread
    drawn = posterior.draw(torch.arange(48).reshape(12, 4), centres)
    assert (drawn - mean[:, None])[..., 1].square().mean().sqrt() < 2 * spread


def test_a_field_wider_than_usual_has_a_wider_deviation():
    # Fields of one kind in everything but their size: a covariance alone states one deviation.
    rng = np.random.default_rng(0)
    noise = rng.normal(size=(200, 8, 8, 1))
    smooth = noise + np.roll(noise, 1, 1) + np.roll(noise, 1, 2) + np.roll(noise, (1, 1), (1, 2))
    size = np.where(np.arange(200) % 2, 0.15, 0.015)[:, None, None, None]
    fields = (smooth * size).clip(-1, 1).astype(np.float32)
    train, validation, test = fields[:100], fields[100:160], fields[160:]
    prior = MixturePrior(config(train))
    prior.fit(data(train), data(validation))
    asked = seen(test, 32)
    posterior = prior.condition(asked)
    mean, std = posterior.mean_std(config(train).centres())
    truth = torch.from_numpy(test.reshape(len(test), 64, 1)).double()
    ratio = ((mean - truth).square() / std.square()).mean(dim=(1, 2))
    large = torch.arange(160, 200) % 2 == 1
    assert 0.4 < ratio[large].mean() < 2.5
    assert 0.1 < ratio[~large].mean() < 2.5
    learned = prior.weigh(asked[[0]]).gaussians.misfit(), prior.weigh(asked[[1]]).gaussians.misfit()
    assert (learned[1] > 3 * learned[0])[1:].all()


def stated(slope: float, fields: int) -> Stated:
    """Fields of one variable whose squared errors go with their misfit as a power of it."""
    generator = torch.Generator().manual_seed(0)
    misfit = torch.randn(2, 1, fields, generator=generator).double().exp()
    scatter = (0.3 * torch.randn(2, 1, fields, generator=generator).double()).exp()
    ones = torch.ones_like(misfit)
    return Stated(3 * misfit.pow(slope) * scatter, misfit, ones, ones)


def test_the_slope_of_a_width_is_found_between_nought_and_one():
    for slope in (0.0, 0.5, 1.0):
        assert (_slope(stated(slope, 2000)) - slope).abs().max() < 0.05
    for beyond in (-1.0, 3.0):
        found = _slope(stated(beyond, 200))
        assert ((found >= 0) & (found <= 1)).all()
    assert (_slope(stated(1.0, 4)) < 0.5).all()  # few fields say little
    assert not _slope(stated(1.0, 1)).any()


def test_a_misfit_that_cannot_be_believed_makes_no_width_without_bound():
    usual = ByCount.neutral(2, 1).at(10)
    misfit = torch.tensor([[[0.0, -1.0, 1e9]], [[4.0, 1.0, 0.25]]]).double()
    assert (usual.widths(misfit) == 1).all()
    widths = usual._replace(slope=torch.full((2, 1), 0.5).double()).widths(misfit)
    torch.testing.assert_close(widths[1, 0], torch.tensor([2.0, 1.0, 0.5]).double())
    assert torch.isfinite(widths).all()
    assert (widths > 0).all()


def beside(fields: np.ndarray, many: int, few: int) -> Observations:
    """One variable read at many places and the other at the first few of them."""
    whole = seen(fields, many)
    known = whole.mask.clone()
    known[:, few:, 1] = False
    return Observations(whole.coords, whole.values.where(known, 0), known, whole.support)


def two_variables(correlation: float, count: int = 150) -> np.ndarray:
    """Smooth fields of two variables that go together in each cell."""
    noise = np.random.default_rng(0).normal(size=(count, 8, 8, 2))
    smooth = sum(np.roll(noise, (i, j), (1, 2)) for i in range(3) for j in range(3)) / 9
    second = correlation * smooth[..., 0] + (1 - correlation**2) ** 0.5 * smooth[..., 1]
    return np.stack([smooth[..., 0], second], axis=-1).clip(-1, 1).astype(np.float32)


@pytest.fixture(scope="module")
def paired() -> tuple[MixturePrior, np.ndarray]:
    """A prior of such fields, and others for test."""
    fields = two_variables(0.85)
    prior = MixturePrior(config(fields[:60]))
    prior.fit(data(fields[:60]), data(fields[60:90]))
    return prior, fields[90:]


def test_widths_of_a_variable_are_those_of_the_number_of_places_where_it_was_read(paired):
    """One variable read at 40 places and the other at 4 of them: not as wide as if both at 40."""
    prior, test = paired
    usual = prior.usual()
    for few in (40, 4):
        each = (usual.at(40), usual.at(few))
        found = prior.weigh(beside(test[:1], 40, few))
        widths = [at.widths(found.gaussians.misfit())[:, c] for c, at in enumerate(each)]
        expected = [
            at.inflation[:, c, None] * w * (40 / (40, few)[c]) ** at.beside[:, c, None]
            for c, (at, w) in enumerate(zip(each, widths, strict=True))
        ]
        torch.testing.assert_close(found.inflation, torch.stack(expected, dim=1))
    assert not torch.allclose(usual.at(40).inflation, usual.at(4).inflation)
    never = usual.at_each(40, [40, 0])
    assert all(torch.equal(a, b) for a, b in zip(never, usual.at(40), strict=True))


def test_what_one_variable_says_of_another_is_as_sure_as_it_shows_to_be(paired):
    prior, test = paired
    asked = beside(test, 40, 4)
    truth = torch.from_numpy(test.reshape(len(test), 64, 2)).double()[..., 1]
    unseen = torch.ones(64, dtype=torch.bool)
    at = torch.cdist(asked.coords[0, :4].double(), config(test).centres()).argmin(dim=1)
    unseen[at] = False

    mean, std = prior.condition(asked).mean_std(config(test).centres())
    error = (mean[..., 1] - truth)[:, unseen]
    ratio = error.square().mean() / std[..., 1][:, unseen].square().mean()
    assert 0.6 < ratio < 1.6


def test_no_variable_is_surer_than_stated_for_what_others_say():
    usual = ByCount.neutral(2, 2)
    usual.beside[:, :, 1] = 0.5
    assert (usual.at_each(40, [40, 10]).inflation == torch.tensor([[1.0, 2.0]] * 2)).all()
    furthest = usual.at_each(4000, [4000, 1]).inflation[:, 1]
    assert (furthest == BESIDE**0.5).all()  # beyond it no more is told apart
