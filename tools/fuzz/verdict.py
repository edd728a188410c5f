"""What a call may end in: a finite answer, or an error of the package that says what to do."""

from __future__ import annotations

import dis
import re
import signal
import traceback
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, final

import mamba_diffae

PACKAGE = str(Path(mamba_diffae.__file__).parent)
SECONDS = 60
"""Of the processor: a call that takes longer counts as endless."""
_ADVICE = re.compile(
    r"[;?:]|\b(give|expected|leave|choose|use|write|name|set|call|install|drop|mask|convert|"
    r"needs?|train|ask|takes?|must|check|known)\b",
    re.I,
)


class Endless(BaseException):
    """A call that took too long; no handler of the package may swallow it."""


@final
@dataclass(frozen=True)
class Call:
    """One input at one door.

    Attributes:
        door: Its name.
        given: The input in words.
        run: Makes the call.
        check: What is wrong with the answer, or None.
    """

    door: str
    given: str
    run: Callable[[], Any]
    check: Callable[[Any], str | None]


@final
@dataclass(frozen=True)
class Finding:
    """An input that ended in anything else than is accepted.

    Attributes:
        door: Where.
        given: The input in words.
        what: What happened, in a line.
        trace: The end of the traceback.
    """

    door: str
    given: str
    what: str
    trace: str = ""


def verdict(call: Call) -> tuple[str, Finding | None]:
    """Make a call; how it ended ("answered", "refused" or "finding"), and the finding if it is one.

    Args:
        call: The input and its door.
    """
    try:
        with warnings.catch_warnings(), _time_limit():
            warnings.simplefilter("ignore")
            wrong = call.check(call.run())
    except Exception as error:
        wrong = None if is_named(error) else f"{type(error).__name__}: {str(error)[:300]}"
        ended, trace = "refused", _end(error)
    except Endless as error:
        wrong, ended = f"took more than {SECONDS} s of the processor", "endless"
        trace = _end(error)
    else:
        ended, trace = "answered", ""
    if wrong is None:
        return ended, None
    return "finding", Finding(call.door, call.given, wrong, trace)


def is_named(error: BaseException) -> bool:
    """Whether the package raised this error itself, of a kind that users expect, with advice.

    >>> is_named(ValueError("no frame of the package raised this; give another"))
    False
    """
    if isinstance(error, OSError):  # a place of the user's that is missing, full or protected
        return bool(error.filename or raised_by_package(error.__traceback__))
    told = str(error)
    return (
        isinstance(error, ValueError)
        and raised_by_package(error.__traceback__)
        and len(told) > 20
        and bool(_ADVICE.search(told))
    )


def raised_by_package(trace: TracebackType | None) -> bool:
    """Whether the innermost frame is one of the package's at a `raise`.

    A mistake within the package ends in a frame of its own too, but not at a `raise`: an index, a
    sum of unlike shapes, a call of NumPy's.
    """
    if trace is None:
        return False
    while trace.tb_next is not None:
        trace = trace.tb_next
    code = trace.tb_frame.f_code
    return code.co_filename.startswith(PACKAGE) and (
        dis.opname[code.co_code[trace.tb_lasti]] in ("RAISE_VARARGS", "RERAISE")
    )


@contextmanager
def _time_limit() -> Iterator[None]:
    def stop(signum: int, frame: object) -> None:
        raise Endless

    before = signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def _end(error: BaseException) -> str:
    """The frames of the package and the last ones of a traceback."""
    lines = traceback.format_exception(error)
    own = [line for line in lines[:-4] if PACKAGE in line]
    return "".join([*own[-6:], *lines[-4:]])
