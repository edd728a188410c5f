"""Models of windows: fields larger than what a network sees at once."""

from __future__ import annotations

import numpy as np
import pytest

from mamba_diffae import (
    Covariates,
    FieldAutoencoder,
    FieldData,
    Observations,
    observe,
    on_grid,
    place_sensors,
    render,
)
from mamba_diffae.fields import Axis, FieldError, Grid, ShapeError, Variable

PHASES = ["autoencoder", "ensemble"]


def waves(grid: Grid, snapshots: int, seed: int = 0) -> FieldData:
    """Sums of waves that close along x."""
    rng, (y, x) = np.random.default_rng(seed), grid.centres().T
    angle = 2 * np.pi * x / grid.axes[1].span
    values = np.zeros((snapshots, grid.cells))
    for k in range(1, 7):
        phase, slope = rng.uniform(0, 6.28, (2, snapshots, 1))
        size = rng.normal(size=(snapshots, 1)) / k
        values += size * np.sin(k * angle + phase + slope * y / 8)
    splits = np.repeat(["train", "val", "test"], [snapshots - 5, 3, 2])
    values = values.reshape(snapshots, *grid.shape, 1)
    return FieldData([Variable("t", "K")], grid, values, splits=splits)


@pytest.fixture(scope="module")
def channel() -> FieldData:
    axes = Axis.regular("y", 0, 24, 24, "m"), Axis.regular("x", 0, 48, 48, "m", periodic=True)
    return waves(Grid(axes), 20)


@pytest.fixture(scope="module")
def fitted(channel: FieldData, few: dict) -> FieldAutoencoder:
    model = FieldAutoencoder("tiny", changes=few, device="cpu")
    return model.fit(channel, window={"y": 16, "x": 16}, phases=PHASES)


@pytest.fixture(scope="module")
def seen(channel: FieldData) -> Observations:
    return observe(channel.split("test"), fraction=0.2, shape=channel.shape, seed=1)


def test_the_answer_is_on_the_whole_grid_and_near_the_truth(fitted, channel, seen):
    found = fitted.predict(seen, n_draws=2)
    truth = channel.split("test").values
    assert found.mean.shape == truth.shape
    assert found.draws.shape == (2, *truth.shape)
    assert np.sqrt(np.square(found.mean - truth).mean()) < 0.3 * truth.std()


def test_a_value_depends_on_no_other_target_and_no_order_of_observations(fitted, channel, seen):
    whole = fitted.predict(seen, n_draws=1)
    rows = np.array([0, 5, 37, 600, 1151])
    places = channel.grid.centres()[rows]
    some = fitted.predict(seen, targets=places, n_draws=1)
    flat = whole.mean.reshape(2, -1, 1)[:, rows]
    assert np.abs(some.mean - flat).max() < 1e-4 * np.ptp(channel.values)
    drawn = whole.draws[0].reshape(2, -1, 1)[:, rows]
    assert np.abs(some.draws[0] - drawn).max() < 1e-4 * np.ptp(channel.values)


def test_draws_have_no_seams_and_lose_no_variance_where_windows_overlap(fitted, channel):
    few = observe(channel.split("test").take([0]), fraction=0.01, shape=channel.shape, seed=0)
    found = fitted.predict(few, n_draws=24)
    assert found.draws.shape[0] == 24
    spread = (found.draws - found.draws.mean(axis=0)).std(axis=(0, 1, 4))
    cover = fitted.fitted.windowing.cover
    shares = np.zeros((cover.starts().shape[0], channel.grid.cells))
    at = channel.grid.centres()
    for row, start in zip(shares, cover.starts(), strict=True):
        local = cover.local(start, at)
        row[:] = np.where(cover.inside(local), cover.weight(local), 0)
    most = (shares / shares.sum(axis=0)).max(axis=0).reshape(channel.shape)
    # Independent draws of two windows of equal weight would have 0.7 times the spread.
    inner = slice(4, -4)
    ratio = spread[inner][most[inner] < 0.5].mean() / spread[inner][most[inner] > 0.8].mean()
    assert ratio > 0.85
    steps = np.abs(np.diff(found.draws, axis=3, append=found.draws[:, :, :, :1])).mean((0, 1, 2, 4))
    assert steps[-1] < 1.5 * steps.mean(), "no jump across the seam of a periodic axis"


def test_averages_over_more_than_a_window_are_told(fitted, recwarn):
    def average(side: float) -> Observations:
        return Observations.from_points([[12.0, 24.0]], [[0.3]], support=[[side, side]])

    fitted.predict(average(16.0))
    assert not [w for w in recwarn if "over more than a window" in str(w.message)]
    with pytest.warns(UserWarning, match="over more than a window"):
        fitted.predict(average(20.0))


def test_places_that_nothing_was_observed_near_are_told(fitted, recwarn):
    one = Observations.from_points([[2.5, 2.5]], [[0.3]], noise=0.0)
    fitted.predict(one, targets=np.array([[2.0, 3.0]]))
    assert not [w for w in recwarn if "nothing was observed" in str(w.message)]
    with pytest.warns(UserWarning, match="in which nothing was observed"):
        fitted.predict(one, targets=np.array([[2.0, 3.0], [20.0, 30.0]]))


@pytest.mark.filterwarnings("ignore:Some places that are asked for")
def test_windows_without_observations_are_as_uncertain_as_the_prior(fitted, channel):
    one = Observations.from_points([[2.5, 2.5]], [[0.3]], noise=0.0)
    found, prior = fitted.predict(one, n_draws=24), fitted.fitted.network.prior
    (variable,) = fitted.variables
    far = found.mean[0, 18:, 24:40, 0]
    usual = variable.transform.inverse(prior.mean.numpy())
    assert np.abs(far - usual).max() < 1e-3 * np.ptp(channel.values)
    spread = found.draws[:, 0, 18:, 24:40, 0].std(axis=0).mean()
    assert 0.4 < spread / (variable.transform.inverse(prior.deviation.numpy()).item()) < 1.6


def test_axes_in_another_order_are_calibrated_and_answered_in_theirs(few):
    y, x = Axis.regular("y", 0, 14, 14, "m"), Axis.regular("x", 0, 30, 30, "m", periodic=True)
    data = waves(Grid((y, x)), 24).transpose((1, 0))
    splits = np.repeat(["train", "val", "test"], [14, 8, 2])
    data = FieldData(data.variables, data.grid, data.values, splits=splits)
    model = FieldAutoencoder("tiny", changes=few, device="cpu")
    model.fit(data, window={"x": 12, "y": 10}, phases=PHASES)
    assert model.fitted.calibration is not None
    test = data.split("test")
    found = model.predict(observe(test, fraction=0.3, shape=data.shape, seed=0))
    assert found.mean.shape == test.values.shape
    assert np.sqrt(np.square(found.mean - test.values).mean()) < 0.3 * test.values.std()


def test_a_circle_of_longitudes_that_windows_hold_whole_has_no_seam(few):
    axes = (
        Axis.regular("lat", -60, 60, 24, "degrees_north"),
        Axis.regular("lon", 0, 360, 24, "degrees_east", periodic=True),
    )
    (lat, lon), rng = Grid(axes).centres().T, np.random.default_rng(0)
    phase = rng.uniform(0, 360, (3, 12, 1))
    values = np.cos(np.radians(lon + phase[0])) + np.cos(np.radians(2 * lon + phase[1]))
    values = (values + np.sin(np.radians(2 * lat + phase[2]))).reshape(12, 24, 24, 1)
    splits = np.repeat(["train", "val", "test"], [8, 2, 2])
    data = FieldData([Variable("t")], Grid(axes), values, splits=splits)
    model = FieldAutoencoder("tiny", changes=few, device="cpu")
    model.fit(data, window={"lat": 12}, phases=["autoencoder"])
    test = data.split("test")
    found = model.predict(observe(test, fraction=0.1, shape=data.shape, seed=1))
    error = np.abs(found.mean - test.values).mean(axis=(0, 1, 3))
    assert error[[0, -1]].max() < 3 * error.mean()


def test_covariates_of_a_window_are_those_of_its_cells(few):
    edges = np.concatenate([[0.0], np.cumsum(np.linspace(0.5, 3.0, 24))])
    depth, x = Axis("z", edges, "m"), Axis.regular("x", 0, 12, 12, "m")
    grid = Grid((depth, x))
    rng = np.random.default_rng(0)
    values = rng.normal(size=(8, 24, 12, 1)).cumsum(axis=1)
    splits = np.repeat(["train", "val", "test"], [4, 2, 2])
    known = Covariates(["z"], [depth.centres[:, None]], ["m"])
    data = FieldData([Variable("t")], grid, values, splits=splits, covariates=known)
    model = FieldAutoencoder("tiny", changes=few, device="cpu")
    model.fit(data, window={"z": 9}, phases=["autoencoder"])
    with pytest.raises(FieldError, match=r"covariates of its own grid \(z\)"):
        on_grid(model, grid)
    windowing, scaler = model.fitted.windowing, model.fitted.scaler
    assert windowing is not None
    assert scaler.covariates is not None
    seen = scaler.observations(observe(data.split("test").take(slice(1)), 0.3, shape=data.shape))
    for start in windowing.cover.starts():
        background = windowing.observations(seen, start).background
        assert background is not None
        told = background.values[0, :, 0, 0].numpy() * scaler.covariates.deviation
        cells = round(start[0] * windowing.cover.step[0]) + np.arange(9)
        theirs = depth.centres[np.minimum(cells, 23)]
        assert np.abs(told + scaler.covariates.mean - theirs).max() < 2.0


def test_exact_observations_are_kept(fitted, channel):
    places = channel.grid.centres()[[30, 200, 201, 640]]
    values = channel.split("test").values[:1].reshape(1, -1, 1)[:, [30, 200, 201, 640]]
    exact = Observations.from_points(places, values[0], noise=0.0)
    found = fitted.predict(exact, targets=places, n_draws=1)
    assert np.abs(found.mean - values).max() < 1e-3 * np.ptp(channel.values)
    assert np.abs(found.draws[0] - values).max() < 1e-3 * np.ptp(channel.values)


def test_a_saved_model_answers_the_same(fitted, seen, tmp_path):
    fitted.save_pretrained(tmp_path / "model")
    loaded = FieldAutoencoder.from_pretrained(tmp_path / "model", device="cpu")
    assert loaded.grid == fitted.grid
    ours, theirs = (model.predict(seen, n_draws=1) for model in (fitted, loaded))
    assert (ours.mean == theirs.mean).all()
    assert (ours.draws == theirs.draws).all()


def test_rendering_by_rows_is_predicting(fitted, channel, seen, tmp_path):
    xarray = pytest.importorskip("xarray")
    pytest.importorskip("zarr")
    out = render(
        fitted, seen, channel.grid, tmp_path / "field.zarr", 1, values=4000, show_progress=False
    )
    whole = fitted.predict(seen, n_draws=1)
    stored = xarray.open_zarr(out)
    assert np.abs(stored["t"].values - whole.mean[..., 0]).max() < 1e-4 * np.ptp(channel.values)


def test_every_window_has_a_latent(fitted, seen):
    windows = len(fitted.fitted.windowing.cover.starts())
    assert fitted.encode(seen).shape == (2, windows, fitted.latent_dim)


def test_what_windows_cannot_do_is_refused(fitted, channel, seen, few):
    with pytest.raises(FieldError, match="each has a latent of its own"):
        fitted.predict(seen, decoder_inputs="latent")
    with pytest.raises(FieldError, match="each has a latent of its own"):
        fitted.decode(np.zeros((1, fitted.latent_dim)))
    with pytest.raises(
        FieldError, match="Sensors are placed by the covariance of a model of whole"
    ):
        place_sensors(fitted, 2)
    model = FieldAutoencoder("tiny", changes=few, device="cpu")
    with pytest.raises(FieldError, match="the prior 'kriging'"):
        FieldAutoencoder("tiny", parts={"prior": "mixture"}).fit(channel, window=16)
    with pytest.raises(FieldError, match="no layout of sensors"):
        model.fit(channel, window=16, layout=[[1.0, 1.0]])
    with pytest.raises(ShapeError, match="the axes are y, x"):
        model.fit(channel, window={"lon": 16})
    with pytest.raises(FieldError, match="parts of fields on a grid"):
        model.fit(seen, window=16)


def test_a_series_is_learned_in_windows_of_time(few):
    """A station's past and future inform its present: three axes, windows along one."""
    rng = np.random.default_rng(0)
    time, x = np.arange(120.0), np.arange(12.0)
    moving = np.sin(0.5 * x[None] - 0.4 * time[:, None])
    values = moving + 0.01 * rng.normal(size=moving.shape)
    axes = Axis.regular("time", 0, 120, 120, "hours"), Axis.regular("x", 0, 12, 12, "km")
    data = FieldData([Variable("h", "m")], Grid(axes), values[None, ..., None])
    model = FieldAutoencoder("tiny", changes=few, device="cpu")
    model.fit(data, window={"time": 16}, phases=PHASES)
    # Read at all hours but the 60th.
    at = np.array([[t, p] for t in time + 0.5 if int(t) != 60 for p in (1.5, 5.5, 9.5)])
    read = values[at[:, 0].astype(int), at[:, 1].astype(int)]
    seen = Observations.from_points(at, read[:, None])
    found = model.predict(seen, targets=np.array([[60.5, 5.5]]))
    assert abs(found.mean.item() - moving[60, 5]) < 0.3


def test_a_model_of_windows_answers_on_other_grids_of_such_cells(fitted, channel):
    axes = Axis.regular("y", 100, 140, 40, "m"), Axis.regular("x", -20, 12, 32, "m")
    elsewhere = waves(Grid(axes), 8, seed=7).split("test")
    moved = on_grid(fitted, elsewhere.grid)
    seen = observe(elsewhere, fraction=0.2, shape=elsewhere.shape, seed=0)
    found = moved.predict(seen, n_draws=1)
    assert found.mean.shape == elsewhere.values.shape
    error = np.sqrt(np.square(found.mean - elsewhere.values).mean())
    assert error < 0.5 * elsewhere.values.std()
    assert fitted.grid == channel.grid, "the first model stays on its own"


def test_other_grids_have_the_same_axes_and_cells(fitted, model):
    def grid(name: str, cells: int, width: float) -> Grid:
        y = Axis.regular("y", 0, cells * width, cells, "m")
        return Grid((y, Axis.regular(name, 0, 32, 32, "m")))

    with pytest.raises(ShapeError, match="expected axes y in m, x in m"):
        on_grid(fitted, grid("z", 32, 1.0))
    with pytest.raises(ShapeError, match="as wide as the model learned them, 1 m"):
        on_grid(fitted, grid("x", 32, 2.0))
    with pytest.raises(ShapeError, match="at least the 16 of a window"):
        on_grid(fitted, grid("x", 12, 1.0))
    with pytest.raises(FieldError, match="fit it with window"):
        on_grid(model, model.grid)
