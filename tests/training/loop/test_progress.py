"""What is shown while training."""

import re

import pytest

from mamba_diffae.training.loop.progress import ProgressMeter


def test_elsewhere_than_on_a_terminal_lines_are_few_and_complete(capsys) -> None:
    with ProgressMeter("autoencoder", 1000, 0.0, show=True) as meter:
        for step in range(1, 1001):
            meter.advance(step, 0.25, 32, step / 1000)
    out, err = capsys.readouterr()
    assert out == ""
    lines = err.splitlines()
    assert len(lines) <= 2  # at most one in ten seconds, and the last
    line = r"autoencoder step 1,000/1,000 · loss 0\.2500 · [\d,.]+ fields/s · 0:00:00 left"
    assert re.fullmatch(line, lines[-1])


def test_silence(capsys) -> None:
    with ProgressMeter("autoencoder", 1, 0.0, show=False) as meter:
        meter.advance(1, 0.25, 32, 1.0)
    assert capsys.readouterr() == ("", "")


def test_speed_and_loss_are_averages_without_bias(monkeypatch, capsys) -> None:
    clock = iter([0.0, 2.0, 4.0])
    monkeypatch.setattr("mamba_diffae.training.loop.progress.time.monotonic", lambda: next(clock))
    meter = ProgressMeter("a", 4, 0.0, show=False)
    meter.advance(1, 3.0, 10, 0.25)
    assert meter.fields_per_second == pytest.approx(5.0)
    meter.advance(2, 3.0, 10, 0.5)
    assert meter.fields_per_second == pytest.approx(5.0)
    assert meter._line(2) == "a step 2/4 · loss 3.0000 · 5.0 fields/s · 0:00:04 left"
