"""The model that comes with the package, as a user meets it."""

from importlib.resources import files

import numpy as np
import pytest

import mamba_diffae as mda
from mamba_diffae.evaluation.baselines import find_baseline
from mamba_diffae.evaluation.metrics import psnr

WEIGHTS = files("mamba_diffae") / "models" / "weights" / "emoji-96"


@pytest.fixture(scope="module")
def model() -> mda.FieldAutoencoder:
    return mda.FieldAutoencoder.from_pretrained("emoji-96")


@pytest.fixture(scope="module")
def unseen() -> mda.FieldData:
    return mda.open_field("emoji").split("test").distinct(8)


def test_it_beats_splines_by_far_on_unseen_pictures(model, unseen) -> None:
    obs = mda.observe(unseen, fraction=0.2, seed=0)
    ours = model.predict(obs, unseen).mean
    spline = find_baseline("thin-plate-spline").fit(unseen).predict(obs, unseen.grid).mean
    exact = unseen.unit_interval(unseen.values)
    scores = [psnr(unseen.unit_interval(v), exact).mean() for v in (ours, spline)]
    assert scores[0] == pytest.approx(21.80, abs=0.02)  # as when it was packaged
    assert scores[0] > scores[1] + 1


def test_it_has_a_latent_and_draws(model, unseen) -> None:
    obs = mda.observe(unseen.take(slice(2)), fraction=0.2, seed=0)
    assert model.encode(obs).shape == (2, 512)
    drawn = model.predict(obs, 16, n_draws=2)
    assert drawn.evaluations == 1
    assert drawn.draws.shape == (2, 2, 16, 16, 3)
    assert np.isfinite(drawn.draws).all()
    assert drawn.std.max() > 1  # of 255


def test_most_of_what_is_unseen_lies_in_its_intervals(model, unseen) -> None:
    obs = mda.observe(unseen, fraction=0.2, seed=0)
    found = model.predict(obs, unseen.grid, quantiles=(0.05, 0.95))
    low, high = found.interval(0.9)
    inside = (np.rint(low) <= unseen.values) & (unseen.values <= np.rint(high))
    assert 0.85 < inside.mean() < 0.99  # closed intervals: white cells count as inside
    assert model.fitted.calibration is not None


def test_it_warns_of_pictures_of_another_kind(model) -> None:
    photographs = mda.open_field("photographs").take(slice(2))
    obs = mda.observe(photographs, fraction=0.2, seed=0)
    with pytest.warns(mda.fields.UnfamiliarFieldsWarning, match="unlike the training fields"):
        found = model.predict(obs, photographs.grid)
    kriging = find_baseline("kriging").fit(photographs).predict(obs, photographs.grid).mean
    exact = photographs.unit_interval(photographs.values)
    ours, theirs = (psnr(photographs.unit_interval(v), exact).mean() for v in (found.mean, kriging))
    assert ours > theirs - 1.5


def test_it_knows_what_it_was_fitted_on(model, unseen) -> None:
    assert model.grid == unseen.grid
    assert [v.name for v in model.variables] == [v.name for v in unseen.variables]
    assert model.mirrored


def test_it_travels_light_with_a_card() -> None:
    size = sum(len(file.read_bytes()) for file in WEIGHTS.iterdir())
    assert size <= 18_000_000
    card = WEIGHTS.joinpath("README.md").read_text()
    assert all(word in card for word in ("Licence", "Data", "Recipe", "Hardware", "gappy POD"))


def test_an_unknown_name_tells_the_known_one() -> None:
    with pytest.raises(ValueError, match=r"emoji-69.*emoji-96"):
        mda.FieldAutoencoder.from_pretrained("emoji-69")
