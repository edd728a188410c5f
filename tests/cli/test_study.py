"""`experiment`: names, folders, what it refuses, and the page it leaves."""

import json
from dataclasses import replace

import pytest

from mamba_diffae.benchmark import Page, Study, Table, load_page
from mamba_diffae.cli.study_registry import checkout_studies
from studies import STUDIES
from studies.draws.measures import DrawsProtocol

FEW = DrawsProtocol(
    count=2,
    steps=(1,),
    ensemble=2,
    ensemble_fields=2,
    ensemble_steps=1,
    inverted=1,
    inversion_steps=1,
)


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("studies.draws.study.PROTOCOLS", {"quick": FEW})


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list:
    """What a study called "fake" was asked."""
    requests = []

    def fake(request, on_progress) -> float:
        requests.append(request)
        on_progress("half")
        return 3.0

    def page(count: float) -> Page:
        table = Table("Counted", "What was counted.", ["what", "how many"], [["fields", count]])
        return Page("Fake", "Really?", ["No."], [], tables=[table], facts={"scored on": "3"})

    monkeypatch.setitem(STUDIES, "fake", Study(fake, page))  # pyright: ignore
    return requests


def test_draws_of_a_run_leave_a_page(shell, flowing, tmp_path):
    line = f"experiment draws --model {flowing} --run {tmp_path}/draws --scale quick"
    outcome = shell(line)
    assert outcome.code == 0, outcome.err
    assert "Draws worth looking at" in (tmp_path / "draws/report.html").read_text()
    assert "central 90 % interval" in outcome.out
    kept = load_page(tmp_path / "draws")
    assert kept.facts["this page"].startswith("mamba-diffae experiment draws")
    assert kept.facts["scored on"] == "1 fields, 20% of the cells"
    assert shell(f"report --run {tmp_path}/draws --out {tmp_path}/page.html").code == 0


def test_the_request_is_what_was_typed(shell, asked, pictures, tmp_path):
    line = f"experiment fake --run {tmp_path}/x --source {pictures} --scale full --seed 5"
    outcome = shell(line)
    assert outcome.code == 0, outcome.err
    (request,) = asked
    assert (request.scale, request.seed, len(request.truth)) == ("full", 5, 12)
    assert "Counted" in outcome.out
    assert "• No." in outcome.out
    facts = load_page(tmp_path / "x").facts
    assert facts["scale and seed"] == "full, seed 5"
    assert "s" in facts["time"]
    assert "cpu" in facts["hardware"]


def test_a_study_that_does_without_a_model_may_be_given_one(shell, asked, finished, tmp_path):
    line = f"experiment fake --run {tmp_path}/x --model {finished}"
    assert "leave --model out" in shell(line).err
    STUDIES["fake"] = replace(STUDIES["fake"], takes_model=True)  # pyright: ignore
    outcome = shell(line)
    assert outcome.code == 0, outcome.err
    assert asked[0].model is not None


def test_what_stands_is_refused_resumed_or_replaced(shell, asked, pictures, tmp_path):
    line = f"experiment fake --run {tmp_path}/x --source {pictures}"
    assert shell(line).code == 0
    refused = shell(line)
    assert refused.code == 2
    assert "--resume" in refused.err
    assert "--overwrite" in refused.err
    (tmp_path / "x/part.json").write_text("{}")
    assert shell(f"{line} --resume").code == 0
    assert (tmp_path / "x/part.json").is_file()
    other = shell(f"{line} --resume --seed 1")
    assert other.code == 2
    assert "begun with seed = 0, and 1 was asked" in other.err
    assert shell(f"{line} --overwrite --seed 1").code == 0
    assert not (tmp_path / "x/part.json").exists()
    assert json.loads((tmp_path / "x/run.json").read_text())["seed"] == 1


def test_foreign_folders_are_left_alone(shell, asked, pictures, tmp_path):
    (tmp_path / "thesis.txt").write_text("precious")
    outcome = shell(f"experiment fake --run {tmp_path} --source {pictures} --overwrite")
    assert outcome.code == 2
    assert (tmp_path / "thesis.txt").read_text() == "precious"


@pytest.mark.parametrize(
    ("mistake", "named"),
    [
        ("comparision", "did you mean 'comparison'?"),
        ("draw", "did you mean 'draws'?"),
        ("probes", "say which with --model"),
        ("comparison --model emoji-96", "leave --model out"),
        ("draws --model nowhere --equal-pictures", "leave out --equal-pictures"),
        ("draws --model nowhere --prior kriging", "leave --prior out"),
        ("never-worse --prior krigging", "did you mean 'kriging'?"),
        ("draws --model nowhere", "nowhere"),
        ("familiarity --model nowhere", "nowhere"),
        ("comparison --scale huge", "'quick', 'standard', 'full'"),
        ("comparison --source nowhere", "unknown"),
    ],
)
def test_a_mistake_is_named_and_leaves_nothing(shell, tmp_path, mistake, named):
    outcome = shell(f"experiment {mistake} --run {tmp_path}/x")
    assert outcome.code == 2
    assert named in outcome.err
    assert not (tmp_path / "x").exists()


def test_the_help_names_all_studies(shell):
    told = shell("experiment --help").out
    assert all(name in told for name in STUDIES)


def test_an_installed_package_may_register_studies(shell, pictures, tmp_path, monkeypatch):
    class Point:
        name = "theirs"

        def load(self) -> Study:
            return Study(lambda request, tell: None, lambda result: Page("Theirs", "?", [], []))

    monkeypatch.setattr("mamba_diffae.cli.study_registry.entry_points", lambda group: [Point()])
    outcome = shell(f"experiment theirs --run {tmp_path}/x --source {pictures}")
    assert outcome.code == 0, outcome.err
    assert load_page(tmp_path / "x").title == "Theirs"


def test_a_wheel_without_studies_says_where_they_are(shell, tmp_path, monkeypatch):
    assert checkout_studies(tmp_path) == {}
    monkeypatch.setattr("mamba_diffae.cli.study_registry.checkout_studies", dict)
    outcome = shell(f"experiment draws --run {tmp_path}/x")
    assert outcome.code == 2
    assert "in the folder studies/ of its source checkout" in outcome.err
