"""The memory of an answer, asked before it is taken."""

from __future__ import annotations

import math

import numpy as np

from mamba_diffae.fields import FieldError, Grid, Targets
from mamba_diffae.fields.query import target_shape
from mamba_diffae.sources.memory import free_memory

_BYTES = 8
"""Of a number, while an answer is made."""


def check_room(targets: Targets, native: Grid, values: int) -> None:
    """Refuse an answer that would not fit; where the system does not say what is free, none is.

    Args:
        targets: Where a model is asked.
        native: Its grid.
        values: Numbers at each cell or place, of all fields, variables and draws.

    Raises:
        FieldError: If fewer bytes are free than the answer takes.
    """
    if isinstance(targets, np.ndarray):
        cells = len(targets)
    else:
        cells = math.prod(target_shape(targets, native))
    _refuse(
        f"The answer at {cells:,} cells",
        _BYTES * cells * (values + 2 * native.dim),
        "ask for fewer cells, draws or fields at once, or let render write it into a file row by "
        "row.",
    )


def check_rows(cells: int, values: int) -> None:
    """Refuse a file whose rows would not fit, one at a time.

    Args:
        cells: Of what is made at once.
        values: As in `check_room`, of the fields of one batch.

    Raises:
        FieldError: If fewer bytes are free than that takes.
    """
    needed = _BYTES * cells * values
    _refuse(f"A part of the answer, {cells:,} cells,", needed, "ask for fewer cells or draws.")


def _refuse(what: str, needed: int, mend: str) -> None:
    free = free_memory()
    if free is not None and needed > free:
        raise FieldError(
            f"{what} needs about {needed / 1e9:,.1f} GB of memory, and {free / 1e9:,.1f} GB are "
            f"free; {mend}"
        )
