"""Trainings as processes: one thread, finished ones reused, failures named, others stopped."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mamba_diffae.sources import open_field
from mamba_diffae.training import Run
from studies.common.cache import cached_json
from studies.common.candidates import (
    ANCHORED,
    BASELINE,
    SCAN,
    Candidate,
    Cost,
    Job,
    fields_a_step,
    fields_seen,
    steps_made,
    validation_psnr,
)
from studies.common.folder_lock import FolderLock
from studies.common.side_by_side import train_here, train_side_by_side
from studies.common.training_job import TrainingJob


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> str:
    file = tmp_path_factory.mktemp("fields") / "fields.npy"
    rng = np.random.default_rng(0)
    np.save(file, rng.normal(size=(10, 16, 16, 1)).astype(np.float32))
    return str(file)


def training(job: Job, folder: Path, source: str) -> TrainingJob:
    """Into a folder of its own, by the preset for tests."""
    return TrainingJob(job.label, folder / job.file_stem, job.recipe(source, "tiny", "cpu"))


@pytest.fixture(scope="module")
def pair(source: str, tmp_path_factory: pytest.TempPathFactory) -> list[TrainingJob]:
    folder = tmp_path_factory.mktemp("pair")
    jobs = [Job(c, 3, Cost(steps=4)) for c in (BASELINE, ANCHORED)]
    trainings = [training(job, folder, source) for job in jobs]
    train_side_by_side(trainings, 2, lambda done: None)
    return trainings


def test_phases_share_what_is_given():
    assert Cost(minutes=10).settings(["autoencoder", "flow"]) == [
        "autoencoder.steps=100000", "autoencoder.warmup_steps=2000",
        "autoencoder.minutes=7.5", "autoencoder.clock=processor",
        "flow.steps=100000", "flow.warmup_steps=2000",
        "flow.minutes=2.5", "flow.clock=processor",
    ]  # fmt: skip
    assert Cost(minutes=10).settings(["flow"])[-2] == "flow.minutes=10"
    assert Cost(steps=200).settings(["autoencoder", "flow"]) == [
        "autoencoder.steps=150", "autoencoder.warmup_steps=3",
        "flow.steps=50", "flow.warmup_steps=1",
    ]  # fmt: skip


def test_the_command_says_all(tmp_path):
    scan = replace(SCAN, native_size=32)
    job = Job(scan, 1, Cost(minutes=8), equal_fields=True)
    asked = TrainingJob(job.label, tmp_path / job.file_stem, job.recipe("emoji", "small", "auto"))
    assert asked.folder == tmp_path / "autoencoder-with-scan-decoder-equal-fields-1"
    for part in ("fit emoji", "--seed 1", "--native-size 32",
                 "--architecture autoencoder", "--set model.decoder=scanning",
                 "--set autoencoder.minutes=6", "--set flow.minutes=2"):  # fmt: skip
        assert part in asked.command


def test_both_are_trained_with_one_thread(pair):
    baseline, autoencoder = (Run.open(training.folder) for training in pair)
    assert all(training.finished() for training in pair)
    assert steps_made(baseline) == {"flow": 4}
    assert steps_made(autoencoder) == {"autoencoder": 3, "flow": 1}
    assert fields_seen(baseline) == fields_seen(autoencoder) == 4 * fields_a_step(baseline)
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
    other = replace(pair[0], recipe=replace(pair[0].recipe, seed=4))
    assert pair[0].finished()
    assert not other.finished()


def test_a_failure_is_told_and_stops_the_others(source, tmp_path):
    no_such = Candidate("bad", "bad", "mamba-diffusion", ("model.block=1",))
    bad = training(Job(no_such, 0, Cost(steps=1)), tmp_path, source)
    endless = training(Job(BASELINE, 0, Cost(minutes=60)), tmp_path, source)
    with pytest.raises(ValueError, match=r"bad-0 ended with code 2: .*--resume") as error:
        train_side_by_side([endless, bad, bad], 2, lambda done: None)
    assert "did you mean 'blocks'" in bad.log.read_text()
    assert str(bad.log) in str(error.value)
    assert not endless.finished()


@pytest.mark.skipif((os.cpu_count() or 1) < 2, reason="nothing runs beside the first")
def test_an_interrupt_stops_all_after_a_step_and_they_go_on(source, tmp_path):
    brief, long = (
        training(Job(c, 0, Cost(steps=n)), tmp_path, source)
        for c, n in ((BASELINE, 2), (Candidate("long", "long", "mamba-diffusion"), 10**6))
    )

    def interrupt(done: str) -> None:
        wait_for(lambda: Run.open(long.folder).metrics())
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train_side_by_side([brief, long], 2, interrupt)
    assert brief.finished()
    assert not long.finished()
    assert "Stopped by Ctrl-C after step" in long.log.read_text()
    made = json.loads((long.folder / "flow/last/state.json").read_text())["step"]
    settings = [s.replace("=1000000", f"={made + 3}") for s in long.recipe.settings]
    again = replace(long, recipe=replace(long.recipe, settings=settings))
    train_here([again], open_field(source), lambda done: None)  # what a process began
    assert steps_made(Run.open(long.folder)) == {"flow": made + 3}


def test_a_locked_folder_is_waited_for_while_others_are_trained(source, tmp_path):
    first, second = (
        training(Job(BASELINE, seed, Cost(steps=1)), tmp_path, source) for seed in (0, 1)
    )
    lock = FolderLock.acquire(first.folder)
    assert lock is not None
    assert FolderLock.acquire(first.folder) is None
    told: list[str] = []

    def tell(done: str) -> None:
        if not told:
            lock.release()
        told.append(done)

    train_here([first, second], open_field(source), tell)
    assert told == ["training mamba-diffusion"] * 2
    ends = [(t.folder / "run.json").stat().st_mtime_ns for t in (second, first)]
    assert ends == sorted(ends)
    assert all(t.finished() for t in (first, second))


def test_what_another_process_has_ended_is_not_trained_again(source, tmp_path):
    asked = training(Job(BASELINE, 0, Cost(steps=1)), tmp_path, source)
    told: list[str] = []
    train_here([asked, asked], open_field(source), told.append)  # the second one waits its turn
    assert len(told) == 1


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such locks")
def test_a_folder_stays_locked_while_an_orphaned_training_goes_on(tmp_path):
    lock = FolderLock.acquire(tmp_path / "deep" / "run")
    assert lock is not None
    sleep = [sys.executable, "-c", "input()"]
    child = subprocess.Popen(sleep, stdin=subprocess.PIPE, pass_fds=(lock.handle,))
    lock.release()  # as when the parent is killed
    assert FolderLock.acquire(tmp_path / "deep" / "run") is None
    child.communicate(b"\n")
    again = FolderLock.acquire(tmp_path / "deep" / "run")
    assert again is not None
    again.release()


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
    assert cached_json(file, {"a": (1, 2)}, make) == [0]
    assert cached_json(file, {"a": (1, 2)}, make) == [0]
    assert cached_json(file, {"a": (1, 3)}, make) == [0, 1]
    file.write_text(json.dumps([1])[:-1])
    assert cached_json(file, {"a": (1, 3)}, make) == [0, 1, 2]
