"""Small fields, observations and networks that the contract tests share."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mamba_diffae.fields import Affine, FieldData, Frame, Grid, Observations, Variable
from mamba_diffae.models.autoencoder import MambaDiffusionAutoencoder
from mamba_diffae.models.config import AutoencoderConfig

SHAPE, OBSERVED = (8, 12), (4, 6)
"""Native cells of the fields, and of the lattice that is observed: not square."""
_SIZES = {
    "d_model": 16,
    "fourier_features": 8,
    "latent_dim": 12,
    "d_state": 2,
    "encoder_blocks": 1,
    "decoder_blocks": 1,
    "tokens": 3,
    "patch": 2,
    "neighbours": 4,
    "message": 8,
    "head": (16,),
}


def waves(count: int = 6, seed: int = 0) -> FieldData:
    """Smooth fields of two variables, in [-1, 1]; the first two thirds train."""
    rng = np.random.default_rng(seed)
    grid = Grid.default(SHAPE)
    y, x = grid.centres().T
    k = rng.uniform(-6, 6, (count, 1, 2, 2))
    phase = rng.uniform(0, 2 * np.pi, (count, 1, 2))
    places = np.stack([y, x], axis=-1)[None, :, None]
    values = np.sin((places * k).sum(-1) + phase).reshape(count, *SHAPE, 2)
    variables = [Variable("a", transform=Affine(-1, 1)), Variable("b", transform=Affine(-1, 1))]
    splits = np.array(["train"] * (count - count // 3) + ["test"] * (count // 3))
    return FieldData(variables, grid, values.astype(np.float32), splits=splits)


def scattered(points: int = 15, fields: int = 2, seed: int = 0) -> Observations:
    """Random observations of two variables, some missing, in single precision."""
    generator = torch.Generator().manual_seed(seed)
    coords = torch.rand(fields, points, 2, generator=generator) * torch.tensor([8 / 12, 1.0])
    values = torch.randn(fields, points, 2, generator=generator)
    mask = torch.rand(fields, points, 2, generator=generator) < 0.8
    mask[:, 0] = True
    return Observations(coords, values, mask, support=torch.zeros_like(coords))


def places(count: int = 20, fields: int = 2, seed: int = 1) -> Tensor:
    """Random places in the region, shape (fields, count, 2)."""
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(fields, count, 2, generator=generator) * torch.tensor([8 / 12, 1.0])


def tiny_config(**fields: Any) -> AutoencoderConfig:
    """A config for `waves`; any field by keyword."""
    data = waves()
    geometry = Frame.of(data).geometry(data.grid)
    given = {**_SIZES, **fields}
    exemplars = int((data.splits == "train").sum())
    return AutoencoderConfig.for_data(data, geometry, OBSERVED, given, exemplars=exemplars)


def tiny_network(**fields: Any) -> MambaDiffusionAutoencoder:
    """A network of random weights, whose prior has learned from `waves`."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        net = MambaDiffusionAutoencoder(tiny_config(**fields))
        for parameter in net.parameters():
            parameter.data += 0.15 * torch.randn(parameter.shape)
    net.fit_prior(waves().split("train"))
    return net.eval()


def padded(observations: Observations, more: int = 4) -> Observations:
    """The same observations after points that are not there, with numbers under them."""
    strange = scattered(more, len(observations), seed=9)
    parts = {}
    for name in ("coords", "values", "mask", "support"):
        ours, theirs = getattr(observations, name), getattr(strange, name)
        parts[name] = torch.cat([theirs, ours], dim=1)
    parts["mask"][:, :more] = False
    return Observations(**parts)


def permuted(observations: Observations, seed: int = 0) -> Observations:
    """The same points in another order."""
    order = np.random.default_rng(seed).permutation(observations.coords.shape[1])
    return at_points(observations, torch.from_numpy(order))


def at_points(observations: Observations, index: Tensor | slice) -> Observations:
    """Some points of each field, perhaps none."""
    given = {
        name: getattr(observations, name)[:, index]
        for name in ("coords", "values", "mask", "support")
    }
    return Observations(**given)


def without_points(observations: Observations) -> Observations:
    """The same places, at which nothing was observed."""
    return replace(observations, mask=torch.zeros_like(observations.mask))


def close(a: Tensor, b: Tensor, what: str, tolerance: float = 1e-5) -> None:
    """Assert that two tensors are equal up to a tolerance."""
    assert a.shape == b.shape, f"{what}: shapes {tuple(a.shape)} and {tuple(b.shape)} differ"
    difference = float((a - b).detach().abs().max()) if a.numel() else 0.0
    assert difference <= tolerance, f"{what}: differs by {difference:.2g}, at most {tolerance:g}"


def subsets(count: int) -> list[slice]:
    """Some parts of a number of queries."""
    ends = [0, count // 3, count // 2, count]
    return [slice(a, b) for a, b in itertools.pairwise(ends)]
