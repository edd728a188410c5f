"""docs/studies.md: every study has its row, and the page is up to date."""

import importlib.util
import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TOOL = ROOT / "tools" / "studies_index.py"
README = """# Does it rain?

**Measured** 2026-11-27 on two cores, other work beside it, in 71 minutes: `look --up`

## Command
"""


@pytest.fixture(scope="module")
def tool():
    spec = importlib.util.spec_from_file_location("studies_index", TOOL)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "studies_index", module)
        spec.loader.exec_module(module)
        yield module


def study(root: Path, text: str) -> Path:
    readme = root / "studies" / "rain" / "README.md"
    readme.parent.mkdir(parents=True)
    readme.write_text(text, encoding="utf-8")
    return readme


def test_the_page_is_up_to_date(tool) -> None:
    assert tool.page(ROOT) == (ROOT / tool.PAGE).read_text(encoding="utf-8")


def test_every_study_is_on_the_page_and_in_its_contents(tool) -> None:
    text = (ROOT / tool.PAGE).read_text(encoding="utf-8")
    contents = re.search(r"```{toctree}.*?```", text, re.DOTALL)
    assert contents
    for readme in ROOT.glob("studies/*/README.md"):
        name = readme.parent.name
        assert f"../studies/{name}/README.md)" in text
        assert f"../studies/{name}/README\n" in contents[0]


def test_a_row_is_read(tool, tmp_path: Path) -> None:
    (entry,) = tool.entries(study(tmp_path, README))
    assert entry.question == "Does it rain?"
    assert (entry.date, entry.time, entry.command) == ("2026-11-27", "71 minutes", "look --up")
    assert entry.hardware == "two cores, other work beside it"
    assert tool.table(tmp_path).count("\n") == 2


def test_a_study_without_the_line_is_refused(tool, tmp_path: Path) -> None:
    readme = study(tmp_path, "# Does it rain?\n")
    with pytest.raises(tool.StudyError, match="does not say what was measured"):
        list(tool.entries(readme))
