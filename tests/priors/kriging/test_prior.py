"""Kriging as a prior: with training or without, whatever is observed."""

import warnings

import numpy as np
import pytest
import torch

from mamba_diffae.fields import Affine, FieldData, Geometry, Grid, Observations, Variable
from mamba_diffae.priors import PRIORS, PriorConfig
from mamba_diffae.priors.kriging import Boxes, Law, moments_of
from mamba_diffae.priors.kriging.gaussian import covariance
from mamba_diffae.priors.kriging.prior import KrigingPrior

SHAPE, LAW = (12, 16), Law("matern32", (0.25, 0.4), 1e-4)
GRID = Grid.default(SHAPE)
GEOMETRY = Geometry(extent=(12 / 16, 1.0))
MIX = np.array([[0.5, 0.4], [0.0, 0.3]])
"""Two variables that go together: covariance 0.25, 0.2, 0.25."""


def gaussian_fields(count: int, seed: int = 0, gaps: float = 0.0) -> FieldData:
    rng = np.random.default_rng(seed)
    boxes = Boxes.of(torch.from_numpy(GRID.centres()), GEOMETRY)
    S = covariance(moments_of(LAW, GEOMETRY), boxes, boxes) + 1e-4 * torch.eye(GRID.cells)
    z = np.linalg.cholesky(S.numpy()) @ rng.normal(size=(count, GRID.cells, 2))
    values = (z + rng.normal(size=(count, 1, 2))) @ MIX + [0.2, -0.1]
    values = values.reshape(count, *SHAPE, 2)
    valid = rng.random(values.shape) >= gaps if gaps else None
    variables = [Variable(name, transform=Affine(-4, 4)) for name in "ab"]
    return FieldData(variables, GRID, values.astype(np.float32), valid)


def make(train: FieldData | None = None, **options) -> KrigingPrior:
    prior = KrigingPrior(PriorConfig(geometry=GEOMETRY, shape=SHAPE, value_dim=2), **options)
    if train is not None:
        prior.fit(train)
    return prior


def observed(
    data: FieldData, count: int, seed: int = 0, **parts
) -> tuple[Observations, np.ndarray]:
    at = np.random.default_rng(seed).permutation(GRID.cells)[:count]
    flat = torch.from_numpy(data.values.reshape(len(data), -1, 2)[:, at])
    coords = torch.from_numpy(GRID.centres()[at]).float().expand(len(data), -1, -1)
    return Observations(coords, flat, torch.ones_like(flat, dtype=torch.bool), **parts), at


@pytest.mark.slow
@pytest.mark.parametrize("gaps", [0.0, 0.6])
def test_it_learns_what_the_fields_are(gaps):
    prior = make(gaussian_fields(24, gaps=gaps))
    assert prior.fitted
    law = prior.family().usual.law
    np.testing.assert_allclose(law.length, LAW.length, rtol=1.0)
    np.testing.assert_allclose(prior.deviation, [0.5, 0.5], rtol=0.35)
    assert float(prior.between[0, 1]) == pytest.approx(0.8, abs=0.1)
    assert 0.3 < float(prior.trend) < 4


@pytest.mark.parametrize("count", [1, 4, 40])
@pytest.mark.parametrize("missing", [False, True])
def test_its_deviation_is_that_of_its_errors(count, missing):
    prior, test = make(gaussian_fields(32)), gaussian_fields(40, seed=5)
    seen, at = observed(test, count)
    if missing:
        mask = torch.rand(seen.mask.shape, generator=torch.Generator().manual_seed(0)) < 0.5
        seen = seen.replace(mask=mask)
    found = prior.posterior(seen)
    unseen = np.setdiff1d(np.arange(GRID.cells), at)
    error = (found.mean.numpy() - test.values.reshape(40, -1, 2))[:, unseen]
    stated = np.sqrt(np.square(found.std.numpy()[:, unseen]).mean())
    assert np.sqrt(np.square(error).mean()) / stated == pytest.approx(1, abs=0.25)


def test_a_variable_that_is_missing_is_told_by_the_other():
    prior, test = make(gaussian_fields(24)), gaussian_fields(20, seed=5)
    seen, _ = observed(test, 60)
    truth = test.values.reshape(20, -1, 2)[..., 1]
    mask = seen.mask.clone()
    mask[..., 1] = False
    error = prior.posterior(seen.replace(mask=mask)).mean[..., 1].numpy() - truth
    assert np.square(error).mean() < 0.6 * truth.var()


def test_exact_values_are_kept_at_any_place_and_noisy_ones_within_their_noise():
    prior, test = make(gaussian_fields(16)), gaussian_fields(1, seed=5)
    seen, _ = observed(test, 50)
    exact = seen.replace(noise=torch.zeros_like(seen.values))
    mean, std = prior.at(exact, seen.coords[0])
    np.testing.assert_allclose(mean[0], seen.values[0], atol=1e-5)
    assert std.max() < 1e-3
    beside, _ = prior.at(exact, seen.coords[0] + 1e-4)
    np.testing.assert_allclose(beside[0], seen.values[0], atol=0.01)
    noisy = seen.replace(noise=torch.full_like(seen.values, 0.3))
    mean, std = prior.at(noisy, seen.coords[0])
    assert 0.02 < (mean[0] - seen.values[0]).abs().mean() < 0.3
    assert 0.02 < std.mean() < 0.3


def test_two_readings_of_one_station_change_no_deviation_elsewhere():
    prior, test = make(gaussian_fields(16)), gaussian_fields(1, seed=5)
    seen, _ = observed(test, 30)
    twice = Observations(
        *(torch.cat([p, p[:, :1]], 1) for p in (seen.coords, seen.values, seen.mask))
    )
    twice.values[:, 0] += 0.1
    twice.values[:, -1] -= 0.1
    one, two = prior.posterior(seen), prior.posterior(twice)
    np.testing.assert_allclose(two.std, one.std, rtol=0.02, atol=1e-4)
    np.testing.assert_allclose(two.mean, one.mean, atol=0.01)


def test_averages_over_boxes_are_told_from_points():
    prior, test = make(gaussian_fields(16)), gaussian_fields(12, seed=5)
    field = test.values.reshape(12, *SHAPE, 2)
    blocks = field.reshape(12, 3, 4, 4, 4, 2).mean(axis=(2, 4)).reshape(12, 12, 2)
    coords = torch.from_numpy(Grid.default((3, 4)).centres()).float().expand(12, -1, -1)
    values = torch.from_numpy(blocks)
    seen = Observations(coords, values, torch.ones_like(values, dtype=torch.bool))
    wide = seen.replace(support=torch.full_like(coords, 0.25))
    errors = []
    for given in (seen, wide):
        mean = prior.posterior(given).mean.numpy()
        errors.append(np.square(mean - field.reshape(12, -1, 2)).mean())
    assert errors[1] < errors[0]
    narrow = seen.replace(support=torch.full_like(coords, 1 / 16))
    torch.testing.assert_close(prior.posterior(narrow).mean, prior.posterior(seen).mean)


def test_a_group_with_an_offset_does_not_bend_the_field():
    prior, test = make(gaussian_fields(16)), gaussian_fields(6, seed=5)
    seen, _ = observed(test, 80)
    group = (torch.arange(80) % 2).expand(6, -1)
    shifted = seen.with_values(seen.values + 1.5 * (group == 1)[..., None])
    noise = torch.full_like(seen.values, 0.01)
    errors = []
    for given in (shifted.replace(noise=noise, noise_group=group), shifted.replace(noise=noise)):
        error = prior.posterior(given).mean - torch.from_numpy(test.values.reshape(6, -1, 2))
        errors.append(float(error.std(dim=1).square().mean()))  # the offset itself cannot be told
    assert errors[0] < 0.3 * errors[1]


BAD = ["nothing", "one", "twice", "equal", "track", "very noisy", "100 000 at one place"]


@pytest.mark.parametrize("given", BAD)
@pytest.mark.parametrize("trained", [True, False])
def test_bad_input_gives_a_sensible_field(given, trained):
    prior = make(gaussian_fields(12) if trained else None)
    rng = np.random.default_rng(0)
    count = {"one": 1, "nothing": 3, "twice": 2, "100 000 at one place": 100_000}.get(given, 20)
    coords = rng.uniform(size=(count, 2)) * GEOMETRY.extent
    values = rng.normal(size=(count, 2))
    if count in (2, 100_000):
        coords[:] = coords[0]
    if given == "equal":
        values[:] = 0.5
    if given == "track":
        coords[:, 0] = 0.3
    parts = [torch.from_numpy(a).float()[None] for a in (coords, values)]
    mask = torch.full((1, count, 2), given != "nothing")
    noise = torch.full((1, count, 2), 100.0) if given == "very noisy" else None
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = prior.posterior(Observations(*parts, mask, noise=noise))
    assert found.lattice.isfinite().all()
    assert (found.std >= 0).all()
    assert found.mean.abs().max() < 4
    if given == "equal":
        torch.testing.assert_close(found.mean, torch.full_like(found.mean, 0.5), atol=0.05, rtol=0)


@pytest.mark.parametrize("kind", ["constant", "one snapshot", "copies"])
def test_training_fields_that_tell_little(kind):
    data = gaussian_fields(4)
    if kind == "constant":
        data = FieldData(data.variables, GRID, np.full_like(data.values, 0.3))
    if kind == "one snapshot":
        data = data.take([0])
    if kind == "copies":
        values = np.repeat(data.values[..., :1], 2, axis=-1)
        data = FieldData(data.variables, GRID, np.repeat(values[:1], 4, axis=0))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        prior = make(data)
        seen, _ = observed(gaussian_fields(2, seed=5), 20)
        mask = seen.mask.clone()
        mask[:, :5, 0] = False
        for given in (seen, seen.replace(mask=mask)):
            found = prior.posterior(given)
            assert found.lattice.isfinite().all()
            assert found.mean.abs().max() < 6


def test_a_variable_given_twice_changes_nothing():
    data = gaussian_fields(16)
    same = np.repeat(data.values[..., :1], 2, axis=-1)
    twice = FieldData(data.variables, GRID, same)
    other = make(twice)
    seen, _ = observed(FieldData(data.variables, GRID, same[:3]), 40)
    found = other.posterior(seen).mean
    torch.testing.assert_close(found[..., 0], found[..., 1], atol=1e-5, rtol=0)
    mask = seen.mask.clone()
    mask[:, ::2, 0] = False  # known by the other all the same
    part = other.posterior(seen.replace(mask=mask)).mean
    torch.testing.assert_close(part[..., 0], found[..., 0], atol=0.05, rtol=0)


def test_a_change_is_conditioned_on_none_where_observed():
    prior = make(gaussian_fields(12))
    change = torch.ones(2, GRID.cells, 2)
    seen = torch.zeros(2, GRID.cells, 2, dtype=torch.bool)
    seen[0, :5], seen[1, 7, 0] = True, True
    left = prior.condition_increment(change, seen)
    assert left[seen].abs().max() < 1e-4
    assert left[0].max() > 0.2
    torch.testing.assert_close(left[1, :, 1], torch.ones(GRID.cells))


def test_many_observations_are_taken_from_neighbourhoods():
    prior, rng = make(gaussian_fields(12)), np.random.default_rng(0)
    coords = rng.uniform(size=(20_000, 2)) * GEOMETRY.extent
    values = np.sin(8 * coords[:, :1] + np.array([0, 1]))
    parts = [torch.from_numpy(a).float()[None] for a in (coords, values)]
    seen = Observations(*parts, torch.ones(1, 20_000, 2, dtype=torch.bool))
    found = prior.posterior(seen)
    truth = np.sin(8 * GRID.centres()[:, :1] + np.array([0, 1]))
    np.testing.assert_allclose(found.mean[0], truth, atol=0.02)


def test_it_is_registered_and_keeps_no_field():
    assert PRIORS.get("kriging") is KrigingPrior
    prior = make()
    assert not prior.fitted
    assert [len(part) for part in prior.fields()] == [0, 0]
    with pytest.raises(ValueError, match="laws=0; give one at least"):
        make(laws=0)
