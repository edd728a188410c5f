"""Write docs/results.md from the results of studies and evaluations.

    python tools/write_results.py runs/comparison runs/draws runs/emoji-96 [--out docs/results.md]

Each argument is a folder that holds a result.json, or such a file (`mamba-diffae evaluate` keeps
one result in a run: copy its result.json away before the next). Every sentence is one that the
study computed from its numbers; the page is the same whenever the results are. A section of the
page of which no newer result is given stays as it is, marked if networks have changed since.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import final

from readme import table as score_table

from mamba_diffae.benchmark import Table
from mamba_diffae.benchmark.wording import in_short
from mamba_diffae.evaluation import DrawScore, Score
from mamba_diffae.fields.atomic import atomic_file
from mamba_diffae.models.serialization import FORMAT
from mamba_diffae.report.tables import cell, interval, number

OUT = Path("docs/results.md")
HEAD = """# Results

<!-- written by tools/write_results.py; change the studies, not this page -->

Measured on fields that no network has learned from. PSNR in dB and SSIM: higher is better, the
best of each column in bold; rows whose name begins with "oracle" have seen the truth and are out of
competition.
"""
MARK = "**Measured before networks had format "
EARLIER = f"""{MARK}{FORMAT}**: where there is a prior, what a
latent holds has changed since (see [decisions.md](decisions.md)), and with it perhaps these
figures."""
BESIDE = ("scored on", "scale and seed", "model", "time", "hardware")
"""Facts that stand beside every table, where they are known."""


@final
@dataclass(frozen=True)
class Section:
    """The numbers and words of one result.json; see `mamba_diffae.benchmark.Page`."""

    title: str
    question: str
    findings: Sequence[str]
    scores: Sequence[Score]
    draws: Sequence[DrawScore]
    tables: Sequence[Table]
    facts: Mapping[str, str]


def read(path: Path) -> Section:
    """A result without its pictures.

    Raises:
        ValueError: If there is none, or it is damaged.
    """
    file = path / "result.json" if path.is_dir() else path
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
        return Section(
            found["title"],
            found["question"],
            found["findings"],
            [Score.from_dict(score) for score in found["scores"]],
            [DrawScore.from_dict(score) for score in found["draws"]],
            [Table(**kept) for kept in found.get("tables", ())],
            found["facts"],
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ValueError(
            f"{file} is no result ({error}); give the folder of a study or an evaluation, "
            "or its result.json."
        ) from error


def page(sections: Sequence[Section], former: str = "") -> str:
    """All sections as one page of Markdown.

    Args:
        sections: The results, each of its own heading.
        former: A page made earlier: its sections come first, those with the heading of a given
            result in its words.
    """
    parts = {heading(text): text for text in sections_of(former)}
    parts |= {f"## {headline(section)}": section_text(section) for section in sections}
    return "\n".join([HEAD, *map(marked, parts.values())])


def sections_of(text: str) -> list[str]:
    """The sections of a page, each from its heading on."""
    return [f"## {part.strip()}\n" for part in f"\n{text}".split("\n## ")[1:]]


def heading(text: str) -> str:
    """The first line of a section."""
    return text.partition("\n")[0]


def headline(section: Section) -> str:
    """What stands in the heading."""
    judged = section.facts.get("scored on")
    mark = "" if section.title.endswith("?") else ":"
    return section.title + (f"{mark} {judged}" if judged else "")


def marked(text: str) -> str:
    """A section that says so if it was measured with networks of an earlier format."""
    if f"network format {FORMAT}" in text or MARK in text:
        return text
    first, _, rest = text.partition("\n")
    return f"{first}\n\n{EARLIER}\n{rest}"


def section_text(section: Section) -> str:
    """Heading, question, findings, tables, and how all of it was made."""
    parts = [f"## {headline(section)}", section.question]
    parts.append("\n".join(f"* {finding}" for finding in section.findings))
    beside = made_by(section.facts)
    if section.scores:
        parts += ["### Scores", score_table(section.scores), beside]
    if section.draws:
        parts += ["### Single draws", draws_table(section.draws), beside]
    for measured in section.tables:
        parts += [f"### {measured.title}", measured.caption, measured_table(measured), beside]
    parts += ["### How it was made", facts_list(section.facts)]
    return "\n\n".join(part for part in parts if part) + "\n"


def made_by(facts: Mapping[str, str]) -> str:
    """The command, and what else belongs beside a table."""
    known = [facts[name] for name in BESIDE if facts.get(name)]
    command = facts.get("this page")
    return "; ".join([*([f"`{command}`"] if command else []), *map(escaped, known)])


def draws_table(draws: Sequence[DrawScore]) -> str:
    """How single draws behave."""
    heads = ["method", "scale", "fields", "draws", "PSNR", "95 % interval", "TV", "HF"]
    rows = [
        [
            d.method.label, in_short(d.shape), str(d.count), str(d.n_draws), number(d.psnr.mean, 2),
            interval(d.psnr, 2), number(d.total_variation, 2), number(d.high_frequency, 2),
            number(d.draw_correlation, 2), number(d.truth_correlation, 2),
        ]
        for d in draws
    ]  # fmt: skip
    return markdown([*heads, "correlation of draw − mean", "of truth − mean"], rows)


def measured_table(measured: Table) -> str:
    """A table of a result."""
    digits = measured.digits or [2] * len(measured.columns)
    rows = [[cell(v, d) for v, d in zip(row, digits, strict=True)] for row in measured.rows]
    return markdown(measured.columns, rows)


def markdown(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table in Markdown; all columns but the first stand right."""
    lines = [heads, ["---", *["---:"] * (len(heads) - 1)], *rows]
    return "\n".join(f"| {' | '.join(map(escaped, line))} |" for line in lines)


def escaped(text: str) -> str:
    """Text that stays in its cell."""
    return text.replace("|", "\\|").replace("\n", " ")


def facts_list(facts: Mapping[str, str]) -> str:
    """All facts; commands as they are typed."""
    return "\n".join(
        f"* {name}: " + (f"`{fact}`" if _is_command(name, fact) else fact)
        for name, fact in facts.items()
    )


def _is_command(name: str, fact: str) -> bool:
    return name != "versions" and fact.startswith("mamba-diffae ")


def main() -> None:
    """Read the results, write the page."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("results", type=Path, nargs="+", help="folders or result.json files")
    parser.add_argument("--out", type=Path, default=OUT, help="page to write")
    given = parser.parse_args()
    try:
        former = given.out.read_text(encoding="utf-8") if given.out.exists() else ""
        text = page([read(path) for path in given.results], former)
    except ValueError as error:
        parser.error(str(error))
    with atomic_file(given.out) as temporary:
        temporary.write_text(text, encoding="utf-8")
    print(given.out)


if __name__ == "__main__":
    main()
