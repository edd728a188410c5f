"""The measure of growing memory, and the tools' ways to their ends on little work."""

import json
import sys

import numpy as np
import pytest

from tools import flat_memory


def marks(megabytes) -> flat_memory.Marks:
    made = flat_memory.Marks(1000)
    made.megabytes = list(megabytes)
    return made


def test_growth_is_told_from_noise_and_from_a_start() -> None:
    start = np.where(np.arange(100) < 10, np.arange(100) * 20.0, 200)
    flat = marks(start + np.random.default_rng(0).normal(size=100)).measured()
    assert abs(flat["slope_kB"]) < 2
    assert flat["last_MB"] == pytest.approx(flat["second_MB"], rel=0.02)
    leaking = marks(start + np.arange(100)).measured()
    assert leaking["slope_kB"] == pytest.approx(100, rel=0.01)  # 1 MB each ten units


def test_growth_of_little_work_is_told_for_each_unit() -> None:
    few = flat_memory.Marks(10)
    few.megabytes = [100.0 + 2 * unit for unit in range(10)]
    assert few.measured()["slope_kB"] == pytest.approx(2000)


def test_memory_is_read_after_each_hundredth() -> None:
    made = flat_memory.Marks(250)
    for _ in range(250):
        made.tick()
    assert len(made.megabytes) == 100
    assert made.megabytes[-1] > 50


def test_calls_of_a_method_are_counted_and_answered() -> None:
    class Worker:
        def work(self, x: int) -> int:
            return x + 1

    made = flat_memory.Marks(3)
    with made.ticking(Worker, "work"):
        assert [Worker().work(i) for i in range(3)] == [1, 2, 3]
    assert Worker().work(1) == 2
    assert made.done == 3


def test_what_was_kept_is_drawn(tmp_path, monkeypatch) -> None:
    (tmp_path / "chunks.json").write_text(json.dumps({"count": 10, "megabytes": [1.0, 2.0]}))
    out = tmp_path / "figure.svg"
    typed = ["flat_memory", "draw", "--keep", str(tmp_path), "--out", str(out)]
    monkeypatch.setattr(sys, "argv", typed)
    flat_memory.main()
    assert out.stat().st_size < 60_000
    assert "</svg>" in out.read_text()
