"""The examples of the documents run as they stand, but for what `SMALLER` makes smaller."""

import re
import warnings
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
QUICK = ("docs/conventions.md", "docs/latent.md", "docs/selective_scan.md", "docs/training.md")
SLOW = (
    "README.md",
    "docs/covariates.md",
    "docs/findings.md",
    "docs/sensor_placement.md",
    "docs/verification.md",
    "docs/windows.md",
    "docs/xarray.md",
)
NAMES = QUICK + SLOW
PAGES = (*QUICK, *(pytest.param(page, marks=pytest.mark.slow) for page in SLOW))
SHORT = {
    p: {"steps": 2, "batch_size": 4, "show_progress": False} for p in ("autoencoder", "ensemble")
}
SMALLER = {
    "README.md": {
        "mda.FieldAutoencoder().fit(data)  #": 'mda.FieldAutoencoder("tiny", changes=SHORT).fit('
        'data, phases=["autoencoder", "ensemble"])  #',
        ".distinct(8)": ".distinct(2)",
        "n_draws=4": "n_draws=2, steps=2",
        "n_draws=16": "n_draws=2, steps=2",
    },
    "docs/findings.md": {"np.stack(pieces)": "np.stack(pieces[:2])"},
}
"""What takes minutes, by what takes seconds."""


def code(page: str) -> str:
    """The Python blocks of a page, at the lines where they stand."""
    inside, lines = False, []
    for line in (ROOT / page).read_text(encoding="utf-8").splitlines():
        inside = line.strip() == "```python" if line.startswith("```") else inside
        lines.append(line if inside and not line.startswith("```") else "")
    return "\n".join(lines)


@pytest.mark.parametrize("page", PAGES)
def test_the_examples_run(page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # some write files
    source = code(page)
    for given, smaller in SMALLER.get(page, {}).items():
        assert given in source, f"{page} no longer holds {given!r}"
        source = source.replace(given, smaller)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        exec(compile(source, ROOT / page, "exec"), {"SHORT": SHORT})


EQUATION = re.compile(r"eq\. \((\d+)\)(?: (?:to|and) \((\d+)\))?")


def test_equations_are_numbered_in_order_and_every_cited_one_exists() -> None:
    text = (ROOT / "docs" / "concepts.md").read_text(encoding="utf-8")
    numbers = [int(n) for n in re.findall(r"\\tag\{(\d+)\}\n\$\$$", text, re.MULTILINE)]
    assert numbers == list(range(1, len(numbers) + 1))
    cited = set()
    for file in (ROOT / "src").rglob("*.py"):
        for found in EQUATION.finditer(file.read_text(encoding="utf-8")):
            cited |= {int(n) for n in found.groups() if n}
    assert cited
    assert cited <= set(numbers)


LINKED = (
    "README.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
    "examples/cifar10.md",
    *sorted(
        path.relative_to(ROOT).as_posix()
        for folder in ("docs", "docs/first_steps", "docs/how_to")
        for path in (ROOT / folder).glob("*.md")
    ),
)
LINK = re.compile(r"\]\((?!https?:)([^)#\s]*)(?:#([^)\s]*))?\)")


@pytest.mark.parametrize("page", LINKED)
def test_links_lead_somewhere(page: str) -> None:
    here = ROOT / page
    for place, heading in LINK.findall(here.read_text(encoding="utf-8")):
        target = (here.parent / place).resolve() if place else here
        assert target.exists(), f"{page} links to {place}"
        if heading:
            heads = re.findall(r"^#+ (.*)$", target.read_text(encoding="utf-8"), re.MULTILINE)
            assert heading in {anchor(head) for head in heads}, f"{page} links to {place}#{heading}"


def anchor(head: str) -> str:
    """The fragment of a heading."""
    return re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-")
