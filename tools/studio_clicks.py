"""Random use of the studio in a browser: no error of page or server, no growing memory.

    python tools/studio_clicks.py [--minutes 20] [--seed 0] [--model emoji-96]

Tabs, buttons, sliders, lists, numbers, taps and strokes on maps, uploads of good and bad files, in
an order that the seed names. Told are errors in the page's console and in the server's log, what
was asked of other machines, and the server's resident memory between two pieces of work: the least
of its second tenth beside that of its last. Ends with code 1 if there was an error.
"""

from __future__ import annotations

import argparse
import io
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from playwright.sync_api import Error as BrowserError
from playwright.sync_api import sync_playwright

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # run as a file

from tools.browser import launch
from tools.studio_page import Server, Watch

PATIENCE = 5000
"""Milliseconds for one action; what is covered or gone by then is left."""
TENTHS = 10


def files(rng: np.random.Generator) -> dict[str, bytes]:
    """Files to upload: fields that can be read, and what cannot."""
    picture, pixel, values = io.BytesIO(), io.BytesIO(), io.BytesIO()
    Image.fromarray(rng.integers(0, 256, (96, 96, 3), dtype=np.uint8)).save(picture, "PNG")
    Image.new("RGB", (1, 1)).save(pixel, "PNG")
    np.save(values, rng.uniform(0, 255, (2, 96, 96, 3)).astype(np.float32))
    return {
        "picture.png": picture.getvalue(),
        "pixel.png": pixel.getvalue(),
        "values.npy": values.getvalue(),
        "text.png": b"no picture",
        "<b>markup<.npy": b"\x93NUMPY and nothing",
    }


class Hand:
    """What moves on the page.

    Args:
        page: Of playwright.
        rng: Chooses.
    """

    def __init__(self, page: Any, rng: np.random.Generator) -> None:
        self.page, self.rng, self.files = page, rng, files(rng)
        self.actions: list[Callable[[], None]] = [
            *(self.turn, self.press, self.slide, self.slide, self.choose, self.type_number),
            *(self.tap, self.stroke, self.upload),
        ]

    def act(self) -> str:
        """Do something; its name."""
        action = self.actions[self.rng.integers(len(self.actions))]
        try:
            action()
        except BrowserError:
            return f"{action.__name__}, not there"  # covered, or gone when it was its turn
        self.page.wait_for_timeout(int(self.rng.integers(20, 500)))
        return action.__name__

    def _one(self, selector: str) -> Any:
        found = self.page.locator(selector).filter(visible=True)
        count = found.count()
        if not count:
            raise BrowserError(f"No {selector} is seen.")
        return found.nth(int(self.rng.integers(count)))

    def turn(self) -> None:
        """Another tab."""
        self._one(".tabs button").click(timeout=PATIENCE)

    def press(self) -> None:
        """A button."""
        self._one(".tab button").click(timeout=PATIENCE)

    def slide(self) -> None:
        """A slider, by the keyboard."""
        handle = self._one(".noUi-handle")
        handle.focus(timeout=PATIENCE)
        for _ in range(self.rng.integers(1, 6)):
            handle.press(str(self.rng.choice(["ArrowLeft", "ArrowRight", "Home", "End"])))

    def choose(self) -> None:
        """An entry of a list."""
        options = self._one("select")
        count = max(1, options.locator("option").count())
        options.select_option(index=int(self.rng.integers(count)), timeout=PATIENCE)

    def type_number(self) -> None:
        """Something into a field."""
        text = str(self.rng.choice(["0", "7", "-1", "1e9", "", "3.5"]))
        field = self._one("input[type=text]")
        field.fill(text, timeout=PATIENCE)
        field.press("Enter")

    def _place(self) -> tuple[float, float]:
        box = self._one(".bk-Canvas").bounding_box(timeout=PATIENCE)
        if box is None:
            raise BrowserError("The map is gone.")
        x, y = self.rng.random(2)
        return box["x"] + x * box["width"], box["y"] + y * box["height"]

    def tap(self) -> None:
        """A place of a map."""
        self.page.mouse.click(*self._place())

    def stroke(self) -> None:
        """A line on a map."""
        x, y = self._place()
        self.page.mouse.move(x, y)
        self.page.mouse.down()
        for dx, dy in self.rng.integers(-30, 30, (4, 2)):
            self.page.mouse.move(x + dx, y + dy)
        self.page.mouse.up()

    def upload(self) -> None:
        """A file."""
        name = str(self.rng.choice(list(self.files)))
        given = {"name": name, "mimeType": "", "buffer": self.files[name]}
        self.page.locator("input[type=file]").first.set_input_files(given, timeout=PATIENCE)


def use(server: Server, minutes: float, seed: int) -> tuple[dict[str, int], list[str], list[float]]:
    """Use a page for a while.

    Returns:
        How often what was done, the complaints, and the server's memory over time, in MB.
    """
    done: dict[str, int] = {}
    memory: list[float] = []
    with sync_playwright() as playwright:
        browser = launch(playwright)
        page = browser.new_page(viewport={"width": 1400, "height": 1000})
        watch = Watch(page, server.url)
        page.goto(server.url)
        hand, end = Hand(page, np.random.default_rng(seed)), time.monotonic() + 60 * minutes
        while time.monotonic() < end:
            name = hand.act()
            done[name] = done.get(name, 0) + 1
            memory.append(server.resident())
        found = [*watch.complaints, *(f"asked: {url}" for url in watch.elsewhere)]
        browser.close()
    return done, found + server.complaints(), memory


def main() -> int:
    """Use the studio, and tell what it complained of."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--model", default="emoji-96")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        server = Server(Path(folder), "--model", given.model)
        try:
            done, found, memory = use(server, given.minutes, given.seed)
        finally:
            code = server.end()
    for name, count in sorted(done.items()):
        print(f"{name}: {count}")
    tenth = max(1, len(memory) // TENTHS)
    second, last = min(memory[tenth : 2 * tenth]), min(memory[-tenth:])
    print(f"memory: {second:.0f} MB in the second tenth, {last:.0f} MB in the last")
    print(f"exit code of the server: {code}; {len(found)} complaints")
    for line in found:
        print(f"  {line}")
    return 1 if found else 0


if __name__ == "__main__":
    raise SystemExit(main())
