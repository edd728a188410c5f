"""`mamba-diffae verify`: a page and numbers of a model on withheld data."""

import json

import pytest

from mamba_diffae.benchmark.verification import Verification

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def told(shell, finished, pictures, tmp_path_factory):
    run = tmp_path_factory.mktemp("verified") / "verify"
    line = f"verify {pictures} --model {finished} --by block --folds 2 --count 1 --draws 2"
    outcome = shell(f"{line} --run {run} --json {run.parent}/numbers.json")
    assert outcome.code == 0, outcome.err
    return outcome, run


def test_the_tables_are_told_and_the_page_is_written(told):
    outcome, run = told
    for words in ("Withheld by block: 2 folds", "the model", "kriging", "Report:"):
        assert words in outcome.out
    page = (run / "report.html").read_text()
    assert "Verification on withheld data" in page
    assert "--by block --folds 2" in page
    found = Verification.from_dict(json.loads((run.parent / "numbers.json").read_text()))
    assert (found.by, found.snapshots, found.n_draws) == ("block", 1, 2)


def test_the_page_is_written_again_from_its_folder(shell, told):
    _, run = told
    outcome = shell(f"report --run {run} --out {run.parent}/again.html")
    assert outcome.code == 0, outcome.err
    again, first = (p.read_text() for p in (run.parent / "again.html", run / "report.html"))
    assert again == first


def test_a_result_is_not_replaced_unasked(shell, told, finished, pictures, tmp_path):
    _, run = told
    line = f"verify {pictures} --model {finished}"
    outcome = shell(f"{line} --run {run}")
    assert outcome.code == 2
    assert "holds a verification; replace it with --overwrite" in outcome.err
    outcome = shell(f"{line} --run {finished} --overwrite")
    assert outcome.code == 2
    assert "holds something else than a verification" in outcome.err


def test_mistakes_are_told(shell, finished, pictures, tmp_path):
    line = f"verify {pictures} --model {finished} --run {tmp_path}/v"
    assert "No snapshot has gaps" in shell(f"{line} --by cloud").err
    assert "folds is 1" in shell(f"{line} --folds 1").err
    assert "takes no option 'variable'" in shell(f"{line} --variable sst").err
    assert not (tmp_path / "v").exists()
