"""Refuse words of `tools/vocabulary.txt` in names, docstrings and comments.

Command:  python tools/check_vocabulary.py [FILE ...]      (none: those of src and studies)
"""

from __future__ import annotations

import ast
import io
import re
import sys
import tokenize
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
WORDS = ROOT / "tools" / "vocabulary.txt"
PLACES = {"names": ("names",), "text": ("text",), "both": ("names", "text")}


class Word(NamedTuple):
    """A word that is not used: itself, what stands for it, and where it is looked for."""

    word: str
    term: str
    places: tuple[str, ...]


class Finding(NamedTuple):
    """Where a word stands."""

    line: int
    found: str
    word: Word


def vocabulary(text: str) -> list[Word]:
    """The words of a file, each in a line "word | term | place"; a ValueError names a bad line."""
    words = []
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip() or line.startswith("#"):
            continue
        parts = [part.strip() for part in line.split("|")]
        if len(parts) != 3 or parts[2] not in PLACES:
            raise ValueError(
                f"{WORDS.name}, line {number}: {line!r}; expected word | term | names, text or "
                "both."
            )
        words.append(Word(parts[0], parts[1], PLACES[parts[2]]))
    return words


def check(source: str, words: list[Word]) -> list[Finding]:
    """Findings in the source of one file, by line."""
    found = {
        Finding(line, name, word)
        for line, name in _names(ast.parse(source))
        for word in words
        if "names" in word.places and f"_{word.word}_" in f"_{_parts(name)}_"
    }
    found |= {
        Finding(line, text.strip()[:70], word)
        for line, text in _texts(source)
        for word in words
        if "text" in word.places and re.search(rf"\b{re.escape(word.word)}\b", text, re.I)
    }
    return sorted(found, key=lambda f: (f.line, f.found))


def _parts(name: str) -> str:
    """The words of a name in lower case, joined by underscores."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).strip("_").lower()


def _names(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Names that the code defines: functions, classes, arguments, variables, fields."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield node.lineno, node.name
        elif isinstance(node, ast.arg):
            yield node.lineno, node.arg
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.lineno, node.id
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield node.lineno, node.attr


def _texts(source: str) -> Iterator[tuple[int, str]]:
    """Lines of docstrings and comments."""
    for node in ast.walk(ast.parse(source)):
        body = getattr(node, "body", None)
        for item in body if isinstance(body, list) else []:
            if isinstance(item, ast.Expr) and isinstance(item.value, ast.Constant):
                text = item.value.value
                for offset, line in enumerate(text.splitlines() if isinstance(text, str) else []):
                    yield item.lineno + offset, line
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], token.string


def main(arguments: list[str]) -> int:
    """Print findings; 1 if there are any."""
    words = vocabulary(WORDS.read_text(encoding="utf-8"))
    files = [Path(a) for a in arguments] or [
        f for folder in ("src", "studies") for f in sorted((ROOT / folder).rglob("*.py"))
    ]
    count = 0
    for file in files:
        for finding in check(file.read_text(encoding="utf-8"), words):
            count += 1
            shown = file.relative_to(ROOT) if file.is_relative_to(ROOT) else file
            print(
                f"{shown}:{finding.line}: {finding.word.word!r} in {finding.found!r}: "
                f"say {finding.word.term}"
            )
    return min(count, 1)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
