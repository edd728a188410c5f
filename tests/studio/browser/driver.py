"""The page as a person uses it: its maps, sliders, buttons and tables by their names."""

from __future__ import annotations

import io
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, final

import numpy as np
from PIL import Image

from tools.studio_page import PATIENCE, Server, Watch

_FOCUSED = """() => {
  const words = (node) => node.nodeType === Node.TEXT_NODE ? node.textContent
    : node.tagName === "STYLE" ? "" : [...(node.shadowRoot || node).childNodes].map(words).join("");
  let at = document.activeElement;
  while (at && at.shadowRoot && at.shadowRoot.activeElement) at = at.shadowRoot.activeElement;
  if (!at) return "";
  const label = at.getRootNode().querySelector("label");
  const own = at.tagName === "BUTTON" ? words(at) : at.tagName === "SELECT" ? "" : at.innerText;
  const said = own || at.getAttribute("aria-label") || (label ? label.innerText : "");
  return at.tagName + " " + said.trim();
}"""


@final
class Driver:
    """One page of a studio.

    Attributes:
        page: Of playwright.
        watch: What it complains of.

    Args:
        context: Of a browser.
        server: Whose page is opened.
    """

    def __init__(self, context: Any, server: Server) -> None:
        self.page = context.new_page()
        self.page.set_default_timeout(1000 * PATIENCE)
        self.watch = Watch(self.page, server.url, keeps=True)
        self.page.goto(server.url)
        self.page.locator(".tabs").wait_for()

    def until(self, holds: Callable[[], Any], what: str) -> Any:
        """Wait until something holds; what it gave.

        Args:
            holds: Gives something true in the end.
            what: Is waited for, in words.
        """
        end = time.monotonic() + PATIENCE
        while not (found := holds()):
            assert time.monotonic() < end, f"{what} did not come; {self.message()!r} is told"
            self.page.wait_for_timeout(100)
        return found

    def tab(self, name: str) -> None:
        """Turn to another tab."""
        left = self.page.locator(".tab").filter(visible=True).first.element_handle()
        self.page.locator(".tabs").get_by_role("button", name=name, exact=True).click()
        left.wait_for_element_state("hidden")
        self.page.locator(".tab").filter(visible=True).first.wait_for()

    def button(self, name: str) -> Any:
        """The visible button of that name; the tabs do not count."""
        found = self.page.locator(".tab").get_by_role("button", name=name, exact=True)
        return found.filter(visible=True)

    def choice(self, label: str) -> Any:
        """The visible list to choose from under a label, or the field to type into."""
        return self.page.get_by_label(label, exact=True).filter(visible=True)

    def says(self, text: str | re.Pattern[str]) -> Any:
        """Wait until a text is seen; where."""
        found = self.page.get_by_text(text).filter(visible=True).first
        found.wait_for()
        return found

    def said(self) -> str:
        """What the open tab says above its maps; "" before it does."""
        found = self.page.locator(".said").filter(visible=True)
        return found.first.inner_text() if found.count() else ""

    def message(self) -> str:
        """What the bar above the tabs tells; "" if it is hidden."""
        bar = self.page.locator(".message div").first
        return bar.inner_text() if bar.is_visible() else ""

    def told(self, part: str) -> str:
        """Wait until the bar tells something; all of it."""
        return self.until(lambda: (m := self.message()) and part in m and m, f"“{part}”")

    # Maps

    def map(self, title: str) -> Any:
        """The visible map under a heading."""
        heading = self.page.locator(".heading b", has_text=re.compile(f"^{re.escape(title)}$"))
        return self.page.locator(".map", has=heading).filter(visible=True)

    def note(self, title: str) -> str:
        """What stands beside the heading of a map."""
        return self.map(title).locator(".heading span").first.inner_text()

    def figure(self, title: str) -> Any:
        """The figure under a heading."""
        return self.map(title).locator(".bk-Figure").first

    def pixels(self, figure: str | Any) -> np.ndarray:
        """What is seen of a figure, given or under a heading, shape (h, w, 3), 0 to 255."""
        found = self.figure(figure) if isinstance(figure, str) else figure
        return np.asarray(Image.open(io.BytesIO(found.screenshot())).convert("RGB"), np.float64)

    def changed(self, figure: str | Any, before: np.ndarray) -> np.ndarray:
        """Wait until a figure shows something else; what."""
        now = lambda: (p := self.pixels(figure)).shape != before.shape or apart(p, before) > 0.5  # noqa: E731
        self.until(now, f"another picture of {figure}")
        return self.pixels(figure)

    def settled(self, figure: str | Any) -> np.ndarray:
        """Wait until a figure is drawn, and goes on to show the same; what."""
        seen = [self.pixels(figure)]

        def again() -> bool:
            self.page.wait_for_timeout(300)
            seen.append(self.pixels(figure))
            same = seen[-1].shape == seen[-2].shape and apart(seen[-1], seen[-2]) < 0.01
            return same and seen[-1].std() > 1

        self.until(again, f"a picture of {figure} that stays")
        return seen[-1]

    def shows(self, figure: str | Any, values: np.ndarray, limit: float = 8.0) -> None:
        """Wait until a figure shows colours.

        Args:
            figure: A heading, or a figure.
            values: Shape (h, w, 3), 0 to 255.
            limit: Of the mean deviation: edges of cells are not those of pixels.
        """
        self.until(lambda: unlike(self.pixels(figure), values) < limit, f"the picture of {figure}")

    def observed(self) -> tuple[int, int]:
        """How many cells are observed, and how many may be; (0, 0) if none are."""
        found = re.match(r"([\d,]+) of ([\d,]+) cells", self.note("Observations"))
        return (0, 0) if found is None else (_number(found[1]), _number(found[2]))

    def becomes(self, count: int) -> None:
        """Wait until so many cells are observed."""
        self.until(lambda: self.observed()[0] == count, f"{count} observed cells")

    def click_cell(
        self, title: str, row: int, column: int, shape: tuple[int, int], delay: float = 0
    ) -> None:
        """Click the middle of a cell of a map of some shape; the button is down so many ms."""
        self.figure(title).click(position=self._place(title, row, column, shape), delay=delay)

    def paint(
        self, title: str, cells: list[tuple[int, int]], shape: tuple[int, int], steps: int = 12
    ) -> None:
        """Drag over a map from the middle of a cell to those of others."""
        box = self.figure(title).bounding_box()
        places = [self._place(title, *cell, shape) for cell in cells]
        at = [(box["x"] + p["x"], box["y"] + p["y"]) for p in places]
        self.page.mouse.move(*at[0])
        self.page.mouse.down()
        for x, y in at[1:]:
            self.page.mouse.move(x, y, steps=steps)
        self.page.mouse.up()

    def _place(self, title: str, row: int, column: int, shape: tuple[int, int]) -> dict[str, float]:
        self.figure(title).scroll_into_view_if_needed()
        box = self.figure(title).bounding_box()
        return {
            "x": (column + 0.5) / shape[1] * box["width"],
            "y": (row + 0.5) / shape[0] * box["height"],
        }

    # Sliders, the keyboard, files

    def slider(self, name: str) -> Any:
        """The handle of the slider of that name."""
        group = self.page.locator(".bk-input-group", has_text=name).filter(visible=True)
        return group.locator(".noUi-handle").first

    def value(self, name: str) -> float:
        """Where a slider stands."""
        return float(self.slider(name).get_attribute("aria-valuenow"))

    def slide(self, name: str, share: float) -> None:
        """Drag the handle of a slider to a share of its way."""
        handle = self.slider(name)
        handle.scroll_into_view_if_needed()
        box = handle.bounding_box()
        way = handle.locator("xpath=ancestor::*[contains(@class,'noUi-base')]").bounding_box()
        y = box["y"] + box["height"] / 2
        self.page.mouse.move(box["x"] + box["width"] / 2, y)
        self.page.mouse.down()
        self.page.mouse.move(way["x"] + share * way["width"], y, steps=6)
        self.page.mouse.up()

    def focused(self) -> str:
        """What has the focus: its kind and its words."""
        return self.page.evaluate(_FOCUSED)

    def tab_to(self, words: str) -> None:
        """Press Tab until something has the focus."""
        passed = []
        for _ in range(250):
            self.page.keyboard.press("Tab")
            passed.append(self.focused())
            if re.search(words, passed[-1]):
                return
        raise AssertionError(f"{words} was not reached; passed {passed}")

    def upload(self, *files: Path | str) -> None:
        """Give files to the place for them."""
        self.page.locator("input[type=file]").set_input_files([str(file) for file in files])

    def download(self, button: Any, press: Callable[[], Any] | None = None) -> bytes:
        """What comes of a button of a file."""
        with self.page.expect_download() as coming:
            (press or button.click)()
        return Path(coming.value.path()).read_bytes()


def apart(one: np.ndarray, other: np.ndarray) -> float:
    """Mean deviation of two pictures, which lie on pixels alike but for a row or a column."""
    height, width = np.minimum(one.shape, other.shape)[:2]
    return float(np.abs(one[:height, :width] - other[:height, :width]).mean())


def unlike(seen: np.ndarray, values: np.ndarray) -> float:
    """Mean deviation of what is seen from colours (h, w, 3) of cells."""
    colours = Image.fromarray(np.rint(np.clip(values, 0, 255)).astype(np.uint8))
    stretched = colours.resize((seen.shape[1], seen.shape[0]), Image.Resampling.NEAREST)
    return apart(seen, np.asarray(stretched, np.float64))


def _number(text: str) -> int:
    return int(text.replace(",", ""))
