"""Every figure of docs/beside_others.md stands on the page that it names."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "beside_others.md"
FIGURE = re.compile(r"\d+\.\d+|\d+(?= %)")


def measured() -> list[tuple[str, str, str]]:
    """Of each row of the second section: what, the figures, and the text of the page cited."""
    text = PAGE.read_text(encoding="utf-8").split("## What was measured here")[1]
    section = text.split("\n## ")[0]
    rows, page = [], ""
    for line in section.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) != 4 or cells[0] in {"beside", "---"}:
            continue
        if cited := re.search(r"\]\(([^)]+)\)", cells[3]):
            page = (PAGE.parent / cited[1]).resolve().read_text(encoding="utf-8")
        rows.append((cells[1], cells[2], page))
    return rows


def test_figures_stand_on_the_cited_pages() -> None:
    rows = measured()
    assert sum(bool(FIGURE.search(figures)) for _, figures, _ in rows) >= 10
    for what, figures, page in rows:
        for figure in FIGURE.findall(figures):
            assert figure in page, f"{what}: {figure} is not on the page cited"


def test_what_was_not_measured_is_said() -> None:
    without = [figures for _, figures, _ in measured() if not FIGURE.search(figures)]
    assert without
    assert all("not measured here" in figures for figures in without)
