"""Sampling: one field for one seed on every grid, whatever the count; and what is refused."""

from dataclasses import replace

import numpy as np
import pytest

from mamba_diffae import FieldAutoencoder
from mamba_diffae.latent import Generated, sample

SHAPE = (16, 24)
FEW = {"steps": 3, "batch_size": 4, "show_progress": False}


PHASES = ("autoencoder", "ensemble", "flow", "latent")
DRAWN_BY = {"ensemble": PHASES, "flow": ("autoencoder", "flow", "latent")}
"""Phases that are trained, by what then draws a field from its latent."""


@pytest.fixture(scope="module", params=DRAWN_BY)
def model(smooth_fields, shaken, request) -> FieldAutoencoder:
    changes = {"model": {"d_model": 16}, "data": {"encodings": 1}, **dict.fromkeys(PHASES, FEW)}
    truth = smooth_fields(count=12, shape=SHAPE, variables=2)
    model = FieldAutoencoder("tiny", changes=changes)
    return shaken(model.fit(truth, phases=DRAWN_BY[request.param]))


@pytest.fixture(scope="module")
def drawn(model) -> Generated:
    return sample(model, 5, seed=3, steps=3)


def test_fields_and_their_latents(model, drawn):
    assert drawn.values.shape == (5, *SHAPE, 2)
    assert drawn.latents.shape == (5, model.latent_dim)
    assert np.isfinite(drawn.values).all()
    assert not np.allclose(drawn.latents[0], drawn.latents[1])
    assert not np.allclose(drawn.values[0], drawn.values[1], atol=0.05)


def test_a_field_does_not_depend_on_the_count(model, drawn):
    few = sample(model, 2, seed=3, steps=3)
    np.testing.assert_allclose(few.latents, drawn.latents[:2], atol=1e-5)
    np.testing.assert_allclose(few.values, drawn.values[:2], atol=1e-3)
    other = sample(model, 2, seed=4, steps=3)
    assert not np.allclose(other.latents, few.latents, atol=0.1)


def test_the_same_field_on_every_grid(model, drawn):
    coarse = sample(model, 5, (8, 12), seed=3, steps=3)
    np.testing.assert_array_equal(coarse.latents, drawn.latents)
    np.testing.assert_allclose(
        coarse.values, drawn.values.reshape(5, 8, 2, 12, 2, 2).mean(axis=(2, 4)), atol=1e-4
    )
    # With three times as many cells the middle one of three stands on a native one.
    fine = sample(model, 1, (48, 72), seed=3, steps=3)
    np.testing.assert_allclose(fine.values[0, 1::3, 1::3], drawn.values[0], atol=2e-3)


def test_the_mean_of_a_latent_is_no_draw(model, drawn):
    mean = sample(model, 5, seed=3, steps=3, mean=True)
    assert np.array_equal(mean.latents, drawn.latents)
    np.testing.assert_allclose(mean.values, model.decode(drawn.latents).mean, atol=1e-4)
    assert not np.allclose(mean.values, drawn.values, atol=0.05)


def test_a_flow_in_the_values_reads_no_latent(model, drawn):
    direct = sample(model, 5, seed=3, steps=3, flow="values")
    assert not direct.latents.any()
    assert not np.allclose(direct.values[0], direct.values[1], atol=0.05)
    zeros = np.zeros((5, model.latent_dim))
    nothing = model.decode(zeros, n_draws=1, seed=3, solver="heun", steps=3)
    assert np.array_equal(direct.values, nothing.draws[0])


def test_progress_is_told(model):
    told = []
    sample(model, 2, 8, steps=1, on_progress=lambda done, count: told.append((done, count)))
    assert told == [(2, 2)]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"count": 0}, "The number of fields is 0; give a whole number, 1 or more"),
        ({"seed": -1}, "seed is -1"),
        ({"flow": "value"}, "did you mean 'values'"),
        ({"flow": "values", "mean": True}, "has one mean"),
        ({"targets": 0}, "1 or more"),
        ({"steps": 0}, "at least 1"),
    ],
)
def test_what_cannot_be_is_refused(model, options, message):
    with pytest.raises(ValueError, match=message):
        sample(model, **{"count": 1, **options})


def test_a_model_without_the_phase_names_the_command(model, tmp_path):
    model.save_pretrained(tmp_path / "saved")
    bare = FieldAutoencoder.from_pretrained(tmp_path / "saved")
    assert np.allclose(sample(bare, 1, 8, steps=2).values, sample(model, 1, 8, steps=2).values)
    bare._fitted = replace(bare.fitted, latent_flow=None)
    with pytest.raises(ValueError, match=r"no flow of latents yet; .*fit SOURCE --phase latent"):
        sample(bare, 1)
    with pytest.raises(ValueError, match="not fitted"):
        sample(FieldAutoencoder("tiny"), 1)


def test_a_draw_is_that_of_the_decoder_of_draws_where_there_is_one(model, drawn):
    by_default = model.decode(drawn.latents, n_draws=1, seed=3, steps=3)
    assert by_default.evaluations == (1 if model.fitted.network.writes_draws else 6)
    np.testing.assert_allclose(by_default.draws[0], drawn.values, atol=1e-4)


def test_what_was_not_learned_names_the_phase(smooth_fields):
    changes = {"model": {"d_model": 16}, "data": {"encodings": 1}, **dict.fromkeys(PHASES, FEW)}
    model = FieldAutoencoder("tiny", changes=changes)
    model.fit(smooth_fields(count=12, shape=SHAPE), phases=["autoencoder", "latent"])
    with pytest.raises(ValueError, match=r"'values' needs a flow, .* fit SOURCE --phase flow"):
        sample(model, 1, flow="values")
    with pytest.raises(ValueError, match=r"draw a field from a latent; .*--phase ensemble --run"):
        sample(model, 1)
    assert np.isfinite(sample(model, 1, steps=2, mean=True).values).all()
