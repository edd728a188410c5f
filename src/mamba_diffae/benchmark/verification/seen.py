"""Has a model been fitted on the very data that it is verified on?"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from mamba_diffae.benchmark.verification.readings import GriddedReadings, Readings
from mamba_diffae.estimator import FieldAutoencoder
from mamba_diffae.priors import Prior
from mamba_diffae.priors.exemplars import GAP, LEVELS, encode
from mamba_diffae.priors.mixture.prior import MixturePrior
from mamba_diffae.priors.mixture.reconstruction import reconstructed

_ROUNDING = 1
"""Steps of the 8-bit numbers that exemplars are kept as, by which the same value may differ."""


def seen_snapshots(model: FieldAutoencoder, readings: Readings, rows: np.ndarray) -> int | None:
    """How many snapshots are among the training fields that a model's prior keeps.

    A prior keeps at most some thousand fields on a coarse lattice, so a model may have seen more.

    Args:
        model: Fitted.
        readings: Of the snapshots.
        rows: Which ones.

    Returns:
        The number; None: the model keeps none, or they are on another grid.
    """
    prior = getattr(model.fitted.network, "prior", None)
    if not isinstance(prior, Prior) or not prior.keeps_fields:
        return None
    kept, known = prior.fields()
    whole = len(readings.variables) == len(model.variables)
    if not kept.numel() or not whole:
        return None
    found = _codes(model, prior, readings, rows)
    if found is None:
        return None
    theirs = (kept * LEVELS).round().flatten(1).cpu()
    return _matches(found, theirs, known.flatten(1).cpu())


@torch.no_grad()
def _codes(
    model: FieldAutoencoder, prior: Prior, readings: Readings, rows: np.ndarray
) -> Tensor | None:
    """The snapshots as a prior would keep them, (B, P C); None: it keeps no such ones."""
    scaler = model.fitted.scaler
    if isinstance(readings, GriddedReadings):
        if readings.grid.axes != scaler.grid.axes:
            return None
        inside = scaler.data(readings.data.take(rows))
        return encode(inside.at(inside.grid.regrid(prior.config.shape)))
    if not isinstance(prior, MixturePrior):
        return None
    seen = scaler.observations(readings.observations(rows, readings.known[rows]))
    return reconstructed(prior.kriging, seen.to(prior.groups.device)).cpu()


def _matches(found: Tensor, kept: Tensor, known: Tensor) -> int:
    """How many rows are one of those kept, wherever both are known."""
    count = 0
    for row in found:
        both = known & (row != GAP)
        apart = ((kept - row.float()).abs() > _ROUNDING) & both
        count += bool((both.any(dim=1) & ~apart.any(dim=1)).any())
    return count
