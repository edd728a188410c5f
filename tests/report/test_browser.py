"""The page at every width of a window, as a browser lays it out; skipped where there is none."""

from dataclasses import replace

import numpy as np
import pytest

from mamba_diffae.benchmark import ImageGrid
from mamba_diffae.report import write_report
from tools.browser import chromium, launch

WIDTHS = (280, 390, 768, 1280, 1920)
MEASURE = """() => {
  const sheets = [...document.querySelectorAll('.wide')].map(x => x.getBoundingClientRect().right)
  const root = document.documentElement
  return [root.clientWidth, root.scrollWidth, Math.ceil(Math.max(...sheets))]
}"""


@pytest.mark.browser
@pytest.mark.skipif(chromium() is None, reason="there is no Chromium")
def test_no_sheet_reaches_beyond_the_window(result, assessed, tmp_path):
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    rng = np.random.default_rng(0)
    pictures = [[rng.random((96, 96, 3)) for _ in range(14)]]
    names = [f"a method of some length, number {i}" for i in range(14)]
    sheet = ImageGrid("Wide", "", names, ["a row with a long name"], pictures)
    report = replace(result, panels=[sheet], uncertainty=assessed)
    write_report(report, tmp_path / "page.html")
    with playwright.sync_playwright() as driver:
        page = launch(driver).new_page()
        page.goto((tmp_path / "page.html").as_uri())
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 600})
            window, content, furthest = page.evaluate(MEASURE)
            assert window == width
            assert content <= window
            assert furthest <= window
