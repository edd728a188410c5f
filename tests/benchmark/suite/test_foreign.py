"""Methods fitted on other fields: other regions, units and numbers of variables change nothing."""

from dataclasses import replace

import numpy as np
import pytest

from mamba_diffae.benchmark.suite import Family, ForeignMethod, Home, foreign_prior_candidate
from mamba_diffae.evaluation import Kriging, Nearest
from mamba_diffae.fields import FieldData, Grid, Prediction, Variable, observe


def waves(count=6, seed=0, *, shape=(12, 12), variables=3, splits=None):
    """Smooth pictures from 0 to 255 on a square without a unit."""
    rng = np.random.default_rng(seed)
    y, x = np.meshgrid(*(np.linspace(0, 3, n) for n in shape), indexing="ij")
    phase, slope = rng.uniform(0, 6, (2, count, 1, 1, variables))
    values = np.sin(y[None, ..., None] * slope / 3 + phase) + np.cos(x[None, ..., None] + slope)
    pictures = 255 * (values + 2) / 4
    kinds = [Variable.of_values(f"v{c}", pictures[..., c].ravel()) for c in range(variables)]
    return FieldData(kinds, Grid.default(shape), pictures, splits=splits)


def elsewhere(data, factor=0.02, offset=270.0):
    """The same fields in kelvin, on a map in kilometres, with limits that follow."""
    region = ((100.0, 900.0), (-40.0, 1560.0))
    grid = Grid.regular(region, data.shape, ("north", "east"), ("km", "km"))
    values = data.values * factor + offset
    kinds = [
        replace(v, unit="K", limits=tuple(factor * x + offset for x in v.limits))
        for v in data.variables
    ]
    return FieldData(kinds, grid, values)


@pytest.mark.parametrize("pattern", ["random", "scattered"])
def test_region_and_unit_change_nothing(pattern):
    home = waves()
    away, fitted = elsewhere(home), Kriging().fit(home)
    foreign = ForeignMethod.of(fitted, Home(home.grid, home.variables), away)
    ours = fitted.predict(observe(home, 0.2, pattern=pattern), home.grid)
    theirs = foreign.predict(observe(away, 0.2, pattern=pattern), away.grid)
    assert theirs.mean == pytest.approx(ours.mean * 0.02 + 270, abs=1e-3)
    assert theirs.stated_std == pytest.approx(ours.stated_std * 0.02, abs=1e-4)
    assert theirs.grid == away.grid


def test_coarser_cells_are_asked_where_they_lie():
    home = waves()
    away = elsewhere(home)
    foreign = ForeignMethod.of(Nearest().fit(home), Home(home.grid, home.variables), away)
    seen = observe(away, 1.0)
    found = foreign.predict(seen, away.grid.regrid((6, 6)))
    assert found.mean == pytest.approx(
        Nearest().fit(away).predict(seen, away.grid.regrid((6, 6))).mean, abs=1e-3
    )


class Tinted(Nearest):
    """Answers 0, 3 and 6 above what it was told."""

    def predict(self, observations, targets):
        found = super().predict(observations, targets)
        assert (observations.values == observations.values[..., :1]).all()
        std = np.full(found.mean.shape, 255.0)
        told = Prediction.of_mean(found.mean + np.array([0, 3, 6]), std, targets)
        return replace(told, familiarity=np.arange(1.0, len(std) + 1) / 10)


def test_one_variable_is_given_as_three_equal_ones_and_their_answers_are_averaged():
    colour, grey = waves(), elsewhere(waves(variables=1))
    kinds = [replace(v, limits=(0.0, 255.0)) for v in colour.variables]
    grey = replace(grey, variables=[replace(grey.variables[0], limits=(270.0, 275.1))])
    foreign = ForeignMethod.of(Tinted().fit(colour), Home(colour.grid, kinds), grey)
    found = foreign.predict(observe(grey, 1.0), grey.grid)
    assert found.mean.shape == grey.values.shape
    assert found.mean == pytest.approx(grey.values + 3 * 0.02, abs=1e-3)
    assert found.stated_std == pytest.approx(np.full(grey.values.shape, 5.1), abs=1e-5)
    assert found.familiarity == pytest.approx(np.arange(1, 7) / 10)


def test_another_number_of_variables_or_axes_is_not_asked():
    home = waves()
    fitted, place = Kriging().fit(home), Home(home.grid, home.variables)
    assert ForeignMethod.of(fitted, place, waves(variables=2)) is None
    line = FieldData(home.variables[:1], Grid.default((12,)), np.zeros((2, 12, 1)))
    assert ForeignMethod.of(fitted, place, line) is None


def test_a_prior_from_one_family_is_asked_about_others_alone():
    splits = np.repeat(["train", "val", "test"], 4)
    home = Family("colours", waves(12, splits=splits))
    candidate = foreign_prior_candidate("kriging", home)
    assert (candidate.training, candidate.known_families) == ("foreign", {"colours"})
    assert candidate.key == "kriging prior from colours"
    grey = elsewhere(waves(variables=1))
    found = candidate.fit(grey).predict(observe(grey, 0.4), grey.grid)
    assert abs(found.mean - grey.values).mean() < 0.3 * grey.values.std()
    assert candidate.fit(waves(variables=2)) is None
