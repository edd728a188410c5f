"""Two processes, started as users start them, learn what one learns, and fail together."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from side_by_side import fields, fit, interrupted_fit
from torch import Tensor

from mamba_diffae.fields import FieldData
from mamba_diffae.training import Checkpoint, Processes, Run

PHASES = ("autoencoder", "ensemble", "flow")
LAUNCH = "accelerate.commands.launch --multi_gpu --num_processes 2 --main_process_port 0"


ABORTED = "terminate called without an active exception"
"""What torch's own threads say when they abort a process that is interrupted: seen once in ten."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, inside) -> Path:
    """Runs trained by one process, by two, and by one after the other."""
    smooth = inside(count=12, shape=(16, 16))
    folder, launched = _launched(tmp_path_factory.mktemp("runs"), smooth)
    for _ in range(4):
        if ABORTED in launched.stderr:
            folder, launched = _launched(tmp_path_factory.mktemp("again"), smooth)
    assert launched.returncode == 0, launched.stderr
    fit(fields(folder / "fields.npz"), folder / "begun together", resume=True)
    return folder


def _launched(folder: Path, smooth: FieldData) -> tuple[Path, subprocess.CompletedProcess[str]]:
    """What one process trains, then what two train together."""
    np.savez(folder / "fields.npz", values=smooth.values, splits=smooth.splits)
    data = fields(folder / "fields.npz")
    fit(data, folder / "alone")
    interrupted_fit(data, folder / "begun alone")
    command = [sys.executable, "-m", *LAUNCH.split()]
    script = Path(__file__).parents[1] / "side_by_side.py"
    done = subprocess.run(
        [*command, script, folder],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    return folder, done


@pytest.fixture(scope="module")
def told(folder: Path) -> list[dict]:
    """What either process was told."""
    return [json.loads((folder / f"told-{rank}.json").read_text()) for rank in range(2)]


def curve(run: Path, phase: str) -> dict[str, list[float]]:
    rows = [row for row in Run.open(run).metrics() if row["phase"] == phase]
    return {
        "step": [row["step"] for row in rows],
        "loss": [row["loss"] for row in rows if "loss" in row],
        "score": [next(iter(row["validation"].values())) for row in rows if "validation" in row],
    }


SHARED = ("together", "begun alone", "begun together")


# Two processes learn what one learns


@pytest.mark.parametrize("phase", PHASES)
@pytest.mark.parametrize("run", SHARED)
def test_the_curve_is_that_of_one_process(folder: Path, run: str, phase: str) -> None:
    one, two = curve(folder / "alone", phase), curve(folder / run, phase)
    assert two["step"] == one["step"] == [1, 2, 3, 3, 4, 5, 6, 6]
    assert two["loss"] == pytest.approx(one["loss"], rel=1e-5)
    assert two["score"] == pytest.approx(one["score"], rel=1e-5)


@pytest.mark.parametrize("run", SHARED)
def test_the_flow_of_latents_is_that_of_one_process(folder: Path, run: str) -> None:
    one, two = (
        [row["loss"] for row in Run.open(folder / r).metrics() if _of_latents(row)]
        for r in ("alone", run)
    )
    assert len(one) == 6
    assert two == pytest.approx(one, rel=1e-4)


def _of_latents(row: dict) -> bool:
    return row["phase"] == "latent" and "loss" in row


def distance(one: Iterable[Tensor], two: Iterable[Tensor]) -> float:
    """Of all numbers together, relative to their size."""
    a, b = (torch.cat([x.flatten().double() for x in tensors]) for tensors in (one, two))
    return ((a - b).norm() / a.norm()).item()


@pytest.mark.parametrize("phase", PHASES)
@pytest.mark.parametrize("run", SHARED)
@pytest.mark.parametrize("which", ["model", "ema"])
def test_the_weights_are_those_of_one_process(folder: Path, run: str, phase: str, which) -> None:
    one, two = (
        load_file(folder / name / phase / "last" / f"{which}.safetensors")
        for name in ("alone", run)
    )
    assert two.keys() == one.keys()  # none is prefixed
    # The bias of scores that go through a softmax has no effect: its gradient is a rounding error,
    # which Adam makes as long as any other.
    names = [name for name, w in one.items() if w.any() and not name.endswith("score.bias")]
    assert distance([one[n] for n in names], [two[n] for n in names]) < 1e-5
    # Of a weight that hardly moves from zero Adam makes more of the rounding of its gradient.
    assert max(distance([one[n]], [two[n]]) for n in names) < 2e-3


@pytest.mark.parametrize("phase", PHASES)
def test_the_gradients_are_those_of_one_process(folder: Path, phase: str) -> None:
    # Adam's first moment is the sum of all gradients so far, each with its weight.
    one, two = (
        torch.load(folder / name / phase / "last" / "optimizer.pt", weights_only=True)["state"]
        for name in ("alone", "together")
    )
    assert two.keys() == one.keys()
    moments = [(one[key]["exp_avg"], two[key]["exp_avg"]) for key in one]
    learning = [(a, b) for a, b in moments if a.double().norm() > 1e-8]
    assert len(learning) > 40
    # The terms of a number that is summed over all cells nearly cancel: their rounding is left.
    assert all((a - b).norm() < 1e-4 * a.norm() + 2e-8 for a, b in learning)


def test_a_run_notes_how_many_processes_made_it(folder: Path) -> None:
    assert [Run.open(folder / r).facts["processes"] for r in ("alone", "together")] == [1, 2]


def test_one_clock_stops_both(folder: Path) -> None:
    state = Checkpoint(folder / "two clocks" / "autoencoder" / "last").state
    assert (state.step, state.seconds) == (6, 60)


# They fail together


def test_there_were_two(told: list[dict]) -> None:
    assert [said["count"] for said in told] == [2, 2]


@pytest.mark.parametrize(
    ("case", "message"),
    [
        ("data", "ValueError: The processes were given different .*fields.values.*same data"),
        ("settings", r"settings.training.autoencoder.steps is 7 in process 0 and 8 in process 1"),
        ("batch", "'autoencoder' hold 5, which 2 processes .*autoencoder.batch_size .* as 6, or"),
        ("toy batch", "ValueError: The batches of phase 'autoencoder' hold 5, which 2 processes"),
        ("standing run", "ValueError: .*autoencoder already holds a checkpoint; .*--resume"),
        ("standing folder", "ValueError: .*together already holds a run; .*--overwrite"),
        ("loss", "NonFiniteLossError: The loss is nan, on fields 8 to 11, in step 3"),
    ],
)
def test_both_are_told_what_is_wrong(told: list[dict], case: str, message: str) -> None:
    for said in told:
        with pytest.raises(ValueError, match=message):
            raise ValueError(said[case])


def test_nothing_is_written_by_what_is_refused(folder: Path) -> None:
    assert not (folder / "unheard").exists()


# A single process


def test_it_says_for_whom_it_waits(monkeypatch, capfd) -> None:
    from mamba_diffae.training.loop import processes

    monkeypatch.setattr(processes, "_PATIENCE", 0.01)
    monkeypatch.setenv("WORLD_SIZE", "2")
    with processes._waiting_told():
        time.sleep(0.3)
    told = capfd.readouterr().err
    assert "Waiting for other processes" in told
    assert "WORLD_SIZE=2" in told
    assert "unset them" in told


def test_a_stray_local_rank_is_named(monkeypatch) -> None:
    monkeypatch.delenv("RANK", raising=False)
    monkeypatch.setenv("LOCAL_RANK", "0")
    with pytest.raises(ValueError, match=r"LOCAL_RANK=0\).*unset them"):
        Processes("cpu")


def test_one_process_asks_nobody() -> None:
    processes = Processes("cpu")
    assert (processes.rank, processes.count, processes.main) == (0, 1, True)
    assert processes.run_on_main(lambda: 5) == 5
    assert processes.mean(torch.tensor(0.1)).item() == torch.tensor(0.1).item()
    assert [processes.any(flag) for flag in (True, False)] == [True, False]
    assert processes.broadcast(0.1 + 0.2) == 0.1 + 0.2
    processes.check_batch("autoencoder", 7)
    processes.check_alike({"seed": 1})
