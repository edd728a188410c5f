"""The tab "Reconstruct" as a person uses it, in a browser."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from mamba_diffae import FieldData, observe, open_field
from mamba_diffae.studio.observing import Edits, ObservedField, Settings
from tests.studio.browser.conftest import FIRST
from tests.studio.browser.driver import apart, unlike

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(1800)]
CELLS = 32
"""Of the observed lattice, along each axis."""
LATTICE = (CELLS, CELLS)


def observed(truth, **settings) -> ObservedField:
    return ObservedField(truth, Settings(**settings), Edits())


def dataset_of(fields: FieldData):
    """Fields as a NetCDF file has them."""
    xarray = pytest.importorskip("xarray")
    along = {axis.name: axis.centres for axis in fields.grid.axes}
    dims = ("time", *along)
    names = [v.name for v in fields.variables]
    named = {name: (dims, fields.values[..., c]) for c, name in enumerate(names)}
    return xarray.Dataset(named, coords=along)


def test_what_is_seen_is_what_the_library_gives(visit, server, pictures, model):
    page = visit(server)
    truth = pictures.take([FIRST])
    page.shows("Truth", truth.values[0])
    mean = model.predict(observe(truth, 0.2), 96).mean[0]
    page.shows("Mean", mean)
    other = model.predict(observe(pictures.take([3]), 0.2), 96).mean[0]
    assert unlike(page.pixels("Mean"), other) > 20
    page.until(lambda: page.note("Deviation") == "of 8 draws", "all draws")
    told = model.predict(observe(truth, 0.2), 96, n_draws=8)
    page.shows("Draw 1", told.draws[0][0])
    page.shows("Draw 6", told.draws[5][0])
    assert page.observed() == (len(observed(truth).cells), CELLS**2)
    assert "dB" in page.note("Mean")
    assert "dB" in page.note("Kriging")
    page.says("is like the training fields (p = ")


def test_the_mean_follows_the_share_by_keyboard_and_by_mouse(visit, server, pictures, model):
    page = visit(server)
    truth, before = pictures.take([FIRST]), page.pixels("Mean")
    handle = page.slider("Share observed")
    handle.focus()
    for _ in range(3):
        handle.press("ArrowRight")
    page.becomes(len(observed(truth, fraction=0.23).cells))
    assert page.value("Share observed") == 23
    page.slide("Share observed", 0.8)
    share = page.value("Share observed")
    assert 60 < share < 95
    page.becomes(len(observed(truth, fraction=share / 100).cells))
    page.changed("Mean", before)
    page.shows("Mean", model.predict(observe(truth, share / 100), 96).mean[0])
    handle.press("Home")
    page.becomes(len(observed(truth, fraction=0.01).cells))


def test_pattern_noise_and_seed_change_what_is_observed(visit, server, pictures, model):
    page = visit(server)
    truth, before = pictures.take([FIRST]), page.pixels("Observations")
    page.choice("Pattern").select_option("block")
    block = observed(truth, pattern="block")
    page.becomes(len(block.cells))
    before = page.changed("Observations", before)
    page.slider("Noise").press("End")
    before = page.changed("Observations", before)
    noisy = observed(truth, pattern="block", noise=0.3).observations
    page.shows("Mean", model.predict(noisy, 96).mean[0])
    page.choice("Seed").fill("5")
    page.choice("Seed").press("Enter")
    page.changed("Observations", before)
    other = observed(truth, pattern="block", noise=0.3, seed=5).observations
    page.shows("Mean", model.predict(other, 96).mean[0])


def test_cells_are_clicked_and_painted_away_and_in(visit, server, pictures):
    page = visit(server)
    cells = set(observed(pictures.take([FIRST])).cells)
    page.becomes(len(cells))
    row, column = divmod(min(c for c in cells if c > 20 * CELLS), CELLS)
    page.click_cell("Observations", row, column, LATTICE)
    page.becomes(len(cells) - 1)
    page.click_cell("Observations", row, column, LATTICE)
    page.becomes(len(cells))
    row, column = divmod(next(c for c in range(25 * CELLS, CELLS**2) if c not in cells), CELLS)
    page.click_cell("Observations", row, column, LATTICE)
    page.becomes(len(cells) + 1)
    before = page.pixels("Observations")
    page.paint("Observations", [(8, 4), (8, 28)], LATTICE)
    page.until(lambda: page.observed()[0] < len(cells) - 5, "fewer cells")
    page.changed("Observations", before)
    few = page.observed()[0]
    page.button("Add").click()
    page.paint("Observations", [(8, 4), (8, 28)], LATTICE)
    page.until(lambda: page.observed()[0] >= few + 3 * 20, "the cells of the stroke")
    page.button("Undo all changes by hand").click()
    page.becomes(len(cells))
    assert page.button("Undo all changes by hand").is_disabled()


def test_clicks_count_in_quick_succession_and_where_the_button_is_held(visit, server, pictures):
    page = visit(server)
    cells = set(observed(pictures.take([FIRST])).cells)
    page.becomes(len(cells))
    free = [c for c in range(4 * CELLS, CELLS**2) if c not in cells][:120:24]
    for cell in free:
        page.click_cell("Observations", *divmod(cell, CELLS), LATTICE)
    page.becomes(len(cells) + len(free))
    place = divmod(free[-1] + 8 * CELLS, CELLS)
    change = 1 if place[0] * CELLS + place[1] not in cells else -1
    page.click_cell("Observations", *place, LATTICE, delay=800)
    page.becomes(len(cells) + len(free) + change)


def test_a_value_is_typed_in_the_form_and_in_the_table(visit, server, pictures):
    page = visit(server)
    count = len(observed(pictures.take([FIRST])).cells)
    page.becomes(count)
    page.page.get_by_role("button", name="Observations as a table").click()
    rows = page.page.locator(".tabulator-row")
    rows.first.wait_for()
    page.button("Observe this value").click()
    page.told("Type a number for each of red, green, blue")
    for label, text in {"Row": 0, "Column": 0, "red": 250, "green": 10, "blue": 20}.items():
        page.choice(label).fill(str(text))
        page.choice(label).press("Enter")
    page.button("Observe this value").click()
    page.until(lambda: "typed" in rows.first.inner_text(), "the typed value")
    assert page.message() == ""
    assert rows.first.inner_text().split()[:5] == ["0", "0", "250.0", "10.0", "20.0"]
    page.becomes(count + 1)
    corner = lambda: page.pixels("Observations")[3, 3]  # noqa: E731
    page.until(lambda: np.abs(corner() - (250, 10, 20)).max() < 12, "the colour that was typed")
    second = rows.nth(1).locator('[tabulator-field="0"]')
    second.dblclick()
    second.locator("input").fill("7")
    second.locator("input").press("Enter")
    page.until(lambda: "typed" in rows.nth(1).inner_text(), "the edited value")
    assert rows.nth(1).inner_text().split()[2] in ("7", "7.0")
    rows.first.get_by_text("✕").click()
    page.becomes(count)


def test_every_size_shows_the_field_at_its_cells(visit, server, pictures, model):
    page = visit(server)
    seen = observe(pictures.take([FIRST]), 0.2)
    for size in (32, 256, 64):
        page.button(str(size)).first.click()
        page.until(lambda: f"{size} × {size}" in page.note("Mean") + page.note("Truth"), str(size))  # noqa: B023
        page.shows("Mean", model.predict(seen, size).mean[0])
    page.until(lambda: page.note("Deviation") == "of 8 draws", "all draws")
    page.page.locator(".tab").get_by_role("button", name="4", exact=True).click()
    page.until(lambda: page.note("Deviation") == "of 4 draws", "four draws")
    assert not page.map("Draw 5").count()


def test_the_slider_goes_from_the_mean_to_kriging(visit, server):
    page = visit(server)
    page.until(lambda: page.note("Deviation") == "of 8 draws", "all draws")
    handle = page.slider("Share of kriging")
    mean, kriging = page.pixels("Mean"), page.pixels("Kriging")
    between = apart(mean, kriging)
    assert between > 5

    def lies(low, high):
        """From the mean, as a share of the way to kriging."""
        share = lambda: apart(page.pixels("Mean to kriging"), mean) / between  # noqa: E731
        page.until(lambda: low <= share() <= high, "the blend")

    handle.press("Home")
    lies(0, 0.05)
    handle.press("End")
    lies(0.8, 1.2)
    page.slide("Share of kriging", 0.5)
    assert 0.4 < page.value("Share of kriging") < 0.6
    lies(0.35, 0.65)


def test_files_of_ones_own_are_shown(visit, server, pictures, tmp_path):
    page = visit(server)
    picture = pictures.values[5].astype(np.uint8)
    Image.fromarray(picture).save(tmp_path / "my leaf.png")
    page.upload(tmp_path / "my leaf.png")
    page.until(lambda: page.choice("Fields").input_value() == "my leaf.png", "the picture")
    page.shows("Truth", picture)
    np.save(tmp_path / "one.npy", pictures.values[4][:60])
    page.upload(tmp_path / "one.npy")
    page.told("The array of 60 × 96 cells has no coordinates")
    page.shows("Truth", pictures.values[4][:60])
    Image.fromarray(picture[:40, :40]).save(tmp_path / "small.png")
    page.upload(tmp_path / "small.png")
    page.until(lambda: page.choice("Fields").input_value() == "small.png", "the small picture")
    page.shows("Truth", picture[:40, :40])
    assert page.message() == ""
    np.save(tmp_path / "three.npy", pictures.values[6:9])
    page.upload(tmp_path / "three.npy")
    page.until(lambda: page.choice("Fields").input_value() == "three.npy", "the array")
    page.shows("Truth", pictures.values[6])
    page.button("next ›").click()
    page.shows("Truth", pictures.values[7])
    page.choice("Field").select_option(index=2)
    page.shows("Truth", pictures.values[8])
    assert page.button("next ›").is_disabled()
    dataset_of(pictures.take([3, 4])).to_netcdf(tmp_path / "two.nc")
    page.upload(tmp_path / "two.nc")
    page.until(lambda: page.choice("Fields").input_value() == "two.nc", "the NetCDF file")
    page.shows("Truth", pictures.values[3])
    page.choice("Fields").select_option("photographs")
    page.until(lambda: page.choice("Field").locator("option").count() > 3, "the packaged set")
    page.shows("Truth", open_field("photographs").split("test").values[0], limit=15)


def test_fields_that_are_no_pictures_have_colours_with_units(visit, small_server):
    page = visit(small_server)
    page.until(lambda: page.note("Deviation") == "of 8 draws", "all draws")
    page.says("t2m [K]")
    page.says("deviation [K]")
    assert page.note("Mean") == "64 × 96"  # finer than the field: nothing to compare with
    page.button("24").click()
    page.until(lambda: "RMSE" in page.note("Mean"), "a score at the cells of the model")
    page.button("96").click()
    page.until(lambda: page.note("Mean") == "64 × 96", "the finer size")
    assert page.choice("Variable").input_value() == "t2m"
    page.button("next ›").click()
    page.until(lambda: page.choice("Field").input_value().startswith("1 "), "the next field")
