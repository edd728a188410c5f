"""Reading from points: permutation and padding change nothing, and no read-out jumps."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from point_cases import GEOMETRIES, SQUARE, places, real, within
from torch import Tensor, nn

from mamba_diffae.fields.geometry import Geometry
from mamba_diffae.nn.attention import (
    AttentionPool,
    CrossAttention,
    LocalRead,
    MeanPool,
    lattice,
    nearest,
    spline_weights,
)


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def seeded(module: nn.Module) -> nn.Module:
    for number, parameter in enumerate(module.parameters()):
        parameter.data = 0.4 * normal(*parameter.shape, seed=number)
    return module


# Pooling


@pytest.mark.parametrize("kind", ["mean", "attention"])
def test_pooling_sees_a_set(kind: str) -> None:
    pool = MeanPool(8) if kind == "mean" else seeded(AttentionPool(8, 3))
    tokens = normal(2, 10, 8)
    expected = pool(tokens, real(2, 10))
    order = torch.randperm(10, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(pool(tokens[:, order], real(2, 10)), expected)
    padded = torch.cat([normal(2, 4, 8, seed=1), tokens], dim=1)
    mask = torch.arange(14).expand(2, -1) >= 4
    torch.testing.assert_close(pool(padded, mask), expected)
    assert (pool(tokens, mask[:, 2:12]) - expected).abs().max() > 1e-3


def test_mean_pool_is_the_mean() -> None:
    tokens = normal(2, 10, 8)
    torch.testing.assert_close(MeanPool(tokens.shape[-1])(tokens, real(2, 10)), tokens.mean(1))


def test_queries_attend_to_a_set_each_by_itself() -> None:
    attention = seeded(CrossAttention(8, heads=2))
    queries, context = normal(2, 5, 8), normal(2, 10, 8, seed=1)
    expected = attention(queries, context, real(2, 10))
    order = torch.randperm(10, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(attention(queries, context[:, order], real(2, 10)), expected)
    torch.testing.assert_close(attention(queries[:, 2:3], context, real(2, 10)), expected[:, 2:3])
    padded = torch.cat([context, normal(2, 3, 8, seed=2)], dim=1)
    mask = torch.arange(13).expand(2, -1) < 10
    torch.testing.assert_close(attention(queries, padded, mask), expected)
    assert (expected - queries).abs().max() > 1e-2


# Reading the nearest points


def local_read(coord_dim: int = 2) -> nn.Module:
    return seeded(LocalRead(coord_dim, 8, width=8, length_scale=0.1))


def read_along(
    queries: Tensor, geometry: Geometry, count: int = 40, k: int = 6, *, gaps: bool = False
) -> Tensor:
    """What `LocalRead` gives at queries (M, D) among fixed random observations, (M, width + C)."""
    near = nearest(queries[None], within(geometry, 1, count, seed=3), real(1, count), k, geometry)
    values = normal(1, count, 2, seed=5)
    mask = places(1, count, 2, seed=6) < (0.5 if gaps else 2)
    local = local_read(geometry.dim)
    return local(near, normal(1, count, 8, seed=4), values * mask, mask)[0].detach()


@pytest.mark.parametrize("gaps", [False, True])
@pytest.mark.parametrize(("name", "count"), [("square", 4), ("square", 40), ("channel", 40)])
def test_a_local_read_out_never_jumps(name: str, count: int, gaps: bool) -> None:
    geometry = GEOMETRIES[name]

    def line(points: int) -> Tensor:
        x = torch.linspace(0.05, 0.95, points)
        y = geometry.extent[0] * (0.2 + 0.5 * x)
        x = x + 0.5 * geometry.periodic[1]  # across the seam, where there is one
        return torch.stack([y, x], dim=-1)

    def largest_jump(points: int) -> float:
        return read_along(line(points), geometry, count, gaps=gaps).diff(dim=0).abs().max().item()

    # The line crosses many changes of neighbour, at which a hard read-out would jump.
    if count == 40:
        coords = within(geometry, 1, 40, seed=3)
        found = nearest(line(400)[None], coords, real(1, 40), 6, geometry).point
        assert (found[0].sort(-1).values.diff(dim=0) != 0).any(-1).sum() > 20
    assert largest_jump(16001) < 0.3 * largest_jump(4001)


def test_a_local_read_out_averages_the_values_nearby() -> None:
    near = nearest(places(1, 50, 2, seed=8), places(1, 40, 2, seed=3), real(1, 40), 6, SQUARE)
    values = torch.full((1, 40, 2), 0.7)
    read = local_read()(near, normal(1, 40, 8), values, torch.ones_like(values, dtype=torch.bool))
    torch.testing.assert_close(read[..., -2:], torch.full((1, 50, 2), 0.7))


def test_an_average_counts_only_points_that_have_the_variable() -> None:
    near = nearest(places(1, 50, 2, seed=8), places(1, 40, 2, seed=3), real(1, 40), 6, SQUARE)
    mask = places(1, 40, 2, seed=9) < 0.2
    near = near._replace(weight=near.weight + 0.3)  # none so small that the average fades
    local, tokens = local_read(), normal(1, 40, 8)
    read = local(near, tokens, 0.7 * mask, mask)
    has = mask[0, near.point[0]].any(dim=1).float()
    assert 0 < has.mean() < 1
    torch.testing.assert_close(read[0, :, -2:], 0.7 * has, rtol=0, atol=1e-5)
    # A variable is averaged as it would be alone among the points that have it.
    values = normal(1, 40, 2, seed=1) * mask
    full = torch.ones_like(mask)
    read, plain = local(near, tokens, values, mask), local(near, tokens, values, full)
    parts = local(near, tokens, mask.float(), full)[..., -2:]
    expected = torch.where(parts > 0, plain[..., -2:] / parts, 0.0)
    torch.testing.assert_close(read[..., -2:], expected, rtol=1e-4, atol=1e-5)
    assert torch.equal(read[..., :-2], plain[..., :-2])


def test_nothing_is_read_where_nothing_may_be() -> None:
    near = nearest(places(1, 5, 2), places(1, 10, 2, seed=1), ~real(1, 10), 4, SQUARE)
    mask = torch.ones(1, 10, 2, dtype=torch.bool)
    read = local_read()(near, normal(1, 10, 8), normal(1, 10, 2), mask)
    assert (read == 0).all()


# Splines

AXES = st.lists(
    st.tuples(st.integers(1, 7), st.sampled_from([0.3, 1.0, 2.0]), st.booleans()),
    min_size=1,
    max_size=3,
)


@settings(max_examples=40)
@given(axes=AXES, seed=st.integers(0, 100))
def test_spline_weights_are_positive_local_and_sum_to_one(axes: list, seed: int) -> None:
    shape, extent, periodic = (tuple(part) for part in zip(*axes, strict=True))
    geometry = Geometry(extent=extent, periodic=periodic)
    coords = within(geometry, 1, 20, seed=seed)
    coords[0, 0], coords[0, 1] = 0.0, torch.tensor(extent)
    weights = spline_weights(coords, shape, geometry)
    assert weights.shape == (1, 20, math.prod(shape))
    assert (weights >= 0).all()
    torch.testing.assert_close(weights.sum(-1), torch.ones(1, 20))
    width = torch.tensor([a / n for a, n in zip(extent, shape, strict=True)])
    offset = geometry.displacement(coords[:, :, None], lattice(shape, extent))
    far = (offset / width).abs().amax(-1) > 2.001
    assert (weights[far] == 0).all()


@pytest.mark.parametrize("shape", [(8,), (8, 9), (11, 8, 7)])
def test_splines_reproduce_what_is_linear_away_from_the_border(shape: tuple[int, ...]) -> None:
    geometry = Geometry(extent=(2.0, 1.0, 0.5)[: len(shape)])
    coords = (0.25 + 0.5 * places(1, 50, len(shape))) * torch.tensor(geometry.extent)
    anchors = lattice(shape, geometry.extent)
    torch.testing.assert_close(spline_weights(coords, shape, geometry) @ anchors, coords)


@pytest.mark.parametrize("periodic", [False, True])
def test_splines_are_smooth_across_the_cells(periodic: bool) -> None:
    geometry = Geometry(extent=(1.0, 0.5), periodic=(periodic, periodic))

    def largest_jump(count: int, order: int) -> float:
        x = torch.linspace(0, 1, count) + 0.5 * periodic  # across the seam, where there is one
        path = torch.stack([x, (1 - x) / 2], dim=-1)
        weights = spline_weights(path[None], (6, 4), geometry)[0].double()
        return (weights.diff(n=order, dim=0).abs().max() * (count - 1) ** (order - 1)).item()

    # At the border the outermost anchor stands in for others: value and slope still do not jump.
    assert largest_jump(801, 1) < 0.6 * largest_jump(401, 1)
    assert largest_jump(801, 2) < 0.6 * largest_jump(401, 2)


def test_spline_weights_are_those_of_the_old_columns() -> None:
    weights = spline_weights(torch.tensor([[[0.2, 0.1]]]), (3, 3), SQUARE)[0, 0]
    expected = [0.712220, 0.066446, 0, 0.202294, 0.018873, 0, 0.000152, 0.000014, 0]
    torch.testing.assert_close(weights, torch.tensor(expected), rtol=0, atol=1e-6)


def test_periodic_splines_turn_with_the_anchors() -> None:
    geometry = Geometry(extent=(2.0, 0.5), periodic=(True, False))
    coords = within(geometry, 1, 30)
    weights = spline_weights(coords, (5, 3), geometry).unflatten(-1, (5, 3))
    turned = spline_weights(coords + torch.tensor([0.4, 0.0]), (5, 3), geometry)
    torch.testing.assert_close(turned.unflatten(-1, (5, 3)), weights.roll(1, 2), rtol=0, atol=1e-5)


def test_the_lattice_is_cell_centres_with_the_last_axis_fastest() -> None:
    expected = [[0.25, 0.25], [0.25, 0.75], [0.75, 0.25], [0.75, 0.75]]
    assert lattice((2, 2)).tolist() == expected
    assert lattice((1, 2), (3.0, 4.0)).tolist() == [[1.5, 1.0], [1.5, 3.0]]
    assert lattice((3, 1, 2)).shape == (6, 3)
