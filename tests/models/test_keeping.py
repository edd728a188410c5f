"""Observations kept: exact values are met, noisy ones within their noise."""

import numpy as np
import pytest
import torch
from torch import Tensor

from mamba_diffae.fields import Axis, Geometry, Grid, Observations
from mamba_diffae.models.keeping import Keeping
from mamba_diffae.priors import Prior

CELL = (1 / 16, 1 / 16)


@pytest.fixture(scope="module")
def prior(network) -> Prior:
    """Kriging, fitted to random fields."""
    return network(prior="kriging", codes=()).prior


def smooth(coords: Tensor) -> Tensor:
    """A field of two variables."""
    wave = torch.sin(3 * coords.sum(-1, keepdim=True))
    return torch.cat([wave, wave.square()], dim=-1)


def moved(prior: Prior, seen: Observations, asked: Tensor) -> Tensor:
    """The smooth field moved to observations, at places (M, D)."""
    keeping = Keeping.of(prior, seen, CELL)
    assert keeping is not None
    fields = smooth(asked).expand(len(seen), -1, -1)
    places = asked.expand(len(seen), -1, -1)
    return keeping.moved([fields], [smooth(keeping.places)], places, None)[0]


def test_exact_points_are_met_without_a_jump(prior, observed):
    seen = observed(points=12, missing=0.3)
    seen = seen.replace(noise=torch.zeros_like(seen.values))
    for b in range(2):
        one = seen[torch.tensor([b])]
        at = moved(prior, one, one.coords[0])[0]
        known = one.mask[0]
        torch.testing.assert_close(at[known], one.values[0][known], atol=2e-5, rtol=0)
        beside = moved(prior, one, one.coords[0] + 1e-5)[0]
        torch.testing.assert_close(beside, at, atol=1e-2, rtol=0)


def test_the_average_over_a_support_is_met(prior, observed):
    seen = observed(points=8)
    support = torch.full_like(seen.coords, 0.2)
    inside = 0.15 + 0.7 * seen.coords
    seen = seen.replace(coords=inside, support=support, noise=torch.zeros_like(seen.values))
    keeping = Keeping.of(prior, seen, CELL)
    for b in range(2):
        found = moved(prior, seen[torch.tensor([b])], keeping.places[b])
        over = found.unflatten(1, (-1, keeping.parts)).mean(dim=2)
        torch.testing.assert_close(over, seen.values[b : b + 1], atol=2e-5, rtol=0)


def test_noise_is_filtered_the_more_the_larger_it_is(prior, observed):
    seen = observed(points=12)
    left = []
    for sigma in (0.0, 0.3, 3.0, 300.0):
        noisy = seen.replace(noise=torch.full_like(seen.values, sigma))
        at = moved(prior, noisy[torch.tensor([0])], seen.coords[0])[0]
        left.append(float((at - seen.values[0]).square().mean()))
    assert left == sorted(left)
    missed = float((smooth(seen.coords[0]) - seen.values[0]).square().mean())
    assert left[-1] == pytest.approx(missed, rel=1e-2)


def test_draws_spread_by_their_errors_where_measured(prior, observed):
    seen = observed(fields=1, points=10)
    seen = seen.replace(noise=torch.full_like(seen.values, 0.05))
    keeping = Keeping.of(prior, seen, CELL)
    K, asked = 64, seen.coords[0]
    keys = torch.arange(K)[None]
    field, there = smooth(asked)[None], smooth(keeping.places)
    mean, *draws = keeping.moved([field] * (K + 1), [there] * (K + 1), asked[None], keys)
    spread = torch.stack(draws).std(dim=0)
    assert 0.02 < float(spread.mean()) < 0.06
    torch.testing.assert_close(torch.stack(draws).mean(dim=0), mean, atol=0.05, rtol=0)


def test_a_draw_depends_neither_on_the_order_of_observations_nor_on_padding(prior, observed):
    seen = observed(fields=1, points=9, missing=0.2)
    seen = seen.replace(noise=torch.full_like(seen.values, 0.3))
    more = observed(fields=1, points=14)
    more = more.replace(noise=torch.full_like(more.values, 0.3))
    parts = {name: getattr(seen, name).flip(1) for name in ("coords", "values", "mask", "noise")}
    asked, found = torch.rand(5, 2, generator=torch.Generator().manual_seed(0)), []
    for given in (seen, seen.replace(**parts), Observations.stack([seen, more])):
        keeping, K = Keeping.of(prior, given, CELL), torch.full((len(given), 1), 7)
        assert keeping is not None
        fields = smooth(asked).expand(len(given), -1, -1)
        places = asked.expand(len(given), -1, -1)
        found.append(keeping.moved([fields], [smooth(keeping.places)], places, K)[0][0])
    torch.testing.assert_close(found[1], found[0], atol=1e-5, rtol=0)
    torch.testing.assert_close(found[2], found[0], atol=1e-5, rtol=0)


def test_without_stated_noise_nothing_is_kept(prior, observed, network):
    assert Keeping.of(prior, observed(), CELL) is None
    exact = observed().replace(noise=torch.zeros(2, 20, 2))
    assert Keeping.of(network(exemplars=0).prior, exact, CELL) is None


def test_values_that_contradict_each_other_end(prior):
    coords = torch.tensor([[[0.5, 0.5], [0.5, 0.5]]])
    values = torch.tensor([[[0.0, 0.0], [1.0, 1.0]]])
    seen = Observations(
        coords, values, torch.ones(1, 2, 2, dtype=torch.bool), noise=torch.zeros(1, 2, 2)
    )
    assert torch.isfinite(moved(prior, seen, coords[0])).all()


@pytest.mark.parametrize("dim", [1, 3])
def test_one_axis_and_three(dim: int, network, observed):
    geometry = Geometry.unit(dim)
    prior = network(geometry=geometry, prior="kriging", codes=()).prior
    seen = observed(geometry=geometry, points=6)
    seen = seen.replace(noise=torch.zeros_like(seen.values))
    keeping = Keeping.of(prior, seen, (1 / 16,) * dim)
    asked = seen.coords[0]
    fields = smooth(asked).expand(2, -1, -1)
    found = keeping.moved([fields], [smooth(keeping.places)], asked.expand(2, -1, -1), None)[0]
    torch.testing.assert_close(found[0], seen.values[0], atol=2e-5, rtol=0)


def test_a_field_does_not_depend_on_boxes_beside_it(prior, observed):
    seen = observed(points=8)
    noise = torch.zeros_like(seen.values)
    narrow, wide = torch.full_like(seen.coords, 0.08), torch.full_like(seen.coords, 0.4)
    beside = torch.where(torch.tensor([True, False])[:, None, None], narrow, wide)
    inside = 0.25 + 0.5 * seen.coords
    both = seen.replace(coords=inside, support=beside, noise=noise)
    asked = torch.rand(20, 2, generator=torch.Generator().manual_seed(0))
    alone = moved(prior, both[torch.tensor([0])], asked)
    torch.testing.assert_close(moved(prior, both, asked)[:1], alone, atol=1e-5, rtol=0)


@pytest.mark.parametrize("what", ["area", "land", "border"])
def test_the_average_over_a_support_is_that_of_its_area_where_cells_exist(prior, observed, what):
    """Docs/concepts.md, eq. (2)."""
    seen = observed(fields=1, points=1)
    centre = {"area": 0.5, "land": 0.5, "border": 0.0}[what]
    coords, support = torch.full_like(seen.coords, centre), torch.full_like(seen.coords, 0.5)
    seen = seen.replace(coords=coords, support=support, noise=torch.zeros_like(seen.values))
    edges = np.linspace(0, 1, 17)
    measures = np.linspace(1, 0.1, 16) if what == "area" else None
    exists = np.ones((16, 16), dtype=bool)
    if what == "land":
        exists[:, :9] = False
    grid = Grid((Axis("y", edges, cell_measures=measures), Axis("x", edges)), exists)
    keeping = Keeping.of(prior, seen, CELL, grid)
    assert keeping is not None
    asked = torch.from_numpy(grid.centres()).float()[None]
    found = keeping.moved([smooth(asked)], [smooth(keeping.places)], asked, None)[0][0]
    half = slice(4, 12) if what != "border" else slice(0, 4)
    weights = np.zeros(grid.shape)
    weights[half, half] = grid.weights()[half, half]
    average = np.average(found.numpy(), axis=0, weights=weights.ravel())
    np.testing.assert_allclose(average, seen.values[0, 0], atol=1e-4)
