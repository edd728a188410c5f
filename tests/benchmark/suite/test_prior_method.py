"""A prior by itself as a method: the user's units and places, any targets, gaps."""

from dataclasses import replace

import numpy as np
import pytest

from mamba_diffae.benchmark.suite import PriorMethod, prior_candidate
from mamba_diffae.fields import FieldData, Grid, NotFittedError, Observations, Variable, observe

PRIORS = ["kriging", "analogue"]


def smooth(scale=1.0, offset=0.0, side=1.0):
    """Waves on a square of a side, in a unit."""
    rng = np.random.default_rng(0)
    y, x = np.meshgrid(*[np.linspace(0, 3, 12)] * 2, indexing="ij")
    phase, slope = rng.uniform(0, 6, (2, 20, 1, 1, 2))
    values = np.sin(y[None, ..., None] + phase) + np.cos(x[None, ..., None] * slope / 4 + slope)
    values = values * scale + offset
    kinds = [Variable.of_values(f"v{c}", values[..., c].ravel()) for c in range(2)]
    return FieldData(kinds, Grid.regular([(0, side)] * 2, (12, 12)), values)


@pytest.mark.parametrize("prior", PRIORS)
def test_units_and_lengths_change_nothing(prior):
    plain, scaled = smooth(), smooth(1000, -5000, 300)
    ours, theirs = (
        PriorMethod(prior).fit(data).predict(observe(data, 0.2), data.grid)
        for data in (plain, scaled)
    )
    assert theirs.mean == pytest.approx(ours.mean * 1000 - 5000, abs=1)
    assert theirs.stated_std == pytest.approx(ours.stated_std * 1000, abs=1)
    assert (ours.stated_std >= 0).all()


@pytest.mark.parametrize("prior", PRIORS)
def test_it_is_better_than_the_mean_of_what_is_observed(prior):
    data = smooth()
    train, test = data.take(slice(14)), data.take(slice(14, 20))
    seen = observe(test, 0.1)
    found = PriorMethod(prior).fit(train).predict(seen, test.grid)
    means = seen.values.numpy().sum(axis=1) / seen.mask.numpy().sum(axis=1)
    flat = np.square(means[:, None, None] - test.values).mean()
    assert np.square(found.mean - test.values).mean() < 0.5 * flat


def test_familiarity_is_stated_by_a_prior_that_knows_it():
    data = smooth()
    train, test = data.take(slice(14)), data.take(slice(14, 20))
    seen = observe(test, 0.2)
    for prior in PRIORS:
        assert PriorMethod(prior).fit(train).predict(seen, test.grid).familiarity is None
    method = PriorMethod("mixture").fit(train)
    p = method.predict(seen, test.grid).familiarity
    other = Observations(seen.coords, seen.values.flip(1), seen.mask, seen.support)
    shuffled = method.predict(other, test.grid).familiarity
    assert p.shape == (6,)
    assert (p > 0).all()
    assert (p <= 1).all()
    assert np.median(shuffled) < np.median(p)


def test_stations_are_met_and_far_from_them_the_deviation_grows():
    data = smooth(10, 280, 100)
    method = PriorMethod("kriging").fit(data)
    stations = Observations.from_points([[10.0, 10.0], [20.0, 30.0]], [[290, 285], [288, 283]])
    found = method.predict(stations, np.array([[10.0, 10.0], [20.0, 30.0], [95.0, 95.0]]))
    assert found.mean[0, :2] == pytest.approx(np.array([[290, 285], [288, 283]]), abs=0.3)
    assert (found.stated_std[0, 2] > 3 * found.stated_std[0, :2]).all()


def test_coarser_targets_are_averages_of_the_native_cells():
    data = smooth()
    method, seen = PriorMethod("kriging").fit(data), observe(data, 0.2)
    fine, coarse = (method.predict(seen, data.grid.regrid((n, n))).mean for n in (12, 4))
    blocks = fine.reshape(len(data), 4, 3, 4, 3, 2).mean(axis=(2, 4))
    assert coarse == pytest.approx(blocks, abs=1e-4)


def test_gaps_in_training_fields_are_no_values():
    data = smooth().take(slice(2))
    valid = np.random.default_rng(1).random(data.values.shape) < 0.7
    holed = replace(data, values=np.where(valid, data.values, np.nan))
    seen = observe(data, 0.2)
    found, whole = (PriorMethod("kriging").fit(d).predict(seen, data.grid) for d in (holed, data))
    assert np.isfinite(found.mean).all()
    apart = np.square(found.mean - whole.mean).mean()
    assert apart < 0.1 * np.square(whole.mean - data.values).mean()


def test_it_is_fitted_first_and_known_by_name():
    with pytest.raises(NotFittedError, match="call fit"):
        PriorMethod("kriging").predict(observe(smooth(), 0.2), smooth().grid)
    with pytest.raises(ValueError, match="did you mean 'kriging'"):
        prior_candidate("krigging")
