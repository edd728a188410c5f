"""A field from its latent: decode, latents in place of encoded ones, and what is refused."""

import numpy as np
import pytest


@pytest.mark.parametrize(("by", "evaluations"), [("model", 1), ("flowing", 4)])
def test_decode_is_predict_from_the_latent_alone(request, seen, by, evaluations):
    model = request.getfixturevalue(by)
    latents = model.encode(seen)
    decoded = model.decode(latents, 8, n_draws=2, seed=1, steps=2)
    asked = model.predict(seen, 8, n_draws=2, seed=1, steps=2, decoder_inputs="latent")
    np.testing.assert_allclose(decoded.mean, asked.mean, atol=1e-4)
    np.testing.assert_allclose(decoded.draws, asked.draws, atol=1e-4)
    assert decoded.evaluations == asked.evaluations == evaluations
    assert not np.array_equal(decoded.draws[0], decoded.draws[1])


def test_given_latents_take_the_place_of_the_encoded(model, seen):
    latents = model.encode(seen)
    own, asked = model.predict(seen, 8), model.predict(seen, 8, latents=latents)
    np.testing.assert_allclose(asked.mean, own.mean, atol=1e-5)
    swapped = model.predict(seen, latents=latents[[1, 2, 0]], decoder_inputs="latent")
    np.testing.assert_allclose(swapped.mean, model.decode(latents[[1, 2, 0]]).mean, atol=1e-4)


def test_zeros_say_nothing(model, seen):
    nothing = model.predict(seen, 8, decoder_inputs="none").mean
    np.testing.assert_allclose(nothing, model.decode(np.zeros((3, 64)), 8).mean, atol=1e-5)


def test_fields_keep_their_noise_however_many_come_at_once(model, seen, monkeypatch):
    latents = np.repeat(model.encode(seen), 2, axis=0)
    whole = model.decode(latents, 8, n_draws=1, steps=2).draws
    monkeypatch.setattr("mamba_diffae.estimator.inputs.FIELDS_AT_ONCE", 4)
    parts = model.decode(latents, 8, n_draws=1, steps=2).draws
    np.testing.assert_allclose(parts, whole, atol=1e-4)


@pytest.mark.parametrize(
    ("latents", "message"),
    [
        (np.zeros((3, 63)), r"shape \(3, 63\); expected \(fields, 64\)"),
        (np.zeros(64), r"shape \(64,\)"),
        (np.zeros((0, 64)), r"shape \(0, 64\)"),
        (np.full((3, 64), np.nan), "NaN"),
    ],
)
def test_what_is_no_latent_is_refused(model, seen, latents, message):
    with pytest.raises(ValueError, match=message):
        model.decode(latents)
    with pytest.raises(ValueError, match=message):
        model.predict(seen, latents=latents)


def test_one_latent_for_each_field(model, seen):
    with pytest.raises(ValueError, match="2 latents were given with observations of 3 fields"):
        model.predict(seen, latents=np.zeros((2, 64)))


def test_a_baseline_has_no_latent(baseline, seen):
    for ask in (
        lambda: baseline.decode(np.zeros((3, 64))),
        lambda: baseline.latent_flow,
        lambda: baseline.latent_parts,
        lambda: baseline.latent_dim,
    ):
        with pytest.raises(ValueError, match="'mamba-diffusion' has no latent"):
            ask()


def test_half_precision_keeps_the_flow_of_latents(model, tmp_path):
    model.save_pretrained(tmp_path / "half", half=True)
    again = type(model).from_pretrained(tmp_path / "half")
    ours, theirs = again.latent_flow.state_dict(), model.latent_flow.state_dict()
    assert ours.keys() == theirs.keys()
    assert all(np.allclose(ours[n], theirs[n], atol=1e-2, rtol=1e-2) for n in theirs)
    (tmp_path / "half" / "latent_flow.safetensors").unlink()
    with pytest.raises(ValueError, match=r"latent_flow\.safetensors cannot be read"):
        type(model).from_pretrained(tmp_path / "half")


@pytest.mark.parametrize("by", ["decode", "predict"])
def test_latents_beyond_single_precision_are_refused_and_not_answered_by_nan(model, seen, by):
    latents = np.full((3, 64), 9.97e36)
    with pytest.raises(ValueError, match="too large for single precision"):
        model.decode(latents) if by == "decode" else model.predict(seen, latents=latents)
