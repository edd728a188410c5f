"""Models of fields with covariates: what these are worth, where they come from, what is refused."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from mamba_diffae import (
    Background,
    Covariates,
    FieldAutoencoder,
    FieldData,
    Grid,
    Variable,
    observe,
)
from mamba_diffae.estimator.covariates import CovariateScaler
from mamba_diffae.fields import CoordinateError, ShapeError, ValuesError
from mamba_diffae.sources import from_array

N, SHAPE = 64, (16, 16)
GRID = Grid.regular(((0, 8), (0, 8)), SHAPE, names=("y", "x"), units=("km", "km"))
LEARNED = {"steps": 60, "batch_size": 16, "show_progress": False}


def made() -> tuple[np.ndarray, np.ndarray]:
    """Temperature that falls with a height of which no cell tells its neighbour's; the height."""
    rng, (y, x) = np.random.default_rng(3), GRID.centres().reshape(*SHAPE, 2).transpose(2, 0, 1)
    height = rng.uniform(0, 2000, (N, *SHAPE))
    phase = rng.uniform(0, 6, (2, N, 1, 1))
    smooth = np.sin(y / 2 + phase[0]) + np.cos(x / 2 + phase[1])
    return 15 - 0.0065 * height + smooth, height


TEMPERATURE, HEIGHT = made()


def fields(known: Covariates | None, units: str = "degC") -> FieldData:
    data = from_array(TEMPERATURE, variables="t", units={"t": units}, axes=GRID)
    splits = np.repeat(["train", "val", "test"], [48, 8, 8])
    return replace(data, covariates=known, splits=splits)


@pytest.fixture(scope="module")
def guessed() -> FieldData:
    """With a height of each snapshot, as a first guess has it."""
    return fields(Covariates(["height"], [HEIGHT], ["m"]))


@pytest.fixture(scope="module")
def learned(guessed) -> FieldAutoencoder:
    model = FieldAutoencoder("tiny", changes={"autoencoder": LEARNED}, device="cpu")
    return model.fit(guessed, phases=["autoencoder"])


@pytest.fixture(scope="module")
def relief(few) -> FieldAutoencoder:
    """With a height that is the same for all snapshots."""
    data = fields(Covariates(["height"], [HEIGHT[0]], ["m"]))
    return FieldAutoencoder("tiny", changes=few, device="cpu").fit(data, phases=["autoencoder"])


def rmse(found: np.ndarray, truth: FieldData) -> float:
    return float(np.sqrt(np.square(found - truth.values).mean()))


def test_what_no_interpolation_can_know_is_read_from_covariates(guessed, learned):
    test = guessed.split("test")
    seen = observe(test, 0.1, seed=1)
    model = FieldAutoencoder("tiny", changes={"autoencoder": LEARNED}, device="cpu")
    without = model.fit(replace(guessed, covariates=None), phases=["autoencoder"])
    found = rmse(learned.predict(seen).mean, test)
    assert found < 0.7 * rmse(without.predict(seen).mean, test)
    other = seen.with_background(test.take(np.roll(np.arange(len(test)), 1)))
    assert rmse(learned.predict(other).mean, test) > 1.5 * found


def test_a_field_depends_on_its_own_covariates_alone(guessed, learned):
    seen = observe(guessed.split("test"), 0.1, seed=1)
    whole = learned.predict(seen).mean
    np.testing.assert_allclose(learned.predict(seen[[3]]).mean[0], whole[3], atol=1e-4)


def test_what_was_saved_reads_the_same_covariates(guessed, learned, relief, tmp_path):
    seen = observe(guessed.split("test").take(slice(0, 2)), 0.1, seed=1)
    for model, given in ((learned, seen), (relief, seen.replace(background=None))):
        folder = tmp_path / str(id(model))
        model.save_pretrained(folder)
        again = FieldAutoencoder.from_pretrained(folder, device="cpu")
        np.testing.assert_array_equal(again.predict(given).mean, model.predict(given).mean)


def test_what_is_the_same_for_all_snapshots_is_kept_with_the_model(guessed, relief):
    seen = observe(guessed.take(slice(0, 2)), 0.2, seed=1)
    own = seen.with_background(fields(Covariates(["height"], [HEIGHT[0]], ["m"])).take(slice(0, 2)))
    bare = relief.predict(seen.replace(background=None))
    np.testing.assert_allclose(bare.mean, relief.predict(own).mean, atol=1e-4)
    assert np.abs(bare.mean - relief.predict(seen[[1, 0]]).mean[::-1]).max() > 1e-4


def test_covariates_in_another_unit_order_and_shape_are_the_same(guessed, learned):
    test = guessed.split("test").take(slice(0, 2))
    assert test.covariates is not None
    seen = observe(test, 0.2, seed=1)
    expected = learned.predict(seen).mean
    height = test.covariates.values[0]
    in_km = Covariates(["other", "height"], [height, height / 1000], ["", "km"])
    found = learned.predict(seen.with_background(replace(test, covariates=in_km)))
    np.testing.assert_allclose(found.mean, expected, atol=1e-3)
    turned = replace(seen, background=Background.of(test.transpose([1, 0])))
    np.testing.assert_allclose(learned.predict(turned).mean, expected, atol=1e-4)
    finer = Grid.regular(((0, 8), (0, 8)), (32, 32), names=("y", "x"), units=("km", "km"))
    fine = torch.from_numpy(height.repeat(2, axis=1).repeat(2, axis=2)[..., None])
    given = seen.replace(background=Background(("height",), ("m",), finer, fine))
    np.testing.assert_allclose(learned.predict(given).mean, expected, atol=1e-3)


def test_covariates_of_points_are_read_by_the_encoder(guessed, learned):
    seen = observe(guessed.split("test").take(slice(0, 1)), 0.2, seed=1)
    there = torch.full((*seen.coords.shape[:2], 1), 1000.0)
    told = learned.encode(seen.replace(covariates=there))
    assert np.abs(told - learned.encode(seen)).max() > 1e-4
    with pytest.raises(ShapeError, match=r"have 2 covariates, .* fitted with 1 \(height\)"):
        learned.encode(seen.replace(covariates=there.expand(-1, -1, 2)))


def test_what_is_missing_or_does_not_fit_is_refused(guessed, learned):
    test = guessed.split("test").take(slice(0, 1))
    seen = observe(test, 0.2, seed=1)
    with pytest.raises(ValuesError, match=r"height, and height .* not known.*observe\(data\)"):
        learned.predict(seen.replace(background=None))
    in_kelvin = replace(test, covariates=Covariates(["height"], [HEIGHT[:1]], ["K"]))
    with pytest.raises(ValuesError, match=r"'height' is in 'K', but 'm'"):
        learned.predict(seen.with_background(in_kelvin))
    part = Grid.regular(((0, 8), (0, 5)), SHAPE, names=("y", "x"), units=("km", "km"))
    values = torch.zeros(1, *SHAPE, 1)
    with pytest.raises(CoordinateError, match=r"x from 0 to 5 km, but .* x from 0 to 8"):
        learned.predict(seen.replace(background=Background(("height",), ("m",), part, values)))
    elsewhere = Grid.regular(((0, 8), (0, 8)), SHAPE, names=("lat", "x"))
    with pytest.raises(CoordinateError, match=r"axes lat, x, but the model .* y, x"):
        learned.predict(seen.replace(background=Background(("height",), ("m",), elsewhere, values)))
    with pytest.raises(ValueError, match="covariate_dim follows from the fields"):
        FieldAutoencoder("tiny", changes={"model": {"covariate_dim": 2}}).settings(guessed)


def test_longitudes_of_the_other_convention_are_turned():
    ours = Grid.regular(((-90, 90), (0, 360)), (4, 8), ("lat", "lon"), periodic=(False, True))
    theirs = Grid.regular(((-90, 90), (-180, 180)), (4, 8), ("lat", "lon"), periodic=(False, True))
    values = np.arange(8.0) * np.ones((4, 1))
    variables, ones = [Variable("t")], np.ones((1, 4, 8, 1))
    data = FieldData(variables, ours, ones, covariates=Covariates(["c"], [values]))
    scaler = CovariateScaler.of(data)
    assert scaler is not None
    rolled = Covariates(["c"], [np.roll(values, 4, axis=1)])
    other = Background.of(FieldData(variables, theirs, ones, covariates=rolled))
    found = scaler.background(other, 1, ours).values[0, ..., 0].numpy()
    np.testing.assert_allclose(found, (values - values.mean()) / values.std(), atol=1e-6)
