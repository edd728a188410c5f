"""Work that a page asks for, in threads of its own: of each kind the latest asked wins."""

from __future__ import annotations

import logging
import threading
import warnings
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from typing import Any, Literal, final

log = logging.getLogger(__name__)
_HERE = threading.local()
"""The lane whose thread this is."""
Work = Callable[[], Any]
"""What is to be done; a generator's results are shown one after the other."""
Show = Callable[[Any], None]


@final
@dataclass(frozen=True, eq=False)
class Asked:
    """Work that was asked for, its number among those of its kind, and how long it is put off."""

    kind: str
    number: int
    work: Work
    show: Show
    after: float


class UnwantedWork(BaseException):
    """Nobody waits for the work that is being done any more; no handler of errors catches it."""


@final
class Turns:
    """Lets in one thread at a time, in the order in which they came."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._given = self._served = 0

    def __enter__(self) -> None:
        with self._changed:
            number, self._given = self._given, self._given + 1
            self._changed.wait_for(lambda: self._served == number)

    def __exit__(self, *error: object) -> None:
        with self._changed:
            self._served += 1
            self._changed.notify_all()


@final
class Lane:
    """A thread that does work in order; pages take turns in each lane, one step at a time."""

    def __init__(self, turns: Turns, owner: Worker) -> None:
        self._turns, self.owner = turns, owner
        self._doing: Asked | None = None
        self._waiting: dict[str, Asked] = {}
        self._changed = threading.Condition()
        self._busy = self._stopped = False
        self._thread: threading.Thread | None = None

    def put(self, asked: Asked) -> None:
        """Do this next but for what waits already; it replaces what waits of its kind."""
        with self._changed:
            if self._stopped:
                return
            self._waiting.pop(asked.kind, None)
            self._waiting[asked.kind] = asked
            if self._thread is None:
                self._thread = threading.Thread(target=self._serve, name="studio", daemon=True)
                self._thread.start()
            self._changed.notify_all()

    def stop(self) -> None:
        """Drop what waits; the thread ends after the step it is in."""
        with self._changed:
            self._stopped = True
            self._waiting.clear()
            self._changed.notify_all()

    def join(self) -> None:
        """Wait until the thread has ended, after `stop`."""
        if self._thread is not None:
            self._thread.join()

    def wait(self, seconds: float) -> bool:
        """Wait until nothing is left to do; whether that came to pass."""
        with self._changed:
            return self._changed.wait_for(lambda: not (self._waiting or self._busy), seconds)

    def pause(self) -> None:
        """Let others take their turn, in the midst of work.

        Raises:
            UnwantedWork: If nobody waits for it any more.
        """
        self._turns.__exit__()
        self._turns.__enter__()
        if self._doing is None or not self.owner.is_newest(self._doing):
            raise UnwantedWork

    def warned(self, text: str) -> None:
        """Tell what the work that is being done warns of, if somebody waits for it."""
        doing, owner = self._doing, self.owner
        if doing is not None and owner.is_newest(doing):
            owner.dispatch(lambda: owner.on_warning(text))

    def _serve(self) -> None:
        _HERE.lane = self
        while (asked := self._next()) is not None:
            self._doing = asked
            try:
                for result in self._steps(asked):
                    self.owner.shown(asked, result)
            except UnwantedWork:
                pass
            except Exception as error:  # whatever it is: the page stays alive, and tells it
                self.owner.failed(asked, error)

    def _next(self) -> Asked | None:
        """Wait for something to do, and as long as it is put off; None: the lane has ended."""
        with self._changed:
            self._busy = False
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._stopped or self._waiting)
            if self._stopped:
                return None
            self._busy = True
            asked = self._waiting.pop(next(iter(self._waiting)))
            self._changed.wait_for(lambda: not self.owner.is_newest(asked), asked.after)
            return asked

    def _steps(self, asked: Asked) -> Iterator[Any]:
        """Results of work, as long as it is wanted; each step in its turn."""
        with self._turns:
            if not self.owner.is_newest(asked):  # its turn may have been long in coming
                return
            result = asked.work()
        if not isinstance(result, Generator):
            yield result
            return
        done = object()
        while self.owner.is_newest(asked):
            with self._turns:
                step = next(result, done)
            if step is done:
                return
            yield step
        result.close()


LaneName = Literal["quick", "slow", "opening"]
_TURNS: dict[LaneName, Turns] = {"quick": Turns(), "slow": Turns(), "opening": Turns()}
"""What is quick never waits for what is slow: each lane has its turns."""


@final
class Worker:
    """The work of one page; it ends with `stop`.

    Work of a kind that is asked for while the same kind waits or runs takes its place: a generator
    stops after the step it is in, and what it still yields is not shown.

    Args:
        dispatch: Calls a function where the page may be changed; by default at once.
        on_error: Told of what work raised.
        on_warning: Told of what work warned of, once `tell_pages_of_warnings` was called.
    """

    def __init__(
        self,
        dispatch: Callable[[Callable[[], None]], Any] | None = None,
        on_error: Callable[[Exception], None] | None = None,
        on_warning: Callable[[str], None] | None = None,
    ) -> None:
        self.dispatch = dispatch or (lambda shown: shown())
        self.on_error = on_error or (lambda error: None)
        self.on_warning = on_warning or (lambda text: None)
        self._newest: dict[str, int] = {}
        self._stopped = False
        self._lanes = {name: Lane(turn, self) for name, turn in _TURNS.items()}

    def run(
        self,
        kind: str,
        work: Work,
        show: Show,
        *,
        lane: LaneName = "slow",
        after: float = 0.0,
    ) -> None:
        """Do work, and show what comes of it.

        Args:
            kind: Such as "mean"; newer work of a kind replaces older.
            work: Called in a thread, with nothing: bind what it needs, and read no state that the
                page changes. It may be a generator, of which each result is shown.
            show: Called with each result where the page may be changed.
            lane: Work of one lane never waits for that of another: "quick" takes a fraction of a
                second, "opening" is of models and files.
            after: Seconds that it is put off; no turn is taken meanwhile.
        """
        number = self.cancel(kind)
        self._lanes[lane].put(Asked(kind, number, work, show, after))

    def cancel(self, kind: str) -> int:
        """Show nothing more of a kind of work; the number of the next one."""
        self._newest[kind] = number = self._newest.get(kind, 0) + 1
        return number

    def stop(self) -> None:
        """Drop what waits, and end the threads after the step they are in."""
        self._stopped = True
        for lane in self._lanes.values():
            lane.stop()

    def join(self) -> None:
        """Wait until the threads have ended, after `stop`."""
        for lane in self._lanes.values():
            lane.join()

    def wait(self, seconds: float = 60.0) -> bool:
        """Wait until nothing is left to do; whether that came to pass."""
        lanes = [*self._lanes.values()] * 2  # what is shown of one may ask for work in the other
        return all(lane.wait(seconds) for lane in lanes)

    def is_newest(self, asked: Asked) -> bool:
        """Whether work is still wanted."""
        return not self._stopped and self._newest.get(asked.kind) == asked.number

    def shown(self, asked: Asked, result: Any) -> None:
        """Show a result, unless newer work was asked for meanwhile."""
        self.dispatch(lambda: self._guarded(asked, result))

    def failed(self, asked: Asked, error: Exception) -> None:
        """Tell that work failed, unless nobody waits for it any more."""
        if self.is_newest(asked):
            if not isinstance(error, ValueError):
                log.warning("Work of the kind %r failed.", asked.kind, exc_info=error)
            self.dispatch(lambda: self.on_error(error))

    def _guarded(self, asked: Asked, result: Any) -> None:
        if not self.is_newest(asked):
            return
        try:
            asked.show(result)
        except Exception as error:  # as in work itself
            self.failed(asked, error)


def pause() -> None:
    """Let others take their turn, in the midst of work that takes long; elsewhere nothing.

    Raises:
        UnwantedWork: If nobody waits any more for the work that is being done.
    """
    lane = getattr(_HERE, "lane", None)
    if lane is not None:
        lane.pause()


def tell_pages_of_warnings() -> None:
    """Have what work warns of told each time to the page that asked, in place of the log."""
    told = warnings.showwarning

    def show(message: Warning | str, category: type[Warning], *where: Any, **more: Any) -> None:
        lane = getattr(_HERE, "lane", None)
        if lane is None or not issubclass(category, UserWarning):
            told(message, category, *where, **more)
        else:
            lane.warned(str(message))

    warnings.simplefilter("always", UserWarning)
    warnings.showwarning = show
