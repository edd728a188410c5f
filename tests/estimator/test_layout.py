"""Training on whole fields that are read by sensors in a fixed layout."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from mamba_diffae import FieldAutoencoder, FieldData, Observations
from mamba_diffae.estimator.scaling import FieldScaler
from mamba_diffae.fields import FieldError
from mamba_diffae.fields.sensors import observe_at
from mamba_diffae.sources import from_array
from mamba_diffae.training.data.sampling import ObservationSampler

TAPS = np.array([0.05, 0.15, 0.3, 0.45, 0.6, 0.8]) * 360
"""Degrees around a body."""


@pytest.fixture(scope="module")
def pressures() -> FieldData:
    """Pressure around a closed contour, at random angles of attack."""
    rng, angle = np.random.default_rng(0), np.deg2rad(np.arange(7.5, 360, 15))
    attack = rng.uniform(-0.4, 0.4, (60, 1))
    values = 1 - 4 * np.sin(angle - attack) ** 2 + 2 * attack * np.sin(angle)
    axes = {"angle": np.arange(0.0, 361, 15)}
    return from_array(values, axes=axes, variables="cp", periodic=["angle"])


@pytest.fixture(scope="module")
def fitted(pressures: FieldData, few: dict) -> FieldAutoencoder:
    model = FieldAutoencoder("tiny", changes=few, device="cpu")
    return model.fit(pressures, layout=TAPS, phases=["autoencoder", "ensemble"])


def test_steps_observe_the_sensors_and_nothing_else(pressures):
    settings = FieldAutoencoder("tiny").settings(pressures, layout=TAPS[:, None])
    assert "6 sensors where they stand" in settings.describe()[0]
    scaler = FieldScaler.of(pressures)
    sampler = ObservationSampler(scaler.data(pressures), settings.data)
    inside = scaler.places(TAPS[:, None])[0].numpy()
    counts, rows = set(), np.arange(4)
    for step in range(40):

        def stream(purpose: int, step: int = step) -> np.random.Generator:
            return np.random.default_rng((purpose, step))

        (seen,) = sampler.views(stream, rows, np.zeros(4, dtype=bool), 1)
        near = np.abs(seen.coords[0].numpy() - inside[:, 0]).min(axis=1)
        assert near.max() < 1e-6
        assert (seen.support == 0).all()
        counts.add(seen.coords.shape[1])
    assert max(counts) == len(TAPS)
    assert min(counts) < len(TAPS)
    assert settings.data.mirrored is False


def test_what_they_read_is_the_average_over_a_cell_around_them(pressures):
    seen = observe_at(pressures.take([2]), TAPS[:, None])
    centres = pressures.grid.axes[0].centres
    right = np.interp(TAPS, centres, pressures.values[2, :, 0], period=360)
    np.testing.assert_allclose(seen.values[0, :, 0], right)


def test_a_model_of_a_layout_is_calibrated_on_it_and_predicts(fitted, pressures, tmp_path):
    assert fitted.fitted.calibration is not None
    counts = fitted.fitted.calibration.counts
    assert max(counts) == len(TAPS)
    assert min(counts) == len(TAPS) / 2
    seen = observe_at(pressures.split("test"), TAPS[:, None])
    field = fitted.predict(seen, n_draws=4)
    assert np.isfinite(field.std).all()
    fitted.save_pretrained(tmp_path / "saved")
    again = FieldAutoencoder.from_pretrained(tmp_path / "saved", device="cpu")
    np.testing.assert_array_equal(again.predict(seen).mean, field.mean)


def test_the_settings_of_a_run_hold_the_layout_so_that_it_can_be_resumed(pressures, few, tmp_path):
    def fit(steps: int, **options: object) -> FieldAutoencoder:
        changes = {**few, "autoencoder": {**few["autoencoder"], "steps": steps}}
        model = FieldAutoencoder("tiny", changes=changes, device="cpu")
        given = {"phases": ["autoencoder"], "run": tmp_path / "run", **options}
        return model.fit(pressures, **given)

    fit(3, layout=TAPS)
    with pytest.raises(ValueError, match="layout"):
        fit(3, layout=TAPS[:3], resume=True)


BAD: dict[str, tuple[object, str]] = {
    "outside": ([[10.0], [float("nan")]], "outside|sensors"),
    "shape": ([[10.0, 20.0]], "one row for each, with the columns angle"),
    "none": ([], "one row for each"),
    "text": (["a"], "one row for each"),
    "ragged": ([[1.0], [1.0, 2.0]], "one row for each"),
    "beyond": (1e9, "outside"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_layouts_are_refused(pressures, case):
    layout, message = BAD[case]
    with pytest.raises(FieldError, match=message):
        FieldAutoencoder("tiny").settings(pressures, layout=layout)


def test_what_a_layout_does_not_go_with_is_refused(pressures, smooth_fields: Callable):
    model = FieldAutoencoder("tiny", changes={"data": {"mirrored": True}})
    with pytest.raises(FieldError, match="stay where they are"):
        model.settings(pressures, layout=TAPS)
    rng = np.random.default_rng(0)
    parts = [Observations.from_points(rng.random((20, 2)), rng.normal(size=20)) for _ in range(9)]
    with pytest.raises(FieldError, match="stations are where"):
        FieldAutoencoder("tiny").settings(parts, layout=[[0.5, 0.5]])
