"""What a person types and drags where it cannot be taken, and where maps lie, in a browser."""

from __future__ import annotations

import numpy as np
import pytest

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(1800)]


def test_a_refused_value_of_the_table_comes_back(visit, server):
    page = visit(server)
    page.becomes(205)
    page.page.get_by_role("button", name="Observations as a table").click()
    cell = page.page.locator(".tabulator-row").nth(1).locator('[tabulator-field="0"]')
    cell.wait_for()
    before = cell.inner_text()
    for typed, told in (("abc", "Type a number for each"), ("1000000000", "is no value of red")):
        cell.click()
        cell.locator("input").press("Control+A")
        page.page.keyboard.type(typed)
        page.page.keyboard.press("Enter")
        page.told(told)
        page.until(lambda: cell.inner_text() == before, "the value of before")
    assert page.button("Undo all changes by hand").is_disabled()


def test_what_is_no_seed_and_no_cell_is_told(visit, server):
    page = visit(server)
    page.becomes(205)
    for typed in ("99999999999999999999", "9007199254740993", "1.5", "-3"):
        page.choice("Seed").fill(typed)
        page.choice("Seed").press("Enter")
        page.told("is no seed")
        page.until(lambda: page.choice("Seed").input_value() == "0", "the seed of before")
        page.choice("Seed").fill("3")
        page.choice("Seed").press("Enter")
        page.until(lambda: page.message() == "", "no message")
        page.choice("Seed").fill("0")
        page.choice("Seed").press("Enter")
    page.page.get_by_role("button", name="Observations as a table").click()
    for typed in ("500", "1.7", "-3"):
        page.choice("Row").fill(typed)
        page.button("Observe the field there").click()
        told = page.told(f"There is no cell in row “{typed}”")
        assert told.endswith("rows from 0 to 31, columns from 0 to 31.")
    assert page.observed()[0] == 205


def test_painting_goes_on_after_a_drag_from_outside_of_the_map(visit, server):
    page = visit(server)
    page.becomes(205)
    box, mouse = page.figure("Observations").bounding_box(), page.page.mouse
    middle = box["y"] + box["height"] / 2
    for x, y in ((box["x"] - 10, middle), (box["x"] + 20, box["y"] - 20)):
        mouse.move(x, y)
        mouse.down()
        mouse.move(box["x"] + 0.7 * box["width"], middle + 10, steps=12)
        mouse.up()
    count = page.observed()[0]
    for row in (6, 26):
        page.paint("Observations", [(row, 3), (row, 28)], (32, 32))
        page.until(lambda count=count: page.observed()[0] < count - 4, "fewer cells")
        count = page.observed()[0]


def test_maps_lie_in_rows_and_in_one_frame(visit, small_server, tmp_path):
    xarray = pytest.importorskip("xarray")
    page = visit(small_server)
    page.until(lambda: page.note("Deviation") == "of 8 draws", "all draws")
    latitude, longitude = np.linspace(42, 48, 40), np.linspace(3, 12, 60)
    values = 275 + np.add.outer(latitude - 40, longitude / 3)[None]
    values[:, :9, :9] = np.nan
    axes = {
        "latitude": ("latitude", latitude, {"units": "degrees_north"}),
        "longitude": ("longitude", longitude, {"units": "degrees_east"}),
    }
    named = {"t2m": (("time", "latitude", "longitude"), values, {"units": "K"})}
    xarray.Dataset(named, coords=axes).to_netcdf(tmp_path / "part.nc")
    page.upload(tmp_path / "part.nc")
    page.until(lambda: page.note("Truth").startswith("native, 40 × 60"), "the truth")
    page.until(lambda: page.note("Deviation") == "of 8 draws", "all draws")
    boxes = [page.figure(name).bounding_box() for name in ("Observations", "Truth", "Mean")]
    assert len({(box["y"], box["height"]) for box in boxes}) == 1
    truth = page.settled("Truth")
    assert np.ptp(truth[4:12, 4:-4], axis=(0, 1)).max() < 4  # nothing in the north
    count = page.observed()[0]
    page.click_cell("Observations", 1, 1, (10, 10))  # outside of the field
    (south, north), (west, east) = (39.667, 50.333), (-0.326, 15.326)
    place = (north - 47) / (north - south), (6 - west) / (east - west)
    box = boxes[0]
    page.figure("Observations").click(
        position={"x": place[1] * box["width"], "y": place[0] * box["height"]}
    )
    page.until(lambda: abs(page.observed()[0] - count) == 1, "one cell more or less")
