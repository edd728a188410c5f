"""Reading a grid between its nodes: what each kernel reproduces, and patches there and back."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from mamba_diffae.nn.attention import lattice
from mamba_diffae.nn.interpolation import (
    Kernel,
    cubic,
    from_patches,
    interpolate,
    linear,
    resample,
    resampling,
    to_patches,
)

KERNELS = pytest.mark.parametrize("kernel", [linear, cubic])
DIMS = pytest.mark.parametrize("dim", [1, 2, 3])
CELLS = 6


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


def polynomial(coords: Tensor, degree: int, seed: int) -> Tensor:
    """A product over axes of random polynomials, shape (..., 1)."""
    generator = torch.Generator().manual_seed(seed)
    a = torch.randn(degree + 1, coords.shape[-1], generator=generator)
    return sum(a[k] * coords**k for k in range(degree + 1)).prod(-1, keepdim=True)


def inner(dim: int, border: int, seed: int) -> Tensor:
    """Places with so many nodes to either side at least, shape (1, 40, dim)."""
    edge = (border - 0.5) / CELLS
    return edge + (1 - 2 * edge) * random(1, 40, dim, seed=seed)


def close(a: Tensor, b: Tensor, atol: float = 1e-5) -> None:
    torch.testing.assert_close(a, b, rtol=0, atol=atol)


# Kernels


@KERNELS
@given(f=st.floats(0, 1))
def test_weights_sum_to_one_and_are_symmetric(kernel: Kernel, f: float) -> None:
    weights, mirrored = (torch.stack(kernel(torch.tensor(x))) for x in (f, 1 - f))
    close(weights.sum(), torch.ones(()), atol=1e-6)
    close(weights.flip(0), mirrored, atol=1e-6)


@KERNELS
@DIMS
def test_it_is_exact_at_the_nodes(kernel: Kernel, dim: int) -> None:
    values = random(2, CELLS**dim, 3)
    coords = lattice(CELLS, dim).expand(2, -1, -1)
    close(interpolate(values, coords, CELLS, kernel), values)


@pytest.mark.parametrize(("kernel", "degree", "border"), [(linear, 1, 1), (cubic, 2, 2)])
@DIMS
@given(seed=st.integers(0, 2**16))
def test_it_reproduces_polynomials(kernel, degree: int, border: int, dim: int, seed: int) -> None:
    coords = inner(dim, border, seed)
    nodes = polynomial(lattice(CELLS, dim)[None], degree, seed)
    truth = polynomial(coords, degree, seed)
    read = interpolate(nodes, coords, CELLS, kernel)
    torch.testing.assert_close(read, truth, rtol=1e-4, atol=1e-4 * float(nodes.abs().max()))


def test_cubic_is_smooth_where_linear_has_kinks() -> None:
    def bend(kernel: Kernel) -> float:
        coords = torch.linspace(0.2, 0.8, 1201, dtype=torch.float64)[None, :, None]
        read = interpolate(random(1, CELLS, 1).double(), coords, CELLS, kernel)
        return float(read[0].diff(dim=0).diff(dim=0).abs().max())

    assert bend(cubic) < 0.05 * bend(linear)


@KERNELS
@DIMS
def test_beyond_the_outermost_centres_these_go_on(kernel: Kernel, dim: int) -> None:
    values = random(1, CELLS**dim, 2)
    corners = torch.stack([torch.zeros(dim), torch.ones(dim)])[None]
    ends = values[:, [0, -1]]
    if kernel is linear:
        close(interpolate(values, corners, CELLS, kernel), ends)
    constant = torch.full_like(values, 0.7)
    anywhere = random(1, 50, dim)
    close(interpolate(constant, anywhere, CELLS, kernel), torch.full((1, 50, 2), 0.7))


@KERNELS
@pytest.mark.parametrize("cells", [1, 2, 3])
def test_a_grid_smaller_than_the_kernel_is_read(kernel: Kernel, cells: int) -> None:
    values, coords = random(2, cells**2, 2), random(2, 9, 2)
    read = interpolate(values, coords, cells, kernel)
    assert read.shape == (2, 9, 2)
    close(interpolate(values, lattice(cells, 2).expand(2, -1, -1), cells, kernel), values)
    if cells == 1:
        close(read, values.expand(-1, 9, -1))


@KERNELS
def test_each_field_reads_its_own_grid_and_each_point_for_itself(kernel: Kernel) -> None:
    values, coords = random(3, CELLS**2, 4), random(3, 20, 2, seed=1)
    whole = interpolate(values, coords, CELLS, kernel)
    for field in range(3):
        part = slice(field, field + 1)
        close(interpolate(values[part], coords[part, 5:7], CELLS, kernel), whole[part, 5:7])


@KERNELS
def test_gradients_flow_to_the_values(kernel: Kernel) -> None:
    values = random(1, 9, 2).double().requires_grad_()
    coords = random(1, 5, 2).double()
    torch.autograd.gradcheck(lambda v: interpolate(v, coords, 3, kernel), values)


# Whole grids


@KERNELS
@DIMS
@given(size=st.integers(1, 9), cells=st.integers(1, 7))
def test_resampling_reads_the_centres(kernel: Kernel, dim: int, size: int, cells: int) -> None:
    values = random(2, cells**dim, 2)
    coords = lattice(size, dim).expand(2, -1, -1)
    whole = resample(values, resampling(cells, size, kernel), dim)
    close(whole, interpolate(values, coords, cells, kernel))


@KERNELS
def test_resampling_to_its_own_size_changes_nothing(kernel: Kernel) -> None:
    close(resampling(7, 7, kernel), torch.eye(7))


# Patches


@DIMS
@given(count=st.integers(1, 4), side=st.integers(1, 3))
def test_patches_there_and_back(dim: int, count: int, side: int) -> None:
    values = random(2, (count * side) ** dim, 3)
    patches = to_patches(values, side, dim)
    assert patches.shape == (2, count**dim, side**dim * 3)
    assert torch.equal(from_patches(patches, side, dim), values)


@DIMS
def test_a_patch_holds_its_points_in_order(dim: int) -> None:
    side, count = 3, 2
    places = lattice(side * count, dim)[None]
    patches = to_patches(places, side, dim)[0].unflatten(1, (-1, dim))
    # Among patches and within each, the first coordinate runs fastest.
    middles, offsets = lattice(count, dim), (lattice(side, dim) - 0.5) / count
    close(patches, middles[:, None] + offsets, atol=1e-6)


def test_ten_thousand_points_are_counted_right() -> None:
    # The side is found from a root that floating-point numbers do not hold exactly.
    for dim, side in ((2, 97), (3, 21), (4, 9)):
        values = torch.arange(float(side**dim)).view(1, -1, 1)
        patches = to_patches(values, 1, dim)
        assert math.prod(patches.shape) == side**dim
        assert torch.equal(from_patches(patches, 1, dim), values)
