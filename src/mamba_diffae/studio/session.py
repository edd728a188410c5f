"""One person's state: model, fields, the field that is shown, and what is observed of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Literal, final

import numpy as np

from mamba_diffae.benchmark.opened_model import OpenedModel
from mamba_diffae.estimator import FieldAutoencoder
from mamba_diffae.fields import FieldData, Observations, Prediction
from mamba_diffae.studio.observing import Edits, ObservedField, Settings
from mamba_diffae.studio.opening import Library, Source
from mamba_diffae.studio.worker import Worker

Change = Literal["model", "source", "snapshot", "observations", "size", "variable", "tab"]
SIZES = (32, 64, 96, 256)
"""Cells along the longest axis that a field is shown at."""


@final
class Session:
    """One person's state; nothing of it is shared but models and packaged sets, which are read.

    Args:
        library: Of models and sets, shared by all pages.
        model: Name of the first model: one of the package, a run, or a saved folder.
        source: What to show first; None: the test fields that the model comes with.
    """

    def __init__(
        self, library: Library, model: str = "emoji-96", source: Source | None = None
    ) -> None:
        self.library = library
        self.worker = Worker()
        self.tell: Callable[[str], None] = lambda text: None
        self._listeners: list[Callable[[Change], None]] = []
        self.opened: OpenedModel = library.model(model)
        self.source = source or library.packaged(self.opened)
        self.snapshot, self.settings, self.edits = 0, Settings(), Edits()
        self.size, self.variable, self.active = 96, 0, 0

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
        return ObservedField(self.truth, self.settings, self.edits)

    def observations(self) -> Observations:
        """What is observed of the field that is shown.

        Raises:
            NothingObservedError: If that is nothing.
        """
        return self.observed.observations()

    def predict(self, n_draws: int = 0, seed: int = 0) -> Prediction:
        """The model's answer at the size that is shown.

        Raises:
            NothingObservedError: If nothing is observed.
            ValueError: As `FieldAutoencoder.predict`.
        """
        return self.model.predict(self.observations(), self.size, n_draws, seed=seed)

    def on_change(self, listener: Callable[[Change], None]) -> None:
        """Call a function after each change, with what changed."""
        self._listeners.append(listener)

    def open_model(self, name: str) -> None:
        """Ask another model, on the fields that it comes with.

        Raises:
            ValueError: As `FieldAutoencoder.from_pretrained`.
        """
        opened = self.library.model(name)
        source = self.library.packaged(opened)
        self.opened, self.source = opened, source
        self._start_over("model")

    def open_source(self, source: Source) -> None:
        """Show other fields."""
        self.source = source
        self._start_over("source")

    def show(self, snapshot: int) -> None:
        """Show another field of the source; edits by hand end with the field they were made on."""
        self.snapshot, self.edits = snapshot, Edits()
        self._changed("snapshot")

    def observe(self, **settings: Any) -> None:
        """Change settings of what is observed: fraction, pattern, noise, seed."""
        self.settings = replace(self.settings, **settings)
        self._changed("observations")

    def edit(self, edits: Edits) -> None:
        """Take what is observed as it was changed by hand."""
        self.edits = edits
        self._changed("observations")

    def add_sensor(self, place: tuple[float, ...]) -> None:
        """Observe one place more: a sensor there reads the native cell around it."""
        self.edit(replace(self.edits, sensors=(*self.edits.sensors, place)))

    def resize(self, size: int) -> None:
        """Show fields at another size, cells along the longest axis."""
        self.size = size
        self._changed("size")

    def choose_variable(self, number: int) -> None:
        """Show another variable, of fields that are no pictures."""
        self.variable = number
        self._changed("variable")

    def open_tab(self, number: int) -> None:
        """Turn to another tab; those that are not open need not compute."""
        self.active = number
        self._changed("tab")

    def _start_over(self, what: Change) -> None:
        self.snapshot, self.edits, self.variable = 0, Edits(), 0
        self._changed(what)

    def _changed(self, what: Change) -> None:
        for listener in self._listeners:
            listener(what)
