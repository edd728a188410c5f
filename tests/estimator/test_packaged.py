"""The model that comes with the package, as a user meets it."""

from importlib.resources import files

import numpy as np
import pytest

import mamba_diffae as mda
from mamba_diffae.evaluation.classical import classical_methods
from mamba_diffae.evaluation.metrics import psnr

WEIGHTS = files("mamba_diffae") / "models" / "weights" / "emoji-96"


@pytest.fixture(scope="module")
def model() -> mda.FieldAutoencoder:
    return mda.FieldAutoencoder.from_pretrained("emoji-96")


@pytest.fixture(scope="module")
def unseen():
    return mda.open_field("emoji").split("test").distinct(8)


def test_it_beats_splines_by_far_on_unseen_pictures(model, unseen) -> None:
    obs = mda.observe(unseen, fraction=0.2, seed=0)
    exact = unseen.scaling.unit(unseen.at(96))
    ours = model.predict(obs, unseen).mean
    spline = classical_methods(unseen)["thin-plate spline"](obs, 96)
    scores = [psnr(unseen.scaling.unit(v), exact).mean() for v in (ours, spline)]
    assert scores[0] > scores[1] + 1


def test_it_has_a_latent_and_draws(model, unseen) -> None:
    obs = mda.observe(unseen.take(slice(2)), fraction=0.2, seed=0)
    assert model.encode(obs).shape == (2, 512)
    drawn = model.predict(obs, 16, n_samples=2, steps=2)
    assert drawn.sample.shape == (2, 2, 16, 16, 3)
    assert np.isfinite(drawn.sample).all()
    assert drawn.std.max() > 1  # of 255


def test_it_travels_light_with_a_card() -> None:
    size = sum(len(file.read_bytes()) for file in WEIGHTS.iterdir())
    assert size <= 12_000_000
    card = WEIGHTS.joinpath("README.md").read_text()
    assert all(word in card for word in ("Licence", "Data", "Recipe", "Hardware", "gappy POD"))


def test_an_unknown_name_tells_the_known_one() -> None:
    with pytest.raises(ValueError, match=r"emoji-69.*emoji-96"):
        mda.FieldAutoencoder.from_pretrained("emoji-69")
