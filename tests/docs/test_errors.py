"""docs/errors.md: every named error and warning has an entry, and the examples raise them."""

import ast
import doctest
import re
import warnings
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "errors.md"
NAMED = re.compile(r"(Error|Warning)$")


def named_classes() -> set[str]:
    """Public errors and warnings of the package, by the names of their classes."""
    found = set()
    for file in (ROOT / "src").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef) and NAMED.search(node.name):
                found.add(node.name)
    return {name for name in found if not name.startswith("_")}


def test_every_named_class_has_an_entry() -> None:
    entries = re.findall(r"^### (\w+(?:Error|Warning))$", PAGE.read_text("utf-8"), re.MULTILINE)
    assert sorted(entries) == sorted(named_classes())


def test_every_entry_says_what_to_do() -> None:
    for entry in re.split(r"^### ", PAGE.read_text("utf-8"), flags=re.MULTILINE)[1:]:
        name = entry.splitlines()[0]
        if NAMED.search(name):
            assert "**What to do**" in entry, name


@pytest.mark.slow
def test_the_examples_raise_what_they_show() -> None:
    blocks = re.findall(r"^```pycon\n(.*?)^```$", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    test = doctest.DocTestParser().get_doctest("\n\n".join(blocks), {}, PAGE.name, str(PAGE), 0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        done = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS).run(test)
    assert done.attempted > 10
    assert done.failed == 0
