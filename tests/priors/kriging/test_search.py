"""Likelihoods and laws: found again, sensible where nothing can be found."""

import warnings

import numpy as np
import pytest
import torch

from mamba_diffae.fields import Geometry
from mamba_diffae.priors.kriging import (
    KERNELS,
    Boxes,
    Law,
    Readings,
    Sample,
    best_variance,
    learn,
    log_likelihood,
    merge,
    moments_of,
    most_likely,
    own_family,
    samples_of_fields,
)
from mamba_diffae.priors.kriging.family import Family
from mamba_diffae.priors.kriging.gaussian import covariance
from mamba_diffae.priors.kriging.readings import small_groups
from mamba_diffae.priors.kriging.search import Choice

SQUARE = Geometry.unit(2)


def field(law: Law, coords: torch.Tensor, count: int, seed: int = 0) -> torch.Tensor:
    """Fields of variance 1 with the nugget, shape (P, count)."""
    boxes = Boxes.of(coords, SQUARE)
    S = covariance(moments_of(law, SQUARE), boxes, boxes)
    S.diagonal().add_(law.nugget + 1e-10)
    noise = torch.from_numpy(np.random.default_rng(seed).normal(size=(len(coords), count)))
    return torch.linalg.cholesky(S) @ noise


def scattered(count: int, seed: int = 0) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(seed).uniform(size=(count, 2)))


def sample(coords: torch.Tensor, values: torch.Tensor, fields: int = 1, **parts) -> Sample:
    zeros, ones = torch.zeros(len(coords), dtype=torch.int64), torch.ones(len(coords)).double()
    made = Readings(Boxes.of(coords, SQUARE), values, zeros, ones, **parts)
    return Sample([merge(made, coords, SQUARE.diameter)], fields)


def test_the_likelihood_is_that_of_contrasts():
    coords, law = scattered(12), Law("matern32", (0.3, 0.3), 0.1)
    values = torch.randn(12, 2).double()
    boxes = Boxes.of(coords, SQUARE)
    R = covariance(moments_of(law, SQUARE), boxes, boxes) + 0.1 * torch.eye(12)
    # Contrasts are what the mean has no part in: an orthonormal basis of them.
    Q = torch.linalg.qr(torch.cat([torch.ones(12, 1), torch.randn(12, 11)], 1).double())[0][:, 1:]
    K, y = Q.T @ R @ Q, Q.T @ values
    misfit = (y * torch.linalg.solve(K, y)).sum()
    expected = -0.5 * (2 * torch.logdet(K) + 22 * (misfit / 22).log())
    found = log_likelihood(law, sample(coords, values), SQUARE)[0]
    assert found.item() == pytest.approx(expected.item() - 0.5 * 2 * np.log(12), abs=1e-6)
    assert best_variance(law, sample(coords, values), SQUARE)[0] == pytest.approx(
        misfit.item() / 22
    )


@pytest.mark.parametrize("kernel", KERNELS)
def test_pooled_fields_tell_their_law(kernel):
    law, coords = Law(kernel, (0.15, 0.3), 0.03), scattered(200)
    found = most_likely([sample(coords, field(law, coords, 24), 24)], SQUARE).law
    assert found.kernel == kernel
    np.testing.assert_allclose(found.length, law.length, rtol=0.4)
    assert 0.01 < found.nugget < 0.09


def test_a_variable_given_twice_changes_nothing():
    law, coords = Law("matern52", (0.2, 0.2), 1e-3), scattered(80)
    values = field(law, coords, 1)
    once = own_family(sample(coords, values), SQUARE).weigh(sample(coords, values), SQUARE)
    both = sample(coords, values.repeat(1, 3))
    thrice = own_family(both, SQUARE).weigh(both, SQUARE)
    assert once[0][0].law.kernel == thrice[0][0].law.kernel
    assert once[0][0].law.length == pytest.approx(thrice[0][0].law.length, rel=1.5)
    assert best_variance(law, both, SQUARE)[0] == pytest.approx(
        best_variance(law, sample(coords, values), SQUARE)[0].item()
    )


@pytest.mark.parametrize("given", ["one", "two", "equal", "line", "pair"])
@pytest.mark.parametrize("noise", [None, 0.0, 5.0])
def test_what_tells_nothing_gets_a_sensible_law(given, noise):
    coords = {
        "one": [[0.3, 0.4]],
        "two": [[0.3, 0.4], [0.7, 0.1]],
        "equal": [[0.1, 0.1], [0.4, 0.2], [0.9, 0.5]],
        "line": [[0.1, 0.5], [0.3, 0.5], [0.5, 0.5], [0.7, 0.5]],
        "pair": [[0.3, 0.4], [0.3, 0.4 + 1e-7], [0.9, 0.9]],
    }[given]
    coords = torch.tensor(coords).double()
    values = torch.zeros(len(coords), 1) if given == "equal" else torch.arange(len(coords))[:, None]
    errors = None if noise is None else torch.full((len(coords),), noise).double()
    made = sample(coords, values.double(), noise=errors)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        weighed = own_family(made, SQUARE).weigh(made, SQUARE)
    assert sum(w for _, w in weighed) == pytest.approx(1)
    for choice, _ in weighed:
        assert all(0.005 < a < 30 for a in choice.law.length)
        assert choice.law.nugget <= 1


def test_training_fields_tell_how_often_a_law_holds():
    smooth, rough = Law("matern52", (0.3, 0.3), 1e-4), Law("exponential", (0.3, 0.3), 1e-4)
    grid = torch.cartesian_prod(*[(torch.arange(12).double() + 0.5) / 12] * 2)
    values = torch.cat([field(smooth, grid, 12), field(rough, grid, 4)], dim=1).T[..., None]
    known = torch.ones_like(values, dtype=torch.bool)
    family = learn(samples_of_fields(grid, values, known, SQUARE), SQUARE)
    share = sum(
        float(w.exp())
        for c, w in zip(family.choices, family.log_share, strict=True)
        if c.law.kernel == "exponential"
    )
    assert 0.1 < share < 0.5
    new = field(rough, grid, 1, seed=7)
    law = family.weigh(sample(grid, new), SQUARE)[0][0].law
    assert law.kernel == "exponential"


def test_laws_that_no_field_tells_apart_are_one():
    grid = torch.cartesian_prod(*[(torch.arange(12).double() + 0.5) / 12] * 2)
    values = field(Law("exponential", (0.3, 0.3), 0.0), grid, 12).T[..., None]
    known = torch.ones_like(values, dtype=torch.bool)
    samples = samples_of_fields(grid, values, known, SQUARE)
    family = learn(samples, SQUARE)
    frequent = [c for c, w in zip(family.choices, family.log_share, strict=True) if w.exp() > 0.02]
    logs = torch.stack([log_likelihood(c.law, samples[0][0], SQUARE) for c in frequent])
    apart = (logs[:, None] - logs[None]).abs().amax(dim=2)
    assert len(frequent) > 1
    assert apart[~torch.eye(len(frequent), dtype=torch.bool)].min() > 0.05


def test_each_variable_has_laws_of_its_own():
    smooth, rough = Law("matern52", (0.3, 0.3), 1e-4), Law("exponential", (0.3, 0.3), 1e-4)
    grid = torch.cartesian_prod(*[(torch.arange(12).double() + 0.5) / 12] * 2)
    values = torch.stack([field(smooth, grid, 12).T, field(rough, grid, 12, seed=3).T], dim=-1)
    known = torch.ones_like(values, dtype=torch.bool)
    family = learn(samples_of_fields(grid, values, known, SQUARE), SQUARE)
    kernels = np.array([c.law.kernel for c in family.choices])
    share = family.log_share.exp().numpy()
    assert share.shape == (len(kernels), 2)
    of_smooth, of_rough = share[kernels == "exponential"].sum(axis=0)
    assert of_rough > of_smooth + 0.3
    # So a few readings, which tell little of a kernel, are weighed as the variable's fields are.
    few = sample(grid[:3], torch.zeros(3, 2).double(), fields=2)
    weighed = family.weigh(few, SQUARE, most=len(kernels), columns=2)
    rough_share = sum(w for c, w in weighed if c.law.kernel == "exponential")
    assert rough_share[1] > rough_share[0] + 0.3
    one = sample(grid[:3], torch.zeros(3, 1).double())
    alone = family.of(torch.tensor([1])).weigh(one, SQUARE, most=len(kernels))
    same = sum(w for c, w in alone if c.law.kernel == "exponential")
    assert float(same[0]) == pytest.approx(float(rough_share[1]), abs=1e-6)


def test_a_share_that_underflows_is_still_told_by_the_data():
    laws = (Choice(Law("exponential", (0.3, 0.3), 1e-4)), Choice(Law("matern52", (0.3, 0.3), 1e-4)))
    family = Family(laws, torch.tensor([[-2000.0, -2000.0], [-2010.0, -2010.0]]).double(), 1.0)
    weighed = family.weigh(sample(scattered(3), torch.zeros(3, 1).double()), SQUARE)
    assert sum(float(w) for _, w in weighed) == pytest.approx(1)
    assert weighed[0][0].law.kernel == "exponential"


def test_gaps_are_no_hindrance_to_learning():
    law = Law("matern32", (0.2, 0.2), 1e-2)
    grid = torch.cartesian_prod(*[(torch.arange(16).double() + 0.5) / 16] * 2)
    values = field(law, grid, 20).T.reshape(20, 256, 1)
    known = torch.from_numpy(np.random.default_rng(1).random((20, 256, 1)) < 0.3)
    found = learn(samples_of_fields(grid, values.masked_fill(~known, 1e9), known, SQUARE), SQUARE)
    best = found.usual.law
    np.testing.assert_allclose(best.length, law.length, rtol=0.8)
    assert found.freedom > 1


def test_some_places_are_drawn_with_their_neighbours():
    axis = (torch.arange(32).double() + 0.5) / 32
    places = torch.cartesian_prod(axis, axis)
    for count in (1, 5, 96, 1023, 5000):
        kept = small_groups(places, count, np.random.default_rng(0))
        assert len(set(kept.tolist())) == min(count, 1024)
        assert (np.diff(kept) > 0).all()
    kept = places[torch.from_numpy(small_groups(places, 96, np.random.default_rng(0)))]
    away = torch.cdist(kept, kept).fill_diagonal_(9).amin(dim=1)
    assert (away < 1.01 / 32).double().mean() > 0.4  # half of them are in groups
    assert torch.cdist(places, kept).amin(dim=1).max() < 0.25
