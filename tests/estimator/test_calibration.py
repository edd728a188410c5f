"""Calibration: too narrow draws are widened, atoms do not mislead, it is stored and applied."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from mamba_diffae import FieldAutoencoder
from mamba_diffae.estimator.calibration import Calibration
from mamba_diffae.estimator.calibration_fit import LEVELS, fit_calibration
from mamba_diffae.fields import (
    FieldData,
    Grid,
    Logit,
    Observations,
    Prediction,
    Variable,
    observe,
)

FRACTIONS = (0.05, 0.5)


def noise_fields(count: int = 24, quantised: bool = False) -> FieldData:
    """Fields of independent normals in [0, 1], split "val"; quantised: many are exactly 1."""
    values = np.random.default_rng(0).normal(0.5, 0.15, (count, 24, 24, 1))
    if quantised:
        values = np.rint(np.clip(values + 0.4, 0, 1) * 20) / 20
    variable = Variable("v", limits=(0.0, 1.0)) if quantised else Variable("v")
    splits = np.full(count, "val")
    return FieldData([variable], Grid.default((24, 24)), values.astype(np.float32), splits=splits)


def spread(width: float, shift: float = 0.0):
    """Predicts the true law of `noise_fields`, but for the width of its draws."""

    def predict(seen: Observations, draws: int) -> Prediction:
        rng = np.random.default_rng(len(seen) + seen.coords.shape[1])
        mean = np.full((len(seen), 24, 24, 1), 0.5 + shift)
        return Prediction(mean, mean + rng.normal(0, 0.15 * width, (draws, *mean.shape)))

    return predict


def away(seen: Observations) -> np.ndarray:
    """Some distance of each cell."""
    return np.random.default_rng(1).uniform(1, 5, (len(seen), 24, 24))


def reading(data, fraction, seed):
    return observe(data, fraction, seed=seed)


@pytest.mark.parametrize("width", [0.5, 1.0, 1.6])
def test_draws_are_made_as_wide_as_the_truth(width: float):
    found = fit_calibration(spread(width), away, noise_fields(), FRACTIONS, reading, 0)
    np.testing.assert_allclose(found.amplitude, 1 / width, rtol=0.1)
    np.testing.assert_allclose(found.factors, 1.0, rtol=0.15)
    assert found.counts == tuple(sorted(found.counts))
    assert found.fields == 24


def test_an_atom_at_a_bound_does_not_widen_calibrated_draws():
    found = fit_calibration(
        spread(1.0, 0.4), away, noise_fields(quantised=True), FRACTIONS, reading, 0
    )
    np.testing.assert_allclose(found.amplitude, 1.0, rtol=0.15)


def test_few_fields_calibrate_nothing():
    assert fit_calibration(spread(1.0), away, noise_fields(7), FRACTIONS, reading, 0) is None


def test_numbers_of_observations_that_leave_no_cell_unseen_are_left_out():
    everywhere = 0.02, 1.0
    found = fit_calibration(spread(0.5), away, noise_fields(), everywhere, reading, 0)
    assert len(found.counts) == len(found.amplitude) == 3
    assert max(found.counts) < 24 * 24
    np.testing.assert_allclose(found.amplitude, 2, rtol=0.1)
    assert fit_calibration(spread(0.5), away, noise_fields(), (1.0, 1.0), reading, 0) is None


def test_quantiles_are_scaled_about_the_mean_and_stay_in_order():
    made = Calibration(
        (10, 100), (2.0, 1.0), (1.0, 3.0), LEVELS, ((1.0, 1.0, 1.0), (2.0, 1, 0.5)), 9
    )
    assert made.amplitude_at(np.array([1, 10, 100, 1000])).tolist() == [2.0, 2.0, 1.0, 1.0]
    mean, away = np.zeros((1, 2, 1)), np.array([[1.0, 3.0]])
    quantiles = np.array([-2.0, -1.0, 0.0, 1.0, 2.0])[:, None, None, None] * np.ones((5, 1, 2, 1))
    levels = (0.05, 0.25, 0.5, 0.75, 0.95)
    found = made.applied(quantiles, mean, levels, away, np.ones((1, 1, 1)))
    # There 2 × 1 lies beyond 0.5 × 2, and they are sorted.
    np.testing.assert_allclose(found[:, 0, :, 0].T, [[-2, -1, 0, 1, 2]] * 2)
    untrusted = made.applied(quantiles, mean, levels, away, np.zeros((1, 1, 1)))
    assert np.array_equal(untrusted, quantiles)
    assert Calibration.from_dict(made.to_dict()) == made


FEW = {"steps": 2, "batch_size": 4, "show_progress": False}
CHANGES = {
    "autoencoder": FEW,
    "ensemble": FEW,
    "latent": FEW,
    "model": {"tokens": 3, "patch": 2},
    "data": {"encodings": 1},
}


def test_it_is_fitted_after_the_phase_stored_and_applied(tmp_path, smooth_fields):
    data = smooth_fields(60, (12, 12))
    model = FieldAutoencoder("tiny", device="cpu", changes=CHANGES).fit(data, run=tmp_path / "run")
    calibration = model.fitted.calibration
    assert calibration is not None
    loaded = FieldAutoencoder.from_pretrained(tmp_path / "run", device="cpu")
    assert loaded.fitted.calibration == calibration
    obs = observe(data.split("test"), 0.3)
    levels = (0.05, 0.5, 0.95)
    one = loaded.predict(obs, n_draws=3, quantiles=levels)
    assert one.draws.shape == (3, len(obs), 12, 12, 1)
    assert one.quantiles.shape == (3, len(obs), 12, 12, 1)
    assert (np.diff(one.quantiles, axis=0) >= 0).all()
    assert one.std.shape == one.mean.shape
    low, high = one.interval(0.9)
    assert np.array_equal(low, one.quantiles[0])
    assert np.array_equal(high, one.quantiles[2])
    again = model.predict(obs, n_draws=3, quantiles=levels)
    assert np.array_equal(again.draws, one.draws)


def test_too_few_validation_fields_are_said(smooth_fields):
    data = smooth_fields(12, (12, 12))
    model = FieldAutoencoder("tiny", device="cpu", changes=CHANGES)
    with pytest.warns(UserWarning, match="not calibrated: that takes 8 validation"):
        model.fit(data, phases=["autoencoder", "ensemble"])
    assert model.fitted.calibration is None
    model.predict(observe(data.split("test"), 0.3), n_draws=2)


@pytest.fixture
def calibrated(model) -> FieldAutoencoder:
    """Draws three times as wide, and deviations twice as wide as these, everywhere."""
    wide = Calibration((1.0, 1e4), (3.0, 3.0), (0.0, 99.0), LEVELS, ((2.0,) * 3,) * 2, 9)
    return with_calibration(model, wide)


def with_calibration(model: FieldAutoencoder, calibration: Calibration) -> FieldAutoencoder:
    made = FieldAutoencoder("tiny", device="cpu")
    made._fitted = replace(model.fitted, calibration=calibration)
    return made


def test_from_a_latent_alone_draws_are_as_they_were_made(model, calibrated, seen):
    latents = model.encode(seen)
    plain = model.decode(latents, 12, n_draws=3)
    for found in (
        calibrated.decode(latents, 12, n_draws=3),
        calibrated.predict(seen, 12, n_draws=3, decoder_inputs="latent"),
    ):
        np.testing.assert_allclose(found.draws, plain.draws, atol=1e-5)
        np.testing.assert_allclose(found.std, plain.std, atol=1e-5)
    with_points = calibrated.predict(seen, 12, n_draws=3)
    assert (with_points.std > 1.5 * model.predict(seen, 12, n_draws=3).std).all()


def test_the_flow_has_no_part_in_it(flowing, seen):
    wide = Calibration((1.0,), (3.0,), (0.0,), LEVELS, ((2.0,) * 3,), 9)
    ask = {"n_draws": 3, "solver": "euler", "steps": 2}
    found = with_calibration(flowing, wide).predict(seen, 12, **ask)
    assert np.array_equal(found.std, flowing.predict(seen, 12, **ask).std)


def test_a_place_that_is_read_often_is_one_place(model, seen):
    count = int(seen.counts[0])
    rising = Calibration((count, 3.0 * count), (1.0, 9.0), (0.0,), LEVELS, ((1.0,) * 3,), 9)
    parts = (seen.coords, seen.values, seen.mask, seen.support)
    often = Observations(*(torch.cat([part[:1]] * 3, dim=1) for part in parts))
    plain = model.predict(often, 12, n_draws=2)
    found = with_calibration(model, rising).predict(often, 12, n_draws=2)
    np.testing.assert_allclose(found.draws, plain.draws, atol=1e-5)


def test_quantiles_stay_in_the_bounds_of_a_variable(model, seen):
    wide = Calibration((1.0,), (1.0,), (0.0,), LEVELS, ((99.0,) * 3,), 9)
    made = with_calibration(model, wide)
    shares = [replace(v, transform=Logit(-4.0, 4.0)) for v in model.variables]
    made._fitted = replace(
        made.fitted, scaler=replace(model.fitted.scaler, variables=tuple(shares))
    )
    found = made.predict(seen, 12, quantiles=(0.05, 0.95)).quantiles
    assert -4 <= found.min() < -3.9
    assert 3.9 < found.max() <= 4


def test_quantiles_of_a_bounded_variable_stay_within_its_bounds(smooth_fields):
    data = smooth_fields(60, (12, 12))
    values = np.exp(data.values)
    variable = Variable.of_values("v", values, transform="log")
    positive = FieldData([variable], data.grid, values, splits=data.splits)
    model = FieldAutoencoder("tiny", device="cpu", changes=CHANGES)
    model.fit(positive, phases=["autoencoder", "ensemble"])
    steep = Calibration((1, 9), (3.0, 3.0), (1.0, 3.0), LEVELS, ((3.0,) * 3, (3.0,) * 3), 9)
    model._fitted = replace(model.fitted, calibration=steep)
    found = model.predict(observe(positive.split("test"), 0.1), quantiles=(0.05, 0.5, 0.95))
    assert (found.quantiles > 1e-12).all()
    assert (np.diff(found.quantiles, axis=0) >= 0).all()


def test_noise_that_cannot_be_kept_is_said(smooth_fields):
    data = smooth_fields(12, (12, 12))
    model = FieldAutoencoder("tiny", device="cpu", changes=CHANGES | {"data": {"exemplars": 0}})
    model.fit(data, phases=["autoencoder"])
    seen = observe(data.split("test"), 0.3)
    exact = seen.replace(noise=torch.zeros_like(seen.values))
    with pytest.warns(UserWarning, match="need not pass through them"):
        model.predict(exact)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"n_draws": 1.5}, "whole number"),
        ({"quantiles": (1e-9, 0.5)}, "more than the 10,000 that are made"),
    ],
)
def test_numbers_that_make_no_sense_are_refused(given: dict, said: str, smooth_fields):
    data = smooth_fields(12, (12, 12))
    model = FieldAutoencoder("tiny", device="cpu", changes=CHANGES)
    model.fit(data, phases=["autoencoder"])
    with pytest.raises(ValueError, match=said):
        model.predict(observe(data.split("test"), 0.3), **given)


def test_narrower_intervals_keep_the_draws_that_lie_at_a_bound(smooth_fields):
    dry = smooth_fields(12, (12, 12))
    values = np.maximum(dry.values - np.median(dry.values), 0)
    rain = replace(
        dry, values=values, variables=[Variable.of_values("rain", values, "", "bounded")]
    )
    model = FieldAutoencoder("tiny", device="cpu", changes=CHANGES)
    with pytest.warns(UserWarning, match="not calibrated"):
        model.fit(rain, phases=["autoencoder", "ensemble"])
    narrow = Calibration((1.0, 1e4), (1.0, 1.0), (0.0, 99.0), LEVELS, ((0.5,) * 3,) * 2, 9)
    model._fitted = replace(model.fitted, calibration=narrow)
    told = model.predict(observe(rain.split("test"), 0.1), n_draws=40, quantiles=(0.05, 0.95))
    low, high = (np.quantile(told.draws, p, axis=0, method="weibull") for p in (0.05, 0.95))
    at_bound = (low == 0) & (told.mean > 0)
    assert at_bound.any()
    assert (told.quantiles[0][at_bound] == 0).all()
    inside = (low > 0) & (high > low)
    assert (told.quantiles[0] > low)[inside].mean() > 0.9
