"""What several folders need: tiny networks away from their start, observations, smooth fields."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import settings
from torch import Tensor

from mamba_diffae.fields import GridField, Scaling
from mamba_diffae.models import FieldFlow
from mamba_diffae.models.pretrained import model_class

# Compiling a kernel on its first use, or a busy machine, is no failure.
settings.register_profile("no deadline", deadline=None)
settings.load_profile("no deadline")

FIELD = {"value_dim": 2, "band": 8.0, "sigma": 0.5, "noise_cells": (8, 4), "gap": 1 / 8}
WIDTH = {"d_model": 16, "fourier_features": 8}
READ_OUT = {"tokens": 3, "patch": 2, "neighbours": 6, "message": 8, "head": (16,)}
PRIOR = {"exemplars": 5, "prior_cells": 4, "mirrored": True}
SIZES = {
    "autoencoder": WIDTH | READ_OUT | PRIOR | {"d_state": 2, "latent_dim": 12},
    "mamba-diffusion": WIDTH | {"d_state": 4, "blocks": 2},
    "minimal-latent": WIDTH | {"d_state": 4, "blocks": 2, "bottleneck": 8},
}


@pytest.fixture(autouse=True)
def _fixed_weights() -> None:
    """Layers that a test makes have the same weights in every run."""
    torch.manual_seed(0)


@pytest.fixture(scope="session")
def network() -> Callable[..., FieldFlow]:
    """Tiny networks by kind, any field of the config by keyword.

    Their weights are random everywhere: those that start at zero would hide what flows there. A
    prior remembers random fields.
    """

    def build(kind: str = "autoencoder", **fields: object) -> FieldFlow:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            net = model_class(kind).from_preset("tiny", **{**FIELD, **SIZES[kind], **fields})
            for parameter in net.parameters():
                parameter.data += 0.15 * torch.randn(parameter.shape)
            if net.prior is not None:
                fields_kept, size = net.prior.exemplars.shape
                values = torch.rand(fields_kept, size // net.prior.value_dim, net.prior.value_dim)
                net.remember(2 * values - 1)
        return net.eval()

    return build


@pytest.fixture(scope="session")
def observed() -> Callable[..., tuple[Tensor, Tensor]]:
    """Random observations: coords (B, L, D) and values (B, L, C)."""

    def draw(
        fields: int = 2, points: int = 20, *, dim: int = 2, channels: int = 2, seed: int = 0
    ) -> tuple[Tensor, Tensor]:
        generator = torch.Generator().manual_seed(seed)
        coords = torch.rand(fields, points, dim, generator=generator)
        return coords, torch.randn(fields, points, channels, generator=generator)

    return draw


@pytest.fixture(scope="session")
def smooth_fields() -> Callable[..., GridField]:
    """Sums of a few waves, with values in [-3, 3]: two thirds train, the rest val and test."""

    def make(count: int = 12, size: int = 24, channels: int = 1) -> GridField:
        rng = np.random.default_rng(0)
        x, y = np.meshgrid(*[(np.arange(size) + 0.5) / size] * 2)
        values = np.zeros((count, size, size, channels), np.float32)
        for _ in range(3):
            kx, ky, phase = rng.uniform(-2, 2, (3, count, 1, 1, channels))
            wave = 2 * np.pi * (kx * x[..., None] + ky * y[..., None] + phase)
            values += np.sin(wave).astype(np.float32)
        splits = np.array(["train", "val", "train", "train", "test", "train"])
        return GridField(
            values=values,
            scaling=Scaling(-3.0, 3.0),
            names=[f"waves-{i}" for i in range(count)],
            groups=np.arange(count),
            splits=np.resize(splits, count),
        )

    return make
