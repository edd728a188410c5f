"""Scan orders: permutations that know only what the points are, with small gaps between them."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from mamba_diffae.nn.attention import lattice
from mamba_diffae.nn.scan_order import DIRECTIONS, SWEEPS, scan_orders, scan_steps


def scattered(count: int, dim: int = 2, batch: int = 2, seed: int = 0) -> Tensor:
    return torch.rand(batch, count, dim, generator=torch.Generator().manual_seed(seed))


def all_real(coords: Tensor) -> Tensor:
    return torch.ones(coords.shape[:2], dtype=torch.bool)


def along(coords: Tensor, order: Tensor) -> Tensor:
    """The points as every scan meets them, shape (B, K, N, D)."""
    return coords[torch.arange(len(coords))[:, None, None], order]


def directions(dim: int) -> tuple[str, ...]:
    return DIRECTIONS if dim > 1 else ("none", "row", "row_reversed")


def shuffled(*tensors: Tensor, seed: int) -> tuple[Tensor, ...]:
    order = torch.randperm(tensors[0].shape[1], generator=torch.Generator().manual_seed(seed))
    return tuple(tensor[:, order] for tensor in tensors)


# Permutations


@settings(max_examples=30)
@given(
    count=st.integers(1, 40),
    padded=st.integers(0, 10),
    dim=st.integers(1, 4),
    seed=st.integers(0, 1000),
)
def test_every_direction_visits_each_point_once_and_padding_at_an_end(
    count: int, padded: int, dim: int, seed: int
) -> None:
    coords = scattered(count + padded, dim, seed=seed)
    mask = all_real(coords)
    mask[:, count:] = False
    coords, mask = shuffled(coords, mask, seed=seed)
    names = directions(dim)
    order = scan_orders(coords, mask, names)
    assert torch.equal(order.sort(-1).values, torch.arange(count + padded).expand_as(order))
    met = mask[torch.arange(2)[:, None, None], order]
    for k, name in enumerate(names):
        if name != "none":
            real = slice(padded, None) if name.endswith("_reversed") else slice(count)
            assert met[:, k, real].all()


def test_none_keeps_the_sequence_and_reversed_is_the_way_back() -> None:
    coords = scattered(50)
    order = scan_orders(coords, all_real(coords), DIRECTIONS)
    by_name = dict(zip(DIRECTIONS, order.unbind(1), strict=True))
    assert torch.equal(by_name["none"], torch.arange(50).expand(2, -1))
    for name in DIRECTIONS:
        if name.endswith("_reversed"):
            there = by_name[name.removesuffix("_reversed")]
            assert torch.equal(by_name[name], there.flip(-1))


@settings(max_examples=25)
@given(seed=st.integers(0, 1000), dim=st.integers(1, 4), cells=st.sampled_from([3, 8, 1000]))
def test_shuffled_points_are_met_in_the_same_sequence(seed: int, dim: int, cells: int) -> None:
    # On few cells many points share coordinates: values must break the tie, not positions.
    coords = (scattered(40, dim, seed=seed) * cells).floor() / cells
    values = torch.randn(2, 40, 1, generator=torch.Generator().manual_seed(seed))
    names = tuple(name for name in directions(dim) if name != "none")
    points = torch.cat([coords, values], dim=-1)
    path = along(points, scan_orders(coords, all_real(coords), names, values))
    c, v = shuffled(coords, values, seed=seed)
    other = along(torch.cat([c, v], dim=-1), scan_orders(c, all_real(c), names, v))
    assert torch.equal(other, path)


def test_padding_does_not_change_the_path_of_the_real_points() -> None:
    coords, names = scattered(30), tuple(n for n in DIRECTIONS if not n.endswith("_reversed"))
    path = along(coords, scan_orders(coords, all_real(coords), names))
    padded = torch.cat([coords, scattered(70, seed=1)], dim=1)
    mask = torch.arange(100).expand(2, -1) < 30
    order = scan_orders(padded, mask, names)
    assert torch.equal(along(padded, order)[:, :, :30], path)


# Gaps


def gaps(coords: Tensor, names: tuple[str, ...]) -> Tensor:
    """Distances between consecutive points, shape (B, K, N - 1)."""
    return along(coords, scan_orders(coords, all_real(coords), names)).diff(dim=2).norm(dim=-1)


@pytest.mark.parametrize("dim", [2, 3, 4])
def test_consecutive_points_are_near_each_other(dim: int) -> None:
    count = 1024
    coords = scattered(count, dim)
    plain = scan_orders(coords, all_real(coords), ("none",))
    random = along(coords, plain).diff(dim=2).norm(dim=-1).mean()
    names = (*SWEEPS, "hilbert", "morton")
    mean = gaps(coords, names).mean(dim=(0, 2))
    # Hilbert comes nearest to the spacing N^(-1/D); a sweep has long lines at least.
    assert (mean < 0.75 * random).all()
    assert mean[names.index("hilbert")] < 1.5 * count ** (-1 / dim)
    if dim == 2:
        assert (mean < 2.5 * count ** (-1 / dim)).all()
        assert (gaps(coords, SWEEPS).amax(dim=(0, 2)) < 0.3).all()  # a snake never flies back


def test_on_a_grid_a_row_goes_from_neighbour_to_neighbour() -> None:
    grid = lattice(16, 2)[None]
    assert torch.allclose(gaps(grid, ("row", "column", "hilbert")), torch.tensor(1 / 16))
    first = along(grid, scan_orders(grid, all_real(grid), ("row", "column")))[0, :, :16]
    assert first[0, :, 1].unique().numel() == 1  # the row keeps y
    assert first[1, :, 0].unique().numel() == 1  # the column keeps x


def test_hilbert_in_three_dimensions_goes_from_neighbour_to_neighbour() -> None:
    assert torch.allclose(gaps(lattice(8, 3)[None], ("hilbert",)), torch.tensor(1 / 8))


def test_morton_visits_quadrant_after_quadrant() -> None:
    coords = lattice(8, 2)[None]
    path = along(coords, scan_orders(coords, all_real(coords), ("morton",)))[0, 0]
    for part in path.split(16):
        assert (part.amax(0) - part.amin(0)).max() < 0.5


def test_further_axes_are_taken_slab_by_slab() -> None:
    coords = scattered(2000, 4, batch=1)
    bins = 45  # ceil(sqrt(2000))
    path = along(coords, scan_orders(coords, all_real(coords), ("row",)))[0, 0]
    assert ((path[:, 3] * bins).floor().diff() >= 0).all()
    one_slab = path[(path[:, 3] * bins).floor() == 20]
    assert ((one_slab[:, 2] * bins).floor().diff() >= 0).all()


def test_a_line_of_points_is_sorted() -> None:
    coords = scattered(100, 1)
    there, back = along(
        coords, scan_orders(coords, all_real(coords), ("row", "row_reversed"))
    ).unbind(1)
    assert (there.diff(dim=1) >= -(2**-20)).all()
    assert torch.equal(back, there.flip(1))


# Steps


def test_a_step_is_the_distance_to_the_predecessor() -> None:
    coords = torch.tensor([[[0.1], [0.9], [0.2], [0.5]]])
    names = ("row", "row_reversed")
    order = scan_orders(coords, all_real(coords), names)
    row, back = scan_steps(coords, all_real(coords), order, length=0.1)[0]
    # Gaps are 0.1, 0.3, 0.4; the first point of a scan gets their median.
    torch.testing.assert_close(row, torch.tensor([3.0, 4.0, 1.0, 3.0]))
    torch.testing.assert_close(back, torch.tensor([1.0, 3.0, 3.0, 4.0]))


def test_padding_changes_no_step() -> None:
    coords, names = scattered(21), ("row", "row_reversed", "hilbert", "hilbert_reversed")
    steps = scan_steps(coords, all_real(coords), scan_orders(coords, all_real(coords), names), 0.1)
    padded = torch.cat([scattered(9, seed=5), coords], dim=1)
    mask = torch.arange(30).expand(2, -1) >= 9
    with_padding = scan_steps(padded, mask, scan_orders(padded, mask, names), 0.1)
    torch.testing.assert_close(with_padding[..., 9:], steps)


@pytest.mark.parametrize("count", [1, 4])
def test_steps_stay_within_bounds_where_points_coincide(count: int) -> None:
    coords = torch.full((1, count, 2), 0.5)
    order = scan_orders(coords, all_real(coords), ("row", "row_reversed"))
    steps = scan_steps(coords, all_real(coords), order, length=0.1)
    # A single point has no gap at all: one unit. Equal points are nearest to nothing: the least.
    torch.testing.assert_close(steps, torch.full((1, 2, count), 1.0 if count == 1 else 1e-3))
    far = torch.tensor([[[0.0, 0.0], [1.0, 1.0]]])
    order = scan_orders(far, all_real(far), ("row",))
    assert scan_steps(far, all_real(far), order, length=1e-6).max() == 1e3


# Errors


@pytest.mark.parametrize("name", ["zigzag", "none_reversed", "row_reversed_reversed"])
def test_an_unknown_direction_is_refused(name: str) -> None:
    coords = scattered(3)
    with pytest.raises(ValueError, match=f"Unknown direction '{name}'; choose from none, row, "):
        scan_orders(coords, all_real(coords), ("row", name))


def test_a_direction_of_the_plane_needs_two_axes() -> None:
    coords = scattered(3, 1)
    with pytest.raises(ValueError, match=r"'hilbert_reversed' needs two axes.*use 'row'"):
        scan_orders(coords, all_real(coords), ("hilbert_reversed",))
