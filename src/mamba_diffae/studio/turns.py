"""One thread at a time, in the order in which they came."""

from __future__ import annotations

import threading
from typing import final


@final
class Turns:
    """Lets in one thread at a time, in the order in which they came."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._given = self._served = 0

    @property
    def waiting(self) -> int:
        """How many threads wait for their turn."""
        return max(0, self._given - self._served - 1)

    def take(self) -> None:
        """Wait for the own turn."""
        with self._changed:
            number, self._given = self._given, self._given + 1
            self._changed.wait_for(lambda: self._served == number)

    def give(self) -> None:
        """End the own turn."""
        with self._changed:
            self._served += 1
            self._changed.notify_all()

    def __enter__(self) -> None:
        self.take()

    def __exit__(self, *error: object) -> None:
        self.give()
