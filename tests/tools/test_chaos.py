"""Disturbances: that they disturb, and a few seeded ones of each kind that takes seconds."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tools.chaos.children import run
from tools.chaos.damage import accepted
from tools.chaos.kills import kill_often
from tools.chaos.tasks import Task

ROOT = Path(__file__).parents[2]


class Counting(Task):
    """Counts to five in a file; carelessly, as others might, or not."""

    name = "counting"

    def __init__(self, careful: bool) -> None:
        self.careful = careful

    def go_on(self, place: Path) -> None:
        for number in range(self.reached(place)["number"] + 1, 6):
            file = place / (".tmp-number" if self.careful else "number")
            with file.open("w") as half:
                half.write('{"number": ')
                half.flush()
                (place / "beside").touch()
                half.write(f"{number}}}")
            (place / "beside").unlink(missing_ok=True)
            if self.careful:
                file.replace(place / "number")

    def reached(self, place: Path) -> dict[str, int]:
        file = place / "number"
        return json.loads(file.read_text()) if file.is_file() else {"number": 0}

    def result(self, place: Path) -> str:
        return (place / "number").read_text()


def test_a_child_is_killed_before_the_call_that_was_chosen(tmp_path):
    def work() -> str:
        for name in "abc":
            (tmp_path / name).write_text(name)
        return "done"

    whole = run(work, tmp_path)
    assert (whole.code, whole.calls, whole.said.strip()) == (0, 3, "done")
    for name in "abc":
        (tmp_path / name).unlink()
    assert run(work, tmp_path, call=3).killed
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "b"]
    failed = run(lambda: 1 / 0, tmp_path)
    assert (failed.code, failed.error) == (1, "ZeroDivisionError: division by zero")


def test_kills_find_what_is_written_carelessly_and_nothing_else(tmp_path):
    careful = kill_often(Counting(careful=True), tmp_path / "careful", 20, seed=0)
    assert (careful.times, careful.found) == (20, [])
    careless = kill_often(Counting(careful=False), tmp_path / "careless", 20, seed=0)
    assert any("JSONDecodeError" in words for words in careless.found)


def test_damage_that_is_read_or_refused_without_advice_is_found(tmp_path):
    rng = np.random.default_rng(0)
    (tmp_path / "a").write_bytes(rng.bytes(100))
    before = (tmp_path / "a").read_bytes()

    def refuse(words: str) -> None:
        raise ValueError(words)

    assert accepted(tmp_path, lambda: refuse("copy it again"), 8, seed=0) == []
    assert "no advice" in accepted(tmp_path, lambda: refuse("no"), 8, seed=0)[0]
    read = accepted(tmp_path, lambda: None, 8, seed=0)
    assert len(read) == 8
    assert "a, bit" in read[0]
    assert "cut to" in read[3]
    assert (tmp_path / "a").read_bytes() == before


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="children are forks")
def test_a_seeded_few(tmp_path):
    command = [sys.executable, "-m", "tools.chaos", "--count", "2", "--seed", "7"]
    for only in ("latents", "damage"):
        done = subprocess.run(
            [*command, "--only", only], cwd=ROOT, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        rows = [line for line in done.stdout.splitlines() if line.startswith("| ")][2:]
        assert rows
        assert all(row.split("|")[3].strip() == "0" for row in rows)
