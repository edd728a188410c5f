from collections.abc import Callable

import numpy as np
import pytest

from mamba_diffae.fields import GridField, Scaling

MakeField = Callable[..., GridField]


@pytest.fixture(scope="session")
def make_field() -> MakeField:
    """Sums of a few plane waves in the unit 0 to 255: smooth fields that span few modes."""

    def make(count: int = 6, size: int = 24, channels: int = 2, seed: int = 0) -> GridField:
        rng = np.random.default_rng(seed)
        axis = (np.arange(size) + 0.5) / size
        x, y = np.meshgrid(axis, axis)
        waves = [np.ones_like(x), np.sin(3 * x), np.cos(4 * y), np.sin(5 * x + 2 * y), x * y]
        weights = rng.normal(size=(count, len(waves), channels))
        values = 128 + 20 * np.einsum("swc,wyx->syxc", weights, np.stack(waves))
        return GridField(
            values,
            Scaling(0, 255),
            [f"field {i}" for i in range(count)],
            np.arange(count) // 2,
            np.full(count, "test"),
        )

    return make
