"""Noise as a function of the coordinate: its law, and that it is one function whoever asks."""

import math

import pytest
import torch
from torch import Tensor

from mamba_diffae.flow import field_keys, fold, noise, uniform

CELLS = 8


def points(count: int, dim: int = 2, seed: int = 0) -> Tensor:
    """Random places, the first two at opposite corners; shape (count, dim)."""
    coords = torch.rand(count, dim, generator=torch.Generator().manual_seed(seed))
    coords[0], coords[1] = 0.0, 1.0
    return coords


def at_nodes(cells: int, key: int, channels: int = 1) -> Tensor:
    """The lattice's own normals, which are independent of each other: (cells², channels)."""
    axis = (torch.arange(cells) + 0.5) / cells
    coords = torch.cartesian_prod(axis, axis)[None]
    return noise(coords, channels, torch.tensor([key]), cells)[0]


def correlation(a: Tensor, b: Tensor) -> float:
    return torch.corrcoef(torch.stack([a.flatten(), b.flatten()]))[0, 1].item()


# The law


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_mean_zero_and_variance_one_at_every_place(dim: int) -> None:
    fields = 8192
    coords = points(24, dim).expand(fields, -1, -1)
    values = noise(coords, 1, field_keys(0, fields), CELLS)[..., 0]
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


def test_neighbours_are_correlated_and_distant_places_are_not() -> None:
    fields = 8192
    x = torch.tensor([0.5, 1.0, 3.0]) / CELLS + 0.25
    coords = torch.stack([x, torch.full_like(x, 0.4)], dim=-1).expand(fields, -1, -1)
    here, near, far = noise(coords, 1, field_keys(3, fields), CELLS)[..., 0].T
    assert correlation(here, near) > 0.5
    assert abs(correlation(here, far)) < 0.05


def test_it_is_continuous_across_the_cells_of_the_lattice() -> None:
    def largest_jump(count: int) -> float:
        x = torch.linspace(0, 1, count)
        line = torch.stack([x, 0.3 + 0.4 * x], dim=-1)[None]
        return noise(line, 2, torch.tensor([7]), CELLS)[0].diff(dim=0).abs().max().item()

    assert largest_jump(4001) == pytest.approx(largest_jump(2001) / 2, rel=0.2)


# One function, whoever asks


def test_the_value_at_a_place_does_not_depend_on_what_else_is_asked() -> None:
    coords, key = points(200).expand(3, -1, -1), field_keys(0, 3)
    whole = noise(coords, 2, key, CELLS)
    order = torch.randperm(200, generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(noise(coords[:, order], 2, key, CELLS), whole[:, order])
    torch.testing.assert_close(noise(coords[:, 17:18], 2, key, CELLS), whole[:, 17:18])
    torch.testing.assert_close(noise(coords[1:2], 2, key[1:2], CELLS), whole[1:2])
    torch.testing.assert_close(noise(coords, 1, key, CELLS), whole[..., :1])


def test_repeated_calls_are_equal_bit_for_bit() -> None:
    coords, key = points(500)[None], field_keys(9, 1)
    assert torch.equal(noise(coords, 3, key, CELLS), noise(coords, 3, key, CELLS))


def test_its_numbers_stay_the_same_from_version_to_version() -> None:
    # A draw in a published figure is known by its seed alone.
    coords = torch.tensor([[[0.1, 0.2], [0.9, 0.6]]])
    values = noise(coords, 1, field_keys(0, 1), CELLS).flatten()
    torch.testing.assert_close(values, torch.tensor([-0.680907, 0.003805]), rtol=1e-4, atol=1e-5)


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
