"""What several folders need: tiny networks away from their start, observations, smooth fields."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from hypothesis import settings
from torch import Tensor

from mamba_diffae.fields import Affine, FieldData, Grid, Variable

if TYPE_CHECKING:
    from mamba_diffae.models import FieldFlow

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
    from mamba_diffae.models.pretrained import model_class

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
def smooth_fields() -> Callable[..., FieldData]:
    """Sums of a few waves, with values in [-3, 3]: two thirds train, the rest val and test.

    With gaps, a fifth of the values is missing, each variable elsewhere, and of the last snapshot
    half of the first axis.
    """

    def make(
        count: int = 12, shape: Sequence[int] = (24, 24), variables: int = 1, gaps: bool = False
    ) -> FieldData:
        rng = np.random.default_rng(0)
        grid = Grid.default(shape)
        places = grid.centres().reshape(1, *grid.shape, 1, grid.dim)
        values = np.zeros((count, *grid.shape, variables), np.float32)
        for _ in range(3):
            *slopes, phase = rng.uniform(-2, 2, (grid.dim + 1, count, *[1] * grid.dim, variables))
            # The last axis has the first slope.
            turns = sum(k * places[..., d] for d, k in enumerate(reversed(slopes)))
            values += np.sin(2 * np.pi * (turns + phase)).astype(np.float32)
        valid = rng.random(values.shape) < 0.8 if gaps else None
        if valid is not None:
            valid[-1, : math.ceil(grid.shape[0] / 2)] = False
        splits = np.array(["train", "val", "train", "train", "test", "train"])
        return FieldData(
            variables=[Variable(f"v{c}", transform=Affine(-3.0, 3.0)) for c in range(variables)],
            grid=grid,
            values=values,
            valid=valid,
            names=[f"waves-{i}" for i in range(count)],
            splits=np.resize(splits, count),
        )

    return make
