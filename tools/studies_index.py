"""Write the table of docs/studies.md from the studies: question, date, hardware, time, command.

    python tools/studies_index.py [--check]

Of each `studies/*/README.md` the question is its heading, and what was measured a line below it:

    **Measured** 2026-11-27 on one core of an Intel Xeon, in 71 minutes: `mamba-diffae …`

A README of several parts has such a line below the heading of each. With `--check` nothing is
written: the page is compared, and the exit status is 1 where it is not up to date.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import final

from mamba_diffae.fields.atomic import atomic_file

ROOT = Path(__file__).resolve().parents[1]
PAGE = Path("docs/studies.md")
BEGIN, END = "<!-- studies: written by tools/studies_index.py -->", "<!-- end of studies -->"
MEASURED = re.compile(r"\*\*Measured\*\* (\d{4}-\d\d-\d\d) on (.+), in (.+): `([^`]+)`")
HEADING = re.compile(r"# (.+)")


@final
class StudyError(ValueError):
    """The README of a study does not say when, where and by what it was measured."""


@final
@dataclass(frozen=True)
class Entry:
    """One measurement of a study: a row of the table."""

    study: str
    question: str
    date: str
    hardware: str
    time: str
    command: str

    def row(self) -> str:
        """As a row of Markdown, the study as a link from `docs/`."""
        link = f"[{self.study}](../studies/{self.study}/README.md)"
        cells = (link, self.question, self.date, self.hardware, self.time, f"`{self.command}`")
        return "| " + " | ".join(cells) + " |"


def entries(readme: Path) -> Iterator[Entry]:
    """What a README says was measured, in its order.

    Raises:
        StudyError: If it has no line of what was measured.
    """
    question, found = "", 0
    for line in readme.read_text(encoding="utf-8").splitlines():
        if heading := HEADING.fullmatch(line):
            question = heading[1]
        elif measured := MEASURED.fullmatch(line):
            found += 1
            yield Entry(readme.parent.name, question, *measured.groups())
    if not found:
        raise StudyError(
            f"{readme} does not say what was measured; write below its heading: "
            "**Measured** DATE on HARDWARE, in TIME: `COMMAND`"
        )


def table(root: Path) -> str:
    """The table of all studies below `root`, in the order of their names."""
    readmes = sorted(root.glob("studies/*/README.md"))
    head = "| study | question | measured | hardware | time | command |"
    rows = [entry.row() for readme in readmes for entry in entries(readme)]
    return "\n".join([head, "| --- " * 6 + "|", *rows])


def page(root: Path) -> str:
    """The page as it should be: its text, with the table between the marks made anew."""
    head, rest = (root / PAGE).read_text(encoding="utf-8").split(BEGIN)
    _, tail = rest.split(END)
    return f"{head}{BEGIN}\n\n{table(root)}\n\n{END}{tail}"


def main() -> int:
    """Write the page, or with `--check` compare it."""
    parser = argparse.ArgumentParser(description="Write the table of docs/studies.md.")
    parser.add_argument("--check", action="store_true", help="compare, and write nothing")
    given = parser.parse_args()
    text = page(ROOT)
    if given.check:
        fresh = text == (ROOT / PAGE).read_text(encoding="utf-8")
        print(f"{PAGE} is {'up to date' if fresh else 'not up to date; run this tool'}")
        return 0 if fresh else 1
    with atomic_file(ROOT / PAGE) as temporary:
        temporary.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
