"""The tab "Latent" as a person uses it, in a browser."""

from __future__ import annotations

import re

import numpy as np
import pytest

from mamba_diffae.benchmark.opened_model import OpenedModel
from mamba_diffae.latent import sample
from tests.studio.browser.driver import apart

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(1800)]


def part(page, name: str) -> None:
    page.tab("Latent")
    page.button(name).click()


def strip(page):
    """The row of pictures that is seen."""
    return page.page.locator(".row-of-pictures .bk-Figure").filter(visible=True).first


def test_the_way_between_two_fields(visit, small_server):
    page = visit(small_server)
    part(page, "Between two fields")
    page.says("25 fields, each the mean")
    assert page.note("On the way") == "0.50 from the first"
    page.says("Along the way: 0.50")
    page.slider("Along the way").press("ArrowRight")
    page.until(lambda: page.note("On the way") == "0.54 from the first", "the next field")
    seen = strip(page)
    box = seen.bounding_box()
    seen.click(position={"x": box["width"] * 0.03, "y": box["height"] * 0.7})
    page.until(lambda: page.note("On the way") == "0.00 from the first", "the first field")
    assert page.value("Along the way") == 0
    before = page.pixels("On the way")
    page.slide("Along the way", 1.0)
    page.until(lambda: page.note("On the way") == "1.00 from the first", "the second field")
    page.changed("On the way", before)
    ends = page.pixels(strip(page))
    page.choice("Second field").select_option(index=7)
    page.changed(strip(page), ends)
    lines = page.page.locator("pre").filter(visible=True).first.inner_text()
    assert "interpolate" in lines
    assert page.button("Copy (Python)").is_visible()
    assert not page.button("Copy (Shell)").count()  # no command names the eighth field of a file
    assert "7" in lines


def test_eight_fields_from_nothing_follow_the_seed(visit, small_server, small):
    page = visit(small_server)
    part(page, "From nothing")
    page.says("8 fields of seed 0")
    figure = page.page.locator(".tab .bk-Figure").filter(visible=True).first
    first = page.settled(figure)
    page.button("Eight others").click()
    page.says("8 fields of seed 1")
    page.changed(figure, first)
    second = page.settled(figure)
    page.choice("Seed").fill("0")
    page.choice("Seed").press("Enter")
    page.says("8 fields of seed 0")
    page.until(lambda: apart(page.pixels(figure), first) < 0.01, "the same picture")
    assert apart(second, first) > 1
    page.button("Means").click()
    page.says("each the mean of a latent")
    model = OpenedModel.open(str(small.model), "auto").estimator
    lines = page.page.locator("pre").filter(visible=True).first.inner_text()
    names: dict = {}
    exec(lines.replace(f"'{small.model.name}'", repr(str(small.model))), names)
    np.testing.assert_allclose(
        names["fields"], sample(model, 8, seed=0, mean=True).values, atol=1e-3
    )


def test_an_attribute_is_turned(visit, server):
    page = visit(server)
    part(page, "Attributes")
    page.says("What changed with it")
    assert page.button("Copy (Shell)").is_visible()
    assert page.choice("Attribute (training fields with it)").input_value().startswith("beard")
    before = page.pixels("Turned")
    page.slider("Amount").press("End")
    page.until(lambda: page.note("Turned") == "beard +3", "the amount")
    before = page.changed("Turned", before)
    page.choice("Attribute (training fields with it)").select_option("hat or headwear (167)")
    page.until(lambda: "hat or headwear" in page.note("Turned"), "the attribute")
    page.changed("Turned", before)
    page.button("Keep what is observed").click()
    page.says("What is observed stays")


def test_a_click_on_the_map_shows_a_field(visit, small_server):
    page = visit(small_server)
    part(page, "Map")
    page.says(re.compile("12 fields by their latents"))
    chosen = lambda: page.choice("Field").input_value()  # noqa: E731
    first, before = chosen(), page.pixels("Field")
    plane = page.page.locator(".library .bk-Figure").filter(visible=True).first
    box = plane.bounding_box()
    places = iter(np.random.default_rng(0).uniform(0.02, 0.98, (300, 2)))

    def hit() -> bool:
        x, y = next(places)
        plane.click(position={"x": x * box["width"], "y": y * box["height"]})
        page.page.wait_for_timeout(500)  # for the answer
        return chosen() != first

    page.until(hit, "a field under the pointer")
    page.changed("Field", before)
    page.settled("Field")  # nothing comes any more of clicks before
    taken = chosen()
    page.button("Take as second field").click()
    page.says("25 fields, each the mean")
    assert page.choice("Second field").input_value() == taken
    page.button("Map").click()
    layout = page.pixels(plane)
    page.choice("Laid out by").select_option("principal components")
    page.changed(plane, layout)


def test_the_model_of_the_package_makes_fields_from_nothing(visit, server):
    page = visit(server)
    part(page, "From nothing")
    page.says("8 fields of seed 0")
    assert "no flow of latents" not in page.said()
