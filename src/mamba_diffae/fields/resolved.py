"""Paths with their links followed."""

import errno
import os
from pathlib import Path


def resolved(path: str | os.PathLike[str]) -> Path:
    """An absolute path without links.

    >>> resolved("a/../b") == Path.cwd() / "b"
    True

    Args:
        path: Where something stands, or is to stand.

    Raises:
        OSError: If its links lead round in a circle; Python before 3.13 has a RuntimeError for it.
    """
    try:
        return Path(path).resolve()
    except RuntimeError as error:
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), str(path)) from error
