"""Complete fields to noise and back, in the units of the fields."""

from collections.abc import Callable

import numpy as np
import pytest

from mamba_diffae import FieldAutoencoder, FieldData, observe
from mamba_diffae.estimator import inputs
from mamba_diffae.latent import invert, reconstructions, sample_from
from mamba_diffae.models import State

FEW = {"steps": 3, "batch_size": 4, "show_progress": False}
CHANGES = {"model": {"d_model": 16}, **dict.fromkeys(("autoencoder", "ensemble", "flow"), FEW)}


@pytest.fixture(scope="module")
def truth(smooth_fields: Callable[..., FieldData]) -> FieldData:
    return smooth_fields(count=6, shape=(16, 24), variables=2)


@pytest.fixture(scope="module")
def model(truth: FieldData) -> FieldAutoencoder:
    phases = ["autoencoder", "ensemble", "flow"]
    return FieldAutoencoder("tiny", changes=CHANGES).fit(truth, phases=phases)


def test_complete_fields_come_back_beyond_40_db(model, truth):
    seen = observe(truth, 0.2)
    noise = invert(model, truth, seen, steps=40)
    assert noise.queries.shape == (6, 16 * 24, 2)
    again = sample_from(model, noise, seen, steps=40)
    assert again.shape == truth.values.shape
    error = truth.unit_interval(again) - truth.unit_interval(truth.values)
    assert -10 * np.log10(np.square(error).mean(axis=(1, 2, 3))).max() > 40


def test_fields_keep_their_own_noise_however_many_come_at_once(model, truth, monkeypatch):
    seen = observe(truth, 0.2)
    whole = invert(model, truth, seen, steps=2)
    drawn = sample_from(model, whole, seen, steps=2)
    monkeypatch.setattr(inputs, "FIELDS_AT_ONCE", 4)
    for a, b in zip(invert(model, truth, seen, steps=2), whole, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-4)
    np.testing.assert_allclose(sample_from(model, whole, seen, steps=2), drawn, atol=1e-4)


def test_a_baseline_has_no_anchors_and_comes_back_too(truth):
    changes = {"model": {"d_model": 16}, "flow": FEW}
    model = FieldAutoencoder("tiny", architecture="minimal-latent", changes=changes).fit(truth)
    seen = observe(truth, 0.2)
    noise = invert(model, truth, seen, steps=8)
    assert noise.anchors.shape == (6, 0, 2)
    again = sample_from(model, noise, seen, steps=8)
    np.testing.assert_allclose(again, truth.values, atol=0.05)


def test_fields_that_do_not_fit_are_refused(model, truth, smooth_fields):
    seen = observe(truth, 0.2)
    coarse = smooth_fields(count=6, shape=(8, 12), variables=2)
    with pytest.raises(ValueError, match=r"8 × 12 cells .* fitted on 16 × 24"):
        invert(model, coarse, seen)
    for count in (3, 5):
        with pytest.raises(ValueError, match=f"{count} fields were given with observations of 6"):
            invert(model, truth.take(slice(count)), seen)
    noise = invert(model, truth, seen, steps=1)
    with pytest.raises(ValueError, match="6 fields were given with observations of 2"):
        sample_from(model, noise, observe(truth.take(slice(2)), 0.2))
    with pytest.raises(ValueError, match="state at the anchors has shape"):
        sample_from(model, State(noise.queries, noise.anchors[:, 1:]), seen)


def test_a_model_without_a_flow_names_the_phase(model, truth):
    plain = FieldAutoencoder("tiny", changes=CHANGES).fit(truth, phases=["autoencoder"])
    seen = observe(truth, 0.2)
    noise = invert(model, truth, seen, steps=1)
    message = r"needs a flow, which this model .*phases=\['flow'\], .*fit SOURCE --phase flow --run"
    for ask in (
        lambda: invert(plain, truth, seen, steps=1),
        lambda: sample_from(plain, noise, seen, steps=1),
        lambda: reconstructions(plain, truth, seen, steps=1),
    ):
        with pytest.raises(ValueError, match=message):
            ask()
