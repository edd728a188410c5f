"""A tiny model of each kind, fitted on a few smooth fields, and observations of three of them."""

from collections.abc import Callable

import pytest

from mamba_diffae import FieldAutoencoder, FieldData, Observations, observe

FEW = {"steps": 3, "batch_size": 4, "show_progress": False}


@pytest.fixture(scope="session")
def few() -> dict[str, dict[str, object]]:
    """Changes that make a training as short as can be."""
    phases = dict.fromkeys(("autoencoder", "ensemble", "flow", "latent"), FEW)
    return {"model": {"d_model": 16}, "data": {"encodings": 2}, **phases}


@pytest.fixture(scope="session")
def truth(smooth_fields: Callable[..., FieldData]) -> FieldData:
    return smooth_fields(count=12, shape=(16, 24), variables=2)


@pytest.fixture(scope="session")
def model(truth: FieldData, few: dict) -> FieldAutoencoder:
    return FieldAutoencoder("tiny", changes=few, device="cpu").fit(truth)


@pytest.fixture(scope="session")
def flowing(truth: FieldData, few: dict) -> FieldAutoencoder:
    """A model that draws by its flow alone."""
    model = FieldAutoencoder("tiny", changes=few, device="cpu")
    return model.fit(truth, phases=["autoencoder", "flow"])


@pytest.fixture(scope="session")
def baseline(truth: FieldData, few: dict) -> FieldAutoencoder:
    changes = {"model": few["model"], "flow": few["flow"]}
    return FieldAutoencoder("tiny", architecture="mamba-diffusion", changes=changes).fit(truth)


@pytest.fixture(scope="session")
def seen(truth: FieldData) -> Observations:
    return observe(truth.take(slice(0, 3)), 0.3, seed=1)
