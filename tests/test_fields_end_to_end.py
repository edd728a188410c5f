"""Fields of every kind through fit, predict, encode, evaluate, sample, interpolate and a file."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import pytest

import mamba_diffae as mda
from mamba_diffae import FieldAutoencoder, FieldData, Observations
from mamba_diffae.fields import Grid
from mamba_diffae.sources import from_array

FEW = {"steps": 3, "batch_size": 4, "show_progress": False}
CHANGES = {
    "model": {"d_model": 16},
    "data": {"encodings": 1},
    **dict.fromkeys(("autoencoder", "ensemble", "latent"), FEW),
}
DEPTHS = np.cumsum(np.linspace(1, 20, 40))
"""In metres, ever farther apart."""
LAND, CLOUD = (slice(0, 8), slice(0, 9)), (3, slice(12, 15), slice(12, 20))


def waves(count: int, shape: Sequence[int], variables: int = 1, seed: int = 0) -> np.ndarray:
    """Smooth fields with values in [-3, 3], shape (count, *shape, variables)."""
    rng = np.random.default_rng(seed)
    places = Grid.default(tuple(shape)).centres()[None, :, None]
    values = np.zeros((count, places.shape[1], variables))
    for _ in range(3):
        k = rng.uniform(-1.5, 1.5, (count, 1, variables, len(shape)))
        phase = rng.uniform(0, 1, (count, 1, variables))
        values = values + np.sin(2 * np.pi * ((places * k).sum(-1) + phase))
    return values.reshape(count, *shape, variables)


def rectangle() -> FieldData:
    lat, lon = np.linspace(-87.5, 87.5, 36), np.linspace(2.5, 357.5, 72)
    return from_array(waves(12, (36, 72)), axes={"lat": lat, "lon": lon}, variables="height")


def profile() -> FieldData:
    return from_array(waves(12, (40,)), axes={"depth": DEPTHS}, variables="t", units=["°C", "m"])


def volume() -> FieldData:
    return from_array(waves(12, (24, 24, 24)))


def weather() -> FieldData:
    values = waves(24, (16, 24), 2) * [1000, 5] + [101325, 0]
    return from_array(values, variables=["pressure", "wind"], units=["Pa", "m/s"])


def positive(kind: str) -> FieldData:
    values = np.exp(waves(12, (16, 24)))
    if kind == "bounded":  # rain, which often is exactly 0
        values = np.maximum(values - 1, 0)
    return from_array(values, variables="amount", units="mm", transforms={"amount": kind})


def sea() -> FieldData:
    values = waves(12, (24, 30))
    values[(slice(None), *LAND)] = np.nan
    values[CLOUD] = np.nan
    return from_array(values, variables="sst")


CASES: Mapping[str, Callable[[], FieldData]] = {
    "rectangle": rectangle,
    "profile": profile,
    "volume": volume,
    "two variables": weather,
    "bounded": lambda: positive("bounded"),
    "log": lambda: positive("log"),
    "normal_score": lambda: positive("normal_score"),
    "sea": sea,
}
BOUNDED = ("bounded", "log", "normal_score")


@dataclass(frozen=True)
class Fitted:
    """A case, a model of it, and what was observed of its test fields."""

    name: str
    data: FieldData
    model: FieldAutoencoder
    test: FieldData
    seen: Observations


@cache
def fit(name: str) -> Fitted:
    data = CASES[name]()
    model = FieldAutoencoder("tiny", changes=CHANGES, device="cpu").fit(data)
    test = data.take(np.flatnonzero(data.splits != "train")[:3])
    return Fitted(name, data, model, test, mda.observe(test, 0.3, seed=1))


@pytest.fixture(params=CASES, scope="module")
def case(request: pytest.FixtureRequest) -> Fitted:
    return fit(request.param)


@pytest.fixture(params=BOUNDED, scope="module")
def never_negative(request: pytest.FixtureRequest) -> Fitted:
    return fit(request.param)


def finite_where_it_exists(values: np.ndarray, grid: Grid) -> bool:
    """Values (B, *shape, C) are numbers in cells that exist, NaN elsewhere."""
    expected = np.broadcast_to(grid.exists[None, ..., None], values.shape)
    return np.array_equal(np.isfinite(values), expected)


def test_the_mean_and_draws_of_the_native_grid(case):
    found = case.model.predict(case.seen, n_draws=2, steps=2)
    assert found.mean.shape == case.test.values.shape
    assert found.draws.shape == (2, *case.test.values.shape)
    for values in (found.mean, *found.draws):
        assert finite_where_it_exists(values, case.data.grid)
    assert found.grid == case.data.grid


def test_at_points(case):
    places = case.data.grid.centres()[case.data.grid.exists.ravel()][::5]
    found = case.model.predict(case.seen, places, n_draws=1, steps=2)
    native = case.model.predict(case.seen).mean
    at_cells = native.reshape(len(native), -1, native.shape[-1])
    there = at_cells[:, case.data.grid.exists.ravel()][:, ::5]
    scale = [v.limits[1] - v.limits[0] for v in case.data.variables]
    np.testing.assert_allclose(found.mean / scale, there / scale, atol=1e-5)
    assert found.draws.shape == (1, *found.mean.shape)


def test_coarser_and_finer_grids(case):
    shape = case.data.shape
    native = case.model.predict(case.seen).mean
    coarse = case.model.predict(case.seen, tuple(n // 2 for n in shape))
    averaged = FieldData(case.data.variables, case.data.grid, native).at(coarse.grid)
    known = averaged.valid_mask()
    assert coarse.mean.shape[1:-1] == tuple(n // 2 for n in shape)
    np.testing.assert_allclose(coarse.mean[known], averaged.values[known], rtol=1e-5, atol=1e-5)
    fine = tuple(3 * n // 2 if case.data.grid.dim < 3 else n + 4 for n in shape)
    finer = case.model.predict(case.seen[[0]], fine, n_draws=1, steps=1)
    assert finer.mean.shape[1:-1] == fine
    assert np.isfinite(finer.mean).mean() > 0.8
    assert np.isfinite(finer.draws).mean() > 0.8


def test_a_latent_of_each(case):
    latents = case.model.encode(case.seen)
    assert latents.shape == (len(case.test), case.model.latent_dim)
    assert np.isfinite(latents).all()
    decoded = case.model.decode(latents)
    assert finite_where_it_exists(decoded.mean, case.data.grid)


def test_scores(case):
    scores = mda.evaluate(case.model.predict(case.seen, n_draws=2, steps=1), case.test)
    numbers = [v for v in scores.values() if isinstance(v, float)]
    assert numbers
    assert np.isfinite(numbers).all()


def test_fields_from_nothing(case):
    drawn = mda.sample(case.model, 2, steps=2)
    assert drawn.values.shape == (2, *case.data.shape, case.data.n_variables)
    assert finite_where_it_exists(drawn.values, case.data.grid)


def test_a_path(case):
    for noise in ("mean", "seeded"):
        path = mda.interpolate(case.model, case.seen[[0]], case.seen[[1]], 3, noise=noise, steps=1)
        assert path.values.shape == (3, *case.data.shape, case.data.n_variables)
        assert finite_where_it_exists(path.values, case.data.grid)


def test_saved_and_loaded_it_is_the_same(case, tmp_path):
    case.model.save_pretrained(tmp_path / "model")
    loaded = FieldAutoencoder.from_pretrained(tmp_path / "model", device="cpu")
    ours, theirs = (m.predict(case.seen, n_draws=1, steps=1) for m in (case.model, loaded))
    np.testing.assert_array_equal(ours.mean, theirs.mean)
    np.testing.assert_array_equal(ours.draws, theirs.draws)
    assert loaded.variables == case.model.variables
    assert loaded.grid == case.model.grid


def test_what_is_never_negative_stays_so(never_negative):
    model, seen = never_negative.model, never_negative.seen
    low, high = model.variables[0].transform.bounds
    predicted = model.predict(seen, n_draws=3, steps=2)
    drawn = mda.sample(model, 3, steps=2)
    path = mda.interpolate(model, seen[[0]], seen[[1]], 4, noise="seeded", steps=2)
    for values in (predicted.mean, predicted.draws, drawn.values, path.values):
        assert low - 1e-9 <= values.min()
        assert values.min() >= 0
        assert values.max() <= high


def test_a_small_variable_is_not_lost_beside_a_large_one():
    case = fit("two variables")
    error = case.model.predict(case.seen).mean - case.test.values
    own = case.data.values.std(axis=(0, 1, 2))
    assert (np.sqrt(np.square(error).mean(axis=(0, 1, 2))) < 0.7 * own).all()
    drawn = mda.sample(case.model, 8, steps=4).values
    assert abs(drawn[..., 0].mean() - 101325) < 3000
    assert abs(drawn[..., 1].mean()) < 15


def test_cells_are_as_wide_as_high_inside_as_outside():
    case = fit("rectangle")
    geometry = case.model.fitted.scaler.geometry
    assert geometry.extent == pytest.approx((0.5, 1.0))
    assert geometry.periodic == (False, True)
    net = case.model.fitted.network.config
    assert net.native_shape == (36, 72)
    height, width = np.divide(geometry.extent, net.observed_shape)
    assert height == pytest.approx(width, rel=0.05)
    assert net.max_frequency == pytest.approx((36, 36))


def test_land_is_never_asked_and_clouds_are_filled():
    case = fit("sea")
    assert not case.data.grid.exists[LAND].any()
    assert case.data.grid.exists[8:].all()
    cloudy = case.data.take(np.array([CLOUD[0]]))
    seen = mda.observe(cloudy, 1.0)
    mean = case.model.predict(seen).mean[0]
    assert np.isfinite(mean[CLOUD[1:]]).all()
    assert np.isnan(mean[LAND]).all()
    places = case.data.grid.centres().reshape(24, 30, 2)[[4, 14], [4, 15]]
    assert np.isnan(case.model.predict(seen, places).mean[0, :, 0]).tolist() == [True, False]
    with pytest.raises(ValueError, match="None of the 1 targets lies in a cell that exists"):
        case.model.predict(seen, places[:1])
