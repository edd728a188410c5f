"""Reading from points: permutation and padding change nothing, and no read-out jumps."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from mamba_diffae.nn.attention import (
    AttentionPool,
    CrossAttention,
    LocalRead,
    lattice,
    mean_pool,
    nearest,
    spline_weights,
)


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def places(*shape: int, seed: int = 0) -> Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


def seeded(module: nn.Module) -> nn.Module:
    for number, parameter in enumerate(module.parameters()):
        parameter.data = 0.4 * normal(*parameter.shape, seed=number)
    return module


def real(batch: int, count: int) -> Tensor:
    return torch.ones(batch, count, dtype=torch.bool)


# Pooling


@pytest.mark.parametrize("kind", ["mean", "attention"])
def test_pooling_sees_a_set(kind: str) -> None:
    pool = mean_pool if kind == "mean" else seeded(AttentionPool(8, 3))
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
    torch.testing.assert_close(mean_pool(tokens, real(2, 10)), tokens.mean(1))


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


# The nearest points


def test_the_nearest_are_found_and_fade_to_zero_at_the_last() -> None:
    queries, coords = places(2, 7, 2), places(2, 30, 2, seed=1)
    near = nearest(queries, coords, real(2, 30), k=5)
    distance = (queries[:, :, None] - coords[:, None]).norm(dim=-1)
    expected = distance.sort(-1).values[..., :5]
    torch.testing.assert_close(near.offset.norm(dim=-1), expected)
    torch.testing.assert_close(near.weight, (1 - (expected / expected[..., -1:]) ** 2) ** 2)
    assert (near.weight[..., -1] == 0).all()
    assert (near.weight.diff(dim=-1) <= 0).all()
    torch.testing.assert_close(
        coords[torch.arange(2)[:, None, None], near.point] - queries[:, :, None], near.offset
    )


def test_an_observation_at_the_query_has_weight_one() -> None:
    coords = places(1, 30, 2)
    assert (nearest(coords, coords, real(1, 30), k=5).weight[..., 0] == 1).all()


@pytest.mark.parametrize("count", [1, 3, 7])
def test_with_fewer_points_than_neighbours_all_are_heard(count: int) -> None:
    queries, coords = places(1, 6, 2), places(1, count, 2, seed=1)
    near = nearest(queries, coords, real(1, count), k=8)
    assert near.weight.shape[-1] == count
    assert (near.weight > 0).all()
    padded = torch.cat([coords, places(1, 9, 2, seed=2)], dim=1)
    mask = torch.arange(count + 9)[None] < count
    among = nearest(queries, padded, mask, k=8)
    torch.testing.assert_close(among.weight[..., :count], near.weight)
    assert torch.equal(among.point[..., :count], near.point)
    assert (among.weight[..., count:] == 0).all()


def read_along(queries: Tensor, count: int = 40, k: int = 6) -> Tensor:
    """What `LocalRead` says at queries (M, 2) among fixed random observations, (M, width + C)."""
    coords = places(1, count, 2, seed=3)
    local = seeded(LocalRead(2, 8, width=8, length=0.1))
    near = nearest(queries[None], coords, real(1, count), k)
    return local(near, normal(1, count, 8, seed=4), normal(1, count, 2, seed=5))[0].detach()


@pytest.mark.parametrize("count", [4, 40])
def test_a_local_read_out_never_jumps(count: int) -> None:
    def line(points: int) -> Tensor:
        x = torch.linspace(0.05, 0.95, points)
        return torch.stack([x, 0.2 + 0.5 * x], dim=-1)

    def largest_jump(points: int) -> float:
        return read_along(line(points), count).diff(dim=0).abs().max().item()

    # The line crosses many changes of neighbour, at which a hard read-out would jump.
    if count == 40:
        found = nearest(line(400)[None], places(1, 40, 2, seed=3), real(1, 40), 6).point
        assert (found[0].sort(-1).values.diff(dim=0) != 0).any(-1).sum() > 20
    assert largest_jump(16001) < 0.3 * largest_jump(4001)


def test_a_local_read_out_averages_the_values_it_hears() -> None:
    queries = places(50, 2, seed=8)
    coords, values = places(1, 40, 2, seed=3), torch.full((1, 40, 2), 0.7)
    near = nearest(queries[None], coords, real(1, 40), 6)
    read = seeded(LocalRead(2, 8, width=8, length=0.1))(near, normal(1, 40, 8), values)
    torch.testing.assert_close(read[..., -2:], torch.full((1, 50, 2), 0.7))


def test_nothing_is_read_where_nothing_may_be() -> None:
    queries, coords = places(1, 5, 2), places(1, 10, 2, seed=1)
    near = nearest(queries, coords, ~real(1, 10), 4)
    read = seeded(LocalRead(2, 8, width=8, length=0.1))(near, normal(1, 10, 8), normal(1, 10, 2))
    assert (read == 0).all()


# Splines


@settings(max_examples=30)
@given(cells=st.integers(1, 12), dim=st.integers(1, 3), seed=st.integers(0, 100))
def test_spline_weights_are_positive_local_and_sum_to_one(cells: int, dim: int, seed: int) -> None:
    coords = places(1, 20, dim, seed=seed)
    coords[0, 0], coords[0, 1] = 0.0, 1.0
    weights = spline_weights(coords, cells)
    assert weights.shape == (1, 20, cells**dim)
    assert (weights >= 0).all()
    torch.testing.assert_close(weights.sum(-1), torch.ones(1, 20))
    far = (coords[:, :, None] - lattice(cells, dim)).abs().amax(-1) > 2.001 / cells
    assert (weights[far] == 0).all()


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_splines_reproduce_what_is_linear_away_from_the_border(dim: int) -> None:
    cells = 8
    coords = 0.2 + 0.6 * places(1, 50, dim)
    anchors = lattice(cells, dim)
    torch.testing.assert_close(spline_weights(coords, cells) @ anchors, coords)


def test_splines_are_smooth_across_the_cells() -> None:
    def largest_jump(count: int, order: int) -> float:
        x = torch.linspace(0, 1, count)
        weights = spline_weights(torch.stack([x, 1 - x], dim=-1)[None], 6)[0].double()
        return (weights.diff(n=order, dim=0).abs().max() * (count - 1) ** (order - 1)).item()

    # At the border the outermost anchor stands in for others: value and slope still do not jump.
    assert largest_jump(801, 1) < 0.6 * largest_jump(401, 1)
    assert largest_jump(801, 2) < 0.6 * largest_jump(401, 2)


def test_the_lattice_holds_pixel_centres_x_fastest() -> None:
    expected = [[0.25, 0.25], [0.75, 0.25], [0.25, 0.75], [0.75, 0.75]]
    assert lattice(2, 2).tolist() == expected
