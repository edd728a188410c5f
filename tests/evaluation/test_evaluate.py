"""The user's own verb: how good is a prediction?"""

from collections.abc import Callable

import numpy as np
import pytest

from mamba_diffae import GridField, Prediction, evaluate

SIZE = 24


@pytest.fixture(scope="module")
def truth(smooth_fields: Callable[..., GridField]) -> GridField:
    return smooth_fields(count=12, size=SIZE, channels=2)


def test_the_truth_is_beyond_60_db(truth):
    for size in (SIZE, 8):
        scores = evaluate(truth.at(size), truth)
        assert scores["psnr"] > 60
        assert scores["rmse"] == 0
        assert scores["ssim"] == pytest.approx(1)


def test_the_error_is_in_the_unit_of_the_field(truth):
    assert evaluate(truth.at(SIZE) + 0.5, truth)["rmse"] == pytest.approx(0.5)


def test_a_prediction_and_its_mean_score_the_same(truth):
    prediction = Prediction(truth.at(SIZE) + 0.1, np.zeros((0, *truth.values.shape)))
    assert evaluate(prediction, truth) == evaluate(prediction.mean, truth)


def test_draws_are_judged_too(truth):
    rng = np.random.default_rng(0)
    mean = truth.at(SIZE) + rng.normal(size=truth.values.shape)
    draws = mean + rng.normal(size=(32, *mean.shape))
    scores = evaluate(Prediction(mean, draws), truth)
    assert scores["coverage"] == pytest.approx(0.9, abs=0.02)
    # Of N(m, 1) at a truth drawn from it: 1 / sqrt(pi).
    assert scores["crps"] == pytest.approx(np.pi**-0.5, abs=0.01)
    alone = evaluate(Prediction(mean, draws[:1]), truth)
    assert set(scores) - set(alone) == {"crps", "coverage"}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda v: v[:3], "S = 12"),
        (lambda v: v[..., :1], "C = 2"),
        (lambda v: v.reshape(12, -1, 2), "targets=truth"),
        (lambda v: v.repeat(2, axis=1).repeat(2, axis=2), "Scale 48 was asked"),
        (lambda v: v[:, :, :12], "n, n, C"),
        (lambda v: v * np.nan, "NaN"),
    ],
)
def test_what_cannot_be_compared_is_refused(truth, change, message):
    with pytest.raises(ValueError, match=message):
        evaluate(change(truth.at(SIZE)), truth)
