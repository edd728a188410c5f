"""Models, packaged sets and uploaded files: what a page opens, with limits and messages."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import final

from mamba_diffae.benchmark.opened_model import PACKAGED, OpenedModel
from mamba_diffae.fields import FieldData
from mamba_diffae.sources import open_field


@final
@dataclass(frozen=True, eq=False)
class Source:
    """Fields that a page shows.

    Attributes:
        label: As the page names it.
        data: The fields, as the model takes them.
        packaged: Name for `open_field`, if it is a set that comes with the package.
        split: Split of the packaged set that `data` is.
        file: Name of the file, without its folder, if it is one.
    """

    label: str
    data: FieldData
    packaged: str | None = None
    split: str | None = None
    file: str | None = None


@final
class Library:
    """Models and packaged sets that all pages share: they are read, never changed."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._models: dict[str, OpenedModel] = {}
        self._sets: dict[str, FieldData] = {}

    def model(self, name: str) -> OpenedModel:
        """A model by name, opened once.

        Raises:
            ValueError: As `FieldAutoencoder.from_pretrained`.
        """
        with self._lock:
            if name not in self._models:
                self._models[name] = OpenedModel.open(name, "auto")
            return self._models[name]

    def fields(self, name: str) -> FieldData:
        """A packaged set, or another source of `open_field`, opened once.

        Raises:
            ValueError: As `open_field`.
        """
        with self._lock:
            if name not in self._sets:
                self._sets[name] = open_field(name)
            return self._sets[name]

    def packaged(self, opened: OpenedModel, name: str | None = None) -> Source:
        """The test fields of a set that a model knows, its own by default."""
        name = name or opened.source or PACKAGED["emoji-96"]
        data = self.fields(name)
        split = "test" if "test" in set(data.splits) else None
        return Source(name, data.split(split) if split else data, packaged=name, split=split)
