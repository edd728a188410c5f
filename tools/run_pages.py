"""Run the Python blocks of pages, and write what they print below them.

    python tools/run_pages.py docs/how_to/*.md

Blocks run in order, in a temporary folder, as a reader would run them. A block ```text that
follows a block ```python at once holds what that prints.
"""

from __future__ import annotations

import argparse
import io
import re
import tempfile
import time
import warnings
from collections.abc import Mapping
from contextlib import chdir, redirect_stdout
from pathlib import Path
from typing import Any

from mamba_diffae.fields.atomic import atomic_file

_PYTHON = re.compile(
    r"^```python\n(?P<code>.*?)^```\n(?:\n```text\n(?P<out>.*?)^```\n)?", re.M | re.S
)
_BLOCK = re.compile(r"^```(?P<language>[^\n`]*)\n(?P<text>.*?)^```$", re.M | re.S)
_NUMBER = re.compile(r"-?\d+(?:[.,]\d+)*")
SHELL = ("", "console", "bash", "sh")
"""Languages of blocks whose lines are commands."""
RELATIVE, ABSOLUTE = 0.3, 0.1
"""How far a printed number may be from that of the page, on another processor."""


def run_python(
    page: Path, changed: Mapping[str, str] | None = None
) -> tuple[dict[str, Any], list[tuple[str, str | None]]]:
    """Execute the Python blocks of a page in the working folder.

    Args:
        page: A Markdown document.
        changed: Code by what stands in its place.

    Returns:
        The names that they leave, and for each block what it printed and what the page says it
        prints, None where it says nothing.
    """
    text = page.read_text(encoding="utf-8")
    names: dict[str, Any] = {"__name__": page.stem}
    outputs: list[tuple[str, str | None]] = []
    for found in _PYTHON.finditer(text):
        line = text.count("\n", 0, found.start("code"))
        code = found["code"]
        for given, other in (changed or {}).items():
            code = code.replace(given, other)
        printed = io.StringIO()
        with redirect_stdout(printed), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            exec(compile("\n" * line + code, page, "exec"), names)
        outputs.append((printed.getvalue(), found["out"]))
    return names, outputs


def renew_output(page: Path, outputs: list[tuple[str, str | None]]) -> str:
    """The text of a page with what its blocks printed below them."""
    told = iter(outputs)

    def block(found: re.Match[str]) -> str:
        printed = next(told)[0]
        out = f"\n```text\n{printed}```\n" if printed else ""
        return f"```python\n{found['code']}```\n{out}"

    return _PYTHON.sub(block, page.read_text(encoding="utf-8"))


def renew(page: Path) -> dict[str, Any]:
    """Run a page, write what its blocks print into it, and return the names that they leave."""
    page, begun = page.resolve(), time.process_time()
    with tempfile.TemporaryDirectory() as folder, chdir(folder):
        names, outputs = run_python(page)
    text = renew_output(page, outputs)
    with atomic_file(page) as temporary:
        temporary.write_text(text, encoding="utf-8")
    print(f"{page.stem}: {time.process_time() - begun:.0f} s of processor time")
    return names


def alike(printed: str, expected: str) -> bool:
    """Whether two outputs have the same words, and about the same numbers.

    >>> alike("RMSE 1.02 K", "RMSE 1.1 K"), alike("RMSE 2 K", "RMSE 1 K"), alike("a", "b")
    (True, False, False)
    """
    if _NUMBER.sub("#", _spaced(printed)) != _NUMBER.sub("#", _spaced(expected)):
        return False
    pairs = zip(_numbers(printed), _numbers(expected), strict=True)
    return all(abs(a - b) <= max(RELATIVE * abs(b), ABSOLUTE) for a, b in pairs)


def blocks(page: Path) -> list[tuple[str, str]]:
    """The language of each block of a page ("" where none is named), and what stands in it."""
    found = _BLOCK.finditer(page.read_text(encoding="utf-8"))
    return [(each["language"].strip(), each["text"]) for each in found]


def shell_lines(page: Path, program: str = "") -> list[str]:
    """The commands of a page, without comments; continued ones joined.

    Args:
        page: A Markdown document.
        program: Only lines that begin with this program.
    """
    text = "\n".join(text for language, text in blocks(page) if language in SHELL)
    lines = [line.partition("  #")[0].strip() for line in text.replace("\\\n", " ").splitlines()]
    return [line for line in lines if line and line.startswith(f"{program} ".lstrip())]


def _spaced(text: str) -> str:
    return " ".join(text.split())


def _numbers(text: str) -> list[float]:
    return [float(number.replace(",", "")) for number in _NUMBER.findall(text)]


def main() -> None:
    """Renew pages."""
    parser = argparse.ArgumentParser(description="Write what the blocks of pages print.")
    parser.add_argument("pages", nargs="+", type=Path)
    for page in parser.parse_args().pages:
        renew(page)


if __name__ == "__main__":
    main()
