"""The phases of training, each a loss: they train one function.

At t = 0 the velocity of the flow, from x_t = 0, is the posterior mean. So phase 1, reconstruction,
is the flow at t = 0, and phase 2, flow matching, keeps that term in a quarter of every batch.
"""

from __future__ import annotations

from typing import Any, final

import torch
from torch import Tensor

from mamba_diffae.flow import PathSample, fold, linear_path, uniform
from mamba_diffae.models.base import FieldFlow
from mamba_diffae.models.config import CONTEXTS
from mamba_diffae.training.batches import TrainingBatch
from mamba_diffae.training.contrast import info_nce

ANCHOR_WEIGHT = 0.5
"""Weight of the anchors' loss beside the queries'."""
LATENT_ONLY = 0.25
"""Share of fields whose points are dropped, so that one network serves both contexts."""
NOTHING = 0.1
"""Share of fields of phase 2 whose latent is dropped too: a flow in the values alone."""
LATENT_WEIGHT = 0.3
"""Weight of their loss: what cannot be known would otherwise drown what can."""
CONTRAST_WEIGHT = 0.1
"""Weight of knowing a field again, where a batch has several views of it."""
DENSITY_POWER = 0.75
"""Error falls about so fast with the share of cells observed: its inverse weighs the steps."""
MEAN_ONLY = 0.25
"""Share of fields that phase 2 keeps at t = 0."""
ABSENT = 0.1
"""Share of fields whose anchors' states are withheld in phase 2."""

# What a random draw of a step is for, so that none shares its key with another.
_CONTEXT, _TIME, _MEAN, _ABSENT, _NOISE = range(5)


@final
class AutoencoderPhase:
    """Phase 1: encoder and decoder learn the posterior mean."""

    name = "autoencoder"

    def prepare(self, model: FieldFlow) -> None:
        """Everything learns."""
        model.requires_grad_(True)

    def loss(self, model: FieldFlow, batch: TrainingBatch) -> Tensor:
        """Mean squared error of the velocity at t = 0, and how badly fields are known again."""
        t = torch.zeros(batch.size, device=batch.keys.device)
        x_q = torch.zeros_like(batch.query_values)
        x_a = torch.zeros_like(batch.anchor_values)
        context = _contexts(model, batch)
        condition = _condition(model, batch, context)
        u_q, u_a = _velocities(model, batch, condition, t, x_q, x_a, None)
        loss = _loss(batch, context, (u_q, batch.query_values), (u_a, batch.anchor_values))
        return loss + _contrast(batch, condition.latent) if model.has_latent else loss


@final
class DiffusionPhase:
    """Phase 2: the decoder learns the flow; the encoder, where there is one, is frozen."""

    name = "diffusion"

    def prepare(self, model: FieldFlow) -> None:
        """Everything learns but the encoder."""
        model.requires_grad_(True)
        for frozen in model.frozen_in_diffusion():
            frozen.eval().requires_grad_(False)

    def loss(self, model: FieldFlow, batch: TrainingBatch) -> Tensor:
        """Mean squared error of the velocity along the path, at t = 0 for a quarter of fields."""
        keys = batch.keys
        mean = uniform(fold(keys, _MEAN)) < MEAN_ONLY
        t = uniform(fold(keys, _TIME)).masked_fill(mean, 0.0)
        query = self._path(model, batch.query_coords, batch.query_values, t, mean, keys)
        places = model.anchors.expand(batch.size, -1, -1)
        anchor = self._path(model, places, batch.anchor_values, t, mean, keys)
        present = (uniform(fold(keys, _ABSENT)) >= ABSENT) | mean
        present = present[:, None].expand(anchor.x_t.shape[:2])
        context = _contexts(model, batch, NOTHING)
        condition = _condition(model, batch, context)
        u_q, u_a = _velocities(model, batch, condition, t, query.x_t, anchor.x_t, present)
        return _loss(batch, context, (u_q, query.u_t), (u_a, anchor.u_t))

    @staticmethod
    def _path(
        model: FieldFlow, coords: Tensor, x_1: Tensor, t: Tensor, mean: Tensor, keys: Tensor
    ) -> PathSample:
        """The path at points (B, N, D): one noise function for queries and anchors alike."""
        keys = fold(keys, _NOISE)
        x_0 = model.noise(coords, keys)
        x_0 = torch.where(mean[:, None, None], model.origin(coords, keys), x_0)
        return linear_path(x_0, x_1, t)


PHASES = {p.name: p for p in (AutoencoderPhase(), DiffusionPhase())}


def _condition(model: FieldFlow, batch: TrainingBatch, context: Tensor) -> Any:
    """What the decoder is told of the observations."""
    inputs = batch.input_coords, batch.input_values, batch.input_mask
    estimate = batch.estimate if batch.estimate.numel() else None
    return model.condition(*inputs, context=context, estimate=estimate)


def _velocities(
    model: FieldFlow,
    batch: TrainingBatch,
    condition: Any,
    t: Tensor,
    x_q: Tensor,
    x_a: Tensor,
    present: Tensor | None,
) -> tuple[Tensor, Tensor]:
    """Velocities at queries and anchors."""
    tokens, u_a = model.anchor_flow(condition, t, x_a, present)
    site = model.site(condition, batch.query_coords)
    return model.query_flow(condition, site, t, x_q, tokens), u_a


def _contexts(model: FieldFlow, batch: TrainingBatch, nothing: float = 0.0) -> Tensor:
    """What the decoder of each field reads, as levels of `CONTEXTS`, shape (B,).

    A network without a latent always reads the points.
    """
    u = uniform(fold(batch.keys, _CONTEXT))
    full = torch.full_like(u, len(CONTEXTS) - 1, dtype=torch.long)
    drawn = (u >= nothing).long() + (u >= nothing + LATENT_ONLY).long()
    return drawn if model.has_latent else full


def _loss(
    batch: TrainingBatch,
    context: Tensor,
    queries: tuple[Tensor, Tensor],
    anchors: tuple[Tensor, Tensor],
) -> Tensor:
    """Weighted squared error of velocities, each beside its target.

    The weights depend on what was observed, never on the truth, so the mean stays the optimum.
    """
    hears = context == CONTEXTS.index("latent+points")
    weight = torch.where(hears, 1.0, LATENT_WEIGHT) * batch.share**DENSITY_POWER
    return _error(*queries, weight) + ANCHOR_WEIGHT * _error(*anchors, weight)


def _contrast(batch: TrainingBatch, latents: Tensor) -> Tensor:
    """How badly latents tell the fields of the batch apart, more where much was observed."""
    weight = CONTRAST_WEIGHT * batch.share**DENSITY_POWER
    return (weight * info_nce(latents, batch.draw)).mean()


def _error(velocity: Tensor, target: Tensor, weight: Tensor) -> Tensor:
    """Weighted mean squared error; zero where there are no points."""
    if not target.numel():
        return velocity.new_zeros(())
    return (weight * (velocity - target).square().mean(dim=(1, 2))).mean()
