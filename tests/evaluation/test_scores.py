"""Scores: the truth is best at every scale and shape, and what is not known is not scored."""

import json
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from mamba_diffae.evaluation import (
    PSNR_CAP,
    DrawScore,
    Method,
    Nearest,
    Score,
    oracle,
    score,
    score_draws,
    score_samples,
    true_coarse_bicubic,
)
from mamba_diffae.evaluation.oracles import cubic
from mamba_diffae.fields import Affine, Axis, FieldData, Grid, Prediction, Variable, observe

SCALES = (8, 12, 24)
NEAREST, ORACLE, OURS = Method("nearest"), Method("oracle", kind="oracle"), Method("ours")
SHAPES = {"square": (24, 24), "rectangle": (12, 24), "profile": (24,), "volume": (8, 12, 24)}


class Answer:
    """Says what a function of the targets says."""

    def __init__(self, answer):
        self.answer = answer

    def predict(self, observations, targets):
        found = self.answer(targets)
        return found if isinstance(found, Prediction) else Prediction.of_mean(found)


@pytest.fixture
def truth(make_field):
    return make_field(6)


@pytest.fixture
def observations(truth):
    return observe(truth, 0.2, shape=(12, 12))


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_an_oracle_scores_above_60_db_at_every_scale(make_field, shape):
    truth = make_field(6, shape)
    scores = score({ORACLE: oracle(truth)}, truth, observe(truth, 0.2), SCALES)
    assert [s.scale for s in scores] == list(SCALES)
    for found in scores:
        assert found.shape == truth.grid.scaled_shape(found.scale)
        assert found.psnr.low > 60
        assert found.rmse == (0, 0)
        assert found.skill == 1
        assert found.total_variation == pytest.approx(1)
        assert found.high_frequency == pytest.approx(1)
        assert found.count == 6
        assert (found.ssim is not None) == (len(shape) == 2)
        if found.ssim is not None:
            assert found.ssim.low == pytest.approx(1, abs=1e-4)


def test_gaps_land_and_several_units_are_scored_apart(two_units):
    truth = two_units(6)
    seen = observe(truth, 0.3)
    methods = {ORACLE: oracle(truth), OURS: Nearest().fit(truth), Method("mean"): _usual(truth)}
    best, ours, mean = score(methods, truth, seen, (36,))
    assert best.psnr.mean == PSNR_CAP
    assert best.ssim is None
    assert np.isnan(best.high_frequency)
    pressure, wind = ours.rmse
    assert 1 < pressure < 500
    assert 0.01 < wind < 3
    assert mean.skill == pytest.approx(0, abs=0.02)
    assert 0.5 < ours.skill < 1


def _usual(truth):
    axes = tuple(range(truth.values.ndim - 1))
    mean = np.average(truth.values, axes, truth.weights())
    return Answer(lambda targets: np.broadcast_to(mean, truth.values.shape))


@pytest.mark.parametrize("under", [0.0, 1e9, np.nan])
def test_what_is_predicted_in_gaps_changes_nothing(two_units, under):
    truth = two_units(4)
    rng = np.random.default_rng(0)
    values = truth.values + rng.normal(size=truth.values.shape)
    hidden = np.where(truth.valid_mask(), values, under)
    seen = observe(truth, 0.3)
    plain, other = score(
        {OURS: Answer(lambda t: values), NEAREST: Answer(lambda t: hidden)}, truth, seen, (36,)
    )
    assert replace(other, method=OURS).to_dict() == plain.to_dict()
    both = [
        score_draws(OURS, Prediction(v, v[None] + 1), truth).to_dict() for v in (values, hidden)
    ]
    assert both[0] == both[1]


def test_a_grid_shifted_by_half_a_cell_is_noticed(truth, observations):
    def shifted(targets):
        values = truth.at(targets).values
        return (values + np.roll(values, 1, axis=2)) / 2

    scores = score({OURS: Answer(shifted)}, truth, observations, SCALES)
    assert all(s.psnr.high < 60 for s in scores)


def test_cells_count_by_their_area():
    axes = (Axis("y", np.array([0.0, 1, 4])), Axis.regular("x", 0, 1, 2))
    values = np.arange(8.0).reshape(2, 2, 2, 1)
    truth = FieldData([Variable("v", transform=Affine(0, 10))], Grid(axes), values)
    wrong = values + np.array([2.0, 0])[:, None, None]
    (found,) = score({OURS: Answer(lambda t: wrong)}, truth, observe(truth, 1.0), (2,))
    assert found.rmse == pytest.approx([1.0])  # sqrt(1/4 · 2²)


def test_true_coarse_is_exact_up_to_its_cells_then_as_pillow_enlarges(truth, observations):
    predictor = true_coarse_bicubic(truth, cells=12)
    scores = score({ORACLE: predictor}, truth, observations, SCALES)
    assert [s.psnr.mean for s in scores[:2]] == [PSNR_CAP] * 2
    assert 20 < scores[2].psnr.mean < PSNR_CAP
    coarse = truth.at((12, 12)).values[3, :, :, 1].astype(np.float32)
    large = Image.fromarray(coarse, mode="F").resize((24, 24), Image.Resampling.BICUBIC)
    found = predictor.predict(observations, truth.grid).mean[3, :, :, 1]
    np.testing.assert_allclose(found, np.array(large), atol=0.01)


@pytest.mark.parametrize("shape", [(12, 24), (24,), (8, 12, 24)])
def test_the_cubic_oracle_lives_in_any_shape(make_field, shape):
    truth = make_field(3, shape)
    methods = {ORACLE: true_coarse_bicubic(truth, 12), OURS: true_coarse_bicubic(truth, 6)}
    fine, coarse = score(methods, truth, observe(truth, 0.2), (24,))
    assert PSNR_CAP > fine.psnr.mean > coarse.psnr.mean > 20
    whole = true_coarse_bicubic(truth, 99).predict(observe(truth, 0.2), truth.grid).mean
    np.testing.assert_array_equal(whole, truth.values.astype(whole.dtype))


def test_cubic_interpolation_goes_around_a_periodic_axis():
    known = Axis.regular("x", 0, 1, 16, periodic=True)
    asked = Axis.regular("x", 0, 1, 48, periodic=True)
    W = cubic(known, asked)
    wave = [np.sin(2 * np.pi * axis.centres) for axis in (known, asked)]
    np.testing.assert_allclose(W @ wave[0], wave[1], atol=0.01)
    np.testing.assert_allclose(np.roll(W, (3, 1), (0, 1)), W, atol=1e-12)


def test_the_cubic_oracle_needs_no_value_in_gaps(two_units):
    truth = two_units(3)
    found = true_coarse_bicubic(truth, 12).predict(observe(truth, 0.2), truth.grid).mean
    assert found[..., 0].min() > 98_000  # the 0 of a gap is never mixed in


def test_methods_are_scored_in_order_with_progress(truth, observations):
    seen = []
    methods = {NEAREST: Nearest(), ORACLE: oracle(truth)}
    scores = score(methods, truth, observations, (24, 8), on_progress=lambda *at: seen.append(at))
    assert seen == [(NEAREST, 24), (NEAREST, 8), (ORACLE, 24), (ORACLE, 8)]
    assert [(s.method, s.scale) for s in scores] == seen
    assert scores[0].psnr.mean < scores[2].psnr.mean
    assert scores[0].skill < scores[2].skill


def test_the_interval_belongs_to_the_seed(make_field):
    truth = make_field(40)
    seen = observe(truth, 0.2, shape=(12, 12))
    first, again, other = (
        score({NEAREST: Nearest()}, truth, seen, (24,), seed=seed)[0] for seed in (0, 0, 1)
    )
    assert first == again
    assert first.psnr.mean == other.psnr.mean
    assert first.psnr != other.psnr


def test_units_do_not_change_a_score(truth, observations):
    variables = [
        replace(v, transform=Affine(270, 295.5), limits=(270, 295.5)) for v in truth.variables
    ]
    kelvin = replace(truth, variables=variables, values=truth.values / 10 + 270)
    seen = observe(kelvin, 0.2, shape=(12, 12))
    warm = score({NEAREST: Nearest()}, kelvin, seen, (24,))[0]
    plain = score({NEAREST: Nearest()}, truth, observations, (24,))[0]
    assert warm.psnr.mean == pytest.approx(plain.psnr.mean, abs=1e-3)
    assert warm.skill == pytest.approx(plain.skill, abs=1e-6)
    assert warm.rmse == pytest.approx([e / 10 for e in plain.rmse])
    assert warm.high_frequency == pytest.approx(plain.high_frequency, rel=1e-3)


def test_scores_survive_json(truth, observations, two_units, make_field):
    draws = score_draws(OURS, Prediction(truth.values - 1, truth.values[None] + 1), truth)
    again = json.loads(json.dumps(draws.to_dict(), allow_nan=False))
    assert DrawScore.from_dict(again) == draws
    (found,) = score({NEAREST: Nearest()}, truth, observations, (24,))
    assert Score.from_dict(json.loads(json.dumps(found.to_dict(), allow_nan=False))) == found
    gappy = two_units(3)
    (found,) = score({NEAREST: Nearest()}, gappy, observe(gappy, 0.2), (36,))
    again = Score.from_dict(json.loads(json.dumps(found.to_dict(), allow_nan=False)))
    assert np.isnan(again.high_frequency)
    assert replace(again, high_frequency=0.0) == replace(found, high_frequency=0.0)


def test_methods_are_data_and_their_labels_are_not():
    assert str(Method("kriging")) == "kriging"
    method = Method("ours/points", "ours, points", "network")
    assert Method.from_dict(json.loads(json.dumps(method.to_dict()))) == method
    assert str(method) == "ours, points"


def test_a_scale_above_the_native_shape_is_refused_before_any_work(truth, observations):
    def never(targets):
        raise AssertionError("asked to predict")

    with pytest.raises(ValueError, match=r"48 × 48.*24 × 24"):
        score({OURS: Answer(never)}, truth, observations, (24, 48))


def test_observations_of_other_fields_are_refused(truth, observations):
    with pytest.raises(ValueError, match="6 true fields and observations of 2"):
        score({NEAREST: Nearest()}, truth, observations[:2], (24,))
    for predictor in (oracle(truth), true_coarse_bicubic(truth)):
        with pytest.raises(ValueError, match="oracle of 6 fields"):
            predictor.predict(observations[:2], truth.grid)


def test_a_broken_prediction_is_named(truth, observations):
    holed = truth.values.copy()
    holed[0, 0, 0, 0] = np.nan
    with pytest.raises(ValueError, match="'ours' at scale 24 holds 1 NaN"):
        score({OURS: Answer(lambda t: holed)}, truth, observations, (24,))
    flat = truth.values.reshape(6, -1)
    with pytest.raises(ValueError, match=r"'ours' at scale 24 has shape \(6, 1152\)"):
        score({OURS: Answer(lambda t: flat)}, truth, observations, (24,))


def test_draws_of_the_right_law_score_like_the_truth(truth):
    """Truth and draws as independent members of one law around the mean."""
    rng = np.random.default_rng(0)
    mean = truth.values
    law = rng.normal(0, 12, (9, *mean.shape)).cumsum(axis=2).cumsum(axis=3) / 12
    real = replace(truth, values=mean + law[0])
    found = score_draws(OURS, Prediction(mean, mean + law[1:]), real)
    assert (found.scale, found.shape, found.count, found.n_draws) == (24, (24, 24), 6, 8)
    assert found.draw_correlation == pytest.approx(found.truth_correlation, abs=0.05)
    assert found.total_variation == pytest.approx(1, abs=0.1)
    assert found.high_frequency == pytest.approx(1, abs=0.2)


@pytest.mark.parametrize("shape", [(24, 24), (12, 20), (40,), (8, 9, 10)])
def test_noisy_draws_are_told_from_coherent_ones(make_field, shape):
    truth = make_field(12, shape)
    mean = truth.values
    noise = np.random.default_rng(0).normal(0, 5, (6, *mean.shape))
    found = score_draws(OURS, Prediction(mean, mean + noise), truth)
    assert found.draw_correlation == pytest.approx(0, abs=0.05)
    assert found.high_frequency > 5
    assert found.psnr.mean == pytest.approx(20 * np.log10(255 / 5), abs=0.5)


def test_samples_are_scored_at_every_scale(truth, observations):
    def drawn(targets):
        mean = truth.at(targets).values
        return Prediction(mean, mean + np.array([3.0, -3.0])[:, None, None, None, None])

    seen = []
    scores = score_samples(
        {OURS: Answer(drawn)}, truth, observations, (12, 24), on_progress=lambda *a: seen.append(a)
    )
    assert seen == [(OURS, 12), (OURS, 24)]
    for found in scores:
        assert found.psnr.mean == pytest.approx(20 * np.log10(255 / 3), abs=0.1)


def test_broken_draws_are_named(truth):
    mean = truth.values
    with pytest.raises(ValueError, match=r"draws of 'ours' has shape \(6, 24, 24, 2\)"):
        score_draws(OURS, Prediction(mean, mean), truth)
    with pytest.raises(ValueError, match="draws of 'ours'"):
        score_draws(OURS, Prediction(mean, mean[None][:0]), truth)
    with pytest.raises(ValueError, match="mean of 'ours' holds 6912 NaN"):
        score_draws(OURS, Prediction(mean * np.nan, mean[None]), truth)
