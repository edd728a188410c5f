"""One person's state: changes are told, and nothing is shared."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from mamba_diffae.fields import Grid
from mamba_diffae.studio.observing import Edits
from mamba_diffae.studio.session import Session


def test_each_change_is_told(session):
    told = []
    session.on_change(told.append)
    session.show(2)
    session.observe(fraction=0.5)
    session.resize(64)
    session.draw(8)
    session.choose_variable(1)
    session.open_tab(2)
    session.open_source(session.source)
    session.take_model(session.opened, session.source)
    assert told == [
        "snapshot",
        "observations",
        "size",
        "draws",
        "variable",
        "tab",
        "source",
        "model",
    ]


def test_two_sessions_share_no_state(library):
    one, other = Session(library), Session(library)
    one.show(5)
    one.observe(fraction=0.9)
    one.edit(Edits().remove(frozenset([1])))
    assert (other.snapshot, other.settings.fraction) == (other.source.first, 0.2)
    assert other.edits == Edits()
    assert other.data.names[other.snapshot] == "hamster face"
    assert one.model is other.model
    assert one.worker is not other.worker


def test_changes_by_hand_stay_with_their_field_while_the_source_is_open(session):
    edits, number = Edits(sensors=((0.5, 0.5),)), session.snapshot
    session.edit(edits)
    session.show(1)
    assert session.edits == Edits()
    session.show(number)
    assert session.edits == edits
    session.show(1)
    session.open_source(session.source)
    assert session.edits == Edits()


def test_the_native_size_of_a_model_is_offered(session):
    assert session.sizes == [32, 64, 96, 256]
    opened = session.opened
    session.opened = SimpleNamespace(estimator=SimpleNamespace(grid=Grid.default((20, 28))))
    assert session.sizes == [28, 32, 64, 96, 256]
    session.opened = opened
    session.size = 28
    session.take_model(session.opened, session.source)
    assert session.size == 96


def test_how_a_file_was_read_is_told(session):
    told = []
    session.show_message = told.append
    session.open_source(replace(session.source, note="The picture is averaged."))
    assert told[-1] == "The picture is averaged."
    session.observe(fraction=0.5)
    assert told[-1] == ""


def test_what_an_event_raises_is_told(session):
    told = []
    session.show_message = told.append
    session.guarded(lambda: 1 / 0)()
    session.guarded(lambda: int("x"))()
    assert "ZeroDivisionError" in told[0]
    assert "invalid literal" in told[1]


def test_a_message_stays_until_a_person_does_something_else(session):
    told = []
    session.show_message = told.append
    session.tell("a.nc is no NetCDF file.")
    session.untell("b.nc is being read …")
    session.open_source(session.source)  # which was asked for before the file
    session.open_tab(1)
    assert told == ["a.nc is no NetCDF file."]
    session.observe(fraction=0.5)
    assert told[-1] == ""


def test_warnings_stand_behind_what_was_told_as_long_as_they_hold(session):
    told = []
    session.show_message = told.append
    session.tell("Read.")
    for kind, texts in (("mean", ("far outside",)), ("rest", ("far outside", "not calibrated"))):
        session.warn(kind, texts)
    assert told == ["Read.", "Read. far outside", "Read. far outside not calibrated"]
    session.untell("Read.")
    assert told[-1] == "far outside not calibrated"
    session.warn("mean", ("far outside",))
    assert len(told) == 4  # nothing is new
    session.warn("rest", ())
    assert told[-1] == "far outside"
    session.open_source(session.source)
    assert told[-1] == ""


def test_the_answer_is_that_of_the_model(session):
    expected = session.model.predict(session.observations(), 32)
    np.testing.assert_array_equal(session.question().mean().mean, expected.mean)


@pytest.mark.slow
def test_what_follows_the_mean_is_told_step_by_step(session):
    session.draw(8)
    question = session.question()
    mean = question.mean()
    told = list(question.rest(mean))
    assert [kind for kind, _ in told] == ["scores", "kriging", "draws", "draws"]
    few, all_ = (found for kind, found in told if kind == "draws")
    np.testing.assert_allclose(few.draws, all_.draws[:4], atol=1e-3)
    np.testing.assert_allclose(all_.mean, mean.mean, atol=1e-3)
    steps = dict(told)
    assert list(steps) == ["scores", "kriging", "draws"]
    assert steps["draws"].draws.shape == (8, 1, 32, 32, 3)
    kriged, scores = steps["kriging"]
    assert kriged.mean.shape == (1, 32, 32, 3)
    assert 10 < scores["psnr"] < steps["scores"]["psnr"]


def test_above_the_native_size_nothing_is_scored(session):
    session.resize(256)
    question = session.question()
    assert question.truth_there() is None
    assert question.grid.shape == (256, 256)
