"""docs/results.md: made results in, the same Markdown out."""

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pytest

from mamba_diffae.benchmark import Page, Table, save_page
from mamba_diffae.evaluation import DrawScore, Interval, Method, Score

TOOL = Path(__file__).parents[2] / "tools" / "write_results.py"


@pytest.fixture(scope="module")
def tool():
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(TOOL.parent))
        spec = importlib.util.spec_from_file_location("write_results", TOOL)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        patch.setitem(sys.modules, "write_results", module)
        spec.loader.exec_module(module)
        yield module


def score(method: str, psnr: float, oracle: bool = False) -> Score:
    return Score(
        method=Method(method, kind="oracle" if oracle else "baseline"),
        scale=32,
        shape=(32, 32),
        count=5,
        psnr=Interval(psnr, 1, 2),
        ssim=Interval(0.5, 0.4, 0.6),
        rmse=(0.1,),
        skill=0.5,
        total_variation=1.0,
        high_frequency=0.3,
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    draws = DrawScore(
        Method("ours"), 32, (32, 32), 5, 6, Interval(18.0, 17.0, 19.0), 1.1, 0.9, 0.4, 0.5
    )
    table = Table("Counted", "What was | counted.", ["what", "n"], [["a|b", -1.5], ["c", None]])
    facts = {
        "this page": "mamba-diffae experiment fake --run x", "scored on": "5 fields, seed 0",
        "time": "12 s", "hardware": "cpu: abacus",
    }  # fmt: skip
    result = Page(
        "Title", "Why?", ["Kriging wins by 1.00 dB."],
        [score("ours", 20.0), score("kriging", 21.0), score("oracle: truth", 99.0, oracle=True)],
        draws=[draws], tables=[table], facts=facts,
    )  # fmt: skip
    save_page(result, tmp_path)
    return tmp_path


def test_everything_is_written_with_what_made_it(tool, folder):
    text = tool.page([tool.read(folder)])
    assert "## Title: 5 fields, seed 0" in text
    assert "* Kriging wins by 1.00 dB." in text
    assert "| kriging | **21.00** | **0.500** |" in text
    assert "| ours | 20.00 | **0.500** |" in text
    assert "| oracle: truth | 99.00 | 0.500 |" in text
    assert "| ours | 32² | 5 | 6 | 18.00 | 17.00 – 19.00 | 1.10 | 0.90 | 0.40 | 0.50 |" in text
    assert "| a\\|b | −1.50 |\n| c | – |" in text
    beside = "`mamba-diffae experiment fake --run x`; 5 fields, seed 0; 12 s; cpu: abacus"
    assert text.count(beside) == 3  # one table of each sort


def test_the_page_is_a_function_of_the_results(tool, folder, tmp_path):
    copied = tmp_path / "evaluation-05.json"
    copied.write_bytes((folder / "result.json").read_bytes())
    assert tool.page([tool.read(copied)]) == tool.page([tool.read(folder)])


def test_sections_without_a_newer_result_stay_and_are_marked(tool, folder):
    newer = tool.read(folder)
    former = tool.page([newer]).replace("20.00", "10.00") + "\n## Other: old\n\nWhy not?\n"
    text = tool.page([newer], former)
    assert "10.00" not in text
    assert text.count("## Title") == text.count("## Other: old") == 1
    assert text.index("## Title") < text.index(f"## Other: old\n\n{tool.EARLIER}\n\nWhy not?")
    assert text.count(tool.EARLIER) == 2  # these facts tell no format
    former = text.replace(f"{tool.MARK}{tool.FORMAT}", f"{tool.MARK}1")
    assert tool.page([], former) == former  # marked once
    assert tool.page([newer], text) == text


@pytest.mark.parametrize("content", ["", "{}", json.dumps({"title": "x", "scores": 1})])
def test_what_is_no_result_is_named(tool, tmp_path, content):
    (tmp_path / "result.json").write_text(content)
    with pytest.raises(ValueError, match=r"result\.json is no result"):
        tool.read(tmp_path)


def test_the_command_writes_the_page(folder, tmp_path):
    out = tmp_path / "docs/results.md"
    command = [sys.executable, str(TOOL), str(folder), "--out", str(out)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert out.read_text().startswith("# Results\n")
