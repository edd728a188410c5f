"""Embeddings: no wave beyond the band, and a modulation that starts as nothing."""

import math

import pytest
import torch

from mamba_diffae.nn.embedding import FourierFeatures, Modulation, TimeEmbedding


@pytest.mark.parametrize("dim", [1, 2, 3])
@pytest.mark.parametrize("features", [2, 64])
def test_no_wave_is_faster_than_the_band(dim: int, features: int) -> None:
    waves = FourierFeatures(dim, features, band=12.0).waves
    magnitude = waves.norm(dim=-1) / (2 * math.pi)
    assert magnitude.max() <= 12 * (1 + 1e-5)
    assert magnitude.min() == pytest.approx(0.5)
    # Measured on a line: all but a trifle of the energy lies within the band.
    x = torch.linspace(0, 1, 513)[:-1]
    line = torch.stack([x, *[torch.full_like(x, 0.3)] * (dim - 1)], dim=-1)
    values = FourierFeatures(dim, features, band=12.0)(line) * torch.hann_window(512)[:, None]
    energy = torch.fft.rfft(values, dim=0).abs().square()
    assert energy[12 + 3 :].sum() < 1e-4 * energy.sum()


def test_features_are_the_same_for_every_network() -> None:
    state = torch.random.get_rng_state()
    a, b = FourierFeatures(2, 16, 8.0), FourierFeatures(2, 16, 8.0)
    coords = torch.rand(2, 5, 2, generator=torch.Generator().manual_seed(0))
    assert torch.equal(a(coords), b(coords))
    assert a(coords).shape == (2, 5, 16)
    assert torch.equal(torch.random.get_rng_state(), state)


def test_times_are_told_apart() -> None:
    t = torch.linspace(0, 1, 21)
    vectors = TimeEmbedding(32)(t)
    distance = torch.cdist(vectors, vectors) + torch.eye(21)
    assert vectors.shape == (21, 32)
    assert distance.min() > 1e-3


def test_modulation_starts_as_nothing_and_learns() -> None:
    modulation = Modulation(6, 4, 3)
    condition = torch.randn(2, 6, generator=torch.Generator().manual_seed(0))
    parts = modulation(condition)
    assert [part.shape for part in parts] == [(2, 1, 4)] * 3
    assert all((part == 0).all() for part in parts)
    sum(part.sum() for part in parts).backward()
    assert modulation.layer.weight.grad.abs().sum() > 0
