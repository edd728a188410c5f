"""A decoder of draws away from its start, where noise has no effect yet."""

from collections.abc import Callable

import pytest
import torch

from mamba_diffae import FieldAutoencoder


@pytest.fixture(scope="session")
def shaken() -> Callable[[FieldAutoencoder], FieldAutoencoder]:
    """The same model; its decoder of draws has random weights, if it has one."""

    def shake(model: FieldAutoencoder) -> FieldAutoencoder:
        net = model.fitted.network
        generator = torch.Generator().manual_seed(0)
        for weight in net.ensemble.parameters() if net.writes_draws else ():
            weight.data += 0.5 * torch.randn(weight.shape, generator=generator)
        return model

    return shake
