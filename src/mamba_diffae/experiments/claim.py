"""Claims on folders: of several processes one alone may train into a folder."""

from __future__ import annotations

import os
from pathlib import Path
from typing import final


@final
class Claim:
    """A folder claimed by this process, until it is given up.

    The system gives it up where a process ends, however that ends; what a child inherits by
    `handle` stays claimed until the child has ended as well. Windows has no such locks: there
    nothing is claimed, and trainings into one folder must not be started twice.

    Attributes:
        handle: The open lock file.
    """

    def __init__(self, handle: int) -> None:
        self.handle = handle

    @staticmethod
    def on(folder: Path) -> Claim | None:
        """Claim a folder by a file beside it; None while another has claimed it.

        Args:
            folder: Need not stand yet; missing parents are made.
        """
        folder.parent.mkdir(parents=True, exist_ok=True)
        claim = Claim(os.open(folder.with_name(f"{folder.name}.lock"), os.O_CREAT | os.O_RDWR))
        if os.name == "nt" or _lock(claim.handle):
            return claim
        claim.give_up()
        return None

    def give_up(self) -> None:
        """Let others have it."""
        os.close(self.handle)


def _lock(handle: int) -> bool:
    import fcntl  # Windows has none

    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
