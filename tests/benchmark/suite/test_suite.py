"""Contract 10 on a small part of the suite, and how the suite measures."""

from dataclasses import dataclass, replace

import numpy as np
import pytest

from mamba_diffae.benchmark.suite import (
    CELLS,
    FAMILIES,
    Candidate,
    ErrorCache,
    Family,
    SuiteResult,
    prior_candidate,
    run_suite,
)
from mamba_diffae.benchmark.suite.errors import deviations, field_errors
from mamba_diffae.benchmark.suite.families import spread_order
from mamba_diffae.benchmark.suite.result import LEAST_HIGH
from mamba_diffae.evaluation import Kriging, Nearest, untouched
from mamba_diffae.fields import FieldData, Grid, Prediction, Variable, observe
from mamba_diffae.sources import open_field

NEVER = float("inf")
SLOW = pytest.mark.slow


class Shifted(Nearest):
    """A method that errs on purpose."""

    name = "shifted"

    def predict(self, observations, targets):
        found = super().predict(observations, targets)
        return replace(found, mean=found.mean + 1000)


def small(count=24, seed=0, variables=2):
    rng = np.random.default_rng(seed)
    waves = np.linspace(0, 3, 12)
    y, x = np.meshgrid(waves, waves, indexing="ij")
    phase, slope = rng.uniform(0, 6, (2, count, 1, 1, variables))
    values = np.sin(y[None, ..., None] * slope / 3 + phase) + np.cos(x[None, ..., None] + slope)
    grid = Grid.regular(((0, 120), (0, 120)), (12, 12), units=("km", "km"))
    splits = np.repeat(["train", "val", "test"], count // 3)
    kinds = [Variable.of_values(f"v{c}", values[..., c].ravel(), "K") for c in range(variables)]
    return FieldData(kinds, grid, values * 40 + 7, splits=splits)


def test_the_suite_is_that_of_the_contract():
    assert len(FAMILIES) == 11
    assert [c.fraction for c in CELLS.values() if c.pattern == "random"] == [0.02, 0.05, 0.2, 0.6]
    others = {c.pattern: c.fraction for c in CELLS.values() if c.pattern != "random"}
    names = ("block", "stripes", "clusters", "track", "scattered")
    assert others == dict.fromkeys(names, 0.2)


@pytest.mark.parametrize("pattern", ["random", "block", "track", "scattered"])
def test_only_cells_without_an_observation_are_scored(pattern):
    data = small()
    seen = observe(data, 0.3, pattern=pattern)
    free = untouched(data.grid, seen).reshape(len(data), -1, data.n_variables)
    edges = np.linspace(0, 120, 13)
    for b, part in enumerate(seen.fields()):
        y, x = (np.digitize(column, edges) - 1 for column in part.coords[0].numpy().T)
        assert set(np.flatnonzero(~free[b, :, 0])) == set((12 * y + x).tolist())


def test_errors_are_in_deviations_of_the_variable_and_not_clipped():
    data = small()
    seen, deviation = observe(data, 0.2), deviations(data)
    assert deviation == pytest.approx(data.values.reshape(-1, 2).std(axis=0))
    far = Prediction.of_mean(data.values + 100 * deviation, np.full(data.values.shape, 1e-9))
    found = field_errors(far, data, seen, deviation)
    assert found.mse == pytest.approx([1e4, 1e4])
    assert found.mean_crps == pytest.approx([100, 100])


def test_what_was_observed_changes_no_score():
    data = small()
    seen, deviation = observe(data, 0.2), deviations(data)
    wrong = data.values + 1000 * ~untouched(data.grid, seen)
    assert field_errors(Prediction.of_mean(wrong), data, seen, deviation).mse == pytest.approx(0)


def test_every_beginning_of_the_order_has_as_many_groups_as_it_can():
    groups = np.random.default_rng(0).integers(0, 7, 60)
    ordered = groups[spread_order(groups)]
    for count in range(1, 60):
        assert len(set(ordered[:count])) == min(count, 7)


def test_a_method_against_itself_has_no_difference_and_a_bad_one_fails():
    mine = Family("mine", small(30))
    found = run_suite({"twin": Kriging, "bad": Shifted}, families=[mine], cells=["20 %"])
    twin, bad = found.of("twin"), found.of("bad")
    assert [row.variable for row in twin] == ["v0", "v1"]
    assert [row.against["kriging"] for row in twin] == pytest.approx([0, 0], abs=1e-9)
    assert [row.crps for row in twin] == pytest.approx([1, 1])
    assert not any(row.passed for row in bad)
    assert all(row.worst <= row.estimate + 1e-9 for row in bad)
    assert found.table().count("\n* ") == 1
    assert found.table(every_variable=True).count("\n* ") == len(found.failed)
    assert SuiteResult.from_dict(found.to_dict()).table() == found.table()


def test_the_rival_is_chosen_on_validation_fields_alone():
    data = small(60)
    noise = np.random.default_rng(1).normal(size=data.values.shape) * 200
    chosen = {}
    for split in ("val", "test"):
        rows = (data.splits == split)[:, None, None, None]
        spoilt = FieldData(
            data.variables, data.grid, data.values + noise * rows, splits=data.splits
        )
        found = run_suite({"twin": Kriging}, families=[Family("mine", spoilt)], cells=["60 %"])
        chosen[split] = found.rows[0].rival
    assert chosen["val"] != chosen["test"]


def test_a_foreign_method_is_compared_with_kriging_and_by_its_own_limits():
    fitted = Nearest().fit(small().split("train"))
    foreign = Candidate("foreign", lambda data: fitted, "foreign")
    none = Candidate("elsewhere", lambda data: None, "foreign")
    ours = {"foreign": foreign, "elsewhere": none}
    found = run_suite(ours, families=[Family("mine", small(seed=1))], cells=["20 %"])
    assert {row.method for row in found.rows} == {"foreign"}
    assert {row.rival for row in found.rows} == {"kriging"}
    row = replace(found.rows[0], estimate=-0.4, high=-0.2)
    assert row.passed
    assert not replace(row, training="own").passed
    assert not replace(row, high=-0.35).passed


def test_fields_are_added_until_the_interval_is_narrow_and_nothing_is_measured_twice(tmp_path):
    asked = []

    class Counting(Kriging):
        name = "counting"

        def predict(self, observations, targets):
            asked.append(len(observations))
            found = super().predict(observations, targets)
            return replace(found, mean=found.mean + 0.1)

    # Beside kriging, from which it hardly differs.
    mine = Candidate("counting", lambda data: Counting().fit(data), "foreign", version="1")
    options = {"families": [Family("mine", small(90))], "cells": ["5 %"], "cache": tmp_path}
    few = run_suite({"a": mine}, fields=8, half_width=NEVER, **options)
    assert (few.rows[0].fields, sum(asked)) == (8, 8)
    more = run_suite({"a": mine}, fields=8, half_width=1e-9, **options)
    assert (more.rows[0].fields, sum(asked)) == (30, 30)
    again = run_suite({"a": mine}, fields=30, half_width=NEVER, **options)
    assert sum(asked) == 30
    assert again.table() == more.table()
    other = replace(mine, version=lambda data: f"2 of {len(data)}")
    run_suite({"a": other}, fields=8, half_width=NEVER, **options)
    assert sum(asked) == 38
    taken = {**options, "cache": ErrorCache(tmp_path, any_version=True)}
    run_suite({"a": mine}, fields=8, half_width=NEVER, **taken)
    assert sum(asked) == 38


def test_a_row_that_has_failed_calls_for_no_more_fields():
    class Noisy(Nearest):
        """Bad everywhere, and worse in some fields than in others."""

        def predict(self, observations, targets):
            found = super().predict(observations, targets)
            size = 1e4 * np.random.default_rng(0).gamma(0.5, size=(len(found.mean), 1, 1, 1))
            return replace(found, mean=found.mean + size)

    options = {"families": [Family("mine", small(90))], "cells": ["5 %"], "fields": 16}
    (first, *_) = run_suite({"bad": Noisy}, **options).rows
    assert first.fields == 16
    assert first.half_width > 0.25


def test_more_test_fields_change_nothing_that_is_learned():
    plain, more = small(30), small(90, seed=1)
    family = Family("mine", plain, more=more)
    data = family.open()
    assert {s: int((data.splits == s).sum()) for s in ("train", "val", "test")} == {
        "train": 10, "val": 10, "test": 40,
    }  # fmt: skip
    assert data.variables == plain.variables
    assert (data.values[:30] == plain.values).all()
    assert len(set(data.groups.tolist())) == len(data)
    assert (data.values[30:] == more.split("test").values).all()


@pytest.mark.parametrize("name", ["gaussian smooth", "fronts", "plateaus", "two variables"])
def test_generated_families_have_more_test_fields_unlike_all_others(name):
    data = FAMILIES[name].open()
    assert len(data.split("train")) == 120
    assert len(data.split("val")) == 32
    assert len(data.split("test")) == 48 + 240
    assert len(np.unique(data.values.reshape(len(data), -1), axis=0)) == len(data)
    near = np.corrcoef(data.values[..., 0].reshape(len(data), -1)) - np.eye(len(data))
    assert near.max() < 0.999


@pytest.mark.parametrize(
    ("name", "chosen"), [("family", {"families": ["emojis"]}), ("cell", {"cells": ["20%"]})]
)
def test_an_unknown_name_is_told_with_the_nearest(name, chosen):
    with pytest.raises(ValueError, match=f"Unknown {name}.*did you mean"):
        run_suite({}, **chosen)


PRIOR = "mixture"
"""The prior that must never be worse than the best simple method."""


@dataclass(frozen=True, eq=False)
class Coarse:
    """A family of the suite at 16 × 16 cells, with a quarter of its validation fields."""

    name: str

    def open(self):
        data = open_field(FAMILIES[self.name].source).at((16, 16))
        val = np.flatnonzero(data.splits == "val")
        return data.take(np.setdiff1d(np.arange(len(data)), val[len(val) // 4 :]))


@pytest.mark.parametrize(
    ("families", "cells"),
    [
        pytest.param([Coarse("gaussian medium"), Coarse("fronts")], ["5 %", "block"], id="coarse"),
        pytest.param(
            ["gaussian medium", "fronts"], ["5 %", "20 %", "block"], id="whole", marks=SLOW
        ),
    ],
)
def test_contract_10_on_a_part_of_the_suite(families, cells):
    """With so few fields the interval tells what can be told: no row lies 0.1 dB behind."""
    ours, count = {PRIOR: prior_candidate(PRIOR)}, len(families) * len(cells)
    found = run_suite(ours, families=families, cells=cells, fields=16, half_width=NEVER)
    behind = [row for row in found.rows if row.high < LEAST_HIGH["own"]]
    assert len(found.rows) == count
    assert not behind, found.table()
