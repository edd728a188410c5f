"""Files and folders are there whole or not at all, whatever happens on the way."""

import errno
import subprocess
import sys
from pathlib import Path

import pytest

from mamba_diffae.fields import atomic
from mamba_diffae.fields.atomic import DiskFullError, atomic_file, atomic_folder, standing_folder

# A child is killed before its k-th call to the file system, for every k. It loads the module by its
# path, so that it starts without torch and may fork.
CRASHES = """
import importlib.util, os, shutil, signal, sys
from pathlib import Path
spec = importlib.util.spec_from_file_location("atomic", sys.argv[1])
atomic = importlib.util.module_from_spec(spec)
sys.modules["atomic"] = atomic
spec.loader.exec_module(atomic)
root = Path(sys.argv[2])

def write(text):
    with atomic.atomic_folder(root / "last") as folder:
        (folder / "a").write_text(text)
        (folder / "b").write_text(text)

def read():
    folder = atomic.standing_folder(root / "last")
    return {(folder / name).read_text() for name in "ab"}

write("old")
seen, k = [], 0
while True:
    pid = os.fork()
    if pid == 0:
        calls = 0
        def hook(event, arguments):
            global calls
            if event in ("open", "os.rename", "os.mkdir", "os.remove", "os.rmdir", "os.scandir"):
                if calls == k:
                    os.kill(os.getpid(), signal.SIGKILL)
                calls += 1
        sys.addaudithook(hook)
        write("new")
        os._exit(0)
    killed = os.waitpid(pid, 0)[1] != 0
    found = read()
    assert found in ({"old"}, {"new"}), (k, found)
    seen.append(found.pop())
    write("old")  # the next write works, and cleans up
    assert sorted(os.listdir(root)) == ["last"] and read() == {"old"}, (k, os.listdir(root))
    if not killed:
        break
    k += 1
assert seen[0] == "old" and seen[-1] == "new"
print(len(seen))
"""


def test_a_folder_survives_a_kill_before_every_call(tmp_path: Path) -> None:
    command = [sys.executable, "-c", CRASHES, atomic.__file__, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 10  # as many moments were tried


def test_all_is_on_the_disk_before_it_gets_its_name(tmp_path: Path, monkeypatch) -> None:
    calls: list[str] = []
    sync, rename = atomic._sync, Path.rename
    monkeypatch.setattr(atomic, "_sync", lambda path: (calls.append(path.name), sync(path)))
    monkeypatch.setattr(Path, "rename", lambda *p: (calls.append("rename"), rename(*p))[1])
    with atomic_folder(tmp_path / "f") as temporary:
        (temporary / "a").touch()
        (temporary / "b").touch()
    assert sorted(calls[:2]) == ["a", "b"]
    assert calls[2:] == [".tmp-f", "rename", tmp_path.name]


def test_a_file_is_replaced_whole(tmp_path: Path) -> None:
    for text in ("first", "second"):
        with atomic_file(tmp_path / "deep" / "a.json") as temporary:
            assert temporary.suffix == ".json"
            temporary.write_text(text)
        assert (tmp_path / "deep" / "a.json").read_text() == text
    assert [p.name for p in (tmp_path / "deep").iterdir()] == ["a.json"]


@pytest.mark.parametrize("kind", [RuntimeError, KeyboardInterrupt])
def test_an_error_on_the_way_changes_nothing(tmp_path: Path, kind: type[BaseException]) -> None:
    (tmp_path / "a").write_text("old")
    (tmp_path / "f").mkdir()

    def fail(to: Path) -> None:
        to.write_text("new")
        raise kind

    with pytest.raises(kind), atomic_file(tmp_path / "a") as temporary:
        fail(temporary)
    with pytest.raises(kind), atomic_folder(tmp_path / "f") as temporary:
        fail(temporary / "half")
    assert (tmp_path / "a").read_text() == "old"
    assert sorted(p.name for p in tmp_path.rglob("*")) == ["a", "f"]


def test_a_failing_rename_takes_the_old_folder_back(tmp_path: Path, monkeypatch) -> None:
    with atomic_folder(tmp_path / "f") as temporary:
        (temporary / "a").write_text("old")
    rename = Path.rename

    def fail_second(self: Path, target: Path) -> Path:
        if self.name.startswith(".tmp-"):
            raise OSError(errno.EIO, "broken disk")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", fail_second)
    with pytest.raises(OSError, match="broken disk"), atomic_folder(tmp_path / "f") as temporary:
        (temporary / "a").write_text("new")
    assert (tmp_path / "f" / "a").read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["f"]


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_is_named(tmp_path: Path, code: int) -> None:
    with (
        pytest.raises(DiskFullError, match=r"disk is full: .*f could not .* MB are free .* again"),
        atomic_folder(tmp_path / "f"),
    ):
        raise OSError(code, "no space")
    assert not list(tmp_path.iterdir())


def test_other_errors_of_the_disk_pass(tmp_path: Path) -> None:
    with pytest.raises(PermissionError), atomic_file(tmp_path / "a"):
        raise PermissionError(errno.EACCES, "not yours")


def test_no_folder_stands_where_none_was_written(tmp_path: Path) -> None:
    assert standing_folder(tmp_path / "f") is None
    (tmp_path / ".tmp-f").mkdir()  # a crash during the very first write
    assert standing_folder(tmp_path / "f") is None


def test_a_link_to_a_folder_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    with atomic_folder(tmp_path / "link") as temporary:
        (temporary / "a").write_text("new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real" / "a").read_text() == "new"
