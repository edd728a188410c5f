"""How good draws are in training: their continuous ranked probability score."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from mamba_diffae.fields import FieldData, Observations, Shape
from mamba_diffae.flow import field_keys, fold
from mamba_diffae.models.autoencoder import MambaDiffusionAutoencoder
from mamba_diffae.models.drawing import draws
from mamba_diffae.models.queries import known_context
from mamba_diffae.priors import PriorPosterior
from mamba_diffae.training.data.field_snapshots import snapshots_of
from mamba_diffae.training.data.snapshots import Snapshots

DRAWS = 8
"""Of each validation field."""
_AT_ONCE = 16


def draw_validator(
    data: FieldData | Snapshots, observed_shape: Shape | None = None
) -> Callable[[nn.Module], dict[str, float]] | None:
    """Draws at a fixed random choice of places of validation snapshots; arguments as `validator`.

    Returns:
        From a network to {"negative_crps": ...}: the fair continuous ranked probability score of
        eight draws, scaled values, 20 % of the lattice observed; None if there are no validation
        snapshots.
    """
    known = snapshots_of(data).known()
    if not (known.splits == "val").any():
        return None
    asked = known.split("val").evaluation(observed_shape)
    posteriors: list[PriorPosterior] = []

    def scores(net: nn.Module) -> dict[str, float]:
        assert isinstance(net, MambaDiffusionAutoencoder)
        if not posteriors:
            keys = validation_keys(len(asked))
            posteriors.append(net.prior.posterior(asked.inputs, keys=keys))
        drawn = draws_at(net, asked.inputs, asked.coords, posteriors[0])
        score = fair_crps(drawn, asked.values)
        total = asked.weight.expand(score.shape).sum(dim=(1, 2))
        each = (score * asked.weight).sum(dim=(1, 2))[total > 0] / total[total > 0]
        return {"negative_crps": -float(each.mean())}

    return scores


def validation_keys(count: int) -> Tensor:
    """Keys of the draws of validation fields, shape (B, DRAWS)."""
    return fold(field_keys(0, count)[:, None], torch.arange(DRAWS))


def draws_at(
    net: MambaDiffusionAutoencoder, inputs: Observations, coords: Tensor, posterior: PriorPosterior
) -> Tensor:
    """Draws at coordinates (N, D), or (B, N, D), shape (DRAWS, B, N, C), on the CPU.

    Args:
        net: With a decoder of draws.
        inputs: Observations of B fields.
        coords: Where.
        posterior: What the prior makes of them, with draws of the keys `validation_keys`.
    """
    device, places = next(net.parameters()).device, coords.expand(len(inputs), -1, -1)
    keys, parts = validation_keys(len(inputs)), []
    for rows in torch.arange(len(inputs)).split(_AT_ONCE):
        known = posterior[rows].to(device)
        with torch.no_grad():
            context = known_context(net, inputs[rows].to(device), None, None, known)
        drawn = draws(net, context, places[rows].to(device), keys[rows].to(device), known.draws)
        parts.append(torch.stack([x.cpu() for x in drawn]))
    return torch.cat(parts, dim=1)


def fair_crps(draws: Tensor, truth: Tensor) -> Tensor:
    """Fair CRPS at every value, see `evaluation.crps`: draws (K, ...), truth (...)."""
    K = len(draws)
    ranks = 2 * torch.arange(1, K + 1, dtype=draws.dtype) - K - 1
    spread = torch.tensordot(ranks / (K * (K - 1)), draws.sort(dim=0).values, dims=1)
    return (draws - truth).abs().mean(dim=0) - spread
