"""What several folders need: tiny networks away from their start, observations, smooth fields."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from hypothesis import settings
from torch import Tensor

from mamba_diffae.fields import Affine, FieldData, Geometry, Grid, Observations, Variable
from mamba_diffae.models import config

if TYPE_CHECKING:
    from mamba_diffae.models import FieldFlow
    from mamba_diffae.priors import PriorConfig

# Compiling a kernel on its first use, or a busy machine, is no failure.
settings.register_profile("no deadline", deadline=None)
settings.load_profile("no deadline")

# Most tests train for a few steps: with the prior that is conditioned and fitted in no time. The
# default one has tests of its own, in tests/priors and tests/estimator/test_default_prior.py.
config.DEFAULT_PRIOR = "analogue"

CELLS = 16
"""Native cells of the tiny networks along a side of length 1."""
WIDTH = {"d_model": 16, "fourier_features": 8}
READ_OUT = {"tokens": 3, "patch": 2, "neighbours": 6, "message": 8, "head": (16,)}
PRIOR = {"prior": "analogue", "codes": ("pca", "histogram"), "exemplars": 5, "mirrored": True}
SIZES = {
    "autoencoder": WIDTH | READ_OUT | PRIOR | {"d_state": 2, "latent_dim": 12, "noise_dim": 0},
    "mamba-diffusion": WIDTH | {"d_state": 4, "blocks": 2},
    "minimal-latent": WIDTH | {"d_state": 4, "blocks": 2, "bottleneck": 8},
}


@pytest.fixture(autouse=True)
def _fixed_weights() -> None:
    """Layers that a test makes have the same weights in every run."""
    torch.manual_seed(0)


@pytest.fixture(scope="session")
def network() -> Callable[..., FieldFlow]:
    """Tiny networks by kind, of two variables on the unit square; the config by keyword.

    With another `geometry`, shapes that are not given follow from it. With exemplars=0 there is no
    prior, with noise_dim=4 a decoder of draws. Weights are random everywhere: those that start at
    zero would hide what flows there. A prior has learned from random fields.
    """
    from mamba_diffae.models.registry import ARCHITECTURES

    def build(kind: str = "autoencoder", **fields: Any) -> FieldFlow:
        config = _shapes(**fields) | SIZES[kind]
        if fields.get("exemplars") == 0 or fields.get("prior") == "none":
            config |= {"prior": "none", "codes": (), "exemplars": 0}
        if kind != "autoencoder":
            del config["prior_shape"], config["directions"]
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            net = ARCHITECTURES.get(kind).from_preset("tiny", **{**config, **fields})
            for parameter in net.parameters():
                parameter.data += 0.15 * torch.randn(parameter.shape)
        net.fit_prior(_random_fields(net.prior.config))
        return net.eval()

    return build


def _shapes(geometry: Geometry | None = None, **fields: Any) -> dict[str, Any]:
    """What follows from the geometry, of cells about as wide as high."""
    from mamba_diffae.nn.scan_order import usable_directions

    geometry = geometry or Geometry.unit(2)
    native = fields.get("native_shape") or _of_extent(geometry, CELLS)
    observed = fields.get("observed_shape") or tuple(max(1, n // 2) for n in native)
    half = tuple(max(1, n // 2) for n in observed)
    cells = math.prod(a / n for a, n in zip(geometry.extent, observed, strict=True))
    directions = ("row", "row_reversed", "column", "column_reversed")
    return {
        "geometry": geometry,
        "native_shape": native,
        "observed_shape": observed,
        "value_dim": 2,
        "max_frequency": tuple(n / (2 * a) for n, a in zip(native, geometry.extent, strict=True)),
        "sigma": 0.5,
        "noise_shapes": (observed, half),
        "length_scale": cells ** (1 / geometry.dim),
        "prior_shape": half,
        "directions": usable_directions(directions, geometry.dim),
    }


def _of_extent(geometry: Geometry, cells: int) -> tuple[int, ...]:
    longest = max(geometry.extent)
    return tuple(max(2, round(cells * a / longest)) for a in geometry.extent)


def _random_fields(config: PriorConfig) -> FieldData:
    """As many fields as the prior keeps, on its lattice, each value anywhere in [-1, 1]."""
    region = [(0.0, a) for a in config.geometry.extent]
    grid = Grid.regular(region, config.shape, periodic=config.geometry.periodic)
    rng = np.random.default_rng(0)
    values = rng.uniform(-1, 1, (max(1, config.exemplars), *config.shape, config.value_dim))
    variables = [Variable(f"v{c}") for c in range(config.value_dim)]
    return FieldData(variables, grid, values.astype(np.float32))


@pytest.fixture(scope="session")
def observed() -> Callable[..., Observations]:
    """Random observations in inside coordinates; values missing, support and noise as asked."""

    def draw(
        fields: int = 2,
        points: int = 20,
        *,
        geometry: Geometry = Geometry.unit(2),  # noqa: B008 - frozen
        variables: int = 2,
        missing: float = 0.0,
        support: bool = False,
        noise: bool = False,
        seed: int = 0,
    ) -> Observations:
        generator = torch.Generator().manual_seed(seed)

        def uniform(size: int) -> Tensor:
            return torch.rand(fields, points, size, generator=generator)

        extent = torch.tensor(geometry.extent)
        coords = uniform(geometry.dim) * extent
        values = torch.randn(fields, points, variables, generator=generator)
        mask = uniform(variables) >= missing
        mask[:, 0] = True
        return Observations(
            coords,
            values,
            mask,
            support=0.2 * extent * uniform(geometry.dim) if support else None,
            noise=0.3 * uniform(variables) if noise else None,
        )

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
