"""Noise as a function of the coordinate: its law, and that it is one function however queried."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from mamba_diffae.fields.geometry import Geometry
from mamba_diffae.flow import NoiseLaw, coloured_noise, field_keys, fold, noise, uniform

SHAPE = (8, 8)
SQUARE = Geometry.unit(2)
REGIONS = {
    "line": ((8,), Geometry(extent=(3.0,))),
    "square": (SHAPE, SQUARE),
    "box": ((8, 3, 5), Geometry(extent=(1.0, 0.3, 0.5))),
    "channel": ((4, 8), Geometry(extent=(0.5, 1.0), periodic=(False, True))),
    "torus": ((1, 2, 5), Geometry(extent=(1.0, 0.3, 0.5), periodic=(True, True, True))),
}


def points(count: int, geometry: Geometry = SQUARE, seed: int = 0) -> Tensor:
    """Random places, the first two at opposite corners; shape (count, dim)."""
    coords = torch.rand(count, geometry.dim, generator=torch.Generator().manual_seed(seed))
    coords[0], coords[1] = 0.0, 1.0
    return coords * torch.tensor(geometry.extent)


def at_nodes(cells: int, key: int, channels: int = 1) -> Tensor:
    """The lattice's own normals, which are independent of each other: (cells², channels)."""
    axis = (torch.arange(cells) + 0.5) / cells
    coords = torch.cartesian_prod(axis, axis)[None]
    return noise(coords, channels, torch.tensor([key]), (cells, cells), SQUARE)[0]


def correlation(a: Tensor, b: Tensor) -> float:
    return torch.corrcoef(torch.stack([a.flatten(), b.flatten()]))[0, 1].item()


# The law


@pytest.mark.parametrize("region", REGIONS.values(), ids=REGIONS)
def test_mean_zero_and_variance_one_at_every_place(region: tuple) -> None:
    fields, (shape, geometry) = 8192, region
    coords = points(24, geometry).expand(fields, -1, -1)
    values = noise(coords, 1, field_keys(0, fields), shape, geometry)[..., 0]
    assert values.mean(0).abs().max() < 5 / math.sqrt(fields)
    assert (values.var(0) - 1).abs().max() < 5 * math.sqrt(2 / fields)


def test_values_are_gaussian() -> None:
    values = at_nodes(256, key=5).flatten().double().sort().values
    n = len(values)
    expected = torch.special.ndtr(values)
    observed = (torch.arange(n, dtype=torch.float64) + 0.5) / n
    assert (expected - observed).abs().max() < 1.95 / math.sqrt(n)  # Kolmogorov, 0.1 %


def test_channels_seeds_and_fields_are_independent() -> None:
    bound = 4.5 / 128
    channels = at_nodes(128, key=1, channels=3)
    assert torch.corrcoef(channels.T).triu(1).abs().max() < bound
    keys = [*field_keys(0, 4).tolist(), *field_keys(1, 4).tolist(), 0, 1, 2]
    fields = torch.stack([at_nodes(128, key)[:, 0] for key in keys])
    assert torch.corrcoef(fields).triu(1).abs().max() < bound


@pytest.mark.parametrize("axis", [0, 1])
def test_neighbours_are_correlated_and_distant_places_are_not(axis: int) -> None:
    fields, shape, geometry = 8192, (4, 8), REGIONS["channel"][1]
    coords = torch.full((3, 2), 0.2)
    coords[:, axis] = torch.tensor([0.5, 1.0, 3.0]) / 8
    keys = field_keys(3, fields)
    values = noise(coords.expand(fields, -1, -1), 1, keys, shape, geometry)[..., 0]
    here, near, far = values.T
    assert correlation(here, near) > 0.5
    assert abs(correlation(here, far)) < 0.05


@pytest.mark.parametrize("name", ["square", "channel"])
def test_it_is_continuous_across_the_cells_of_the_lattice(name: str) -> None:
    shape, geometry = REGIONS[name]

    def largest_jump(count: int) -> float:
        x = torch.linspace(0, 1, count)
        y = geometry.extent[0] * (0.3 + 0.4 * x)
        x = x + 0.5 * geometry.periodic[1]  # across the seam, where there is one
        line = torch.stack([y, x], dim=-1)[None]
        values = noise(line, 2, torch.tensor([7]), shape, geometry)[0]
        return values.diff(dim=0).abs().max().item()

    assert largest_jump(4001) == pytest.approx(largest_jump(2001) / 2, rel=0.2)


@settings(max_examples=25)
@given(
    axes=st.lists(st.tuples(st.integers(1, 6), st.booleans()), min_size=1, max_size=3),
    seed=st.integers(0, 100),
)
def test_a_whole_turn_changes_nothing(axes: list, seed: int) -> None:
    shape, periodic = (tuple(part) for part in zip(*axes, strict=True))
    geometry = Geometry(extent=(2.0, 1.0, 0.5)[: len(shape)], periodic=periodic)
    coords, key = points(20, geometry, seed)[None], field_keys(seed, 1)
    turn = torch.tensor(geometry.extent) * torch.tensor(periodic)
    values = noise(coords, 2, key, shape, geometry)
    again = noise(coords + turn, 2, key, shape, geometry)
    torch.testing.assert_close(again, values, rtol=0, atol=1e-4)


# One function, however it is queried


@pytest.mark.parametrize("region", REGIONS.values(), ids=REGIONS)
def test_the_value_at_a_place_does_not_depend_on_the_other_queries(region: tuple) -> None:
    shape, geometry = region
    coords, key = points(200, geometry).expand(3, -1, -1), field_keys(0, 3)
    whole = noise(coords, 2, key, shape, geometry)
    order = torch.randperm(200, generator=torch.Generator().manual_seed(1))
    close = torch.testing.assert_close
    close(noise(coords[:, order], 2, key, shape, geometry), whole[:, order])
    close(noise(coords[:, 17:18], 2, key, shape, geometry), whole[:, 17:18])
    close(noise(coords[1:2], 2, key[1:2], shape, geometry), whole[1:2])
    close(noise(coords, 1, key, shape, geometry), whole[..., :1])


def test_repeated_calls_are_equal_bit_for_bit() -> None:
    coords, key = points(500)[None], field_keys(9, 1)
    first, second = (noise(coords, 3, key, SHAPE, SQUARE) for _ in range(2))
    assert torch.equal(first, second)


def test_its_numbers_stay_the_same_from_version_to_version() -> None:
    # A draw in a published figure is known by its seed alone. The columns were (x, y) before.
    coords = torch.tensor([[[0.2, 0.1], [0.6, 0.9]]])
    values = noise(coords, 1, field_keys(0, 1), SHAPE, SQUARE).flatten()
    torch.testing.assert_close(values, torch.tensor([-0.680907, 0.003805]), rtol=1e-4, atol=1e-5)
    law = NoiseLaw(((8, 8), (4, 4)), (0.3, 0.7), ((1.0, 0.0), (0.6, 0.8)))
    values = coloured_noise(coords, field_keys(0, 1), law, SQUARE)[0]
    expected = torch.tensor([[-0.085398, 0.920368], [-0.814119, 0.435125]])
    torch.testing.assert_close(values, expected, rtol=1e-4, atol=1e-5)


# Keys


def test_a_field_has_its_key_whatever_the_batch() -> None:
    assert torch.equal(field_keys(4, 3), field_keys(4, 7)[:3])
    keys = torch.cat([field_keys(seed, 100) for seed in (*range(50), -1, 2**40)])
    assert len(keys.unique()) == len(keys)


def test_given_keys_are_taken_as_they_are() -> None:
    keys = torch.tensor([5, -3])
    assert torch.equal(field_keys(keys, 2), keys)


@pytest.mark.parametrize(
    ("seed", "shown"),
    [
        (torch.zeros(3, dtype=torch.int64), r"a torch.int64 tensor of shape \(3,\)"),
        (torch.zeros(2), r"a torch.float32 tensor of shape \(2,\)"),
        (1.5, "1.5"),
        (2**63, "9223372036854775808"),
    ],
)
def test_other_keys_are_refused(seed, shown: str) -> None:
    with pytest.raises(ValueError, match=rf"seed is {shown}; expected an int .*\(2,\)"):
        field_keys(seed, 2)


def test_folding_mixes_every_bit() -> None:
    key = torch.randint(-(2**62), 2**62, (4096,), generator=torch.Generator().manual_seed(0))
    for data in (0, 1, -1, 2**33):
        for bit in (0, 17, 62):
            changed = fold(key ^ (1 << bit), data) ^ fold(key, data)
            ones = sum(((changed >> i) & 1).float().mean().item() for i in range(64))
            assert ones == pytest.approx(32, abs=0.5)
    assert not torch.equal(fold(key, 1), fold(key, 2))


def test_uniform_numbers_are_uniform() -> None:
    u = uniform(fold(torch.tensor(3), torch.arange(100_000)))
    assert u.min() > 0
    assert u.max() <= 1
    counts = torch.histc(u, bins=50, min=0, max=1)
    chi_square = ((counts - 2000) ** 2 / 2000).sum().item()
    assert chi_square < 49 + 4.5 * math.sqrt(2 * 49)
    # Numbers under consecutive counters are independent.
    assert abs(correlation(u[1:], u[:-1])) < 0.015
