"""Files and folders are there whole or not at all, whatever happens on the way."""

import errno
import os
import stat
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from mamba_diffae.fields import atomic
from mamba_diffae.fields.atomic import (
    DiskFullError,
    atomic_file,
    atomic_folder,
    move_into_place,
    read_folder,
    standing_folder,
)

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
    assert calls[2].startswith(".tmp-")
    assert calls[3:] == ["rename", tmp_path.name]


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


def side_by_side(write: Callable[[str, threading.Barrier], None], times: int = 1) -> None:
    """Let two threads write at once, so often, and raise what either of them raised."""
    for _ in range(times):
        both = threading.Barrier(2, timeout=10)
        with ThreadPoolExecutor(2) as pool:
            for done in [pool.submit(write, letter * 1000, both) for letter in "ab"]:
                done.result()


def test_two_writers_of_one_file_both_end_well(tmp_path: Path) -> None:
    def write(text: str, both: threading.Barrier) -> None:
        with atomic_file(tmp_path / "shared.json") as temporary:
            temporary.write_text(text)
            both.wait()

    side_by_side(write)
    assert (tmp_path / "shared.json").read_text() in ("a" * 1000, "b" * 1000)
    assert [p.name for p in tmp_path.iterdir()] == ["shared.json"]


@pytest.mark.parametrize("moved", [False, True])
def test_two_writers_of_one_folder_both_end_well(tmp_path: Path, moved: bool) -> None:
    def write(text: str, both: threading.Barrier) -> None:
        with atomic_folder(tmp_path / (text[0] if moved else "shared")) as temporary:
            for name in "xy":
                (temporary / name).write_text(text)
            both.wait()
        if moved:
            both.wait()
            move_into_place(tmp_path / text[0], tmp_path / "shared")

    side_by_side(write, times=20)
    (text,) = {(tmp_path / "shared" / name).read_text() for name in "xy"}
    assert text in ("a" * 1000, "b" * 1000)
    assert [p.name for p in tmp_path.iterdir()] == ["shared"]


def test_what_a_killed_writer_left_of_a_folder_goes_with_the_next_write(tmp_path: Path) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    with atomic_folder(tmp_path / "f") as temporary:
        (temporary / "a").write_text("old")
        names = [temporary.name.replace(f"-{os.getpid()}-", f"-{n}-") for n in (1, ended.pid)]
    for name in [*names, temporary.name]:  # the last one of a former process of this number
        (tmp_path / name).mkdir()
        (tmp_path / name / "half").touch()
    with atomic_folder(tmp_path / "f") as temporary:
        (temporary / "a").write_text("new")
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted([names[0], "f"])
    assert [p.name for p in (tmp_path / "f").iterdir()] == ["a"]


def test_what_a_killed_writer_left_goes_with_the_next_write(tmp_path: Path) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    with atomic_file(tmp_path / "a.json") as temporary:
        temporary.write_text("old")
        living = temporary.with_name(temporary.name.replace(f"-{os.getpid()}-", "-1-"))
        killed = temporary.with_name(temporary.name.replace(f"-{os.getpid()}-", f"-{ended.pid}-"))
    living.touch()
    killed.touch()
    with atomic_file(tmp_path / "a.json") as temporary:
        temporary.write_text("new")
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted([living.name, "a.json"])


def test_a_name_may_be_as_long_as_the_disk_allows(tmp_path: Path) -> None:
    long = tmp_path / ("n" * 250 + ".json")
    with atomic_file(long) as temporary:
        temporary.write_text("whole")
    assert long.read_text() == "whole"


@pytest.mark.parametrize("code", [errno.EINVAL, errno.ENOTSUP])
def test_disks_that_cannot_sync_folders_are_written_to(tmp_path, monkeypatch, code) -> None:
    fsync = os.fsync

    def refuse(handle: int) -> None:
        if stat.S_ISDIR(os.fstat(handle).st_mode):
            raise OSError(code, "shares answer so")
        fsync(handle)

    monkeypatch.setattr(os, "fsync", refuse)
    with atomic_file(tmp_path / "a") as temporary:
        temporary.write_text("whole")
    with atomic_folder(tmp_path / "f") as temporary:
        (temporary / "a").write_text("whole")
    assert (tmp_path / "a").read_text() == (tmp_path / "f" / "a").read_text() == "whole"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the system has no named pipes")
def test_a_pipe_gets_the_content_and_stays_a_pipe(tmp_path: Path) -> None:
    pipe, got = tmp_path / "pipe.npy", []
    os.mkfifo(pipe)
    reader = threading.Thread(target=lambda: got.append(pipe.read_bytes()))
    reader.start()
    with atomic_file(pipe) as temporary:
        assert temporary.suffix == ".npy"
        temporary.write_bytes(b"numbers")
    reader.join(timeout=10)
    assert got == [b"numbers"]
    assert pipe.is_fifo()
    assert [p.name for p in tmp_path.iterdir()] == ["pipe.npy"]


def test_a_folder_that_is_replaced_while_it_is_read_is_read_anew(tmp_path: Path) -> None:
    def write(text: str) -> None:
        with atomic_folder(tmp_path / "f") as folder:
            for name in "ab":
                (folder / name).write_text(text)

    def read(folder: Path) -> list[str]:
        first = (folder / "a").read_text()
        if later:
            write(later.pop())
        return [first, (folder / "b").read_text()]

    later = ["newer", "new"]
    write("old")
    assert read_folder(tmp_path / "f", read) == ["newer", "newer"]
    with pytest.raises(FileNotFoundError):
        read_folder(tmp_path / "none", read)


@pytest.mark.parametrize("write", [atomic_file, atomic_folder])
def test_links_in_a_circle_are_an_error_of_the_system(tmp_path, write):
    (tmp_path / "out").symlink_to("out")
    with pytest.raises(OSError, match="symbolic links"), write(tmp_path / "out"):
        pass
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
