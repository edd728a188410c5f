"""Latents of one field observed elsewhere are taught to agree, those of others to differ."""

from __future__ import annotations

from typing import ClassVar, final

import torch
from torch import Tensor
from torch.nn import functional as F

from mamba_diffae.models.base import FieldFlow
from mamba_diffae.training.data.batches import TrainingBatch
from mamba_diffae.training.objectives.base import Objective
from mamba_diffae.training.objectives.field_loss import density_weight, encode_batch

TEMPERATURE = 0.05
"""Of the cosines: the lower, the more only the most alike of the other fields count."""
WEIGHT = 0.1
"""Weight of the contrastive loss beside that of the field."""


@final
class Contrastive(Objective):
    """The contrast of latents where a batch has several views of a field, times a weight.

    It is an objective by itself, and an addition to another one by `of_latents`.

    Args:
        weight: What it counts.
    """

    name: ClassVar[str] = "contrastive"

    def __init__(self, weight: float = WEIGHT) -> None:
        self.weight = weight

    def loss(self, model: FieldFlow, batch: TrainingBatch) -> Tensor:
        """See `Objective.loss`."""
        return self.of_latents(encode_batch(model, batch).latent, batch)

    def of_latents(self, latents: Tensor, batch: TrainingBatch) -> Tensor:
        """The loss of latents (B, latent_dim) of a batch; fields seen densely count more."""
        weight = self.weight * density_weight(batch)
        return (weight * info_nce(latents, batch.view_id)).mean()


def info_nce(latents: Tensor, view_id: Tensor, temperature: float = TEMPERATURE) -> Tensor:
    """How badly each latent picks those of its own field among all others of the batch.

    Columns are standardised over the batch first, so that no one of them decides alone. See
    docs/concepts.md, eq. (33).

    Args:
        latents: Shape (B, F).
        view_id: Rows with equal numbers are the same field, shape (B,).
        temperature: What the cosines are divided by.

    Returns:
        Cross-entropy of each row, shape (B,); 0 where no other row is of the same field.

    Reference:
        van den Oord et al. (2018), arXiv 1807.03748, eq. 4; in the form of Chen et al. (2020),
        arXiv 2002.05709, eq. 1.
    """
    itself = torch.eye(len(view_id), dtype=torch.bool, device=view_id.device)
    same = (view_id[:, None] == view_id) & ~itself
    if not same.any():
        return latents.new_zeros(len(view_id))
    centred = latents - latents.mean(dim=0)
    deviation = centred.square().mean(dim=0).sqrt()
    unit = F.normalize(centred / (deviation + 1e-6), dim=1)
    cosine = (unit @ unit.T / temperature).masked_fill(itself, -torch.inf)
    surprise = -cosine.log_softmax(dim=1).masked_fill(~same, 0)
    return surprise.sum(dim=1) / same.sum(dim=1).clamp(min=1)
