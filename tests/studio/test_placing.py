"""Sensors beside what is observed of one field."""

import re
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from mamba_diffae.placement import place_sensors
from mamba_diffae.studio.figures import FieldMap
from mamba_diffae.studio.marks import NumberedMarks
from mamba_diffae.studio.placement_tab import WhereNext
from mamba_diffae.studio.placing import PlacementQuestion


@pytest.fixture
def tab(session):
    made = WhereNext(session)
    made.count.value = 2
    session.open_tab(1)
    assert session.worker.wait(250)
    return made


def test_nothing_is_computed_before_the_tab_is_opened(session):
    made = WhereNext(session)
    session.observe(fraction=0.1)
    assert session.worker.wait(10)
    assert made.said.object == ""


def test_the_sensors_and_their_errors(session, tab):
    found = place_sensors(session.model, 2, existing=session.observations())
    np.testing.assert_array_equal(tab.marks.places, found.coords)
    assert tab.curve.expected.data["x"] == tab.curve.actual.data["x"] == [0, 1, 2]
    np.testing.assert_allclose(tab.curve.expected.data["y"], found.expected.mean(axis=1))
    said = tab.said.object
    assert "the expected RMSE, mean of red, green, blue (0 to 255), falls" in said
    assert f"from {found.expected[0].mean():.3g} to {found.expected[2].mean():.3g};" in said
    first, *_, last = tab.curve.actual.data["y"]
    assert f"Measured on this field it goes from {first:.3g} to {last:.3g}." in said
    assert [row.visible for row in tab.table.rows[:3]] == [True, True, False]
    first = session.model.predict(session.observations()).mean
    error = np.sqrt(np.square(first - session.truth.values, dtype=np.float64).mean((0, 1, 2)))
    np.testing.assert_allclose(tab.curve.actual.data["y"][0], error.mean(), rtol=1e-4)
    told = tab.table.cells[1].object
    assert f"{found.coords[1, 0]:.4g}" in told
    assert f"{tab.curve.actual.data['y'][2]:.4g}" in told


def test_a_click_on_a_number_or_a_button_accepts_a_sensor(session, tab):
    place = tab.marks.places[1]
    tab._tapped(place[0] + 0.01, place[1])
    assert session.edits.sensors == (tuple(place),)
    assert tab.all.disabled  # until the next ones are placed
    assert tab.table.buttons[0].disabled
    assert session.worker.wait(250)
    assert not any(np.allclose(place, other) for other in tab.marks.places)
    assert "1 accepted" in tab.seen.heading.object
    other = tab.marks.places[0]
    tab.table.buttons[0].clicks += 1
    assert session.edits.sensors == (tuple(place), tuple(other))
    tab.undo.clicks += 1
    assert session.edits.sensors == ()


def test_refusals_are_told_in_words(session, tab):
    session.observe(fraction=0.9)
    assert session.worker.wait(250)
    assert "lower the share that is observed" in tab.said.object
    assert not tab.results.visible
    weather = session.library.model("weather-96")
    session.take_model(weather, session.library.packaged(weather))
    assert session.worker.wait(250)
    assert "learned on windows" in tab.said.object


def test_errors_have_the_unit_of_their_variable(session):
    question = PlacementQuestion(session.model, session.observed, 1, variable=1)
    found = question.place()
    assert "the expected RMSE of green falls from" in question.expectation(found)
    kelvin = replace(session.model.variables[1], name="t2m", unit="K")
    question.__dict__["model"] = SimpleNamespace(variables=(kelvin, kelvin))
    told = question.expectation(found)
    assert re.search(r"RMSE of t2m falls from [\d.]+ K to [\d.]+ K; .* to [\d.]+ K\.$", told)
    assert question.measurement([24.22, 25, 24.46]).endswith("goes from 24.2 K to 24.5 K.")
    assert question.error_name == "RMSE of t2m in K"


def test_without_a_truth_there_is_only_what_is_expected(session):
    question = PlacementQuestion(session.model, session.observed, 1, whole=True)
    question.__dict__["truth"] = None
    assert list(question.measured(question.place())) == []


def test_a_tap_far_from_all_numbers_is_none():
    marks = NumberedMarks(FieldMap("").figure)
    assert marks.near(0.5, 0.5) is None
    marks.show(np.array([[0.2, 0.3], [0.8, 0.9]]))
    assert marks.near(0.82, 0.9) == 1
    assert marks.near(0.5, 0.5) is None
