"""No block of a page is forgotten: each one runs in a test, or is read by a parser and named."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from tests.docs import test_examples, test_pages
from tests.docs.commands import read
from tools.run_pages import SHELL, blocks, shell_lines

ROOT = Path(__file__).resolve().parents[2]
DOCS = sorted(
    path.relative_to(ROOT).as_posix()
    for path in (ROOT / "docs").rglob("*.md")
    if "gallery" not in path.parts
)
PAGES = ("README.md", "CONTRIBUTING.md", "SECURITY.md", *DOCS)
FURTHER = ("benchmarks/*.md", "examples/*.md", "studies/*/*.md", "src/**/*.md")
"""Pages whose commands take minutes to hours: they are read by parsers."""
WITH_COMMANDS = [
    path.relative_to(ROOT).as_posix()
    for pattern in (*PAGES, *FURTHER)
    for path in sorted(ROOT.glob(pattern))
    if shell_lines(path)
]
AS_THEY_STAND = {f"docs/{page}.md" for page in test_pages.PAGES}
LANGUAGES = {
    "python": AS_THEY_STAND | set(test_examples.NAMES) | {"docs/extending.md"},
    "pycon": {"docs/errors.md"},
    "toml": {"docs/extending.md"},
    "text": set(PAGES),
}
"""Pages by the language of the blocks that tests run on them: of text, none is run."""


def runs(page: str, line: str) -> bool:
    """Whether tests/docs/test_pages.py runs a line of a page."""
    if line.startswith(tuple(test_pages.LEFT_OUT)):
        return False
    return line.startswith("mamba-diffae ") and page in AS_THEY_STAND | set(test_pages.OTHER)


@pytest.mark.parametrize("page", PAGES)
def test_every_block_runs_or_is_named(page: str) -> None:
    found = blocks(ROOT / page)
    text = (ROOT / page).read_text(encoding="utf-8")
    fences = [line for line in text.splitlines() if line.lstrip(" >").startswith(("```", "~~~"))]
    assert len(fences) == 2 * len(found), "a block is indented, or fenced in another way"
    for language, code in found:
        if language in SHELL or language.startswith("{"):
            continue  # a command, below; a directive of Sphinx, which make docs runs
        assert page in LANGUAGES.get(language, ()), f"no test runs this {language}:\n{code}"
        if language == "toml":
            tomllib.loads(code)
    for line in shell_lines(ROOT / page):
        left_out = line.startswith(tuple(test_pages.LEFT_OUT))
        assert runs(page, line) or left_out, f"no test runs {line!r}, and LEFT_OUT has no reason"


def test_what_is_left_out_stands_on_a_page() -> None:
    lines = [line for page in PAGES for line in shell_lines(ROOT / page)]
    for beginning in test_pages.LEFT_OUT:
        assert any(line.startswith(beginning) for line in lines), beginning


@pytest.mark.parametrize("page", WITH_COMMANDS)
def test_every_command_is_understood(page: str) -> None:
    for line in shell_lines(ROOT / page):
        if not runs(page, line):
            read(line)


@pytest.mark.parametrize(
    "line",
    [
        "mamba-diffae fit emoji --colour red",
        "mamba-diffae experiment weather-of-mars --run a",
        "make tea",
        "pip install 'mamba-diffae[fields,tea]'",
        "accelerate launch -m mamba_diffae fit --colour red",
        "python tools/flat_memory.py tea",
        "tea --with milk",
    ],
)
def test_a_command_that_is_not_understood_is_refused(line: str) -> None:
    with pytest.raises((ValueError, SystemExit)):
        read(line)
