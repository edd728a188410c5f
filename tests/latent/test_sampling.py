"""Sampling: one field for one seed at every size, whatever the count; and what is refused."""

import numpy as np
import pytest

from mamba_diffae import FieldAutoencoder, Generated, generate
from mamba_diffae.fields import area_average

SIZE = 24
FEW = {"steps": 3, "batch_size": 4, "show_progress": False}


@pytest.fixture(scope="module")
def model(smooth_fields) -> FieldAutoencoder:
    phases = dict.fromkeys(("autoencoder", "diffusion", "latent"), FEW)
    changes = {"model": {"d_model": 16}, "data": {"encodings": 1}, **phases}
    truth = smooth_fields(count=12, size=SIZE, channels=2)
    return FieldAutoencoder("tiny", changes=changes).fit(truth)


@pytest.fixture(scope="module")
def drawn(model) -> Generated:
    return generate(model, 5, seed=3, steps=3)


def test_fields_and_their_latents(model, drawn):
    assert drawn.values.shape == (5, SIZE, SIZE, 2)
    assert drawn.latents.shape == (5, model.latent_dim)
    assert np.isfinite(drawn.values).all()
    assert not np.allclose(drawn.latents[0], drawn.latents[1])
    assert not np.allclose(drawn.values[0], drawn.values[1], atol=0.05)


def test_a_field_does_not_depend_on_the_count(model, drawn):
    few = generate(model, 2, seed=3, steps=3)
    np.testing.assert_allclose(few.latents, drawn.latents[:2], atol=1e-5)
    np.testing.assert_allclose(few.values, drawn.values[:2], atol=1e-3)
    other = generate(model, 2, seed=4, steps=3)
    assert not np.allclose(other.latents, few.latents, atol=0.1)


def test_the_same_field_at_every_size(model, drawn):
    coarse = generate(model, 5, 8, seed=3, steps=3)
    np.testing.assert_array_equal(coarse.latents, drawn.latents)
    np.testing.assert_allclose(coarse.values, area_average(drawn.values, 8), atol=1e-4)
    # At three times the native size every third pixel stands on a native one.
    fine = generate(model, 1, 3 * SIZE, seed=3, steps=3)
    np.testing.assert_allclose(fine.values[0, 1::3, 1::3], drawn.values[0], atol=2e-3)


def test_the_mean_of_a_latent_is_no_draw(model, drawn):
    mean = generate(model, 5, seed=3, steps=3, mean=True)
    assert np.array_equal(mean.latents, drawn.latents)
    np.testing.assert_allclose(mean.values, model.decode(drawn.latents).mean, atol=1e-4)
    assert not np.allclose(mean.values, drawn.values, atol=0.05)


def test_a_flow_in_the_values_hears_no_latent(model, drawn):
    direct = generate(model, 5, seed=3, steps=3, flow="values")
    assert not direct.latents.any()
    assert not np.allclose(direct.values[0], direct.values[1], atol=0.05)
    nothing = model.decode(np.zeros((5, model.latent_dim)), n_samples=1, seed=3, steps=3)
    assert np.array_equal(direct.values, nothing.sample[0])


def test_progress_is_told(model):
    told = []
    generate(model, 2, 8, steps=1, on_progress=lambda done, count: told.append((done, count)))
    assert told == [(2, 2)]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"count": 0}, "0 fields were asked; give a number of 1"),
        ({"seed": -1}, "seed is -1"),
        ({"flow": "value"}, "did you mean 'values'"),
        ({"flow": "values", "mean": True}, "has one mean"),
        ({"size": 0}, "1 or more"),
        ({"steps": 0}, "at least 1"),
    ],
)
def test_what_cannot_be_is_refused(model, options, message):
    with pytest.raises(ValueError, match=message):
        generate(model, **{"count": 1, **options})


def test_a_model_without_the_phase_names_the_command(model, tmp_path):
    model.save_pretrained(tmp_path / "saved")
    bare = FieldAutoencoder.from_pretrained(tmp_path / "saved")
    assert np.allclose(generate(bare, 1, 8, steps=2).values, generate(model, 1, 8, steps=2).values)
    bare._latent_prior = None
    with pytest.raises(ValueError, match=r"no flow of latents yet; .*fit SOURCE --phase latent"):
        generate(bare, 1)
    with pytest.raises(ValueError, match="not fitted"):
        generate(FieldAutoencoder("tiny"), 1)
