"""Geometries, and random places in them."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from mamba_diffae.fields.geometry import Geometry, Sphere

SQUARE = Geometry.unit(2)
GLOBE = Geometry(
    extent=(0.5, 1.0),
    periodic=(False, True),
    sphere=Sphere(
        latitude_axis=0, longitude_axis=1, latitude_origin=-math.pi / 2, radians=2 * math.pi
    ),
)
GEOMETRIES = {
    "square": SQUARE,
    "line": Geometry(extent=(2.0,)),
    "channel": Geometry(extent=(0.4, 1.0), periodic=(False, True)),
    "torus": Geometry(extent=(1.0, 0.3, 0.8), periodic=(True, True, True)),
    "globe": GLOBE,
}


def places(*shape: int, seed: int = 0) -> Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


def within(geometry: Geometry, *shape: int, seed: int = 0) -> Tensor:
    return places(*shape, geometry.dim, seed=seed) * torch.tensor(geometry.extent)


def real(batch: int, count: int) -> Tensor:
    return torch.ones(batch, count, dtype=torch.bool)
