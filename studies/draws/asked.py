"""Of which fields draws are wanted, and how many."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from mamba_diffae.estimator.rendering import OnProgress
from mamba_diffae.fields import Grid, Observations


@final
@dataclass(frozen=True, eq=False)
class Asked:
    """Of which fields draws are wanted.

    Attributes:
        grid: The native one, at whose cells they are wanted.
        seen: What was observed of the fields.
        n_draws: Of each field.
        seed: Of the draws.
        on_progress: Told of fields done and of all while they are drawn.
    """

    grid: Grid
    seen: Observations
    n_draws: int
    seed: int
    on_progress: OnProgress | None = None
