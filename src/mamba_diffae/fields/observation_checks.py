"""Parts of observations that do not fit together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from mamba_diffae.fields.errors import ShapeError

if TYPE_CHECKING:
    from mamba_diffae.fields.observations import Observations

OPTIONAL = "support", "noise", "noise_group", "covariates"
"""Parts that may be missing."""


def check_parts(seen: Observations) -> None:
    """Refuse parts of different shapes.

    Raises:
        ShapeError: As said.
    """
    B, N, D = seen.coords.shape if seen.coords.ndim == 3 else (-1, -1, -1)
    C = seen.values.shape[-1] if seen.values.ndim == 3 else -1
    K = seen.covariates.shape[-1] if seen.covariates is not None else -1
    expected = {
        "coords": (B, N, D),
        "values": (B, N, C),
        "mask": (B, N, C),
        "support": (B, N, D),
        "noise": (B, N, C),
        "noise_group": (B, N),
        "covariates": (B, N, K),
    }
    for name, shape in expected.items():
        given: Tensor | None = getattr(seen, name)
        if given is not None and tuple(given.shape) != shape:
            raise ShapeError(
                f"Observations.{name} has shape {tuple(given.shape)} beside coords of shape "
                f"{tuple(seen.coords.shape)} and values of shape {tuple(seen.values.shape)}; "
                "expected (B, N, D) coords, (B, N, C) values and mask: fields first."
            )
    if seen.mask.dtype != torch.bool:
        raise ShapeError(f"Observations.mask is of {seen.mask.dtype}; expected bool.")
    if seen.labels is not None:
        seen.labels.check((B, D, C))
    if seen.background is not None and len(seen.background) != B:
        raise ShapeError(
            f"Observations of {B} fields were given a background of {len(seen.background)}; give "
            "one for each field."
        )


def check_alike(parts: Sequence[Observations]) -> None:
    """Refuse observations that cannot be one batch.

    Raises:
        ShapeError: If there are none, or they differ in dimension, variables or in what is known
            beside the values.
    """
    if not parts:
        raise ShapeError("No observations were given; give those of at least one field.")
    kinds: dict[str, set[object]] = {
        "axes": {part.dim for part in parts},
        "variables": {part.n_variables for part in parts},
        **{f"with {n}": {getattr(part, n) is not None for part in parts} for n in OPTIONAL},
    }
    differing = [f"{name}: {sorted(map(str, k))}" for name, k in kinds.items() if len(k) > 1]
    if differing:
        raise ShapeError(
            f"Observations of different kinds cannot be one batch ({'; '.join(differing)}); "
            "batch those of one grid that were made alike."
        )
