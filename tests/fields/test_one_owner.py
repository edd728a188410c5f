"""What one process at a time works on: no second owner, and no lock without need."""

import errno
from pathlib import Path

import pytest

from mamba_diffae.fields import FieldError
from mamba_diffae.fields.atomic import DiskFullError, named_full_disk
from mamba_diffae.fields.one_owner import OneOwner


def test_the_second_owner_is_refused_until_the_first_has_gone(tmp_path: Path) -> None:
    first = OneOwner(tmp_path / ".lock", "The run")
    with pytest.raises(FieldError, match="The run is being written already, by process"):
        OneOwner(tmp_path / ".lock", "The run")
    first.release()
    first.release()
    OneOwner(tmp_path / ".lock", "The run").release()
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("code", [errno.EACCES, errno.EROFS])
def test_nothing_is_refused_where_no_file_can_stand_for_a_lock(tmp_path, monkeypatch, code) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(code, "a folder of others")

    monkeypatch.setattr(Path, "open", refuse)
    for _ in range(2):
        owner = OneOwner(tmp_path / ".lock", "The run")
    owner.release()


def test_a_full_disk_is_named_and_leaves_no_lock(tmp_path, monkeypatch) -> None:
    def full(self: OneOwner) -> None:
        with named_full_disk(self.file):
            raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(OneOwner, "_sign", full)
        with pytest.raises(DiskFullError, match=r"The disk is full: .*\.lock"):
            OneOwner(tmp_path / ".lock", "The run")
    assert not list(tmp_path.iterdir())
    OneOwner(tmp_path / ".lock", "The run").release()
