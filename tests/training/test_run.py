"""The run folder: it refuses to lose anything, and its metrics survive a kill."""

import errno
import json
import math
from pathlib import Path

import pytest

from mamba_diffae.fields.atomic import DiskFullError
from mamba_diffae.training import Run


def test_a_run_says_what_was_run_and_on_what(run: Run) -> None:
    facts = Run.open(run.path).facts
    assert (facts["task"], facts["format"], facts["seed"]) == ("fields", 1, 0)
    assert {"mamba-diffae", "python", "torch", "numpy"} <= facts["versions"].keys()
    assert {"cpu", "cores", "threads", "memory_gb", "gpu"} == facts["hardware"].keys()
    assert facts["hardware"]["cores"] >= 1
    assert facts["elapsed"] == {}
    run.update(note="é")
    assert Run.open(run.path).facts["note"] == "é"


def test_a_run_is_replaced_only_when_told(run: Run) -> None:
    (run.path / "old.txt").write_text("old")
    with pytest.raises(ValueError, match=r"already holds a run.*--resume.*--overwrite"):
        Run.create(run.path, {})
    assert (run.path / "old.txt").exists()
    Run.create(run.path, {}, overwrite=True)
    assert [p.name for p in run.path.iterdir()] == ["run.json"]


@pytest.mark.parametrize("overwrite", [False, True])
def test_what_is_no_run_is_never_deleted(tmp_path: Path, overwrite: bool) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(ValueError, match="no run folder"):
        Run.create(tmp_path, {}, overwrite=overwrite)
    with pytest.raises(ValueError, match="is a file"):
        Run.create(tmp_path / "thesis.txt", {}, overwrite=overwrite)
    (tmp_path / "run.json").write_text('{"task": "words", "format": 1}')
    with pytest.raises(ValueError, match="'words'"):
        Run.create(tmp_path, {}, overwrite=overwrite)
    assert (tmp_path / "thesis.txt").read_text() == "years of work"


def test_an_empty_folder_is_taken(tmp_path: Path) -> None:
    assert Run.create(tmp_path, {}).path == tmp_path


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "no run folder: expected run.json"),
        ('{"task": "words", "format": 1}', "task 'words', format 1; expected task 'fields'"),
        ('{"task": "fields", "format": 2}', "format 2; expected"),
        ('{"task": "fie', r"run\.json is damaged"),
        ("{}", r"run\.json is damaged"),
        ("[]", r"run\.json is damaged"),
        ("\x00\xff", r"run\.json is damaged"),
    ],
)
def test_open_refuses_what_is_no_run(tmp_path: Path, content: str | None, message: str) -> None:
    if content is not None:
        (tmp_path / "run.json").write_text(content, encoding="latin-1")
    with pytest.raises(ValueError, match=message):
        Run.open(tmp_path)


def test_metrics_come_back_without_a_last_row_that_was_cut_short(run: Run) -> None:
    assert run.metrics() == []
    rows = [{"phase": "a", "step": 1, "loss": 0.1 + 0.2}, {"phase": "a", "step": 2, "loss": 1e-9}]
    for row in rows:
        run.log(row)
    with (run.path / "metrics.jsonl").open("a") as file:
        file.write('{"phase": "a", "st')
    assert run.metrics() == rows  # floats come back to the last bit


def test_what_is_no_number_is_null_in_the_file_and_nan_when_read(run: Run) -> None:
    run.log({"phase": "a", "step": 1, "loss": float("inf")})
    run.log({"phase": "a", "step": 2, "validation": {"psnr": float("nan")}})
    run.forget_after("b", 0)
    text = (run.path / "metrics.jsonl").read_text()
    assert text.count("null") == 2
    assert not {"NaN", "Infinity"} & set(text.replace(":", " ").replace("}", " ").split())
    first, second = run.metrics()
    assert math.isnan(first["loss"])
    assert math.isnan(second["validation"]["psnr"])
    run.update(elapsed={"a": float("nan")})
    assert Run.open(run.path).facts["elapsed"] == {"a": None}


@pytest.mark.parametrize("row", [b"oops", b'{"loss": \xff}', b"[" * 100_000])
def test_a_damaged_row_is_named(run: Run, row: bytes) -> None:
    (run.path / "metrics.jsonl").write_bytes(b'{"phase": "a", "step": 1}\n' + row + b"\n")
    with pytest.raises(ValueError, match=r"metrics\.jsonl, line 2 is damaged"):
        run.metrics()


def test_forgetting_spares_other_phases_and_earlier_steps(run: Run) -> None:
    for phase in ("a", "b"):
        for step in range(1, 4):
            run.log({"phase": phase, "step": step})
    with (run.path / "metrics.jsonl").open("a") as file:
        file.write('{"half')
    run.forget_after("b", 1)
    run.log({"phase": "b", "step": 2})
    kept = [(row["phase"], row["step"]) for row in run.metrics()]
    assert kept == [("a", 1), ("a", 2), ("a", 3), ("b", 1), ("b", 2)]


def test_a_failing_write_leaves_the_old_file(run: Run) -> None:
    run.write_json("scores.json", {"psnr": 24.5})
    with pytest.raises(TypeError):
        run.write_json("scores.json", {"psnr": object()})
    assert json.loads((run.path / "scores.json").read_text()) == {"psnr": 24.5}
    assert sorted(p.name for p in run.path.iterdir()) == ["run.json", "scores.json"]


def test_a_full_disk_is_named_when_logging(run: Run, monkeypatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "no space")

    monkeypatch.setattr(Path, "open", full)
    with pytest.raises(DiskFullError, match=r"metrics\.jsonl"):
        run.log({"phase": "a", "step": 1})
