"""Uncertainty of posteriors that are known in closed form, and of wrong ones."""

import json
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pytest
import torch

from mamba_diffae.evaluation import Kriging, Uncertainty, assess, gaussian_crps
from mamba_diffae.fields import (
    Affine,
    FieldData,
    FieldError,
    Grid,
    Observations,
    Prediction,
    ShapeError,
    ValuesError,
    Variable,
    observe,
)

LEVELS = (0.5, 0.8, 0.9)


class Posterior(NamedTuple):
    """Gaussian fields of which every third cell is observed, and their exact posterior."""

    truth: FieldData
    seen: Observations
    mean: np.ndarray
    deviation: np.ndarray
    draws: np.ndarray

    def prediction(self, width: float = 1.0) -> Prediction:
        draws = self.mean + width * (self.draws - self.mean)
        return Prediction(self.mean, draws, grid=self.truth.grid)


def make(shape=(10, 12), count: int = 150, K: int = 24, land: bool = False) -> Posterior:
    rng = np.random.default_rng(0)
    exists = rng.random(shape) > 0.2 * land
    grid = Grid(Grid.regular([(0, n) for n in shape], shape).axes, exists)
    centres = grid.centres()
    distance = np.linalg.norm(centres[:, None] - centres, axis=-1)
    covariance = np.exp(-distance / 4)
    seen = np.zeros(grid.cells, dtype=bool)
    seen[1::3] = True
    root = np.linalg.cholesky(covariance + 1e-10 * np.eye(grid.cells))
    fields = rng.normal(size=(K + 1, count, grid.cells)) @ root.T
    truth = fields[0]
    gain = np.linalg.solve(covariance[np.ix_(seen, seen)], covariance[seen]).T
    mean = truth[:, seen] @ gain.T
    draws = fields[1:] + (truth[:, seen] - fields[1:][..., seen]) @ gain.T  # Matheron's rule
    variance = 1 - np.einsum("ij,ji->i", gain, covariance[seen])

    def shaped(values):
        return values.reshape(*values.shape[:-1], *shape, 1)

    places = torch.from_numpy(centres[seen])[None].expand(count, -1, -1)
    values = torch.from_numpy(truth[:, seen])[..., None]
    return Posterior(
        FieldData([Variable("v", "K", Affine(-4, 4))], grid, shaped(truth)),
        Observations(places, values, torch.ones(values.shape, dtype=torch.bool)),
        shaped(mean),
        np.broadcast_to(shaped(np.sqrt(np.maximum(variance, 0))), (count, *shape, 1)),
        shaped(draws),
    )


@pytest.fixture(scope="module")
def posterior() -> Posterior:
    return make()


@pytest.fixture(scope="module")
def found(posterior) -> Uncertainty:
    return assess(posterior.prediction(), posterior.truth, posterior.seen)


def test_draws_of_the_exact_posterior_are_honest(found):
    for level, interval in zip(LEVELS, found.coverage, strict=True):
        assert interval.mean == pytest.approx(level, abs=0.02)
        assert interval.low < level < interval.high
    for level, interval in zip(LEVELS, found.regional_coverage, strict=True):
        assert interval.mean == pytest.approx(level, abs=0.06)
    for level, shares in zip(LEVELS, found.by_distance.coverage, strict=True):
        assert shares == pytest.approx([level] * len(shares), abs=0.04)
    assert found.reliability_index < 0.06
    assert found.spread_skill.error == pytest.approx(found.spread_skill.spread, rel=0.08)
    assert found.draw_error == pytest.approx(2, abs=0.05)
    assert found.bands == pytest.approx([1] * 4, abs=0.08)


def test_what_is_told_beside(found, posterior):
    assert (found.variables, found.units, found.steps) == (("v",), ("K",), (None,))
    assert (found.count, found.n_draws, found.levels) == (150, 24, LEVELS)
    assert found.unseen == pytest.approx(80 / 120)
    assert sum(found.rank_histogram) == pytest.approx(1)
    unseen = np.ones(120, dtype=bool)
    unseen[1::3] = False
    error = (posterior.mean - posterior.truth.values).reshape(150, 120)[:, unseen]
    assert found.rmse[0] == pytest.approx(np.sqrt(np.mean(error**2)))
    # The scores are on [0, 1], of a variable that spans 8.
    assert found.mean_crps.mean == pytest.approx(found.crps[0] / 8)
    assert found.coverage_by_variable[0] == pytest.approx((found.coverage[0].mean,))
    assert found.by_distance.by[0] == pytest.approx(1)


@pytest.mark.parametrize(("width", "sign"), [(2.0, 1), (0.5, -1)])
def test_draws_too_wide_or_too_narrow_are_not(found, posterior, width, sign):
    other = assess(posterior.prediction(width), posterior.truth, posterior.seen)
    for level, cells, sums in zip(LEVELS, other.coverage, other.regional_coverage, strict=True):
        assert sign * (cells.mean - level) > 0.05
        assert sign * (sums.mean - level) > 0.03
    assert sign * (np.mean(other.spread_skill.spread) - np.mean(other.spread_skill.error)) > 0.01
    assert sign * (other.draw_error - 2) > 0.5
    assert sign * (other.bands[0] - 1) > 0.2
    assert other.reliability_index > 0.25
    for score in ("mean_crps", "energy_score", "variogram_score"):
        assert getattr(other, score).mean > getattr(found, score).mean
    assert other.rmse == found.rmse


def test_cells_that_do_not_belong_together_show_in_joint_scores_only(found, posterior):
    rng = np.random.default_rng(1)
    mixed = rng.permuted(posterior.draws, axis=0)
    other = assess(replace(posterior.prediction(), draws=mixed), posterior.truth, posterior.seen)
    assert other.coverage[2].mean == pytest.approx(found.coverage[2].mean, abs=0.01)
    assert other.crps == pytest.approx(found.crps)
    assert other.regional_coverage[1].mean < 0.75
    assert other.bands[0] > 1.2
    assert other.variogram_score.mean > 1.02 * found.variogram_score.mean


def test_a_stated_gaussian_has_no_joint_scores(found, posterior):
    stated = Prediction.of_mean(posterior.mean, posterior.deviation)
    got = assess(stated, posterior.truth, posterior.seen)
    assert got.n_draws == 0
    for level, interval in zip(LEVELS, got.coverage, strict=True):
        assert interval.mean == pytest.approx(level, abs=0.02)
    assert got.crps == pytest.approx(found.crps, rel=0.01)
    assert got.spread_skill.error == pytest.approx(got.spread_skill.spread, rel=0.08)
    assert got.draw_error is got.bands is got.energy_score is got.variogram_score is None
    assert got.regional_coverage is None
    unseen = np.ones(120, dtype=bool)
    unseen[1::3] = False
    each = gaussian_crps(posterior.mean, posterior.deviation, posterior.truth.values)
    assert got.crps[0] == pytest.approx(each.reshape(150, 120)[:, unseen].mean())


def test_pictures_are_compared_by_their_own_steps(posterior):
    def shown(values):
        return 180 + 120 * values

    stored = np.clip(np.rint(shown(posterior.truth.values) / 51) * 51, 0, 255)
    variable = Variable("grey", transform=Affine(0, 255))
    truth = FieldData([variable], posterior.truth.grid, stored.astype(np.uint8))
    assert np.mean(stored == 255) > 0.2
    mean, draws = shown(posterior.mean), shown(posterior.draws)
    for told in (Prediction(mean, draws), Prediction.of_mean(mean, 120 * posterior.deviation)):
        got = assess(told, truth, posterior.seen)
        assert got.steps == (51.0,)
        for level, interval in zip(LEVELS, got.coverage, strict=True):
            assert interval.mean == pytest.approx(level, abs=0.02)
        assert got.reliability_index < 0.08


def test_observed_cells_and_land_do_not_count():
    posterior = make(count=60, K=8, land=True)
    told = posterior.prediction()
    expected = assess(told, posterior.truth, posterior.seen)
    land = ~posterior.truth.valid_mask()
    assert land.any()
    seen = np.zeros((60, 120), dtype=bool)
    seen[:, 1::3] = True
    wrong = np.where(seen.reshape(60, 10, 12, 1), 99.0, told.mean)
    got = assess(replace(told, mean=wrong), posterior.truth, posterior.seen)
    assert replace(got, regional_coverage=expected.regional_coverage) == expected
    hidden = Prediction(*(np.where(land, np.nan, v) for v in (told.mean, told.draws)))
    assert assess(hidden, posterior.truth, posterior.seen) == expected


@pytest.mark.parametrize("shape", [(40,), (5, 4, 6), (1, 30)])
def test_any_number_of_axes(shape):
    posterior = make(shape, count=200, K=19)
    got = assess(posterior.prediction(), posterior.truth, posterior.seen)
    assert got.coverage[2].mean == pytest.approx(0.9, abs=0.02)
    assert got.bands == pytest.approx([1] * len(got.bands), abs=0.15)


def test_variables_of_several_units(two_units):
    data = two_units(8)
    seen = observe(data, 0.1)
    got = assess(Kriging().fit(data).predict(seen, data.grid), data, seen)
    assert got.variables == ("pressure", "wind")
    assert got.units == ("Pa", "m/s")
    assert got.crps[0] > 10 * got.crps[1]
    scales = np.array([6000, 30])
    assert got.mean_crps.mean == pytest.approx(np.mean(got.crps / scales), rel=0.05)
    assert all(len(shares) == 2 for shares in got.coverage_by_variable)


def test_a_variable_that_is_observed_everywhere_has_no_score(two_units):
    data = two_units(2)
    seen = observe(data, 1.0, shape=data.shape)
    mask = seen.mask.clone()
    mask[..., 1] = False
    told = Prediction.of_mean(data.values + 1.0, np.ones(data.values.shape))
    got = assess(told, data, seen.replace(mask=mask))
    assert got.crps[0] is got.rmse[0] is got.coverage_by_variable[0][0] is None
    assert got.rmse[1] == pytest.approx(1)
    assert Uncertainty.from_dict(json.loads(json.dumps(got.to_dict()))) == got


def test_it_becomes_json_and_comes_back(found):
    plain = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert Uncertainty.from_dict(plain) == found
    assert plain["coverage"][0] == {
        k: getattr(found.coverage[0], k) for k in ("mean", "low", "high")
    }


def test_one_seed_gives_one_result(found, posterior):
    again = assess(posterior.prediction(), posterior.truth, posterior.seen)
    assert again == found
    other = assess(posterior.prediction(), posterior.truth, posterior.seen, seed=1)
    assert other.coverage != found.coverage
    assert other.crps == found.crps


def test_single_cells_have_no_pairs():
    data = FieldData([Variable("v")], Grid.default((1,)), np.arange(5.0)[:, None, None])
    seen = Observations(
        torch.zeros(5, 1, 1).double(), torch.zeros(5, 1, 1), torch.zeros(5, 1, 1).bool()
    )
    draws = np.random.default_rng(0).random((4, 5, 1, 1))
    got = assess(Prediction(draws.mean(axis=0), draws), data, seen)
    assert got.variogram_score is None
    assert got.bands == ()
    assert got.by_distance.by == ()


def test_what_does_not_fit_is_refused(posterior):
    told, truth, seen = posterior.prediction(), posterior.truth, posterior.seen
    with pytest.raises(FieldError, match=r"there are 1 draws and none is stated; .*n_draws=40"):
        assess(replace(told, draws=told.draws[:1]), truth, seen)
    with pytest.raises(ShapeError, match="150 true fields of 1 variables"):
        assess(told, truth, seen[:3])
    with pytest.raises(ShapeError, match="The prediction of the mean has shape"):
        assess(Prediction.of_mean(told.mean[:, :5], told.mean[:, :5]), truth, seen)
    elsewhere = Grid.regular([(5, 15), (0, 12)], (10, 12))
    with pytest.raises(ShapeError, match=r"y from 5 to 15, .* predict with targets=truth"):
        assess(replace(told, grid=elsewhere), truth, seen)
    with pytest.raises(ShapeError, match="touch all known values of the 150 fields of 10 × 12"):
        assess(told, truth, observe(truth, 1.0, shape=truth.shape))
    with pytest.raises(ValuesError, match="The prediction of the draws holds 432000 NaN"):
        assess(replace(told, draws=told.draws * np.nan), truth, seen)
    with pytest.raises(ValuesError, match="expected a probability between 0 and 1"):
        assess(told, truth, seen, levels=(90,))
