"""Training that was stopped goes on as if it had not been: by Ctrl-C, and by kill -9."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow
COMMAND = [sys.executable, "-c", "from mamba_diffae.cli import main; main()"]
STEPS = 60
SETTINGS = (
    "--preset tiny --set model.d_model=8 --set model.prior=analogue "
    f"--set autoencoder.steps={STEPS} "
    "--set autoencoder.batch_size=2 --set autoencoder.log_every=1 "
    "--set autoencoder.checkpoint_every=10 --set autoencoder.validate_every=20 "
    "--set ensemble.steps=2 --set ensemble.batch_size=2 --set ensemble.log_every=1"
)
TIMES = ("seconds", "fields_per_second")


def curve(run: Path) -> list[dict]:
    """The metrics, without what the clock decides."""
    rows = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    return [{key: row[key] for key in row if key not in TIMES} for row in rows]


@pytest.fixture(scope="module")
def uninterrupted(shell, pictures, tmp_path_factory) -> Path:
    run = tmp_path_factory.mktemp("uninterrupted") / "run"
    assert shell(f"fit {pictures} --run {run} {SETTINGS}").code == 0
    return run


def stop(
    line: str,
    run: Path,
    number: signal.Signals,
    before: Callable[[int], None] = lambda number: None,
) -> tuple[int, str]:
    """Start a training, send it a signal in its midst; its exit code and what it said.

    What comes before is given the number of the process.
    """
    metrics = run / "metrics.jsonl"
    training = subprocess.Popen(
        [*COMMAND, *line.split()],
        stderr=subprocess.PIPE,
        text=True,
        # Started in the background, tests would hand down that Ctrl-C is to be ignored.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    try:
        patience = time.monotonic() + 120
        while not metrics.is_file() or metrics.read_text().count("\n") < 16:
            assert training.poll() is None, training.communicate()[1]
            assert time.monotonic() < patience
            time.sleep(0.01)
        training.send_signal(signal.SIGSTOP)  # whatever the machine's speed, it is in its midst
        before(training.pid)
        training.send_signal(signal.SIGCONT)
        training.send_signal(number)
        _, said = training.communicate(timeout=60)
    finally:
        training.kill()
        training.wait()
    return training.returncode, " ".join(said.split())


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_it_goes_on_exactly(shell, pictures, uninterrupted, tmp_path, number):
    run = tmp_path / "run"
    line = f"fit {pictures} --run {run} {SETTINGS}"

    def second(first: int) -> None:
        outcome = shell(f"{line} --overwrite")
        assert outcome.code == 2
        assert f"{run} is being written already, by process {first};" in outcome.err
        assert "finished no phase" in shell(f"evaluate --model {run}").err

    code, said = stop(line, run, number, second)
    if number == signal.SIGINT:
        assert code == 130
        assert "Stopped by Ctrl-C after step" in said
        assert f"`mamba-diffae {line} --resume`" in said
    else:
        assert code == -signal.SIGKILL
    reached = json.loads((run / "autoencoder/last/state.json").read_text())["step"]
    assert 10 <= reached < STEPS
    assert "finished no phase" in shell(f"evaluate --model {run}").err
    assert "--resume" in shell(f"fit {pictures} --run {run} --phase ensemble {SETTINGS}").err
    outcome = shell(f"{line} --resume")
    assert outcome.code == 0, outcome.err
    assert [path.name for path in tmp_path.iterdir()] == ["run"]
    assert curve(run) == curve(uninterrupted)
    ours, theirs = (folder / "model/model.safetensors" for folder in (run, uninterrupted))
    assert ours.read_bytes() == theirs.read_bytes()
