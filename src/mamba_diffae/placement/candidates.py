"""Where sensors may stand, and where some stand already, as a user gives them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, TypeAlias, final

import numpy as np

from mamba_diffae.fields import (
    CoordinateError,
    Grid,
    Observations,
    PlacementError,
    ShapeError,
    TableTargets,
    Variable,
    by_names,
    check_inside,
    in_units,
    is_table,
)
from mamba_diffae.fields.points import column_array
from mamba_diffae.fields.query import existing

if TYPE_CHECKING:
    from pandas import DataFrame

MOST_CELLS = 4096
"""Cells whose centres are candidates where none are given, at most."""
Candidates: TypeAlias = "np.ndarray | Sequence[Sequence[float]] | DataFrame | str | Path | None"
"""A mask of the grid's shape; places (M, D); a table of them, or its path; None: the cells."""
Existing: TypeAlias = "Observations | Candidates"
"""Observations of one field, or places as of `Candidates`; None: there are none."""


def candidate_places(given: Candidates, grid: Grid) -> np.ndarray:
    """Places at which a sensor may stand, each once, in cells that exist.

    Args:
        given: See `Candidates`.
        grid: The native one.

    Returns:
        Shape (M, D), in the units and the order of the grid's axes.

    Raises:
        ShapeError: If it is neither a mask of the grid nor places on its axes.
        CoordinateError: If a place is not finite, or outside the grid.
        TableError: If a table cannot be read, or lacks a column.
        PlacementError: If no place lies in a cell that exists.
    """
    if given is None:
        fine = grid.cells <= MOST_CELLS
        places = (grid if fine else grid.regrid(grid.lattice_shape(MOST_CELLS))).centres()
    elif is_mask(given):
        return _of_mask(_array(given), grid)
    else:
        places = _places(given, grid, "candidates")
    kept = places[existing(places, grid)]
    if not len(kept):
        raise PlacementError(
            f"None of the {len(places)} candidates lies in a cell that exists: the mask of the "
            "model's grid leaves them out; give places where its training fields have values."
        )
    return _distinct(kept)


def is_mask(given: Candidates) -> bool:
    """Whether candidates are given as a mask."""
    return given is not None and not is_table(given) and _array(given).dtype == bool


def _array(given: Any) -> np.ndarray:
    """An array of what a user gave; rows of unlike lengths are one of objects, refused later."""
    try:
        return np.asarray(given)
    except ValueError:
        return np.array([*given], dtype=object)


def _of_mask(mask: np.ndarray, grid: Grid) -> np.ndarray:
    if mask.shape != grid.shape:
        turned = mask.shape == grid.shape[::-1]
        raise ShapeError(
            f"candidates is a mask of shape {mask.shape}, but the model's grid has "
            f"{grid.describe_shape()} cells ({', '.join(grid.names)}); give bool of shape "
            f"{grid.shape}, True where a sensor may stand{': mask.T' if turned else ''}."
        )
    allowed = mask & grid.exists
    if not allowed.any():
        raise PlacementError(
            f"The mask of candidates is True in {int(mask.sum())} cells, none of them among the "
            f"{int(grid.exists.sum())} that exist; it is True where a sensor may stand. Was it "
            "inverted? Then give ~mask."
        )
    return grid.centres()[allowed.ravel()]


def _places(given: Any, grid: Grid, what: str) -> np.ndarray:
    """Places (N, D) of a table or an array, finite and within the grid."""
    if is_table(given):
        return check_inside(TableTargets.of(given, grid).places, grid, what)
    numbers = _array(given)
    if numbers.shape == grid.shape and np.isin(numbers, (0, 1)).all():
        raise ShapeError(
            f"{what} has the shape of the grid and holds 0 and 1 as {numbers.dtype}; a mask is "
            "bool: mask.astype(bool), True where a sensor may stand."
        )
    x = column_array(given, what)
    if x.shape[1] != grid.dim or not len(x):
        raise ShapeError(
            f"{what} has shape {np.shape(given)}; expected places (M, {grid.dim}) with the columns "
            f"{', '.join(grid.names)}, one at least; a bool mask of shape {grid.shape}; or a table."
        )
    bad = (~np.isfinite(x.data) | np.ma.getmaskarray(x)).any(axis=1)
    if bad.any():
        raise CoordinateError(
            f"{int(bad.sum())} of {len(x)} {what} are NaN, infinite or masked, the first is number "
            f"{int(bad.argmax())}; drop those places."
        )
    return check_inside(x.data, grid, what)


def _distinct(places: np.ndarray) -> np.ndarray:
    """Places (M, D), each once, in their order."""
    return places[np.sort(np.unique(places, axis=0, return_index=True)[1])]


@final
@dataclass(frozen=True, eq=False)
class Sensors:
    """Sensors that stand already.

    Attributes:
        coords: Shape (m, D), in the units and the order of the grid's axes.
        reads: Which variables each reads, shape (m, C), bool.
        noise: Standard deviation of each reading, in its unit, shape (m, C); None: as of new ones.
    """

    coords: np.ndarray
    reads: np.ndarray
    noise: np.ndarray | None = None

    @classmethod
    def of(cls, given: Existing, grid: Grid, variables: Sequence[Variable]) -> Self:
        """Sensors as a user gives them: see `Existing`.

        Observations count with the variables that they hold and the noise that they state, as
        points; their units are converted. At one place a sensor of a table or an array counts once,
        and reads all variables.

        Raises:
            ShapeError: If observations are of several fields, or of other variables.
            ValuesError: If it is not known how to convert their units.
            ValueError: As `candidate_places`.
        """
        if isinstance(given, Observations):
            return cls._observed(given, grid, variables)
        none = given is None or (not is_table(given) and not _array(given).size)
        coords = np.zeros((0, grid.dim)) if none else _distinct(_places(given, grid, "existing"))
        return cls(coords, np.ones((len(coords), len(variables)), dtype=bool))

    @classmethod
    def _observed(cls, given: Observations, grid: Grid, variables: Sequence[Variable]) -> Self:
        named = by_names(given, grid.names, [v.name for v in variables])
        if len(named) != 1 or named.n_variables != len(variables):
            raise ShapeError(
                f"existing are observations of {len(named)} fields and {named.n_variables} "
                f"variables; expected one field and {len(variables)} variables "
                f"({', '.join(v.name for v in variables)}): observations[:1]."
            )
        named = in_units(named.to("cpu"), grid.axes, variables)
        here = named.present[0].numpy()
        noise = None if named.noise is None else named.noise[0].double().numpy()[here]
        coords = check_inside(named.coords[0].double().numpy()[here], grid, "existing")
        return cls(coords, named.mask[0].numpy()[here], noise)

    def __len__(self) -> int:
        return len(self.coords)
