"""Contracts of the door: units survive it, conventions do not matter, and gaps never leak."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
import torch

import mamba_diffae as mda
from mamba_diffae import FieldAutoencoder, FieldData, Grid, Observations
from mamba_diffae.estimator.scaling import FieldScaler
from mamba_diffae.fields import Axis, Bounded, Log, NormalScore, Variable
from mamba_diffae.sources import from_array

LAT, LON = np.linspace(-37.5, 37.5, 16), np.linspace(2.5, 117.5, 24)
HIDDEN = np.array([np.nan, np.inf, 1e30, -999.0])
"""What may lie under a gap."""


def swell(count: int = 12, seed: int = 0, lon: np.ndarray = LON) -> np.ndarray:
    """Smooth fields around the globe, with values in [-3, 3], shape (count, lat, lon)."""
    rng = np.random.default_rng(seed)
    values = np.zeros((count, len(LAT), len(lon)))
    for k in (1, 2, 3):
        phase, tilt = rng.uniform(0, 2 * np.pi, (2, count, 1, 1))
        values += np.sin(k * np.deg2rad(lon) + phase) * np.cos(np.deg2rad(3 * LAT[:, None]) + tilt)
    return values


def fit(data: FieldData, few: dict[str, Any]) -> FieldAutoencoder:
    changes = {name: fields for name, fields in few.items() if name != "latent"}
    return FieldAutoencoder("tiny", changes=changes, device="cpu").fit(
        data, phases=["autoencoder", "flow"]
    )


@pytest.fixture(scope="module")
def plain() -> FieldData:
    return from_array(swell(), axes={"lat": LAT, "lon": LON}, variables="t", units="K")


@pytest.fixture(scope="module")
def model(plain: FieldData, few: dict[str, Any]) -> FieldAutoencoder:
    return fit(plain, few)


@pytest.fixture(scope="module")
def seen(plain: FieldData) -> Observations:
    return mda.observe(plain.take(slice(3)), 0.3, seed=1)


# 8. Transforms round-trip units.


@pytest.mark.parametrize("offset", [0.0, 1e8])
def test_values_come_back_in_their_unit_on_any_offset(offset):
    values = np.random.default_rng(0).uniform(0, 10, (5, 6, 8, 1)) + offset
    data = from_array(values, variables="height", units="m")
    scaler = FieldScaler.of(data)
    inside = scaler.data(data)
    assert inside.values.dtype == np.float32
    assert abs(inside.values).max() < 2
    np.testing.assert_allclose(scaler.values(inside.values), values, rtol=0, atol=1e-6 * 10)
    seen = scaler.observations(mda.observe(data, 1.0))
    back = scaler.values(seen.values.numpy()).reshape(values.shape)
    np.testing.assert_allclose(back, values, rtol=0, atol=1e-6 * 10)


@pytest.mark.parametrize("kind", [Log, Bounded, NormalScore])
def test_curved_transforms_come_back_too(kind):
    values = np.random.default_rng(0).gamma(2.0, 3.0, (5, 6, 8, 1))
    data = FieldData(
        [Variable("rain", "mm", kind.fit(values.ravel()))], Grid.default((6, 8)), values
    )
    scaler = FieldScaler.of(data)
    back = scaler.values(scaler.data(data).values)
    np.testing.assert_allclose(back, values, rtol=0, atol=1e-6 * np.ptp(values))


def test_a_constant_offset_is_kept_to_the_last_digit(few):
    values = 1e8 + 0.5 * swell()
    data = from_array(values, axes={"lat": LAT, "lon": LON}, variables="phi", units="m2/s2")
    model = fit(data, few)
    level = Observations.from_points([[0.0, 10.0], [10.0, 60.0], [-20.0, 100.0]], [1e8 + 0.25] * 3)
    mean = model.predict(level, n_draws=1, steps=2).mean
    assert mean.dtype == np.float64
    assert abs(mean - 1e8).max() < 3
    assert len(np.unique(mean)) > 100  # float32 has steps of 8 there


# 11. A field and its copy of another convention give the same answer in their own terms.


def converted(name: str) -> tuple[FieldData, Any, Any]:
    """A copy, how observations of the original become its own, and the way back of predictions."""
    values, axes = swell(), {"lat": LAT, "lon": LON}
    options: dict[str, Any] = {"variables": "t", "units": "K"}
    same, tuned = (lambda o: o), (lambda p: p)
    if name == "unit":
        return (
            from_array(1.8 * values - 459.67, axes=axes, **options),
            lambda o: o.replace(values=1.8 * o.values - 459.67),
            lambda p: (p + 459.67) / 1.8,
        )
    if name == "offset":
        return (
            from_array(values + 1e8, axes=axes, **options),
            lambda o: o.replace(values=o.values + 1e8),
            lambda p: p - 1e8,
        )
    if name == "order":
        turned = values.transpose(0, 2, 1)
        return (
            from_array(turned, axes={"lon": LON, "lat": LAT}, **options),
            lambda o: o.replace(coords=o.coords.flip(-1), support=o.support.flip(-1)),
            lambda p: np.swapaxes(p, -3, -2),
        )
    if name == "direction":
        with pytest.warns(UserWarning, match="'lat' fall, from 37.5 to -37.5; .* turned"):
            return (
                from_array(values[:, ::-1], axes={"lat": LAT[::-1], "lon": LON}, **options),
                same,
                tuned,
            )
    assert name == "convention"
    return (
        from_array(values, axes={"lat": LAT, "lon": LON - 360}, **options),
        same,  # the origin of longitude is the model's own business
        tuned,
    )


@pytest.mark.parametrize("name", ["unit", "offset", "order", "direction", "convention"])
def test_a_copy_of_another_convention_gives_the_same_answer(name, model, seen, few):
    data, to_copy, back = converted(name)
    copy = fit(data, few)
    theirs = copy.predict(to_copy(seen), n_draws=1, steps=2)
    ours = model.predict(seen, n_draws=1, steps=2)
    np.testing.assert_allclose(back(theirs.mean), ours.mean, atol=1e-4)
    np.testing.assert_allclose(back(theirs.draws), ours.draws, atol=1e-3)
    np.testing.assert_allclose(copy.encode(to_copy(seen)), model.encode(seen), atol=1e-4)


def test_axes_in_another_unit_give_the_same_answer(few):
    values = swell()
    found = []
    for factor, unit in ((1.0, "km"), (1000.0, "m")):
        axes = {"y": factor * np.arange(16.0), "x": factor * np.arange(24.0)}
        data = from_array(values, axes=axes, units={"y": unit, "x": unit})
        points = Observations.from_points(factor * np.array([[3.0, 4.0], [9.0, 20.0]]), [1.0, -1.0])
        model = fit(data, few)
        found.append(
            (model.predict(points, factor * np.array([[5.0, 5.0]])).mean, model.encode(points))
        )
    for one, two in zip(*found, strict=True):
        np.testing.assert_allclose(one, two, atol=1e-4)


@pytest.mark.parametrize(("low", "high"), [(0, 360), (350, 370), (-180, 180)])
def test_longitudes_of_either_convention_are_one_place(low, high):
    axes = (
        Axis.regular("lat", -40, 40, 8, "degrees_north"),
        Axis.regular("lon", low, high, 24, "degrees_east", periodic=high - low == 360),
    )
    scaler = FieldScaler.of(FieldData([Variable("t")], Grid(axes), np.zeros((2, 8, 24, 1))))
    places = [
        scaler.observations(Observations.from_points([[10.0, lon]], [0.5])).coords
        for lon in (-5.0, 355.0, -365.0)
    ]
    for place in places[1:]:
        torch.testing.assert_close(place, places[0], atol=1e-6, rtol=0)


# A periodic axis wraps.


def moved_beside_the_seam(few: dict[str, Any], prior: str, *, periodic: bool) -> np.ndarray:
    """How far the field at 177° E and at 179° W moves if the value of a station at 179° E does."""
    lon = np.arange(-177.5, 180, 5)
    data = from_array(
        swell(count=24, lon=lon),
        axes={"lat": LAT, "lon": lon},
        variables="t",
        periodic=None if periodic else (),
    )
    assert data.grid.periodic == (False, periodic)
    # Whatever the prior, by one encoder: after three steps how far one reaches is its own.
    model = fit(data, {**few, "model": {**few["model"], "prior": prior, "encoder": "mamba"}})
    others = mda.observe(data.take(np.array([0])), 0.02, seed=0).replace(support=None)
    found = []
    for value in (-1.0, 1.0):
        station = Observations.from_points([[0.0, 179.0]], [value])
        joined = Observations(
            *(
                torch.cat([getattr(o, part) for o in (others, station)], dim=1)
                for part in ("coords", "values", "mask")
            )
        )
        places = np.array([[0.0, 177.0], [0.0, -179.0]])
        found.append(model.predict(joined, places).mean[0, :, 0])
    return abs(found[1] - found[0])


@pytest.mark.parametrize("prior", ["analogue", "none"])
def test_a_station_on_one_side_of_the_seam_informs_the_other(prior, few):
    before, across = moved_beside_the_seam(few, prior, periodic=True)
    assert before > 0.1
    assert across > 0.5 * before


def test_where_an_axis_does_not_close_it_is_far_away(few):
    before, across = moved_beside_the_seam(few, "none", periodic=False)
    assert before > 0.1
    assert across < 0.3 * before


# 12. A gap, a land cell and an absent variable never leak a value into anything.


def gappy(hidden: bool) -> FieldData:
    """Fields with land, clouds and an absent variable; zeros or anything may lie there."""
    values = np.stack([swell(), np.exp(swell(seed=1))], axis=-1)
    mask = np.ones(values.shape, dtype=bool)
    mask[:, :5, :6] = False
    mask[2, 8:12, 8:16] = False
    mask[5, ..., 0] = False
    mask[::4, 13, :, 1] = False
    rng = np.random.default_rng(3)
    values[~mask] = rng.choice(HIDDEN, (~mask).sum()) if hidden else 1.0
    return from_array(
        values,
        mask=mask,
        axes={"lat": LAT, "lon": LON},
        variables=["t", "chl"],
        transforms={"chl": "log"},
    )


def test_whatever_lies_under_a_gap_changes_nothing(few):
    answers = []
    for hidden in (False, True):
        data = gappy(hidden)
        assert np.flatnonzero(~data.grid.exists[:, 0]).tolist() == [0, 1, 2, 3, 4]
        model = FieldAutoencoder("tiny", changes=few, device="cpu").fit(data)
        some = data.take(np.array([2, 3, 5]))
        seen = mda.observe(some, 0.4, seed=1)
        predicted = model.predict(seen, n_draws=2, steps=2)
        points = mda.observe(some, 0.4, pattern="scattered", seed=1)
        answers.append([
            predicted.mean,
            predicted.draws,
            model.encode(seen),
            model.encode(points),
            mda.sample(model, 2, steps=1).values,
            np.array(sorted(map(repr, mda.evaluate(predicted, some).items()))),
        ])  # fmt: skip
        assert np.isnan(predicted.mean[:, :5, :6]).all()
        assert np.isfinite(predicted.mean[:, 5:]).all()
    for one, two in zip(*answers, strict=True):
        np.testing.assert_array_equal(one, two)


def test_what_lies_under_a_mask_is_not_looked_at_by_a_fitted_model(model, plain):
    valid = np.random.default_rng(0).random(plain.values.shape) < 0.7
    seen = []
    for filler in (0.0, 1e30, np.nan):
        values = np.where(valid, plain.values, filler)
        data = FieldData(plain.variables, plain.grid, values, valid).take(slice(2))
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            seen.append(model.predict(mda.observe(data, 0.5, seed=2)).mean)
    assert np.array_equal(seen[0], seen[1])
    assert np.array_equal(seen[0], seen[2])
