"""The user's own verb: how good is a prediction?"""

import numpy as np
import pytest
import torch

from mamba_diffae.evaluation import Kriging, Nearest, evaluate
from mamba_diffae.fields import (
    FieldData,
    Grid,
    Observations,
    Prediction,
    ValuesError,
    Variable,
    observe,
)


@pytest.fixture(scope="module")
def truth(smooth_fields):
    return smooth_fields(count=12, shape=(24, 24))


@pytest.mark.parametrize("shape", [(24, 24), (12, 30), (40,), (6, 8, 10)])
def test_the_truth_is_above_60_db(smooth_fields, shape):
    truth = smooth_fields(count=12, shape=shape)
    for at in (shape, [n // 3 for n in shape]):
        scores = evaluate(truth.at(at).values, truth)
        assert scores["psnr"] > 60
        assert scores["rmse"] == 0
        assert ("ssim" in scores) == (len(shape) == 2)
        assert scores.get("ssim", 1) == pytest.approx(1)


def test_the_error_is_in_the_unit_of_the_variable(truth, two_units):
    assert evaluate(truth.values + 0.5, truth)["rmse"] == pytest.approx(0.5)
    both = two_units(4)
    scores = evaluate(both.values + np.array([200.0, 0.3]), both)
    assert scores["rmse"] == pytest.approx({"pressure": 200, "wind": 0.3})
    assert set(scores) == {"rmse", "psnr"}  # no field is without gaps


def test_a_prediction_and_its_mean_score_the_same(truth):
    prediction = Prediction.of_mean(truth.values + 0.1)
    assert evaluate(prediction, truth) == evaluate(prediction.mean, truth)


def test_draws_are_scored_too(truth):
    rng = np.random.default_rng(0)
    mean = truth.values + rng.normal(size=truth.values.shape)
    draws = mean + rng.normal(size=(32, *mean.shape))
    scores = evaluate(Prediction(mean, draws), truth)
    assert scores["coverage"] == pytest.approx(0.9, abs=0.02)
    # Of N(m, 1) at a truth drawn from it: 1 / sqrt(pi).
    assert scores["crps"] == pytest.approx(np.pi**-0.5, abs=0.01)
    alone = evaluate(Prediction(mean, draws[:1]), truth)
    assert set(scores) - set(alone) == {"crps", "coverage"}


@pytest.mark.parametrize(("levels", "own"), [((0.05, 0.95), True), ((0.1, 0.9), False)])
def test_coverage_is_that_of_the_intervals_that_a_prediction_gives_itself(truth, levels, own):
    """Quantiles may be calibrated, and then are not those of the draws."""
    rng = np.random.default_rng(0)
    draws = truth.values + rng.normal(size=(20, *truth.values.shape))
    narrow = truth.values + np.array([-0.1, 0.2]).reshape(2, *[1] * truth.values.ndim)
    narrow[:, :2] += 1
    told = Prediction(truth.values, draws, quantiles=narrow, levels=levels)
    scores = evaluate(told, truth)
    assert scores["coverage"] == pytest.approx(1 - 2 / len(truth) if own else 1, abs=1e-6)
    assert scores["crps"] == evaluate(Prediction(truth.values, draws), truth)["crps"]
    bare = Prediction(truth.values, draws[:0], quantiles=narrow, levels=levels)
    assert ("coverage" in evaluate(bare, truth)) is own


def test_a_stated_deviation_is_scored_as_a_gaussian(truth):
    mean = truth.values + np.random.default_rng(0).normal(size=truth.values.shape)
    scores = evaluate(Prediction.of_mean(mean, np.ones_like(mean)), truth)
    assert scores["coverage"] == pytest.approx(0.9, abs=0.02)
    assert scores["crps"] == pytest.approx(np.pi**-0.5, abs=0.01)


def test_every_variable_has_its_own_crps(two_units):
    data = two_units(4)
    seen = observe(data, 0.2)
    scores = evaluate(Kriging().fit(data).predict(seen, data.grid), data)
    assert scores["crps"].keys() == {"pressure", "wind"}
    assert scores["crps"]["pressure"] > 10 * scores["crps"]["wind"]
    assert 0.7 < scores["coverage"] <= 1


@pytest.mark.parametrize("under", [0.0, -1e9, np.nan])
def test_gaps_and_land_are_never_scored(two_units, under):
    data = two_units(4)
    rng = np.random.default_rng(0)
    values = data.values + rng.normal(size=data.values.shape)
    draws = values + rng.normal(size=(8, *values.shape))
    plain = evaluate(Prediction(values, draws), data)
    known = data.valid_mask()
    hidden = Prediction(np.where(known, values, under), np.where(known, draws, under))
    assert evaluate(hidden, data) == plain


def test_what_was_seen_is_left_out_if_asked(truth):
    seen = observe(truth, 0.3, shape=(12, 12), seed=1)
    found = Nearest().predict(seen, truth.grid)
    everywhere, unseen = evaluate(found, truth), evaluate(found, truth, observed=seen)
    assert unseen["rmse"] > everywhere["rmse"]
    assert "ssim" not in unseen
    touched = np.zeros((len(truth), 12, 12, 1), dtype=bool)
    for s, field in enumerate(seen.fields()):
        y, x = (field.coords[0].numpy() * 12).astype(int).T
        touched[s, y, x] = True
    spoiled = truth.values + 100 * touched.repeat(2, axis=1).repeat(2, axis=2)
    assert evaluate(spoiled, truth, observed=seen)["rmse"] == 0


def test_stations_hide_the_cell_around_them_for_their_variable_only(two_units):
    data = two_units(1)
    coords, mask = torch.tensor([[[14.0, 359.0]]]).double(), torch.tensor([[[True, False]]])
    seen = Observations(coords, torch.zeros(1, 1, 2).double(), mask)
    spoiled = data.values.copy()
    spoiled[0, 1, 35, 0] += 1000
    assert data.valid_mask()[0, 1, 35].all()
    assert evaluate(spoiled, data, observed=seen)["rmse"]["pressure"] == 0
    spoiled[0, 1, 35, 1] += 1
    assert evaluate(spoiled, data, observed=seen)["rmse"]["wind"] > 0
    around = seen.replace(support=torch.tensor([[[0.0, 40.0]]]).double())  # over the seam
    spoiled = data.values.copy()
    spoiled[0, 1, :2, 0] += 1000
    assert evaluate(spoiled, data, observed=around)["rmse"]["pressure"] > 0
    box = seen.replace(support=torch.tensor([[[10.0, 40.0]]]).double())
    assert evaluate(spoiled, data, observed=box)["rmse"]["pressure"] == 0


def test_the_grid_of_a_prediction_counts(truth):
    axes = Grid.regular(((0, 1), (0, 1)), (24, 24)).axes
    uneven = Grid((type(axes[0])("y", np.array([0, 0.25, 1])), axes[1].regrid(3)))
    values = truth.at(uneven).values
    assert evaluate(Prediction.of_mean(values, grid=uneven), truth)["rmse"] == 0
    assert evaluate(values, truth)["rmse"] > 0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda v: v[:3], "S = 12"),
        (lambda v: v.repeat(2, axis=-1), "C = 1"),
        (lambda v: v.reshape(12, -1, 1), "targets=data"),
        (lambda v: v.repeat(2, axis=1).repeat(2, axis=2), "48 × 48 cells were asked"),
        (lambda v: v * np.nan, "NaN"),
    ],
)
def test_what_cannot_be_compared_is_refused(truth, change, message):
    with pytest.raises(ValueError, match=message):
        evaluate(change(truth.values), truth)


def test_observations_that_leave_nothing_or_are_of_others_are_refused(truth):
    with pytest.raises(ValueError, match="All 24 × 24 cells were observed"):
        evaluate(truth.values, truth, observed=observe(truth, 1.0))
    with pytest.raises(ValueError, match="12 fields of 1 variables, and observations of 3"):
        evaluate(truth.values, truth, observed=observe(truth.take(slice(3)), 0.1))


def test_draws_that_are_not_finite_are_refused(truth):
    draws = np.stack([truth.values, truth.values * np.inf])
    with pytest.raises(ValueError, match="the draws holds"):
        evaluate(Prediction(truth.values, draws), truth)


def test_a_field_without_any_value_is_no_field_of_the_score(truth):
    valid = np.ones(truth.values.shape, dtype=bool)
    valid[3] = False
    data = FieldData(truth.variables, truth.grid, truth.values, valid)
    assert evaluate(truth.values, data)["psnr"] > 60


def test_a_prediction_of_no_numbers_is_refused(smooth_fields):
    data = smooth_fields(count=2, shape=(6, 6))
    with pytest.raises(ValuesError, match=r"of the type object; give integers or floats"):
        evaluate(data.values.astype(object), data)
    assert evaluate(data.values.tolist(), data)["rmse"] == pytest.approx(0)


@pytest.mark.parametrize("kind", [np.uint8, np.float32])
def test_what_is_masked_in_a_prediction_is_no_number(kind):
    values = np.arange(12.0).reshape(1, 3, 4, 1)
    data = FieldData([Variable("v")], Grid.default((3, 4)), values)
    masked = np.ma.array(values.astype(kind), mask=np.zeros(values.shape, bool))
    assert evaluate(masked, data)["rmse"] == 0
    masked[0, 1, 1] = np.ma.masked
    with pytest.raises(ValuesError, match="holds 1 NaN or infinite values of 12"):
        evaluate(masked, data)


def test_a_masked_prediction_of_times_is_refused_by_name():
    values = np.arange(12.0).reshape(1, 3, 4, 1)
    data = FieldData([Variable("v")], Grid.default((3, 4)), values)
    times = np.ma.array(np.zeros(values.shape, "datetime64[s]"), mask=values > 5)
    with pytest.raises(ValueError, match="are no numbers"):
        evaluate(times, data)
