"""Scattered points on a lattice: averages and densities; convolutions at several resolutions."""

import math

import pytest
import torch
from torch import Tensor, nn

from mamba_diffae.fields import Geometry
from mamba_diffae.nn.interpolation import Taps, linear
from mamba_diffae.nn.set_convolution import ConvPyramid, set_convolution

GEOMETRIES = {
    "profile": (Geometry(extent=(1.0,)), (7,)),
    "circle": (Geometry(extent=(1.0,), periodic=(True,)), (7,)),
    "channel": (Geometry(extent=(0.5, 1.0), periodic=(False, True)), (4, 6)),
    "volume": (Geometry(extent=(0.3, 0.6, 1.0)), (2, 3, 4)),
}
EVERY = pytest.mark.parametrize("name", GEOMETRIES)


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def scattered(geometry: Geometry, count: int = 30, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(2, count, geometry.dim, generator=generator) * torch.tensor(geometry.extent)


def masked(count: int = 30) -> Tensor:
    return torch.rand(2, count, generator=torch.Generator().manual_seed(1)) < 0.7


def seeded(module: nn.Module) -> nn.Module:
    for number, parameter in enumerate(module.parameters()):
        parameter.data = parameter.data + 0.3 * normal(*parameter.shape, seed=number)
    return module


@EVERY
def test_the_density_counts_the_points(name: str) -> None:
    geometry, shape = GEOMETRIES[name]
    coords, mask = scattered(geometry), masked()
    taps = Taps.of(coords, shape, geometry, linear)
    density = set_convolution(normal(2, 30, 3), mask, taps, shape)[..., -1].expm1()
    assert density.shape == (2, math.prod(shape))
    torch.testing.assert_close(density.sum(dim=1), mask.sum(dim=1).float())


@EVERY
def test_sums_are_the_adjoint_of_reading(name: str) -> None:
    geometry, shape = GEOMETRIES[name]
    values, nodes, mask = normal(2, 30, 1), normal(2, math.prod(shape), 1, seed=2), masked()
    taps = Taps.of(scattered(geometry), shape, geometry, linear)
    average, density = set_convolution(values, mask, taps, shape).split([1, 1], dim=-1)
    sums = average * density.expm1().clamp(min=1e-2)
    there = (values * taps.read(nodes) * mask[..., None]).sum(dim=(1, 2))
    torch.testing.assert_close((sums * nodes).sum(dim=(1, 2)), there, rtol=1e-4, atol=1e-4)


def test_averages_are_of_values_not_of_how_often_they_were_observed() -> None:
    geometry, shape = GEOMETRIES["channel"]
    coords, values, mask = scattered(geometry), normal(2, 30, 3), masked()

    def nodes(times: int, values: Tensor = values) -> tuple[Tensor, Tensor]:
        taps = Taps.of(coords.repeat(1, times, 1), shape, geometry, linear)
        given = values.repeat(1, times, 1)
        made = set_convolution(given, mask.repeat(1, times), taps, shape)
        return made[..., :-1], made[..., -1].expm1()

    (once, density), (thrice, more) = nodes(1), nodes(3)
    enough = density > 0.05
    assert enough.any()
    torch.testing.assert_close(once[enough], thrice[enough], rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(more, 3 * density, rtol=1e-4, atol=1e-5)
    same = nodes(1, torch.full_like(values, 2.5))[0][enough]
    torch.testing.assert_close(same, torch.full_like(same, 2.5))


def test_no_points_give_zeros_and_the_answer_is_the_same_every_time() -> None:
    geometry, shape = GEOMETRIES["channel"]
    taps = Taps.of(scattered(geometry, 4000), shape, geometry, linear)
    values, mask = normal(2, 4000, 3), masked(4000)
    assert not set_convolution(values, torch.zeros_like(mask), taps, shape).any()
    once, again = (set_convolution(values, mask, taps, shape) for _ in range(2))
    assert torch.equal(once, again)


@pytest.mark.parametrize("shape", [(8,), (8, 16), (4, 8, 8)])
def test_a_periodic_pyramid_commutes_with_shifts(shape: tuple[int, ...]) -> None:
    # By cells of the coarsest lattice, of at most 3 an axis: by 4 or 8 of the finest.
    pyramid = seeded(ConvPyramid(5, shape, (True,) * len(shape)))
    cells, shift, axes = normal(2, *shape, 5), max(shape) // 2, len(shape)

    def passed(cells: Tensor) -> Tensor:
        return pyramid(cells.flatten(1, axes)).unflatten(1, shape)

    shifted = passed(cells.roll(shift, dims=axes))
    torch.testing.assert_close(shifted, passed(cells).roll(shift, dims=axes), rtol=1e-4, atol=1e-5)
    assert (shifted - passed(cells)).abs().max() > 1e-2


@EVERY
def test_every_cell_of_a_pyramid_depends_on_every_other(name: str) -> None:
    geometry, shape = GEOMETRIES[name]
    pyramid = seeded(ConvPyramid(5, shape, geometry.periodic))
    # Normalisation alone would connect the cells.
    for part in pyramid.modules():
        if hasattr(part, "norm"):
            part.norm = nn.Identity()
    cells = normal(1, math.prod(shape), 5).requires_grad_()
    (gradient,) = torch.autograd.grad(pyramid(cells)[0, 0].square().sum(), cells)
    assert (gradient[0].abs().sum(-1) > 0).all()


def test_a_pyramid_of_zero_convolutions_is_the_identity() -> None:
    pyramid = ConvPyramid(3, (5, 9), (False, True))
    for parameter in pyramid.parameters():
        nn.init.zeros_(parameter)
    cells = normal(2, 45, 3)
    assert torch.equal(pyramid(cells), cells)
