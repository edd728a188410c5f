"""What surrounds the shell: closed streams, folders that are gone, what others set for Python."""

import shlex
import subprocess
import sys
import warnings

import pytest

COMMAND = [sys.executable, "-c", "from mamba_diffae.cli import main; main()"]


@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&- <&-"])
def test_closed_streams_are_no_obstacle(closed):
    line = f"{shlex.join(COMMAND)} fit no-such-folder --run run {closed}"
    done = subprocess.run(["sh", "-c", line], capture_output=True, text=True)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


def test_a_working_folder_that_is_gone_is_named(tmp_path, monkeypatch):
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    done = subprocess.run([*COMMAND, "fit", "emoji", "--run", "r"], capture_output=True, text=True)
    assert done.returncode == 2
    assert "working folder is gone" in done.stderr


def test_a_note_is_no_error_where_warnings_are(monkeypatch, shell, picture, tmp_path):
    def load_with_a_note(*args: object, **options: object) -> None:
        warnings.warn("Numbers are odd.", UserWarning, stacklevel=1)
        warnings.warn("Old.", DeprecationWarning, stacklevel=1)
        raise ValueError("No fields.")

    monkeypatch.setattr("sys.warnoptions", ["error"])
    monkeypatch.setattr("mamba_diffae.FieldAutoencoder.from_pretrained", load_with_a_note)
    outcome = shell(f"predict {picture} --model emoji-96 --out {tmp_path}/out.png")
    assert outcome.code == 2
    assert outcome.err == "Note: Numbers are odd. Error: No fields."
