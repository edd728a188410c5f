"""Embeddings: no wave above the frequency limit, and a modulation that starts as nothing."""

import math

import pytest
import torch

from mamba_diffae.fields.geometry import Geometry, Sphere
from mamba_diffae.nn.embedding import FourierFeatures, Modulation, TimeEmbedding


@pytest.mark.parametrize("dim", [1, 2, 3])
@pytest.mark.parametrize("features", [2, 64])
def test_no_wave_is_faster_than_the_limit(dim: int, features: int) -> None:
    embed = FourierFeatures(Geometry.unit(dim), features, (12.0,) * dim)
    magnitude = embed.waves.norm(dim=-1) / (2 * math.pi)
    assert magnitude.max() <= 12 * (1 + 1e-5)
    assert magnitude.min() == pytest.approx(0.5)
    # Measured on a line: nearly all of the energy lies below the limit.
    x = torch.linspace(0, 1, 513)[:-1]
    line = torch.stack([*[torch.full_like(x, 0.3)] * (dim - 1), x], dim=-1)
    energy = torch.fft.rfft(embed(line) * torch.hann_window(512)[:, None], dim=0).abs().square()
    assert energy[12 + 3 :].sum() < 1e-4 * energy.sum()


@pytest.mark.parametrize("limits", [(3.0, 40.0), (40.0, 3.0), (0.1, 8.0)])
@pytest.mark.parametrize("periodic", [(False, False), (False, True), (True, False)])
def test_every_axis_has_its_own_limit(limits: tuple, periodic: tuple) -> None:
    geometry = Geometry(extent=(1.0, 2.0), periodic=periodic)
    embed = FourierFeatures(geometry, 64, limits)
    coords = torch.rand(500, 2, generator=torch.Generator().manual_seed(0)).double()
    embed = embed.double()
    for axis, limit in enumerate(limits):
        ahead = coords.clone()
        ahead[:, axis] += 1e-5
        # The speed of sin and cos together is that of the phase.
        speed = ((embed(ahead) - embed(coords)).unflatten(-1, (2, -1)) / 1e-5).norm(dim=1)
        assert speed.max() < 2 * math.pi * limit * 1.001
        assert speed.max() > 2 * math.pi * limit * 0.4


def test_on_a_periodic_axis_the_waves_are_periodic() -> None:
    geometry = Geometry(extent=(0.4, 1.5), periodic=(False, True))
    embed = FourierFeatures(geometry, 32, (8.0, 8.0))
    assert embed.waves.shape == (16, 3)
    coords = torch.rand(2, 5, 2, generator=torch.Generator().manual_seed(0))
    again = embed(coords + torch.tensor([0.0, 1.5]))
    torch.testing.assert_close(again, embed(coords), rtol=0, atol=1e-4)
    assert (embed(coords + torch.tensor([0.4, 0.0])) - embed(coords)).abs().max() > 0.1


def test_on_a_sphere_the_waves_have_one_value_at_a_pole() -> None:
    sphere = Sphere(latitude_axis=0, longitude_axis=1, latitude_origin=-math.pi / 2, radians=6.28)
    embed = FourierFeatures(Geometry(extent=(0.5, 1.0), sphere=sphere), 32, (8.0, 20.0))
    assert embed.waves.norm(dim=-1).max() <= 2 * math.pi * 8 * (1 + 1e-5)
    pole = embed(torch.stack([torch.zeros(9), torch.linspace(0, 1, 9)], dim=-1))
    torch.testing.assert_close(pole, pole[:1].expand(9, -1), rtol=0, atol=1e-4)


def test_features_are_the_same_for_every_network() -> None:
    state = torch.random.get_rng_state()
    a, b = (FourierFeatures(Geometry.unit(2), 16, (8.0, 8.0)) for _ in range(2))
    coords = torch.rand(2, 5, 2, generator=torch.Generator().manual_seed(0))
    assert torch.equal(a(coords), b(coords))
    assert a(coords).shape == (2, 5, 16)
    assert torch.equal(torch.random.get_rng_state(), state)
    assert list(a.state_dict()) == ["waves"]


def test_features_are_those_of_the_old_columns() -> None:
    embed = FourierFeatures(Geometry.unit(2), 4, (8.0, 8.0))
    expected = torch.tensor([0.189924, -0.728193, 0.981799, -0.685372])
    found = embed(torch.tensor([0.2, 0.1]))
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("limits", [(8.0,), (8.0, 0.0), (8.0, 8.0, 8.0)])
def test_limits_that_do_not_fit_are_refused(limits: tuple) -> None:
    with pytest.raises(ValueError, match="expected 2 positive numbers"):
        FourierFeatures(Geometry.unit(2), 4, limits)


def test_different_times_have_different_vectors() -> None:
    t = torch.linspace(0, 1, 21)
    vectors = TimeEmbedding(32)(t)
    distance = torch.cdist(vectors, vectors) + torch.eye(21)
    assert vectors.shape == (21, 32)
    assert distance.min() > 1e-3


def test_modulation_starts_as_nothing_and_learns() -> None:
    modulation = Modulation(6, 4, 3)
    vector = torch.randn(2, 6, generator=torch.Generator().manual_seed(0))
    parts = modulation(vector)
    assert [part.shape for part in parts] == [(2, 1, 4)] * 3
    assert all((part == 0).all() for part in parts)
    sum(part.sum() for part in parts).backward()
    assert modulation.layer.weight.grad.abs().sum() > 0
