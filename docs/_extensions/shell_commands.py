"""Sphinx extension: `shell-command` describes a command of the shell from what its --help says.

sphinx-click would do this for commands of Click; those of Typer are of a copy of Click of its own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

PROGRAM = "mamba-diffae"
_ENTRY = re.compile(r"  (\S.*?)(?:  +(\S.*))?$")
_LINE = 100_000
"""Columns of a line, so that no entry is broken into several."""


class ShellCommand(SphinxDirective):
    """Usage, sentences, arguments and options of one command; without a name, of the program."""

    optional_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Parse what the help becomes."""
        command = self.arguments[0] if self.arguments else ""
        return self.parse_text_to_nodes("\n".join(described(command)))


def described(command: str) -> Iterator[str]:
    """The help of a command as reStructuredText."""
    part = ""
    yield from (f".. program:: {PROGRAM} {command}".rstrip(), "")
    for line in _help(command):
        if line.startswith("Usage: "):
            yield from (".. code-block:: text", "", f"   {line.removeprefix('Usage: ')}", "")
        elif line and not line.startswith(" "):
            part = line.removesuffix(":")
            if part != "Commands":
                yield from (f".. rubric:: {part}", "")
        elif part in {"Arguments", "Options"} and (entry := _ENTRY.match(line)):
            yield from (f".. option:: {entry[1]}", "", f"   {_plain(entry[2] or '')}", "")
        elif part != "Commands":
            yield f"   {_plain(line.strip())}" if part else _plain(line.strip())
            yield from ("",) if part else ()


def _help(command: str) -> list[str]:
    from typer.testing import CliRunner

    from mamba_diffae.cli.commands import app

    words = [command, "--help"] if command else ["--help"]
    told = CliRunner().invoke(app, words, terminal_width=_LINE, prog_name=PROGRAM)
    if told.exit_code:
        raise ValueError(f"{PROGRAM} {' '.join(words)} failed: {told.output}")
    return told.output.splitlines()


def _plain(text: str) -> str:
    escaped = re.sub(r"([*|`\\_])", r"\\\1", text)
    return re.sub(r"(?<![\w-])--[a-z][\w-]*", r"``\g<0>``", escaped)


def setup(app: Sphinx) -> dict[str, bool]:
    """Add the directive."""
    app.add_directive("shell-command", ShellCommand)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
