"""Draws and quantiles: what makes them, which they are, and what is refused."""

import warnings

import numpy as np
import pytest

import mamba_diffae as mda
from mamba_diffae import FieldAutoencoder
from mamba_diffae.fields import FieldError

LEVELS = (0.05, 0.5, 0.95)


@pytest.fixture(scope="module")
def undrawn(truth, few) -> FieldAutoencoder:
    """A model that has not learned to draw."""
    model = FieldAutoencoder("tiny", changes=few, device="cpu")
    return model.fit(truth, phases=["autoencoder"])


@pytest.fixture(scope="module")
def bare(truth, few) -> FieldAutoencoder:
    """The same without a prior."""
    changes = {**few, "data": {"exemplars": 0}}
    model = FieldAutoencoder("tiny", changes=changes, device="cpu")
    return model.fit(truth, phases=["autoencoder"])


# What makes them


def test_both_kinds_stand_beside_each_other(truth, seen, few):
    changes = {name: dict(part) for name, part in few.items()}
    model = FieldAutoencoder("tiny", changes=changes, device="cpu")
    model.fit(truth, phases=["autoencoder", "ensemble", "flow"])
    assert model.fitted.phases == ("autoencoder", "ensemble", "flow")
    usual, by_flow = model.predict(seen, 12, 1), model.predict(seen, 12, 1, solver="euler", steps=3)
    assert (usual.evaluations, by_flow.evaluations) == (1, 3)
    assert not np.allclose(usual.draws, by_flow.draws, atol=1e-3)


def test_a_solver_asks_for_a_flow(model, seen):
    with pytest.raises(ValueError, match=r"'heun' is of the flow, which this model .*phase 'flow'"):
        model.predict(seen, 12, n_draws=1, solver="heun")


@pytest.mark.parametrize("options", [{"solver": "heun"}, {"steps": 3}, {"solver": "e", "steps": 0}])
def test_a_solver_and_its_steps_are_of_draws(request, seen, options):
    said = " and ".join(f"{name}={value!r}" for name, value in options.items())
    for by in ("model", "flowing"):
        model = request.getfixturevalue(by)
        for ask in (
            lambda m=model: m.predict(seen, 12, **options),
            lambda m=model: m.decode(m.encode(seen), 12, **options),
        ):
            with pytest.raises(FieldError, match=f"{said} was given, .* by n_draws=16"):
                ask()
    many = model.predict(seen[[0]], 4, quantiles=(0.5,), solver="euler", steps=1)
    assert many.quantiles is not None


def test_a_model_that_cannot_draw_asks_its_prior_and_says_so_once(undrawn, seen):
    with pytest.warns(mda.PriorDrawsWarning, match="those of its prior") as caught:
        drawn = undrawn.predict(seen, 12, n_draws=3)
    assert len(caught) == 1
    assert caught[0].filename == __file__
    assert drawn.evaluations == 1
    assert (drawn.std > 0).any()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert np.array_equal(undrawn.predict(seen, 12).mean, drawn.mean)


def test_a_latent_alone_has_no_draws_of_a_prior(undrawn, seen):
    latents = undrawn.encode(seen)
    with warnings.catch_warnings():
        warnings.simplefilter("error", mda.PriorDrawsWarning)  # what is refused is not warned of
        for ask in (
            lambda: undrawn.decode(latents, 12, n_draws=2),
            lambda: undrawn.predict(seen, 12, n_draws=2, decoder_inputs="latent"),
        ):
            with pytest.raises(ValueError, match=r"From a latent alone .* phase 'ensemble'"):
                ask()
        with pytest.raises(ValueError, match=r"2 latents were given with .* of 3 fields"):
            undrawn.predict(seen, 12, n_draws=2, latents=latents[:2])


def test_without_a_prior_there_are_none_either(bare, seen):
    with pytest.raises(ValueError, match=r"neither learned draws nor a prior; train phase 'ensem"):
        bare.predict(seen, 12, n_draws=1)
    assert bare.predict(seen, 12).draws.shape[0] == 0


# Quantiles


@pytest.mark.parametrize("by", ["model", "flowing"])
def test_quantiles_are_those_of_more_draws_than_are_kept(request, seen, by):
    model = request.getfixturevalue(by)
    found = model.predict(seen, 8, n_draws=1, steps=1, quantiles=LEVELS)
    assert found.levels == LEVELS
    assert found.draws.shape == (1, 3, 5, 8, 2)
    assert found.quantiles.shape == (3, *found.mean.shape)
    assert (np.diff(found.quantiles, axis=0) >= 0).all()
    assert (found.std > 0).all()
    low, high = found.interval(0.9)
    assert np.array_equal(low, found.quantiles[0])
    assert np.array_equal(high, found.quantiles[2])
    many = model.predict(seen, 8, n_draws=40, steps=1)
    np.testing.assert_allclose(many.draws[0], found.draws[0], atol=1e-4)
    inside = (many.draws >= low) & (many.draws <= high)
    assert inside.mean() == pytest.approx(0.9, abs=0.05)


def test_far_quantiles_take_as_many_draws_as_they_need(model, seen):
    found = model.predict(seen[[0]], 4, quantiles=(0.01, 0.99))
    assert len(found.draws) == 0
    many = model.predict(seen[[0]], 4, n_draws=99)
    np.testing.assert_allclose(found.quantiles[1], many.draws.max(axis=0), atol=1e-4)


@pytest.mark.parametrize("quantiles", [0.5, "median", (None,)])
def test_quantiles_are_a_list_of_numbers(model, seen, quantiles):
    with pytest.raises(ValueError, match="give a list of probabilities"):
        model.predict(seen, 8, quantiles=quantiles)


@pytest.mark.parametrize("quantiles", [(0.5, 0.5), (0.9, 0.1), (0.0, 0.5), (0.5, 1.0), (np.nan,)])
def test_quantiles_ascend_between_0_and_1(model, seen, quantiles):
    with pytest.raises(ValueError, match="give ascending probabilities between 0 and 1"):
        model.predict(seen, 8, quantiles=quantiles)


# Seeds


@pytest.mark.parametrize("seed", [-(2**63), 2**63 - 1 - 2])
def test_any_seed_of_64_bits_is_one(model, seen, seed):
    assert np.isfinite(model.predict(seen, 8, n_draws=2, seed=seed).draws).all()


@pytest.mark.parametrize("seed", [-(2**63) - 1, 2**63 - 1, 2**63, 10**30])
def test_other_seeds_are_refused(model, seen, seed):
    for ask in (
        lambda: model.predict(seen, 8, n_draws=2, seed=seed),
        lambda: mda.sample(model, 1, 8, seed=abs(seed)),
    ):
        with pytest.raises(ValueError, match=f"seed is {abs(seed)}|seed is {seed}"):
            ask()
