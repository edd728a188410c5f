"""Bands are orthogonal, and their energies those of closed forms."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mamba_diffae.evaluation import band_energies, band_energy_ratio
from mamba_diffae.evaluation.bands import band_count

shapes = st.lists(st.integers(1, 7), min_size=1, max_size=3).map(tuple)


@given(shape=shapes, seed=st.integers(0, 999), gaps=st.booleans())
@settings(max_examples=40, deadline=None)
def test_bands_sum_to_the_squared_deviation_from_the_mean(shape, seed, gaps):
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(3, *shape, 2))
    weights = rng.random(values.shape) * (rng.random(values.shape) > 0.3 * gaps) + 1e-300
    axes = tuple(range(1, values.ndim - 1))
    mean = np.sum(values * weights, axes, keepdims=True) / weights.sum(axes, keepdims=True)
    expected = (weights * np.square(values - mean)).sum()
    found = band_energies(values, weights)
    assert len(found) == band_count(shape)
    assert found.sum() == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("shape", [(64,), (32, 32), (16, 16, 16)])
def test_energies_of_white_noise(shape):
    values = np.random.default_rng(0).normal(size=(40, *shape, 1))
    found = band_energies(values) / values.size
    # Of independent cells an average over 2^D has 2^-D of the variance.
    left = 2.0 ** (-len(shape) * np.arange(len(found) + 1))
    np.testing.assert_allclose(found, left[:-1] - left[1:], rtol=0.1, atol=2e-3)


@pytest.mark.parametrize(("period", "band"), [(2, 0), (4, 1), (8, 2)])
@pytest.mark.parametrize("shape", [(16,), (16, 6), (5, 16, 3)])
def test_a_square_wave_lies_in_one_band(period, band, shape):
    axis = shape.index(16)
    wave = np.where(np.arange(16) // (period // 2) % 2, 1.0, -1.0)
    values = np.broadcast_to(
        wave.reshape([-1 if d == axis else 1 for d in range(len(shape))])[None, ..., None],
        (1, *shape, 1),
    )
    found = band_energies(values)
    assert found[band] == pytest.approx(values.size)
    assert np.delete(found, band) == pytest.approx(0)


def test_the_ratio_tells_noise_from_blur_at_their_scale():
    rng = np.random.default_rng(0)
    coarse = np.repeat(rng.normal(size=(300, 6, 10, 1)), 4, axis=1).repeat(4, axis=2)
    truth = coarse + 0.5 * rng.normal(size=coarse.shape)
    noisy = coarse + np.sqrt(0.5) * rng.normal(size=(4, *coarse.shape))
    found = band_energy_ratio(noisy, truth)
    assert found[0] == pytest.approx(2, rel=0.05)
    assert found[2:] == pytest.approx(np.ones(len(found) - 2), abs=0.1)
    blurred = band_energy_ratio(coarse[None], truth)
    assert blurred[0] == pytest.approx(0, abs=1e-12)
    assert blurred[3] == pytest.approx(1, abs=0.05)


def test_the_truth_has_its_own_energy_and_a_flat_one_has_none():
    truth = np.random.default_rng(0).normal(size=(2, 5, 9, 1))
    np.testing.assert_allclose(band_energy_ratio(np.stack([truth, truth]), truth), 1)
    assert np.isnan(band_energy_ratio(truth[None], np.ones_like(truth))).all()


def test_what_lies_in_a_gap_changes_nothing():
    rng = np.random.default_rng(0)
    truth, draws = rng.normal(size=(2, 7, 6, 1)), rng.normal(size=(3, 2, 7, 6, 1))
    weights = rng.random(truth.shape) * (rng.random(truth.shape) > 0.3)
    expected = band_energy_ratio(draws, truth, weights)
    for under in (np.nan, 1e9):
        hidden = (np.where(weights > 0, v, under) for v in (draws, truth))
        np.testing.assert_array_equal(band_energy_ratio(*hidden, weights), expected)
