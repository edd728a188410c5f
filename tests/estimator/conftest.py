"""A tiny model of each kind, fitted on a few smooth fields, and observations of three of them."""

from collections.abc import Callable

import pytest

from mamba_diffae import FieldAutoencoder, FieldBatch, GridField, observe

SIZE, FEW = 24, {"steps": 3, "batch_size": 4, "show_progress": False}


@pytest.fixture(scope="session")
def few() -> dict[str, dict[str, object]]:
    """Changes that make a training as short as can be."""
    phases = dict.fromkeys(("autoencoder", "diffusion", "latent"), FEW)
    return {"model": {"d_model": 16}, "data": {"encodings": 2}, **phases}


@pytest.fixture(scope="session")
def truth(smooth_fields: Callable[..., GridField]) -> GridField:
    return smooth_fields(count=12, size=SIZE, channels=2)


@pytest.fixture(scope="session")
def model(truth: GridField, few: dict) -> FieldAutoencoder:
    return FieldAutoencoder("tiny", changes=few).fit(truth)


@pytest.fixture(scope="session")
def baseline(truth: GridField, few: dict) -> FieldAutoencoder:
    changes = {"model": few["model"], "diffusion": few["diffusion"]}
    return FieldAutoencoder("tiny", model="mamba-diffusion", changes=changes).fit(truth)


@pytest.fixture(scope="session")
def seen(truth: GridField) -> FieldBatch:
    return observe(truth.take(slice(0, 3)), 0.3, seed=1)
