"""Each picture of each page has an alternative text; the build's own check finds what has none."""

import importlib.util
import re
from pathlib import Path

import pytest
from docutils import nodes
from docutils.utils import new_document

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted(
    path.relative_to(ROOT).as_posix()
    for pattern in ("*.md", "docs/**/*.md", "examples/*.md", "benchmarks/*.md", "studies/*/*.md")
    for path in ROOT.glob(pattern)
    if "gallery" not in path.parts
)
LEAST = 20
"""Characters that say what is to be seen; a file name is none."""


@pytest.mark.parametrize("page", PAGES)
def test_pictures_of_a_page_are_described(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    for alternative, place in re.findall(r"!\[([^\]]*)\]\(([^)]+)\)", text):
        assert len(alternative) >= LEAST, f"{page}: {place}"
    for directive in re.findall(r"^[`:]{3,}{(?:image|figure)}.*?^[`:]{3,}$", text, re.M | re.S):
        assert re.search(r"^:alt: .{20}", directive, re.M), f"{page}: {directive}"
    for tag in re.findall(r"<img\b[^>]*>", text, re.S):
        assert re.search(r"\balt=\"[^\"]{20}", tag), f"{page}: {tag}"


@pytest.fixture(scope="module")
def extension():
    path = ROOT / "docs" / "_extensions" / "alternative_texts.py"
    spec = importlib.util.spec_from_file_location("alternative_texts", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("node", "found"),
    [
        (nodes.image(uri="a.png", alt="A map"), 0),
        (nodes.image(uri="a.png", alt=" "), 1),
        (nodes.image(uri="a.png"), 1),
        (nodes.raw("", '<p><img src="a.png" alt="A map"></p>', format="html"), 0),
        (nodes.raw("", '<p><img src="a.png" alt=""></p>', format="html"), 1),
    ],
)
def test_the_build_finds_what_has_none(extension, node: nodes.Node, found: int) -> None:
    document = new_document("page")
    document += node
    assert len(list(extension.undescribed(document))) == found
