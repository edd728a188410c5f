"""What is observed of one field: a pattern of cells, painted away and in, and typed values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, final

import numpy as np
import torch

from mamba_diffae.fields import FieldData, Grid, Observations, observe
from mamba_diffae.fields.observe import LATTICE_LIMIT, with_covariates
from mamba_diffae.fields.patterns import Pattern
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
        noise: Standard deviation of the errors that are added and stated, as a share of the range
            of each variable; 0: none are added, none are stated.
        seed: Of the cells and of the errors.
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

    @property
    def lattice(self) -> Grid:
        """The grid whose cells are observed."""
        grid = self.truth.grid
        return grid.regrid(grid.lattice_shape(LATTICE_LIMIT))

    def cells(self) -> np.ndarray:
        """Numbers of the cells that are observed, ascending, shape (N,)."""
        drawn = observe(
            self.truth,
            self.settings.fraction,
            pattern=self.settings.pattern,
            seed=self.settings.seed,
        )
        numbers = set(self.numbers(drawn.coords[0].numpy()).tolist())
        chosen = (numbers - self.edits.removed) | self.edits.added
        return np.array(sorted(chosen), dtype=np.int64)

    def numbers(self, places: np.ndarray) -> np.ndarray:
        """Numbers of the cells of the lattice that places (N, D) lie in, shape (N,)."""
        grid, along = self.lattice, []
        for d, axis in enumerate(grid.axes):
            place = places[:, d]
            if axis.periodic:
                place = axis.low + (place - axis.low) % axis.span
            found = np.searchsorted(axis.edges, place, "right") - 1
            along.append(np.clip(found, 0, axis.cells - 1))
        return np.asarray(np.ravel_multi_index(tuple(along), grid.shape))

    def observations(self) -> Observations:
        """What is observed, of one field.

        Raises:
            NothingObservedError: If that is nothing.
        """
        everything = observe(self.truth, 1.0)  # each cell of the lattice that has a value
        order = self.numbers(everything.coords[0].numpy())
        place_of = {int(cell): i for i, cell in enumerate(order)}
        cells = [int(cell) for cell in self.cells() if int(cell) in place_of]
        if not cells and not self.edits.sensors:
            raise NothingObservedError(
                "Nothing is observed: all observations were taken away. Raise the share, or click "
                "a cell of the map of observations."
            )
        values, noise = self._noisy(everything, order)
        for cell, typed in self.edits.typed.items():
            if cell in place_of:
                values[0, place_of[cell]] = torch.tensor(typed, dtype=values.dtype)
        seen = everything.replace(values=values, noise=noise)
        chosen = torch.tensor([place_of[cell] for cell in cells], dtype=torch.int64)
        return self._with_sensors(seen.points(chosen))

    def _noisy(
        self, seen: Observations, order: np.ndarray
    ) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Values with errors, and their deviation; a cell has the same error in all choices."""
        values = seen.values.clone()
        if not self.settings.noise:
            return values, seen.noise
        spans = np.array([high - low for low, high in (v.limits for v in self.truth.variables)])
        deviation = self.settings.noise * spans
        rng = np.random.default_rng((self.settings.seed, 1))
        cells = int(np.prod(self.lattice.shape))
        errors = rng.standard_normal((cells, len(spans)))[order] * deviation
        stated = torch.from_numpy(np.broadcast_to(deviation, values.shape[1:]).copy())[None]
        return values + torch.from_numpy(errors)[None], stated

    def _with_sensors(self, seen: Observations) -> Observations:
        if not self.edits.sensors:
            return seen
        from mamba_diffae.fields.sensors import observe_at

        points = observe_at(self.truth, np.array(self.edits.sensors))
        parts = [part for part in (seen, points) if part.coords.shape[1]]
        return with_covariates(_joined(parts, seen), self.truth)


def _joined(parts: list[Observations], seen: Observations) -> Observations:
    """The points of several, one behind the other, as those of one field."""
    joined: dict[str, Any] = {
        name: torch.cat([getattr(part, name) for part in parts], dim=1)
        for name in ("coords", "values", "mask")
    }
    support = torch.cat(
        [torch.zeros_like(p.coords) if p.support is None else p.support for p in parts], dim=1
    )
    noise = None
    if seen.noise is not None:
        noise = torch.cat(
            [torch.zeros_like(p.values) if p.noise is None else p.noise for p in parts], dim=1
        )
    return Observations(**joined, support=support, noise=noise, labels=seen.labels)
