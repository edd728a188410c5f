"""Work that a page asks for, in a thread of its own: of each kind the latest asked wins."""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from typing import Any, final

log = logging.getLogger(__name__)
Work = Callable[[], Any]
"""What is to be done; a generator's results are shown one after the other."""
_TURN = threading.Lock()
"""Pages take turns on the processor, one step each: two at once would both be slow."""


@final
class Worker:
    """One thread of one page; it ends with `stop`.

    Work of a kind that is asked for while the same kind waits or runs takes its place: a generator
    stops after the step it is in, and its further results are not shown.

    Args:
        dispatch: Calls a function where the page may be changed; by default at once.
        on_error: Told of what work raised.
    """

    def __init__(
        self,
        dispatch: Callable[[Callable[[], None]], Any] | None = None,
        on_error: Callable[[Exception], None] | None = None,
    ) -> None:
        self.dispatch = dispatch or (lambda shown: shown())
        self.on_error = on_error or (lambda error: None)
        self._waiting: OrderedDict[str, tuple[int, Work, Callable[[Any], None]]] = OrderedDict()
        self._newest: dict[str, int] = {}
        self._changed = threading.Condition()
        self._stopped = False
        self._busy = False
        self._thread: threading.Thread | None = None

    def run(self, kind: str, work: Work, show: Callable[[Any], None]) -> None:
        """Do work, and show what comes of it.

        Args:
            kind: Such as "mean"; newer work of a kind replaces older.
            work: Called in the thread, with nothing: bind what it needs, and read no state that
                the page changes. It may be a generator, of which each result is shown.
            show: Called with each result where the page may be changed.
        """
        with self._changed:
            if self._stopped:
                return
            number = self._newest.get(kind, 0) + 1
            self._newest[kind] = number
            self._waiting.pop(kind, None)
            self._waiting[kind] = number, work, show
            if self._thread is None:
                self._thread = threading.Thread(target=self._serve, name="studio", daemon=True)
                self._thread.start()
            self._changed.notify_all()

    def stop(self) -> None:
        """Drop what waits, and end the thread after the step it is in."""
        with self._changed:
            self._stopped = True
            self._waiting.clear()
            self._changed.notify_all()

    def wait(self, seconds: float = 60.0) -> bool:
        """Wait until nothing is left to do; whether that came to pass."""
        with self._changed:
            return self._changed.wait_for(lambda: not (self._waiting or self._busy), seconds)

    def _serve(self) -> None:
        while True:
            with self._changed:
                self._busy = False
                self._changed.notify_all()
                self._changed.wait_for(lambda: self._stopped or self._waiting)
                if self._stopped:
                    return
                self._busy = True
                kind, (number, work, show) = self._waiting.popitem(last=False)
            try:
                for result in self._steps(kind, number, work):
                    self._dispatch(kind, number, show, result)
            except Exception as error:  # whatever it is: the page stays alive, and tells it
                if self._is_newest(kind, number):
                    log.warning("Work %r of a page failed.", kind, exc_info=error)
                    self.dispatch(lambda error=error: self.on_error(error))

    def _steps(self, kind: str, number: int, work: Work) -> Iterator[Any]:
        """Results of work, as long as no newer one is asked for; each step in its turn."""
        with _TURN:
            result = work()
        if not isinstance(result, Iterator):
            yield result
            return
        while self._is_newest(kind, number):
            with _TURN:
                try:
                    step = next(result)
                except StopIteration:
                    return
            yield step
        result.close() if hasattr(result, "close") else None  # pyright: ignore

    def _dispatch(self, kind: str, number: int, show: Callable[[Any], None], result: Any) -> None:
        def shown() -> None:
            if self._is_newest(kind, number):
                show(result)

        self.dispatch(shown)

    def _is_newest(self, kind: str, number: int) -> bool:
        return not self._stopped and self._newest.get(kind) == number
