"""Work that a page asks for, in threads of its own: of each kind the latest asked wins."""

from __future__ import annotations

import logging
import threading
import warnings
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from typing import Any, Literal, final

from mamba_diffae.studio.turns import Turns
from mamba_diffae.studio.words import without_upload_folders

log = logging.getLogger(__name__)
_HERE = threading.local()
"""The queue whose thread this is."""
Work = Callable[[], Any]
"""What is to be done; a generator's results are shown one after the other."""
Show = Callable[[Any], None]


QueueName = Literal["quick", "slow", "opening"]
_TURNS: dict[QueueName, Turns] = {"quick": Turns(), "slow": Turns(), "opening": Turns()}
"""What is quick never waits for what is slow: each queue has its turns."""


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
class WorkQueue:
    """A thread that does work in order; pages take turns in each queue, one step at a time."""

    def __init__(self, name: QueueName, owner: Worker) -> None:
        self.name, self.owner, self._turns = name, owner, _TURNS[name]
        self._doing: Asked | None = None
        self._warnings: list[str] = []
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
        self._turns.give()
        self._turns.take()
        if self._doing is None or not self.owner.is_newest(self._doing):
            raise UnwantedWork

    def warned(self, text: str) -> None:
        """Keep what the work that is being done warns of."""
        if text not in self._warnings:
            self._warnings.append(text)

    def _serve(self) -> None:
        _HERE.queue = self
        while (asked := self._next()) is not None:
            self._doing, self._warnings = asked, []
            try:
                for result in self._steps(asked):
                    self.owner.shown(asked, result, tuple(self._warnings))
            except UnwantedWork:
                pass
            except Exception as error:  # whatever it is: the page stays alive, and tells it
                self.owner.failed(asked, error)
            self._doing = asked = None  # what it holds may be large

    def _next(self) -> Asked | None:
        """Wait for something to do, and as long as it is put off; None: the queue has ended."""
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


@final
class Worker:
    """The work of one page; it ends with `stop`.

    Work of a kind that is asked for while the same kind waits or runs takes its place: a generator
    stops after the step it is in, and what it still yields is not shown.

    Args:
        dispatch: Calls a function where the page may be changed; by default at once.
        on_error: Told of what work raised.
        on_warnings: Told, before each result, of its kind and of what the work warned of so far,
            once `tell_pages_of_warnings` was called.
    """

    def __init__(
        self,
        dispatch: Callable[[Callable[[], None]], Any] | None = None,
        on_error: Callable[[Exception], None] | None = None,
        on_warnings: Callable[[str, tuple[str, ...]], None] | None = None,
    ) -> None:
        self.dispatch = dispatch or (lambda shown: shown())
        self.on_error = on_error or (lambda error: None)
        self.on_warnings = on_warnings or (lambda kind, texts: None)
        self._newest: dict[str, int] = {}
        self._stopped = False
        self._queues = {name: WorkQueue(name, self) for name in _TURNS}

    def run(
        self,
        kind: str,
        work: Work,
        show: Show,
        *,
        queue: QueueName = "slow",
        after: float = 0.0,
    ) -> None:
        """Do work, and show what comes of it.

        Args:
            kind: Such as "mean"; newer work of a kind replaces older.
            work: Called in a thread, with nothing: bind what it needs, and read no state that the
                page changes. It may be a generator, of which each result is shown.
            show: Called with each result where the page may be changed.
            queue: Work of one queue never waits for that of another: "quick" takes a fraction of a
                second, "opening" is of models and files.
            after: Seconds that it is put off; no turn is taken meanwhile.
        """
        number = self.cancel(kind)
        self._queues[queue].put(Asked(kind, number, work, show, after))

    def cancel(self, kind: str) -> int:
        """Show nothing more of a kind of work; the number of the next one."""
        self._newest[kind] = number = self._newest.get(kind, 0) + 1
        return number

    def stop(self) -> None:
        """Drop what waits, and end the threads after the step they are in."""
        self._stopped = True
        for queue in self._queues.values():
            queue.stop()

    def join(self) -> None:
        """Wait until the threads have ended, after `stop`."""
        for queue in self._queues.values():
            queue.join()

    def wait(self, seconds: float = 60.0) -> bool:
        """Wait until nothing is left to do; whether that came to pass."""
        queues = [*self._queues.values()] * 2  # what is shown of one may ask for work in the other
        return all(queue.wait(seconds) for queue in queues)

    def is_newest(self, asked: Asked) -> bool:
        """Whether work is still wanted."""
        return not self._stopped and self._newest.get(asked.kind) == asked.number

    def shown(self, asked: Asked, result: Any, warned: tuple[str, ...] = ()) -> None:
        """Show a result, unless newer work was asked for meanwhile."""

        def show() -> None:
            self.on_warnings(asked.kind, warned)
            asked.show(result)

        self.dispatch(lambda: self._guarded(asked, show))

    def failed(self, asked: Asked, error: Exception) -> None:
        """Tell that work failed, unless nobody waits for it any more."""
        if self.is_newest(asked) and not isinstance(error, ValueError):
            log.warning("Work of the kind %r failed.", asked.kind, exc_info=error)
        self.dispatch(lambda: self.on_error(error) if self.is_newest(asked) else None)

    def _guarded(self, asked: Asked, show: Callable[[], None]) -> None:
        if not self.is_newest(asked):
            return
        try:
            show()
        except Exception as error:  # as in work itself
            self.failed(asked, error)


def pause() -> None:
    """Let others take their turn, in the midst of work that takes long; elsewhere nothing.

    Raises:
        UnwantedWork: If nobody waits any more for the work that is being done.
    """
    queue = getattr(_HERE, "queue", None)
    if queue is not None:
        queue.pause()


def tell_pages_of_warnings() -> None:
    """Have what work warns of told each time to the page that asked, in place of the log.

    How a file was read, and what other packages warn of, is for whoever serves it: the log has it.
    """
    told = warnings.showwarning

    def show(
        message: Warning | str, category: type[Warning], filename: str, *where: Any, **more: Any
    ) -> None:
        queue = getattr(_HERE, "queue", None)
        foreign = "site-packages" in filename and "mamba_diffae" not in filename
        if (
            queue is None
            or queue.name == "opening"
            or foreign
            or not issubclass(category, UserWarning)
        ):
            told(without_upload_folders(str(message)), category, filename, *where, **more)
        else:
            queue.warned(str(message))

    warnings.simplefilter("always", UserWarning)
    warnings.showwarning = show
