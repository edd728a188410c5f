import json
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from mamba_diffae.evaluation import (
    PSNR_CAP,
    DrawScore,
    Score,
    judge,
    judge_draws,
    nearest,
    oracle,
    true_coarse_bicubic,
)
from mamba_diffae.fields import Scaling, observe

SCALES = (8, 12, 24)


@pytest.fixture
def truth(make_field):
    return make_field(6)


@pytest.fixture
def observations(truth):
    return observe(truth, 0.2, cells=12)


def test_an_oracle_scores_above_60_db_at_every_scale(truth, observations):
    scores = judge({"oracle": oracle(truth)}, truth, observations, SCALES)
    assert [s.scale for s in scores] == list(SCALES)
    for score in scores:
        assert score.psnr.low > 60
        assert score.ssim.low == pytest.approx(1, abs=1e-4)
        assert score.total_variation == pytest.approx(1)
        assert score.high_frequency == pytest.approx(1)
        assert score.count == 6


def test_a_grid_shifted_by_half_a_pixel_is_noticed(truth, observations):
    def shifted(seen, scale):
        grid = truth.at(scale)
        return (grid + np.roll(grid, 1, axis=2)) / 2

    scores = judge({"shifted": shifted}, truth, observations, SCALES)
    assert all(s.psnr.high < 60 for s in scores)


def test_true_coarse_is_exact_up_to_its_cells_then_as_pillow_enlarges(truth, observations):
    predict = true_coarse_bicubic(truth, cells=12)
    scores = judge({"bicubic": predict}, truth, observations, SCALES)
    assert [s.psnr.mean for s in scores[:2]] == [PSNR_CAP] * 2
    assert 20 < scores[2].psnr.mean < PSNR_CAP
    coarse = truth.at(12)[3, :, :, 1]
    large = Image.fromarray(coarse, mode="F").resize((24, 24), Image.Resampling.BICUBIC)
    np.testing.assert_allclose(predict(observations, 24)[3, :, :, 1], np.array(large), atol=0.01)


def test_methods_are_judged_in_order_with_progress(truth, observations):
    seen = []
    predictors = {"nearest": nearest, "oracle": oracle(truth)}
    scores = judge(
        predictors, truth, observations, (24, 8), on_progress=lambda *at: seen.append(at)
    )
    assert seen == [("nearest", 24), ("nearest", 8), ("oracle", 24), ("oracle", 8)]
    assert [(s.method, s.scale) for s in scores] == seen
    assert scores[0].psnr.mean < scores[2].psnr.mean


def test_the_interval_belongs_to_the_seed(make_field):
    truth = make_field(40)
    observations = observe(truth, 0.2, cells=12)
    first, again, other = (
        judge({"nearest": nearest}, truth, observations, (24,), seed=seed)[0] for seed in (0, 0, 1)
    )
    assert first == again
    assert first.psnr.mean == other.psnr.mean
    assert first.psnr != other.psnr


def test_units_do_not_change_a_score(make_field, observations, truth):
    kelvin = replace(truth, values=truth.values / 10 + 270, scaling=Scaling(270, 295.5))
    warm = judge({"nearest": nearest}, kelvin, observe(kelvin, 0.2, cells=12), (24,))[0]
    plain = judge({"nearest": nearest}, truth, observations, (24,))[0]
    assert warm.psnr.mean == pytest.approx(plain.psnr.mean, abs=1e-3)
    assert warm.high_frequency == pytest.approx(plain.high_frequency, rel=1e-3)


def test_scores_survive_json(truth, observations):
    score = judge({"nearest": nearest}, truth, observations, (24,))[0]
    assert Score.from_dict(json.loads(json.dumps(score.to_dict()))) == score
    draws = judge_draws("ours", truth.at(24)[None] + 1, truth.at(24) - 1, truth)
    assert DrawScore.from_dict(json.loads(json.dumps(draws.to_dict()))) == draws


def test_a_scale_above_the_native_size_is_refused_before_any_work(truth, observations):
    def never(seen, scale):
        raise AssertionError("asked to predict")

    with pytest.raises(ValueError, match=r"48.*24 × 24"):
        judge({"never": never}, truth, observations, (24, 48))


def test_observations_of_other_fields_are_refused(truth, observations):
    with pytest.raises(ValueError, match="6 true fields and observations of 2"):
        judge({"nearest": nearest}, truth, observations[:2], (24,))
    with pytest.raises(ValueError, match="oracle of 6 fields"):
        oracle(truth)(observations[:2], 24)


def test_a_broken_prediction_is_named(truth, observations):
    def holed(seen, scale):
        grid = truth.at(scale)
        grid[0, 0, 0, 0] = np.nan
        return grid

    def flat(seen, scale):
        return truth.at(scale).reshape(6, -1)

    with pytest.raises(ValueError, match="'holed' at scale 24 holds 1 NaN"):
        judge({"holed": holed}, truth, observations, (24,))
    with pytest.raises(ValueError, match=r"'flat' at scale 24 has shape \(6, 1152\)"):
        judge({"flat": flat}, truth, observations, (24,))


def test_draws_of_the_right_law_score_like_the_truth(truth):
    """Truth and draws as independent members of one law around the mean."""
    rng = np.random.default_rng(0)
    mean = truth.at(24)
    law = rng.normal(0, 12, (9, *mean.shape)).cumsum(axis=2).cumsum(axis=3) / 12
    real = replace(truth, values=mean + law[0])
    score = judge_draws("ours", mean + law[1:], mean, real)
    assert (score.scale, score.count, score.draws) == (24, 6, 8)
    assert score.draw_correlation == pytest.approx(score.truth_correlation, abs=0.05)
    assert score.total_variation == pytest.approx(1, abs=0.1)
    assert score.high_frequency == pytest.approx(1, abs=0.2)


def test_speckled_draws_are_told_from_coherent_ones(truth):
    mean = truth.at(24)
    noise = np.random.default_rng(0).normal(0, 5, (3, *mean.shape))
    speckled = judge_draws("ours", mean + noise, mean, truth)
    assert speckled.draw_correlation == pytest.approx(0, abs=0.05)
    assert speckled.high_frequency > 10
    assert speckled.psnr.mean == pytest.approx(20 * np.log10(255 / 5), abs=0.5)


def test_broken_draws_are_named(truth):
    mean = truth.at(24)
    with pytest.raises(ValueError, match=r"draws of 'ours' has shape \(6, 24, 24, 2\)"):
        judge_draws("ours", mean, mean, truth)
    with pytest.raises(ValueError, match="draws of 'ours'"):
        judge_draws("ours", mean[None][:0], mean, truth)
    with pytest.raises(ValueError, match="mean of 'ours' holds 6912 NaN"):
        judge_draws("ours", mean[None], mean * np.nan, truth)
