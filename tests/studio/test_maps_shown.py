"""What the maps of the tab "Reconstruct" show: nothing of before, in one frame."""

from dataclasses import replace
from types import SimpleNamespace

from mamba_diffae.fields import Axis, FieldData, Grid
from mamba_diffae.studio.asking import common_region
from mamba_diffae.studio.opening import Source
from mamba_diffae.studio.reconstruct_tab import Reconstruction


def images(shown) -> list:
    drawn = shown.figure.renderers
    return [image for one in drawn for image in one.data_source.data.get("image", [])]


def test_with_nothing_observed_the_truth_is_all_that_is_shown(session):
    tab = Reconstruction(session)
    assert session.worker.wait(250)
    assert "of 0 to 255" in tab.bars["Deviation"].object
    session.edit(session.edits.remove(frozenset(range(1024))))
    shown = [name for name, shown in tab.maps.items() if images(shown)]
    assert shown == ["Truth"]
    assert not any(map(images, tab.drawn))
    assert tab.bars["Deviation"].object == ""


def moved(data, low: float, high: float, cells: int) -> Source:
    """Fields of a source on a part of their axes, or elsewhere, at fewer cells."""
    grid = Grid(tuple(Axis.regular(a.name, low, high, cells) for a in data.grid.axes))
    return Source("a.nc", FieldData(data.variables, grid, data.values[:2, :cells, :cells]))


def test_of_fields_outside_of_the_model_only_they_themselves_are_shown(session):
    told = []
    session.show_message = told.append
    session.worker.on_error = lambda error: session.tell(str(error))
    tab = Reconstruction(session)
    assert session.worker.wait(250)
    session.open_source(elsewhere := moved(session.data, 4.0, 5.0, 40))
    assert session.worker.wait(250)
    assert "outside the grid" in told[-1]
    shown = [name for name, shown in tab.maps.items() if images(shown)]
    assert shown == ["Observations", "Truth"]
    truth = tab.maps["Truth"].figure
    assert (truth.x_range.start, truth.x_range.end) == (4.0, 5.0)
    assert tab.said.object.count("training fields") == 0
    session.open_source(replace(elsewhere, data=session.library.packaged(session.opened).data))
    assert session.worker.wait(250)
    assert told[-1] == ""
    assert images(tab.maps["Kriging"])


def test_where_kriging_fails_nothing_of_before_is_left(session, monkeypatch):
    tab = Reconstruction(session)
    assert session.worker.wait(250)

    def fail(*given):
        raise MemoryError

    monkeypatch.setattr("mamba_diffae.studio.asking.Kriging.predict", fail)
    told = []
    session.show_message = told.append
    session.observe(fraction=0.3)
    assert session.worker.wait(250)
    assert "MemoryError" in told[-1]
    shown = [name for name, shown in tab.maps.items() if images(shown)]
    assert shown == ["Observations", "Truth", "Mean", "Mean to kriging"]
    assert not any(map(images, tab.drawn))


def test_maps_of_a_part_of_the_region_have_the_frame_of_the_model(session):
    tab = Reconstruction(session)
    session.open_source(moved(session.data, 0.25, 0.75, 32))
    assert session.worker.wait(250)
    for shown in (*tab.maps.values(), *tab.drawn[:4]):
        x, y = shown.figure.x_range, shown.figure.y_range
        assert (x.start, x.end, y.start, y.end) == (0, 1, 1, 0)
        assert shown.figure.aspect_ratio == 1
    box = tab.maps["Truth"].figure.renderers[0].data_source.data
    assert (box["x"], box["dw"], box["y"], box["dh"]) == ([0.25], [0.5], [0.25], [0.5])
    cell = next(c for c in range(1024) if c not in session.observed.cells)
    row, column = divmod(cell, 32)
    place = {name: 0.25 + (i + 0.5) / 64 for name, i in (("y", row), ("x", column))}
    tab.brush._tap(SimpleNamespace(**place))
    assert session.edits.added == {cell}
    tab.brush._tap(SimpleNamespace(x=0.1, y=0.1))  # outside of the field
    assert session.edits.added == {cell}


def test_a_model_of_windows_is_shown_where_its_fields_lie(library):
    weather = library.model("weather-96").estimator
    whole = weather.grid
    part = Grid(
        (
            Axis.regular("lat", 30, 60, 30, "degrees_north"),
            Axis.regular("lon", 10, 50, 40, "degrees_east"),
        )
    )
    assert common_region(weather, part) is part
    assert common_region(weather, whole) is whole
    assert common_region(weather, Grid.default((4, 4))) is None


def test_of_another_model_that_is_opened_behind_another_tab_no_draw_is_left(session, library):
    tab = Reconstruction(session)
    assert session.worker.wait(250)
    assert images(tab.drawn[0])
    assert "of 0 to 255" in tab.bars["Deviation"].object
    session.open_tab(3)
    opened = library.model("weather-96")
    session.take_model(opened, library.packaged(opened))
    assert not images(tab.drawn[0])
    assert tab.bars["Deviation"].object == ""
