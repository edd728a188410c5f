"""Whether the decoder reads the latent: it is swapped between fields while the points stay."""

from __future__ import annotations

import warnings
from typing import Any

import torch
from torch import Tensor

from mamba_diffae.fields import Observations
from mamba_diffae.models.inference import reconstruct
from mamba_diffae.priors import PriorPosterior
from mamba_diffae.training.run import Run

METRIC = "latent_sensitivity"
FIELDS = 16
"""Fields whose latents are swapped, at most."""
LEAST = 0.05
"""Warn if replacing the latent by another field's changes the posterior mean by less than 5 % of
its RMSE: the decoder then ignores it."""


def latent_sensitivity(
    net: Any,
    inputs: Observations,
    coords: Tensor,
    mean: Tensor,
    truth: Tensor,
    weight: Tensor | None = None,
    posterior: PriorPosterior | None = None,
) -> float:
    """Change of the posterior mean when each field is given another field's latent.

    The points stay its own.

    Args:
        net: With a latent, in eval mode.
        inputs: Observations of two fields or more: inside coordinates, scaled values.
        coords: Where the mean is known, shape (N, D), or (B, N, D).
        mean: There, from each field's own latent and points, shape (B, N, C), scaled.
        truth: There, the same shape.
        weight: What each value counts, the same shape; None: all alike.
        posterior: What the prior makes of the inputs, if that is known already.

    Returns:
        Root mean square of the change, over that of truth − mean: 0 where the latent is ignored.
    """
    device = next(net.parameters()).device
    few = inputs[:FIELDS].to(device)
    query = coords.expand(len(inputs), -1, -1)[:FIELDS].to(device)
    with torch.no_grad():
        known = net.prior.posterior(few) if posterior is None else posterior[:FIELDS].to(device)
        other_field = net.encode(few, known).roll(1, dims=0)
    moved = reconstruct(net, query, few, latent=other_field, posterior=known).cpu()
    moved = moved - mean[:FIELDS]
    weight = torch.ones_like(mean) if weight is None else weight
    change, error = (_rms(x, weight[:FIELDS]) for x in (moved, truth[:FIELDS] - mean[:FIELDS]))
    return float(change / error.clamp(min=1e-12))


def warn_if_ignored(run: Run, phase: str) -> None:
    """Say so, on stderr and in `run.json`, if a phase ended with a latent that is ignored.

    Args:
        run: Its metrics hold the validations of the phase.
        phase: The one that ended.
    """
    rows = [row for row in run.metrics() if row["phase"] == phase and "validation" in row]
    found = rows[-1]["validation"].get(METRIC) if rows else None
    if found is None or found >= LEAST:
        return
    text = (
        f"After phase {phase!r} the decoder ignores the latent where it reads the points: "
        f"replacing the latent by another field's changes the posterior mean by {found:.3f} of its "
        f"RMSE (less than {LEAST}). Train longer, or decode from the latent alone "
        "(decoder inputs 'latent')."
    )
    run.update(warnings={**run.facts.get("warnings", {}), phase: text})
    warnings.warn(text, stacklevel=2)


def _rms(values: Tensor, weight: Tensor) -> Tensor:
    return ((weight * values.square()).sum() / weight.sum().clamp(min=1e-12)).sqrt()
