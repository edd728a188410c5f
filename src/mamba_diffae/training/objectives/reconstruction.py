"""Phase "autoencoder": encoder and decoder learn the posterior mean.

At t = 0 the velocity of the flow, from x_t = 0, is the posterior mean. So reconstruction is the
flow at t = 0 (docs/concepts.md, eq. (26)), and phase "flow" keeps that term in a quarter of every
batch.
"""

from __future__ import annotations

from typing import ClassVar, final

import torch
from torch import Tensor

from mamba_diffae.models.base import FieldFlow, State
from mamba_diffae.training.data.batches import TrainingBatch
from mamba_diffae.training.objectives.base import Objective
from mamba_diffae.training.objectives.contrastive import Contrastive
from mamba_diffae.training.objectives.field_loss import (
    draw_inputs,
    encode_batch,
    field_loss,
    stated_weight,
)


@final
class Reconstruction(Objective):
    """Weighted mean squared error of the velocity at t = 0, plus the contrast of latents.

    Args:
        contrastive: Added where the network has a latent; None: of the usual weight.
    """

    name: ClassVar[str] = "reconstruction"

    def __init__(self, contrastive: Contrastive | None = None) -> None:
        self.contrastive = contrastive or Contrastive()

    def loss(self, model: FieldFlow, batch: TrainingBatch) -> Tensor:
        """See `Objective.loss`."""
        t = torch.zeros(batch.size, device=batch.keys.device)
        target = State(batch.query_values, batch.anchor_values)
        state = State(*map(torch.zeros_like, target))
        levels = draw_inputs(model, batch)
        context = encode_batch(model, batch, levels)
        velocity = model.velocities(context, batch.query_coords, t, state)
        weight = stated_weight(model, batch, context)
        loss = field_loss(batch, levels, velocity, target, weight)
        if not model.has_latent:
            return loss
        return loss + self.contrastive.of_latents(context.latent, batch)
