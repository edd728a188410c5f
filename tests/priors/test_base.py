"""Binning of observations, and posteriors whatever the batch they come in."""

import pytest
import torch
from lattice_cases import GLOBE, C, close, geometry_of, prior_of, seen_at, smooth, some
from torch import Tensor

from mamba_diffae.fields import Observations
from mamba_diffae.priors import PriorConfig
from mamba_diffae.priors.base import PriorPosterior, bin_observations

# Any observations


def ragged(seed: int = 6) -> Observations:
    """Three fields seen at random places, each at another number, some variables missing."""
    generator = torch.Generator().manual_seed(seed)
    coords = torch.rand(3, 12, 2, generator=generator)
    values = torch.rand(3, 12, C, generator=generator) - 0.5
    present = torch.arange(12) < torch.tensor([12, 5, 1])[:, None]
    mask = present[..., None] & some((3, 12, C), 0.8, seed)
    mask[:, 0] = True
    return Observations(coords, values, mask)


def permuted(seen: Observations, order: Tensor) -> Observations:
    return Observations(seen.coords[:, order], seen.values[:, order], seen.mask[:, order])


@pytest.mark.parametrize("alone", [False, True])
def test_a_field_has_its_posterior_whatever_the_batch(alone: bool) -> None:
    prior, seen = prior_of(smooth(40), mirrored=True), ragged()
    groups = torch.tensor([3, 900, 20])
    together = prior.posterior(seen, groups)
    for row in range(3):
        one = seen.fields()[row] if alone else seen[[row]]
        found = prior.posterior(one, groups[row : row + 1])
        close(found.lattice, together[row : row + 1].lattice, atol=1e-5)


def test_exemplars_that_are_equally_near_are_chosen_alike_in_every_batch() -> None:
    # More than are looked at: white in a corner, and nothing else is observed. Their number is odd,
    # for a matrix product treats the last columns in another way.
    shape = (10, 10)
    fields = smooth(503, shape).unflatten(1, shape)
    fields[:, :7, :7] = 1
    prior = prior_of(fields.flatten(1, 2), shape)
    corner = [10 * row + column for row in range(7) for column in range(7)]
    seen = seen_at(smooth(40, shape, seed=2), corner, shape)
    together = prior.posterior(seen).lattice
    alone = torch.cat([prior.posterior(seen[[i]]).lattice for i in range(40)])
    close(alone, together, atol=1e-5)


def test_order_and_absent_points_do_not_matter() -> None:
    prior, seen = prior_of(smooth(40)), ragged()
    expected = prior.posterior(seen).lattice
    order = torch.randperm(12, generator=torch.Generator().manual_seed(1))
    close(prior.posterior(permuted(seen, order)).lattice, expected, atol=1e-5)
    for there in (1 - seen.coords, torch.full_like(seen.coords, torch.nan)):
        moved = torch.where(seen.present[..., None], seen.coords, there)
        filled = torch.where(seen.mask, seen.values, 77.0)
        close(prior.posterior(Observations(moved, filled, seen.mask)).lattice, expected, atol=1e-5)


def test_observations_of_one_cell_are_averaged_each_variable_by_itself() -> None:
    prior = prior_of(smooth(20))
    place = torch.tensor([[[0.01, 0.02], [0.15, 0.16], [0.5, 0.9]]])  # two in the first cell
    values = torch.tensor([[[0.1, 0.2], [0.3, -0.6], [0.5, 0.5]]])
    all_seen = torch.ones(1, 3, C, dtype=torch.bool)
    one_missing = all_seen.clone()
    one_missing[0, 1, 1] = False
    for mask, average in ((all_seen, [0.2, -0.2]), (one_missing, [0.2, 0.2])):
        once = torch.tensor([[average, [0.5, 0.5]]])
        expected = prior.posterior(Observations(place[:, 1:], once, all_seen[:, 1:]))
        found = prior.posterior(Observations(place, values, mask))
        close(found.lattice, expected.lattice, atol=1e-5)
    # So a point that is given a hundred times counts once.
    one = Observations(place[:, :1], values[:, :1], all_seen[:, :1])
    many = permuted(one, torch.zeros(100, dtype=torch.long))
    close(prior.posterior(many).lattice, prior.posterior(one).lattice, atol=1e-5)


@pytest.mark.parametrize("known", [None, some((7, 36, C), 0.9)])
def test_without_any_observation_it_is_a_mean_of_exemplars(known) -> None:
    prior, seen = prior_of(smooth(7), known=known), ragged()
    found = prior.posterior(Observations(seen.coords, seen.values, torch.zeros_like(seen.mask)))
    close(found.mean, prior.fields()[0].mean(dim=0).expand(3, -1, -1), atol=1e-5)


# Binning


def binned(coords: list, shape: tuple[int, ...], geometry) -> Tensor:
    """Which cell each place falls in."""
    config = PriorConfig(geometry=geometry, shape=shape, value_dim=1)
    place = torch.tensor(coords).reshape(-1, 1, len(shape))
    ones = torch.ones(len(place), 1, 1)
    observed, average = bin_observations(config, Observations(place, ones, ones.bool()))
    assert torch.equal(average[..., 0] > 0, observed[..., 0])
    return observed[..., 0].float().argmax(dim=1)


def test_the_edges_of_the_region_are_in_the_outermost_cells() -> None:
    corners = [[0.0, 0.0], [0.0, 1.0], [0.5, 0.0], [0.5, 1.0]]
    flat = geometry_of((3, 6))
    assert binned(corners, (3, 6), flat).tolist() == [0, 5, 12, 17]
    assert binned(corners, (3, 6), GLOBE).tolist() == [0, 0, 12, 12]


@pytest.mark.parametrize("shape", [(7,), (3, 6), (2, 3, 4)])
def test_a_centre_falls_in_its_cell(shape) -> None:
    from lattice_cases import centres

    found = binned(centres(shape).tolist(), shape, geometry_of(shape))
    assert torch.equal(found, torch.arange(len(found)))


def test_a_posterior_has_named_parts() -> None:
    mean, std = torch.randn(3, 5, C), torch.rand(3, 5, 1)
    observed = some((3, 5, C), 0.5)
    found = PriorPosterior.of(mean, std, observed)
    assert torch.equal(found.mean, mean)
    assert torch.equal(found.std, std)
    assert torch.equal(found.lattice[..., -1], observed.float().mean(-1))
    assert len(found) == 3
    assert torch.equal(found[1:].mean, mean[1:])
    assert torch.equal(found.to(torch.device("cpu")).observed, observed)


def test_weights_and_familiarity_go_with_the_rows_of_a_posterior() -> None:
    weights, familiarity = torch.rand(3, 4), torch.rand(3)
    parts = torch.randn(3, 5, C), torch.rand(3, 5, 1), some((3, 5, C), 0.5)
    bare, full = PriorPosterior.of(*parts), PriorPosterior.of(*parts, weights, familiarity)
    chosen = full[torch.tensor([2, 0])].to(torch.device("cpu"))
    assert chosen.weights is not None
    assert chosen.familiarity is not None
    assert torch.equal(chosen.weights, weights[[2, 0]])
    assert torch.equal(chosen.familiarity, familiarity[[2, 0]])
    assert bare[1:].weights is bare[1:].familiarity is bare[1:].draws is None


def test_draws_go_with_the_rows_of_a_posterior() -> None:
    draws = torch.randn(3, 7, 5, C)
    parts = torch.randn(3, 5, C), torch.rand(3, 5, 1), some((3, 5, C), 0.5)
    chosen = PriorPosterior.of(*parts, draws=draws)[torch.tensor([2, 0])].to(torch.device("cpu"))
    assert chosen.draws is not None
    assert torch.equal(chosen.draws, draws[[2, 0]])
    assert chosen.weights is None
