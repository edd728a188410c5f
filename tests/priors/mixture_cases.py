"""Fields for the mixture's tests, and what is observed of them."""

from __future__ import annotations

import numpy as np
import torch

from mamba_diffae.fields import FieldData, Geometry, Grid, Observations, Variable
from mamba_diffae.priors import PriorConfig

SHAPE = (8, 8)
GEOMETRY = Geometry.unit(2)
CELL = 1 / 8


def waves(count: int, variables: int = 2, seed: int = 0) -> np.ndarray:
    """Fields of few modes: what a library can learn and kriging cannot, (S, 8, 8, C)."""
    rng = np.random.default_rng(seed)
    y, x = np.meshgrid(*[(np.arange(8) + 0.5) / 8] * 2, indexing="ij")
    modes = [np.sin(2 * np.pi * (2 * x + y)), np.cos(2 * np.pi * 3 * x) * y, x * 0 + 1, x - y]
    modes = np.stack(modes)
    mixing = np.random.default_rng(9).normal(size=(4, 4, variables)) / 4
    a = rng.normal(size=(count, 4)) * 0.5
    return np.einsum("sm,mkc,khw->shwc", a, mixing, modes).clip(-1, 1).astype(np.float32)


def data(values: np.ndarray, groups: np.ndarray | None = None) -> FieldData:
    variables = [Variable(f"v{c}") for c in range(values.shape[-1])]
    return FieldData(variables, Grid.regular(((0, 1), (0, 1)), SHAPE), values, groups=groups)


def config(values: np.ndarray, **changes) -> PriorConfig:
    given = {"exemplars": len(values), **changes}
    return PriorConfig(geometry=GEOMETRY, shape=SHAPE, value_dim=values.shape[-1], **given)


def seen(values: np.ndarray, count: int, seed: int = 1) -> Observations:
    """Cells of the lattice, others of each field."""
    rng = np.random.default_rng(seed)
    flat = torch.from_numpy(values.reshape(len(values), -1, values.shape[-1]))
    centres = config(values).centres().float()
    index = torch.stack([torch.from_numpy(rng.permutation(64)[:count]) for _ in values])
    rows = torch.arange(len(values))[:, None]
    picked = flat[rows, index]
    support = torch.full((*index.shape, 2), CELL)
    return Observations(centres[index], picked, torch.ones_like(picked, dtype=torch.bool), support)
