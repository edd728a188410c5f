import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import correlate1d

from mamba_diffae.evaluation import (
    PSNR_CAP,
    bootstrap_interval,
    high_frequency_ratio,
    neighbour_correlation,
    psnr,
    ssim,
    total_variation_ratio,
)

SEEDS = st.integers(0, 2**32 - 1)


def pictures(seed: int = 0, shape: tuple[int, ...] = (4, 32, 32, 3)) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.uniform(0.2, 0.8, shape).astype(np.float32)


def smooth_pictures(size: int = 32) -> np.ndarray:
    x, y = np.meshgrid(*[(np.arange(size) + 0.5) / size] * 2)
    return (0.5 + 0.3 * np.sin(5 * x) * np.cos(4 * y))[None, :, :, None]


@pytest.mark.parametrize("decibel", [10.0, 20.0, 33.0])
def test_psnr_of_a_known_error(decibel):
    truth = np.full((2, 8, 8, 3), 0.5)
    prediction = truth + 10 ** (-decibel / 20) * np.array([1, -1])[:, None, None, None]
    np.testing.assert_allclose(psnr(prediction, truth), decibel)


def test_psnr_is_per_picture_clipped_and_capped():
    truth = np.stack([np.ones((4, 4, 1)), np.zeros((4, 4, 1)), np.ones((4, 4, 1))])
    prediction = np.stack([np.full((4, 4, 1), 7.0), np.full((4, 4, 1), -3.0), np.zeros((4, 4, 1))])
    np.testing.assert_allclose(psnr(prediction, truth), [PSNR_CAP, PSNR_CAP, 0])


def test_ssim_agrees_with_its_definition():
    truth, prediction = pictures(0, (1, 20, 20, 1)), pictures(1, (1, 20, 20, 1))
    taps = np.exp(-(np.arange(-5, 6) ** 2) / (2 * 1.5**2))
    taps /= taps.sum()

    def local(v):
        return correlate1d(correlate1d(v, taps, axis=0, mode="mirror"), taps, axis=1, mode="mirror")

    x, y = (v[0, :, :, 0].astype(float) for v in (prediction, truth))
    mx, my = local(x), local(y)
    vx, vy, vxy = local(x * x) - mx**2, local(y * y) - my**2, local(x * y) - mx * my
    c1, c2 = 0.01**2, 0.03**2
    index = (2 * mx * my + c1) * (2 * vxy + c2) / ((mx**2 + my**2 + c1) * (vx + vy + c2))
    np.testing.assert_allclose(ssim(prediction, truth), index.mean(), atol=1e-4)


@pytest.mark.parametrize("size", [2, 5, 6, 11, 32])
@pytest.mark.parametrize("count", [1, 70])
def test_ssim_scores_each_picture_alone(size, count):
    truth = pictures(0, (count, size, size, 2))
    prediction = truth.copy()
    prediction[-1] = 0.5
    scores = ssim(prediction, truth)
    assert scores.shape == (count,)
    np.testing.assert_allclose(scores[:-1], 1, atol=1e-5)
    assert scores[-1] < 0.9


@pytest.mark.parametrize("shape", [(2, 1, 1, 1), (2, 1, 9, 1), (2, 9, 2), (2, 4, 4, 4, 1)])
def test_ssim_is_defined_on_two_axes_only(shape):
    assert np.isnan(ssim(np.zeros(shape), np.zeros(shape))).tolist() == [True, True]


def test_ssim_of_a_rectangle_is_that_of_its_transpose():
    truth, prediction = pictures(0, (3, 12, 30, 2)), pictures(1, (3, 12, 30, 2))
    turned = ssim(prediction.swapaxes(1, 2), truth.swapaxes(1, 2))
    np.testing.assert_allclose(ssim(prediction, truth), turned, atol=1e-6)


@given(seed=SEEDS, factor=st.floats(0.1, 5))
@settings(max_examples=20, deadline=None)
def test_noise_ratios_follow_the_amplitude_of_the_detail(seed, factor):
    truth = pictures(seed)
    scaled = 0.5 + factor * (truth.astype(float) - 0.5)
    assert total_variation_ratio(scaled, truth) == pytest.approx(factor, rel=1e-5)
    assert high_frequency_ratio(scaled, truth) == pytest.approx(factor**2, rel=1e-5)


def test_high_frequency_band_starts_at_half_nyquist():
    n, x = 48, np.arange(48)
    waves = [np.sin(2 * np.pi * k * x / n)[None, None, :, None] for k in (8, 10, 14, 16)]
    waves = [np.broadcast_to(w, (1, n, n, 1)) for w in waves]
    inside = waves[3]
    assert high_frequency_ratio(waves[0], inside) < 1e-3
    assert high_frequency_ratio(waves[1], inside) < 1e-3
    assert high_frequency_ratio(waves[2], inside) == pytest.approx(1, abs=1e-3)
    assert high_frequency_ratio(inside.transpose(0, 2, 1, 3), inside) == pytest.approx(1)


@pytest.mark.parametrize("shape", [(48,), (24, 48), (12, 16, 20)])
def test_the_band_is_in_cycles_per_cell_along_every_axis(shape):
    for axis, n in enumerate(shape):
        x = np.arange(n).reshape([-1 if d == axis else 1 for d in range(len(shape))])
        slow, fast = (
            np.broadcast_to(np.sin(2 * np.pi * f * x), shape)[None, ..., None]
            for f in (1 / 8, 3 / 8)
        )
        assert high_frequency_ratio(slow, fast) < 0.02
        assert high_frequency_ratio(fast / 2, fast) == pytest.approx(0.25)


def test_speckle_and_blur_fall_on_either_side_of_one():
    truth = smooth_pictures()
    noise = 0.05 * np.random.default_rng(0).normal(size=truth.shape)
    blurred = truth * 0 + truth.mean()
    for ratio in (total_variation_ratio, high_frequency_ratio):
        assert ratio(truth + noise, truth) > 1.5
        assert ratio(blurred, truth) < 0.01
        assert np.isnan(ratio(truth, blurred))


def test_neighbour_correlation_knows_noise_from_structure():
    noise = np.random.default_rng(0).normal(size=(4, 64, 64, 3))
    assert neighbour_correlation(noise) == pytest.approx(0, abs=0.02)
    in_rows = noise[:, :, 1:] + noise[:, :, :-1]  # correlation 1/2 across, none down
    assert neighbour_correlation(in_rows) == pytest.approx(0.25, abs=0.02)
    assert neighbour_correlation(smooth_pictures()) > 0.95
    checkerboard = np.where(np.indices((8, 8)).sum(0) % 2, 1.0, -1.0)[None, :, :, None]
    assert neighbour_correlation(checkerboard) == pytest.approx(-1)
    assert np.isnan(neighbour_correlation(np.ones((1, 8, 8, 1))))


SHAPES = [(4, 20, 1), (4, 9, 15, 2), (4, 5, 6, 7, 2)]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("under", [7.0, np.nan, np.inf])
def test_what_lies_in_a_gap_changes_nothing(shape, under):
    rng = np.random.default_rng(0)
    truth, prediction = rng.random((2, *shape))
    weights = rng.random(shape) * (rng.random(shape) < 0.7)
    weights[0] = 1
    hidden = np.where(weights > 0, prediction, under)
    for measure in (psnr, ssim, total_variation_ratio, high_frequency_ratio):
        plain = measure(prediction, truth, weights)
        np.testing.assert_array_equal(measure(hidden, truth, weights), plain)
    plain = neighbour_correlation(prediction, weights)
    assert neighbour_correlation(hidden, weights) == plain
    assert np.isfinite(plain)


@pytest.mark.parametrize("shape", SHAPES)
def test_equal_weights_are_no_weights(shape):
    truth, prediction = np.random.default_rng(0).random((2, *shape))
    weights = np.full(shape, 0.01)
    for measure in (psnr, ssim, total_variation_ratio, high_frequency_ratio):
        found = measure(prediction, truth, weights)
        np.testing.assert_allclose(found, measure(prediction, truth), rtol=1e-9)
    found = neighbour_correlation(prediction, weights)
    assert found == pytest.approx(neighbour_correlation(prediction))


def test_psnr_weighs_errors_by_area():
    truth = np.zeros((1, 2, 1))
    prediction = np.array([0.1, 0.3])[None, :, None]
    weights = np.array([3.0, 1.0])[None, :, None]
    expected = -10 * np.log10((3 * 0.01 + 0.09) / 4)
    np.testing.assert_allclose(psnr(prediction, truth, weights), expected)
    assert np.isnan(psnr(prediction, truth, 0 * weights))


def test_only_complete_fields_have_ssim_and_a_spectrum():
    truth, prediction = pictures(0), pictures(1)
    weights = np.ones(truth.shape)
    weights[1, 3, 4, 0] = 0
    scores = ssim(prediction, truth, weights)
    assert np.isnan(scores).tolist() == [False, True, False, False]
    np.testing.assert_allclose(scores[[0, 2, 3]], ssim(prediction, truth)[[0, 2, 3]], atol=1e-6)
    rest = high_frequency_ratio(prediction[[0, 2, 3]], truth[[0, 2, 3]])
    assert high_frequency_ratio(prediction, truth, weights) == pytest.approx(rest)
    assert np.isnan(high_frequency_ratio(prediction, truth, 0 * weights))


def test_steps_across_a_gap_do_not_count():
    truth = np.array([0.0, 1, 5, 1, 3])[None, :, None]
    weights = np.array([1.0, 1, 0, 1, 1])[None, :, None]
    assert total_variation_ratio(2 * truth, truth, weights) == 2
    doubled = truth + np.array([0.0, 1, 0, 0, 0])[None, :, None]
    assert total_variation_ratio(doubled, truth, weights) == pytest.approx(4 / 3)


def test_weights_of_another_shape_are_refused():
    with pytest.raises(ValueError, match=r"Weights of shape \(4, 32\)"):
        psnr(pictures(), pictures(), np.ones((4, 32)))


@given(seed=SEEDS, copies=st.integers(2, 6))
@settings(max_examples=30, deadline=None)
def test_copies_of_a_picture_do_not_narrow_the_interval(seed, copies):
    scores = np.random.default_rng(seed).normal(20, 3, 12)
    groups = np.arange(len(scores)) * 7 - 3
    alone = bootstrap_interval(scores, groups, seed=1)
    copied = bootstrap_interval(np.repeat(scores, copies), np.repeat(groups, copies), seed=1)
    for field in ("mean", "low", "high"):
        assert getattr(copied, field) == pytest.approx(getattr(alone, field))
    naive = bootstrap_interval(np.repeat(scores, copies), np.arange(copies * 12), seed=1)
    assert naive.high - naive.low < copied.high - copied.low


def test_the_mean_is_over_pictures():
    assert bootstrap_interval(np.array([1.0, 2.0, 6.0]), np.array([0, 0, 1])).mean == 3.0


def test_interval_covers_as_often_as_it_says():
    rng, hits = np.random.default_rng(0), 0
    for trial in range(200):
        interval = bootstrap_interval(rng.normal(size=40), np.arange(40), 0.9, 400, seed=trial)
        hits += interval.low <= 0 <= interval.high
    assert 0.82 < hits / 200 < 0.96


def test_interval_is_seeded_and_widens_with_the_level():
    scores, groups = np.random.default_rng(0).normal(size=30), np.arange(30)
    narrow, wide = (bootstrap_interval(scores, groups, level, seed=3) for level in (0.5, 0.99))
    assert bootstrap_interval(scores, groups, 0.5, seed=3) == narrow
    assert wide.low < narrow.low < narrow.high < wide.high


def test_one_group_has_no_width():
    interval = bootstrap_interval(np.array([1.0, 3.0]), np.array([5, 5]))
    assert (interval.low, interval.mean, interval.high) == (2, 2, 2)


@pytest.mark.parametrize("shape", [(0,), (3,)])
def test_interval_refuses_scores_without_groups(shape):
    with pytest.raises(ValueError, match="one score and one group"):
        bootstrap_interval(np.zeros(shape), np.zeros(shape[0] and 2))


@pytest.mark.parametrize("level", [0, 1, 95])
def test_interval_refuses_a_level_that_is_no_probability(level):
    with pytest.raises(ValueError, match="between 0 and 1"):
        bootstrap_interval(np.zeros(3), np.arange(3), level)
