"""The shell itself: help, mistakes, interrupts, full disks."""

import errno
import io
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mamba_diffae.cli import shell as speaking

COMMAND = [sys.executable, "-c", "from mamba_diffae.cli import main; main()"]


def process(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*COMMAND, *words], capture_output=True, text=True)


def test_the_installed_command_helps():
    installed = Path(sys.executable).with_name("mamba-diffae")
    done = subprocess.run([installed, "--help"], capture_output=True, text=True)
    assert done.returncode == 0
    for command in ("demo", "fit", "predict", "evaluate", "report"):
        assert command in done.stdout


def test_help_waits_for_no_heavy_package():
    code = (
        "import sys; from mamba_diffae.cli import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "print(sorted({'torch', 'numpy', 'scipy', 'numba', 'PIL', 'matplotlib', 'accelerate'} & "
        "set(sys.modules)))"
    )
    for words in (["--help"], ["fit", "--help"]):
        done = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True)
        assert done.stdout.endswith("[]\n"), done.stdout + done.stderr


def test_a_mistake_is_one_line_and_no_traceback(tmp_path):
    done = process("fit", "no-such-folder", "--run", str(tmp_path / "run"))
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith("Error: ")
    assert done.stderr.count("\n") == 1
    assert "no-such-folder" in done.stderr


@pytest.mark.parametrize(
    ("line", "nearest"),
    [
        ("evalute --run x", "'evaluate'"),
        ("fti emoji", "'fit'"),
        ("fit emoji --rnu x", "--run"),
        ("fit emoji --run x --pre-set tiny", "--preset"),
        ("predict --model x --inputs a.png", "--input"),
        ("demo --minuts 3", "--minutes"),
    ],
)
def test_the_nearest_name_is_told(shell, line, nearest):
    outcome = shell(line)
    assert outcome.code == 2
    assert nearest in outcome.err


@pytest.mark.parametrize("line", ["fit", "fit emoji", "predict --model x", "sample --model x"])
def test_what_is_missing_is_told(shell, line):
    outcome = shell(line)
    assert outcome.code == 2
    assert "Missing" in outcome.err


def test_evaluate_and_report_ask_for_a_model(shell):
    for line in ("evaluate", "report"):
        outcome = shell(line)
        assert outcome.code == 2
        assert "--model" in outcome.err


@pytest.mark.parametrize(
    ("line", "answer"),
    [
        ("evaluate --run runs/x", "mamba-diffae evaluate --model runs/x"),
        ("predict --run runs/x --input a.png --out b.png", "--model runs/x"),
        ("sample --run runs/x --out b.png", "--model runs/x"),
        ("interpolate 0 1 --run runs/x --out b.png", "--model runs/x"),
        ("edit 0 --attribute beard --run runs/x --out b.png", "--model runs/x"),
        ("predict --model x --input a.png --out b.png --draw", "--realization 0"),
        ("fit emoji --run x --model minimal-latent", "--architecture minimal-latent"),
    ],
)
def test_an_old_spelling_answers_with_the_new_one(shell, tmp_path, monkeypatch, line, answer):
    monkeypatch.chdir(tmp_path)
    outcome = shell(line)
    assert outcome.code == 2
    assert answer in outcome.err
    assert not list(tmp_path.iterdir())


def test_a_path_with_colons_and_brackets_is_told_as_it_was_typed(tmp_path):
    done = process("fit", "no:key:[bold]folder", "--run", str(tmp_path / "run"))
    assert "no:key:[bold]folder" in done.stderr


@pytest.mark.parametrize(
    ("command", "count", "speaks"),
    [("fit", None, True), ("fit", "1", True), ("fit", "2", False), ("predict", "8", True)],
)
def test_a_stray_rank_silences_nothing(monkeypatch, capsys, command, count, speaks):
    monkeypatch.setattr("sys.argv", ["mamba-diffae", command])
    monkeypatch.setenv("RANK", "3")
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    if count is not None:
        monkeypatch.setenv("WORLD_SIZE", count)
    speaking.echo("Done")
    assert ("Done" in capsys.readouterr().err) is speaks


def test_a_stream_of_another_encoding_gets_question_marks(monkeypatch):
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr("sys.stdout", stream)
    speaking.accept_any_text()
    speaking.echo("12 × 12 cells of café", speaking.output)
    stream.flush()
    assert stream.buffer.getvalue() == b"12 ? 12 cells of caf?\n"


def test_what_was_found_is_kept_where_its_reader_ends_early(shell, run, monkeypatch):
    def closed(*args: object, **options: object) -> None:
        raise BrokenPipeError(errno.EPIPE, "Broken pipe")

    monkeypatch.setattr(speaking.output, "print", closed)
    scores = run / "scores.json"
    shell(f"evaluate --model {run} --scales 10 --json {scores}")
    assert (run / "result.json").is_file()
    assert scores.is_file()


def test_sigterm_stops_a_command_as_ctrl_c_does(shell, tmp_path, monkeypatch):
    def end(*args: object, **options: object) -> None:
        signal.raise_signal(signal.SIGTERM)
        time.sleep(5)

    monkeypatch.setattr("mamba_diffae.sources.open_field", end)
    outcome = shell(f"fit emoji --run {tmp_path}/run")
    assert outcome.code == 128 + signal.SIGTERM
    assert "nothing half-written" in outcome.err
    assert not list(tmp_path.iterdir())
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


def test_the_version_is_told(shell):
    from importlib.metadata import version

    outcome = shell("--version")
    assert (outcome.code, outcome.out) == (0, f"mamba-diffae {version('mamba-diffae')}")


def test_the_shell_can_be_completed():
    environment = {**os.environ, "_MAMBA_DIFFAE_COMPLETE": "complete_bash"}
    environment |= {"COMP_WORDS": "mamba-diffae ev", "COMP_CWORD": "1"}
    installed = Path(sys.executable).with_name("mamba-diffae")
    done = subprocess.run([installed], capture_output=True, text=True, env=environment)
    assert done.stdout.split() == ["evaluate"]


COMMANDS = (
    "demo",
    "fit",
    "evaluate",
    "verify",
    "predict",
    "place",
    "sample",
    "interpolate",
    "edit",
    "report",
    "studio",
    "experiment",
)


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_no_help_is_cut_at_eighty_columns(command, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    told = process(*command.split(), "--help").stdout.splitlines()
    _, *others = told
    assert len(others) > 5
    for line in others:
        assert len(line) <= 80
        assert "…" not in line
        assert "..." not in line
    if not command:
        names = [line.split()[0] for line in others[others.index("Commands:") + 1 :]]
        assert names == [*COMMANDS]


def test_an_interrupt_while_scoring_leaves_nothing(shell, run, monkeypatch):
    def stop(*args: object, **options: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("mamba_diffae.benchmark.run.score", stop)
    outcome = shell(f"evaluate --model {run} --scales 40")
    assert outcome.code == 130
    assert "Stopped" in outcome.err
    assert not list(run.glob("*result*"))


@pytest.mark.parametrize(
    "error", [MemoryError("12 GiB"), RuntimeError("CUDA out of memory. Tried to allocate 12 GiB")]
)
def test_too_little_memory_is_told(shell, finished, picture, tmp_path, monkeypatch, error):
    def fail(*args: object, **options: object) -> None:
        raise error

    monkeypatch.setattr("mamba_diffae.estimator.conditioned.mean_at", fail)
    outcome = shell(f"predict --model {finished} --input {picture} --out {tmp_path}/out.png")
    assert outcome.code == 2
    assert "Not enough memory" in outcome.err
    assert "12 GiB" in outcome.err


def test_a_mistake_of_ours_keeps_its_traceback(shell, finished, picture, tmp_path, monkeypatch):
    def fail(*args: object, **options: object) -> None:
        raise RuntimeError("shapes do not match")

    monkeypatch.setattr("mamba_diffae.estimator.conditioned.mean_at", fail)
    with pytest.raises(RuntimeError, match="shapes do not match"):
        shell(f"predict --model {finished} --input {picture} --out {tmp_path}/out.png")


@pytest.mark.parametrize("command", ["fit", "predict", "evaluate", "report"])
def test_a_full_disk_leaves_nothing_half_written(
    shell, few, pictures, picture, scored, run, tmp_path, monkeypatch, command
):
    line = {
        "fit": f"fit {pictures} --run {tmp_path}/new {few}",
        "predict": f"predict --model {run} --input {picture} --out {tmp_path}/out.png",
        "evaluate": f"evaluate --model {run} --scales 10 --json {tmp_path}/scores.json",
        "report": f"report --run {scored} --out {tmp_path}/page.html",
    }[command]
    before = {path for path in tmp_path.rglob("*") if path.is_file()}

    def full(handle: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    outcome = shell(line)
    assert outcome.code == 2
    assert "disk is full" in outcome.err
    assert "free some space" in outcome.err
    assert {path for path in tmp_path.rglob("*") if path.is_file()} == before


def test_a_disk_that_fills_up_while_training_keeps_the_last_checkpoint(
    shell, few, pictures, run, tmp_path, monkeypatch
):
    """Phase 1 is kept; with space again, training goes on."""
    fsync, calls = os.fsync, iter(range(1000))

    def fill(handle: int) -> None:
        if next(calls) > 12:
            raise OSError(errno.ENOSPC, "No space left on device")
        fsync(handle)

    line = f"fit {pictures} --run {tmp_path}/new {few} --set autoencoder.checkpoint_every=1"
    with monkeypatch.context() as patch:
        patch.setattr("os.fsync", fill)
        outcome = shell(line)
    assert outcome.code == 2
    assert "disk is full" in outcome.err
    assert "--resume" in outcome.err
    assert (tmp_path / "new/autoencoder/last/state.json").is_file()
    assert not list((tmp_path / "new").rglob(".tmp-*"))
    assert shell(f"{line} --resume").code == 0
    ours, theirs = (folder / "model/model.safetensors" for folder in (tmp_path / "new", run))
    assert ours.read_bytes() == theirs.read_bytes()


def test_long_work_is_told_where_there_is_no_terminal(monkeypatch, capsys):
    clock = iter([0.0, 3.0, 12.0, 12.0, 13.0])
    monkeypatch.setattr(time, "monotonic", lambda: next(clock))
    with speaking.status("Scoring …") as tell:
        tell("at three seconds")
        tell("at twelve")
        tell("at thirteen")
    assert capsys.readouterr().err == "at twelve\n"


def test_demo_is_the_whole_main_job(shell, smooth_fields, tmp_path, monkeypatch):
    """On a few fields in place of 3,119 pictures."""
    truth = smooth_fields(count=6, shape=(96, 96), variables=3)
    monkeypatch.setattr("mamba_diffae.sources.open_field", lambda source: truth)
    shown = []
    monkeypatch.setattr(
        "mamba_diffae.cli.scoring.show_pretrained",
        lambda truth, page, *_: shown.append(page),
    )
    monkeypatch.setattr(
        "mamba_diffae.cli.weather_map.show_weather", lambda page, *_: shown.append(page)
    )
    line = f"demo --run {tmp_path}/run --preset tiny --minutes 0.01 --count 1"
    outcome = shell(line)
    assert outcome.code == 0, outcome.err
    assert "gappy POD" in outcome.out
    assert "At 96 × 96 our best" in outcome.out
    assert (tmp_path / "run/report.html").is_file()
    outcome = shell(line)
    assert outcome.code == 2
    assert "--resume" in outcome.err
    assert shown == [tmp_path / f"run-{name}-96.html" for name in ("emoji", "weather")]
    assert "No such option" not in shell("demo --resume --help").err
