"""Chromium without a window, for the tests and tools that look at pages."""

from __future__ import annotations

import os
import shutil
from typing import Any

_NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")


def chromium() -> str | None:
    """The browser of this machine; None if it has none."""
    return next(filter(None, map(shutil.which, _NAMES)), None)


def launch(playwright: Any) -> Any:
    """A browser without a window.

    Args:
        playwright: Of `playwright.sync_api.sync_playwright`.
    """
    root = hasattr(os, "geteuid") and os.geteuid() == 0  # Chromium has no sandbox for root
    flags = ["--no-sandbox"] if root else []
    return playwright.chromium.launch(executable_path=chromium(), args=flags)
