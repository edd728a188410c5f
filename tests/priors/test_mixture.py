"""The mixture: its components, its weights, and its answers at any place."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import torch
from mixture_cases import CELL, SHAPE, config, data, seen, waves

from mamba_diffae.fields import FieldData, Geometry, Grid, Observations, Variable
from mamba_diffae.priors import PRIORS, PriorConfig
from mamba_diffae.priors.mixture.lattice import LatticeMap
from mamba_diffae.priors.mixture.prior import MixturePrior
from mamba_diffae.testing import check_prior


def test_it_is_registered_and_keeps_the_contracts():
    assert PRIORS.get("mixture") is MixturePrior
    check_prior(MixturePrior)


def test_a_cell_of_the_lattice_is_itself_and_a_point_is_interpolated():
    lattice = config(waves(2))
    centres = lattice.centres()
    same = LatticeMap.of(lattice, centres, torch.full_like(centres, CELL))
    table = torch.arange(64.0).double()
    assert same.index.shape == (64, 1)
    assert torch.equal(same(table), table)
    between = LatticeMap.of(lattice, torch.tensor([[0.5, 0.5]]).double(), torch.zeros(1, 2))
    assert between(table)[0] == pytest.approx(float(table[[27, 28, 35, 36]].mean()))
    whole = LatticeMap.of(lattice, torch.tensor([[0.5, 0.5]]).double(), torch.ones(1, 2))
    assert whole(table)[0] == pytest.approx(float(table.mean()))


def test_a_box_across_the_seam_wraps():
    closed = PriorConfig(
        geometry=Geometry(extent=(1.0, 1.0), periodic=(False, True)), shape=SHAPE, value_dim=1
    )
    table = torch.arange(8.0).double().expand(8, 8).flatten()
    at = torch.tensor([[0.5, 0.0]]).double()
    assert LatticeMap.of(closed, at, torch.zeros(1, 2))(table)[0] == pytest.approx(3.5)


def test_own_kind_leans_on_what_was_learned_and_foreign_fields_on_kriging(fitted):
    own = fitted.posterior(seen(waves(8, seed=3), 16))
    rng = np.random.default_rng(0)
    strange = np.repeat(np.repeat(rng.normal(size=(8, 2, 2, 2)), 4, 1), 4, 2).astype(np.float32)
    foreign = fitted.posterior(seen(0.5 * strange.clip(-2, 2), 16))
    assert own.weights is not None
    assert foreign.weights is not None
    assert own.weights[:, 0].mean() < 0.2
    assert foreign.weights[:, 0].mean() > 0.8
    assert own.familiarity is not None
    assert foreign.familiarity is not None
    assert own.familiarity.median() > 0.1
    assert foreign.familiarity.max() < 0.05
    torch.testing.assert_close(own.weights.sum(dim=1), torch.ones(8))


def test_it_beats_kriging_on_its_own_kind_and_is_close_to_it_elsewhere(fitted):
    truth = waves(16, seed=3)
    observed = seen(truth, 12)
    kriging = fitted.kriging.posterior(observed)
    mixture = fitted.posterior(observed)
    flat = torch.from_numpy(truth.reshape(16, 64, 2))
    errors = [(p.mean - flat)[~p.observed].square().mean() for p in (kriging, mixture)]
    assert errors[1] < 0.3 * errors[0]


@pytest.mark.parametrize("copies", [2, 3])
def test_a_variable_given_several_times_chooses_nothing_wrongly(copies):
    """Equal variables must not make one component's density explode, nor any number."""
    once, other, test = waves(60, 1), waves(24, 1, seed=5), waves(12, 1, seed=3)
    found = []
    for n in (1, copies):
        train, check, asked = (np.repeat(v, n, axis=-1) for v in (once, other, test))
        prior = MixturePrior(config(train))
        prior.fit(data(train), data(check))
        posterior = prior.posterior(seen(asked, 12))
        flat = torch.from_numpy(asked.reshape(12, 64, n))
        found.append(float((posterior.mean - flat)[~posterior.observed].square().mean()))
        assert posterior.weights is not None
        assert posterior.weights[:, 0].mean() < 0.3
    assert found[1] == pytest.approx(found[0], rel=0.3)


def test_its_answer_at_the_cells_is_that_on_the_lattice(fitted):
    observed = seen(waves(3, seed=3), 12)
    lattice = fitted.posterior(observed)
    centres = fitted.config.centres()
    mean, std = fitted.condition(observed).mean_std(centres, torch.full_like(centres, CELL))
    torch.testing.assert_close(mean.float(), lattice.mean, atol=1e-4, rtol=1e-4)
    assert std.shape == mean.shape


def test_familiarity_at_any_place_is_that_on_the_lattice(fitted):
    truth = np.concatenate([waves(3, seed=3), -4 * waves(1, seed=4)])
    observed = seen(truth, 12)
    mask = observed.mask.clone()
    mask[2] = False  # a field that was not observed at all
    observed = observed.replace(mask=mask)
    expected = fitted.posterior(observed).familiarity
    found = fitted.condition(observed).familiarity
    torch.testing.assert_close(found.float(), expected)
    assert found[2] == 1
    assert len(found[[0, 1, 3]].unique()) == 3
    # Training fields, their own groups hidden.
    own, groups = seen(waves(60)[:4], 12), fitted.groups[:4]
    expected = fitted.posterior(own, groups).familiarity
    torch.testing.assert_close(fitted.condition(own, groups).familiarity.float(), expected)
    assert fitted.kriging.condition(observed).familiarity is None


def test_draws_have_the_stated_mean_and_deviation(fitted):
    observed = seen(waves(2, seed=3), 10)
    conditional = fitted.condition(observed)
    coords = torch.tensor([[0.13, 0.4], [0.8, 0.21], [0.5, 0.95]]).double()
    mean, std = conditional.mean_std(coords)
    draws = conditional.draw(torch.arange(600).reshape(2, 300), coords)
    assert draws.shape == (2, 300, 3, 2)
    error = (draws.mean(dim=1) - mean).abs() / (std / 300**0.5)
    assert error.max() < 5
    # A component of little weight and much variance is rarely drawn.
    ratio = draws.std(dim=1) / std
    assert 0.8 < ratio.median() < 1.2
    assert ratio.max() < 1.35
    again = conditional.draw(torch.arange(600).reshape(2, 300)[:, :1], coords)
    torch.testing.assert_close(again, draws[:, :1])


def test_kriging_alone_answers_at_any_place(fitted):
    observed = seen(waves(1, seed=3), 10)
    coords = torch.tensor([[0.13, 0.4], [0.8, 0.21]]).double()
    conditional = fitted.kriging.condition(observed)
    mean, std = conditional.mean_std(coords)
    one, other = fitted.kriging.at(observed, coords)
    torch.testing.assert_close(mean, one)
    torch.testing.assert_close(std, other)
    assert conditional.draw(torch.tensor([[0, 1]]), coords).shape == (1, 2, 2, 2)


def test_an_update_is_what_changed_values_change(fitted):
    """With weights and laws held, the mean is linear in the values."""
    observed = seen(waves(1, seed=3), 10)
    conditional = fitted.condition(observed)
    coords = fitted.config.centres()
    change = torch.randn(1, 10, 2, generator=torch.Generator().manual_seed(0)).double()
    one, two = (conditional.update(change * a, coords) for a in (1.0, 2.0))
    torch.testing.assert_close(two, 2 * one)
    at_places = conditional.update(change, observed.coords[0].double())
    assert torch.corrcoef(torch.stack([at_places.flatten(), change.flatten()]))[0, 1] > 0.5


def test_a_station_read_twice_changes_nothing_elsewhere(fitted):
    """Two readings 0.2 apart are one of their average."""
    observed = seen(waves(1, seed=3), 10)
    twice = Observations(
        torch.cat([observed.coords, observed.coords[:, :1]], dim=1),
        torch.cat([observed.values + 0.0, observed.values[:, :1] + 0.1], dim=1),
        torch.ones(1, 11, 2, dtype=torch.bool),
        torch.full((1, 11, 2), CELL),
    )
    twice.values[:, 0] -= 0.1
    a, b = fitted.posterior(observed), fitted.posterior(twice)
    torch.testing.assert_close(a.std, b.std, rtol=0.1, atol=1e-3)


BAD = {
    "one": ([[0.3, 0.4]], [[1.0]]),
    "two values at one place": ([[0.3, 0.4], [0.3, 0.4]], [[1.0], [-1.0]]),
    "all equal": ([[0.1, 0.1], [0.4, 0.2], [0.9, 0.5]], [[0.5], [0.5], [0.5]]),
    "a track": ([[0.5, x / 20] for x in range(20)], [[np.sin(x)] for x in range(20)]),
    "all at one place": ([[0.5, 0.5]] * 2000, [[np.cos(x)] for x in range(2000)]),
}


@pytest.mark.parametrize("given", BAD)
@pytest.mark.parametrize("noise", [None, 0.0, 50.0])
def test_bad_observations_give_a_sensible_field(given, noise):
    train = waves(12, 1)
    prior = MixturePrior(config(train))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        prior.fit(data(train))
        coords, values = (torch.tensor(np.array(x)).float()[None] for x in BAD[given])
        error = None if noise is None else torch.full_like(values, noise)
        posterior = prior.posterior(
            Observations(coords, values, torch.ones_like(values, dtype=torch.bool), noise=error)
        )
    assert posterior.lattice.isfinite().all()
    assert posterior.mean.abs().max() < 5
    assert (posterior.std > 0).any()


LIBRARIES = {
    "one exemplar": waves(1, 1),
    "identical ones": np.repeat(waves(1, 1), 9, axis=0),
    "constant fields": np.full((9, 8, 8, 1), 0.25, np.float32),
}


@pytest.mark.parametrize("library", [*LIBRARIES, "gaps everywhere but one cell"])
def test_bad_libraries_give_a_sensible_field(library):
    if library in LIBRARIES:
        train = data(LIBRARIES[library])
    else:
        whole = waves(9, 1)
        known = np.zeros(whole.shape, bool)
        for s in range(9):
            known[s, s % 8, (3 * s) % 8] = True
        train = FieldData([Variable("v0")], Grid.regular(((0, 1), (0, 1)), SHAPE), whole, known)
    prior = MixturePrior(config(train.values))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        prior.fit(train)
        posterior = prior.posterior(seen(waves(3, 1, seed=4), 9))
    assert posterior.lattice.isfinite().all()
    assert posterior.mean.abs().max() < 3


def test_many_points_are_averaged_cell_by_cell(fitted):
    """More points than one system is solved for: the answer of their averages."""
    rng = np.random.default_rng(0)
    coords = torch.from_numpy(rng.random((1, 3000, 2))).float()
    truth = waves(1, seed=3)
    index = (coords * 8).long()
    values = torch.from_numpy(truth[0])[index[0, :, 0], index[0, :, 1]][None]
    points = Observations(coords, values, torch.ones_like(values, dtype=torch.bool))
    posterior = fitted.posterior(points)
    flat = torch.from_numpy(truth.reshape(1, 64, 2))
    assert (posterior.mean - flat).square().mean() < 0.02 * flat.square().mean() + 1e-3


def test_missing_channels_tell_the_others(fitted):
    """A variable that is never observed follows from the other through the library."""
    truth = waves(12, seed=3)
    observed = seen(truth, 20)
    mask = observed.mask.clone()
    mask[..., 1] = False
    posterior = fitted.posterior(observed.replace(mask=mask))
    flat = torch.from_numpy(truth.reshape(12, 64, 2))[..., 1]
    error = (posterior.mean[..., 1] - flat).square().mean()
    assert error < 0.6 * flat.square().mean()


def test_training_without_one_complete_field():
    """Scattered snapshots: the library keeps what kriging makes of them."""
    rng = np.random.default_rng(0)
    fields = waves(40, 1)
    coords = torch.from_numpy(rng.random((40, 30, 2))).float()
    index = (coords * 8).long()
    rows = torch.arange(40)[:, None]
    values = torch.from_numpy(fields)[rows, index[..., 0], index[..., 1]]
    points = Observations(coords, values, torch.ones_like(values, dtype=torch.bool))
    prior = MixturePrior(config(fields))
    prior.fit(points)
    known = prior.fields()[1]
    assert known.any()
    posterior = prior.posterior(seen(waves(4, 1, seed=3), 12), None)
    assert posterior.lattice.isfinite().all()
    assert posterior.familiarity is not None
