"""Scores of withheld readings: an oracle's, closed forms, and that nothing withheld leaks."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from mamba_diffae.benchmark.verification import VerificationError
from mamba_diffae.benchmark.verification.climatology import Climatology
from mamba_diffae.benchmark.verification.folds import WAYS, Splitting
from mamba_diffae.benchmark.verification.opened import opened_readings
from mamba_diffae.benchmark.verification.readings import GriddedReadings, StationReadings
from mamba_diffae.benchmark.verification.scoring import Answers, Asked, answers, withheld_scores
from mamba_diffae.benchmark.verification.work import FoldWork, Part
from mamba_diffae.benchmark.verified import Verification
from mamba_diffae.evaluation import Linear, Method, Nearest, gaussian_crps
from mamba_diffae.fields import Axis, FieldData, Grid, Prediction, Variable
from mamba_diffae.training.loop.progress import CountMeter
from tests.benchmark.verification.verification_cases import Oracle, cloudy, readings, stations


def verified(data, splitting, ours) -> Verification:
    """All folds, with another method in the place of the model."""
    work = FoldWork(data, splitting, ours, [])
    rows = np.arange(len(data))
    with CountMeter("", work.steps(rows), show=False) as meter:
        for fold in WAYS[splitting.by](data, splitting, rows):
            work.run(fold, meter)
    return work.result(1)


@pytest.mark.slow
def test_an_oracle_has_no_error_and_the_climatology_no_skill():
    data = cloudy(variables=2)
    found = verified(GriddedReadings(data), Splitting("station", 2), Oracle(data))
    for variable in ("v0", "v1"):
        ours = found.score("model", variable)
        assert ours.overall.rmse == pytest.approx(0, abs=1e-6)
        assert ours.overall.crps == pytest.approx(0, abs=1e-6)
        assert ours.overall.skill == pytest.approx(1)
        assert found.score("climatology", variable).overall.skill == pytest.approx(0)
        assert all(part.rmse == pytest.approx(0, abs=1e-6) for part in ours.by_distance)
    assert found.readings == int(data.valid_mask().sum())
    assert "better than kriging" in found.findings()[0]
    assert sum(part.count for part in found.bins[0]) == int(data.valid_mask()[..., 0].sum())


@pytest.mark.slow
def test_an_offset_is_its_bias_and_coverage_that_of_its_interval():
    data = cloudy()
    far = verified(GriddedReadings(data), Splitting("cloud", 2), Oracle(data, 0.5, 0.1)).score
    assert far("model").overall.bias == pytest.approx(0.5)
    assert far("model").overall.rmse == pytest.approx(0.5)
    assert far("model").overall.coverage == 0
    expected = float(gaussian_crps(np.array(0.5), np.array(0.1), np.array(0.0)))
    assert far("model").overall.crps == pytest.approx(expected)
    wide = verified(GriddedReadings(data), Splitting("cloud", 2), Oracle(data, 0.5, 0.4)).score
    assert wide("model").overall.coverage == 1


@pytest.mark.slow
def test_a_model_far_off_is_not_better_than_kriging():
    data = cloudy()
    found = verified(GriddedReadings(data), Splitting("block", 2), Oracle(data, 5.0, 1.0))
    kriging = found.score("kriging").overall.rmse
    assert kriging < 5
    said = found.findings()
    assert said[0].startswith(
        f"v0: not better than kriging: RMSE 5.00 K against {kriging:.3g}"[:54]
    )
    assert any("not better than the climatology" in sentence for sentence in said)
    assert found.excess[0].mean == pytest.approx(25 - kriging**2, rel=0.2)


def changed(data, hidden):
    """The same readings, with other values where they are withheld."""
    if isinstance(data, StationReadings):
        values = torch.where(torch.from_numpy(hidden), data.seen.values + 100, data.seen.values)
        seen = data.seen.with_values(values)
        return StationReadings(seen, data.grid, data.variables, data.names)
    other = np.where(hidden.reshape(data.data.values.shape), 1e3, data.data.values)
    return GriddedReadings(data.data.with_values(other))


@pytest.mark.parametrize("kind", ["fields", "stations"])
@pytest.mark.parametrize("by", list(WAYS))
def test_no_withheld_value_reaches_any_method(kind, by):
    data = readings(kind)
    rows = np.arange(len(data))
    for fold in WAYS[by](data, Splitting(by, 2), rows):
        other = changed(data, fold.hidden)
        kept = data.known & ~fold.hidden
        some = np.flatnonzero(kept.any(axis=(1, 2)))
        pairs = [(d.observations(some, kept[some]), d.training(some, kept[some]))
                 for d in (data, other)]  # fmt: skip
        (seen, learned), (seen_too, learned_too) = pairs
        assert (seen.values == seen_too.values).all()
        assert (seen.coords == seen_too.coords).all()
        assert (learned.values == learned_too.values).all()
        assert not learned.complete
        for method in (Nearest(), Linear(), Climatology()):
            ours = method.fit(learned).predict(seen[:1], data.grid)
            theirs = type(method)().fit(learned_too).predict(seen_too[:1], data.grid)
            assert (ours.mean == theirs.mean).all()


def test_given_stations_leave_no_trace_of_others():
    data = stations(missing=0.0)
    given = data.known.copy()
    given[:, ::2] = False
    seen = data.observations(np.arange(len(data)), given)
    assert seen.coords.shape[1] == given.shape[1] // 2
    withheld = {tuple(x) for x in data.coords[0, ::2].tolist()}
    assert not withheld & {tuple(x) for x in seen.coords[0].tolist()}


@pytest.mark.slow
def test_snapshots_without_anything_to_give_are_counted():
    data = stations(missing=0.0)
    known = data.known.copy()
    known[0, 1:] = False  # one station reports
    sparse = StationReadings(
        data.seen.replace(mask=torch.from_numpy(known)), data.grid, data.variables, data.names
    )
    found = verified(sparse, Splitting("station", 3), _Anywhere())
    assert any("1 times a snapshot had no reading left" in note for note in found.notes)
    assert found.snapshots == len(data) - 1


@pytest.mark.slow
def test_nothing_to_score_is_an_error():
    data = stations(missing=0.0)
    known = np.zeros_like(data.known)
    for s in range(len(data)):
        known[s, s] = True  # another station alone in each snapshot
    single = StationReadings(
        data.seen.replace(mask=torch.from_numpy(known)), data.grid, data.variables, data.names
    )
    with pytest.raises(VerificationError, match="Nothing is left to score by='station'"):
        verified(single, Splitting("station", 2), _Anywhere())


class _Anywhere:
    """A method that says 0 at places."""

    n_draws = 0

    def predict(self, observations, targets):
        mean = np.zeros((len(observations), len(targets), 1))
        return Prediction.of_mean(mean, np.ones_like(mean))


def asked(values, noise=0.0, weight=1.0):
    values = np.asarray(values, float)
    n = len(values)
    where = np.zeros(n, int), np.zeros(n, int)
    return Asked(*where, values, np.full(n, noise), np.full(n, weight), np.arange(n, dtype=float))


def test_a_stated_error_of_a_reading_widens_the_interval():
    about = asked([0.0, 1.0, 2.2], noise=0.3)
    at = (np.zeros(3, int), np.arange(3), np.zeros(3, int))
    mean = np.zeros((1, 3, 1))
    found = answers(Prediction.of_mean(mean, np.full(mean.shape, 0.4)), at, about, 0)
    assert found.covered.tolist() == [1, 0, 0]  # 1.645 · 0.5 = 0.82
    larger = answers(
        Prediction.of_mean(mean, np.full(mean.shape, 0.4)), at, asked([0.7] * 3, 0.3), 0
    )
    assert larger.covered.all()
    assert found.crps == pytest.approx(gaussian_crps(np.zeros(3), np.full(3, 0.5), about.value))


def test_draws_are_read_at_their_reading_and_quantiles_are_the_interval():
    rng = np.random.default_rng(0)
    draws = rng.normal(size=(400, 2, 5, 1))
    told = Prediction(np.zeros((2, 5, 1)), draws, quantiles=np.stack(
        [np.full((2, 5, 1), -1.0), np.full((2, 5, 1), 1.0)]), levels=(0.05, 0.95))  # fmt: skip
    at = (np.array([0, 1]), np.array([4, 2]), np.array([0, 0]))
    about = asked([0.5, 1.5])
    found = answers(told, at, about, 0)
    assert found.covered.tolist() == [1, 0]
    assert found.crps == pytest.approx(gaussian_crps(np.zeros(2), np.ones(2), about.value), abs=0.1)
    noisy = answers(told, at, asked([0.5, 1.5], noise=1.0), 0)
    assert noisy.covered.all()


def test_a_number_alone_has_its_error_as_crps_and_no_coverage():
    at = (np.zeros(2, int), np.arange(2), np.zeros(2, int))
    found = answers(Prediction.of_mean(np.zeros((1, 2, 1))), at, asked([1.0, -2.0]), 0)
    assert found.crps.tolist() == [1.0, 2.0]
    assert np.isnan(found.covered).all()


def test_areas_weigh():
    about = asked([0.0, 0.0])._replace(weight=np.array([3.0, 1.0]))
    told = Answers(np.array([0.0, 2.0]), np.array([0.0, 2.0]), np.array([1.0, 0.0]))
    _, scores = withheld_scores(about, {Method("model"): told}, ["v"])
    assert scores[0].overall.rmse == pytest.approx(1.0)
    assert scores[0].overall.coverage == pytest.approx(0.75)
    assert scores[0].overall.skill is None


def test_the_climatology_is_the_mean_of_a_cell_or_of_all():
    data = cloudy()
    known = data.valid_mask().copy()
    known[:, 0, 0] = False
    some = replace(data, values=data.values, valid=known)
    told = Climatology().fit(some).predict(readings("fields").observations(np.arange(2),
           readings("fields").known[:2]), data.grid)  # fmt: skip
    values, k = data.values[:, 3, 3, 0], known[:, 3, 3, 0]
    assert told.mean[1, 3, 3, 0] == pytest.approx(values[k].mean())
    assert told.mean[1, 0, 0, 0] == pytest.approx(data.values[known].mean())
    assert told.std.shape == told.mean.shape


def test_readings_in_other_units_are_converted():
    kelvin, notes = cloudy(), []
    model = SimpleNamespace(grid=kelvin.grid, variables=kelvin.variables)
    other = replace(kelvin, variables=[Variable("v0", "degC")], values=kelvin.values - 273.15)
    with pytest.warns(UserWarning, match="The data's 'v0' from degC to K: converted"):
        found = opened_readings(model, other, {}, notes)  # pyright: ignore[reportArgumentType]
    known = found.known
    np.testing.assert_allclose(found.values[known], GriddedReadings(kelvin).values[known])


def test_distances_on_the_globe_are_degrees_along_great_circles():
    lat = Axis.regular("lat", -90, 90, 6, "degrees_north")
    grid = Grid((lat, Axis.regular("lon", 0, 360, 4, "degrees_east", periodic=True)))
    values = np.random.default_rng(0).normal(size=(3, *grid.shape, 1))
    data = GriddedReadings(FieldData([Variable("v")], grid, values))
    given = np.zeros((1, grid.cells, 1), dtype=bool)
    given[0, np.ravel_multi_index((2, 0), grid.shape)] = True
    work = FoldWork(data, Splitting("station", 2), Oracle(data.data), [])
    found = work._distances(Part(np.array([0]), given, ~given)).reshape(grid.shape)
    assert found[:, 0] == pytest.approx([60, 30, 0, 30, 60, 90])
    assert found[3, 2] == pytest.approx(180)
