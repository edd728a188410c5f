"""Reading a grid between its nodes: what each kernel reproduces, and patches there and back."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from mamba_diffae.fields.geometry import Geometry
from mamba_diffae.nn.attention import lattice
from mamba_diffae.nn.interpolation import (
    Kernel,
    Taps,
    cubic,
    from_patches,
    interpolate,
    linear,
    resample,
    resampling,
    to_patches,
)

KERNELS = pytest.mark.parametrize("kernel", [linear, cubic])
SHAPES = pytest.mark.parametrize("shape", [(6,), (7, 5), (5, 6, 8)])
EXTENT = (2.0, 0.5, 1.0)
AXES = st.lists(
    st.tuples(st.integers(1, 7), st.sampled_from([0.3, 1.0, 2.0]), st.booleans()),
    min_size=1,
    max_size=3,
)


def flat(shape: tuple[int, ...]) -> Geometry:
    return Geometry(extent=EXTENT[: len(shape)])


def of(axes: list) -> tuple[tuple[int, ...], Geometry]:
    shape, extent, periodic = (tuple(part) for part in zip(*axes, strict=True))
    return shape, Geometry(extent=extent, periodic=periodic)


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


def within(geometry: Geometry, *shape: int, seed: int = 0) -> Tensor:
    return random(*shape, geometry.dim, seed=seed) * torch.tensor(geometry.extent)


def polynomial(coords: Tensor, degree: int, seed: int) -> Tensor:
    """A product over axes of random polynomials, shape (..., 1)."""
    generator = torch.Generator().manual_seed(seed)
    a = torch.randn(degree + 1, coords.shape[-1], generator=generator)
    return sum(a[k] * coords**k for k in range(degree + 1)).prod(-1, keepdim=True)


def inner(shape: tuple[int, ...], border: int, seed: int) -> Tensor:
    """Places with so many nodes to either side at least, shape (1, 40, D)."""
    edge = (border - 0.5) / torch.tensor(shape)
    unit = edge + (1 - 2 * edge) * random(1, 40, len(shape), seed=seed)
    return unit * torch.tensor(EXTENT[: len(shape)])


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
@settings(max_examples=30)
@given(axes=AXES)
def test_it_is_exact_at_the_nodes(kernel: Kernel, axes: list) -> None:
    shape, geometry = of(axes)
    values = random(2, math.prod(shape), 3)
    coords = lattice(shape, geometry.extent).expand(2, -1, -1)
    close(interpolate(values, coords, shape, geometry, kernel), values)


@pytest.mark.parametrize(("kernel", "degree", "border"), [(linear, 1, 1), (cubic, 2, 2)])
@SHAPES
@settings(max_examples=20)
@given(seed=st.integers(0, 2**16))
def test_it_reproduces_polynomials(kernel, degree: int, border: int, shape, seed: int) -> None:
    coords = inner(shape, border, seed)
    nodes = polynomial(lattice(shape, EXTENT[: len(shape)])[None], degree, seed)
    truth = polynomial(coords, degree, seed)
    read = interpolate(nodes, coords, shape, flat(shape), kernel)
    torch.testing.assert_close(read, truth, rtol=1e-4, atol=1e-4 * float(nodes.abs().max()))


@pytest.mark.parametrize("periodic", [False, True])
def test_cubic_is_smooth_where_linear_has_kinks(periodic: bool) -> None:
    geometry = Geometry(extent=(1.0,), periodic=(periodic,))

    def bend(kernel: Kernel) -> float:
        coords = torch.linspace(0.2, 0.8, 1201, dtype=torch.float64)[None, :, None]
        coords = coords + 0.5 * periodic  # across the seam, where there is one
        read = interpolate(random(1, 6, 1).double(), coords, (6,), geometry, kernel)
        return float(read[0].diff(dim=0).diff(dim=0).abs().max())

    assert bend(cubic) < 0.05 * bend(linear)


@KERNELS
@SHAPES
def test_beyond_the_outermost_centres_their_values_continue(kernel: Kernel, shape) -> None:
    values, geometry = random(1, math.prod(shape), 2), flat(shape)
    corners = torch.stack([torch.zeros(len(shape)), torch.tensor(geometry.extent)])[None]
    if kernel is linear:
        close(interpolate(values, corners, shape, geometry, kernel), values[:, [0, -1]])
    constant = torch.full_like(values, 0.7)
    read = interpolate(constant, within(geometry, 1, 50), shape, geometry, kernel)
    close(read, torch.full((1, 50, 2), 0.7))


@KERNELS
@settings(max_examples=30)
@given(axes=AXES, seed=st.integers(0, 100))
def test_a_periodic_axis_has_no_seam(kernel: Kernel, axes: list, seed: int) -> None:
    shape, geometry = of([(n, a, True) for n, a, _ in axes])
    values = random(1, *shape, 2, seed=seed)
    coords = within(geometry, 1, 30, seed=seed)
    read = interpolate(values.flatten(1, -2), coords, shape, geometry, kernel)
    for axis, (cells, extent) in enumerate(zip(shape, geometry.extent, strict=True)):
        one_cell, turn = (torch.zeros(geometry.dim) for _ in range(2))
        one_cell[axis], turn[axis] = extent / cells, extent
        turned = values.roll(1, axis + 1).flatten(1, -2)
        again = interpolate(turned, coords + one_cell, shape, geometry, kernel)
        close(again, read, 1e-4)
        again = interpolate(values.flatten(1, -2), coords - turn, shape, geometry, kernel)
        close(again, read, 1e-4)


@KERNELS
@pytest.mark.parametrize("cells", [1, 2, 3])
def test_a_grid_smaller_than_the_kernel_is_read(kernel: Kernel, cells: int) -> None:
    values, coords, shape = random(2, cells**2, 2), random(2, 9, 2), (cells, cells)
    read = interpolate(values, coords, shape, Geometry.unit(2), kernel)
    assert read.shape == (2, 9, 2)
    if cells == 1:
        close(read, values.expand(-1, 9, -1))


@KERNELS
def test_each_field_reads_its_own_grid_and_each_point_for_itself(kernel: Kernel) -> None:
    shape, geometry = (5, 7), flat((5, 7))
    values, coords = random(3, 35, 4), within(geometry, 3, 20, seed=1)
    whole = interpolate(values, coords, shape, geometry, kernel)
    for field in range(3):
        part = slice(field, field + 1)
        alone = interpolate(values[part], coords[part, 5:7], shape, geometry, kernel)
        close(alone, whole[part, 5:7])


@KERNELS
def test_gradients_flow_to_the_values(kernel: Kernel) -> None:
    values = random(1, 12, 2).double().requires_grad_()
    coords, geometry = random(1, 5, 2).double(), Geometry.unit(2)
    torch.autograd.gradcheck(lambda v: interpolate(v, coords, (3, 4), geometry, kernel), values)


def test_it_reads_as_with_the_old_columns() -> None:
    values = torch.arange(9.0)[None, :, None] ** 1.5
    coords = torch.tensor([[[0.2, 0.1], [0.6, 0.9], [0.95, 0.35]]])
    read = interpolate(values, coords, (3, 3), Geometry.unit(2), cubic)
    close(read.flatten(), torch.tensor([0.218705, 14.972758, 17.307722]), 1e-4)


# Whole grids


@KERNELS
@settings(max_examples=30)
@given(axes=AXES, sizes=st.tuples(*[st.integers(1, 9)] * 3))
def test_resampling_reads_the_centres(kernel: Kernel, axes: list, sizes: tuple) -> None:
    shape, geometry = of(axes)
    sizes = sizes[: len(shape)]
    values = random(2, math.prod(shape), 2)
    coords = lattice(sizes, geometry.extent).expand(2, -1, -1)
    sides = zip(shape, sizes, geometry.periodic, strict=True)
    matrices = [resampling(n, size, kernel, periodic) for n, size, periodic in sides]
    whole = resample(values, matrices, shape)
    close(whole, interpolate(values, coords, shape, geometry, kernel))


@KERNELS
@pytest.mark.parametrize("periodic", [False, True])
def test_resampling_to_its_own_size_changes_nothing(kernel: Kernel, periodic: bool) -> None:
    close(resampling(7, 7, kernel, periodic), torch.eye(7))


# Patches


@settings(max_examples=30)
@given(axes=st.lists(st.tuples(st.integers(1, 4), st.integers(1, 3)), min_size=1, max_size=3))
def test_patches_there_and_back(axes: list) -> None:
    tokens, patch = (tuple(part) for part in zip(*axes, strict=True))
    shape = tuple(n * p for n, p in axes)
    values = random(2, math.prod(shape), 3)
    patches = to_patches(values, shape, patch)
    assert patches.shape == (2, math.prod(tokens), math.prod(patch) * 3)
    assert torch.equal(from_patches(patches, tokens, patch), values)


@pytest.mark.parametrize(
    ("tokens", "patch"), [((3,), (2,)), ((2, 3), (3, 1)), ((2, 1, 3), (2, 3, 2))]
)
def test_a_patch_has_its_points_in_order(tokens: tuple, patch: tuple) -> None:
    shape = tuple(n * p for n, p in zip(tokens, patch, strict=True))
    patches = to_patches(lattice(shape)[None], shape, patch)[0].unflatten(1, (-1, len(shape)))
    # Among patches and within each, the last coordinate runs fastest.
    offsets = (lattice(patch) - 0.5) / torch.tensor(tokens)
    close(patches, lattice(tokens)[:, None] + offsets, atol=1e-6)


def test_places_of_all_fields_are_found_once_and_read_alike() -> None:
    geometry, shape = Geometry.unit(2), (5, 4)
    coords, values = torch.rand(7, 2), torch.randn(3, 20, 2)
    shared = coords.expand(3, -1, -1)
    taps = Taps.of(shared, shape, geometry, cubic)
    assert len(taps.node) == 1
    torch.testing.assert_close(
        taps.read(values), Taps.of(shared.clone(), shape, geometry, cubic).read(values)
    )
