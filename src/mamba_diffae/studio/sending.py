"""What changes on a page goes to its browser in order, once all that an event brings is done.

Panel sends what it changes at once, or a little later if the connection is busy; Bokeh sends what
it changes when the event is over. A message may then name a part of the page that is told of in a
later one, and the browser takes neither.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any

from panel.io.document import with_lock
from panel.reactive import Syncable


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


def keep_order() -> None:
    """Have Panel handle each event of a page with its lock, and send what it brings together.

    Panel lets go of the lock where one event comes close behind another, such as a button that is
    clicked right after something was typed; figures may be changed with the lock alone.
    """
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
