"""How much memory there is, asked before it is taken."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from mamba_diffae.fields import FieldError

COPIES = 3
"""How often values are held while they are opened: themselves, the training part, its order."""


PART = "np.load(path, mmap_mode='r')[::10]"
"""How a part of an array in a file is given."""


def check_memory(size: int, what: str, *, part: str = PART) -> None:
    """Refuse what would not fit; where the system does not say what is free, nothing is refused.

    Args:
        size: Bytes of the values.
        what: What holds them.
        part: How a part of it is given, for the message.

    Raises:
        FieldError: If fewer are free than opening them takes.
    """
    free = free_memory()
    if free is not None and COPIES * size > free:
        raise too_large(size, what, f", and {free / 1e9:.1f} GB are free", part)


def free_memory() -> int | None:
    """Bytes that may still be taken, 0 or more; None where the system does not say."""
    free = min(_free(), default=None)
    return None if free is None else max(free, 0)


def too_large(size: int, what: str, free: str = "", part: str = PART) -> FieldError:
    """The error for values that do not fit into memory."""
    return FieldError(
        f"{what} holds {size / 1e9:.1f} GB and needs about {COPIES * size / 1e9:.1f} GB of memory "
        f"to be opened{free}; give a part of it, such as {part}, or coarser fields."
    )


def _free() -> Iterator[int]:
    """Bytes that are free by each limit of the system that is known."""
    meminfo = _lines("/proc/meminfo")
    if "MemAvailable" in meminfo:
        yield int(meminfo["MemAvailable"].split()[0]) * 1024
    limit, used = (_number(f"/sys/fs/cgroup/memory.{name}") for name in ("max", "current"))
    if limit is not None and used is not None:
        # Pages of files that were read count as used, but give way.
        kinds = dict(line.split() for line in _text("/sys/fs/cgroup/memory.stat").splitlines())
        cached = sum(int(kinds.get(f"{kind}_file", 0)) for kind in ("active", "inactive"))
        yield limit - used + cached
    try:
        import resource
    except ImportError:  # not on Windows
        return
    most = resource.getrlimit(resource.RLIMIT_AS)[0]
    status = _lines("/proc/self/status")
    if most != resource.RLIM_INFINITY and "VmSize" in status:
        yield most - int(status["VmSize"].split()[0]) * 1024


def _text(path: str) -> str:
    """The content of a file; empty if there is none."""
    try:
        return Path(path).read_text()
    except OSError:
        return ""


def _lines(path: str) -> dict[str, str]:
    """A file of lines "key: value"."""
    pairs = (line.partition(":") for line in _text(path).splitlines())
    return {key: value.strip() for key, _, value in pairs}


def _number(path: str) -> int | None:
    """A file of one number; None if there is none, or it says "max"."""
    text = _text(path).strip()
    return int(text) if text.isdecimal() else None
