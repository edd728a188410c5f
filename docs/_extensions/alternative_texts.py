"""Sphinx extension: a picture without an alternative text is a warning, which ends `make docs`."""

from __future__ import annotations

import re
from collections.abc import Iterator

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util import logging

_LOGGER = logging.getLogger(__name__)
_TAG = re.compile(r"<img\b[^>]*>", re.DOTALL)
_ALT = re.compile(r"""\balt=(["'])\s*(?!\1)\S""")


def undescribed(doctree: nodes.document) -> Iterator[tuple[nodes.Node, str]]:
    """Pictures that a reader who cannot see them is told nothing of: the node, and which it is."""
    for node in doctree.findall():
        if isinstance(node, nodes.raw):
            yield from ((node, tag) for tag in _TAG.findall(node.astext()) if not _ALT.search(tag))
        elif isinstance(node, nodes.Element) and (
            isinstance(node, nodes.image) or type(node).__name__ == "imgsgnode"
        ):
            uri = node.get("uri", "?")
            if not str(node.get("alt") or "").strip():
                yield node, str(uri)


def check(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Warn of each, once a page is complete."""
    for node, which in undescribed(doctree):
        _LOGGER.warning("picture without an alternative text: %s", which, location=node)


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect."""
    app.connect("doctree-resolved", check)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
