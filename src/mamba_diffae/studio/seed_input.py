"""The field in which a seed is typed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, final

import panel as pn

from mamba_diffae.studio.session import Session
from mamba_diffae.studio.typed import shortened, whole_number

MOST_SEED = 10**6
"""The largest seed of the page."""


@final
class SeedInput:
    """A seed from 0 to `MOST_SEED`; what is none is told, and the one before stays.

    Attributes:
        seed: The one that holds.
        widget: To be laid out; its value is text.

    Args:
        session: Where it is told.
        on_seed: Called with each other seed.
        options: Of the widget.
    """

    def __init__(self, session: Session, on_seed: Callable[[int], None], **options: Any) -> None:
        self._session, self._on_seed, self.seed, self._refused = session, on_seed, 0, ""
        self.widget = pn.widgets.TextInput(label="Seed", value="0", **options)
        self.widget.param.watch(lambda event: self._given(event.new), "value")

    def set(self, seed: int) -> None:
        """Show another seed without telling of it."""
        self.seed, self.widget.value = seed, str(seed)

    def take(self, seed: int) -> None:
        """Take another seed, as if it had been typed."""
        self.widget.value = str(seed)

    def _given(self, text: str) -> None:
        given = whole_number(text)
        if given is None or not 0 <= given <= MOST_SEED:
            what = f"{given:,}" if given is not None else shortened(text) or "Nothing"
            self._refused = (
                f"{what} is no seed; give a whole number from 0 to {MOST_SEED:,}. "
                f"It stays {self.seed:,}."
            )
            self.widget.value = str(self.seed)
            self._session.tell(self._refused)
            return
        if given == self.seed:
            return
        self.seed = given
        self._session.untell(self._refused)
        self._on_seed(given)
