"""A seeded hundred of the made-up inputs of `python -m tools.fuzz`, and what it accepts."""

from pathlib import Path

import pytest

from mamba_diffae import Grid
from mamba_diffae.fields import ShapeError
from tools.fuzz import model_doors
from tools.fuzz.driver import Report, doors, drawn, run
from tools.fuzz.verdict import Call, verdict


def outcome(kind: str, keys: range, holding: str = "") -> Report:
    report = Report()
    told = "\n".join(run(doors(kind, holding), keys, report))
    assert not report.findings, told
    return report


def test_a_hundred_inputs_are_answered_or_refused_with_advice() -> None:
    report = outcome("plain", range(100))
    assert report.ends.total() == 100
    assert {end for _, end in report.ends} == {"answered", "refused"}


@pytest.fixture
def own_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model_doors, "KEPT", tmp_path / "model")
    model_doors.model.cache_clear()


@pytest.mark.slow
def test_so_are_some_at_the_doors_of_a_model_and_of_the_shell(own_model) -> None:
    outcome("python", range(12), "predicting")
    outcome("python", range(6), "placing")
    outcome("shell", range(6))


def ended(what) -> tuple[str, str]:
    end, found = verdict(Call("door", "given", what, lambda answer: answer))
    return end, found.what if found else ""


def test_an_error_of_the_package_is_no_finding() -> None:
    assert ended(lambda: Grid(())) == ("refused", "")
    assert ended(lambda: Path("/no/such/file").read_text()) == ("refused", "")


def test_a_bare_error_is_a_finding_whoever_raised_it() -> None:
    def named_outside():
        raise ShapeError("the package did not raise this; give something else")

    for bare in (lambda: {}["a"], lambda: Grid.default(5), named_outside, lambda: int("x")):
        end, what = ended(bare)
        assert end == "finding", what


def test_what_the_check_says_of_an_answer_is_a_finding() -> None:
    assert ended(lambda: "mean not finite") == ("finding", "mean not finite")
    assert ended(lambda: None) == ("answered", "")


def test_a_seed_names_an_input() -> None:
    inputs = doors("plain")
    assert drawn(inputs, 7).given == drawn(inputs, 7).given
    assert len({drawn(inputs, key).given for key in range(20)}) > 15
