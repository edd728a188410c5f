"""The parts of the tab "Latent", driven without a browser."""

from dataclasses import replace

import numpy as np
import pytest

from mamba_diffae.fields import FieldData, Grid, Variable, observe
from mamba_diffae.latent import interpolate
from mamba_diffae.studio import latent_map
from mamba_diffae.studio.latent_map import LatentMap, LatentMaps
from mamba_diffae.studio.latent_parts import LatentFields, with_gaps
from mamba_diffae.studio.latent_tab import LatentTab
from mamba_diffae.studio.mosaic import Mosaic
from mamba_diffae.studio.opening import Source


@pytest.fixture
def tab(session):
    return LatentTab(session)


def opened(session, tab, name):
    tab.chosen.value = name
    session.open_tab(2)
    assert session.worker.wait(300)


def test_nothing_is_computed_before_the_tab_is_opened(session, tab):
    tab.chosen.value = "Attributes"
    session.show(3)
    assert session.worker.wait(10)
    assert all(part.said.object == "" for part in tab.parts)


def test_gaps_are_no_values():
    values = np.array([[[280.0], [np.nan], [290.0]]])
    shown = with_gaps(FieldData([Variable("sst", "K")], Grid.default((3,)), values))
    np.testing.assert_array_equal(shown, values)


def test_it_is_said_at_once_what_is_being_made(session, tab, monkeypatch):
    monkeypatch.setattr(session.worker, "run", lambda *given, **more: None)
    session.open_tab(2)
    for part in tab.parts:
        tab.chosen.value = part.name
        assert " …" in part.said.object
        assert not part.results.visible


def test_the_way_is_that_of_the_library(session, tab):
    session.show(4)
    opened(session, tab, "Between two fields")
    ends = [session.data.take([i]) for i in (4, 5)]
    seen = [observe(end, 1.0, seed=i) for i, end in enumerate(ends)]
    way = interpolate(session.model, *seen, n_steps=25)
    np.testing.assert_allclose(tab.way._way.values, way.values, atol=1e-3)
    assert len(tab.way.strip.images) == 7
    assert tab.way.strip.marked
    tab.way.strip.mark(None)
    tab.way._tapped(6)
    assert tab.way.along.value == 24
    assert "way.values[24]" in tab.way.lines.object
    assert "mamba-diffae interpolate 4 5 --model emoji-96" in tab.way.lines.object
    python, shell = (copy.text for copy in tab.way.copies)
    assert python.endswith("field = way.values[24]")
    assert shell.startswith("mamba-diffae interpolate 4 5")
    tab.way.along.value = 5
    assert not tab.way.strip.marked  # it is none of those on the strip


def test_an_attribute_is_turned(session, tab):
    session.show(40)
    opened(session, tab, "Attributes")
    part = tab.edits
    assert part.attribute.value == "beard"
    assert part.attribute.options["hat or headwear (167)"] == "hat_or_headwear"
    assert len(part.strip.images) == 5
    assert part.changes.object.index("beard") < part.changes.object.index("·")
    free = part.strip.images[4].copy()
    part.keeps.value = True
    assert session.worker.wait(300)
    assert "condition_on_points=True" in part.lines.object
    kept, still = part.strip.images[4], part.strip.images[2]
    assert (kept != still).mean() < (free != still).mean()
    part.amount.value = 0.0
    assert session.worker.wait(300)
    assert "mamba-diffae" not in part.lines.object.split("</pre>")[-1]


def test_eight_fields_come_from_nothing_and_again_by_their_seed(session, tab):
    opened(session, tab, "From nothing")
    part = tab.samples
    first = [image.copy() for image in part.grid.images]
    assert len(first) == 8
    part.seed.take(1)
    assert session.worker.wait(300)
    assert not np.array_equal(part.grid.images[0], first[0])
    part.seed.take(0)
    assert session.worker.wait(300)
    np.testing.assert_array_equal(part.grid.images, first)
    assert "mamba-diffae sample --model emoji-96" in part.lines.object


def test_after_the_largest_seed_comes_the_first(session, tab, monkeypatch):
    asked = []
    monkeypatch.setattr(tab.samples, "ask", lambda: asked.append(tab.samples.seed.seed))
    tab.samples.seed.take(10**6)
    tab.samples.another.clicks += 1
    tab.samples.seed.take(10**7)
    assert tab.samples.seed.widget.value == "0"
    tab.samples.seed.set(4)
    assert asked == [10**6, 0]


def test_a_model_without_a_flow_of_latents_says_so(session, tab, monkeypatch):
    without = replace(session.model.fitted, latent_flow=None)
    monkeypatch.setattr(session.model, "_fitted", without)
    opened(session, tab, "From nothing")
    assert "no flow of latents" in tab.samples.said.object
    assert not tab.samples.results.visible


def test_a_model_of_windows_is_refused_in_words_in_each_part(session, tab):
    weather = session.library.model("weather-96")
    session.take_model(weather, session.library.packaged(weather))
    for part in tab.parts:
        opened(session, tab, part.name)
        assert "learned on windows" in part.said.object
        assert part.lines.object == ""


def test_a_click_on_the_map_shows_the_field_and_takes_it(session, tab, monkeypatch):
    monkeypatch.setattr(latent_map, "MOST", 9)
    monkeypatch.setattr("mamba_diffae.studio.latent_library.MAPS", LatentMaps())
    opened(session, tab, "Map")
    part = tab.library
    assert "9 fields" in part.said.object
    assert part.plane.places.shape == (9, 2)
    part._tapped(7)
    assert session.worker.wait(250)
    assert session.data.names[7] in part.field.heading.object
    assert "latents[7 : 8]" in part.lines.object
    *_, second, show = part.controls
    second.clicks += 1
    assert tab.chosen.value == "Between two fields"
    assert tab.way.second.value == 7
    show.clicks += 1
    assert session.snapshot == 7


def test_what_was_asked_of_another_field_is_not_shown(session, tab):
    session.open_tab(2)
    session.show(2)
    assert session.worker.wait(250)
    assert tab.way.first.value == 2
    assert session.data.names[2] in tab.way.ends[0].heading.object


def test_a_map_needs_three_fields(session):
    with pytest.raises(ValueError, match="needs 3 fields or more, and there are 2"):
        LatentMap(session.model, session.data.take(np.arange(2)))


def test_a_map_observes_its_fields_once(session, monkeypatch):
    calls = []
    data = session.data.take(np.arange(10))

    def counted(*given):
        calls.append(given)
        return observe(*given)

    monkeypatch.setattr(latent_map, "observe", counted)
    found = LatentMap(session.model, data)
    while not found.is_done:
        found.step()
    seen = observe(data, latent_map.FRACTION)
    each = [session.model.encode(seen[some]) for some in (slice(0, 4), slice(4, 8), slice(8, 12))]
    np.testing.assert_array_equal(found.latents, np.concatenate(each))
    assert len(calls) == 1
    assert found._seen is None


def test_maps_of_packaged_sets_are_shared_and_those_of_files_are_not(session):
    maps, few = LatentMaps(), session.data.take(np.arange(3))
    packaged, own = Source("emoji", few, packaged="emoji"), Source("a.npz", few, file="a.npz")
    first = maps.of(session.model, packaged, few)
    assert maps.of(session.model, packaged, few) is first
    assert maps.of(session.model, own, few) is not maps.of(session.model, own, few)
    first.step()
    assert first.is_done
    assert first.places("principal components").shape == (3, 2)


def test_the_field_under_a_tap_is_told(session):
    tapped = []
    mosaic = Mosaic(4, tapped.append)
    mosaic.lay([str(i) for i in range(8)], session.model.grid)
    for i in range(8):
        x, y = mosaic._corner(i)
        mosaic._tapped(type("Tap", (), {"x": x + 0.5, "y": y + 0.5}), tapped.append)
    assert tapped == [*range(8)]


def test_fields_stay_those_of_the_source_that_was_open(session, library):
    fields = LatentFields(session)
    before, was = fields.now(), session.data
    session.open_source(library.packaged(session.opened, "photographs"))
    now = fields.now()
    assert before().names == was.names  # as if it was computed while the other one was opened
    assert now().names == session.data.names
    assert before().names == was.names
