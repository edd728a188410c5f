"""How soon the mean on the page of the studio follows the slider "Share observed".

    python benchmarks/studio_response.py [--steps 20] [--json FILE]

A browser without a window presses an arrow key on the slider, and looks at the pixels of the map
"Mean" at each frame until they change: milliseconds from the key to the picture, for `emoji-96` at
each of the sizes that the page offers. The page is left alone between two steps.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from playwright.sync_api import sync_playwright

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # run as a file

from tools.browser import launch
from tools.studio_page import PATIENCE, Server

SIZES = (32, 64, 96, 256)
_CANVAS = """() => {
  const all = (root, name) => [...root.querySelectorAll("*")].flatMap((node) => [
    ...(node.matches(name) ? [node] : []), ...(node.shadowRoot ? all(node.shadowRoot, name) : [])]);
  const map = all(document, ".map").find((map) =>
    all(map.shadowRoot || map, "b").some((title) => title.innerText === "Mean"));
  return all(map.shadowRoot || map, "canvas")[0];
}"""
_FOLLOW = """(canvas) => new Promise((seen, lost) => {
  const pixels = () => {
    const {width, height} = canvas;
    return new Uint32Array(canvas.getContext("2d").getImageData(0, 0, width, height).data.buffer);
  };
  const sum = () => pixels().reduce((total, pixel) => (31 * total + pixel) | 0, 0);
  const before = sum();
  addEventListener("keydown", () => {
    const begun = performance.now();
    const look = () => sum() !== before ? seen(performance.now() - begun)
      : performance.now() - begun > 60000 ? lost(new Error("nothing changed"))
      : requestAnimationFrame(look);
    look();
  }, {once: true, capture: true});
  window.isWatched = true;
})"""


def follow(page: Any, slider: Any, steps: int) -> list[float]:
    """Milliseconds from a key to the picture, of each step."""
    canvas = page.evaluate_handle(_CANVAS)
    taken = []
    for step in range(steps):
        page.evaluate("window.isWatched = false")
        slider.focus()
        coming = page.evaluate_handle(f"(canvas) => ({{promise: ({_FOLLOW})(canvas)}})", canvas)
        page.wait_for_function("window.isWatched")
        slider.press("ArrowRight" if step % 20 < 10 else "ArrowLeft")
        taken.append(coming.evaluate("(coming) => coming.promise"))
        page.wait_for_timeout(1500)
    return taken


def measure(server: Server, steps: int) -> dict[str, list[float]]:
    """Milliseconds of each step at each size."""
    with sync_playwright() as playwright:
        browser = launch(playwright)
        page = browser.new_page(viewport={"width": 1400, "height": 1000})
        page.set_default_timeout(1000 * PATIENCE)
        page.goto(server.url)
        group = page.locator(".bk-input-group", has_text="Share observed").filter(visible=True)
        found = {}
        for size in SIZES:
            page.get_by_role("button", name=str(size), exact=True).first.click()
            page.get_by_text("8 draws").filter(visible=True).first.wait_for()
            page.wait_for_timeout(5000)
            found[str(size)] = follow(page, group.locator(".noUi-handle").first, steps)
        browser.close()
    return found


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        server = Server(Path(folder))
        try:
            found = measure(server, given.steps)
        finally:
            server.end()
    print("| cells | median ms | 90th percentile ms | largest ms |\n|---|---|---|---|")
    for size, taken in found.items():
        middle, most = np.percentile(taken, [50, 90])
        print(f"| {size} × {size} | {middle:.0f} | {most:.0f} | {max(taken):.0f} |")
    if given.json:
        given.json.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
