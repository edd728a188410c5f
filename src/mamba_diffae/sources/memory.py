"""How much memory there is, asked before it is taken."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from mamba_diffae.fields import FieldError


def check_memory(needed: int, what: str) -> None:
    """Refuse what would not fit; where the system does not say what is free, nothing is refused.

    Args:
        needed: Bytes.
        what: What needs them.

    Raises:
        FieldError: If fewer are free.
    """
    free = min(_free(), default=needed)
    if needed > free:
        raise too_large(needed, what, f", and {max(free, 0) / 1e9:.1f} GB are free")


def too_large(needed: int, what: str, free: str = "") -> FieldError:
    """The error for what does not fit into memory."""
    return FieldError(
        f"{what} needs {needed / 1e9:.1f} GB of memory{free}; give a part of it, such as "
        "np.load(path, mmap_mode='r')[::10], or coarser fields."
    )


def _free() -> Iterator[int]:
    """Bytes that are free by each limit of the system that is known."""
    meminfo = _lines("/proc/meminfo")
    if "MemAvailable" in meminfo:
        yield int(meminfo["MemAvailable"].split()[0]) * 1024
    limit, used = (_number(f"/sys/fs/cgroup/memory.{name}") for name in ("max", "current"))
    if limit is not None and used is not None:
        yield limit - used
    try:
        import resource
    except ImportError:  # not on Windows
        return
    most = resource.getrlimit(resource.RLIMIT_AS)[0]
    status = _lines("/proc/self/status")
    if most != resource.RLIM_INFINITY and "VmSize" in status:
        yield most - int(status["VmSize"].split()[0]) * 1024


def _lines(path: str) -> dict[str, str]:
    """A file of lines "key: value"; empty if there is none."""
    try:
        text = Path(path).read_text()
    except OSError:
        return {}
    pairs = (line.partition(":") for line in text.splitlines())
    return {key: value.strip() for key, _, value in pairs}


def _number(path: str) -> int | None:
    try:
        return int(Path(path).read_text())
    except (OSError, ValueError):  # no such file, or "max"
        return None
