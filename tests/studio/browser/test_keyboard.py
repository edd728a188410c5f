"""One whole way through the page with the keyboard alone."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from tests.studio.browser.conftest import FIRST

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(1800)]


def test_the_keyboard_suffices(visit, server):
    page = visit(server)
    keys = page.page.keyboard
    page.becomes(205)
    page.tab_to("SELECT Field$")
    keys.press("ArrowDown")
    page.until(
        lambda: page.choice("Field").input_value().startswith(f"{FIRST + 1} "), "the next field"
    )
    page.tab_to("Share observed")
    before = page.pixels("Mean")
    for _ in range(10):
        keys.press("ArrowRight")
    page.becomes(307)
    page.changed("Mean", before)
    page.tab_to("SELECT Pattern")
    keys.press("ArrowDown")
    page.until(lambda: page.choice("Pattern").input_value() == "block", "the next pattern")
    page.tab_to("BUTTON Observations as a table")
    keys.press("Enter")
    page.page.locator(".tabulator-row").first.wait_for()
    for label, text in {"Row": 31, "Column": 0, "red": 9, "green": 8, "blue": 7}.items():
        page.tab_to(f"INPUT {label}")
        keys.press("Control+A")
        keys.type(str(text))
    page.tab_to("BUTTON Observe this value")
    keys.press("Enter")
    corner = lambda: page.pixels("Observations")[-4, 3]  # noqa: E731
    page.until(lambda: np.abs(corner() - (9, 8, 7)).max() < 12, "the colour that was typed")
    page.tab_to("BUTTON Where next")
    keys.press("Enter")
    first = page.button("Accept 1")
    page.until(lambda: first.count() and first.is_enabled(), "the next sensors")
    page.tab_to("BUTTON Accept 1$")
    keys.press("Enter")
    page.until(lambda: "1 accepted" in page.note("Observed"), "a sensor")
    page.tab_to("BUTTON Latent")
    keys.press("Enter")
    page.says("25 fields, each the mean")
    page.tab_to("Along the way")
    keys.press("ArrowLeft")
    page.until(lambda: page.note("On the way") == "0.46 from the first", "another field")
    page.tab_to("BUTTON Take away")
    keys.press("Enter")
    page.button("mean.png").wait_for()
    page.tab_to("BUTTON mean.png")
    content = page.download(page.button("mean.png"), lambda: keys.press("Enter"))
    assert Image.open(io.BytesIO(content)).size == (96, 96)
