"""What one process at a time works on."""

from __future__ import annotations

import errno
import os
from contextlib import suppress
from io import TextIOWrapper
from pathlib import Path
from typing import final

from mamba_diffae.fields.atomic import named_full_disk
from mamba_diffae.fields.errors import FieldError

try:
    import fcntl
except ImportError:  # a system without such locks
    fcntl = None

_NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP)
"""What disks answer that know no locks: there nothing is refused."""
_NO_FILES = (errno.EACCES, errno.EPERM, errno.EROFS)
"""What a folder answers that takes no file for a lock, though what is worked on may be written."""


@final
class OneOwner:
    """A lock on a name; the system frees it when its owner ends, however that ends.

    Args:
        file: That stands for the lock, beside what is worked on; removed on release.
        what: What is worked on, for the message.

    Raises:
        FieldError: If another process, or another part of this one, works on it.
        DiskFullError: If the disk is full.
    """

    def __init__(self, file: Path, what: str) -> None:
        self.file = file
        file.parent.mkdir(parents=True, exist_ok=True)
        handle = self._locked(what)
        while handle is not None and not _stands(handle, file):  # its former owner removed it
            handle.close()
            handle = self._locked(what)
        self._handle = handle
        try:
            self._sign()
        except OSError:
            with suppress(OSError):  # closing writes again
                self.release()
            raise

    def _sign(self) -> None:
        """Write who owns it, for the message to others."""
        if self._handle is not None:
            with named_full_disk(self.file):
                self._handle.truncate(0)
                self._handle.write(f"{os.getpid()}")
                self._handle.flush()

    def _locked(self, what: str) -> TextIOWrapper | None:
        try:
            handle = self.file.open("a+", encoding="utf-8")
        except OSError as error:
            if error.errno not in _NO_FILES:
                raise
            return None
        if fcntl is None:
            return handle
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            handle.seek(0)
            owner = handle.read().strip() or "of an unknown number"
            handle.close()
            raise FieldError(
                f"{what} is being written already, by process {owner}; wait until it has finished "
                "or stop it, or give another path."
            ) from None
        except OSError as error:
            if error.errno not in _NO_LOCKS:
                handle.close()
                raise
        return handle

    def release(self) -> None:
        """Let others work on it; may be called twice."""
        if self._handle is not None and not self._handle.closed:
            self.file.unlink(missing_ok=True)
            self._handle.close()


def _stands(handle: TextIOWrapper, file: Path) -> bool:
    """Whether an open file is the one that has the name."""
    try:
        return os.path.samestat(os.fstat(handle.fileno()), file.stat())
    except FileNotFoundError:
        return False
