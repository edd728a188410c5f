"""What is asked of the latents of a model: ways, edits, fields from nothing."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, final
from weakref import WeakKeyDictionary

import numpy as np

from mamba_diffae.benchmark.opened_model import OpenedModel
from mamba_diffae.estimator import FieldAutoencoder
from mamba_diffae.fields import FieldData, Observations, observe
from mamba_diffae.latent import (
    Directions,
    Generated,
    Interpolation,
    attribute_changes,
    edit,
    interpolate,
    learn_directions,
    sample,
)
from mamba_diffae.models.serialization import weights_folder

Tell = Callable[[int, int], None]
"""Called with (steps done, steps in all), in the thread that does the work."""
FRAMES, STRIP = 25, 7
"""Fields on a way, and how many of them the strip shows."""
EDITS = 5
"""Edits on a strip, from -amount to amount, as the command `edit` shows them."""
MADE = 8
"""Fields that are made from nothing at once."""
_LEARNED: WeakKeyDictionary[FieldAutoencoder, Directions] = WeakKeyDictionary()
"""Directions of the models that pages share."""


@final
@dataclass(frozen=True, eq=False)
class WayQuestion:
    """Two fields, and the way between them.

    Attributes:
        model: The model.
        first: One snapshot at the model's cells.
        second: Likewise.
        fraction: Share of the cells of each that is observed.
    """

    model: FieldAutoencoder
    first: FieldData
    second: FieldData
    fraction: float = 1.0

    def way(self, tell: Tell = lambda done, count: None) -> Interpolation:
        """The fields on the way, each the mean of its latent.

        Raises:
            ValueError: As `interpolate`.
        """
        ends = self.first, self.second
        seen = [observe(end, self.fraction, seed=i) for i, end in enumerate(ends)]
        return interpolate(self.model, seen[0], seen[1], FRAMES, on_progress=tell)


@final
@dataclass(frozen=True, eq=False)
class EditQuestion:
    """One field, and the attribute that is turned.

    Attributes:
        model: The model.
        field: One snapshot at the model's cells.
        directions: Of the model.
        attribute: One of them.
        amount: How far; 1 is as far as the means of the two classes lie apart.
        fraction: Share of the cells that is observed.
        keeps: Whether what is observed stays as it is.
    """

    model: FieldAutoencoder
    field: FieldData
    directions: Directions
    attribute: str
    amount: float
    fraction: float = 0.2
    keeps: bool = False

    @cached_property
    def seen(self) -> Observations:
        """What is observed of the field."""
        return observe(self.field, self.fraction)

    def edited(self, amount: float) -> np.ndarray:
        """The field with so much more of the attribute, shape (*shape, C).

        Raises:
            ValueError: As `edit`.
        """
        move = self.directions.move(self.attribute)
        options = {"condition_on_points": self.keeps}
        return edit(self.model, self.seen, move, amount, **options)[0]

    @property
    def amounts(self) -> list[float]:
        """Those of the strip, from -amount to amount."""
        return [float(x) for x in np.linspace(-self.amount, self.amount, EDITS)]

    def strip(self) -> Generator[tuple[str, Any]]:
        """("edit", (number, field)) for each amount, then ("changes", the largest ones)."""
        fields = {}
        for i, amount in enumerate(self.amounts):
            fields[i] = self.edited(amount)
            yield "edit", (i, fields[i])
        move = self.amount * self.directions.move(self.attribute)
        found = attribute_changes(
            self.model, self.directions, fields[EDITS // 2], fields[EDITS - 1], move
        )
        asked = self.directions.resolve(self.attribute)
        yield "changes", sorted(found, key=lambda c: (c.name != asked, -abs(c.change)))


@final
@dataclass(frozen=True, eq=False)
class SampleQuestion:
    """Fields that nobody has observed.

    Attributes:
        model: The model.
        seed: Of the latents and of the fields.
        mean: Whether a latent gives its mean in place of a draw.
    """

    model: FieldAutoencoder
    seed: int = 0
    mean: bool = False

    def made(self, tell: Tell = lambda done, count: None) -> Generated:
        """Fields and their latents.

        Raises:
            ValueError: As `sample`; most of all if the model has learned no flow of latents.
        """
        return sample(self.model, MADE, seed=self.seed, mean=self.mean, on_progress=tell)


def directions_of(
    opened: OpenedModel, data: FieldData, tell: Tell = lambda done, count: None
) -> Directions:
    """The attributes that a model can turn, as the command `edit` finds or learns them.

    Args:
        opened: The model.
        data: The fields that it was fitted on, all splits.
        tell: Called while they are learned, which takes minutes; those of a model of the package
            come with it.

    Raises:
        ValueError: As `learn_directions`, such as for fields without attributes.
    """
    model = opened.estimator
    if model not in _LEARNED:
        model.fitted.check_whole("A latent is edited")
        run = opened.run
        _LEARNED[model] = learn_directions(
            model,
            data,
            None if run is None else run.path,
            shipped=weights_folder(opened.name) if run is None else None,
            on_progress=tell,
        )
    return _LEARNED[model]
