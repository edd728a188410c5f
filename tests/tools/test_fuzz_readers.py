"""Damaged files read for a moment: what is a finding, and that there is none."""

from pathlib import Path

import pytest

from tools import fuzz_readers
from tools.fuzz.samples import Sample


@pytest.fixture(autouse=True)
def _without_a_model(monkeypatch: pytest.MonkeyPatch) -> None:
    from tools.fuzz.samples import PLAIN

    monkeypatch.setattr(fuzz_readers, "MAKERS", PLAIN)


@pytest.mark.parametrize("kind", ["npz", "png", "csv", "cifar10"])
def test_sound_and_damaged_files_are_no_findings(kind: str) -> None:
    for sample, name in fuzz_readers.targets(kind):
        assert fuzz_readers.tried(sample, name, sample.files[name]) is None
    told: list[str] = []
    assert fuzz_readers.loop(kind, 0.2, 0, told.append) > 0
    assert not told


def reading(what) -> Sample:
    return Sample("made up", {"a": b"1"}, what, ("a",))


def test_a_bare_error_and_too_much_memory_are_findings() -> None:
    def bare(folder: Path) -> None:
        raise KeyError("a")

    def greedy(folder: Path) -> int:
        return len(bytearray(2 * fuzz_readers.LEAST))

    assert fuzz_readers.tried(reading(bare), "a", b"") == "KeyError: 'a'"
    told = fuzz_readers.tried(reading(greedy), "a", b"")
    assert told is not None
    assert told.startswith("took 134,")
