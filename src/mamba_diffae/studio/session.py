"""One person's state: model, fields, the field that is shown, and what is observed of it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from typing import Any, Literal, final

import numpy as np

from mamba_diffae.benchmark.opened_model import OpenedModel
from mamba_diffae.estimator import FieldAutoencoder
from mamba_diffae.fields import FieldData, Observations
from mamba_diffae.studio.asking import Question
from mamba_diffae.studio.observing import Edits, ObservedField, Settings
from mamba_diffae.studio.opening import Library, Source
from mamba_diffae.studio.words import in_words
from mamba_diffae.studio.worker import Worker

log = logging.getLogger(__name__)

Change = Literal["model", "source", "snapshot", "observations", "size", "draws", "variable", "tab"]
SIZES = (32, 64, 96, 256)
"""Cells along the longest axis that a field is shown at, beside the model's own."""


@final
class Session:
    """One person's state; nothing of it is shared but models and packaged sets, which are read.

    Attributes:
        worker: Does what takes time, in threads of this session.
        show_message: Shows a message on the page in place of the one before; see `tell`.
        together: Sends what changes on the page within it together.
        opened: The model that is asked, and its name.
        source: The fields.
        snapshot: Number of the field that is shown.
        settings: What is observed of it by a pattern.
        edits: What was changed by hand.
        size: Cells along the longest axis that are shown.
        draws: How many draws are made.
        variable: Number of the variable that is shown, of fields that are no pictures.
        active: Number of the open tab.

    Args:
        library: Of models and sets, shared by all pages.
        model: Name of the first model: one of the package, a run, or a saved folder.
        source: What to show first; None: the test fields that the model comes with.
    """

    def __init__(
        self, library: Library, model: str = "emoji-96", source: Source | None = None
    ) -> None:
        self.library, self.worker = library, Worker()
        self.show_message: Callable[[str], None] = lambda text: None
        self._told = ""
        self._warnings: dict[str, tuple[str, ...]] = {}
        self.together: Callable[[], AbstractContextManager[None]] = nullcontext
        self._listeners: list[Callable[[Change], None]] = []
        self.opened: OpenedModel = library.model(model)
        self.source: Source = source or library.packaged(self.opened)
        self.snapshot, self.settings, self.edits = self.source.first, Settings(), Edits()
        self.size, self.draws, self.variable, self.active = 96, 8, 0, 0
        self._observed: ObservedField | None = None
        self._edited: dict[int, Edits] = {}

    @property
    def sizes(self) -> list[int]:
        """Sizes to choose from, the native one of the model among them."""
        return sorted({*SIZES, max(self.model.grid.shape)})

    @property
    def model(self) -> FieldAutoencoder:
        """The model that is asked."""
        return self.opened.estimator

    @property
    def data(self) -> FieldData:
        """All fields of the source."""
        return self.source.data

    @property
    def truth(self) -> FieldData:
        """The field that is shown, one snapshot."""
        return self.data.take(np.array([self.snapshot]))

    @property
    def observed(self) -> ObservedField:
        """The field, and what is observed of it."""
        if self._observed is None:
            self._observed = ObservedField(self.truth, self.settings, self.edits)
        return self._observed

    def observations(self) -> Observations:
        """What is observed of the field that is shown.

        Raises:
            NothingObservedError: If that is nothing.
        """
        return self.observed.observations

    def question(self) -> Question:
        """What is to be asked of the model now.

        Raises:
            NothingObservedError: If nothing is observed.
        """
        seen, seed = self.observations(), self.settings.seed
        return Question(self.model, seen, self.truth, self.size, self.draws, seed)

    def tell(self, text: str) -> None:
        """Show a message on the page in place of the one before; "" takes that away."""
        self._told = text
        self._show_told()

    def untell(self, text: str) -> None:
        """Take a message away, unless another one has taken its place."""
        if text and text == self._told:
            self.tell("")

    def warn(self, kind: str, texts: tuple[str, ...]) -> None:
        """Show what a kind of work warns of, behind the message, in place of its former ones."""
        if texts != self._warnings.get(kind, ()):
            self._warnings[kind] = texts
            self._show_told()

    def _show_told(self) -> None:
        warnings = dict.fromkeys(text for texts in self._warnings.values() for text in texts)
        self.show_message(" ".join([self._told, *warnings]).strip())

    def guarded(self, act: Callable[..., None]) -> Callable[..., None]:
        """The same function; what it raises is told on the page, which goes on."""

        def tried(*given: Any) -> None:
            try:
                with self.together():
                    act(*given)
            except Exception as error:  # whatever it is: the page stays alive
                log.warning("An event of the page failed.", exc_info=error)
                self.tell(in_words(error))

        return tried

    def on_change(self, listener: Callable[[Change], None]) -> None:
        """Call a function after each change, with what changed."""
        self._listeners.append(listener)

    def take_model(self, opened: OpenedModel, source: Source) -> None:
        """Ask another model, on fields of its kind."""
        self.opened = opened
        if self.size not in self.sizes:  # the native one of the former model
            self.size = SIZES[2]
        self._start_over("model", source)

    def open_source(self, source: Source) -> None:
        """Show other fields."""
        self._start_over("source", source)

    def show(self, snapshot: int) -> None:
        """Show another field of the source; each keeps its edits by hand while that is open."""
        self._edited[self.snapshot] = self.edits
        self.snapshot, self.edits = snapshot, self._edited.get(snapshot, Edits())
        self._changed("snapshot")

    def observe(self, **settings: Any) -> None:
        """Change settings of what is observed: fraction, pattern, noise, seed."""
        self.settings = replace(self.settings, **settings)
        self._changed("observations")

    def edit(self, edits: Edits) -> None:
        """Take what is observed as it was changed by hand."""
        self.edits = edits
        self._changed("observations")

    def resize(self, size: int) -> None:
        """Show fields at another size, cells along the longest axis."""
        self.size = size
        self._changed("size")

    def draw(self, number: int) -> None:
        """Make so many draws."""
        self.draws = number
        self._changed("draws")

    def choose_variable(self, number: int) -> None:
        """Show another variable, of fields that are no pictures."""
        self.variable = number
        self._changed("variable")

    def open_tab(self, number: int) -> None:
        """Turn to another tab; those that are not open need not compute."""
        self.active = number
        self._changed("tab")

    def _start_over(self, what: Change, source: Source) -> None:
        self.source, self.snapshot, self.variable = source, source.first, 0
        self.edits = Edits()
        self._edited = {}
        if self._warnings:  # of other fields
            self._warnings = {}
            self._show_told()
        if source.note:
            self.tell(source.note)  # before what listeners refuse, which counts more
        self._changed(what)

    def _changed(self, what: Change) -> None:
        if what in ("model", "source", "snapshot", "observations"):
            self._observed = None
        if what not in ("model", "source", "tab"):  # models and sources come later than asked for
            self.tell("")
        for listener in self._listeners:
            listener(what)
