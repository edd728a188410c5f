"""The nearest points: those of brute force, also by a tree, across a seam and among padding."""

import math

import pytest
import torch
from point_cases import GEOMETRIES, SQUARE, places, real, within

from mamba_diffae.fields.geometry import Geometry
from mamba_diffae.nn import attention
from mamba_diffae.nn.attention import nearest

ALL = pytest.mark.parametrize("geometry", GEOMETRIES.values(), ids=GEOMETRIES)


@ALL
def test_the_nearest_are_those_of_brute_force(geometry: Geometry) -> None:
    queries, coords = within(geometry, 2, 7), within(geometry, 2, 30, seed=1)
    near = nearest(queries, coords, real(2, 30), 5, geometry)
    for b in range(2):
        for m in range(7):
            distance = (geometry.embed(coords[b]) - geometry.embed(queries[b, m])).norm(dim=-1)
            order = distance.argsort()[:5]
            assert torch.equal(near.point[b, m], order)
            expected = (1 - (distance[order] / distance[order[-1]]) ** 2) ** 2
            torch.testing.assert_close(near.weight[b, m], expected, rtol=0, atol=1e-5)
            offset = geometry.tangent(queries[b, m], coords[b, order])
            torch.testing.assert_close(near.offset[b, m], offset)
    assert (near.weight[..., -1] == 0).all()
    assert (near.weight.diff(dim=-1) <= 0).all()


def test_the_nearest_are_those_of_the_old_columns() -> None:
    # Numbers of the package before its columns were (y, x).
    coords = [(0.2, 0.1), (0.6, 0.9), (0.95, 0.35), (0.15, 0.55), (0.8, 0.7), (0.5, 0.2)]
    points = torch.tensor([[*coords, (0.05, 0.85), (0.4, 0.4)]])
    near = nearest(points[:, :1], points[:, 1:], real(1, 7), 3, SQUARE)
    assert near.point.tolist() == [[[4, 6, 2]]]
    expected = torch.tensor([[[[0.3, 0.1], [0.2, 0.3], [-0.05, 0.45]]]])
    torch.testing.assert_close(near.offset, expected)
    expected = torch.tensor([[[0.2623, 0.1338, 0.0]]])
    torch.testing.assert_close(near.weight, expected, rtol=0, atol=1e-4)


@ALL
@pytest.mark.parametrize("k", [1, 4, 12, 20])
def test_a_tree_finds_the_same_as_all_distances(geometry: Geometry, k: int, monkeypatch) -> None:
    queries, coords = within(geometry, 4, 30, seed=1), within(geometry, 4, 12)
    mask = places(4, 12, seed=2) < 0.7
    mask[1], mask[2], mask[3] = False, torch.arange(12) == 5, True
    found = []
    for few in (10_000, 0):
        monkeypatch.setattr(attention, "_FEW_PAIRS", few)
        found.append(nearest(queries, coords, mask, k, geometry))
    exact, tree = found
    torch.testing.assert_close(tree.weight, exact.weight, rtol=0, atol=1e-5)
    near = exact.weight > 1e-4
    assert (tree.point == exact.point)[near].all()
    assert not tree.weight[1].any()
    there = nearest(queries.clone().requires_grad_(), coords, mask, k, geometry)
    assert there.weight.requires_grad


def test_neighbours_are_found_across_the_seam() -> None:
    geometry = GEOMETRIES["channel"]
    coords = torch.tensor([[[0.2, 0.02], [0.2, 0.9], [0.2, 0.5]]])
    near = nearest(torch.tensor([[[0.2, 0.99]]]), coords, real(1, 3), 2, geometry)
    assert near.point.tolist() == [[[0, 1]]]
    # On a circle of circumference 1 an offset is a chord, projected: sin(2π δ) / 2π.
    expected = [[0.0, math.sin(math.tau * d) / math.tau] for d in (0.03, -0.09)]
    torch.testing.assert_close(near.offset[0, 0], torch.tensor(expected))


def test_an_observation_at_the_query_has_weight_one() -> None:
    coords = places(1, 30, 2)
    assert (nearest(coords, coords, real(1, 30), 5, SQUARE).weight[..., 0] == 1).all()


@ALL
@pytest.mark.parametrize("count", [1, 3, 7])
def test_with_fewer_points_than_neighbours_all_have_weight(count: int, geometry: Geometry) -> None:
    queries, coords = within(geometry, 1, 6), within(geometry, 1, count, seed=1)
    near = nearest(queries, coords, real(1, count), 8, geometry)
    assert near.weight.shape[-1] == count
    assert (near.weight > 0).all()
    padded = torch.cat([coords, within(geometry, 1, 9, seed=2)], dim=1)
    mask = torch.arange(count + 9)[None] < count
    among = nearest(queries, padded, mask, 8, geometry)
    torch.testing.assert_close(among.weight[..., :count], near.weight)
    assert torch.equal(among.point[..., :count], near.point)
    assert (among.weight[..., count:] == 0).all()
