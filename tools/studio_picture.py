"""The picture of the studio in the documentation: the tab Reconstruct, once all draws are there.

python tools/studio_picture.py [docs/images/studio.webp]
"""

from __future__ import annotations

import argparse
import io
import sys
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # run as a file

from tools.browser import launch
from tools.studio_page import PATIENCE, Server

SIZE = {"width": 1400, "height": 820}


def picture(url: str) -> Image.Image:
    """The page as a browser shows it.

    Args:
        url: Of the studio.
    """
    with sync_playwright() as playwright:
        browser = launch(playwright)
        page = browser.new_page(viewport=SIZE)
        page.set_default_timeout(1000 * PATIENCE)
        page.goto(url)
        page.get_by_role("button", name="next ›").click()
        page.get_by_text("of 8 draws").wait_for()
        page.wait_for_timeout(2000)  # until it is painted
        seen = page.screenshot()
        browser.close()
    return Image.open(io.BytesIO(seen)).convert("RGB")


def main() -> None:
    """Write the picture."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("path", nargs="?", type=Path, default=Path("docs/images/studio.webp"))
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        server = Server(Path(folder))
        try:
            picture(server.url).save(given.path, quality=80, method=6)
        finally:
            server.end()


if __name__ == "__main__":
    main()
