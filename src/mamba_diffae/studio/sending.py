"""What changes on a page goes to its browser in order, once all that an event brings is done.

Panel sends what it changes at once, or a little later if the connection is busy; Bokeh sends what
it changes when the event is over. A message may then name a part of the page that is told of in a
later one, and the browser takes neither.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any, final

import panel as pn
from panel.io.document import with_lock
from panel.reactive import Syncable
from tornado.ioloop import IOLoop

_DEBOUNCE = 5
"""Milliseconds in which changes of a widget are taken together; Panel's own 50 are seen."""


@contextmanager
def together(document: Any) -> Iterator[None]:
    """Hold back what changes on a page, and send it in order at the end.

    Args:
        document: Of Bokeh, whose lock is held; None: there is no page.
    """
    if document is None or document.callbacks.hold_value is not None:
        yield
        return
    document.hold("combine")
    try:
        yield
    finally:
        for event in document.callbacks._held_events:
            event.callback_invoker = None  # else Panel takes it for a change of the browser's
        document.unhold()


@final
class Sender:
    """Changes a page in the server's own thread, from when its browser has drawn it.

    What is asked earlier is done then: a browser that is being told of the whole page takes no
    changes of it. Made while the page is.

    Args:
        document: Of Bokeh.
    """

    def __init__(self, document: Any) -> None:
        self._document, self._loop = document, IOLoop.current()
        self._early: list[Callable[[], None]] | None = []
        self._closed = False
        pn.state.onload(self._drawn)

    def __call__(self, change: Callable[[], None]) -> None:
        """Have a function called that changes the page; from any thread."""
        self._loop.add_callback(self._ask, change)

    def close(self) -> None:
        """Change nothing any more: the page was closed."""
        self._closed, self._early = True, None

    def _drawn(self) -> None:
        early, self._early = self._early or [], None
        for change in early:
            self._ask(change)

    def _ask(self, change: Callable[[], None]) -> None:
        def sent() -> None:
            with together(self._document):
                change()

        if self._early is not None:
            self._early.append(change)
        elif not self._closed:
            self._document.add_next_tick_callback(sent)


def keep_order() -> None:
    """Have Panel handle each event of a page with its lock, and send what it brings together.

    Panel lets go of the lock where one event comes close behind another, such as a button that is
    clicked right after something was typed; figures may be changed with the lock alone.
    """
    Syncable._debounce = _DEBOUNCE
    for name in ("_event_coroutine", "_change_coroutine"):
        setattr(Syncable, name, with_lock(getattr(Syncable, name)))
    for name in ("_process_bokeh_event", "_change_event"):
        setattr(Syncable, name, _sent_together(getattr(Syncable, name)))


def _sent_together(method: Callable[..., None]) -> Callable[..., None]:
    @wraps(method)
    def wrapped(self: Any, document: Any, *given: Any) -> None:
        with together(document):
            method(self, document, *given)

    return wrapped
