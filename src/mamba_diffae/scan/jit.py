"""Compile a kernel with Numba, free of the GIL and cached on disk where the disk allows it."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from numba import njit


def kernel(function: Callable[..., None]) -> Callable[..., None]:
    """Numba's `njit(nogil=True, cache=True)`; an unusable cache is no error."""
    try:
        compiled = njit(nogil=True, cache=True)(function)
    except RuntimeError:  # no folder for the cache is writable
        compiled = njit(nogil=True)(function)

    @wraps(compiled)
    def run(*args: Any) -> None:
        try:
            compiled(*args)
        except OSError:  # compiled, but could not be saved; the next call needs no saving
            compiled(*args)
        except Exception:  # what a killed process left cannot be read: in many kinds of error
            _forget(compiled)
            compiled(*args)

    return run


def _forget(compiled: Any) -> None:
    """Empty the index of a kernel's cache: the next call compiles anew, and saves that."""
    try:
        compiled._cache.flush()
    except OSError:  # not ours to write
        compiled._cache.disable()
