"""Files and folders that appear under their name whole, or not at all."""

from __future__ import annotations

import errno
import glob
import os
import platform
import shutil
import tempfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import get_ident
from typing import TypeVar, final

from mamba_diffae.fields.resolved import resolved

try:
    import fcntl
except ImportError:  # a system without such locks
    fcntl = None

T = TypeVar("T")
_NO_SYNC = (errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP)
"""What disks of other machines answer that cannot sync folders: there nothing more can be asked."""


@final
class DiskFullError(OSError):
    """The disk (or the quota) is full; what stood under the name before is untouched."""


@contextmanager
def atomic_file(path: str | Path) -> Iterator[Path]:
    """Write a file beside its place, then rename it over: a crash leaves the old or the new.

    Of several that write one path at once each has a temporary file of its own: the last one wins.

    Args:
        path: The file to write or replace; missing parent folders are made. A device or pipe, such
            as /dev/stdout, is written to once all is there, and stays what it is.

    Yields:
        The path to write to; it ends in the same suffix.

    Raises:
        DiskFullError: If the disk is full. As with any other error, nothing changes under `path`.
    """
    if _is_stream(Path(path)):  # before its links are followed: those of /dev/stdout lead nowhere
        with _stream(Path(path)) as temporary:
            yield temporary
        return
    path = resolved(path)
    temporary = _temporary(path)
    with named_full_disk(path):
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            _forget_dead(path)
            yield temporary
            _sync(temporary)
            temporary.replace(path)
            _sync(path.parent)
        finally:
            _remove(temporary)


@contextmanager
def atomic_folder(path: str | Path) -> Iterator[Path]:
    """Fill a folder beside its place, then rename it over the one that stands there, if any.

    A crash at any moment leaves a whole folder, the old or the new: find it with `standing_folder`.
    What else the crash left behind goes with the next write. Of several that write one path at once
    each has a temporary folder of its own: the last one wins.

    Args:
        path: The folder to write or replace; missing parent folders are made. Callers that should
            not replace check before.

    Yields:
        An empty folder to fill.

    Raises:
        DiskFullError: If the disk is full. As with any other error, nothing changes under `path`.
    """
    path = resolved(path)
    temporary = _temporary(path)
    with named_full_disk(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        _forget_dead(path)
        _remove(temporary)  # of a former process of the same number
        try:
            temporary.mkdir()
            yield temporary
            for file in temporary.rglob("*"):
                _sync(file)
            _sync(temporary)
            _swap(temporary, path)
        finally:
            _remove(temporary)


def move_into_place(made: Path, path: str | Path) -> None:
    """Move a file or folder, written on the same disk, over the one that stands there, if any."""
    path = resolved(path)
    for file in (made, *made.rglob("*")):
        _sync(file)
    _forget_dead(path)
    if made.is_dir():
        _swap(made, path)
    else:
        made.replace(path)
        _sync(path.parent)


def standing_folder(path: str | Path) -> Path | None:
    """The folder to read what `atomic_folder` wrote from; None if there is none.

    It is `path` itself, but for a crash between its two renames: then the former folder, set aside.
    Nothing is moved, so this is safe while another process writes.
    """
    path = resolved(path)
    return next((folder for folder in (path, _aside(path)) if folder.is_dir()), None)


def read_folder(path: str | Path, read: Callable[[Path], T]) -> T:
    """What a function reads from a folder that `atomic_folder` wrote.

    Args:
        path: The folder.
        read: Given where it stands; asked again if the folder was replaced meanwhile.
    """
    while True:
        folder = standing_folder(path) or Path(path)
        before = _mark(folder)
        try:
            found = read(folder)
        except (OSError, ValueError):
            if _mark(standing_folder(path) or folder) == before:
                raise
            continue
        if _mark(standing_folder(path) or folder) == before:
            return found


def _mark(folder: Path) -> tuple[int, int] | None:
    """What tells a folder from another one of its name; None if it is gone."""
    with suppress(OSError):
        found = folder.stat()
        return found.st_ino, found.st_mtime_ns
    return None


@contextmanager
def named_full_disk(
    path: Path, needed: int | None = None, mend: str = "try again"
) -> Iterator[None]:
    """Turn the bare errors of a full disk into one that says what to do.

    Args:
        path: What is being written.
        needed: Bytes that it takes, if known.
        mend: What to do once there is space.

    Raises:
        DiskFullError: If the disk or the quota is full.
    """
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT) and not isinstance(error, DiskFullError):
            raise
        needs = "" if needed is None else f" needs {needed / 1e6:,.1f} MB and"
        raise DiskFullError(
            f"The disk is full: {path}{needs} could not be written, {_free(path) / 1e6:,.1f} MB "
            f"are free there. What stood under that name is untouched; free some space and {mend}."
        ) from error


def _swap(temporary: Path, path: Path) -> None:
    """Set the old folder aside, move the new one in; only then may the old one go."""
    with _alone_in(path.parent):
        _settle(path)
        try:
            if path.exists():
                path.rename(_aside(path))
            temporary.rename(path)
            _sync(path.parent)
        finally:
            _settle(path)


def _settle(path: Path) -> None:
    """Remove the old folder, or take it back if the new one never came."""
    if _aside(path).exists():
        if path.exists():
            shutil.rmtree(_aside(path))
        else:
            _aside(path).rename(path)


@contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    """Wait until no other writer renames in a folder; the system frees it when its owner ends.

    Where folders cannot be locked, two writers of one name may meet, and one of them then fails.
    """
    if fcntl is None:
        yield
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        with suppress(OSError):
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _temporary(path: Path) -> Path:
    """Where this process and thread writes what is to stand at a path."""
    return path.with_name(f".tmp-{_machine()}-{os.getpid()}-{get_ident():x}-{_ending(path)}")


def _machine() -> str:
    """A name of this machine, of fixed length."""
    return f"{zlib.crc32(os.fsencode(platform.node())):08x}"


def _ending(path: Path) -> str:
    """How the temporary files of a file end: short, as its own name may be as long as can be."""
    return f"{zlib.crc32(os.fsencode(path.name)):08x}{path.suffix}"


def _forget_dead(path: Path) -> None:
    """Remove what killed processes of this machine left of the same file or folder."""
    for left in path.parent.glob(f".tmp-{_machine()}-*-*-{glob.escape(_ending(path))}"):
        number = left.name.split("-")[2]
        if number.isdecimal() and not _runs(int(number)):
            _remove(left)


def _remove(left: Path) -> None:
    """Remove a temporary file or folder, if it is there; another writer may do so as well."""
    if left.is_dir():
        shutil.rmtree(left, ignore_errors=True)
    else:
        left.unlink(missing_ok=True)


def _runs(number: int) -> bool:
    """Whether a process of this machine is alive; where that cannot be asked, it is."""
    if os.name == "nt":  # a signal there ends the process, whatever it is
        return True
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def _is_stream(path: Path) -> bool:
    """Whether a device, a pipe or a socket stands there."""
    return path.exists() and not path.is_file() and not path.is_dir()


@contextmanager
def _stream(path: Path) -> Iterator[Path]:
    """A temporary file elsewhere, whose content goes to a device or pipe at the end."""
    with tempfile.TemporaryDirectory() as folder:
        temporary = Path(folder) / f"out{path.suffix}"
        yield temporary
        with temporary.open("rb") as content, path.open("wb") as stream:
            shutil.copyfileobj(content, stream)


def _aside(path: Path) -> Path:
    return path.with_name(f".old-{path.name}")


def _free(path: Path) -> int:
    """Free bytes on the disk that would hold `path`."""
    return shutil.disk_usage(next(folder for folder in path.parents if folder.exists())).free


def _sync(path: Path) -> None:
    """Ask the disk itself to hold a file, or the names in a folder."""
    if os.name == "nt" and path.is_dir():  # Windows cannot open folders
        return
    handle = os.open(path, os.O_RDONLY if os.name != "nt" else os.O_RDWR)
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in _NO_SYNC:
            raise
    finally:
        os.close(handle)
