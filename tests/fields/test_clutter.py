"""What desktop programs leave in folders does not count."""

import pytest

from mamba_diffae.fields.clutter import entries
from mamba_diffae.training import Run

LEFT = [".DS_Store", "Thumbs.db", "desktop.ini", "._run.json", "@eaDir"]


@pytest.mark.parametrize("name", LEFT)
def test_a_folder_with_such_files_alone_is_empty(tmp_path, name) -> None:
    (tmp_path / name).write_bytes(b"Bud1")
    assert entries(tmp_path) == []
    run = Run.create(tmp_path, {"seed": 0})
    assert Run.open(tmp_path).facts["seed"] == run.facts["seed"] == 0


def test_other_files_count(tmp_path) -> None:
    for name in ("notes.txt", ".hidden", *LEFT):
        (tmp_path / name).touch()
    assert sorted(path.name for path in entries(tmp_path)) == [".hidden", "notes.txt"]
    with pytest.raises(ValueError, match="no run folder"):
        Run.create(tmp_path, {})
