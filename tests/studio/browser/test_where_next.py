"""The tab "Where next" as a person uses it, in a browser."""

from __future__ import annotations

import numpy as np
import pytest

from mamba_diffae import FieldAutoencoder, observe, open_field
from mamba_diffae.placement import place_sensors

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(1800)]


def rows(page):
    """The sensors of the table that are seen."""
    return page.page.locator(".sensor").filter(visible=True)


def accepted(page) -> str:
    return page.note("Observed")


def test_the_table_has_the_sensors_of_the_library(visit, small_server, small):
    page = visit(small_server)
    page.tab("Where next")
    page.says("With 8 sensors more")
    assert rows(page).count() == 8
    model = FieldAutoencoder.from_pretrained(small.model)
    data = open_field(small.file)
    found = place_sensors(model, 8, existing=observe(data.take([0]), 0.2))
    cells = lambda: [row.locator(".cells span").all_inner_texts() for row in rows(page).all()]  # noqa: E731
    places = [[float(x) for x in row[:2]] for row in cells()]
    np.testing.assert_allclose(places, found.coords, rtol=1e-3)
    page.until(lambda: all(row[-1] for row in cells()), "the errors on this field")
    errors = [float(row[-1]) for row in cells()]
    assert all(0 < error < 10 for error in errors)


def test_sensors_are_accepted_by_click_and_by_table(visit, small_server):
    page = visit(small_server)
    page.tab("Where next")
    page.says("With 8 sensors more")
    slider = page.slider("New sensors")
    slider.focus()
    slider.press("ArrowLeft")
    page.says("With 7 sensors more")
    page.slide("New sensors", 0.1)
    count = int(page.value("New sensors"))
    page.says(f"With {count} sensor{'s' if count > 1 else ''} more")
    assert rows(page).count() == count
    before = page.pixels("Deviation now")
    page.button("Accept 1").click()
    page.until(lambda: "1 accepted" in accepted(page), "a sensor")
    page.changed("Deviation now", before)
    page.until(lambda: page.button("Accept 1").is_enabled(), "the next sensors")
    latitude, longitude, *_ = rows(page).first.locator(".cells span").all_inner_texts()
    box = page.figure("Deviation now").bounding_box()
    (south, north), (west, east) = (39.667, 50.333), (-0.326, 15.326)
    share = (float(longitude) - west) / (east - west), (north - float(latitude)) / (north - south)
    place = {"x": share[0] * box["width"], "y": share[1] * box["height"]}
    page.figure("Deviation now").click(position=place)
    page.until(lambda: "2 accepted" in accepted(page), "the sensor that was clicked")
    page.until(lambda: page.button("Accept all of them").is_enabled(), "the next sensors")
    page.button("Accept all of them").click()
    page.until(lambda: f"{2 + count} accepted" in accepted(page), "all sensors")
    page.tab("Reconstruct")
    assert page.button("Undo all changes by hand").is_enabled()
    page.tab("Where next")
    page.button("Take back all accepted").click()
    page.until(lambda: "accepted" not in accepted(page), "none accepted")


def test_where_all_is_observed_it_is_said_what_to_do(visit, server):
    page = visit(server)
    page.slider("Share observed").press("End")
    page.becomes(1024)
    page.tab("Where next")
    page.until(lambda: "Placing" not in page.said() and page.said(), "an answer")
    assert "With 8 sensors more" in page.said() or "lower the share" in page.said()
