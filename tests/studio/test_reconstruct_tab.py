"""The tab "Reconstruct", without a browser: what a person does changes what is shown."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from mamba_diffae.studio.observation_controls import ObservationTable
from mamba_diffae.studio.observing import Edits
from mamba_diffae.studio.opening import Source
from mamba_diffae.studio.painting import cells_near
from mamba_diffae.studio.reconstruct_tab import Reconstruction
from mamba_diffae.studio.source_controls import SourceControls
from mamba_diffae.studio.uploading import Upload


def headings(tab: Reconstruction) -> dict[str, str]:
    return {name: shown.heading.object for name, shown in tab.maps.items()}


def test_the_mean_is_asked_for_at_the_start_and_after_each_change(session, asked):
    tab = Reconstruction(session)
    assert asked == ["mean"]
    assert "205 of 1,024 cells" in headings(tab)["Observations"]
    tab.observing.share.value = 50
    tab.observing.pattern.value = "block"
    assert asked == ["mean"] * 3
    assert session.settings.fraction == 0.5
    assert session.settings.pattern == "block"


@pytest.mark.slow
def test_what_is_found_is_shown(session):
    tab = Reconstruction(session)
    assert session.worker.wait(250)
    shown = headings(tab)
    assert " dB" in shown["Mean"]
    assert " dB" in shown["Kriging"]
    assert "of 4 draws" in shown["Deviation"]
    assert "like the training fields" in tab.said.object


def test_while_another_tab_is_open_nothing_is_asked(session, asked):
    Reconstruction(session)
    session.open_tab(3)
    session.observe(fraction=0.4)
    assert asked == ["mean"]
    session.open_tab(0)
    assert asked == ["mean", "mean"]


def test_taps_and_strokes_change_what_is_observed(session, asked):
    tab = Reconstruction(session)
    there = tab.brush
    cell = session.observed.cells[0]
    row, column = divmod(cell, 32)
    here = SimpleNamespace(y=(row + 0.5) / 32, x=(column + 0.5) / 32)
    there._tap(here)
    assert cell not in session.observed.cells
    there._tap(here)
    assert cell in session.observed.cells
    for x in (0.1, 0.5, 0.9):
        there._move(SimpleNamespace(y=0.5, x=x))
    there._lift(None)
    assert not any(14 < c // 32 < 17 and 4 < c % 32 < 28 for c in session.observed.cells)


def test_all_taken_away_is_said_and_the_page_goes_on(session, asked):
    told = []
    session.show_message = told.append
    tab = Reconstruction(session)
    session.edit(session.edits.remove(frozenset(range(1024))))
    assert "Nothing is observed" in told[-1]
    tab.observing.undo.clicks += 1
    assert told[-1] == ""
    assert len(session.observed.cells) == 205


def test_what_cannot_be_opened_leaves_all_as_it_was(session):
    told = []
    session.show_message = told.append
    controls = SourceControls(session)
    before = session.source
    controls._uploaded("a.png", b"no picture")
    assert session.worker.wait(250)
    assert "cannot be decoded" in told[-1]
    assert session.source is before
    assert controls.fields.value == "emoji"


def test_what_was_refused_meanwhile_is_still_told_when_something_else_was_opened(session):
    told, show = [], []
    session.show_message = told.append
    tab = Reconstruction(session)
    controls = SourceControls(session)
    session.worker.run = lambda kind, work, shown, **more: show.append((work, shown))
    controls.fields.value = "photographs"
    assert told[-1] == "photographs is being opened …"
    controls.upload._process_event(part("a.exe", 1, 1, b""))
    assert "a.exe is no kind of file" in told[-1]
    work, shown = show[-1]
    shown(work())
    assert session.source.label == "photographs"
    tab._show_mean(session.question(), session.question().mean())
    assert "a.exe is no kind of file" in told[-1]
    controls._step(1)
    assert told[-1] == ""


def test_nothing_observed_is_told_no_more_of_another_source(session, asked):
    told = []
    session.show_message = told.append
    Reconstruction(session)
    session.edit(session.edits.remove(frozenset(range(1024))))
    assert "Nothing is observed" in told[-1]
    session.open_source(session.source)
    assert told[-1] == ""


@pytest.fixture
def land(session):
    """A field with gaps in its upper rows; what is told of it."""
    told, values = [], session.data.values.astype(np.float32)
    values[:, :48] = np.nan
    session.open_source(Source("a.npy", replace(session.data, values=values, valid=None)))
    session.show_message = told.append
    return told


def test_where_there_is_no_value_that_is_told(session, asked, land):
    tab = Reconstruction(session)
    table = ObservationTable(session)
    table.view.collapsed = False
    acts = (
        lambda: table._add(5),
        lambda: table._take(5, (1.0, 2.0, 3.0)),
        lambda: tab._tapped(5),
        lambda: tab._stroked(frozenset({5, 6}), True),
    )
    for act in acts:
        land.clear()
        act()
        assert "There is no value there" in land[-1]
    assert session.edits == Edits()
    tab._stroked(frozenset({5, 1000}), True)
    assert land[-1] == ""


def part(name: str, number: int, of: int, content: bytes) -> SimpleNamespace:
    data = {"name": name, "chunk": number, "total_chunks": of, "data": content}
    return SimpleNamespace(event_name="upload_event", data=data)


def test_uploads_come_in_parts_and_end_at_the_limit(monkeypatch):
    monkeypatch.setattr("mamba_diffae.studio.uploading.UPLOAD_LIMIT", 5)
    files, told = [], []
    upload = Upload(lambda *file: files.append(file), told.append)
    for number in (1, 2):
        upload._process_event(part("a.png", number, 2, b"ab"))
    assert files == [("a.png", b"abab")]
    for number in range(1, 5):
        upload._process_event(part("b.png", number, 4, b"abc"))
    upload._process_event(part("c.exe", 1, 1, b"a"))
    assert len(files) == 1
    assert [text.split()[0] for text in told] == ["b.png", "c.exe"]


def test_cells_near_places_stay_within_the_grid(session):
    lattice = session.observed.lattice
    assert cells_near(lattice, [(0.0, 0.0)], 3) == {0, 1, 32, 33}
    assert cells_near(lattice, [(1.0, 1.0)], 1) == {1023}
    assert cells_near(lattice, [(-0.1, 0.5), (0.5, 7.0)], 5) == set()
    assert np.ptp([c % 32 for c in cells_near(lattice, [(0.5, 0.5)], 5)]) == 4


def test_of_another_model_nothing_is_laid_that_was_asked_before(session, library):
    tab = Reconstruction(session)
    assert session.worker.wait(250)
    told = []
    session.worker.on_error = told.append
    waiting = []
    session.worker.dispatch = waiting.append
    session.observe(fraction=0.3)
    assert session.worker.wait(250)
    session.open_tab(3)
    opened = library.model("weather-96")
    session.take_model(opened, library.packaged(opened))  # it was being opened meanwhile
    before = tab.maps["Mean"].heading.object
    for show in waiting:
        show()
    assert told == []
    assert tab.maps["Mean"].heading.object == before


def test_a_variable_without_a_value_in_a_field_can_be_chosen(session, asked, library):
    opened = library.model("weather-96")
    data = library.packaged(opened).data.take([0, 1])
    values = data.values.copy()
    values[0, ..., 1] = np.nan
    tab = Reconstruction(session)
    session.take_model(opened, Source("a.nc", replace(data, values=values)))
    session.choose_variable(1)
    assert asked == ["mean"] * 3
    assert tab._limits == data.variables[1].limits


def test_the_model_that_is_there_may_be_chosen_again_before_another_one_is_opened(session):
    controls = SourceControls(session)
    opening = []
    session.worker.run = lambda kind, work, show, **more: opening.append(
        (session.worker.cancel(kind), work, show)
    )
    controls.model.value = "weather-96"
    controls.model.value = "emoji-96"
    assert len(opening) == 1
    assert session.worker.cancel("opening") > opening[0][0] + 1  # nobody waits for it


def test_after_a_refused_file_the_variable_that_is_shown_stays_chosen(session, asked, library):
    opened = library.model("weather-96")
    session.take_model(opened, library.packaged(opened))
    controls = SourceControls(session)
    controls.variable.value = 2
    controls._changed("model")
    assert session.variable == controls.variable.value == 2
