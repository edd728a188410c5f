"""What is observed of one field: a pattern of cells, painted away and in, and typed values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, final

import numpy as np
import torch

from mamba_diffae.fields import FieldData, Grid, Observations, observe
from mamba_diffae.fields.observe import LATTICE_LIMIT, with_covariates
from mamba_diffae.fields.patterns import Pattern
from mamba_diffae.fields.sensors import observe_at
from mamba_diffae.studio.errors import NothingObservedError

PATTERNS: tuple[Pattern, ...] = ("random", "block", "track", "clusters", "regular", "stripes")
"""Patterns that lie on the observed lattice."""


@final
@dataclass(frozen=True)
class Settings:
    """What is drawn before a person changes it.

    Attributes:
        fraction: Share of the cells of the observed lattice, in (0, 1].
        pattern: Which cells; see `observe`.
        noise: Standard deviation of the errors that are added, as a share of the range of each
            variable; 0: none are. What the fields state themselves is stated with it, in squares.
        seed: Of the cells, of the errors, and of the draws.
    """

    fraction: float = 0.2
    pattern: Pattern = "random"
    noise: float = 0.0
    seed: int = 0


@final
@dataclass(frozen=True)
class Edits:
    """What a person changed by hand.

    Attributes:
        removed: Cells of the observed lattice that are not observed, whatever the pattern.
        added: Cells that are observed besides.
        typed: Values by cell, one for each variable, in place of the field's own.
        sensors: Places of sensors besides, in the coordinates of the grid; each reads the native
            cell that it lies in.
    """

    removed: frozenset[int] = frozenset()
    added: frozenset[int] = frozenset()
    typed: Mapping[int, tuple[float, ...]] = field(default_factory=dict)
    sensors: tuple[tuple[float, ...], ...] = ()

    def remove(self, cells: frozenset[int]) -> Edits:
        """Without some cells."""
        typed = {cell: values for cell, values in self.typed.items() if cell not in cells}
        return replace(self, removed=self.removed | cells, added=self.added - cells, typed=typed)

    def add(self, cells: frozenset[int]) -> Edits:
        """With some cells."""
        return replace(self, removed=self.removed - cells, added=self.added | cells)

    def type(self, cell: int, values: tuple[float, ...]) -> Edits:
        """With the value of a cell as it was typed."""
        return replace(self.add(frozenset([cell])), typed={**self.typed, cell: values})


@final
@dataclass(frozen=True, eq=False)
class ObservedField:
    """One field, its lattice of cells, and which of these are observed.

    Attributes:
        truth: One snapshot.
        settings: What is drawn.
        edits: What was changed by hand.
    """

    truth: FieldData
    settings: Settings
    edits: Edits

    @cached_property
    def lattice(self) -> Grid:
        """The grid whose cells are observed."""
        grid = self.truth.grid
        return grid.regrid(grid.lattice_shape(LATTICE_LIMIT))

    @cached_property
    def whole(self) -> Observations:
        """All cells of the lattice that have a value, without errors."""
        return observe(self.truth, 1.0)

    @cached_property
    def row_of(self) -> dict[int, int]:
        """Where the cells of the lattice, by their number, stand in `whole`."""
        order = self.numbers(self.whole.coords[0].numpy())
        return {int(cell): i for i, cell in enumerate(order)}

    @cached_property
    def cells(self) -> tuple[int, ...]:
        """Numbers of the cells that are observed, ascending."""
        about = self.settings
        drawn = observe(self.truth, about.fraction, pattern=about.pattern, seed=about.seed)
        numbers = set(self.numbers(drawn.coords[0].numpy()).tolist())
        chosen = (numbers - self.edits.removed) | self.edits.added
        return tuple(sorted(chosen & self.row_of.keys()))

    @property
    def possible(self) -> int:
        """Cells of the lattice that have a value."""
        return len(self.row_of)

    def numbers(self, places: np.ndarray) -> np.ndarray:
        """Numbers of the cells of the lattice that places (N, D) lie in, shape (N,)."""
        along = []
        for axis, place in zip(self.lattice.axes, places.T, strict=True):
            if axis.periodic:
                place = axis.low + (place - axis.low) % axis.span
            found = np.searchsorted(axis.edges, place, "right") - 1
            along.append(np.clip(found, 0, axis.cells - 1))
        return np.asarray(np.ravel_multi_index(tuple(along), self.lattice.shape))

    @cached_property
    def observations(self) -> Observations:
        """What is observed, of one field.

        Raises:
            NothingObservedError: If that is nothing.
        """
        if not self.cells and not self.edits.sensors:
            raise NothingObservedError(
                "Nothing is observed: all observations were removed. Raise the share, or click "
                "a cell of the map of observations."
            )
        values, noise = self._noisy()
        for cell, typed in self.edits.typed.items():
            if cell in self.row_of:
                values[0, self.row_of[cell]] = torch.tensor(typed, dtype=values.dtype)
        seen = self.whole.replace(values=values, noise=noise)
        rows = torch.tensor([self.row_of[cell] for cell in self.cells], dtype=torch.int64)
        seen = seen.points(rows)
        if not self.edits.sensors:
            return seen
        about = self._deviation if self.settings.noise else None
        points = observe_at(self.truth, np.array(self.edits.sensors), about, self.settings.seed)
        parts = [part for part in (seen, points) if part.coords.shape[1]]
        joined = _joined(parts, self.whole)
        return with_covariates(joined, self.truth)

    @property
    def _deviation(self) -> np.ndarray:
        """Of the errors that are added, in the units of the variables, shape (C,)."""
        spans = [high - low for low, high in (v.limits for v in self.truth.variables)]
        return self.settings.noise * np.array(spans)

    def _noisy(self) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Values with errors, and their deviation; a cell has the same error in all choices."""
        values = self.whole.values.clone()
        if not self.settings.noise:
            return values, self.whole.noise
        deviation = self._deviation
        rng = np.random.default_rng((self.settings.seed, 1))
        cells = int(np.prod(self.lattice.shape))
        errors = rng.standard_normal((cells, len(deviation)))[list(self.row_of)] * deviation
        own = 0.0 if self.whole.noise is None else self.whole.noise.numpy()
        stated = torch.from_numpy(np.hypot(own, np.broadcast_to(deviation, values.shape)))
        return values + torch.from_numpy(errors)[None], stated


def _joined(parts: list[Observations], like: Observations) -> Observations:
    """The points of several, one behind the other, as those of one field."""
    joined: dict[str, Any] = {
        name: torch.cat([getattr(part, name) for part in parts], dim=1)
        for name in ("coords", "values", "mask")
    }
    support = torch.cat(
        [torch.zeros_like(p.coords) if p.support is None else p.support for p in parts], dim=1
    )
    noises = [part.noise for part in parts if part.noise is not None]
    noise = torch.cat(noises, dim=1) if noises else None  # all of them state one, or none does
    return Observations(**joined, support=support, noise=noise, labels=like.labels)
