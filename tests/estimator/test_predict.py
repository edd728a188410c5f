"""FieldAutoencoder.predict and encode: targets, draws, contexts, and what they refuse."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from mamba_diffae import FieldBatch, observe
from mamba_diffae.fields import area_average, pixel_centres

SIZE = 24


@pytest.mark.parametrize("targets", [None, 8, np.int64(SIZE), 31])
def test_a_side_length_gives_a_grid(model, seen, targets):
    mean = model.predict(seen, targets).mean
    size = targets or SIZE
    assert mean.shape == (3, size, size, 2)
    assert np.isfinite(mean).all()


def test_a_field_gives_its_size(model, truth, seen):
    coarse = replace(truth, values=truth.at(8))
    assert np.array_equal(model.predict(seen, coarse).mean, model.predict(seen, 8).mean)


def test_a_coarser_grid_is_the_average(model, seen):
    native = model.predict(seen).mean
    assert np.array_equal(model.predict(seen, 8).mean, area_average(native, 8))


def test_coordinates_are_asked_directly(model, seen):
    native = model.predict(seen).mean.reshape(3, -1, 2)
    places = pixel_centres(SIZE)[::7].astype(np.float64)
    asked = model.predict(seen, places).mean
    assert asked.shape == (3, len(places), 2)
    np.testing.assert_allclose(asked, native[:, ::7], atol=1e-4)


def test_draws(model, seen):
    prediction = model.predict(seen, 8, n_samples=3, steps=2)
    assert prediction.sample.shape == (3, 3, 8, 8, 2)
    assert prediction.evaluations == 4
    assert prediction.std.shape == prediction.mean.shape
    assert (prediction.std > 0).all()
    # Draw s has the key seed + s, and comes the same alone.
    alone = model.predict(seen, 8, n_samples=1, steps=2, seed=2)
    np.testing.assert_allclose(alone.sample[0], prediction.sample[2], atol=1e-5)
    assert np.array_equal(alone.mean, prediction.mean)


@pytest.mark.parametrize(("solver", "evaluations"), [("heun", 6), ("euler", 3)])
def test_solvers_count_their_evaluations(model, seen, solver, evaluations):
    prediction = model.predict(seen, 8, n_samples=1, solver=solver, steps=3)
    assert prediction.evaluations == evaluations


@pytest.mark.parametrize("draws", [0, 1])
def test_a_spread_needs_two_draws(model, seen, draws):
    with pytest.raises(ValueError, match=f"at least 2 draws, and there are {draws}"):
        _ = model.predict(seen, 8, n_samples=draws, steps=1).std


def test_the_latent_alone_is_another_context(model, seen):
    both = model.predict(seen, 8).mean
    latent = model.predict(seen, 8, context="latent").mean
    assert latent.shape == both.shape
    assert not np.array_equal(latent, both)


def test_many_fields_are_each_as_if_alone(model, truth):
    many = observe(truth.take(np.arange(20) % 12), 0.3, seed=1)
    told: list[tuple[int, int]] = []
    together = model.predict(
        many, 8, n_samples=1, steps=1, on_progress=lambda *so_far: told.append(so_far)
    )
    assert told == [(16, 20), (20, 20)]
    alone = model.predict(many[slice(0, 1)], 8, n_samples=1, steps=1)
    np.testing.assert_allclose(together.mean[:1], alone.mean, atol=1e-4)
    np.testing.assert_allclose(together.sample[:, :1], alone.sample, atol=1e-4)


def test_one_field_a_list_and_a_batch_are_the_same(model, seen):
    fields = seen.fields()
    batch, several = model.predict(seen, 8).mean, model.predict(fields, 8).mean
    assert np.array_equal(batch, several)
    np.testing.assert_allclose(model.predict(fields[0], 8).mean, batch[:1], atol=1e-4)


def test_masked_values_may_be_anything(model, seen):
    mask, values = seen.mask.clone(), seen.values.clone()
    mask[:, :2] = False
    values[:, :2] = torch.nan
    hidden = model.predict(replace(seen, mask=mask, values=values), 8).mean
    without = FieldBatch(seen.coords[:, 2:], seen.values[:, 2:], seen.mask[:, 2:])
    np.testing.assert_allclose(hidden, model.predict(without, 8).mean, atol=1e-4)


@pytest.mark.parametrize(
    "targets", [0, -3, 8.5, "8", np.zeros(2), np.zeros((1, 4, 2)), torch.zeros(4, 2), [8]]
)
def test_targets_that_are_none(model, seen, targets):
    with pytest.raises(ValueError, match=r"targets were given as \w+ .*; expected pixels"):
        model.predict(seen, targets)


@pytest.mark.parametrize("places", [[[0.5, 1.2]], [[-0.1, 0.5]], [[np.nan, 0.5]]])
def test_targets_outside(model, seen, places):
    with pytest.raises(ValueError, match=r"outside \[0, 1\]"):
        model.predict(seen, np.array(places))


def test_targets_of_three_axes(model, seen):
    with pytest.raises(ValueError, match="query_coords has shape"):
        model.predict(seen, np.full((4, 3), 0.5))


def test_no_targets_at_all(model, seen):
    with pytest.raises(ValueError, match="no points at all"):
        model.predict(seen, np.zeros((0, 2)))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda b: {"values": b.values.fill_(torch.nan)}, "NaN or infinite"),
        (lambda b: {"values": b.values[:, :-1]}, "input_values has shape"),
        (lambda b: {"values": b.values[..., :1]}, "1 channels, but this model was fitted on"),
        (lambda b: {"coords": b.coords + 1}, r"outside \[0, 1\]"),
        (lambda b: {"coords": b.coords[..., :1]}, "input_coords has shape"),
        (lambda b: {"mask": torch.zeros_like(b.mask)}, "no observation at all"),
        (lambda b: {"mask": b.mask[:, :-1]}, "input_mask has shape"),
    ],
)
def test_observations_that_do_not_fit(model, seen, change, message):
    copy = FieldBatch(seen.coords.clone(), seen.values.clone(), seen.mask.clone())
    bad = replace(copy, **change(copy))
    for use in (model.predict, model.encode):
        with pytest.raises(ValueError, match=message):
            use(bad)


@pytest.mark.parametrize("observations", [None, np.zeros((3, 2)), [np.zeros((3, 2))], "emoji"])
def test_observations_of_another_type(model, observations):
    with pytest.raises(ValueError, match=r"expected a FieldBatch.*observe"):
        model.predict(observations)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n_samples": -1}, "n_samples is -1"),
        ({"n_samples": 1, "solver": "rk4"}, "heun"),
        ({"n_samples": 1, "steps": 0}, "steps"),
        ({"context": "points"}, "choose one of none, latent, latent\\+points"),
    ],
)
def test_options_that_are_none(model, seen, options, message):
    with pytest.raises(ValueError, match=message):
        model.predict(seen, 8, **options)


def test_a_latent_for_each_field(model, seen):
    latents = model.encode(seen)
    assert latents.shape == (3, 64)
    assert len(np.unique(latents.round(6), axis=0)) == 3
    np.testing.assert_allclose(model.encode(seen.fields()[1]), latents[1:2], atol=1e-5)


def test_the_baselines_have_none(baseline, seen):
    with pytest.raises(ValueError, match=r"no latent.*autoencoder"):
        baseline.encode(seen)
    with pytest.raises(ValueError, match="no latent"):
        baseline.predict(seen, 8, context="latent")
    assert baseline.predict(seen, 8, n_samples=1, steps=1).sample.shape == (1, 3, 8, 8, 2)
