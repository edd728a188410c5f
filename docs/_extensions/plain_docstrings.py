"""Sphinx extension: docstrings are plain text with code in single backticks, not reStructuredText.

Shapes such as (B, *shape, C) and norms such as |x| stay as they are. A first sentence with a colon
is a sentence, not a type. "docs/concepts.md, eq. (8)" becomes a link. In signatures bounds of
settings are left out, and a default that is made anew is shown as three dots.
"""

from __future__ import annotations

import re
from typing import Any

from sphinx.application import Sphinx

_CODE = re.compile(r"(`+[^`]+`+)")
_SECTION = re.compile(r"\s*(Returns|Yields):$")
_DOCUMENT = re.compile(r"\b(docs/\w+)\.md\b")
_MARKED = re.compile(r"\*\*[a-z ]+\*\*|(?<!\\)[*|]|(?<![\w-])--[a-z][\w-]*")
_TYPE = re.compile(r"( +):type: (.*)")
_BOUNDED = re.compile(r"~?(?:typing\.|types\.)?Annotated\[")
_ALIAS = re.compile(r"TypeAliasForwardRef\('([\w.]+)'\)")
_NO_SYNTAX = re.compile(r"= ?<[^<>]*>")


def escape(app: Sphinx, what: str, name: str, part: Any, options: Any, lines: list[str]) -> None:
    """Make reStructuredText of the lines of a docstring, before its sections are read."""
    example = False
    for i, line in enumerate(lines):
        example = line.lstrip().startswith(">>>") or (example and bool(line.strip()))
        if not example:
            lines[i] = "".join(map(_escaped, _CODE.split(line)))
    for i, line in enumerate(lines[:-1]):
        if _SECTION.match(line):
            indent = len(lines[i + 1]) - len(lines[i + 1].lstrip())
            lines[i + 1] = f"{lines[i + 1][:indent]}: {lines[i + 1].lstrip()}"
    if what in {"attribute", "data", "property"} and lines and ":" in lines[0]:
        lines[0] = f": {lines[0]}"


def _escaped(text: str) -> str:
    if text.startswith("`"):
        return text
    return _DOCUMENT.sub(r":doc:`\1.md </\1>`", _MARKED.sub(_mended, text))


def _mended(found: re.Match[str]) -> str:
    """Strong words stay, options of the shell become code, stars and bars are characters."""
    text = found[0]
    if len(text) == 1:
        return f"\\{text}"
    return f"``{text}``" if text.startswith("--") else text


def plain_types(
    app: Sphinx, what: str, name: str, part: Any, options: Any, lines: list[str]
) -> None:
    """Show the types of attributes beside their names, without bounds; sections were read."""
    given, lines[:] = list(lines), []
    attribute = 0
    for line in given:
        if line.lstrip().startswith(".. attribute::"):
            attribute = len(lines) + 1
        if attribute and (match := _TYPE.match(line)):
            lines.insert(attribute, f"{match[1]}:type: {_without_bounds(match[2])}")
        else:
            lines.append(line)


def plain_signature(
    app: Sphinx, what: str, name: str, part: Any, options: Any, given: str | None, back: str | None
) -> tuple[str | None, str | None]:
    """A signature that can be read, and parsed."""
    if given is not None:
        given = _NO_SYNTAX.sub("=...", _without_bounds(_ALIAS.sub(r"\1", given)))
    return given, None if back is None else _ALIAS.sub(r"\1", back)


def _without_bounds(text: str) -> str:
    """Only the type of what is Annotated[type, bounds]."""
    while match := _BOUNDED.search(text):
        depth, comma, end = 0, None, match.end()
        for end in range(match.end(), len(text)):
            depth += {"[": 1, "(": 1, "]": -1, ")": -1}.get(text[end], 0)
            if text[end] == "," and depth == 0 and comma is None:
                comma = end
            if depth < 0:
                break
        text = text[: match.start()] + text[match.end() : comma] + text[end + 1 :]
    return text


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect all of it; napoleon reads sections at the priority 500."""
    app.connect("autodoc-process-docstring", escape, priority=100)
    app.connect("autodoc-process-docstring", plain_types, priority=900)
    app.connect("autodoc-process-signature", plain_signature)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
