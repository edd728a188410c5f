"""Makes `toy` importable; run folders, fields inside a model, and tiny networks for them."""

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch

sys.path.insert(0, str(Path(__file__).parent))

from field_cases import geometry

from mamba_diffae.fields import FieldData, Variable
from mamba_diffae.models import ARCHITECTURES, FieldFlow
from mamba_diffae.training import Run

WIDTH = {"d_model": 16, "fourier_features": 8}
READ_OUT = {"tokens": 3, "patch": 2, "neighbours": 6, "message": 8, "head": (16,)}
SIZES = {
    "autoencoder": WIDTH | READ_OUT | {"d_state": 2, "latent_dim": 12, "noise_dim": 4},
    "mamba-diffusion": WIDTH | {"d_state": 4, "blocks": 2},
    "minimal-latent": WIDTH | {"d_state": 4, "blocks": 2, "bottleneck": 8},
}


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return Run.create(tmp_path / "run", {"command": "mamba-diffae fit emoji", "seed": 0})


@pytest.fixture(scope="session")
def inside(smooth_fields: Callable[..., FieldData]) -> Callable[..., FieldData]:
    """Smooth fields as they are inside a model: scaled to [-1, 1], the longest axis spans 1."""

    def make(
        count: int = 12,
        shape: tuple[int, ...] = (24, 24),
        variables: int = 1,
        gaps: bool = False,
        **parts: object,
    ) -> FieldData:
        data = smooth_fields(count=count, shape=shape, variables=variables, gaps=gaps)
        named = [Variable(variable.name) for variable in data.variables]
        return replace(data, values=data.values / 3, variables=named, **parts)

    return make


@pytest.fixture(scope="session")
def net_for() -> Callable[..., FieldFlow]:
    """Tiny networks for fields, any setting by keyword; a prior keeps 5 of the training fields.

    Their weights are random everywhere: those that start at zero would hide what flows there.
    """

    def build(
        data: FieldData,
        kind: str = "autoencoder",
        *,
        exemplars: int = 5,
        mirrored: bool = False,
        **settings: object,
    ) -> FieldFlow:
        architecture = ARCHITECTURES.get(kind)
        config = architecture.config_class.for_data(
            data,
            geometry(data),
            data.grid.lattice_shape(144),
            {**SIZES[kind], **settings},
            exemplars=exemplars,
            mirrored=mirrored,
        )
        with torch.random.fork_rng():
            torch.manual_seed(0)
            net = architecture(config)
            for parameter in net.parameters():
                parameter.data += 0.15 * torch.randn(parameter.shape)
        net.fit_prior(data.split("train"))
        return net.eval()

    return build
