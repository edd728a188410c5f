"""The field in which a seed is typed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, final

import panel as pn

from mamba_diffae.studio.session import Session

MOST_SEED = 10**6
"""The largest seed of the page."""
_EXACT = 2**53 - 1
"""The largest whole number that a browser holds exactly; above it the field takes nothing."""


@final
class SeedInput:
    """A seed from 0 to `MOST_SEED`; what is none is told, and the one before stays.

    Attributes:
        widget: To be laid out.

    Args:
        session: Where it is told.
        on_seed: Called with each other seed.
        options: Of the widget.
    """

    def __init__(self, session: Session, on_seed: Callable[[int], None], **options: Any) -> None:
        self._session, self._on_seed, self.seed, self._refused = session, on_seed, 0, ""
        self.widget = pn.widgets.IntInput(
            label="Seed", start=-_EXACT, end=_EXACT, value=0, **options
        )
        self.widget.param.watch(lambda event: self._given(event.new), "value")

    def set(self, seed: int) -> None:
        """Show another seed without telling of it."""
        self.seed = self.widget.value = seed

    def _given(self, given: int | None) -> None:
        if given == self.seed:
            return
        if given is None or not 0 <= given <= MOST_SEED:
            what = "Nothing" if given is None else f"{given:,}"
            self.widget.value = self.seed
            self._refused = (
                f"{what} is no seed; give a whole number from 0 to {MOST_SEED:,}. "
                f"It stays {self.seed:,}."
            )
            self._session.tell(self._refused)
            return
        self.seed = given
        self._session.untell(self._refused)
        self._on_seed(given)
