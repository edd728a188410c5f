"""Trainings as processes: one thread, finished ones reused, failures named, others stopped."""

import json
import os
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from mamba_diffae.experiments.contenders import (
    ANCHORED,
    BASELINE,
    Contender,
    Cost,
    Entry,
    batch_size,
    pictures_seen,
    steps_made,
    validation_psnr,
)
from mamba_diffae.experiments.kept import kept
from mamba_diffae.experiments.side_by_side import Training, train_side_by_side
from mamba_diffae.training import Run


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> str:
    file = tmp_path_factory.mktemp("fields") / "fields.npy"
    rng = np.random.default_rng(0)
    np.save(file, rng.normal(size=(10, 16, 16, 1)).astype(np.float32))
    return str(file)


@pytest.fixture(scope="module")
def pair(source: str, tmp_path_factory: pytest.TempPathFactory) -> list[Training]:
    folder = tmp_path_factory.mktemp("pair")
    entries = [Entry(c, 3, Cost(steps=4)) for c in (BASELINE, ANCHORED)]
    trainings = [entry.training(folder, source, "tiny", "cpu") for entry in entries]
    train_side_by_side(trainings, 2, lambda done: None)
    return trainings


def test_phases_share_what_is_given():
    assert Cost(minutes=10).settings(["autoencoder", "diffusion"]) == [
        "autoencoder.steps=100000", "autoencoder.warmup_steps=2000", "autoencoder.minutes=7.5",
        "diffusion.steps=100000", "diffusion.warmup_steps=2000", "diffusion.minutes=2.5",
    ]  # fmt: skip
    assert Cost(minutes=10).settings(["diffusion"])[-1] == "diffusion.minutes=10"
    assert Cost(steps=200).settings(["autoencoder", "diffusion"]) == [
        "autoencoder.steps=150", "autoencoder.warmup_steps=3",
        "diffusion.steps=50", "diffusion.warmup_steps=1",
    ]  # fmt: skip


def test_the_command_says_all(tmp_path):
    scan = Contender("autoencoder with scan decoder", "autoencoder", ("model.decoder=scan",), 32)
    entry = Entry(scan, 1, Cost(minutes=8), ", equal pictures")
    training = entry.training(tmp_path, "emoji", "small", "auto")
    assert training.folder == tmp_path / "autoencoder-with-scan-decoder-equal-pictures-1"
    for part in ("fit emoji", "--seed 1", "--native-size 32", "--set model.decoder=scan",
                 "--set autoencoder.minutes=6", "--set diffusion.minutes=2"):  # fmt: skip
        assert part in training.command


def test_both_are_trained_with_one_thread(pair):
    baseline, autoencoder = (Run.open(training.folder) for training in pair)
    assert all(training.finished() for training in pair)
    assert steps_made(baseline) == {"diffusion": 4}
    assert steps_made(autoencoder) == {"autoencoder": 3, "diffusion": 1}
    assert pictures_seen(baseline) == pictures_seen(autoencoder) == 4 * batch_size(baseline)
    assert np.isfinite(validation_psnr(baseline))
    assert baseline.facts["hardware"]["threads"] == 1
    assert baseline.facts["command"] == pair[0].command


def test_what_is_finished_is_not_trained_again(pair):
    told: list[str] = []
    before = [os.stat(training.folder / "metrics.jsonl").st_mtime_ns for training in pair]
    train_side_by_side(pair, 2, told.append)
    assert told == []
    after = [os.stat(training.folder / "metrics.jsonl").st_mtime_ns for training in pair]
    assert after == before
    assert not Training(pair[0].folder, [*pair[0].words, "--seed", "4"]).finished()


def test_a_failure_is_told_and_stops_the_others(source, tmp_path):
    bad = Training(tmp_path / "bad", ["fit", source, "--run", str(tmp_path / "bad"), "--mode", "x"])
    endless = Entry(BASELINE, 0, Cost(minutes=60)).training(tmp_path, source, "tiny", "cpu")
    with pytest.raises(ValueError, match=r"bad ended with code 2: .*--resume") as error:
        train_side_by_side([endless, bad, bad], 2, lambda done: None)
    assert "--mode" in Path(bad.log).read_text()
    assert str(bad.log) in str(error.value)
    assert not endless.finished()


@pytest.mark.skipif((os.cpu_count() or 1) < 2, reason="nothing runs beside the first")
def test_an_interrupt_stops_all_after_a_step_and_they_go_on(source, tmp_path):
    brief, long = (
        Entry(c, 0, Cost(steps=n)).training(tmp_path, source, "tiny", "cpu")
        for c, n in ((BASELINE, 2), (Contender("long", "mamba-diffusion"), 10**6))
    )

    def interrupt(done: str) -> None:
        wait_for(lambda: Run.open(long.folder).metrics())
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train_side_by_side([brief, long], 2, interrupt)
    assert brief.finished()
    assert not long.finished()
    assert "Stopped by Ctrl-C after step" in long.log.read_text()
    made = json.loads((long.folder / "diffusion/last/state.json").read_text())["step"]
    words = [word.replace("=1000000", f"={made + 3}") for word in long.words]
    again = Training(long.folder, words)
    train_side_by_side([again], 2, lambda done: None)
    assert steps_made(Run.open(long.folder)) == {"diffusion": made + 3}


def wait_for(ready: Callable[[], object]) -> None:
    for _ in range(600):
        try:
            if ready():
                return
        except ValueError:
            pass  # no run yet
        time.sleep(0.1)
    raise AssertionError("this did not begin within a minute")


def test_what_was_made_for_the_same_key_is_found(tmp_path):
    made: list[int] = []

    def make() -> list[int]:
        made.append(len(made))
        return list(made)

    file = tmp_path / "deep" / "kept.json"
    assert kept(file, {"a": (1, 2)}, make) == [0]
    assert kept(file, {"a": (1, 2)}, make) == [0]
    assert kept(file, {"a": (1, 3)}, make) == [0, 1]
    file.write_text(json.dumps([1])[:-1])
    assert kept(file, {"a": (1, 3)}, make) == [0, 1, 2]
