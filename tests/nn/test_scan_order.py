"""Scan orders: permutations that know only what the points are, with short ways between them."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from mamba_diffae.fields.geometry import Geometry
from mamba_diffae.nn.attention import lattice
from mamba_diffae.nn.scan_order import (
    DIRECTIONS,
    SWEEPS,
    check_directions,
    scan_orders,
    scan_steps,
    usable_directions,
)

SQUARE = Geometry.unit(2)


def scattered(count: int, dim: int = 2, batch: int = 2, seed: int = 0) -> Tensor:
    return torch.rand(batch, count, dim, generator=torch.Generator().manual_seed(seed))


def all_real(coords: Tensor) -> Tensor:
    return torch.ones(coords.shape[:2], dtype=torch.bool)


def along(coords: Tensor, order: Tensor) -> Tensor:
    """The points as every scan meets them, shape (B, K, N, D)."""
    return coords[torch.arange(len(coords))[:, None, None], order]


def directions(dim: int) -> tuple[str, ...]:
    return usable_directions(DIRECTIONS, dim)


def region(dim: int, seed: int = 0, *, periodic: bool = False) -> Geometry:
    """Axes of different lengths."""
    extent = (1.0, 0.3, 2.0, 0.7)[seed % 2 :][:dim]
    return Geometry(extent=extent, periodic=(periodic,) * dim)


def within(geometry: Geometry, count: int, batch: int = 2, seed: int = 0) -> Tensor:
    return scattered(count, geometry.dim, batch, seed) * torch.tensor(geometry.extent)


def shuffled(*tensors: Tensor, seed: int) -> tuple[Tensor, ...]:
    order = torch.randperm(tensors[0].shape[1], generator=torch.Generator().manual_seed(seed))
    return tuple(tensor[:, order] for tensor in tensors)


# Permutations


@settings(max_examples=30)
@given(
    count=st.integers(1, 40),
    padded=st.integers(0, 10),
    dim=st.integers(1, 3),
    seed=st.integers(0, 1000),
)
def test_every_direction_visits_each_point_once_and_padding_at_an_end(
    count: int, padded: int, dim: int, seed: int
) -> None:
    geometry = region(dim, seed, periodic=seed % 3 == 0)
    coords = within(geometry, count + padded, seed=seed)
    mask = all_real(coords)
    mask[:, count:] = False
    coords, mask = shuffled(coords, mask, seed=seed)
    names = directions(dim)
    order = scan_orders(coords, mask, names, geometry)
    assert torch.equal(order.sort(-1).values, torch.arange(count + padded).expand_as(order))
    met = mask[torch.arange(2)[:, None, None], order]
    for k, name in enumerate(names):
        if name != "none":
            real = slice(padded, None) if name.endswith("_reversed") else slice(count)
            assert met[:, k, real].all()


def test_none_is_the_given_sequence_and_reversed_is_the_way_back() -> None:
    coords = scattered(50)
    order = scan_orders(coords, all_real(coords), DIRECTIONS, SQUARE)
    by_name = dict(zip(DIRECTIONS, order.unbind(1), strict=True))
    assert torch.equal(by_name["none"], torch.arange(50).expand(2, -1))
    for name in DIRECTIONS:
        if name.endswith("_reversed"):
            there = by_name[name.removesuffix("_reversed")]
            assert torch.equal(by_name[name], there.flip(-1))


@settings(max_examples=25)
@given(seed=st.integers(0, 1000), dim=st.integers(1, 3), cells=st.sampled_from([3, 8, 1000]))
def test_shuffled_points_are_met_in_the_same_sequence(seed: int, dim: int, cells: int) -> None:
    # On few cells many points share coordinates: values must break the tie, not positions.
    geometry = region(dim, seed)
    coords = (scattered(40, dim, seed=seed) * cells).floor() / cells
    coords = coords * torch.tensor(geometry.extent)
    values = torch.randn(2, 40, 1, generator=torch.Generator().manual_seed(seed))
    names = tuple(name for name in directions(dim) if name != "none")
    points = torch.cat([coords, values], dim=-1)
    path = along(points, scan_orders(coords, all_real(coords), names, geometry, values))
    c, v = shuffled(coords, values, seed=seed)
    other = along(torch.cat([c, v], dim=-1), scan_orders(c, all_real(c), names, geometry, v))
    assert torch.equal(other, path)


def test_padding_does_not_change_the_path_of_the_real_points() -> None:
    coords, names = scattered(30), tuple(n for n in DIRECTIONS if not n.endswith("_reversed"))
    path = along(coords, scan_orders(coords, all_real(coords), names, SQUARE))
    padded = torch.cat([coords, scattered(70, seed=1)], dim=1)
    mask = torch.arange(100).expand(2, -1) < 30
    order = scan_orders(padded, mask, names, SQUARE)
    assert torch.equal(along(padded, order)[:, :, :30], path)


def test_the_orders_are_those_of_the_old_columns() -> None:
    # Numbers of the package before its columns were (y, x).
    coords = [(0.2, 0.1), (0.6, 0.9), (0.95, 0.35), (0.15, 0.55), (0.8, 0.7), (0.5, 0.2)]
    points = torch.tensor([[*coords, (0.05, 0.85), (0.4, 0.4)]])
    names = (*SWEEPS, "hilbert", "morton")
    order = scan_orders(points, all_real(points), names, SQUARE)
    assert order[0].tolist() == [
        [0, 3, 6, 1, 7, 5, 2, 4],
        [0, 5, 2, 7, 3, 6, 1, 4],
        [2, 4, 1, 7, 5, 0, 3, 6],
        [0, 6, 3, 7, 5, 2, 4, 1],
        [0, 7, 5, 2, 4, 1, 3, 6],
        [0, 7, 5, 2, 3, 6, 4, 1],
    ]
    step = scan_steps(points, all_real(points), order[:, :1], 0.1, SQUARE)[0, 0]
    expected = [4.527693, 5.522680, 4.743416, 4.527693, 3.807886, 2.236068, 3.162278, 5.385165]
    torch.testing.assert_close(step, torch.tensor(expected), rtol=0, atol=1e-5)


@settings(max_examples=20)
@given(seed=st.integers(0, 100), dim=st.integers(1, 3))
def test_only_the_form_of_the_region_counts_not_its_size(seed: int, dim: int) -> None:
    geometry = region(dim, seed)
    coords, names = within(geometry, 60, seed=seed), directions(dim)
    order = scan_orders(coords, all_real(coords), names, geometry)
    larger = Geometry(extent=tuple(4 * a for a in geometry.extent))
    assert torch.equal(scan_orders(4 * coords, all_real(coords), names, larger), order)


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_a_whole_turn_changes_no_order_and_no_step(dim: int) -> None:
    geometry = Geometry(extent=(1.0, 0.25, 2.0)[:dim], periodic=(True,) * dim)
    # Eighths, whose sums with the lengths are exact.
    cells = torch.tensor([64.0, 16.0, 128.0])[:dim]
    coords = (scattered(60, dim) * cells).floor() / 64
    turned = coords + torch.tensor(geometry.extent) * torch.tensor([1, -1, 2])[:dim]
    names, mask = directions(dim), all_real(coords)
    values = torch.arange(60.0).expand(2, 60)[..., None]
    order = scan_orders(coords, mask, names, geometry, values)
    assert torch.equal(scan_orders(turned, mask, names, geometry, values), order)
    steps = scan_steps(coords, mask, order, 0.1, geometry)
    torch.testing.assert_close(scan_steps(turned, mask, order, 0.1, geometry), steps)


# Distances between consecutive points


def jumps(coords: Tensor, names: tuple[str, ...], geometry: Geometry) -> Tensor:
    """Distances between consecutive points, shape (B, K, N - 1)."""
    order = scan_orders(coords, all_real(coords), names, geometry)
    return along(coords, order).diff(dim=2).norm(dim=-1)


@pytest.mark.parametrize("extent", [(1, 1), (1, 1, 1), (0.25, 1), (1, 0.25), (0.5, 1, 0.25)])
def test_consecutive_points_are_near_each_other(extent: tuple[float, ...]) -> None:
    geometry, count = Geometry(extent=extent), 1024
    coords, names = within(geometry, count), (*SWEEPS, "hilbert", "morton")
    random = jumps(coords, ("none",), geometry).mean()
    mean = jumps(coords, names, geometry).mean(dim=(0, 2))
    # Hilbert comes nearest to the spacing; a sweep has long lines at least.
    spacing = (math.prod(extent) / count) ** (1 / len(extent))
    assert (mean < 0.75 * random).all()
    assert mean[names.index("hilbert")] < 1.6 * spacing
    assert (mean[:2] < 2.5 * spacing).all()
    if extent == (1, 1):
        assert (mean < 2.5 * spacing).all()
        longest = jumps(coords, SWEEPS, geometry).amax(dim=(0, 2))
        assert (longest < 0.3).all()  # no sweep flies back


@pytest.mark.parametrize("shape", [(16, 16), (4, 16), (24, 6)])
def test_on_a_grid_a_row_goes_from_neighbour_to_neighbour(shape: tuple[int, int]) -> None:
    extent = (shape[0] / 16, shape[1] / 16)
    grid, geometry = lattice(shape, extent)[None], Geometry(extent=extent)
    assert torch.allclose(jumps(grid, ("row", "column"), geometry), torch.tensor(1 / 16))
    path = along(grid, scan_orders(grid, all_real(grid), ("row", "column"), geometry))[0]
    assert path[0, : shape[1], 0].unique().numel() == 1  # a row has one y
    assert path[1, : shape[0], 1].unique().numel() == 1  # a column has one x


@pytest.mark.parametrize("dim", [2, 3])
def test_hilbert_goes_from_neighbour_to_neighbour(dim: int) -> None:
    grid = lattice((8,) * dim)[None]
    assert torch.allclose(jumps(grid, ("hilbert",), Geometry.unit(dim)), torch.tensor(1 / 8))


def test_morton_visits_quadrant_after_quadrant() -> None:
    coords = lattice((8, 8))[None]
    path = along(coords, scan_orders(coords, all_real(coords), ("morton",), SQUARE))[0, 0]
    for part in path.split(16):
        assert (part.amax(0) - part.amin(0)).max() < 0.5


def test_a_third_axis_is_taken_slab_by_slab() -> None:
    geometry = Geometry(extent=(0.5, 1.0, 2.0))
    coords = within(geometry, 1000, batch=1)
    path = along(coords, scan_orders(coords, all_real(coords), ("row",), geometry))[0, 0]
    bins = torch.tensor([5, 10])  # 1000 cubes of side 0.1 fill the region
    slab, line = (path[:, :2] / torch.tensor([0.5, 1.0]) * bins).floor().unbind(-1)
    assert ((10 * slab + line).diff() >= 0).all()
    assert len((10 * slab + line).unique()) == 50


def test_a_very_flat_region_is_scanned_along_its_length() -> None:
    geometry = Geometry(extent=(1e-6, 1.0, 1e-6))
    coords = within(geometry, 300)
    path = along(coords, scan_orders(coords, all_real(coords), ("row",), geometry))
    assert (path[:, 0, :, 1].diff(dim=-1) > -1 / 300).all()


def test_a_line_of_points_is_sorted() -> None:
    geometry = Geometry(extent=(3.0,))
    coords = within(geometry, 100)
    names = ("row", "row_reversed")
    there, back = along(coords, scan_orders(coords, all_real(coords), names, geometry)).unbind(1)
    assert (there.diff(dim=1) >= -3 * 2**-20).all()
    assert torch.equal(back, there.flip(1))


# Steps


def test_a_step_is_the_distance_to_the_predecessor() -> None:
    coords, line = torch.tensor([[[0.1], [0.9], [0.2], [0.5]]]), Geometry.unit(1)
    order = scan_orders(coords, all_real(coords), ("row", "row_reversed"), line)
    row, back = scan_steps(coords, all_real(coords), order, 0.1, line)[0]
    # Distances are 0.1, 0.3, 0.4; the first point of a scan gets their median.
    torch.testing.assert_close(row, torch.tensor([3.0, 4.0, 1.0, 3.0]))
    torch.testing.assert_close(back, torch.tensor([1.0, 3.0, 3.0, 4.0]))


def test_a_step_is_measured_across_the_seam() -> None:
    geometry = Geometry(extent=(1.0,), periodic=(True,))
    coords, order = torch.tensor([[[0.02], [0.98], [0.94]]]), torch.tensor([[[0, 1, 2]]])
    steps = scan_steps(coords, all_real(coords), order, 0.04, geometry)
    torch.testing.assert_close(steps, torch.ones(1, 1, 3), rtol=3e-3, atol=0)


def test_padding_changes_no_step() -> None:
    coords, names = scattered(21), ("row", "row_reversed", "hilbert", "hilbert_reversed")
    order = scan_orders(coords, all_real(coords), names, SQUARE)
    steps = scan_steps(coords, all_real(coords), order, 0.1, SQUARE)
    padded = torch.cat([scattered(9, seed=5), coords], dim=1)
    mask = torch.arange(30).expand(2, -1) >= 9
    order = scan_orders(padded, mask, names, SQUARE)
    with_padding = scan_steps(padded, mask, order, 0.1, SQUARE)
    torch.testing.assert_close(with_padding[..., 9:], steps)


@pytest.mark.parametrize("count", [1, 4])
def test_steps_stay_within_bounds_where_points_coincide(count: int) -> None:
    coords = torch.full((1, count, 2), 0.5)
    order = scan_orders(coords, all_real(coords), ("row", "row_reversed"), SQUARE)
    steps = scan_steps(coords, all_real(coords), order, 0.1, SQUARE)
    # A single point has no predecessor: one unit. Between equal points: the least step.
    torch.testing.assert_close(steps, torch.full((1, 2, count), 1.0 if count == 1 else 1e-3))
    far = torch.tensor([[[0.0, 0.0], [1.0, 1.0]]])
    order = scan_orders(far, all_real(far), ("row",), SQUARE)
    assert scan_steps(far, all_real(far), order, 1e-6, SQUARE).max() == 1e3


# Errors


@pytest.mark.parametrize("name", ["zigzag", "none_reversed", "row_reversed_reversed"])
def test_an_unknown_direction_is_refused(name: str) -> None:
    coords = scattered(3)
    with pytest.raises(ValueError, match=f"Unknown direction '{name}'; choose from none, row, "):
        scan_orders(coords, all_real(coords), ("row", name), SQUARE)


def test_a_direction_of_the_plane_needs_two_axes() -> None:
    with pytest.raises(ValueError, match=r"'hilbert_reversed' needs two axes.*use 'row'"):
        check_directions(("hilbert_reversed",), 1)


def test_directions_of_the_plane_are_left_out_on_a_line() -> None:
    assert usable_directions(DIRECTIONS, 1) == ("none", "row", "row_reversed")
    assert usable_directions(DIRECTIONS, 2) == usable_directions(DIRECTIONS, 3) == DIRECTIONS
    assert usable_directions(("column", "hilbert"), 1) == ("row",)
