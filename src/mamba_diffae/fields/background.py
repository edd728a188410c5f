"""Covariates of whole fields, as observations carry them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Self, final

import numpy as np
import torch
from torch import Tensor

from mamba_diffae.fields.covariates import Covariates
from mamba_diffae.fields.errors import ShapeError, ValuesError
from mamba_diffae.fields.grid import Grid

if TYPE_CHECKING:
    from mamba_diffae.fields.data import FieldData


@final
@dataclass(frozen=True, eq=False)
class Background:
    """What is known everywhere of B fields: covariates on equally wide cells of their region.

    >>> from mamba_diffae import Covariates, FieldData, Variable
    >>> height = Covariates(["elevation"], [np.arange(4.0)])
    >>> data = FieldData([Variable("t")], Grid.default((4,)), np.ones((2, 4, 1)), covariates=height)
    >>> Background.of(data).values[..., 0].tolist()
    [[0.0, 1.0, 2.0, 3.0], [0.0, 1.0, 2.0, 3.0]]

    Attributes:
        names: K of them.
        units: K of them, "" where unknown.
        grid: Of the cells.
        values: Shape (B, *grid.shape, K).
    """

    names: tuple[str, ...]
    units: tuple[str, ...]
    grid: Grid
    values: Tensor

    def __post_init__(self) -> None:
        expected = *self.grid.shape, len(self.names)
        if tuple(self.values.shape[1:]) != expected:
            raise ShapeError(
                f"Background.values has shape {tuple(self.values.shape)}; expected (B, "
                f"{', '.join(map(str, expected))}): fields, {', '.join(self.grid.names)}, "
                f"covariates ({', '.join(self.names)})."
            )

    @classmethod
    def of(cls, data: FieldData) -> Self:
        """That of all snapshots of fields.

        Raises:
            ValuesError: If they have no covariates.
        """
        if data.covariates is None:
            raise ValuesError(
                "The fields have no covariates; open them with covariates=[...], or give them: "
                "FieldData(..., covariates=Covariates(names, values))."
            )
        return cls.on(*data.covariates.evenly(data.grid), np.arange(len(data)))

    @classmethod
    def on(cls, grid: Grid, covariates: Covariates, rows: np.ndarray) -> Self:
        """That of some snapshots.

        Args:
            grid: Of equally wide cells.
            covariates: Known there.
            rows: Which snapshots, shape (B,).
        """
        values = torch.from_numpy(covariates.stacked(grid.shape, rows))
        return cls(tuple(covariates.names), tuple(covariates.units), grid, values)

    @classmethod
    def joined(cls, parts: Sequence[Background | None]) -> Self | None:
        """Those of one batch of several; None: they have none.

        Raises:
            ShapeError: If some have none, or they are of other covariates or on other grids.
        """
        kinds = {None if part is None else (part.names, part.grid) for part in parts}
        if len(kinds) > 1:
            told = sorted("none" if k is None else ", ".join(k[0]) for k in kinds)
            raise ShapeError(
                "Observations with the covariates of different fields cannot be one batch "
                f"({'; '.join(told)}); give all of them the same covariates, on one grid."
            )
        known = [part for part in parts if part is not None]
        if not known:
            return None
        first = known[0]
        return cls(first.names, first.units, first.grid, torch.cat([p.values for p in known]))

    def __len__(self) -> int:
        return len(self.values)

    def __getitem__(self, rows: Tensor) -> Self:
        """Those of some fields, rows (B,)."""
        return replace(self, values=self.values[rows.to(self.values.device)])

    def to(self, target: torch.device | torch.dtype | str) -> Self:
        """The same on a device, or with numbers of another type."""
        return replace(self, values=self.values.to(target))
