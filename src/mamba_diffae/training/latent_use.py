"""Is the latent heard? Swap it between fields while the points stay, and see what moves."""

from __future__ import annotations

import warnings

import torch
from torch import Tensor

from mamba_diffae.fields import FieldBatch
from mamba_diffae.models.autoencoder import MambaDiffusionAutoencoder
from mamba_diffae.models.inference import reconstruct
from mamba_diffae.training.run import Run

METRIC = "latent_use"
FIELDS = 16
"""Fields whose latents are swapped, at most."""
LEAST = 0.05
"""A stranger's latent that moves the mean by less than this share of its error is not heard."""


def latent_use(
    net: MambaDiffusionAutoencoder,
    inputs: FieldBatch,
    coords: Tensor,
    mean: Tensor,
    truth: Tensor,
) -> float:
    """How far the mean moves when each field is given another one's latent, beside its own points.

    Args:
        net: In eval mode.
        inputs: Observations of two fields or more, scaled.
        coords: Where the mean is known, shape (N, D).
        mean: There, from each field's own latent and points, shape (B, N, C), scaled.
        truth: There, the same shape.

    Returns:
        Root mean square of the change, over that of truth − mean: 0 where the latent is ignored.
    """
    few = inputs[:FIELDS]
    device = next(net.parameters()).device
    seen = [tensor.to(device) for tensor in (few.coords, few.values, few.mask)]
    query = coords.expand(len(few), -1, -1).to(device)
    with torch.no_grad():
        others = net.encode(*seen).roll(1, dims=0)
    moved = reconstruct(net, query, *seen, latent=others).cpu() - mean[:FIELDS]
    return float(_rms(moved) / _rms(truth[:FIELDS] - mean[:FIELDS]).clamp(min=1e-12))


def warn_if_ignored(run: Run, phase: str) -> None:
    """Say so, on stderr and in `run.json`, if a phase ended with a latent that is not heard.

    Args:
        run: Its metrics hold the validations of the phase.
        phase: The one that ended.
    """
    rows = [row for row in run.metrics() if row["phase"] == phase and "validation" in row]
    use = rows[-1]["validation"].get(METRIC) if rows else None
    if use is None or use >= LEAST:
        return
    text = (
        f"After phase {phase!r} the latent is ignored where the points are read: a stranger's "
        f"latent moves the mean by {use:.3f} of its error (less than {LEAST}). Train longer, or "
        "decode from the latent alone (context 'latent')."
    )
    run.update(warnings={**run.facts.get("warnings", {}), phase: text})
    warnings.warn(text, stacklevel=2)


def _rms(values: Tensor) -> Tensor:
    return values.square().mean().sqrt()
