"""Work whose refusal is an answer, told where the answer would stand."""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator
from dataclasses import dataclass
from html import escape
from typing import Any, final

from mamba_diffae.studio.words import in_words

log = logging.getLogger(__name__)


@final
@dataclass(frozen=True)
class Refusal:
    """Why something is not to be had.

    Attributes:
        why: In words, with how to mend it.
    """

    why: str

    @property
    def html(self) -> str:
        """As a tab shows it."""
        return f'<p class="said unlike" role="status">{escape(self.why)}</p>'


def answered(work: Callable[[], Any]) -> Callable[[], Generator[Any]]:
    """The same work, which gives a `Refusal` in place of raising an error.

    Args:
        work: Of `Worker.run`: it returns a result, or is a generator of several.
    """

    def tried() -> Generator[Any]:
        try:
            result = work()
            if isinstance(result, Generator):
                yield from result
            else:
                yield result
        except Exception as error:  # whatever it is: what was shown before is no answer
            if not isinstance(error, ValueError):
                log.warning("Work failed.", exc_info=error)
            yield Refusal(in_words(error))

    return tried
