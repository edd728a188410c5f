"""Models whose network is hardly trained: a placement is of the prior alone."""

from collections.abc import Callable

import numpy as np
import pytest

from mamba_diffae import Axis, FieldAutoencoder, FieldData, Grid, Variable

PHASE = {"steps": 1, "batch_size": 4, "show_progress": False}


@pytest.fixture(scope="session")
def fitted() -> Callable[..., FieldAutoencoder]:
    """A model with a prior, fitted on fields."""

    def fit(data: FieldData, prior: str = "mixture") -> FieldAutoencoder:
        changes = {"model": {"d_model": 16, "prior": prior, "codes": ()}, "autoencoder": PHASE}
        model = FieldAutoencoder("tiny", changes=changes, device="cpu")
        return model.fit(data, phases=["autoencoder"])

    return fit


def sea(count: int = 40, variables: int = 1, seed: int = 0) -> FieldData:
    """Waves in degrees Celsius on 12 × 16 cells of a sea, with land in one corner."""
    lat = Axis.regular("lat", 40.0, 52.0, 12, "degrees_north")
    lon = Axis.regular("lon", 0.0, 16.0, 16, "degrees_east")
    mask = np.ones((12, 16), dtype=bool)
    mask[:5, :4] = False
    y, x = np.meshgrid(lat.centres / 6, lon.centres / 6, indexing="ij")
    rng = np.random.default_rng(seed)
    k = np.arange(1, 5)[:, None, None]
    a, phase = rng.normal(size=(count, variables, 4)), rng.uniform(0, 6, (count, variables, 4))
    modes = np.sin(k * x + phase[..., None, None]) + np.cos(k * y - phase[..., None, None])
    values = 12 + np.einsum("scm,scmyx->syxc", a / np.arange(1, 5), modes)
    splits = np.resize(np.array(["train"] * 6 + ["val", "test"]), count)
    named = [Variable.of_values(f"v{c}", values[..., c].ravel(), "degC") for c in range(variables)]
    return FieldData(named, Grid((lat, lon), mask), values, splits=splits)


@pytest.fixture(scope="session")
def model(fitted) -> FieldAutoencoder:
    """One variable on a sea, kriged."""
    return fitted(sea(), "kriging")


@pytest.fixture(scope="session")
def pair(fitted) -> FieldAutoencoder:
    """Two variables on a sea, with the moments of exemplars."""
    return fitted(sea(variables=2), "analogue")


@pytest.fixture(scope="session")
def sea_data() -> Callable[..., FieldData]:
    return sea
