"""Locks on folders: of several processes one alone may train into a folder."""

from __future__ import annotations

import os
from pathlib import Path
from typing import final


@final
class FolderLock:
    """A folder locked by this process, until it is released.

    The system releases it where a process ends, however that ends; what a child inherits by
    `handle` stays locked until the child has ended as well. Windows has no such locks: there
    nothing is locked, and trainings into one folder must not be started twice.

    Attributes:
        handle: The open lock file.
    """

    def __init__(self, handle: int) -> None:
        self.handle = handle

    @staticmethod
    def acquire(folder: Path) -> FolderLock | None:
        """FolderLock a folder by a file beside it; None while another has claimed it.

        Args:
            folder: Need not stand yet; missing parents are made.
        """
        folder.parent.mkdir(parents=True, exist_ok=True)
        lock = FolderLock(os.open(folder.with_name(f"{folder.name}.lock"), os.O_CREAT | os.O_RDWR))
        if os.name == "nt" or _flock(lock.handle):
            return lock
        lock.release()
        return None

    def release(self) -> None:
        """Let others have it."""
        os.close(self.handle)


def _flock(handle: int) -> bool:
    import fcntl  # Windows has none

    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
