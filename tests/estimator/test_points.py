"""Training on scattered observations alone: no grid, no complete field."""

import itertools
import warnings

import numpy as np
import pytest
import torch

from mamba_diffae import FieldAutoencoder, Grid, Observations, Variable
from mamba_diffae.fields import CoordinateError, FieldError, ShapeError, ValuesError
from mamba_diffae.priors.mixture.prior import MixturePrior
from mamba_diffae.training import Run, TrainingInterrupted
from mamba_diffae.training.data.point_batches import PointBatches

BOX = np.array([10.0, 14.0])
GRID = Grid.regular(((0, 10), (0, 14)), (10, 14), ["north", "east"], ["km", "km"])


def field(rng: np.random.Generator, coords: np.ndarray) -> np.ndarray:
    """A smooth Gaussian field around 15, of length 3 and deviation 3."""
    slopes, turns = rng.standard_normal((200, 2)) / 3, rng.uniform(0, 2 * np.pi, 200)
    return 15 + 3 * np.sqrt(2 / 200) * np.cos(coords @ slopes.T + turns).sum(axis=1)


def stations(count: int, points: int = 60, seed: int = 0, **parts) -> list[Observations]:
    """Snapshots, in each of which one station in ten does not report."""
    rng = np.random.default_rng(seed)
    coords, found = rng.random((points, 2)) * BOX, []
    for _ in range(count):
        values = field(rng, coords)
        reports = rng.random(points) < 0.9
        reports[:2] = True
        found.append(Observations.from_points(coords[reports], values[reports], **parts))
    return found


@pytest.fixture(scope="module")
def model(few: dict) -> FieldAutoencoder:
    return FieldAutoencoder("tiny", changes=few, device="cpu").fit(stations(12, 15))


@pytest.mark.slow
def test_unseen_points_are_predicted_better_than_by_kriging():
    changes = {"autoencoder": {"show_progress": False}}
    model = FieldAutoencoder("tiny", changes=changes, device="cpu")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(stations(40), grid=GRID, phases=["autoencoder"])
    names = ("network", "kriging", "prior", "mean")
    rng, errors = np.random.default_rng(9), {name: [] for name in names}
    scaler, variable = model.fitted.scaler, model.variables[0]
    prior = model.fitted.network.prior
    assert isinstance(prior, MixturePrior)
    for count, _ in itertools.product((4, 12, 30), range(10)):
        coords = rng.random((count + 40, 2)) * BOX
        truth = field(rng, coords)
        seen = Observations.from_points(coords[:count], truth[:count])
        places = scaler.places(coords[count:])[0]
        inside = scaler.observations(seen)
        kriged, _ = prior.kriging.at(inside, places)
        alone, _ = prior.condition(inside).mean_std(places)
        means = {
            "network": model.predict(seen, targets=coords[count:]).mean[0, :, 0],
            "kriging": variable.transform.inverse(kriged[0, :, 0].numpy()),
            "prior": variable.transform.inverse(alone[0, :, 0].numpy()),
            "mean": np.full(40, 15.0),
        }
        for name, mean in means.items():
            errors[name].append(np.square(mean - truth[count:]).mean())
    rmse = {name: np.sqrt(np.mean(found)) for name, found in errors.items()}
    assert rmse["network"] < rmse["kriging"]
    assert rmse["network"] < 1.05 * rmse["prior"]
    assert rmse["network"] < 0.7 * rmse["mean"]


def test_any_targets_are_answered(model):
    seen = stations(2, 15, seed=4)
    on_grid = model.predict(seen, n_draws=2, steps=2)
    assert on_grid.mean.shape == (2, *model.grid.shape, 1)
    assert on_grid.draws.shape == (2, 2, *model.grid.shape, 1)
    coarse = model.predict(seen, targets=model.grid.regrid((4, 5)))
    assert coarse.mean.shape == (2, 4, 5, 1)
    at_stations = model.predict(seen, targets=np.array([[1.0, 2.0], [5.0, 6.0], [9.0, 2.0]]))
    assert at_stations.mean.shape == (2, 3, 1)
    assert 0 < at_stations.mean.mean() < 30
    assert model.encode(seen).shape == (2, model.latent_dim)


def test_the_grid_is_a_lattice_over_the_points(model):
    assert 700 < model.grid.cells <= 1024
    widths = [axis.widths.mean() for axis in model.grid.axes]
    assert widths[0] == pytest.approx(widths[1], rel=0.1)
    coords = torch.cat([part.coords[0] for part in stations(12, 15)])
    for axis, x in zip(model.grid.axes, coords.T.tolist(), strict=True):
        assert axis.centres[0] == pytest.approx(min(x))
        assert axis.centres[-1] == pytest.approx(max(x))


def test_what_is_inferred_is_said(few):
    data = [*stations(8, 15), *stations(2, 2, seed=3)]
    single = Observations.from_points([[3.0, 4.0]], [12.0])
    said = " ".join(FieldAutoencoder("tiny", changes=few).settings([*data, single]).describe())
    for sentence in (
        "1 to 15 in each of 10 training and 1 validation snapshots",
        "held back and asked: random, gaps, block, clusters",
        "No grid was given",
        "1 of 11 snapshots have points at one place alone",
        "Prior: mixture",
        "learned from what kriging makes of each",
    ):
        assert sentence in said
    empty = Observations(*(torch.zeros(1, 3, k) for k in (2, 1)), torch.zeros(1, 3, 1).bool())
    said = FieldAutoencoder("tiny").settings([*data, empty], grid=GRID).describe()
    assert any("1 snapshots without any value are left out" in sentence for sentence in said)


def test_grid_and_variables_may_be_given(few):
    given = [
        Observations.from_points(part.coords[0], torch.cat([part.values[0], -part.values[0]], -1))
        for part in stations(6, 12)
    ]
    sst = Variable("sst", "degC")
    model = FieldAutoencoder("tiny", changes=few, device="cpu")
    model.fit(given, grid=GRID, variables=[sst, "other"], phases=["autoencoder"])
    assert model.grid == GRID
    assert [(v.name, v.unit) for v in model.variables] == [("sst", "degC"), ("other", "")]
    assert model.variables[0].limits[0] > 0 > model.variables[1].limits[1]
    with pytest.raises(CoordinateError, match="north from 0 to 10 km"):
        model.predict(Observations.from_points([[11.0, 3.0]], [[15.0, -15.0]]))


def test_a_batch_is_what_its_list_is(few, model):
    batch = Observations.stack(stations(12, 15))
    again = FieldAutoencoder("tiny", changes=few, device="cpu").fit(batch)
    seen = stations(1, 15, seed=4)
    assert np.array_equal(again.predict(seen).mean, model.predict(seen).mean)


@pytest.mark.parametrize("stop", [2, 3 + 2])  # batches made: of the mean, of draws
def test_stopped_and_resumed_is_uninterrupted(few, model, tmp_path, monkeypatch, stop):
    data, whole, made = stations(12, 15), PointBatches.__call__, itertools.count()

    def interrupted(self: PointBatches, step: int):
        if next(made) == stop:
            raise KeyboardInterrupt
        return whole(self, step)

    estimator = FieldAutoencoder("tiny", changes=few, device="cpu")
    with monkeypatch.context() as patch:
        patch.setattr(PointBatches, "__call__", interrupted)
        with pytest.raises((TrainingInterrupted, KeyboardInterrupt)):
            estimator.fit(data, run=tmp_path / "run")
    estimator.fit(data, run=tmp_path / "run", resume=True)
    assert {row["phase"] for row in Run.open(tmp_path / "run").metrics()} == {
        "autoencoder",
        "ensemble",
        "latent",
    }
    loaded = FieldAutoencoder.from_pretrained(tmp_path / "run", device="cpu")
    seen = stations(1, 15, seed=4)
    ours, theirs = (m.predict(seen, n_draws=2) for m in (loaded, model))
    assert np.array_equal(ours.mean, theirs.mean)
    assert np.array_equal(ours.draws, theirs.draws)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_a_few_snapshots_are_enough(few, count):
    model = FieldAutoencoder("tiny", changes=few, device="cpu").fit(stations(count, 8), grid=GRID)
    assert np.isfinite(model.predict(stations(1, 8), n_draws=1, steps=2).draws).all()


def test_noise_support_and_missing_variables_are_taken(few):
    rng = np.random.default_rng(0)
    given = []
    for _ in range(2):
        values = rng.standard_normal((8, 2))
        values[::3, 1] = np.nan
        parts = {"noise": [0.1, 0.3], "support": 1.0, "noise_group": np.arange(8) // 4}
        given.append(Observations.from_points(rng.random((8, 2)) * BOX, values, **parts))
    phases = {"autoencoder": {"steps": 1, "batch_size": 2, "show_progress": False}}
    model = FieldAutoencoder("tiny", changes=phases, device="cpu")
    model.fit(given, grid=GRID, phases=["autoencoder"])
    assert np.isfinite(model.predict(given[0]).mean).all()


def test_a_baseline_learns_from_points_too(few):
    model = FieldAutoencoder("tiny", architecture="mamba-diffusion", changes={"flow": few["flow"]})
    model.fit(stations(6, 12), grid=GRID)
    assert np.isfinite(model.predict(stations(1, 12)).mean).all()


POINT = Observations.from_points([[1.0, 2.0]], [3.0])
TWO = Observations.from_points([[1.0, 2.0], [3.0, 4.0]], [3.0, 5.0])


def with_value(number: float) -> Observations:
    return TWO.with_values(torch.tensor([[[number], [1.0]]], dtype=torch.float64))


@pytest.mark.parametrize(
    ("given", "options", "error", "message"),
    [
        (POINT, {}, CoordinateError, "lie at one place"),
        ([POINT, POINT], {"grid": GRID}, ValuesError, "nothing of one can be held back"),
        ([TWO[[]]], {}, ValuesError, "None of the 0 snapshots has an observation"),
        (TWO.replace(mask=~TWO.mask), {}, ValuesError, "None of the 1 snapshots has an"),
        (with_value(np.inf), {}, ValuesError, "1 observed values of 'v0' are NaN or infinite"),
        (TWO.replace(coords=TWO.coords * np.nan), {}, CoordinateError, "2 of 2 places are NaN"),
        (
            Observations.from_points([[1.0, 2.0], [1.0, 4.0]], [3.0, 5.0]),
            {},
            CoordinateError,
            "have 1 as coordinate 0 of 2; leave that column out",
        ),
        (
            Observations.from_points(np.random.default_rng(0).random((5, 4)), np.arange(5.0)),
            {},
            ShapeError,
            "4 coordinates each; expected one to three",
        ),
        (
            [TWO, Observations.from_points([[1.0, 2.0]], [[3.0, 4.0]])],
            {},
            ShapeError,
            "different kinds cannot be one batch .variables",
        ),
        (
            Observations.from_points([1.0, 2.0], [3.0, 4.0]),
            {"grid": GRID},
            ShapeError,
            "with the columns north, east",
        ),
        (
            Observations.from_points([[1, 2], [3, 44]], [3, 4]),
            {"grid": GRID},
            CoordinateError,
            "44",
        ),
        (TWO, {"grid": (8, 8)}, ShapeError, "grid was given as tuple; expected a Grid"),
        (TWO, {"variables": ["a", "b"]}, ShapeError, "1 variables, but variables is"),
        (TWO, {"variables": "a"}, ShapeError, "give a list of 1 names"),
        (with_value(1.0), {}, ValuesError, "All values of the variable 'v0' are 1"),
        (
            np.arange(256.0).reshape(4, 8, 8),
            {"grid": GRID},
            FieldError,
            "those of scattered observations",
        ),
    ],
)
def test_what_cannot_be_learned_from_is_refused(given, options, error, message):
    with pytest.raises(error, match=message):
        FieldAutoencoder("tiny").fit(given, **options)


def test_a_prior_of_complete_fields_is_refused_before_anything_is_made(few, tmp_path):
    model = FieldAutoencoder("tiny", parts={"prior": "analogue"}, changes=few)
    with pytest.raises(ValueError, match="'analogue' learns from fields on a grid"):
        model.fit(stations(4, 8), run=tmp_path / "run")
    assert not (tmp_path / "run").exists()
